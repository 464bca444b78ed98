//! `logout`: an agent leaves with all connections, or an administrator sends one away.

use serde::Deserialize;
use serde_json::json;
use tidings_app::desk::hub::Cut;
use tidings_app::desk::routing::status;
use tidings_model::{AgentId, AgentStatus};
use tidings_wire::livechat::{ErrorType, Failure};

use crate::livechat::call::{Answer, Call};

#[derive(Deserialize)]
struct Logout {
    #[serde(default)]
    agent_id: Option<String>,
}

/// Closes the agent's connections, each is told why; from now on they take no chats, and theirs go to others.
pub(super) async fn logout(call: &Call) -> Answer {
    let args: Logout = call.args()?;
    let me = call.actor.needs_agent()?;
    let agent: AgentId = match &args.agent_id {
        None => me.id.clone(),
        Some(id) => {
            id.parse().map_err(|error| Failure::field("agent_id", format!("is wrong: {error}")))?
        }
    };
    if agent != me.id && !call.actor.is_administrator() {
        return Err(Failure::new(
            ErrorType::Authorization,
            "only administrators may log others out",
        ));
    }
    let directory = call.app.directory(call.actor.workspace);
    if directory.is_none_or(|directory| directory.agent(&agent).is_none()) {
        return Err(Failure::new(ErrorType::NotFound, "there is no such agent"));
    }
    let hub = call.app.hub(call.actor.workspace);
    let hub = hub.ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    if !hub.disconnect_agent(&agent, Cut::LoggedOutRemotely, call.app.now()) {
        return Err(Failure::from(ErrorType::RequesterAlreadyOffline));
    }
    let reason = if agent == me.id { "signed_out" } else { "remotely_signed_out" };
    let (app, workspace) = (&call.app, call.actor.workspace);
    status::change(app, workspace, &agent, AgentStatus::Offline, reason, Some(&call.actor)).await?;
    Ok(json!({}))
}
