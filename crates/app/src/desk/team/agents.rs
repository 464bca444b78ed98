//! Agents: made, shown, changed, suspended, approved, removed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidings_model::{Agent, AgentId, AgentStatus, Group, GroupNumber, Priority, Role};
use tidings_store::{Batch, Delete};

use super::{Team, change, groups_of, read, word_of};
use crate::App;
use crate::admin::agents::new;
use crate::desk::credentials::agent_token;
use crate::desk::{Actor, ErrorType, Failure};

/// The most agents of a workspace; a list of them is one answer.
const AGENTS_MAX: usize = 5_000;

/// What is said of an agent, in 3.6's names. What is left out stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Said {
    /// Their id: a mail address.
    pub id: String,
    name: Option<String>,
    role: Option<String>,
    avatar_path: Option<String>,
    login_status: Option<String>,
    job_title: Option<String>,
    mobile: Option<String>,
    max_chats_count: Option<u32>,
    awaiting_approval: Option<bool>,
    groups: Option<Vec<InGroup>>,
    notifications: Option<Value>,
    email_subscriptions: Option<Value>,
    work_scheduler: Option<Value>,
}

/// One group of an agent or a bot.
#[derive(Clone, Debug, Deserialize)]
pub struct InGroup {
    id: u32,
    #[serde(default)]
    priority: Priority,
}

/// The groups as the team takes them.
pub(super) fn groups(of: &[InGroup]) -> BTreeMap<GroupNumber, Priority> {
    of.iter().map(|group| (GroupNumber(group.id), group.priority)).collect()
}

/// `create_agent`.
pub async fn create(app: &App, actor: &Actor, said: &Said) -> Result<Value, Failure> {
    let id: AgentId = said
        .id
        .parse()
        .map_err(|_| Failure::field("id", "must be a mail address, without spaces"))?;
    let fresh = new(app.clock.as_ref(), &id);
    change(app, actor, |team| {
        if team.agents.contains_key(&id) {
            return Err(Failure::new(ErrorType::AlreadyExists, format!("there is an agent {id}")));
        }
        if team.agents.len() >= AGENTS_MAX {
            return Err(Failure::new(
                ErrorType::LimitReached,
                format!("a workspace has at most {AGENTS_MAX} agents"),
            ));
        }
        let mut agent = fresh.clone();
        agent.awaiting_approval = said.awaiting_approval.unwrap_or(false);
        apply(actor, &mut agent, said)?;
        team.agents.insert(id.clone(), agent);
        // Everybody is in the group that is always there, unless somebody says otherwise.
        let everyone = BTreeMap::from([(GroupNumber::EVERYONE, Priority::Normal)]);
        team.place(&id, &said.groups.as_deref().map_or(everyone, groups))
    })
    .await?;
    Ok(json!({ "id": id }))
}

/// `update_agent`.
pub async fn update(app: &App, actor: &Actor, said: &Said) -> Result<Value, Failure> {
    may_change(actor, &said.id)?;
    change(app, actor, |team| {
        let agent = person(team, &said.id)?;
        apply(actor, agent, said)?;
        let id = agent.id.clone();
        if let Some(of) = &said.groups {
            team.place(&id, &groups(of))?;
        }
        Ok(())
    })
    .await?;
    Ok(json!({}))
}

/// Who has only their own rights changes only themselves.
fn may_change(actor: &Actor, id: &str) -> Result<(), Failure> {
    let is_own = actor.agent().is_some_and(|agent| agent.id.as_str() == id);
    if is_own || actor.is_administrator() {
        return Ok(());
    }
    Err(Failure::new(ErrorType::Authorization, "only administrators change other agents"))
}

/// An agent who is a person.
fn person<'a>(team: &'a mut Team, id: &str) -> Result<&'a mut Agent, Failure> {
    let agent = team.agent_mut(id)?;
    if agent.bot.is_some() {
        return Err(Failure::new(ErrorType::NotFound, "this is a bot, not an agent"));
    }
    Ok(agent)
}

