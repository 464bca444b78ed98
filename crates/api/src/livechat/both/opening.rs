//! How a chat or a thread begins, as clients ask for it: `start_chat` and `resume_chat` of both sides.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidings_app::desk::chats::opening::{FirstEvent, Opened, Opening};
use tidings_app::desk::{events, find, look};
use tidings_model::{GroupNumber, Properties, PropertyPlace};
use tidings_wire::livechat::{ErrorType, EventLimits, Failure, Version, event};

use crate::livechat::call::{Answer, Call};

#[derive(Deserialize)]
pub(in crate::livechat) struct Args {
    #[serde(default)]
    chat: ChatArgs,
    #[serde(default = "yes")]
    active: bool,
    #[serde(default)]
    continuous: Option<bool>,
}

#[derive(Default, Deserialize)]
struct ChatArgs {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    users: Vec<User>,
    #[serde(default)]
    access: Option<Access>,
    #[serde(default)]
    properties: Option<Properties>,
    #[serde(default)]
    thread: ThreadArgs,
}

#[derive(Default, Deserialize)]
struct ThreadArgs {
    #[serde(default)]
    events: Vec<Value>,
    #[serde(default)]
    properties: Option<Properties>,
}

#[derive(Deserialize)]
struct User {
    id: String,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Access {
    #[serde(default)]
    group_ids: BTreeSet<GroupNumber>,
}

const fn yes() -> bool {
    true
}

impl Args {
    /// The chat that is resumed.
    pub(in crate::livechat) fn chat_id(&self) -> Result<&str, Failure> {
        self.chat.id.as_deref().ok_or_else(|| Failure::field("chat.id", "is required"))
    }

    /// The same in our words. What is said from the beginning is checked as what is said later.
    pub(in crate::livechat) async fn opening(self, call: &Call) -> Result<Opening, Failure> {
        let mut opening = Opening {
            access: self.chat.access.map(|access| access.group_ids),
            properties: self.chat.properties.unwrap_or_default(),
            thread_properties: self.chat.thread.properties.unwrap_or_default(),
            active: self.active,
            continuous: self.continuous,
            visit: visit(call),
            ..Opening::default()
        };
        may_be_set(call, &opening)?;
        for user in self.chat.users {
            if user.kind == "customer" {
                opening.customer = Some(user.id);
            } else {
                opening.agents.push(user.id);
            }
        }
        for (place, event) in self.chat.thread.events.iter().enumerate() {
            opening.events.push(first_event(call, event, place).await?);
        }
        Ok(opening)
    }
}

/// Properties are set by who may set them later.
fn may_be_set(call: &Call, opening: &Opening) -> Result<(), Failure> {
    let directory = call
        .app
        .directory(call.actor.workspace)
        .ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    let (registry, rights) = (directory.registry(), call.actor.rights());
    let (chat, thread) = (&opening.properties, &opening.thread_properties);
    registry.check_set(rights, PropertyPlace::Chat, chat, "chat.properties")?;
    registry.check_set(rights, PropertyPlace::Thread, thread, "chat.thread.properties")
}

async fn first_event(call: &Call, value: &Value, place: usize) -> Result<FirstEvent, Failure> {
    let field = format!("chat.thread.events[{place}]");
    event::event_at(&field, call.side, call.version, value, &EventLimits::default())?;
    let author = value.get("author_id").and_then(Value::as_str).map(str::to_owned);
    let composed = events::compose(&call.app, &call.actor, value, &field).await?;
    if !composed.files.is_empty() {
        let expected = "cannot have files: send them in the chat once it is there";
        return Err(Failure::field(&format!("{field}.fields"), expected));
    }
    Ok(FirstEvent { composed, author })
}

/// From where the caller came; told to agents only.
fn visit(call: &Call) -> Option<Value> {
    call.actor.needs_customer().ok()?;
    let mut visit = Map::new();
    if let Some(ip) = call.peer.ip {
        visit.insert("ip".into(), ip.to_string().into());
        let place = call.app.settings().places.find(ip);
        visit.extend(place.map(|place| ("geolocation".to_owned(), json!(place))));
    }
    let texts = [("user_agent", &call.peer.user_agent), ("referrer", &call.peer.referrer)];
    for (name, text) in texts {
        if let Some(text) = text {
            visit.insert(name.into(), text.clone().into());
        }
    }
    (!visit.is_empty()).then_some(Value::Object(visit))
}

/// What began, as it is told to who asked. The first versions want the whole chat.
pub(in crate::livechat) async fn answer(call: &Call, opened: Opened, with_chat: bool) -> Answer {
    let mut answer = Map::new();
    if with_chat {
        answer.insert("chat_id".into(), opened.chat.code().as_str().into());
    }
    answer.insert("thread_id".into(), opened.thread.code().as_str().into());
    if !opened.event_ids.is_empty() {
        answer.insert("event_ids".into(), json!(opened.event_ids));
    }
    if call.version <= Version::V3_0 {
        let (app, actor) = (&call.app, &call.actor);
        let scene = find::chat(app, actor, &opened.chat.to_string()).await?;
        answer.insert("_chat".into(), look::chat(app, actor, &scene, None).await?);
    }
    Ok(Value::Object(answer))
}

/// An answer that says nothing but that it was done.
pub(in crate::livechat) fn done((): ()) -> Value {
    json!({})
}

/// Whether the version lets an agent who is not in a chat act in it: nobody asked for presence before 3.4.
pub(in crate::livechat) fn ignores_presence(call: &Call, asked: bool) -> bool {
    asked || call.version < Version::V3_4
}

/// A word of a fixed list that the table let through.
pub(in crate::livechat) fn unknown_word(field: &str) -> Failure {
    Failure::new(ErrorType::Validation, format!("`{field}` has no such value"))
}
