//! Names as they are stored: PostgreSQL's text holds every character but U+0000.
//!
//! So U+0000 and U+0001 are written as two characters each, in a way that keeps the order of texts: U+0001 U+0001 and
//! U+0001 U+0002. All others stay as they are, so what people see in the database is what it is.

use std::borrow::Cow;

use tidings_store::{Batch, CommitError, TimerChange};

/// The longest name, id or value in bytes, as stored. An entry of a B-tree holds 2704 bytes, and the largest has two.
pub(crate) const TEXT_BYTES_MAX: usize = 1_200;

/// Refuses a batch with a name that does not fit.
pub(crate) fn check(batch: &Batch) -> Result<(), CommitError> {
    if names(batch).any(|name| stored(name).len() > TEXT_BYTES_MAX) {
        return Err(CommitError::Malformed { problem: "holds a name longer than 1200 bytes" });
    }
    Ok(())
}

/// Everything that is stored as text: ids, names, values.
fn names(batch: &Batch) -> impl Iterator<Item = &str> {
    let claims = batch.claims.iter().map(|claim| claim.name.as_str());
    let keys = (batch.puts.iter().map(|put| &put.key))
        .chain(batch.deletes.iter().map(|delete| &delete.key))
        .chain(batch.expects.iter().map(|expect| &expect.key))
        .map(|key| key.id.as_str());
    let values =
        batch.puts.iter().flat_map(|put| put.index.iter().map(|(_, value)| value.as_str()));
    let timers = batch.timers.iter().map(|change| match change {
        TimerChange::Set { name, .. }
        | TimerChange::Cancel { name }
        | TimerChange::Take { name, .. } => name.0.as_str(),
    });
    let readers = batch.cursors.iter().map(|cursor| cursor.reader.as_str());
    claims.chain(keys).chain(values).chain(timers).chain(readers)
}

const ESCAPE: char = '\u{1}';

/// As it is stored.
pub(crate) fn stored(text: &str) -> Cow<'_, str> {
    if !text.contains(['\0', ESCAPE]) {
        return Cow::Borrowed(text);
    }
    let mut stored = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        match c {
            '\0' => stored.extend([ESCAPE, '\u{1}']),
            ESCAPE => stored.extend([ESCAPE, '\u{2}']),
            other => stored.push(other),
        }
    }
    Cow::Owned(stored)
}

/// What was stored.
pub(crate) fn read(stored: String) -> String {
    if !stored.contains(ESCAPE) {
        return stored;
    }
    let mut text = String::with_capacity(stored.len());
    let mut chars = stored.chars();
    while let Some(c) = chars.next() {
        match c {
            ESCAPE if chars.next() == Some('\u{1}') => text.push('\0'),
            other => text.push(other),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_kept_and_so_is_the_order() {
        let mut texts =
            ["", "\0", "\0a", "\0\0", "\u{1}", "\u{1}\0", "\u{1}b", "\u{2}", "a\0b", "ab"];
        texts.sort_unstable();
        let kept: Vec<Cow<'_, str>> = texts.iter().map(|text| stored(text)).collect();
        assert!(kept.windows(2).all(|pair| pair[0] < pair[1]), "{kept:?}");
        for (text, kept) in texts.iter().zip(kept) {
            assert!(!kept.contains('\0'));
            assert_eq!(read(kept.into_owned()), **text);
        }
        assert!(matches!(stored("Zoë"), Cow::Borrowed(_)));
    }
}
