//! What can be asked of a file, each as a function of a connection.

pub(crate) mod chat;
pub(crate) mod documents;
pub(crate) mod events;
pub(crate) mod marks;
pub(crate) mod records;
pub(crate) mod tallies;

use rusqlite::{Connection, OptionalExtension};
use tidings_model::WorkspaceId;
use tidings_store::ReadError;

use crate::position::WorkspaceNumber;
use crate::row::engine;

/// The local number of a workspace; every read begins with it, so it cannot see another's rows.
pub(crate) fn number(
    connection: &Connection,
    workspace: WorkspaceId,
) -> Result<Option<WorkspaceNumber>, ReadError> {
    let mut select =
        connection.prepare_cached("SELECT number FROM workspaces WHERE id = ?1").map_err(engine)?;
    let number =
        select.query_row([workspace.uuid().into_bytes()], |row| row.get(0).map(WorkspaceNumber));
    number.optional().map_err(engine)
}

/// A limit as SQL takes it, under a ceiling.
pub(crate) fn limit(asked: usize, ceiling: usize) -> i64 {
    i64::try_from(asked.min(ceiling)).unwrap_or(i64::MAX)
}
