//! Cerb's template language, which is Twig: read into a tree. Called wherever a field of Cerb holds a template.
//!
//! In reading order: [`tree`] (what a template is made of), [`lexer`] (the words of its code), [`parser`] (from a text to
//! the tree). Reading has no effect and knows nothing of names: what a name stands for in Tidings, `write` knows.

pub(crate) mod expressions;
pub(crate) mod lexer;
pub(crate) mod parser;
pub(crate) mod tree;

pub(crate) use parser::parse;
pub(crate) use tree::{Argument, Expression, Node};

/// Whether a text has code in it.
pub(crate) fn has_code(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|start| text.contains(start))
}

/// Why a template cannot be read or translated, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Untranslatable(pub(crate) String);

impl Untranslatable {
    pub(crate) fn new(why: impl Into<String>) -> Self {
        Self(why.into())
    }
}
