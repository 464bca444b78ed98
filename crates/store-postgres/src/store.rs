//! The contract, on PostgreSQL: each call goes to the writers' queue or to a reader.

use std::path::Path;
use std::sync::Arc;

use deadpool_postgres::Pool;
use tidings_model::{ChatId, Event, EventId, NodeId, Order, Seq, ThreadId, Timestamp, WorkspaceId};
use tidings_store::agree::Agree;
use tidings_store::prepared::prepare;
use tidings_store::transfer::{Movable, Part, Record};
use tidings_store::{
    Batch, CommitError, Committed, CountOf, DocKey, Document, DocumentPage, DocumentQuery,
    EventQuery, Held, Kind, Node, Nodes, Peer, ReadError, Stats, Store, Tail, Timer,
};
use tokio::task::AbortHandle;

use crate::agree;
use crate::maintain::{backup, forget, verify};
use crate::nodes;
use crate::read::{documents, events, marks, records, tallies};
use crate::readers::Readers;
use crate::tails::Tails;
use crate::text;
use crate::writer::Queue;

/// A store in a database that other nodes use as well; made by [`PostgresStore::open`].
///
/// Dropping it without [`Store::close`] loses nothing: the writers finish what they have.
pub struct PostgresStore {
    readers: Arc<Readers>,
    tails: Arc<Tails>,
    queue: Queue,
    /// A connection of its own for saying that the node lives, so that no slow read makes others miss it.
    beats: Pool,
    /// What feeds the tails.
    tasks: Vec<AbortHandle>,
}

impl PostgresStore {
    pub(crate) fn new(
        readers: Arc<Readers>,
        tails: Arc<Tails>,
        queue: Queue,
        beats: Pool,
        tasks: Vec<AbortHandle>,
    ) -> Self {
        Self { readers, tails, queue, beats, tasks }
    }
}

impl Drop for PostgresStore {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

#[async_trait::async_trait]
impl Store for PostgresStore {
    async fn commit(&self, batch: Batch) -> Result<Committed, CommitError> {
        text::check(&batch)?;
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
        let client = self.readers.take().await?;
        client.within(events::after(&client, workspace, &query)).await
    }

    async fn event(
        &self,
        workspace: WorkspaceId,
        id: EventId,
    ) -> Result<Option<Arc<Event>>, ReadError> {
        let client = self.readers.take().await?;
        client.within(events::one(&client, workspace, id)).await
    }

