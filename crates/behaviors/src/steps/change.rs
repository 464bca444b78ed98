//! `change` and `refuse`: what a behavior does to something that is about to happen. Only an event that is raised *before*
//! it lets them.
//!
//! Later steps, and the behaviors that come after this one, see the event as it was changed. A refusal ends the run, and no
//! other behavior is asked.

use serde_json::{Value, json};

use super::{Action, Written};
use crate::Effect;
use crate::nearest::nearest;
use crate::pattern::{Pattern, Text};
use crate::reader::Reader;
use crate::run::StopReason;
use crate::stage::{Flow, Halt, Stage};
use crate::vocabulary::Heard;
use crate::yaml::{Entry, Kind};

/// The reason where none is written.
const REASON: &str = "a behavior refused it";

/// The field of an answer that is no change: a step of its own says it.
const REFUSE: &str = "refuse";

/// A change of what is about to happen.
#[derive(Debug)]
pub(crate) struct Change(Pattern);

/// A refusal of it.
#[derive(Debug)]
pub(crate) struct Refuse(Text);

pub(super) fn read_change(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    let Kind::Map(entries) = &written.value.kind else {
        let message = format!("`change` is a mapping of fields, not {}", written.value.what());
        reader.error(written.value.at, "wrong_kind", message);
        return None;
    };
    let heard = reader.heard.clone();
    all_are_before(reader, &heard, written);
    for heard in heard.iter().filter(|heard| heard.is_before()) {
        check_fields(reader, heard, entries);
    }
    reader.pattern(written.value).map(|fields| Action::Change(Change(fields)))
}

pub(super) fn read_refuse(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    let heard = reader.heard.clone();
    all_are_before(reader, &heard, written);
    if written.value.is_null() {
        return Some(Action::Refuse(Refuse(Text::Fixed(REASON.to_owned()))));
    }
    reader.text(written.value, "the reason").map(|reason| Action::Refuse(Refuse(reason)))
}

fn all_are_before(reader: &mut Reader<'_>, heard: &[Heard], written: Written<'_>) {
    for done in heard.iter().filter(|heard| !heard.is_before()) {
        let message = format!("{} has happened when it is heard", done.event_type);
        reader.error(written.at, "not_before", message);
    }
}

/// What may be changed is told by the schema of the answer.
fn check_fields(reader: &mut Reader<'_>, heard: &Heard, entries: &[Entry]) {
    let Some(known) = heard.answer.get("properties").and_then(Value::as_object) else { return };
    for entry in
        entries.iter().filter(|entry| entry.key == REFUSE || !known.contains_key(&entry.key))
    {
        let names: Vec<&str> =
            known.keys().map(String::as_str).filter(|name| *name != REFUSE).collect();
        let message = format!(
            "of {} there is no {:?} to change; there is {}",
            heard.event_type,
            entry.key,
            names.join(", ")
        );
        reader.unknown(entry.at, "unknown_field", message, nearest(&entry.key, names));
    }
}

impl Change {
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let Value::Object(fields) = stage.value(&self.0)? else {
            return Err(Halt::new(StopReason::EffectRefused, "`change` gives no mapping"));
        };
        stage.trace(json!({ "change": fields }));
        stage.change_event(&fields);
        stage.effect(Effect::Change { fields })?;
        Ok(Flow::Next)
    }
}

impl Refuse {
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let reason = stage.render(&self.0)?;
        stage.trace(json!({ "reason": reason }));
        stage.effect(Effect::Refuse { reason })?;
        Ok(Flow::End)
    }
}
