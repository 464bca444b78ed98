//! Retention of the log of deliveries: what was delivered or has failed goes when nothing was written of it for as long as
//! the setting says. What is still owed stays, however old it is, and so does what a reader may look up when it begins
//! again.
//!
//! Safe to run twice: what is gone is gone, and what was written meanwhile is not removed.

use std::time::Duration;

use tidings_model::{DeliveryId, Seq, Timestamp, WorkspaceId};
use tidings_store::{
    Batch, CommitError, Delete, Document, DocumentPage, DocumentQuery, Kind, Scan,
};

use super::{ForgetError, passed_by_all};
use crate::App;

/// How many documents one look reads, and one write removes at most.
const PAGE: usize = 500;

/// How many looks are made at once at deliveries that stand alike: what is left waits for the next time.
const LOOKS_MAX: usize = 200;

/// How long is waited between two writes, so that whoever else writes gets their turn.
const PAUSE: Duration = Duration::from_millis(5);

/// Removes what may go from one workspace; returns how many documents went.
pub async fn forget_deliveries(app: &App, workspace: WorkspaceId) -> Result<u64, ForgetError> {
    let Some(keep_for) = app.settings.keep_deliveries_for else { return Ok(0) };
    let before = app.now().checked_sub(keep_for).unwrap_or(Timestamp::MIN);
    let last = app.store.last_seq(workspace).await?;
    let done = passed_by_all(app, workspace, last).await?;
    let mut gone = 0;
    for status in ["delivered", "failed"] {
        let scan = Scan::Equal { name: "status", value: status.into() };
        gone += remove(app, workspace, Kind::Delivery, scan, |found| {
            found.updated_at < before && seq_of(found).is_some_and(|seq| seq <= done)
        })
        .await?;
    }
    // Their ids are in the order of time, and nobody writes them again.
    gone +=
        remove(app, workspace, Kind::DeliveryPage, Scan::All, |found| found.updated_at < before)
            .await?;
    Ok(gone)
}

fn seq_of(found: &Document) -> Option<Seq> {
    found.key.id.parse::<DeliveryId>().ok().map(DeliveryId::seq)
}

/// Removes what may go, oldest first, until a look finds nothing of it.
async fn remove(
    app: &App,
    workspace: WorkspaceId,
    kind: Kind,
    scan: Scan,
    may_go: impl Fn(&Document) -> bool,
) -> Result<u64, ForgetError> {
    let (mut gone, mut after) = (0, None);
    for _ in 0..LOOKS_MAX {
        let query = DocumentQuery { kind, scan: scan.clone(), after, limit: PAGE };
        let DocumentPage { documents, next } = app.store.documents(workspace, query).await?;
        let mut batch = Batch::new(workspace);
        for found in documents.into_iter().filter(&may_go) {
            batch.deletes.push(Delete { key: found.key, expected: Some(found.version) });
        }
        let count = batch.deletes.len() as u64;
        if count == 0 {
            break;
        }
        match app.commit(batch).await {
            Ok(_) => gone += count,
            // One of them was written meanwhile: they are looked at again the next time.
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        after = next;
        if after.is_none() {
            break;
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(gone)
}
