//! What a record needs and its event does not tell. Whoever delivers fills it from documents, by [`Scene::tell_chat`] and
//! its like.
//!
//! Everything may be left out: a record is whole without it, with derived ids and empty texts. For the records of one
//! conversation to agree, the same things have to be known for all of them; `conversation.created_at` and
//! `visitor.customer` matter most, since they are part of keys.

use std::collections::BTreeMap;

use serde_json::Value;
use tidings_model::{CustomerId, Timestamp};

mod fill;

/// What is known around an event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scene {
    /// The address of this installation, as `https://chat.example.com`; completes addresses of files that begin with `/`.
    pub public_url: String,
    /// The kind of the channel, as `web`; without it, what `chat.started` tells.
    pub channel_kind: Option<String>,
    /// WotNot's numbers of the channel; without them, those of its web channel for `web` and zeros for others.
    pub channel_codes: Option<ChannelCodes>,
    /// The chat.
    pub conversation: Conversation,
    /// The workspace.
    pub account: Account,
    /// The customer.
    pub visitor: Visitor,
    /// The customer's stay on the site, told when a conversation begins.
    pub visit: Visit,
    /// Agents, bots and programs, by the id that authors have. Who is missing is told by what the id says.
    pub people: BTreeMap<String, Person>,
    /// The numbers of labels, by name; others are derived of the name.
    pub label_ids: BTreeMap<String, u64>,
    /// The `data` of the event that a response answers: the form, or the message with the pressed button.
    pub prompt: Option<Value>,
}

/// What something was called by WotNot before it came to us. It is told as it is, if it has WotNot's shape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownAs {
    /// Its key.
    pub key: Option<String>,
    /// Its number.
    pub id: Option<u64>,
}

/// WotNot's numbers of a channel; the page does not say what they mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChannelCodes {
    /// `channel.name`.
    pub name: u64,
    /// `channel.provider`.
    pub provider: u64,
}

/// The chat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversation {
    /// Its key and number there.
    pub known_as: KnownAs,
    /// When the chat began; its second is part of the key.
    pub created_at: Option<Timestamp>,
    /// What agents see as its name; without it, `Visitor - ` with a letter and five digits.
    pub title: Option<String>,
    /// The id of the agent that has it; without one, its bot does.
    pub assignee: Option<String>,
    /// Where agents read it.
    pub url: String,
}

/// The workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// Its key and number there.
    pub known_as: KnownAs,
    /// Its name, told as who made the contact.
    pub name: String,
    /// The bot of the chat's channel; without one, the channel itself stands for it.
    pub bot: Option<String>,
    /// The number of that bot there.
    pub bot_id: Option<u64>,
}

/// The customer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Visitor {
    /// Their key and number there.
    pub known_as: KnownAs,
    /// Their id; without it, what the event tells, and last the chat's.
    pub customer: Option<CustomerId>,
    /// What they call themselves.
    pub name: String,
    /// Their mail address.
    pub email: String,
    /// Their telephone number.
    pub phone: String,
    /// Whether they came for the first time; what `chat.started` tells comes first.
    pub is_new: bool,
    /// What is kept about them, told as `visitor_` and the name when a conversation begins.
    pub variables: BTreeMap<String, Value>,
}

/// A stay on a site. What is not known is told as an empty text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visit {
    /// The browser with its version, as `Chrome 116 (116.0.0.0)`.
    pub browser: String,
    /// Its language, as `en-GB`.
    pub browser_language: String,
    /// The operating system.
    pub os: String,
    /// The time zone by its IANA name.
    pub timezone: String,
    /// The address that they came from.
    pub ip_address: String,
    /// The page of others that led here.
    pub referrer_url: String,
    /// The page on which they write.
    pub source_url: String,
}

/// An agent, a bot or a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// Their mail address; without it, their id where that is one.
    pub email: Option<String>,
    /// Their number there.
    pub id: Option<u64>,
    /// Whether they are a program, though they appear as an agent.
    pub is_bot: bool,
}
