//! Copies everything into a new folder, at one moment of the database, while all nodes serve.
//!
//! The folder holds a file for each table, in the server's binary form of `COPY`, and `manifest.json`, which says what
//! they are and bears their checksums. It gets its name when it is whole and on disk, so one that was cut short is never
//! taken for a backup. It goes into an empty database by [`crate::restore`].

use std::io;
use std::path::{Path, PathBuf};
use std::pin::pin;

use futures_util::TryStreamExt;
use serde::{Deserialize, Serialize};
use tidings_store::ReadError;
use tokio::fs::{self, File};
use tokio::io::{AsyncWriteExt, BufWriter};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::read::marks::TABLES;
use crate::row::{column, engine};

/// What the folder says of itself.
pub(super) const MANIFEST: &str = "manifest.json";

/// The layout of the folder; a later one is another number.
pub(super) const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: u32,
    /// The number of the last migration.
    pub(super) schema: i32,
    pub(super) tables: Vec<CopiedTable>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct CopiedTable {
    pub(super) name: String,
    pub(super) columns: Vec<String>,
    pub(super) bytes: u64,
    pub(super) crc32: u32,
}

impl CopiedTable {
    pub(super) fn file(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}.copy", self.name))
    }

    pub(super) fn columns_in_sql(&self) -> String {
        let quoted: Vec<String> =
            self.columns.iter().map(|name| format!("\"{}\"", name.replace('"', "\"\""))).collect();
        quoted.join(", ")
    }
}

fn failed(source: io::Error) -> ReadError {
    ReadError::Engine { source: source.into() }
}

/// Copies the database to a folder that must not be there.
pub(crate) async fn backup(client: &Client, to: &Path) -> Result<(), ReadError> {
    if fs::try_exists(to).await.map_err(failed)? {
        return Err(failed(io::ErrorKind::AlreadyExists.into()));
    }
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = PathBuf::from(partial);
    // Left over from a backup that was cut short.
    match fs::remove_dir_all(&partial).await {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
        Ok(()) | Err(_) => {}
    }
    fs::create_dir_all(&partial).await.map_err(failed)?;
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    client.batch_execute(begin).await.map_err(engine)?;
    let manifest = copy_all(client, &partial).await?;
    client.batch_execute("COMMIT").await.map_err(engine)?;
    let text = serde_json::to_vec_pretty(&manifest).expect("names and numbers can be written");
    let mut file = File::create(partial.join(MANIFEST)).await.map_err(failed)?;
    file.write_all(&text).await.map_err(failed)?;
    file.sync_all().await.map_err(failed)?;
    sync_folder(&partial).await?;
    fs::rename(&partial, to).await.map_err(failed)?;
    match to.parent() {
        Some(folder) if folder != Path::new("") => sync_folder(folder).await,
        _ => Ok(()),
    }
}

async fn sync_folder(folder: &Path) -> Result<(), ReadError> {
    let folder = File::open(folder).await.map_err(failed)?;
    folder.sync_all().await.map_err(failed)
}

async fn copy_all(client: &Client, folder: &Path) -> Result<Manifest, ReadError> {
    let sql = "SELECT max(number) FROM schema_versions";
    let row = client.query_typed_one(sql, &[]).await.map_err(engine)?;
    let mut manifest = Manifest { format: FORMAT, schema: column(&row, 0)?, tables: Vec::new() };
    // Who lives now is nothing to keep.
    let tables =
        TABLES.into_iter().filter(|name| *name != "nodes").chain(["tallied_names", "agreements"]);
    for name in tables {
        let sql = "SELECT attname::text FROM pg_attribute
            WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum";
        let rows = client.query_typed(sql, &[(&name, Type::TEXT)]).await.map_err(engine)?;
        let columns = rows.iter().map(|row| column(row, 0)).collect::<Result<_, _>>()?;
        let mut table = CopiedTable { name: name.into(), columns, bytes: 0, crc32: 0 };
        copy(client, folder, &mut table).await?;
        manifest.tables.push(table);
    }
    Ok(manifest)
}

async fn copy(client: &Client, folder: &Path, table: &mut CopiedTable) -> Result<(), ReadError> {
    let sql = format!("COPY {} ({}) TO STDOUT (FORMAT binary)", table.name, table.columns_in_sql());
    let mut file = BufWriter::new(File::create(table.file(folder)).await.map_err(failed)?);
    let mut rows = pin!(client.copy_out(&sql).await.map_err(engine)?);
    let mut hasher = crc32fast::Hasher::new();
    while let Some(bytes) = rows.try_next().await.map_err(engine)? {
        hasher.update(&bytes);
        table.bytes += bytes.len() as u64;
        file.write_all(&bytes).await.map_err(failed)?;
    }
    table.crc32 = hasher.finalize();
    file.flush().await.map_err(failed)?;
    file.get_ref().sync_all().await.map_err(failed)
}
