//! The reader of one endpoint: takes what its endpoint wants, tries it lane by lane, and writes down what became of it.
//!
//! It is fed by the one look at the log of its place ([`super::feed`]) while it keeps up, and reads the log by itself
//! while it does not. What was tried since the last write and what is under way is never more than [`UNWRITTEN_MAX`], and a
//! request's events where several go in one: so many are sent again, with the same ids, when the process is killed.

mod batches;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tidings_model::delivery::Skipped;
use tidings_model::{Draft, EndpointId, Event, EventId, HealthState, Seq, Timestamp, Visibility};
use tidings_store::{Batch, CommitError, Follower, ReadError};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use super::gate::Receiver;
use super::gauges::{Gauge, Now};
use super::health::{Health, Sign};
use super::inbox::{Inbox, Passed};
use super::progress::{self, ParkedLane, Progress};
use super::pulse::Pulse;
use super::record;
use super::skipped::{GivenUp, NOTICE};
use super::step::{Desk, Ended, Sought, Written, lane_of};
use super::switch::switch_off;
use super::together::EndedTogether;
use super::work::Work;
use crate::App;
use crate::directory::{Directory, Subscriber};
use crate::nodes::hold::Under;
use crate::pipeline::reader::{StepFailed, chain};
use crate::pipeline::{cancel, fresh, mail};

/// How many deliveries of an endpoint may be under way, unless it says otherwise.
pub const IN_FLIGHT_MAX: usize = 64;

/// The most that an endpoint may ask for.
pub const IN_FLIGHT_ASKED_MAX: usize = 256;

/// How many tried deliveries of an endpoint may be unwritten or under way.
const UNWRITTEN_MAX: usize = 256;

/// So many unwritten ones are written at once; fewer wait for [`WRITE_INTERVAL`].
const WRITE_AT: usize = 48;

/// How long something may be unwritten.
const WRITE_INTERVAL: Duration = Duration::from_millis(100);

/// How many events of an endpoint are in memory, to be tried or under way.
const IN_HAND_MAX: usize = 256;

/// How many lanes of an endpoint may be parked; then nothing more is taken.
const PARKED_MAX: usize = 1_000;

/// How many events one look at the log takes.
const LOOK_EVENTS_MAX: usize = 256;

/// How long something may be open before it is written that it is owed: the place's cursor waits for that.
const UNSAID_MAX: Duration = Duration::from_secs(1);

/// The longest time between two looks at the clock: a wake-up is only a hint.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// How often it is told how it is doing, while it has something to do.
const GAUGE_INTERVAL: Duration = Duration::from_millis(100);

/// The pause before a failed step, read or write is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// What the feed and the reader of an endpoint share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) inbox: Inbox,
    pub(super) pulse: Arc<Pulse>,
    pub(super) gauge: Arc<Gauge>,
    /// What is kept of its progress says that it owes something: the place's cursor says nothing of it then.
    pub(super) kept_owes: AtomicBool,
    /// The last event before those that it is owed, as its endpoint said when it began.
    pub(super) after_seq: u64,
    /// Its endpoint was removed or switched off.
    pub(super) gone: watch::Sender<bool>,
}

/// The reader of one endpoint.
pub(super) struct Reader {
    app: Arc<App>,
    directory: Arc<Directory>,
    subscriber: Arc<Subscriber>,
    generation: u64,
    shared: Arc<Shared>,
    passed: Arc<Passed>,
    under: Under,
    stop: Option<watch::Receiver<bool>>,
    work: Work<Taken>,
    health: Health,
    follower: Option<Follower>,
    steps: JoinSet<Stepped>,
    /// How many other tries are under way.
    again_under_way: usize,
    /// How many events are under way in requests of several.
    together_under_way: usize,
    unwritten: Unwritten,
    given_up: GivenUp,
    writing: JoinSet<Wrote>,
    /// How many tried deliveries are being written.
    being_written: usize,
    /// Since when something is owed that no write says.
    unsaid_since: Option<Instant>,
    /// When something unwritten came first.
    unwritten_since: Option<Instant>,
    /// Nothing is begun before this.
    not_before: Option<Instant>,
    /// When it was last told how it is doing.
    gauged_at: Option<Instant>,
}

