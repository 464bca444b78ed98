//! What somebody is told who opens a connection: who they are, and the chats that they begin with.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};
use tidings_model::{
    Agent, AgentStatus, Chat, ChatStatus, Customer, CustomerId, GroupNumber, Member, Participant,
    Role, WorkspaceId,
};
use tidings_store::{DocKey, DocumentQuery, Kind, ReadError, Scan};
use tidings_wire::livechat::show;

use super::history::{self, Told};
use crate::App;
use crate::desk::actor::opaque;
use crate::desk::find::unreadable;
use crate::desk::{Actor, ErrorType, Failure, look};
use crate::directory::Directory;
use crate::pipeline::scene::{Seen, seen};

/// How many chats a login tells of: as many as the first page of a list.
pub const CHATS_AT_LOGIN_MAX: usize = 25;

/// How many of the newest chats are looked at for those that an agent may see.
const CHATS_LOOKED_AT_MAX: usize = 500;

/// How many documents one look takes.
const PAGE: usize = 100;

/// How much is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// All.
    All,
    /// All but the chats: they go on with what they know, and hear what they missed. When ten thousand come back at once,
    /// lists that nobody reads would keep the others waiting.
    ButChats,
}

/// What an agent is told: the licence, their profile, their chats.
pub async fn agent(app: &App, actor: &Actor, what: What) -> Result<Map<String, Value>, Failure> {
    let agent = actor.needs_agent()?;
    let directory =
        app.directory(actor.workspace).ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    let mut answer = Map::new();
    answer.insert("license".into(), license(actor));
    answer.insert("my_profile".into(), profile(agent));
    if what == What::All {
        answer.insert("chats_summary".into(), chats(app, actor, &directory).await?.into());
    }
    Ok(answer)
}

/// What is told of the licence: there is none to buy, and it never ends.
pub fn license(actor: &Actor) -> Value {
    json!({
        "id": look::license_id(actor.workspace),
        "organization_id": actor.workspace.to_string(),
        "plan": "self-hosted",
        "in_trial": false,
        "creation_timestamp": created_at(actor),
        "expiration_timestamp": NEVER_S,
    })
}

/// The end of licences, in seconds since 1970: the last second of the year 9999.
const NEVER_S: i64 = 253_402_300_799;

/// When a workspace was made: its id is made of that time.
fn created_at(actor: &Actor) -> u64 {
    actor.workspace.uuid().get_timestamp().map_or(0, |made| made.to_unix().0)
}

/// An agent as they see themselves.
pub fn profile(agent: &Agent) -> Value {
    let member = Member::new(Participant::Agent { id: agent.id.clone() });
    let mut profile = show::agent(&show::Lens::Agent, agent, &member, None);
    if let Value::Object(profile) = &mut profile {
        profile.shift_remove("visibility");
        let permission = match agent.role {
            Role::Normal => "normal",
            Role::Administrator => "administrator",
            Role::ViceOwner => "viceowner",
            Role::Owner => "owner",
        };
        let status = match agent.status {
            AgentStatus::Accepting => "accepting_chats",
            AgentStatus::Away => "not_accepting_chats",
            AgentStatus::Offline => "offline",
        };
        profile.insert("permission".into(), permission.into());
        profile.insert("routing_status".into(), status.into());
    }
    profile
}

