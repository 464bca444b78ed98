//! Where a chat's events lie: its threads, merged.
//!
//! One index holds a chat's events by thread and order, which is what threads are read by. Within a thread positions
//! rise with orders, so a position is found by halving, and the chat as a whole is the merge of its threads. That costs
//! two steps of the index for each thread that the chat ever had, and a second index would cost every write.
//!
//! All functions look several times: their caller holds a read transaction, so that they see one moment.

use rusqlite::{Connection, OptionalExtension, Row, params};
use tidings_store::ReadError;

use crate::row::engine;

/// The thread of events that have none.
const NO_THREAD: i64 = 0;

/// An entry of the index, within a chat and a thread.
#[derive(Clone, Copy)]
struct Entry {
    /// 0 in no thread, where entries are in the order of their positions.
    order: i64,
    position: i64,
}

/// The first positions after one, rising.
pub(crate) fn after(
    connection: &Connection,
    chat: i64,
    position: i64,
    limit: usize,
) -> Result<Vec<i64>, ReadError> {
    let mut starts = Vec::new();
    for thread in threads(connection, chat)? {
        if let Some(start) = first_after(connection, chat, thread, position)? {
            starts.push((start, thread));
        }
    }
    starts.sort_unstable_by_key(|(start, _)| start.position);
    let mut positions: Vec<i64> = Vec::new();
    for (start, thread) in starts {
        if limit == 0 || positions.get(limit - 1).is_some_and(|last| *last < start.position) {
            break;
        }
        let sql = "SELECT position FROM events INDEXED BY events_by_chat
             WHERE chat = ?1 AND thread = ?2 AND thread_order >= ?3 ORDER BY thread_order LIMIT ?4";
        let sql_of_none = "SELECT position FROM events INDEXED BY events_by_chat
             WHERE chat = ?1 AND thread = ?2 AND thread_order IS NULL AND position >= ?3
             ORDER BY position LIMIT ?4";
        let (sql, from) =
            if thread == NO_THREAD { (sql_of_none, start.position) } else { (sql, start.order) };
        collect(connection, sql, (chat, thread, from, limit), &mut positions)?;
        positions.sort_unstable();
        positions.truncate(limit);
    }
    Ok(positions)
}

/// The last positions before one, falling.
pub(crate) fn before(
    connection: &Connection,
    chat: i64,
    position: i64,
    limit: usize,
) -> Result<Vec<i64>, ReadError> {
    let mut ends = Vec::new();
    for thread in threads(connection, chat)? {
        if let Some(end) = last_before(connection, chat, thread, position)? {
            ends.push((end, thread));
        }
    }
    ends.sort_unstable_by_key(|(end, _)| std::cmp::Reverse(end.position));
    let mut positions: Vec<i64> = Vec::new();
    for (end, thread) in ends {
        if limit == 0 || positions.get(limit - 1).is_some_and(|last| *last > end.position) {
            break;
        }
        let sql = "SELECT position FROM events INDEXED BY events_by_chat
             WHERE chat = ?1 AND thread = ?2 AND thread_order <= ?3 ORDER BY thread_order DESC LIMIT ?4";
        let sql_of_none = "SELECT position FROM events INDEXED BY events_by_chat
             WHERE chat = ?1 AND thread = ?2 AND thread_order IS NULL AND position <= ?3
             ORDER BY position DESC LIMIT ?4";
        let (sql, to) =
            if thread == NO_THREAD { (sql_of_none, end.position) } else { (sql, end.order) };
        collect(connection, sql, (chat, thread, to, limit), &mut positions)?;
        positions.sort_unstable_by(|one, other| other.cmp(one));
        positions.truncate(limit);
    }
    Ok(positions)
}

fn collect(
    connection: &Connection,
    sql: &str,
    (chat, thread, place, limit): (i64, i64, i64, usize),
    positions: &mut Vec<i64>,
) -> Result<(), ReadError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut select = connection.prepare_cached(sql).map_err(engine)?;
    let rows =
        select.query_map(params![chat, thread, place, limit], |row| row.get(0)).map_err(engine)?;
    for position in rows {
        positions.push(position.map_err(engine)?);
    }
    Ok(())
}

