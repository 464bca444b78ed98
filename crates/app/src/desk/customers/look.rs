//! Customers as agents and they themselves see them.

use serde_json::{Value, json};
use tidings_model::{AuthorKind, Chat, Customer, Timestamp, WorkspaceId};
use tidings_wire::livechat::show::{self, Lens};

use super::said::read_id;
use super::{chats_of, find};
use crate::App;
use crate::desk::actor::opaque;
use crate::desk::find::unreadable;
use crate::desk::look::history;
use crate::desk::{Actor, ErrorType, Failure};

/// `get_customer` of agents: a customer with those of their chats that the agent sees.
pub async fn by_agent(app: &App, actor: &Actor, id: &str) -> Result<Value, Failure> {
    let missing = || Failure::new(ErrorType::NotFound, "there is no such customer");
    let id = read_id(id)?;
    let customer = find(app, actor.workspace, id).await?.ok_or_else(missing)?.value;
    let mut chats = chats_of(app, actor.workspace, id).await?;
    let state = state(app, actor.workspace, &customer, &chats);
    chats.retain(|chat| actor.sees(chat));
    let mut shown = in_short(app, actor, &customer);
    let last = match chats.first() {
        Some(chat) => last_said(app, actor.workspace, chat).await?,
        None => LastSaid::default(),
    };
    if let Some(shown) = shown.as_object_mut() {
        let ids: Vec<Value> = chats.iter().map(|chat| json!(chat.id.code().as_str())).collect();
        shown.insert("chat_ids".into(), ids.into());
        shown.extend(state.map(|state| ("state".to_owned(), state.into())));
        last.put(shown);
    }
    Ok(shown)
}

/// A customer in a list of agents.
pub(super) fn in_short(app: &App, actor: &Actor, customer: &Customer) -> Value {
    let mut shown = show::customer(&Lens::Agent, customer, None, None);
    if let Some(shown) = shown.as_object_mut() {
        let online = app.hub(actor.workspace).is_some_and(|hub| hub.has_customer(customer.id));
        shown.insert("online".into(), online.into());
        let followed = actor.agent().is_some_and(|agent| customer.followers.contains(&agent.id));
        shown.insert("followed".into(), followed.into());
    }
    shown
}

/// What a customer does now.
fn state(
    app: &App,
    workspace: WorkspaceId,
    customer: &Customer,
    chats: &[Chat],
) -> Option<&'static str> {
    let mut active =
        chats.iter().filter(|chat| chat.status == tidings_model::ChatStatus::Open).peekable();
    if active.peek().is_some() {
        let queued = active.any(|chat| chat.thread.queued_at.is_some());
        return Some(if queued { "queued" } else { "chatting" });
    }
    let online = app.hub(workspace).is_some_and(|hub| hub.has_customer(customer.id));
    online.then_some("browsing")
}

/// When somebody last said something in a customer's chat.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct LastSaid {
    pub(super) by_agents: Option<Timestamp>,
    pub(super) by_customer: Option<Timestamp>,
}

impl LastSaid {
    fn put(self, shown: &mut serde_json::Map<String, Value>) {
        let times = [
            ("agent_last_event_created_at", self.by_agents),
            ("customer_last_event_created_at", self.by_customer),
        ];
        for (name, time) in times {
            shown.extend(time.map(|time| (name.to_owned(), show::time(time))));
        }
    }
}

/// When agents and the customer last said something in the last thread of a chat.
pub(super) async fn last_said(
    app: &App,
    workspace: WorkspaceId,
    chat: &Chat,
) -> Result<LastSaid, Failure> {
    let told = history::of_thread(app, workspace, chat.id, chat.thread.id).await;
    let told = told.map_err(unreadable)?;
    let last = |wanted: &[AuthorKind]| {
        let mut said = told.iter().rev().filter(|told| told.name().is_some());
        said.find(|told| wanted.contains(&told.event.author.kind))
            .map(|told| told.event.received_at)
    };
    Ok(LastSaid {
        by_agents: last(&[AuthorKind::Agent, AuthorKind::Bot]),
        by_customer: last(&[AuthorKind::Customer]),
    })
}

/// `get_customer` of customers: who is not known yet is shown as they will be.
pub async fn by_themselves(app: &App, actor: &Actor) -> Result<Value, Failure> {
    let id = actor.needs_customer()?;
    let found = find(app, actor.workspace, id).await?;
    let customer = found.map_or_else(|| Customer::new(id, app.now()), |found| found.value);
    let veil = opaque(app, actor.workspace);
    Ok(show::customer(&actor.lens(&veil), &customer, None, None))
}
