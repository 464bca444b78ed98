//! What is stored carries a CRC-32 over its bytes, which every read checks: a damaged row is named, never passed on.

use std::error::Error;
use std::sync::Arc;

use serde_json::Value;
use tidings_model::{Event, Order, envelope};
use tidings_store::prepared::{content_crc, document_crc};
use tidings_store::{DocKey, Document, ReadError, Version};

use crate::position::{seq_at, timestamp};

/// The stored bytes are not those that were written.
#[derive(Debug, thiserror::Error)]
#[error("its checksum is {found:08x}, the row says {stored:08x}")]
struct WrongChecksum {
    found: u32,
    stored: i64,
}

/// The checksum of an event: `body` of the body alone, made in the caller's task, then what the commit adds.
pub(crate) fn event_crc(body: u32, position: i64, order: Option<Order>) -> u32 {
    let mut hasher = crc32fast::Hasher::new_with_initial(body);
    hasher.update(&position.to_le_bytes());
    hasher.update(&order.map_or(0, |order| order.0).to_le_bytes());
    hasher.finalize()
}

/// The columns of [`event`], in order.
pub(crate) const EVENT_COLUMNS: &str = "position, thread_order, crc, body";

/// Reads an event from [`EVENT_COLUMNS`].
pub(crate) fn event(row: &rusqlite::Row<'_>) -> Result<Arc<Event>, ReadError> {
    let (position, order, body) = event_body(row)?;
    let draft = envelope::read(body).map_err(|source| damaged_body(position, source.into()))?;
    Ok(Arc::new(Event::new(seq_at(position), order, draft, body.into())))
}

/// The position, the order and the bytes of an event from [`EVENT_COLUMNS`], as they were written.
pub(crate) fn event_body<'row>(
    row: &'row rusqlite::Row<'_>,
) -> Result<(i64, Option<Order>, &'row [u8]), ReadError> {
    let position: i64 = row.get(0).map_err(engine)?;
    let order: Option<i64> = row.get(1).map_err(engine)?;
    let order = order.map(|order| Order(order.cast_unsigned()));
    let stored: i64 = row.get(2).map_err(engine)?;
    let body = blob(row, 3)?;
    let found = event_crc(crc32fast::hash(body), position, order);
    if i64::from(found) != stored {
        return Err(damaged_body(position, WrongChecksum { found, stored }.into()));
    }
    Ok((position, order, body))
}

/// What is stored of an event is not one.
pub(crate) fn damaged_body(position: i64, source: Box<dyn Error + Send + Sync>) -> ReadError {
    damaged(format!("events.body at position {position} (seq {})", seq_at(position)), source)
}

/// The columns of [`document`], in order; `d` is the table.
pub(crate) const DOCUMENT_COLUMNS: &str = "d.id, d.version, d.updated_at, d.crc, d.entries, d.body";

/// Reads a document from [`DOCUMENT_COLUMNS`].
pub(crate) fn document(
    row: &rusqlite::Row<'_>,
    kind: tidings_store::Kind,
) -> Result<Document, ReadError> {
    let id: String = row.get(0).map_err(engine)?;
    let key = DocKey { kind, id };
    let version: i64 = row.get(1).map_err(engine)?;
    let version = Version(version.cast_unsigned());
    let updated_at = timestamp(row.get(2).map_err(engine)?);
    let stored: i64 = row.get(3).map_err(engine)?;
    let entries: &str =
        row.get_ref(4).map_err(engine)?.as_str().map_err(|error| engine(error.into()))?;
    let body = blob(row, 5)?;
    let found = document_crc(content_crc(body, entries), version);
    if i64::from(found) != stored {
        return Err(damaged(
            format!("documents.body of {key}"),
            WrongChecksum { found, stored }.into(),
        ));
    }
    let body = json(body, || format!("documents.body of {key}"))?;
    Ok(Document { key, version, body, updated_at })
}

/// Reads a checked JSON body of a timer.
pub(crate) fn timer_body(stored: i64, body: &[u8], name: &str) -> Result<Value, ReadError> {
    let found = crc32fast::hash(body);
    if i64::from(found) != stored {
        return Err(damaged(
            format!("timers.body of {name}"),
            WrongChecksum { found, stored }.into(),
        ));
    }
    json(body, || format!("timers.body of {name}"))
}

/// The bytes of a column.
pub(crate) fn blob<'row>(
    row: &'row rusqlite::Row<'_>,
    column: usize,
) -> Result<&'row [u8], ReadError> {
    row.get_ref(column).map_err(engine)?.as_blob().map_err(|error| engine(error.into()))
}

/// An error of the engine. What it calls corrupt is named as damage.
pub(crate) fn engine(error: rusqlite::Error) -> ReadError {
    if is_damage(&error) {
        return damaged("a page of the file".into(), error.into());
    }
    ReadError::Engine { source: error.into() }
}

/// Whether SQLite says that the file is damaged.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase))
}

fn damaged(place: String, source: Box<dyn Error + Send + Sync>) -> ReadError {
    ReadError::Damaged { place, source }
}

fn json(body: &[u8], place: impl FnOnce() -> String) -> Result<Value, ReadError> {
    serde_json::from_slice(body).map_err(|source| damaged(place(), source.into()))
}
