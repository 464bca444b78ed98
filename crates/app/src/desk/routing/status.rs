//! Whether agents take chats: set by themselves, by an administrator, or because they came or went.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidings_model::{
    Agent, AgentId, AgentStatus, Author, Draft, GroupNumber, Visibility, WorkspaceId,
};
use tidings_store::{Batch, CommitError, DocKey, Kind};

use super::{Roster, status_for_agents, status_for_customers};
use crate::App;
use crate::desk::change::{CONFLICT_TRIES_MAX, unwritable};
use crate::desk::find::unreadable;
use crate::desk::push::{Agents, Customers, Push};
use crate::desk::{Actor, ErrorType, Failure};
use crate::pipeline::scene::{Seen, seen};

/// The word for a status, as chat clients know it.
pub const fn word(status: AgentStatus) -> &'static str {
    match status {
        AgentStatus::Accepting => "accepting_chats",
        AgentStatus::Away => "not_accepting_chats",
        AgentStatus::Offline => "offline",
    }
}

/// The status that a word stands for.
pub fn read(word: &str) -> Option<AgentStatus> {
    match word {
        "accepting_chats" => Some(AgentStatus::Accepting),
        "not_accepting_chats" => Some(AgentStatus::Away),
        "offline" => Some(AgentStatus::Offline),
        _ => None,
    }
}

/// Somebody sets the status of an agent: their own, or, as an administrator or a bot's owner, another's.
pub async fn set(
    app: &App,
    actor: &Actor,
    agent: Option<&str>,
    status: AgentStatus,
) -> Result<(), Failure> {
    let own = actor.needs_agent()?.id.clone();
    let missing = || Failure::new(ErrorType::NotFound, "there is no such agent");
    let id: AgentId = match agent {
        Some(name) => name.parse().map_err(|_| missing())?,
        None => own.clone(),
    };
    let known = app.directory(actor.workspace).and_then(|directory| directory.agent(&id));
    let known = known.ok_or_else(missing)?;
    let owns = known.bot.as_ref().is_some_and(|bot| bot.owner_client_id == actor.client_id);
    if id != own && !actor.is_administrator() && !owns {
        return Err(Failure::new(
            ErrorType::Authorization,
            "only administrators set the status of others",
        ));
    }
    if status == AgentStatus::Offline && known.bot.is_none() {
        return Err(Failure::field("status", "may be offline for bots only; agents log out"));
    }
    change(app, actor.workspace, &id, status, "set", Some(actor)).await
}

/// Changes an agent's status and tells of it. Doing it again changes nothing.
pub async fn change(
    app: &App,
    workspace: WorkspaceId,
    id: &AgentId,
    status: AgentStatus,
    reason: &'static str,
    by: Option<&Actor>,
) -> Result<(), Failure> {
    let key = DocKey::new(Kind::Agent, id);
    for _ in 0..CONFLICT_TRIES_MAX {
        let document = app.store().document(workspace, &key).await.map_err(unreadable)?;
        let document =
            document.ok_or_else(|| Failure::new(ErrorType::NotFound, "there is no such agent"))?;
        let mut found: Seen<Agent> = seen(document).map_err(unreadable)?;
        let agent = &mut found.value;
        let before = agent.status;
        if before == status {
            return Ok(());
        }
        agent.status = status;
        agent.stepped_away = reason == "away"
            && match before {
                AgentStatus::Accepting => true,
                AgentStatus::Away => false,
                AgentStatus::Offline => agent.accepts_at_login,
            };
        agent.connected = match reason {
            "signed_in" | "away" => true,
            "set" => agent.connected,
            _ => false,
        };
        let mut batch = Batch::new(workspace);
        let mut draft = Draft::new(
            app.next_event_id(),
            "routing.status_changed".parse().expect("a good name"),
            workspace,
            app.now(),
            json!({
                "agent": id, "status": word(status), "before": word(before), "reason": reason,
            }),
        );
        draft.author = by.map_or_else(Author::system, Actor::author);
        draft.visibility = Visibility::Agents;
        batch.events.push(draft);
        batch.puts.push(found.put(key.clone(), Vec::new()));
        if let Some(actor) = by {
            actor.mark(app, &batch);
        }
        match app.commit(batch).await {
            Ok(_) => {
                if let Some(directory) = app.directory(workspace) {
                    directory.refresh(app).await.map_err(unreadable)?;
                }
                return Ok(());
            }
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => match by {
                Some(actor) => return Err(unwritable(app, actor, error).await),
                None => return Err(Failure::new(ErrorType::Internal, error.to_string())),
            },
        }
    }
    Err(Failure::new(ErrorType::ServiceUnavailable, "the agent changes too fast; try again"))
}

/// How the teams stand, to customers.
pub async fn of_groups(
    app: &App,
    workspace: WorkspaceId,
) -> Result<BTreeMap<GroupNumber, &'static str>, Failure> {
    let roster = Roster::read(app, workspace).await?;
    let status = |group| (group, status_for_customers(&roster.of(group)));
    Ok(numbers(app, workspace).into_iter().map(status).collect())
}

fn numbers(app: &App, workspace: WorkspaceId) -> Vec<GroupNumber> {
    let mut numbers = vec![GroupNumber::EVERYONE];
    if let Some(directory) = app.directory(workspace) {
        numbers.extend(directory.groups().iter().map(|group| group.number));
    }
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Tells how the teams stand, where that changed since it was last told.
pub async fn tell_groups(app: &App, workspace: WorkspaceId) -> Result<(), Failure> {
    let Some(hub) = app.hub(workspace) else { return Ok(()) };
    let roster = Roster::read(app, workspace).await?;
    let mut now = BTreeMap::new();
    for group in numbers(app, workspace) {
        let candidates = roster.of(group);
        now.insert(group, (status_for_agents(&candidates), status_for_customers(&candidates)));
    }
    let before = app.routing(workspace).replace_statuses(now.clone());
    let told = |pick: fn(&(&'static str, &'static str)) -> &'static str| -> Vec<Value> {
        let changed =
            now.iter().filter(|(group, status)| before.get(group).map(pick) != Some(pick(status)));
        changed.map(|(group, status)| json!({ "id": group, "status": pick(status) })).collect()
    };
    let (agents, mut customers) = (told(|status| status.0), told(|status| status.1));
    // LiveChat's client for browsers takes the first team for the visitor's own: everybody's stands there.
    let everyone = now.get(&GroupNumber::EVERYONE).map(|status| status.1);
    let is_told = before.get(&GroupNumber::EVERYONE).map(|status| status.1) != everyone;
    if !customers.is_empty() && !is_told {
        customers.insert(0, json!({ "id": GroupNumber::EVERYONE, "status": everyone }));
    }
    if agents.is_empty() && customers.is_empty() {
        return Ok(());
    }
    let push = |groups: Vec<Value>| {
        (!groups.is_empty()).then(|| ("groups_status_updated", json!({ "groups": groups })))
    };
    let push = Push {
        to_agents: push(agents),
        agents: Agents::All,
        to_customer: push(customers),
        customers: Customers::All,
    };
    hub.signal(push, None);
    Ok(())
}
