//! Bob, Carol and Alice on the Chat API: agents and customers as their tools speak for them, over HTTP.
//!
//! ```text
//! let world = World::start().await;
//! let channel = world.web_channel().await;
//! let bob = AgentClient::hired(&world, "bob@example.com", Role::Administrator).await;
//! let alice = CustomerClient::comes(&world, channel).await;
//! let chat = alice.call("start_chat", json!({ "continuous": true })).await.expect("it starts");
//! ```

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tidings_app::admin::{agents, groups};
use tidings_app::desk::credentials::agent_token;
use tidings_app::desk::credentials::customer_token::{self, CustomerToken};
use tidings_model::{
    Agent, AgentId, AgentStatus, ChannelId, Clock, CustomerId, Group, GroupNumber, Properties, Role,
};

use crate::world::World;

/// Why a call was refused: the HTTP status, and the object beside `error`.
pub type Refused = (u16, Value);

/// The version that clients of tests speak, unless they say another.
pub const VERSION: &str = "v3.6";

/// Somebody who calls the Chat API over HTTP.
#[derive(Clone, Debug)]
pub struct Client {
    /// What stands after `Bearer`.
    pub token: String,
    base_url: String,
    side: &'static str,
    version: String,
    http: reqwest::Client,
}

impl Client {
    /// Who speaks with a token; `side` is `agent`, `customer` or `configuration`.
    pub fn new(world: &World, side: &'static str, token: impl Into<String>) -> Self {
        Self {
            token: token.into(),
            base_url: world.base_url.clone(),
            side,
            version: VERSION.to_owned(),
            http: world.http.clone(),
        }
    }

    /// The same, in another version, as `v3.5`.
    #[must_use]
    pub fn in_version(mut self, version: &str) -> Self {
        version.clone_into(&mut self.version);
        self
    }

    /// Calls a method.
    pub async fn call(&self, action: &str, payload: Value) -> Result<Value, Refused> {
        let request = self.http.post(self.address(action)).bearer_auth(&self.token).json(&payload);
        finish(request).await
    }

    /// Calls a method that is asked by GET.
    pub async fn ask(&self, action: &str, query: &[(&str, &str)]) -> Result<Value, Refused> {
        let request = self.http.get(self.address(action)).bearer_auth(&self.token).query(query);
        finish(request).await
    }

    /// Uploads a file.
    pub async fn upload(
        &self,
        action: &str,
        name: &str,
        content_type: &str,
        bytes: &[u8],
    ) -> Result<Value, Refused> {
        self.upload_as(action, "file", name, content_type, bytes).await
    }

    /// The same, in a field of another name.
    pub async fn upload_as(
        &self,
        action: &str,
        field: &str,
        name: &str,
        content_type: &str,
        bytes: &[u8],
    ) -> Result<Value, Refused> {
        self.upload_with(action, field, &[], name, content_type, bytes).await
    }

    /// The same, with fields behind it.
    pub async fn upload_with(
        &self,
        action: &str,
        field: &str,
        beside: &[(&str, &str)],
        name: &str,
        content_type: &str,
        bytes: &[u8],
    ) -> Result<Value, Refused> {
        let part = reqwest::multipart::Part::bytes(bytes.to_vec()).file_name(name.to_owned());
        let part = part.mime_str(content_type).expect("a good type");
        let mut form = reqwest::multipart::Form::new().part(field.to_owned(), part);
        for (name, value) in beside {
            form = form.text((*name).to_owned(), (*value).to_owned());
        }
        let request = self.http.post(self.address(action)).bearer_auth(&self.token).multipart(form);
        finish(request).await
    }

    fn address(&self, action: &str) -> String {
        format!("{}/{}/{}/action/{action}", self.base_url, self.version, self.side)
    }
}

async fn finish(request: reqwest::RequestBuilder) -> Result<Value, Refused> {
    let answer = crate::world::answer(request).await;
    if answer.status == 200 {
        return Ok(answer.body);
    }
    let error = answer.body.get("error").cloned();
    Err((answer.status, error.unwrap_or(Value::String(answer.text))))
}

