//! How many documents there are: from the tallies, or by looking at index entries.

use rusqlite::{Connection, OptionalExtension, Params, params};
use tidings_model::WorkspaceId;
use tidings_store::{CountOf, Kind, ReadError, TALLIED};

use super::number;
use crate::row::engine;

/// How many documents of a kind there are, or carry an index entry.
pub(crate) fn count(
    connection: &Connection,
    workspace: WorkspaceId,
    kind: Kind,
    of: &CountOf,
) -> Result<u64, ReadError> {
    let Some(number) = number(connection, workspace)? else { return Ok(0) };
    let tally = |name: &str, value: &str| {
        ask(
            connection,
            "SELECT count FROM tallies WHERE workspace = ?1 AND kind = ?2 AND name = ?3 AND value = ?4",
            params![number.0, kind.as_str(), name, value],
        )
    };
    match of {
        CountOf::All => tally("", ""),
        CountOf::Named { name } if TALLIED.contains(name) => tally("", name),
        CountOf::Equal { name, value } if TALLIED.contains(name) => tally(name, value),
        CountOf::Named { name } => ask(
            connection,
            "SELECT count(DISTINCT id) FROM document_index
             WHERE workspace = ?1 AND kind = ?2 AND name = ?3",
            params![number.0, kind.as_str(), name],
        ),
        CountOf::Equal { name, value } => ask(
            connection,
            "SELECT count(*) FROM document_index
             WHERE workspace = ?1 AND kind = ?2 AND name = ?3 AND value = ?4",
            params![number.0, kind.as_str(), name, value],
        ),
    }
}

/// One number; none is nothing.
fn ask(connection: &Connection, sql: &str, params: impl Params) -> Result<u64, ReadError> {
    let mut select = connection.prepare_cached(sql).map_err(engine)?;
    let count: Option<i64> =
        select.query_row(params, |row| row.get(0)).optional().map_err(engine)?;
    Ok(count.unwrap_or(0).cast_unsigned())
}
