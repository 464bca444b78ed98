//! A reader of the log: in order within a lane, lanes side by side, with a cursor that survives a restart.
//!
//! The cursor is the number up to which everything is done. Lanes run ahead of it, so after a crash some events are
//! handled again: every [`Handler::handle`] says what makes that harmless. An event that does not concern the handler
//! costs one call of [`Handler::lanes`].

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tidings_model::{ChatId, Destination, Event, EventId, Seq, WorkspaceId};
use tidings_store::{Advance, Batch, Follower, ReadError};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use uuid::Uuid;

use crate::App;

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

/// Runs a reader until it is told to stop; then lets the steps in hand finish, and writes the cursor.
pub async fn run<H: Handler>(
    app: Arc<App>,
    workspace: WorkspaceId,
    name: &'static str,
    handler: Arc<H>,
    stop: watch::Receiver<bool>,
) -> Result<(), ReadError> {
    let cursor = app.store.cursor(workspace, name).await?.unwrap_or(Seq::START);
    let mut follower = Follower::new(Arc::clone(&app.store), workspace, cursor);
    let mut hands = Hands {
        waiting: HashMap::new(),
        open: BTreeMap::new(),
        steps: JoinSet::new(),
        taken: cursor,
    };
    let mut written = cursor;
    let mut ticks = tokio::time::interval(CURSOR_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stopping = stop.clone();
    loop {
        tokio::select! {
            biased;
            () = stopped(&mut stopping) => break,
            Some(finished) = hands.steps.join_next(), if !hands.steps.is_empty() => {
                if let Ok((lane, seq, Finish::Done)) = finished {
                    hands.done(lane, seq, &handler, &stop);
                }
            }
            _ = ticks.tick() => written = write_cursor(&app, workspace, name, written, hands.all_done_up_to()).await,
            events = follower.next(LOOK_EVENTS_MAX), if hands.open.len() < WINDOW_EVENTS_MAX => {
                match events {
                    Ok(events) => for event in events {
                        hands.take(event, &handler, &stop);
                    },
                    Err(error) => {
                        tracing::error!(reader = name, "reader {name} cannot read the log: {error}");
                        tokio::time::sleep(PAUSE_MAX).await;
                    }
                }
            }
        }
    }
    let last_steps = async {
        while let Some(finished) = hands.steps.join_next().await {
            if let Ok((_, seq, Finish::Done)) = finished {
                hands.step_done(seq);
            }
        }
    };
    if tokio::time::timeout(STOP_GRACE, last_steps).await.is_err() {
        tracing::warn!(
            reader = name,
            "{name} stops with steps in hand; they run again at the next start"
        );
    }
    write_cursor(&app, workspace, name, written, hands.all_done_up_to()).await;
    Ok(())
}

/// The events that the lanes have in hand.
struct Hands {
    waiting: HashMap<Lane, VecDeque<Arc<Event>>>,
    /// How many steps of each event are not done yet.
    open: BTreeMap<Seq, usize>,
    steps: JoinSet<(Lane, Seq, Finish)>,
    taken: Seq,
}

enum Finish {
    Done,
    Interrupted,
}

impl Hands {
    fn take<H: Handler>(
        &mut self,
        event: Arc<Event>,
        handler: &Arc<H>,
        stop: &watch::Receiver<bool>,
    ) {
        self.taken = event.seq;
        let mut lanes = Vec::new();
        handler.lanes(&event, &mut lanes);
        if lanes.is_empty() {
            return;
        }
        self.open.insert(event.seq, lanes.len());
        for lane in lanes {
            match self.waiting.get_mut(&lane) {
                Some(behind) => behind.push_back(Arc::clone(&event)),
                None => {
                    self.waiting.insert(lane, VecDeque::new());
                    self.begin(lane, Arc::clone(&event), handler, stop);
                }
            }
        }
    }

    fn begin<H: Handler>(
        &mut self,
        lane: Lane,
        event: Arc<Event>,
        handler: &Arc<H>,
        stop: &watch::Receiver<bool>,
    ) {
        let handler = Arc::clone(handler);
        let stop = stop.clone();
        self.steps.spawn(async move {
            let finish = persist(handler.as_ref(), &event, lane, stop).await;
            (lane, event.seq, finish)
        });
    }

    fn done<H: Handler>(
        &mut self,
        lane: Lane,
        seq: Seq,
        handler: &Arc<H>,
        stop: &watch::Receiver<bool>,
    ) {
        self.step_done(seq);
        let Some(behind) = self.waiting.get_mut(&lane) else { return };
        match behind.pop_front() {
            Some(next) => self.begin(lane, next, handler, stop),
            None => {
                self.waiting.remove(&lane);
            }
        }
    }

    fn step_done(&mut self, seq: Seq) {
        if let Some(steps) = self.open.get_mut(&seq) {
            *steps -= 1;
            if *steps == 0 {
                self.open.remove(&seq);
            }
        }
    }

    fn all_done_up_to(&self) -> Seq {
        self.open.first_key_value().map_or(self.taken, |(oldest, _)| Seq(oldest.0 - 1))
    }
}

/// Tries a step until it is done, or until we stop.
async fn persist<H: Handler>(
    handler: &H,
    event: &Arc<Event>,
    lane: Lane,
    mut stop: watch::Receiver<bool>,
) -> Finish {
    let mut pause = PAUSE_MIN;
    loop {
        let Err(error) = handler.handle(event, lane).await else { return Finish::Done };
        tracing::warn!(event.id = %event.id, "a step will be tried again: {}", chain(&error));
        tokio::select! {
            () = stopped(&mut stop) => return Finish::Interrupted,
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

async fn write_cursor(app: &App, workspace: WorkspaceId, name: &str, written: Seq, to: Seq) -> Seq {
    if to <= written {
        return written;
    }
    let mut batch = Batch::new(workspace);
    batch.cursors.push(Advance { reader: name.into(), to });
    match app.commit(batch).await {
        Ok(_) => to,
        Err(error) => {
            tracing::warn!(
                reader = name,
                "the cursor of {name} could not be written: {}",
                chain(&error)
            );
            written
        }
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
