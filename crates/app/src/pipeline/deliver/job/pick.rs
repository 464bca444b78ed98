//! What a job sends: read from the log of deliveries, or from the log of events, in the order of the events.

use std::sync::Arc;

use tidings_catalogue::TypeFilter;
use tidings_model::{Delivery, DeliveryId, DeliveryStatus, Destination, Event, Seq};
use tidings_store::{DocumentQuery, EventQuery, Kind, ReadError, Scan};

use super::document::Task;
use crate::App;
use crate::directory::{Directory, Subscriber};
use crate::pipeline::cancel::CANCELLED;
use crate::pipeline::scene::seen;

/// How many events one look at the log reads.
const LOOK_EVENTS: usize = 256;

/// What to look for.
pub(super) struct Search<'a> {
    pub(super) app: &'a App,
    pub(super) directory: &'a Directory,
    pub(super) subscriber: &'a Subscriber,
    pub(super) task: Task,
    pub(super) filter: &'a TypeFilter,
    /// The last event that is looked at.
    pub(super) to: Seq,
}

/// What one look found.
#[derive(Debug)]
pub(super) struct Picked {
    pub(super) found: Vec<Found>,
    /// All up to here was looked at.
    pub(super) up_to: Seq,
    /// There is nothing more.
    pub(super) is_end: bool,
}

/// Something to be sent.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// This event.
    Event(Arc<Event>),
    /// An event that is no longer kept.
    Forgotten(Seq),
}

impl Found {
    pub(super) fn seq(&self) -> Seq {
        match self {
            Self::Event(event) => event.seq,
            Self::Forgotten(seq) => *seq,
        }
    }
}

impl Search<'_> {
    /// Looks once, after an event, and gives so many at most.
    pub(super) async fn look(&self, after: Seq, most: usize) -> Result<Picked, ReadError> {
        if after >= self.to {
            return Ok(Picked { found: Vec::new(), up_to: self.to, is_end: true });
        }
        match self.task {
            Task::Recover => self.failed(after, most).await,
            Task::Replay => self.logged(after, most).await,
        }
    }

    /// Deliveries that failed. What somebody gave up by hand is not among them.
    async fn failed(&self, after: Seq, most: usize) -> Result<Picked, ReadError> {
        let to = Destination::Endpoint { id: self.subscriber.endpoint.value.id };
        let value = format!("{}:{}", to.uuid(), DeliveryStatus::Failed.as_str());
        let query = DocumentQuery {
            kind: Kind::Delivery,
            scan: Scan::Equal { name: "to_status", value },
            // Ids of deliveries to one destination are in the order of the events.
            after: Some(DeliveryId::of(after, to).to_string()),
            limit: most,
        };
        let workspace = self.directory.workspace();
        let page = self.app.store.documents(workspace, query).await?;
        let mut found = Vec::new();
        let mut up_to = after;
        for document in page.documents {
            let delivery = seen::<Delivery>(document)?.value;
            if delivery.seq > self.to.0 {
                return Ok(Picked { found, up_to: self.to, is_end: true });
            }
            up_to = Seq(delivery.seq);
            let wanted = delivery.event_type.parse().is_ok_and(|name| self.filter.includes(&name));
            if !wanted || delivery.reason.as_deref() == Some(CANCELLED) {
                continue;
            }
            match self.app.store.event(workspace, delivery.event).await? {
                Some(event) if self.is_asked(&event) => found.push(Found::Event(event)),
                Some(_) => {}
                None => found.push(Found::Forgotten(Seq(delivery.seq))),
            }
        }
        let is_end = page.next.is_none();
        Ok(Picked { found, up_to: if is_end { self.to } else { up_to }, is_end })
    }

    /// What of the log the endpoint wants.
    async fn logged(&self, after: Seq, most: usize) -> Result<Picked, ReadError> {
        let query = EventQuery { after, limit: LOOK_EVENTS, ..EventQuery::default() };
        let events = self.app.store.events(self.directory.workspace(), query).await?;
        let mut found = Vec::new();
        let mut up_to = after;
        // Large envelopes make a look short: only an empty one is the end.
        let mut is_end = events.is_empty();
        for event in events {
            if event.seq > self.to {
                is_end = true;
                break;
            }
            if found.len() == most {
                return Ok(Picked { found, up_to, is_end: false });
            }
            up_to = event.seq;
            let is_wanted = self.is_asked(&event)
                && self.directory.fits(self.subscriber, &event)
                && self.subscriber.wish.is_for(self.app, self.directory, &event).await?;
            if is_wanted {
                found.push(Found::Event(event));
            }
        }
        is_end |= up_to >= self.to;
        Ok(Picked { found, up_to: if is_end { self.to } else { up_to }, is_end })
    }

    fn is_asked(&self, event: &Event) -> bool {
        let kind = self.directory.channel_kind(event);
        self.filter.matches(&event.event_type, kind, event.author.kind, &event.data)
    }
}
