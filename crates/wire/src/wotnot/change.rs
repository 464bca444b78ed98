//! What is no message: the other eight types.
//!
//! There is no record of an assignment that changed the team only, of labels that did not change, and of variables of
//! which there are none.

use serde_json::{Value, json};
use tidings_model::Timestamp;

use super::about::About;
use super::{created, keys, variable, when, who};

/// The payloads of an event of one of the eight types; labels that were put on and taken off are two.
pub(super) fn payloads(about: &About<'_>, name: &str) -> Vec<Value> {
    match name {
        "conversation_create" => vec![created::payload(about)],
        "status" => vec![status(about)],
        "assignee_change" => assignee_change(about).into_iter().collect(),
        "variables" => variables(about).into_iter().collect(),
        "conversation_labels" => labels(about),
        "note" => vec![note(about)],
        "sla_breached" => vec![sla_breached(about)],
        "message_status" => vec![message_status(about)],
        _ => Vec::new(),
    }
}

/// `closed_by` is who changed it, also where the chat is open again.
fn status(about: &About<'_>) -> Value {
    let status = if about.event.event_type.as_str() == "chat.closed" { "Close" } else { "Open" };
    json!({ "closed_by": who::actor(about, &about.event.author), "status": status })
}

fn assignee_change(about: &About<'_>) -> Option<Value> {
    let (to, from) = (about.text("assignee"), about.text("previous_assignee"));
    (to != from).then(|| {
        json!({
            "changed_by": who::actor(about, &about.event.author),
            "to": who::agent_or_bot(about, to),
            "from": who::agent_or_bot(about, from),
        })
    })
}

fn variables(about: &About<'_>) -> Option<Value> {
    let changed = about.data("changed").and_then(Value::as_object);
    let changed = changed.filter(|changed| !changed.is_empty())?;
    let list: Vec<Value> =
        changed.iter().map(|(name, value)| variable::listed(name, value)).collect();
    Some(json!({
        "action_performed_by": who::actor(about, &about.event.author),
        "variables": list,
    }))
}

fn labels(about: &About<'_>) -> Vec<Value> {
    let payload = |(field, action): (&str, &str)| {
        let labels: Vec<Value> = about
            .data(field)?
            .as_array()?
            .iter()
            .filter_map(Value::as_str)
            .map(|label| json!({ "id": label_number(about, label) }))
            .collect();
        (!labels.is_empty()).then(|| {
            json!({
                "action_performed_by": who::actor(about, &about.event.author),
                "action": action,
                "labels": labels,
            })
        })
    };
    [("added", "created"), ("removed", "deleted")].into_iter().filter_map(payload).collect()
}

fn label_number(about: &About<'_>, label: &str) -> u64 {
    let known = about.scene.label_ids.get(label).copied();
    known.unwrap_or_else(|| keys::number(about.named("label", label)))
}

fn note(about: &About<'_>) -> Value {
    json!({
        "note_by": who::actor(about, &about.event.author),
        "note": about.text("text").unwrap_or_default(),
    })
}

fn sla_breached(about: &About<'_>) -> Value {
    let told = about.text("breached_at").and_then(|time| time.parse::<Timestamp>().ok());
    let agent = about.text("agent").or(about.scene.conversation.assignee.as_deref());
    json!({
        "breached_by": who::breached_by(about, agent),
        "breach_timestamp": when::time(when::whole_millisecond(told.unwrap_or(about.event.time))),
    })
}

fn message_status(about: &About<'_>) -> Value {
    let status = about.text("status").unwrap_or_default();
    let code = || about.data("error_code").map(variable::simple).map(|code| variable::words(&code));
    let reason = about.text("error_message").map(str::to_owned).or_else(code);
    json!({
        "message_id": message_id(about),
        "status": { "value": status, "failed_reason": reason.filter(|_| status == "failed") },
    })
}

/// The message's id: of its event, or of what the outside service calls it where we know no event of it.
fn message_id(about: &About<'_>) -> String {
    let event = about.text("event").and_then(|event| event.parse().ok());
    event.map_or_else(
        || {
            let name = about.text("provider_message_id").unwrap_or_default();
            keys::message_of(about.named("message", name))
        },
        keys::message,
    )
}
