//! How many documents there are: from the tallies, or by looking at index entries.

use tidings_model::WorkspaceId;
use tidings_store::{CountOf, Kind, ReadError, TALLIED};
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use crate::row::{column, engine};
use crate::text::stored;

/// How many documents of a kind there are, or carry an index entry.
pub(crate) async fn count(
    client: &Client,
    workspace: WorkspaceId,
    kind: Kind,
    of: &CountOf,
) -> Result<u64, ReadError> {
    const TALLY: &str = "SELECT count FROM tallies
        WHERE workspace = $1 AND kind = $2 AND name = $3 AND value = $4";
    let (sql, name, value) = match of {
        CountOf::All => (TALLY, "", Some("")),
        CountOf::Named { name } if TALLIED.contains(name) => (TALLY, "", Some(*name)),
        CountOf::Equal { name, value } if TALLIED.contains(name) => {
            (TALLY, *name, Some(value.as_str()))
        }
        CountOf::Named { name } => {
            let sql = "SELECT count(DISTINCT id) FROM document_index
                WHERE workspace = $1 AND kind = $2 AND name = $3";
            (sql, *name, None)
        }
        CountOf::Equal { name, value } => {
            let sql = "SELECT count(*) FROM document_index
                WHERE workspace = $1 AND kind = $2 AND name = $3 AND value = $4";
            (sql, *name, Some(value.as_str()))
        }
    };
    let (workspace, kind) = (workspace.uuid(), kind.as_str());
    let value = value.map(stored);
    let mut params: Vec<(&(dyn ToSql + Sync), Type)> =
        vec![(&workspace, Type::UUID), (&kind, Type::TEXT), (&name, Type::TEXT)];
    if let Some(value) = &value {
        params.push((value, Type::TEXT));
    }
    let row = client.query_typed_opt(sql, &params).await.map_err(engine)?;
    // One number; none is nothing.
    row.map_or(Ok(0), |row| Ok(column::<i64>(&row, 0)?.cast_unsigned()))
}
