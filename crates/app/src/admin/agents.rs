//! Agents: who they are, what they may do, and whether they take chats now.
//!
//! Safe to run twice: a change says how things shall be, and what is so already is not written again.

use std::collections::BTreeSet;

use serde_json::json;
use tidings_model::{
    Agent, AgentId, AgentStatus, Author, Clock, GroupName, Role, Timestamp, WorkspaceId,
};
use tidings_store::{Batch, CommitError, DocKey, Kind, Put};
use uuid::Uuid;

use super::told::{different, told};
use super::{AdminError, groups, listed};
use crate::App;
use crate::pipeline::scene::{Seen, seen};

/// How often a change is made anew because somebody changed the agent meanwhile.
pub(crate) const CONFLICT_TRIES_MAX: usize = 5;

/// The longest name of an agent, in bytes, and the most teams.
pub const NAME_BYTES_MAX: usize = 100;
/// The most teams of an agent.
pub const GROUPS_MAX: usize = 100;
/// The longest job title and address of a picture, in bytes.
const TEXT_BYTES_MAX: usize = 1_000;
/// The most chats that an agent may have at once: nobody reads more.
const CHATS_MAX: u32 = 1_000;

/// What somebody says of an agent; what is left out stays.
#[derive(Clone, Debug, Default)]
pub struct AgentChange {
    /// Their name, as customers see it.
    pub name: Option<String>,
    /// Whether they take chats now.
    pub status: Option<AgentStatus>,
    /// Their teams, all of them; one that is not there is made.
    pub groups: Option<BTreeSet<GroupName>>,
    /// What they may do.
    pub role: Option<Role>,
    /// A picture of them; `Some(None)` takes it away.
    pub avatar: Option<Option<String>>,
    /// What they are, as customers see it.
    pub job_title: Option<Option<String>>,
    /// How many chats they have at once at most.
    pub chats_max: Option<u32>,
}

/// Writes an agent as they are given, new or known; nothing is told of it.
pub async fn put(app: &App, workspace: WorkspaceId, agent: &Agent) -> Result<(), AdminError> {
    let mut batch = Batch::new(workspace);
    batch.puts.push(Put { expected: None, ..written(&Seen::absent(agent.clone())) });
    app.commit(batch).await?;
    listed::refresh(app, workspace).await
}

/// Changes an agent, or makes one.
pub async fn change(
    app: &App,
    workspace: WorkspaceId,
    id: &AgentId,
    change: AgentChange,
) -> Result<Agent, AdminError> {
    check(&change)?;
    for _ in 0..CONFLICT_TRIES_MAX {
        let found = find(app, workspace, id).await?;
        let before = found.as_ref().map(|found| found.value.clone());
        let fresh = || Seen::absent(new(app.clock.as_ref(), id));
        let mut found = found.unwrap_or_else(fresh);
        let agent = &mut found.value;
        if agent.account.is_nil() {
            agent.account = app.clock.next_id();
        }
        apply(agent, change.clone());
        if before.as_ref() == Some(agent) {
            return Ok(found.value);
        }
        let mut batch = Batch::new(workspace);
        groups::make_missing(app, workspace, None, &agent.groups, &mut batch).await?;
        batch.events.push(tell_of(app, workspace, None, before.as_ref(), agent));
        batch.puts.push(written(&found));
        match app.commit(batch).await {
            Ok(_) => {
                listed::refresh(app, workspace).await?;
                return Ok(found.value);
            }
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(AdminError::Conflict)
}

/// Somebody who is not there yet: their account is made here, once.
pub(crate) fn new(clock: &dyn Clock, id: &AgentId) -> Agent {
    let now: Timestamp = clock.now();
    let account: Uuid = clock.next_id();
    Agent {
        account,
        created_at: Some(now),
        ..Agent::new(id.clone(), id.as_str(), AgentStatus::Offline)
    }
}

/// An agent's document.
pub(crate) async fn find(
    app: &App,
    workspace: WorkspaceId,
    id: &AgentId,
) -> Result<Option<Seen<Agent>>, AdminError> {
    let key = DocKey::new(Kind::Agent, id);
    Ok(app.store.document(workspace, &key).await?.map(seen).transpose()?)
}

/// An agent as it is written.
fn written(seen: &Seen<Agent>) -> Put {
    let agent = &seen.value;
    seen.put(DocKey::new(Kind::Agent, &agent.id), vec![("account", agent.account.to_string())])
}

/// `agent.created`, or `agent.updated` with the names of what is different.
pub(crate) fn tell_of(
    app: &App,
    workspace: WorkspaceId,
    author: Option<&Author>,
    before: Option<&Agent>,
    agent: &Agent,
) -> tidings_model::Draft {
    let bot = agent.bot.is_some();
    match before {
        None => {
            let data = json!({ "agent": agent.id, "name": agent.name, "bot": bot });
            told(app, workspace, author, "agent.created", data)
        }
        Some(before) => {
            let data =
                json!({ "agent": agent.id, "bot": bot, "changed": different(before, agent) });
            told(app, workspace, author, "agent.updated", data)
        }
    }
}

fn check(change: &AgentChange) -> Result<(), AdminError> {
    if let Some(name) = &change.name
        && (name.is_empty() || name.len() > NAME_BYTES_MAX)
    {
        return Err(AdminError::invalid("/name", format!("must have 1 to {NAME_BYTES_MAX} bytes")));
    }
    if change.groups.as_ref().is_some_and(|groups| groups.len() > GROUPS_MAX) {
        return Err(AdminError::invalid(
            "/groups",
            format!("must have at most {GROUPS_MAX} entries"),
        ));
    }
    for (field, text) in [("/avatar", &change.avatar), ("/job_title", &change.job_title)] {
        let text = text.as_ref().and_then(Option::as_ref);
        if text.is_some_and(|text| text.len() > TEXT_BYTES_MAX) {
            return Err(AdminError::invalid(
                field,
                format!("must have at most {TEXT_BYTES_MAX} bytes"),
            ));
        }
    }
    if change.chats_max.is_some_and(|most| most > CHATS_MAX) {
        return Err(AdminError::invalid("/chats_max", format!("must be at most {CHATS_MAX}")));
    }
    Ok(())
}

fn apply(agent: &mut Agent, change: AgentChange) {
    let AgentChange { name, status, groups, role, avatar, job_title, chats_max } = change;
    if let Some(name) = name {
        agent.name = name;
    }
    if let Some(status) = status {
        agent.status = status;
    }
    if let Some(groups) = groups {
        agent.groups = groups;
    }
    if let Some(role) = role {
        agent.role = role;
    }
    if let Some(avatar) = avatar {
        agent.avatar = avatar;
    }
    if let Some(job_title) = job_title {
        agent.job_title = job_title;
    }
    if let Some(chats_max) = chats_max {
        agent.chats_max = chats_max;
    }
}
