//! An event becomes calls of the Bot API. Called by send, in the order of the chat; it sends one call after another and
//! remembers how many of an event's calls are done, so a second run goes on where the first one stopped.
//!
//! Pure: the same event makes the same calls. An event for agents only never becomes a call.

mod custom;
mod files;
mod markdown;
mod rich;
mod text;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidings_model::{Event, Visibility};

pub use self::files::file_argument;
use self::text::Format;
use super::Address;
use super::methods::{call, object};
use crate::{Call, Priority};

/// The longest text of a message, in UTF-16 code units (Bot API, sendMessage: "1-4096 characters after entities parsing";
/// its characters are UTF-16 code units, as in `MessageEntity`).
pub const TEXT_UNITS_MAX: usize = 4096;

/// The longest caption of a file, in UTF-16 code units (Bot API, sendPhoto: "0-1024 characters").
pub const CAPTION_UNITS_MAX: usize = 1024;

/// The most calls that one event becomes. In a group, that is half of a minute's worth, see [`super::rates`].
pub const CALLS_PER_EVENT_MAX: usize = 10;

/// The longest answer to a pressed button, in characters (Bot API, answerCallbackQuery: "0-200 characters").
pub const CALLBACK_ANSWER_CHARS_MAX: usize = 200;

/// An event that cannot become calls. It fails the same way every time; send raises `channel.request_failed` with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsendable {
    /// Events of this type are not for customers of this channel.
    #[error("an event of type {event_type} has no form in Telegram")]
    Type {
        /// The type.
        event_type: String,
    },
    /// Only agents may see it.
    #[error("the event is for agents only")]
    AgentsOnly,
    /// The chat's address is not one of Telegram.
    #[error("the chat has no Telegram address")]
    Address,
    /// The data is not what the type's schema says.
    #[error("data{pointer} {problem}")]
    Data {
        /// Where, as a JSON pointer.
        pointer: String,
        /// What is wrong there.
        problem: String,
    },
    /// It would take more than [`CALLS_PER_EVENT_MAX`] calls.
    #[error("the event would become more than {CALLS_PER_EVENT_MAX} messages")]
    TooLong,
}

impl Unsendable {
    fn data(pointer: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Data { pointer: pointer.into(), problem: problem.into() }
    }
}

/// The calls that bring an event to a customer. `address` is the chat's, see [`Address`].
pub fn calls(event: &Event, address: &str) -> Result<Vec<Call>, Unsendable> {
    match event.visibility {
        Visibility::All => {}
        Visibility::Agents => return Err(Unsendable::AgentsOnly),
    }
    let address: Address = address.parse().map_err(|_| Unsendable::Address)?;
    let mut calls = match event.event_type.as_str() {
        "chat.message" => message(&event.data, address)?,
        "chat.rich_message" => rich::calls(event, address)?,
        "chat.file" => files::calls(&event.data)?,
        "chat.sticker" => files::sticker(&event.data)?,
        "chat.location" => location(&event.data)?,
        "chat.contact" => contact(&event.data)?,
        "chat.event_edited" => edited(&event.data)?,
        "chat.event_deleted" => deleted(&event.data)?,
        "chat.custom" => custom::calls(&event.data, address)?,
        other => return Err(Unsendable::Type { event_type: other.to_owned() }),
    };
    if calls.len() > CALLS_PER_EVENT_MAX {
        return Err(Unsendable::TooLong);
    }
    if let (Some(first), Some(message_id)) = (calls.first_mut(), reply_to(&event.data))
        && first.method.starts_with("send")
    {
        // The message replied to may be gone by now; the answer is worth sending all the same.
        let parameters = json!({"message_id": message_id, "allow_sending_without_reply": true});
        first.body.entry("reply_parameters").or_insert(parameters);
    }
    for call in &mut calls {
        address_to(call, address);
    }
    Ok(calls)
}

/// The same call, to another chat: a group got a new id, see [`super::Reply::Migrated`].
#[must_use]
pub fn readdressed(mut call: Call, chat: i64) -> Call {
    call.body.insert("chat_id".into(), chat.into());
    call
}

/// Answers a pressed button, so that it stops turning; the text shows for a moment. Too late is harmless.
pub fn answer_callback_query(query_id: &str, text: Option<&str>) -> Call {
    let mut body = json!({"callback_query_id": query_id});
    if let (Some(text), Some(body)) = (text.filter(|text| !text.is_empty()), body.as_object_mut()) {
        let shown: String = text.chars().take(CALLBACK_ANSWER_CHARS_MAX).collect();
        body.insert("text".into(), shown.into());
    }
    urgent(call("answerCallbackQuery", body))
}

/// Answers a pre-checkout query. Telegram waits 10 s and then gives the payment up (Bot API, answerPreCheckoutQuery).
/// With an error, the payer reads it and pays nothing.
pub fn answer_precheckout(query_id: &str, error_message: Option<&str>) -> Call {
    let body = match error_message {
        None => json!({"pre_checkout_query_id": query_id, "ok": true}),
        Some(message) => {
            json!({"pre_checkout_query_id": query_id, "ok": false, "error_message": message})
        }
    };
    urgent(call("answerPreCheckoutQuery", body))
}

fn urgent(call: Call) -> Call {
    Call { priority: Priority::Urgent, ..call }
}

