//! Agents' tokens: personal access tokens and what programs were given in an agent's name. Shown once, stored as a hash.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tidings_model::{AgentId, GroupNumber, Role, Timestamp, TokenId, WorkspaceId};
use tidings_store::{Batch, Delete, DocKey, DocumentQuery, Kind, Put, Scan, Version};
use tidings_wire::livechat;

use crate::admin::AdminError;
use crate::admin::tokens::{fingerprint_key, generate};
use crate::desk::find::{by_entry, unreadable};
use crate::desk::{Actor, ErrorType, Failure, Who};
use crate::pipeline::scene::{Seen, seen};
use crate::pipeline::written::to_body;
use crate::{App, known};

/// A token of an agent, as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AgentToken {
    /// Its id, by which it is revoked.
    pub id: TokenId,
    /// Whose it is.
    pub agent: AgentId,
    /// What it is for.
    pub name: String,
    /// The program that it was made for.
    pub client_id: String,
    /// What it allows.
    pub scopes: Arc<BTreeSet<String>>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; `None` means when it is revoked.
    #[serde(default)]
    pub expires_at: Option<Timestamp>,
}

/// The client id of tokens that were made for no program in particular.
pub const PERSONAL_CLIENT_ID: &str = "personal";

/// The most tokens of one agent: one for each program that acts in their name, and room for years of forgotten ones.
pub const TOKENS_OF_AGENT_MAX: usize = 500;

/// The longest name of a token, in bytes.
const NAME_BYTES_MAX: usize = 100;

/// Makes a token for an agent; the second value is the token itself, for the one time that it is shown. Without scopes
/// it has all of the agent's role.
pub async fn create(
    app: &App,
    workspace: WorkspaceId,
    agent: &AgentId,
    name: &str,
    client_id: &str,
    scopes: Option<BTreeSet<String>>,
) -> Result<(AgentToken, String), AdminError> {
    known::seek(app, workspace, |directory| directory.agent(agent).is_some()).await?;
    let directory = app.directory(workspace);
    let known = directory.and_then(|directory| directory.agent(agent));
    let known =
        known.ok_or_else(|| AdminError::NotFound { what: "agent", id: agent.to_string() })?;
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(AdminError::invalid("/name", format!("must have 1 to {NAME_BYTES_MAX} bytes")));
    }
    if documents_of(app, workspace, agent).await?.len() >= TOKENS_OF_AGENT_MAX {
        return Err(AdminError::invalid(
            "/name",
            format!("an agent has at most {TOKENS_OF_AGENT_MAX} tokens: revoke one first"),
        ));
    }
    let allowed = scopes_of(known.role);
    let scopes = match scopes {
        None => allowed,
        Some(asked) => {
            let beyond = |scope: &&String| !allowed.contains(*scope);
            if let Some(scope) = asked.iter().find(beyond) {
                return Err(AdminError::invalid(
                    "/scopes",
                    format!("{scope} is not a scope of this agent's role"),
                ));
            }
            asked
        }
    };
    let secret = generate()?;
    let token = AgentToken {
        id: TokenId::new(app.clock.next_id()),
        agent: agent.clone(),
        name: name.into(),
        client_id: client_id.into(),
        scopes: Arc::new(scopes),
        created_at: app.now(),
        expires_at: None,
    };
    let mut batch = Batch::new(workspace);
    batch.puts.push(Put {
        key: DocKey::new(Kind::AgentToken, fingerprint_key(&secret)),
        expected: Some(Version::ABSENT),
        body: to_body(&token),
        index: vec![("id", token.id.to_string()), ("agent", agent.to_string())],
    });
    app.commit(batch).await?;
    Ok((token, secret))
}

/// The agent that a token lets in. `account` is the user name that came with it, where one did.
pub async fn sign_in(app: &App, secret: &str, account: Option<&str>) -> Result<Actor, Failure> {
    let actor = sign_in_though_suspended(app, secret, account).await?;
    if actor.agent().is_some_and(|agent| agent.suspended) {
        return Err(Failure::from(ErrorType::RequesterSuspended));
    }
    Ok(actor)
}

/// As [`sign_in`], also for who is suspended: they may ask to be let in again, and nothing else.
pub async fn sign_in_though_suspended(
    app: &App,
    secret: &str,
    account: Option<&str>,
) -> Result<Actor, Failure> {
    let wrong = || Failure::new(ErrorType::Authentication, "Invalid access token");
    let key = DocKey::new(Kind::AgentToken, fingerprint_key(secret));
    for workspace in app.workspaces() {
        let found = app.passes().token(&app.store, workspace, key.clone()).await;
        let Some(token) = found.map_err(unreadable)? else { continue };
        if token.expires_at.is_some_and(|end| end <= app.now()) {
            return Err(Failure::new(ErrorType::Authentication, "the access token has expired"));
        }
        let actor = whose(app, workspace, &token).await?;
        let is_theirs = account.is_none_or(|account| {
            actor.agent().is_some_and(|agent| {
                agent.id.as_str() == account || agent.account.to_string() == account
            })
        });
        return if is_theirs { Ok(actor) } else { Err(wrong()) };
    }
    Err(wrong())
}

/// Who a token is now: the agent and their teams as they are at this moment.
pub async fn actor(
    app: &App,
    workspace: WorkspaceId,
    token: &AgentToken,
) -> Result<Actor, Failure> {
    let actor = whose(app, workspace, token).await?;
    if actor.agent().is_some_and(|agent| agent.suspended) {
        return Err(Failure::from(ErrorType::RequesterSuspended));
    }
    Ok(actor)
}

