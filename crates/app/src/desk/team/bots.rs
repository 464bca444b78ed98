//! Bots that speak our API, and the templates that they are made from. A bot is an agent that a program owns.

use std::collections::BTreeMap;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tidings_model::{Agent, AgentId, BotAccount, Group, GroupNumber, Priority, WorkspaceId};
use tidings_store::{Batch, Delete, DocKey, Kind};

use super::agents::{InGroup, forget_tokens, groups, remove, shown_groups};
use super::{Team, change, read, word_of};
use crate::admin::agents::new;
use crate::admin::tokens::{fingerprint_key, generate_secret};
use crate::desk::credentials::agent_token;
use crate::desk::find::unreadable;
use crate::desk::{Actor, ErrorType, Failure, Who, customers};
use crate::directory::all_of;
use crate::pipeline::scene::{Seen, seen};
use crate::{App, known};

/// The most bots and the most templates of a workspace.
const BOTS_MAX: usize = 500;

/// What is said of a bot or a template. What is left out stays.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Said {
    id: String,
    name: Option<String>,
    avatar: Option<String>,
    max_chats_count: Option<u32>,
    default_group_priority: Option<Priority>,
    job_title: Option<String>,
    owner_client_id: Option<String>,
    groups: Option<Vec<InGroup>>,
    work_scheduler: Option<Value>,
    timezone: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    affect_existing_installations: Option<bool>,
}

fn new_id(app: &App) -> AgentId {
    app.clock.next_id().simple().to_string().parse().expect("hex digits are a good name")
}

fn secret() -> Result<String, Failure> {
    generate_secret().map_err(|error| {
        tracing::error!("no secret could be made: {error}");
        Failure::from(ErrorType::Internal)
    })
}

/// `create_bot`: the answer shows its secret, once.
pub async fn create(app: &App, actor: &Actor, said: &Said) -> Result<Value, Failure> {
    let secret = secret()?;
    let account = BotAccount {
        owner_client_id: owner(actor, said)?,
        secret_hash: fingerprint_key(&secret),
        template: None,
    };
    let fresh = Agent { bot: Some(account), ..new(app.clock.as_ref(), &new_id(app)) };
    let id = fresh.id.clone();
    change(app, actor, |team| {
        if team.agents.values().filter(|agent| agent.bot.is_some()).count() >= BOTS_MAX {
            return Err(Failure::new(
                ErrorType::LimitReached,
                format!("a workspace has at most {BOTS_MAX} bots"),
            ));
        }
        let mut bot = fresh.clone();
        apply(&mut bot, said);
        team.agents.insert(bot.id.clone(), bot);
        place(team, &fresh.id, said)
    })
    .await?;
    Ok(json!({ "id": id, "secret": secret }))
}

/// The groups that are named; else, for a new bot, all groups with the usual turn.
fn place(team: &mut Team, id: &AgentId, said: &Said) -> Result<(), Failure> {
    let of: BTreeMap<GroupNumber, Priority> = match (&said.groups, said.default_group_priority) {
        (Some(of), _) => groups(of),
        (None, Some(priority)) => team.groups.keys().map(|number| (*number, priority)).collect(),
        (None, None) => return Ok(()),
    };
    team.place(id, &of)
}

fn owner(actor: &Actor, said: &Said) -> Result<String, Failure> {
    let owner = said.owner_client_id.clone().unwrap_or_else(|| actor.client_id.clone());
    owns(actor, &owner)?;
    Ok(owner)
}

/// A token that was made for one program acts for that one only; a personal one acts for any.
fn owns(actor: &Actor, owner: &str) -> Result<(), Failure> {
    if actor.client_id == agent_token::PERSONAL_CLIENT_ID || actor.client_id == owner {
        return Ok(());
    }
    Err(Failure::new(ErrorType::Authorization, "this belongs to another client"))
}

