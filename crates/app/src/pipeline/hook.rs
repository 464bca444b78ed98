//! A call of a hook: it becomes the question `webhook.received`, and what a behavior answers goes back to the caller.
//!
//! The call is durable before a behavior sees it, and every call is an event of its own: who wants one only once sends an
//! id, by which a behavior can tell.

use std::net::IpAddr;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use bytes::Bytes;
use http::{HeaderMap, Method, header};
use serde_json::{Map, Value, json};
use tidings_model::{Author, Hook, HookId, HookScheme, NESTING_MAX, nesting};
use tidings_store::ReadError;
use tidings_wire::standard_webhooks::{
    ID_HEADER, Received, SIGNATURE_HEADER, Secret, TIMESTAMP_HEADER, TOLERANCE_S, verify,
};

use super::question::{self, AskError};
use crate::App;
use crate::admin::hooks;

/// The type of a call.
pub const RECEIVED: &str = "webhook.received";

/// The longest body of a call, in bytes: an event is read by many.
pub const BODY_BYTES_MAX: usize = 256 * 1024;

/// The headers that are not kept: they are credentials.
const NOT_KEPT: [header::HeaderName; 3] =
    [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

/// A call as it came.
#[derive(Debug)]
pub struct Call {
    /// The method.
    pub method: Method,
    /// The path below the hook's address.
    pub path: String,
    /// The parameters of the address.
    pub query: Vec<(String, String)>,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// Where it came from.
    pub address: Option<IpAddr>,
}

/// What goes back.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: Map<String, Value>,
    /// The body: a text goes out as it is, anything else as JSON.
    pub body: Option<Value>,
}

/// Why a call was not taken. Nothing of it was kept.
#[derive(Debug, thiserror::Error)]
pub enum NotTaken {
    /// There is no such hook, or it is switched off.
    #[error("there is no such hook")]
    Unknown,
    /// Its signature is missing or wrong.
    #[error("the signature is missing or wrong")]
    WrongSignature,
    /// It has too much in it.
    #[error("the body is longer than {BODY_BYTES_MAX} bytes")]
    TooLong,
    /// It could not be asked.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// It could not be read.
    #[error("the call could not be taken")]
    Read(#[from] ReadError),
}

/// Takes a call, and gives what a behavior answers: within the time that the catalogue says.
pub async fn take(app: &App, hook: HookId, call: Call) -> Result<Reply, NotTaken> {
    let found = hooks::find(app, hook.uuid()).await?.filter(|(_, hook)| hook.enabled);
    let (workspace, hook) = found.ok_or(NotTaken::Unknown)?;
    if call.body.len() > BODY_BYTES_MAX {
        return Err(NotTaken::TooLong);
    }
    if !is_signed(app, &hook, &call) {
        return Err(NotTaken::WrongSignature);
    }
    let author = Author { kind: tidings_model::AuthorKind::Integration, id: hook.name.clone() };
    let answered = question::ask(app, workspace, RECEIVED, told(&hook, &call), author).await?;
    Ok(reply(&answered.answer))
}

/// Whether a call shows that it is from who was given the secret.
fn is_signed(app: &App, hook: &Hook, call: &Call) -> bool {
    let Some(signature) = &hook.signature else { return true };
    let Ok(secret) = app.sealer.open(&signature.secret) else { return false };
    let text = |name: &str| call.headers.get(name).and_then(|value| value.to_str().ok());
    match &signature.scheme {
        HookScheme::Token { header } => text(header).is_some_and(|given| {
            verify_slices_are_equal(given.as_bytes(), secret.as_bytes()).is_ok()
        }),
        HookScheme::HmacSha256 { header, prefix } => {
            let given = text(header).and_then(|given| given.strip_prefix(prefix.as_str()));
            let Some(given) = given.and_then(from_hex) else { return false };
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
            hmac::verify(&key, &call.body, &given).is_ok()
        }
        HookScheme::Standard => {
            let (Some(id), Some(timestamp), Some(signature)) =
                (text(ID_HEADER), text(TIMESTAMP_HEADER), text(SIGNATURE_HEADER))
            else {
                return false;
            };
            let Ok(secret) = secret.parse::<Secret>() else { return false };
            let received = Received { id, timestamp, signature };
            verify(received, &call.body, &[secret], app.now().as_second(), TOLERANCE_S).is_ok()
        }
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .trim()
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| digit.try_into().ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(
        digits
            .chunks_exact(2)
            .map(|pair| pair.iter().fold(0, |byte, digit| byte << 4 | digit))
            .collect(),
    )
}

/// The call as behaviors see it.
fn told(hook: &Hook, call: &Call) -> Value {
    let secret_header = match hook.signature.as_ref().map(|signature| &signature.scheme) {
        Some(HookScheme::Token { header }) => Some(header.to_ascii_lowercase()),
        Some(HookScheme::HmacSha256 { .. } | HookScheme::Standard) | None => None,
    };
    let mut headers = Map::new();
    for (name, value) in &call.headers {
        let is_kept = !NOT_KEPT.contains(name) && secret_header.as_deref() != Some(name.as_str());
        if let (true, Ok(value)) = (is_kept, value.to_str()) {
            headers.insert(name.as_str().to_owned(), value.into());
        }
    }
    let mut query: Map<String, Value> =
        call.query.iter().map(|(name, value)| (name.clone(), value.clone().into())).collect();
    let media = call.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media = media.and_then(|media| media.split(';').next()).unwrap_or_default().trim();
    let body = match std::str::from_utf8(&call.body) {
        Ok("") => Value::Null,
        Ok(text) if media == "application/x-www-form-urlencoded" => {
            let fields = url::form_urlencoded::parse(text.as_bytes());
            query.extend(fields.map(|(name, value)| (name.into_owned(), value.into())));
            text.into()
        }
        // What nests too deep to be told stays a text.
        Ok(text) if nesting(&call.body) > NESTING_MAX => text.into(),
        Ok(text) => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
        Err(_) => {
            use base64::Engine;
            json!({ "base64": base64::engine::general_purpose::STANDARD.encode(&call.body) })
        }
    };
    let address = call.address.map(|address| address.to_string());
    let mut data = json!({
        "hook": hook.name, "method": call.method.as_str(), "path": call.path,
        "headers": headers, "query": query, "body": body,
    });
    if let (Value::Object(data), Some(address)) = (&mut data, address) {
        data.insert("client_ip".into(), address.into());
    }
    data
}

/// The answer as it goes back.
fn reply(answer: &Value) -> Reply {
    let status = answer.get("status").and_then(Value::as_u64);
    Reply {
        status: status.and_then(|status| status.try_into().ok()).unwrap_or(200),
        headers: answer.get("headers").and_then(Value::as_object).cloned().unwrap_or_default(),
        body: answer.get("body").filter(|body| !body.is_null()).cloned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_in_pairs() {
        assert_eq!(from_hex("00fF10"), Some(vec![0, 255, 16]));
        for wrong in ["0", "0g", "ü0"] {
            assert_eq!(from_hex(wrong), None, "{wrong}");
        }
    }
}
