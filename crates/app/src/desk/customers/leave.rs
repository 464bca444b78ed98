//! Customers leave with their connections: when the last one is gone for a while, the visit is over.
//!
//! What is decided is in the customer's document: a visit that lasts has an index entry, so that a restart finds those who
//! never came back. Every node follows who goes from all of them; the visit is ended by whichever looks first.

use std::sync::Arc;
use std::time::Duration;

use tidings_model::{CustomerId, WorkspaceId};
use tidings_store::{DocumentQuery, Kind, Scan};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::visit;
use crate::App;
use crate::desk::Failure;
use crate::desk::find::unreadable;
use crate::desk::hub::PresenceChange;
use crate::desk::routing::come::{GRACE, START_GRACE};
use crate::pipeline::reader::stopped;
use crate::pipeline::written::VISITING;

/// How many customers wait at once for their grace to end; beyond it a sweep finds them.
const WAITING_MAX: usize = 10_000;

/// How often those are looked for whose going nobody saw.
const SWEEP_EVERY: Duration = Duration::from_secs(10 * 60);

/// How many customers one look takes.
const PAGE: usize = 500;

/// Follows who goes until told to stop.
pub(crate) async fn run(app: Arc<App>, workspace: WorkspaceId, mut stop: watch::Receiver<bool>) {
    let Some(hub) = app.hub(workspace) else { return };
    let mut changes = hub.watch_presence();
    let mut waiting: JoinSet<CustomerId> = JoinSet::new();
    let begun = tokio::time::Instant::now();
    let mut sweeps = tokio::time::interval_at(begun + START_GRACE, SWEEP_EVERY);
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            Some(Ok(customer)) = waiting.join_next(), if !waiting.is_empty() => {
                if !hub.has_customer(customer) {
                    left(&app, workspace, customer).await;
                }
            }
            _ = sweeps.tick() => {
                if let Err(failure) = sweep(&app, workspace).await {
                    tracing::warn!("visits that are over could not be looked for: {failure}");
                }
            }
            change = changes.recv() => match change {
                Ok(PresenceChange::CustomerWent { customer }) if waiting.len() < WAITING_MAX => {
                    waiting.spawn(after(GRACE, customer));
                }
                // A sweep finds those whose going was not seen.
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            },
        }
    }
}

async fn after(pause: Duration, customer: CustomerId) -> CustomerId {
    tokio::time::sleep(pause).await;
    customer
}

async fn left(app: &App, workspace: WorkspaceId, customer: CustomerId) {
    if let Err(failure) = visit::left(app, workspace, customer).await {
        tracing::warn!(%customer, "a visit could not be ended: {failure}");
    }
}

/// Ends the visits of those who have no connection and have not opened a page for long.
pub async fn sweep(app: &App, workspace: WorkspaceId) -> Result<(), Failure> {
    let Some(hub) = app.hub(workspace) else { return Ok(()) };
    let mut after = None;
    loop {
        let scan = Scan::Equal { name: VISITING, value: VISITING.into() };
        let query = DocumentQuery { kind: Kind::Customer, scan, after, limit: PAGE };
        let page = app.store().documents(workspace, query).await.map_err(unreadable)?;
        for document in page.documents {
            let customer: Option<CustomerId> = document.key.id.parse().ok();
            if let Some(customer) = customer.filter(|customer| !hub.has_customer(*customer)) {
                left(app, workspace, customer).await;
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}
