//! Many types in one TOML file: for who keeps them beside their bots' texts, in a repository.
//!
//! ```toml
//! [defs.size]                      # Parts of schemas that types of this file share: "$ref" = "#/$defs/size".
//! enum = ["S", "L"]
//!
//! [[type]]
//! name = "pizza.baked"
//! title = "Pizza baked"
//! sample = { size = "L" }          # A table, or JSON text.
//! [type.schema]
//! type = "object"
//! properties.size = { "$ref" = "#/$defs/size" }
//! ```

use serde_json::{Map, Value};

use super::wrong::{Wrong, WrongCode};
use crate::entry::FILE_BYTES_MAX;
use crate::schema::{LIST, NAMED, ONE, REFERENCE};

/// The types of a file as JSON, each as the API would get it; or what is wrong with the file.
pub fn read_file(text: &str) -> Result<Vec<Value>, Wrong> {
    let wrong = |pointer: &str, message: String| Wrong {
        pointer: pointer.into(),
        code: WrongCode::InvalidFile,
        message,
    };
    if text.len() > FILE_BYTES_MAX {
        return Err(wrong("", format!("the file is larger than {FILE_BYTES_MAX} bytes")));
    }
    let table = toml::from_str::<Value>(text);
    let table = table
        .map_err(|error| wrong("", format!("is not TOML: {}", error.to_string().trim_end())))?;
    let Value::Object(mut table) = table else { return Err(wrong("", "is not TOML".into())) };
    let defs = match table.shift_remove("defs") {
        None => Map::new(),
        Some(Value::Object(defs)) => defs,
        Some(_) => return Err(wrong("/defs", "must be a table".into())),
    };
    let Some(Value::Array(types)) = table.shift_remove("type") else {
        return Err(wrong("/type", "the file has no [[type]]".into()));
    };
    if let Some(key) = table.keys().next() {
        return Err(wrong(&format!("/{key}"), "there is no such key".into()));
    }
    types
        .into_iter()
        .map(|given| as_given(given, &defs).map_err(|what| wrong("/type", what)))
        .collect()
}

fn as_given(mut given: Value, defs: &Map<String, Value>) -> Result<Value, String> {
    let Some(fields) = given.as_object_mut() else { return Err("must be a list of tables".into()) };
    if let Some(Value::String(text)) = fields.get("sample") {
        let sample = serde_json::from_str(text)
            .map_err(|error| format!("the sample is not JSON: {error}"))?;
        fields.insert("sample".into(), sample);
    }
    if let Some(Value::Object(schema)) = fields.get_mut("schema") {
        let mut wanted = Vec::new();
        wants(&Value::Object(schema.clone()), &mut wanted);
        // `wanted` grows while it is walked: a part may need other parts. Each name stands in it once.
        let mut parts = Map::new();
        let mut place = 0;
        while let Some(name) = wanted.get(place).cloned() {
            if let Some(part) = defs.get(&name) {
                wants(part, &mut wanted);
                parts.insert(name, part.clone());
            }
            place += 1;
        }
        if !parts.is_empty() {
            schema.entry("$defs").or_insert_with(|| parts.into());
        }
    }
    Ok(given)
}

/// The parts that a schema refers to.
fn wants(schema: &Value, wanted: &mut Vec<String>) {
    let Value::Object(keywords) = schema else { return };
    for (keyword, value) in keywords {
        let word = keyword.as_str();
        if word == "$ref" {
            let name = value.as_str().and_then(|reference| reference.strip_prefix(REFERENCE));
            if let Some(name) = name.filter(|name| !wanted.iter().any(|each| each == name)) {
                wanted.push(name.to_owned());
            }
        } else if ONE.contains(&word) {
            wants(value, wanted);
        } else if LIST.contains(&word) {
            value.as_array().into_iter().flatten().for_each(|each| wants(each, wanted));
        } else if NAMED.contains(&word) {
            let named = value.as_object().into_iter().flat_map(Map::values);
            named.for_each(|each| wants(each, wanted));
        }
    }
}
