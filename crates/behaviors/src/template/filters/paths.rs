//! Paths into values: `a.b.0.c`, and `a.[]` for a new place at the end of a list.

use minijinja::value::Serde;
use minijinja::{Error, Value};
use serde_json::{Map, Value as Json};

use super::failed;
use crate::template::measure::VALUE_DEPTH_MAX;

/// The longest path, in parts: deeper than a value may nest leads nowhere.
const PARTS_MAX: usize = VALUE_DEPTH_MAX;

/// The part that is a new place.
const NEW: &str = "[]";

/// How far behind its end something may be put into a list.
const GAP_MAX: usize = 1_000;

pub(super) fn get(value: &Value, path: &str, default: Option<Value>) -> Result<Value, Error> {
    let mut found = value.clone();
    for part in parts(path, None)? {
        found = member(&found, part).unwrap_or_default();
    }
    Ok(if found.is_undefined() { default.unwrap_or_default() } else { found })
}

fn member(value: &Value, part: &str) -> Option<Value> {
    match value.get_attr(part) {
        Ok(found) if !found.is_undefined() => Some(found),
        Ok(_) | Err(_) => value.get_item_by_index(part.parse().ok()?).ok(),
    }
}

pub(super) fn put(
    value: &Value,
    path: &str,
    put: &Value,
    delimiter: Option<&str>,
) -> Result<Value, Error> {
    let mut whole = read(value)?;
    let put = read(put)?;
    let mut place = &mut whole;
    for part in parts(path, delimiter)? {
        place = made(place, part)?;
    }
    *place = put;
    Ok(Value::from(Serde(whole)))
}

/// The place of a part within a value, made if it is missing. What cannot have parts gives way.
fn made<'v>(value: &'v mut Json, part: &str) -> Result<&'v mut Json, Error> {
    if !value.is_object() && !value.is_array() {
        *value = if part == NEW { Json::Array(Vec::new()) } else { Json::Object(Map::new()) };
    }
    match value {
        Json::Object(fields) => Ok(fields.entry(part).or_insert(Json::Null)),
        Json::Array(items) => {
            let index = if part == NEW { Some(items.len()) } else { part.parse().ok() };
            let near = index.filter(|index| *index <= items.len() + GAP_MAX);
            let index = near.ok_or_else(|| failed(format!("{part:?} is no place in a list")))?;
            if items.len() <= index {
                items.resize(index + 1, Json::Null);
            }
            items.get_mut(index).ok_or_else(|| failed("no place in a list"))
        }
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
            Err(failed("`put` needs a mapping or a list"))
        }
    }
}

pub(super) fn take_out(value: &Value, path: &str, delimiter: Option<&str>) -> Result<Value, Error> {
    let mut whole = read(value)?;
    let parts = parts(path, delimiter)?;
    if let Some((last, way)) = parts.split_last() {
        let mut place = Some(&mut whole);
        for part in way {
            place = place.and_then(|place| inner(place, part));
        }
        match place {
            Some(Json::Object(fields)) => drop(fields.shift_remove(*last)),
            Some(Json::Array(items)) => {
                let index = last.parse().ok().filter(|index| *index < items.len());
                drop(index.map(|index: usize| items.remove(index)));
            }
            Some(Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_)) | None => {}
        }
    }
    Ok(Value::from(Serde(whole)))
}

fn inner<'v>(value: &'v mut Json, part: &str) -> Option<&'v mut Json> {
    match value {
        Json::Object(fields) => fields.get_mut(part),
        Json::Array(items) => items.get_mut(part.parse::<usize>().ok()?),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => None,
    }
}

fn parts<'p>(path: &'p str, delimiter: Option<&str>) -> Result<Vec<&'p str>, Error> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty()).unwrap_or(".");
    let parts: Vec<&str> = path.split(delimiter).take(PARTS_MAX + 1).collect();
    if parts.len() > PARTS_MAX {
        return Err(failed(format!("a path has at most {PARTS_MAX} parts")));
    }
    if parts.iter().any(|part| part.is_empty()) {
        return Err(failed("a path has a part that is empty"));
    }
    Ok(parts)
}

fn read(value: &Value) -> Result<Json, Error> {
    serde_json::to_value(value).map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_put_where_their_path_leads() {
        let told = |result: Result<Value, Error>| match result {
            Ok(value) => super::super::json(&value, None).expect("JSON"),
            Err(error) => error.to_string(),
        };
        let putting = |value: Json, path| {
            told(put(&Value::from(Serde(value)), path, &Value::from("x"), None))
        };
        let taking = |value: Json, path| told(take_out(&Value::from(Serde(value)), path, None));
        let cases = [
            putting(Json::Null, "a.b"),
            putting(serde_json::json!({ "a": [1, 2] }), "a.0"),
            putting(serde_json::json!({ "a": [1, 2] }), "a.3"),
            putting(serde_json::json!({ "a": [1, 2] }), "a.[]"),
            putting(serde_json::json!({ "a": [1, 2] }), "a.[].b"),
            putting(serde_json::json!({ "a": 1 }), "a.[]"),
            putting(serde_json::json!({ "a": [1, 2] }), "a.b"),
            putting(serde_json::json!({ "a": [1, 2] }), "a.99999"),
            putting(serde_json::json!({}), "a..b"),
            putting(serde_json::json!({}), &"a.".repeat(40)),
            taking(serde_json::json!({ "a": [1, 2], "b": 3 }), "a.0"),
            taking(serde_json::json!({ "a": [1, 2], "b": 3 }), "a"),
            taking(serde_json::json!({ "a": [1, 2], "b": 3 }), "a.7"),
            taking(serde_json::json!({ "a": [1, 2], "b": 3 }), "b.c.d"),
        ];
        insta::assert_snapshot!(cases.join("\n"), @r#"
        {"a":{"b":"x"}}
        {"a":["x",2]}
        {"a":[1,2,null,"x"]}
        {"a":[1,2,"x"]}
        {"a":[1,2,{"b":"x"}]}
        {"a":["x"]}
        invalid operation: "b" is no place in a list
        invalid operation: "99999" is no place in a list
        invalid operation: a path has a part that is empty
        invalid operation: a path has at most 32 parts
        {"a":[2],"b":3}
        {"b":3}
        {"a":[1,2],"b":3}
        {"a":[1,2],"b":3}
        "#);
    }
}
