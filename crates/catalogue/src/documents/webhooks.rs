//! The webhooks of an OpenAPI 3.1 document: one for each type whose events go out.

use serde_json::{Map, Value, json};

use crate::catalogue::Catalogue;
use crate::event_type::EventType;

use super::bodies::{self, CLOUD_EVENT, CLOUD_EVENT_TYPE};
use super::parts;
use super::{example, told};

/// What an OpenAPI document gets.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Webhooks {
    /// For `webhooks`: what is posted, by the type's name.
    pub webhooks: Map<String, Value>,
    /// For `components.schemas`: what they refer to.
    pub schemas: Map<String, Value>,
    /// For `components.parameters`: the headers that all of them have.
    pub parameters: Map<String, Value>,
}

/// All types of a catalogue whose events go out.
pub fn webhooks(catalogue: &Catalogue) -> Webhooks {
    let mut made = Webhooks::default();
    made.schemas.insert(CLOUD_EVENT.into(), bodies::cloud_event());
    let headers = bodies::webhook_headers();
    let headers = headers.get("properties").and_then(Value::as_object);
    for (name, header) in headers.into_iter().flatten() {
        made.parameters.insert(name.clone(), parameter(name, header));
    }
    let parameters: Vec<Value> =
        made.parameters.keys().map(|name| parameter_reference(name)).collect();
    for event_type in told(catalogue) {
        parts::add(&mut made.schemas, event_type);
        let webhook = webhook(event_type, &parameters);
        made.webhooks.insert(event_type.name.to_string(), webhook);
    }
    made
}

fn webhook(event_type: &EventType, parameters: &[Value]) -> Value {
    let content = json!({
        "schema": bodies::around(CLOUD_EVENT, event_type),
        "example": example::body(event_type),
    });
    json!({
        "post": {
            "tags": ["webhooks"],
            "operationId": format!("webhook_{}", event_type.name.as_str().replace('.', "_")),
            "summary": event_type.title,
            "description": event_type.description,
            "parameters": parameters,
            "requestBody": { "required": true, "content": { CLOUD_EVENT_TYPE: content } },
            "responses": {
                "2XX": { "description": "It is taken." },
                "default": { "description": "It is tried again later, as the endpoint's schedule says." },
            },
            // It is not called with a token of ours: its signature is the proof.
            "security": [],
        },
    })
}

fn parameter(name: &str, header: &Value) -> Value {
    let mut schema = header.clone();
    let description = schema.as_object_mut().and_then(|words| words.shift_remove("description"));
    json!({
        "name": name, "in": "header", "required": true,
        "description": description, "schema": schema,
    })
}

fn parameter_reference(name: &str) -> Value {
    json!({ "$ref": format!("#/components/parameters/{name}") })
}
