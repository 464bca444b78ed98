//! The right name that a wrong one is nearest to. Called by `reader` and `load`.

/// The nearest of the candidates, if it is near enough to have been meant.
pub(crate) fn nearest<'c>(
    wrong: &str,
    candidates: impl IntoIterator<Item = &'c str>,
) -> Option<String> {
    // A third of the letters may be wrong: more, and it is another word.
    let distance_max = (wrong.chars().count().min(NAME_CHARS_MAX) / 3).max(1);
    candidates
        .into_iter()
        .filter(|_| wrong.len() <= NAME_CHARS_MAX)
        .map(|candidate| (strsim::damerau_levenshtein(wrong, candidate), candidate))
        .filter(|(distance, _)| *distance <= distance_max)
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

/// Longer names are not compared: the distance costs the square of the length.
const NAME_CHARS_MAX: usize = 100;
