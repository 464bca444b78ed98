//! One step of an endpoint's reader: a first try, another one, or a look at what a parked lane owes next.

use std::sync::Arc;

use serde_json::Value;
use tidings_model::delivery::Skipped;
use tidings_model::{
    ChatId, Delivery, DeliveryId, DeliveryStatus, Destination, Event, Ordering, Seq, Timestamp,
};
use tidings_store::{Batch, DocKey, EventQuery, Kind, ReadError};
use uuid::Uuid;

use super::health::Sign;
use super::post::{Tried, post};
use super::prepared::Form;
use super::{record, wotnot};
use crate::App;
use crate::desk::webhooks::payload;
use crate::directory::{Directory, Subscriber};
use crate::nodes::hold;
use crate::pipeline::reader::StepFailed;
use crate::pipeline::scene::{Seen, seen};
use crate::pipeline::tries::{self, Schedule};

/// How many events of a parked lane one look reads.
const LANE_LOOK_EVENTS: usize = 100;

/// What a step needs.
#[derive(Clone)]
pub(super) struct Desk {
    pub(super) app: Arc<App>,
    pub(super) directory: Arc<Directory>,
    pub(super) subscriber: Arc<Subscriber>,
    /// Whether a failure is charged to the delivery.
    pub(super) charges: bool,
    /// What of its chat was given up before what is tried for the first time.
    pub(super) skipped: Option<Skipped>,
}

/// How a try ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// What is to be written, if it was owed at all.
    pub(super) written: Option<Written>,
    /// What it says of the receiver.
    pub(super) sign: Sign,
    /// When it is to be tried again; its lane waits for it.
    pub(super) again_at: Option<Timestamp>,
}

/// What is to be written of a delivery.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) delivery: Seen<Delivery>,
    /// Whether it has a document of its own.
    pub(super) has_own: bool,
}

impl Ended {
    const NOTHING_OWED: Self = Self { written: None, sign: Sign::None, again_at: None };
}

/// What a parked lane owes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sought {
    /// This event.
    Next(Seq),
    /// Nothing, up to here.
    Nothing(Seq),
}

/// The lane of an event: its chat's, or its own.
pub(super) fn lane_of(event: &Event, ordering: Ordering) -> Uuid {
    match (ordering, event.chat) {
        (Ordering::ByChat, Some(chat)) => chat.uuid(),
        (Ordering::ByChat, None) | (Ordering::None, _) => event.id.uuid(),
    }
}

impl Desk {
    /// Tries an event for the first time. Who comes again after a crash sends the same again.
    pub(super) async fn first(&self, event: &Arc<Event>) -> Result<Ended, StepFailed> {
        if !self.subscriber.wish.is_for(&self.app, &self.directory, event).await? {
            return Ok(Ended::NOTHING_OWED);
        }
        if !self.subscriber.is_decided() {
            let untried = Delivery::untried(event, self.to());
            let delivery = Delivery { skipped: self.skipped, ..untried };
            return self.attempt(event, Seen::absent(delivery), false).await;
        }
        let known = self.known(event.seq).await?;
        let delivery = match known {
            Some(known) => known,
            None => match self.decide(event).await? {
                None => return Ok(Ended::NOTHING_OWED),
                Some(decided) => self.write_decided(event, decided).await?,
            },
        };
        if delivery.value.status != DeliveryStatus::Pending {
            return Ok(Ended::NOTHING_OWED);
        }
        self.attempt(event, delivery, true).await
    }

    /// Tries the head of a parked lane. Somebody may have asked for it by hand, or given it up, meanwhile.
    pub(super) async fn again(&self, head: Seq) -> Result<Ended, StepFailed> {
        let known = self.known(head).await?;
        if known.as_ref().is_some_and(|known| known.value.status != DeliveryStatus::Pending) {
            return Ok(Ended::NOTHING_OWED);
        }
        let event = self.event(head).await?;
        match (event, known) {
            (Some(event), None) => self.first(&event).await,
            (Some(event), Some(known)) => self.attempt(&event, known, true).await,
            (None, None) => Ok(Ended::NOTHING_OWED),
            (None, Some(mut known)) => {
                // It was forgotten before it was taken.
                known.value.status = DeliveryStatus::Failed;
                known.value.next_at = None;
                let written = Some(Written { delivery: known, has_own: true });
                Ok(Ended { written, ..Ended::NOTHING_OWED })
            }
        }
    }

