//! The contract, on SQLite: each call goes to the writer's queue or to a reader.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tidings_model::{ChatId, Event, EventId, Order, Seq, ThreadId, Timestamp, WorkspaceId};
use tidings_store::prepared::prepare;
use tidings_store::transfer::{Movable, Part, Record};
use tidings_store::{
    Batch, CommitError, Committed, CountOf, DocKey, Document, DocumentPage, DocumentQuery,
    EventQuery, Held, Kind, ReadError, Stats, Store, Tail, Timer,
};

use crate::maintain::{backup, forget, verify};
use crate::read::{documents, events, marks, records, tallies};
use crate::readers::Readers;
use crate::tails::Tails;
use crate::writer::Queue;

/// A store in one file; made by [`SqliteStore::open`].
///
/// Dropping it without [`Store::close`] loses nothing: the writer finishes what it has, and the file is let go a moment
/// later.
pub struct SqliteStore {
    path: PathBuf,
    readers: Readers,
    tails: Arc<Tails>,
    queue: Queue,
    /// The writing thread, until it is closed.
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl SqliteStore {
    pub(crate) fn new(
        path: PathBuf,
        readers: Readers,
        tails: Arc<Tails>,
        queue: Queue,
        thread: JoinHandle<()>,
    ) -> Self {
        Self { path, readers, tails, queue, thread: Mutex::new(Some(thread)) }
    }

    fn bytes(&self) -> u64 {
        let mut log = self.path.as_os_str().to_owned();
        log.push("-wal");
        // A file that is not there has no bytes.
        [self.path.as_path(), Path::new(&log)]
            .iter()
            .filter_map(|path| path.metadata().ok())
            .map(|file| file.len())
            .sum()
    }
}

#[async_trait::async_trait]
impl Store for SqliteStore {
    async fn commit(&self, batch: Batch) -> Result<Committed, CommitError> {
        self.queue.commit(prepare(batch)?).await
    }

    fn tail(&self, workspace: WorkspaceId) -> Arc<Tail> {
        self.tails.get(workspace)
    }

    async fn events(
        &self,
        workspace: WorkspaceId,
        query: EventQuery,
    ) -> Result<Vec<Arc<Event>>, ReadError> {
        self.readers.run(move |connection| events::after(connection, workspace, &query)).await
    }

    async fn event(
        &self,
        workspace: WorkspaceId,
        id: EventId,
    ) -> Result<Option<Arc<Event>>, ReadError> {
        self.readers.run(move |connection| events::one(connection, workspace, id)).await
    }

    async fn chat_events(
        &self,
        workspace: WorkspaceId,
        chat: ChatId,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<Vec<Arc<Event>>, ReadError> {
        self.readers
            .run(move |connection| events::of_chat(connection, workspace, chat, before, limit))
            .await
    }

    async fn thread_events(
        &self,
        workspace: WorkspaceId,
        chat: ChatId,
        thread: ThreadId,
        after: Option<Order>,
        limit: usize,
    ) -> Result<Vec<Arc<Event>>, ReadError> {
        self.readers
            .run(move |connection| {
                events::of_thread(connection, workspace, chat, thread, after, limit)
            })
            .await
    }

    async fn thread_event(
        &self,
        workspace: WorkspaceId,
        chat: ChatId,
        thread: ThreadId,
        order: Order,
    ) -> Result<Option<Arc<Event>>, ReadError> {
        self.readers
            .run(move |connection| events::at_order(connection, workspace, chat, thread, order))
            .await
    }

    async fn count(
        &self,
        workspace: WorkspaceId,
        kind: Kind,
        of: CountOf,
    ) -> Result<u64, ReadError> {
        self.readers.run(move |connection| tallies::count(connection, workspace, kind, &of)).await
    }

    async fn last_seq(&self, workspace: WorkspaceId) -> Result<Seq, ReadError> {
        self.readers.run(move |connection| events::last_seq(connection, workspace)).await
    }

    async fn document(
        &self,
        workspace: WorkspaceId,
        key: &DocKey,
    ) -> Result<Option<Document>, ReadError> {
        let key = key.clone();
        self.readers.run(move |connection| documents::one(connection, workspace, &key)).await
    }

    async fn documents_by_key(
        &self,
        workspace: WorkspaceId,
        keys: &[DocKey],
    ) -> Result<Vec<Option<Document>>, ReadError> {
        let keys = keys.to_vec();
        self.readers.run(move |connection| documents::several(connection, workspace, &keys)).await
    }

    async fn documents(
        &self,
        workspace: WorkspaceId,
        query: DocumentQuery,
    ) -> Result<DocumentPage, ReadError> {
        self.readers.run(move |connection| documents::page(connection, workspace, &query)).await
    }

    async fn due_timers(
        &self,
        now: Timestamp,
        limit: usize,
        of: &Held,
    ) -> Result<Vec<Timer>, ReadError> {
        let of = of.clone();
        self.readers.run(move |connection| marks::due(connection, now, limit, &of)).await
    }

    async fn next_timer(&self, of: &Held) -> Result<Option<Timestamp>, ReadError> {
        let of = of.clone();
        self.readers.run(move |connection| marks::next(connection, &of)).await
    }

    async fn cursor(&self, workspace: WorkspaceId, reader: &str) -> Result<Option<Seq>, ReadError> {
        let reader = reader.to_owned();
        self.readers.run(move |connection| marks::cursor(connection, workspace, &reader)).await
    }

    async fn claim(
        &self,
        workspace: WorkspaceId,
        claim: &str,
    ) -> Result<Option<EventId>, ReadError> {
        let claim = claim.to_owned();
        self.readers.run(move |connection| marks::claim(connection, workspace, &claim)).await
    }

    async fn workspaces(&self) -> Result<Vec<WorkspaceId>, ReadError> {
        self.readers.run(marks::workspaces).await
    }

    async fn forget(
        &self,
        workspace: WorkspaceId,
        up_to: Seq,
        claims_before: Timestamp,
    ) -> Result<u64, CommitError> {
        forget::forget(&self.readers, &self.queue, workspace, up_to, claims_before).await
    }

    async fn backup(&self, to: &Path) -> Result<(), ReadError> {
        let (from, to) = (self.path.clone(), to.to_owned());
        self.readers.run(move |_| backup::backup(&from, &to)).await
    }

    async fn verify(&self) -> Result<Vec<String>, ReadError> {
        self.readers.run(verify::whole).await
    }

    async fn stats(&self) -> Result<Stats, ReadError> {
        let stats = self.readers.run(marks::stats).await?;
        Ok(Stats { bytes: self.bytes(), ..stats })
    }

    async fn close(&self) {
        self.readers.close().await;
        self.tails.close();
        self.queue.close().await;
        let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return;
        };
        let ended = tokio::task::spawn_blocking(move || thread.join());
        if !matches!(ended.await, Ok(Ok(()))) {
            tracing::error!("the store's writing thread failed");
        }
    }
}

#[async_trait::async_trait]
impl Movable for SqliteStore {
    async fn records(
        &self,
        workspace: WorkspaceId,
        part: Part,
        after: Option<&Record>,
    ) -> Result<Vec<Record>, ReadError> {
        let after = after.cloned();
        self.readers
            .run(move |connection| records::page(connection, workspace, part, after.as_ref()))
            .await
    }
}
