//! What was given up, and what follows it: nobody is left to find out by a gap.
//!
//! When the head of a chat is given up, as its schedule is through, the chat goes on. The next delivery of it bears a mark
//! ([`tidings_model::delivery::Skipped`]), which goes out with it; and the log tells how many were given up, once in
//! [`NOTICE_INTERVAL`] for an endpoint.

use std::collections::HashSet;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidings_model::delivery::Skipped;
use tidings_model::{Delivery, DeliveryStatus, EndpointId, Timestamp};
use uuid::Uuid;

use super::health::Sign;
use crate::pipeline::tries::later;

/// The type of the notice. What it tells of is never one of these: a dead receiver that hears of it would never rest.
pub(super) const NOTICE: &str = "endpoint.delivery_failed";

/// How often at most the log is told of one endpoint.
const NOTICE_INTERVAL: Duration = Duration::from_secs(60);

/// How many chats may have something skipped that was not told yet; the longest known go first.
const LANES_MAX: usize = 1_000;

/// What was given up of an endpoint's chats.
#[derive(Debug, Default)]
pub(super) struct GivenUp {
    lanes: Vec<SkippedLane>,
    /// Of how many the log was not told, and the last of them.
    untold: Option<(u64, Value)>,
    told_at: Option<Timestamp>,
}

/// A chat of which something was skipped that its next delivery tells.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SkippedLane {
    pub(super) lane: Uuid,
    pub(super) skipped: Skipped,
}

impl GivenUp {
    /// As it was kept.
    pub(super) fn of(lanes: Vec<SkippedLane>) -> Self {
        Self { lanes, ..Self::default() }
    }

    /// What is kept.
    pub(super) fn kept(&self) -> Vec<SkippedLane> {
        self.lanes.clone()
    }

    /// What was skipped of a chat before its next delivery.
    pub(super) fn before(&self, lane: Uuid) -> Option<Skipped> {
        self.lanes.iter().find(|known| known.lane == lane).map(|known| known.skipped)
    }

    /// The chats whose next delivery tells of something.
    pub(super) fn marked(&self) -> HashSet<Uuid> {
        self.lanes.iter().map(|known| known.lane).collect()
    }

    /// Notes how a try ended.
    pub(super) fn note(&mut self, lane: Uuid, delivery: &Delivery, sign: Sign) {
        match delivery.status {
            DeliveryStatus::Pending => {}
            DeliveryStatus::Delivered => self.lanes.retain(|known| known.lane != lane),
            // Who wants nothing any more misses nothing.
            DeliveryStatus::Failed if sign == Sign::Gone => {}
            DeliveryStatus::Failed => {
                // What stands alone is followed by nothing.
                if delivery.chat.is_some_and(|chat| chat.uuid() == lane) {
                    self.skip(lane, delivery);
                }
                self.tell_of(delivery);
            }
        }
    }

    fn skip(&mut self, lane: Uuid, delivery: &Delivery) {
        let count = self.before(lane).map_or(0, |before| before.count).saturating_add(1);
        self.lanes.retain(|known| known.lane != lane);
        if self.lanes.len() == LANES_MAX {
            self.lanes.remove(0);
        }
        self.lanes.push(SkippedLane { lane, skipped: Skipped { count, last: delivery.event } });
    }

    fn tell_of(&mut self, delivery: &Delivery) {
        if delivery.event_type == NOTICE {
            return;
        }
        let count = self.untold.as_ref().map_or(0, |(count, _)| *count) + 1;
        let mut last = json!({ "event": delivery.event, "event_type": delivery.event_type });
        let tried = delivery.attempts.last();
        if let (Some(fields), Some(tried)) = (last.as_object_mut(), tried) {
            if let Some(status) = tried.status {
                fields.insert("status".into(), status.into());
            }
            if let Some(code) = &tried.code {
                fields.insert("code".into(), code.clone().into());
            }
            if let Some(error) = &tried.error {
                fields.insert("error".into(), error.clone().into());
            }
        }
        self.untold = Some((count, last));
    }

    /// When the log is to be told, if it is.
    pub(super) fn notice_due(&self, now: Timestamp) -> Option<Timestamp> {
        self.untold.as_ref()?;
        Some(self.told_at.map_or(now, |told_at| later(told_at, NOTICE_INTERVAL)))
    }

