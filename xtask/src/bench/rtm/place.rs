//! A server with an agent in a chat, and connections of that agent.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use super::super::site;
use super::WITHIN;
use super::lines::Kind;
use crate::http::Client;
use crate::installation::{Installation, Running, text_of};
use crate::websocket::WebSocket;

/// The agent: as an owner, they hear of every chat.
pub(super) const AGENT: &str = "bench@example.com";

/// A server with one agent in one chat.
pub(in crate::bench) struct Place {
    pub(in crate::bench) installation: Installation,
    pub(super) running: Running,
    pub(super) token: String,
    pub(super) chat: String,
}

impl Place {
    pub(super) async fn build(server: &Path, folder: &Path) -> anyhow::Result<Self> {
        let installation = Installation::new(server, folder)?;
        let running = installation.start().await?;
        Self::furnish(installation, running).await
    }

    /// Lets the agent into a chat of an installation that runs.
    pub(in crate::bench) async fn furnish(
        installation: Installation,
        running: Running,
    ) -> anyhow::Result<Self> {
        let channel = installation.make_web_channel(None).await?;
        let visitor = installation.make_visitor(&channel).await?;
        let request = site::message(&channel, &visitor, "hello");
        let said = Client::new(installation.address()).send(&request).await?;
        ensure!(said.is_success(), "a message was answered {}", said.summary());
        let chat = text_of(&said.json(), "chat")?;
        let token = make_agent(&installation, AGENT, "owner").await?;
        let place = Self { installation, running, token, chat };
        place.hold().await?;
        Ok(place)
    }

    /// The agent holds the chat. Who was gone for long has lost it.
    pub(in crate::bench) async fn hold(&self) -> anyhow::Result<()> {
        let held = json!({ "holder": { "kind": "agent", "id": AGENT }, "reason": "bench" });
        let path = format!("/api/v1/chats/{}/control", self.chat);
        self.installation.call("PUT", &path, Some(&held)).await?;
        Ok(())
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.installation.address()
    }

    /// A connection that hears of events.
    pub(super) async fn hears(&self) -> anyhow::Result<WebSocket> {
        Ok(log_in(self.address(), &self.token, json!({})).await?.0)
    }

    /// A connection that hears nothing but answers.
    pub(super) async fn says(&self) -> anyhow::Result<WebSocket> {
        Ok(log_in(self.address(), &self.token, json!({ "pushes": {} })).await?.0)
    }

    /// The same for who compares servers.
    pub(super) fn kind(&self) -> Kind {
        Kind::Tidings { token: self.token.clone(), chat: self.chat.clone() }
    }

    /// The request of a message.
    pub(super) fn request(&self, text: &str) -> String {
        request(&self.chat, text)
    }

    /// Says something, and waits until it was answered. Gives the answer.
    pub(super) async fn say(&self, line: &mut WebSocket, text: &str) -> anyhow::Result<Value> {
        line.send(&self.request(text)).await?;
        answered(line).await
    }
}

/// The request of a message in a chat.
pub(super) fn request(chat: &str, text: &str) -> String {
    json!({
        "request_id": "r", "action": "send_event",
        "payload": { "chat_id": chat, "event": { "type": "message", "text": text } },
    })
    .to_string()
}

/// Waits for the answer to a request, which must say that it was done.
pub(super) async fn answered(line: &mut WebSocket) -> anyhow::Result<Value> {
    let answer = tokio::time::timeout(WITHIN, line.answer()).await.context("no answer came")??;
    ensure!(answer.get("success") == Some(&json!(true)), "a request was answered {answer}");
    Ok(answer)
}

/// Makes an agent. Gives a token of theirs.
pub(super) async fn make_agent(
    installation: &Installation,
    agent: &str,
    role: &str,
) -> anyhow::Result<String> {
    let about = json!({ "name": "Bench", "role": role });
    installation.call("PUT", &format!("/api/v1/agents/{agent}"), Some(&about)).await?;
    let path = format!("/api/v1/agents/{agent}/tokens");
    let made = installation.call("POST", &path, Some(&json!({ "name": "bench" }))).await?;
    text_of(&made, "token")
}

/// An agent's connection that is logged in, with the answer's payload. It hears of events unless `more` says otherwise.
pub(super) async fn log_in(
    address: SocketAddr,
    token: &str,
    more: Value,
) -> anyhow::Result<(WebSocket, Value)> {
    let mut socket = WebSocket::open(address, "/v3.6/agent/rtm/ws").await?;
    let mut payload =
        json!({ "token": format!("Bearer {token}"), "pushes": { "3.6": ["incoming_event"] } });
    if let (Value::Object(payload), Value::Object(more)) = (&mut payload, more) {
        payload.extend(more);
    }
    let login = json!({ "request_id": "login", "action": "login", "payload": payload });
    socket.send(&login.to_string()).await?;
    let mut answer = answered(&mut socket).await.context("no login")?;
    let payload = answer.get_mut("payload").map(Value::take).unwrap_or_default();
    Ok((socket, payload))
}

/// The number that a login was told: what is heard follows it.
pub(super) fn told_seq(login: &Value) -> anyhow::Result<u64> {
    login.get("seq").and_then(Value::as_u64).context("a login tells no number")
}
