//! The methods of the Bot API, with their checks in the order in which Telegram makes them.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tokio::time::Instant;
use url::Url;

use super::arguments::Arguments;
use super::content;
use super::error::ApiError;
use super::state::{State, Webhook};
use super::{BOT_ID, Shared, object, polling};

/// The longest `secret_token`, in bytes (Bot API, setWebhook).
const SECRET_TOKEN_BYTES_MAX: usize = 256;

/// The largest file that is given out, in bytes (`Client.h`, `MAX_DOWNLOAD_FILE_SIZE`).
const DOWNLOAD_BYTES_MAX: u64 = 20 << 20;

/// Calls a method. Its name may be written in any case, as with Telegram.
pub(super) async fn call(
    shared: &Arc<Shared>,
    method: &str,
    arguments: Arguments,
) -> Result<Value, ApiError> {
    let lower = method.to_ascii_lowercase();
    match lower.as_str() {
        "getme" => Ok(Value::Object(bot(shared))),
        "getupdates" => polling::get_updates(shared, &arguments).await,
        "setwebhook" => set_webhook(shared, &arguments),
        "deletewebhook" => delete_webhook(shared, &arguments),
        "getwebhookinfo" => Ok(webhook_info(shared)),
        "answercallbackquery" => answer_callback_query(shared, &arguments),
        "answerprecheckoutquery" => answer_precheckout_query(shared, &arguments),
        "getfile" => get_file(shared, &arguments),
        "editmessagetext" => edit_message_text(shared, &arguments),
        "deletemessage" => delete_message(shared, &arguments),
        "sendchataction" => reachable(&mut shared.state(), &arguments).map(|_| Value::Bool(true)),
        _ => send(shared, method, &lower, &arguments),
    }
}

/// The bot, as it stands in messages.
pub(super) fn bot(shared: &Shared) -> Map<String, Value> {
    object(json!({
        "id": BOT_ID, "is_bot": true, "first_name": "Pizzeria", "username": shared.options.bot_username,
    }))
}

pub(super) fn allowed_updates(arguments: &Arguments) -> Result<Option<Vec<String>>, ApiError> {
    let Some(allowed) = arguments.json("allowed_updates")? else { return Ok(None) };
    let allowed =
        allowed.as_array().ok_or_else(|| ApiError::bad_request("can't parse allowed updates"))?;
    Ok(Some(allowed.iter().filter_map(|kind| kind.as_str().map(str::to_owned)).collect()))
}

fn set_webhook(shared: &Arc<Shared>, arguments: &Arguments) -> Result<Value, ApiError> {
    let Some(url) = arguments.text("url").filter(|url| !url.is_empty()) else {
        return delete_webhook(shared, arguments);
    };
    let parsed =
        Url::parse(&url).map_err(|_| ApiError::bad_request("invalid webhook URL specified"))?;
    // Telegram itself wants TLS; a Bot API server of one's own does not, and tests run on loopback.
    let on_loopback = matches!(parsed.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    if parsed.scheme() != "https" && !(parsed.scheme() == "http" && on_loopback) {
        return Err(ApiError::bad_request(
            "bad webhook: An HTTPS URL must be provided for webhook",
        ));
    }
    let secret_token = arguments
        .text("secret_token")
        .filter(|secret| !secret.is_empty())
        .map(|secret| secret.into_owned());
    if let Some(secret) = &secret_token {
        if secret.len() > SECRET_TOKEN_BYTES_MAX {
            return Err(ApiError::bad_request("secret token is too long"));
        }
        if !secret.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-') {
            return Err(ApiError::bad_request("secret token contains unallowed characters"));
        }
    }
    let allowed = allowed_updates(arguments)?;
    let max_connections = arguments.integer("max_connections").unwrap_or(40).clamp(1, 100);
    {
        let mut state = shared.state();
        if let Some(allowed) = allowed {
            state.allowed_updates = allowed;
        }
        if arguments.flag("drop_pending_updates") {
            state.pending.clear();
        }
        state.webhook = Some(Webhook { url: url.into_owned(), secret_token, max_connections });
    }
    shared.touch();
    shared.deliver();
    Ok(Value::Bool(true))
}

fn delete_webhook(shared: &Shared, arguments: &Arguments) -> Result<Value, ApiError> {
    let mut state = shared.state();
    state.webhook = None;
    if arguments.flag("drop_pending_updates") {
        state.pending.clear();
    }
    Ok(Value::Bool(true))
}

