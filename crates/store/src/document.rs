//! Documents: everything that is not an event (chats, customers, runs, endpoints, ...), in one versioned store.
//!
//! A document is found by its key, or by an index entry that it carries: `(name, value)` pairs, sorted by value, that
//! are replaced whenever the document is written. That is how a chat is found by its address, or the newest deliveries
//! of an endpoint are listed, on any engine. A document may carry several entries of one name, as a chat does for each
//! group that may see it; what is counted often has its name in [`TALLIED`].

use std::fmt;

use serde_json::Value;
use tidings_model::Timestamp;

use crate::body::Body;

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
    /// One publishing of a bot: its number, which text, by whom, when, with which note.
    Publication,
    /// A run of a behavior.
    Run,
    /// What is known of a behavior that failed.
    BehaviorMark,
    /// A behavior that does not react, as it kept failing.
    BehaviorPause,
    /// An endpoint.
    Endpoint,
    /// A delivery that was not taken at its first try, or was asked for by hand.
    Delivery,
    /// Deliveries that were taken at their first try, written down together.
    DeliveryPage,
    /// How far an endpoint's reader is.
    Progress,
    /// Work on the log of deliveries that somebody asked for.
    Job,
    /// A file that was copied at receipt.
    File,
    /// An album whose parts still come in.
    Album,
    /// A thread that is not the last of its chat any more.
    Thread,
    /// A team of agents.
    Group,
    /// A tag that threads may have.
    Tag,
    /// What a property of a namespace may hold, and who may read and write it.
    Property,
    /// A rule that gives a chat to teams by where it began.
    AutoAccess,
    /// A greeting that visitors may see.
    Greeting,
    /// A text that agents keep ready.
    CannedResponse,
    /// A customer, or an address, that is refused.
    Ban,
    /// What bots of a client are made from.
    BotTemplate,
    /// A token of an agent, hashed.
    AgentToken,
    /// A form that customers fill in before or after a chat.
    Form,
    /// Who holds a share of the work; its version is the epoch of the lease.
    Lease,
    /// The turn to give an agent a chat; its version moves with each chat that is given.
    Turn,
    /// A typed thing beside conversations.
    Record,
    /// An address that outside systems call.
    Hook,
    /// Credentials for calls to another system, sealed.
    Account,
    /// What a workspace promises of time in its chats.
    ServiceLevel,
    /// How far the time of a chat's targets has run.
    ServiceClock,
    /// What nodes keep at hand about the workspace: its version moves with each change of that.
    Directory,
    /// A type of events of the workspace's own.
    EventType,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 41] = [
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
        Self::Publication,
        Self::Run,
        Self::BehaviorMark,
        Self::BehaviorPause,
        Self::Endpoint,
        Self::Delivery,
        Self::DeliveryPage,
        Self::Progress,
        Self::Job,
        Self::File,
        Self::Album,
        Self::Thread,
        Self::Group,
        Self::Tag,
        Self::Property,
        Self::AutoAccess,
        Self::Greeting,
        Self::CannedResponse,
        Self::Ban,
        Self::BotTemplate,
        Self::AgentToken,
        Self::Form,
        Self::Lease,
        Self::Turn,
        Self::Record,
        Self::Hook,
        Self::Account,
        Self::ServiceLevel,
        Self::ServiceClock,
        Self::Directory,
        Self::EventType,
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
            Self::Publication => "publication",
            Self::Run => "run",
            Self::BehaviorMark => "behavior_mark",
            Self::BehaviorPause => "behavior_pause",
            Self::Endpoint => "endpoint",
            Self::Delivery => "delivery",
            Self::DeliveryPage => "delivery_page",
            Self::Progress => "progress",
            Self::Job => "job",
            Self::File => "file",
            Self::Album => "album",
            Self::Thread => "thread",
            Self::Group => "group",
            Self::Tag => "tag",
            Self::Property => "property",
            Self::AutoAccess => "auto_access",
            Self::Greeting => "greeting",
            Self::CannedResponse => "canned_response",
            Self::Ban => "ban",
            Self::BotTemplate => "bot_template",
            Self::AgentToken => "agent_token",
            Self::Form => "form",
            Self::Lease => "lease",
            Self::Turn => "turn",
            Self::Record => "record",
            Self::Hook => "hook",
            Self::Account => "account",
            Self::ServiceLevel => "service_level",
            Self::ServiceClock => "service_clock",
            Self::Directory => "directory",
            Self::EventType => "event_type",
        }
    }
}

/// The names of index entries that are counted as they are written, so that [`crate::Store::count`] answers at once
/// however many documents carry them. Any kind may use them.
///
/// Counting costs a write of a small row whenever an entry of such a name comes or goes; other names cost nothing, and
/// are counted by looking at their entries. A name may be added here: an engine counts what a store has already when it
/// next opens it.
///
/// - `live`: what is open now, as chats with an active thread.
/// - `access`: who may see it, one entry for each group.
/// - `assignee`: who works on it.
/// - `customer_chats`: whose chat it is.
pub const TALLIED: [&str; 4] = ["live", "access", "assignee", "customer_chats"];

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
    pub body: Body,
    /// Its index entries from now on: `(name, value)`. Several of one name are fine, the same pair twice is not.
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
