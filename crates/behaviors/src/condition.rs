//! Conditions: an expression, or a list of which all, any or none must hold. Read for `when`, `while` and `validate`.
//!
//! People write `a and b`; editors, and who translates other systems' bots, write lists: `all: [a, b]`. Both mean the
//! same, and the trace tells of each part what it saw, up to where it was decided.

use serde_json::{Value, json};

use crate::reader::Reader;
use crate::stage::{Halt, Stage};
use crate::template::Expression;
use crate::trace::Saw;
use crate::yaml::{Kind, Node};

/// How deep lists of conditions may nest.
pub(crate) const CONDITION_DEPTH_MAX: usize = 8;

/// The most conditions of one list.
pub(crate) const CONDITIONS_MAX: usize = 100;

/// The keys of lists of conditions.
const LISTS: [&str; 3] = ["all", "any", "not"];

/// A condition, compiled.
#[derive(Clone, Debug)]
pub(crate) enum Condition {
    /// It holds when the value is something: not false, not zero, not empty.
    Expression(Expression),
    /// Each of them holds.
    All(Vec<Self>),
    /// One of them holds.
    Any(Vec<Self>),
    /// It does not hold.
    Not(Box<Self>),
}

/// Reads a condition. A list means that all of it holds.
pub(crate) fn read(reader: &mut Reader<'_>, node: &Node, what: &str) -> Option<Condition> {
    read_within(reader, node, what, CONDITION_DEPTH_MAX)
}

fn read_within(
    reader: &mut Reader<'_>,
    node: &Node,
    what: &str,
    depth_left: usize,
) -> Option<Condition> {
    let Some(depth_left) = depth_left.checked_sub(1) else {
        let message = format!("{what} nests deeper than {CONDITION_DEPTH_MAX}");
        reader.error(node.at, "too_deep", message);
        return None;
    };
    match &node.kind {
        Kind::Scalar(_) => reader.expression(node, what).map(Condition::Expression),
        Kind::List(items) => read_list(reader, node, items, what, depth_left).map(Condition::All),
        Kind::Map(entries) => {
            reader.fields(node, what, &LISTS)?;
            let [entry] = entries.as_slice() else {
                let message = format!("{what} is an expression, or one of `all`, `any`, `not`");
                reader.error(node.at, "wrong_kind", message);
                return None;
            };
            match (entry.key.as_str(), &entry.value.kind) {
                ("not", _) => {
                    let not = read_within(reader, &entry.value, what, depth_left)?;
                    Some(Condition::Not(Box::new(not)))
                }
                ("any", Kind::List(items)) => {
                    read_list(reader, &entry.value, items, what, depth_left).map(Condition::Any)
                }
                ("all", Kind::List(items)) => {
                    read_list(reader, &entry.value, items, what, depth_left).map(Condition::All)
                }
                ("all" | "any", Kind::Scalar(_) | Kind::Map(_)) => {
                    let message = format!("`{}` is a list of conditions", entry.key);
                    reader.error(entry.value.at, "wrong_kind", message);
                    None
                }
                // `fields` has told of it.
                _ => None,
            }
        }
    }
}

fn read_list(
    reader: &mut Reader<'_>,
    node: &Node,
    items: &[Node],
    what: &str,
    depth_left: usize,
) -> Option<Vec<Condition>> {
    if items.is_empty() || items.len() > CONDITIONS_MAX {
        let message = format!("a list of conditions has 1 to {CONDITIONS_MAX}");
        reader.error(node.at, "wrong_kind", message);
        return None;
    }
    let read: Vec<Condition> =
        items.iter().filter_map(|item| read_within(reader, item, what, depth_left)).collect();
    (read.len() == items.len()).then_some(read)
}

impl Condition {
    /// As it was written, for the trace.
    pub(crate) fn shown(&self) -> Value {
        let list = |conditions: &[Self]| conditions.iter().map(Self::shown).collect::<Value>();
        match self {
            Self::Expression(expression) => expression.source.clone().into(),
            Self::All(conditions) => json!({ "all": list(conditions) }),
            Self::Any(conditions) => json!({ "any": list(conditions) }),
            Self::Not(condition) => json!({ "not": condition.shown() }),
        }
    }

    /// Whether it holds, and what its expressions saw: of a list those that were asked.
    pub(crate) fn holds(&self, stage: &mut Stage<'_>) -> Result<(bool, Saw), Halt> {
        let (conditions, decided_by) = match self {
            Self::Expression(expression) => return stage.holds(expression),
            Self::Not(condition) => {
                return condition.holds(stage).map(|(holds, saw)| (!holds, saw));
            }
            Self::All(conditions) => (conditions, false),
            Self::Any(conditions) => (conditions, true),
        };
        let mut saw = Vec::new();
        for condition in conditions {
            let (holds, value) = condition.holds(stage)?;
            saw.push(value.into());
            if holds == decided_by {
                return Ok((decided_by, Value::Array(saw).into()));
            }
        }
        Ok((!decided_by, Value::Array(saw).into()))
    }
}
