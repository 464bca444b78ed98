//! Variables: their types, and the two ways in which WotNot writes their names.
//!
//! In lists a contact's variable is `visitor_` and its name in small letters; in prompts and answers a name stands between
//! `¿·` and `·?`, and a contact's begins with `$user.info.`. Ours of a customer begin with `client.`.

use serde_json::{Value, json};
use tidings_model::Timestamp;

use super::when;

/// What a prompt's or answer's variable stands between.
const BEGINS: &str = "\u{bf}\u{b7}";
const ENDS: &str = "\u{b7}?";

/// What a contact's variable begins with: there, and with us.
const OF_CONTACT: &str = "$user.info.";
const OF_CUSTOMER: &str = "client.";

/// What stands for a name where there is none.
const NAMELESS: &str = "variable";

/// An entry of a list of variables. The type is read off the value, since ours have none.
pub(super) fn listed(name: &str, value: &Value) -> Value {
    let name = listed_name(name);
    let (kind, value) = typed(value);
    json!({ "type": kind, "name": name, "value": value })
}

/// An entry with a text.
pub(super) fn text(name: &str, value: &str) -> Value {
    json!({ "type": "text", "name": name, "value": value })
}

/// An entry with a time.
pub(super) fn date(name: &str, value: Timestamp) -> Value {
    json!({ "type": "date", "name": name, "value": when::date(value) })
}

/// The name of a contact's variable in a list.
pub(super) fn of_contact(name: &str) -> String {
    format!("visitor_{}", name.to_lowercase())
}

/// A name between its marks, as prompts and answers have it.
pub(super) fn marked(name: &str) -> String {
    let name = bare(name);
    match name.strip_prefix(OF_CUSTOMER) {
        Some(rest) if !rest.is_empty() => format!("{BEGINS}{OF_CONTACT}{rest}{ENDS}"),
        Some(_) | None => format!("{BEGINS}{name}{ENDS}"),
    }
}

/// What a variable can hold there: a text, a number, yes or no, or nothing. What has parts is told as JSON in a text.
pub(super) fn simple(value: &Value) -> Value {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
        Value::Array(_) | Value::Object(_) => value.to_string().into(),
    }
}

/// A simple value in words.
pub(super) fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn listed_name(name: &str) -> String {
    let name = bare(name);
    let contact = [OF_CUSTOMER, OF_CONTACT].iter().find_map(|begins| name.strip_prefix(begins));
    contact.filter(|rest| !rest.is_empty()).map_or_else(|| name.clone(), of_contact)
}

/// The name without marks, whoever put them there.
fn bare(name: &str) -> String {
    let inner = name.strip_prefix(BEGINS).and_then(|rest| rest.strip_suffix(ENDS));
    let name = inner.unwrap_or(name).replace('\u{b7}', "");
    if name.is_empty() { NAMELESS.to_owned() } else { name }
}

fn typed(value: &Value) -> (&'static str, Value) {
    match value {
        Value::Bool(_) => ("boolean", value.clone()),
        Value::Number(_) => ("number", value.clone()),
        Value::String(text) => match text.parse::<Timestamp>() {
            Ok(time) => ("date", when::date(time).into()),
            Err(_) => ("text", value.clone()),
        },
        Value::Null | Value::Array(_) | Value::Object(_) => ("text", simple(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_in_two_ways() {
        assert_eq!(marked("JS2"), "\u{bf}\u{b7}JS2\u{b7}?");
        assert_eq!(marked("client.JS1"), "\u{bf}\u{b7}$user.info.JS1\u{b7}?");
        assert_eq!(
            marked("\u{bf}\u{b7}$user.info.JS1\u{b7}?"),
            "\u{bf}\u{b7}$user.info.JS1\u{b7}?"
        );
        assert_eq!(marked("a\u{b7}b"), "\u{bf}\u{b7}ab\u{b7}?");
        assert_eq!(marked(""), "\u{bf}\u{b7}variable\u{b7}?");
        assert_eq!(marked("client."), "\u{bf}\u{b7}client.\u{b7}?");
        let name = |name: &str| listed(name, &Value::Null).get("name").cloned();
        assert_eq!(name("client.JS1"), Some("visitor_js1".into()));
        assert_eq!(name("\u{bf}\u{b7}$user.info.JS1\u{b7}?"), Some("visitor_js1".into()));
        assert_eq!(name("size"), Some("size".into()));
        assert_eq!(name(""), Some("variable".into()));
    }

    #[test]
    fn types_are_read_off_values() {
        let all = json!([true, 3.5, "L", "2023-08-29T06:27:48.183+02:00", null, { "a": [1] }]);
        let entries: Vec<Value> =
            all.as_array().into_iter().flatten().map(|value| listed("x", value)).collect();
        assert_eq!(
            Value::from(entries),
            json!([
                { "type": "boolean", "name": "x", "value": true },
                { "type": "number", "name": "x", "value": 3.5 },
                { "type": "text", "name": "x", "value": "L" },
                { "type": "date", "name": "x", "value": "2023-08-29T04:27:48.183000+00:00" },
                { "type": "text", "name": "x", "value": null },
                { "type": "text", "name": "x", "value": "{\"a\":[1]}" },
            ])
        );
    }
}
