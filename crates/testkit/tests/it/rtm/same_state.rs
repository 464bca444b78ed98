//! What a client knows by login and pushes is what the API lists: for many interleavings of what several people do, and
//! reconnects at any time. The cases are drawn by a number, so that a failure is found again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use serde_json::{Value, json};
use tidings_model::Role;
use tidings_testkit::desk::AgentClient;
use tidings_testkit::rtm::RtmClient;
use tidings_wire::livechat::Side;

use super::Scene;

/// How many steps a case has.
const STEPS: usize = 24;

/// After how many steps it is compared.
const COMPARED_EVERY: usize = 3;

/// How often it is listened until it is quiet before what is known must be what is listed.
const TIMES_HEARD_MAX: usize = 50;

/// Draws numbers: the same ones for the same case.
struct Draw(u64);

impl Draw {
    fn below(&mut self, end: u64) -> u64 {
        // Vigna's splitmix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % end
    }
}

/// A chat as a client knows it.
#[derive(Clone, Debug, Default, PartialEq)]
struct Known {
    thread: String,
    active: bool,
    users: BTreeMap<String, bool>,
    took_part: BTreeSet<String>,
    events: BTreeMap<String, Value>,
}

impl Known {
    /// From a whole chat.
    fn of(chat: &Value) -> Self {
        let mut known = Self {
            thread: text(chat, "/thread/id").to_owned(),
            active: chat.pointer("/thread/active") == Some(&json!(true)),
            ..Self::default()
        };
        for user in list(chat, "/users") {
            known.add(user);
        }
        for id in list(chat, "/thread/user_ids").filter_map(Value::as_str) {
            known.took_part.insert(id.to_owned());
        }
        for event in list(chat, "/thread/events") {
            known.events.insert(text(event, "/id").to_owned(), event.clone());
        }
        known
    }

    fn add(&mut self, user: &Value) {
        let present = user.get("present") == Some(&json!(true));
        self.users.insert(text(user, "/id").to_owned(), present);
    }

    fn hear(&mut self, action: &str, payload: &Value) {
        let thread = text(payload, "/thread_id");
        if !thread.is_empty() && thread != self.thread {
            return;
        }
        match action {
            "incoming_event" | "event_updated" => {
                let Some(event) = payload.get("event") else { return };
                self.events.insert(text(event, "/id").to_owned(), event.clone());
            }
            "chat_deactivated" => self.active = false,
            "user_added_to_chat" => {
                let Some(user) = payload.get("user") else { return };
                self.took_part.insert(text(user, "/id").to_owned());
                self.add(user);
            }
            "user_removed_from_chat" => {
                let id = text(payload, "/user_id");
                if let Some(present) = self.users.get_mut(id) {
                    *present = false;
                }
            }
            _ => {}
        }
    }
}

fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

/// Somebody who watches: a connection, what they know, and the number of what they heard last.
struct Watcher {
    side: Side,
    token: String,
    line: Option<RtmClient>,
    chats: BTreeMap<String, Known>,
    seq: u64,
}

impl Watcher {
    async fn begin(scene: &Scene, side: Side, token: &str) -> Self {
        let mut watcher =
            Self { side, token: token.into(), line: None, chats: BTreeMap::new(), seq: 0 };
        watcher.comes(scene, json!({})).await;
        watcher
    }

    /// Logs in; without a number to go on from, or after a gap, reads all chats anew.
    async fn comes(&mut self, scene: &Scene, more: Value) {
        let base_url = &scene.world.base_url;
        let (mut line, told) =
            RtmClient::log_in(base_url, self.side, &self.token, more.clone()).await;
        if more.get("since").is_none() || told.get("gap") == Some(&json!(true)) {
            self.seq = told.get("seq").and_then(Value::as_u64).expect("a number");
            self.chats.clear();
            let ids: Vec<String> = list(&told, "/chats")
                .map(|chat| text(chat, "/chat_id"))
                .chain(list(&told, "/chats_summary").map(|chat| text(chat, "/id")))
                .map(str::to_owned)
                .collect();
            for id in ids {
                let chat = line.call("get_chat", json!({ "chat_id": id })).await.payload();
                self.chats.insert(id, Known::of(&chat));
            }
        }
        self.line = Some(line);
    }

    async fn comes_back(&mut self, scene: &Scene) {
        let since = self.seq;
        self.comes(scene, json!({ "since": since })).await;
    }

    /// Applies what was heard until it is quiet.
    async fn hear(&mut self) {
        let Some(line) = &mut self.line else { return };
        for push in line.pushes().await {
            if let Some(seq) = push.get("seq").and_then(Value::as_u64) {
                assert!(seq >= self.seq, "{seq} after {}", self.seq);
                self.seq = seq;
            }
            let payload = push.get("payload").cloned().unwrap_or_default();
            match text(&push, "/action") {
                "incoming_chat" => {
                    let id = text(&payload, "/chat/id").to_owned();
                    self.chats.insert(id, Known::of(&payload["chat"]));
                }
                action => {
                    if let Some(known) = self.chats.get_mut(text(&payload, "/chat_id")) {
                        known.hear(action, &payload);
                    }
                }
            }
        }
    }

