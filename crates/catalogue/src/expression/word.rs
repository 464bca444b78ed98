//! Cuts an expression into words. Called by `parse`.

use serde_json::Number;

use super::ExpressionError;

/// A word with where it begins, in characters from 1.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Word {
    pub(super) kind: WordKind,
    pub(super) at: usize,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum WordKind {
    /// A keyword, or names joined by dots.
    Name(String),
    Text(String),
    Number(Number),
    /// A bracket, a comma, or a comparison.
    Sign(&'static str),
}

impl WordKind {
    /// How an error names it.
    pub(super) fn shown(&self) -> String {
        match self {
            Self::Name(name) => format!("{name:?}"),
            Self::Text(_) => "a text".to_owned(),
            Self::Number(number) => number.to_string(),
            Self::Sign(sign) => format!("{sign:?}"),
        }
    }
}

/// Longer ones first: `<=` is not `<`.
const SIGNS: [&str; 11] = ["==", "!=", "<=", ">=", "<", ">", "(", ")", "[", "]", ","];

/// What people write who know another language, and what it is here.
const FOREIGN: [(&str, &str); 6] =
    [("&&", "and"), ("||", "or"), ("=", "=="), ("!", "not"), ("&", "and"), ("|", "or")];

pub(super) fn words(text: &str) -> Result<Vec<Word>, ExpressionError> {
    let mut words = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let Some(first) = rest.chars().next() else { return Ok(words) };
        let at = text.chars().count() - rest.chars().count() + 1;
        let (kind, after) = match first {
            '"' | '\'' => quoted(rest, first).ok_or_else(|| {
                error(at, "this text has no end, or a `\\` that means nothing", None)
            })?,
            '0'..='9' | '-' => number(rest).ok_or_else(|| {
                error(at, "this is not a number", Some("as 2, -1 or 0.5".to_owned()))
            })?,
            _ if is_of_name(first) => {
                let end = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
                let (name, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
                (WordKind::Name(name.to_owned()), after)
            }
            _ => sign(rest).ok_or_else(|| foreign(rest, first, at))?,
        };
        words.push(Word { kind, at });
        rest = after;
    }
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '.' | '*')
}

fn sign(rest: &str) -> Option<(WordKind, &str)> {
    SIGNS.iter().find_map(|sign| Some((WordKind::Sign(sign), rest.strip_prefix(sign)?)))
}

fn foreign(rest: &str, first: char, at: usize) -> ExpressionError {
    let hint = FOREIGN
        .iter()
        .find(|(foreign, _)| rest.starts_with(foreign))
        .map(|(_, ours)| format!("write {ours:?}"));
    error(at, format!("{first:?} means nothing here"), hint)
}

fn quoted(rest: &str, quote: char) -> Option<(WordKind, &str)> {
    let mut text = String::new();
    let mut letters = rest.chars();
    letters.next()?;
    loop {
        match letters.next()? {
            '\\' => text.push(match letters.next()? {
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                same @ ('\\' | '"' | '\'') => same,
                _ => return None,
            }),
            letter if letter == quote => return Some((WordKind::Text(text), letters.as_str())),
            letter => text.push(letter),
        }
    }
}

fn number(rest: &str) -> Option<(WordKind, &str)> {
    let mut before = ' ';
    let of_number = |c: char| {
        let signed = matches!(c, '+' | '-') && matches!(before, ' ' | 'e' | 'E');
        before = c;
        c.is_alphanumeric() || matches!(c, '.' | '_') || signed
    };
    let end = rest.len() - rest.trim_start_matches(of_number).len();
    let (digits, after) = rest.split_at_checked(end)?;
    Some((WordKind::Number(digits.parse().ok()?), after))
}

pub(super) fn error(
    at: usize,
    message: impl Into<String>,
    hint: Option<String>,
) -> ExpressionError {
    ExpressionError { at, message: message.into(), hint }
}
