//! Agents: who they are, and whether they take chats now.

use tidings_model::{Agent, WorkspaceId};
use tidings_store::{DocKey, Kind};

use super::{AdminError, listed};
use crate::App;

/// Writes an agent, new or known.
pub async fn put(app: &App, workspace: WorkspaceId, agent: &Agent) -> Result<(), AdminError> {
    listed::write(app, workspace, DocKey::new(Kind::Agent, &agent.id), agent, None).await
}
