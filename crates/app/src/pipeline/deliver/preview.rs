//! What an endpoint would get, before it is saved: how many of the last events it wants, and the newest of them as it
//! would go out. Called by `admin`. Nothing is written and nothing is sent.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tidings_model::{Delivery, Destination, Event, Seq, WorkspaceId};
use tidings_store::{EventQuery, ReadError};
use tidings_wire::standard_webhooks::SIGNATURE_HEADER;

use super::as_sent::{self, SentHeader};
use super::post::call;
use super::step::Desk;
use crate::App;
use crate::directory::{Directory, Subscriber};
use crate::pipeline::fresh;

/// How many of the last events are looked at.
pub const LOOK_BACK_EVENTS: u64 = 1_000;

/// How many of them are in memory at once.
const LOOK_EVENTS_MAX: usize = 250;

/// What an endpoint would get.
#[derive(Debug, Default)]
pub struct Preview {
    /// How many of the last events were looked at.
    pub looked_at: usize,
    /// How many of them it would get.
    pub matched: usize,
    /// The same by type.
    pub by_type: BTreeMap<String, usize>,
    /// The newest of those that it would get.
    pub newest: Option<Shown>,
}

/// An event as it would go out.
#[derive(Debug)]
pub struct Shown {
    /// The event.
    pub event: Arc<Event>,
    /// The headers and the body, or why nothing would go out.
    pub request: Result<Request, String>,
}

/// What would go out.
#[derive(Debug)]
pub struct Request {
    /// The headers; those that are secret, or made of a secret, without their values.
    pub headers: Vec<SentHeader>,
    /// The body; what is no text in it is replaced.
    pub body: String,
}

/// Looks at the last events for an endpoint that is ready, saved or not.
pub(crate) async fn preview(
    app: &Arc<App>,
    directory: &Arc<Directory>,
    subscriber: Subscriber,
) -> Result<Preview, ReadError> {
    let desk = Desk {
        app: Arc::clone(app),
        directory: Arc::clone(directory),
        subscriber: Arc::new(subscriber),
        charges: false,
        skipped: None,
    };
    let (mut preview, mut newest) = (Preview::default(), None);
    let last = app.store.last_seq(directory.workspace()).await?;
    fresh::keep_up(app, directory.workspace(), last).await?;
    let mut after = Seq(last.0.saturating_sub(LOOK_BACK_EVENTS));
    while after < last {
        let events = read(app, directory.workspace(), after).await?;
        let Some(end) = events.last() else { break };
        after = end.seq;
        for event in events.into_iter().filter(|event| event.seq <= last) {
            preview.looked_at += 1;
            if let Some(decided) = wanted(&desk, &event).await? {
                preview.matched += 1;
                *preview.by_type.entry(event.event_type.to_string()).or_default() += 1;
                newest = Some((event, decided));
            }
        }
    }
    preview.newest = newest.map(|(event, decided)| show(&desk, event, decided));
    Ok(preview)
}

async fn read(app: &App, workspace: WorkspaceId, after: Seq) -> Result<Vec<Arc<Event>>, ReadError> {
    let query = EventQuery { after, limit: LOOK_EVENTS_MAX, ..EventQuery::default() };
    app.store.events(workspace, query).await
}

/// Whether an event is wanted; with what would be decided for it, where its form is made of more than the event.
async fn wanted(desk: &Desk, event: &Arc<Event>) -> Result<Option<Option<Value>>, ReadError> {
    let Desk { app, directory, subscriber, .. } = desk;
    if !directory.wants(subscriber, event) || !subscriber.wish.is_for(app, directory, event).await?
    {
        return Ok(None);
    }
    if !subscriber.is_decided() {
        return Ok(Some(None));
    }
    Ok(desk.decide(event).await?.map(Some))
}

fn show(desk: &Desk, event: Arc<Event>, decided: Option<Value>) -> Shown {
    let to = Destination::Endpoint { id: desk.subscriber.endpoint.value.id };
    let untried = Delivery::untried(&event, to);
    let delivery = Delivery { decided, ..untried };
    let request = match call(&desk.app, &desk.subscriber, &event, &delivery, desk.app.now()) {
        Err(not_sent) => Err(not_sent.why),
        Ok((_, mut call)) => {
            as_sent::complete(&mut call.headers, &desk.subscriber);
            let mut headers = as_sent::shown(&call.headers);
            // There is no key yet that receivers could verify it with.
            for header in headers.iter_mut().filter(|header| header.name == SIGNATURE_HEADER) {
                header.value = None;
            }
            let body = String::from_utf8_lossy(&call.body).into_owned();
            Ok(Request { headers, body })
        }
    };
    Shown { event, request }
}
