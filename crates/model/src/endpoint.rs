//! An address that subscribed to events.

use serde::{Deserialize, Serialize};

use crate::{EndpointId, Timestamp};

/// An address that subscribed to events.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its id.
    pub id: EndpointId,
    /// Where deliveries go.
    pub url: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// The types and aliases that it wants; empty means all.
    #[serde(default)]
    pub events: Vec<String>,
    /// Whether deliveries are made.
    pub enabled: bool,
    /// Why it was switched off, when Tidings did it.
    #[serde(default)]
    pub disabled_reason: Option<String>,
    /// The signing secret, sealed with the installation's key.
    pub sealed_secret: String,
    /// When it was made. Events from before are not owed.
    pub created_at: Timestamp,
    /// The last event that was there when it was made; deliveries begin after it.
    pub after_seq: u64,
}
