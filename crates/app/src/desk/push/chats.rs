//! Chats that begin, end and change hands: `incoming_chat`, `chat_deactivated`, `chat_transferred`, who comes and goes.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value, json};
use tidings_model::{AgentId, AuthorKind, ChatStatus, CustomerId, Event, EventId, Participant};
use tidings_store::{DocKey, Kind, ReadError};
use tidings_wire::livechat::show::{self, AroundThread, Lens};

use super::events::hearers;
use super::{Agents, Customers, Push};
use crate::App;
use crate::desk::actor::opaque;
use crate::desk::look;
use crate::desk::look::history::{self, Told};
use crate::desk::look::summary;
use crate::directory::Directory;
use crate::pipeline::scene::{Scene, seen};

/// The pushes of an event about a chat.
pub(super) async fn pushes(app: &App, event: &Arc<Event>) -> Result<Vec<Push>, ReadError> {
    match event.event_type.as_str() {
        "chat.started" | "chat.reopened" => incoming_chat(app, event).await,
        "chat.closed" => closed(app, event).await,
        "chat.transferred" => transferred(app, event).await,
        "chat.user_added" => user_added(app, event).await,
        "chat.user_removed" => user_removed(app, event).await,
        "chat.access_changed" => access_changed(app, event).await,
        "chat.followed" => followed(app, event).await,
        "chat.summarised" => summarised(app, event).await,
        _ => Ok(Vec::new()),
    }
}

/// Whether an event was said when its thread began: it is told with the thread, and not once more by itself.
///
/// Such an event has the beginning as its cause, and a person or a program said it. What a bot of ours says to a
/// beginning has it as its cause as well, but bots of ours are no agents of the directory.
pub(super) fn is_first(app: &App, event: &Event) -> bool {
    if event.cause.is_none() || event.depth != 1 || event.cause != Some(event.root) {
        return false;
    }
    match event.author.kind {
        AuthorKind::Customer | AuthorKind::Agent => true,
        AuthorKind::Bot => {
            let directory = app.directory(event.workspace);
            event.author.id.parse().ok().and_then(|id| directory?.agent(&id)).is_some()
        }
        AuthorKind::Integration | AuthorKind::System => false,
    }
}

/// A chat with all that its pushes need.
struct Known {
    scene: Scene,
    directory: Arc<Directory>,
}

impl Known {
    async fn of(app: &App, event: &Event) -> Result<Option<Self>, ReadError> {
        let Some(chat) = event.chat else { return Ok(None) };
        // Read afresh: a scene that is kept may be from before the event.
        let scene = app.scene(event.workspace, chat).await?;
        let Some(scene) = scene else { return Ok(None) };
        let Some(directory) = app.directory(event.workspace) else { return Ok(None) };
        Ok(Some(Self { scene, directory }))
    }

    fn customer(&self) -> Option<CustomerId> {
        self.scene.chat.value.customer
    }

    fn customers(&self) -> Customers {
        self.customer().map_or(Customers::Nobody, Customers::One)
    }

    fn agents(&self, also: Vec<AgentId>) -> Agents {
        Agents::OfChat { chat: self.scene.chat.value.id, also }
    }

    fn chat_code(&self) -> Value {
        self.scene.chat.value.id.code().as_str().into()
    }

    /// The chat with the thread of an event. `shown` are the events that stand in it.
    async fn whole(
        &self,
        app: &App,
        lens: &Lens<'_>,
        event: &Event,
        shown: &[Told],
        followed: bool,
    ) -> Result<Value, ReadError> {
        let chat = &self.scene.chat.value;
        let customer = match chat.customer {
            None => None,
            Some(id) => {
                let key = DocKey::new(Kind::Customer, id);
                let document = app.store.document(event.workspace, &key).await?;
                document.map(seen).transpose()?.map(|seen| seen.value)
            }
        };
        let users = look::users(lens, &self.directory, chat, customer.as_ref(), shown);
        let is_last = event.thread.is_none_or(|id| id == chat.thread.id);
        let thread = if is_last {
            let active = event.data.get("active").and_then(Value::as_bool).unwrap_or(true)
                && chat.status == ChatStatus::Open;
            let events = shown.iter().filter_map(|told| told.show(lens)).collect();
            let around = AroundThread { active, events: Some(events), ..AroundThread::default() };
            Some(show::thread(lens, chat, &chat.thread, around))
        } else {
            // The next thread has begun already: its own push tells of the chat as it is.
            None
        };
        Ok(show::chat(lens, chat, users, thread, followed))
    }
}

