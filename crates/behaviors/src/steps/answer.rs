//! `answer`: what whoever asked gets. Only an interactive or a computed event asks.
//!
//! The first answer counts, of whichever behavior; the run goes on behind it. One that comes when the time is over is
//! noted in the trace, and nothing else.

use serde_json::{Value, json};

use super::{Action, Written};
use crate::Effect;
use crate::nearest::nearest;
use crate::pattern::Pattern;
use crate::reader::Reader;
use crate::stage::{Flow, Halt, Stage};
use crate::vocabulary::Heard;
use crate::yaml::{Entry, Kind};

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    value: Pattern,
}

pub(super) fn read(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    let heard = reader.heard.clone();
    for deaf in heard.iter().filter(|heard| !heard.asks()) {
        let message = format!("nobody waits for an answer to {}", deaf.event_type);
        reader.error(written.at, "nobody_asks", message);
    }
    if let Kind::Map(entries) = &written.value.kind {
        for heard in heard.iter().filter(|heard| heard.asks()) {
            check_fields(reader, heard, entries, written);
        }
    }
    reader.pattern(written.value).map(|value| Action::Answer(Answer { value }))
}

/// A field that the answer does not have is a slip of the pen, and one that it must have is told of here.
fn check_fields(reader: &mut Reader<'_>, heard: &Heard, entries: &[Entry], written: Written<'_>) {
    let event_type = &heard.event_type;
    let known = heard.answer.get("properties").and_then(Value::as_object);
    let is_closed = heard.answer.get("additionalProperties") == Some(&Value::Bool(false));
    if let Some(known) = known.filter(|_| is_closed) {
        for entry in entries.iter().filter(|entry| !known.contains_key(&entry.key)) {
            let names: Vec<&str> = known.keys().map(String::as_str).collect();
            let message = format!(
                "an answer to {event_type} has no field {:?}; it has {}",
                entry.key,
                names.join(", ")
            );
            reader.unknown(entry.at, "unknown_field", message, nearest(&entry.key, names));
        }
    }
    let required = heard.answer.get("required").and_then(Value::as_array);
    for name in required.into_iter().flatten().filter_map(Value::as_str) {
        if !entries.iter().any(|entry| entry.key == name) {
            let message = format!("an answer to {event_type} needs the field `{name}`");
            reader.error(written.at, "missing_field", message);
        }
    }
}

impl Answer {
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let value = stage.value(&self.value)?;
        stage.trace(json!({ "answer": value }));
        let event_type = stage.type_of_start();
        stage.effect(Effect::Answer { event_type, value })?;
        Ok(Flow::Next)
    }
}
