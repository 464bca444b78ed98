//! The words of a template: text, and what stands in its code. Called by `parser`.
//!
//! White space is settled here: what `-` and `~` take away, and the line break behind a tag, which Twig swallows. So what
//! is written later needs no marks for it.

use super::Untranslatable;

/// A piece of a template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Piece {
    Text(String),
    /// `{{ }}`.
    Output(Vec<Word>),
    /// `{% %}`.
    Tag(Vec<Word>),
}

/// A word of code.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Word {
    Name(String),
    Number(String),
    Text(String),
    /// A text in double quotes with `#{ }` in it, as its pieces: texts, and the code between.
    Woven(Vec<Woven>),
    Sign(&'static str),
}

/// A piece of a woven text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Woven {
    Text(String),
    Code(Vec<Word>),
}

/// The signs, longest first.
const SIGNS: [&str; 34] = [
    "<=>", "**", "//", "..", "==", "!=", "<=", ">=", "=>", "??", "?:", "+", "-", "*", "/", "%",
    "~", "<", ">", "=", "|", "?", ":", ",", ".", "(", ")", "[", "]", "{", "}", "!", "&", ";",
];

/// The most words in one piece of code: a template that has more is made to hurt.
const WORDS_MAX: usize = 20_000;

/// Cuts a template into its pieces.
pub(crate) fn pieces(source: &str) -> Result<Vec<Piece>, Untranslatable> {
    let source = source.replace("\r\n", "\n");
    let mut pieces: Vec<Piece> = Vec::new();
    let mut rest = source.as_str();
    let mut trim = Trim::Nothing;
    loop {
        let Some(start) = next_code(rest) else {
            push_text(&mut pieces, trim.of(rest));
            return Ok(pieces);
        };
        let (text, code) = rest.split_at(start);
        let text = trim.of(text);
        let opening = code.get(..2).unwrap_or_default();
        let inner = code.get(2..).unwrap_or_default();
        let text = match inner.bytes().next() {
            Some(b'-') => text.trim_end(),
            Some(b'~') => text.trim_end_matches([' ', '\t', '\0', '\x0b']),
            Some(_) | None => text,
        };
        push_text(&mut pieces, text);
        let marked = inner.starts_with(['-', '~']);
        let inner = if marked { inner.get(1..).unwrap_or_default() } else { inner };
        if opening == "{#" {
            let end =
                inner.find("#}").ok_or_else(|| Untranslatable::new("a comment has no end"))?;
            trim = Trim::after(inner.get(..end).unwrap_or_default(), true);
            rest = inner.get(end + 2..).unwrap_or_default();
            continue;
        }
        let is_tag = opening == "{%";
        if is_tag && let Some((body, after, ends)) = verbatim(inner) {
            push_text(&mut pieces, body);
            trim = ends;
            rest = after;
            continue;
        }
        let mut reader = Reader { rest: inner, depth: 0, woven: 0, words: Vec::new() };
        let (after, ends) = reader.until(if is_tag { "%}" } else { "}}" })?;
        trim = match ends {
            Trim::Nothing if is_tag => Trim::LineBreak,
            other @ (Trim::Nothing | Trim::LineBreak | Trim::Spaces | Trim::All) => other,
        };
        rest = after;
        pieces.push(if is_tag { Piece::Tag(reader.words) } else { Piece::Output(reader.words) });
    }
}

fn push_text(pieces: &mut Vec<Piece>, text: &str) {
    if text.is_empty() {
        return;
    }
    match pieces.last_mut() {
        Some(Piece::Text(before)) => before.push_str(text),
        _ => pieces.push(Piece::Text(text.to_owned())),
    }
}

fn next_code(text: &str) -> Option<usize> {
    ["{{", "{%", "{#"].iter().filter_map(|opening| text.find(opening)).min()
}

/// `verbatim` and `raw`: what is between is text, whatever it looks like.
fn verbatim(inner: &str) -> Option<(&str, &str, Trim)> {
    let trimmed = inner.trim_start();
    let word = ["verbatim", "raw"].into_iter().find(|word| trimmed.starts_with(word))?;
    let behind = trimmed.get(word.len()..)?.trim_start();
    let body = behind.strip_prefix("%}").or_else(|| behind.strip_prefix("-%}"))?;
    let mut from = 0;
    loop {
        let start = from + body.get(from..)?.find("{%")?;
        let tag = body.get(start + 2..)?.trim_start_matches(['-', '~']).trim_start();
        let ends =
            tag.strip_prefix("end").and_then(|tag| tag.strip_prefix(word)).map(str::trim_start);
        if let Some(after) =
            ends.and_then(|tag| tag.strip_prefix("%}").or_else(|| tag.strip_prefix("-%}")))
        {
            let text = body.get(..start)?;
            return Some((text.strip_prefix('\n').unwrap_or(text), after, Trim::LineBreak));
        }
        from = start + 2;
    }
}

/// What is taken away at the beginning of a text.
#[derive(Clone, Copy)]
enum Trim {
    Nothing,
    LineBreak,
    Spaces,
    All,
}

