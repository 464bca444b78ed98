//! One step of a job: it looks what comes next, sends it, and writes with one commit what became of it.

use std::collections::HashMap;
use std::sync::Arc;

use tidings_model::{Delivery, DeliveryStatus, Event, Seq, Timestamp};
use tidings_store::{Batch, Put};

use super::super::pulse::READER_WAIT;
use super::super::record;
use super::super::step::{Desk, lane_of};
use super::asked::filter;
use super::document::{Job, JobState, Place, Task, Waiting};
use super::note::{self, Sent};
use super::pick::{Found, Picked, Search};
use super::send::{End, Item, Sender};
use crate::App;
use crate::directory::{Directory, Subscriber};
use crate::pipeline::reader::StepFailed;
use crate::pipeline::scene::Seen;

/// How many deliveries one step sends: so many are sent again, with the same ids, when the process is killed.
pub(super) const STEP_MAX: usize = 64;

/// How many events may be settled beyond the first that is not: then a job waits for that one.
const AHEAD_MAX: usize = 256;

/// Why a job cannot go on.
const NO_RECEIVER: &str = "the endpoint was switched off or removed";

/// What follows a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another one, now.
    Now,
    /// Another one when the timer says so, or none.
    Later,
}

/// Makes one step.
pub(super) async fn step(
    app: &Arc<App>,
    directory: &Arc<Directory>,
    job: Seen<Job>,
) -> Result<Next, StepFailed> {
    let workspace = directory.workspace();
    let is_on = |subscriber: &Arc<Subscriber>| subscriber.endpoint.value.enabled;
    let Some(subscriber) = directory.subscriber(job.value.endpoint).filter(is_on) else {
        let state = JobState::Failed;
        return note::ended(app, workspace, job, state, Some(NO_RECEIVER.into())).await;
    };
    let Some(pulse) = app.pulses.find(workspace, job.value.endpoint) else {
        tokio::time::sleep(READER_WAIT).await;
        return Ok(Next::Now);
    };
    // Before the log is looked at: what is not in it then, the reader does not send any more.
    let Some(owed) = pulse.owed().await else { return Ok(Next::Now) };
    let filter = match filter(&directory.catalogue(), &job.value.asked.types) {
        Ok(filter) => filter,
        // The catalogue is another one by now.
        Err(unknown) => {
            let why = Some(unknown.to_string());
            return note::ended(app, workspace, job, JobState::Failed, why).await;
        }
    };
    let search = Search {
        app,
        directory,
        subscriber: &subscriber,
        task: job.value.asked.task,
        filter: &filter,
        to: Seq(job.value.to_seq),
    };
    let picked = pick(&search, &job.value.place).await?;
    let desk = Desk {
        app: Arc::clone(app),
        directory: Arc::clone(directory),
        subscriber: Arc::clone(&subscriber),
        charges: false,
        skipped: None,
    };
    let mut sent = Sent { up_to: picked.up_to, is_end: picked.is_end, ..Sent::default() };
    let mut items = Vec::new();
    for found in picked.found {
        let seq = found.seq();
        let Found::Event(event) = found else {
            sent.skipped.push(seq);
            continue;
        };
        let lane = lane_of(&event, subscriber.endpoint.value.ordering);
        match ready(&desk, event, &job.value, owed.has(lane, seq)).await? {
            Some(item) => items.push((lane, item)),
            None => sent.skipped.push(seq),
        }
    }
    let sender = Sender { app, subscriber: &subscriber, pulse: &pulse };
    sender.send(items, &mut sent).await?;
    note::sent(app, workspace, job, sent).await
}

/// What comes next, without what is settled already.
async fn pick(search: &Search<'_>, place: &Place) -> Result<Picked, StepFailed> {
    let mut all = Picked { found: Vec::new(), up_to: Seq(place.at), is_end: false };
    let most = STEP_MAX.min(AHEAD_MAX.saturating_sub(place.ahead.len())).max(1);
    while all.found.len() < most && !all.is_end {
        let picked = search.look(all.up_to, AHEAD_MAX).await?;
        (all.up_to, all.is_end) = (picked.up_to, picked.is_end);
        for found in picked.found {
            if place.ahead.binary_search(&found.seq().0).is_ok() {
                continue;
            }
            if all.found.len() == most {
                // What follows is looked at by the next step.
                all.up_to = Seq(found.seq().0.saturating_sub(1));
                all.is_end = false;
                return Ok(all);
            }
            all.found.push(found);
        }
    }
    Ok(all)
}

