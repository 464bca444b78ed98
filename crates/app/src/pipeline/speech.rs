//! What a bot says, as it stands in the log: a message, a message with buttons, cards with pictures. Called by `enact`, with
//! words that the channel can show.
//!
//! Pure. What a question wants goes along as `input`, for channels and clients that show it in their own way.

use serde_json::{Map, Value, json};
use tidings_behaviors::{Button, Choice, Say, Wanted};

use super::written::to_value;

/// The type and the data of the event.
pub(super) fn speech(say: Say) -> (&'static str, Value) {
    let (event_type, mut data) = match &say.wanted {
        Some(Wanted::Images { choices }) if !say.buttons.is_empty() => pictures(&say, choices),
        Some(_) | None if say.buttons.is_empty() && say.image.is_none() => {
            ("chat.message", json!({ "text": say.text }))
        }
        Some(_) | None => with_buttons(&say),
    };
    if let (Some(wanted), Value::Object(data)) = (&say.wanted, &mut data) {
        data.insert("input".into(), to_value(wanted));
    }
    (event_type, data)
}

fn with_buttons(say: &Say) -> (&'static str, Value) {
    let mut element = Map::new();
    if let Some(image) = &say.image {
        element.insert("image".into(), json!({ "url": image }));
    }
    if !say.buttons.is_empty() {
        element.insert("buttons".into(), say.buttons.iter().map(button).collect());
    }
    let template = if say.image.is_some() { "cards" } else { "quick_replies" };
    ("chat.rich_message", json!({ "template": template, "text": say.text, "elements": [element] }))
}

/// A card for each picture, with a button that chooses it.
fn pictures(say: &Say, choices: &[Choice]) -> (&'static str, Value) {
    let card = |choice: &Choice| {
        let mut card = Map::new();
        card.insert("title".into(), choice.text.clone().into());
        if let Some(image) = &choice.image {
            card.insert("image".into(), json!({ "url": image }));
        }
        let (text, value) = (choice.text.clone(), choice.value.clone());
        let chooses = button(&Button { text, value, url: None });
        card.insert("buttons".into(), json!([chooses]));
        Value::Object(card)
    };
    let cards: Vec<Value> = choices.iter().map(card).collect();
    ("chat.rich_message", json!({ "template": "cards", "text": say.text, "elements": cards }))
}

fn button(button: &Button) -> Value {
    match &button.url {
        Some(url) => json!({ "type": "url", "text": button.text, "value": url }),
        None => json!({
            "type": "message", "text": button.text, "value": button.value, "postback_id": button.value,
        }),
    }
}
