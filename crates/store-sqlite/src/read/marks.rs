//! Reading timers, cursors, claims, the list of workspaces, and sizes.

use rusqlite::{Connection, OptionalExtension, params};
use tidings_model::{EventId, Seq, Timestamp, WorkspaceId};
use tidings_store::read::TIMERS_READ_MAX;
use tidings_store::{Held, ReadError, Share, Stats, Timer, TimerName};
use uuid::Uuid;

use super::number;
use crate::position::{nanoseconds, timestamp};
use crate::row::{blob, engine, timer_body};

/// Timers that are due, earliest first. One process has this file, so it holds all shares but in tests: those of others
/// are passed over one by one.
pub(crate) fn due(
    connection: &Connection,
    now: Timestamp,
    asked: usize,
    of: &Held,
) -> Result<Vec<Timer>, ReadError> {
    let mut select = connection
        .prepare_cached(
            "SELECT w.id, t.name, t.due, t.crc, t.body FROM timers t INDEXED BY timers_by_due
             CROSS JOIN workspaces w ON w.number = t.workspace
             WHERE t.due <= ?1 ORDER BY t.due, t.workspace, t.name",
        )
        .map_err(engine)?;
    let mut rows = select.query([nanoseconds(now)]).map_err(engine)?;
    let mut timers = Vec::new();
    while timers.len() < asked.min(TIMERS_READ_MAX)
        && let Some(row) = rows.next().map_err(engine)?
    {
        let workspace = workspace_id(row)?;
        let name = TimerName(row.get(1).map_err(engine)?);
        if !of.contains(workspace, Share::of_timer(&name)) {
            continue;
        }
        let body = timer_body(row.get(3).map_err(engine)?, blob(row, 4)?, &name.0)?;
        timers.push(Timer { workspace, name, due: timestamp(row.get(2).map_err(engine)?), body });
    }
    Ok(timers)
}

/// When the earliest timer is due.
pub(crate) fn next(connection: &Connection, of: &Held) -> Result<Option<Timestamp>, ReadError> {
    if *of != Held::All {
        return Ok(due(connection, Timestamp::MAX, 1, of)?.first().map(|timer| timer.due));
    }
    let mut select = connection.prepare_cached("SELECT min(due) FROM timers").map_err(engine)?;
    let due: Option<i64> = select.query_row([], |row| row.get(0)).map_err(engine)?;
    Ok(due.map(timestamp))
}

/// A reader's cursor.
pub(crate) fn cursor(
    connection: &Connection,
    workspace: WorkspaceId,
    reader: &str,
) -> Result<Option<Seq>, ReadError> {
    let Some(number) = number(connection, workspace)? else { return Ok(None) };
    let mut select = connection
        .prepare_cached("SELECT seq FROM cursors WHERE workspace = ?1 AND reader = ?2")
        .map_err(engine)?;
    let seq: Option<i64> =
        select.query_row(params![number.0, reader], |row| row.get(0)).optional().map_err(engine)?;
    Ok(seq.map(|seq| Seq(seq.cast_unsigned())))
}

/// What a claim was taken for.
pub(crate) fn claim(
    connection: &Connection,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Option<EventId>, ReadError> {
    let Some(number) = number(connection, workspace)? else { return Ok(None) };
    let mut select = connection
        .prepare_cached("SELECT outcome FROM claims WHERE workspace = ?1 AND name = ?2")
        .map_err(engine)?;
    let outcome: Option<Option<[u8; 16]>> =
        select.query_row(params![number.0, name], |row| row.get(0)).optional().map_err(engine)?;
    Ok(outcome.flatten().map(|outcome| EventId::new(Uuid::from_bytes(outcome))))
}

/// Claims older than a time, by name, after a name.
pub(crate) fn old_claims(
    connection: &Connection,
    workspace: WorkspaceId,
    before: Timestamp,
    after: &str,
    count: i64,
) -> Result<Vec<String>, ReadError> {
    let Some(number) = number(connection, workspace)? else { return Ok(Vec::new()) };
    let mut select = connection
        .prepare_cached(
            "SELECT name FROM claims WHERE workspace = ?1 AND name > ?2 AND taken_at < ?3 ORDER BY name LIMIT ?4",
        )
        .map_err(engine)?;
    let names = select
        .query_map(params![number.0, after, nanoseconds(before), count], |row| row.get(0))
        .map_err(engine)?
        .collect::<rusqlite::Result<Vec<String>>>();
    names.map_err(engine)
}

/// All workspaces, oldest first.
pub(crate) fn workspaces(connection: &Connection) -> Result<Vec<WorkspaceId>, ReadError> {
    let mut select =
        connection.prepare_cached("SELECT id FROM workspaces ORDER BY number").map_err(engine)?;
    let mut rows = select.query([]).map_err(engine)?;
    let mut workspaces = Vec::new();
    while let Some(row) = rows.next().map_err(engine)? {
        workspaces.push(workspace_id(row)?);
    }
    Ok(workspaces)
}

/// Sizes, but for the bytes on disk.
pub(crate) fn stats(connection: &Connection) -> Result<Stats, ReadError> {
    let mut select = connection
        .prepare_cached(
            "SELECT coalesce(sum(events), 0), coalesce(sum(documents), 0), coalesce(sum(timers), 0) FROM workspaces",
        )
        .map_err(engine)?;
    let sums = select.query_row([], |row| {
        let sum = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
        Ok(Stats { events: sum(0)?, documents: sum(1)?, timers: sum(2)?, bytes: 0 })
    });
    sums.map_err(engine)
}

/// From the first column.
fn workspace_id(row: &rusqlite::Row<'_>) -> Result<WorkspaceId, ReadError> {
    let id: [u8; 16] = row.get(0).map_err(engine)?;
    Ok(WorkspaceId::new(Uuid::from_bytes(id)))
}