fn webhook_info(shared: &Shared) -> Value {
    let state = shared.state();
    let mut info = object(json!({
        "url": state.webhook.as_ref().map_or("", |webhook| webhook.url.as_str()),
        "has_custom_certificate": false,
        "pending_update_count": state.pending.len(),
    }));
    if let Some(webhook) = &state.webhook {
        info.insert("max_connections".into(), webhook.max_connections.into());
    }
    if !state.allowed_updates.is_empty() {
        info.insert("allowed_updates".into(), json!(state.allowed_updates));
    }
    let failed = state
        .attempts
        .last()
        .filter(|attempt| !attempt.status.is_some_and(|status| (200..300).contains(&status)));
    if let Some(failed) = failed {
        let why = match failed.status {
            Some(status) => format!("Wrong response from the webhook: {status}"),
            None => "Connection refused".to_owned(),
        };
        info.insert("last_error_message".into(), why.into());
    }
    Value::Object(info)
}

fn answer_callback_query(shared: &Shared, arguments: &Arguments) -> Result<Value, ApiError> {
    let query_id = arguments.text("callback_query_id").unwrap_or_default();
    // "0-200 characters" (Bot API, answerCallbackQuery).
    if arguments.text("text").is_some_and(|text| text.chars().count() > 200) {
        return Err(ApiError::bad_request("MESSAGE_TOO_LONG"));
    }
    let mut state = shared.state();
    let callback = state.callbacks.get_mut(query_id.as_ref());
    let callback =
        callback.filter(|callback| callback.answer.is_none() && Instant::now() < callback.expires);
    let callback = callback.ok_or_else(ApiError::query_invalid)?;
    callback.answer = Some(arguments.values.clone());
    Ok(Value::Bool(true))
}

fn answer_precheckout_query(shared: &Shared, arguments: &Arguments) -> Result<Value, ApiError> {
    let query_id = arguments.text("pre_checkout_query_id").unwrap_or_default();
    let error_message = arguments.text("error_message").filter(|message| !message.is_empty());
    let answer = match (arguments.flag("ok"), error_message) {
        (true, _) => Ok(()),
        (false, Some(message)) => Err(message.into_owned()),
        (false, None) => return Err(ApiError::bad_request("error message must be non-empty")),
    };
    let mut state = shared.state();
    let precheck = state.prechecks.get_mut(query_id.as_ref());
    let precheck =
        precheck.filter(|precheck| precheck.answer.is_none() && Instant::now() < precheck.expires);
    let precheck = precheck.ok_or_else(ApiError::query_invalid)?;
    precheck.answer = Some(answer);
    Ok(Value::Bool(true))
}

fn get_file(shared: &Shared, arguments: &Arguments) -> Result<Value, ApiError> {
    let file_id = arguments.text("file_id").filter(|file_id| !file_id.is_empty());
    let file_id = file_id.ok_or_else(|| ApiError::bad_request("file_id not specified"))?;
    let state = shared.state();
    let file = state.files.get(file_id.as_ref());
    let file = file.ok_or_else(|| {
        ApiError::bad_request("wrong file_id or the file is temporarily unavailable")
    })?;
    if file.size > DOWNLOAD_BYTES_MAX {
        return Err(ApiError::bad_request("file is too big"));
    }
    let mut description = file.description.clone();
    description.insert("file_path".into(), file.path.clone().into());
    Ok(Value::Object(description))
}

/// The chat that a call goes to, if the bot may speak there.
fn reachable(state: &mut State, arguments: &Arguments) -> Result<i64, ApiError> {
    let given = arguments.text("chat_id").filter(|chat| !chat.is_empty());
    let given = given.ok_or_else(|| ApiError::bad_request("chat_id is empty"))?;
    let not_found = || ApiError::bad_request("chat not found");
    let id: i64 = given.trim().parse().map_err(|_| not_found())?;
    let chat = state.chats.get(&id).ok_or_else(not_found)?;
    if chat.blocked {
        return Err(match chat.user {
            Some(_) => ApiError::forbidden("bot was blocked by the user"),
            None => ApiError::forbidden("bot was kicked from the supergroup chat"),
        });
    }
    if !chat.started {
        return Err(ApiError::forbidden("bot can't initiate conversation with a user"));
    }
    Ok(id)
}

