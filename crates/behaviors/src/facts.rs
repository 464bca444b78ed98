//! What a behavior sees, and what comes in from outside so that a turn repeats itself.

use serde_json::{Map, Value};
use tidings_model::{Shows, Timestamp};
use uuid::Uuid;

/// What a behavior sees, as JSON values, by the names that templates use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// `event`: the data of the event.
    pub event: Value,
    /// `meta`: the event's envelope without its data (`meta.type`, `meta.author.kind`, `meta.time`, ...), and
    /// `meta.channel_kind`.
    pub meta: Value,
    /// `chat`: id, status, labels, variables, group, assignee, agents, watchers, channel, customer (its id), `created_at`, and
    /// its variables by their names; null outside a chat.
    pub chat: Value,
    /// `customer`: id, name, email, `phone_number`, language, `created_at`; null when there is none.
    pub customer: Value,
    /// `session`: what this bot keeps for this chat's session.
    pub session: Map<String, Value>,
    /// `client`: what this bot keeps about this customer.
    pub client: Map<String, Value>,
    /// What the chat's channel can show of a question. No name for templates: a bot's text is for all channels.
    pub shows: Shows,
}

/// What comes in from outside, so that the same turn can be made again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seeds {
    /// The time now.
    pub now: Timestamp,
    /// The id of a run that starts.
    pub run: Uuid,
    /// The seed of everything random.
    pub random: u64,
}
