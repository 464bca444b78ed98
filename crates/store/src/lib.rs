//! What must be remembered: the storage contract, and the suite that every engine passes.
//!
//! The contract is one write, [`Store::commit`], and a few reads. State and the events that tell of it are committed
//! together, or not at all; what `commit` returned is on disk. Readers of the log never see number 11 before 10.
//!
//! In reading order: [`batch`] (what is written), [`document`] and [`body`], [`timer`], [`read`] (what is read), [`tail`]
//! (the log's end, from memory), [`follow`] (how a reader follows the log), [`share`] and [`nodes`] (how many nodes divide
//! the work), [`prepared`] (a batch as engines write it), [`archive`] (threads as they are searched, a contract of its own),
//! [`transfer`] (how a store moves to another engine), `conformance` (the promises, as tests; a feature).

pub mod agree;
pub mod archive;
pub mod batch;
pub mod body;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod document;
pub mod follow;
pub mod nodes;
pub mod prepared;
pub mod read;
pub mod share;
pub mod tail;
pub mod timer;
pub mod transfer;

pub use batch::{Advance, Batch, Claim, CommitError, Committed, Expect};
pub use body::Body;
pub use document::{Delete, DocKey, Document, Kind, Put, TALLIED, Version};
pub use follow::Follower;
pub use nodes::{Node, Nodes, Peer};
pub use read::{CountOf, DocumentPage, DocumentQuery, EventQuery, Place, ReadError, Scan, Stats};
pub use share::{Held, SHARES, Share, Shares};
pub use tail::{Tail, TailRead};
pub use timer::{Timer, TimerChange, TimerName};

use std::sync::Arc;

use tidings_model::{ChatId, Event, EventId, Order, Seq, ThreadId, Timestamp, WorkspaceId};

/// The storage contract. `server` and `testkit` choose the engine; nobody else knows which one runs.
#[async_trait::async_trait]
pub trait Store: Send + Sync + 'static {
    /// Writes a batch, all of it or nothing. On return it is on disk.
    ///
    /// Safe to call again with the same batch when the answer was lost: give it a claim or an expected version, and the
    /// second call is refused with the first one's outcome. Claims are looked at first, so that a repeated batch is told
    /// [`CommitError::Claimed`], not that its documents have moved on. Once it waits in the queue the batch is written
    /// even if the caller stops waiting.
    async fn commit(&self, batch: Batch) -> Result<Committed, CommitError>;

    /// The end of a workspace's log, fed from memory by every commit.
    fn tail(&self, workspace: WorkspaceId) -> Arc<Tail>;

    /// Events after a number, in order.
    ///
    /// Fewer than the limit may come where envelopes are large ([`read::EVENTS_READ_BYTES_MAX`]); only an empty answer
    /// says that nothing follows. A rare type is found by its index, not by scanning.
    async fn events(
        &self,
        workspace: WorkspaceId,
        query: EventQuery,
    ) -> Result<Vec<Arc<Event>>, ReadError>;

    /// One event.
    async fn event(
        &self,
        workspace: WorkspaceId,
        id: EventId,
    ) -> Result<Option<Arc<Event>>, ReadError>;

    /// Events of one chat, newest first, before a number.
    async fn chat_events(
        &self,
        workspace: WorkspaceId,
        chat: ChatId,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<Vec<Arc<Event>>, ReadError>;

    /// Events of one thread after an order, in rising order.
    ///
    /// Costs as much as the events that it gives, however long the chat is and whatever happened beside the thread. A
    /// thread belongs to one chat; asked of another, it has no events. Fewer than the limit may come where envelopes are
    /// large ([`read::EVENTS_READ_BYTES_MAX`]); only an empty answer says that nothing follows.
    async fn thread_events(
        &self,
        workspace: WorkspaceId,
        chat: ChatId,
        thread: ThreadId,
        after: Option<Order>,
        limit: usize,
    ) -> Result<Vec<Arc<Event>>, ReadError>;

    /// One event of a thread, by its order.
    async fn thread_event(
        &self,
        workspace: WorkspaceId,
        chat: ChatId,
        thread: ThreadId,
        order: Order,
    ) -> Result<Option<Arc<Event>>, ReadError>;

    /// The number of the last event; [`Seq::START`] in an empty log.
    async fn last_seq(&self, workspace: WorkspaceId) -> Result<Seq, ReadError>;

    /// One document.
    async fn document(
        &self,
        workspace: WorkspaceId,
        key: &DocKey,
    ) -> Result<Option<Document>, ReadError>;

    /// Several documents, each in the place of its key; as they were at one moment.
    async fn documents_by_key(
        &self,
        workspace: WorkspaceId,
        keys: &[DocKey],
    ) -> Result<Vec<Option<Document>>, ReadError>;

    /// Documents of a kind, by key or by one of their index entries.
    async fn documents(
        &self,
        workspace: WorkspaceId,
        query: DocumentQuery,
    ) -> Result<DocumentPage, ReadError>;

    /// How many documents of a kind there are, or how many carry an index entry. Exact.
    ///
    /// At once for all of a kind and for the names in [`TALLIED`], which are counted as they are written; for another
    /// name it takes as long as there are entries to look at.
    async fn count(
        &self,
        workspace: WorkspaceId,
        kind: Kind,
        of: CountOf,
    ) -> Result<u64, ReadError>;

    /// Timers that are due by `now` and fall into these shares ([`Share::of_timer`]), earliest first.
    async fn due_timers(
        &self,
        now: Timestamp,
        limit: usize,
        of: &Held,
    ) -> Result<Vec<Timer>, ReadError>;

    /// When the earliest timer of these shares is due.
    async fn next_timer(&self, of: &Held) -> Result<Option<Timestamp>, ReadError>;

    /// The cursor of a reader: all up to this number is done.
    async fn cursor(&self, workspace: WorkspaceId, reader: &str) -> Result<Option<Seq>, ReadError>;

    /// What a claim was taken for, if it was.
    async fn claim(
        &self,
        workspace: WorkspaceId,
        claim: &str,
    ) -> Result<Option<EventId>, ReadError>;

    /// The workspaces, oldest first.
    async fn workspaces(&self) -> Result<Vec<WorkspaceId>, ReadError>;

    /// Removes events up to a number that every reader has passed (the caller sees to that), and claims older than a
    /// time. Returns how many events went. Documents, timers and cursors stay.
    ///
    /// It goes in many small steps, so that commits go on between them; called again it does what is left.
    /// Numbers are never used again; a reader that asks for a removed one gets the next that is left.
    async fn forget(
        &self,
        workspace: WorkspaceId,
        up_to: Seq,
        claims_before: Timestamp,
    ) -> Result<u64, CommitError>;

    /// Copies everything, consistently, into a new file or folder while serving. What is there already is never
    /// overwritten.
    async fn backup(&self, to: &std::path::Path) -> Result<(), ReadError>;

    /// Looks for damage; an empty list means that none was found. Each entry names the place.
    async fn verify(&self) -> Result<Vec<String>, ReadError>;

    /// Sizes, for metrics and `doctor`.
    async fn stats(&self) -> Result<Stats, ReadError>;

    /// Takes no more, finishes what it has, and lets go of the files.
    async fn close(&self);
}
