//! Files come in by `multipart/form-data`: `upload_file`, and `send_file` and `upload_image` of version 3.0.
//!
//! The file is written down as it comes, never whole in memory, and only for somebody who is signed in. When it is kept,
//! its address stands in the payload in the file's place, and the call goes on as any other.

use std::time::Duration;

use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{FromRequest, Multipart, Request};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::{Map, Value, json};
use tidings_app::desk::events::uploads::{self, refused};
use tidings_app::desk::{Actor, Who};
use tidings_wire::livechat::{ErrorType, Failure, Method};

use super::web::text;
use crate::state::Api;

/// How long a sender may be silent.
const PIECE_TIME_MAX: Duration = Duration::from_secs(30);

/// The most fields beside the file: version 3.0 has three.
const FIELDS_MAX: usize = 16;

/// The longest field beside the file, in bytes: ids, and a small payload.
const FIELD_BYTES_MAX: usize = 16 * 1024;

/// What a body holds beside its file, in bytes.
const BESIDE_BYTES_MAX: usize = 256 * 1024;

/// How many times the limit of files a body may have, so that who sends too much is told rather than cut off.
const BODY_IN_LIMITS: usize = 2;

/// The calls that bring a file, by the names of all versions.
const ACTIONS: [&str; 3] = ["upload_file", "send_file", "upload_image"];

/// Whether a method takes a file.
pub(super) fn takes_file(method: &Method) -> bool {
    ACTIONS.contains(&method.action)
}

/// Whether a request may take the time of a file: said by its path, before anything else is known of it.
pub(crate) fn is_upload(path: &str) -> bool {
    path.rsplit_once("/action/").is_some_and(|(_, action)| ACTIONS.contains(&action))
}

/// The longest body of a request with a file.
pub(super) fn body_bytes_max(api: &Api) -> usize {
    let limit = usize::try_from(api.app.settings().upload_bytes_max).unwrap_or(usize::MAX);
    limit.saturating_mul(BODY_IN_LIMITS).saturating_add(BESIDE_BYTES_MAX)
}

/// A request with a file that is kept now.
pub(super) struct Received {
    /// The other fields, as the payload of the client's version.
    pub(super) payload: Value,
    /// The file's address.
    pub(super) url: String,
}

/// Receives the file of somebody, and the fields beside it. `action` is the client's name of the method.
pub(super) async fn receive(
    api: &Api,
    actor: &Actor,
    action: &str,
    request: Request,
) -> Result<Received, Failure> {
    may_upload(api, actor)?;
    let content_type = text(request.headers(), &CONTENT_TYPE).unwrap_or_default();
    if !content_type.trim_start().to_ascii_lowercase().starts_with("multipart/form-data") {
        return Err(Failure::new(
            ErrorType::Validation,
            "the body must be multipart/form-data with the file in the field `file`",
        ));
    }
    let mut form = Multipart::from_request(request, &())
        .await
        .map_err(|error| Failure::new(ErrorType::Validation, error.body_text()))?;
    let mut payload = Map::new();
    let mut url = None;
    let mut count = 0;
    while let Some(field) = in_time(form.next_field()).await? {
        count += 1;
        if count > FIELDS_MAX {
            let told = format!("the form has more than {FIELDS_MAX} fields");
            return Err(Failure::new(ErrorType::Validation, told));
        }
        let name = plain_name(field.name().unwrap_or_default()).to_owned();
        if url.is_none() && (name == "file" || name == "image") {
            url = Some(keep(api, actor, field).await?);
        } else if field.file_name().is_none() && !name.is_empty() {
            let value = value(&name, &read_text(field).await?)?;
            payload.insert(name, value);
        }
    }
    // What 3.0 calls it.
    let field = if action == "upload_image" { "image" } else { "file" };
    let url = url.ok_or_else(|| Failure::field(field, "is required"))?;
    Ok(Received { payload: Value::Object(payload), url })
}

/// Customers are strangers, and each may bring as many files as messages.
fn may_upload(api: &Api, actor: &Actor) -> Result<(), Failure> {
    match &actor.who {
        Who::Agent(_) => Ok(()),
        Who::Customer(customer) => api.by_visitor.take(customer.uuid()).map_err(|_| {
            Failure::new(
                ErrorType::TooManyRequests,
                "too many files in a short time; wait a little",
            )
        }),
    }
}

async fn keep(api: &Api, actor: &Actor, mut field: Field<'_>) -> Result<String, Failure> {
    let name = field.file_name().map(str::to_owned);
    let claimed = field.content_type().map(str::to_owned);
    let mut receiving = uploads::begin(&api.app, actor).await?;
    while let Some(piece) = in_time(field.chunk()).await? {
        if let Err(error) = receiving.write(&piece).await {
            drop(receiving);
            // The rest is read, up to the body's own limit: who is still sending hears no answer.
            while let Ok(Some(_)) = in_time(field.chunk()).await {}
            return Err(refused(&error));
        }
    }
    let finished = receiving.finish(name.as_deref(), claimed.as_deref()).await;
    finished.map_err(|error| refused(&error))
}

async fn read_text(mut field: Field<'_>) -> Result<String, Failure> {
    let mut bytes = Vec::new();
    while let Some(piece) = in_time(field.chunk()).await? {
        bytes.extend_from_slice(&piece);
        if bytes.len() > FIELD_BYTES_MAX {
            let told = format!("a field of the form is longer than {FIELD_BYTES_MAX} bytes");
            return Err(Failure::new(ErrorType::Validation, told));
        }
    }
    String::from_utf8(bytes)
        .map_err(|_| Failure::new(ErrorType::Validation, "a field of the form is not UTF-8"))
}

/// `payload.chat_id` and `payload[chat_id]` are `chat_id`.
fn plain_name(name: &str) -> &str {
    let inner = name.strip_prefix("payload.");
    let inner = inner.or_else(|| name.strip_prefix("payload[")?.strip_suffix(']'));
    inner.unwrap_or(name)
}

/// A form knows texts only; what is no text is written as JSON.
fn value(name: &str, text: &str) -> Result<Value, Failure> {
    match name {
        "payload" | "require_active_thread" => serde_json::from_str(text)
            .map_err(|error| Failure::field(name, format!("is not JSON: {error}"))),
        _ => Ok(json!(text)),
    }
}

/// The next part, unless it is too late or too much.
async fn in_time<T>(
    next: impl Future<Output = Result<Option<T>, MultipartError>>,
) -> Result<Option<T>, Failure> {
    match tokio::time::timeout(PIECE_TIME_MAX, next).await {
        Ok(Ok(part)) => Ok(part),
        Ok(Err(error)) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
            Err(ErrorType::EntityTooLarge.into())
        }
        Ok(Err(error)) => Err(Failure::new(ErrorType::Validation, error.body_text())),
        Err(_elapsed) => Err(Failure::new(
            ErrorType::RequestTimeout,
            format!("nothing came for {} s", PIECE_TIME_MAX.as_secs()),
        )),
    }
}
