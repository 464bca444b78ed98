//! A store that makes trouble: it has forgotten how far the readers were, rings every timer twice, breaks off after so
//! many writes, takes long to read, or breaks whoever reads. Everything else goes to the real one behind it.
//!
//! All of them, and the one that stands before the store of every test, say something in each document that this release
//! does not know, as a newer one may beside it, and let nobody write it away.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use tidings_model::{ChatId, Event, EventId, Order, Seq, ThreadId, Timestamp, WorkspaceId};
use tidings_store::{
    Batch, CommitError, Committed, CountOf, DocKey, Document, DocumentPage, DocumentQuery,
    EventQuery, Held, Kind, Put, ReadError, Stats, Store, Tail, Timer, Version,
};
use tidings_store_sqlite::SqliteStore;
use tokio::sync::Notify;

/// A store that makes trouble.
pub struct Troubled {
    inner: Arc<SqliteStore>,
    /// How far readers came since it was opened; `None` when it remembers what they wrote before.
    cursors: Option<Mutex<BTreeMap<String, Seq>>>,
    /// The timers that were seen, each to be given once more.
    rung: Option<Mutex<Rung>>,
    /// How many more writes are taken.
    writes_left: AtomicU64,
    /// What takes long to read.
    slow: Option<Arc<SlowRead>>,
    /// What breaks who reads it.
    broken: Option<Arc<BrokenRead>>,
}

/// What somebody reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// The document of a delivery.
    Delivery,
    /// The log of one chat.
    Chat,
}

/// Who reads what a test names panics, once: as if what is read could not be handled.
#[derive(Default)]
pub struct BrokenRead {
    next: Mutex<Option<Reading>>,
}

impl BrokenRead {
    /// The next one who reads this panics.
    pub fn expect(&self, reading: Reading) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = Some(reading);
    }

    /// Whether it happened.
    pub fn broke(&self) -> bool {
        self.next.lock().unwrap_or_else(PoisonError::into_inner).is_none()
    }

    #[expect(clippy::panic, reason = "that is what it is for")]
    fn pass(&self, reading: Reading) {
        let is_next = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            next.take_if(|next| *next == reading).is_some()
        };
        if is_next {
            panic!("a test wants {reading:?} to break who reads it");
        }
    }
}

/// The first reading of the log after a number takes as long as a test wants.
#[derive(Default)]
pub struct SlowRead {
    after: Mutex<Option<Seq>>,
    begun: Notify,
    ends: Notify,
}

impl SlowRead {
    /// The next reading after this number is the one.
    pub fn expect(&self, after: Seq) {
        *self.after.lock().unwrap_or_else(PoisonError::into_inner) = Some(after);
    }

    /// Waits until it has begun.
    pub async fn begun(&self) {
        self.begun.notified().await;
    }

    /// Lets it end.
    pub fn end(&self) {
        self.ends.notify_one();
    }

    async fn pass(&self, after: Seq) {
        {
            let mut expected = self.after.lock().unwrap_or_else(PoisonError::into_inner);
            if *expected != Some(after) {
                return;
            }
            *expected = None;
        }
        self.begun.notify_one();
        self.ends.notified().await;
    }
}

#[derive(Default)]
struct Rung {
    seen: Vec<Timer>,
    again: BTreeSet<String>,
}

impl Troubled {
    /// Every reader begins at the start of the log, and every timer rings a second time.
    pub fn does_all_twice(inner: Arc<SqliteStore>) -> Arc<dyn Store> {
        Arc::new(Self {
            inner,
            cursors: Some(Mutex::default()),
            rung: Some(Mutex::default()),
            writes_left: AtomicU64::new(u64::MAX),
            slow: None,
            broken: None,
        })
    }

    /// One reading takes long.
    pub fn reads_slowly(inner: Arc<SqliteStore>, slow: Arc<SlowRead>) -> Arc<dyn Store> {
        let writes_left = AtomicU64::new(u64::MAX);
        Arc::new(Self {
            inner,
            cursors: None,
            rung: None,
            writes_left,
            slow: Some(slow),
            broken: None,
        })
    }

