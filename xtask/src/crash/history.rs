//! What was seen from outside during a crash test: what the server promised, what its log says, what the receiver got.
//!
//! Writers, receiver, open connections and the reader of the log fill it; [`super::checker`] judges it.

use std::fmt;

use serde_json::Value;
use tidings_model::{ChatId, ThreadId};

/// What a bot answers to a text, in front of it.
pub(super) const ECHO: &str = "echo: ";

/// One thing that a writer wanted written, under a key of its own, until the server thanked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Promise {
    /// The sender's key; it is the event's `custom_id`, and its text as well.
    pub(super) key: String,
    /// Whether a bot owes an answer.
    pub(super) kind: Kind,
    /// What the server answered, each time that the same key was sent and an answer came.
    pub(super) answers: Vec<Acknowledgement>,
}

/// Who wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// A customer; the bot owes one reply.
    Message,
    /// A program; nobody owes an answer.
    Fact,
}

/// The server said that it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Acknowledgement {
    /// With the envelope, as our own API does.
    Written { id: String, seq: u64 },
    /// With the event's name, as the Chat API does.
    Named(String),
}

impl Acknowledgement {
    /// Reads it from the envelope that the server answered.
    pub(super) fn of(envelope: &Value) -> Option<Self> {
        let id = envelope.get("id")?.as_str()?.to_owned();
        let seq = envelope.get("seq")?.as_u64()?;
        Some(Self::Written { id, seq })
    }

    /// Whether this is the event that was acknowledged.
    pub(super) fn is_of(&self, event: &Logged) -> bool {
        match self {
            Self::Written { id, seq } => event.id == *id && event.seq == *seq,
            Self::Named(name) => event.name.as_ref() == Some(name),
        }
    }
}

impl fmt::Display for Acknowledgement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Written { id, seq } => write!(f, "{seq} ({id})"),
            Self::Named(name) => f.write_str(name),
        }
    }
}

/// One event of the log, as the API shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Logged {
    pub(super) seq: u64,
    pub(super) id: String,
    pub(super) event_type: String,
    pub(super) chat: Option<String>,
    pub(super) thread: Option<String>,
    pub(super) order: Option<u64>,
    pub(super) author_kind: String,
    pub(super) custom_id: Option<String>,
    pub(super) text: String,
    /// What the Chat API calls it, if it is in a thread.
    pub(super) name: Option<String>,
    /// What the Chat API calls its chat.
    pub(super) chat_code: Option<String>,
}

impl Logged {
    /// Reads it from an envelope.
    pub(super) fn of(envelope: &Value) -> Option<Self> {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(ToOwned::to_owned);
        let (chat, thread) = (text(envelope.get("chat")), text(envelope.get("thread")));
        let order = envelope.get("order").and_then(Value::as_u64);
        let code = |thread: &String| Some(thread.parse::<ThreadId>().ok()?.code());
        let name = thread.as_ref().and_then(code).zip(order);
        let chat_id = chat.as_ref().and_then(|chat| chat.parse::<ChatId>().ok());
        Some(Self {
            name: name.map(|(thread, order)| format!("{thread}_{order}")),
            chat_code: chat_id.map(|chat| chat.code().to_string()),
            seq: envelope.get("seq")?.as_u64()?,
            id: text(envelope.get("id"))?,
            event_type: text(envelope.get("type"))?,
            chat,
            thread,
            order,
            author_kind: text(envelope.pointer("/author/kind"))?,
            custom_id: text(envelope.get("custom_id")),
            text: text(envelope.pointer("/data/text")).unwrap_or_default(),
        })
    }

    /// The key of the message that this is a bot's reply to.
    pub(super) fn replies_to(&self) -> Option<&str> {
        if self.author_kind == "bot" { self.text.strip_prefix(ECHO) } else { None }
    }
}

/// One request that the receiver got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    pub(super) webhook_id: String,
    /// A hash of the body: only equality matters.
    pub(super) body: u64,
    /// Whether the signature was right.
    pub(super) signed: bool,
}

/// What somebody heard over an open connection, through all its breaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listener {
    /// Who.
    pub(super) name: String,
    /// The only chat that they hear of, by its code; agents hear of all.
    pub(super) chat: Option<String>,
    /// The number after which they are to hear everything: what their first login was told.
    pub(super) since: u64,
    /// Messages, in the order in which they came.
    pub(super) heard: Vec<Heard>,
    /// How often they came back and were told that something is missing.
    pub(super) gaps: usize,
}

/// A message that somebody heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) seq: u64,
    /// What the Chat API calls the event.
    pub(super) name: String,
    pub(super) text: String,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct History {
    pub(super) promises: Vec<Promise>,
    /// In the order in which the API listed it.
    pub(super) log: Vec<Logged>,
    /// In the order in which they came.
    pub(super) arrivals: Vec<Arrival>,
    /// Those with open connections.
    pub(super) listeners: Vec<Listener>,
    /// The type that the receiver subscribed to.
    pub(super) subscribed: String,
}