/// An agent who speaks for a bot: what they do with this is the bot's doing, within the scopes of the agent's token.
pub async fn in_the_name_of(app: &App, agent: &Actor, bot: &str) -> Result<Actor, Failure> {
    let missing = || Failure::field("author_id", "must be a bot of the organization");
    let id: AgentId = bot.parse().map_err(|_| missing())?;
    seek(app, agent.workspace, &id).await?;
    let directory =
        app.directory(agent.workspace).ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    if agent.id() == bot {
        return Ok(agent.clone());
    }
    let speaker = directory.agent(&id).ok_or_else(missing)?;
    let account = speaker.bot.as_ref().ok_or_else(missing)?;
    if !agent.has_scope(&["agents-bot--my:rw", "agents-bot--all:rw"]) {
        return Err(Failure::new(
            ErrorType::Authorization,
            "to speak for a bot the token needs the scope agents-bot--my:rw",
        ));
    }
    owns(agent, &account.owner_client_id)?;
    let groups = directory.groups_of(&speaker);
    Ok(Actor { who: Who::Agent(speaker), groups, ..agent.clone() })
}

/// Another node may have made the bot a moment ago.
async fn seek(app: &App, workspace: WorkspaceId, id: &AgentId) -> Result<(), Failure> {
    let sought = known::seek(app, workspace, |directory| directory.agent(id).is_some());
    sought.await.map_err(unreadable)
}

fn bot<'a>(team: &'a mut Team, actor: &Actor, id: &str) -> Result<&'a mut Agent, Failure> {
    let agent = team.agent_mut(id)?;
    let account = agent.bot.as_ref();
    let account =
        account.ok_or_else(|| Failure::new(ErrorType::NotFound, "there is no such bot"))?;
    if !actor.has_scope(&["agents-bot--all:rw", "agents-bot--all:ro"]) {
        owns(actor, &account.owner_client_id)?;
    }
    Ok(agent)
}

fn apply(bot: &mut Agent, said: &Said) {
    let Said { name, avatar, max_chats_count, job_title, work_scheduler, .. } = said;
    if let Some(name) = name {
        bot.name.clone_from(name);
    }
    if let Some(avatar) = avatar {
        bot.avatar = Some(avatar.clone()).filter(|avatar| !avatar.is_empty());
    }
    if let Some(most) = max_chats_count {
        bot.chats_max = *most;
    }
    if let Some(title) = job_title {
        bot.job_title = Some(title.clone()).filter(|title| !title.is_empty());
    }
    if let Some(schedule) = work_scheduler {
        bot.work_schedule = Some(schedule.clone());
    }
    let details = [
        ("timezone", said.timezone.as_ref().map(|text| json!(text))),
        ("bot_type", said.kind.as_ref().map(|text| json!(text))),
        ("default_group_priority", said.default_group_priority.map(|turn| json!(turn))),
    ];
    for (name, value) in details {
        if let Some(value) = value {
            bot.details.insert(name.into(), value);
        }
    }
}

/// `update_bot`.
pub async fn update(app: &App, actor: &Actor, said: &Said) -> Result<Value, Failure> {
    change(app, actor, |team| {
        let bot = bot(team, actor, &said.id)?;
        apply(bot, said);
        let id = bot.id.clone();
        match &said.groups {
            Some(of) => team.place(&id, &groups(of)),
            None => Ok(()),
        }
    })
    .await?;
    Ok(json!({}))
}

/// `delete_bot`.
pub async fn delete(app: &App, actor: &Actor, id: &str) -> Result<Value, Failure> {
    let gone = change(app, actor, |team| {
        let id = bot(team, actor, id)?.id.clone();
        remove(team, &id);
        Ok(id)
    })
    .await?;
    forget_tokens(app, actor, &gone).await?;
    Ok(json!({}))
}

