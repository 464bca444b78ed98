//! What can be asked.

use tidings_model::{ChatId, Seq, TypeName};

use crate::{Document, Kind};

/// The most events that one call returns, whatever it asks for.
pub const EVENTS_READ_MAX: usize = 1_000;

/// The most bytes of envelopes that one call returns, beyond its first event.
///
/// Equal to what a [`crate::Tail`] keeps twice over: a reader that is behind takes as much in one step.
pub const EVENTS_READ_BYTES_MAX: usize = 16 << 20;

/// The most timers that one call returns, whatever it asks for.
pub const TIMERS_READ_MAX: usize = 1_000;

/// The most documents that one call returns, whatever it asks for.
pub const DOCUMENTS_READ_MAX: usize = 1_000;

/// Which events, always in the order of their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventQuery {
    /// Only those after this number.
    pub after: Seq,
    /// At most so many; [`EVENTS_READ_MAX`] is the ceiling.
    pub limit: usize,
    /// Only those of these types; empty means all.
    pub types: Vec<TypeName>,
    /// Only those of this chat.
    pub chat: Option<ChatId>,
}

/// Which documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentQuery {
    /// Of which kind.
    pub kind: Kind,
    /// In which order, and which part of it.
    pub scan: Scan,
    /// Only those after this place: [`DocumentPage::next`] of the page before.
    pub after: Option<String>,
    /// At most so many; [`DOCUMENTS_READ_MAX`] is the ceiling.
    pub limit: usize,
}

/// In which order documents are listed, and which of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scan {
    /// All of the kind, by id.
    All,
    /// All of the kind, by id, last first: ids are made of time, so the newest come first.
    Newest,
    /// Those whose index entry of this name has exactly this value, by id.
    Equal {
        /// The entry's name.
        name: &'static str,
        /// Its value.
        value: String,
    },
    /// As [`Scan::Equal`], last id first.
    EqualNewest {
        /// The entry's name.
        name: &'static str,
        /// Its value.
        value: String,
    },
}

/// A page of documents.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentPage {
    /// The documents.
    pub documents: Vec<Document>,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
}

/// Sizes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Events that are kept, of all workspaces.
    pub events: u64,
    /// Documents of all kinds.
    pub documents: u64,
    /// Timers that are set.
    pub timers: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// What is stored is damaged.
    #[error("{place} is damaged")]
    Damaged {
        /// Table, column and row.
        place: String,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
    /// The engine failed.
    #[error("the store failed to read")]
    Engine {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
