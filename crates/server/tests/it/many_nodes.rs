//! Several nodes with one database are one Tidings: Alice and Bob talk over open connections to different ones, lose theirs by
//! a kill, and go on at another, without loss or repeat. Hints that are lost only cost time.
//!
//! The long version of this, with everything that can break, is `cargo xtask cluster`.

use serde_json::{Value, json};
use tidings_services::{Database, Nats, Proxy};
use tidings_testkit::rtm::RtmClient;
use tidings_wire::livechat::Side;

use crate::installation::{Installation, Running, assert_no_gap, eventually, http};

/// The key of all nodes: 32 bytes as base64.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

const BOB: &str = "bob@example.com";

/// Two nodes, their database, and how hints travel between them.
struct Nodes {
    first: Installation,
    second: Installation,
    /// NATS and the ways there; without them the database carries hints.
    hints: Option<(Nats, Vec<Proxy>)>,
    _database: Database,
}

impl Nodes {
    async fn new(with_nats: bool) -> Self {
        let database = tidings_services::database().await.expect("a database");
        let mut hints = None;
        if with_nats {
            let nats = tidings_services::nats().await.expect("NATS");
            hints = Some((nats, Vec::new()));
        }
        let (mut first, mut second) = (Installation::new(), Installation::new());
        let files = first.beside("files");
        for node in [&mut first, &mut second] {
            node.set("TIDINGS_SECRET_KEY", KEY);
            node.set("TIDINGS__DATABASE__URL", &database.url());
            node.set("TIDINGS__FILES__SHARED_FOLDER", &files.to_string_lossy());
            node.set("TIDINGS__HTTP__DRAIN_S", "0");
            if let Some((nats, ways)) = &mut hints {
                let way = Proxy::start_for_nats(nats.address()).await.expect("a proxy");
                node.set("TIDINGS__NATS__URLS", &format!("nats://{}", way.address()));
                ways.push(way);
            }
        }
        Self { first, second, hints, _database: database }
    }

    async fn start(&self) -> (Running, Running) {
        (self.first.start().await, self.second.start().await)
    }
}

/// Somebody in the chat, at whichever node they have a connection to.
struct Person {
    side: Side,
    token: String,
    chat: String,
    line: Option<RtmClient>,
    /// The number that they heard of last.
    last: Option<u64>,
    /// The texts that came, in their order.
    heard: Vec<String>,
}

impl Person {
    fn new(side: Side, token: &str, chat: &str) -> Self {
        let (token, chat) = (token.to_owned(), chat.to_owned());
        Self { side, token, chat, line: None, last: None, heard: Vec::new() }
    }

    /// Connects to a node, and asks for what was missed.
    async fn sits_at(&mut self, node: &Installation) {
        let since = self.last.map_or_else(|| json!({}), |last| json!({ "since": last }));
        let (line, login) = RtmClient::log_in(&node.url(), self.side, &self.token, since).await;
        if self.last.is_some() {
            assert_eq!(login["gap"], false, "nothing is missing: {login}");
        }
        self.last = self.last.or_else(|| login["seq"].as_u64());
        self.line = Some(line);
    }

    fn line(&mut self) -> &mut RtmClient {
        self.line.as_mut().expect("they are connected")
    }

    fn message(&self, text: &str) -> Value {
        json!({ "chat_id": self.chat, "event": { "type": "message", "text": text, "custom_id": text } })
    }

    async fn says(&mut self, text: &str) {
        let message = self.message(text);
        self.line().call("send_event", message).await.payload();
    }

    /// Says something and does not wait for the answer.
    async fn begins_to_say(&mut self, text: &str) {
        let message = self.message(text);
        self.line().send("send_event", message).await;
    }

    /// Hears on until so many texts came in all.
    async fn hears(&mut self, count: usize) {
        while self.heard.len() < count {
            let push = self.line().any_push().await;
            let Some(seq) = push["seq"].as_u64() else { continue };
            self.last = self.last.max(Some(seq));
            if push["action"] == "incoming_event" && push["payload"]["event"]["type"] == "message" {
                let text = push["payload"]["event"]["text"].as_str().expect("a text");
                self.heard.push(text.to_owned());
            }
        }
    }
}

/// Alice, a customer, and Bob, an agent in her chat.
async fn people(node: &Installation) -> (Person, Person) {
    let about = json!({ "kind": "web", "name": "page", "settings": {} });
    let channel = node.post("/api/v1/channels", &about).await.body["id"].clone();
    let workspace = node.get("/api/v1/workspace").await.body["id"].clone();
    let asked = json!({ "grant_type": "cookie", "client_id": channel,
                        "organization_id": workspace, "response_type": "token" });
    let granted = node.post("/v2/customer/token", &asked).await.body;
    let alice = granted["access_token"].as_str().expect("a token");
    let asked = json!({ "continuous": true });
    let started = call(node, alice, "customer/action/start_chat", &asked).await;
    let chat = started["chat_id"].as_str().unwrap_or_else(|| panic!("{started}"));
    let about = json!({ "name": "Bob", "role": "owner" });
    let path = format!("/api/v1/agents/{BOB}");
    let made = node.try_call(reqwest::Method::PUT, &path, Some(&about)).await;
    assert!(made.expect("it answers").status < 300);
    let made = node.post(&format!("{path}/tokens"), &json!({ "name": "tests" })).await.body;
    let bob = made["token"].as_str().expect("a token");
    let added = json!({ "chat_id": chat, "user_id": BOB, "user_type": "agent",
                        "visibility": "all", "ignore_requester_presence": true });
    call(node, bob, "agent/action/add_user_to_chat", &added).await;
    (Person::new(Side::Customer, alice, chat), Person::new(Side::Agent, bob, chat))
}

