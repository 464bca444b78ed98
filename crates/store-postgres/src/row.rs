//! What is stored carries a CRC-32 over its bytes, which every read checks: a damaged row is named, never passed on.

use std::error::Error;
use std::sync::Arc;

use serde_json::Value;
use tidings_model::{Event, EventId, Order, Seq, WorkspaceId, envelope};
use tidings_store::prepared::{content_crc, document_crc};
use tidings_store::{DocKey, Document, Kind, ReadError, Version};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;

use crate::numbers::{seq, timestamp};
use crate::text;

/// The stored bytes are not those that were written.
#[derive(Debug, thiserror::Error)]
#[error("its checksum is {found:08x}, the row says {stored:08x}")]
struct WrongChecksum {
    found: u32,
    stored: u32,
}

/// The checksum of an event: `body` of the body alone, made in the caller's task, then what the commit adds.
pub(crate) fn event_crc(body: u32, seq: Seq, order: Option<Order>) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(body);
    hasher.update(&seq.0.to_le_bytes());
    hasher.update(&order.map_or(0, |order| order.0).to_le_bytes());
    hasher.finalize()
}

/// The columns of [`event`], in order; `e` is the table.
pub(crate) const EVENT_COLUMNS: &str = "e.seq, e.thread_order, e.crc, e.body";

/// Reads an event from [`EVENT_COLUMNS`].
pub(crate) fn event(row: &Row, workspace: WorkspaceId) -> Result<Arc<Event>, ReadError> {
    let number = seq(column(row, 0)?);
    let order: Option<i64> = column(row, 1)?;
    let order = order.map(|order| Order(order.cast_unsigned()));
    let body: &[u8] = column(row, 3)?;
    checked_event(workspace, number, order, column::<i32>(row, 2)?, body)
}

/// Makes an event of what its row says.
pub(crate) fn checked_event(
    workspace: WorkspaceId,
    number: Seq,
    order: Option<Order>,
    crc: i32,
    body: &[u8],
) -> Result<Arc<Event>, ReadError> {
    let damaged =
        |source| damaged(format!("events.body of seq {number} in workspace {workspace}"), source);
    let (stored, found) = (crc.cast_unsigned(), event_crc(crc32fast::hash(body), number, order));
    if found != stored {
        return Err(damaged(WrongChecksum { found, stored }.into()));
    }
    let draft = envelope::read(body).map_err(|source| damaged(source.into()))?;
    Ok(Arc::new(Event::new(number, order, draft, body.into())))
}

/// The columns of [`document`], in order; `d` is the table.
pub(crate) const DOCUMENT_COLUMNS: &str = "d.id, d.version, d.updated_at, d.crc, d.entries, d.body";

/// Reads a document from [`DOCUMENT_COLUMNS`].
pub(crate) fn document(row: &Row, kind: Kind) -> Result<Document, ReadError> {
    let key = DocKey { kind, id: text::read(column(row, 0)?) };
    let version = Version(column::<i64>(row, 1)?.cast_unsigned());
    let updated_at = timestamp(column(row, 2)?);
    let stored = column::<i32>(row, 3)?.cast_unsigned();
    let place = || format!("documents.body of {key}");
    let entries: &[u8] = column(row, 4)?;
    let entries = std::str::from_utf8(entries).map_err(|source| damaged(place(), source.into()))?;
    let body: &[u8] = column(row, 5)?;
    let found = document_crc(content_crc(body, entries), version);
    if found != stored {
        return Err(damaged(place(), WrongChecksum { found, stored }.into()));
    }
    let body = json(body, place)?;
    Ok(Document { key, version, body, updated_at })
}

/// Reads a checked JSON body of a timer.
pub(crate) fn timer_body(stored: i32, body: &[u8], name: &str) -> Result<Value, ReadError> {
    let (stored, found) = (stored.cast_unsigned(), crc32fast::hash(body));
    let place = || format!("timers.body of {name}");
    if found != stored {
        return Err(damaged(place(), WrongChecksum { found, stored }.into()));
    }
    json(body, place)
}

/// A column's value.
pub(crate) fn column<'row, T: FromSql<'row>>(row: &'row Row, place: usize) -> Result<T, ReadError> {
    row.try_get(place).map_err(engine)
}

/// A workspace's id from a column.
pub(crate) fn workspace_id(row: &Row, place: usize) -> Result<WorkspaceId, ReadError> {
    column::<Uuid>(row, place).map(WorkspaceId::new)
}

/// An event's id from a column that may be empty.
pub(crate) fn event_id(row: &Row, place: usize) -> Result<Option<EventId>, ReadError> {
    Ok(column::<Option<Uuid>>(row, place)?.map(EventId::new))
}

/// An error of the engine. What it calls corrupt is named as damage.
pub(crate) fn engine(error: tokio_postgres::Error) -> ReadError {
    use tokio_postgres::error::SqlState;
    match error.code() {
        Some(&(SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED)) => {
            damaged("a page of the database".into(), error.into())
        }
        Some(_) | None => crate::failure::Failure::from(error).for_reader(),
    }
}

pub(crate) fn damaged(place: String, source: Box<dyn Error + Send + Sync>) -> ReadError {
    ReadError::Damaged { place, source }
}

fn json(body: &[u8], place: impl FnOnce() -> String) -> Result<Value, ReadError> {
    serde_json::from_slice(body).map_err(|source| damaged(place(), source.into()))
}
