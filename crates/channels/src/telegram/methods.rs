//! The calls that concern the channel as a whole, and the addresses of calls and files. The addresses hold the token:
//! they are secrets, never logged.

use serde_json::{Map, Value, json};

use super::Settings;
use crate::{Call, Priority};

/// The most updates that one poll brings (Bot API, getUpdates: "Values between 1-100").
pub const UPDATES_PER_POLL_MAX: u64 = 100;

/// The kinds of updates that we ask for: all that we have a word for, and the cheap ones that show as unknown. Kinds
/// that are off unless named (`message_reaction`, `chat_member`) stay off.
pub const ALLOWED_UPDATES: [&str; 8] = [
    "message",
    "edited_message",
    "callback_query",
    "pre_checkout_query",
    "my_chat_member",
    "poll_answer",
    "chat_join_request",
    "inline_query",
];

/// Where a method is called, with the token in it.
pub fn method_url(settings: &Settings, method: &str) -> String {
    format!("{}/bot{}/{method}", settings.api_base, settings.token.reveal())
}

/// Where the bytes of a file are, with the token in it; `file_path` as `getFile` says. Good for at least an hour.
/// `None` when the path is not one: it would lead elsewhere.
pub fn file_url(settings: &Settings, file_path: &str) -> Option<String> {
    let part = |part: &str| !part.is_empty() && part != "." && part != "..";
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-');
    let fits =
        file_path.len() <= 512 && file_path.chars().all(good) && file_path.split('/').all(part);
    fits.then(|| format!("{}/file/bot{}/{file_path}", settings.api_base, settings.token.reveal()))
}

/// Who the bot is; the first call of a channel that starts.
pub fn get_me() -> Call {
    call("getMe", json!({}))
}

/// The next updates after `offset - 1`; asking with an offset confirms all before it. The HTTP client must wait longer
/// than `polling_timeout_s`.
pub fn get_updates(offset: Option<i64>, settings: &Settings) -> Call {
    let mut body = json!({
        "limit": UPDATES_PER_POLL_MAX,
        "timeout": settings.polling_timeout_s,
        "allowed_updates": ALLOWED_UPDATES,
    });
    if let (Some(offset), Some(body)) = (offset, body.as_object_mut()) {
        body.insert("offset".into(), offset.into());
    }
    call("getUpdates", body)
}

/// Updates go to this address from now on, with the secret.
pub fn set_webhook(url: &str, settings: &Settings) -> Call {
    let mut body = json!({
        "url": url,
        "max_connections": settings.max_connections,
        "allowed_updates": ALLOWED_UPDATES,
    });
    if let (Some(secret), Some(body)) = (&settings.secret_token, body.as_object_mut()) {
        body.insert("secret_token".into(), secret.reveal().into());
    }
    call("setWebhook", body)
}

/// Updates go nowhere and wait, as `getUpdates` needs it. What waits stays.
pub fn delete_webhook() -> Call {
    call("deleteWebhook", json!({"drop_pending_updates": false}))
}

/// Where the bytes of a file are; see [`file_url`].
pub fn get_file(handle: &str) -> Call {
    call("getFile", json!({"file_id": handle}))
}

pub(super) fn call(method: &'static str, body: Value) -> Call {
    Call { method, body: object(body), priority: Priority::InOrder }
}

pub(super) fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Map::new()
        }
    }
}