/// What was done and is not written down.
#[derive(Debug, Default)]
struct Unwritten {
    done: Vec<Written>,
    health: Vec<HealthState>,
    /// What the log is told of deliveries that were given up.
    notices: Vec<serde_json::Value>,
    /// Why the endpoint is to be switched off, if it is.
    gone: Option<&'static str>,
    /// Something is not taken: whoever looks should see it at once.
    failed: bool,
    /// Something else of its progress moved.
    moved: bool,
}

impl Unwritten {
    fn is_empty(&self) -> bool {
        self.done.is_empty()
            && self.health.is_empty()
            && self.notices.is_empty()
            && self.gone.is_none()
            && !self.moved
    }
}

/// An event that was taken.
#[derive(Debug)]
struct Taken {
    event: Arc<Event>,
    /// When it came, and how many bytes it has in a body of several, where its endpoint asked for such.
    came: Timestamp,
    bytes: usize,
}

/// What a step was.
#[derive(Clone, Copy, Debug)]
enum What {
    First,
    Together,
    Again,
    Seek,
}

struct Stepped {
    lane: Uuid,
    seq: Seq,
    what: What,
    /// Those that went together.
    these: Vec<(Uuid, Seq)>,
    result: Option<Result<Came, StepFailed>>,
}

enum Came {
    Ended(Box<Ended>),
    EndedTogether(EndedTogether),
    Sought(Sought),
}

fn came(ended: Ended) -> Came {
    Came::Ended(Box::new(ended))
}

/// How a write went.
struct Wrote {
    result: Option<Result<(), CommitError>>,
    unwritten: Unwritten,
    progress: Progress,
}

impl Reader {
    #[expect(clippy::too_many_arguments, reason = "the feed gives each part that it shares")]
    pub(super) fn new(
        app: &Arc<App>,
        directory: &Arc<Directory>,
        subscriber: Arc<Subscriber>,
        shared: Arc<Shared>,
        passed: Arc<Passed>,
        under: Under,
        stop: Option<watch::Receiver<bool>>,
        progress: Progress,
    ) -> Self {
        let endpoint = &subscriber.endpoint.value;
        let most = endpoint.in_flight_max.unwrap_or(IN_FLIGHT_MAX);
        let mut health = Health::new(progress.health, most);
        health.set_rate(endpoint.handshake.as_ref().and_then(|said| said.rate_per_minute));
        let mut work = Work::new(Seq(progress.taken));
        for parked in progress.parked {
            work.park(parked.lane, Seq(parked.head), parked.due);
            work.look_up_to(parked.lane, Seq(parked.behind));
        }
        Self {
            generation: directory.generation(),
            app: Arc::clone(app),
            directory: Arc::clone(directory),
            subscriber,
            shared,
            passed,
            under,
            stop,
            work,
            health,
            follower: None,
            steps: JoinSet::new(),
            again_under_way: 0,
            together_under_way: 0,
            unwritten: Unwritten::default(),
            given_up: GivenUp::of(progress.skipped),
            writing: JoinSet::new(),
            being_written: 0,
            unsaid_since: None,
            unwritten_since: None,
            not_before: None,
            gauged_at: None,
        }
    }

    /// Works until told to stop, until its lease goes, or until its endpoint is gone; what is in hand is finished then.
    pub(super) async fn run(mut self, open: Vec<u64>) {
        self.take_up_open(&open).await;
        loop {
            self.shared.pulse.busy();
            let ends = self.ends();
            self.know_endpoint();
            self.look_at_told();
            self.hear_job();
            if !ends {
                self.take_what_came();
                // A log in which nothing happens tells it nothing either.
                if self.reads() {
                    self.join();
                }
                self.begin();
                self.open_gate();
            }
            self.say_what_is_owed();
            self.say_what_is_given_up(ends);
            self.write();
            if ends && self.steps.is_empty() && self.writing.is_empty() {
                break;
            }
            self.tell_pulse();
            self.tell_gauge();
            self.wait(ends).await;
        }
        // What it did up to now is done: the place's cursor may say so.
        self.tell_pulse();
        if *self.shared.gone.borrow() {
            self.give_up().await;
        }
    }

