//! What was seen from outside during a crash test: what the server promised, what its log says, what the receiver got.
//!
//! Writers, receiver and reader of the log fill it; [`super::checker`] judges it.

use serde_json::Value;

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
pub(super) struct Acknowledgement {
    pub(super) id: String,
    pub(super) seq: u64,
}

impl Acknowledgement {
    /// Reads it from the envelope that the server answered.
    pub(super) fn of(envelope: &Value) -> Option<Self> {
        let id = envelope.get("id")?.as_str()?.to_owned();
        let seq = envelope.get("seq")?.as_u64()?;
        Some(Self { id, seq })
    }
}

/// One event of the log, as the API shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
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
}

impl Logged {
    /// Reads it from an envelope.
    pub(super) fn of(envelope: &Value) -> Option<Self> {
        let text = |value: Option<&Value>| value.and_then(Value::as_str).map(ToOwned::to_owned);
        Some(Self {
            seq: envelope.get("seq")?.as_u64()?,
            id: text(envelope.get("id"))?,
            event_type: text(envelope.get("type"))?,
            chat: text(envelope.get("chat")),
            thread: text(envelope.get("thread")),
            order: envelope.get("order").and_then(Value::as_u64),
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

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct History {
    pub(super) promises: Vec<Promise>,
    /// In the order in which the API listed it.
    pub(super) log: Vec<Logged>,
    /// In the order in which they came.
    pub(super) arrivals: Vec<Arrival>,
    /// The type that the receiver subscribed to.
    pub(super) subscribed: String,
}
