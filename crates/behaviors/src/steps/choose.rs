//! `choose`: the first branch whose condition holds, or `else`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{Action, Written};
use crate::condition::{self, Condition};
use crate::program::Role;
use crate::reader::Reader;
use crate::run::Frame;
use crate::stage::{Flow, Halt, Stage};
use crate::trace::Choice;
use crate::yaml::Kind;

/// The most branches of one choice.
pub(crate) const BRANCHES_MAX: usize = 100;

/// A choice.
#[derive(Debug)]
pub(crate) struct Choose {
    branches: Vec<(Condition, String)>,
    /// The conditions of the branches as they were written, for traces.
    written: Arc<[Value]>,
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
    let written = branches.iter().map(|(when, _)| when.shown()).collect();
    (branches.len() == items.len()).then_some(Action::Choose(Choose {
        branches,
        written,
        otherwise,
    }))
}

impl Choose {
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let mut saw = Vec::with_capacity(self.branches.len());
        let mut taken = self.otherwise.as_ref().map(|steps| (json!("else"), steps));
        for (index, (when, steps)) in self.branches.iter().enumerate() {
            let (holds, value) = when.holds(stage)?;
            saw.push(value);
            if holds {
                taken = Some((json!(index), steps));
                break;
            }
        }
        let (branch, steps) = taken.unzip();
        let (branch, conditions) = (branch.unwrap_or_default(), Arc::clone(&self.written));
        stage.trace(Choice { branch, conditions, saw });
        Ok(steps.map_or(Flow::Next, |steps| enter(steps)))
    }
}

fn enter(steps: &str) -> Flow {
    Flow::Enter(Frame { steps: steps.to_owned(), next: 0, state: Map::new() })
}
