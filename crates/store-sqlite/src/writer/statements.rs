//! The writer's SQL: prepared once, a function for each.

use std::collections::HashMap;

use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, Statement, params};
use tidings_model::{ChatId, EventId, Order, Seq, ThreadId, TypeName, WorkspaceId};
use tidings_store::{Claim, DocKey, TimerName, Version};
use uuid::Uuid;

use super::counters::{Tally, Thread, Workspace};
use crate::position::{SEQ_MAX, WorkspaceNumber};

/// Events that one step of forgetting removes: a few milliseconds of work.
const FORGET_EVENTS_MAX: i64 = 1_000;

macro_rules! statements {
    ($($name:ident: $sql:expr;)*) => {
        /// The prepared statements of one connection.
        pub(super) struct Statements<'connection> {
            connection: &'connection Connection,
            $($name: Statement<'connection>,)*
        }

        impl<'connection> Statements<'connection> {
            pub(super) fn prepare(connection: &'connection Connection) -> rusqlite::Result<Self> {
                Ok(Self { connection, $($name: connection.prepare($sql)?,)* })
            }
        }
    };
}

statements! {
    begin: "BEGIN IMMEDIATE";
    commit: "COMMIT";
    rollback: "ROLLBACK";
    workspace: "SELECT number, last_seq, events, documents, timers FROM workspaces WHERE id = ?1";
    put_workspace: "INSERT INTO workspaces (number, id, last_seq, events, documents, timers)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (number) DO UPDATE SET last_seq = excluded.last_seq, events = excluded.events,
            documents = excluded.documents, timers = excluded.timers";
    event_type: "SELECT number FROM event_types WHERE name = ?1";
    insert_event_type: "INSERT INTO event_types (name) VALUES (?1)";
    chat: "SELECT number FROM chats WHERE workspace = ?1 AND id = ?2";
    insert_chat: "INSERT INTO chats (number, workspace, id) VALUES (?1, ?2, ?3)";
    thread: "SELECT number, last_order FROM threads WHERE workspace = ?1 AND id = ?2";
    put_thread: "INSERT INTO threads (number, workspace, id, last_order) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (number) DO UPDATE SET last_order = excluded.last_order";
    insert_event: "INSERT INTO events (position, thread_order, type, crc, id, chat, body, thread)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (id) DO NOTHING";
    delete_events: "DELETE FROM events WHERE position BETWEEN ?1 AND ?2";
    end_of_step: "SELECT max(position) FROM
        (SELECT position FROM events WHERE position BETWEEN ?1 AND ?2 ORDER BY position LIMIT ?3)";
    document: "SELECT number, version, entries FROM documents WHERE workspace = ?1 AND kind = ?2 AND id = ?3";
    insert_document: "INSERT INTO documents (workspace, kind, id, version, updated_at, crc, entries, body)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
    update_document: "UPDATE documents SET version = ?2, updated_at = ?3, crc = ?4, entries = ?5, body = ?6
        WHERE number = ?1";
    delete_document: "DELETE FROM documents WHERE number = ?1";
    insert_entry: "INSERT INTO document_index (workspace, kind, name, value, id, document)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    delete_entry: "DELETE FROM document_index
        WHERE workspace = ?1 AND kind = ?2 AND name = ?3 AND value = ?4 AND id = ?5";
    add_to_tally: "INSERT INTO tallies (workspace, kind, name, value, count) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (workspace, kind, name, value) DO UPDATE SET count = count + excluded.count
        RETURNING count";
    delete_tally: "DELETE FROM tallies WHERE workspace = ?1 AND kind = ?2 AND name = ?3 AND value = ?4";
    timer_due: "SELECT due FROM timers WHERE workspace = ?1 AND name = ?2";
    move_timer: "UPDATE timers SET due = ?3, crc = ?4, body = ?5 WHERE workspace = ?1 AND name = ?2";
    insert_timer: "INSERT INTO timers (workspace, name, due, crc, body) VALUES (?1, ?2, ?3, ?4, ?5)";
    delete_timer: "DELETE FROM timers WHERE workspace = ?1 AND name = ?2";
    advance_cursor: "INSERT INTO cursors (workspace, reader, seq) VALUES (?1, ?2, ?3)
        ON CONFLICT (workspace, reader) DO UPDATE SET seq = excluded.seq WHERE excluded.seq > seq";
    take_claim: "INSERT INTO claims (workspace, name, outcome, taken_at) VALUES (?1, ?2, ?3, ?4)
        ON CONFLICT (workspace, name) DO NOTHING";
    claim_outcome: "SELECT outcome FROM claims WHERE workspace = ?1 AND name = ?2";
    delete_claim: "DELETE FROM claims WHERE workspace = ?1 AND name = ?2";
}

