//! The JSON Schema of a type as a document of its own. It needs no other: what it refers to is in its `$defs`.

use serde_json::{Map, Value};

use crate::event_type::EventType;

/// The dialect of all our schemas.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// The schema of a type's data.
pub fn data_schema(event_type: &EventType) -> Value {
    document(event_type, "", &event_type.title, event_type.schema())
}

/// The schema of the answer to a type, where somebody waits for one.
pub fn answer_schema(event_type: &EventType) -> Option<Value> {
    let answer = event_type.answer.as_ref()?;
    let title = format!("{}: the answer", event_type.title);
    Some(document(event_type, ":answer", &title, answer.schema()))
}

/// The `$id` holds name and version and no address: wherever it is served, it is the same schema.
fn document(event_type: &EventType, of: &str, title: &str, schema: &Value) -> Value {
    let (name, version) = (&event_type.name, event_type.version);
    let mut document = Map::new();
    document.insert("$schema".into(), DIALECT.into());
    document.insert("$id".into(), format!("urn:tidings:event-type:{name}:{version}{of}").into());
    document.insert("title".into(), title.into());
    if of.is_empty() {
        document.insert("description".into(), event_type.description.as_str().into());
    }
    if let Value::Object(keywords) = schema {
        document.extend(keywords.iter().map(|(word, value)| (word.clone(), value.clone())));
    }
    Value::Object(document)
}
