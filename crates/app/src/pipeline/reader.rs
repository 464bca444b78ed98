//! A reader of the log: in order within a lane, lanes side by side, with a cursor that survives a restart.
//!
//! It handles all lanes of a workspace, or those of some shares; then each share has a cursor of its own, and may go to
//! another node while the others go on.
//!
//! The cursor is the number up to which everything is done. Lanes run ahead of it, so after a crash some events are
//! handled again: every [`Handler::handle`] says what makes that harmless. An event that does not concern the handler
//! costs one call of [`Handler::lanes`].

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidings_model::{ChatId, Destination, Event, EventId, Seq, WorkspaceId};
use tidings_store::{Advance, Batch, CommitError, Follower, ReadError};
use tokio::sync::watch;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, MissedTickBehavior};
use uuid::Uuid;

use super::cursors;
use super::fresh;
use super::hands::{Hands, Place};
use crate::App;
use crate::nodes::hold::{Hold, InHand, Under};

/// How many events of one reader may be in the hands of its lanes.
pub const WINDOW_EVENTS_MAX: usize = 2_048;

/// How many events one look at the log takes.
const LOOK_EVENTS_MAX: usize = 256;

/// How often the cursor is written while it moves; what is handled again after a crash is bounded by this.
const CURSOR_INTERVAL: Duration = Duration::from_millis(500);

/// How long the steps in hand may take when we stop: a delivery to a slow receiver is longer, and is made again.
pub(crate) const STOP_GRACE: Duration = Duration::from_secs(4);

/// The first and the longest pause before a failed step is tried again.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// The pause before what is kept at hand is looked at again when it cannot be read.
const PAUSE_UNKNOWN: Duration = Duration::from_millis(500);

/// What is handled in order: a chat, or an event that stands alone; for each destination apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Lane {
    /// The chat, or the event itself.
    pub of: Uuid,
    /// To whom something is owed, for the readers that send.
    pub to: Option<Destination>,
}

impl Lane {
    /// The lane of an event: its chat's, or its own.
    pub fn of(event: &Event) -> Self {
        Self { of: event.chat.map_or_else(|| EventId::uuid(event.id), ChatId::uuid), to: None }
    }

    /// The same, for one destination.
    #[must_use]
    pub fn towards(self, to: Destination) -> Self {
        Self { of: self.of, to: Some(to) }
    }
}

/// What a reader does with an event.
pub trait Handler: Send + Sync + 'static {
    /// Adds the lanes to handle it in; none when it does not concern this reader.
    fn lanes(&self, event: &Event, lanes: &mut Vec<Lane>);

    /// Handles it in one of its lanes. Runs again after a crash, and after an error.
    fn handle(
        &self,
        event: &Arc<Event>,
        lane: Lane,
    ) -> impl Future<Output = Result<(), StepFailed>> + Send;
}

/// A step could not be done now; it is tried again until it can.
#[derive(Debug, thiserror::Error)]
pub enum StepFailed {
    /// Something could not be read.
    #[error("a step could not read what it needs")]
    Read(#[from] ReadError),
    /// Something could not be written.
    #[error("a step could not write what it decided")]
    Commit(#[from] tidings_store::CommitError),
}

/// Whose lanes a reader handles.
pub(crate) enum Part {
    /// All of the workspace, until told to stop.
    Whole {
        /// Says so.
        stop: watch::Receiver<bool>,
    },
    /// Those of some shares, each under its lease, until all of them have gone.
    Shares {
        /// The leases; each counts the reader as in hand until it has written its last cursor.
        holds: Vec<(Arc<Hold>, InHand)>,
        /// Moves when something moves in one of them.
        moved: watch::Receiver<u64>,
    },
}

/// How far a reader is, for who asks from outside.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Up to where all is done, in each place that tells of itself.
    done_up_to: Mutex<BTreeMap<Place, Seq>>,
    /// When it was last at the end of the log.
    caught_up: Mutex<Instant>,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self { done_up_to: Mutex::default(), caught_up: Mutex::new(Instant::now()) }
    }