async fn whose(app: &App, workspace: WorkspaceId, token: &AgentToken) -> Result<Actor, Failure> {
    let sought = known::seek(app, workspace, |directory| directory.agent(&token.agent).is_some());
    sought.await.map_err(unreadable)?;
    let directory =
        app.directory(workspace).ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    let agent = directory.agent(&token.agent).ok_or_else(|| {
        Failure::new(ErrorType::Authentication, "the agent of this token is not there any more")
    })?;
    if agent.awaiting_approval {
        return Err(Failure::from(ErrorType::RequesterAwaitingApproval));
    }
    let groups: BTreeSet<GroupNumber> = directory.groups_of(&agent);
    Ok(Actor {
        workspace,
        who: Who::Agent(agent),
        client_id: token.client_id.clone(),
        scopes: Arc::clone(&token.scopes),
        groups,
        request: None,
    })
}

/// The scopes that agents of a role have, by the vendor's names: administrators have all that there are.
pub fn scopes_of(role: Role) -> BTreeSet<String> {
    const EVERYBODY: [&str; 23] = [
        "access_rules:ro",
        "accounts--my:rw",
        "agents--all:ro",
        "agents--my:rw",
        "agents-bot--all:ro",
        "agents-bot--my:rw",
        "canned_responses--groups:rw",
        "chats--access:rw",
        "customers.ban:rw",
        "customers:own",
        "customers:rw",
        "greetings:ro",
        "groups--all:ro",
        "groups--my:rw",
        "multicast:rw",
        "properties.configuration:rw",
        "properties.group.value--all:ro",
        "properties.group.value--my:rw",
        "properties.license.value--my:rw",
        "tags--all:ro",
        "tags--groups:rw",
        "webhooks.configuration:rw",
        "webhooks.state:rw",
    ];
    let mut scopes: BTreeSet<String> = EVERYBODY.iter().map(|&scope| scope.into()).collect();
    if role >= Role::Administrator {
        let of_methods = livechat::methods().iter().flat_map(|method| &method.scopes);
        scopes.extend(of_methods.map(|&scope| String::from(scope)));
    }
    scopes
}

/// The tokens of an agent, oldest first.
pub async fn of_agent(
    app: &App,
    workspace: WorkspaceId,
    agent: &AgentId,
) -> Result<Vec<AgentToken>, AdminError> {
    let mut tokens: Vec<AgentToken> =
        documents_of(app, workspace, agent).await?.into_iter().map(|(_, token)| token).collect();
    tokens.sort_by_key(|token| token.id);
    Ok(tokens)
}

/// Takes a token of an agent away; it stops working with the next call.
pub async fn revoke(
    app: &App,
    workspace: WorkspaceId,
    agent: &AgentId,
    id: TokenId,
) -> Result<(), AdminError> {
    let found = documents_of(app, workspace, agent).await?;
    let found = found.into_iter().find(|(_, token)| token.id == id);
    let (key, _) = found.ok_or(AdminError::NotFound { what: "token", id: id.to_string() })?;
    let mut batch = Batch::new(workspace);
    batch.deletes.push(Delete { key, expected: None });
    app.commit(batch).await?;
    Ok(())
}

async fn documents_of(
    app: &App,
    workspace: WorkspaceId,
    agent: &AgentId,
) -> Result<Vec<(DocKey, AgentToken)>, AdminError> {
    let scan = Scan::Equal { name: "agent", value: agent.to_string() };
    let query =
        DocumentQuery { kind: Kind::AgentToken, scan, after: None, limit: TOKENS_OF_AGENT_MAX };
    let page = app.store.documents(workspace, query).await?;
    let read = page.documents.into_iter().map(|document| {
        let key = document.key.clone();
        Ok((key, seen::<AgentToken>(document)?.value))
    });
    read.collect()
}

/// The documents of an agent's tokens.
pub(crate) async fn keys_of_agent(
    app: &App,
    workspace: WorkspaceId,
    agent: &AgentId,
) -> Result<Vec<DocKey>, Failure> {
    let scan = Scan::Equal { name: "agent", value: agent.to_string() };
    let query =
        DocumentQuery { kind: Kind::AgentToken, scan, after: None, limit: TOKENS_OF_AGENT_MAX };
    let page = app.store.documents(workspace, query).await.map_err(unreadable)?;
    Ok(page.documents.into_iter().map(|document| document.key).collect())
}

/// Takes the oldest token of a bot away where it has as many as it may: programs ask for new ones and forget the old.
pub(crate) async fn make_room(
    app: &App,
    workspace: WorkspaceId,
    agent: &AgentId,
) -> Result<(), Failure> {
    let failed = |error: AdminError| {
        tracing::error!("a bot's tokens could not be looked at: {error}");
        Failure::from(ErrorType::Internal)
    };
    let tokens = of_agent(app, workspace, agent).await.map_err(failed)?;
    if tokens.len() >= TOKENS_OF_AGENT_MAX
        && let Some(oldest) = tokens.first()
    {
        revoke(app, workspace, agent, oldest.id).await.map_err(failed)?;
    }
    Ok(())
}

/// The token with this id.
pub async fn by_id(
    app: &App,
    workspace: WorkspaceId,
    id: TokenId,
) -> Result<Option<AgentToken>, Failure> {
    let found: Option<Seen<AgentToken>> =
        by_entry(app, workspace, Kind::AgentToken, "id", &id).await?;
    Ok(found.map(|seen| seen.value))
}
