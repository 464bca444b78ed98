//! A written expression, how tightly it holds together, and what kind of value it is known to give.

/// What an expression is known to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Unknown,
    Text,
    Number,
    Truth,
    List,
    Map,
    /// A time: in Twig an object that compares, in Tidings a text.
    Time,
}

/// How tightly an expression holds together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    /// A name or a path: `.x` may follow.
    Path,
    /// A value, perhaps with filters: a filter or an operator may follow.
    Chain,
    /// It needs brackets to stand within another one.
    Loose,
}

/// A written expression.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    text: String,
    hold: Hold,
    pub(crate) kind: Kind,
    /// How its opposite is written, where that is shorter than a `not` before it.
    opposite: Option<String>,
}

impl Piece {
    pub(crate) fn path(text: impl Into<String>, kind: Kind) -> Self {
        Self { text: text.into(), hold: Hold::Path, kind, opposite: None }
    }

    pub(crate) fn chain(text: impl Into<String>, kind: Kind) -> Self {
        Self { text: text.into(), hold: Hold::Chain, kind, opposite: None }
    }

    pub(crate) fn loose(text: impl Into<String>, kind: Kind) -> Self {
        Self { text: text.into(), hold: Hold::Loose, kind, opposite: None }
    }

    /// A text as it stands.
    pub(crate) fn literal(text: &str) -> Self {
        Self::chain(quoted(text), Kind::Text)
    }

    /// As it is, where nothing stands around it.
    pub(crate) fn alone(self) -> String {
        self.text
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// As an operand, or before a filter.
    pub(crate) fn operand(&self) -> String {
        match self.hold {
            Hold::Path | Hold::Chain => self.text.clone(),
            Hold::Loose => format!("({})", self.text),
        }
    }

    /// With something behind it that belongs to a path.
    fn base(&self) -> String {
        match self.hold {
            Hold::Path => self.text.clone(),
            Hold::Chain | Hold::Loose => format!("({})", self.text),
        }
    }

    /// The value after a filter, which is written with its arguments.
    pub(crate) fn filtered(&self, filter: impl std::fmt::Display, kind: Kind) -> Self {
        Self::chain(format!("{} | {filter}", self.operand()), kind)
    }

    /// Whether a test holds.
    pub(crate) fn tested(&self, test: impl std::fmt::Display) -> Self {
        let (test, value) = (test.to_string(), self.operand());
        let opposite =
            test.strip_prefix("not ").map_or_else(|| format!("not {test}"), str::to_owned);
        let mut piece = Self::loose(format!("{value} is {test}"), Kind::Truth);
        piece.opposite = Some(format!("{value} is {opposite}"));
        piece
    }

    /// Whether two written values are the same, or differ.
    pub(crate) fn compared(left: &str, differ: bool, right: &str) -> Self {
        let (sign, other) = if differ { ("!=", "==") } else { ("==", "!=") };
        let mut piece = Self::loose(format!("{left} {sign} {right}"), Kind::Truth);
        piece.opposite = Some(format!("{left} {other} {right}"));
        piece
    }

    /// A member by its name.
    pub(crate) fn member(&self, name: &str) -> Self {
        let is_word = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            && !RESERVED.contains(&name);
        let is_number =
            !name.is_empty() && name.len() < 10 && name.bytes().all(|c| c.is_ascii_digit());
        let text = if is_word {
            format!("{}.{name}", self.base())
        } else if is_number {
            format!("{}[{name}]", self.base())
        } else {
            format!("{}[{}]", self.base(), quoted(name))
        };
        Self::path(text, Kind::Unknown)
    }

    /// A member by a value.
    pub(crate) fn item(&self, key: &Self) -> Self {
        Self::path(format!("{}[{}]", self.base(), key.text), Kind::Unknown)
    }

    pub(crate) fn not(&self) -> Self {
        let text = self.opposite.clone().unwrap_or_else(|| format!("not {}", self.operand()));
        let mut piece = Self::loose(text, Kind::Truth);
        piece.opposite = Some(self.text.clone());
        piece
    }
}

/// Words that mean something where they stand in an expression.
const RESERVED: [&str; 12] =
    ["and", "or", "not", "in", "is", "if", "else", "elif", "for", "true", "false", "none"];

/// A text in quotes, as templates read it.
pub(crate) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('\'');
    for c in text.chars() {
        match c {
            '\\' => quoted.push_str("\\\\"),
            '\'' => quoted.push_str("\\'"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            other => quoted.push(other),
        }
    }
    quoted.push('\'');
    quoted
}
