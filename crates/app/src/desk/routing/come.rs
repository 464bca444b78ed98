//! Agents come and go with their connections: who signs in takes chats, who is gone for a while does not.
//!
//! Only agents whose status follows their connections are touched: a program that never connects sets its own. What is
//! decided is in the agent's document, so a restart finds who was there and never came back.
//!
//! Every node follows. An agent who comes is looked after by the node where they are connected; one who is gone from all
//! nodes by whichever looks first: to the others the agent is offline already, and they do nothing.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tidings_model::{AgentId, AgentStatus, WorkspaceId};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use super::status;
use crate::App;
use crate::desk::hub::{Hub, PresenceChange};
use crate::pipeline::reader::stopped;

/// How long an agent's connection may be gone before their chats go to others: a reload, a tunnel, a lost network.
pub const GRACE: Duration = Duration::from_secs(15);

/// The same after a start: clients come back one after another.
pub const START_GRACE: Duration = Duration::from_secs(60);

/// How often is looked, where there are other nodes, whether one of them took an agent for gone who is connected here.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Follows who comes and goes until told to stop.
pub(crate) async fn run(app: Arc<App>, workspace: WorkspaceId, mut stop: watch::Receiver<bool>) {
    let Some(hub) = app.hub(workspace) else { return };
    let mut changes = hub.watch_presence();
    let mut waiting: JoinSet<AgentId> = JoinSet::new();
    for agent in connected_before(&app, workspace) {
        waiting.spawn(after(START_GRACE, agent));
    }
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut offline = BTreeSet::new();
    loop {
        tokio::select! {
            () = stopped(&mut stop) => return,
            _ = looks.tick(), if hub.has_other_nodes() => {
                offline = bring_back(&app, workspace, &hub, &offline).await;
            }
            Some(Ok(agent)) = waiting.join_next(), if !waiting.is_empty() => {
                if !hub.has_agent(&agent) {
                    set(&app, workspace, &agent, AgentStatus::Offline, "disconnected").await;
                }
            }
            change = changes.recv() => match change {
                Ok(change) => follow(&app, workspace, &hub, change, &mut waiting).await,
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
    hub: &Hub,
    change: PresenceChange,
    waiting: &mut JoinSet<AgentId>,
) {
    match change {
        // Who is connected elsewhere is looked after there: here it may be told late, after they said something else.
        PresenceChange::AgentCame { agent, .. } | PresenceChange::AgentAway { agent, .. }
            if !hub.has_agent_here(&agent) => {}
        PresenceChange::AgentCame { agent, away } => came(app, workspace, &agent, away).await,
        PresenceChange::AgentAway { agent, away: true } => {
            set(app, workspace, &agent, AgentStatus::Away, "away").await;
        }
        PresenceChange::AgentAway { agent, away: false } => back(app, workspace, &agent).await,
        PresenceChange::AgentWent { agent } => {
            waiting.spawn(after(GRACE, agent));
        }
        PresenceChange::CustomerCame { .. } | PresenceChange::CustomerWent { .. } => {}
    }
}

/// A node that did not hear in time that an agent is here may have taken them for gone: who is offline at two looks one
/// after the other, and is connected here, comes again. Gives who is to be looked at next time.
async fn bring_back(
    app: &App,
    workspace: WorkspaceId,
    hub: &Hub,
    before: &BTreeSet<AgentId>,
) -> BTreeSet<AgentId> {
    let Some(directory) = app.directory(workspace) else { return BTreeSet::new() };
    let mut offline = BTreeSet::new();
    for (id, away) in hub.agents_here() {
        let agent = directory.agent(&id);
        if agent.is_none_or(|agent| agent.status != AgentStatus::Offline || agent.suspended) {
            continue;
        }
        if before.contains(&id) {
            came(app, workspace, &id, away).await;
        } else {
            offline.insert(id);
        }
    }
    offline
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