    /// How many events are not done in the place that is farthest behind, and for how long that has been so somewhere.
    pub(crate) fn lag(&self, head: Seq) -> (u64, Duration) {
        let done = self.done_up_to.lock().unwrap_or_else(PoisonError::into_inner);
        let farthest = done.values().min().copied().unwrap_or(Seq::START);
        drop(done);
        let events = head.0.saturating_sub(farthest.0);
        let since = self.caught_up.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
        (events, if events == 0 { Duration::ZERO } else { since })
    }

    /// A place is somebody else's from now on.
    pub(crate) fn leave(&self, place: Place) {
        self.done_up_to.lock().unwrap_or_else(PoisonError::into_inner).remove(&place);
    }

    /// Up to where all is done in a place: several shares may tell of themselves.
    pub(crate) fn note(&self, place: Place, up_to: Seq, head: Seq) {
        let mut done = self.done_up_to.lock().unwrap_or_else(PoisonError::into_inner);
        done.insert(place, up_to);
        let is_done = done.values().all(|done| *done >= head);
        drop(done);
        if is_done {
            *self.caught_up.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        }
    }
}

/// Runs a reader until its part is over; then lets the steps in hand finish, and writes the cursor.
pub(crate) async fn run<H: Handler>(
    app: Arc<App>,
    workspace: WorkspaceId,
    name: &'static str,
    handler: Arc<H>,
    part: Part,
    pace: Arc<Pace>,
) {
    let (mut desks, mut signal) = open_desks(part);
    while let Err(error) = read_cursors(&app, workspace, name, &mut desks).await {
        tracing::error!(reader = name, "the reader {name} cannot begin yet: {}", chain(&error));
        tokio::select! {
            () = signal.comes() => {}
            () = tokio::time::sleep(PAUSE_MAX) => {}
        }
        desks.retain(|_, desk| !desk.under.is_ending());
        if desks.is_empty() || signal.is_stop() {
            return;
        }
    }
    let hands = Hands::new(desks.iter().map(|(place, desk)| (*place, desk.written)));
    let mut follower = Follower::new(Arc::clone(&app.store), workspace, hands.taken());
    let mut reader = Reader { app, workspace, name, handler, hands, steps: JoinSet::new() };
    let tail = reader.app.store.tail(workspace);
    let mut ticks = tokio::time::interval(CURSOR_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = signal.comes() => match &signal {
                Signal::Stop(_) => break,
                Signal::Moved(_) => {}
            },
            Some(finished) = reader.steps.join_next(), if !reader.steps.is_empty() => {
                reader.finished(finished, &desks);
            }
            _ = ticks.tick() => {
                reader.write_cursors(&mut desks).await;
                let done = desks.keys().filter_map(|place| reader.hands.done_up_to(*place)).min();
                // All of its places at once.
                pace.note(Place::Whole, done.unwrap_or(Seq::START), tail.head());
            }
            events = follower.next(LOOK_EVENTS_MAX), if reader.hands.open() < WINDOW_EVENTS_MAX => {
                match events {
                    Ok(events) => if reader.knows_of(&events).await {
                        for event in events {
                            reader.take(&event, &desks);
                        }
                    } else {
                        // What was given out and not taken is given out again.
                        let (store, taken) = (Arc::clone(&reader.app.store), reader.hands.taken());
                        follower = Follower::new(store, workspace, taken);
                        tokio::time::sleep(PAUSE_UNKNOWN).await;
                    },
                    Err(error) => {
                        tracing::error!(reader = name, "reader {name} cannot read the log: {error}");
                        tokio::time::sleep(PAUSE_MAX).await;
                    }
                }
            }
        }
        if matches!(signal, Signal::Moved(_)) {
            reader.leave_what_ends(&mut desks).await;
            if reader.hands.is_over() {
                return;
            }
        }
    }
    let last_steps = async {
        while let Some(finished) = reader.steps.join_next().await {
            if let Ok((lane, seq, Finish::Done)) = finished {
                // What its lane would do next waits for the next start.
                reader.hands.close(Place::Whole);
                reader.hands.done(lane, seq);
            }
        }
    };
    if tokio::time::timeout(STOP_GRACE, last_steps).await.is_err() {
        tracing::warn!(
            reader = name,
            "{name} stops with steps in hand; they run again at the next start"
        );
    }
    reader.write_cursors(&mut desks).await;
}

