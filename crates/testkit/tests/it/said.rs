//! What is said in chats by the Chat API, and what becomes of it.

mod changing;
mod lease;
mod pressing;
mod properties;
mod sending;
mod signals;
mod tags;

use serde_json::{Value, json};
use tidings_app::desk::credentials::customer_token;
use tidings_app::desk::push::{self, Customers, Push};
use tidings_app::desk::{find, look};
use tidings_model::{Role, Seq};
use tidings_store::EventQuery;
use tidings_testkit::desk::{AgentClient, CustomerClient, Refused};
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::World;

use crate::control::hold;

/// A chat of Alice, with Bob in it, who holds it and is no administrator.
pub(crate) struct Room {
    pub(crate) world: World,
    pub(crate) bob: AgentClient,
    pub(crate) alice: CustomerClient,
    /// The chat's code.
    pub(crate) chat: String,
    /// Its whole id.
    pub(crate) chat_id: String,
    /// Its thread's code.
    pub(crate) thread: String,
}

impl Room {
    pub(crate) async fn open() -> Self {
        let world = World::start().await;
        let room = Self::without_bob(world, None).await;
        hold(&room.world, &room.chat_id, json!({ "kind": "agent", "id": room.bob.id })).await;
        room
    }

    /// The same, before Bob came in.
    pub(crate) async fn without_bob(world: World, bot: Option<&str>) -> Self {
        let bob = AgentClient::hired(&world, "bob@example.com", Role::Normal).await;
        let channel = match bot {
            Some(bot) => world.web_channel_of(bot).await,
            None => world.web_channel().await,
        };
        let visitor = Visitor::comes(&world, channel).await;
        visitor.says(&world, "Hello").await;
        let chat_id = visitor.chat(&world).await;
        let read = world.get(&format!("/api/v1/chats/{chat_id}")).await.body;
        let customer = read["customer"]["id"].as_str().or(read["customer"].as_str());
        let customer = customer.expect("a chat has a customer").parse().expect("an id");
        let alice = CustomerClient::known(&world, channel, customer).await;
        let shown = bob.call("get_chat", json!({ "chat_id": chat_id })).await.expect("it is there");
        let text = |pointer: &str| {
            shown.pointer(pointer).and_then(Value::as_str).expect("it has one").to_owned()
        };
        Self { bob, alice, chat: text("/id"), thread: text("/thread/id"), chat_id, world }
    }

    /// Bob sends an event.
    pub(crate) async fn bob_sends(&self, event: Value) -> Result<Value, Refused> {
        self.bob.call("send_event", json!({ "chat_id": self.chat, "event": event })).await
    }

    /// Alice sends an event.
    pub(crate) async fn alice_sends(&self, event: Value) -> Result<Value, Refused> {
        self.alice.call("send_event", json!({ "chat_id": self.chat, "event": event })).await
    }

    /// The events of the last thread, as Bob sees them.
    pub(crate) async fn events_for_bob(&self) -> Vec<Value> {
        let chat = self.bob.call("get_chat", json!({ "chat_id": self.chat })).await;
        events_of(&chat.expect("a chat"))
    }

    /// The events of the last thread, as Alice sees them.
    pub(crate) async fn events_for_alice(&self) -> Vec<Value> {
        let (actor, _) = customer_token::sign_in(&self.world.app, &self.alice.chat.token)
            .expect("the token is good");
        let scene = find::chat(&self.world.app, &actor, &self.chat).await.expect("her chat");
        let chat = look::chat(&self.world.app, &actor, &scene, None).await.expect("her chat");
        events_of(&chat)
    }

    /// What open connections hear of all that happened after an event of the log.
    pub(crate) async fn pushes_after(&self, after: Seq) -> Vec<Push> {
        let query = EventQuery { after, limit: 1_000, ..EventQuery::default() };
        let events = self.world.app.store().events(self.world.workspace, query).await;
        let mut pushes = Vec::new();
        for event in events.expect("the log can be read") {
            pushes.extend(push::of_event(&self.world.app, &event).await.expect("it can be told"));
        }
        pushes
    }

    /// The end of the log.
    pub(crate) async fn now(&self) -> Seq {
        self.world.app.store().last_seq(self.world.workspace).await.expect("it can be read")
    }

    /// What Bob sees of one event.
    pub(crate) async fn bob_sees(&self, event_id: &Value) -> Value {
        let events = self.events_for_bob().await;
        events.into_iter().find(|event| event["id"] == *event_id).unwrap_or_default()
    }
}

/// What agents hear, by action.
pub(crate) fn to_agents(pushes: &[Push]) -> Vec<(&'static str, Value)> {
    pushes.iter().filter_map(|push| push.to_agents.clone()).collect()
}

/// What the customer hears, by action.
pub(crate) fn to_customer(pushes: &[Push]) -> Vec<(&'static str, Value)> {
    let heard = |push: &&Push| push.customers != Customers::Nobody;
    pushes.iter().filter(heard).filter_map(|push| push.to_customer.clone()).collect()
}

/// The actions of pushes.
pub(crate) fn actions(pushes: &[(&'static str, Value)]) -> Vec<&'static str> {
    pushes.iter().map(|(action, _)| *action).collect()
}

fn events_of(chat: &Value) -> Vec<Value> {
    chat["thread"]["events"].as_array().cloned().unwrap_or_default()
}
