//! Examples: a type's sample in what surrounds it. Ids and times are always the same, as a document must be.

use serde_json::{Map, Value, json};

use crate::event_type::{Audience, EventType};

const EVENT: &str = "0197c5a0-0000-7000-8000-000000000001";
const WORKSPACE: &str = "0197c5a0-0000-7000-8000-000000000002";
const CHAT: &str = "0197c5a0-0000-7000-8000-000000000003";
const THREAD: &str = "0197c5a0-0000-7000-8000-000000000004";
const TIME: &str = "2026-01-02T03:04:05Z";
const RECEIVED_AT: &str = "2026-01-02T03:04:05.1Z";

/// A webhook's body.
pub(super) fn body(event_type: &EventType) -> Value {
    let mut body = Map::new();
    let mut put = |name: &str, value: &str| body.insert(name.into(), value.into());
    put("specversion", "1.0");
    put("id", EVENT);
    put("source", &format!("/workspaces/{WORKSPACE}"));
    put("type", event_type.name.as_str());
    if is_of_chats(event_type) {
        put("subject", CHAT);
    }
    put("time", TIME);
    put("seq", "41");
    if is_of_chats(event_type) {
        put("order", "3");
    }
    put("workspace", WORKSPACE);
    if is_of_chats(event_type) {
        put("thread", THREAD);
    }
    put("authorkind", "system");
    put("visibility", "all");
    put("root", EVENT);
    put("depth", "0");
    put("receivedat", RECEIVED_AT);
    put("dataversion", &event_type.version.to_string());
    put("datacontenttype", "application/json");
    body.insert("data".into(), event_type.sample().clone());
    Value::Object(body)
}

/// The headers that come with it.
pub(super) fn headers() -> Value {
    json!({
        "webhook-id": EVENT,
        "webhook-timestamp": "1767323045",
        "webhook-signature": "v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=",
    })
}

/// A record of a stream.
pub(super) fn envelope(event_type: &EventType) -> Value {
    let mut envelope = Map::new();
    envelope.insert("seq".into(), 41.into());
    if is_of_chats(event_type) {
        envelope.insert("order".into(), 3.into());
    }
    for (name, value) in [
        ("id", json!(EVENT)),
        ("type", json!(event_type.name.as_str())),
        ("version", json!(event_type.version)),
        ("time", json!(TIME)),
        ("received_at", json!(RECEIVED_AT)),
        ("workspace", json!(WORKSPACE)),
    ] {
        envelope.insert(name.into(), value);
    }
    if is_of_chats(event_type) {
        envelope.insert("chat".into(), CHAT.into());
        envelope.insert("thread".into(), THREAD.into());
    }
    for (name, value) in [
        ("author", json!({ "kind": "system", "id": "" })),
        ("visibility", json!("all")),
        ("root", json!(EVENT)),
        ("depth", json!(0)),
        ("data", event_type.sample().clone()),
    ] {
        envelope.insert(name.into(), value);
    }
    Value::Object(envelope)
}

/// Who hears a chat's team or its watchers hears of chats.
fn is_of_chats(event_type: &EventType) -> bool {
    let of_chats = |audience: &Audience| matches!(audience, Audience::Group | Audience::Watcher);
    event_type.heard_by.iter().any(of_chats)
}
