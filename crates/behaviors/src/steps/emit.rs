//! `emit`: raises an event.

use serde_json::{Map, Value, json};
use tidings_model::TypeName;

use super::{Action, Written};
use crate::Effect;
use crate::pattern::Pattern;
use crate::reader::Reader;
use crate::stage::{Flow, Halt, Stage};

/// An event to raise.
#[derive(Debug)]
pub(crate) struct Emit {
    event_type: TypeName,
    data: Pattern,
}

pub(super) fn read(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    let fields = reader.fields(written.value, "`emit`", &["type", "data"])?;
    let data = fields
        .get("data")
        .map_or(Some(Pattern::Fixed(Value::Object(Map::new()))), |node| reader.pattern(node));
    let node = reader.required(written.at, "`emit`", fields, "type")?;
    let name = reader.plain(node, "an event's type")?;
    let Some(known) = reader.vocabulary.resolve(&name) else {
        let near = reader.vocabulary.nearest(&name);
        reader.unknown(
            node.at,
            "unknown_event",
            format!("there is no event type or alias {name:?}"),
            near,
        );
        return None;
    };
    if known.kind != "after" {
        reader.error(
            node.at,
            "not_raised",
            format!("{name:?} is asked by Tidings, a behavior cannot raise it"),
        );
        return None;
    }
    Some(Action::Emit(Emit { event_type: known.event_type, data: data? }))
}

impl Emit {
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let data = stage.value(&self.data)?;
        stage.trace(json!({ "type": self.event_type.as_str(), "data": data }));
        stage.effect(Effect::Emit { event_type: self.event_type.clone(), data })?;
        Ok(Flow::Next)
    }
}
