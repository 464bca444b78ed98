//! What happened. A [`Draft`] is an event that has no number yet; the store's append makes it an [`Event`].

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    AgentId, BotName, ChannelId, ChatId, CustomerId, EventId, ThreadId, Timestamp, WorkspaceId,
};

/// The number of an event in its workspace: 1, 2, 3, ... without a gap to readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seq(pub u64);

impl Seq {
    /// Before the first event.
    pub const START: Self = Self(0);

    /// The one that follows.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The number of an event in its thread: 1, 2, 3, ... without a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Order(pub u64);

/// The name of an event type: dotted, lower-case, noun first, as `chat.message`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TypeName(Arc<str>);

impl TypeName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the author of such an event speaks to the customer, when the customer may see it.
    pub fn is_speech(&self) -> bool {
        SPEECH.contains(&self.as_str())
    }
}

/// The events whose author speaks.
const SPEECH: [&str; 9] = [
    "chat.message",
    "chat.rich_message",
    "chat.file",
    "chat.form",
    "chat.location",
    "chat.contact",
    "chat.sticker",
    "chat.custom",
    "chat.postback",
];

impl fmt::Display for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TypeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TypeName({})", self.0)
    }
}

impl FromStr for TypeName {
    type Err = InvalidTypeName;

    fn from_str(text: &str) -> Result<Self, InvalidTypeName> {
        let word = |word: &str| {
            word.starts_with(|c: char| c.is_ascii_lowercase())
                && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        };
        if text.len() <= TYPE_NAME_BYTES_MAX && text.contains('.') && text.split('.').all(word) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidTypeName { name: text.chars().take(TYPE_NAME_BYTES_MAX).collect() })
        }
    }
}

/// The longest name of an event type, in bytes.
pub const TYPE_NAME_BYTES_MAX: usize = 100;

/// The text is not a dotted lower-case name.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "{name:?} is not the name of an event type: lower-case words joined by dots, as chat.message"
)]
pub struct InvalidTypeName {
    name: String,
}

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The kind of the one who did it.
    pub kind: AuthorKind,
    /// Which one: a customer's id, an agent's, a bot's name, a token's id; empty for the system itself.
    pub id: String,
}

impl Author {
    /// Tidings itself.
    pub const fn system() -> Self {
        Self { kind: AuthorKind::System, id: String::new() }
    }

    /// A customer.
    pub fn customer(id: CustomerId) -> Self {
        Self { kind: AuthorKind::Customer, id: id.to_string() }
    }

    /// An agent.
    pub fn agent(id: &AgentId) -> Self {
        Self { kind: AuthorKind::Agent, id: id.to_string() }
    }

    /// A bot.
    pub fn bot(name: &BotName) -> Self {
        Self { kind: AuthorKind::Bot, id: name.to_string() }
    }
}

/// The kinds of authors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuthorKind {
    /// The person on the other side.
    Customer,
    /// A person who answers.
    Agent,
    /// A bot.
    Bot,
    /// A program that speaks our API.
    Integration,
    /// Tidings itself.
    System,
}

impl AuthorKind {
    /// All kinds, in the order of the documentation.
    pub const ALL: [Self; 5] =
        [Self::Customer, Self::Agent, Self::Bot, Self::Integration, Self::System];

    /// The word for it in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Agent => "agent",
            Self::Bot => "bot",
            Self::Integration => "integration",
            Self::System => "system",
        }
    }
}

/// Who may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// The customer as well.
    #[default]
    All,
    /// Agents, bots and integrations only.
    Agents,
}

impl Visibility {
    /// The word for it in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Agents => "agents",
        }
    }
}

/// An event that has no number yet. The fields are those of the envelope, see [`crate::envelope`].
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// Its id, for ever.
    pub id: EventId,
    /// What kind of thing happened.
    pub event_type: TypeName,
    /// The version of the type's schema.
    pub version: u32,
    /// When it happened, by the clock of the one who told us.
    pub time: Timestamp,
    /// When we heard of it.
    pub received_at: Timestamp,
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The connection it came through or goes out by.
    pub channel: Option<ChannelId>,
    /// The conversation.
    pub chat: Option<ChatId>,
    /// The active stretch of that conversation; an event in a thread gets an [`Order`].
    pub thread: Option<ThreadId>,
    /// Who did it.
    pub author: Author,
    /// Who may see it.
    pub visibility: Visibility,
    /// The sender's own id for it.
    pub custom_id: Option<String>,
    /// The event that led to this one.
    pub cause: Option<EventId>,
    /// The first event of the chain of causes; its own id when it is the first.
    pub root: EventId,
    /// How many causes lie before it.
    pub depth: u32,
    /// Free values beside the data, by namespace.
    pub properties: Map<String, Value>,
    /// What the type's schema describes.
    pub data: Value,
    /// Fields of the envelope that this version does not know; kept as they came.
    pub unknown: Map<String, Value>,
}

impl Draft {
    /// A draft that is the first of its chain, by the system, with everything optional left out.
    pub fn new(
        id: EventId,
        event_type: TypeName,
        workspace: WorkspaceId,
        now: Timestamp,
        data: Value,
    ) -> Self {
        Self {
            id,
            event_type,
            version: 1,
            time: now,
            received_at: now,
            workspace,
            channel: None,
            chat: None,
            thread: None,
            author: Author::system(),
            visibility: Visibility::All,
            custom_id: None,
            cause: None,
            root: id,
            depth: 0,
            properties: Map::new(),
            data,
            unknown: Map::new(),
        }
    }

    /// The same, as a consequence of another event: in its chat, thread and channel, one deeper in its chain.
    #[must_use]
    pub fn caused_by(mut self, cause: &Event) -> Self {
        self.cause = Some(cause.id);
        self.root = cause.root;
        self.depth = cause.depth + 1;
        self.channel = self.channel.or(cause.channel);
        self.chat = self.chat.or(cause.chat);
        self.thread = self.thread.or(cause.thread);
        self
    }
}

/// One thing that happened, with its number: durable, and never changed again.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its number in the workspace.
    pub seq: Seq,
    /// Its number in the thread.
    pub order: Option<Order>,
    /// The rest of the envelope.
    draft: Draft,
    /// The envelope in JSON without `seq` and `order`, as it was written at accept; see [`crate::envelope`].
    body: Arc<[u8]>,
}

impl Event {
    /// Numbers a draft. `body` is what [`crate::envelope::write`] made of it. Called by stores only.
    pub fn new(seq: Seq, order: Option<Order>, draft: Draft, body: Arc<[u8]>) -> Self {
        Self { seq, order, draft, body }
    }

    /// The envelope's bytes without the numbers, as they were fixed at accept.
    pub fn body(&self) -> &[u8] {
        &self.body
    }
}

impl Deref for Event {
    type Target = Draft;
    fn deref(&self) -> &Draft {
        &self.draft
    }
}