fn apply(actor: &Actor, agent: &mut Agent, said: &Said) -> Result<(), Failure> {
    if let Some(name) = &said.name {
        if name.is_empty() {
            return Err(Failure::field("name", "must not be empty"));
        }
        agent.name.clone_from(name);
    }
    if let Some(word) = &said.role {
        let role: Role = serde_json::from_value(word.as_str().into())
            .map_err(|_| Failure::field("role", "must be viceowner, administrator or normal"))?;
        if role != agent.role {
            may_give(actor, agent.role, role)?;
        }
        agent.role = role;
    }
    if let Some(status) = &said.login_status {
        agent.accepts_at_login = status == "accepting chats";
    }
    if let Some(avatar) = &said.avatar_path {
        agent.avatar = Some(avatar.clone()).filter(|avatar| !avatar.is_empty());
    }
    if let Some(title) = &said.job_title {
        agent.job_title = Some(title.clone()).filter(|title| !title.is_empty());
    }
    if let Some(most) = said.max_chats_count {
        agent.chats_max = most;
    }
    if let Some(schedule) = &said.work_scheduler {
        agent.work_schedule = Some(schedule.clone());
    }
    let details = [
        ("mobile", said.mobile.as_ref().map(|text| json!(text))),
        ("notifications", said.notifications.clone()),
        ("email_subscriptions", said.email_subscriptions.clone()),
    ];
    for (name, value) in details {
        if let Some(value) = value {
            agent.details.insert(name.into(), value);
        }
    }
    Ok(())
}

/// Nobody gives more than they have, or takes from who has more; the owner stays the owner.
fn may_give(actor: &Actor, before: Role, after: Role) -> Result<(), Failure> {
    let own = actor.agent().map_or(Role::Normal, |agent| agent.role);
    if before == Role::Owner || after == Role::Owner {
        return Err(Failure::new(
            ErrorType::OwnershipTransfer,
            "the ownership of a workspace is moved by its operator only",
        ));
    }
    if !actor.is_administrator() || after > own || before > own {
        return Err(Failure::new(
            ErrorType::Authorization,
            "your role does not allow to give this role",
        ));
    }
    Ok(())
}

/// `delete_agent`: with all tokens.
pub async fn delete(app: &App, actor: &Actor, id: &str) -> Result<Value, Failure> {
    may_change(actor, id)?;
    let gone = change(app, actor, |team| {
        let agent = person(team, id)?;
        if agent.role == Role::Owner {
            return Err(Failure::new(ErrorType::Authorization, "the owner cannot be removed"));
        }
        let id = agent.id.clone();
        remove(team, &id);
        Ok(id)
    })
    .await?;
    forget_tokens(app, actor, &gone).await?;
    Ok(json!({}))
}

/// Takes somebody out of the team.
pub(super) fn remove(team: &mut Team, id: &AgentId) {
    team.agents.remove(id);
    for group in team.groups.values_mut() {
        group.priorities.remove(id);
    }
}

/// The tokens of somebody who is gone: they let nobody in any more, so this may come a moment later.
pub(super) async fn forget_tokens(
    app: &App,
    actor: &Actor,
    agent: &AgentId,
) -> Result<(), Failure> {
    let keys = agent_token::keys_of_agent(app, actor.workspace, agent).await?;
    if keys.is_empty() {
        return Ok(());
    }
    let mut batch = Batch::new(actor.workspace);
    batch.deletes = keys.into_iter().map(|key| Delete { key, expected: None }).collect();
    app.commit(batch).await.map_err(|error| super::super::customers::not_written(&error))?;
    Ok(())
}

/// `suspend_agent` and `unsuspend_agent`.
pub async fn suspend(
    app: &App,
    actor: &Actor,
    id: &str,
    suspended: bool,
) -> Result<Value, Failure> {
    change(app, actor, |team| {
        let agent = person(team, id)?;
        if suspended && agent.role == Role::Owner {
            return Err(Failure::new(ErrorType::Authorization, "the owner cannot be suspended"));
        }
        agent.suspended = suspended;
        if suspended {
            agent.status = AgentStatus::Offline;
            agent.details.remove(ASKED_FOR_UNSUSPENSION);
        }
        Ok(())
    })
    .await?;
    Ok(json!({}))
}

/// Where it is noted that somebody asked to be let in again.
const ASKED_FOR_UNSUSPENSION: &str = "asked_for_unsuspension";

