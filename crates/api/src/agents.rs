//! `/api/v1/agents`: the people who answer, and the tokens with which programs act in their name.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tidings_app::admin::agents::{self, AgentChange};
use tidings_app::desk::credentials::agent_token::{self, AgentToken};
use tidings_model::{
    Agent, AgentId, AgentStatus, GroupName, Role, Timestamp, TokenId, WorkspaceId,
};
use tidings_store::{Kind, Scan};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{self, Answer, Page};
use crate::auth::{Admin, Caller, Read};
use crate::body::{JsonBody, given};
use crate::params::{Id, Params};
use crate::problem::{Code, Problem};
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(put))
        .routes(routes!(create_token, list_tokens))
        .routes(routes!(revoke_token))
}

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
    /// Their account: the user name of their tokens in HTTP Basic.
    account_id: Uuid,
    /// What they may do.
    role: RoleBody,
    /// The address of a picture of them.
    avatar: Option<String>,
    /// What they are, as customers see it.
    job_title: Option<String>,
    /// How many chats they have at once at most.
    chats_max: u32,
}

/// What an agent may do.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum RoleBody {
    /// Chats of their teams.
    Normal,
    /// All chats, and the configuration.
    Administrator,
    /// As an administrator; for the owner's deputy.
    ViceOwner,
    /// Everything.
    Owner,
}

impl From<RoleBody> for Role {
    fn from(body: RoleBody) -> Self {
        match body {
            RoleBody::Normal => Self::Normal,
            RoleBody::Administrator => Self::Administrator,
            RoleBody::ViceOwner => Self::ViceOwner,
            RoleBody::Owner => Self::Owner,
        }
    }
}

impl From<Role> for RoleBody {
    fn from(role: Role) -> Self {
        match role {
            Role::Normal => Self::Normal,
            Role::Administrator => Self::Administrator,
            Role::ViceOwner => Self::ViceOwner,
            Role::Owner => Self::Owner,
        }
    }
}

impl From<AgentStatusBody> for AgentStatus {
    fn from(body: AgentStatusBody) -> Self {
        match body {
            AgentStatusBody::Accepting => Self::Accepting,
            AgentStatusBody::Away => Self::Away,
            AgentStatusBody::Offline => Self::Offline,
        }
    }
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
            account_id: agent.account,
            role: agent.role.into(),
            avatar: agent.avatar,
            job_title: agent.job_title,
            chats_max: agent.chats_max,
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

/// An agent as they shall be; what is left out stays as it is.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PutAgent {
    /// Their name, as customers see it; a new agent's id, unless given.
    #[serde(default)]
    name: Option<String>,
    /// Whether they take chats now; a new agent is offline, unless given.
    #[serde(default)]
    status: Option<AgentStatusBody>,
    /// Their teams, all of them; one that is not there is made.
    #[serde(default)]
    groups: Option<Vec<String>>,
    /// What they may do; a new agent is normal, unless given.
    #[serde(default)]
    role: Option<RoleBody>,
    /// The address of a picture of them; null takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    avatar: Option<Option<String>>,
    /// What they are, as customers see it; null takes it away.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    job_title: Option<Option<String>>,
    /// How many chats they have at once at most.
    #[serde(default)]
    chats_max: Option<u32>,
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
    let change = AgentChange {
        name: body.name,
        status: body.status.map(AgentStatus::from),
        groups: body.groups.map(groups).transpose()?,
        role: body.role.map(Role::from),
        avatar: body.avatar,
        job_title: body.job_title,
        chats_max: body.chats_max,
    };
    let agent = agents::change(&api.app, caller.workspace(), &id, change).await?;
    Ok(answer::json(StatusCode::OK, &AgentView::from(agent)))
}

fn groups(names: Vec<String>) -> Result<BTreeSet<GroupName>, Problem> {
    let mut groups = BTreeSet::new();
    for (place, name) in names.into_iter().enumerate() {
        let name: GroupName = name.parse().map_err(|error: tidings_model::id::InvalidId| {
            let pointer = format!("/groups/{place}");
            Problem::new(Code::InvalidField, format!("{pointer}: {error}"))
                .at(pointer, error.to_string())
        })?;
        groups.insert(name);
    }
    Ok(groups)
}