/// The threads of a chat, oldest number first: one step of the index for each.
fn threads(connection: &Connection, chat: i64) -> Result<Vec<i64>, ReadError> {
    let mut select = connection
        .prepare_cached(
            "SELECT thread FROM events INDEXED BY events_by_chat
             WHERE chat = ?1 AND thread > ?2 ORDER BY thread LIMIT 1",
        )
        .map_err(engine)?;
    let mut threads = Vec::new();
    let mut last = -1;
    while let Some(thread) =
        select.query_row([chat, last], |row| row.get(0)).optional().map_err(engine)?
    {
        threads.push(thread);
        last = thread;
    }
    Ok(threads)
}

fn first_after(
    connection: &Connection,
    chat: i64,
    thread: i64,
    position: i64,
) -> Result<Option<Entry>, ReadError> {
    if thread == NO_THREAD {
        let sql = "SELECT 0, position FROM events INDEXED BY events_by_chat
             WHERE chat = ?1 AND thread = ?2 AND thread_order IS NULL AND position > ?3
             ORDER BY position LIMIT 1";
        return entry(connection, sql, [chat, thread, position]);
    }
    let Some(last) = last_up_to(connection, chat, thread, i64::MAX)? else { return Ok(None) };
    if last.position <= position {
        return Ok(None);
    }
    let Some(mut below) = first_from(connection, chat, thread, 0)? else { return Ok(None) };
    if below.position > position {
        return Ok(Some(below));
    }
    let mut above = last;
    while above.order - below.order > 1 {
        let middle = below.order + (above.order - below.order) / 2;
        let Some(found) = first_from(connection, chat, thread, middle)? else { break };
        if found.position <= position {
            below = found;
        } else if found.order < above.order {
            above = found;
        } else {
            // Nothing lies between the middle and what is above already: look below the middle.
            let Some(found) = last_up_to(connection, chat, thread, middle)? else { break };
            if found.position <= position {
                break;
            }
            above = found;
        }
    }
    Ok(Some(above))
}

fn last_before(
    connection: &Connection,
    chat: i64,
    thread: i64,
    position: i64,
) -> Result<Option<Entry>, ReadError> {
    if thread == NO_THREAD {
        let sql = "SELECT 0, position FROM events INDEXED BY events_by_chat
             WHERE chat = ?1 AND thread = ?2 AND thread_order IS NULL AND position < ?3
             ORDER BY position DESC LIMIT 1";
        return entry(connection, sql, [chat, thread, position]);
    }
    let last = last_up_to(connection, chat, thread, i64::MAX)?;
    if last.is_none_or(|last| last.position < position) {
        return Ok(last);
    }
    // It lies right before the first one that is not before the position.
    match first_after(connection, chat, thread, position.saturating_sub(1))? {
        Some(next) => last_up_to(connection, chat, thread, next.order - 1),
        None => Ok(None),
    }
}

/// The first entry of a thread from an order on.
fn first_from(
    connection: &Connection,
    chat: i64,
    thread: i64,
    order: i64,
) -> Result<Option<Entry>, ReadError> {
    let sql = "SELECT thread_order, position FROM events INDEXED BY events_by_chat
         WHERE chat = ?1 AND thread = ?2 AND thread_order >= ?3 ORDER BY thread_order LIMIT 1";
    entry(connection, sql, [chat, thread, order])
}

/// The last entry of a thread up to an order.
fn last_up_to(
    connection: &Connection,
    chat: i64,
    thread: i64,
    order: i64,
) -> Result<Option<Entry>, ReadError> {
    let sql = "SELECT thread_order, position FROM events INDEXED BY events_by_chat
         WHERE chat = ?1 AND thread = ?2 AND thread_order <= ?3 ORDER BY thread_order DESC LIMIT 1";
    entry(connection, sql, [chat, thread, order])
}

fn entry(connection: &Connection, sql: &str, params: [i64; 3]) -> Result<Option<Entry>, ReadError> {
    let mut select = connection.prepare_cached(sql).map_err(engine)?;
    let read = |row: &Row<'_>| Ok(Entry { order: row.get(0)?, position: row.get(1)? });
    select.query_row(params, read).optional().map_err(engine)
}