    /// What is known comes to what is listed. On a busy machine the last pushes may take their time.
    async fn agrees(&mut self, case: u64) {
        for _ in 0..TIMES_HEARD_MAX {
            self.hear().await;
            if self.differs().await.is_none() {
                return;
            }
        }
        let (known, chat) = self.differs().await.unwrap_or_default();
        assert_eq!(known, Known::of(&chat), "case {case}, {:?}, {chat}", self.side);
    }

    /// A chat that is not known as it is listed.
    async fn differs(&mut self) -> Option<(Known, Value)> {
        let line = self.line.as_mut().expect("they are there");
        for (id, known) in &self.chats {
            let chat = line.call("get_chat", json!({ "chat_id": id })).await.payload();
            if *known != Known::of(&chat) {
                return Some((known.clone(), chat));
            }
        }
        None
    }
}

/// How many cases there are, and how many at most while something was never done.
const CASES_MIN: u64 = 4;
const CASES_MAX: u64 = 16;

/// How many things somebody may try.
const KINDS: u64 = 12;

/// What was tried and done at least once.
#[derive(Default)]
struct Done(Mutex<BTreeSet<u64>>);

/// Something that somebody tries; what is not allowed now is refused, and that is well too.
async fn tries(scene: &Scene, carol: &AgentClient, what: u64, count: usize, done: &Done) {
    let say = |who: &str, visibility: &str| {
        json!({ "chat_id": scene.chat, "event": { "type": "message",
                "text": format!("{who} {count}"), "visibility": visibility } })
    };
    let id = json!({ "id": scene.chat });
    let start = json!({ "chat": { "id": scene.chat } });
    let tried = match what {
        0 | 1 => scene.alice.call("send_event", scene.message(&format!("alice {count}"))).await,
        2 | 3 => scene.bob.call("send_event", say("bob", "all")).await,
        4 => scene.bob.call("send_event", say("bob", "agents")).await,
        5 => carol.call("send_event", say("carol", "all")).await,
        6 => {
            let add = json!({ "chat_id": scene.chat, "user_id": carol.id, "user_type": "agent",
                              "visibility": "all", "ignore_requester_presence": true });
            scene.bob.call("add_user_to_chat", add).await
        }
        7 => {
            let remove = json!({ "chat_id": scene.chat, "user_id": carol.id, "user_type": "agent",
                                 "ignore_requester_presence": true });
            scene.bob.call("remove_user_from_chat", remove).await
        }
        8 => {
            let mut id = id;
            id["ignore_requester_presence"] = json!(true);
            scene.bob.call("deactivate_chat", id).await
        }
        9 => scene.bob.call("resume_chat", start).await,
        10 => scene.alice.call("deactivate_chat", id).await,
        _ => scene.alice.call("resume_chat", start).await,
    };
    match tried {
        Ok(_) => {
            done.0.lock().expect("nobody broke").insert(what);
        }
        Err((status, error)) => assert!(status < 500, "{what}: {status} {error}"),
    }
}

async fn case(scene: &Scene, carol: &AgentClient, case: u64, done: &Done) {
    let mut draw = Draw(case);
    let bob = scene.bob.chat.token.clone();
    let mut watchers = [
        Watcher::begin(scene, Side::Customer, &scene.alice.chat.token).await,
        Watcher::begin(scene, Side::Agent, &bob).await,
        Watcher::begin(scene, Side::Agent, &carol.chat.token).await,
    ];
    for step in 0..STEPS {
        let (one, other) = (draw.below(KINDS), draw.below(KINDS));
        let acts = async {
            tokio::join!(
                tries(scene, carol, one, step, done),
                tries(scene, carol, other, step + 1_000, done)
            );
        };
        let place = usize::try_from(draw.below(3)).expect("small");
        let watcher = watchers.get_mut(place).expect("there are three");
        match draw.below(4) {
            // They go, and come back after it, or while it happens.
            0 => {
                watcher.hear().await;
                watcher.line = None;
                acts.await;
                watcher.comes_back(scene).await;
            }
            1 => {
                watcher.hear().await;
                watcher.line = None;
                tokio::join!(acts, watcher.comes_back(scene));
            }
            // Somebody comes anew while it happens, and reads all.
            2 => {
                tokio::join!(acts, watcher.comes(scene, json!({})));
            }
            _ => acts.await,
        }
        if step % COMPARED_EVERY == COMPARED_EVERY - 1 {
            for watcher in &mut watchers {
                watcher.agrees(case).await;
            }
        }
    }
}

#[tokio::test]
async fn what_is_heard_is_what_is_listed() {
    let scene = Scene::begin().await;
    let carol = AgentClient::hired(&scene.world, "carol@example.com", Role::Normal).await;
    scene.join_bob().await;
    let done = Done::default();
    let all: BTreeSet<u64> = (0..KINDS).collect();
    // What is allowed depends on who was faster: a thing that is never done shows nothing, so we go on until all were.
    let mut number = 0;
    while number < CASES_MIN || (*done.0.lock().expect("nobody broke") != all && number < CASES_MAX)
    {
        case(&scene, &carol, number, &done).await;
        number += 1;
    }
    assert_eq!(done.0.into_inner().expect("nobody broke"), all, "after {number} cases");
    scene.world.finish().await;
}
