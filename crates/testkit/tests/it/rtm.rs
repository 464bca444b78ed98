//! Open connections of the Chat API: login, calls, pushes, what is heard after a break, limits.

mod limits;
mod login;
mod other_ways;
mod pushes;
mod same_state;
mod since;
mod slow;

use serde_json::{Value, json};
use tidings_model::{ChatId, CustomerId, Role};
use tidings_store::{Batch, DocKey, Kind, Put};
use tidings_testkit::desk::{AgentClient, CustomerClient};
use tidings_testkit::rtm::RtmClient;
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{Start, World};
use tidings_wire::livechat::Side;

use crate::control::hold;

/// A server with Bob, and Alice in a chat that she began.
pub(crate) struct Scene {
    /// The server.
    pub(crate) world: World,
    /// An agent.
    pub(crate) bob: AgentClient,
    /// A customer.
    pub(crate) alice: CustomerClient,
    /// Her chat.
    pub(crate) chat: String,
    /// The same, by its whole id.
    pub(crate) chat_id: ChatId,
}

impl Scene {
    pub(crate) async fn begin() -> Self {
        let world = World::start().await;
        Self::set(world).await
    }

    pub(crate) async fn set(world: World) -> Self {
        let channel = world.web_channel().await;
        let bob = AgentClient::hired(&world, "bob@example.com", Role::Administrator).await;
        let visitor = Visitor::comes(&world, channel).await;
        let said = visitor.says(&world, "hello").await;
        let author = said.pointer("/author/id").and_then(Value::as_str).expect("an author");
        let id: CustomerId = author.parse().expect("a customer's id");
        let alice = CustomerClient::known(&world, channel, id).await;
        let chat = said.get("chat").and_then(Value::as_str).expect("a chat");
        let chat_id: ChatId = chat.parse().expect("an id");
        let scene = Self { world, bob, alice, chat: chat_id.code().to_string(), chat_id };
        scene.world.settle().await;
        scene
    }

    /// Alice's connection, with what her login was answered.
    pub(crate) async fn alice_comes(&self, more: Value) -> (RtmClient, Value) {
        let base_url = &self.world.base_url;
        RtmClient::log_in(base_url, Side::Customer, &self.alice.chat.token, more).await
    }

    /// Bob's connection, with what his login was answered.
    pub(crate) async fn bob_comes(&self, more: Value) -> (RtmClient, Value) {
        RtmClient::log_in(&self.world.base_url, Side::Agent, &self.bob.chat.token, more).await
    }

    /// A connection of Bob that knows nobody yet.
    pub(crate) async fn door(&self, side: Side) -> RtmClient {
        RtmClient::open(&self.world.base_url, side, "3.6").await
    }

    /// Bob comes into the chat, and holds it.
    pub(crate) async fn join_bob(&self) {
        let holder = json!({ "kind": "agent", "id": self.bob.id });
        hold(&self.world, &self.chat_id.to_string(), holder).await;
    }

    /// The same after a restart of the server.
    pub(crate) async fn restart(self) -> Self {
        self.restart_as(Start::default()).await
    }

    pub(crate) async fn restart_as(self, start: Start) -> Self {
        let Self { world, bob, alice, chat, chat_id } = self;
        let world = world.restart_as(start).await;
        let bob = AgentClient::known(&world, &bob.id).await;
        let alice = CustomerClient::known(&world, alice.channel, alice.id).await;
        Self { world, bob, alice, chat, chat_id }
    }

    /// The same, with the chat for one team only.
    pub(crate) async fn only_for_team(self, number: u32) -> Self {
        let (store, workspace) = (self.world.app.store(), self.world.workspace);
        let key = DocKey::new(Kind::Chat, self.chat_id);
        let chat = store.document(workspace, &key).await.expect("it reads").expect("a chat");
        let mut body = chat.body.clone();
        body["access"] = json!([number]);
        let mut batch = Batch::new(workspace);
        let index = vec![("customer", self.alice.id.to_string()), ("code", self.chat.clone())];
        batch.puts.push(Put { key, expected: Some(chat.version), body: body.into(), index });
        store.commit(batch).await.expect("it is written");
        self.restart().await
    }

    /// The parameters of a message in her chat.
    pub(crate) fn message(&self, text: &str) -> Value {
        json!({ "chat_id": self.chat, "event": { "type": "message", "text": text } })
    }
}

/// The text that a push tells of.
pub(crate) fn text_of(push: &Value) -> &str {
    push.pointer("/payload/event/text").and_then(Value::as_str).unwrap_or_default()
}
