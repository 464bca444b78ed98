//! Workspaces: made on the first start.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tidings_model::{Properties, Timestamp, WorkspaceId};
use tidings_store::{Batch, CommitError, DocKey, Kind, Put, Version};

use super::AdminError;
use crate::App;
use crate::directory::Directory;
use crate::pipeline::written::to_body;

/// A tenant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// Its name, for people.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Its properties.
    #[serde(default)]
    pub properties: Properties,
    /// What is known of the company behind it, in the words of the Chat API.
    #[serde(default)]
    pub company: serde_json::Map<String, serde_json::Value>,
    /// The programs whose webhooks are switched off.
    #[serde(default)]
    pub webhooks_off: std::collections::BTreeSet<String>,
}

/// Makes a workspace, and opens it.
pub async fn create(app: &App, name: &str) -> Result<Arc<Directory>, AdminError> {
    create_as(app, WorkspaceId::new(app.clock.next_id()), name).await
}

/// Makes a workspace whose id is given, and opens it. Where it is there already, made by another node, it is opened.
pub async fn create_as(
    app: &App,
    id: WorkspaceId,
    name: &str,
) -> Result<Arc<Directory>, AdminError> {
    let workspace = Workspace {
        id,
        name: name.into(),
        created_at: app.now(),
        properties: Properties::default(),
        company: Default::default(),
        webhooks_off: Default::default(),
    };
    let mut batch = Batch::new(workspace.id);
    batch.puts.push(Put {
        key: DocKey::new(Kind::Workspace, workspace.id),
        expected: Some(Version::ABSENT),
        body: to_body(&workspace),
        index: Vec::new(),
    });
    match app.commit(batch).await {
        Ok(_) | Err(CommitError::Conflict { .. }) => Ok(app.open_workspace(id).await?),
        Err(error) => Err(error.into()),
    }
}

/// A write of the workspace's document that changes nothing. Of two batches that carry it as both saw it one is refused:
/// so nodes that start at once do not make twice what a workspace begins with.
pub(super) async fn one_at_a_time(app: &App, id: WorkspaceId) -> Result<Put, AdminError> {
    let key = DocKey::new(Kind::Workspace, id);
    let found = app.store.document(id, &key).await?;
    let found = found.ok_or(AdminError::NotFound { what: "workspace", id: id.to_string() })?;
    Ok(Put { key, expected: Some(found.version), body: found.body.into(), index: Vec::new() })
}
