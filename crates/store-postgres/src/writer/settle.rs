//! Whether a commit happened whose answer was lost.
//!
//! The database keeps what became of each transaction. A transaction that still runs is waited for: its own limits end it
//! within seconds. After a failover to a server that never heard of it, the same number may be another's, so an event or a
//! document of the group must be there as well.

use std::sync::Arc;
use std::time::Duration;

use tidings_model::WorkspaceId;
use tokio::time::{Instant, timeout};
use tokio_postgres::Client;
use tokio_postgres::types::{ToSql, Type};

use super::Context;
use super::backoff::Backoff;
use super::look::Seen;
use super::scene::Scene;
use crate::failure::Failure;
use crate::numbers::sql_seq;
use crate::text::stored;

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
    is_there(client, workspace, scene).await.map(Some)
}

/// Whether something that the group wrote is there. Of what it wrote over, the document is there as well if it was written
/// again since.
async fn is_there(
    client: &Client,
    workspace: WorkspaceId,
    scene: &Scene<'_>,
) -> Result<bool, tokio_postgres::Error> {
    let workspace = workspace.uuid();
    if let Some(event) = scene.events.first() {
        let (seq, id) = (sql_seq(event.seq), event.event.draft.id.uuid());
        let params: [(&(dyn ToSql + Sync), Type); 3] =
            [(&workspace, Type::UUID), (&seq, Type::INT8), (&id, Type::UUID)];
        let sql = "SELECT 1 FROM events WHERE workspace = $1 AND seq = $2 AND id = $3";
        return Ok(client.query_typed_opt(sql, &params).await?.is_some());
    }
    let mut documents = scene.documents.iter();
    if let Some((key, document)) = documents.find_map(|(key, put)| Some((key, put.as_ref()?))) {
        let (kind, id) = (key.kind.as_str(), stored(&key.id));
        let version = document.version.0.cast_signed();
        let params: [(&(dyn ToSql + Sync), Type); 5] = [
            (&workspace, Type::UUID),
            (&kind, Type::TEXT),
            (&id, Type::TEXT),
            (&version, Type::INT8),
            (&document.updated_at, Type::INT8),
        ];
        let sql = "SELECT 1 FROM documents WHERE workspace = $1 AND kind = $2 AND id = $3
                   AND (version > $4 OR (version = $4 AND updated_at = $5))";
        return Ok(client.query_typed_opt(sql, &params).await?.is_some());
    }
    // Of cursors, claims and timers alone nothing tells: they may be gone again by now.
    Ok(true)
}
