//! Agents come and go with their connections: who signs in takes chats, who is gone for a while does not.
//!
//! Only agents whose status follows their connections are touched: a program that never connects sets its own. What is
//! decided is in the agent's document, so a restart finds who was there and never came back.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tidings_model::{AgentId, AgentStatus, WorkspaceId};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::status;
use crate::App;
use crate::desk::hub::{Hub, PresenceChange};
use crate::pipeline::reader::stopped;

/// How long an agent's connection may be gone before their chats go to others: a reload, a tunnel, a lost network.
pub const GRACE: Duration = Duration::from_secs(15);

/// The same after a start: clients come back one after another.
pub const START_GRACE: Duration = Duration::from_secs(60);

/// Follows who comes and goes until told to stop.
pub(crate) async fn run(app: Arc<App>, workspace: WorkspaceId, mut stop: watch::Receiver<bool>) {
    let Some(hub) = app.hub(workspace) else { return };
    let mut changes = hub.watch_presence();
    let mut waiting: JoinSet<AgentId> = JoinSet::new();
    for agent in connected_before(&app, workspace) {
        waiting.spawn(after(START_GRACE, agent));
    }
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            Some(Ok(agent)) = waiting.join_next(), if !waiting.is_empty() => {
                if !hub.has_agent(&agent) {
                    set(&app, workspace, &agent, AgentStatus::Offline, "disconnected").await;
                }
            }
            change = changes.recv() => match change {
                Ok(change) => follow(&app, workspace, change, &mut waiting).await,
                Err(RecvError::Lagged(_)) => look_anew(&app, workspace, &hub, &mut waiting).await,
                Err(RecvError::Closed) => return,
            },
        }
    }
}

async fn after(pause: Duration, agent: AgentId) -> AgentId {
    tokio::time::sleep(pause).await;
    agent
}

async fn follow(
    app: &App,
    workspace: WorkspaceId,
    change: PresenceChange,
    waiting: &mut JoinSet<AgentId>,
) {
    match change {
        PresenceChange::AgentCame { agent, away } => came(app, workspace, &agent, away).await,
        PresenceChange::AgentAway { agent, away: true } => {
            set(app, workspace, &agent, AgentStatus::Away, "away").await;
        }
        PresenceChange::AgentAway { agent, away: false } => back(app, workspace, &agent).await,
        PresenceChange::AgentWent { agent } => {
            waiting.spawn(after(GRACE, agent));
        }
        PresenceChange::CustomerWent { .. } => {}
    }
}

/// Too many came and went at once to follow each: who is there now is what counts.
async fn look_anew(app: &App, workspace: WorkspaceId, hub: &Hub, waiting: &mut JoinSet<AgentId>) {
    let now = hub.presence();
    for (agent, away) in &now.agents {
        came(app, workspace, agent, *away).await;
    }
    for agent in connected_before(app, workspace) {
        if !now.agents.contains_key(&agent) {
            waiting.spawn(after(GRACE, agent));
        }
    }
}

/// Who was not there takes chats, if they do so at login.
async fn came(app: &App, workspace: WorkspaceId, id: &AgentId, away: bool) {
    let Some(agent) = app.directory(workspace).and_then(|directory| directory.agent(id)) else {
        return;
    };
    if agent.status != AgentStatus::Offline {
        return;
    }
    let (status, reason) = match (away, agent.accepts_at_login) {
        (true, _) => (AgentStatus::Away, "away"),
        (false, true) => (AgentStatus::Accepting, "signed_in"),
        (false, false) => (AgentStatus::Away, "signed_in"),
    };
    set(app, workspace, id, status, reason).await;
}

/// Who took chats before all their connections were away does so again; who had said that they take none does not.
async fn back(app: &App, workspace: WorkspaceId, id: &AgentId) {
    let agent = app.directory(workspace).and_then(|directory| directory.agent(id));
    if agent.is_some_and(|agent| agent.stepped_away) {
        set(app, workspace, id, AgentStatus::Accepting, "signed_in").await;
    }
}

/// The agents who took their status from a connection, by their documents.
fn connected_before(app: &App, workspace: WorkspaceId) -> BTreeSet<AgentId> {
    let Some(directory) = app.directory(workspace) else { return BTreeSet::new() };
    let agents = directory.agents().into_iter();
    agents.filter(|agent| agent.connected).map(|agent| agent.id.clone()).collect()
}

async fn set(
    app: &App,
    workspace: WorkspaceId,
    agent: &AgentId,
    status: AgentStatus,
    reason: &'static str,
) {
    if let Err(failure) = status::change(app, workspace, agent, status, reason, None).await {
        tracing::warn!(%agent, "the status of an agent could not follow their connection: {failure}");
    }
}
