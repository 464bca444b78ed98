//! Alice: a customer on the chat page, who speaks the web channel's own API.

use std::sync::atomic::{AtomicU64, Ordering};

use http::Method;
use serde_json::{Value, json};
use tidings_model::ChannelId;

use crate::world::{Answer, World, answer, line};

/// A customer on the chat page.
#[derive(Debug)]
pub struct Visitor {
    /// Where she is.
    pub channel: ChannelId,
    /// What she shows.
    pub token: String,
    said: AtomicU64,
}

impl Visitor {
    /// She opens the page.
    pub async fn comes(world: &World, channel: ChannelId) -> Self {
        let call = world.anonymous(Method::POST, &format!("/channels/{channel}/session"));
        let session = answer(call.json(&json!({}))).await;
        assert_eq!(session.status, 200, "{session:?}");
        let token = session.body.get("token").and_then(Value::as_str).expect("a token").to_owned();
        Self { channel, token, said: AtomicU64::new(0) }
    }

    /// She writes; gives the event.
    pub async fn says(&self, world: &World, text: &str) -> Value {
        self.sends(world, json!({ "text": text, "custom_id": self.next_custom_id() })).await
    }

    /// She presses a button; gives the event.
    pub async fn presses(&self, world: &World, value: &str) -> Value {
        let custom_id = self.next_custom_id();
        self.sends(world, json!({ "postback": { "value": value }, "custom_id": custom_id })).await
    }

    /// She fills in a form; gives the event.
    pub async fn fills_in(&self, world: &World, form_id: &str, fields: Value) -> Value {
        let form = json!({ "form_id": form_id, "fields": fields });
        self.sends(world, json!({ "form": form, "custom_id": self.next_custom_id() })).await
    }

    async fn sends(&self, world: &World, body: Value) -> Value {
        let sent = self.tries(world, &body).await;
        assert_eq!(sent.status, 201, "{sent:?}");
        sent.body
    }

    /// She sends something, which may be refused.
    pub async fn tries(&self, world: &World, body: &Value) -> Answer {
        answer(self.call(world, Method::POST, "messages").json(body)).await
    }

    /// What she sees of her chat.
    pub async fn sees(&self, world: &World) -> Vec<Value> {
        let seen = answer(self.call(world, Method::GET, "events?limit=1000")).await;
        assert_eq!(seen.status, 200, "{seen:?}");
        seen.items().to_vec()
    }

    /// What was said in her chat, as far as she sees it: `customer Hello`, `bot Hello Alice`.
    pub async fn reads(&self, world: &World) -> Vec<String> {
        let speech = |event: &&Value| event.pointer("/data/text").is_some();
        let said = |event: &Value| {
            let kind = event.pointer("/author/kind").and_then(Value::as_str).unwrap_or_default();
            let text = event.pointer("/data/text").and_then(Value::as_str).unwrap_or_default();
            format!("{kind} {text}")
        };
        self.sees(world).await.iter().filter(speech).map(said).collect()
    }

    /// Waits until the last thing that she reads is this.
    pub async fn waits_for(&self, world: &World, said: &str) {
        world
            .until(&format!("{said:?}"), async || {
                (self.reads(world).await.last().map(String::as_str) == Some(said)).then_some(())
            })
            .await;
    }

    /// The whole chat as agents see it, a line for an event.
    pub async fn transcript(&self, world: &World) -> Vec<String> {
        let chat = self.chat(world).await;
        let events = world.get(&format!("/api/v1/chats/{chat}/events?limit=1000")).await;
        events.items().iter().rev().map(line).collect()
    }

    /// Her chat's id; she must have spoken.
    pub async fn chat(&self, world: &World) -> String {
        let call = world.anonymous(Method::POST, &format!("/channels/{}/session", self.channel));
        let session = answer(call.json(&json!({ "token": self.token }))).await;
        session.body.get("chat").and_then(Value::as_str).expect("she spoke before").to_owned()
    }

    fn call(&self, world: &World, method: Method, rest: &str) -> reqwest::RequestBuilder {
        world
            .anonymous(method, &format!("/channels/{}/{rest}", self.channel))
            .bearer_auth(&self.token)
    }

    fn next_custom_id(&self) -> String {
        format!("said-{}", self.said.fetch_add(1, Ordering::SeqCst))
    }
}
