//! The one look at the log for all endpoints of a place: it gives each event to those who want it.
//!
//! An event that no endpoint wants costs one look at a table, however many endpoints there are; accepting an event costs
//! nothing at all. It goes as fast as most of them take what they are given; who does not keep up with that is left behind
//! and reads by itself.
//!
//! **Up to where all is done.** The place's cursor says it of every endpoint whose [`Progress`] owes nothing. It is moved
//! up to what was given out when each endpoint has done all of that, or has said in its progress that it has not.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tidings_model::{EndpointId, Event, Seq};
use tidings_store::{Advance, Batch, Follower, ReadError};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::MissedTickBehavior;

use super::NAME;
use super::inbox::{Fullness, Inbox, Passed};
use super::progress::{self, Progress};
use super::pulse::Pulse;
use super::reader::{Reader, Shared};
use super::switch::{self, Then};
use crate::App;
use crate::directory::{Directory, Subscriber};
use crate::nodes::hold::{InHand, Under};
use crate::pipeline::hands::Place;
use crate::pipeline::reader::{Pace, STOP_GRACE, chain, stopped};
use crate::pipeline::{cursors, fresh};

/// How many events one look at the log takes.
const LOOK_EVENTS_MAX: usize = 256;

/// How long it rests while nobody takes anything: then who has enough is left behind.
const PATIENCE: Duration = Duration::from_millis(50);

/// How often the cursor is written while it moves.
const CURSOR_INTERVAL: Duration = Duration::from_millis(200);

/// The pause before a failed read is tried again.
const PAUSE: Duration = Duration::from_millis(500);

/// Where a feed works.
pub(crate) struct Part {
    pub(crate) place: Place,
    pub(crate) under: Under,
    pub(crate) stop: Option<watch::Receiver<bool>>,
    /// Counts it as in hand until it has written its last cursor.
    pub(crate) in_hand: Option<InHand>,
}

/// The feed of one place.
struct Feed {
    app: Arc<App>,
    directory: Arc<Directory>,
    part: Part,
    passed: Arc<Passed>,
    written: Seq,
    readers: HashMap<EndpointId, Arc<Shared>>,
    /// Those whose endpoint is gone, and that are not through yet: who comes back waits for that.
    ending: HashSet<EndpointId>,
    /// Somebody waits so.
    somebody_waits: bool,
    running: JoinSet<EndpointId>,
    generation: Option<u64>,
}

