//! What one step of a job sends: within a lane one after the other, lanes side by side.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidings_model::{Attempt, Delivery, Event, Seq, Timestamp};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::super::gate::{Place, Receiver};
use super::super::health::Sign;
use super::super::post::{Tried, post};
use super::super::pulse::Pulse;
use super::note::Sent;
use crate::App;
use crate::directory::Subscriber;
use crate::nodes::hold;
use crate::pipeline::reader::StepFailed;
use crate::pipeline::tries::{Outcome, granted, later};

/// When something that was not taken is tried again; after the last it has failed. Short: what fails for longer can be
/// recovered again, and while its receiver is paused nothing is charged.
const RETRY_PAUSES: [Duration; 2] = [Duration::from_secs(5), Duration::from_secs(30)];

/// After so many failures in a row a job rests for so long: a receiver that is down takes nothing of it along until it is
/// paused.
const FAILED_IN_ROW_MAX: usize = 3;
const REST: Duration = Duration::from_secs(30);

/// How long a step begins tries; what is under way then is waited for.
const STEP_TIME_MAX: Duration = Duration::from_secs(5);

/// How long it waits for the reader to open the gate.
const GATE_WAIT: Duration = Duration::from_secs(1);

/// Something to be sent.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) event: Arc<Event>,
    /// As it goes out.
    pub(super) delivery: Delivery,
    /// The tries that are charged to it.
    pub(super) tries: u32,
    /// It is not tried before.
    pub(super) due: Option<Timestamp>,
    /// What was tried in this step.
    pub(super) attempts: Vec<Attempt>,
    /// How it ended, if it did.
    pub(super) end: Option<End>,
}

/// How something ended that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Taken,
    Failed,
}

impl Item {
    pub(super) fn seq(&self) -> Seq {
        self.event.seq
    }

    /// Whether it may be tried at this time.
    fn is_due(&self, now: Timestamp) -> bool {
        self.due.is_none_or(|due| due <= now)
    }

    /// Notes a try.
    fn note(&mut self, app: &App, tried: Tried, receiver: Receiver) {
        self.attempts.push(tried.attempt);
        let now = app.now();
        match tried.outcome {
            Outcome::Taken => self.end = Some(End::Taken),
            Outcome::Refused | Outcome::Gone => self.end = Some(End::Failed),
            Outcome::AfterPause(pause) => {
                self.due = Some(later(now, granted(pause)));
            }
            Outcome::Again => {
                let place = usize::try_from(self.tries).unwrap_or(usize::MAX);
                if receiver.charges {
                    self.tries += 1;
                }
                match RETRY_PAUSES.get(place) {
                    Some(pause) => self.due = Some(later(now, *pause)),
                    None => self.end = Some(End::Failed),
                }
            }
        }
        let outcome = match self.end {
            Some(End::Taken) => "delivered",
            Some(End::Failed) => "failed",
            None => "again",
        };
        metrics::counter!("tidings_attempts_total", "reader" => super::TIMER, "outcome" => outcome)
            .increment(1);
    }
}

/// Where a job sends.
pub(super) struct Sender<'a> {
    pub(super) app: &'a Arc<App>,
    pub(super) subscriber: &'a Arc<Subscriber>,
    pub(super) pulse: &'a Arc<Pulse>,
}

/// A lane: what is sent one after the other.
type Lane = VecDeque<Item>;

/// A try that ended.
struct Ended {
    lane: usize,
    item: Item,
}

