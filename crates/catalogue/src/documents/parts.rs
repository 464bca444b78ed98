//! Schemas as a document keeps them: side by side under `#/components/schemas/`, since a reference inside one of them
//! counts from the document's root. Called for each type that a document tells of.
//!
//! The data of a type has the type's name. A part that types of one file share is there once, as `chat--file`; a type
//! that stands alone has parts of its own, as `order.placed--item`. No name of a type has two hyphens in it.

use serde_json::{Map, Value};

use crate::event_type::{EventType, Origin};
use crate::schema::{LIST, NAMED, ONE, REFERENCE};

/// Where a document keeps its schemas.
const KEPT: &str = "#/components/schemas/";

/// How a document refers to one of its schemas.
pub(super) fn reference(name: &str) -> Value {
    serde_json::json!({ "$ref": format!("{KEPT}{name}") })
}

/// Adds the schema of a type's data, with the parts that it needs.
pub(super) fn add(kept: &mut Map<String, Value>, event_type: &EventType) {
    let owner = owner_of(event_type);
    let mut schema = event_type.schema().clone();
    let parts = schema.as_object_mut().and_then(|keywords| keywords.shift_remove("$defs"));
    if let Some(Value::Object(parts)) = parts {
        for (name, mut part) in parts {
            point(&mut part, owner);
            kept.insert(part_of(owner, &name), part);
        }
    }
    point(&mut schema, owner);
    kept.insert(event_type.name.to_string(), schema);
}

/// Whose parts a type's are: its area's, as a file is one area. A type of a workspace stands alone.
fn owner_of(event_type: &EventType) -> &str {
    let name = event_type.name.as_str();
    match event_type.origin {
        Origin::Builtin => name.split_once('.').map_or(name, |(area, _)| area),
        Origin::Workspace => name,
    }
}

fn part_of(owner: &str, name: &str) -> String {
    format!("{owner}--{name}")
}

/// Lets the references of a schema point to where the document keeps its parts.
fn point(schema: &mut Value, owner: &str) {
    let Value::Object(keywords) = schema else { return };
    for (keyword, value) in keywords {
        let word = keyword.as_str();
        if word == "$ref" {
            let name = value.as_str().and_then(|reference| reference.strip_prefix(REFERENCE));
            if let Some(name) = name {
                *value = format!("{KEPT}{}", part_of(owner, name)).into();
            }
        } else if ONE.contains(&word) {
            point(value, owner);
        } else if LIST.contains(&word) {
            value.as_array_mut().into_iter().flatten().for_each(|each| point(each, owner));
        } else if NAMED.contains(&word) {
            let named = value.as_object_mut().into_iter().flat_map(Map::values_mut);
            named.for_each(|each| point(each, owner));
        }
    }
}