/// What tells a reader to look up.
enum Signal {
    /// It is to stop.
    Stop(watch::Receiver<bool>),
    /// One of its shares may be going.
    Moved(watch::Receiver<u64>),
}

impl Signal {
    /// Whether all is to stop.
    fn is_stop(&self) -> bool {
        match self {
            Self::Stop(stop) => *stop.borrow(),
            Self::Moved(_) => false,
        }
    }

    async fn comes(&mut self) {
        match self {
            Self::Stop(stop) => stopped(stop).await,
            // Who tells lives as long as the leases, which are ours.
            Self::Moved(moved) => drop(moved.changed().await),
        }
    }
}

/// Where a reader works on the lanes of one place.
struct Desk {
    under: Under,
    /// Says when the steps are to stop trying.
    stop: Option<watch::Receiver<bool>>,
    /// Counts the reader as in hand until it is dropped.
    _in_hand: Option<InHand>,
    written: Seq,
}

fn open_desks(part: Part) -> (BTreeMap<Place, Desk>, Signal) {
    let written = Seq::START;
    match part {
        Part::Whole { stop } => {
            let (under, signal) = (Under::Alone, Signal::Stop(stop.clone()));
            let desk = Desk { under, stop: Some(stop), _in_hand: None, written };
            (BTreeMap::from([(Place::Whole, desk)]), signal)
        }
        Part::Shares { holds, moved } => {
            let desks = holds.into_iter().map(|(hold, in_hand)| {
                let (place, under) = (Place::Share(hold.share()), Under::Lease(hold));
                (place, Desk { under, stop: None, _in_hand: Some(in_hand), written })
            });
            (desks.collect(), Signal::Moved(moved))
        }
    }
}

/// Reads how far each place is.
async fn read_cursors(
    app: &App,
    workspace: WorkspaceId,
    name: &str,
    desks: &mut BTreeMap<Place, Desk>,
) -> Result<(), ReadError> {
    for (place, desk) in desks {
        desk.written = cursors::done_up_to(app.store.as_ref(), workspace, name, *place).await?;
    }
    Ok(())
}

/// A reader at work.
struct Reader<H> {
    app: Arc<App>,
    workspace: WorkspaceId,
    name: &'static str,
    handler: Arc<H>,
    hands: Hands<Arc<Event>>,
    steps: JoinSet<(Lane, Seq, Finish)>,
}

enum Finish {
    Done,
    Interrupted,
}

impl<H: Handler> Reader<H> {
    /// Whether all that was changed before these events is known here; what cannot be read now is asked for again.
    async fn knows_of(&self, events: &[Arc<Event>]) -> bool {
        let Some(last) = events.last() else { return true };
        let known = fresh::keep_up(&self.app, self.workspace, last.seq).await;
        if let Err(error) = &known {
            let name = self.name;
            tracing::error!(
                reader = name,
                "reader {name} cannot read what is at hand: {}",
                chain(error)
            );
        }
        known.is_ok()
    }

    fn take(&mut self, event: &Arc<Event>, desks: &BTreeMap<Place, Desk>) {
        let mut lanes = Vec::new();
        self.handler.lanes(event, &mut lanes);
        for lane in self.hands.take(event.seq, event, lanes) {
            self.begin(lane, Arc::clone(event), desks);
        }
    }

    fn begin(&mut self, lane: Lane, event: Arc<Event>, desks: &BTreeMap<Place, Desk>) {
        let Some(desk) = desks.get(&self.hands.place_of(&lane)) else { return };
        let handler = Arc::clone(&self.handler);
        let (under, stop) = (desk.under.clone(), desk.stop.clone());
        self.steps.spawn(async move {
            let step = persist(handler.as_ref(), &event, lane, &under, stop);
            let finish = under.begin(step).await.unwrap_or(Finish::Interrupted);
            (lane, event.seq, finish)
        });
    }

    fn finished(
        &mut self,
        finished: Result<(Lane, Seq, Finish), JoinError>,
        desks: &BTreeMap<Place, Desk>,
    ) {
        match finished {
            Ok((lane, seq, Finish::Done)) => {
                if let Some((_, next)) = self.hands.done(lane, seq) {
                    self.begin(lane, next, desks);
                }
            }
            Ok((lane, _, Finish::Interrupted)) => self.hands.interrupted(lane),
            // A panic; it is in the log already, and its lane stands still.
            Err(_) => {}
        }
    }

