//! Fills a new file with what another engine held.
//!
//! It is written under another name (`….loading`) and gets its own when it is whole and on disk, so a load that was cut
//! short is never taken for a store; the next one begins anew.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tidings_model::{Clock, Event, Seq, WorkspaceId};
use tidings_store::prepared::{content_crc, document_crc};
use tidings_store::transfer::{Load, LoadError, Record};
use tidings_store::{Document, Timer};

use super::counters::{Thread, Workspace};
use super::statements::{NewDocument, NewEvent, Statements};
use crate::lock::{self, Lock};
use crate::position::{WORKSPACE_NUMBER_MAX, WorkspaceNumber, nanoseconds};
use crate::row::event_crc;
use crate::{OpenError, Options, Synchronous, connection, migrate, tallies};

/// A new file that is being filled; made by [`SqliteLoad::begin`].
pub struct SqliteLoad(Arc<Mutex<Option<Loading>>>);

struct Loading {
    /// Where the store will be.
    path: PathBuf,
    /// Where it is until it is whole.
    partial: PathBuf,
    connection: Connection,
    /// The workspace that is being filled.
    workspace: Option<(WorkspaceId, Workspace)>,
    /// The last numbers that were given.
    last_workspace: i64,
    last_thread: i64,
    last_chat: i64,
    _lock: Lock,
}

impl SqliteLoad {
    /// Begins to fill a store at `path`, where none may be. What a load left that was cut short goes.
    pub fn begin(path: &Path, clock: &dyn Clock) -> Result<Self, LoadError> {
        let place = || path.display().to_string();
        let lock = lock::take(path).map_err(|error| {
            let is_locked = matches!(error, OpenError::Locked { .. });
            if is_locked { LoadError::InUse { place: place() } } else { failed(error) }
        })?;
        if path.exists() {
            return Err(LoadError::NotEmpty { place: place() });
        }
        let partial = beside(path, ".loading");
        for left in [partial.clone(), beside(&partial, "-wal"), beside(&partial, "-shm")] {
            match std::fs::remove_file(left) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(failed(error));
                }
                Ok(()) | Err(_) => {}
            }
        }
        // Until it is finished nothing of it counts, so the disk need not say each time that it has it.
        let options = Options { synchronous: Synchronous::Normal, ..Options::default() };
        let mut connection = connection::writer(&partial, &options).map_err(failed)?;
        migrate::run(&mut connection, clock.now()).map_err(failed)?;
        Ok(Self(Arc::new(Mutex::new(Some(Loading {
            path: path.to_owned(),
            partial,
            connection,
            workspace: None,
            last_workspace: 0,
            last_thread: 0,
            last_chat: 0,
            _lock: lock,
        })))))
    }
}

