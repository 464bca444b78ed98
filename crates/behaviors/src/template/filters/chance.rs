//! What is drawn. The seed comes in with the turn, so that a turn that is made again draws the same.

use minijinja::value::ValueKind;
use minijinja::{Error, State, Value};

use super::table::{Entry, filter};
use super::work::{measured, picking};
use super::{failed, is_missing, items_of};

pub(super) const ENTRIES: &[Entry] = &[
    filter(
        "random",
        "An item of a list, a character of a text.",
        "{{ ['heads', 'tails'] | random }}",
        "heads",
        |e, n| picking(e, n, random),
    ),
    filter(
        "shuffle",
        "The items, or the characters of a text, in any order.",
        "{{ [1, 2, 3, 4] | shuffle }}",
        "[3,4,1,2]",
        |e, n| measured(e, n, shuffle),
    ),
];

/// The name under which the seed of a template's run stands among its names. No template can mention it: a bot with such
/// a name in it is refused.
pub(in crate::template) const SEED: &str = "__seed";

/// The longest text that is drawn, in characters.
const RANDOM_STRING_MAX: usize = 1_000;

/// The draws of one run of a template.
struct Draws(u64);

impl Draws {
    /// The next number, by `SplitMix64`: its numbers are the same in all releases, so a turn that another release makes again draws the same.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below a count; 0 of nothing.
    fn below(&mut self, count: u64) -> u64 {
        // The high half of the product is below the count, and as even as 64 bits make it.
        u64::try_from((u128::from(self.next()) * u128::from(count)) >> 64).unwrap_or_default()
    }

    fn index(&mut self, length: usize) -> usize {
        let below = self.below(u64::try_from(length).unwrap_or(u64::MAX));
        usize::try_from(below).unwrap_or_default()
    }
}

fn draws<'s>(state: &'s mut State<'_, '_>) -> Result<&'s mut Draws, Error> {
    let seed = state.lookup(SEED).and_then(|seed| u64::try_from(seed).ok());
    let seed =
        seed.ok_or_else(|| failed("nothing is drawn here: the same event makes the same"))?;
    Ok(state.get_or_insert_extension_with(|| Draws(seed)))
}

fn random(state: &mut State<'_, '_>, value: &Value) -> Result<Value, Error> {
    let items = choices(value, "random")?;
    let index = draws(state)?.index(items.len());
    Ok(items.into_iter().nth(index).unwrap_or_default())
}

fn shuffle(state: &mut State<'_, '_>, value: &Value) -> Result<Value, Error> {
    let mut items = choices(value, "shuffle")?;
    let draws = draws(state)?;
    for last in (1..items.len()).rev() {
        items.swap(last, draws.index(last + 1));
    }
    if value.kind() == ValueKind::String {
        let text: String = items.iter().filter_map(Value::as_str).collect();
        return Ok(Value::from(text));
    }
    Ok(Value::from(items))
}

fn choices(value: &Value, filter: &str) -> Result<Vec<Value>, Error> {
    match value.as_str() {
        Some(text) => Ok(text.chars().map(Value::from).collect()),
        None => items_of(value, filter),
    }
}

/// The function `random`: of a list an item, else a whole number from 0 or between two, with both.
pub(super) fn random_function(
    state: &mut State<'_, '_>,
    from: &Value,
    to: Option<&Value>,
) -> Result<Value, Error> {
    if !from.is_number() {
        return if to.is_none() { random(state, from) } else { Err(not_numbers()) };
    }
    let whole = |value: &Value| value.as_i64().ok_or_else(not_numbers);
    let (low, high) = match to.filter(|to| !is_missing(to)) {
        Some(to) => (whole(from)?, whole(to)?),
        None => (0, whole(from)?),
    };
    let (low, high) = (low.min(high), low.max(high));
    let drawn = match high.abs_diff(low).checked_add(1) {
        Some(count) => draws(state)?.below(count),
        None => draws(state)?.next(),
    };
    Ok(Value::from(low.wrapping_add_unsigned(drawn)))
}

fn not_numbers() -> Error {
    failed("`random` needs a list, or whole numbers")
}

/// The function `random_string`.
pub(super) fn random_string(
    state: &mut State<'_, '_>,
    length: &Value,
    characters: Option<&str>,
) -> Result<String, Error> {
    const LETTERS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let length = length.as_usize().filter(|length| *length <= RANDOM_STRING_MAX);
    let length = length.ok_or_else(|| {
        failed(format!("`random_string` makes 0 to {RANDOM_STRING_MAX} characters"))
    })?;
    let characters: Vec<char> = characters.unwrap_or(LETTERS).chars().collect();
    let draws = draws(state)?;
    Ok((0..length).filter_map(|_| characters.get(draws.index(characters.len()))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_even_and_within() {
        let mut draws = Draws(7);
        let mut counts = [0_u32; 6];
        for _ in 0..6_000 {
            counts[draws.index(6)] += 1;
        }
        assert!(counts.iter().all(|count| (850..1_150).contains(count)), "{counts:?}");
        assert_eq!(draws.index(0), 0);
        assert_eq!(draws.index(1), 0);
    }
}
