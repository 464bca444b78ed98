//! `/api/v1/agents`: the people who answer.

use std::collections::BTreeSet;

use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tidings_app::admin::agents;
use tidings_model::{Agent, AgentId, AgentStatus, GroupName};
use tidings_store::{Kind, Scan};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{self, Answer, Page};
use crate::auth::{Admin, Caller, Read};
use crate::body::JsonBody;
use crate::params::{Id, Params};
use crate::problem::{Code, Problem};
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(put))
}

/// The longest name of an agent, in bytes, and the most teams.
const NAME_BYTES_MAX: usize = 100;
const GROUPS_MAX: usize = 100;

/// A person who answers.
#[derive(Serialize, ToSchema)]
pub(crate) struct AgentView {
    /// Their id, mostly a mail address.
    id: String,
    /// Their name, as customers see it.
    name: String,
    /// Whether they take chats now.
    status: AgentStatusBody,
    /// Their teams.
    groups: Vec<String>,
}

/// Whether an agent takes chats.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AgentStatusBody {
    /// They do.
    Accepting,
    /// They are there, and take no new ones.
    Away,
    /// They are not there.
    Offline,
}

impl From<Agent> for AgentView {
    fn from(agent: Agent) -> Self {
        Self {
            id: agent.id.into(),
            name: agent.name,
            status: match agent.status {
                AgentStatus::Accepting => AgentStatusBody::Accepting,
                AgentStatus::Away => AgentStatusBody::Away,
                AgentStatus::Offline => AgentStatusBody::Offline,
            },
            groups: agent.groups.into_iter().map(String::from).collect(),
        }
    }
}

/// List agents
#[utoipa::path(
    get, path = "/api/v1/agents", tag = "agents", operation_id = "list_agents",
    params(
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 50, unless given."),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "The agents.", body = Page<AgentView>)),
    security(("token" = ["read"])),
)]
async fn list(caller: Caller<Read>, State(api): State<Api>, params: Params) -> Answer {
    answer::documents(&api, &caller, params, Kind::Agent, Scan::All, |agent: Agent| {
        Some(AgentView::from(agent))
    })
    .await
}

/// An agent as they shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutAgent {
    /// Their name, as customers see it.
    name: String,
    /// Whether they take chats now.
    status: AgentStatusBody,
    /// Their teams.
    #[serde(default)]
    groups: Vec<String>,
}

/// Write an agent, new or known
#[utoipa::path(
    put, path = "/api/v1/agents/{id}", tag = "agents", operation_id = "put_agent", request_body = PutAgent,
    params(("id" = String, Path, description = "The agent's id, mostly a mail address.")),
    responses((status = 200, description = "The agent, as they are now.", body = AgentView)),
    security(("token" = ["admin"])),
)]
async fn put(
    caller: Caller<Admin>,
    State(api): State<Api>,
    Id(id): Id<AgentId>,
    JsonBody(body): JsonBody<PutAgent>,
) -> Answer {
    let wrong = |pointer: String, message: String| {
        Problem::new(Code::InvalidField, format!("{pointer}: {message}")).at(pointer, message)
    };
    if body.name.is_empty() || body.name.len() > NAME_BYTES_MAX {
        return Err(wrong("/name".into(), format!("must have 1 to {NAME_BYTES_MAX} bytes")));
    }
    if body.groups.len() > GROUPS_MAX {
        return Err(wrong("/groups".into(), format!("must have at most {GROUPS_MAX} entries")));
    }
    let mut groups = BTreeSet::new();
    for (place, group) in body.groups.into_iter().enumerate() {
        let group: GroupName = group.parse().map_err(|error: tidings_model::id::InvalidId| {
            wrong(format!("/groups/{place}"), error.to_string())
        })?;
        groups.insert(group);
    }
    let status = match body.status {
        AgentStatusBody::Accepting => AgentStatus::Accepting,
        AgentStatusBody::Away => AgentStatus::Away,
        AgentStatusBody::Offline => AgentStatus::Offline,
    };
    let agent = Agent { id, name: body.name, status, groups };
    agents::put(&api.app, caller.workspace(), &agent).await?;
    Ok(answer::json(StatusCode::OK, &AgentView::from(agent)))
}
