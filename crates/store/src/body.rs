//! What a document says, as the text that is stored.

use std::fmt;

use serde::Serialize;
use serde_json::Value;

/// What a document says: one JSON value, written once, when it is known.
#[derive(Clone, PartialEq, Eq)]
pub struct Body(Vec<u8>);

impl Body {
    /// Writes it. Fails only for what JSON has no form for, as a map whose keys are not text.
    pub fn of<T: Serialize + ?Sized>(said: &T) -> serde_json::Result<Self> {
        serde_json::to_vec(said).map(Self)
    }

    /// Reads it again.
    pub fn value(&self) -> Value {
        serde_json::from_slice(&self.0).expect("a body is JSON")
    }

    /// The text.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

impl From<Value> for Body {
    fn from(value: Value) -> Self {
        Self::of(&value).expect("a JSON value can be written")
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.0))
    }
}
