//! What the server remembers: chats with their messages, files, queries that wait, updates that wait.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::rates::{Meter, Rates};
use super::{Fault, object};

/// Updates that are off unless named (Bot API, setWebhook).
const OFF_UNLESS_NAMED: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];

pub(super) struct State {
    pub chats: BTreeMap<i64, Chat>,
    pub files: HashMap<String, File>,
    pub callbacks: HashMap<String, Callback>,
    pub prechecks: HashMap<String, Precheck>,
    /// Updates that nobody took yet, by number.
    pub pending: BTreeMap<i64, Update>,
    /// Every update ever, to send it again.
    history: BTreeMap<i64, Update>,
    pub webhook: Option<Webhook>,
    /// What the bot asked for; empty means all that are not off.
    pub allowed_updates: Vec<String>,
    /// The chats of which an update is with the webhook now, or waits to be tried again.
    pub lanes_busy: HashSet<i64>,
    /// Counts the calls of `getUpdates`: a newer one ends the older ones.
    pub poll_number: u64,
    pub polls_open: usize,
    pub calls: Vec<MethodCall>,
    pub attempts: Vec<WebhookAttempt>,
    pub faults: VecDeque<(String, Fault)>,
    pub rates: Option<Rates>,
    pub meter: Meter,
    next_number: i64,
}

/// One call of the bot.
#[derive(Clone, Debug, PartialEq)]
pub struct MethodCall {
    /// The method, as it was called.
    pub method: String,
    /// Its arguments; a file that was sent along stands there as `{file_name, content_type, size}`.
    pub body: Map<String, Value>,
    /// The error code it was answered with, if it was refused.
    pub refused: Option<u16>,
}

/// One message of the bot.
#[derive(Clone, Debug, PartialEq)]
pub struct Sent {
    /// Its id in its chat.
    pub message_id: i64,
    /// The method that made it.
    pub method: String,
    /// The message, as Telegram shows it: marks parsed, later edits applied.
    pub message: Map<String, Value>,
}

impl Sent {
    /// Its text or caption; empty where it has none.
    pub fn text(&self) -> &str {
        let text = self.message.get("text").or_else(|| self.message.get("caption"));
        text.and_then(Value::as_str).unwrap_or_default()
    }

    /// What its buttons show, row by row.
    pub fn buttons(&self) -> Vec<&str> {
        self.keys().filter_map(|key| key.get("text").and_then(Value::as_str)).collect()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &Value> {
        let rows =
            self.message.get("reply_markup").and_then(|markup| markup.get("inline_keyboard"));
        rows.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_array).flatten()
    }
}

/// One try to call the webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookAttempt {
    /// The update.
    pub update_id: i64,
    /// The answer's status; `None` when there was no answer.
    pub status: Option<u16>,
}

pub(super) struct Chat {
    /// As it stands in messages.
    pub info: Map<String, Value>,
    /// The person of a private chat, as they stand in messages.
    pub user: Option<Map<String, Value>>,
    /// Whether the person wrote first: a bot cannot.
    pub started: bool,
    pub blocked: bool,
    pub messages: BTreeMap<i64, Map<String, Value>>,
    /// The bot's, with their method.
    pub sent: Vec<(i64, String)>,
    next_message_id: i64,
}

pub(super) struct File {
    pub path: String,
    /// Empty when only the size was declared.
    pub bytes: Bytes,
    pub size: u64,
    pub description: Map<String, Value>,
}

pub(super) struct Callback {
    pub expires: Instant,
    pub answer: Option<Map<String, Value>>,
}

pub(super) struct Precheck {
    pub expires: Instant,
    pub answer: Option<Result<(), String>>,
}

#[derive(Clone)]
pub(super) struct Update {
    /// The chat: updates of one chat go one after another. Of no chat: 0.
    pub lane: i64,
    pub body: Value,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Webhook {
    pub url: String,
    pub secret_token: Option<String>,
    pub max_connections: i64,
}

impl State {
    pub(super) fn new(rates: Option<Rates>) -> Self {
        Self {
            chats: BTreeMap::new(),
            files: HashMap::new(),
            callbacks: HashMap::new(),
            prechecks: HashMap::new(),
            pending: BTreeMap::new(),
            history: BTreeMap::new(),
            webhook: None,
            allowed_updates: Vec::new(),
            lanes_busy: HashSet::new(),
            poll_number: 0,
            polls_open: 0,
            calls: Vec::new(),
            attempts: Vec::new(),
            faults: VecDeque::new(),
            rates,
            meter: Meter::default(),
            next_number: 0,
        }
    }

    pub(super) fn limit(&mut self, rates: Option<Rates>) {
        self.rates = rates;
        self.meter = Meter::default();
    }