/// The newest chats that the actor may see, each with its last events.
async fn chats(app: &App, actor: &Actor, directory: &Directory) -> Result<Vec<Value>, Failure> {
    let opaque = opaque(app, actor.workspace);
    let lens = actor.lens(&opaque);
    let mut shown = Vec::new();
    let mut after = None;
    let mut looked = 0;
    while looked < CHATS_LOOKED_AT_MAX && shown.len() < CHATS_AT_LOGIN_MAX {
        let scan = Scan::Range { name: "recent", from: None, to: None, newest_first: true };
        let query = DocumentQuery { kind: Kind::Chat, scan, after, limit: PAGE };
        let page = app.store().documents(actor.workspace, query).await.map_err(unreadable)?;
        looked += page.documents.len();
        for document in page.documents {
            let chat: Seen<Chat> = seen(document).map_err(unreadable)?;
            let chat = chat.value;
            if !actor.sees(&chat) || shown.len() >= CHATS_AT_LOGIN_MAX {
                continue;
            }
            let told = last_of_thread(app, actor, &chat).await?;
            let customer = look::customer(app, actor.workspace, &chat).await?;
            let users = look::users(&lens, directory, &chat, customer.as_ref(), &told);
            let last = last_per_type(&lens, &told);
            let followed = actor.agent().is_some_and(|agent| chat.followers.contains(&agent.id));
            shown.push(show::chat_summary(&lens, &chat, users, &last, None, followed));
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    Ok(shown)
}

/// How many of a thread's last events are looked at: a list tells of the last ones, and a login must not take the longer
/// the more was said.
const EVENTS_LOOKED_AT_MAX: usize = 100;

/// The last events of a chat's last thread.
async fn last_of_thread(app: &App, actor: &Actor, chat: &Chat) -> Result<Vec<Told>, Failure> {
    let limit = EVENTS_LOOKED_AT_MAX;
    let found = app.store().chat_events(actor.workspace, chat.id, None, limit).await;
    let mut events = found.map_err(unreadable)?;
    events.retain(|event| event.thread == Some(chat.thread.id));
    events.reverse();
    Ok(history::fold(&events))
}

/// The last event of each type.
fn last_per_type(lens: &show::Lens<'_>, told: &[Told]) -> Vec<Value> {
    let mut last: Map<String, Value> = Map::new();
    for event in told.iter().filter_map(|told| told.show(lens)) {
        if let Some(kind) = event.get("type").and_then(Value::as_str) {
            last.insert(kind.to_owned(), event);
        }
    }
    last.into_iter().map(|(_, event)| event).collect()
}

/// How many customers an agent is told of at once.
pub const CUSTOMERS_TOLD_MAX: usize = 100;

/// The customers who are there: of some teams, or all.
pub async fn customers_there(
    app: &App,
    actor: &Actor,
    groups: &BTreeSet<GroupNumber>,
    limit: usize,
) -> Result<Vec<Value>, Failure> {
    let Some(hub) = app.hub(actor.workspace) else { return Ok(Vec::new()) };
    let there: Vec<CustomerId> = hub.presence().customers.into_iter().collect();
    let mut shown = Vec::new();
    for some in there.chunks(PAGE) {
        let keys: Vec<DocKey> = some.iter().map(|id| DocKey::new(Kind::Customer, id)).collect();
        let found = app.store().documents_by_key(actor.workspace, &keys).await;
        for document in found.map_err(unreadable)?.into_iter().flatten() {
            let customer: Seen<Customer> = seen(document).map_err(unreadable)?;
            let group = customer.value.group.unwrap_or(GroupNumber::EVERYONE);
            if shown.len() < limit && (groups.is_empty() || groups.contains(&group)) {
                shown.push(online(&customer.value));
            }
        }
        if shown.len() >= limit {
            break;
        }
    }
    Ok(shown)
}

/// A customer who is there, as agents see them.
pub(in crate::desk) async fn customer_there(
    app: &App,
    workspace: WorkspaceId,
    customer: CustomerId,
) -> Result<Option<Value>, ReadError> {
    let key = DocKey::new(Kind::Customer, customer);
    let document = app.store().document(workspace, &key).await?;
    let found = document.map(seen::<Customer>).transpose()?;
    Ok(found.map(|found| online(&found.value)))
}

fn online(customer: &Customer) -> Value {
    let mut shown = show::customer(&show::Lens::Agent, customer, None, None);
    if let Value::Object(shown) = &mut shown {
        shown.insert("online".into(), true.into());
    }
    shown
}

/// What a customer is told: who they are, and whether they have chats.
pub async fn customer(app: &App, actor: &Actor, what: What) -> Result<Map<String, Value>, Failure> {
    let me = actor.needs_customer()?;
    let opaque = opaque(app, actor.workspace);
    let lens = actor.lens(&opaque);
    let customer = read_customer(app, actor, me).await?;
    let chats = chats_of(app, actor, me).await?;
    let mut shown = show::customer(&lens, &customer, None, None);
    let statistics = show::statistics(&customer.statistics);
    if let Value::Object(shown) = &mut shown {
        shown.insert("statistics".into(), statistics.clone());
    }
    let mut told = Vec::new();
    for chat in chats.iter().filter(|_| what == What::All) {
        let unread = has_unread(app, actor, chat, me).await?;
        told.push(json!({ "chat_id": chat.id.code().as_str(), "has_unread_events": unread }));
    }
    let mut answer = Map::new();
    answer.insert("customer".into(), shown);
    let has_active = chats.iter().any(|chat| chat.status == ChatStatus::Open);
    answer.insert("has_active_thread".into(), has_active.into());
    if what == What::All {
        answer.insert("chats".into(), told.into());
    }
    answer.insert("statistics".into(), statistics);
    answer.insert("__priv_dynamic_config".into(), json!({}));
    Ok(answer)
}

async fn read_customer(app: &App, actor: &Actor, me: CustomerId) -> Result<Customer, Failure> {
    let key = DocKey::new(Kind::Customer, me);
    let found = app.store().document(actor.workspace, &key).await.map_err(unreadable)?;
    let found = found.map(seen::<Customer>).transpose().map_err(unreadable)?;
    // Somebody with a token who has not done anything yet.
    Ok(found.map_or_else(|| Customer::new(me, app.now()), |seen| seen.value))
}

async fn chats_of(app: &App, actor: &Actor, me: CustomerId) -> Result<Vec<Chat>, Failure> {
    let scan = Scan::EqualNewest { name: "customer", value: me.to_string() };
    let query = DocumentQuery { kind: Kind::Chat, scan, after: None, limit: CHATS_AT_LOGIN_MAX };
    let page = app.store().documents(actor.workspace, query).await.map_err(unreadable)?;
    let chats = page.documents.into_iter().map(seen::<Chat>);
    let chats: Result<Vec<_>, _> = chats.map(|chat| chat.map(|seen| seen.value)).collect();
    chats.map_err(unreadable)
}

/// Whether others wrote something that the customer has not seen.
async fn has_unread(
    app: &App,
    actor: &Actor,
    chat: &Chat,
    me: CustomerId,
) -> Result<bool, Failure> {
    let opaque = opaque(app, actor.workspace);
    let lens = actor.lens(&opaque);
    let told = last_of_thread(app, actor, chat).await?;
    let me_id = me.to_string();
    let member = chat.member(&Participant::Customer { id: me });
    let said = member.and_then(|member| member.seen_up_to);
    let wrote = told.iter().rev().find(|told| told.event.author.id == me_id);
    let seen = wrote.map(|told| told.event.received_at).max(said);
    Ok(told
        .iter()
        .filter(|told| told.event.author.id != me_id && told.show(&lens).is_some())
        .any(|told| seen.is_none_or(|seen| told.event.received_at > seen)))
}
