//! Records: typed things beside conversations, as a task, an organization, a call. Each is a document with free fields.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::id::{InvalidId, RecordId};
use crate::time::Timestamp;

/// The longest name of a type of records, in bytes.
pub const RECORD_TYPE_BYTES_MAX: usize = 64;

/// A typed thing beside conversations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Its id.
    pub id: RecordId,
    /// What it is.
    pub record_type: RecordType,
    /// What is known of it.
    #[serde(default)]
    pub fields: Map<String, Value>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

/// What a record is, in a word: `task`, `organization`, `time_entry`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordType(Box<str>);

impl RecordType {
    /// The word.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RecordType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RecordType({})", self.0)
    }
}

impl FromStr for RecordType {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let begins_well = text.starts_with(|c: char| c.is_ascii_lowercase());
        if !begins_well || text.len() > RECORD_TYPE_BYTES_MAX || !text.chars().all(good) {
            return Err(InvalidId { what: "record type (lower-case letters, digits and _)" });
        }
        Ok(Self(text.into()))
    }
}

impl TryFrom<String> for RecordType {
    type Error = InvalidId;

    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<RecordType> for String {
    fn from(name: RecordType) -> Self {
        name.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_a_lower_case_word() {
        for good in ["task", "time_entry", "kb2"] {
            assert_eq!(good.parse::<RecordType>().map(String::from).as_deref(), Ok(good));
        }
        for bad in ["", "Task", "2b", "a-b", "a/b", &"a".repeat(65)] {
            assert!(bad.parse::<RecordType>().is_err(), "{bad}");
        }
    }
}
