//! What chat clients are shown: our nouns in the names and shapes of the Chat API, version 3.6.
//!
//! Who looks decides what is shown, and decides it here for answers, pushes, archives and webhooks alike: a customer never
//! sees what is for agents only, nor an agent's mail address. Other versions are made of this one by names and shapes.
//!
//! Keys that begin with `_` are for those conversions and never leave: `_order` is an event's or thread's number.

mod event;
mod form;
mod people;

use serde_json::{Map, Value, json};
use tidings_model::{
    Chat, ChatStatus, CustomerId, Event, GroupNumber, Member, Properties, PropertyPlace, Thread,
    Timestamp, Visibility,
};

pub use event::{event, event_name, is_shown, kind_of};
pub use people::{agent, bot, customer, face_of_agent, face_of_bot, statistics, visit};

/// Who looks.
#[derive(Clone, Copy)]
pub enum Lens<'a> {
    /// An agent, or a program with an agent's rights.
    Agent,
    /// An agent with an administrator's rights: they see also what was deleted.
    Administrator,
    /// The customer.
    Customer {
        /// Which one.
        me: CustomerId,
        /// What stands between a customer and the workspace.
        veil: &'a (dyn Veil + Sync),
    },
}

/// What a customer may know of things that are named in what they see.
pub trait Veil {
    /// A name for an agent or bot that is the same each time and tells nothing: 32 hexadecimal digits.
    fn name(&self, id: &str) -> String;

    /// Whether customers may read a property that stands at such a place.
    fn shows_property(&self, place: PropertyPlace, namespace: &str, name: &str) -> bool;
}

impl Lens<'_> {
    /// Whether something with this visibility is shown.
    pub fn sees(&self, visibility: Visibility) -> bool {
        match (self, visibility) {
            (Self::Agent | Self::Administrator, _) | (Self::Customer { .. }, Visibility::All) => {
                true
            }
            (Self::Customer { .. }, Visibility::Agents) => false,
        }
    }

    /// The id of somebody, as they may know it: a customer knows agents by an opaque one.
    pub fn id(&self, id: &str) -> String {
        match self {
            Self::Agent | Self::Administrator => id.to_owned(),
            Self::Customer { me, veil } => {
                if id == me.to_string() {
                    id.to_owned()
                } else {
                    veil.name(id)
                }
            }
        }
    }

    /// Whether an agent looks, with whatever rights.
    pub const fn is_agent(&self) -> bool {
        match self {
            Self::Agent | Self::Administrator => true,
            Self::Customer { .. } => false,
        }
    }
}

/// An event with what became of it later: edits, properties, pressed buttons, deletion.
#[derive(Clone, Copy, Debug)]
pub struct ShownEvent<'a> {
    /// As it is in the log.
    pub event: &'a Event,
    /// Its data, edited.
    pub data: &'a Value,
    /// Its properties, changed.
    pub properties: &'a Properties,
    /// Whether it was taken back.
    pub deleted: bool,
}

/// What a thread is shown with, beside itself.
#[derive(Clone, Debug, Default)]
pub struct AroundThread {
    /// Whether it is the active one.
    pub active: bool,
    /// Its events; `None` leaves them out.
    pub events: Option<Vec<Value>>,
    /// Where it stands in the queue: `{position, wait_time, queued_at}`.
    pub queue: Option<Value>,
    /// Why its events may not be seen.
    pub restricted_access: Option<&'static str>,
}

/// A thread of a chat.
pub fn thread(lens: &Lens<'_>, chat: &Chat, thread: &Thread, around: AroundThread) -> Value {
    let mut map = Map::from_iter([
        ("id".to_owned(), json!(thread.id.code().as_str())),
        ("active".to_owned(), json!(around.active)),
        (
            "user_ids".to_owned(),
            thread.user_ids.iter().map(|id| Value::from(lens.id(id))).collect(),
        ),
        ("created_at".to_owned(), time(thread.created_at)),
    ]);
    let is_open = around.restricted_access.is_none();
    match (around.restricted_access, around.events) {
        (Some(reason), _) => put(&mut map, "restricted_access", json!(reason)),
        (None, Some(events)) => put(&mut map, "events", events.into()),
        (None, None) => {}
    }
    put(&mut map, "properties", properties(lens, PropertyPlace::Thread, &thread.properties));
    put(&mut map, "access", access(chat.access_of(thread)));
    if lens.is_agent() {
        put(&mut map, "tags", thread.tags.iter().cloned().collect());
    }
    if let Some(queue) = around.queue {
        put(&mut map, "queue", queue);
    }
    if thread.queued_s > 0 {
        put(&mut map, "queues_duration", json!(thread.queued_s));
    }
    if let Some(previous) = thread.previous {
        put(&mut map, "previous_thread_id", json!(previous.code().as_str()));
    }
    if let Some(next) = thread.next {
        put(&mut map, "next_thread_id", json!(next.code().as_str()));
    }
    if let (true, Some(visit)) = (lens.is_agent(), &thread.visit) {
        put(&mut map, "customer_visit", visit.clone());
    }
    if let (true, Some(summary)) = (lens.is_agent() && is_open, &thread.summary) {
        put(
            &mut map,
            "summary",
            json!({ "status": "ok", "text": summary.text, "updated_at": time(summary.updated_at) }),
        );
    }
    Value::Object(map)
}

