//! The AsyncAPI 3.0 document: what Tidings sends, by webhooks and by the stream of server-sent events.

use serde_json::{Map, Value, json};

use crate::catalogue::Catalogue;
use crate::event_type::EventType;

use super::bodies::{self, CLOUD_EVENT, CLOUD_EVENT_TYPE, ENVELOPE};
use super::{example, parts, told};

/// The two ways out; a message is named after its way and its type.
const WEBHOOK: &str = "webhook";
const STREAM: &str = "stream";

/// The record that tells which numbers are no longer kept.
const GAP: &str = "stream.gap";

/// The document.
pub fn asyncapi(catalogue: &Catalogue) -> Value {
    let mut schemas = Map::new();
    schemas.insert(CLOUD_EVENT.into(), bodies::cloud_event());
    schemas.insert(ENVELOPE.into(), bodies::envelope());
    let mut messages = Map::new();
    for event_type in told(catalogue) {
        parts::add(&mut schemas, event_type);
        messages.insert(named(WEBHOOK, event_type), webhook_message(event_type));
        messages.insert(named(STREAM, event_type), stream_message(event_type));
    }
    messages.insert(GAP.into(), gap());
    json!({
        "asyncapi": "3.0.0",
        "info": info(),
        "defaultContentType": "application/json",
        "servers": { "tidings": server() },
        "channels": { "webhooks": webhooks(&messages), "stream": stream(&messages) },
        "operations": operations(),
        "components": {
            "schemas": schemas,
            "messages": messages,
            "messageTraits": { "signed": { "headers": bodies::webhook_headers() } },
            "securitySchemes": {
                "token": {
                    "type": "http", "scheme": "bearer",
                    "description": "A token of the API with the right `read`.",
                },
            },
        },
    })
}

/// The same as JSON for people to read, as it is committed in `docs/reference/asyncapi.json`.
pub fn asyncapi_json(catalogue: &Catalogue) -> String {
    let mut json = serde_json::to_string_pretty(&asyncapi(catalogue))
        .expect("a JSON value has text keys only, so writing cannot fail");
    json.push('\n');
    json
}

fn info() -> Value {
    json!({
        "title": "Tidings",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "What Tidings tells: every fact in a workspace's log, posted to endpoints that subscribed, or \
            read from a stream. Each event has a number in its workspace; a reader who misses something comes back \
            with the last number that it saw. An event may come twice, with the same id.",
        "license": { "name": "MIT OR Apache-2.0" },
    })
}

fn server() -> Value {
    json!({
        "host": "{host}",
        "protocol": "https",
        "description": "An installation of Tidings.",
        "variables": { "host": { "description": "Its name.", "default": "tidings.example.com" } },
        "security": [{ "$ref": "#/components/securitySchemes/token" }],
    })
}

fn webhooks(messages: &Map<String, Value>) -> Value {
    json!({
        "title": "Webhooks",
        "description": "Posts to the address of an endpoint, signed by Standard Webhooks. `POST /api/v1/endpoints` \
            subscribes; the endpoint says which types it wants, and may ask for other forms than this one.",
        "address": null,
        "messages": of_way(messages, WEBHOOK),
    })
}

fn stream(messages: &Map<String, Value>) -> Value {
    json!({
        "title": "The stream",
        "description": "Server-sent events: `id` is the event's number, `event` its type, `data` its envelope. \
            `Last-Event-ID` or the parameter `since` says where to begin, `type` and `chat` what is wanted. A record \
            `gap` says which numbers are no longer kept.",
        "address": "/api/v1/events/stream",
        "servers": [{ "$ref": "#/servers/tidings" }],
        "messages": of_way(messages, STREAM),
    })
}

fn of_way(messages: &Map<String, Value>, way: &str) -> Map<String, Value> {
    let of_way = messages.keys().filter_map(|name| {
        let event_type = name.strip_prefix(way)?.strip_prefix('.')?;
        let reference = json!({ "$ref": format!("#/components/messages/{name}") });
        Some((event_type.to_owned(), reference))
    });
    of_way.collect()
}

fn operations() -> Value {
    let query = json!({
        "type": "object",
        "properties": {
            "since": { "type": "integer", "minimum": 0, "description": "Begin after this number; now, unless given." },
            "type": { "type": "string", "description": "Only this type, alias, area or system; may be given more than once." },
            "chat": { "type": "string", "format": "uuid", "description": "Only those of this chat." },
        },
    });
    json!({
        "deliver": {
            "action": "send",
            "title": "Deliver",
            "summary": "Posts an event to an endpoint, until it is taken.",
            "channel": { "$ref": "#/channels/webhooks" },
            "bindings": { "http": { "method": "POST", "bindingVersion": "0.3.0" } },
        },
        "stream": {
            "action": "send",
            "title": "Stream",
            "summary": "Writes events as they come to who reads the stream.",
            "channel": { "$ref": "#/channels/stream" },
            "bindings": { "http": { "method": "GET", "query": query, "bindingVersion": "0.3.0" } },
        },
    })
}

fn named(way: &str, event_type: &EventType) -> String {
    format!("{way}.{}", event_type.name)
}

fn webhook_message(event_type: &EventType) -> Value {
    json!({
        "name": event_type.name.as_str(),
        "title": event_type.title,
        "summary": event_type.description,
        "contentType": CLOUD_EVENT_TYPE,
        "traits": [{ "$ref": "#/components/messageTraits/signed" }],
        "payload": bodies::around(CLOUD_EVENT, event_type),
        "examples": [
            { "name": "sample", "headers": example::headers(), "payload": example::body(event_type) },
        ],
    })
}

fn stream_message(event_type: &EventType) -> Value {
    json!({
        "name": event_type.name.as_str(),
        "title": event_type.title,
        "summary": event_type.description,
        "contentType": "application/json",
        "payload": bodies::around(ENVELOPE, event_type),
        "examples": [{ "name": "sample", "payload": example::envelope(event_type) }],
    })
}

fn gap() -> Value {
    json!({
        "name": "gap",
        "title": "Gap",
        "summary": "Events with these numbers are no longer kept.",
        "contentType": "application/json",
        "payload": {
            "type": "object",
            "required": ["from", "to"],
            "properties": {
                "from": { "type": "integer", "minimum": 1, "description": "The first number that is missing." },
                "to": { "type": "integer", "minimum": 1, "description": "The last number that is missing." },
            },
        },
        "examples": [{ "name": "sample", "payload": { "from": 1, "to": 40 } }],
    })
}
