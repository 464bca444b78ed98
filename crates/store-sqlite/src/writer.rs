//! The one thread that writes: group commit.
//!
//! It takes one piece of work, then all that waits, up to [`GROUP_MAX`], into one transaction and one disk sync; then
//! it feeds the tails in order, then it answers. No timer is needed: a group forms while the sync before it runs, so
//! an idle store answers at once and a busy one shares its syncs.
//!
//! A piece of work is written whole or not at all, see `apply`. A failure of the engine rolls the transaction back and
//! fails every piece of it; nothing in memory has moved then, because counters are taken over after the commit only.

mod apply;
mod counters;
mod forget;
pub(crate) mod load;
mod statements;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use rusqlite::Connection;
use tidings_model::{Clock, Event, Seq, WorkspaceId};
use tidings_store::prepared::Prepared;
use tidings_store::{CommitError, Committed};
use tokio::sync::{mpsc, oneshot};

use self::apply::Applied;
use self::counters::{Counters, Group};
use self::statements::Statements;
use crate::lock::Lock;
use crate::tails::Tails;

/// The most pieces of work in one transaction: ten milliseconds of work, so that the first of a group does not wait
/// long for the last.
const GROUP_MAX: usize = 1_024;

/// The most bytes that may wait to be written. A queue of large batches is refused as overload before memory runs out.
const QUEUE_BYTES_MAX: usize = 256 << 20;

/// Something to write.
pub(crate) enum Work {
    /// A batch.
    Commit { batch: Box<Prepared>, reply: oneshot::Sender<Result<Committed, CommitError>> },
    /// A step of forgetting.
    Forget { step: ForgetStep, reply: oneshot::Sender<Result<Forgotten, CommitError>> },
    /// Take no more, finish what waits.
    Close,
}

/// A bounded step of forgetting.
pub(crate) struct ForgetStep {
    pub(crate) workspace: WorkspaceId,
    /// Events up to this number, some of them.
    pub(crate) up_to: Seq,
    /// These claims.
    pub(crate) claims: Vec<String>,
}

/// What a step of forgetting did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Forgotten {
    /// So many events went.
    pub(crate) events: u64,
}

/// The way to the writing thread.
#[derive(Clone)]
pub(crate) struct Queue {
    sender: mpsc::Sender<Work>,
    /// Of the batches that wait.
    bytes: Arc<AtomicUsize>,
}

impl Queue {
    /// Puts a batch in line and waits until it is on disk or refused.
    pub(crate) async fn commit(&self, batch: Prepared) -> Result<Committed, CommitError> {
        let bytes = batch.bytes;
        if self.bytes.fetch_add(bytes, Ordering::Relaxed) > QUEUE_BYTES_MAX {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(CommitError::Overloaded);
        }
        let (reply, answer) = oneshot::channel();
        let sent = self.sender.try_send(Work::Commit { batch: Box::new(batch), reply });
        if let Err(refused) = sent {
            self.bytes.fetch_sub(bytes, Ordering::Relaxed);
            return Err(match refused {
                mpsc::error::TrySendError::Full(_) => CommitError::Overloaded,
                mpsc::error::TrySendError::Closed(_) => CommitError::Closed,
            });
        }
        answer.await.unwrap_or(Err(CommitError::Closed))
    }

    /// Puts a step of forgetting in line, waiting for a place, and waits until it is done.
    pub(crate) async fn forget(&self, step: ForgetStep) -> Result<Forgotten, CommitError> {
        let (reply, answer) = oneshot::channel();
        self.sender.send(Work::Forget { step, reply }).await.map_err(|_| CommitError::Closed)?;
        answer.await.unwrap_or(Err(CommitError::Closed))
    }

    /// Takes no more; the thread ends when it has finished what waits. Harmless when it has ended already.
    pub(crate) async fn close(&self) {
        if self.sender.send(Work::Close).await.is_err() {
            tracing::debug!("the store was closed already");
        }
    }
}

/// Why a transaction failed, and all work in it.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("the transaction failed")]
    Sqlite(#[from] rusqlite::Error),
    #[error("documents.entries of {key} cannot be read")]
    Entries { key: tidings_store::DocKey, source: serde_json::Error },
    #[error("the file has no number left for another workspace")]
    TooManyWorkspaces,
    #[error("the workspace has no number left for another event")]
    LogFull,
}

impl Failure {
    /// What each caller of the transaction is told.
    fn for_caller(self: &Arc<Self>) -> CommitError {
        match &**self {
            Self::Sqlite(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DiskFull) =>
            {
                CommitError::DiskFull
            }
            Self::Sqlite(_) | Self::Entries { .. } | Self::TooManyWorkspaces | Self::LogFull => {
                CommitError::Engine { source: Box::new(Arc::clone(self)) }
            }
        }
    }
}

/// Starts the thread. It ends when the last [`Queue`] is gone or after [`Work::Close`]; then it closes the connection and
/// lets go of the lock, in this order.
pub(crate) fn start(
    connection: Connection,
    lock: Lock,
    tails: Arc<Tails>,
    clock: Arc<dyn Clock>,
    queue: usize,
) -> io::Result<(Queue, JoinHandle<()>)> {
    let (sender, receiver) = mpsc::channel(queue.max(1));
    let bytes = Arc::new(AtomicUsize::new(0));
    let waiting = Arc::clone(&bytes);
    let thread =
        std::thread::Builder::new().name("tidings-store-writer".into()).spawn(move || {
            if let Err(error) = write_all(&connection, receiver, &waiting, &tails, &*clock) {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the store stopped writing"
                );
            }
            finish(connection);
            drop(lock);
        })?;
    Ok((Queue { sender, bytes }, thread))
}

