//! Texts of a length and a form that Telegram takes.

use serde_json::{Value, json};

use super::{CALLS_PER_EVENT_MAX, Unsendable, markdown};

/// How a text is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// As it is.
    Plain,
    /// Markdown, as people write it: see [`markdown`].
    Markdown,
    /// The few tags that Telegram takes; the writer answers for them.
    Html,
}

impl Format {
    /// The `format` of a message's data.
    pub(super) fn read(data: &Value) -> Self {
        match data.get("format").and_then(Value::as_str) {
            Some("markdown") => Self::Markdown,
            Some("html") => Self::Html,
            Some(_) | None => Self::Plain,
        }
    }
}

/// A text that fits one message.
pub(super) struct Piece {
    text: String,
    is_html: bool,
}

impl Piece {
    /// The arguments of a call: the text under the name that the method has for it, and how it is written.
    pub(super) fn argument(self, name: &str) -> Value {
        if self.is_html {
            json!({name: self.text, "parse_mode": "HTML"})
        } else {
            json!({name: self.text})
        }
    }
}

/// Cuts a text to pieces of at most `units_max` UTF-16 code units, at the borders of paragraphs, lines or words where
/// there are some. Markdown is cut before it is converted, so that no piece has half a tag; HTML is not cut.
pub(super) fn pieces(
    text: &str,
    format: Format,
    units_max: usize,
) -> Result<Vec<Piece>, Unsendable> {
    if format == Format::Html {
        if units(&without_tags(text)) > units_max {
            return Err(Unsendable::data(
                "/text",
                "is too long for one message, and HTML cannot be cut",
            ));
        }
        let whole = Piece { text: text.to_owned(), is_html: true };
        return Ok(if text.trim().is_empty() { Vec::new() } else { vec![whole] });
    }
    let mut pieces = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if pieces.len() == CALLS_PER_EVENT_MAX {
            return Err(Unsendable::TooLong);
        }
        let (piece, after) = rest.split_at_checked(cut(rest, units_max)).unwrap_or((rest, ""));
        let piece = piece.trim_end();
        pieces.push(match format {
            Format::Markdown => Piece { text: markdown::to_html(piece), is_html: true },
            Format::Plain | Format::Html => Piece { text: piece.to_owned(), is_html: false },
        });
        rest = after.trim_start();
    }
    Ok(pieces)
}

/// The length of a text as Telegram counts it.
pub(super) fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Where to cut: the byte at which the first piece ends. A border counts when it leaves at least half a piece before it.
fn cut(text: &str, units_max: usize) -> usize {
    let mut used = 0;
    let mut end = text.len();
    let mut half = 0;
    for (at, c) in text.char_indices() {
        if used + c.len_utf16() > units_max {
            end = at;
            break;
        }
        used += c.len_utf16();
        if used <= units_max / 2 {
            half = at;
        }
    }
    if end == text.len() {
        return end;
    }
    let Some(window) = text.get(..end) else { return end };
    let border = ["\n\n", "\n", ". ", " "].into_iter().find_map(|border| {
        let at = window.rfind(border)? + if border == ". " { 1 } else { 0 };
        (at > half).then_some(at)
    });
    border.unwrap_or(end)
}

/// What is left of HTML when its tags are parsed, nearly: a reference counts as written, which only errs to the safe side.
fn without_tags(html: &str) -> String {
    let mut in_tag = false;
    let visible = html.chars().filter(|c| {
        let was_in_tag = in_tag;
        in_tag = match c {
            '<' => true,
            '>' => false,
            _ => in_tag,
        };
        !was_in_tag && !in_tag
    });
    visible.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(text: &str, units_max: usize) -> Vec<String> {
        let pieces = pieces(text, Format::Plain, units_max).expect("it is short enough");
        pieces.into_iter().map(|piece| piece.text).collect()
    }

    #[test]
    fn texts_are_cut_at_the_best_border() {
        assert_eq!(plain("one two\n\nthree four", 12), ["one two", "three four"]);
        assert_eq!(plain("one two three", 9), ["one two", "three"]);
        assert_eq!(plain("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        // An emoji has two units and is never halved.
        assert_eq!(plain("🍕🍕🍕", 3), ["🍕", "🍕", "🍕"]);
        assert!(plain("  \n ", 10).is_empty());
    }

    proptest! {
        #[test]
        fn no_piece_is_too_long_and_no_word_is_lost(text in "(\\PC|[ \n.🍕]){0,100}", units_max in 48_usize..80) {
            let pieces = plain(&text, units_max);
            for piece in &pieces {
                prop_assert!(!piece.trim().is_empty() && units(piece) <= units_max);
            }
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            prop_assert_eq!(letters(&pieces.concat()), letters(&text));
        }
    }
}