    /// One reading breaks who reads.
    pub fn breaks(inner: Arc<SqliteStore>, broken: Arc<BrokenRead>) -> Arc<dyn Store> {
        let writes_left = AtomicU64::new(u64::MAX);
        let broken = Some(broken);
        Arc::new(Self { inner, cursors: None, rung: None, writes_left, slow: None, broken })
    }

    /// Only says in documents what this release does not know.
    pub fn knows_more(inner: Arc<SqliteStore>) -> Arc<dyn Store> {
        let writes_left = AtomicU64::new(u64::MAX);
        Arc::new(Self { inner, cursors: None, rung: None, writes_left, slow: None, broken: None })
    }

    /// After so many writes it takes no more, as if the process had ended there.
    pub fn ends_after(inner: Arc<SqliteStore>, writes: u64) -> Arc<dyn Store> {
        let writes_left = AtomicU64::new(writes);
        Arc::new(Self { inner, cursors: None, rung: None, writes_left, slow: None, broken: None })
    }
}

/// What this release does not know.
const UNKNOWN: &str = "since_a_newer_release";

/// Kinds whose documents are written anew each time: they keep nothing of what they said before.
const ANEW: [Kind; 3] = [Kind::Lease, Kind::Turn, Kind::Directory];

/// Says it in a document that is written, and in the thread inside it; who writes over what was read must say it already.
fn say_more(put: &mut Put) {
    let Put { key, expected, body: text, .. } = put;
    let mut body = text.value();
    if ANEW.contains(&key.kind) {
        return;
    }
    let is_read = expected.is_some_and(|version| version != Version::ABSENT);
    // Who uploads a file writes its document twice, and need not look at it.
    let is_own = body.pointer("/upload/used") == Some(&Value::Bool(false));
    let is_kept = body.get(UNKNOWN).is_some() || !body.is_object() || is_own;
    assert!(is_kept || !is_read, "{key} was written without what a newer release said in it");
    let thread = body.get("thread").is_none_or(|thread| thread.get(UNKNOWN).is_some());
    assert!(
        thread || key.kind != Kind::Thread,
        "{key} was left behind without what was said of it"
    );
    for place in ["", "/thread"] {
        if let Some(Value::Object(object)) = body.pointer_mut(place) {
            object.insert(UNKNOWN.into(), true.into());
        }
    }
    *text = body.into();
}

#[async_trait::async_trait]
impl Store for Troubled {
    async fn commit(&self, mut batch: Batch) -> Result<Committed, CommitError> {
        let left = self
            .writes_left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        if left.is_err() {
            return Err(CommitError::Closed);
        }
        batch.puts.iter_mut().for_each(say_more);
        let advances = batch.cursors.clone();
        let committed = self.inner.commit(batch).await?;
        if let Some(cursors) = &self.cursors {
            let mut cursors = cursors.lock().unwrap_or_else(PoisonError::into_inner);
            for advance in advances {
                let cursor = cursors.entry(advance.reader).or_default();
                *cursor = advance.to.max(*cursor);
            }
        }
        Ok(committed)
    }

    async fn cursor(&self, workspace: WorkspaceId, reader: &str) -> Result<Option<Seq>, ReadError> {
        match &self.cursors {
            Some(cursors) => {
                let cursors = cursors.lock().unwrap_or_else(PoisonError::into_inner);
                Ok(cursors.get(reader).copied())
            }
            None => self.inner.cursor(workspace, reader).await,
        }
    }

    async fn due_timers(
        &self,
        now: Timestamp,
        limit: usize,
        of: &Held,
    ) -> Result<Vec<Timer>, ReadError> {
        let mut due = self.inner.due_timers(now, limit, of).await?;
        // A look at all timers is a test's own.
        if let Some(rung) = self.rung.as_ref().filter(|_| now < Timestamp::MAX) {
            let mut rung = rung.lock().unwrap_or_else(PoisonError::into_inner);
            let Rung { seen, again } = &mut *rung;
            for timer in seen.iter() {
                let gone = !due.iter().any(|each| each.name == timer.name);
                if gone && again.insert(format!("{timer:?}")) {
                    due.push(timer.clone());
                }
            }
            for timer in &due {
                if !seen.contains(timer) {
                    seen.push(timer.clone());
                }
            }
        }
        Ok(due)
    }

