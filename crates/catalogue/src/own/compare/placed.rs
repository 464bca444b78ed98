//! A schema as it is compared: all parts in their places, no words for people. It contains itself nowhere, see
//! `super::super::check`, so this comes to an end.

use serde_json::{Map, Value};

use crate::schema::{LIST, NAMED, ONE, REFERENCE};

/// Keywords that say nothing of what is valid.
const WORDS: [&str; 6] = ["$comment", "title", "description", "default", "deprecated", "examples"];

/// The schema as it is compared.
pub(super) fn placed(schema: &Value) -> Value {
    let none = Map::new();
    let defs = schema.get("$defs").and_then(Value::as_object).unwrap_or(&none);
    placed_with(schema, defs)
}

fn placed_with(schema: &Value, defs: &Map<String, Value>) -> Value {
    let Value::Object(keywords) = schema else { return schema.clone() };
    let mut placed = Map::new();
    let mut parts = Vec::new();
    for (word, value) in keywords {
        match word.as_str() {
            "$defs" => {}
            word if WORDS.contains(&word) => {}
            "$ref" => {
                let part = value.as_str().and_then(|text| text.strip_prefix(REFERENCE));
                parts.extend(part.and_then(|name| defs.get(name)));
            }
            // A constant is the only choice.
            "const" => {
                placed.insert("enum".into(), Value::Array(vec![value.clone()]));
            }
            word if ONE.contains(&word) => {
                placed.insert(word.into(), placed_with(value, defs));
            }
            word if LIST.contains(&word) => {
                let all = value.as_array().into_iter().flatten();
                placed.insert(word.into(), all.map(|each| placed_with(each, defs)).collect());
            }
            word if NAMED.contains(&word) => {
                let all = value.as_object().into_iter().flatten();
                let all = all.map(|(name, each)| (name.clone(), placed_with(each, defs)));
                placed.insert(word.into(), Value::Object(all.collect()));
            }
            word => {
                placed.insert(word.into(), value.clone());
            }
        }
    }
    for part in parts {
        let part = placed_with(part, defs);
        if let (true, Value::Object(part)) = (placed.is_empty(), &part) {
            // What is only a reference is the part itself.
            placed = part.clone();
            continue;
        }
        let all = placed.entry("allOf").or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(all) = all {
            all.push(part);
        }
    }
    Value::Object(placed)
}