async fn call(node: &Installation, token: &str, action: &str, body: &Value) -> Value {
    let url = format!("{}/v3.6/{action}", node.url());
    let answer = http().post(url).bearer_auth(token).json(body).send().await.expect("it answers");
    assert!(answer.status().is_success(), "{action}: {}", answer.text().await.unwrap_or_default());
    answer.json().await.expect("an answer")
}

/// What is said, in its order; nobody may hear anything else.
fn texts(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("text {number}")).collect()
}

async fn lose_their_nodes_and_go_on(with_nats: bool) {
    let nodes = Nodes::new(with_nats).await;
    let (first, second) = nodes.start().await;
    let (mut alice, mut bob) = people(&nodes.first).await;
    let texts = texts(13);
    alice.sits_at(&nodes.second).await;
    bob.sits_at(&nodes.first).await;
    for text in &texts[..3] {
        alice.says(text).await;
    }
    bob.hears(3).await;
    bob.says(&texts[3]).await;
    alice.hears(4).await;

    for text in &texts[4..6] {
        alice.says(text).await;
    }
    bob.hears(5).await;
    // His node dies while text 5 is on its way to him, and Alice goes on.
    first.kill();
    for text in &texts[6..8] {
        alice.says(text).await;
    }
    bob.sits_at(&nodes.second).await;
    bob.hears(8).await;
    bob.says(&texts[8]).await;

    let first = nodes.first.start().await;
    alice.hears(9).await;
    bob.says(&texts[9]).await;
    alice.begins_to_say(&texts[10]).await;
    // Both lose theirs, and nobody knows whether it took what Alice said.
    second.kill();
    alice.sits_at(&nodes.first).await;
    alice.says(&texts[10]).await;
    bob.sits_at(&nodes.first).await;
    bob.says(&texts[11]).await;
    alice.says(&texts[12]).await;
    for person in [&mut alice, &mut bob] {
        person.hears(texts.len()).await;
        assert_eq!(person.heard, texts, "everything, once and in order");
    }
    let events = nodes.first.events().await;
    assert_no_gap(&events);
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_lose_their_node_go_on_at_another() {
    lose_their_nodes_and_go_on(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn people_who_lose_their_node_go_on_at_another_without_nats() {
    lose_their_nodes_and_go_on(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_that_are_lost_only_cost_time() {
    let nodes = Nodes::new(true).await;
    let (first, second) = nodes.start().await;
    let (mut alice, mut bob) = people(&nodes.first).await;
    alice.sits_at(&nodes.second).await;
    bob.sits_at(&nodes.first).await;
    let (_, ways) = nodes.hints.as_ref().expect("hints travel by NATS");
    ways.iter().for_each(Proxy::lose_half);
    let texts = texts(30);
    for text in &texts {
        alice.says(text).await;
    }
    bob.hears(texts.len()).await;
    assert_eq!(bob.heard, texts, "everything, once and in order");
    // None of them arrives any more.
    ways.iter().for_each(Proxy::refuse);
    bob.says("the last").await;
    alice.hears(texts.len() + 1).await;
    assert_eq!(alice.heard.last().map(String::as_str), Some("the last"));
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_node_owed_is_done_by_another() {
    let nodes = Nodes::new(true).await;
    let echo = "bot: echo\nbehaviors:\n  - name: echo\n    on: chat.message\n    from: customer\n    \
                do:\n      - wait: 1s\n      - say: \"echo {{ event.text }}\"\n";
    nodes.first.write_bot("echo", echo);
    nodes.second.write_bot("echo", echo);
    let (first, second) = nodes.start().await;
    let channel = nodes.first.web_channel("echo").await;
    // Enough chats that the first node works for some of them.
    for number in 0..12 {
        let visitor = nodes.second.visitor(&channel).await;
        nodes.second.write(&channel, &visitor, &format!("visitor {number}")).await;
    }
    first.kill();
    let mut replies = Vec::new();
    eventually("each visitor is answered", async || {
        let events = nodes.second.events().await;
        let said = events.iter().filter_map(|event| event["data"]["text"].as_str());
        replies = said.filter(|text| text.starts_with("echo ")).map(str::to_owned).collect();
        replies.len() >= 12
    })
    .await;
    replies.sort_unstable();
    replies.dedup();
    assert_eq!(replies.len(), 12, "each once: {replies:?}");
    second.stop().await;
}
