//! Retention of runs: one that came to its end goes when as long as the setting says is over since. One that waits stays,
//! however long it does, and is not even looked at: those that ended are found by the time of their end.
//!
//! Safe to run twice: what is gone is gone, and what was written meanwhile is not removed.

use std::time::Duration;

use tidings_model::{Timestamp, WorkspaceId};
use tidings_store::{Batch, CommitError, Delete, DocumentPage, DocumentQuery, Kind, Scan};

use super::ForgetError;
use crate::App;
use crate::pipeline::enact::ENDED;
use crate::pipeline::written::sortable;

/// How many runs one look reads, and one write removes at most: their traces are long.
const PAGE: usize = 200;

/// How many looks are made at once: what is left waits for the next time.
const LOOKS_MAX: usize = 1_000;

/// How long is waited between two looks, so that whoever else reads and writes gets their turn.
const PAUSE: Duration = Duration::from_millis(5);

/// Removes what may go from one workspace; returns how many runs went.
pub async fn forget_runs(app: &App, workspace: WorkspaceId) -> Result<u64, ForgetError> {
    let Some(keep_for) = app.settings.keep_runs_for else { return Ok(0) };
    let before = app.now().checked_sub(keep_for).unwrap_or(Timestamp::MIN);
    let (mut gone, mut after) = (0, None);
    let to = Some(sortable(before));
    let scan = Scan::Range { name: ENDED, from: None, to, newest_first: false };
    for _ in 0..LOOKS_MAX {
        let query = DocumentQuery { kind: Kind::Run, scan: scan.clone(), after, limit: PAGE };
        let DocumentPage { documents, next } = app.store.documents(workspace, query).await?;
        let mut batch = Batch::new(workspace);
        let ended = documents.into_iter().map(|run| (run.key, run.version));
        batch.deletes.extend(ended.map(|(key, version)| Delete { key, expected: Some(version) }));
        let count = batch.deletes.len() as u64;
        if count > 0 {
            match app.commit(batch).await {
                Ok(_) => gone += count,
                // One of them was written meanwhile: they are looked at again the next time.
                Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        after = next;
        if after.is_none() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(gone)
}
