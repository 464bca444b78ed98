//! What can be asked.

use std::fmt;
use std::str::FromStr;

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
    /// By the index entries of this name whose value is in a range, sorted by value and then by id.
    ///
    /// Values are compared byte by byte, so numbers and times must be written in one width. A document comes once for
    /// each of its entries in the range. A page goes on after a [`Place`].
    Range {
        /// The entries' name.
        name: &'static str,
        /// The least value; `None` means from the first.
        from: Option<String>,
        /// Beyond the greatest value; `None` means to the last.
        to: Option<String>,
        /// Greatest value first, and of equal ones the last id first.
        newest_first: bool,
    },
}

/// An entry of an index, where a page of a [`Scan::Range`] ends: [`DocumentPage::next`] is one as text.
///
/// Who wants the page before goes on from the place of the first document, in the other direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The entry's value.
    pub value: String,
    /// The document's id.
    pub id: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}{}", self.value.len(), self.value, self.id)
    }
}

impl FromStr for Place {
    type Err = InvalidPlace;

    fn from_str(text: &str) -> Result<Self, InvalidPlace> {
        let (length, rest) = text.split_once(':').ok_or(InvalidPlace)?;
        let length = length.parse().map_err(|_| InvalidPlace)?;
        let (value, id) = rest.split_at_checked(length).ok_or(InvalidPlace)?;
        Ok(Self { value: value.into(), id: id.into() })
    }
}

/// A text is not a place in an index: give back what a page told, unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the place to go on from was not told by a page of this scan")]
pub struct InvalidPlace;

/// Which documents of a kind are counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CountOf {
    /// All of them.
    All,
    /// Those with an index entry of this name, each once however many it has.
    Named {
        /// The entry's name.
        name: &'static str,
    },
    /// Those with this index entry.
    Equal {
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