    /// 1, 2, 3, ...: ids of all kinds are made of it, so that a test repeats itself.
    pub(super) fn next_number(&mut self) -> i64 {
        self.next_number += 1;
        self.next_number
    }

    /// The person and their private chat, which has the same id.
    pub(super) fn person(&mut self, name: &str) -> (Map<String, Value>, i64) {
        let known = self.chats.iter().find_map(|(id, chat)| {
            let user = chat
                .user
                .as_ref()
                .filter(|user| user.get("first_name").is_some_and(|first| first == name))?;
            Some((user.clone(), *id))
        });
        if let Some(known) = known {
            return known;
        }
        // Above 2^32, as newer people's are.
        let id = 5_550_000_000 + self.next_number();
        let user =
            object(json!({"id": id, "is_bot": false, "first_name": name, "language_code": "en"}));
        let info = object(json!({"id": id, "first_name": name, "type": "private"}));
        self.chats.insert(id, Chat { user: Some(user.clone()), ..Chat::new(info) });
        (user, id)
    }

    pub(super) fn group(&mut self, title: &str) -> i64 {
        let known = self
            .chats
            .iter()
            .find(|(_, chat)| chat.info.get("title").is_some_and(|known| known == title));
        if let Some((id, _)) = known {
            return *id;
        }
        let id = -1_001_234_500_000 - self.next_number();
        let info = object(json!({"id": id, "title": title, "type": "supergroup"}));
        self.chats.insert(id, Chat { started: true, ..Chat::new(info) });
        id
    }

    pub(super) fn sent_to(&self, chat: i64) -> Vec<Sent> {
        let Some(chat) = self.chats.get(&chat) else { return Vec::new() };
        let sent = chat.sent.iter().filter_map(|(message_id, method)| {
            let message = chat.messages.get(message_id)?.clone();
            Some(Sent { message_id: *message_id, method: method.clone(), message })
        });
        sent.collect()
    }

    pub(super) fn callback_answer(&self, query_id: &str) -> Option<Map<String, Value>> {
        self.callbacks.get(query_id)?.answer.clone()
    }

    /// Puts an update into the queue, unless the bot did not ask for its kind.
    pub(super) fn queue_update(&mut self, kind: &str, content: Value) -> i64 {
        let update_id = 700_000_000 + self.next_number();
        let chat = content
            .get("chat")
            .or_else(|| content.get("message").and_then(|message| message.get("chat")));
        let from = content.get("from").or_else(|| content.get("user"));
        let lane = chat.or(from).and_then(|of| of.get("id")).and_then(Value::as_i64).unwrap_or(0);
        let update = Update { lane, body: json!({"update_id": update_id, kind: content}) };
        self.history.insert(update_id, update.clone());
        let allowed = match self.allowed_updates.is_empty() {
            true => !OFF_UNLESS_NAMED.contains(&kind),
            false => self.allowed_updates.iter().any(|allowed| allowed == kind),
        };
        if allowed {
            self.pending.insert(update_id, update);
        }
        update_id
    }

    pub(super) fn redeliver(&mut self, update_id: i64) -> bool {
        let Some(update) = self.history.get(&update_id).cloned() else { return false };
        self.pending.insert(update_id, update);
        true
    }

    /// Keeps a file; answers with its handle.
    pub(super) fn keep_file(
        &mut self,
        folder: &str,
        file_name: &str,
        bytes: Bytes,
        size: u64,
    ) -> Map<String, Value> {
        let number = self.next_number();
        let handle = format!("BQACAgIAAxkBAAI{number}");
        let extension = file_name.rsplit_once('.').map_or("bin", |(_, extension)| extension);
        let description = object(json!({
            "file_id": handle, "file_unique_id": format!("AgAD{number}"), "file_size": size,
        }));
        let path = format!("{folder}/file_{number}.{extension}");
        self.files.insert(handle, File { path, bytes, size, description: description.clone() });
        description
    }
}

impl Chat {
    fn new(info: Map<String, Value>) -> Self {
        Self {
            info,
            user: None,
            started: false,
            blocked: false,
            messages: BTreeMap::new(),
            sent: Vec::new(),
            next_message_id: 1,
        }
    }

    /// Makes a message; answers with all of it.
    pub(super) fn put(
        &mut self,
        from: Map<String, Value>,
        date: i64,
        content: Map<String, Value>,
    ) -> Map<String, Value> {
        let message_id = self.next_message_id;
        self.next_message_id += 1;
        let mut message = object(
            json!({"message_id": message_id, "from": from, "chat": self.info, "date": date}),
        );
        message.extend(content);
        self.messages.insert(message_id, message.clone());
        message
    }
}
