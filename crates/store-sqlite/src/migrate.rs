//! Brings a file's schema up to date: numbered SQL files, each run once, in order, in one transaction with its record.
//!
//! The tallies are made anew where the file counts other names than this binary.
//!
//! Safe to run twice: what the file's `schema_versions` names is not run again. A file of a newer binary is refused,
//! because this one would not keep promises that it does not know.

use rusqlite::{Connection, TransactionBehavior};
use tidings_model::Timestamp;

use crate::position::nanoseconds;
use crate::{OpenError, tallies};

struct Migration {
    number: i64,
    name: &'static str,
    sql: &'static str,
}

const MIGRATIONS: [Migration; 2] = [
    Migration { number: 1, name: "spine", sql: include_str!("../migrations/0001_spine.sql") },
    Migration {
        number: 2,
        name: "threads_and_tallies",
        sql: include_str!("../migrations/0002_threads_and_tallies.sql"),
    },
];

/// Says in the file's header that it is ours: "Tdgs".
const APPLICATION_ID: i64 = 0x5464_6773;

/// Runs what is missing.
pub(crate) fn run(connection: &mut Connection, now: Timestamp) -> Result<(), OpenError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let tables: i64 =
        transaction.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    let application: i64 =
        transaction.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if tables == 0 {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.execute_batch(
            "CREATE TABLE schema_versions (
                number INTEGER PRIMARY KEY,
                name TEXT NOT NULL,
                applied_at INTEGER NOT NULL
            ) STRICT",
        )?;
    } else if application != APPLICATION_ID {
        return Err(OpenError::Foreign);
    }
    let found: i64 = transaction.query_row(
        "SELECT coalesce(max(number), 0) FROM schema_versions",
        [],
        |row| row.get(0),
    )?;
    let known = MIGRATIONS.iter().map(|migration| migration.number).max().unwrap_or_default();
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    for migration in MIGRATIONS.iter().filter(|migration| migration.number > found) {
        let failed = |source| OpenError::Migration { name: migration.name, source };
        transaction.execute_batch(migration.sql).map_err(failed)?;
        transaction
            .execute(
                "INSERT INTO schema_versions (number, name, applied_at) VALUES (?1, ?2, ?3)",
                (migration.number, migration.name, nanoseconds(now)),
            )
            .map_err(failed)?;
    }
    tallies::renew(&transaction)?;
    transaction.commit()?;
    Ok(())
}
