//! Group commit: who writes takes all that waits for one workspace into one transaction.
//!
//! Batches wait in a lane for their workspace. A lane is in one writer's hands at a time, so its groups follow each other
//! in order; lanes are served in turn. While a group is written the next one gathers, so an idle store answers at once
//! and a busy one shares its round trips and its disk syncs.
//!
//! A group is written in two flights of pipelined statements, see `group`: first the workspace's row is locked and what
//! could refuse a batch is read (`look`); then it is decided in memory, batch by batch (`scene`); then all is written and
//! committed (`write`). What gathered meanwhile joins the group if it is much, by a flight in between. Whether a commit
//! happened whose answer was lost is asked of the database (`settle`).

pub(crate) mod backoff;
mod group;
mod look;
mod scene;
mod settle;
mod write;

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use deadpool_postgres::Pool;
use tidings_model::{Clock, WorkspaceId};
use tidings_store::prepared::Prepared;
use tidings_store::{CommitError, Committed};
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::tails::Tails;

/// The most batches in one transaction.
const GROUP_MAX: usize = 1_024;

/// The most bytes in one transaction, beyond its first batch: what is sent in a fraction of a second.
const GROUP_BYTES_MAX: usize = 16 << 20;

/// The most bytes that may wait to be written. A queue of large batches is refused as overload before memory runs out.
const QUEUE_BYTES_MAX: usize = 256 << 20;

/// How long a batch may wait for a database that is away: longer than a restart or a failover mostly takes, shorter than
/// callers wait.
pub(crate) const COMMIT_PATIENCE: Duration = Duration::from_secs(10);

/// A batch that waits, and who waits for it.
struct Work {
    batch: Box<Prepared>,
    reply: oneshot::Sender<Result<Committed, CommitError>>,
    /// When its patience ends.
    end: Instant,
}

impl Work {
    fn tell(self, answer: Result<Committed, CommitError>) {
        if self.reply.send(answer).is_err() {
            tracing::trace!("a caller of the store does not wait any more");
        }
    }
}

/// What writers work with.
pub(crate) struct Context {
    pub(crate) pool: Pool,
    pub(crate) tails: Arc<Tails>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// The way to the writers.
pub(crate) struct Queue {
    shared: Arc<Shared>,
    /// Until they are closed.
    writers: Mutex<Vec<JoinHandle<()>>>,
}

struct Shared {
    context: Context,
    waiting_max: usize,
    state: Mutex<State>,
    /// A permit for each ready lane, and at the end for each writer.
    ready: Semaphore,
}

#[derive(Default)]
struct State {
    lanes: HashMap<WorkspaceId, VecDeque<Work>>,
    /// Lanes with work that are in nobody's hands.
    ready: VecDeque<WorkspaceId>,
    /// Batches that wait, in all lanes.
    waiting: usize,
    /// Of the batches that wait.
    bytes: usize,
    closed: bool,
}

impl State {
    /// Takes from a lane until the group is full.
    fn fill(&mut self, workspace: WorkspaceId, group: &mut Vec<Work>) {
        let Some(lane) = self.lanes.get_mut(&workspace) else { return };
        let mut bytes: usize = group.iter().map(|work| work.batch.bytes).sum();
        while group.len() < GROUP_MAX
            && bytes <= GROUP_BYTES_MAX
            && let Some(work) = lane.pop_front()
        {
            self.waiting -= 1;
            self.bytes = self.bytes.saturating_sub(work.batch.bytes);
            bytes += work.batch.bytes;
            group.push(work);
        }
    }
}

impl Queue {
    /// Starts the writers.
    pub(crate) fn start(context: Context, writers: usize, waiting_max: usize) -> Self {
        let shared = Arc::new(Shared {
            context,
            waiting_max: waiting_max.max(1),
            state: Mutex::default(),
            ready: Semaphore::new(0),
        });
        let writers =
            (0..writers.max(1)).map(|_| tokio::spawn(write_all(Arc::clone(&shared)))).collect();
        Self { shared, writers: Mutex::new(writers) }
    }

