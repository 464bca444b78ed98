//! What is wrong with the vocabulary: every wrong entry with file, type and field, several at once.

use std::fmt;

/// How many wrong entries one error tells of. Enough to mend a file in one go; the first ones are what counts.
pub const WRONG_ENTRIES_MAX: usize = 50;

/// The vocabulary cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct CatalogueError {
    /// What is wrong, in the order of the files; never empty.
    pub wrong: Vec<WrongEntry>,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongEntry {
    /// The file, as it was named when loaded.
    pub file: String,
    /// The event type, where one is concerned.
    pub event_type: Option<String>,
    /// The field, as `answer.within_ms` or `aliases.0.where.channel`.
    pub field: Option<String>,
    /// What is wrong with it.
    pub message: String,
}

impl fmt::Display for WrongEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(event_type) = &self.event_type {
            write!(f, ": {event_type}")?;
        }
        if let Some(field) = &self.field {
            write!(f, ": {field}")?;
        }
        write!(f, ": {}", self.message)
    }
}

impl fmt::Display for CatalogueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the catalogue of events is wrong")?;
        for entry in &self.wrong {
            write!(f, "\n  {entry}")?;
        }
        Ok(())
    }
}

/// Gathers wrong entries while files are read.
#[derive(Default)]
pub(crate) struct Report {
    wrong: Vec<WrongEntry>,
}

impl Report {
    /// Notes one; past the limit it is dropped.
    pub(crate) fn add(
        &mut self,
        file: &str,
        event_type: Option<&str>,
        field: Option<&str>,
        message: String,
    ) {
        if self.wrong.len() < WRONG_ENTRIES_MAX {
            self.wrong.push(WrongEntry {
                file: file.into(),
                event_type: event_type.map(Into::into),
                field: field.map(Into::into),
                message,
            });
        }
    }

    /// Whether nothing is wrong.
    pub(crate) fn into_result(self) -> Result<(), CatalogueError> {
        if self.wrong.is_empty() { Ok(()) } else { Err(CatalogueError { wrong: self.wrong }) }
    }
}
