//! What became of messages, written down; and the lanes that wait for another try.

use serde_json::Value;
use tidings_model::{ChannelId, ChatId, Delivery, DeliveryStatus, Destination, Event, Timestamp};
use tidings_store::{Batch, DocKey, Kind, Put, TimerChange, TimerName};

use super::NAME;
use super::follow_up::follow_up;
use super::sending::Tried;
use crate::App;
use crate::pipeline::reader::Lane;
use crate::pipeline::scene::Seen;
use crate::pipeline::tries::{self, Schedule};

/// Notes a try, and adds to the batch what follows from it. Returns whether the lane goes on with what comes next.
pub(super) fn note(
    app: &App,
    event: &Event,
    delivery: &mut Delivery,
    tried: &Tried,
    batch: &mut Batch,
) -> bool {
    let of = (tried.attempt.clone(), tried.outcome);
    tries::note(app, NAME, delivery, of, Schedule::INSTALLATION);
    delivery.parts_taken = tried.parts_taken;
    if let Some(next_at) = delivery.next_at {
        batch.timers.push(set_timer(lane_of(delivery), next_at));
    }
    follow_up(app, event, delivery, tried, batch);
    delivery.next_at.is_none()
}

/// The write of a delivery's document, with the entries that it is found by.
pub(super) fn put(seen: &Seen<Delivery>) -> Put {
    let delivery = &seen.value;
    let to = delivery.to.uuid();
    let status = delivery.status.as_str();
    let mut index = vec![
        ("to", to.to_string()),
        ("status", status.into()),
        ("to_status", format!("{to}:{status}")),
    ];
    if delivery.status == DeliveryStatus::Pending && !is_untried(delivery) {
        index.push(("lane", lane_text(lane_of(delivery))));
        index.push(("parked", NAME.into()));
    }
    seen.put(DocKey::new(Kind::Delivery, delivery.id), index)
}

/// The write of a delivery that only its step writes, whatever is there: the step may run again.
pub(super) fn put_first(seen: &Seen<Delivery>) -> Put {
    Put { expected: None, ..put(seen) }
}

/// Whether nothing was done with a delivery but to write it down: its reader comes to it.
pub(super) fn is_untried(delivery: &Delivery) -> bool {
    delivery.status == DeliveryStatus::Pending && delivery.next_at.is_none()
}

/// The lane of a delivery: its chat's.
pub(super) fn lane_of(delivery: &Delivery) -> Lane {
    let of = delivery.chat.map_or_else(|| delivery.event.uuid(), ChatId::uuid);
    Lane { of, to: Some(delivery.to) }
}

/// The entry by which what waits in a lane is found.
pub(super) fn lane_text(lane: Lane) -> String {
    match lane.to {
        Some(to) => format!("channel:{}:{}", to.uuid(), lane.of),
        None => lane.of.to_string(),
    }
}

/// Sets the timer that takes up a parked lane.
pub(super) fn set_timer(lane: Lane, due: Timestamp) -> TimerChange {
    let name = TimerName(format!("{NAME}:{}", lane_text(lane)));
    TimerChange::Set { name, due, body: Value::Null }
}

/// The lane that a timer takes up, and its channel.
pub(super) fn lane_of_timer(name: &TimerName) -> Option<(Lane, ChannelId)> {
    let mut parts = name.0.strip_prefix(NAME)?.strip_prefix(":channel:")?.split(':');
    let id = ChannelId::new(parts.next()?.parse().ok()?);
    let of = parts.next()?.parse().ok()?;
    Some((Lane { of, to: Some(Destination::Channel { id }) }, id))
}
