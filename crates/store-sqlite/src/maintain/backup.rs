//! Copies a store into a new file while it serves.
//!
//! `VACUUM INTO` reads one moment of the store, whatever is written meanwhile, and writes the copy without free pages.
//! (SQLite's step-wise copy would begin anew at every commit.) The copy gets its name only when it is whole and on disk,
//! so a backup that was cut short is never taken for one.

use std::fs::File;
use std::io;
use std::path::Path;

use tidings_store::ReadError;

use crate::connection;
use crate::row::engine;

/// Copies the store at `from` to `to`, which must not be there. Blocks.
pub fn backup(from: &Path, to: &Path) -> Result<(), ReadError> {
    let io = |source: io::Error| ReadError::Engine { source: source.into() };
    if to.exists() {
        return Err(io(io::ErrorKind::AlreadyExists.into()));
    }
    let mut partial = to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = Path::new(&partial);
    // Left over from a backup that was cut short.
    match std::fs::remove_file(partial) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
        Ok(()) | Err(_) => {}
    }
    let name = partial.to_str().ok_or_else(|| io(io::ErrorKind::InvalidInput.into()))?;
    let connection = connection::reader(from).map_err(engine)?;
    connection.pragma_update(None, "query_only", false).map_err(engine)?;
    connection.execute("VACUUM INTO ?1", [name]).map_err(engine)?;
    File::open(partial).and_then(|file| file.sync_all()).map_err(io)?;
    std::fs::rename(partial, to).map_err(io)?;
    match to.parent() {
        Some(folder) if folder != Path::new("") => {
            File::open(folder).and_then(|folder| folder.sync_all()).map_err(io)
        }
        _ => Ok(()),
    }
}