/// What both sides hear, each with the ids that they may know.
fn both(
    app: &App,
    event: &Event,
    known: &Known,
    action: &'static str,
    also: Vec<AgentId>,
    payload: impl Fn(&Lens<'_>) -> Option<Value>,
) -> Push {
    let veil = opaque(app, event.workspace);
    let to_customer = known.customer().and_then(|me| payload(&Lens::Customer { me, veil: &veil }));
    Push {
        to_agents: payload(&Lens::Agent).map(|payload| (action, payload)),
        agents: known.agents(also),
        customers: match &to_customer {
            Some(_) => known.customers(),
            None => Customers::Nobody,
        },
        to_customer: to_customer.map(|payload| (action, payload)),
    }
}

/// Who did it, as `requester_id`, `user_id`; nobody where it was the router.
fn by(lens: &Lens<'_>, event: &Event) -> Option<String> {
    match event.author.kind {
        AuthorKind::Customer | AuthorKind::Agent | AuthorKind::Bot => {
            Some(lens.id(&event.author.id))
        }
        AuthorKind::Integration | AuthorKind::System => None,
    }
}

fn put_some(map: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        map.insert(name.into(), value.into());
    }
}

/// `{chat_id, thread_id}` of an event.
fn place(event: &Event, known: &Known) -> Map<String, Value> {
    let mut map = Map::from_iter([("chat_id".to_owned(), known.chat_code())]);
    put_some(&mut map, "thread_id", event.thread.map(|thread| thread.code().to_string()));
    map
}

async fn incoming_chat(app: &App, event: &Arc<Event>) -> Result<Vec<Push>, ReadError> {
    let Some(known) = Known::of(app, event).await? else { return Ok(Vec::new()) };
    let said = said_at_first(app, event).await?;
    let veil = opaque(app, event.workspace);
    let mut push =
        Push { agents: known.agents(Vec::new()), customers: known.customers(), ..Push::default() };
    let chat = known.whole(app, &Lens::Agent, event, &said, false).await?;
    push.to_agents = Some(("incoming_chat", incoming(&Lens::Agent, event, chat, None)));
    if let Some(me) = known.customer() {
        let lens = Lens::Customer { me, veil: &veil };
        let chat = known.whole(app, &lens, event, &said, false).await?;
        push.to_customer = Some(("incoming_chat", incoming(&lens, event, chat, None)));
    }
    Ok(vec![push])
}

fn incoming(lens: &Lens<'_>, event: &Event, chat: Value, from: Option<Value>) -> Value {
    let mut map = Map::new();
    put_some(&mut map, "requester_id", by(lens, event));
    map.insert("chat".into(), chat);
    put_some(&mut map, "transferred_from", from);
    Value::Object(map)
}

/// What was said when the thread of this event began.
async fn said_at_first(app: &App, event: &Event) -> Result<Vec<Told>, ReadError> {
    let named = event.data.get("events").and_then(Value::as_array);
    let ids = named.into_iter().flatten().filter_map(|id| id.as_str()?.parse::<EventId>().ok());
    let mut said = Vec::new();
    for id in ids {
        said.extend(app.store.event(event.workspace, id).await?.map(|event| Told::of(&event)));
    }
    Ok(said)
}