/// Every method that makes a message.
fn send(
    shared: &Arc<Shared>,
    method: &str,
    lower: &str,
    arguments: &Arguments,
) -> Result<Value, ApiError> {
    if !content::makes_a_message(lower) {
        return Err(ApiError::new(404, "Not Found: method not found"));
    }
    let (from, date) = (bot(shared), shared.date());
    let mut state = shared.state();
    let id = reachable(&mut state, arguments)?;
    let mut made = content::read(&mut state, lower, arguments)?;
    made.extend(content::markup(arguments, id)?);
    let thread = arguments.integer("message_thread_id");
    if let Some(replied) = reply_parameters(arguments)? {
        let message = state.chats.get(&id).and_then(|chat| chat.messages.get(&replied.0)).cloned();
        match (message, replied.1) {
            (Some(message), _) => {
                made.insert("reply_to_message".into(), Value::Object(message));
            }
            (None, AllowMissing::Yes) => {}
            (None, AllowMissing::No) => {
                return Err(ApiError::bad_request("message to be replied not found"));
            }
        }
    }
    if let Some(thread) = thread {
        made.insert("message_thread_id".into(), thread.into());
        made.insert("is_topic_message".into(), true.into());
    }
    if let Some(rates) = state.rates.clone() {
        state.meter.count(&rates, id, Instant::now())?;
    }
    let chat = state.chats.get_mut(&id).expect("it was found above");
    let message = chat.put(from, date, made);
    let message_id =
        message.get("message_id").and_then(Value::as_i64).expect("a message has an id");
    chat.sent.push((message_id, method.to_owned()));
    Ok(Value::Object(message))
}

enum AllowMissing {
    Yes,
    No,
}

fn reply_parameters(arguments: &Arguments) -> Result<Option<(i64, AllowMissing)>, ApiError> {
    let allow = |allow| if allow { AllowMissing::Yes } else { AllowMissing::No };
    if let Some(parameters) = arguments.json("reply_parameters")? {
        let message_id = parameters.get("message_id").and_then(Value::as_i64);
        let message_id =
            message_id.ok_or_else(|| ApiError::bad_request("can't parse reply parameters"))?;
        let missing =
            parameters.get("allow_sending_without_reply").and_then(Value::as_bool).unwrap_or(false);
        return Ok(Some((message_id, allow(missing))));
    }
    // The older spelling.
    let message_id = arguments.integer("reply_to_message_id");
    Ok(message_id
        .map(|message_id| (message_id, allow(arguments.flag("allow_sending_without_reply")))))
}

fn edit_message_text(shared: &Shared, arguments: &Arguments) -> Result<Value, ApiError> {
    let date = shared.date();
    let mut state = shared.state();
    let id = reachable(&mut state, arguments)?;
    let mut made = content::read(&mut state, "sendmessage", arguments)?;
    made.extend(content::markup(arguments, id)?);
    let message_id = arguments.integer("message_id").unwrap_or(0);
    let chat = state.chats.get_mut(&id).expect("it was found above");
    let is_own = chat.sent.iter().any(|(sent, _)| *sent == message_id);
    let message = chat.messages.get_mut(&message_id);
    let message = message.ok_or_else(|| ApiError::bad_request("message to edit not found"))?;
    if !is_own {
        return Err(ApiError::bad_request("message can't be edited"));
    }
    if !message.contains_key("text") {
        return Err(ApiError::bad_request("there is no text in the message to edit"));
    }
    if ["text", "entities", "reply_markup"]
        .iter()
        .all(|field| message.get(*field) == made.get(*field))
    {
        return Err(ApiError::bad_request(
            "message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message",
        ));
    }
    for field in ["entities", "reply_markup"] {
        message.remove(field);
    }
    message.extend(made);
    message.insert("edit_date".into(), date.into());
    Ok(Value::Object(message.clone()))
}

fn delete_message(shared: &Shared, arguments: &Arguments) -> Result<Value, ApiError> {
    let mut state = shared.state();
    let id = reachable(&mut state, arguments)?;
    let message_id = arguments.integer("message_id").unwrap_or(0);
    let chat = state.chats.get_mut(&id).expect("it was found above");
    let removed = chat.messages.remove(&message_id);
    removed
        .map(|_| Value::Bool(true))
        .ok_or_else(|| ApiError::bad_request("message to delete not found"))
}
