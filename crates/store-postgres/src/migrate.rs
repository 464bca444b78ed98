//! Brings a database's schema up to date: numbered SQL files, each run once, in order, by one node.
//!
//! All of it is one transaction under a lock, so nodes that start together wait for the first. Migrations first expand;
//! what an older release needs is taken away only by a later one. Each says which releases can work with what it makes:
//! an older node goes on beside a newer schema unless that says no.
//!
//! Safe to run twice: what `schema_versions` names is not run again.

use tidings_model::Timestamp;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::numbers::nanoseconds;
use crate::{OpenError, tallies};

struct Migration {
    number: i32,
    name: &'static str,
    /// A binary must know migrations up to this number to work with what it makes.
    compatible_from: i32,
    sql: &'static str,
}

const MIGRATIONS: [Migration; 2] = [
    Migration {
        number: 1,
        name: "spine",
        compatible_from: 1,
        sql: include_str!("../migrations/0001_spine.sql"),
    },
    Migration {
        number: 2,
        name: "agreements",
        compatible_from: 1,
        sql: include_str!("../migrations/0002_agreements.sql"),
    },
];

/// The highest number that this binary knows.
const KNOWN: i32 = {
    let [.., last] = &MIGRATIONS;
    last.number
};

/// Names the lock of migrations among those of the database: "Tdgs".
const LOCK: i64 = 0x5464_6773;

/// The oldest server: it must tell what became of a transaction by its whole number.
const SERVER_MIN: i32 = 130_000;

/// How a database's schema and this binary fit together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schema {
    /// The number of the last migration that was run; 0 in an empty database.
    pub found: i32,
    /// What a binary must know to work with it.
    pub needed: i32,
    /// The highest number that this binary knows.
    pub known: i32,
}

/// Looks at the schema, and changes nothing.
pub(crate) async fn look(client: &Client) -> Result<Schema, OpenError> {
    if !exists(client, "schema_versions").await? {
        return Ok(Schema { found: 0, needed: 0, known: KNOWN });
    }
    let (found, needed) = numbers(client).await?;
    Ok(Schema { found, needed, known: KNOWN })
}

async fn numbers(client: &Client) -> Result<(i32, i32), OpenError> {
    let row = client
        .query_typed_one(
            "SELECT coalesce(max(number), 0), coalesce(max(compatible_from), 0) FROM schema_versions",
            &[],
        )
        .await?;
    Ok((row.try_get(0)?, row.try_get(1)?))
}

/// Runs what is missing. Waits while another node does; a migration of a large database takes minutes.
pub(crate) async fn run(client: &Client, now: Timestamp) -> Result<(), OpenError> {
    check_server(client).await?;
    client.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").await?;
    let done = run_in_transaction(client, KNOWN, now).await;
    match done {
        Ok(()) => {
            tallies::renew(client).await?;
            client.batch_execute("COMMIT").await?;
            Ok(())
        }
        Err(error) => {
            client.batch_execute("ROLLBACK").await?;
            Err(error)
        }
    }
}

/// What the rest relies on.
async fn check_server(client: &Client) -> Result<(), OpenError> {
    let row = client
        .query_typed_one(
            "SELECT current_setting('server_version_num')::int4, current_setting('server_version'),
                 current_setting('server_encoding'), current_setting('fsync'),
                 current_setting('synchronous_commit'), current_setting('full_page_writes')",
            &[],
        )
        .await?;
    let number: i32 = row.try_get(0)?;
    if number < SERVER_MIN {
        return Err(OpenError::TooOld { found: row.try_get(1)? });
    }
    let encoding: String = row.try_get(2)?;
    if encoding != "UTF8" {
        return Err(OpenError::Encoding { found: encoding });
    }
    for (place, setting) in [(3, "fsync"), (4, "synchronous_commit"), (5, "full_page_writes")] {
        if row.try_get::<_, &str>(place)? == "off" {
            tracing::warn!(
                setting,
                "the database may lose what it acknowledged: turn this setting on"
            );
        }
    }
    Ok(())
}

/// Runs migrations up to a number, within a transaction of the caller's.
pub(crate) async fn run_in_transaction(
    client: &Client,
    up_to: i32,
    now: Timestamp,
) -> Result<(), OpenError> {
    client.query_typed("SELECT pg_advisory_xact_lock($1)", &[(&LOCK, Type::INT8)]).await?;
    if !exists(client, "schema_versions").await? {
        if exists(client, "workspaces").await? || exists(client, "events").await? {
            return Err(OpenError::Foreign);
        }
        client
            .batch_execute(
                "CREATE TABLE schema_versions (
                    number integer PRIMARY KEY,
                    name text NOT NULL,
                    compatible_from integer NOT NULL,
                    applied_at bigint NOT NULL
                )",
            )
            .await?;
    }
    let (found, needed) = numbers(client).await?;
    if needed > KNOWN {
        return Err(OpenError::Newer { found, needed, known: KNOWN });
    }
    let missing =
        MIGRATIONS.iter().filter(|migration| migration.number > found && migration.number <= up_to);
    for migration in missing {
        let failed = |source| OpenError::Migration { name: migration.name, source };
        client.batch_execute(migration.sql).await.map_err(failed)?;
        client
            .execute_typed(
                "INSERT INTO schema_versions (number, name, compatible_from, applied_at)
                 VALUES ($1, $2, $3, $4)",
                &[
                    (&migration.number, Type::INT4),
                    (&migration.name, Type::TEXT),
                    (&migration.compatible_from, Type::INT4),
                    (&nanoseconds(now), Type::INT8),
                ],
            )
            .await
            .map_err(failed)?;
    }
    Ok(())
}

async fn exists(client: &Client, table: &str) -> Result<bool, tokio_postgres::Error> {
    let row = client
        .query_typed_one("SELECT to_regclass($1) IS NOT NULL", &[(&table, Type::TEXT)])
        .await?;
    row.try_get(0)
}
