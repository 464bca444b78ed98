//! What came in, in our words.

use serde_json::{Map, Value};
use tidings_model::{Timestamp, TypeName};

/// One thing that came in over a channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Arrival {
    /// The provider's own id of the delivery: taken as a claim in the commit, so a second copy changes nothing.
    pub provider_id: String,
    /// What happened.
    pub event_type: TypeName,
    /// Its data, as the type's schema in the catalogue says.
    pub data: Value,
    /// When it happened, by the provider's clock.
    pub time: Timestamp,
    /// The conversation, by the provider's name: where an answer goes. `None` for what concerns the channel as a whole.
    pub address: Option<String>,
    /// The person who did it.
    pub sender: Option<Sender>,
    /// The provider's id of the message, for edits, replies and statuses; kept as `custom_id`.
    pub custom_id: Option<String>,
    /// Files to copy before the event is accepted.
    pub files: Vec<RemoteFile>,
    /// The provider's id of an album: arrivals of one album become one event.
    pub album: Option<String>,
    /// What the provider said, untouched: kept as `properties.raw`.
    pub raw: Map<String, Value>,
}

/// The person who did it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sender {
    /// The provider's id of the person.
    pub id: String,
    /// Their name.
    pub name: Option<String>,
    /// Their language as a BCP 47 tag.
    pub language: Option<String>,
    /// Whether the provider says that it is a bot.
    pub is_bot: bool,
}

/// A file that is still with the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteFile {
    /// The provider's handle, to ask for it.
    pub handle: String,
    /// Where in `data` its description stands, as a JSON pointer; `url`, `content_type` and `size` are written there.
    pub pointer: String,
    /// Its size in bytes, where the provider says so.
    pub size: Option<u64>,
    /// Its name, where the provider says so.
    pub name: Option<String>,
}
