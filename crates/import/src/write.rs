//! From Twig's trees to texts of Tidings' templates. Called for every field of Cerb that holds a template.
//!
//! In reading order: [`piece`] (a written expression, and how tightly it holds together), [`values`] (expressions), with
//! `operators`, `filters`, `functions`, `tests`, `dates` and `patterns` for what their names say, [`text`] (whole
//! templates), [`unroll`] (templates that set values, which become steps). What keeps Cerb's meaning is written; what
//! cannot is refused with its reason, so nothing changes its meaning in silence.

pub(crate) mod dates;
mod filters;
mod functions;
mod limits;
mod operators;
pub(crate) mod patterns;
pub(crate) mod piece;
mod tests;
pub(crate) mod text;
pub(crate) mod unroll;
pub(crate) mod values;

pub(crate) use piece::{Kind, Piece, quoted};
pub(crate) use values::Writer;

use crate::twig::{Argument, Expression};

/// Where names come from.
pub(crate) trait Names {
    /// What a placeholder of Cerb is called in Tidings.
    fn placeholder(&mut self, name: &str) -> Piece;
    /// What a member of a placeholder is called, where only its members have counterparts.
    fn member(&mut self, name: &str, member: &str) -> Option<Piece>;
    /// Notes a part that was left out.
    fn gap(&mut self, what: &str, why: &str);
    /// The place of a value that a template sets for itself.
    fn local(&mut self, name: &str) -> String;
    /// A place that nothing else uses.
    fn fresh(&mut self) -> String;
    /// A name for the item of a loop.
    fn loop_name(&mut self, name: &str) -> String;
}

/// A value with filters behind it.
pub(crate) fn filters_of(value: Expression, filters: &[(String, Vec<Argument>)]) -> Expression {
    filters.iter().fold(value, |value, (name, arguments)| {
        Expression::Filter(Box::new(value), name.clone(), arguments.clone())
    })
}
