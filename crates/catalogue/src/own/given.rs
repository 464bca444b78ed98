//! Takes the fields of a type that was given as JSON, one by one. What is missing, of the wrong kind or left over becomes
//! a [`super::Wrong`]. Called by `read` only.

use serde_json::{Map, Value};

use super::wrong::{WrongCode, Wrongs, step};

/// The longest title, group or sentence of how it arises, in bytes.
const WORDS_BYTES_MAX: usize = 200;

/// The longest description, in bytes.
const DESCRIPTION_BYTES_MAX: usize = 4_000;

/// The most entries of a list.
const ENTRIES_MAX: usize = 50;

/// The fields that were given, of which some are taken.
pub(super) struct Given {
    fields: Map<String, Value>,
    pub(super) wrongs: Wrongs,
}

impl Given {
    pub(super) fn new(given: &Value) -> Self {
        let mut wrongs = Wrongs::default();
        let fields = given.as_object().cloned();
        if fields.is_none() {
            wrongs.add("", WrongCode::WrongKindOfValue, "a type is an object with fields");
        }
        let fields = fields.unwrap_or_default();
        Self { fields, wrongs }
    }

    /// The value of a field; null is as good as left out.
    pub(super) fn take(&mut self, field: &str) -> Option<Value> {
        self.fields.shift_remove(field).filter(|value| !value.is_null())
    }

    /// The value of a field that must be there.
    pub(super) fn needed(&mut self, field: &str) -> Option<Value> {
        let value = self.take(field);
        if value.is_none() {
            self.wrong(field, WrongCode::Missing, "is missing");
        }
        value
    }

    pub(super) fn wrong(&mut self, field: &str, code: WrongCode, message: impl Into<String>) {
        self.wrongs.add(step("", field), code, message);
    }

    /// A text of a few words.
    pub(super) fn words(&mut self, field: &str) -> Option<String> {
        let value = self.take(field)?;
        self.text(field, &value, WORDS_BYTES_MAX)
    }

    /// A text of a few words that must be there.
    pub(super) fn needed_words(&mut self, field: &str) -> Option<String> {
        let value = self.needed(field)?;
        self.text(field, &value, WORDS_BYTES_MAX)
    }

    /// Sentences; none where they are left out or empty.
    pub(super) fn sentences(&mut self, field: &str) -> String {
        match self.take(field) {
            None => String::new(),
            Some(Value::String(text)) if text.is_empty() => text,
            Some(value) => self.text(field, &value, DESCRIPTION_BYTES_MAX).unwrap_or_default(),
        }
    }

    fn text(&mut self, field: &str, value: &Value, bytes_max: usize) -> Option<String> {
        let Value::String(text) = value else {
            self.wrong(field, WrongCode::WrongKindOfValue, "must be a text");
            return None;
        };
        if text.trim().is_empty() {
            self.wrong(field, WrongCode::Missing, "must not be empty");
            return None;
        }
        if text.len() > bytes_max {
            self.wrong(field, WrongCode::TooLong, format!("must have at most {bytes_max} bytes"));
            return None;
        }
        Some(text.clone())
    }

    /// A whole number from one to a limit.
    pub(super) fn number(&mut self, field: &str, limit: u32) -> Option<u32> {
        let value = self.take(field)?;
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| (1..=limit).contains(number));
        if number.is_none() {
            let message = format!("must be a whole number from 1 to {limit}");
            self.wrong(field, WrongCode::WrongKindOfValue, message);
        }
        number
    }

    /// A list that may be left out.
    pub(super) fn list(&mut self, field: &str) -> Option<Vec<Value>> {
        match self.take(field)? {
            Value::Array(entries) if entries.len() <= ENTRIES_MAX => Some(entries),
            Value::Array(_) => {
                let message = format!("must have at most {ENTRIES_MAX} entries");
                self.wrong(field, WrongCode::TooMany, message);
                None
            }
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Object(_) => {
                self.wrong(field, WrongCode::WrongKindOfValue, "must be a list");
                None
            }
        }
    }

    /// One of some words.
    pub(super) fn word<T: Copy>(
        &mut self,
        pointer: &str,
        value: &Value,
        all: &[T],
        as_str: impl Fn(T) -> &'static str,
    ) -> Option<T> {
        let found =
            value.as_str().and_then(|word| all.iter().copied().find(|each| as_str(*each) == word));
        if found.is_none() {
            let words = all.iter().map(|each| as_str(*each)).collect::<Vec<_>>().join(", ");
            self.wrongs.add(pointer, WrongCode::UnknownWord, format!("must be one of {words}"));
        }
        found
    }

    /// What is left: the last call.
    pub(super) fn nothing_left(&mut self) {
        for field in self.fields.keys() {
            self.wrongs.add(step("", field), WrongCode::UnknownField, "there is no such field");
        }
    }
}