    /// What the log is told now, if it is time, or the last time to tell it.
    pub(super) fn notice(
        &mut self,
        endpoint: EndpointId,
        now: Timestamp,
        ends: bool,
    ) -> Option<Value> {
        let is_time = self.notice_due(now).is_some_and(|due| ends || due <= now);
        let (count, mut data) = self.untold.take_if(|_| is_time)?;
        self.told_at = Some(now);
        let fields = data.as_object_mut()?;
        fields.insert("endpoint".into(), json!(endpoint));
        fields.insert("count".into(), count.into());
        Some(data)
    }
}

#[cfg(test)]
mod tests {
    use tidings_model::{Attempt, ChatId, Destination, EventId};

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).expect("a time")
    }

    fn delivery(number: u128, chat: Option<Uuid>, status: DeliveryStatus) -> Delivery {
        let to = Destination::Endpoint { id: EndpointId::new(Uuid::nil()) };
        Delivery {
            id: tidings_model::DeliveryId::new(Uuid::from_u128(number)),
            to,
            event: EventId::new(Uuid::from_u128(number)),
            seq: 1,
            event_type: "chat.message".into(),
            chat: chat.map(ChatId::new),
            decided: None,
            skipped: None,
            status,
            reason: None,
            attempts: vec![Attempt { status: Some(500), ..Attempt::at(at(0)) }],
            tries: 1,
            parts_taken: 0,
            next_at: None,
        }
    }

    #[test]
    fn the_next_of_a_chat_is_told_until_it_is_taken() {
        let (lane, other) = (Uuid::from_u128(7), Uuid::from_u128(8));
        let mut given_up = GivenUp::default();
        for number in 1..=2 {
            let failed = delivery(number, Some(lane), DeliveryStatus::Failed);
            given_up.note(lane, &failed, Sign::Failed);
        }
        given_up.note(other, &delivery(3, None, DeliveryStatus::Failed), Sign::Failed);
        given_up.note(other, &delivery(4, None, DeliveryStatus::Failed), Sign::Gone);
        let last = EventId::new(Uuid::from_u128(2));
        assert_eq!(given_up.before(lane), Some(Skipped { count: 2, last }));
        assert_eq!(given_up.before(other), None, "nothing follows what stands alone");
        let mut given_up = GivenUp { lanes: GivenUp::of(given_up.kept()).lanes, ..given_up };
        given_up.note(lane, &delivery(5, Some(lane), DeliveryStatus::Delivered), Sign::Took);
        assert_eq!(given_up.before(lane), None);
        let data = given_up.notice(EndpointId::new(Uuid::nil()), at(0), false).expect("a notice");
        assert_eq!((&data["count"], &data["status"]), (&json!(3), &json!(500)));
    }

    #[test]
    fn the_log_is_told_once_a_minute_with_how_many_there_were() {
        let endpoint = EndpointId::new(Uuid::nil());
        let mut given_up = GivenUp::default();
        assert_eq!(given_up.notice(endpoint, at(0), true), None);
        let failed = delivery(1, None, DeliveryStatus::Failed);
        given_up.note(Uuid::nil(), &failed, Sign::Failed);
        assert!(given_up.notice(endpoint, at(0), false).is_some());
        for _ in 0..3 {
            given_up.note(Uuid::nil(), &failed, Sign::Failed);
        }
        assert_eq!(given_up.notice(endpoint, at(59), false), None);
        assert_eq!(given_up.notice_due(at(59)), Some(at(60)));
        let data = given_up.notice(endpoint, at(60), false).expect("a notice");
        assert_eq!(data["count"], 3);
        let mut of_notice = failed;
        of_notice.event_type = NOTICE.into();
        given_up.note(Uuid::nil(), &of_notice, Sign::Failed);
        assert_eq!(given_up.notice(endpoint, at(500), true), None);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut given_up = GivenUp::default();
        for number in 0..LANES_MAX as u128 + 5 {
            let lane = Uuid::from_u128(number);
            let failed = delivery(number, Some(lane), DeliveryStatus::Failed);
            given_up.note(lane, &failed, Sign::Failed);
        }
        assert_eq!(given_up.kept().len(), LANES_MAX);
        assert_eq!(given_up.before(Uuid::from_u128(4)), None);
    }
}
