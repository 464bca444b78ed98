//! The archive on SQLite: a file of its own beside the store's.
//!
//! Every condition is a set of threads, as bits: of a facet they are stored so, of words they come from a full-text
//! index, and what is asked at once is what the sets have in common. Counting bits is exact and costs some microseconds
//! for a million threads, so totals need no estimate.
//!
//! The file can be made again, so a commit does not wait for the disk (`synchronous=NORMAL`): a power cut takes the last
//! moments, and the cursor with them, but leaves no damage. A file that is damaged or of another version is removed at
//! open.
//!
//! In reading order: `layout` (how numbers are packed), `set` and `chunk` (bits in memory and in the file), `put`,
//! `search` (conditions), `page` (order and places).

mod chunk;
mod layout;
mod page;
mod put;
mod search;
mod set;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OptionalExtension};
use tidings_model::{Seq, WorkspaceId};
use tidings_store::ReadError;
use tidings_store::archive::{
    Archive, ArchiveError, ArchivePage, ArchivePlace, ArchiveQuery, ArchivedThread,
};

use crate::lock::{self, Lock};
use crate::readers::Readers;
use crate::row::{engine, is_damage};
use crate::{OpenError, Options, Synchronous, connection};

/// Says in the file's header that it is ours: `TdgA`.
const APPLICATION_ID: i64 = 0x5464_6741;

/// Counts up with every change of `schema.sql`, of how words are cut and folded, or of the facets that threads are put with.
const VERSION: i64 = 2;

/// Read-only connections: searches are rarer than reads of the store.
const READERS: usize = 2;

/// An archive in one file; made by [`SqliteArchive::open`].
pub struct SqliteArchive {
    readers: Readers,
    /// Gone when closed; the lock is let go after the connection.
    writer: Arc<Mutex<Option<(Connection, Lock)>>>,
}

impl SqliteArchive {
    /// Opens the archive in the file at `path`; makes it if it is not there, or not usable. The folder must be there.
    ///
    /// Blocks for a moment.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let lock = lock::take(path)?;
        let connection = match usable(path) {
            Ok(Some(connection)) => connection,
            Ok(None) => made_anew(path)?,
            Err(error) if is_damage(&error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the archive's file is damaged and is made anew"
                );
                made_anew(path)?
            }
            Err(error) => return Err(error.into()),
        };
        let readers = Readers::open(path, READERS)?;
        Ok(Self { readers, writer: Arc::new(Mutex::new(Some((connection, lock)))) })
    }

    /// Writes on a thread that may block; one write at a time, in one transaction.
    async fn write(
        &self,
        write: impl FnOnce(&Connection) -> Result<(), ArchiveError> + Send + 'static,
    ) -> Result<(), ArchiveError> {
        let writer = Arc::clone(&self.writer);
        let writing = tokio::task::spawn_blocking(move || {
            let mut writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
            let Some((connection, _)) = writer.as_mut() else { return Err(ArchiveError::Closed) };
            let transaction = connection
                .transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)
                .map_err(failed)?;
            // Dropped without a commit, it is rolled back.
            write(&transaction)?;
            transaction.commit().map_err(failed)
        });
        writing.await.unwrap_or_else(|error| Err(ArchiveError::Engine { source: error.into() }))
    }
}

#[async_trait::async_trait]
impl Archive for SqliteArchive {
    async fn put(
        &self,
        workspace: WorkspaceId,
        cursor: Seq,
        rows: Vec<ArchivedThread>,
    ) -> Result<(), ArchiveError> {
        self.write(move |connection| put::put(connection, workspace, cursor, &rows)).await
    }

    async fn cursor(&self, workspace: WorkspaceId) -> Result<Option<Seq>, ArchiveError> {
        let cursor = self.readers.run(move |connection| {
            let mut select = connection
                .prepare_cached("SELECT cursor FROM workspaces WHERE id = ?1")
                .map_err(engine)?;
            let cursor: Option<i64> = select
                .query_row([workspace.uuid().into_bytes()], |row| row.get(0))
                .optional()
                .map_err(engine)?;
            Ok(cursor.map(|cursor| Seq(cursor.cast_unsigned())))
        });
        cursor.await.map_err(not_read)
    }

    async fn search(
        &self,
        workspace: WorkspaceId,
        query: ArchiveQuery,
    ) -> Result<ArchivePage, ArchiveError> {
        let place: Option<ArchivePlace> = query.place.as_deref().map(str::parse).transpose()?;
        self.readers
            .run(move |connection| search::search(connection, workspace, &query, place))
            .await
            .map_err(not_read)
    }

    async fn clear(&self, workspace: WorkspaceId) -> Result<(), ArchiveError> {
        self.write(move |connection| put::clear(connection, workspace).map_err(failed)).await
    }

    async fn close(&self) {
        self.readers.close().await;
        let writer = Arc::clone(&self.writer);
        let closed = tokio::task::spawn_blocking(move || {
            let taken = writer.lock().unwrap_or_else(PoisonError::into_inner).take();
            let Some((connection, lock)) = taken else { return };
            if let Err((_, error)) = connection.close() {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the archive was not closed well"
                );
            }
            drop(lock);
        });
        if closed.await.is_err() {
            tracing::error!("closing the archive failed");
        }
    }
}

/// The file's connection, if it is an archive of this version.
fn usable(path: &Path) -> rusqlite::Result<Option<Connection>> {
    if !path.exists() {
        return Ok(None);
    }
    let connection = connect(path)?;
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let is_ours = pragma("application_id")? == APPLICATION_ID && pragma("user_version")? == VERSION;
    Ok(is_ours.then_some(connection))
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let options = Options { synchronous: Synchronous::Normal, ..Options::default() };
    connection::writer(path, &options)
}

fn made_anew(path: &Path) -> Result<Connection, OpenError> {
    for end in ["", "-wal", "-shm"] {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        match std::fs::remove_file(&name) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                return Err(OpenError::Io { path: PathBuf::from(name), source });
            }
            Ok(()) | Err(_) => {}
        }
    }
    let mut connection = connect(path)?;
    let transaction = connection.transaction()?;
    transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.execute_batch(include_str!("archive/schema.sql"))?;
    transaction.commit()?;
    Ok(connection)
}

fn failed(error: rusqlite::Error) -> ArchiveError {
    ArchiveError::Engine { source: error.into() }
}

fn not_read(error: ReadError) -> ArchiveError {
    match error {
        ReadError::Closed => ArchiveError::Closed,
        ReadError::Damaged { .. } | ReadError::Engine { .. } => {
            ArchiveError::Engine { source: error.into() }
        }
    }
}