fn write_all(
    connection: &Connection,
    mut queue: mpsc::Receiver<Work>,
    queue_bytes: &AtomicUsize,
    tails: &Tails,
    clock: &dyn Clock,
) -> rusqlite::Result<()> {
    let mut sql = Statements::prepare(connection)?;
    let mut counters = Counters::load(&mut sql)?;
    let mut waiting = Vec::with_capacity(GROUP_MAX);
    while queue.blocking_recv_many(&mut waiting, GROUP_MAX) > 0 {
        let mut answers = Vec::with_capacity(waiting.len());
        let mut group = Group::new(&mut counters);
        let mut result = sql.begin().map_err(Failure::from);
        for work in waiting.drain(..) {
            let answer = match work {
                Work::Commit { batch, reply } => {
                    queue_bytes.fetch_sub(batch.bytes, Ordering::Relaxed);
                    let workspace = batch.workspace;
                    let applied = unless_failed(&mut result, || {
                        apply::apply(&mut sql, &mut group, *batch, clock.now())
                    });
                    Answer::Commit { workspace, applied, reply }
                }
                Work::Forget { step, reply } => {
                    let forgotten =
                        unless_failed(&mut result, || forget::forget(&mut sql, &mut group, &step));
                    Answer::Forget {
                        workspace: step.workspace,
                        up_to: step.up_to,
                        forgotten,
                        reply,
                    }
                }
                Work::Close => {
                    queue.close();
                    continue;
                }
            };
            answers.push(answer);
        }
        unless_failed(&mut result, || group.write(&mut sql));
        unless_failed(&mut result, || sql.commit().map_err(Failure::from));
        match result {
            Ok(()) => {
                group.take_over();
                feed(tails, &answers);
                answers.into_iter().for_each(Answer::send);
            }
            Err(failure) => {
                let failure = Arc::new(failure);
                tracing::error!(
                    error = &*failure as &dyn std::error::Error,
                    works = answers.len(),
                    "a transaction failed"
                );
                let rolled_back = if connection.is_autocommit() { Ok(()) } else { sql.rollback() };
                for answer in answers {
                    answer.fail(&failure);
                }
                rolled_back?;
            }
        }
    }
    Ok(())
}

/// Does the next step of a transaction, unless an earlier one failed.
fn unless_failed<T: Default>(
    result: &mut Result<(), Failure>,
    step: impl FnOnce() -> Result<T, Failure>,
) -> T {
    if result.is_err() {
        return T::default();
    }
    step().unwrap_or_else(|failure| {
        *result = Err(failure);
        T::default()
    })
}

/// Gives the tails what is on disk now, in order, each tail once.
fn feed(tails: &Tails, answers: &[Answer]) {
    let mut by_workspace: HashMap<WorkspaceId, Vec<Arc<Event>>> = HashMap::new();
    for answer in answers {
        match answer {
            Answer::Commit { workspace, applied: Applied::Written(events), .. } => {
                by_workspace.entry(*workspace).or_default().extend_from_slice(events);
            }
            Answer::Commit { applied: Applied::Refused(_), .. } => {}
            Answer::Forget { workspace, up_to, .. } => tails.forget(*workspace, *up_to),
        }
    }
    for (workspace, events) in by_workspace {
        tails.push(workspace, &events);
    }
}

/// Copies the log into the file and lets go of both.
fn finish(connection: Connection) {
    let truncated = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    let closed = connection.close().map_err(|(_, error)| error);
    if let Err(error) = truncated.and(closed) {
        // Nothing is lost: the log file stays, and the next start reads it.
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the store's log could not be emptied at its close"
        );
    }
}

/// Who is told what, once the transaction is on disk.
enum Answer {
    Commit {
        workspace: WorkspaceId,
        applied: Applied,
        reply: oneshot::Sender<Result<Committed, CommitError>>,
    },
    Forget {
        workspace: WorkspaceId,
        up_to: Seq,
        forgotten: Forgotten,
        reply: oneshot::Sender<Result<Forgotten, CommitError>>,
    },
}

impl Answer {
    fn send(self) {
        match self {
            Self::Commit { applied: Applied::Written(events), reply, .. } => {
                tell(reply, Ok(Committed { events }))
            }
            Self::Commit { applied: Applied::Refused(refusal), reply, .. } => {
                tell(reply, Err(refusal))
            }
            Self::Forget { forgotten, reply, .. } => tell(reply, Ok(forgotten)),
        }
    }

    fn fail(self, failure: &Arc<Failure>) {
        match self {
            Self::Commit { reply, .. } => tell(reply, Err(failure.for_caller())),
            Self::Forget { reply, .. } => tell(reply, Err(failure.for_caller())),
        }
    }
}

fn tell<T>(reply: oneshot::Sender<T>, answer: T) {
    if reply.send(answer).is_err() {
        tracing::trace!("a caller of the store does not wait any more");
    }
}
