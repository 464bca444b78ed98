//! What behaviors see of an event and its scene: [`Facts`] from documents. Pure.

use serde_json::{Map, Value};
use tidings_behaviors::Facts;
use tidings_model::{BotName, Chat, Customer, Event, Participant, envelope};

use super::scene::Scene;
use super::written::to_value;
use crate::directory::Directory;

/// What a bot's behavior sees.
pub fn facts(event: &Event, directory: &Directory, scene: Option<&Scene>, bot: &BotName) -> Facts {
    Facts {
        event: event.data.clone(),
        meta: meta(event, directory.channel_kind(event)),
        shows: directory.shows(scene),
        chat: scene.map_or(Value::Null, chat),
        customer: scene.map_or(Value::Null, customer),
        session: scene
            .and_then(|scene| scene.session.value.data.get(bot).cloned())
            .unwrap_or_default(),
        client: scene.map(|scene| client_data(scene, bot)).unwrap_or_default(),
    }
}

/// What a bot keeps about the customer of a scene.
pub fn client_data(scene: &Scene, bot: &BotName) -> Map<String, Value> {
    let data = scene.customer.as_ref().and_then(|customer| customer.value.data.get(bot.as_str()));
    data.and_then(Value::as_object).cloned().unwrap_or_default()
}

fn meta(event: &Event, channel_kind: Option<&str>) -> Value {
    let mut meta = envelope::to_value(event);
    if let Value::Object(map) = &mut meta {
        map.remove("data");
        // What the provider said can be long, and is in the event itself for whoever needs it.
        if let Some(Value::Object(properties)) = map.get_mut("properties") {
            properties.remove("raw");
        }
        map.insert("channel_kind".into(), channel_kind.into());
    }
    meta
}

fn chat(scene: &Scene) -> Value {
    let mut map = chat_fields(&scene.chat.value);
    map.insert("holder".into(), to_value(&scene.control.value.holder));
    Value::Object(map)
}

/// What a chat says by itself.
pub(crate) fn chat_fields(chat: &Chat) -> Map<String, Value> {
    // A variable reads as `chat.<name>`; what the chat itself says cannot be hidden by one.
    let mut map: Map<String, Value> = chat.variables.clone().into_iter().collect();
    map.insert("id".into(), to_value(&chat.id));
    map.insert("status".into(), to_value(&chat.status));
    map.insert("labels".into(), to_value(&chat.labels));
    map.insert("variables".into(), to_value(&chat.variables));
    map.insert("group".into(), to_value(&chat.group));
    map.insert("assignee".into(), to_value(&chat.assignee));
    let present = chat.members.iter().filter(|member| member.present);
    let agents = present.filter_map(|member| match &member.who {
        Participant::Agent { id } => Some(id),
        Participant::Bot { .. } | Participant::Customer { .. } => None,
    });
    map.insert("agents".into(), agents.map(to_value).collect());
    map.insert("watchers".into(), chat.followers.iter().map(to_value).collect());
    map.insert("channel".into(), to_value(&chat.channel));
    map.insert("customer".into(), to_value(&chat.customer));
    map.insert("created_at".into(), to_value(&chat.created_at));
    map
}

/// What a behavior may know of a customer.
pub(crate) fn customer_fields(customer: &Customer) -> Map<String, Value> {
    Map::from_iter([
        ("id".to_owned(), to_value(&customer.id)),
        ("name".to_owned(), to_value(&customer.name)),
        ("email".to_owned(), to_value(&customer.email)),
        ("phone_number".to_owned(), to_value(&customer.phone_number)),
        ("language".to_owned(), to_value(&customer.language)),
        ("created_at".to_owned(), to_value(&customer.created_at)),
    ])
}

fn customer(scene: &Scene) -> Value {
    let customer = scene.customer.as_ref();
    customer.map_or(Value::Null, |customer| customer_fields(&customer.value).into())
}
