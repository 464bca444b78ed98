//! Removes old events and claims in many small steps through the writer's queue, so that commits go on between them.
//!
//! Safe to run twice: each step removes what is still there.

use tidings_model::{Seq, Timestamp, WorkspaceId};
use tidings_store::CommitError;

use crate::read::marks;
use crate::readers::Readers;
use crate::writer::{ForgetStep, Queue};

/// Claims in one step; they are found beside the writer, which then removes each by its key.
const CLAIMS_STEP: i64 = 1_000;

/// Removes events up to a number, and claims older than a time; returns how many events went.
pub(crate) async fn forget(
    readers: &Readers,
    queue: &Queue,
    workspace: WorkspaceId,
    up_to: Seq,
    claims_before: Timestamp,
) -> Result<u64, CommitError> {
    let mut events = 0;
    loop {
        let step = ForgetStep { workspace, up_to, claims: Vec::new() };
        let forgotten = queue.forget(step).await?.events;
        if forgotten == 0 {
            break;
        }
        events += forgotten;
    }
    let mut after = String::new();
    loop {
        let claims = readers
            .run(move |connection| {
                marks::old_claims(connection, workspace, claims_before, &after, CLAIMS_STEP)
            })
            .await
            .map_err(|error| CommitError::Engine { source: error.into() })?;
        let Some(last) = claims.last() else { return Ok(events) };
        after = last.clone();
        queue.forget(ForgetStep { workspace, up_to: Seq::START, claims }).await?;
    }
}
