//! One event owed to one destination (an endpoint, or the customer by way of a channel), with every attempt.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ChannelId, ChatId, DeliveryId, EndpointId, EventId, Seq, Timestamp};

/// To whom an event is owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Destination {
    /// A webhook's receiver.
    Endpoint {
        /// Which one.
        id: EndpointId,
    },
    /// The customer, by way of a channel.
    Channel {
        /// Which one.
        id: ChannelId,
    },
}

impl Destination {
    /// The UUID of whichever it is.
    pub const fn uuid(self) -> uuid::Uuid {
        match self {
            Self::Endpoint { id } => id.uuid(),
            Self::Channel { id } => id.uuid(),
        }
    }
}

impl DeliveryId {
    /// The id of the delivery of one event to one destination: always the same for the same pair, so that a second run
    /// of a step finds the first one's; and in the order of the events, so that a lane is read in order.
    ///
    /// A UUID version 8 (RFC 9562): 48 bits of the event's number, then 74 bits of the destination's id.
    pub fn of(seq: Seq, to: Destination) -> Self {
        let [.., s2, s3, s4, s5, s6, s7] = seq.0.to_be_bytes();
        let [_, _, _, _, _, _, d6, d7, d8, d9, d10, d11, d12, d13, d14, d15] =
            to.uuid().into_bytes();
        let bytes = [s2, s3, s4, s5, s6, s7, d6, d7, d8, d9, d10, d11, d12, d13, d14, d15];
        Self::new(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

/// One event owed to one destination.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Delivery {
    /// Its id, made of the event and the destination: [`DeliveryId::of`].
    pub id: DeliveryId,
    /// To whom.
    pub to: Destination,
    /// What: to an endpoint, the id goes out as `webhook-id`.
    pub event: EventId,
    /// The event's number in the workspace.
    pub seq: u64,
    /// The event's type.
    pub event_type: String,
    /// The lane: deliveries of one chat go out in order.
    #[serde(default)]
    pub chat: Option<ChatId>,
    /// What goes out, where it cannot be made of the event alone: decided before the first try, and the same at each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided: Option<Value>,
    /// How it stands.
    pub status: DeliveryStatus,
    /// Every try, oldest first; the last [`ATTEMPTS_KEPT_MAX`].
    pub attempts: Vec<Attempt>,
    /// How many tries there were in all.
    pub tries: u32,
    /// How many of its parts were taken: a long message goes out in several.
    #[serde(default)]
    pub parts_taken: u32,
    /// When the next try is due.
    #[serde(default)]
    pub next_at: Option<Timestamp>,
}

/// How many attempts a delivery keeps.
pub const ATTEMPTS_KEPT_MAX: usize = 20;

/// How a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// It waits for its turn or its next try.
    Pending,
    /// The receiver took it.
    Delivered,
    /// Every try failed.
    Failed,
}

/// One try.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// The receiver's HTTP status, if it answered.
    #[serde(default)]
    pub status: Option<u16>,
    /// Why there was no answer.
    #[serde(default)]
    pub error: Option<String>,
    /// The head of the receiver's answer, as text.
    #[serde(default)]
    pub answer: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_the_events_and_tell_destinations_apart() {
        let endpoint =
            |n: u128| Destination::Endpoint { id: EndpointId::new(uuid::Uuid::from_u128(n)) };
        assert_eq!(DeliveryId::of(Seq(7), endpoint(1)), DeliveryId::of(Seq(7), endpoint(1)));
        assert_ne!(DeliveryId::of(Seq(7), endpoint(1)), DeliveryId::of(Seq(7), endpoint(2)));
        assert!(DeliveryId::of(Seq(255), endpoint(9)) < DeliveryId::of(Seq(256), endpoint(1)));
        assert!(
            DeliveryId::of(Seq(65_535), endpoint(9)) < DeliveryId::of(Seq(65_536), endpoint(1))
        );
    }
}