    async fn chat_events(
        &self,
        workspace: WorkspaceId,
        chat: ChatId,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<Vec<Arc<Event>>, ReadError> {
        let client = self.readers.take().await?;
        client.within(events::of_chat(&client, workspace, chat, before, limit)).await
    }

    async fn thread_events(
        &self,
        workspace: WorkspaceId,
        chat: ChatId,
        thread: ThreadId,
        after: Option<Order>,
        limit: usize,
    ) -> Result<Vec<Arc<Event>>, ReadError> {
        let client = self.readers.take().await?;
        client.within(events::of_thread(&client, workspace, chat, thread, after, limit)).await
    }

    async fn thread_event(
        &self,
        workspace: WorkspaceId,
        chat: ChatId,
        thread: ThreadId,
        order: Order,
    ) -> Result<Option<Arc<Event>>, ReadError> {
        let client = self.readers.take().await?;
        client.within(events::at_order(&client, workspace, chat, thread, order)).await
    }

    async fn last_seq(&self, workspace: WorkspaceId) -> Result<Seq, ReadError> {
        let client = self.readers.take().await?;
        client.within(events::last_seq(&client, workspace)).await
    }

    async fn document(
        &self,
        workspace: WorkspaceId,
        key: &DocKey,
    ) -> Result<Option<Document>, ReadError> {
        let client = self.readers.take().await?;
        client.within(documents::one(&client, workspace, key)).await
    }

    async fn documents_by_key(
        &self,
        workspace: WorkspaceId,
        keys: &[DocKey],
    ) -> Result<Vec<Option<Document>>, ReadError> {
        let client = self.readers.take().await?;
        client.within(documents::several(&client, workspace, keys)).await
    }

    async fn documents(
        &self,
        workspace: WorkspaceId,
        query: DocumentQuery,
    ) -> Result<DocumentPage, ReadError> {
        let client = self.readers.take().await?;
        client.within(documents::page(&client, workspace, &query)).await
    }

    async fn count(
        &self,
        workspace: WorkspaceId,
        kind: Kind,
        of: CountOf,
    ) -> Result<u64, ReadError> {
        let client = self.readers.take().await?;
        client.within(tallies::count(&client, workspace, kind, &of)).await
    }

    async fn due_timers(
        &self,
        now: Timestamp,
        limit: usize,
        of: &Held,
    ) -> Result<Vec<Timer>, ReadError> {
        let client = self.readers.take().await?;
        client.within(marks::due(&client, now, limit, of)).await
    }

    async fn next_timer(&self, of: &Held) -> Result<Option<Timestamp>, ReadError> {
        let client = self.readers.take().await?;
        client.within(marks::next(&client, of)).await
    }

    async fn cursor(&self, workspace: WorkspaceId, reader: &str) -> Result<Option<Seq>, ReadError> {
        let client = self.readers.take().await?;
        client.within(marks::cursor(&client, workspace, reader)).await
    }

    async fn claim(
        &self,
        workspace: WorkspaceId,
        claim: &str,
    ) -> Result<Option<EventId>, ReadError> {
        let client = self.readers.take().await?;
        client.within(marks::claim(&client, workspace, claim)).await
    }

    async fn workspaces(&self) -> Result<Vec<WorkspaceId>, ReadError> {
        let client = self.readers.take().await?;
        client.within(marks::workspaces(&client)).await
    }

    async fn forget(
        &self,
        workspace: WorkspaceId,
        up_to: Seq,
        claims_before: Timestamp,
    ) -> Result<u64, CommitError> {
        forget::forget(self.queue.context(), workspace, up_to, claims_before).await
    }

    async fn backup(&self, to: &Path) -> Result<(), ReadError> {
        let client = self.readers.take().await?;
        client.without_limit(backup::backup(&client, to)).await
    }

    async fn verify(&self) -> Result<Vec<String>, ReadError> {
        let client = self.readers.take().await?;
        client.without_limit(verify::whole(&client)).await
    }

    async fn stats(&self) -> Result<Stats, ReadError> {
        let client = self.readers.take().await?;
        client.within(marks::stats(&client)).await
    }

    async fn close(&self) {
        for task in &self.tasks {
            task.abort();
        }
        self.queue.close().await;
        self.queue.context().pool.close();
        self.readers.close();
        self.beats.close();
    }
}

#[async_trait::async_trait]
impl Nodes for PostgresStore {
    async fn beat(&self, node: &Node) -> Result<Vec<Peer>, CommitError> {
        nodes::beat(&self.beats, node).await
    }

    async fn nodes(&self) -> Result<Vec<Peer>, ReadError> {
        let client = self.readers.take().await?;
        client.within(nodes::all(&client)).await
    }

    async fn leave(&self, node: NodeId) -> Result<(), CommitError> {
        nodes::leave(&self.beats, node).await
    }
}

#[async_trait::async_trait]
impl Agree for PostgresStore {
    async fn agree(&self, name: &str, text: &str) -> Result<String, CommitError> {
        agree::agree(&self.readers, name, text).await
    }

    async fn agreed(&self, name: &str) -> Result<Option<String>, ReadError> {
        let client = self.readers.take().await?;
        client.within(agree::agreed(&client, name)).await
    }
}

#[async_trait::async_trait]
impl Movable for PostgresStore {
    async fn records(
        &self,
        workspace: WorkspaceId,
        part: Part,
        after: Option<&Record>,
    ) -> Result<Vec<Record>, ReadError> {
        let client = self.readers.take().await?;
        client.within(records::page(&client, workspace, part, after)).await
    }
}