    fn endpoint(&self) -> EndpointId {
        self.subscriber.endpoint.value.id
    }

    fn ends(&self) -> bool {
        *self.shared.gone.borrow()
            || self.under.is_ending()
            || self.stop.as_ref().is_some_and(|stop| *stop.borrow())
    }

    /// The endpoint may have been changed.
    fn know_endpoint(&mut self) {
        let generation = self.directory.generation();
        if generation == self.generation {
            return;
        }
        self.generation = generation;
        if let Some(subscriber) = self.directory.subscriber(self.endpoint()) {
            let endpoint = &subscriber.endpoint.value;
            let most = endpoint.in_flight_max.unwrap_or(IN_FLIGHT_MAX);
            self.health.set_window_max(most);
            let consent = endpoint.handshake.as_ref();
            self.health.set_rate(consent.and_then(|said| said.rate_per_minute));
            let before = std::mem::replace(&mut self.subscriber, subscriber);
            self.measure_anew(&before);
        }
    }

    /// Heads of which somebody else wrote something are looked at before their time.
    fn look_at_told(&mut self) {
        let heads = self.shared.pulse.looks();
        if !heads.is_empty() {
            self.work.due_now(&heads, self.app.now());
        }
    }

    /// How tries of a job went says as much of the receiver as its own.
    fn hear_job(&mut self) {
        for sign in self.shared.pulse.gate().signs() {
            self.health.begun(self.app.now());
            self.hear(sign, self.app.now());
            self.touch();
        }
    }

    /// What is left of what may be under way is a job's, while no first try waits for it.
    fn open_gate(&self) {
        if self.work.has_ready() && self.gathers_until().is_none() {
            return;
        }
        let now = self.app.now();
        let (window, opens_at) = (self.health.window(now), self.health.opens_at(now));
        // Of a job it is heard when its try is over: only of one at a time it is known in time when the next may go.
        let window = if self.health.is_paced() { window.min(1) } else { window };
        let state = Receiver { charges: self.health.charges(), is_proven: self.health.is_proven() };
        self.shared.pulse.gate().open(window, self.steps.len(), opens_at, state);
    }

    /// What was taken before the last stop and not done.
    async fn take_up_open(&mut self, open: &[u64]) {
        for seq in open {
            let after = Seq(seq.saturating_sub(1));
            loop {
                let query = tidings_store::EventQuery {
                    after,
                    limit: 1,
                    ..tidings_store::EventQuery::default()
                };
                match self.app.store.events(self.directory.workspace(), query).await {
                    Ok(events) => {
                        for event in events.into_iter().filter(|event| event.seq.0 == *seq) {
                            self.take(event);
                        }
                        break;
                    }
                    Err(error) => {
                        tracing::error!("what is owed cannot be read yet: {}", chain(&error));
                        tokio::time::sleep(PAUSE).await;
                        if self.ends() {
                            return;
                        }
                    }
                }
            }
        }
    }

    fn take(&mut self, event: Arc<Event>) {
        let lane = lane_of(&event, self.subscriber.endpoint.value.ordering);
        let bytes = self.bytes_together(&event);
        let taken = Taken { event, came: self.app.now(), bytes };
        self.work.take(lane, taken.event.seq, taken);
    }

    fn has_room(&self) -> bool {
        self.work.open().len() < self.in_hand_max() && self.work.parked_count() < PARKED_MAX
    }

    fn take_what_came(&mut self) {
        while self.has_room() {
            let room = self.in_hand_max().saturating_sub(self.work.open().len());
            let came = self.shared.inbox.take(room);
            if came.is_empty() {
                return;
            }
            for event in came {
                if event.seq > self.work.taken() {
                    self.take(event);
                }
            }
        }
    }

