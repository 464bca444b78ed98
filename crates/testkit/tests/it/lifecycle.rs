//! Chats begin, change hands and end, as the Chat API tells it.

mod anything;
mod hearing;
mod joining;
mod listing;
mod restricted;
mod searching;
mod starting;
mod transferring;

use serde_json::{Value, json};
use tidings_model::{ChannelId, Role};
use tidings_testkit::desk::{AgentClient, CustomerClient};
use tidings_testkit::world::World;

/// Bob and Carol are there, and Alice came to the page.
struct Shop {
    world: World,
    channel: ChannelId,
    bob: AgentClient,
    carol: AgentClient,
    alice: CustomerClient,
}

impl Shop {
    async fn opens() -> Self {
        let world = World::start().await;
        let channel = world.web_channel().await;
        let bob = AgentClient::hired(&world, "bob@example.com", Role::Administrator).await;
        let carol = AgentClient::hired(&world, "carol@example.com", Role::Normal).await;
        let alice = CustomerClient::comes(&world, channel).await;
        Self { world, channel, bob, carol, alice }
    }

    /// The chat as Bob, who sees all, sees it.
    async fn seen(&self, chat: &str) -> Value {
        self.bob.call("get_chat", json!({ "chat_id": chat })).await.expect("Bob sees it")
    }

    /// The types of events of the log so far, without what channels and readers tell.
    async fn told(&self) -> Vec<String> {
        let of_chats = |event: &Value| {
            let name = event["type"].as_str().unwrap_or_default().to_owned();
            (name.starts_with("chat.") || name.starts_with("control.")).then_some(name)
        };
        self.world.events().await.iter().filter_map(of_chats).collect()
    }
}

/// The ids of those who are in a chat now.
fn present(chat: &Value) -> Vec<String> {
    let users = chat["users"].as_array().map(Vec::as_slice).unwrap_or_default();
    let present = users.iter().filter(|user| user["present"] == json!(true));
    present.map(|user| user["id"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The kinds of system messages of a thread.
fn system_messages(chat: &Value) -> Vec<&str> {
    let events = chat["thread"]["events"].as_array().map(Vec::as_slice).unwrap_or_default();
    events.iter().filter_map(|event| event["system_message_type"].as_str()).collect()
}
