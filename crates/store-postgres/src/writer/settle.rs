//! Whether a commit happened whose answer was lost.
//!
//! The database keeps what became of each transaction. A transaction that still runs is waited for: its own limits end it
//! within seconds. After a failover to a server that never heard of it, the same number may be another's, so an event of
//! the group must be in the log as well.

use std::sync::Arc;
use std::time::Duration;

use tidings_model::WorkspaceId;
use tokio::time::{Instant, timeout};
use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::Context;
use super::backoff::Backoff;
use super::look::Seen;
use super::scene::Scene;
use crate::failure::Failure;
use crate::numbers::sql_seq;

/// How long the database is asked: a restart after a crash may take so long.
const SETTLE_PATIENCE: Duration = Duration::from_secs(30);

/// How long one question may take.
const QUESTION_PATIENCE: Duration = Duration::from_secs(5);

/// Asks until the answer is clear; [`Failure::Unknown`] if it is not in time.
pub(super) async fn is_committed(
    context: &Context,
    workspace: WorkspaceId,
    seen: &Seen,
    scene: &Scene<'_>,
) -> Result<bool, Failure> {
    let end = Instant::now() + SETTLE_PATIENCE;
    let mut backoff = Backoff::new(Arc::clone(&context.clock));
    while Instant::now() < end {
        if let Ok(client) = context.pool.get().await {
            match timeout(QUESTION_PATIENCE, ask(&client, workspace, seen, scene)).await {
                Ok(Ok(Some(committed))) => {
                    tracing::warn!(committed, "the answer to a commit was lost, and settled");
                    return Ok(committed);
                }
                Ok(Ok(None)) => {}
                Ok(Err(_)) | Err(_) => crate::connect::discard(client),
            }
        }
        tokio::time::sleep(backoff.next()).await;
    }
    Err(Failure::Unknown)
}

async fn ask(
    client: &Client,
    workspace: WorkspaceId,
    seen: &Seen,
    scene: &Scene<'_>,
) -> Result<Option<bool>, tokio_postgres::Error> {
    let status = client
        .query_typed_one(
            "SELECT pg_xact_status($1::text::xid8)",
            &[(&seen.transaction, Type::TEXT)],
        )
        .await;
    let status: Option<String> = match status {
        Ok(row) => row.try_get(0)?,
        // It is in the future of this server, which is another one than before.
        Err(error)
            if error.code() == Some(&tokio_postgres::error::SqlState::INVALID_PARAMETER_VALUE) =>
        {
            return Ok(Some(false));
        }
        Err(error) => return Err(error),
    };
    if status.as_deref() == Some("aborted") {
        return Ok(Some(false));
    }
    if status.as_deref() != Some("committed") {
        return Ok(None);
    }
    let Some(event) = scene.events.first() else { return Ok(Some(true)) };
    let found = client
        .query_typed_opt(
            "SELECT 1 FROM events WHERE workspace = $1 AND seq = $2 AND id = $3",
            &[
                (&workspace.uuid(), Type::UUID),
                (&sql_seq(event.seq), Type::INT8),
                (&event.event.draft.id.uuid(), Type::UUID),
            ],
        )
        .await?;
    Ok(Some(found.is_some()))
}