    /// Whether it reads the log by itself.
    fn reads(&self) -> bool {
        !self.shared.inbox.is_fed() && self.shared.inbox.is_empty() && self.has_room()
    }

    /// Begins what may go now: other tries get a part of what may be under way, first tries the rest.
    fn begin(&mut self) {
        let of_job = self.shared.pulse.gate().close();
        if self.not_before.is_some_and(|then| then > Instant::now()) {
            return;
        }
        self.not_before = None;
        let now = self.app.now();
        let window = self.beside_job(self.health.window(now), of_job);
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
        let Some((lane, parked)) = self.work.take_up(now) else { return false };
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

    fn desk(&self, skipped: Option<Skipped>) -> Desk {
        Desk {
            app: Arc::clone(&self.app),
            directory: Arc::clone(&self.directory),
            subscriber: Arc::clone(&self.subscriber),
            charges: self.health.charges(),
            skipped,
        }
    }

    fn spawn(
        &mut self,
        lane: Uuid,
        seq: Seq,
        what: What,
        step: impl Future<Output = Result<Came, StepFailed>> + Send + 'static,
    ) {
        self.spawn_for(Vec::new(), (lane, seq, what), step);
    }

    fn spawn_for(
        &mut self,
        these: Vec<(Uuid, Seq)>,
        (lane, seq, what): (Uuid, Seq, What),
        step: impl Future<Output = Result<Came, StepFailed>> + Send + 'static,
    ) {
        let (under, app) = (self.under.clone(), Arc::clone(&self.app));
        let is_proven = self.health.is_proven();
        self.steps.spawn(async move {
            // Who never took anything, or not the last, shares few places with its like.
            let _place = match is_proven {
                true => None,
                false => app.unproven_deliveries.acquire().await.ok(),
            };
            let result = under.run(step).await;
            Stepped { lane, seq, what, these, result }
        });
    }

    fn stepped(&mut self, stepped: Stepped) {
        let Stepped { lane, seq, what, these, result } = stepped;
        self.together_under_way -= these.len();
        if matches!(what, What::Again) {
            self.again_under_way -= 1;
        }
        match result {
            Some(Ok(Came::Ended(ended))) => self.ended(lane, seq, what, *ended),
            Some(Ok(Came::EndedTogether(ended))) => self.ended_together(&these, ended),
            Some(Ok(Came::Sought(Sought::Next(next)))) => {
                self.work.park(lane, next, self.app.now());
                self.touch();
            }
            Some(Ok(Came::Sought(Sought::Nothing(up_to)))) => {
                if self.work.unpark(lane, up_to).is_some() {
                    self.begin_seek(lane, up_to, Duration::ZERO);
                }
                self.touch();
            }
            Some(Err(StepFailed::Commit(CommitError::Fenced { .. } | CommitError::Closed)))
            | None => {}
            Some(Err(error)) => {
                tracing::warn!("a delivery will be tried again: {}", chain(&error));
                self.not_before = Some(Instant::now() + PAUSE);
                match what {
                    What::First => self.work.put_back(lane),
                    What::Together => self.work.put_back_together(&these),
                    What::Again => self.work.park(lane, seq, self.app.now()),
                    What::Seek => self.begin_seek(lane, seq, PAUSE),
                }
            }
        }
    }

    fn ended(&mut self, lane: Uuid, seq: Seq, what: What, mut ended: Ended) {
        if let (What::Again, Some(written)) = (what, &mut ended.written) {
            // What failed before may not be written yet: this must come over it, not stand in a page beside it.
            written.has_own = true;
        }
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

    /// A delivery was tried, and is to be written.
    fn note_written(&mut self, written: Written) {
        let delivery = &written.delivery.value;
        if let Some(last) = delivery.attempts.last() {
            self.shared.gauge.tried(delivery.status, last.duration_ms);
        }
        self.unwritten.failed |= written.has_own;
        self.unwritten.done.push(written);
    }

    /// What a try says of the receiver.
    fn hear(&mut self, sign: Sign, now: Timestamp) {
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

    /// What waits for long, as its receiver hangs or is paused, is written down: else the place's cursor would wait too.
    fn say_what_is_owed(&mut self) {
        if self.work.is_clean() || self.shared.kept_owes.load(Ordering::SeqCst) {
            self.unsaid_since = None;
        } else if self.unsaid_since.get_or_insert_with(Instant::now).elapsed() >= UNSAID_MAX {
            self.unsaid_since = None;
            self.touch();
        }
    }

    /// The log is told of what was given up, from time to time.
    fn say_what_is_given_up(&mut self, ends: bool) {
        let (endpoint, now) = (self.endpoint(), self.app.now());
        if let Some(notice) = self.given_up.notice(endpoint, now, ends) {
            self.unwritten.notices.push(notice);
            self.touch();
        }
    }

    /// Something is to be written.
    fn touch(&mut self) {
        self.unwritten.moved = true;
        self.unwritten_since.get_or_insert_with(Instant::now);
    }

    /// Begins to write what is unwritten, if it is time.
    fn write(&mut self) {
        let is_time = self.unwritten.done.len() >= WRITE_AT
            || self.unwritten.gone.is_some()
            || self.unwritten.failed
            || self.ends()
            || self.unwritten_since.is_some_and(|since| since.elapsed() >= WRITE_INTERVAL);
        let may = self.not_before.is_none_or(|then| then <= Instant::now());
        if !is_time || !may || self.unwritten.is_empty() || !self.writing.is_empty() {
            return;
        }
        // Before its progress is looked at: the place's cursor must not pass what is about to be said.
        self.shared.kept_owes.store(false, Ordering::SeqCst);
        let progress = self.progress();
        let unwritten = std::mem::take(&mut self.unwritten);
        self.being_written = unwritten.done.len();
        self.unwritten_since = None;
        let (app, under, endpoint) = (Arc::clone(&self.app), self.under.clone(), self.endpoint());
        let workspace = self.directory.workspace();
        self.writing.spawn(async move {
            let result = match batch(&app, workspace, endpoint, &unwritten, &progress) {
                Ok(batch) => under.run(app.commit(batch)).await.map(|result| result.map(drop)),
                Err(error) => Some(Err(CommitError::Engine { source: error.into() })),
            };
            Wrote { result, unwritten, progress }
        });
    }

    fn progress(&mut self) -> Progress {
        let passed = self.passed.up_to();
        let is_fed = self.shared.inbox.is_fed();
        let has_all = is_fed && self.shared.inbox.is_empty();
        if has_all {
            self.work.pass(passed);
        }
        let parked = self.work.parked().map(|(lane, parked)| ParkedLane {
            lane,
            head: parked.head.0,
            behind: parked.behind.0,
            due: parked.due,
        });
        Progress {
            endpoint: Some(self.endpoint()),
            parked: parked.collect(),
            open: self.work.open().map(|seq| seq.0).collect(),
            taken: self.work.taken().0,
            behind: !has_all,
            skipped: self.given_up.kept(),
            health: self.health.kept().clone(),
        }
    }

    async fn wrote(&mut self, wrote: Wrote) {
        let Wrote { result, unwritten, progress } = wrote;
        self.being_written = 0;
        match result {
            Some(Ok(())) => {
                self.shared.kept_owes.store(progress.owes(), Ordering::SeqCst);
                if let Some(why) = unwritten.gone {
                    self.switch_off(why).await;
                }
            }
            Some(Err(CommitError::Fenced { .. } | CommitError::Closed)) | None => {}
            Some(Err(error)) => {
                tracing::warn!("what was delivered will be written again: {}", chain(&error));
                self.not_before = Some(Instant::now() + PAUSE);
                let newer = std::mem::replace(&mut self.unwritten, unwritten);
                self.unwritten.done.extend(newer.done);
                self.unwritten.health.extend(newer.health);
                self.unwritten.notices.extend(newer.notices);
                self.unwritten.gone = self.unwritten.gone.or(newer.gone);
                self.unwritten.failed |= newer.failed;
                self.touch();
            }
        }
    }

    async fn switch_off(&mut self, why: &'static str) {
        let id = self.endpoint();
        if !switch_off(&self.app, &self.directory, &self.under, id, why).await {
            self.unwritten.gone = Some(why);
            self.not_before = Some(Instant::now() + PAUSE);
            self.touch();
        }
    }

    /// Tells how it is, for who waits until nothing is to be done now.
    fn tell_pulse(&self) {
        let is_quiet = self.steps.is_empty()
            && self.writing.is_empty()
            && self.unwritten.is_empty()
            && (!self.work.has_ready()
                || self.gathers_until().is_some()
                || self.health.window(self.app.now()) == 0);
        if !is_quiet {
            return;
        }
        let opens_at = self.health.opens_at(self.app.now());
        let due = self.work.next_due().into_iter().chain(self.gathers_until()).min();
        let next = match (due, opens_at) {
            (Some(due), Some(opens)) => Some(due.max(opens)),
            (None, Some(opens)) if self.work.has_ready() => Some(opens),
            (due, _) => due,
        };
        let notice = self.given_up.notice_due(self.app.now());
        let next = next.into_iter().chain(notice).min();
        let reads = !self.shared.inbox.is_fed();
        self.shared.pulse.quiet(self.work.is_clean() && !reads, next);
    }

    /// Tells how it is doing, for the metrics: at once when it has nothing to do, else now and then.
    fn tell_gauge(&mut self) {
        let is_busy = !self.steps.is_empty();
        if is_busy && self.gauged_at.is_some_and(|then| then.elapsed() < GAUGE_INTERVAL) {
            return;
        }
        self.gauged_at = Some(Instant::now());
        // What waits in the inbox of one that does not keep up was not looked at either.
        let behind_at = (!self.shared.inbox.is_fed()).then(|| self.work.taken());
        let (waits, first) =
            if behind_at.is_some() { (0, None) } else { self.shared.inbox.waits() };
        let parked = self.work.parked().map(|(_, parked)| parked.head).min();
        self.shared.gauge.note(Now {
            owed: waits + self.work.open().len() + self.work.parked_count(),
            oldest: first.into_iter().chain(self.work.open().next()).chain(parked).min(),
            behind_at,
            in_flight: self.steps.len(),
            parked: self.work.parked_count(),
            health: self.health.state(),
        });
    }

    /// Waits until something is to be done.
    async fn wait(&mut self, ends: bool) {
        let reads = !ends && self.reads();
        if reads && self.follower.is_none() {
            let store = Arc::clone(&self.app.store);
            let (workspace, taken) = (self.directory.workspace(), self.work.taken());
            self.follower = Some(Follower::new(store, workspace, taken));
        }
        let mut gone = self.shared.gone.subscribe();
        let pause = self.pause();
        let moved = self.app.clock_moved.notified();
        tokio::select! {
            biased;
            Some(stepped) = self.steps.join_next(), if !self.steps.is_empty() => {
                // A panic is in the log already; its lane stands still.
                if let Ok(stepped) = stepped {
                    self.stepped(stepped);
                }
            }
            Some(wrote) = self.writing.join_next(), if !self.writing.is_empty() => {
                if let Ok(wrote) = wrote {
                    self.wrote(wrote).await;
                }
            }
            () = self.under.ending(), if !ends => {}
            () = ended(&mut self.stop), if !ends => {}
            _ = gone.changed(), if !ends => {}
            events = look(&mut self.follower), if reads => self.read(events).await,
            () = self.shared.inbox.news() => {}
            () = self.shared.pulse.told() => {}
            () = moved => {}
            () = tokio::time::sleep(pause) => {}
        }
    }

    /// How long nothing is to be done by the clock.
    fn pause(&self) -> Duration {
        let mut pause = LOOK_INTERVAL;
        if let Some(since) = self.unwritten_since
            && self.writing.is_empty()
        {
            pause = pause.min(WRITE_INTERVAL.saturating_sub(since.elapsed()));
        }
        let now = self.app.now();
        let next = [self.work.next_due(), self.gathers_until(), self.health.opens_at(now)];
        for then in next.into_iter().flatten().filter(|then| *then > now) {
            pause = pause.min(Duration::try_from(then.duration_since(now)).unwrap_or_default());
        }
        pause.max(Duration::from_millis(1))
    }

    /// What it read by itself.
    async fn read(&mut self, events: Result<Vec<Arc<Event>>, ReadError>) {
        let workspace = self.directory.workspace();
        let known = match &events {
            Ok(events) => {
                let last = events.last().map_or(Seq::START, |event| event.seq);
                fresh::keep_up(&self.app, workspace, last).await
            }
            Err(_) => Ok(()),
        };
        match (events, known) {
            (Ok(events), Ok(())) => {
                self.know_endpoint();
                for event in events {
                    let seq = event.seq;
                    if self.directory.wants(&self.app, &self.subscriber, &event) {
                        self.take(event);
                    }
                    self.work.pass(seq);
                }
                self.join();
            }
            (Err(error), _) | (_, Err(error)) => {
                tracing::error!("an endpoint's reader cannot read the log: {}", chain(&error));
                // What was given out and not taken is given out again.
                self.follower = None;
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Is fed again, if it has caught up.
    fn join(&mut self) {
        let tail = self.app.store.tail(self.directory.workspace());
        if self.work.taken() >= tail.head()
            && self.passed.join(&self.shared.inbox, self.work.taken())
        {
            self.follower = None;
            self.touch();
        }
    }

    /// Its endpoint is gone: nothing is owed any more.
    async fn give_up(&mut self) {
        let parked = self.work.parked().map(|(_, parked)| parked.head);
        // What was decided before its first try has a document too.
        let heads: Vec<Seq> = parked.chain(self.work.open()).collect();
        let end = super::switch::give_up(&self.app, &self.directory, self.endpoint(), &heads);
        if let Some(Err(error)) = self.under.run(end).await {
            tracing::warn!("what an endpoint was owed is still kept: {}", chain(&error));
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

async fn look(follower: &mut Option<Follower>) -> Result<Vec<Arc<Event>>, ReadError> {
    match follower {
        Some(follower) => follower.next(LOOK_EVENTS_MAX).await,
        None => std::future::pending().await,
    }
}

async fn ended(stop: &mut Option<watch::Receiver<bool>>) {
    match stop {
        Some(stop) => crate::pipeline::reader::stopped(stop).await,
        None => std::future::pending().await,
    }
}

/// What one write says.
fn batch(
    app: &App,
    workspace: tidings_model::WorkspaceId,
    endpoint: EndpointId,
    unwritten: &Unwritten,
    progress: &Progress,
) -> serde_json::Result<Batch> {
    let mut batch = Batch::new(workspace);
    let mut page = Vec::new();
    for written in &unwritten.done {
        if written.has_own {
            let put = record::put_one(&written.delivery);
            // Of two tries of one delivery the last counts.
            batch.puts.retain(|earlier| earlier.key != put.key);
            batch.puts.push(put);
        } else {
            page.push(written.delivery.value.clone());
        }
    }
    for page in page.chunks(UNWRITTEN_MAX) {
        batch.puts.push(record::put_page(app.clock.next_id(), endpoint, page.to_vec())?);
    }
    batch.puts.push(progress::put(endpoint, progress)?);
    let told = unwritten.health.iter().map(|state| {
        let data = serde_json::json!({ "endpoint": endpoint, "state": state });
        ("endpoint.health_changed", data)
    });
    let notices = unwritten.notices.iter().map(|data| (NOTICE, data.clone()));
    for (name, data) in told.chain(notices) {
        let name = name.parse().expect("a good name");
        let id = EventId::new(app.clock.next_id());
        let mut draft = Draft::new(id, name, workspace, app.now(), data);
        draft.visibility = Visibility::Agents;
        batch.events.push(draft);
    }
    // What a mail would tell of those before is over.
    let last = unwritten.health.last();
    batch.timers.extend(last.and_then(|state| mail::about(app, endpoint, *state, None)));
    Ok(batch)
}
