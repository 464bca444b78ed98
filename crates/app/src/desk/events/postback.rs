//! `send_rich_message_postback`: a button is pressed.
//!
//! A press switches its author on or off at every button of the event with that postback id, wherever the buttons stand.
//! What makes a second call harmless: who is switched on already is not switched on again.

use serde_json::{Map, Value, json};

use super::target;
use crate::App;
use crate::desk::change::in_thread;
use crate::desk::look::history::Told;
use crate::desk::{Actor, ErrorType, Failure};

/// A press.
#[derive(Clone, Debug)]
pub struct Press {
    /// What it is called.
    pub id: String,
    /// Whether the button is on now.
    pub toggled: bool,
    /// Which of several buttons it was, as far as the client says: its type.
    pub button_type: Option<String>,
    /// And its value.
    pub button_value: Option<String>,
    /// What is bought by it.
    pub ecommerce: Option<Value>,
}

/// Presses a button.
pub async fn press(
    app: &App,
    actor: &Actor,
    chat: &str,
    thread: &str,
    event: &str,
    press: &Press,
) -> Result<(), Failure> {
    let told = target::find(app, actor, chat, thread, event).await?;
    if told.deleted {
        return Err(Failure::new(ErrorType::NotFound, "the event was deleted"));
    }
    let buttons: Vec<&Value> = buttons(&told)
        .filter(|button| text(button, "postback_id") == Some(press.id.as_str()))
        .collect();
    let same = |button: &&&Value| {
        let fits = |name: &str, wanted: &Option<String>| {
            wanted.as_deref().is_none_or(|wanted| text(button, name) == Some(wanted))
        };
        fits("type", &press.button_type) && fits("value", &press.button_value)
    };
    let pressed = buttons.iter().find(same).or(buttons.first());
    let Some(&pressed) = pressed else {
        return Err(Failure::field("postback.id", "is not of a button of this event"));
    };
    let me = actor.id();
    if buttons.iter().all(|button| has_user(button, &me) == press.toggled) {
        return Ok(());
    }
    let data = data(&told, pressed, press);
    in_thread(app, actor, chat, thread, |deciding| {
        deciding.raise("chat.postback", data.clone()).visibility = told.event.visibility;
        Ok(())
    })
    .await?;
    Ok(())
}

/// Whether the actor has a button of an event switched on that stands for a message. No such event or button: no.
pub(super) async fn is_pressed(
    app: &App,
    actor: &Actor,
    chat: &str,
    thread: &str,
    event: &str,
    id: &str,
) -> Result<bool, Failure> {
    let told = match target::find(app, actor, chat, thread, event).await {
        Ok(told) => told,
        Err(failure) if failure.error_type == ErrorType::NotFound => return Ok(false),
        Err(failure) => return Err(failure),
    };
    let me = actor.id();
    Ok(buttons(&told).any(|button| {
        text(button, "postback_id") == Some(id)
            && matches!(text(button, "type"), None | Some("message"))
            && has_user(button, &me)
    }))
}

/// What the press says: by the button as it was sent; the client's word counts where the button has none.
fn data(told: &Told, button: &Value, press: &Press) -> Value {
    let button_type = text(button, "type").or(press.button_type.as_deref());
    let value = text(button, "value").or(press.button_value.as_deref());
    let label = text(button, "text").filter(|label| !label.is_empty());
    let mut data = Map::from_iter([
        ("event".to_owned(), json!(told.event.id)),
        ("message_id".to_owned(), json!(told.event.id)),
        ("postback_id".to_owned(), json!(press.id)),
        ("toggled".to_owned(), json!(press.toggled)),
        ("value".to_owned(), json!(value.or(label).unwrap_or(&press.id))),
    ]);
    if let Some(label) = label {
        data.insert("text".into(), label.into());
    }
    if let Some(button_type) = button_type {
        data.insert("button_type".into(), button_type.into());
    }
    if let Some(ecommerce) = &press.ecommerce {
        data.insert("ecommerce".into(), ecommerce.clone());
    }
    Value::Object(data)
}

fn buttons(told: &Told) -> impl Iterator<Item = &Value> {
    let elements = told.data.get("elements").and_then(Value::as_array).into_iter().flatten();
    elements.filter_map(|element| element.get("buttons")?.as_array()).flatten()
}

fn text<'a>(button: &'a Value, name: &str) -> Option<&'a str> {
    button.get(name)?.as_str()
}

fn has_user(button: &Value, id: &str) -> bool {
    let users = button.get("user_ids").and_then(Value::as_array);
    users.is_some_and(|users| users.iter().any(|user| user.as_str() == Some(id)))
}