/// A chat with a thread, as in `get_chat` and `incoming_chat`. `followed` is told to agents only.
pub fn chat(
    lens: &Lens<'_>,
    chat: &Chat,
    users: Vec<Value>,
    thread: Option<Value>,
    followed: bool,
) -> Value {
    let mut map = Map::from_iter([
        ("id".to_owned(), json!(chat.id.code().as_str())),
        ("users".to_owned(), users.into()),
    ]);
    if let Some(thread) = thread {
        put(&mut map, "thread", thread);
    }
    put(&mut map, "properties", properties(lens, PropertyPlace::Chat, &chat.properties));
    put(&mut map, "access", access(&chat.access));
    if lens.is_agent() {
        put(&mut map, "is_followed", json!(followed));
    }
    Value::Object(map)
}

/// A chat in a list, with its last events by type and its last thread.
pub fn chat_summary(
    lens: &Lens<'_>,
    chat: &Chat,
    users: Vec<Value>,
    last_events: &[Value],
    queue: Option<Value>,
    followed: bool,
) -> Value {
    let thread = &chat.thread;
    let code = thread.id.code();
    let mut per_type = Map::new();
    for event in last_events {
        let Some(kind) = event.get("type").and_then(Value::as_str) else { continue };
        per_type.insert(
            kind.to_owned(),
            json!({
                "thread_id": code.as_str(), "thread_created_at": time(thread.created_at), "event": event,
            }),
        );
    }
    let mut last = Map::from_iter([
        ("id".to_owned(), json!(code.as_str())),
        ("created_at".to_owned(), time(thread.created_at)),
        ("active".to_owned(), json!(chat.status == ChatStatus::Open)),
        (
            "user_ids".to_owned(),
            thread.user_ids.iter().map(|id| Value::from(lens.id(id))).collect(),
        ),
        ("properties".to_owned(), properties(lens, PropertyPlace::Thread, &thread.properties)),
        ("access".to_owned(), access(chat.access_of(thread))),
    ]);
    if lens.is_agent() {
        put(&mut last, "tags", thread.tags.iter().cloned().collect());
    }
    if let Some(queue) = queue {
        put(&mut last, "queue", queue);
    }
    let mut map = Map::from_iter([
        ("id".to_owned(), json!(chat.id.code().as_str())),
        ("last_event_per_type".to_owned(), Value::Object(per_type)),
        ("users".to_owned(), users.into()),
    ]);
    match lens {
        Lens::Agent | Lens::Administrator => {
            put(&mut map, "last_thread_summary", Value::Object(last));
            put(&mut map, "is_followed", json!(followed));
        }
        // Customers are told of the last thread by three fields of the chat.
        Lens::Customer { .. } => {
            put(&mut map, "active", json!(chat.status == ChatStatus::Open));
            put(&mut map, "last_thread_id", json!(code.as_str()));
            put(&mut map, "last_thread_created_at", time(thread.created_at));
        }
    }
    put(&mut map, "properties", properties(lens, PropertyPlace::Chat, &chat.properties));
    put(&mut map, "access", access(&chat.access));
    Value::Object(map)
}

/// Whether a member is shown to who looks: a customer knows nothing of agents who only look on.
pub fn shows_member(lens: &Lens<'_>, member: &Member) -> bool {
    lens.sees(member.visibility)
}

/// A time: RFC 3339 in UTC with microseconds, as `2017-10-12T15:19:21.010200Z`.
pub fn time(at: Timestamp) -> Value {
    Value::String(format!("{at:.6}"))
}

/// Properties by namespace and name, as far as who looks may read them where they stand.
pub fn properties(lens: &Lens<'_>, place: PropertyPlace, properties: &Properties) -> Value {
    match lens {
        Lens::Agent | Lens::Administrator => serde_json::to_value(properties).unwrap_or_default(),
        Lens::Customer { veil, .. } => {
            let mut shown = Properties::default();
            for (namespace, names) in &properties.0 {
                for (name, value) in names {
                    if veil.shows_property(place, namespace, name) {
                        shown.set(namespace, name, value.clone());
                    }
                }
            }
            serde_json::to_value(shown).unwrap_or_default()
        }
    }
}

/// The teams that see a chat; everyone where none is named.
pub fn access(groups: &std::collections::BTreeSet<GroupNumber>) -> Value {
    if groups.is_empty() {
        return json!({ "group_ids": [GroupNumber::EVERYONE] });
    }
    json!({ "group_ids": groups })
}

fn put(map: &mut Map<String, Value>, name: &str, value: Value) {
    map.insert(name.to_owned(), value);
}

/// Puts a value where there is one.
fn put_some<T: Into<Value>>(map: &mut Map<String, Value>, name: &str, value: Option<T>) {
    if let Some(value) = value {
        map.insert(name.to_owned(), value.into());
    }
}