/// `get_bot`.
pub async fn get(app: &App, actor: &Actor, id: &str, fields: &[String]) -> Result<Value, Failure> {
    let mut team = read(app, actor.workspace).await?.value;
    let bot = bot(&mut team, actor, id)?.clone();
    Ok(show(&bot, team.groups.values(), Some(fields)))
}

/// `list_bots`: those of the caller's program, or all.
pub async fn list(
    app: &App,
    actor: &Actor,
    all: bool,
    fields: &[String],
) -> Result<Value, Failure> {
    let team = read(app, actor.workspace).await?.value;
    let is_asked_for = |agent: &&Agent| {
        agent.bot.as_ref().is_some_and(|bot| {
            all || actor.client_id == agent_token::PERSONAL_CLIENT_ID
                || bot.owner_client_id == actor.client_id
        })
    };
    let shown = team.agents.values().filter(is_asked_for);
    Ok(shown.map(|bot| show(bot, team.groups.values(), Some(fields))).collect())
}

/// A bot as the Configuration API shows it; `None` shows every field.
pub fn show<'a>(
    bot: &Agent,
    in_groups: impl Iterator<Item = &'a Group>,
    fields: Option<&[String]>,
) -> Value {
    let detail = |name: &str| bot.details.get(name).cloned();
    let mut map = Map::from_iter([
        ("id".to_owned(), json!(bot.id)),
        ("name".to_owned(), json!(bot.name)),
        ("avatar".to_owned(), json!(bot.avatar.clone().unwrap_or_default())),
        ("type".to_owned(), detail("bot_type").unwrap_or_else(|| json!("chatbot"))),
        (
            "owner_client_id".to_owned(),
            json!(bot.bot.as_ref().map(|account| &account.owner_client_id)),
        ),
    ]);
    let turn = detail("default_group_priority").unwrap_or_else(|| json!(Priority::default()));
    map.insert("default_group_priority".into(), turn);
    let asked = |name: &str| fields.is_none_or(|fields| fields.iter().any(|field| field == name));
    let mut put = |name: &str, value: Value| {
        if asked(name) {
            map.insert(name.into(), value);
        }
    };
    put("job_title", json!(bot.job_title.clone().unwrap_or_default()));
    put("max_chats_count", json!(bot.chats_max));
    put("groups", shown_groups(in_groups, bot));
    put("work_scheduler", bot.work_schedule.clone().unwrap_or_else(|| json!({})));
    if let Some(timezone) = detail("timezone") {
        put("timezone", timezone);
    }
    Value::Object(map)
}

/// `reset_bot_secret`: the one before is good no more.
pub async fn reset_secret(app: &App, actor: &Actor, id: &str) -> Result<Value, Failure> {
    let secret = secret()?;
    let hash = fingerprint_key(&secret);
    change(app, actor, |team| {
        if let Some(account) = bot(team, actor, id)?.bot.as_mut() {
            account.secret_hash.clone_from(&hash);
        }
        Ok(())
    })
    .await?;
    Ok(json!({ "secret": secret }))
}

/// `issue_bot_token`: who knows a bot's secret gets a token that acts as the bot.
pub async fn issue_token(
    app: &App,
    workspace: WorkspaceId,
    id: &str,
    client_id: &str,
    secret: &str,
) -> Result<Value, Failure> {
    let wrong =
        || Failure::new(ErrorType::Authentication, "the bot, its client or its secret is wrong");
    let id: AgentId = id.parse().map_err(|_| wrong())?;
    seek(app, workspace, &id).await?;
    let bot = app.directory(workspace).and_then(|directory| directory.agent(&id));
    let bot = bot.ok_or_else(wrong)?;
    let account = bot.bot.as_ref().filter(|bot| bot.owner_client_id == client_id);
    let account = account.ok_or_else(wrong)?;
    let given = fingerprint_key(secret);
    if verify_slices_are_equal(given.as_bytes(), account.secret_hash.as_bytes()).is_err() {
        return Err(wrong());
    }
    agent_token::make_room(app, workspace, &id).await?;
    let made = agent_token::create(app, workspace, &id, "bot", client_id, None).await;
    let (_, token) = made.map_err(|error| {
        tracing::error!("a bot's token could not be made: {error}");
        Failure::from(ErrorType::Internal)
    })?;
    Ok(json!({ "token": token }))
}

