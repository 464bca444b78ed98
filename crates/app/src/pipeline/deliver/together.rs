//! The first try of several events in one request, for endpoints that asked for batches.
//!
//! It is taken or fails as a whole. When it fails, the first event of each of its chats bears the failure and parks its
//! chat; from then on that chat's events are tried one by one until it has caught up. So one event that a receiver never
//! takes holds up its own chat only, and costs a row, as a single one does. Who comes again after a crash sends the same
//! events again, maybe not in the same requests.

use std::collections::BTreeSet;
use std::sync::Arc;

use tidings_model::{Delivery, DeliveryStatus, Event, Seq, Timestamp};
use uuid::Uuid;

use super::health::Sign;
use super::post::post_together;
use super::step::{Desk, Written};
use crate::nodes::hold;
use crate::pipeline::reader::StepFailed;
use crate::pipeline::scene::Seen;

/// How a try of several events ended.
#[derive(Debug)]
pub(super) struct EndedTogether {
    /// What is to be written, each with its lane.
    pub(super) written: Vec<(Uuid, Written)>,
    /// What it says of the receiver.
    pub(super) sign: Sign,
    /// The lanes that wait for another try, each with its head.
    pub(super) parks: Vec<(Uuid, Seq, Timestamp)>,
}

impl Desk {
    /// Tries events for the first time, together, each with its lane. They are in the order of the log.
    pub(super) async fn first_together(
        &self,
        events: &[(Uuid, Arc<Event>)],
    ) -> Result<EndedTogether, StepFailed> {
        let (mut lanes, mut wanted): (Vec<Uuid>, Vec<&Event>) = (Vec::new(), Vec::new());
        for (lane, event) in events {
            if self.subscriber.wish.is_for(&self.app, &self.directory, event).await? {
                lanes.push(*lane);
                wanted.push(event);
            }
        }
        let mut ended = EndedTogether { written: Vec::new(), sign: Sign::None, parks: Vec::new() };
        if wanted.is_empty() {
            return Ok(ended);
        }
        hold::may_go_out()?;
        let tried = post_together(&self.app, &self.subscriber, &wanted).await;
        ended.sign = Sign::of(tried.outcome);
        let mut parked = BTreeSet::new();
        for (lane, event) in lanes.into_iter().zip(wanted) {
            if parked.contains(&lane) {
                // It waits behind its head, untried.
                continue;
            }
            let mut delivery = Delivery::untried(event, self.to());
            let again_at = self.note(&mut delivery, tried.clone());
            if let Some(again_at) = again_at {
                parked.insert(lane);
                ended.parks.push((lane, event.seq, again_at));
            }
            let has_own = delivery.status != DeliveryStatus::Delivered;
            let delivery = Seen::absent(delivery);
            ended.written.push((lane, Written { delivery, has_own }));
        }
        Ok(ended)
    }
}
