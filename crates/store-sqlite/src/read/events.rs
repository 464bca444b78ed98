//! Reading the log.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Params, params};
use tidings_model::{ChatId, Event, EventId, Order, Seq, ThreadId, TypeName, WorkspaceId};
use tidings_store::read::{EVENTS_READ_BYTES_MAX, EVENTS_READ_MAX};
use tidings_store::{EventQuery, ReadError};
use uuid::Uuid;

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
    if let Some(chat) = query.chat {
        return of_chat_after(connection, number, chat, query);
    }
    let limit = limit(query.limit, EVENTS_READ_MAX);
    if !query.types.is_empty() {
        let positions = positions_of_types(connection, number, query, limit)?;
        return at(connection, &positions);
    }
    collect(
        connection,
        &format!(
            "SELECT {EVENT_COLUMNS} FROM events
             WHERE position > ?1 AND position <= ?2 ORDER BY position LIMIT ?3"
        ),
        params![number.position(query.after), number.last_position(), limit],
    )
}

/// As [`after`], of one chat. Of some types, its events are looked through.
fn of_chat_after(
    connection: &Connection,
    number: WorkspaceNumber,
    chat: ChatId,
    query: &EventQuery,
) -> Result<Vec<Arc<Event>>, ReadError> {
    let moment = connection.unchecked_transaction().map_err(engine)?;
    let Some(chat) = chat_number(&moment, number, chat)? else { return Ok(Vec::new()) };
    let limit = query.limit.min(EVENTS_READ_MAX);
    let mut from = number.position(query.after);
    if query.types.is_empty() {
        return at(&moment, &super::chat::after(&moment, chat, from, limit)?);
    }
    let types = type_numbers(&moment, &query.types)?;
    let mut wanted = Vec::new();
    while wanted.len() < limit && !types.is_empty() {
        let positions = super::chat::after(&moment, chat, from, EVENTS_READ_MAX)?;
        let Some(last) = positions.last() else { break };
        from = *last;
        for position in positions {
            if types.contains(&type_at(&moment, position)?) {
                wanted.push(position);
            }
        }
    }
    wanted.truncate(limit);
    at(&moment, &wanted)
}

fn type_at(connection: &Connection, position: i64) -> Result<i64, ReadError> {
    let mut select =
        connection.prepare_cached("SELECT type FROM events WHERE position = ?1").map_err(engine)?;
    select.query_row([position], |row| row.get(0)).map_err(engine)
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
    let before = before.map_or(i64::MAX, |before| number.position(before));
    let moment = connection.unchecked_transaction().map_err(engine)?;
    let Some(chat) = chat_number(&moment, number, chat)? else { return Ok(Vec::new()) };
    let positions = super::chat::before(&moment, chat, before, asked.min(EVENTS_READ_MAX))?;
    at(&moment, &positions)
}

/// Events of a thread after an order.
pub(crate) fn of_thread(
    connection: &Connection,
    workspace: WorkspaceId,
    chat: ChatId,
    thread: ThreadId,
    after: Option<Order>,
    asked: usize,
) -> Result<Vec<Arc<Event>>, ReadError> {
    let Some(workspace) = number(connection, workspace)? else { return Ok(Vec::new()) };
    collect(
        connection,
        &format!(
            "SELECT {EVENT_COLUMNS} FROM events INDEXED BY events_by_chat
             WHERE thread = ?1 AND thread_order > ?2 AND chat = ?3 ORDER BY thread_order LIMIT ?4"
        ),
        params![
            thread_number(connection, workspace, thread)?,
            after.map_or(0, sql_order),
            chat_number(connection, workspace, chat)?,
            limit(asked, EVENTS_READ_MAX)
        ],
    )
}

/// One event of a thread.
pub(crate) fn at_order(
    connection: &Connection,
    workspace: WorkspaceId,
    chat: ChatId,
    thread: ThreadId,
    order: Order,
) -> Result<Option<Arc<Event>>, ReadError> {
    let Some(workspace) = number(connection, workspace)? else { return Ok(None) };
    let found = collect(
        connection,
        &format!(
            "SELECT {EVENT_COLUMNS} FROM events INDEXED BY events_by_chat
             WHERE thread = ?1 AND thread_order = ?2 AND chat = ?3"
        ),
        params![
            thread_number(connection, workspace, thread)?,
            sql_order(order),
            chat_number(connection, workspace, chat)?
        ],
    )?;
    Ok(found.into_iter().next())
}

/// The local number of a chat, from its first event on; `None`, as SQL takes it, matches no event.
fn chat_number(
    connection: &Connection,
    workspace: WorkspaceNumber,
    chat: ChatId,
) -> Result<Option<i64>, ReadError> {
    let sql = "SELECT number FROM chats WHERE workspace = ?1 AND id = ?2";
    local_number(connection, sql, workspace, chat.uuid())
}

/// As [`chat_number`], of a thread.
fn thread_number(
    connection: &Connection,
    workspace: WorkspaceNumber,
    thread: ThreadId,
) -> Result<Option<i64>, ReadError> {
    let sql = "SELECT number FROM threads WHERE workspace = ?1 AND id = ?2";
    local_number(connection, sql, workspace, thread.uuid())
}

fn local_number(
    connection: &Connection,
    sql: &str,
    workspace: WorkspaceNumber,
    id: Uuid,
) -> Result<Option<i64>, ReadError> {
    let mut select = connection.prepare_cached(sql).map_err(engine)?;
    let number = select.query_row(params![workspace.0, id.into_bytes()], |row| row.get(0));
    number.optional().map_err(engine)
}

/// Orders beyond the highest that a row can hold are taken as the highest.
fn sql_order(order: Order) -> i64 {
    i64::try_from(order.0).unwrap_or(i64::MAX)
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
/// type as are wanted in all, merged.
fn positions_of_types(
    connection: &Connection,
    number: WorkspaceNumber,
    query: &EventQuery,
    limit: i64,
) -> Result<Vec<i64>, ReadError> {
    let mut select = connection
        .prepare_cached(
            "SELECT position FROM events INDEXED BY events_by_type
             WHERE type = ?1 AND position > ?2 AND position <= ?3 ORDER BY position LIMIT ?4",
        )
        .map_err(engine)?;
    let from = number.position(query.after);
    let to = number.last_position();
    let mut positions: Vec<i64> = Vec::new();
    for event_type in type_numbers(connection, &query.types)? {
        let rows = select
            .query_map([event_type, from, to, limit], |row| row.get::<_, i64>(0))
            .map_err(engine)?;
        for position in rows {
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
