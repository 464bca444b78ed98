//! One event owed to one destination (an endpoint, or the customer by way of a channel), with every attempt.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{ChannelId, ChatId, DeliveryId, EndpointId, Event, EventId, Seq, Timestamp};

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

    /// The number of the event whose delivery has this id.
    pub fn seq(self) -> Seq {
        let [s2, s3, s4, s5, s6, s7, ..] = self.uuid().into_bytes();
        Seq(u64::from_be_bytes([0, 0, s2, s3, s4, s5, s6, s7]))
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
    /// What of its chat was given up right before it: its receiver is told with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Skipped>,
    /// How it stands.
    pub status: DeliveryStatus,
    /// Why it failed, where no try says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Every try, oldest first; the last [`ATTEMPTS_KEPT_MAX`].
    pub attempts: Vec<Attempt>,
    /// How many tries there were in all.
    pub tries: u32,
    /// How many of its parts were taken: a long message goes out in several.
    #[serde(default, skip_serializing_if = "none_taken")]
    pub parts_taken: u32,
    /// When the next try is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
}

/// What of a chat was given up right before a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// How many events.
    pub count: u32,
    /// The last of them.
    pub last: EventId,
}

impl Delivery {
    /// What is owed to somebody of whom nothing was tried yet.
    pub fn untried(event: &Event, to: Destination) -> Self {
        Self {
            id: DeliveryId::of(event.seq, to),
            to,
            event: event.id,
            seq: event.seq.0,
            event_type: event.event_type.to_string(),
            chat: event.chat,
            decided: None,
            skipped: None,
            status: DeliveryStatus::Pending,
            reason: None,
            attempts: Vec::new(),
            tries: 0,
            parts_taken: 0,
            next_at: None,
        }
    }

    /// Notes a try; the oldest one goes when there are too many.
    pub fn add(&mut self, attempt: Attempt) {
        self.attempts.push(attempt);
        let surplus = self.attempts.len().saturating_sub(ATTEMPTS_KEPT_MAX);
        self.attempts.drain(..surplus);
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
const fn none_taken(parts: &u32) -> bool {
    *parts == 0
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

impl DeliveryStatus {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }
}

/// Deliveries to one endpoint that were taken at their first try.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DeliveryPage<D = Delivery> {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// They, in the order in which they were taken.
    pub deliveries: Vec<D>,
}

/// One try. What is not there is left out: most deliveries are taken at once, and many share a page.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// When it began.
    pub at: Timestamp,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// How long its parts took.
    #[serde(default, skip_serializing_if = "AttemptPhases::is_empty")]
    pub phases: AttemptPhases,
    /// The address that it was connected to; not a proxy's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<IpAddr>,
    /// The receiver's HTTP status, if it answered.
    #[serde(default)]
    pub status: Option<u16>,
    /// Why it was not taken: a stable code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// In which part it failed, if there was no answer: a name of [`AttemptPhases`], or `body`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_in: Option<String>,
    /// Why there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The head of the receiver's answer, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

impl Attempt {
    /// One that began now; how it went is not said yet.
    pub const fn at(at: Timestamp) -> Self {
        Self {
            at,
            duration_ms: 0,
            phases: AttemptPhases::NONE,
            ip: None,
            status: None,
            code: None,
            failed_in: None,
            error: None,
            answer: None,
        }
    }
}

/// How long the parts of a try took, in microseconds. A part that was not there has no time: over a connection that was
/// kept there are only the last two.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttemptPhases {
    /// From the name to its addresses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dns: Option<u32>,
    /// Until the connection stood.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connect: Option<u32>,
    /// The handshake of TLS.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<u32>,
    /// From having a connection until the head of the answer was there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_byte: Option<u32>,
    /// From the beginning to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<u32>,
}

impl AttemptPhases {
    /// Nothing was measured.
    pub const NONE: Self =
        Self { dns: None, connect: None, tls: None, first_byte: None, total: None };

    fn is_empty(&self) -> bool {
        *self == Self::NONE
    }
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
        assert_eq!(DeliveryId::of(Seq(70_000), endpoint(1)).seq(), Seq(70_000));
        assert!(DeliveryId::of(Seq(255), endpoint(9)) < DeliveryId::of(Seq(256), endpoint(1)));
        assert!(
            DeliveryId::of(Seq(65_535), endpoint(9)) < DeliveryId::of(Seq(65_536), endpoint(1))
        );
    }

    /// A line of a page: many are written each second.
    #[test]
    fn an_attempt_that_was_taken_says_little() {
        let at: Timestamp = "2026-11-22T10:00:00.123456Z".parse().expect("a time");
        let mut attempt = Attempt { duration_ms: 1, status: Some(204), ..Attempt::at(at) };
        attempt.phases =
            AttemptPhases { first_byte: Some(812), total: Some(1_034), ..AttemptPhases::NONE };
        attempt.ip = Some(IpAddr::from([203, 0, 113, 7]));
        let written = serde_json::to_string(&attempt).expect("JSON");
        assert_eq!(
            written,
            r#"{"at":"2026-11-22T10:00:00.123456Z","duration_ms":1,"phases":{"first_byte":812,"total":1034},"ip":"203.0.113.7","status":204}"#
        );
        let back: Attempt = serde_json::from_str(&written).expect("an attempt");
        assert_eq!(back, attempt);
        let older = r#"{"at":"2026-11-22T10:00:00Z","duration_ms":41,"status":503,"error":null,"answer":"no"}"#;
        let older: Attempt = serde_json::from_str(older).expect("an attempt of an older release");
        assert_eq!((older.status, older.phases), (Some(503), AttemptPhases::NONE));
    }
}
