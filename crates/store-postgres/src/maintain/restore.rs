//! Puts a backup into an empty database.

use std::io;
use std::path::Path;
use std::pin::pin;

use bytes::Bytes;
use futures_util::SinkExt;
use tidings_model::Timestamp;
use tokio::fs::{self, File};
use tokio::io::AsyncReadExt;
use tokio_postgres::Client;

use super::backup::{CopiedTable, FORMAT, MANIFEST, Manifest};
use crate::connect::Address;
use crate::{OpenError, migrate};

/// Bytes that are read and sent at once.
const PART_BYTES: usize = 64 << 10;

fn failed(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> OpenError {
    OpenError::Engine { source: source.into() }
}

/// Puts the backup in a folder into an empty database; all of it, or nothing. The next [`crate::PostgresStore::open`]
/// brings it up to date if the backup is of an older release.
pub async fn restore(url: &str, from: &Path, now: Timestamp) -> Result<(), OpenError> {
    let text = fs::read(from.join(MANIFEST)).await.map_err(failed)?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(failed)?;
    if manifest.format != FORMAT {
        return Err(failed("the backup is of a newer release: use that one"));
    }
    let address = Address::parse(url)?;
    let (client, connection) = address.config.connect(address.tls.clone()).await?;
    let connection = tokio::spawn(connection);
    let restored = restore_by(&client, from, &manifest, now).await;
    drop(client);
    // Without its client the connection says good-bye and ends, and with it a transaction that failed.
    match connection.await {
        Ok(Ok(())) | Err(_) => {}
        Ok(Err(error)) => {
            tracing::debug!(error = &error as &dyn std::error::Error, "the connection ended badly");
        }
    }
    restored
}

async fn restore_by(
    client: &Client,
    from: &Path,
    manifest: &Manifest,
    now: Timestamp,
) -> Result<(), OpenError> {
    client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").await?;
    migrate::run_in_transaction(client, manifest.schema, now).await?;
    let row = client.query_typed_one("SELECT EXISTS (SELECT FROM workspaces)", &[]).await?;
    if row.try_get(0)? {
        return Err(failed("the database is not empty: restore into a new one"));
    }
    for table in &manifest.tables {
        copy(client, from, table).await?;
    }
    client
        .batch_execute(
            "SELECT setval(pg_get_serial_sequence('workspaces', 'number'), max(number))
             FROM workspaces HAVING max(number) IS NOT NULL;
             COMMIT",
        )
        .await?;
    Ok(())
}

async fn copy(client: &Client, from: &Path, table: &CopiedTable) -> Result<(), OpenError> {
    let is_plain = table.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if !is_plain {
        return Err(failed(format!("the backup names a table {:?}, which is none", table.name)));
    }
    let sql =
        format!("COPY {} ({}) FROM STDIN (FORMAT binary)", table.name, table.columns_in_sql());
    let mut rows = pin!(client.copy_in::<_, Bytes>(&sql).await?);
    let mut file = File::open(table.file(from)).await.map_err(failed)?;
    let mut hasher = crc32fast::Hasher::new();
    let mut bytes = 0_u64;
    loop {
        let mut part = Vec::with_capacity(PART_BYTES);
        if file.read_buf(&mut part).await.map_err(failed)? == 0 {
            break;
        }
        hasher.update(&part);
        bytes += part.len() as u64;
        rows.send(part.into()).await?;
    }
    if hasher.finalize() != table.crc32 || bytes != table.bytes {
        let place = table.file(from);
        let problem = format!("{} is not what was written: it is damaged", place.display());
        return Err(failed(io::Error::new(io::ErrorKind::InvalidData, problem)));
    }
    rows.finish().await?;
    Ok(())
}