/// What bots of a client are made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Template {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The client that owns it.
    pub owner_client_id: String,
    /// The secret of its bots, hashed.
    pub secret_hash: String,
    #[serde(default)]
    avatar: Option<String>,
    #[serde(default)]
    job_title: Option<String>,
    max_chats_count: u32,
    #[serde(default)]
    default_group_priority: Priority,
}

/// The vendor's usual number of chats of a bot.
const CHATS_USUAL: u32 = 6;

/// `create_bot_template`: the answer shows its secret, once. With `affect_existing_installations`, this workspace has a
/// bot of it at once.
pub async fn create_template(app: &App, actor: &Actor, said: &Said) -> Result<Value, Failure> {
    let secret = secret()?;
    let template = Template {
        id: new_id(app).to_string(),
        name: said.name.clone().unwrap_or_default(),
        owner_client_id: owner(actor, said)?,
        secret_hash: fingerprint_key(&secret),
        avatar: said.avatar.clone(),
        job_title: said.job_title.clone(),
        max_chats_count: said.max_chats_count.unwrap_or(CHATS_USUAL),
        default_group_priority: said.default_group_priority.unwrap_or_default(),
    };
    let known: Vec<Template> = templates(app, actor.workspace).await?;
    if known.len() >= BOTS_MAX {
        return Err(Failure::new(
            ErrorType::LimitReached,
            format!("a workspace has at most {BOTS_MAX} templates"),
        ));
    }
    let template = Seen::absent(template);
    write_template(app, actor, &template).await?;
    if said.affect_existing_installations.unwrap_or(false) {
        install(app, actor, &template.value).await?;
    }
    Ok(json!({ "id": template.value.id, "secret": secret }))
}

/// Makes the bot of a template, or brings it up to date.
async fn install(app: &App, actor: &Actor, template: &Template) -> Result<(), Failure> {
    let fresh = new(app.clock.as_ref(), &new_id(app));
    change(app, actor, |team| {
        let is_of_it = |agent: &&mut Agent| {
            let of = agent.bot.as_ref().and_then(|bot| bot.template.as_ref());
            of == Some(&template.id)
        };
        let known = team.agents.values_mut().find(is_of_it).map(|agent| agent.id.clone());
        let is_new = known.is_none();
        let id = known.unwrap_or_else(|| fresh.id.clone());
        let agent = team.agents.entry(id.clone()).or_insert_with(|| fresh.clone());
        agent.name.clone_from(&template.name);
        agent.avatar.clone_from(&template.avatar);
        agent.job_title.clone_from(&template.job_title);
        agent.chats_max = template.max_chats_count;
        agent.bot = Some(BotAccount {
            owner_client_id: template.owner_client_id.clone(),
            secret_hash: template.secret_hash.clone(),
            template: Some(template.id.clone()),
        });
        if is_new {
            let turn = template.default_group_priority;
            let all = team.groups.keys().map(|number| (*number, turn)).collect();
            team.place(&id, &all)?;
        }
        Ok(())
    })
    .await
}

async fn templates(app: &App, workspace: WorkspaceId) -> Result<Vec<Template>, Failure> {
    all_of(app.store.as_ref(), workspace, Kind::BotTemplate).await.map_err(unreadable)
}

async fn template(app: &App, actor: &Actor, id: &str) -> Result<Seen<Template>, Failure> {
    let key = DocKey::new(Kind::BotTemplate, id);
    let found = app.store.document(actor.workspace, &key).await.map_err(unreadable)?;
    let found: Option<Seen<Template>> = found.map(seen).transpose().map_err(unreadable)?;
    let found =
        found.ok_or_else(|| Failure::new(ErrorType::NotFound, "there is no such template"))?;
    owns(actor, &found.value.owner_client_id)?;
    Ok(found)
}

