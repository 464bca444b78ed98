//! The person on the other side, with one identity per channel. Identities of different channels are never merged by
//! themselves.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{ChannelId, CustomerId, Timestamp};

/// A person on the other side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Customer {
    /// Their id.
    pub id: CustomerId,
    /// What they call themselves, where the channel tells.
    #[serde(default)]
    pub name: Option<String>,
    /// Their language as a BCP 47 tag, where the channel tells.
    #[serde(default)]
    pub language: Option<String>,
    /// By which names the channels know them.
    pub identities: Vec<Identity>,
    /// What bots keep about them: `client.*` in templates.
    #[serde(default)]
    pub data: Map<String, Value>,
    /// When they first came.
    pub created_at: Timestamp,
}

/// By which name one channel knows a customer.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// The channel.
    pub channel: ChannelId,
    /// The outside service's id of the person.
    pub id: String,
}
