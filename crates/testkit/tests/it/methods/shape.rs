//! Whether an answer has the shape that the table tells: nothing missing, nothing else, everything of its kind.

use serde_json::Value;
use tidings_wire::livechat::shapes;

/// What is otherwise, as `chat.thread.id: missing`.
pub(super) fn otherwise(shape: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    look(shape, value, "", &mut found);
    found
}

fn look(shape: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    match (shape, value) {
        (Value::String(word), _) => word_fits(word, value, at, found),
        (Value::Array(shape), Value::Array(items)) => {
            let Some(shape) = shape.first() else { return };
            for (place, item) in items.iter().enumerate() {
                look(shape, item, &format!("{at}[{place}]"), found);
            }
        }
        (Value::Object(shape), Value::Object(fields)) => {
            let any_name = shape.iter().find(|(name, _)| name.starts_with('<'));
            for (name, shape) in shape.iter().filter(|(name, _)| !name.starts_with('<')) {
                let (name, may_miss) = match name.strip_suffix('?') {
                    Some(name) => (name, true),
                    None => (name.as_str(), false),
                };
                match fields.get(name) {
                    Some(value) => look(shape, value, &format!("{at}.{name}"), found),
                    None if may_miss => {}
                    None => found.push(format!("{at}.{name}: missing")),
                }
            }
            for (name, value) in fields {
                let is_told = shape.contains_key(name) || shape.contains_key(&format!("{name}?"));
                match any_name {
                    _ if is_told => {}
                    Some((_, shape)) => look(shape, value, &format!("{at}.{name}"), found),
                    None => found.push(format!("{at}.{name}: not in the table: {value}")),
                }
            }
        }
        _ => found.push(format!("{at}: {value} is not {shape}")),
    }
}

fn word_fits(word: &str, value: &Value, at: &str, found: &mut Vec<String>) {
    let fits = match word {
        "string" => value.is_string(),
        "bool" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "datetime" => {
            value.as_str().is_some_and(|text| text.parse::<tidings_model::Timestamp>().is_ok())
        }
        "object" => value.is_object(),
        "any" => true,
        named => {
            match shapes().get(named) {
                Some(shape) => look(shape, value, at, found),
                None => found.push(format!("{at}: there is no shape {named}")),
            }
            return;
        }
    };
    if !fits {
        found.push(format!("{at}: {value} is no {word}"));
    }
}
