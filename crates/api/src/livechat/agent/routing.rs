//! Whether agents take chats.

use serde::Deserialize;
use serde_json::{Value, json};
use tidings_app::desk::Failure;
use tidings_app::desk::routing::status;
use tidings_model::GroupNumber;

use crate::livechat::call::{Answer, Call};

#[derive(Deserialize)]
struct SetRoutingStatus {
    status: String,
    #[serde(default)]
    agent_id: Option<String>,
}

/// `set_routing_status`
pub(super) async fn set_status(call: &Call) -> Answer {
    let args: SetRoutingStatus = call.args()?;
    let wanted = status::read(&args.status).ok_or_else(|| {
        Failure::field("status", "must be accepting_chats, not_accepting_chats or offline")
    })?;
    status::set(&call.app, &call.actor, args.agent_id.as_deref(), wanted).await?;
    Ok(json!({}))
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ListRoutingStatuses {
    filters: Filters,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Filters {
    group_ids: Option<Vec<GroupNumber>>,
}

/// `list_routing_statuses`: of all agents, or of those of some teams.
pub(super) fn list_statuses(call: &Call) -> Answer {
    let args: ListRoutingStatuses = call.args()?;
    let Some(directory) = call.app.directory(call.actor.workspace) else { return Ok(json!([])) };
    let wanted = args.filters.group_ids.filter(|groups| !groups.contains(&GroupNumber::EVERYONE));
    let listed = directory.agents().into_iter().filter(|agent| {
        let groups = directory.groups_of(agent);
        wanted.as_ref().is_none_or(|wanted| wanted.iter().any(|group| groups.contains(group)))
    });
    let statuses: Vec<Value> = listed
        .map(|agent| json!({ "agent_id": agent.id, "status": status::word(agent.status) }))
        .collect();
    Ok(statuses.into())
}