/// The type of the error of a call that was refused; empty where it went through.
pub fn error_type(answer: &Result<Value, Refused>) -> &str {
    let Err((_, error)) = answer else { return "" };
    error.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// An agent with a token of all scopes of their role.
#[derive(Clone, Debug)]
pub struct AgentClient {
    /// Their id.
    pub id: AgentId,
    /// The Agent Chat API.
    pub chat: Client,
    /// The Configuration API.
    pub configuration: Client,
}

impl AgentClient {
    /// A new agent, who accepts chats.
    pub async fn hired(world: &World, id: &str, role: Role) -> Self {
        Self::hired_as(world, id, |agent| agent.role = role).await
    }

    /// A new agent, made as told; they accept chats unless told otherwise.
    pub async fn hired_as(world: &World, id: &str, make: impl FnOnce(&mut Agent)) -> Self {
        let name = id.split('@').next().unwrap_or(id);
        let id: AgentId = id.parse().expect("a good id");
        let mut agent = Agent::new(id.clone(), name, AgentStatus::Accepting);
        agent.account = world.clock.next_id();
        make(&mut agent);
        agents::put(&world.app, world.workspace, &agent).await.expect("the agent is written");
        Self::known(world, &id).await
    }

    /// An agent who is there already, with a new token.
    pub async fn known(world: &World, id: &AgentId) -> Self {
        Self::with_scopes(world, id, None).await
    }

    /// An agent who is there already, with a new token of these scopes only.
    pub async fn with_scopes(world: &World, id: &AgentId, scopes: Option<&[&str]>) -> Self {
        let scopes: Option<BTreeSet<String>> =
            scopes.map(|scopes| scopes.iter().map(|&scope| scope.into()).collect());
        let client_id = agent_token::PERSONAL_CLIENT_ID;
        let made =
            agent_token::create(&world.app, world.workspace, id, "tests", client_id, scopes).await;
        let (_, token) = made.expect("a token can be made");
        Self {
            id: id.clone(),
            chat: Client::new(world, "agent", token.clone()),
            configuration: Client::new(world, "configuration", token),
        }
    }

    /// Calls a method of the Agent Chat API.
    pub async fn call(&self, action: &str, payload: Value) -> Result<Value, Refused> {
        self.chat.call(action, payload).await
    }

    /// Calls a method of the Configuration API.
    pub async fn configure(&self, action: &str, payload: Value) -> Result<Value, Refused> {
        self.configuration.call(action, payload).await
    }

    /// Changes what is known of an agent: status, teams, how many chats they have at once.
    pub async fn changes(&self, world: &World, change: impl FnOnce(&mut Agent)) {
        let directory = world.app.directory(world.workspace).expect("the workspace is open");
        let mut agent = (*directory.agent(&self.id).expect("they were hired")).clone();
        change(&mut agent);
        agents::put(&world.app, world.workspace, &agent).await.expect("the agent is written");
    }
}

/// A team of these agents, all of normal priority.
pub async fn team(world: &World, number: u32, name: &str, agents: &[&AgentClient]) -> Group {
    let group = Group {
        number: GroupNumber(number),
        key: name.parse().expect("a good name"),
        name: name.into(),
        language: "en".into(),
        priorities: agents.iter().map(|agent| (agent.id.clone(), Default::default())).collect(),
        properties: Properties::default(),
    };
    groups::put(&world.app, world.workspace, &group).await.expect("the team is written");
    group
}

/// A customer on a web channel, with a token of the usual lifetime.
#[derive(Clone, Debug)]
pub struct CustomerClient {
    /// Who.
    pub id: CustomerId,
    /// Where they came to.
    pub channel: ChannelId,
    /// The Customer Chat API.
    pub chat: Client,
}

impl CustomerClient {
    /// Somebody who was not here before.
    pub async fn comes(world: &World, channel: ChannelId) -> Self {
        Self::known(world, channel, CustomerId::new(world.clock.next_id())).await
    }

    /// Somebody with this id.
    #[expect(clippy::unused_async, reason = "stories read alike whether somebody is new or known")]
    pub async fn known(world: &World, channel: ChannelId, id: CustomerId) -> Self {
        let token = CustomerToken {
            workspace: world.workspace,
            channel,
            customer: id,
            expires_at: world.app.now() + customer_token::LIFETIME,
        };
        let token = token.token(world.app.sealer());
        Self { id, channel, chat: Client::new(world, "customer", token) }
    }

    /// Calls a method of the Customer Chat API.
    pub async fn call(&self, action: &str, payload: Value) -> Result<Value, Refused> {
        self.chat.call(action, payload).await
    }

    /// Starts a chat, whoever is there to answer; gives its id and its thread's.
    pub async fn starts_chat(&self) -> (String, String) {
        let started = self.call("start_chat", json!({ "continuous": true })).await;
        ids(&started.expect("the chat starts"))
    }
}

/// The ids of chat and thread in the answer of `start_chat`.
pub fn ids(answer: &Value) -> (String, String) {
    let text = |name: &str| {
        answer.get(name).and_then(Value::as_str).expect("the answer has it").to_owned()
    };
    (text("chat_id"), text("thread_id"))
}
