//! A condition on an event, in one line: `data.rating <= 2 and channel.kind == "telegram"`.
//!
//! Written by who makes an endpoint, parsed once, asked for every event that is about to be owed to it; asking costs no
//! allocation. The conditions of bots are MiniJinja's, where what is not there is empty and so `not` of it is true. Here
//! that would send what nobody asked for, hence a language of its own, small enough for a parser written by hand:
//!
//! | written | means |
//! | --- | --- |
//! | `a == 1`, `!=`, `<`, `<=`, `>`, `>=` | compares with a number, a text, `true`, `false`, `time("2026-11-21T10:00:00Z")` |
//! | `a in ["x", "y"]`, `a not in [...]` | equals one of them, or none |
//! | `a contains "x"` | the text has it in it, the list has it as an element |
//! | `a starts_with "x"`, `a ends_with "x"` | of a text |
//! | `exists(a)` | it is there and not null |
//! | `a` | it is `true` |
//! | `and`, `or`, `not`, `( )` | `and` binds more than `or` |
//!
//! **What is absent never matches.** A comparison with what is not there, is null, or is of another type than what it is
//! compared with, is *unknown*; `not` of unknown is unknown, `and` and `or` go by Kleene's tables, and unknown at the top
//! is no match. `!=` is `not (... == ...)`. Where a path leads to several values (`data.files.*.media`, `group.key`), one
//! that fits is enough.
//!
//! In reading order: `word` (the text in words), `parse`, `field` (what can be asked), `evaluate`, `check` (against the
//! schemas of the types that are wanted), `print`.

mod check;
mod evaluate;
mod field;
mod parse;
mod print;
mod word;

use serde_json::Number;
use tidings_model::Timestamp;

pub use field::{Facts, Group};

use crate::catalogue::Catalogue;
use crate::filter::TypeFilter;
use field::Field;

/// The longest expression, in bytes: a page of conditions.
pub const EXPRESSION_BYTES_MAX: usize = 4_096;

/// How many comparisons, `and`, `or` and `not` an expression may have together.
pub const EXPRESSION_PARTS_MAX: usize = 200;

/// How deep brackets and `not` may nest: each level is a recursion.
pub const EXPRESSION_DEPTH_MAX: usize = 16;

/// How many values stand in one list.
pub const LIST_VALUES_MAX: usize = 100;

/// How many values of an event one question looks at; more are unknown. With [`EXPRESSION_PARTS_MAX`] it bounds the time.
pub const STEPS_MAX: usize = 10_000;

/// A condition on an event.
#[derive(Clone, Debug, PartialEq)]
pub struct Expression {
    top: Node,
}

/// Why a text is no condition, or one that can never hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("at {at}: {message}{}", .hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default())]
pub struct ExpressionError {
    /// Where, in characters from 1.
    pub at: usize,
    /// What is wrong.
    pub message: String,
    /// What to write instead, where we can guess it.
    pub hint: Option<String>,
}

impl Expression {
    /// Reads an expression. Whether its fields are there is another question, see [`Self::check`].
    pub fn parse(text: &str) -> Result<Self, ExpressionError> {
        parse::parse(text).map(|top| Self { top })
    }

    /// Whether an event of the wanted types could match: each field is one of theirs, and can have the type that it is
    /// compared with.
    pub fn check(&self, catalogue: &Catalogue, wanted: &TypeFilter) -> Result<(), ExpressionError> {
        check::check(&self.top, catalogue, wanted)
    }

    /// Whether an event matches; unknown is no match.
    pub fn matches(&self, facts: &Facts<'_>) -> bool {
        self.evaluate(facts) == Some(true)
    }

    /// What is known of an event: `None` is unknown. For dry runs, which tell the two apart.
    pub fn evaluate(&self, facts: &Facts<'_>) -> Option<bool> {
        evaluate::evaluate(&self.top, facts)
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    /// All of at least two.
    And(Vec<Self>),
    /// One of at least two.
    Or(Vec<Self>),
    Not(Box<Self>),
    Test(Test),
}

/// A question to one field.
#[derive(Clone, Debug, PartialEq)]
struct Test {
    field: Place,
    question: Question,
}

/// A field with where it is written, which does not count when expressions are compared.
#[derive(Clone, Debug)]
struct Place {
    field: Field,
    at: usize,
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        self.field == other.field
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Question {
    Exists,
    IsTrue,
    Compare(Comparison, Literal),
    In(Vec<Literal>),
    Contains(Literal),
    StartsWith(String),
    EndsWith(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug, PartialEq)]
enum Literal {
    Number(Number),
    Text(String),
    Bool(bool),
    Time(Timestamp),
}
