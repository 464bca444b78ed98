//! `set`: puts values into the session, the client, the chat's variables or the run's own.

use serde_json::{Map, Value};

use super::{Action, Written};
use crate::pattern::Pattern;
use crate::reader::Reader;
use crate::stage::{Flow, Halt, Stage};
use crate::target::Target;
use crate::yaml::Kind;

/// Values and their places.
#[derive(Debug)]
pub(crate) struct Set {
    values: Vec<(Target, Pattern)>,
}

pub(super) fn read(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    let Kind::Map(entries) = &written.value.kind else {
        let message =
            format!("`set` is a mapping, as `session.size: L`, not {}", written.value.what());
        reader.error(written.value.at, "wrong_kind", message);
        return None;
    };
    let mut values = Vec::with_capacity(entries.len());
    for entry in entries {
        let target = reader.target(&entry.key, entry.at);
        let pattern = reader.pattern(&entry.value);
        values.extend(target.zip(pattern));
    }
    (values.len() == entries.len()).then_some(Action::Set(Set { values }))
}

impl Set {
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let mut detail = Map::new();
        for (target, pattern) in &self.values {
            let value = stage.value(pattern)?;
            detail.insert(target.to_string(), value.clone());
            stage.put(target, value)?;
        }
        stage.trace(Value::Object(detail));
        Ok(Flow::Next)
    }
}
