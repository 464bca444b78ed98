//! Keeps what a node has at hand about a workspace (its directory, its live bots) as others change it.
//!
//! Hints and a look every so often make it fresh soon; what a reader decides must be exact. So every commit that changes
//! what is kept at hand also moves a document's version ([`Kind::Directory`]). A reader looks at it before it handles
//! events: what was changed before they were written is known then, at whichever node. So does who was asked for something
//! that is not there ([`crate::known`]), before they say so. Alone, nothing of this happens.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tidings_model::{Seq, WorkspaceId};
use tidings_store::{Batch, DocKey, Kind, Put, ReadError, Version};
use tokio::sync::watch;

use super::reader::{chain, stopped};
use crate::App;
use crate::admin::bots;
use crate::directory::{Directory, REFRESH_INTERVAL};

/// How far apart looks for what was not found are: in a flood of names that nobody has, a workspace costs twenty small
/// reads a second, and each of them is answered a twentieth of a second later.
const LOOKS_APART: Duration = Duration::from_millis(50);

/// The one document of its kind in a workspace.
fn key() -> DocKey {
    DocKey::new(Kind::Directory, "version")
}

/// Notes in a batch that it changes what nodes keep at hand.
pub(crate) fn note_change(batch: &mut Batch) {
    let body = json!({}).into();
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
            true => directory.refresh(&app).await,
            false => read_all(&app, &directory).await,
        };
        if let Err(error) = read {
            tracing::warn!("what is kept at hand could not be read again: {}", chain(&error));
        }
    }
}

/// What is kept at hand is whole, and at least as new as the event with this number. Safe to call again; one at a time
/// looks, for all that wait.
pub(crate) async fn keep_up(app: &App, workspace: WorkspaceId, with: Seq) -> Result<(), ReadError> {
    look(app, workspace, with).await?;
    whole(app, workspace)
}

/// All that is kept at hand can be read by this release. Who would act as if something were not there waits: what is owed
/// to an endpoint that only a newer release knows is not dropped by an older one.
pub(crate) fn whole(app: &App, workspace: WorkspaceId) -> Result<(), ReadError> {
    match app.directory(workspace).and_then(|directory| directory.unread()) {
        None => Ok(()),
        Some(key) => Err(ReadError::Damaged {
            place: format!("document {key}"),
            source: "a newer release wrote it: upgrade this node".into(),
        }),
    }
}

async fn look(app: &App, workspace: WorkspaceId, with: Seq) -> Result<(), ReadError> {
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
    read_newer(app, &directory).await?;
    *looked = head;
    Ok(())
}

/// What is kept at hand is as new as what any node had changed when this was asked: for who did not find something.
///
/// Strangers can ask for what never was, as often as they like: one look is for all who ask at the same time, and looks
/// are [`LOOKS_APART`].
pub(crate) async fn look_again(app: &App, directory: &Directory) -> Result<(), ReadError> {
    if app.bus().is_alone() {
        return Ok(());
    }
    directory.missing().once(LOOKS_APART, read_newer(app, directory)).await
}

/// Reads all of it, if it is newer than what is kept.
async fn read_newer(app: &App, directory: &Directory) -> Result<(), ReadError> {
    if version(app, directory.workspace()).await? == directory.version() {
        return Ok(());
    }
    read_all(app, directory).await
}

/// Reads all of it, and notes of which version it is at least.
async fn read_all(app: &App, directory: &Directory) -> Result<(), ReadError> {
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