    /// What the writers work with.
    pub(crate) fn context(&self) -> &Context {
        &self.shared.context
    }

    /// Puts a batch in line and waits until it is on disk or refused.
    pub(crate) async fn commit(&self, batch: Prepared) -> Result<Committed, CommitError> {
        let (reply, answer) = oneshot::channel();
        let end = Instant::now() + COMMIT_PATIENCE;
        self.shared.put(Work { batch: Box::new(batch), reply, end })?;
        answer.await.unwrap_or(Err(CommitError::Closed))
    }

    /// Takes no more, and waits until what waits is written. Harmless when it was closed before.
    pub(crate) async fn close(&self) {
        let writers = {
            let mut writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *writers)
        };
        self.shared.end(writers.len());
        for writer in writers {
            if writer.await.is_err() {
                tracing::error!("a writer of the store failed");
            }
        }
    }
}

impl Drop for Queue {
    /// The writers finish what waits, and end.
    fn drop(&mut self) {
        let writers = self.writers.lock().unwrap_or_else(PoisonError::into_inner).len();
        self.shared.end(writers);
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, work: Work) -> Result<(), CommitError> {
        let mut state = self.state();
        if state.closed {
            return Err(CommitError::Closed);
        }
        if state.waiting >= self.waiting_max || state.bytes > QUEUE_BYTES_MAX {
            return Err(CommitError::Overloaded);
        }
        state.waiting += 1;
        state.bytes += work.batch.bytes;
        let workspace = work.batch.workspace;
        if let Some(lane) = state.lanes.get_mut(&workspace) {
            // It is ready or in somebody's hands already.
            lane.push_back(work);
            return Ok(());
        }
        state.lanes.insert(workspace, VecDeque::from([work]));
        state.ready.push_back(workspace);
        drop(state);
        self.ready.add_permits(1);
        Ok(())
    }

    /// The next group; `None` when the store is closed and nothing is ready.
    async fn next(&self) -> Option<(WorkspaceId, Vec<Work>)> {
        let permit = self.ready.acquire().await.ok()?;
        permit.forget();
        let mut state = self.state();
        let workspace = state.ready.pop_front()?;
        let mut group = Vec::new();
        state.fill(workspace, &mut group);
        Some((workspace, group))
    }

    /// Adds to a group what has come for it since, if it is half as much again.
    fn join(&self, workspace: WorkspaceId, group: &mut Vec<Work>) {
        let mut state = self.state();
        let gathered = state.lanes.get(&workspace).map_or(0, VecDeque::len);
        if 2 * gathered >= group.len() {
            state.fill(workspace, group);
        }
    }

    /// Gives a lane back, with what was not written yet in front.
    fn done(&self, workspace: WorkspaceId, rest: Vec<Work>) {
        let mut state = self.state();
        state.waiting += rest.len();
        state.bytes += rest.iter().map(|work| work.batch.bytes).sum::<usize>();
        let Some(lane) = state.lanes.get_mut(&workspace) else { return };
        for work in rest.into_iter().rev() {
            lane.push_front(work);
        }
        if lane.is_empty() {
            state.lanes.remove(&workspace);
            return;
        }
        state.ready.push_back(workspace);
        drop(state);
        self.ready.add_permits(1);
    }

    fn end(&self, writers: usize) {
        self.state().closed = true;
        self.ready.add_permits(writers);
    }
}

/// One writer. What it gives back it takes again itself, if nobody else does, so nothing is left when the last one ends.
async fn write_all(shared: Arc<Shared>) {
    while let Some((workspace, group)) = shared.next().await {
        let rest = group::write(&shared, workspace, group).await;
        // Who was answered has its next batch ready in a moment: it goes into the next group, not into the one after that.
        tokio::task::yield_now().await;
        shared.done(workspace, rest);
    }
}
