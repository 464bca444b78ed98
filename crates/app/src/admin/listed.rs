//! Documents that the directory lists (agents, channels, endpoints): found, written and removed alike. After each change
//! the directory is read again.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tidings_model::WorkspaceId;
use tidings_store::{Batch, Delete, DocKey};

use super::AdminError;
use crate::App;
use crate::pipeline::scene::{Seen, seen};

/// Finds one, or says that it is not there.
pub(crate) async fn find<T: DeserializeOwned>(
    app: &App,
    workspace: WorkspaceId,
    key: &DocKey,
) -> Result<Seen<T>, AdminError> {
    let found = app.store.document(workspace, key).await?;
    Ok(seen(found.ok_or_else(|| not_found(key))?)?)
}

/// Writes one.
pub(crate) async fn write<T: Serialize>(
    app: &App,
    workspace: WorkspaceId,
    key: DocKey,
    seen: &Seen<T>,
) -> Result<(), AdminError> {
    let mut batch = Batch::new(workspace);
    batch.puts.push(seen.put(key, Vec::new()));
    app.commit(batch).await?;
    refresh(app, workspace).await
}

/// Removes one, or says that it is not there.
pub(super) async fn remove(
    app: &App,
    workspace: WorkspaceId,
    key: DocKey,
) -> Result<(), AdminError> {
    if app.store.document(workspace, &key).await?.is_none() {
        return Err(not_found(&key));
    }
    let mut batch = Batch::new(workspace);
    batch.deletes.push(Delete { key, expected: None });
    app.commit(batch).await?;
    refresh(app, workspace).await
}

fn not_found(key: &DocKey) -> AdminError {
    AdminError::NotFound { what: key.kind.as_str(), id: key.id.clone() }
}

/// Reads the directory of a workspace again.
pub(crate) async fn refresh(app: &App, workspace: WorkspaceId) -> Result<(), AdminError> {
    if let Some(directory) = app.directory(workspace) {
        directory.refresh(app).await?;
    }
    Ok(())
}
