//! Typed ids. A bare string or number never names a thing in a signature.
//!
//! Things that we make are named by a UUID version 7 (RFC 9562): ids sort by the time of their making, which keeps
//! index pages warm. Things that people name (bots, groups, agents) keep the name that they were given.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// Wraps a UUID; new ones come from [`crate::Clock::next_id`].
            pub const fn new(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID itself.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::from_str(text).map(Self).map_err(|_| InvalidId { what: stringify!($name) })
            }
        }
    )*};
}

uuid_ids! {
    /// One tenant.
    WorkspaceId;
    /// One run of one node: a process that starts again is another one.
    NodeId;
    /// One thing that happened.
    EventId;
    /// The lasting conversation with one customer.
    ChatId;
    /// One active stretch of a chat.
    ThreadId;
    /// The person on the other side.
    CustomerId;
    /// One connection to an outside service.
    ChannelId;
    /// An address that subscribed to events.
    EndpointId;
    /// One event owed to one endpoint.
    DeliveryId;
    /// Work on the log of deliveries that somebody asked for.
    JobId;
    /// One execution of a behavior.
    RunId;
    /// A file that was copied at receipt.
    FileId;
    /// A typed thing beside conversations.
    RecordId;
    /// An address that outside systems call.
    HookId;
    /// What a workspace promises of time in its chats.
    ServiceLevelId;
    /// A token that lets a program in.
    TokenId;
}

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Box<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let good = |c: char| !c.is_control() && !c.is_whitespace() && c != '/';
                if text.is_empty() || text.len() > NAME_BYTES_MAX || !text.chars().all(good) {
                    return Err(InvalidId { what: stringify!($name) });
                }
                Ok(Self(text.into()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.into()
            }
        }
    )*};
}

/// The longest name, in bytes.
pub const NAME_BYTES_MAX: usize = 128;

names! {
    /// A bot, by the name of its folder.
    BotName;
    /// A team of agents.
    GroupName;
    /// A person who answers, mostly by mail address.
    AgentId;
}

/// The text is not an id of this kind.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a valid {what}")]
pub struct InvalidId {
    pub(crate) what: &'static str,
}