/// A token of an agent.
#[derive(Serialize, ToSchema)]
pub(crate) struct AgentTokenView {
    /// Its id, by which it is revoked.
    id: Uuid,
    /// What it is for.
    name: String,
    /// What it allows.
    scopes: Vec<String>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// The user name that goes with it in HTTP Basic: the agent's account.
    account_id: Uuid,
    /// The workspace, as the Chat API calls it.
    organization_id: Uuid,
    /// The token itself, shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// A token of an agent to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateAgentToken {
    /// What it is for.
    name: String,
    /// What it shall allow, as `chats--access:rw`; all that the agent's role may have, unless given.
    #[serde(default)]
    scopes: Option<BTreeSet<String>>,
}

/// Make a token for an agent
///
/// With it a program uses the Chat API in the agent's name. The answer shows it, once.
#[utoipa::path(
    post, path = "/api/v1/agents/{id}/tokens", tag = "agents", operation_id = "create_agent_token",
    request_body = CreateAgentToken,
    params(("id" = String, Path, description = "The agent's id, mostly a mail address.")),
    responses((status = 201, description = "The token.", body = AgentTokenView)),
    security(("token" = ["admin"])),
)]
async fn create_token(
    caller: Caller<Admin>,
    State(api): State<Api>,
    Id(id): Id<AgentId>,
    JsonBody(body): JsonBody<CreateAgentToken>,
) -> Answer {
    let workspace = caller.workspace();
    let client_id = agent_token::PERSONAL_CLIENT_ID;
    let (token, secret) =
        agent_token::create(&api.app, workspace, &id, &body.name, client_id, body.scopes).await?;
    let agent: Agent = answer::document(&api, &caller, Kind::Agent, &id, "agent").await?;
    Ok(answer::json(StatusCode::CREATED, &token_view(token, &agent, workspace, Some(secret))))
}

/// List the tokens of an agent
#[utoipa::path(
    get, path = "/api/v1/agents/{id}/tokens", tag = "agents", operation_id = "list_agent_tokens",
    params(("id" = String, Path, description = "The agent's id, mostly a mail address.")),
    responses((status = 200, description = "The tokens, without the tokens themselves; all on one page.", body = Page<AgentTokenView>)),
    security(("token" = ["admin"])),
)]
async fn list_tokens(caller: Caller<Admin>, State(api): State<Api>, Id(id): Id<AgentId>) -> Answer {
    let workspace = caller.workspace();
    let agent: Agent = answer::document(&api, &caller, Kind::Agent, &id, "agent").await?;
    let tokens = agent_token::of_agent(&api.app, workspace, &id).await?;
    let items =
        tokens.into_iter().map(|token| token_view(token, &agent, workspace, None)).collect();
    Ok(answer::json(StatusCode::OK, &Page { items, next: None }))
}

/// Revoke a token of an agent
///
/// It stops working with the next call.
#[utoipa::path(
    delete, path = "/api/v1/agents/{id}/tokens/{token}", tag = "agents", operation_id = "revoke_agent_token",
    params(
        ("id" = String, Path, description = "The agent's id, mostly a mail address."),
        ("token" = Uuid, Path, description = "The token's id."),
    ),
    responses((status = 204, description = "It is revoked.")),
    security(("token" = ["admin"])),
)]
async fn revoke_token(
    caller: Caller<Admin>,
    State(api): State<Api>,
    Path((id, token)): Path<(String, String)>,
) -> Answer {
    let id: AgentId = id.parse().map_err(|_| Problem::not_found("agent"))?;
    let token: TokenId = token.parse().map_err(|_| Problem::not_found("token"))?;
    agent_token::revoke(&api.app, caller.workspace(), &id, token).await?;
    Ok(answer::done())
}

fn token_view(
    token: AgentToken,
    agent: &Agent,
    workspace: WorkspaceId,
    secret: Option<String>,
) -> AgentTokenView {
    AgentTokenView {
        id: token.id.uuid(),
        name: token.name,
        scopes: token.scopes.iter().cloned().collect(),
        created_at: token.created_at,
        account_id: agent.account,
        organization_id: workspace.uuid(),
        token: secret,
    }
}
