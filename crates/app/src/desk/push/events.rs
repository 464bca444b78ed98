//! What is said in chats, and what becomes of it: events, buttons, properties, tags, and who read what.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tidings_model::{
    Agent, ChatId, ChatStatus, CustomerId, Event, Properties, PropertyPlace, ThreadId, Visibility,
};
use tidings_store::ReadError;
use tidings_wire::livechat::show::{self, Lens};

use super::{Agents, Customers, Push};
use crate::App;
use crate::desk::actor::{keeps_sight, opaque};
use crate::desk::find;
use crate::desk::look::history::{self, Told};

/// The pushes of an event of a thread.
pub(super) async fn pushes(app: &App, event: &Arc<Event>) -> Result<Vec<Push>, ReadError> {
    if show::kind_of(event).is_some() {
        let told = Told::of(event);
        return both(app, event, "incoming_event", |lens| {
            Some(Map::from_iter([("event".to_owned(), told.show(lens)?)]))
        })
        .await;
    }
    match event.event_type.as_str() {
        "chat.event_edited" => {
            let Some(told) = target(app, event).await? else { return Ok(Vec::new()) };
            both(app, event, "event_updated", |lens| {
                Some(Map::from_iter([("event".to_owned(), told.show(lens)?)]))
            })
            .await
        }
        "chat.event_deleted" => {
            let Some(told) = target(app, event).await? else { return Ok(Vec::new()) };
            let name = told.name().map(|name| name.to_string());
            both(app, event, "event_deleted", |lens| {
                let name = name.clone().filter(|_| show::is_shown(lens, &told.event))?;
                Some(Map::from_iter([("event_id".to_owned(), json!(name))]))
            })
            .await
        }
        "chat.postback" => postback(app, event).await,
        "chat.properties_changed" => properties(app, event).await,
        "chat.tagged" => tag(app, event, "thread_tagged").await,
        "chat.untagged" => tag(app, event, "thread_untagged").await,
        "chat.seen" => {
            let user = text(event, "user").to_owned();
            let up_to = event.data.get("seen_up_to").cloned().unwrap_or_default();
            let pushes = both(app, event, "events_marked_as_seen", |lens| {
                Some(Map::from_iter([
                    ("user_id".to_owned(), json!(lens.id(&user))),
                    ("seen_up_to".to_owned(), up_to.clone()),
                ]))
            })
            .await?;
            Ok(of_whole_chat(event, pushes))
        }
        _ => Ok(Vec::new()),
    }
}

/// A button was switched: told while its thread is active.
async fn postback(app: &App, event: &Arc<Event>) -> Result<Vec<Push>, ReadError> {
    if !is_active(app, event).await? {
        return Ok(Vec::new());
    }
    let Some(told) = target(app, event).await? else { return Ok(Vec::new()) };
    let Some(name) = told.name() else { return Ok(Vec::new()) };
    let mut postback = Map::new();
    for (from, to) in [
        ("postback_id", "id"),
        ("toggled", "toggled"),
        ("button_type", "button_type"),
        ("value", "button_value"),
        ("ecommerce", "ecommerce"),
    ] {
        if let Some(value) = event.data.get(from) {
            postback.insert(to.to_owned(), value.clone());
        }
    }
    both(app, event, "incoming_rich_message_postback", |lens| {
        Some(Map::from_iter([
            ("user_id".to_owned(), json!(lens.id(&event.author.id))),
            ("event_id".to_owned(), json!(name.to_string())),
            ("postback".to_owned(), postback.clone().into()),
        ]))
    })
    .await
}

/// Properties were set or removed: one push for each, with what changed only.
async fn properties(app: &App, event: &Arc<Event>) -> Result<Vec<Push>, ReadError> {
    let (place, updated, deleted) = match text(event, "place") {
        "chat" => (PropertyPlace::Chat, "chat_properties_updated", "chat_properties_deleted"),
        "thread" => {
            (PropertyPlace::Thread, "thread_properties_updated", "thread_properties_deleted")
        }
        "event" => (PropertyPlace::Event, "event_properties_updated", "event_properties_deleted"),
        _ => return Ok(Vec::new()),
    };
    let mut named = Map::new();
    if place == PropertyPlace::Event {
        let Some(told) = target(app, event).await? else { return Ok(Vec::new()) };
        let Some(name) = told.name() else { return Ok(Vec::new()) };
        named.insert("event_id".into(), json!(name.to_string()));
    }
    let with = |shown: Value| {
        let is_empty = shown.as_object().is_none_or(Map::is_empty);
        let mut payload = named.clone();
        payload.insert("properties".into(), shown);
        (!is_empty).then_some(payload)
    };
    let read = |name: &str| event.data.get(name).cloned().unwrap_or_default();
    let set: Properties = serde_json::from_value(read("set")).unwrap_or_default();
    let names = read("deleted");
    let mut pushes =
        both(app, event, updated, |lens| with(show::properties(lens, place, &set))).await?;
    pushes.extend(both(app, event, deleted, |lens| with(shown_names(lens, place, &names))).await?);
    if place == PropertyPlace::Chat {
        pushes = of_whole_chat(event, pushes);
    }
    Ok(pushes)
}

