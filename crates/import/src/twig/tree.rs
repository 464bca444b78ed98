//! What a template of Twig is made of.

/// A part of a template.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node {
    /// Text as it stands.
    Text(String),
    /// `{{ value }}`.
    Output(Expression),
    /// `{% if %}`: the branches with their conditions, and the rest.
    If { branches: Vec<(Expression, Vec<Self>)>, otherwise: Vec<Self> },
    /// `{% for %}`.
    For {
        key: Option<String>,
        item: String,
        items: Expression,
        only_if: Option<Expression>,
        body: Vec<Self>,
        otherwise: Vec<Self>,
    },
    /// `{% set name = value %}`.
    Set { name: String, value: Expression },
    /// `{% set name %}...{% endset %}`.
    SetBlock { name: String, body: Vec<Self> },
    /// `{% apply filter %}...{% endapply %}`: what is written goes through the filters.
    Apply { filters: Vec<(String, Vec<Argument>)>, body: Vec<Self> },
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Expression {
    Name(String),
    Text(String),
    Number(String),
    Truth(bool),
    Nothing,
    List(Vec<Self>),
    Map(Vec<(Self, Self)>),
    /// `a.b`.
    Attribute(Box<Self>, String),
    /// `a[b]`.
    Item(Box<Self>, Box<Self>),
    /// `a[from:length]`.
    Slice(Box<Self>, Option<Box<Self>>, Option<Box<Self>>),
    Call(String, Vec<Argument>),
    Filter(Box<Self>, String, Vec<Argument>),
    Test {
        value: Box<Self>,
        name: String,
        arguments: Vec<Argument>,
        negated: bool,
    },
    Not(Box<Self>),
    Minus(Box<Self>),
    Binary(&'static str, Box<Self>, Box<Self>),
    /// `a ? b : c`; `a ?: c` has the same value twice.
    Choice(Box<Self>, Box<Self>, Box<Self>),
    /// `x => ...`, which is only known to be there.
    Arrow,
}

/// What a filter, a function or a test is given.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Argument {
    pub(crate) name: Option<String>,
    pub(crate) value: Expression,
}
