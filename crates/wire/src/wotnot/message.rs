//! The sub-types of `message`: what one event of ours is as messages there, mostly one.
//!
//! There is none of a button that was switched off, of one that somebody other than the customer pressed, and of a custom
//! event of a kind that WotNot does not know.

mod answer;
mod file;
mod form;
mod rich;
mod script;

use serde_json::{Value, json};

use super::about::About;

/// The messages of an event.
pub(super) fn messages(about: &About<'_>) -> Vec<Value> {
    match about.event.event_type.as_str() {
        "chat.message" => {
            let plain = || text(about.text("text").unwrap_or_default());
            vec![form::question(about).unwrap_or_else(plain)]
        }
        "chat.command" => vec![text(about.text("text").unwrap_or_default())],
        "chat.file" => file::messages(about),
        "chat.rich_message" => rich::messages(about),
        "chat.form" => vec![form::prompt(about)],
        "chat.form_filled" => vec![answer::form_filled(about)],
        "chat.postback" => answer::postback(about).into_iter().collect(),
        "chat.custom" => script::custom(about).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// A message that is only a text: the one sub-type without a payload.
fn text(text: &str) -> Value {
    json!({ "type": "text", "text": text })
}

/// A message of another sub-type.
fn message(sub_type: &str, payload: Value) -> Value {
    json!({ "type": sub_type, "payload": payload })
}