/// A row of `events`.
pub(super) struct NewEvent<'a> {
    pub(super) position: i64,
    pub(super) id: EventId,
    pub(super) event_type: i64,
    /// The chat's local number.
    pub(super) chat: Option<i64>,
    /// Where the thread stands after this event.
    pub(super) thread: Option<Thread>,
    pub(super) body: &'a [u8],
    pub(super) crc: u32,
}

/// What a write changes of a row of `documents`.
pub(super) struct NewDocument<'a> {
    pub(super) version: Version,
    pub(super) updated_at: i64,
    pub(super) crc: u32,
    pub(super) entries: &'a str,
    pub(super) body: &'a [u8],
}

/// What the writer must know of a document that is there.
pub(super) struct StoredDocument {
    pub(super) number: i64,
    pub(super) version: Version,
    pub(super) entries: String,
}

impl Statements<'_> {
    pub(super) fn begin(&mut self) -> rusqlite::Result<()> {
        self.begin.execute([]).map(drop)
    }

    pub(super) fn commit(&mut self) -> rusqlite::Result<()> {
        self.commit.execute([]).map(drop)
    }

    pub(super) fn rollback(&mut self) -> rusqlite::Result<()> {
        self.rollback.execute([]).map(drop)
    }

    pub(super) fn event_types(&mut self) -> rusqlite::Result<HashMap<TypeName, i64>> {
        let mut statement: CachedStatement<'_> =
            self.connection.prepare_cached("SELECT name, number FROM event_types")?;
        let rows = statement.query_map([], |row| Ok((type_name(row)?, row.get(1)?)))?;
        rows.collect()
    }

    pub(super) fn last_workspace_number(&mut self) -> rusqlite::Result<WorkspaceNumber> {
        let last = self.connection.query_row(
            "SELECT coalesce(max(number), 0) FROM workspaces",
            [],
            |row| row.get(0),
        )?;
        Ok(WorkspaceNumber(last))
    }

    pub(super) fn workspace(&mut self, id: WorkspaceId) -> rusqlite::Result<Option<Workspace>> {
        let read = |row: &Row<'_>| {
            Ok(Workspace {
                number: WorkspaceNumber(row.get(0)?),
                last_seq: Seq(unsigned(row, 1)?),
                events: unsigned(row, 2)?,
                documents: unsigned(row, 3)?,
                timers: unsigned(row, 4)?,
            })
        };
        self.workspace.query_row([bytes(id.uuid())], read).optional()
    }

    pub(super) fn put_workspace(
        &mut self,
        id: WorkspaceId,
        workspace: &Workspace,
    ) -> rusqlite::Result<()> {
        let Workspace { number, last_seq, events, documents, timers } = *workspace;
        self.put_workspace
            .execute(params![
                number.0,
                bytes(id.uuid()),
                last_seq.0.cast_signed(),
                events.cast_signed(),
                documents.cast_signed(),
                timers.cast_signed()
            ])
            .map(drop)
    }

    pub(super) fn insert_event_type(&mut self, name: &TypeName) -> rusqlite::Result<i64> {
        self.insert_event_type.insert([name.as_str()])
    }

    /// The number of an event type; a new one gets one.
    pub(super) fn type_number(&mut self, name: &TypeName) -> rusqlite::Result<i64> {
        let known = self.event_type.query_row([name.as_str()], |row| row.get(0)).optional()?;
        known.map_or_else(|| self.insert_event_type(name), Ok)
    }

    pub(super) fn last_thread_number(&mut self) -> rusqlite::Result<i64> {
        self.connection
            .query_row("SELECT coalesce(max(number), 0) FROM threads", [], |row| row.get(0))
    }

    pub(super) fn last_chat_number(&mut self) -> rusqlite::Result<i64> {
        self.connection
            .query_row("SELECT coalesce(max(number), 0) FROM chats", [], |row| row.get(0))
    }

    pub(super) fn chat(
        &mut self,
        workspace: WorkspaceNumber,
        id: ChatId,
    ) -> rusqlite::Result<Option<i64>> {
        self.chat.query_row(params![workspace.0, bytes(id.uuid())], |row| row.get(0)).optional()
    }

    pub(super) fn insert_chat(
        &mut self,
        workspace: WorkspaceNumber,
        id: ChatId,
        number: i64,
    ) -> rusqlite::Result<()> {
        self.insert_chat.execute(params![number, workspace.0, bytes(id.uuid())]).map(drop)
    }

    pub(super) fn thread(
        &mut self,
        workspace: WorkspaceNumber,
        id: ThreadId,
    ) -> rusqlite::Result<Option<Thread>> {
        let read = |row: &Row<'_>| {
            Ok(Thread { number: row.get(0)?, last_order: Order(unsigned(row, 1)?) })
        };
        self.thread.query_row(params![workspace.0, bytes(id.uuid())], read).optional()
    }

    pub(super) fn put_thread(
        &mut self,
        workspace: WorkspaceNumber,
        id: ThreadId,
        thread: Thread,
    ) -> rusqlite::Result<()> {
        let Thread { number, last_order } = thread;
        self.put_thread
            .execute(params![number, workspace.0, bytes(id.uuid()), last_order.0.cast_signed()])
            .map(drop)
    }

    /// False when an event with this id is there.
    pub(super) fn insert_event(&mut self, event: &NewEvent<'_>) -> rusqlite::Result<bool> {
        let inserted = self.insert_event.execute(params![
            event.position,
            event.thread.map(|thread| thread.last_order.0.cast_signed()),
            event.event_type,
            event.crc,
            bytes(event.id.uuid()),
            event.chat,
            event.body,
            event.thread.map_or(0, |thread| thread.number)
        ])?;
        Ok(inserted == 1)
    }

    /// How many went.
    pub(super) fn delete_events(&mut self, first: i64, last: i64) -> rusqlite::Result<u64> {
        Ok(self.delete_events.execute([first, last])? as u64)
    }

    /// The last position of a bounded step from `first`, if there is an event up to `last`.
    pub(super) fn end_of_step(&mut self, first: i64, last: i64) -> rusqlite::Result<Option<i64>> {
        self.end_of_step.query_row([first, last, FORGET_EVENTS_MAX], |row| row.get(0))
    }

    pub(super) fn document(
        &mut self,
        workspace: WorkspaceNumber,
        key: &DocKey,
    ) -> rusqlite::Result<Option<StoredDocument>> {
        let read = |row: &Row<'_>| {
            Ok(StoredDocument {
                number: row.get(0)?,
                version: Version(unsigned(row, 1)?),
                entries: row.get(2)?,
            })
        };
        self.document.query_row(params![workspace.0, key.kind.as_str(), key.id], read).optional()
    }

    pub(super) fn insert_document(
        &mut self,
        workspace: WorkspaceNumber,
        key: &DocKey,
        row: &NewDocument<'_>,
    ) -> rusqlite::Result<i64> {
        self.insert_document.insert(params![
            workspace.0,
            key.kind.as_str(),
            key.id,
            row.version.0.cast_signed(),
            row.updated_at,
            row.crc,
            row.entries,
            row.body
        ])
    }

    pub(super) fn update_document(
        &mut self,
        number: i64,
        row: &NewDocument<'_>,
    ) -> rusqlite::Result<()> {
        let NewDocument { version, updated_at, crc, entries, body } = *row;
        self.update_document
            .execute(params![number, version.0.cast_signed(), updated_at, crc, entries, body])
            .map(drop)
    }

    pub(super) fn delete_document(&mut self, number: i64) -> rusqlite::Result<()> {
        self.delete_document.execute([number]).map(drop)
    }

    pub(super) fn insert_entry(
        &mut self,
        workspace: WorkspaceNumber,
        key: &DocKey,
        name: &str,
        value: &str,
        document: i64,
    ) -> rusqlite::Result<()> {
        self.insert_entry
            .execute(params![workspace.0, key.kind.as_str(), name, value, key.id, document])
            .map(drop)
    }

    pub(super) fn delete_entry(
        &mut self,
        workspace: WorkspaceNumber,
        key: &DocKey,
        name: &str,
        value: &str,
    ) -> rusqlite::Result<()> {
        self.delete_entry
            .execute(params![workspace.0, key.kind.as_str(), name, value, key.id])
            .map(drop)
    }

    /// Adds to a tally; one that comes to nothing is removed.
    pub(super) fn add_to_tally(&mut self, tally: &Tally, change: i64) -> rusqlite::Result<()> {
        let Tally { workspace, kind, name, value } = tally;
        let count: i64 = self
            .add_to_tally
            .query_row(params![workspace.0, kind.as_str(), name, value, change], |row| {
                row.get(0)
            })?;
        if count == 0 {
            self.delete_tally.execute(params![workspace.0, kind.as_str(), name, value])?;
        }
        Ok(())
    }

    pub(super) fn timer_due(
        &mut self,
        workspace: WorkspaceNumber,
        name: &TimerName,
    ) -> rusqlite::Result<Option<i64>> {
        self.timer_due.query_row(params![workspace.0, name.0], |row| row.get(0)).optional()
    }

    /// False when there is no such timer.
    pub(super) fn move_timer(
        &mut self,
        workspace: WorkspaceNumber,
        name: &TimerName,
        due: i64,
        crc: u32,
        body: &[u8],
    ) -> rusqlite::Result<bool> {
        Ok(self.move_timer.execute(params![workspace.0, name.0, due, crc, body])? == 1)
    }

    pub(super) fn insert_timer(
        &mut self,
        workspace: WorkspaceNumber,
        name: &TimerName,
        due: i64,
        crc: u32,
        body: &[u8],
    ) -> rusqlite::Result<()> {
        self.insert_timer.execute(params![workspace.0, name.0, due, crc, body]).map(drop)
    }

    /// False when there is no such timer.
    pub(super) fn delete_timer(
        &mut self,
        workspace: WorkspaceNumber,
        name: &TimerName,
    ) -> rusqlite::Result<bool> {
        Ok(self.delete_timer.execute(params![workspace.0, name.0])? == 1)
    }

    pub(super) fn advance_cursor(
        &mut self,
        workspace: WorkspaceNumber,
        reader: &str,
        to: Seq,
    ) -> rusqlite::Result<()> {
        self.advance_cursor
            .execute(params![workspace.0, reader, to.0.min(SEQ_MAX).cast_signed()])
            .map(drop)
    }

    /// False when it is taken.
    pub(super) fn take_claim(
        &mut self,
        workspace: WorkspaceNumber,
        claim: &Claim,
        at: i64,
    ) -> rusqlite::Result<bool> {
        let outcome = claim.outcome.map(|outcome| bytes(outcome.uuid()));
        Ok(self.take_claim.execute(params![workspace.0, claim.name, outcome, at])? == 1)
    }

    pub(super) fn claim_outcome(
        &mut self,
        workspace: WorkspaceNumber,
        name: &str,
    ) -> rusqlite::Result<Option<EventId>> {
        let outcome: Option<[u8; 16]> =
            self.claim_outcome.query_row(params![workspace.0, name], |row| row.get(0))?;
        Ok(outcome.map(|outcome| EventId::new(Uuid::from_bytes(outcome))))
    }

    pub(super) fn delete_claim(
        &mut self,
        workspace: WorkspaceNumber,
        name: &str,
    ) -> rusqlite::Result<()> {
        self.delete_claim.execute(params![workspace.0, name]).map(drop)
    }
}

fn bytes(uuid: Uuid) -> [u8; 16] {
    uuid.into_bytes()
}

fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

fn type_name(row: &Row<'_>) -> rusqlite::Result<TypeName> {
    let name: String = row.get(0)?;
    name.parse().map_err(|error: tidings_model::event::InvalidTypeName| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into())
    })
}
