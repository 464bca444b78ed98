//! The lasting conversation with one customer, on one channel.
//!
//! A chat is `open` while it has an active thread. The thread's number and the control lease live apart: the number in
//! the store's append, the lease in [`crate::Control`], so that an ordinary message changes no document at all.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{AgentId, ChannelId, ChatId, CustomerId, GroupName, ThreadId, Timestamp};

/// One conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chat {
    /// Its id.
    pub id: ChatId,
    /// The connection that it runs over.
    pub channel: ChannelId,
    /// The outside service's own name for it: what the channel sends to.
    pub address: String,
    /// The person on the other side.
    pub customer: CustomerId,
    /// Open or closed.
    pub status: ChatStatus,
    /// The active thread, or the last one.
    pub thread: ThreadId,
    /// The team that owns it.
    #[serde(default)]
    pub group: Option<GroupName>,
    /// The agent that owns it.
    #[serde(default)]
    pub assignee: Option<AgentId>,
    /// Labels on it.
    #[serde(default)]
    pub labels: BTreeSet<String>,
    /// Variables that bots and agents keep on it.
    #[serde(default)]
    pub variables: BTreeMap<String, Value>,
    /// When it began.
    pub created_at: Timestamp,
}

/// Whether a chat has an active thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatStatus {
    /// It has one.
    Open,
    /// It has none; the next message opens a new one.
    Closed,
}