    /// What a lane owes after its head, of what was looked at.
    pub(super) async fn seek(
        &self,
        head: Seq,
        lane: Uuid,
        up_to: Seq,
    ) -> Result<Sought, StepFailed> {
        let mut after = head;
        while after < up_to {
            let query = EventQuery {
                after,
                limit: LANE_LOOK_EVENTS,
                chat: Some(ChatId::new(lane)),
                ..EventQuery::default()
            };
            let workspace = self.directory.workspace();
            let events = self.app.store.events(workspace, query).await?;
            // Large envelopes make a look short: only an empty one is the end.
            if events.is_empty() {
                break;
            }
            for event in &events {
                if event.seq > up_to {
                    return Ok(Sought::Nothing(up_to));
                }
                if self.directory.wants(&self.subscriber, event) {
                    return Ok(Sought::Next(event.seq));
                }
                after = event.seq;
            }
        }
        Ok(Sought::Nothing(up_to))
    }

    pub(super) async fn event(&self, seq: Seq) -> Result<Option<Arc<Event>>, ReadError> {
        let query =
            EventQuery { after: Seq(seq.0.saturating_sub(1)), limit: 1, ..EventQuery::default() };
        let events = self.app.store.events(self.directory.workspace(), query).await?;
        Ok(events.into_iter().next().filter(|event| event.seq == seq))
    }

    pub(super) async fn known(&self, seq: Seq) -> Result<Option<Seen<Delivery>>, ReadError> {
        let key = DocKey::new(Kind::Delivery, DeliveryId::of(seq, self.to()));
        let found = self.app.store.document(self.directory.workspace(), &key).await?;
        found.map(seen).transpose()
    }

    /// The endpoint, as one to whom something is owed.
    pub(super) fn to(&self) -> Destination {
        Destination::Endpoint { id: self.subscriber.endpoint.value.id }
    }

    /// What goes out, where it is made of more than the event; nothing, if it is not owed.
    pub(super) async fn decide(&self, event: &Arc<Event>) -> Result<Option<Value>, ReadError> {
        let endpoint = &self.subscriber.endpoint.value;
        match self.subscriber.prepared.as_ref().map(|prepared| &prepared.form) {
            Ok(Form::Wotnot { framing, extensions }) => {
                wotnot::decide(&self.app, &self.directory, event, (*framing, *extensions)).await
            }
            Ok(_) | Err(_) => payload::decide(&self.app, &self.directory, event, endpoint).await,
        }
    }

    /// Writes down what goes out before anything does: what it is made of changes until the next try.
    async fn write_decided(
        &self,
        event: &Event,
        decided: Value,
    ) -> Result<Seen<Delivery>, StepFailed> {
        let delivery = Delivery::untried(event, self.to());
        let (decided, skipped) = (Some(decided), self.skipped);
        let delivery = Seen::absent(Delivery { decided, skipped, ..delivery });
        let mut batch = Batch::new(event.workspace);
        batch.puts.push(record::put_one(&delivery));
        self.app.commit(batch).await?;
        Ok(delivery)
    }

    async fn attempt(
        &self,
        event: &Arc<Event>,
        mut delivery: Seen<Delivery>,
        has_own: bool,
    ) -> Result<Ended, StepFailed> {
        hold::may_go_out()?;
        let tried = post(&self.app, &self.subscriber, event, &delivery.value).await;
        let sign = Sign::of(tried.outcome);
        let again_at = self.note(&mut delivery.value, tried);
        let has_own = has_own || delivery.value.status != DeliveryStatus::Delivered;
        Ok(Ended { written: Some(Written { delivery, has_own }), sign, again_at })
    }

    /// Notes a try in its delivery. Returns when the next one is due.
    pub(super) fn note(&self, delivery: &mut Delivery, tried: Tried) -> Option<Timestamp> {
        let own_delays_s = self.subscriber.endpoint.value.retry_delays_s.as_deref();
        let schedule = Schedule { own_delays_s, charges: self.charges };
        let tried = (tried.attempt, tried.outcome);
        tries::note(&self.app, super::NAME, delivery, tried, schedule);
        delivery.next_at
    }
}