    /// Closes the places whose shares are going, and leaves those in which nothing is to be waited for.
    async fn leave_what_ends(&mut self, desks: &mut BTreeMap<Place, Desk>) {
        let mut over = BTreeMap::new();
        for (place, desk) in std::mem::take(desks) {
            if desk.under.is_ending() {
                self.hands.close(place);
                if desk.under.is_over() || self.hands.is_idle(place) {
                    over.insert(place, desk);
                    continue;
                }
            }
            desks.insert(place, desk);
        }
        if over.is_empty() {
            return;
        }
        self.write_cursors(&mut over).await;
        for place in over.keys() {
            self.hands.remove(*place);
        }
    }

    /// Writes the cursors that moved. Under leases each is written only if its lease is still ours.
    async fn write_cursors(&mut self, desks: &mut BTreeMap<Place, Desk>) {
        loop {
            let mut batch = Batch::new(self.workspace);
            let mut holds = Vec::new();
            for (place, desk) in desks.iter() {
                let Some(to) = self.hands.done_up_to(*place).filter(|to| *to > desk.written) else {
                    continue;
                };
                match &desk.under {
                    Under::Alone => {}
                    Under::Lease(hold) if hold.is_lost() => continue,
                    Under::Lease(hold) => holds.push(Arc::clone(hold)),
                }
                batch.cursors.push(Advance { reader: cursors::name(self.name, *place), to });
            }
            if batch.cursors.is_empty() {
                return;
            }
            let advances = batch.cursors.clone();
            match self.app.commit_under(batch, &holds).await {
                Ok(_) => {
                    for (place, desk) in desks.iter_mut() {
                        let name = cursors::name(self.name, *place);
                        if let Some(advance) = advances.iter().find(|each| each.reader == name) {
                            desk.written = advance.to;
                        }
                    }
                    return;
                }
                // That one is lost now; the others are written without it.
                Err(CommitError::Fenced { .. }) => {}
                Err(error) => {
                    let name = self.name;
                    tracing::warn!(
                        reader = name,
                        "the cursor of {name} could not be written: {}",
                        chain(&error)
                    );
                    return;
                }
            }
        }
    }
}

/// Tries a step until it is done, or until we stop.
async fn persist<H: Handler>(
    handler: &H,
    event: &Arc<Event>,
    lane: Lane,
    under: &Under,
    mut stop: Option<watch::Receiver<bool>>,
) -> Finish {
    let mut pause = PAUSE_MIN;
    loop {
        match handler.handle(event, lane).await {
            Ok(()) => return Finish::Done,
            // Another node does it.
            Err(StepFailed::Commit(CommitError::Fenced { .. })) => return Finish::Interrupted,
            Err(error) => {
                tracing::warn!(event.id = %event.id, "a step will be tried again: {}", chain(&error));
            }
        }
        let ending = async {
            match &mut stop {
                Some(stop) => stopped(stop).await,
                None => under.ending().await,
            }
        };
        tokio::select! {
            () = ending => return Finish::Interrupted,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

/// Returns when we are to stop.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // An error means that who could tell us to stop is gone: then we stop as well.
    drop(stop.wait_for(|stop| *stop).await);
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use tidings_store::Share;

    use super::*;

    #[tokio::test]
    async fn the_share_that_is_farthest_behind_tells_the_lag() {
        let pace = Pace::new();
        let of = |uuid: u128| Place::Share(Share::of(Uuid::from_u128(uuid)));
        let (one, other) = (of(1), of(2));
        assert_ne!(one, other, "two shares");
        pace.note(one, Seq(3), Seq(10));
        pace.note(other, Seq(10), Seq(10));
        let (behind, since) = pace.lag(Seq(10));
        assert_eq!(behind, 7, "whoever spoke last");
        assert!(since > Duration::ZERO, "it has been so since it was seen at the end");
        pace.note(one, Seq(10), Seq(10));
        assert_eq!(pace.lag(Seq(10)), (0, Duration::ZERO));
        pace.note(one, Seq(3), Seq(10));
        pace.leave(one);
        assert_eq!(pace.lag(Seq(10)).0, 0, "another node's share is not ours to tell of");
    }
}
