//! Reads an event back from a structured document: for imports, and to see that nothing is lost.

use serde_json::{Map, Value};
use tidings_model::Draft;
use tidings_model::envelope::{self, UnreadableEnvelope};

use super::SPEC_VERSION;

/// The envelope's fields that have another name in CloudEvents: (attribute, field).
const RENAMED: [(&str, &str); 4] = [
    ("subject", "chat"),
    ("receivedat", "received_at"),
    ("customid", "custom_id"),
    ("dataversion", "version"),
];

/// The attributes that hold a number as decimal text and that the envelope wants as a number.
const NUMBERS: [&str; 2] = ["dataversion", "depth"];

/// Reads a draft back from what [`super::structured`] wrote; `seq`, `order` and `source` are passed over.
///
/// An extension that we do not know is kept among the draft's unknown fields.
pub fn read_structured(bytes: &[u8]) -> Result<Draft, UnreadableCloudEvent> {
    let mut document: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|source| UnreadableCloudEvent::Json { source })?;
    if document.remove("specversion").as_ref().and_then(Value::as_str) != Some(SPEC_VERSION) {
        return Err(UnreadableCloudEvent::SpecVersion);
    }
    if document.contains_key("data_base64") {
        return Err(UnreadableCloudEvent::NotJsonData);
    }
    match document.remove("datacontenttype") {
        None => {}
        Some(Value::String(kind)) if is_json(&kind) => {}
        Some(_) => return Err(UnreadableCloudEvent::NotJsonData),
    }
    document.remove("source");

    for name in NUMBERS {
        if let Some(value) = document.get_mut(name) {
            let number = whole_number(value).ok_or(UnreadableCloudEvent::Attribute { name })?;
            *value = number.into();
        }
    }
    for (attribute, field) in RENAMED {
        if let Some(value) = document.remove(attribute) {
            document.insert(field.into(), value);
        }
    }
    let mut author = Map::new();
    if let Some(kind) = document.remove("authorkind") {
        author.insert("kind".into(), kind);
    }
    if let Some(id) = document.remove("authorid") {
        author.insert("id".into(), id);
    }
    document.insert("author".into(), Value::Object(author));
    if let Some(properties) = object_in_text(&mut document, "properties")? {
        document.insert("properties".into(), Value::Object(properties));
    }
    if let Some(others) = object_in_text(&mut document, "otherfields")? {
        for (name, value) in others {
            // A field of the envelope has its own attribute, so it cannot come in by this door as well.
            document.entry(name).or_insert(value);
        }
    }
    envelope::from_map(document).map_err(|source| UnreadableCloudEvent::Envelope { source })
}

/// The bytes are not a CloudEvents document that holds one of our events.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableCloudEvent {
    /// They are not a JSON object.
    #[error("the CloudEvents document is not a JSON object")]
    Json {
        /// Why.
        source: serde_json::Error,
    },
    /// It is of another version.
    #[error("the CloudEvents document does not say specversion 1.0")]
    SpecVersion,
    /// Its data is not JSON.
    #[error("the data of the CloudEvents document is not JSON")]
    NotJsonData,
    /// An attribute is not of its type.
    #[error("attribute {name:?} of the CloudEvents document is not of its type")]
    Attribute {
        /// Which one.
        name: &'static str,
    },
    /// What it holds is not one of our events.
    #[error("the CloudEvents document does not hold an event of ours")]
    Envelope {
        /// Why.
        source: UnreadableEnvelope,
    },
}

fn object_in_text(
    document: &mut Map<String, Value>,
    name: &'static str,
) -> Result<Option<Map<String, Value>>, UnreadableCloudEvent> {
    let Some(value) = document.remove(name) else { return Ok(None) };
    let wrong = UnreadableCloudEvent::Attribute { name };
    let Value::String(text) = value else { return Err(wrong) };
    serde_json::from_str(&text).map(Some).map_err(|_| wrong)
}

/// A whole number from decimal text, or from a JSON number: a relay may have turned small ones into Integers.
fn whole_number(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_u64(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || kind.ends_with("+json")
}