/// `chat_id` goes first; the topic only where a message is made.
fn address_to(call: &mut Call, address: Address) {
    let mut body = Map::new();
    body.insert("chat_id".into(), address.chat.into());
    if let Some(thread) = address
        .thread
        .filter(|_| !call.method.starts_with("edit") && call.method != "deleteMessage")
    {
        body.insert("message_thread_id".into(), thread.into());
    }
    let rest = std::mem::take(&mut call.body);
    body.extend(rest.into_iter().filter(|(key, _)| key != "chat_id" && key != "message_thread_id"));
    call.body = body;
}

fn message(data: &Value, address: Address) -> Result<Vec<Call>, Unsendable> {
    let text = text_of(data, "/text")?;
    messages(text, Format::read(data), asking_keyboard(data, address))
}

/// A key in place of the customer's keyboard, that sends what a question wants. It is there in private chats only (Bot API,
/// `KeyboardButton`), and goes away when it was pressed; in groups the text alone asks.
fn asking_keyboard(data: &Value, address: Address) -> Option<Value> {
    let key = match data.pointer("/input/kind").and_then(Value::as_str)? {
        "contact" | "phone" => json!({"text": "Send my number", "request_contact": true}),
        "location" => json!({"text": "Send where I am", "request_location": true}),
        _ => return None,
    };
    let keyboard = json!({"keyboard": [[key]], "resize_keyboard": true, "one_time_keyboard": true});
    (!address.is_group()).then_some(keyboard)
}

/// One message for each piece of a text; the keyboard goes below the last one.
fn messages(text: &str, format: Format, keyboard: Option<Value>) -> Result<Vec<Call>, Unsendable> {
    let pieces = text::pieces(text, format, TEXT_UNITS_MAX)?;
    if pieces.is_empty() {
        return Err(Unsendable::data("/text", "is empty"));
    }
    let mut calls: Vec<Call> =
        pieces.into_iter().map(|piece| call("sendMessage", piece.argument("text"))).collect();
    if let (Some(last), Some(keyboard)) = (calls.last_mut(), keyboard) {
        last.body.insert("reply_markup".into(), keyboard);
    }
    Ok(calls)
}

fn location(data: &Value) -> Result<Vec<Call>, Unsendable> {
    #[derive(Deserialize)]
    struct Location {
        latitude: f64,
        longitude: f64,
        accuracy_m: Option<f64>,
        title: Option<String>,
        address: Option<String>,
    }
    let place = Location::deserialize(data)
        .ok()
        .filter(|place| place.latitude.abs() <= 90.0 && place.longitude.abs() <= 180.0)
        .ok_or_else(|| Unsendable::data("", "is not a place with latitude and longitude"))?;
    let mut body = object(json!({"latitude": place.latitude, "longitude": place.longitude}));
    let (Some(title), Some(address)) = (place.title, place.address) else {
        // "0-1500" (Bot API, sendLocation).
        if let Some(accuracy) =
            place.accuracy_m.filter(|accuracy| (0.0..=1500.0).contains(accuracy))
        {
            body.insert("horizontal_accuracy".into(), accuracy.into());
        }
        return Ok(vec![call("sendLocation", Value::Object(body))]);
    };
    body.insert("title".into(), title.into());
    body.insert("address".into(), address.into());
    Ok(vec![call("sendVenue", Value::Object(body))])
}

/// Telegram wants a first name; the number stands in for it.
fn contact(data: &Value) -> Result<Vec<Call>, Unsendable> {
    let phone_number = text_of(data, "/phone_number")?;
    let text =
        |field: &str| data.get(field).and_then(Value::as_str).filter(|text| !text.is_empty());
    let mut body = object(json!({
        "phone_number": phone_number,
        "first_name": text("first_name").unwrap_or(phone_number),
    }));
    for field in ["last_name", "vcard"] {
        if let Some(value) = text(field) {
            body.insert(field.into(), value.into());
        }
    }
    Ok(vec![call("sendContact", Value::Object(body))])
}

/// Only a text that is one message can be changed; a longer one would need its other messages.
fn edited(data: &Value) -> Result<Vec<Call>, Unsendable> {
    let message_id = provider_message_id(data)?;
    let new = data.get("data").unwrap_or(&Value::Null);
    let text =
        text_of(new, "/text").map_err(|_| Unsendable::data("/data/text", "must be a text"))?;
    let mut pieces = text::pieces(text, Format::read(new), TEXT_UNITS_MAX)?.into_iter();
    let (Some(piece), None) = (pieces.next(), pieces.next()) else {
        return Err(Unsendable::data("/data/text", "must be a text of 1 to 4096 characters"));
    };
    let mut body = object(piece.argument("text"));
    body.insert("message_id".into(), message_id.into());
    Ok(vec![call("editMessageText", Value::Object(body))])
}

fn deleted(data: &Value) -> Result<Vec<Call>, Unsendable> {
    Ok(vec![call("deleteMessage", json!({"message_id": provider_message_id(data)?}))])
}

fn provider_message_id(data: &Value) -> Result<i64, Unsendable> {
    let id = data.get("provider_message_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
    id.ok_or_else(|| {
        Unsendable::data("/provider_message_id", "must be the number of a message, as text")
    })
}

fn reply_to(data: &Value) -> Option<i64> {
    data.get("reply_to").and_then(Value::as_str).and_then(|id| id.parse().ok())
}

fn text_of<'a>(data: &'a Value, pointer: &'static str) -> Result<&'a str, Unsendable> {
    let text = data.pointer(pointer).and_then(Value::as_str).filter(|text| !text.trim().is_empty());
    text.ok_or_else(|| Unsendable::data(pointer, "must be a text that is not empty"))
}
