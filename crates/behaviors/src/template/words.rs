//! The words of a template: where its code begins and ends, and of what it is made. Called by `guard` only.
//!
//! It reads as MiniJinja's own lexer does, and refuses what the two could read differently, so that what `guard` checks
//! is what runs. Whatever it does not know is an error here, never passed on.

/// A run of code in a template: what stands in `{{ }}` or `{% %}`.
#[derive(Debug)]
pub(super) struct Code<'s> {
    /// Which of the two.
    pub(super) kind: CodeKind,
    /// Its words.
    pub(super) words: Vec<Word<'s>>,
}

/// Which delimiters a run of code has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CodeKind {
    /// `{{ }}`, or a bare condition.
    Expression,
    /// `{% %}`.
    Statement,
}

/// One word of code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Word<'s> {
    /// What it is.
    pub(super) kind: WordKind,
    /// The word itself.
    pub(super) text: &'s str,
    /// Where it begins, in bytes from the start of the template.
    pub(super) start: usize,
}

impl Word<'_> {
    /// Where it ends.
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Whether this is the operator or bracket.
    pub(super) fn is(&self, text: &str) -> bool {
        self.kind == WordKind::Sign && self.text == text
    }

    /// Whether this is the name.
    pub(super) fn is_name(&self, text: &str) -> bool {
        self.kind == WordKind::Name && self.text == text
    }
}

/// What a word is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WordKind {
    /// A name or a keyword.
    Name,
    /// A number.
    Number,
    /// A text in quotes.
    Text,
    /// An operator or a bracket.
    Sign,
}

/// Why the words cannot be read, and where, in bytes from the start.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// Where.
    pub(crate) offset: usize,
    /// Why.
    pub(crate) message: String,
}

impl Unreadable {
    pub(super) fn new(offset: usize, message: impl Into<String>) -> Self {
        Self { offset, message: message.into() }
    }
}

/// Finds the code of a template.
pub(super) fn codes(source: &str) -> Result<Vec<Code<'_>>, Unreadable> {
    let mut codes = Vec::new();
    let mut at = 0;
    while let Some(found) = rest(source, at).find('{') {
        let start = at + found;
        let kind = match source.as_bytes().get(start + 1) {
            Some(b'{') => CodeKind::Expression,
            Some(b'%') => CodeKind::Statement,
            Some(b'#') => {
                let comment = rest(source, start + 2).find("#}");
                let length = comment
                    .ok_or_else(|| Unreadable::new(start, "this comment has no end `#}`"))?;
                at = start + 2 + length + 2;
                continue;
            }
            Some(_) | None => {
                at = start + 1;
                continue;
            }
        };
        // `{{-` and `{{+` say what becomes of the white space before.
        let trim = usize::from(matches!(source.as_bytes().get(start + 2), Some(b'-' | b'+')));
        let mut reader = WordReader { source, at: start + 2 + trim, depth: 0, words: Vec::new() };
        reader.read_until(Some(kind), start)?;
        at = reader.at;
        codes.push(Code { kind, words: reader.words });
    }
    Ok(codes)
}

/// The words of a bare expression.
pub(super) fn expression(source: &str) -> Result<Code<'_>, Unreadable> {
    let mut reader = WordReader { source, at: 0, depth: 0, words: Vec::new() };
    reader.read_until(None, 0)?;
    Ok(Code { kind: CodeKind::Expression, words: reader.words })
}

fn rest(source: &str, at: usize) -> &str {
    source.get(at..).unwrap_or_default()
}

struct WordReader<'s> {
    source: &'s str,
    at: usize,
    depth: usize,
    words: Vec<Word<'s>>,
}

