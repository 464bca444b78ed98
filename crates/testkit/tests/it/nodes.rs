//! Several nodes over one store: whoever asks any of them is told the same, and whoever listens hears the same. Each
//! story is told twice: with a bus that brings all hints, and with one that loses half of them, doubles some, and brings
//! all of them late. Then everything is still right, only slower.

mod beginning;
mod changed;
mod listed;
mod made;
mod moving;
mod presence;
mod routing;
mod service_levels;

use serde_json::{Value, json};
use tidings_model::{ChannelId, CustomerId, Role};
use tidings_testkit::bus::Trouble;
use tidings_testkit::desk::{AgentClient, CustomerClient};
use tidings_testkit::nodes::Nodes;
use tidings_testkit::rtm::RtmClient;
use tidings_testkit::world::World;
use tidings_wire::livechat::Side;

/// What the bus is like in the two tellings of a story.
const TELLINGS: [Trouble; 2] = [
    Trouble { lost: 0, doubled: 0, late_at_most: std::time::Duration::ZERO, seed: 0 },
    Trouble::drops_half(4),
];

/// Some nodes with Bob, who may do everything, and Alice in a chat of hers.
struct Stage {
    nodes: Nodes,
    channel: ChannelId,
    bob: AgentClient,
    alice: CustomerClient,
    chat: String,
}

impl Stage {
    async fn set(count: usize, trouble: Trouble) -> Self {
        let nodes = Nodes::start(count, trouble).await;
        let first = nodes.at(0);
        let channel = first.web_channel().await;
        let bob = AgentClient::hired(first, "bob@example.com", Role::Administrator).await;
        let alice = CustomerClient::comes(first, channel).await;
        let (chat, _) = alice.starts_chat().await;
        Self { nodes, channel, bob, alice, chat }
    }

    /// Bob, as he calls at a node.
    async fn bob_at(&self, place: usize) -> AgentClient {
        AgentClient::known(self.nodes.at(place), &self.bob.id).await
    }

    /// Alice, as she calls at a node.
    async fn alice_at(&self, place: usize) -> CustomerClient {
        CustomerClient::known(self.nodes.at(place), self.channel, self.alice.id).await
    }

    /// Bob's connection to a node, and what his login was answered.
    async fn bob_comes(&self, place: usize, more: Value) -> (RtmClient, Value) {
        let base_url = &self.nodes.at(place).base_url;
        RtmClient::log_in(base_url, Side::Agent, &self.bob.chat.token, more).await
    }

    /// Alice's connection to a node, and what her login was answered.
    async fn alice_comes(&self, place: usize, more: Value) -> (RtmClient, Value) {
        let base_url = &self.nodes.at(place).base_url;
        RtmClient::log_in(base_url, Side::Customer, &self.alice.chat.token, more).await
    }

    /// The parameters of a message in her chat.
    fn message(&self, text: &str) -> Value {
        json!({ "chat_id": self.chat, "event": { "type": "message", "text": text } })
    }
}

fn has_customer(world: &World, customer: CustomerId) -> bool {
    let hub = world.app.hub(world.workspace).expect("the workspace is open");
    hub.has_customer(customer)
}

fn has_agent(world: &World, agent: &AgentClient) -> bool {
    let hub = world.app.hub(world.workspace).expect("the workspace is open");
    hub.has_agent(&agent.id)
}

#[tokio::test]
async fn what_one_node_took_another_gives() {
    let stage = Stage::set(2, TELLINGS[0]).await;
    let read = stage.bob_at(1).await.call("get_chat", json!({ "chat_id": stage.chat })).await;
    assert_eq!(read.expect("the chat is there")["id"], json!(stage.chat));
    stage.nodes.finish().await;
}
