//! What agents hear of changes of the configuration: agents, bots, groups, rules of access.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tidings_model::{Agent, AgentId, Event, GroupNumber};

use super::{Agents, Push};
use crate::App;
use crate::desk::team::{Team, agents, bots, groups};

/// Whether an event tells of agents, bots or teams.
pub(super) fn concerns(event: &Event) -> bool {
    let name = event.event_type.as_str();
    name.starts_with("agent.") || name.starts_with("group.")
}

/// The pushes of an event of the configuration. Documents are read as the directory has them, which follows each change.
pub(super) fn pushes(app: &App, event: &Arc<Event>) -> Vec<Push> {
    let data = &event.data;
    let told = match event.event_type.as_str() {
        "agent.created" => full(app, event)
            .map(|(is_bot, shown)| (if is_bot { "bot_created" } else { "agent_created" }, shown)),
        "agent.updated" => full(app, event).map(|(is_bot, shown)| {
            (if is_bot { "bot_updated" } else { "agent_updated" }, only_changed(shown, data))
        }),
        "agent.deleted" => {
            let is_bot = data.get("bot") == Some(&json!(true));
            let name = if is_bot { "bot_deleted" } else { "agent_deleted" };
            Some((name, json!({ "id": data.get("agent") })))
        }
        "agent.suspended" => Some(("agent_suspended", json!({ "id": data.get("agent") }))),
        "agent.unsuspended" => Some(("agent_unsuspended", json!({ "id": data.get("agent") }))),
        "agent.approved" => Some(("agent_approved", json!({ "id": data.get("agent") }))),
        "group.created" => group(app, event).map(|shown| ("group_created", shown)),
        "group.updated" => {
            group(app, event).map(|shown| ("group_updated", only_changed(shown, data)))
        }
        "group.deleted" => Some(("group_deleted", json!({ "id": data.get("group") }))),
        "auto_access.updated" => {
            let rules = data.get("rules").cloned().unwrap_or_else(|| json!([]));
            Some(("auto_accesses_updated", rules))
        }
        _ => None,
    };
    let push = |told| Push { to_agents: Some(told), agents: Agents::All, ..Push::default() };
    told.map(push).into_iter().collect()
}

fn team(app: &App, event: &Event) -> Option<Team> {
    let directory = app.directory(event.workspace)?;
    let mut team = Team::default();
    team.agents
        .extend(directory.agents().iter().map(|agent| (agent.id.clone(), agent.as_ref().clone())));
    team.groups
        .extend(directory.groups().iter().map(|group| (group.number, group.as_ref().clone())));
    Some(team)
}

/// An agent or a bot with every field; `None` when they are gone since.
fn full(app: &App, event: &Event) -> Option<(bool, Value)> {
    let id: AgentId = event.data.get("agent")?.as_str()?.parse().ok()?;
    let team = team(app, event)?;
    let agent: &Agent = team.agents.get(&id)?;
    let is_bot = agent.bot.is_some();
    let shown = if is_bot {
        bots::show(agent, team.groups.values(), None)
    } else {
        agents::show(agent, team.groups.values(), None)
    };
    Some((is_bot, shown))
}

fn group(app: &App, event: &Event) -> Option<Value> {
    let number = u32::try_from(event.data.get("group")?.as_u64()?).ok()?;
    let team = team(app, event)?;
    let group = team.groups.get(&GroupNumber(number))?;
    Some(groups::show(group, &team, None))
}

/// The id, and of the other fields those that are different.
fn only_changed(shown: Value, data: &Value) -> Value {
    let Value::Object(shown) = shown else { return shown };
    let changed: Vec<&str> = data
        .get("changed")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_str().map(public_name))
        .collect();
    let is_told = |name: &str| name == "id" || changed.contains(&name);
    let told: Map<String, Value> = shown.into_iter().filter(|(name, _)| is_told(name)).collect();
    Value::Object(told)
}

/// The name of a field, as clients know it.
fn public_name(name: &str) -> &str {
    match name {
        "chats_max" => "max_chats_count",
        "accepts_at_login" => "login_status",
        "work_schedule" => "work_scheduler",
        "language" => "language_code",
        "priorities" => "agent_priorities",
        "details" => "mobile",
        other => other,
    }
}