/// Names of removed properties, as far as who looks could read them.
fn shown_names(lens: &Lens<'_>, place: PropertyPlace, names: &Value) -> Value {
    let mut shown = Map::new();
    for (namespace, names) in names.as_object().into_iter().flatten() {
        let read = |name: &&Value| match (lens, name.as_str()) {
            (Lens::Agent | Lens::Administrator, _) => true,
            (Lens::Customer { veil, .. }, Some(name)) => {
                veil.shows_property(place, namespace, name)
            }
            (Lens::Customer { .. }, None) => false,
        };
        let names: Vec<Value> =
            names.as_array().into_iter().flatten().filter(read).cloned().collect();
        if !names.is_empty() {
            shown.insert(namespace.clone(), names.into());
        }
    }
    Value::Object(shown)
}

async fn tag(app: &App, event: &Arc<Event>, action: &'static str) -> Result<Vec<Push>, ReadError> {
    let tag = json!(text(event, "tag"));
    both(app, event, action, |lens| {
        lens.is_agent().then(|| Map::from_iter([("tag".to_owned(), tag.clone())]))
    })
    .await
}

/// A push of an event of a chat to agents and, where the customer may see it, to them. `payload` is what stands beside the
/// ids of chat and thread; `None` tells nothing.
async fn both(
    app: &App,
    event: &Arc<Event>,
    action: &'static str,
    payload: impl Fn(&Lens<'_>) -> Option<Map<String, Value>>,
) -> Result<Vec<Push>, ReadError> {
    let (Some(chat), Some(thread)) = (event.chat, event.thread) else { return Ok(Vec::new()) };
    let customer = match event.visibility {
        Visibility::All => customer_of(app, event).await?,
        Visibility::Agents => None,
    };
    let veil = opaque(app, event.workspace);
    let placed = |lens: &Lens<'_>| {
        let mut whole = Map::from_iter([
            ("chat_id".to_owned(), json!(chat.code().as_str())),
            ("thread_id".to_owned(), json!(thread.code().as_str())),
        ]);
        whole.extend(payload(lens)?);
        Some((action, Value::Object(whole)))
    };
    let to_agents = placed(&Lens::Agent);
    let to_customer = customer.and_then(|me| placed(&Lens::Customer { me, veil: &veil }));
    if to_agents.is_none() && to_customer.is_none() {
        return Ok(Vec::new());
    }
    Ok(vec![Push {
        agents: hearers(app, event, chat, thread).await?,
        customers: match (&to_customer, customer) {
            (Some(_), Some(customer)) => Customers::One(customer),
            (Some(_) | None, _) => Customers::Nobody,
        },
        to_agents,
        to_customer,
    }])
}

/// The agents who hear what happens in a thread. To one that is over only those listen who may still see it.
pub(super) async fn hearers(
    app: &App,
    event: &Event,
    chat: ChatId,
    thread: ThreadId,
) -> Result<Agents, ReadError> {
    let of_chat = Agents::OfChat { chat, also: Vec::new() };
    let (Some(scene), Some(directory)) =
        (app.recent_scene(event.workspace, chat).await?, app.directory(event.workspace))
    else {
        return Ok(of_chat);
    };
    let chat = &scene.chat.value;
    if thread == chat.thread.id {
        return Ok(of_chat);
    }
    let Some(past) = find::thread_by_id(app, event.workspace, chat, thread).await? else {
        return Ok(of_chat);
    };
    let all = directory.agents();
    let keeps = |agent: &&Arc<Agent>| keeps_sight(agent, &directory.groups_of(agent), chat, &past);
    Ok(Agents::OfPastThread(all.iter().filter(keeps).map(|agent| agent.id.clone()).collect()))
}

/// What is told of the whole chat names no thread, and all who see the chat hear it.
fn of_whole_chat(event: &Event, mut pushes: Vec<Push>) -> Vec<Push> {
    for push in &mut pushes {
        if let Some(chat) = event.chat {
            push.agents = Agents::OfChat { chat, also: Vec::new() };
        }
        for (_, payload) in push.to_agents.iter_mut().chain(push.to_customer.iter_mut()) {
            if let Value::Object(payload) = payload {
                payload.shift_remove("thread_id");
            }
        }
    }
    pushes
}

/// The event that a change is about, with what became of it.
async fn target(app: &App, change: &Event) -> Result<Option<Told>, ReadError> {
    let (Some(chat), Some(id)) = (change.chat, history::changed_by(change)) else {
        return Ok(None);
    };
    let thread: ThreadId = match change.thread {
        Some(thread) => thread,
        None => return Ok(None),
    };
    let told = history::of_thread(app, change.workspace, chat, thread).await?;
    Ok(told.into_iter().find(|told| told.event.id == id))
}

/// Whether the thread of an event is the active one of its chat.
async fn is_active(app: &App, event: &Event) -> Result<bool, ReadError> {
    let Some(chat) = event.chat else { return Ok(false) };
    let scene = app.recent_scene(event.workspace, chat).await?;
    Ok(scene.is_some_and(|scene| {
        let chat = &scene.chat.value;
        chat.status == ChatStatus::Open && Some(chat.thread.id) == event.thread
    }))
}

/// The customer of the chat that an event is of.
async fn customer_of(app: &App, event: &Event) -> Result<Option<CustomerId>, ReadError> {
    let Some(chat) = event.chat else { return Ok(None) };
    let scene = app.recent_scene(event.workspace, chat).await?;
    Ok(scene.and_then(|scene| scene.chat.value.customer))
}

fn text<'a>(event: &'a Event, name: &str) -> &'a str {
    event.data.get(name).and_then(Value::as_str).unwrap_or_default()
}