async fn closed(app: &App, event: &Arc<Event>) -> Result<Vec<Push>, ReadError> {
    let Some(known) = Known::of(app, event).await? else { return Ok(Vec::new()) };
    let push = both(app, event, &known, "chat_deactivated", Vec::new(), |lens| {
        let mut map = place(event, &known);
        put_some(&mut map, "user_id", by(lens, event));
        Some(Value::Object(map))
    });
    Ok(vec![push])
}

/// The agents that `from` or `to` of a transfer names.
fn agents_of(event: &Event, side: &str) -> BTreeSet<AgentId> {
    let ids = event.data.get(side).and_then(|side| side.get("agent_ids")).and_then(Value::as_array);
    ids.into_iter().flatten().filter_map(|id| id.as_str()?.parse().ok()).collect()
}

async fn transferred(app: &App, event: &Arc<Event>) -> Result<Vec<Push>, ReadError> {
    let Some(known) = Known::of(app, event).await? else { return Ok(Vec::new()) };
    let (before, now) = (agents_of(event, "from"), agents_of(event, "to"));
    let side = |lens: &Lens<'_>, side: &str| {
        let mut side = event.data.get(side).cloned().unwrap_or_else(|| json!({}));
        if let Some(Value::Array(ids)) = side.get_mut("agent_ids") {
            for id in ids {
                *id = id.as_str().map(|id| lens.id(id)).into();
            }
        }
        side
    };
    let also = before.iter().cloned().collect();
    let push = both(app, event, &known, "chat_transferred", also, |lens| {
        let mut map = place(event, &known);
        put_some(&mut map, "requester_id", by(lens, event));
        put_some(&mut map, "reason", event.data.get("reason").cloned());
        map.insert("transferred_to".into(), side(lens, "to"));
        put_some(&mut map, "queue", event.data.get("queue").cloned());
        Some(Value::Object(map))
    });
    let mut pushes = vec![push];
    let new: Vec<AgentId> = now.difference(&before).cloned().collect();
    if !new.is_empty()
        && let (Some(chat), Some(thread)) = (event.chat, event.thread)
    {
        let told = history::of_thread(app, event.workspace, chat, thread).await?;
        let chat = known.whole(app, &Lens::Agent, event, &told, false).await?;
        let from = Some(side(&Lens::Agent, "from"));
        pushes.push(Push {
            to_agents: Some(("incoming_chat", incoming(&Lens::Agent, event, chat, from))),
            agents: Agents::These(new),
            ..Push::default()
        });
    }
    Ok(pushes)
}

/// Whom `user` of an event names.
fn user_of(event: &Event) -> Option<Participant> {
    serde_json::from_value(event.data.get("user")?.clone()).ok()
}

async fn user_added(app: &App, event: &Arc<Event>) -> Result<Vec<Push>, ReadError> {
    let Some(known) = Known::of(app, event).await? else { return Ok(Vec::new()) };
    let Some(who) = user_of(event) else { return Ok(Vec::new()) };
    let chat = &known.scene.chat.value;
    let customer = match (&who, chat.customer) {
        (Participant::Customer { .. }, Some(id)) => {
            let key = DocKey::new(Kind::Customer, id);
            let document = app.store.document(event.workspace, &key).await?;
            document.map(seen).transpose()?.map(|seen| seen.value)
        }
        (Participant::Customer { .. } | Participant::Agent { .. } | Participant::Bot { .. }, _) => {
            None
        }
    };
    let mut only = chat.clone();
    only.members.retain(|member| member.who == who);
    let push = both(app, event, &known, "user_added_to_chat", Vec::new(), |lens| {
        if !lens.sees(event.visibility) {
            return None;
        }
        let users = look::users(lens, &known.directory, &only, customer.as_ref(), &[]);
        let mut map = place(event, &known);
        map.insert("user".into(), users.into_iter().next()?);
        put_some(&mut map, "reason", event.data.get("reason").cloned());
        put_some(&mut map, "requester_id", by(lens, event));
        Some(Value::Object(map))
    });
    Ok(vec![push])
}

