//! `choose`: the first branch whose condition holds, or `else`.

use serde_json::{Map, Value, json};

use super::{Action, Written};
use crate::condition::{self, Condition};
use crate::program::Role;
use crate::reader::Reader;
use crate::run::Frame;
use crate::stage::{Flow, Halt, Stage};
use crate::yaml::Kind;

/// The most branches of one choice.
pub(crate) const BRANCHES_MAX: usize = 100;

/// A choice.
#[derive(Debug)]
pub(crate) struct Choose {
    branches: Vec<(Condition, String)>,
    otherwise: Option<String>,
}

pub(super) fn read(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    let Kind::List(items) = &written.value.kind else {
        let message = format!(
            "`choose` is a list of branches with `when` and `do`, not {}",
            written.value.what()
        );
        reader.error(written.value.at, "wrong_kind", message);
        return None;
    };
    if items.is_empty() || items.len() > BRANCHES_MAX {
        reader.error(
            written.value.at,
            "wrong_kind",
            format!("`choose` has 1 to {BRANCHES_MAX} branches"),
        );
        return None;
    }
    let mut branches = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        let Some(fields) = reader.fields(item, "a branch of `choose`", &["when", "do"]) else {
            continue;
        };
        let when = reader.required(item.at, "a branch of `choose`", fields, "when");
        let when = when.and_then(|node| condition::read(reader, node, "`when`"));
        let steps = reader.required(item.at, "a branch of `choose`", fields, "do");
        let steps = steps.and_then(|node| {
            reader.list(node, format!("{}/choose/{index}/do", written.path), Role::Branch)
        });
        branches.extend(when.zip(steps));
    }
    let otherwise = match written.beside.get("else") {
        Some(node) => Some(reader.list(node, format!("{}/else", written.path), Role::Branch)?),
        None => None,
    };
    (branches.len() == items.len()).then_some(Action::Choose(Choose { branches, otherwise }))
}

impl Choose {
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let mut seen = Vec::new();
        for (index, (when, steps)) in self.branches.iter().enumerate() {
            let (holds, value) = when.holds(stage)?;
            seen.push(json!({ "when": when.shown(), "value": value }));
            if holds {
                stage.trace(json!({ "branch": index, "conditions": seen }));
                return Ok(enter(steps));
            }
        }
        let branch = if self.otherwise.is_some() { json!("else") } else { Value::Null };
        stage.trace(json!({ "branch": branch, "conditions": seen }));
        Ok(self.otherwise.as_ref().map_or(Flow::Next, |steps| enter(steps)))
    }
}

fn enter(steps: &str) -> Flow {
    Flow::Enter(Frame { steps: steps.to_owned(), next: 0, state: Map::new() })
}