/// Makes ready what is to be sent; nothing, if it is not: what the endpoint's reader comes to by itself is left to it.
async fn ready(
    desk: &Desk,
    event: Arc<Event>,
    job: &Job,
    reader_comes: bool,
) -> Result<Option<Item>, StepFailed> {
    let delivery = match desk.known(event.seq).await? {
        Some(known) => {
            let is_owed = match (job.asked.task, known.value.status) {
                // Its lane comes to it, in order.
                (_, DeliveryStatus::Pending) => false,
                // The reader is through with it, even if it was not when it was asked.
                (_, DeliveryStatus::Failed) => true,
                (Task::Recover, DeliveryStatus::Delivered) => false,
                (Task::Replay, DeliveryStatus::Delivered) => !reader_comes,
            };
            is_owed.then_some(known.value)
        }
        None if job.asked.task == Task::Recover || reader_comes => None,
        None if desk.subscriber.is_decided() => decided(desk, &event).await?,
        None => Some(Delivery::untried(&event, desk.to())),
    };
    let Some(delivery) = delivery else { return Ok(None) };
    let waiting = job.place.waiting.iter().find(|waiting| waiting.seq == event.seq.0);
    Ok(Some(Item {
        tries: waiting.map_or(0, |waiting| waiting.tries),
        due: waiting.map(|waiting| waiting.due),
        event,
        delivery,
        attempts: Vec::new(),
        end: None,
    }))
}

/// Writes down what goes out before anything does, where it is made of more than the event. It stands as failed until it
/// is taken: only the job comes back to it.
async fn decided(desk: &Desk, event: &Arc<Event>) -> Result<Option<Delivery>, StepFailed> {
    let Some(decided) = desk.decide(event).await? else { return Ok(None) };
    let status = DeliveryStatus::Failed;
    let untried = Delivery::untried(event, desk.to());
    let delivery = Seen::absent(Delivery { decided: Some(decided), status, ..untried });
    let mut batch = Batch::new(event.workspace);
    batch.puts.push(Put { expected: Some(delivery.version), ..record::put_one(&delivery) });
    desk.app.commit(batch).await?;
    Ok(Some(delivery.value))
}

/// Where a job is after a step.
pub(super) fn place_after(before: &Place, sent: &Sent) -> Place {
    let ends: HashMap<u64, Option<End>> =
        sent.items.iter().map(|item| (item.seq().0, item.end)).collect();
    let open = ends.iter().filter(|(_, end)| end.is_none()).map(|(seq, _)| *seq).min();
    let at = open.map_or(sent.up_to.0, |open| open.saturating_sub(1));
    let settled = ends.iter().filter(|(_, end)| end.is_some()).map(|(seq, _)| *seq);
    let mut ahead: Vec<u64> = settled
        .chain(sent.skipped.iter().map(|seq| seq.0))
        .chain(before.ahead.iter().copied())
        .filter(|seq| *seq > at)
        .collect();
    ahead.sort_unstable();
    ahead.dedup();
    let waiting =
        sent.items.iter().filter(|item| item.end.is_none()).filter_map(|item| {
            Some(Waiting { seq: item.seq().0, tries: item.tries, due: item.due? })
        });
    Place { at, ahead, waiting: waiting.collect() }
}

/// When the next step is due, if not now.
pub(super) fn due_after(after: &Place, sent: &Sent, now: Timestamp) -> Option<Timestamp> {
    if sent.opens_at.is_some() || sent.is_cut {
        return sent.opens_at.filter(|opens_at| *opens_at > now);
    }
    let room = STEP_MAX.min(AHEAD_MAX.saturating_sub(after.ahead.len()));
    if !sent.is_end && sent.open().count() < room {
        return None;
    }
    // All that is left waits for its own time.
    sent.open().filter_map(|item| item.due).min().filter(|due| *due > now)
}
