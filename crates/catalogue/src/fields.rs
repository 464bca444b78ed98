//! Takes the fields of one table of a catalogue file, by name. What is missing, of the wrong kind or left over goes into
//! the report with file, type and field. Called by `entry` only.

use serde_json::{Map, Value};

use crate::error::Report;

/// One table, of which fields are taken until none is left.
pub(crate) struct Fields<'a> {
    file: &'a str,
    event_type: Option<&'a str>,
    /// Where the table stands in its type, with a dot behind it; empty for the type itself.
    prefix: String,
    table: Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(
        file: &'a str,
        event_type: Option<&'a str>,
        prefix: String,
        table: Map<String, Value>,
    ) -> Self {
        Self { file, event_type, prefix, table }
    }

    pub(crate) fn wrong(&self, report: &mut Report, field: &str, message: impl Into<String>) {
        report.add(
            self.file,
            self.event_type,
            Some(&format!("{}{field}", self.prefix)),
            message.into(),
        );
    }

    /// The value of a field, if it is there.
    pub(crate) fn take(&mut self, field: &str) -> Option<Value> {
        self.table.shift_remove(field)
    }

    /// A text that may be left out.
    pub(crate) fn optional_text(&mut self, report: &mut Report, field: &str) -> Option<String> {
        if let Value::String(text) = self.take(field)?
            && !text.trim().is_empty()
        {
            return Some(text);
        }
        self.wrong(report, field, "must be a text that is not empty");
        None
    }

    /// A text that must be there.
    pub(crate) fn text(&mut self, report: &mut Report, field: &str) -> Option<String> {
        if !self.table.contains_key(field) {
            self.wrong(report, field, "is missing");
        }
        self.optional_text(report, field)
    }

    /// A whole number from one to a limit, that must be there.
    pub(crate) fn number(&mut self, report: &mut Report, field: &str, limit: u32) -> Option<u32> {
        let Some(value) = self.take(field) else {
            self.wrong(report, field, "is missing");
            return None;
        };
        let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
        let number = number.filter(|number| (1..=limit).contains(number));
        if number.is_none() {
            self.wrong(report, field, format!("must be a whole number from 1 to {limit}"));
        }
        number
    }

    /// Yes or no; no where it is left out.
    pub(crate) fn flag(&mut self, report: &mut Report, field: &str) -> bool {
        match self.take(field) {
            None => false,
            Some(Value::Bool(flag)) => flag,
            Some(_) => {
                self.wrong(report, field, "must be true or false");
                false
            }
        }
    }

    /// A list of texts that must be there; it may be empty.
    pub(crate) fn texts(&mut self, report: &mut Report, field: &str) -> Vec<String> {
        let texts = match self.take(field) {
            Some(Value::Array(values)) => values
                .into_iter()
                .map(|value| value.as_str().map(str::to_owned))
                .collect::<Option<Vec<_>>>(),
            Some(_) => None,
            None => {
                self.wrong(report, field, "is missing");
                return Vec::new();
            }
        };
        texts.unwrap_or_else(|| {
            self.wrong(report, field, "must be a list of texts");
            Vec::new()
        })
    }

    /// A table that may be left out.
    pub(crate) fn optional_table(
        &mut self,
        report: &mut Report,
        field: &str,
    ) -> Option<Map<String, Value>> {
        if let Value::Object(table) = self.take(field)? {
            return Some(table);
        }
        self.wrong(report, field, "must be a table");
        None
    }

    /// A table that must be there.
    pub(crate) fn table(&mut self, report: &mut Report, field: &str) -> Option<Map<String, Value>> {
        if !self.table.contains_key(field) {
            self.wrong(report, field, "is missing");
        }
        self.optional_table(report, field)
    }

    /// A list of tables that may be left out.
    pub(crate) fn tables(&mut self, report: &mut Report, field: &str) -> Vec<Map<String, Value>> {
        let Some(value) = self.take(field) else { return Vec::new() };
        let table = |value| if let Value::Object(table) = value { Some(table) } else { None };
        if let Value::Array(values) = value
            && let Some(tables) = values.into_iter().map(table).collect()
        {
            return tables;
        }
        self.wrong(report, field, "must be a list of tables");
        Vec::new()
    }

    /// A value that is written as JSON text and must be there.
    pub(crate) fn json(&mut self, report: &mut Report, field: &str) -> Option<Value> {
        let text = self.text(report, field)?;
        match serde_json::from_str(&text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.wrong(report, field, format!("is not JSON: {error}"));
                None
            }
        }
    }

    /// What is left: the last call for a table whose keys are the catalogue's.
    pub(crate) fn nothing_left(&self, report: &mut Report) {
        for key in self.table.keys() {
            self.wrong(report, key, "there is no such key");
        }
    }

    /// What is left: for a table whose keys are free.
    pub(crate) fn rest(&mut self) -> Map<String, Value> {
        std::mem::take(&mut self.table)
    }
}
