//! Errors, in Telegram's words (tdlib/telegram-bot-api, `Client.cpp`).

use serde_json::{Value, json};

/// A call that was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    pub code: u16,
    pub description: String,
    pub retry_after_s: Option<u64>,
}

impl ApiError {
    pub(super) fn new(code: u16, description: impl Into<String>) -> Self {
        Self { code, description: description.into(), retry_after_s: None }
    }

    pub(super) fn bad_request(why: &str) -> Self {
        Self::new(400, format!("Bad Request: {why}"))
    }

    pub(super) fn forbidden(why: &str) -> Self {
        Self::new(403, format!("Forbidden: {why}"))
    }

    pub(super) fn conflict(why: &str) -> Self {
        Self::new(409, format!("Conflict: {why}"))
    }

    pub(super) fn too_many(retry_after_s: u64) -> Self {
        let description = format!("Too Many Requests: retry after {retry_after_s}");
        Self { code: 429, description, retry_after_s: Some(retry_after_s) }
    }

    /// Too late, or never asked.
    pub(super) fn query_invalid() -> Self {
        Self::bad_request("query is too old and response timeout expired or query ID is invalid")
    }

    pub(super) fn to_json(&self) -> Value {
        let mut body =
            json!({"ok": false, "error_code": self.code, "description": self.description});
        if let (Some(retry_after), Some(body)) = (self.retry_after_s, body.as_object_mut()) {
            body.insert("parameters".into(), json!({"retry_after": retry_after}));
        }
        body
    }
}
