//! What all nodes have alike: one row for each thing, written by who came first.

use tidings_store::{CommitError, ReadError};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::failure::Failure;
use crate::readers::Readers;
use crate::row::{column, engine};

/// Under this name lies that the database is being filled by a move; see `load`.
pub(crate) const LOADING: &str = "loading";

/// Keeps a text, unless one is kept. A row that is there is never changed, so the look after the write sees the winner's.
pub(crate) async fn agree(
    readers: &Readers,
    name: &str,
    text: &str,
) -> Result<String, CommitError> {
    let failed = |error: tokio_postgres::Error| Failure::from(error).for_caller();
    let client =
        readers.take().await.map_err(|error| CommitError::Engine { source: error.into() })?;
    client
        .execute_typed(
            "INSERT INTO agreements (name, text) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
            &[(&name, Type::TEXT), (&text, Type::TEXT)],
        )
        .await
        .map_err(failed)?;
    let row = client
        .query_typed_one("SELECT text FROM agreements WHERE name = $1", &[(&name, Type::TEXT)])
        .await
        .map_err(failed)?;
    row.try_get(0).map_err(failed)
}

/// What is kept under a name.
pub(crate) async fn agreed(client: &Client, name: &str) -> Result<Option<String>, ReadError> {
    let sql = "SELECT text FROM agreements WHERE name = $1";
    let row = client.query_typed_opt(sql, &[(&name, Type::TEXT)]).await.map_err(engine)?;
    row.map(|row| column(&row, 0)).transpose()
}

/// Whether a move into the database has begun and not ended.
pub(crate) async fn is_loading(client: &Client) -> Result<bool, tokio_postgres::Error> {
    let sql = "SELECT 1 FROM agreements WHERE name = $1";
    Ok(client.query_typed_opt(sql, &[(&LOADING, Type::TEXT)]).await?.is_some())
}
