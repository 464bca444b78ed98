//! Documents: everything that is not an event (chats, customers, runs, endpoints, ...), in one versioned store.
//!
//! A document is found by its key, or by an index entry that it carries: `(name, value)` pairs, sorted by value, that
//! are replaced whenever the document is written. That is how a chat is found by its address, or the newest deliveries
//! of an endpoint are listed, on any engine.

use std::fmt;

use serde_json::Value;
use tidings_model::Timestamp;

/// The kinds of documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The tenant itself; one per workspace.
    Workspace,
    /// A token of the API, hashed.
    Token,
    /// An agent.
    Agent,
    /// A channel.
    Channel,
    /// A customer.
    Customer,
    /// A chat.
    Chat,
    /// A chat's control lease.
    Control,
    /// A chat's conversation with its bots: session data, and the run that waits for an answer.
    Session,
    /// An immutable version of a bot's text.
    BotVersion,
    /// Which version of a bot is live.
    Bot,
    /// A run of a behavior.
    Run,
    /// An endpoint.
    Endpoint,
    /// A delivery.
    Delivery,
    /// A file that was copied at receipt.
    File,
    /// An album whose parts still come in.
    Album,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 15] = [
        Self::Workspace,
        Self::Token,
        Self::Agent,
        Self::Channel,
        Self::Customer,
        Self::Chat,
        Self::Control,
        Self::Session,
        Self::BotVersion,
        Self::Bot,
        Self::Run,
        Self::Endpoint,
        Self::Delivery,
        Self::File,
        Self::Album,
    ];

    /// The word for it, as it is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Workspace => "workspace",
            Self::Token => "token",
            Self::Agent => "agent",
            Self::Channel => "channel",
            Self::Customer => "customer",
            Self::Chat => "chat",
            Self::Control => "control",
            Self::Session => "session",
            Self::BotVersion => "bot_version",
            Self::Bot => "bot",
            Self::Run => "run",
            Self::Endpoint => "endpoint",
            Self::Delivery => "delivery",
            Self::File => "file",
            Self::Album => "album",
        }
    }
}

/// Which document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DocKey {
    /// Its kind.
    pub kind: Kind,
    /// Its id within the kind.
    pub id: String,
}

impl DocKey {
    /// The key of a document.
    pub fn new(kind: Kind, id: impl fmt::Display) -> Self {
        Self { kind, id: id.to_string() }
    }
}

impl fmt::Display for DocKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.as_str(), self.id)
    }
}

/// How often a document was written: 1 after the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u64);

impl Version {
    /// The document is not there.
    pub const ABSENT: Self = Self(0);

    /// The one after a write.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// A document as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    /// Its key.
    pub key: DocKey,
    /// How often it was written.
    pub version: Version,
    /// What it says.
    pub body: Value,
    /// When it was last written, by the store's clock.
    pub updated_at: Timestamp,
}

/// Write a document.
#[derive(Clone, Debug, PartialEq)]
pub struct Put {
    /// Which one.
    pub key: DocKey,
    /// The version that it must have now; `None` writes whatever is there.
    pub expected: Option<Version>,
    /// What it says from now on.
    pub body: Value,
    /// Its index entries from now on: `(name, value)`, at most one per name.
    pub index: Vec<(&'static str, String)>,
}

/// Remove a document. Removing one that is not there does nothing, unless a version is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delete {
    /// Which one.
    pub key: DocKey,
    /// The version that it must have now.
    pub expected: Option<Version>,
}
