//! What an endpoint's reader begins, and what came of it: first tries, other tries, looks at what a parked lane owes next.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tidings_model::delivery::Skipped;
use tidings_model::{HealthState, Seq, Timestamp};
use tidings_store::CommitError;
use tokio::task::JoinError;
use tokio::time::Instant;
use uuid::Uuid;

use super::{PAUSE, Reader, UNWRITTEN_MAX};
use crate::pipeline::cancel;
use crate::pipeline::deliver::health::Sign;
use crate::pipeline::deliver::step::{Desk, Ended, Sought};
use crate::pipeline::deliver::together::EndedTogether;
use crate::pipeline::reader::{StepFailed, chain};
use crate::pipeline::tries::later;

/// How long a delivery rests whose step broke: it would break again at once.
const BROKEN_PAUSE: Duration = Duration::from_secs(300);

/// What a step was.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    First,
    Together,
    Again,
    Seek,
}

/// A step that is over.
pub(super) struct Stepped {
    lane: Uuid,
    seq: Seq,
    what: What,
    /// Those that went together.
    these: Vec<(Uuid, Seq)>,
    over: Over,
}

/// How a step is over.
enum Over {
    Came(Came),
    Failed(StepFailed),
    /// It panicked.
    Broke,
    /// Its lease went first.
    Dropped,
}

/// What came of a step.
pub(super) enum Came {
    Ended(Box<Ended>),
    EndedTogether(EndedTogether),
    Sought(Sought),
}

pub(super) fn came(ended: Ended) -> Came {
    Came::Ended(Box::new(ended))
}

impl Reader {
    /// Begins what may go now: other tries get a part of what may be under way, first tries the rest.
    pub(super) fn begin(&mut self) {
        let of_job = self.shared.pulse.gate().close();
        self.in_crowd.set_busy(self.health.is_proven() && !self.steps.is_empty());
        self.is_full = false;
        if self.not_before.is_some_and(|then| then > Instant::now()) {
            return;
        }
        self.not_before = None;
        let now = self.app.now();
        let window = self.health.window(now).min(self.in_crowd.window());
        let window = self.beside_job(window, of_job);
        let unwritten = self.unwritten.done.len() + self.being_written;
        let window = window.min(UNWRITTEN_MAX.saturating_sub(unwritten));
        while self.steps.len() < window
            && self.has_place_for(1)
            && self.health.opens_at(now).is_none()
        {
            let others = (window / 4).max(1);
            let has_begun = (self.again_under_way < others && self.begin_again(now))
                || self.begin_first()
                || self.begin_again(now);
            if !has_begun {
                return;
            }
            self.health.begun(now);
        }
        // What is gathered counts from when it was taken.
        self.is_full =
            !self.steps.is_empty() && self.steps.len() >= window && self.batching().is_none();
    }

    /// What is left of a window beside a job. A first try never waits for a job's, unless its endpoint wants one at a
    /// time.
    fn beside_job(&self, window: usize, of_job: usize) -> usize {
        let is_strict = self.subscriber.endpoint.value.in_flight_max == Some(1);
        let least = if is_strict { 0 } else { window.min(1) };
        window.saturating_sub(of_job).max(least)
    }

    fn begin_first(&mut self) -> bool {
        if !self.work.has_ready() {
            return false;
        }
        if let Some(batching) = self.batching() {
            return self.begin_marked() || self.begin_together(batching);
        }
        let Some((lane, seq, taken)) = self.work.begin() else { return false };
        let event = Arc::clone(&taken.event);
        let desk = self.desk(self.given_up.before(lane));
        self.spawn(lane, seq, What::First, async move { desk.first(&event).await.map(came) });
        true
    }

    fn begin_again(&mut self, now: Timestamp) -> bool {
        // Not before its last failure is on disk: else that would be written over what comes of this.
        let failing = &self.failing;
        let taken_up = self.work.take_up(now, |head| !failing.contains(&head));
        let Some((lane, parked)) = taken_up else { return false };
        self.again_under_way += 1;
        let (desk, head) = (self.desk(self.given_up.before(lane)), parked.head);
        self.spawn(lane, head, What::Again, async move {
            heed(&desk, head, desk.again(head).await?).await.map(came)
        });
        true
    }

