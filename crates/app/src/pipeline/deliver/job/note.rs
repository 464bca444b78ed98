//! What became of what a job sent, and how far it is: one commit.
//!
//! Others write the same documents: the reader of the endpoint, who asks for one delivery by hand, who cancels the job. So
//! each is written over what was seen, and read again when somebody came before.

use tidings_model::{
    Delivery, DeliveryId, DeliveryStatus, Destination, EndpointId, Seq, WorkspaceId,
};
use tidings_store::{Batch, CommitError, DocKey, Kind, Put, ReadError, TimerChange};

use super::super::record;
use super::document::{self, Count, Job, JobState};
use super::send::{End, Item};
use super::step::{Next, due_after, place_after};
use super::{asked, timer_of};
use crate::App;
use crate::pipeline::reader::StepFailed;
use crate::pipeline::scene::{Seen, seen};

/// How often a write is decided anew that somebody else came before.
const DECIDED_MAX: usize = 5;

/// What a step did.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// What was to be sent, with what was tried.
    pub(super) items: Vec<Item>,
    /// What is not sent.
    pub(super) skipped: Vec<Seq>,
    /// All up to here was looked at.
    pub(super) up_to: Seq,
    /// There is nothing more.
    pub(super) is_end: bool,
    /// Something is left that could have been sent, but for the time or the gate.
    pub(super) is_cut: bool,
    /// When the gate opens.
    pub(super) opens_at: Option<tidings_model::Timestamp>,
}

impl Sent {
    /// What is not settled.
    pub(super) fn open(&self) -> impl Iterator<Item = &Item> {
        self.items.iter().filter(|item| item.end.is_none())
    }

    fn count(&self, before: Count) -> Count {
        let of = |end| self.items.iter().filter(|item| item.end == Some(end)).count() as u64;
        Count {
            done: before.done + of(End::Taken),
            failed: before.failed + of(End::Failed),
            skipped: before.skipped + self.skipped.len() as u64,
        }
    }
}

/// Writes what a step did.
pub(super) async fn sent(
    app: &App,
    workspace: WorkspaceId,
    mut job: Seen<Job>,
    sent: Sent,
) -> Result<Next, StepFailed> {
    let (endpoint, id) = (job.value.endpoint, job.value.id);
    let place = place_after(&job.value.place, &sent);
    let count = sent.count(job.value.count);
    let is_through = sent.is_end && sent.open().next().is_none();
    let mut decided = 0;
    loop {
        let due = due_after(&place, &sent, app.now());
        job.value.place = place.clone();
        job.value.count = count;
        let goes_on = job.value.is_running();
        let mut batch = if goes_on && is_through {
            asked::end(app, workspace, &mut job, JobState::Done, None).await?
        } else {
            let mut batch = Batch::new(workspace);
            batch.puts.push(document::put(&job));
            if goes_on && let Some(due) = due {
                let (name, body) = (timer_of(&job.value), serde_json::Value::Null);
                batch.timers.push(TimerChange::Set { name, due, body });
            }
            batch
        };
        let (puts, woken) = deliveries(app, workspace, endpoint, &sent.items).await?;
        batch.puts.extend(puts);
        decided += 1;
        match app.commit(batch).await {
            Ok(_) => {
                for head in woken {
                    app.pulses.look_at(workspace, endpoint, head);
                }
                let is_over = is_through || !goes_on || due.is_some();
                return Ok(if is_over { Next::Later } else { Next::Now });
            }
            Err(CommitError::Conflict { .. }) if decided < DECIDED_MAX => {}
            Err(error) => return Err(error.into()),
        }
        match document::find(app, workspace, id).await? {
            Some(newer) => job = newer,
            None => return Ok(Next::Later),
        }
    }
}

/// Ends a job that cannot go on.
pub(super) async fn ended(
    app: &App,
    workspace: WorkspaceId,
    mut job: Seen<Job>,
    state: JobState,
    reason: Option<String>,
) -> Result<Next, StepFailed> {
    let batch = asked::end(app, workspace, &mut job, state, reason).await?;
    app.commit(batch).await?;
    Ok(Next::Later)
}

/// The writes of deliveries that were tried, and the heads whose lanes go on.
async fn deliveries(
    app: &App,
    workspace: WorkspaceId,
    endpoint: EndpointId,
    items: &[Item],
) -> Result<(Vec<Put>, Vec<Seq>), StepFailed> {
    let tried: Vec<&Item> = items.iter().filter(|item| !item.attempts.is_empty()).collect();
    if tried.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let to = Destination::Endpoint { id: endpoint };
    let key = |item: &&Item| DocKey::new(Kind::Delivery, DeliveryId::of(item.seq(), to));
    let keys: Vec<DocKey> = tried.iter().map(key).collect();
    let found = app.store.documents_by_key(workspace, &keys).await?;
    let (mut puts, mut page, mut woken) = (Vec::new(), Vec::new(), Vec::new());
    for (item, found) in tried.into_iter().zip(found) {
        let mut delivery = match found {
            Some(found) => seen::<Delivery>(found)?,
            None if item.end == Some(End::Taken) && item.attempts.len() == 1 => {
                let mut delivery = Seen::absent(item.delivery.clone());
                note(&mut delivery.value, item);
                page.push(delivery.value);
                continue;
            }
            None => Seen::absent(before(app, workspace, endpoint, item).await?),
        };
        let was_pending = delivery.value.status == DeliveryStatus::Pending;
        note(&mut delivery.value, item);
        if was_pending && delivery.value.status == DeliveryStatus::Delivered {
            woken.push(item.seq());
        }
        let expected = Some(delivery.version);
        puts.push(Put { expected, ..record::put_one(&delivery) });
    }
    if !page.is_empty() {
        puts.push(record::put_page(app.next_id(), endpoint, page.iter().collect()));
    }
    Ok((puts, woken))
}

/// A delivery that has no document of its own: it was taken at its first try, or never tried.
async fn before(
    app: &App,
    workspace: WorkspaceId,
    endpoint: EndpointId,
    item: &Item,
) -> Result<Delivery, ReadError> {
    let store = app.store.as_ref();
    let found = record::find_in_pages(store, workspace, endpoint, item.seq().0).await?;
    // Nobody else comes back to it.
    let untried = || Delivery { status: DeliveryStatus::Failed, ..item.delivery.clone() };
    Ok(found.unwrap_or_else(untried))
}

/// Notes what was tried. A failure changes nothing but the record of attempts.
fn note(delivery: &mut Delivery, item: &Item) {
    for attempt in &item.attempts {
        delivery.add(attempt.clone());
    }
    if delivery.status != DeliveryStatus::Pending || item.end == Some(End::Taken) {
        delivery.tries += u32::try_from(item.attempts.len()).unwrap_or(u32::MAX);
    }
    if item.end == Some(End::Taken) {
        delivery.status = DeliveryStatus::Delivered;
        delivery.reason = None;
        delivery.next_at = None;
    }
}
