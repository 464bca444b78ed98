//! How deep JSON that others give may nest.
//!
//! Readers of JSON refuse what nests too deep, 128 levels with `serde_json`. What somebody gives goes into envelopes and
//! documents that add some levels of their own: what is taken in must leave room for these, or it is written and never
//! read again.

/// The most levels of arrays and objects in JSON that somebody gives.
pub const NESTING_MAX: usize = 100;

/// The most levels that are read back.
pub const READ_NESTING_MAX: usize = 127;

/// How many levels of arrays and objects JSON has, looked at as bytes.
pub fn nesting(json: &[u8]) -> usize {
    let (mut deepest, mut level) = (0_usize, 0_usize);
    let (mut in_text, mut escaped) = (false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b'[' | b'{' => {
                level += 1;
                deepest = deepest.max(level);
            }
            b']' | b'}' => level = level.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_counted_and_texts_are_not() {
        assert_eq!(nesting(b"1"), 0);
        assert_eq!(nesting(br#"{"a": [1, {"[[[\"{{": "[["}], "b": []}"#), 3);
        assert_eq!(nesting(&[b'['; 1_000]), 1_000);
    }

    #[test]
    fn what_has_so_many_levels_is_read_back() {
        let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
        let read = |levels| serde_json::from_str::<serde_json::Value>(&nested(levels)).is_ok();
        assert!(read(READ_NESTING_MAX) && !read(READ_NESTING_MAX + 1));
    }
}
