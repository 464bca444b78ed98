//! Keeps what a node has at hand about a workspace (its directory, its live bots) as others change it.
//!
//! Hints and a look every so often make it fresh soon; what a reader decides must be exact. So every commit that changes
//! what is kept at hand also moves a document's version ([`Kind::Directory`]). A reader looks at it before it handles
//! events: what was changed before they were written is known then, at whichever node. Alone, nothing of this happens.

use std::sync::Arc;

use tidings_model::{Seq, WorkspaceId};
use tidings_store::{Batch, DocKey, Kind, Put, ReadError, Version};
use tokio::sync::watch;

use super::reader::{chain, stopped};
use crate::App;
use crate::admin::{AdminError, bots};
use crate::directory::{Directory, REFRESH_INTERVAL};

/// The one document of its kind in a workspace.
fn key() -> DocKey {
    DocKey::new(Kind::Directory, "version")
}

/// Notes in a batch that it changes what nodes keep at hand.
pub(crate) fn note_change(batch: &mut Batch) {
    let body = serde_json::Value::Object(serde_json::Map::new());
    batch.puts.push(Put { key: key(), expected: None, body, index: Vec::new() });
}

/// Reads again every so often, and whenever another node says that something is new, until told to stop.
pub(crate) async fn run(app: Arc<App>, directory: Arc<Directory>, mut stop: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            () = tokio::time::sleep(REFRESH_INTERVAL) => {}
            () = directory.stale() => {}
        }
        let read = match app.bus().is_alone() {
            true => directory.refresh(&app).await.map_err(AdminError::from),
            false => read_all(&app, &directory).await,
        };
        if let Err(error) = read {
            tracing::warn!("what is kept at hand could not be read again: {}", chain(&error));
        }
    }
}

/// What is kept at hand is at least as new as the event with this number. Safe to call again; one at a time looks, for
/// all that wait.
pub(crate) async fn keep_up(
    app: &App,
    workspace: WorkspaceId,
    with: Seq,
) -> Result<(), AdminError> {
    if app.bus().is_alone() {
        return Ok(());
    }
    let Some(directory) = app.directory(workspace) else { return Ok(()) };
    let mut looked = directory.looking().await;
    if *looked >= with {
        return Ok(());
    }
    // Seen before the version is read, so that no change before it is missed.
    let head = app.store.tail(workspace).head().max(with);
    if version(app, workspace).await? != directory.version() {
        read_all(app, &directory).await?;
    }
    *looked = head;
    Ok(())
}

/// Reads all of it, and notes of which version it is at least.
async fn read_all(app: &App, directory: &Directory) -> Result<(), AdminError> {
    let version = version(app, directory.workspace()).await?;
    directory.refresh(app).await?;
    bots::load_changed(app, directory.workspace()).await?;
    directory.is_of(version);
    Ok(())
}

async fn version(app: &App, workspace: WorkspaceId) -> Result<Version, ReadError> {
    let found = app.store.document(workspace, &key()).await?;
    Ok(found.map_or(Version::ABSENT, |document| document.version))
}