fn beside(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> LoadError {
    LoadError::Engine { source: error.into() }
}

#[async_trait::async_trait]
impl Load for SqliteLoad {
    async fn load(
        &mut self,
        workspace: WorkspaceId,
        records: Vec<Record>,
    ) -> Result<(), LoadError> {
        let loading = Arc::clone(&self.0);
        let task = tokio::task::spawn_blocking(move || {
            let mut loading = loading.lock().unwrap_or_else(PoisonError::into_inner);
            loading.as_mut().ok_or_else(cut_short)?.take(workspace, &records)
        });
        task.await.map_err(failed)?
    }

    async fn finish(self: Box<Self>) -> Result<(), LoadError> {
        let task = tokio::task::spawn_blocking(move || {
            let loading = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
            loading.ok_or_else(cut_short)?.finish()
        });
        task.await.map_err(failed)?
    }
}

fn cut_short() -> LoadError {
    failed("an earlier part of the load failed")
}

impl Loading {
    /// One page in one transaction.
    fn take(&mut self, id: WorkspaceId, records: &[Record]) -> Result<(), LoadError> {
        let mut sql = Statements::prepare(&self.connection).map_err(failed)?;
        sql.begin().map_err(failed)?;
        let mut workspace = match self.workspace {
            Some((of, workspace)) if of == id => workspace,
            Some(_) | None => {
                self.last_workspace += 1;
                if self.last_workspace > WORKSPACE_NUMBER_MAX {
                    return Err(failed("the file has no number left for another workspace"));
                }
                Workspace {
                    number: WorkspaceNumber(self.last_workspace),
                    last_seq: Seq::START,
                    events: 0,
                    documents: 0,
                    timers: 0,
                }
            }
        };
        for record in records {
            match record {
                Record::Workspace(last) => workspace.last_seq = *last,
                Record::Thread(thread, last_order) => {
                    self.last_thread += 1;
                    let row = Thread { number: self.last_thread, last_order: *last_order };
                    sql.put_thread(workspace.number, *thread, row).map_err(failed)?;
                }
                Record::Event(event) => {
                    insert_event(&mut sql, &workspace, &mut self.last_chat, event)?;
                    workspace.events += 1;
                }
                Record::Document { document, index } => {
                    insert_document(&mut sql, &workspace, document, index)?;
                    workspace.documents += 1;
                }
                Record::Timer(Timer { name, due, body, .. }) => {
                    let body = serde_json::to_vec(body).map_err(failed)?;
                    let crc = crc32fast::hash(&body);
                    sql.insert_timer(workspace.number, name, nanoseconds(*due), crc, &body)
                        .map_err(failed)?;
                    workspace.timers += 1;
                }
                Record::Cursor(cursor) => {
                    sql.advance_cursor(workspace.number, &cursor.reader, cursor.to)
                        .map_err(failed)?;
                }
                Record::Claim { claim, taken_at } => {
                    sql.take_claim(workspace.number, claim, nanoseconds(*taken_at))
                        .map_err(failed)?;
                }
            }
        }
        sql.put_workspace(id, &workspace).map_err(failed)?;
        sql.commit().map_err(failed)?;
        drop(sql);
        self.workspace = Some((id, workspace));
        Ok(())
    }

    fn finish(self) -> Result<(), LoadError> {
        tallies::recount(&self.connection).map_err(failed)?;
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(failed)?;
        self.connection.close().map_err(|(_, error)| failed(error))?;
        std::fs::File::open(&self.partial).and_then(|file| file.sync_all()).map_err(failed)?;
        std::fs::rename(&self.partial, &self.path).map_err(failed)?;
        match self.path.parent() {
            Some(folder) if folder != Path::new("") => {
                std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn insert_event(
    sql: &mut Statements<'_>,
    workspace: &Workspace,
    last_chat: &mut i64,
    event: &Event,
) -> Result<(), LoadError> {
    let number = workspace.number;
    let thread = match event.thread {
        Some(id) => {
            let thread = sql.thread(number, id).map_err(failed)?.ok_or_else(|| {
                failed(format!("the thread of event {} was not moved before it", event.seq))
            })?;
            Some(Thread { last_order: event.order.unwrap_or(thread.last_order), ..thread })
        }
        None => None,
    };
    let chat = match event.chat {
        Some(id) => Some(match sql.chat(number, id).map_err(failed)? {
            Some(chat) => chat,
            None => {
                *last_chat += 1;
                sql.insert_chat(number, id, *last_chat).map_err(failed)?;
                *last_chat
            }
        }),
        None => None,
    };
    let event_type = sql.type_number(&event.event_type).map_err(failed)?;
    let position = number.position(event.seq);
    let crc = event_crc(crc32fast::hash(event.body()), position, event.order);
    let row =
        NewEvent { position, id: event.id, event_type, chat, thread, body: event.body(), crc };
    if !sql.insert_event(&row).map_err(failed)? {
        return Err(failed(format!("event {} comes twice", event.id)));
    }
    Ok(())
}

fn insert_document(
    sql: &mut Statements<'_>,
    workspace: &Workspace,
    document: &Document,
    index: &[(String, String)],
) -> Result<(), LoadError> {
    let body = serde_json::to_vec(&document.body).map_err(failed)?;
    let entries = serde_json::to_string(index).map_err(failed)?;
    let row = NewDocument {
        version: document.version,
        updated_at: nanoseconds(document.updated_at),
        crc: document_crc(content_crc(&body, &entries), document.version),
        entries: &entries,
        body: &body,
    };
    let number = sql.insert_document(workspace.number, &document.key, &row).map_err(failed)?;
    for (name, value) in index {
        sql.insert_entry(workspace.number, &document.key, name, value, number).map_err(failed)?;
    }
    Ok(())
}
