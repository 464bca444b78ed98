//! How connections are opened: the writer's one, and the readers'.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::{Options, Synchronous};

/// The writer's page cache, in KiB: 64 MiB hold the hot ends of all b-trees and some ten thousand active chats.
const WRITER_CACHE_KIB: i64 = 64 << 10;

/// A reader's page cache, in KiB. The file is not mapped into memory: the operating system caches it as well, without
/// counting it as ours, and a disk error stays an error instead of a signal.
const READER_CACHE_KIB: i64 = 4 << 10;

/// What is left of the log file after a checkpoint, in bytes; SQLite cuts it back to this.
const WAL_LEFT_BYTES: i64 = 16 << 20;

/// Pages in the log before they are copied into the file: SQLite's own default.
const CHECKPOINT_PAGES: i64 = 1_000;

/// How long SQLite waits for a lock that our own connections hold for a moment (recovery, a checkpoint).
const BUSY_WAIT: Duration = Duration::from_secs(5);

/// Room in the cache of prepared statements; there are about thirty.
const STATEMENTS_MAX: usize = 64;

/// The one that writes. Creates the file if it is not there.
pub(crate) fn writer(path: &Path, options: &Options) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    let synchronous = match options.synchronous {
        Synchronous::Full => "FULL",
        Synchronous::Normal => "NORMAL",
    };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "journal_size_limit", WAL_LEFT_BYTES)?;
    connection.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
    if let Some(pages) = options.pages_max {
        connection.pragma_update(None, "max_page_count", pages)?;
    }
    keep_statements(&connection)?;
    Ok(connection)
}

/// One that reads, and cannot write. The file must be there.
pub(crate) fn reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_WAIT)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    keep_statements(&connection)?;
    Ok(connection)
}

/// Statements are prepared once. Without the planner's stability guarantee, SQLite prepares those with a range anew for
/// each value that is bound, in case that it has statistics for it; we never make any.
fn keep_statements(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    Ok(())
}
