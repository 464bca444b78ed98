//! The arguments of a call, however they were sent: in Telegram a number may be text, and an object may be JSON in text.

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::error::ApiError;

/// The arguments of one call.
#[derive(Default)]
pub(super) struct Arguments {
    pub values: Map<String, Value>,
    /// Files that were sent along, by the name of their argument.
    pub uploads: HashMap<String, Upload>,
}

pub(super) struct Upload {
    pub file_name: String,
    pub content_type: Option<String>,
    pub bytes: Bytes,
}

impl Arguments {
    pub(super) fn of(values: Map<String, Value>) -> Self {
        Self { values, uploads: HashMap::new() }
    }

    pub(super) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        match self.values.get(name)? {
            Value::String(text) => Some(Cow::Borrowed(text)),
            Value::Null => None,
            other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
                Some(Cow::Owned(other.to_string()))
            }
        }
    }

    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        self.text(name)?.trim().parse().ok()
    }

    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.text(name)?.trim().parse().ok()
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| {
            matches!(text.trim().to_ascii_lowercase().as_str(), "true" | "yes" | "1")
        })
    }

    /// An object or a list, given as such or as JSON in text.
    pub(super) fn json(&self, name: &str) -> Result<Option<Value>, ApiError> {
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) => serde_json::from_str(text)
                .map(Some)
                .map_err(|_| ApiError::bad_request(&format!("can't parse {name} JSON object"))),
            Some(other) => Ok(Some(other.clone())),
        }
    }

    /// As a test reads them.
    pub(super) fn recorded(&self) -> Map<String, Value> {
        let mut recorded = self.values.clone();
        for (name, upload) in &self.uploads {
            let file = json!({
                "file_name": upload.file_name, "content_type": upload.content_type, "size": upload.bytes.len(),
            });
            recorded.insert(name.clone(), file);
        }
        recorded
    }
}
