//! What somebody is told who opens a connection: who they are, and the chats that they begin with.

use serde_json::{Map, Value, json};
use tidings_model::{
    Agent, AgentStatus, Chat, ChatStatus, Customer, CustomerId, Member, Participant, Role,
};
use tidings_store::{DocKey, Kind};
use tidings_wire::livechat::show;

use super::list;
use crate::App;
use crate::desk::actor::opaque;
use crate::desk::find::unreadable;
use crate::desk::{Actor, Failure, look};
use crate::pipeline::scene::seen;

/// How many chats a login tells of: as many as the first page of a list.
pub const CHATS_AT_LOGIN_MAX: usize = 25;

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
    let mut answer = Map::new();
    answer.insert("license".into(), license(actor));
    answer.insert("my_profile".into(), profile(agent));
    if what == What::All {
        let chats = list::first(app, actor, CHATS_AT_LOGIN_MAX).await?;
        answer.insert("chats_summary".into(), chats.into());
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

/// What a customer is told: who they are, and whether they have chats.
pub async fn customer(app: &App, actor: &Actor, what: What) -> Result<Map<String, Value>, Failure> {
    let me = actor.needs_customer()?;
    let opaque = opaque(app, actor.workspace);
    let lens = actor.lens(&opaque);
    let customer = read_customer(app, actor, me).await?;
    let mut chats = list::of_customer(app, actor.workspace, me).await.map_err(unreadable)?;
    chats.truncate(CHATS_AT_LOGIN_MAX);
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

/// Whether others wrote something that the customer has not seen.
async fn has_unread(
    app: &App,
    actor: &Actor,
    chat: &Chat,
    me: CustomerId,
) -> Result<bool, Failure> {
    let opaque = opaque(app, actor.workspace);
    let lens = actor.lens(&opaque);
    let told = list::lately_said(app, actor.workspace, chat.id, chat.thread.id).await;
    let told = told.map_err(unreadable)?;
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
