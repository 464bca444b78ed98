//! Makes one schema of a file stand alone: checks every keyword, so that a misspelt one is found, and brings the parts
//! that it refers to. Called by `entry` for every schema of a file.

use serde_json::{Map, Value};

/// Keywords whose value is a schema.
pub(crate) const ONE: &[&str] = &[
    "additionalProperties",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// Keywords whose value is a list of schemas.
pub(crate) const LIST: &[&str] = &["allOf", "anyOf", "oneOf", "prefixItems"];

/// Keywords whose value is schemas by name.
pub(crate) const NAMED: &[&str] = &["dependentSchemas", "patternProperties", "properties"];

/// Keywords whose value holds no schema. References leave the file only by `$id`, `$anchor` and the dynamic ones, which
/// are not among them.
pub(crate) const PLAIN: &[&str] = &[
    "$comment",
    "$ref",
    "const",
    "default",
    "dependentRequired",
    "deprecated",
    "description",
    "enum",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "pattern",
    "required",
    "title",
    "type",
    "uniqueItems",
];

/// How a schema refers to a part of its file.
pub(crate) const REFERENCE: &str = "#/$defs/";

/// The schema with the parts that it needs. What is wrong comes back as a sentence.
pub(crate) fn standing_alone(
    schema: Map<String, Value>,
    defs: &Map<String, Value>,
) -> Result<Value, String> {
    let schema = Value::Object(schema);
    let mut wanted = Vec::new();
    check(&schema, &mut wanted)?;

    // `wanted` grows while it is walked: a part may need other parts. Each name stands in it once.
    let mut parts = Map::new();
    let mut place = 0;
    while let Some(name) = wanted.get(place).cloned() {
        let part =
            defs.get(&name).ok_or_else(|| format!("there is no part {name:?} under [defs]"))?;
        check(part, &mut wanted)?;
        parts.insert(name, part.clone());
        place += 1;
    }
    let Value::Object(mut schema) = schema else { return Ok(schema) };
    if !parts.is_empty() {
        schema.insert("$defs".into(), Value::Object(parts));
    }
    Ok(Value::Object(schema))
}

fn check(schema: &Value, wanted: &mut Vec<String>) -> Result<(), String> {
    let keywords = match schema {
        Value::Object(keywords) => keywords,
        Value::Bool(_) => return Ok(()),
        Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            return Err("where a schema should be is something else".into());
        }
    };
    for (keyword, value) in keywords {
        let word = keyword.as_str();
        if ONE.contains(&word) {
            check(value, wanted)?;
        } else if LIST.contains(&word) {
            value.as_array().into_iter().flatten().try_for_each(|each| check(each, wanted))?;
        } else if NAMED.contains(&word) {
            value
                .as_object()
                .into_iter()
                .flat_map(Map::values)
                .try_for_each(|each| check(each, wanted))?;
        } else if !PLAIN.contains(&word) {
            return Err(format!("{keyword:?} is not a keyword that a schema may use here"));
        }
        if word == "$ref" {
            let name = value.as_str().and_then(|reference| reference.strip_prefix(REFERENCE));
            let name = name.ok_or_else(|| {
                format!("{value} does not refer to a part of this file, as #/$defs/name")
            })?;
            if !wanted.iter().any(|each| each == name) {
                wanted.push(name.to_owned());
            }
        }
    }
    Ok(())
}
