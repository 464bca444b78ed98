//! Everything of a workspace, as records in the order in which they move to another engine.

use rusqlite::{Connection, Params, Row, params};
use tidings_model::{EventId, Order, Seq, ThreadId, WorkspaceId};
use tidings_store::transfer::{Part, RECORDS_READ_BYTES_MAX, RECORDS_READ_MAX, Record};
use tidings_store::{Advance, Claim, EventQuery, Kind, ReadError, Timer, TimerName};
use uuid::Uuid;

use super::{events, number};
use crate::position::timestamp;
use crate::row::{DOCUMENT_COLUMNS, blob, document, engine, timer_body};

/// As SQL takes it.
const LIMIT: i64 = RECORDS_READ_MAX as i64;

/// Records of a part after one of it.
pub(crate) fn page(
    connection: &Connection,
    workspace: WorkspaceId,
    part: Part,
    after: Option<&Record>,
) -> Result<Vec<Record>, ReadError> {
    let Some(number) = number(connection, workspace)? else { return Ok(Vec::new()) };
    let number = number.0;
    match part {
        Part::Workspaces if after.is_some() => Ok(Vec::new()),
        Part::Workspaces => Ok(vec![Record::Workspace(events::last_seq(connection, workspace)?)]),
        Part::Threads => {
            let after = match after {
                Some(Record::Thread(id, _)) => id.uuid().as_bytes().to_vec(),
                // Before every id.
                Some(_) | None => Vec::new(),
            };
            let sql = "SELECT id, last_order FROM threads
                WHERE workspace = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
            rows(connection, sql, params![number, after, LIMIT], thread)
        }
        Part::Events => {
            let after = match after {
                Some(Record::Event(event)) => event.seq,
                Some(_) | None => Seq::START,
            };
            let query = EventQuery { after, limit: RECORDS_READ_MAX, ..EventQuery::default() };
            let page = events::after(connection, workspace, &query)?;
            Ok(page.into_iter().map(Record::Event).collect())
        }
        Part::Documents => {
            let (kind, id) = match after {
                Some(Record::Document { document, .. }) => {
                    (document.key.kind.as_str(), document.key.id.as_str())
                }
                Some(_) | None => ("", ""),
            };
            let sql = format!(
                "SELECT {DOCUMENT_COLUMNS}, d.kind FROM documents d
                 WHERE workspace = ?1 AND (kind, id) > (?2, ?3) ORDER BY kind, id LIMIT ?4"
            );
            rows(connection, &sql, params![number, kind, id, LIMIT], document_record)
        }
        Part::Timers => {
            let after = match after {
                Some(Record::Timer(timer)) => timer.name.0.as_str(),
                Some(_) | None => "",
            };
            let sql = "SELECT name, due, crc, body FROM timers
                WHERE workspace = ?1 AND name > ?2 ORDER BY name LIMIT ?3";
            rows(connection, sql, params![number, after, LIMIT], |row| timer(workspace, row))
        }
        Part::Cursors => {
            let after = match after {
                Some(Record::Cursor(cursor)) => cursor.reader.as_str(),
                Some(_) | None => "",
            };
            let sql = "SELECT reader, seq FROM cursors
                WHERE workspace = ?1 AND reader > ?2 ORDER BY reader LIMIT ?3";
            rows(connection, sql, params![number, after, LIMIT], cursor)
        }
        Part::Claims => {
            let after = match after {
                Some(Record::Claim { claim, .. }) => claim.name.as_str(),
                Some(_) | None => "",
            };
            let sql = "SELECT name, outcome, taken_at FROM claims
                WHERE workspace = ?1 AND name > ?2 ORDER BY name LIMIT ?3";
            rows(connection, sql, params![number, after, LIMIT], claim)
        }
    }
}

/// A record, and how many bytes it has to be counted by.
type Sized = (Record, usize);

fn rows(
    connection: &Connection,
    sql: &str,
    params: impl Params,
    read: impl Fn(&Row<'_>) -> Result<Sized, ReadError>,
) -> Result<Vec<Record>, ReadError> {
    let mut select = connection.prepare_cached(sql).map_err(engine)?;
    let mut rows = select.query(params).map_err(engine)?;
    let mut records = Vec::new();
    let mut bytes = 0;
    while bytes <= RECORDS_READ_BYTES_MAX
        && let Some(row) = rows.next().map_err(engine)?
    {
        let (record, size) = read(row)?;
        bytes += size;
        records.push(record);
    }
    Ok(records)
}

fn thread(row: &Row<'_>) -> Result<Sized, ReadError> {
    let id: [u8; 16] = row.get(0).map_err(engine)?;
    let last: i64 = row.get(1).map_err(engine)?;
    let id = ThreadId::new(Uuid::from_bytes(id));
    Ok((Record::Thread(id, Order(last.cast_unsigned())), 0))
}

fn document_record(row: &Row<'_>) -> Result<Sized, ReadError> {
    let word: String = row.get(6).map_err(engine)?;
    let kind = Kind::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or_else(|| {
        ReadError::Damaged {
            place: "documents.kind".into(),
            source: format!("{word:?} is not a kind of document").into(),
        }
    })?;
    // Checks what is stored, the entries among it.
    let document = document(row, kind)?;
    let entries: String = row.get(4).map_err(engine)?;
    let index = serde_json::from_str(&entries).map_err(|source| ReadError::Damaged {
        place: format!("documents.entries of {}", document.key),
        source: source.into(),
    })?;
    let size = entries.len() + blob(row, 5)?.len();
    Ok((Record::Document { document, index }, size))
}

fn timer(workspace: WorkspaceId, row: &Row<'_>) -> Result<Sized, ReadError> {
    let name = TimerName(row.get(0).map_err(engine)?);
    let due = timestamp(row.get(1).map_err(engine)?);
    let stored = blob(row, 3)?;
    let body = timer_body(row.get(2).map_err(engine)?, stored, &name.0)?;
    Ok((Record::Timer(Timer { workspace, name, due, body }), stored.len()))
}

fn cursor(row: &Row<'_>) -> Result<Sized, ReadError> {
    let to: i64 = row.get(1).map_err(engine)?;
    let reader = row.get(0).map_err(engine)?;
    Ok((Record::Cursor(Advance { reader, to: Seq(to.cast_unsigned()) }), 0))
}

fn claim(row: &Row<'_>) -> Result<Sized, ReadError> {
    let outcome: Option<[u8; 16]> = row.get(1).map_err(engine)?;
    let outcome = outcome.map(|outcome| EventId::new(Uuid::from_bytes(outcome)));
    let taken_at = timestamp(row.get(2).map_err(engine)?);
    let name = row.get(0).map_err(engine)?;
    Ok((Record::Claim { claim: Claim { name, outcome }, taken_at }, 0))
}
