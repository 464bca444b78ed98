//! Values and texts of a bot with templates in them. Read by `reader`, filled in by `stage`.

use serde_json::Value;

use crate::template::{Expression, Template};

/// A text.
#[derive(Clone, Debug)]
pub(crate) enum Text {
    /// As it stands.
    Fixed(String),
    /// With code in it.
    Template(Template),
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Pattern {
    /// As it stands.
    Fixed(Value),
    /// A string that is exactly one `{{ expression }}`: it keeps the expression's type.
    Expression(Expression),
    /// A string with code in it.
    Template(Template),
    /// A list of values.
    List(Vec<Self>),
    /// A mapping of values.
    Map(Vec<(String, Self)>),
}

/// The expression of a text that is exactly one `{{ expression }}`.
pub(crate) fn sole_expression(text: &str) -> Option<&str> {
    let inner = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    // `{{- a -}}` is about white space, so it is a text; `{{ a }}{{ b }}` does not compile as an expression.
    (!inner.starts_with(['-', '+']) && !inner.ends_with(['-', '+'])).then_some(inner)
}

/// Whether a text has code in it.
pub(crate) fn has_code(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|start| text.contains(start))
}