async fn write_template(
    app: &App,
    actor: &Actor,
    template: &Seen<Template>,
) -> Result<(), Failure> {
    let mut batch = Batch::new(actor.workspace);
    let key = DocKey::new(Kind::BotTemplate, &template.value.id);
    batch.puts.push(template.put(key, Vec::new()));
    app.commit(batch).await.map_err(|error| customers::not_written(&error))?;
    Ok(())
}

/// `update_bot_template`.
pub async fn update_template(app: &App, actor: &Actor, said: &Said) -> Result<Value, Failure> {
    let mut found = template(app, actor, &said.id).await?;
    let template = &mut found.value;
    if let Some(name) = &said.name {
        template.name.clone_from(name);
    }
    if said.avatar.is_some() {
        template.avatar.clone_from(&said.avatar);
    }
    if said.job_title.is_some() {
        template.job_title.clone_from(&said.job_title);
    }
    template.max_chats_count = said.max_chats_count.unwrap_or(template.max_chats_count);
    template.default_group_priority =
        said.default_group_priority.unwrap_or(template.default_group_priority);
    write_template(app, actor, &found).await?;
    if said.affect_existing_installations.unwrap_or(false) {
        install(app, actor, &found.value).await?;
    }
    Ok(json!({}))
}

/// `delete_bot_template`.
pub async fn delete_template(app: &App, actor: &Actor, said: &Said) -> Result<Value, Failure> {
    let found = template(app, actor, &said.id).await?;
    let mut batch = Batch::new(actor.workspace);
    let key = DocKey::new(Kind::BotTemplate, &found.value.id);
    batch.deletes.push(Delete { key, expected: Some(found.version) });
    app.commit(batch).await.map_err(|error| customers::not_written(&error))?;
    if said.affect_existing_installations.unwrap_or(false) {
        let gone = change(app, actor, |team| {
            let of_it = |agent: &&Agent| {
                let of = agent.bot.as_ref().and_then(|bot| bot.template.as_ref());
                of == Some(&found.value.id)
            };
            let gone: Vec<AgentId> =
                team.agents.values().filter(of_it).map(|agent| agent.id.clone()).collect();
            for id in &gone {
                remove(team, id);
            }
            Ok(gone)
        })
        .await?;
        for id in gone {
            forget_tokens(app, actor, &id).await?;
        }
    }
    Ok(json!({}))
}

/// `reset_bot_template_secret`.
pub async fn reset_template_secret(
    app: &App,
    actor: &Actor,
    said: &Said,
) -> Result<Value, Failure> {
    let mut found = template(app, actor, &said.id).await?;
    let secret = secret()?;
    found.value.secret_hash = fingerprint_key(&secret);
    write_template(app, actor, &found).await?;
    if said.affect_existing_installations.unwrap_or(false) {
        install(app, actor, &found.value).await?;
    }
    Ok(json!({ "secret": secret }))
}

/// `list_bot_templates`.
pub async fn list_templates(app: &App, actor: &Actor, owner: &str) -> Result<Value, Failure> {
    owns(actor, owner)?;
    let templates = templates(app, actor.workspace).await?;
    let of_owner = templates.into_iter().filter(|template| template.owner_client_id == owner);
    Ok(of_owner
        .map(|template| {
            json!({
                "id": template.id,
                "name": template.name,
                "avatar": template.avatar.unwrap_or_default(),
                "max_chats_count": template.max_chats_count,
                "default_group_priority": word_of(template.default_group_priority),
                "job_title": template.job_title.unwrap_or_default(),
                "owner_client_id": template.owner_client_id,
            })
        })
        .collect())
}
