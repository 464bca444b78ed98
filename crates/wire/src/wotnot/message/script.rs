//! Scripts that run in the customer's page, and what they set: custom events of the kinds `javascript` and
//! `javascript_response`.

use serde_json::{Value, json};

use super::super::about::{About, text_in};
use super::answer::{RESULT, variables};
use super::message;

/// The message of a `chat.custom`, where it is one of the two kinds.
pub(super) fn custom(about: &About<'_>) -> Option<Value> {
    let empty = Value::Null;
    let content = about.data("content").unwrap_or(&empty);
    match about.text("kind") {
        Some("javascript") => Some(message("javascript", script(content))),
        Some("javascript_response") => Some(message("javascript.response", result(content))),
        _ => None,
    }
}

/// The content is `{script, execute_at}`, or the script itself; it runs in the page unless said.
fn script(content: &Value) -> Value {
    let script = text_in(content, "script").or_else(|| content.as_str()).unwrap_or_default();
    let place = text_in(content, "execute_at").unwrap_or("client");
    json!({ "script": script, "execute_at": place })
}

/// The content is `{variables}`, the variables themselves, or one result.
fn result(content: &Value) -> Value {
    let named = content.get("variables").unwrap_or(content);
    match named {
        Value::Object(map) => {
            variables(map.iter().map(|(name, value)| (name.clone(), value.clone())))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            variables(std::iter::once((RESULT.to_owned(), named.clone())))
        }
    }
}
