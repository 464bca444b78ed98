//! Removes old events and claims in many small steps, each a transaction of its own, so that commits go on between them.
//!
//! Safe to run twice, also on two nodes at once: each step removes what is still there. Numbers are never used again,
//! because the workspace's row and the threads' rows keep the last ones.

use std::time::Duration;

use futures_util::future::try_join3;
use tidings_model::{Seq, Timestamp, WorkspaceId};
use tidings_store::CommitError;
use tokio::time::timeout;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use crate::connect::discard;
use crate::failure::Failure;
use crate::numbers::{nanoseconds, sql_seq};
use crate::writer::Context;

/// Events in one step: the workspace's row is locked for as long as it takes to remove them, some milliseconds.
const EVENTS_STEP: i64 = 1_000;

/// Claims in one step.
const CLAIMS_STEP: i64 = 1_000;

/// How long one step may take, on our side of the wire.
const STEP_PATIENCE: Duration = Duration::from_secs(15);

/// The same on the database's side.
const BEGIN: &str = "BEGIN; SET LOCAL statement_timeout = '10s'; SET LOCAL lock_timeout = '8s';
    SET LOCAL idle_in_transaction_session_timeout = '3s'";

/// Removes events up to a number, and claims older than a time; returns how many events went.
pub(crate) async fn forget(
    context: &Context,
    workspace: WorkspaceId,
    up_to: Seq,
    claims_before: Timestamp,
) -> Result<u64, CommitError> {
    let mut events = 0;
    loop {
        let gone =
            step(context, async |client| events_step(client, workspace, up_to).await).await?;
        if gone == 0 {
            break;
        }
        events += gone;
    }
    context.tails.forget(workspace, up_to);
    let before = nanoseconds(claims_before);
    let mut after = String::new();
    loop {
        let last =
            step(context, async |client| claims_step(client, workspace, before, &after).await)
                .await?;
        match last {
            Some(last) => after = last,
            None => return Ok(events),
        }
    }
}

async fn step<T>(
    context: &Context,
    work: impl AsyncFnOnce(&Client) -> Result<T, tokio_postgres::Error>,
) -> Result<T, CommitError> {
    let client = context.pool.get().await.map_err(|error| Failure::from(error).for_caller())?;
    match timeout(STEP_PATIENCE, work(&client)).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => {
            discard(client);
            Err(Failure::from(error).for_caller())
        }
        Err(_) => {
            discard(client);
            Err(Failure::Late { seconds: STEP_PATIENCE.as_secs() }.for_caller())
        }
    }
}

async fn events_step(
    client: &Client,
    workspace: WorkspaceId,
    up_to: Seq,
) -> Result<u64, tokio_postgres::Error> {
    let (id, up_to) = (workspace.uuid(), sql_seq(up_to));
    let params = [
        (&id as &(dyn tokio_postgres::types::ToSql + Sync), Type::UUID),
        (&up_to, Type::INT8),
        (&EVENTS_STEP, Type::INT8),
    ];
    // The last one of the step is found first, so that the events are removed by a stretch of the key.
    let ((), rows, ()) = try_join3(
        client.batch_execute(BEGIN),
        client.query_typed(
            "WITH step AS (
                 SELECT max(seq) AS last FROM (
                     SELECT seq FROM events WHERE workspace = $1 AND seq <= $2 ORDER BY seq LIMIT $3
                 ) first
             ), gone AS (
                 DELETE FROM events USING step WHERE workspace = $1 AND seq <= step.last RETURNING 1
             ), counted AS (
                 SELECT count(*) AS count FROM gone
             )
             UPDATE workspaces SET events = workspaces.events - counted.count
             FROM counted WHERE id = $1 AND counted.count > 0 RETURNING counted.count",
            &params,
        ),
        client.batch_execute("COMMIT"),
    )
    .await?;
    let gone: Option<i64> = rows.first().map(|row| row.try_get(0)).transpose()?;
    Ok(gone.unwrap_or(0).cast_unsigned())
}

/// Removes some old claims after a name; gives the last name, or nothing when none is left.
async fn claims_step(
    client: &Client,
    workspace: WorkspaceId,
    before: i64,
    after: &str,
) -> Result<Option<String>, tokio_postgres::Error> {
    let id = workspace.uuid();
    let params = [
        (&id as &(dyn tokio_postgres::types::ToSql + Sync), Type::UUID),
        (&after, Type::TEXT),
        (&before, Type::INT8),
        (&CLAIMS_STEP, Type::INT8),
    ];
    let ((), rows, ()) = try_join3(
        client.batch_execute(BEGIN),
        client.query_typed(
            "WITH old AS (
                 SELECT name FROM claims WHERE workspace = $1 AND name > $2 AND taken_at < $3
                 ORDER BY name LIMIT $4
             ), gone AS (
                 DELETE FROM claims USING old WHERE claims.workspace = $1 AND claims.name = old.name
                 RETURNING claims.name
             )
             SELECT max(name) FROM old",
            &params,
        ),
        client.batch_execute("COMMIT"),
    )
    .await?;
    rows.first().map_or(Ok(None), |row| row.try_get(0))
}
