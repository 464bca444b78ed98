//! The tails of the workspaces that somebody follows on this node, fed in order from four sides.
//!
//! Our own commits and the hints of other nodes bring events; hints and a look at all heads, a few times a second, tell of
//! numbers whose events did not come. What comes before its turn waits; what is missing for a moment longer than a hint
//! takes is read from the database. So a lost, doubled or late hint costs time only.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tidings_bus::{Bus, Topic};
use tidings_model::{Event, Seq, WorkspaceId};
use tidings_store::read::EVENTS_READ_MAX;
use tidings_store::tail::{TAIL_BYTES_MAX, TAIL_EVENTS_MAX};
use tidings_store::{EventQuery, ReadError, Tail};
use tokio::sync::Notify;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;

use crate::hint;
use crate::read::events;
use crate::readers::Readers;

/// Above so many tails, those that nobody holds are let go. One holds up to 8 MiB when its workspace is busy.
const TAILS_KEPT: usize = 256;

/// How long a missing event is waited for before it is read: its hint is mostly on its way.
const GAP_PATIENCE: Duration = Duration::from_millis(20);

/// How often all heads are looked at, for hints that were lost: four reads of some kilobytes a second.
const HEADS_POLL: Duration = Duration::from_millis(250);

/// After a look that failed.
const HEADS_PAUSE: Duration = Duration::from_secs(1);

/// All tails of this node.
pub(crate) struct Tails {
    bus: Arc<dyn Bus>,
    inner: Mutex<Inner>,
    /// Told when an event is missing.
    gap: Notify,
}

#[derive(Default)]
struct Inner {
    fed: HashMap<WorkspaceId, Fed>,
    /// The highest number that we heard of, of every workspace: a new tail begins there.
    heads: HashMap<WorkspaceId, Seq>,
}

/// A tail, and what it waits for.
struct Fed {
    tail: Arc<Tail>,
    /// The highest number that we heard of.
    target: Seq,
    /// Up to here nothing is left to read: it was forgotten.
    passed: Seq,
    /// Events that came before their turn.
    early: BTreeMap<Seq, Arc<Event>>,
    early_bytes: usize,
    /// Since when something is missing.
    gap_since: Option<Instant>,
}

impl Tails {
    /// No tails yet; logs end where the database says.
    pub(crate) fn new(bus: Arc<dyn Bus>, heads: Vec<(WorkspaceId, Seq)>) -> Self {
        let inner = Inner { fed: HashMap::new(), heads: heads.into_iter().collect() };
        Self { bus, inner: Mutex::new(inner), gap: Notify::new() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tail of a workspace.
    pub(crate) fn get(&self, workspace: WorkspaceId) -> Arc<Tail> {
        let inner = &mut *self.inner();
        if let Some(fed) = inner.fed.get(&workspace) {
            return Arc::clone(&fed.tail);
        }
        if inner.fed.len() >= TAILS_KEPT {
            inner.fed.retain(|_, fed| Arc::strong_count(&fed.tail) > 1);
        }
        let head = inner.heads.get(&workspace).copied().unwrap_or_default();
        let fed = Fed::new(head);
        let tail = Arc::clone(&fed.tail);
        inner.fed.insert(workspace, fed);
        tail
    }

    /// Takes what this node committed, in order, and tells the others.
    pub(crate) fn committed(&self, workspace: WorkspaceId, events: &[Arc<Event>]) {
        if let Some(last) = events.last() {
            self.take(workspace, last.seq, events);
        }
        for hint in hint::write(events, self.bus.hint_bytes_max()) {
            self.bus.tell(workspace, Topic::Log, hint);
        }
    }

    /// Takes a hint of another node.
    fn heard(&self, told: &tidings_bus::Hint) {
        let Some(head) = hint::head(&told.bytes) else { return };
        let is_followed = self.inner().fed.contains_key(&told.workspace);
        let events = if is_followed {
            hint::read(&told.bytes, told.workspace).map(|hint| hint.events).unwrap_or_default()
        } else {
            Vec::new()
        };
        self.take(told.workspace, head, &events);
    }

    /// Takes what the database says.
    fn looked(&self, heads: Vec<(WorkspaceId, Seq)>) {
        for (workspace, head) in heads {
            self.take(workspace, head, &[]);
        }
    }

    fn take(&self, workspace: WorkspaceId, head: Seq, events: &[Arc<Event>]) {
        let inner = &mut *self.inner();
        let known = inner.heads.entry(workspace).or_default();
        *known = head.max(*known);
        let Some(fed) = inner.fed.get_mut(&workspace) else { return };
        if fed.take(head, events) {
            self.gap.notify_one();
        }
    }

    /// Lets go of forgotten events.
    pub(crate) fn forget(&self, workspace: WorkspaceId, up_to: Seq) {
        if let Some(fed) = self.inner().fed.get(&workspace) {
            fed.tail.forget(up_to);
        }
    }

    /// The next stretch to read: after a number, so many events; or until when to wait for one.
    fn next_gap(&self) -> Gap {
        let inner = self.inner();
        let waiting = inner.fed.iter().filter_map(|(workspace, fed)| {
            fed.gap_since.map(|since| (since + GAP_PATIENCE, *workspace, fed))
        });
        match waiting.min_by_key(|(due, ..)| *due) {
            None => Gap::None,
            Some((due, ..)) if due > Instant::now() => Gap::Until(due),
            Some((_, workspace, fed)) => {
                let before = fed.early.keys().next().map_or(fed.target, |early| Seq(early.0 - 1));
                // Readers that are further behind read for themselves.
                let from = fed.reached().max(Seq(before.0.saturating_sub(EVENTS_READ_MAX as u64)));
                Gap::Read { workspace, from, to: before }
            }
        }
    }

    fn fill(&self, workspace: WorkspaceId, to: Seq, found: Result<Vec<Arc<Event>>, ReadError>) {
        let inner = &mut *self.inner();
        let Some(fed) = inner.fed.get_mut(&workspace) else { return };
        match found {
            Ok(events) => fed.fill(to, &events),
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "missing events could not be read"
                );
                // The next look at the heads finds the gap again.
                fed.gap_since = None;
            }
        }
    }
}

