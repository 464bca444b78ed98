//! The archive: threads as they are searched, derived from the log and from documents.
//!
//! It holds nothing that cannot be made again, so it may lose everything: who feeds it asks [`Archive::cursor`] where to
//! go on, and begins at the start of the log when there is none. What [`crate::Store`] promises of the disk is not
//! promised here.
//!
//! A thread is found by the words that were said in it ([`words`]), by when it was made, and by its [`Facet`]s: what it
//! has to do with, as names with values. Names are the feeder's own; [`facet`] lists those that are meant.

pub mod facet;
pub mod place;
pub mod words;

pub use facet::{Facet, FacetFilter, Rule};
pub use place::{ArchivePlace, InvalidArchivePlace};
pub use words::highlight;

use std::collections::BTreeSet;

use tidings_model::{ChatId, Seq, ThreadId, Timestamp, WorkspaceId};

/// The most threads that one page holds, whatever it asks for.
pub const ARCHIVE_PAGE_MAX: usize = 1_000;

/// Threads as they are searched. Every number is exact, and what was put is found from then on.
#[async_trait::async_trait]
pub trait Archive: Send + Sync + 'static {
    /// Writes threads, and how far the feeder came: all of it or nothing.
    ///
    /// Safe to call again with the same rows: what comes with a cursor that is not beyond the known one was put before,
    /// and is passed over.
    async fn put(
        &self,
        workspace: WorkspaceId,
        cursor: Seq,
        rows: Vec<ArchivedThread>,
    ) -> Result<(), ArchiveError>;

    /// Up to which number of the log everything is in the archive; `None` when nothing is.
    async fn cursor(&self, workspace: WorkspaceId) -> Result<Option<Seq>, ArchiveError>;

    /// Threads that fulfil all that a query asks, by the time when they were made; of one time, by id.
    async fn search(
        &self,
        workspace: WorkspaceId,
        query: ArchiveQuery,
    ) -> Result<ArchivePage, ArchiveError>;

    /// Removes everything of a workspace, its cursor as well: it is fed from the start again.
    async fn clear(&self, workspace: WorkspaceId) -> Result<(), ArchiveError>;

    /// Takes no more, and lets go of the files.
    async fn close(&self);
}

/// A thread as it is from now on; it is made when its id is new.
#[derive(Clone, Debug, PartialEq)]
pub struct ArchivedThread {
    /// Which one.
    pub thread: ThreadId,
    /// Its chat.
    pub chat: ChatId,
    /// When it was made; what pages are sorted by.
    pub created_at: Timestamp,
    /// What was said in it.
    pub texts: Texts,
    /// What it has to do with: all of it, in place of what was known.
    pub facets: Vec<Facet>,
}

/// What was said in a thread. A phrase is found within one text, words are found across all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Texts {
    /// These were said since; costs as much as they are long, however much was said before.
    Append(Vec<String>),
    /// These are all; what was known before is found no more. For a text that was deleted.
    Replace(Vec<String>),
}

/// What is searched for. Everything that is asked must hold; the default asks for nothing, and finds all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ArchiveQuery {
    /// What was said, see [`words::terms`]. A text without a word asks for nothing.
    pub text: Option<String>,
    /// Made at this time or later.
    pub from: Option<Timestamp>,
    /// Made before this time.
    pub to: Option<Timestamp>,
    /// Of one of these chats; `None` means of any, and an empty list finds nothing.
    pub chats: Option<Vec<ChatId>>,
    /// One of these; `None` means any, and an empty list finds nothing.
    pub threads: Option<Vec<ThreadId>>,
    /// What they have to do with.
    pub facets: Vec<FacetFilter>,
    /// With a [`facet::GROUP`] among these, because the searcher may see no others; `None` means that they see all.
    pub visible_groups: Option<BTreeSet<String>>,
    /// In which order they come.
    pub order: ArchiveOrder,
    /// At most so many; [`ARCHIVE_PAGE_MAX`] is the ceiling.
    pub limit: usize,
    /// Where to go on: [`ArchivePage::next`] or [`ArchivePage::previous`] of a page of the same query.
    pub place: Option<String>,
}

/// In which order threads come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ArchiveOrder {
    /// Those that were made last come first.
    #[default]
    NewestFirst,
    /// Those that were made first come first.
    OldestFirst,
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivePage {
    /// The threads.
    pub rows: Vec<ArchiveHit>,
    /// How many there are on all pages together.
    pub total: u64,
    /// Where the next page begins, if there is one.
    pub next: Option<String>,
    /// Where the page before ends, if there is one.
    pub previous: Option<String>,
}

/// A thread that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArchiveHit {
    /// Which one.
    pub thread: ThreadId,
    /// Its chat.
    pub chat: ChatId,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Why the archive did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    /// The place to go on from was not told by a page.
    #[error(transparent)]
    Place(#[from] InvalidArchivePlace),
    /// Nothing more fits: use another installation, or remove what is not needed.
    #[error("the archive holds no more {what}")]
    Full {
        /// Of what.
        what: &'static str,
    },
    /// The archive is closed.
    #[error("the archive is closed")]
    Closed,
    /// The engine failed. When that stays so, remove the archive's files: it is made again from the log.
    #[error("the archive failed")]
    Engine {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