/// `request_agent_unsuspension`: the one call that is left to who is suspended. Administrators hear of it by
/// `agent.updated`.
pub async fn request_unsuspension(app: &App, actor: &Actor) -> Result<Value, Failure> {
    let id = actor.needs_agent()?.id.to_string();
    let now = app.now();
    change(app, actor, |team| {
        let agent = person(team, &id)?;
        if !agent.suspended {
            return Err(Failure::new(ErrorType::Validation, "you are not suspended"));
        }
        agent.details.entry(ASKED_FOR_UNSUSPENSION).or_insert_with(|| json!(now));
        Ok(())
    })
    .await?;
    Ok(json!({}))
}

/// `approve_agent`.
pub async fn approve(app: &App, actor: &Actor, id: &str) -> Result<Value, Failure> {
    change(app, actor, |team| {
        person(team, id)?.awaiting_approval = false;
        Ok(())
    })
    .await?;
    Ok(json!({}))
}

/// `get_agent`.
pub async fn get(app: &App, actor: &Actor, id: &str, fields: &[String]) -> Result<Value, Failure> {
    let mut team = read(app, actor.workspace).await?.value;
    let agent = person(&mut team, id)?.clone();
    Ok(show(&agent, team.groups.values(), Some(fields)))
}

/// Which agents are listed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Filters {
    group_ids: Option<Vec<u32>>,
    suspended: Option<bool>,
}

/// `list_agents`.
pub async fn list(
    app: &App,
    actor: &Actor,
    filters: &Filters,
    fields: &[String],
) -> Result<Value, Failure> {
    let team = read(app, actor.workspace).await?.value;
    let is_asked_for = |agent: &&Agent| {
        let suspended = filters.suspended.is_none_or(|suspended| agent.suspended == suspended);
        let in_group = filters.group_ids.as_ref().is_none_or(|asked| {
            team.groups_of(agent).iter().any(|(number, _)| asked.contains(&number.0))
        });
        agent.bot.is_none() && suspended && in_group
    };
    let shown = team.agents.values().filter(is_asked_for);
    Ok(shown.map(|agent| show(agent, team.groups.values(), Some(fields))).collect())
}

/// An agent as the Configuration API shows them; `None` shows every field.
pub fn show<'a>(
    agent: &Agent,
    in_groups: impl Iterator<Item = &'a Group>,
    fields: Option<&[String]>,
) -> Value {
    let mut map = Map::from_iter([
        ("id".to_owned(), json!(agent.id)),
        ("account_id".to_owned(), json!(agent.account)),
        ("name".to_owned(), json!(agent.name)),
        ("avatar".to_owned(), json!(agent.avatar.clone().unwrap_or_default())),
        ("role".to_owned(), json!(agent.role)),
        ("login_status".to_owned(), login_status(agent)),
    ]);
    let asked = |name: &str| fields.is_none_or(|fields| fields.iter().any(|field| field == name));
    let listed = |name: &str| agent.details.get(name).cloned().unwrap_or_else(|| json!([]));
    let mut put = |name: &str, value: Value| {
        if asked(name) {
            map.insert(name.into(), value);
        }
    };
    put("job_title", json!(agent.job_title.clone().unwrap_or_default()));
    put("mobile", agent.details.get("mobile").cloned().unwrap_or_else(|| json!("")));
    put("max_chats_count", json!(agent.chats_max));
    put("groups", shown_groups(in_groups, agent));
    put("notifications", listed("notifications"));
    put("email_subscriptions", listed("email_subscriptions"));
    put("work_scheduler", agent.work_schedule.clone().unwrap_or_else(|| json!({})));
    put("suspended", json!(agent.suspended));
    put("awaiting_approval", json!(agent.awaiting_approval));
    if let Some(at) = agent.details.get("last_logout") {
        put("last_logout", at.clone());
    }
    Value::Object(map)
}

fn login_status(agent: &Agent) -> Value {
    json!(if agent.accepts_at_login { "accepting chats" } else { "not accepting chats" })
}

/// `[{id, priority}]`.
pub(super) fn shown_groups<'a>(in_groups: impl Iterator<Item = &'a Group>, agent: &Agent) -> Value {
    let groups = groups_of(in_groups, agent).into_iter();
    groups.map(|(id, priority)| json!({ "id": id, "priority": word_of(priority) })).collect()
}

/// `reactivate_email`: an address to which nothing could be sent is written to again.
pub async fn reactivate_email(app: &App, actor: &Actor, id: &str) -> Result<Value, Failure> {
    change(app, actor, |team| {
        person(team, id)?.details.remove("email_deactivated");
        Ok(())
    })
    .await?;
    Ok(json!({}))
}