async fn user_removed(app: &App, event: &Arc<Event>) -> Result<Vec<Push>, ReadError> {
    let Some(known) = Known::of(app, event).await? else { return Ok(Vec::new()) };
    let Some(who) = user_of(event) else { return Ok(Vec::new()) };
    let also = match &who {
        Participant::Agent { id } => vec![id.clone()],
        Participant::Customer { .. } | Participant::Bot { .. } => Vec::new(),
    };
    let push = both(app, event, &known, "user_removed_from_chat", also, |lens| {
        if !lens.sees(event.visibility) {
            return None;
        }
        let mut map = place(event, &known);
        map.insert("user_id".into(), lens.id(&who.id()).into());
        put_some(&mut map, "reason", event.data.get("reason").cloned());
        put_some(&mut map, "requester_id", by(lens, event));
        Some(Value::Object(map))
    });
    Ok(vec![push])
}

async fn access_changed(app: &App, event: &Arc<Event>) -> Result<Vec<Push>, ReadError> {
    let Some(known) = Known::of(app, event).await? else { return Ok(Vec::new()) };
    let groups = event.data.get("group_ids").cloned().unwrap_or_else(|| json!([0]));
    let payload = json!({ "id": known.chat_code(), "access": { "group_ids": groups } });
    Ok(vec![Push {
        to_agents: Some(("chat_access_updated", payload)),
        agents: known.agents(losers(&known, event)),
        ..Push::default()
    }])
}

/// The agents who saw a chat by a team that sees it no more: they are told a last time.
fn losers(known: &Known, event: &Event) -> Vec<AgentId> {
    let before = event.data.get("before").and_then(Value::as_array);
    let before: BTreeSet<u64> = before.into_iter().flatten().filter_map(Value::as_u64).collect();
    let all = known.directory.agents();
    let saw = all.iter().filter(|agent| {
        let groups = known.directory.groups_of(agent);
        before.contains(&0) || groups.iter().any(|group| before.contains(&u64::from(group.0)))
    });
    saw.map(|agent| agent.id.clone()).collect()
}

async fn summarised(app: &App, event: &Arc<Event>) -> Result<Vec<Push>, ReadError> {
    let Some(known) = Known::of(app, event).await? else { return Ok(Vec::new()) };
    let text = event.data.get("text").and_then(Value::as_str).unwrap_or_default();
    let at = event.data.get("updated_at").unwrap_or(&Value::Null);
    let mut payload = place(event, &known);
    payload.insert("summary".into(), summary::shown(text, at));
    let agents = match (event.chat, event.thread) {
        (Some(chat), Some(thread)) => hearers(app, event, chat, thread).await?,
        (Some(_) | None, _) => return Ok(Vec::new()),
    };
    Ok(vec![Push {
        to_agents: Some(("thread_summary_set", Value::Object(payload))),
        agents,
        ..Push::default()
    }])
}

async fn followed(app: &App, event: &Arc<Event>) -> Result<Vec<Push>, ReadError> {
    let Some(known) = Known::of(app, event).await? else { return Ok(Vec::new()) };
    let agent = event.data.get("agent").and_then(Value::as_str).and_then(|id| id.parse().ok());
    let Some(agent): Option<AgentId> = agent else { return Ok(Vec::new()) };
    let (action, payload) = if event.data.get("following") == Some(&Value::Bool(true)) {
        let (Some(chat), Some(thread)) = (event.chat, event.thread) else { return Ok(Vec::new()) };
        let told = history::of_thread(app, event.workspace, chat, thread).await?;
        let chat = known.whole(app, &Lens::Agent, event, &told, true).await?;
        ("incoming_chat", incoming(&Lens::Agent, event, chat, None))
    } else {
        ("chat_unfollowed", json!({ "chat_id": known.chat_code() }))
    };
    Ok(vec![Push {
        to_agents: Some((action, payload)),
        agents: Agents::These(vec![agent]),
        ..Push::default()
    }])
}
