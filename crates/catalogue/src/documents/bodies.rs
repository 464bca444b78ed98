//! What surrounds the data of an event: the CloudEvents body of webhooks, and the envelope of streams, as JSON Schemas.
//!
//! `wire` and `model` write them; a test of `api`, which knows all three, holds what they write against these schemas.

use serde_json::{Value, json};

use crate::event_type::EventType;

use super::parts::reference;

/// The name of the schema that all bodies share.
pub(super) const CLOUD_EVENT: &str = "CloudEvent";

/// The name of the schema that all records of a stream share.
pub(super) const ENVELOPE: &str = "Event";

/// The media type of a webhook's body.
pub(super) const CLOUD_EVENT_TYPE: &str = "application/cloudevents+json";

/// Digits: what is a number in the envelope is decimal text in an attribute.
const DIGITS: &str = "^[0-9]+$";

/// The schema of an event in structured mode of CloudEvents, whatever its type.
pub fn cloud_event() -> Value {
    let digits = |what: &str| json!({ "type": "string", "pattern": DIGITS, "description": what });
    let id = |what: &str| json!({ "type": "string", "format": "uuid", "description": what });
    let text = |what: &str| json!({ "type": "string", "description": what });
    let time = |what: &str| json!({ "type": "string", "format": "date-time", "description": what });
    json!({
        "title": "CloudEvent",
        "description": "An event as a structured CloudEvent 1.0. A reader passes over attributes that it does not know.",
        "type": "object",
        "required": [
            "specversion", "id", "source", "type", "time", "seq", "workspace", "authorkind", "visibility", "root",
            "depth", "receivedat", "dataversion", "datacontenttype", "data",
        ],
        "properties": {
            "specversion": { "const": "1.0", "description": "The version of CloudEvents." },
            "id": id("The event's id, for ever: the same on every attempt."),
            "source": {
                "type": "string", "format": "uri-reference",
                "description": "/workspaces/ with the workspace's id; with the id it names the event for ever.",
            },
            "type": text("The event's type."),
            "subject": id("The chat; left out for an event outside of a chat."),
            "time": time("When it happened, by the clock of the one who told us."),
            "seq": digits("Its number in the workspace: 1, 2, 3, ..."),
            "order": digits("Its number in the thread, where it is in one."),
            "workspace": id("The tenant."),
            "channel": id("The connection that it came through or goes out by."),
            "thread": id("The active stretch of the conversation."),
            "authorkind": author_kind(),
            "authorid": text("Which one; the system has no id."),
            "visibility": visibility(),
            "customid": text("The sender's own id for it."),
            "cause": id("The event that led to this one."),
            "root": id("The first event of the chain of causes."),
            "depth": digits("How many causes lie before it."),
            "receivedat": time("When we heard of it."),
            "dataversion": digits("The version of the type's schema."),
            "properties": text("Free values beside the data, as the JSON text of an object."),
            "otherfields": text("What a newer release said of the event, as the JSON text of an object."),
            "datacontenttype": { "const": "application/json", "description": "The media type of the data." },
            "data": { "description": "What the type's schema says." },
        },
    })
}

/// The schema of an event's envelope, whatever its type.
pub fn envelope() -> Value {
    let number = |what: &str| json!({ "type": "integer", "minimum": 0, "description": what });
    let id = |what: &str| json!({ "type": "string", "format": "uuid", "description": what });
    let text = |what: &str| json!({ "type": "string", "description": what });
    let time = |what: &str| json!({ "type": "string", "format": "date-time", "description": what });
    json!({
        "title": "Event",
        "description": "An event's envelope, as it is in the log. A reader passes over fields that it does not know.",
        "type": "object",
        "required": [
            "seq", "id", "type", "version", "time", "received_at", "workspace", "author", "visibility", "root", "depth",
            "data",
        ],
        "properties": {
            "seq": number("Its number in the workspace: 1, 2, 3, ..."),
            "order": number("Its number in the thread, where it is in one."),
            "id": id("Its id, for ever."),
            "type": text("Its type."),
            "version": number("The version of the type's schema."),
            "time": time("When it happened, by the clock of the one who told us."),
            "received_at": time("When we heard of it."),
            "workspace": id("The tenant."),
            "channel": id("The connection that it came through or goes out by."),
            "chat": id("The conversation."),
            "thread": id("The active stretch of the conversation."),
            "author": {
                "type": "object",
                "required": ["kind", "id"],
                "properties": { "kind": author_kind(), "id": text("Which one; empty for the system itself.") },
                "description": "Who did it.",
            },
            "visibility": visibility(),
            "custom_id": text("The sender's own id for it."),
            "cause": id("The event that led to this one."),
            "root": id("The first event of the chain of causes."),
            "depth": number("How many causes lie before it."),
            "properties": { "type": "object", "description": "Free values beside the data." },
            "data": { "description": "What the type's schema says." },
        },
    })
}

fn author_kind() -> Value {
    json!({
        "enum": ["customer", "agent", "bot", "integration", "system"],
        "description": "The kind of the one who did it.",
    })
}

fn visibility() -> Value {
    json!({
        "enum": ["all", "agents"],
        "description": "Who may see it: the customer as well, or agents, bots and integrations only.",
    })
}

/// What surrounds it, and the type's own data in it.
pub(super) fn around(surrounding: &str, event_type: &EventType) -> Value {
    let name = event_type.name.as_str();
    let own = json!({
        "type": "object",
        "properties": { "type": { "const": name }, "data": reference(name) },
    });
    json!({ "allOf": [reference(surrounding), own] })
}

/// The headers of a webhook that is signed by Standard Webhooks.
pub(super) fn webhook_headers() -> Value {
    json!({
        "type": "object",
        "required": ["webhook-id", "webhook-timestamp", "webhook-signature"],
        "properties": {
            "webhook-id": {
                "type": "string",
                "description": "The event's id, the same on every attempt: by it a delivery that comes twice is found.",
            },
            "webhook-timestamp": {
                "type": "string", "pattern": DIGITS,
                "description": "When this attempt was made, in whole seconds since 1970.",
            },
            "webhook-signature": {
                "type": "string",
                "description": "Signatures of `id.timestamp.body`, divided by spaces: `v1,` with HMAC-SHA256, `v1a,` with ed25519.",
            },
        },
    })
}
