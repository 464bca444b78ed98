//! Texts with `*` and `?` in them, as names of files are matched.

/// Whether all of a text is as the pattern says: `*` is anything, `?` one character; case does not matter.
///
/// It goes back to the last `*` only, so it takes the product of both lengths at most.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.to_lowercase().chars().collect();
    let text: Vec<char> = text.to_lowercase().chars().collect();
    let (mut at, mut read) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while read < text.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, read));
                at += 1;
            }
            Some(sign) if *sign == '?' || text.get(read) == Some(sign) => {
                at += 1;
                read += 1;
            }
            Some(_) | None => {
                let Some((back, from)) = star else { return false };
                star = Some((back, from + 1));
                at = back + 1;
                read = from + 1;
            }
        }
    }
    pattern.iter().skip(at).all(|sign| *sign == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_and_question_marks_stand_for_others() {
        let fits = ["*", "a*c", "*b*", "a?c", "ABC", "a**c*"];
        assert!(fits.iter().all(|pattern| matches(pattern, "abc")));
        let not = ["", "a", "*d", "a?", "?abc", "abc?"];
        assert!(!not.iter().any(|pattern| matches(pattern, "abc")));
        assert!(matches("", "") && matches("**", "") && !matches("?", ""));
        assert!(matches("*.pdf", "Rechnung.März.PDF"));
    }
}
