//! What the promises share: a place for a store, a clock that is turned by hand, and short ways to write batches.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use serde_json::{Value, json};
use tidings_model::{ChatId, Clock, Draft, Event, EventId, ThreadId, Timestamp, WorkspaceId};
use uuid::Uuid;

use crate::{Batch, Claim, DocKey, EventQuery, Kind, Put, Store, Version};

/// Where one store lies; fresh and empty at first.
pub trait Place: Send + Sync {
    /// Opens the store. It is closed before it is opened again.
    fn open(&self, clock: Arc<dyn Clock>) -> Arc<dyn Store>;
    /// Opens the copy that [`Store::backup`] made.
    fn open_copy(&self, copy: &Path, clock: Arc<dyn Clock>) -> Arc<dyn Store>;
    /// Where a copy may go; nothing is there yet.
    fn copy_path(&self) -> PathBuf;
}

/// A clock that is turned by hand; its ids count up, so tests repeat themselves.
#[derive(Debug)]
pub struct HandClock {
    second: AtomicI64,
    ids: AtomicU64,
}

impl HandClock {
    /// A clock at a fixed time of 2023.
    pub fn new() -> Arc<Self> {
        Arc::new(Self { second: AtomicI64::new(1_700_000_000), ids: AtomicU64::new(0) })
    }

    /// Turns it on.
    pub fn advance(&self, seconds: i64) {
        self.second.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(self.second.load(Ordering::SeqCst)).expect("tests stay near 2023")
    }

    fn next_id(&self) -> Uuid {
        let count = self.ids.fetch_add(1, Ordering::SeqCst);
        let milliseconds = u128::from(self.now().as_millisecond().unsigned_abs());
        // Time, then version 7, the count, and the variant.
        Uuid::from_u128(milliseconds << 80 | 7 << 76 | 2 << 62 | u128::from(count))
    }
}

/// An open store, and who speaks in it.
pub struct World {
    /// Where the store lies.
    pub place: Box<dyn Place>,
    /// The clock of everybody.
    pub clock: Arc<HandClock>,
    /// The store, open.
    pub store: Arc<dyn Store>,
    /// Alice's shop.
    pub workspace: WorkspaceId,
}

impl World {
    /// Opens the store of a fresh place.
    pub fn new(place: Box<dyn Place>) -> Self {
        let clock = HandClock::new();
        let store = place.open(Arc::clone(&clock) as Arc<dyn Clock>);
        let workspace = WorkspaceId::new(clock.next_id());
        Self { place, clock, store, workspace }
    }

    /// Closes the store and opens it again.
    pub async fn reopen(&mut self) {
        self.store.close().await;
        self.store = self.place.open(Arc::clone(&self.clock) as Arc<dyn Clock>);
    }

    /// An empty batch of the workspace.
    pub fn batch(&self) -> Batch {
        Batch::new(self.workspace)
    }

    /// A new id of a chat.
    pub fn chat(&self) -> ChatId {
        ChatId::new(self.clock.next_id())
    }

    /// A new id of a thread.
    pub fn thread(&self) -> ThreadId {
        ThreadId::new(self.clock.next_id())
    }

    /// Something that Alice says.
    pub fn message(&self, text: &str) -> Draft {
        self.draft(self.workspace, "chat.message", text)
    }

    /// An event of any type, in any workspace.
    pub fn draft(&self, workspace: WorkspaceId, event_type: &str, text: &str) -> Draft {
        let id = EventId::new(self.clock.next_id());
        let event_type = event_type.parse().expect("a good name");
        Draft::new(id, event_type, workspace, self.clock.now(), json!({ "text": text }))
    }

    /// Commits one message, and gives it back with its number.
    pub async fn say(&self, text: &str) -> Arc<Event> {
        let batch = Batch { events: vec![self.message(text)], ..self.batch() };
        let committed = self.store.commit(batch).await.expect("a message can be written");
        committed.events.into_iter().next().expect("one event was committed")
    }

    /// The whole log.
    pub async fn log(&self) -> Vec<Arc<Event>> {
        let query = EventQuery { limit: usize::MAX, ..EventQuery::default() };
        self.store.events(self.workspace, query).await.expect("the log can be read")
    }

    /// What a document says and how often it was written.
    pub async fn document(&self, key: &DocKey) -> Option<(Version, Value)> {
        let document =
            self.store.document(self.workspace, key).await.expect("documents can be read");
        document.map(|document| (document.version, document.body))
    }
}

/// A claim without an outcome.
pub fn claim(name: &str) -> Claim {
    Claim { name: name.into(), outcome: None }
}

/// The key of a customer's document.
pub fn customer(id: &str) -> DocKey {
    DocKey::new(Kind::Customer, id)
}

/// Writes a document whatever is there.
pub fn put(key: &DocKey, body: Value) -> Put {
    Put { key: key.clone(), expected: None, body: body.into(), index: Vec::new() }
}