/// Feeds the endpoints of a place until told to stop, or until the lease goes.
pub(crate) async fn run(app: Arc<App>, directory: Arc<Directory>, part: Part, pace: Arc<Pace>) {
    let place = part.place;
    // Until it says otherwise, nothing is done.
    pace.note(place, Seq::START, app.store.tail(directory.workspace()).head());
    let Some(mut feed) = Feed::open(app, directory, part).await else {
        pace.leave(place);
        return;
    };
    let workspace = feed.directory.workspace();
    let store = Arc::clone(&feed.app.store);
    let mut follower = Follower::new(Arc::clone(&store), workspace, feed.written);
    let tail = store.tail(workspace);
    let mut ticks = tokio::time::interval(CURSOR_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let rests = feed.rests();
        tokio::select! {
            biased;
            () = ending(&feed.part.under, &mut feed.part.stop) => break,
            _ = ticks.tick() => {
                feed.look_at_endpoints();
                feed.write_cursor().await;
                pace.note(place, feed.written, tail.head());
            }
            Some(ended) = feed.running.join_next(), if !feed.running.is_empty() => {
                feed.ended(ended);
            }
            () = feed.passed.taken(), if rests => {}
            () = tokio::time::sleep(PATIENCE), if rests => feed.leave_behind(),
            events = follower.next(LOOK_EVENTS_MAX), if !rests => {
                let given = match events {
                    Ok(events) => feed.give(&events).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = given {
                    tracing::error!("the log cannot be given to endpoints: {}", chain(&error));
                    follower = Follower::new(Arc::clone(&store), workspace, feed.passed.up_to());
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }
    feed.end().await;
    pace.leave(place);
}

async fn ending(under: &Under, stop: &mut Option<watch::Receiver<bool>>) {
    match stop {
        Some(stop) => stopped(stop).await,
        None => under.ending().await,
    }
}

impl Feed {
    async fn open(app: Arc<App>, directory: Arc<Directory>, mut part: Part) -> Option<Self> {
        let workspace = directory.workspace();
        let (done, known) = loop {
            let read = async {
                let store = app.store.as_ref();
                let known = progress::of_place(store, workspace, part.place).await?;
                fresh::keep_up(&app, workspace, app.store.last_seq(workspace).await?).await?;
                let done = cursors::done_up_to(store, workspace, NAME, part.place).await?;
                Ok::<_, ReadError>((done, known))
            };
            match read.await {
                Ok(read) => break read,
                Err(error) => {
                    tracing::error!("deliveries cannot begin yet: {}", chain(&error));
                    tokio::select! {
                        () = ending(&part.under, &mut part.stop) => return None,
                        () = tokio::time::sleep(PAUSE) => {}
                    }
                }
            }
        };
        let mut feed = Self {
            passed: Arc::new(Passed::new(done)),
            app,
            directory,
            part,
            written: done,
            readers: HashMap::new(),
            ending: HashSet::new(),
            somebody_waits: false,
            running: JoinSet::new(),
            generation: None,
        };
        let mut known: HashMap<EndpointId, Progress> =
            known.into_iter().filter_map(|progress| Some((progress.endpoint?, progress))).collect();
        for subscriber in feed.wanted() {
            let endpoint = &subscriber.endpoint.value;
            let progress = known.remove(&endpoint.id).unwrap_or_default();
            feed.give_up_before(&progress, endpoint.after_seq).await;
            feed.start(subscriber, begin(progress, done));
        }
        for (id, progress) in known {
            feed.give_up(id, &progress).await;
        }
        feed.generation = Some(feed.directory.generation());
        Some(feed)
    }

    /// The endpoints of the place that are switched on.
    fn wanted(&self) -> Vec<Arc<Subscriber>> {
        let all = self.directory.subscribers();
        let is_here = |subscriber: &Arc<Subscriber>| {
            let endpoint = &subscriber.endpoint.value;
            endpoint.enabled && progress::is_of(self.part.place, endpoint.id)
        };
        all.into_iter().filter(is_here).collect()
    }

    /// Begins to read for those that are new, and ends for those that are gone.
    fn look_at_endpoints(&mut self) {
        let generation = self.directory.generation();
        if self.generation == Some(generation) {
            return;
        }
        self.generation = Some(generation);
        let wanted: HashMap<EndpointId, Arc<Subscriber>> = self
            .wanted()
            .into_iter()
            .map(|subscriber| (subscriber.endpoint.value.id, subscriber))
            .collect();
        let ending = &mut self.ending;
        self.readers.retain(|id, shared| {
            // One that was switched off and on again since the last look begins anew.
            let stays = wanted
                .get(id)
                .is_some_and(|wanted| wanted.endpoint.value.after_seq == shared.after_seq);
            if !stays {
                shared.gone.send_replace(true);
                ending.insert(*id);
            }
            stays
        });
        self.somebody_waits = wanted.keys().any(|id| self.ending.contains(id));
        for (id, subscriber) in wanted {
            if !self.readers.contains_key(&id) && !self.ending.contains(&id) {
                // It is owed what came since it was made: it reads that by itself, and is fed then.
                let taken = subscriber.endpoint.value.after_seq;
                let progress = Progress { taken, behind: true, ..Progress::default() };
                self.start(subscriber, progress);
            }
        }
    }

    /// A reader is through: its endpoint may have come back meanwhile.
    fn ended(&mut self, ended: Result<EndpointId, JoinError>) {
        match ended {
            Ok(id) => {
                if self.ending.remove(&id) {
                    self.generation = None;
                    self.look_at_endpoints();
                }
            }
            Err(error) => tracing::error!("an endpoint's reader broke: {}", chain(&error)),
        }
    }

    /// What an endpoint was owed that was switched off or removed while nobody looked.
    async fn give_up(&self, id: EndpointId, progress: &Progress) {
        let heads: Vec<Seq> = progress.heads().collect();
        let under = &self.part.under;
        switch::give_up(&self.app, &self.directory, under, id, &heads, Then::Forget).await;
    }

    /// What an endpoint was owed before it was switched off and on again while nobody looked.
    async fn give_up_before(&self, progress: &Progress, after_seq: u64) {
        let Some(id) = progress.endpoint else { return };
        let heads: Vec<Seq> = progress.heads().filter(|head| head.0 <= after_seq).collect();
        if !heads.is_empty() {
            let under = &self.part.under;
            switch::give_up(&self.app, &self.directory, under, id, &heads, Then::GoOn).await;
        }
    }

    fn start(&mut self, subscriber: Arc<Subscriber>, mut progress: Progress) {
        let endpoint = &subscriber.endpoint.value;
        progress.taken = progress.taken.max(endpoint.after_seq);
        progress.open.retain(|seq| *seq > endpoint.after_seq);
        progress.parked.retain(|parked| parked.head > endpoint.after_seq);
        let at = self.passed.up_to();
        let is_fed = !progress.behind && progress.taken >= at.0;
        let pulse = Arc::new(Pulse::default());
        self.app.pulses.add(self.directory.workspace(), endpoint.id, &pulse);
        let shared = Arc::new(Shared {
            inbox: Inbox::new(is_fed),
            gauge: self.app.gauges.add(self.directory.workspace(), endpoint.id),
            pulse,
            kept_owes: AtomicBool::new(progress.owes() && progress.endpoint.is_some()),
            after_seq: endpoint.after_seq,
            gone: watch::Sender::new(false),
        });
        let id = endpoint.id;
        self.readers.insert(id, Arc::clone(&shared));
        let open = std::mem::take(&mut progress.open);
        let (under, stop) = (self.part.under.clone(), self.part.stop.clone());
        let passed = Arc::clone(&self.passed);
        let reader = Reader::new(
            &self.app,
            &self.directory,
            subscriber,
            shared,
            passed,
            under.clone(),
            stop,
            progress,
        );
        self.running.spawn(async move {
            Box::pin(under.run(reader.run(open))).await;
            id
        });
    }

    /// Whether most of those who are fed have enough for a while: what they cannot be given, each would have to read again.
    fn rests(&self) -> bool {
        let (mut enough, mut room) = (0_usize, 0_usize);
        for shared in self.readers.values() {
            match shared.inbox.fullness() {
                Fullness::Unfed => {}
                Fullness::Room => room += 1,
                Fullness::Enough => enough += 1,
            }
        }
        enough > room
    }

    /// Nobody takes what they were given: who has enough reads by itself from now on.
    fn leave_behind(&self) {
        for shared in self.readers.values() {
            shared.inbox.leave_behind();
        }
    }

    /// Gives events to who wants them.
    async fn give(&mut self, events: &[Arc<Event>]) -> Result<(), ReadError> {
        let Some(last) = events.last() else { return Ok(()) };
        fresh::keep_up(&self.app, self.directory.workspace(), last.seq).await?;
        self.look_at_endpoints();
        self.passed.begin(last.seq);
        for event in events {
            let subscribers = self.directory.subscribers_of(&event.event_type);
            let at_hand = subscribers.iter().filter_map(|subscriber| {
                let shared = self.readers.get(&subscriber.endpoint.value.id)?;
                Some((subscriber, &shared.inbox))
            });
            // Who can begin at once does not wait for a thousand who cannot.
            let (first, then): (Vec<_>, Vec<_>) =
                at_hand.partition(|(_, inbox)| inbox.is_awaited());
            for (subscriber, inbox) in first.into_iter().chain(then) {
                if self.directory.wants(subscriber, event) {
                    inbox.offer(event);
                }
            }
        }
        self.passed.end();
        Ok(())
    }

    /// Moves the cursor up to what was given out, if all of it is done or said to be owed.
    async fn write_cursor(&mut self) {
        let passed = self.passed.up_to();
        if passed <= self.written
            || self.somebody_waits
            || !self.readers.values().all(|shared| shared.is_accounted_for())
        {
            return;
        }
        let mut batch = Batch::new(self.directory.workspace());
        let reader = cursors::name(NAME, self.part.place);
        batch.cursors.push(Advance { reader, to: passed });
        match self.part.under.run(self.app.commit(batch)).await {
            Some(Ok(_)) => self.written = passed,
            Some(Err(error)) => tracing::warn!("a cursor could not be written: {}", chain(&error)),
            None => {}
        }
    }

    async fn end(mut self) {
        let last = async { while self.running.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_GRACE, last).await.is_err() {
            tracing::warn!("deliveries stop with tries in hand; they are made again");
        }
        self.write_cursor().await;
        drop(self.part.in_hand.take());
    }
}

/// Where a reader begins: what owes nothing has done all that the place's cursor says.
fn begin(mut progress: Progress, done: Seq) -> Progress {
    if !progress.owes() {
        progress.taken = progress.taken.max(done.0);
    }
    progress
}

impl Shared {
    /// Whether all that it was given is done, or said to be owed.
    fn is_accounted_for(&self) -> bool {
        self.kept_owes.load(Ordering::SeqCst) || (self.inbox.is_empty() && self.pulse.is_clean())
    }
}
