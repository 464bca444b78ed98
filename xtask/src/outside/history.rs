//! What was seen from outside during a crash test: what the server promised, what its log says, what the receiver got.
//!
//! Writers, receiver, open connections and the reader of the log fill it; [`super::checker`] judges it.

use std::fmt;

use jiff::Timestamp;
use serde_json::Value;
use tidings_model::{ChatId, ThreadId};

/// What a bot answers to a text, in front of it.
pub(crate) const ECHO: &str = "echo: ";

/// One thing that a writer wanted written, under a key of its own, until the server thanked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Promise {
    /// The sender's key; it is the event's `custom_id`, and its text as well.
    pub(crate) key: String,
    /// Whether a bot owes an answer.
    pub(crate) kind: Kind,
    /// What the server answered, each time that the same key was sent and an answer came.
    pub(crate) answers: Vec<Acknowledgement>,
}

/// Who wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A customer; the bot owes one reply.
    Message,
    /// A program; nobody owes an answer.
    Fact,
}

/// The server said that it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Acknowledgement {
    /// With the envelope, as our own API does.
    Written { id: String, seq: u64 },
    /// With the event's name, as the Chat API does.
    Named(String),
}

impl Acknowledgement {
    /// Reads it from the envelope that the server answered.
    pub(crate) fn of(envelope: &Value) -> Option<Self> {
        let id = envelope.get("id")?.as_str()?.to_owned();
        let seq = envelope.get("seq")?.as_u64()?;
        Some(Self::Written { id, seq })
    }

    /// Whether this is the event that was acknowledged.
    pub(crate) fn is_of(&self, event: &Logged) -> bool {
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
pub(crate) struct Logged {
    pub(crate) seq: u64,
    /// When it happened, by the clock of the node that took it.
    pub(crate) time: Timestamp,
    pub(crate) id: String,
    pub(crate) event_type: String,
    pub(crate) chat: Option<String>,
    pub(crate) thread: Option<String>,
    pub(crate) order: Option<u64>,
    pub(crate) author_kind: String,
    pub(crate) custom_id: Option<String>,
    pub(crate) text: String,
    /// What the Chat API calls it, if it is in a thread.
    pub(crate) name: Option<String>,
    /// What the Chat API calls its chat.
    pub(crate) chat_code: Option<String>,
}

impl Logged {
    /// Reads it from an envelope.
    pub(crate) fn of(envelope: &Value) -> Option<Self> {
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
            time: text(envelope.get("time"))?.parse().ok()?,
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
    pub(crate) fn replies_to(&self) -> Option<&str> {
        if self.author_kind == "bot" { self.text.strip_prefix(ECHO) } else { None }
    }
}

/// One request that the receiver got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) webhook_id: String,
    /// A hash of the body: only equality matters.
    pub(crate) body: u64,
    /// Whether the signature was right.
    pub(crate) signed: bool,
}

/// One request that the receiver of several events got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Batch {
    pub(crate) webhook_id: String,
    /// As they stood in it; nothing, where the body was no list of events.
    pub(crate) events: Vec<InBatch>,
    /// Whether the signature was right.
    pub(crate) signed: bool,
}

/// One event of such a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct InBatch {
    pub(crate) id: String,
    /// A hash of what was said of it: only equality matters.
    pub(crate) body: u64,
}

/// What somebody heard over an open connection, through all its breaks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listener {
    /// Who.
    pub(crate) name: String,
    /// The only chat that they hear of, by its code; agents hear of all.
    pub(crate) chat: Option<String>,
    /// The number after which they are to hear everything: what their first login was told.
    pub(crate) since: u64,
    /// Messages, in the order in which they came.
    pub(crate) heard: Vec<Heard>,
    /// When they came back and were told that something is missing: after which number, up to which.
    pub(crate) gaps: Vec<(u64, u64)>,
}

/// A message that somebody heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    pub(crate) seq: u64,
    /// What the Chat API calls the event.
    pub(crate) name: String,
    pub(crate) text: String,
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct History {
    pub(crate) promises: Vec<Promise>,
    /// In the order in which the API listed it.
    pub(crate) log: Vec<Logged>,
    /// In the order in which they came.
    pub(crate) arrivals: Vec<Arrival>,
    /// What the receiver of several events got, in the order in which it came.
    pub(crate) batches: Vec<Batch>,
    /// Those with open connections.
    pub(crate) listeners: Vec<Listener>,
    /// The type that the receivers subscribed to.
    pub(crate) subscribed: String,
}