impl Sender<'_> {
    /// Sends what is due, as far as the gate lets it, and gives everything back.
    pub(super) async fn send(
        &self,
        items: Vec<(Uuid, Item)>,
        sent: &mut Sent,
    ) -> Result<(), StepFailed> {
        let (mut lanes, mut ready) = self.lanes(items);
        let mut tries: JoinSet<Ended> = JoinSet::new();
        let (began, mut failed_in_row) = (Instant::now(), 0);
        while !tries.is_empty() || !ready.is_empty() {
            if failed_in_row >= FAILED_IN_ROW_MAX {
                if tries.is_empty() {
                    sent.opens_at = Some(later(self.app.now(), REST));
                    break;
                }
            } else if began.elapsed() < STEP_TIME_MAX {
                self.begin(&mut lanes, &mut ready, &mut tries)?;
            } else if tries.is_empty() {
                break;
            }
            if tries.is_empty() {
                sent.opens_at = self.pulse.gate().opens_at(self.app.now());
                let waits = tokio::time::timeout(GATE_WAIT, self.pulse.gate().opened());
                if sent.opens_at.is_some() || waits.await.is_err() {
                    break;
                }
                continue;
            }
            let ended = tokio::select! {
                ended = tries.join_next() => ended,
                () = self.pulse.gate().opened(), if !ready.is_empty() => continue,
            };
            let Some(Ok(Ended { lane, item })) = ended else { continue };
            failed_in_row = if item.end == Some(End::Taken) { 0 } else { failed_in_row + 1 };
            let Some(queue) = lanes.get_mut(lane) else { continue };
            if item.end.is_some() {
                sent.items.push(item);
                if queue.front().is_some_and(|next| next.is_due(self.app.now())) {
                    ready.push_back(lane);
                }
            } else {
                queue.push_front(item);
            }
        }
        sent.is_cut = !ready.is_empty();
        sent.items.extend(lanes.into_iter().flatten());
        Ok(())
    }

    /// The lanes, and those of them that may go.
    fn lanes(&self, items: Vec<(Uuid, Item)>) -> (Vec<Lane>, VecDeque<usize>) {
        let mut ids: Vec<Uuid> = Vec::new();
        let mut lanes: Vec<Lane> = Vec::new();
        for (id, item) in items {
            let known = ids.iter().position(|known| *known == id);
            match known.and_then(|place| lanes.get_mut(place)) {
                Some(lane) => lane.push_back(item),
                None => {
                    ids.push(id);
                    lanes.push(VecDeque::from([item]));
                }
            }
        }
        let now = self.app.now();
        let is_ready = |lane: &Lane| lane.front().is_some_and(|head| head.is_due(now));
        let ready =
            lanes.iter().enumerate().filter(|(_, lane)| is_ready(lane)).map(|(place, _)| place);
        let ready = ready.collect();
        (lanes, ready)
    }

    /// Begins as many tries as the gate has places.
    fn begin(
        &self,
        lanes: &mut [Lane],
        ready: &mut VecDeque<usize>,
        tries: &mut JoinSet<Ended>,
    ) -> Result<(), StepFailed> {
        while let Some(lane) = ready.front().copied() {
            let Some((place, receiver)) = self.pulse.gate().enter() else { return Ok(()) };
            ready.pop_front();
            let Some(item) = lanes.get_mut(lane).and_then(VecDeque::pop_front) else { continue };
            hold::may_go_out()?;
            let (app, pulse) = (Arc::clone(self.app), Arc::clone(self.pulse));
            let subscriber = Arc::clone(self.subscriber);
            tries.spawn(async move {
                let item = one(&app, &subscriber, &pulse, item, (place, receiver)).await;
                Ended { lane, item }
            });
        }
        Ok(())
    }
}

/// One try.
async fn one(
    app: &App,
    subscriber: &Subscriber,
    pulse: &Pulse,
    mut item: Item,
    (place, receiver): (Place, Receiver),
) -> Item {
    // Who never took anything, or not the last, shares few places with its like.
    let _place = match receiver.is_proven {
        true => None,
        false => app.unproven_deliveries.acquire().await.ok(),
    };
    let tried = post(app, subscriber, &item.event, &item.delivery).await;
    let sign = Sign::of(tried.outcome);
    item.note(app, tried, receiver);
    pulse.job_tried(place, sign);
    item
}
