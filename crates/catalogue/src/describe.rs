//! A type as JSON: for `GET /api/v1/event-types`, `tidings event-types --json` and the console.

use serde_json::{Map, Value, json};

use crate::event_type::{Alias, EventType};

/// All that is known of a type. Its keys are those of the files, `type` for the name; `plugin` and `answer` are there
/// where the type has them.
pub fn describe(event_type: &EventType) -> Value {
    let mut description = json!({
        "type": event_type.name.as_str(),
        "title": event_type.title,
        "description": event_type.description,
        "area": event_type.area,
        "group": event_type.group,
        "origin": event_type.origin.as_str(),
        "kind": event_type.kind.as_str(),
        "version": event_type.version,
        "status": event_type.status.as_str(),
        "raised_by": event_type.raised_by,
        "heard_by": event_type.heard_by.iter().map(|each| each.as_str()).collect::<Vec<_>>(),
        "channels": event_type.channels,
        "schema": event_type.schema(),
        "sample": event_type.sample(),
        "aliases": event_type.aliases.iter().map(describe_alias).collect::<Vec<_>>(),
    });
    if let (Some(map), Some(plugin)) = (description.as_object_mut(), &event_type.plugin) {
        map.insert("plugin".into(), plugin.as_str().into());
    }
    if let (Some(map), Some(answer)) = (description.as_object_mut(), &event_type.answer) {
        let answer = json!({
            "within_ms": answer.within_ms,
            "default": answer.default,
            "schema": answer.schema(),
            "sample": answer.sample(),
        });
        map.insert("answer".into(), answer);
    }
    description
}

/// An alias as it stands in a type's description, and in what a workspace gives.
pub(crate) fn describe_alias(alias: &Alias) -> Value {
    let mut description = Map::new();
    description.insert("name".into(), alias.name.as_str().into());
    description.insert("system".into(), alias.system.as_str().into());
    if !alias.constraints.is_empty() {
        let conditions =
            alias.constraints.iter().map(crate::Constraint::to_pair).collect::<Map<_, _>>();
        description.insert("where".into(), Value::Object(conditions));
    }
    if let Some(plugin) = &alias.plugin {
        description.insert("plugin".into(), plugin.as_str().into());
    }
    if alias.deprecated {
        description.insert("deprecated".into(), true.into());
    }
    Value::Object(description)
}