impl<'s> WordReader<'s> {
    /// Reads to the end of the code, which is the end of the source where `kind` is `None`.
    fn read_until(&mut self, kind: Option<CodeKind>, start: usize) -> Result<(), Unreadable> {
        loop {
            let left = rest(self.source, self.at);
            let spaces =
                left.len() - left.trim_start_matches([' ', '\t', '\n', '\r', '\x0c']).len();
            self.at += spaces;
            let left = rest(self.source, self.at);
            if left.is_empty() {
                return match kind {
                    None if self.depth == 0 => Ok(()),
                    None => Err(Unreadable::new(start, "a bracket is not closed")),
                    Some(CodeKind::Expression) => {
                        Err(Unreadable::new(start, "`{{` has no end `}}`"))
                    }
                    Some(CodeKind::Statement) => {
                        Err(Unreadable::new(start, "`{%` has no end `%}`"))
                    }
                };
            }
            let end = match kind {
                Some(CodeKind::Expression) => "}}",
                Some(CodeKind::Statement) => "%}",
                None => "",
            };
            if self.depth == 0 && !end.is_empty() {
                let trimmed = left.strip_prefix(['-', '+']).unwrap_or(left);
                if left.starts_with(end) {
                    self.at += end.len();
                    return Ok(());
                }
                if trimmed.starts_with(end) {
                    self.at += 1 + end.len();
                    return Ok(());
                }
            }
            self.word(left)?;
        }
    }

    fn word(&mut self, left: &'s str) -> Result<(), Unreadable> {
        let first = left.chars().next().unwrap_or(' ');
        let (kind, length) = match first {
            '\'' | '"' => (
                WordKind::Text,
                quoted_length(left, first).ok_or_else(|| self.fail("a text has no end"))?,
            ),
            '0'..='9' => (
                WordKind::Number,
                number_length(left).ok_or_else(|| self.fail("this is not a number"))?,
            ),
            'a'..='z' | 'A'..='Z' | '_' => {
                let length = left
                    .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .unwrap_or(left.len());
                (WordKind::Name, length)
            }
            '(' | '[' | '{' => {
                self.depth += 1;
                (WordKind::Sign, 1)
            }
            ')' | ']' | '}' => {
                self.depth = self
                    .depth
                    .checked_sub(1)
                    .ok_or_else(|| self.fail("a bracket was not opened"))?;
                (WordKind::Sign, 1)
            }
            '/' | '*' | '=' | '!' | '<' | '>' => {
                let two =
                    ["//", "**", "==", "!=", "<=", ">="].iter().any(|sign| left.starts_with(sign));
                if first == '!' && !two {
                    return Err(self.fail("write `not` for `!`"));
                }
                (WordKind::Sign, if two { 2 } else { 1 })
            }
            '+' | '-' | '%' | '.' | ',' | ':' | '~' | '|' => (WordKind::Sign, 1),
            other => return Err(self.fail(&format!("the character {other:?} has no meaning here"))),
        };
        let text = left.get(..length).unwrap_or_default();
        if ["&&", "||"].iter().any(|sign| left.starts_with(sign)) {
            return Err(self.fail("write `and`, `or`"));
        }
        self.words.push(Word { kind, text, start: self.at });
        self.at += length;
        Ok(())
    }

    fn fail(&self, message: &str) -> Unreadable {
        Unreadable::new(self.at, message)
    }
}

/// The length of a text in quotes, with them.
fn quoted_length(left: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (index, c) in left.char_indices().skip(1) {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == quote {
            return Some(index + 1);
        }
    }
    None
}

/// The length of a decimal number. Others (`0x1f`, `1_000`) are refused: MiniJinja knows them, and nobody needs them.
fn number_length(left: &str) -> Option<usize> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut length = digits(left);
    if let Some(fraction) = left.get(length..).and_then(|tail| tail.strip_prefix('.')) {
        let count = digits(fraction);
        if count > 0 {
            length += 1 + count;
        }
    }
    if let Some(exponent) = left.get(length..).and_then(|tail| tail.strip_prefix(['e', 'E'])) {
        let sign = usize::from(exponent.starts_with(['+', '-']));
        let count = digits(exponent.get(sign..).unwrap_or_default());
        if count == 0 {
            return None;
        }
        length += 1 + sign + count;
    }
    let next = left.get(length..).and_then(|tail| tail.chars().next());
    match next {
        Some(c) if c.is_alphanumeric() || c == '_' => None,
        Some(_) | None => Some(length),
    }
}
