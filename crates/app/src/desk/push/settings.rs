//! What agents hear of tags, of canned responses, and of properties of teams and the workspace.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tidings_model::{AgentId, Event};

use super::{Agents, Push};

/// The pushes of an event of the configuration.
pub(super) fn pushes(event: &Arc<Event>) -> Vec<Push> {
    let copied = |names: &[(&str, &str)]| -> Value {
        let found = names
            .iter()
            .filter_map(|&(from, to)| Some((to.to_owned(), event.data.get(from)?.clone())));
        Value::Object(found.collect::<Map<_, _>>())
    };
    let (action, payload) = match event.event_type.as_str() {
        "tag.created" => (
            "tag_created",
            copied(&[
                ("name", "name"),
                ("groups", "group_ids"),
                ("created_at", "created_at"),
                ("author", "author_id"),
            ]),
        ),
        "tag.updated" => ("tag_updated", copied(&[("name", "name"), ("groups", "group_ids")])),
        "tag.deleted" => ("tag_deleted", copied(&[("name", "name")])),
        "canned_response.created" => ("canned_response_created", event.data.clone()),
        "canned_response.updated" => {
            let mut changed = event.data.clone();
            if let Value::Object(changed) = &mut changed {
                changed.shift_remove("created_at");
            }
            ("canned_response_updated", changed)
        }
        "canned_response.deleted" => ("canned_response_deleted", copied(&[("id", "id")])),
        "property.changed" => {
            // There is no push for what was removed: a null says so.
            let mut properties = event.data.get("set").cloned().unwrap_or_else(|| json!({}));
            let deleted = event.data.get("deleted").and_then(Value::as_object);
            for (namespace, names) in deleted.into_iter().flatten() {
                let Value::Object(all) = &mut properties else { continue };
                let of = all.entry(namespace.clone()).or_insert_with(|| json!({}));
                for name in names.as_array().into_iter().flatten().filter_map(Value::as_str) {
                    if let Value::Object(of) = of {
                        of.insert(name.to_owned(), Value::Null);
                    }
                }
            }
            match event.data.get("group") {
                Some(group) => (
                    "group_properties_updated",
                    json!({ "group_id": group, "properties": properties }),
                ),
                None => ("license_properties_updated", json!({ "properties": properties })),
            }
        }
        _ => return Vec::new(),
    };
    vec![Push { to_agents: Some((action, payload)), agents: hearers(event), ..Push::default() }]
}

/// A private canned response is its author's business.
fn hearers(event: &Event) -> Agents {
    let is_private = event.data.get("is_private") == Some(&Value::Bool(true));
    let author = event.data.get("author_id").and_then(Value::as_str);
    match author.and_then(|author| author.parse::<AgentId>().ok()) {
        Some(author) if is_private => Agents::These(vec![author]),
        Some(_) | None => Agents::All,
    }
}