    fn tail(&self, workspace: WorkspaceId) -> Arc<Tail> {
        self.inner.tail(workspace)
    }

    async fn events(
        &self,
        workspace: WorkspaceId,
        query: EventQuery,
    ) -> Result<Vec<Arc<Event>>, ReadError> {
        if let Some(slow) = &self.slow {
            slow.pass(query.after).await;
        }
        if let Some(broken) = self.broken.as_ref().filter(|_| query.chat.is_some()) {
            broken.pass(Reading::Chat);
        }
        self.inner.events(workspace, query).await
    }

    async fn event(
        &self,
        workspace: WorkspaceId,
        id: EventId,
    ) -> Result<Option<Arc<Event>>, ReadError> {
        self.inner.event(workspace, id).await
    }

    async fn chat_events(
        &self,
        workspace: WorkspaceId,
        chat: ChatId,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<Vec<Arc<Event>>, ReadError> {
        self.inner.chat_events(workspace, chat, before, limit).await
    }

    async fn thread_events(
        &self,
        workspace: WorkspaceId,
        chat: ChatId,
        thread: ThreadId,
        after: Option<Order>,
        limit: usize,
    ) -> Result<Vec<Arc<Event>>, ReadError> {
        self.inner.thread_events(workspace, chat, thread, after, limit).await
    }

    async fn thread_event(
        &self,
        workspace: WorkspaceId,
        chat: ChatId,
        thread: ThreadId,
        order: Order,
    ) -> Result<Option<Arc<Event>>, ReadError> {
        self.inner.thread_event(workspace, chat, thread, order).await
    }

    async fn count(
        &self,
        workspace: WorkspaceId,
        kind: Kind,
        of: CountOf,
    ) -> Result<u64, ReadError> {
        self.inner.count(workspace, kind, of).await
    }

    async fn last_seq(&self, workspace: WorkspaceId) -> Result<Seq, ReadError> {
        self.inner.last_seq(workspace).await
    }

    async fn document(
        &self,
        workspace: WorkspaceId,
        key: &DocKey,
    ) -> Result<Option<Document>, ReadError> {
        if let Some(broken) = self.broken.as_ref().filter(|_| key.kind == Kind::Delivery) {
            broken.pass(Reading::Delivery);
        }
        self.inner.document(workspace, key).await
    }

    async fn documents_by_key(
        &self,
        workspace: WorkspaceId,
        keys: &[DocKey],
    ) -> Result<Vec<Option<Document>>, ReadError> {
        self.inner.documents_by_key(workspace, keys).await
    }

    async fn documents(
        &self,
        workspace: WorkspaceId,
        query: DocumentQuery,
    ) -> Result<DocumentPage, ReadError> {
        self.inner.documents(workspace, query).await
    }

    async fn next_timer(&self, of: &Held) -> Result<Option<Timestamp>, ReadError> {
        self.inner.next_timer(of).await
    }

    async fn claim(
        &self,
        workspace: WorkspaceId,
        claim: &str,
    ) -> Result<Option<EventId>, ReadError> {
        self.inner.claim(workspace, claim).await
    }

    async fn workspaces(&self) -> Result<Vec<WorkspaceId>, ReadError> {
        self.inner.workspaces().await
    }

    async fn forget(
        &self,
        workspace: WorkspaceId,
        up_to: Seq,
        claims_before: Timestamp,
    ) -> Result<u64, CommitError> {
        self.inner.forget(workspace, up_to, claims_before).await
    }

    async fn backup(&self, to: &Path) -> Result<(), ReadError> {
        self.inner.backup(to).await
    }

    async fn verify(&self) -> Result<Vec<String>, ReadError> {
        self.inner.verify().await
    }

    async fn stats(&self) -> Result<Stats, ReadError> {
        self.inner.stats().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
