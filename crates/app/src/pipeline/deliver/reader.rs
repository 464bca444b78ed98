//! The reader of one endpoint: takes what its endpoint wants, tries it lane by lane, and writes down what became of it.
//!
//! It is fed by the one look at the log of its place ([`super::feed`]) while it keeps up, and reads the log by itself
//! while it does not. What was tried since the last write and what is under way is never more than [`UNWRITTEN_MAX`], and a
//! request's events where several go in one: so many are sent again, with the same ids, when the process is killed.

mod batches;
mod steps;
mod tells;
mod writes;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use futures_util::future::try_join_all;
use tidings_model::{EndpointId, Event, Seq, Timestamp};
use tidings_store::{Follower, ReadError};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use self::steps::{Came, Stepped, What, came};
use self::writes::{Unwritten, Wrote};
use super::crowd::InCrowd;
use super::gate::Receiver;
use super::gauges::Gauge;
use super::health::Health;
use super::inbox::{Inbox, Passed};
use super::owed::Owed;
use super::progress::Progress;
use super::pulse::{Ask, Pulse};
use super::skipped::GivenUp;
use super::step::lane_of;
use super::switch::{self, Then};
use super::work::Work;
use crate::App;
use crate::directory::{Directory, Subscriber};
use crate::nodes::hold::Under;
use crate::pipeline::fresh;
use crate::pipeline::reader::chain;

/// How many deliveries of an endpoint may be under way, unless it says otherwise.
pub const IN_FLIGHT_MAX: usize = 64;

/// The most that an endpoint may ask for.
pub const IN_FLIGHT_ASKED_MAX: usize = 256;

/// How many tried deliveries of an endpoint may be unwritten or under way.
const UNWRITTEN_MAX: usize = 256;

/// How many events of an endpoint are in memory, to be tried or under way.
const IN_HAND_MAX: usize = 256;

/// How many lanes of an endpoint may be parked; then nothing more is taken.
const PARKED_MAX: usize = 1_000;

/// How many events that are owed since before a stop are read at once.
const OPEN_READS_MAX: usize = 16;

/// How many events one look at the log takes.
const LOOK_EVENTS_MAX: usize = 256;

/// The time between two looks at the clock: a wake-up is only a hint. Each endpoint's is its own, up to twice as long: a
/// thousand that look at once would be in the way of who has something to do.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

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
    /// Its part in what may be under way on this node.
    in_crowd: InCrowd,
    /// As much is under way as may be: nothing begins before some of it ends.
    is_full: bool,
    /// How many other tries are under way.
    again_under_way: usize,
    /// How many events are under way in requests of several.
    together_under_way: usize,
    unwritten: Unwritten,
    /// The heads whose last failure is not on disk yet: they are not tried again before it is.
    failing: HashSet<Seq>,
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

/// An event that was taken.
#[derive(Debug)]
struct Taken {
    event: Arc<Event>,
    /// When it came, and how many bytes it has in a body of several, where its endpoint asked for such.
    came: Timestamp,
    bytes: usize,
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
            in_crowd: app.crowd.part(),
            is_full: false,
            again_under_way: 0,
            together_under_way: 0,
            unwritten: Unwritten::default(),
            failing: HashSet::new(),
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
            self.answer();
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

    /// Answers who waits for it.
    fn answer(&mut self) {
        for ask in self.shared.pulse.asks() {
            match ask {
                // A job leaves to it what it will come to by itself; one that is gone asks again.
                Ask::Owed(asks) => drop(asks.send(self.owed())),
                Ask::Turn(asks) if asks.is_closed() => {}
                Ask::Turn(asks) => drop(asks.send(self.health.turn(self.app.now()))),
            }
        }
    }

    fn owed(&self) -> Owed {
        // In this order: what was given out before is in the inbox then, or was taken from it.
        let passed = self.passed.up_to();
        let is_fed = self.shared.inbox.is_fed();
        let looked_up_to = match self.shared.inbox.waits() {
            (_, Some(first)) => Seq(first.0.saturating_sub(1)),
            (_, None) if is_fed => self.work.taken().max(passed),
            (_, None) => self.work.taken(),
        };
        let parked =
            self.work.parked().map(|(lane, parked)| (lane, (parked.head, parked.behind))).collect();
        Owed { looked_up_to, open: self.work.open().collect(), parked }
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
        for seqs in open.chunks(OPEN_READS_MAX) {
            let events = loop {
                let desk = self.desk(None);
                match try_join_all(seqs.iter().map(|seq| desk.event(Seq(*seq)))).await {
                    Ok(events) => break events,
                    Err(error) => {
                        tracing::error!("what is owed cannot be read yet: {}", chain(&error));
                        tokio::time::sleep(PAUSE).await;
                        if self.ends() {
                            return;
                        }
                    }
                }
            };
            for event in events.into_iter().flatten() {
                self.take(event);
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
            self.passed.took();
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

    /// Waits until something is to be done.
    async fn wait(&mut self, ends: bool) {
        let reads = !ends && self.reads();
        if reads && self.follower.is_none() {
            let store = Arc::clone(&self.app.store);
            let (workspace, taken) = (self.directory.workspace(), self.work.taken());
            self.follower = Some(Follower::new(store, workspace, taken));
        }
        self.shared.inbox.await_news(ends || !self.is_full);
        let mut gone = self.shared.gone.subscribe();
        let pause = self.pause();
        let moved = self.app.clock_moved.notified();
        tokio::select! {
            biased;
            Some(stepped) = self.steps.join_next(), if !self.steps.is_empty() => {
                self.take_steps(stepped);
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
        let mut pause = LOOK_INTERVAL.mul_f64(1.0 + part_of(self.endpoint()));
        if let Some(since) = self.unwritten_since
            && self.writing.is_empty()
        {
            pause = pause.min(self.write_interval().saturating_sub(since.elapsed()));
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
                    if self.directory.wants(&self.subscriber, &event) {
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

    /// Is fed again, if it has caught up with the one look at the log.
    fn join(&mut self) {
        if self.passed.join(&self.shared.inbox, self.work.taken()) {
            self.follower = None;
            self.touch();
        }
    }

    /// Its endpoint is gone: nothing is owed any more.
    async fn give_up(&mut self) {
        let parked = self.work.parked().map(|(_, parked)| parked.head);
        // What was decided before its first try has a document too.
        let heads: Vec<Seq> = parked.chain(self.work.open()).collect();
        let (under, id) = (&self.under, self.endpoint());
        switch::give_up(&self.app, &self.directory, under, id, &heads, Then::Forget).await;
    }
}

/// A part of one that is each endpoint's own.
fn part_of(endpoint: EndpointId) -> f64 {
    let [.., last] = endpoint.uuid().into_bytes();
    f64::from(last) / f64::from(u8::MAX)
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
