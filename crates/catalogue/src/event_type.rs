//! One entry of the vocabulary, with all that is known of it.

use serde_json::Value;
use tidings_model::TypeName;

use crate::constraint::Constraint;
use crate::shape::{Shape, Violation};

/// A type of events.
#[derive(Debug)]
pub struct EventType {
    /// Its name.
    pub name: TypeName,
    /// Whose it is.
    pub origin: Origin,
    /// Whether others may rely on it.
    pub status: Status,
    /// Its name for people, in a few words.
    pub title: String,
    /// When it is raised, and by what.
    pub description: String,
    /// Under which heading people find it.
    pub group: String,
    /// The title of its area.
    pub area: String,
    /// What it asks of behaviors.
    pub kind: Kind,
    /// The version of its schema.
    pub version: u32,
    /// Whose behaviors can hear it.
    pub heard_by: Vec<Audience>,
    /// The kinds of channel that raise it; empty where it is not bound to a channel.
    pub channels: Vec<String>,
    /// How it arises, in a short sentence.
    pub raised_by: String,
    /// The plugin that brings it; `None` for our own.
    pub plugin: Option<String>,
    /// What other systems call it.
    pub aliases: Vec<Alias>,
    /// What must be answered; there for every kind but [`Kind::After`].
    pub answer: Option<Answer>,
    pub(crate) data: Shape,
}

impl EventType {
    /// The JSON Schema of its `data`.
    pub fn schema(&self) -> &Value {
        self.data.schema()
    }

    /// A realistic `data`.
    pub fn sample(&self) -> &Value {
        self.data.sample()
    }

    /// Whether this is data of this type; what is wrong with it otherwise. See [`Shape::validate`].
    pub fn validate(&self, data: &Value) -> Result<(), Vec<Violation>> {
        self.data.validate(data)
    }
}

/// What must be answered to an event.
#[derive(Debug)]
pub struct Answer {
    /// How long the asker waits for the behaviors, in milliseconds.
    pub within_ms: u32,
    /// What is answered when no behavior did in time. For a *before* event an empty object lets the thing pass.
    pub default: Value,
    pub(crate) shape: Shape,
}

impl Answer {
    /// The JSON Schema of the answer.
    pub fn schema(&self) -> &Value {
        self.shape.schema()
    }

    /// A realistic answer.
    pub fn sample(&self) -> &Value {
        self.shape.sample()
    }

    /// Whether this is an answer; what is wrong with it otherwise. See [`Shape::validate`].
    pub fn validate(&self, answer: &Value) -> Result<(), Vec<Violation>> {
        self.shape.validate(answer)
    }
}

/// What another system calls a type, or a part of its events.
#[derive(Clone, Debug, PartialEq)]
pub struct Alias {
    /// The name, as it is written there.
    pub name: String,
    /// The system.
    pub system: System,
    /// What must hold beside the type; empty where every event of the type is meant.
    pub constraints: Vec<Constraint>,
    /// The plugin that it came with there.
    pub plugin: Option<String>,
    /// Whether that system has given it up.
    pub deprecated: bool,
}

impl Alias {
    /// Whose behaviors hear it under this name, where it says so. It is a question to the listener, not to the event.
    pub fn scope(&self) -> Option<Audience> {
        self.constraints.iter().find_map(|constraint| match constraint {
            Constraint::Scope(audience) => Some(*audience),
            Constraint::Channel(_) | Constraint::Author(_) | Constraint::Data { .. } => None,
        })
    }
}

macro_rules! words {
    ($($(#[$doc:meta])* $name:ident { $($(#[$case_doc:meta])* $case:ident = $word:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name {
            $($(#[$case_doc])* $case,)*
        }

        impl $name {
            /// All of them, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$case),*];

            /// The word for it, in files and in JSON.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$case => $word,)*
                }
            }
        }
    )*};
}

words! {
    /// What an event asks of behaviors.
    Kind {
        /// Nothing: it is a fact in the log.
        After = "after",
        /// A change, or a refusal: it is about to happen.
        Before = "before",
        /// An answer: somebody waits for it.
        Interactive = "interactive",
        /// A value.
        Computed = "computed",
    }

    /// Whose behaviors can hear an event.
    Audience {
        /// Those of the whole workspace.
        App = "app",
        /// Those of the group that owns the chat.
        Group = "group",
        /// Those of each agent who watches the chat.
        Watcher = "watcher",
        /// Those of the agent whom it concerns.
        Agent = "agent",
    }

    /// Whose a type is.
    Origin {
        /// Every installation's.
        Builtin = "builtin",
        /// A workspace's own.
        Workspace = "workspace",
    }

    /// Whether others may rely on a type.
    Status {
        /// It may change in any way, or go.
        Draft = "draft",
        /// It changes so that nobody is surprised: what breaks somebody raises its version.
        Stable = "stable",
    }

    /// The systems whose names are aliases.
    System {
        /// Cerb.
        Cerb = "cerb",
        /// JAICP.
        Jaicp = "jaicp",
        /// LiveChat.
        Livechat = "livechat",
        /// WotNot.
        Wotnot = "wotnot",
        /// A system of the workspace's own.
        Own = "own",
    }
}
