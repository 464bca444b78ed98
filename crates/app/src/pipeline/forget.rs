//! Retention: events older than the setting, or beyond its count, are removed once every reader is past them; and so is
//! what became of deliveries ([`deliveries`]), and runs of behaviors ([`runs`]).
//!
//! Safe to run twice: what is gone is gone. Numbers are never used again.

mod deliveries;
mod runs;

use std::sync::Arc;
use std::time::Duration;

use tidings_model::{Seq, Timestamp, WorkspaceId};
use tidings_store::{CommitError, EventQuery, ReadError};
use tokio::sync::watch;

use super::cursors;
use super::deliver::progress;
use super::office::READERS;
use super::reader::{chain, stopped};
use crate::App;
use crate::nodes::once_share;

pub use self::deliveries::forget_deliveries;
pub use self::runs::forget_runs;

/// How often we look for what may go.
const LOOK_INTERVAL: Duration = Duration::from_secs(600);

/// How long claims are kept: longer than any provider repeats a delivery (Meta does for 7 days), and than we promise for
/// idempotency keys.
pub const CLAIMS_KEPT_FOR: Duration = Duration::from_secs(14 * 24 * 3600);

/// Why nothing was removed this time.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// It could not be read what may go.
    #[error("it could not be read what may be forgotten")]
    Read(#[from] ReadError),
    /// It could not be removed.
    #[error("what is old could not be removed")]
    Commit(#[from] CommitError),
}

/// Looks from time to time, until told to stop.
pub(crate) async fn run(app: Arc<App>, mut stop: watch::Receiver<bool>) {
    loop {
        for workspace in app.workspaces() {
            if !app.holds(workspace, once_share()) {
                continue;
            }
            match forget(&app, workspace).await {
                Ok(0) => {}
                Ok(gone) => {
                    tracing::info!(workspace.id = %workspace, gone, "{gone} old events were removed")
                }
                Err(error) => tracing::warn!(workspace.id = %workspace, "{}", chain(&error)),
            }
            match forget_deliveries(&app, workspace).await {
                Ok(0) => {}
                Ok(gone) => tracing::info!(
                    workspace.id = %workspace, gone, "{gone} documents of old deliveries were removed"
                ),
                Err(error) => tracing::warn!(workspace.id = %workspace, "{}", chain(&error)),
            }
            match forget_runs(&app, workspace).await {
                Ok(0) => {}
                Ok(gone) => {
                    tracing::info!(workspace.id = %workspace, gone, "{gone} old runs were removed")
                }
                Err(error) => tracing::warn!(workspace.id = %workspace, "{}", chain(&error)),
            }
        }
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = tokio::time::sleep(LOOK_INTERVAL) => {}
        }
    }
}

/// Removes what may go from one workspace; returns how many events went.
pub async fn forget(app: &App, workspace: WorkspaceId) -> Result<u64, ForgetError> {
    let now = app.now();
    let claims_before = now.checked_sub(CLAIMS_KEPT_FOR).unwrap_or(Timestamp::MIN);
    let last = app.store.last_seq(workspace).await?;
    let mut up_to = Seq::START;
    if let Some(keep_max) = app.settings.keep_events_max {
        up_to = up_to.max(Seq(last.0.saturating_sub(keep_max)));
    }
    if let Some(keep_for) = app.settings.keep_events_for {
        let before = now.checked_sub(keep_for).unwrap_or(Timestamp::MIN);
        up_to = up_to.max(last_before(app, workspace, before, last).await?);
    }
    up_to = passed_by_all(app, workspace, up_to).await?;
    if let Some(needed) = progress::needed(app.store.as_ref(), workspace).await? {
        up_to = up_to.min(needed);
    }
    Ok(app.store.forget(workspace, up_to, claims_before).await?)
}

/// How much of what is up to here the cursors of all readers are past.
async fn passed_by_all(app: &App, workspace: WorkspaceId, up_to: Seq) -> Result<Seq, ReadError> {
    let mut done = up_to;
    for reader in READERS {
        done = done.min(cursors::least(app.store.as_ref(), workspace, reader).await?);
    }
    Ok(done)
}

/// The last event that was received before a time: events are in the order of their receiving but for moments, so the
/// place is found by halving.
pub(crate) async fn last_before(
    app: &App,
    workspace: WorkspaceId,
    before: Timestamp,
    last: Seq,
) -> Result<Seq, ReadError> {
    let (mut low, mut high) = (0, last.0);
    while low < high {
        let middle = low + (high - low) / 2;
        let query = EventQuery { after: Seq(middle), limit: 1, ..EventQuery::default() };
        match app.store.events(workspace, query).await?.first() {
            Some(event) if event.received_at < before => low = event.seq.0,
            Some(_) | None => high = middle,
        }
    }
    Ok(Seq(low))
}