impl Trim {
    fn after(code: &str, is_comment: bool) -> Self {
        match code.bytes().next_back() {
            Some(b'-') => Self::All,
            Some(b'~') => Self::Spaces,
            Some(_) | None if is_comment => Self::LineBreak,
            Some(_) | None => Self::Nothing,
        }
    }

    fn of(self, text: &str) -> &str {
        match self {
            Self::Nothing => text,
            Self::LineBreak => text.strip_prefix('\n').unwrap_or(text),
            Self::Spaces => text.trim_start_matches([' ', '\t', '\0', '\x0b']),
            Self::All => text.trim_start(),
        }
    }
}

struct Reader<'s> {
    rest: &'s str,
    depth: usize,
    /// In how many texts in quotes it stands.
    woven: usize,
    words: Vec<Word>,
}

/// How deep code may stand in texts that stand in code.
const WOVEN_MAX: usize = 8;

impl<'s> Reader<'s> {
    /// Reads to the closing delimiter; gives what is behind it.
    fn until(&mut self, closing: &str) -> Result<(&'s str, Trim), Untranslatable> {
        loop {
            self.rest = self.rest.trim_start();
            if self.rest.is_empty() {
                return Err(Untranslatable::new(format!("a piece of code has no `{closing}`")));
            }
            if self.depth == 0 {
                for (mark, trim) in [("", Trim::Nothing), ("-", Trim::All), ("~", Trim::Spaces)] {
                    let after =
                        self.rest.strip_prefix(mark).and_then(|rest| rest.strip_prefix(closing));
                    if let Some(after) = after {
                        return Ok((after, trim));
                    }
                }
            }
            self.word()?;
            if self.words.len() > WORDS_MAX {
                return Err(Untranslatable::new(format!(
                    "a piece of code has more than {WORDS_MAX} words"
                )));
            }
        }
    }

    fn word(&mut self) -> Result<(), Untranslatable> {
        let first = self.rest.chars().next().unwrap_or(' ');
        let word = match first {
            '\'' | '"' => self.text(first)?,
            '0'..='9' => Word::Number(self.number()),
            c if c.is_alphabetic() || c == '_' => {
                let end = self
                    .rest
                    .find(|c: char| !c.is_alphanumeric() && c != '_')
                    .unwrap_or(self.rest.len());
                Word::Name(self.take(end).to_owned())
            }
            other => {
                let sign = SIGNS.into_iter().find(|sign| self.rest.starts_with(sign)).ok_or_else(
                    || Untranslatable::new(format!("the character {other:?} has no meaning")),
                )?;
                self.take(sign.len());
                match sign {
                    "(" | "[" | "{" => self.depth += 1,
                    ")" | "]" | "}" => self.depth = self.depth.saturating_sub(1),
                    _ => {}
                }
                Word::Sign(sign)
            }
        };
        self.words.push(word);
        Ok(())
    }

    fn take(&mut self, length: usize) -> &'s str {
        let (taken, rest) = self.rest.split_at_checked(length).unwrap_or((self.rest, ""));
        self.rest = rest;
        taken
    }

    fn number(&mut self) -> String {
        let digits =
            |text: &str| text.bytes().take_while(|c| c.is_ascii_digit() || *c == b'_').count();
        let mut length = digits(self.rest);
        if let Some(fraction) = self.rest.get(length..).and_then(|rest| rest.strip_prefix('.')) {
            // `1..5` is a range.
            let count = digits(fraction);
            if count > 0 {
                length += 1 + count;
            }
        }
        self.take(length).replace('_', "")
    }

    fn text(&mut self, quote: char) -> Result<Word, Untranslatable> {
        let mut pieces = Vec::new();
        let mut text = String::new();
        let mut characters = self.rest.char_indices().skip(1).peekable();
        while let Some((index, c)) = characters.next() {
            if c == quote {
                self.rest = self.rest.get(index + 1..).unwrap_or_default();
                if pieces.is_empty() {
                    return Ok(Word::Text(text));
                }
                pieces.push(Woven::Text(text));
                return Ok(Word::Woven(pieces));
            }
            if c == '\\' {
                let Some((_, escaped)) = characters.next() else { break };
                // Twig's `stripcslashes`, without octal and hexadecimal numbers.
                match escaped {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    '\\' | '\'' | '"' | '#' => text.push(escaped),
                    other => text.push(other),
                }
                continue;
            }
            if quote == '"' && c == '#' && characters.peek().is_some_and(|(_, next)| *next == '{') {
                let inner = self.rest.get(index + 2..).unwrap_or_default();
                let woven = self.woven + 1;
                if woven > WOVEN_MAX {
                    let message = format!("code stands in texts of code deeper than {WOVEN_MAX}");
                    return Err(Untranslatable::new(message));
                }
                let mut reader = Reader { rest: inner, depth: 0, woven, words: Vec::new() };
                let (after, _) = reader.until("}")?;
                pieces.push(Woven::Text(std::mem::take(&mut text)));
                pieces.push(Woven::Code(reader.words));
                let skipped = self.rest.len().saturating_sub(after.len());
                while characters.peek().is_some_and(|(at, _)| *at < skipped) {
                    characters.next();
                }
                continue;
            }
            text.push(c);
        }
        Err(Untranslatable::new("a text in quotes has no end"))
    }
}