enum Gap {
    None,
    Until(Instant),
    Read { workspace: WorkspaceId, from: Seq, to: Seq },
}

impl Fed {
    fn new(head: Seq) -> Self {
        Self {
            tail: Arc::new(Tail::new(head)),
            target: head,
            passed: Seq::START,
            early: BTreeMap::new(),
            early_bytes: 0,
            gap_since: None,
        }
    }

    /// Up to here the tail was fed, or there was nothing to feed it with.
    fn reached(&self) -> Seq {
        self.tail.head().max(self.passed)
    }

    /// Takes events that follow each other, and a head. True when something is missing that was not missed before.
    fn take(&mut self, head: Seq, events: &[Arc<Event>]) -> bool {
        self.target = self.target.max(head);
        let reached = self.reached();
        let known = events.partition_point(|event| event.seq <= reached);
        let new = events.get(known..).unwrap_or_default();
        match new.first() {
            Some(first) if first.seq == reached.next() => self.tail.push(new),
            Some(_) => {
                for event in new {
                    self.early_bytes += event.body().len();
                    self.early.insert(event.seq, Arc::clone(event));
                }
                if self.early.len() > TAIL_EVENTS_MAX || self.early_bytes > TAIL_BYTES_MAX {
                    self.early.clear();
                    self.early_bytes = 0;
                }
            }
            None => {}
        }
        self.push_early();
        if self.reached() >= self.target {
            self.gap_since = None;
            return false;
        }
        if self.gap_since.is_some() {
            return false;
        }
        self.gap_since = Some(Instant::now());
        true
    }

    /// Takes what was read up to a number.
    fn fill(&mut self, to: Seq, events: &[Arc<Event>]) {
        match events.last() {
            // What was read may begin later than what is known ends: then the beginning was forgotten, or is too much.
            Some(_) => self.tail.push(events),
            None => self.passed = self.passed.max(to),
        }
        self.push_early();
        // If something is missing still, it is not waited for again.
        if self.reached() >= self.target {
            self.gap_since = None;
        }
    }

    fn push_early(&mut self) {
        let mut next = Vec::new();
        let mut reached = self.reached();
        while let Some(entry) = self.early.first_entry() {
            if *entry.key() > reached.next() {
                break;
            }
            let event = entry.remove();
            self.early_bytes = self.early_bytes.saturating_sub(event.body().len());
            if event.seq == reached.next() {
                reached = event.seq;
                next.push(event);
            }
        }
        self.tail.push(&next);
    }
}

/// Hears what other nodes tell, as long as there is a bus.
pub(crate) async fn hear(tails: Arc<Tails>) {
    let mut hints = tails.bus.hear();
    loop {
        match hints.recv().await {
            Ok(told) if told.topic == Topic::Log => tails.heard(&told),
            // What was missed is found by looking at the heads.
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

/// Looks at all heads, again and again.
pub(crate) async fn look(tails: Arc<Tails>, readers: Arc<Readers>) {
    loop {
        let pause = match heads(&readers).await {
            Ok(heads) => {
                tails.looked(heads);
                HEADS_POLL
            }
            Err(ReadError::Closed) => return,
            Err(error @ (ReadError::Damaged { .. } | ReadError::Engine { .. })) => {
                tracing::debug!(
                    error = &error as &dyn std::error::Error,
                    "the heads of the logs could not be read"
                );
                HEADS_PAUSE
            }
        };
        tokio::time::sleep(pause).await;
    }
}

pub(crate) async fn heads(readers: &Readers) -> Result<Vec<(WorkspaceId, Seq)>, ReadError> {
    let client = readers.take().await?;
    client.within(events::heads(&client)).await
}

/// Reads what is missing, one stretch after the other.
pub(crate) async fn fill(tails: Arc<Tails>, readers: Arc<Readers>) {
    loop {
        match tails.next_gap() {
            Gap::None => tails.gap.notified().await,
            // A gap that comes meanwhile is not due earlier.
            Gap::Until(due) => tokio::time::sleep_until(due).await,
            Gap::Read { workspace, from, to } => {
                let limit = usize::try_from(to.0.saturating_sub(from.0)).unwrap_or(EVENTS_READ_MAX);
                let query = EventQuery { after: from, limit, ..EventQuery::default() };
                let found = read(&readers, workspace, &query).await;
                tails.fill(workspace, to, found);
            }
        }
    }
}

async fn read(
    readers: &Readers,
    workspace: WorkspaceId,
    query: &EventQuery,
) -> Result<Vec<Arc<Event>>, ReadError> {
    let client = readers.take().await?;
    client.within(events::after(&client, workspace, query)).await
}
