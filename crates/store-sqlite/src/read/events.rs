//! Reading the log.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Params, params};
use tidings_model::{ChatId, Event, EventId, Seq, TypeName, WorkspaceId};
use tidings_store::read::{EVENTS_READ_BYTES_MAX, EVENTS_READ_MAX};
use tidings_store::{EventQuery, ReadError};

use super::{limit, number};
use crate::position::WorkspaceNumber;
use crate::row::{EVENT_COLUMNS, engine, event};

/// Events after a number, in order.
pub(crate) fn after(
    connection: &Connection,
    workspace: WorkspaceId,
    query: &EventQuery,
) -> Result<Vec<Arc<Event>>, ReadError> {
    let Some(number) = number(connection, workspace)? else { return Ok(Vec::new()) };
    let from = number.position(query.after);
    let to = number.last_position();
    let limit = limit(query.limit, EVENTS_READ_MAX);
    if !query.types.is_empty() {
        let positions = positions_of_types(connection, number, query, limit)?;
        return at(connection, &positions);
    }
    match query.chat {
        Some(chat) => collect(
            connection,
            &format!(
                "SELECT {EVENT_COLUMNS} FROM events
                 WHERE chat = ?1 AND position > ?2 AND position <= ?3 ORDER BY position LIMIT ?4"
            ),
            params![chat.uuid().into_bytes(), from, to, limit],
        ),
        None => collect(
            connection,
            &format!(
                "SELECT {EVENT_COLUMNS} FROM events
                 WHERE position > ?1 AND position <= ?2 ORDER BY position LIMIT ?3"
            ),
            params![from, to, limit],
        ),
    }
}

/// One event by its id.
pub(crate) fn one(
    connection: &Connection,
    workspace: WorkspaceId,
    id: EventId,
) -> Result<Option<Arc<Event>>, ReadError> {
    let Some(number) = number(connection, workspace)? else { return Ok(None) };
    let found = collect(
        connection,
        &format!("SELECT {EVENT_COLUMNS} FROM events WHERE id = ?1 AND position BETWEEN ?2 AND ?3"),
        params![id.uuid().into_bytes(), number.position(Seq::START), number.last_position()],
    )?;
    Ok(found.into_iter().next())
}

/// Events of a chat, newest first.
pub(crate) fn of_chat(
    connection: &Connection,
    workspace: WorkspaceId,
    chat: ChatId,
    before: Option<Seq>,
    asked: usize,
) -> Result<Vec<Arc<Event>>, ReadError> {
    let Some(number) = number(connection, workspace)? else { return Ok(Vec::new()) };
    let before = before.map_or(number.last_position(), |before| number.position(before));
    collect(
        connection,
        &format!(
            "SELECT {EVENT_COLUMNS} FROM events
             WHERE chat = ?1 AND position >= ?2 AND position < ?3 ORDER BY position DESC LIMIT ?4"
        ),
        params![
            chat.uuid().into_bytes(),
            number.position(Seq::START),
            before,
            limit(asked, EVENTS_READ_MAX)
        ],
    )
}

/// The number of the last event.
pub(crate) fn last_seq(connection: &Connection, workspace: WorkspaceId) -> Result<Seq, ReadError> {
    let mut select = connection
        .prepare_cached("SELECT last_seq FROM workspaces WHERE id = ?1")
        .map_err(engine)?;
    let last: Option<i64> = select
        .query_row([workspace.uuid().into_bytes()], |row| row.get(0))
        .optional()
        .map_err(engine)?;
    Ok(Seq(last.unwrap_or(0).cast_unsigned()))
}

/// The first positions of the wanted types, from an index that holds each type's positions in order: as many of each
/// type as are wanted in all, merged. With a chat, its own events are looked through.
fn positions_of_types(
    connection: &Connection,
    number: WorkspaceNumber,
    query: &EventQuery,
    limit: i64,
) -> Result<Vec<i64>, ReadError> {
    let sql = match query.chat {
        Some(_) => {
            "SELECT position FROM events INDEXED BY events_by_chat
             WHERE chat = ?5 AND type = ?1 AND position > ?2 AND position <= ?3 ORDER BY position LIMIT ?4"
        }
        None => {
            "SELECT position FROM events INDEXED BY events_by_type
             WHERE type = ?1 AND position > ?2 AND position <= ?3 ORDER BY position LIMIT ?4"
        }
    };
    let from = number.position(query.after);
    let to = number.last_position();
    let mut select = connection.prepare_cached(sql).map_err(engine)?;
    let mut positions: Vec<i64> = Vec::new();
    for event_type in type_numbers(connection, &query.types)? {
        let read = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
        let rows = match query.chat {
            Some(chat) => select
                .query_map(params![event_type, from, to, limit, chat.uuid().into_bytes()], read),
            None => select.query_map(params![event_type, from, to, limit], read),
        };
        for position in rows.map_err(engine)? {
            positions.push(position.map_err(engine)?);
        }
    }
    positions.sort_unstable();
    positions.truncate(usize::try_from(limit).unwrap_or(EVENTS_READ_MAX));
    Ok(positions)
}

/// The numbers of types, each once; a type that no event has yet has none.
fn type_numbers(connection: &Connection, types: &[TypeName]) -> Result<Vec<i64>, ReadError> {
    let mut select = connection
        .prepare_cached("SELECT number FROM event_types WHERE name = ?1")
        .map_err(engine)?;
    let mut numbers = Vec::with_capacity(types.len());
    for name in types {
        let number: Option<i64> =
            select.query_row([name.as_str()], |row| row.get(0)).optional().map_err(engine)?;
        numbers.extend(number);
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

fn at(connection: &Connection, positions: &[i64]) -> Result<Vec<Arc<Event>>, ReadError> {
    let sql = format!("SELECT {EVENT_COLUMNS} FROM events WHERE position = ?1");
    let mut select = connection.prepare_cached(&sql).map_err(engine)?;
    let mut events = Vec::with_capacity(positions.len());
    let mut bytes = 0;
    for position in positions {
        let mut rows = select.query([position]).map_err(engine)?;
        // Forgotten since the index was read.
        let Some(row) = rows.next().map_err(engine)? else { continue };
        if !push(&mut events, &mut bytes, event(row)?) {
            break;
        }
    }
    Ok(events)
}

fn collect(
    connection: &Connection,
    sql: &str,
    params: impl Params,
) -> Result<Vec<Arc<Event>>, ReadError> {
    let mut select = connection.prepare_cached(sql).map_err(engine)?;
    let mut rows = select.query(params).map_err(engine)?;
    let mut events = Vec::new();
    let mut bytes = 0;
    while let Some(row) = rows.next().map_err(engine)? {
        if !push(&mut events, &mut bytes, event(row)?) {
            break;
        }
    }
    Ok(events)
}

/// False when the answer is large enough.
fn push(events: &mut Vec<Arc<Event>>, bytes: &mut usize, event: Arc<Event>) -> bool {
    *bytes += event.body().len();
    events.push(event);
    *bytes < EVENTS_READ_BYTES_MAX
}
