//! A delivery to an endpoint that somebody asks for once more. It holds no lane: of two tries at once both are recorded.
//!
//! Where its receiver said how many it takes a minute, the endpoint's reader keeps to that, wherever it is: a timer in its
//! share asks it for a turn, and the try is made then. A second ring tries again, with the same id.

use std::sync::Arc;

use tidings_model::{
    Delivery, DeliveryId, DeliveryStatus, Destination, EndpointId, Event, Seq, WorkspaceId,
};
use tidings_store::{Batch, CommitError, Put, Timer, TimerChange, TimerName};

use super::log;
use super::look;
use super::post::{Tried, post};
use super::pulse::READER_WAIT;
use super::record;
use crate::App;
use crate::directory::{Directory, Subscriber};
use crate::nodes::hold;
use crate::pipeline::reader::StepFailed;
use crate::pipeline::redeliver::{NotRedelivered, Redelivered};
use crate::pipeline::scene::Seen;
use crate::pipeline::tries::Outcome;

/// The first word of the names of these timers.
pub(crate) const TIMER: &str = "again";

/// How often a write is decided anew that somebody else came before.
const DECIDED_MAX: usize = 5;

/// Tries a delivery now, whatever its state, or when the rate of its receiver allows it.
pub(crate) async fn redeliver(
    app: &App,
    directory: &Directory,
    event: &Arc<Event>,
    found: Seen<Delivery>,
) -> Result<Redelivered, NotRedelivered> {
    let Destination::Endpoint { id } = found.value.to else {
        return Ok(Redelivered::Tried(found.value));
    };
    let Some(subscriber) = directory.subscriber(id) else {
        return Ok(Redelivered::Tried(found.value));
    };
    if !is_paced(&subscriber) {
        return Ok(Redelivered::Tried(try_once(app, &subscriber, event, found, None).await?));
    }
    if !subscriber.endpoint.value.enabled {
        return Err(NotRedelivered::Off);
    }
    let mut batch = Batch::new(event.workspace);
    // The endpoint comes last: its share is the timer's.
    let name = TimerName(format!("{TIMER}:{}:{id}", event.seq));
    batch.timers.push(TimerChange::Set { name, due: app.now(), body: serde_json::Value::Null });
    app.commit(batch).await.map_err(StepFailed::from)?;
    Ok(Redelivered::Waits(found.value))
}

fn is_paced(subscriber: &Subscriber) -> bool {
    let handshake = subscriber.endpoint.value.handshake.as_ref();
    handshake.is_some_and(|said| said.rate_per_minute.is_some())
}

fn asked(name: &TimerName) -> Option<(Seq, EndpointId)> {
    let (seq, endpoint) = name.0.strip_prefix(TIMER)?.strip_prefix(':')?.split_once(':')?;
    Some((Seq(seq.parse().ok()?), endpoint.parse().ok()?))
}

/// Gets a turn from the reader, and tries when it has come.
pub(crate) async fn ring(
    app: &Arc<App>,
    directory: &Arc<Directory>,
    timer: &Timer,
) -> Result<(), StepFailed> {
    let done = TimerChange::Cancel { name: timer.name.clone() };
    let Some((subscriber, event, found)) = wanted(app, directory, timer).await? else {
        return put(app, timer.workspace, done).await;
    };
    // Once it has its turn, it is due then.
    if timer.body.is_null() {
        let pulse = app.pulses.find(timer.workspace, subscriber.endpoint.value.id);
        let turn = match pulse {
            Some(pulse) => pulse.turn().await,
            None => None,
        };
        let Some(turn) = turn else {
            // It rings again at once.
            tokio::time::sleep(READER_WAIT).await;
            return Ok(());
        };
        if turn > app.now() {
            let body = serde_json::json!({ "turn": turn });
            let set = TimerChange::Set { name: timer.name.clone(), due: turn, body };
            return put(app, timer.workspace, set).await;
        }
    }
    hold::may_go_out()?;
    try_once(app, &subscriber, &event, found, Some(done)).await?;
    Ok(())
}

/// What a timer is about, if it is still there and its endpoint is on.
async fn wanted(
    app: &App,
    directory: &Directory,
    timer: &Timer,
) -> Result<Option<(Arc<Subscriber>, Arc<Event>, Seen<Delivery>)>, StepFailed> {
    let Some((seq, endpoint)) = asked(&timer.name) else { return Ok(None) };
    let subscriber = directory.subscriber(endpoint);
    let Some(subscriber) = subscriber.filter(|known| known.endpoint.value.enabled) else {
        return Ok(None);
    };
    let id = DeliveryId::of(seq, Destination::Endpoint { id: endpoint });
    let Some(found) = log::find(app, timer.workspace, id).await? else { return Ok(None) };
    let event = app.store.event(timer.workspace, found.value.event).await?;
    Ok(event.map(|event| (subscriber, event, found)))
}

async fn put(app: &App, workspace: WorkspaceId, timer: TimerChange) -> Result<(), StepFailed> {
    let mut batch = Batch::new(workspace);
    batch.timers.push(timer);
    app.commit(batch).await?;
    Ok(())
}

/// Tries once, and writes down what came of it over whatever others wrote meanwhile. A failure changes nothing but the
/// record of attempts.
async fn try_once(
    app: &App,
    subscriber: &Subscriber,
    event: &Event,
    mut found: Seen<Delivery>,
    done: Option<TimerChange>,
) -> Result<Delivery, StepFailed> {
    let tried = post(app, subscriber, event, &found.value).await;
    let (workspace, id) = (event.workspace, found.value.id);
    let mut decided = 0;
    loop {
        let was_pending = found.value.status == DeliveryStatus::Pending;
        note(&mut found.value, tried.clone());
        let mut batch = Batch::new(workspace);
        if was_pending && found.value.status == DeliveryStatus::Delivered {
            // What waits behind it goes on.
            batch.timers.push(look::at(app, subscriber.endpoint.value.id, event.seq));
        }
        batch.timers.extend(done.clone());
        batch.puts.push(Put { expected: Some(found.version), ..record::put_one(&found) });
        decided += 1;
        match app.commit(batch).await {
            Ok(_) => return Ok(found.value),
            Err(error @ CommitError::Conflict { .. }) => {
                match log::find(app, workspace, id).await? {
                    Some(newer) if decided < DECIDED_MAX => found = newer,
                    Some(_) | None => return Err(error.into()),
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn note(delivery: &mut Delivery, tried: Tried) {
    delivery.add(tried.attempt);
    if tried.outcome == Outcome::Taken {
        delivery.tries += 1;
        delivery.status = DeliveryStatus::Delivered;
        delivery.next_at = None;
    }
}
