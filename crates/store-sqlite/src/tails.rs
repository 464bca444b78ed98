//! The tails of the workspaces that somebody follows.
//!
//! A tail is made when it is first asked for, with the head that the file says then. The map is locked while that is
//! read, and while the writer looks a tail up, so an event that is committed meanwhile is either in the head or pushed
//! after it (or both: the tail passes over what it knows).

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension};
use tidings_model::{Event, Seq, WorkspaceId};
use tidings_store::Tail;

use crate::connection;

/// Above so many tails, those that nobody holds are let go. One holds up to 8 MiB when its workspace is busy.
const TAILS_KEPT: usize = 256;

/// All tails, and a connection of their own to read heads by: `Store::tail` does not wait for a reader.
pub(crate) struct Tails {
    inner: Mutex<Inner>,
}

struct Inner {
    tails: HashMap<WorkspaceId, Arc<Tail>>,
    connection: Option<Connection>,
}

impl Tails {
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Self> {
        let connection = Some(connection::reader(path)?);
        Ok(Self { inner: Mutex::new(Inner { tails: HashMap::new(), connection }) })
    }

    /// The tail of a workspace.
    pub(crate) fn get(&self, workspace: WorkspaceId) -> Arc<Tail> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tail) = inner.tails.get(&workspace) {
            return Arc::clone(tail);
        }
        if inner.tails.len() >= TAILS_KEPT {
            inner.tails.retain(|_, tail| Arc::strong_count(tail) > 1);
        }
        let tail = Arc::new(Tail::new(inner.head(workspace)));
        inner.tails.insert(workspace, Arc::clone(&tail));
        tail
    }

    /// Gives new events to those who follow. Called by the writer only, in order.
    pub(crate) fn push(&self, workspace: WorkspaceId, events: &[Arc<Event>]) {
        if let Some(tail) = self.known(workspace) {
            tail.push(events);
        }
    }

    /// Lets go of forgotten events.
    pub(crate) fn forget(&self, workspace: WorkspaceId, up_to: Seq) {
        if let Some(tail) = self.known(workspace) {
            tail.forget(up_to);
        }
    }

    /// Lets go of the file.
    pub(crate) fn close(&self) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).connection = None;
    }

    fn known(&self, workspace: WorkspaceId) -> Option<Arc<Tail>> {
        self.inner
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .tails
            .get(&workspace)
            .map(Arc::clone)
    }
}

impl Inner {
    /// A head that cannot be read counts as the start: the first push then makes a gap, and readers ask the store, which
    /// tells them what is wrong.
    fn head(&self, workspace: WorkspaceId) -> Seq {
        let Some(connection) = &self.connection else { return Seq::START };
        let head = connection
            .prepare_cached("SELECT last_seq FROM workspaces WHERE id = ?1")
            .and_then(|mut select| {
                select
                    .query_row([workspace.uuid().into_bytes()], |row| row.get::<_, i64>(0))
                    .optional()
            });
        match head {
            Ok(head) => Seq(head.unwrap_or(0).cast_unsigned()),
            Err(error) => {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the head of a log could not be read"
                );
                Seq::START
            }
        }
    }
}