    fn begin_seek(&mut self, lane: Uuid, head: Seq, pause: Duration) {
        let Some(up_to) = self.work.behind(lane) else { return };
        let desk = self.desk(self.given_up.before(lane));
        self.spawn(lane, head, What::Seek, async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            desk.seek(head, lane, up_to).await.map(Came::Sought)
        });
    }

    pub(super) fn desk(&self, skipped: Option<Skipped>) -> Desk {
        Desk {
            app: Arc::clone(&self.app),
            directory: Arc::clone(&self.directory),
            subscriber: Arc::clone(&self.subscriber),
            charges: self.health.charges(),
            skipped,
        }
    }

    pub(super) fn spawn(
        &mut self,
        lane: Uuid,
        seq: Seq,
        what: What,
        step: impl Future<Output = Result<Came, StepFailed>> + Send + 'static,
    ) {
        self.spawn_for(Vec::new(), (lane, seq, what), step);
    }

    pub(super) fn spawn_for(
        &mut self,
        these: Vec<(Uuid, Seq)>,
        (lane, seq, what): (Uuid, Seq, What),
        step: impl Future<Output = Result<Came, StepFailed>> + Send + 'static,
    ) {
        let (under, app) = (self.under.clone(), Arc::clone(&self.app));
        // It has many bytes, and is handed on a few times before it runs.
        let step = Box::pin(step);
        let is_proven = self.health.is_proven();
        let begun = Instant::now();
        self.steps.spawn(async move {
            app.crowd.waited(begun.elapsed());
            // Who never took anything, or not the last, shares few places with its like.
            let _place = match is_proven {
                true => None,
                false => app.unproven_deliveries.acquire().await.ok(),
            };
            let over = match AssertUnwindSafe(under.run(step)).catch_unwind().await {
                Ok(Some(Ok(came))) => Over::Came(came),
                Ok(Some(Err(StepFailed::Commit(
                    CommitError::Fenced { .. } | CommitError::Closed,
                )))) => Over::Dropped,
                Ok(Some(Err(failed))) => Over::Failed(failed),
                Ok(None) => Over::Dropped,
                Err(_) => Over::Broke,
            };
            Stepped { lane, seq, what, these, over }
        });
    }

    /// Takes a step that is over, and whatever else is over by now: many end together where much is under way.
    pub(super) fn take_steps(&mut self, first: Result<Stepped, JoinError>) {
        let mut over = Some(first);
        while let Some(step) = over {
            if let Ok(stepped) = step {
                self.stepped(stepped);
            }
            over = self.steps.try_join_next();
        }
    }

    fn stepped(&mut self, stepped: Stepped) {
        let Stepped { lane, seq, what, these, over } = stepped;
        self.together_under_way -= these.len();
        if matches!(what, What::Again) {
            self.again_under_way -= 1;
        }
        match over {
            Over::Came(Came::Ended(ended)) => self.ended(lane, seq, what, *ended),
            Over::Came(Came::EndedTogether(ended)) => self.ended_together(&these, ended),
            Over::Came(Came::Sought(Sought::Next(next))) => {
                self.work.park(lane, next, self.app.now());
                self.touch();
            }
            Over::Came(Came::Sought(Sought::Nothing(up_to))) => {
                if self.work.unpark(lane, up_to).is_some() {
                    self.begin_seek(lane, up_to, Duration::ZERO);
                }
                self.touch();
            }
            Over::Failed(error) => {
                tracing::warn!("a delivery will be tried again: {}", chain(&error));
                self.not_before = Some(Instant::now() + PAUSE);
                match what {
                    What::First => self.work.put_back(lane),
                    What::Together => self.work.put_back_together(&these),
                    What::Again => self.work.park(lane, seq, self.app.now()),
                    What::Seek => self.begin_seek(lane, seq, PAUSE),
                }
            }
            Over::Broke => self.broke((lane, seq), what, &these),
            Over::Dropped => {}
        }
    }

    /// A step panicked, which is in the log already. Only its lanes rest: what breaks them may be in their events.
    fn broke(&mut self, (lane, seq): (Uuid, Seq), what: What, these: &[(Uuid, Seq)]) {
        tracing::error!(endpoint.id = %self.endpoint(), seq = seq.0, "a delivery broke, and rests");
        let rests_until = later(self.app.now(), BROKEN_PAUSE);
        match what {
            // A look at what follows holds a place while it waits: it is made again after its head.
            What::First | What::Again | What::Seek => self.work.park(lane, seq, rests_until),
            What::Together => {
                // From the last to the first: of each chat the first one stays.
                for (lane, seq) in these.iter().rev() {
                    self.work.park(*lane, *seq, rests_until);
                }
            }
        }
        self.touch();
    }

    fn ended(&mut self, lane: Uuid, seq: Seq, what: What, ended: Ended) {
        let now = self.app.now();
        self.hear(ended.sign, now);
        if let Some(written) = &ended.written {
            self.given_up.note(lane, &written.delivery.value, ended.sign);
        }
        match (ended.again_at, what) {
            (Some(again_at), _) => self.work.park(lane, seq, again_at),
            (None, What::First | What::Together) => self.work.done(lane),
            (None, What::Again | What::Seek) => self.begin_seek(lane, seq, Duration::ZERO),
        }
        if let Some(written) = ended.written {
            self.note_written(written);
        }
        self.touch();
    }

    /// What a try says of the receiver.
    pub(super) fn hear(&mut self, sign: Sign, now: Timestamp) {
        let before = self.health.state();
        if let Some(state) = self.health.note(sign, now) {
            match state {
                HealthState::Disabled => self.unwritten.gone = Some(why_off(sign)),
                HealthState::Healthy | HealthState::Degraded | HealthState::Paused => {
                    self.unwritten.health.push(state);
                }
            }
        }
        if sign == Sign::Took && before == HealthState::Paused {
            // What waits for its own time waits in vain: the receiver is back.
            self.work.all_due(now);
        }
    }
}

/// Why an endpoint is switched off after such a try.
fn why_off(sign: Sign) -> &'static str {
    match sign {
        Sign::Gone => "the receiver answered 410",
        Sign::Took | Sign::Failed | Sign::Asked(_) | Sign::None => {
            "the receiver took nothing for five days"
        }
    }
}

/// What somebody gave up while it was tried stays so.
async fn heed(desk: &Desk, head: Seq, ended: Ended) -> Result<Ended, StepFailed> {
    let (workspace, endpoint) = (desk.directory.workspace(), desk.subscriber.endpoint.value.id);
    if ended.again_at.is_some() && cancel::is_given_up(&desk.app, workspace, endpoint, head).await?
    {
        return Ok(Ended { written: None, again_at: None, ..ended });
    }
    Ok(ended)
}
