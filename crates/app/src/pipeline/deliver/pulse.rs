//! Whether the readers of endpoints have something to do now, for who waits until they have not.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tidings_model::{EndpointId, Seq, Timestamp, WorkspaceId};
use tokio::sync::{Notify, oneshot};

use super::gate::{Gate, Place};
use super::health::Sign;
use super::owed::Owed;

/// How many heads are looked at before their time; what is told beyond that waits for its time.
const LOOKS_MAX: usize = 1_000;

/// How long who needs the reader of an endpoint waits for it to begin, before they look again.
pub(super) const READER_WAIT: Duration = Duration::from_millis(100);

/// How long who asks the reader of an endpoint waits for its answer: it is on its way to it, or reads or writes something
/// first.
const ANSWER_WAIT: Duration = Duration::from_secs(1);

/// How one reader is.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    now: Mutex<Now>,
    /// The heads of which somebody wrote something.
    looks: Mutex<Vec<Seq>>,
    told: Notify,
    gate: Arc<Gate>,
    /// Who waits for an answer: a job, and who was asked for by hand, each for [`ANSWER_WAIT`] at most.
    asks: Mutex<Vec<Ask>>,
}

/// What the reader is asked.
#[derive(Debug)]
pub(super) enum Ask {
    /// What it will come to by itself.
    Owed(oneshot::Sender<Owed>),
    /// When something may go out beside it, where its receiver said how many it takes a minute: that turn is taken then.
    Turn(oneshot::Sender<Timestamp>),
}

#[derive(Clone, Copy, Debug, Default)]
struct Now {
    /// It has nothing to do before [`Now::next`].
    is_quiet: bool,
    /// It owes nothing either.
    is_clean: bool,
    next: Option<Timestamp>,
}

impl Pulse {
    /// It has something to do, or looks whether it has.
    pub(super) fn busy(&self) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = Now::default();
    }

    /// It has nothing to do before then.
    pub(super) fn quiet(&self, is_clean: bool, next: Option<Timestamp>) {
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        if !looks.is_empty() || self.gate.has_signs() {
            return;
        }
        let now = Now { is_quiet: true, is_clean, next };
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Whether it owes nothing.
    pub(super) fn is_clean(&self) -> bool {
        self.now.lock().unwrap_or_else(PoisonError::into_inner).is_clean
    }

    /// Somebody wrote something of this head: it is to be looked at before its time.
    fn look_at(&self, head: Seq) {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        if looks.len() < LOOKS_MAX {
            looks.push(head);
        }
        self.busy();
        drop(looks);
        self.told.notify_one();
    }

    /// Where a job and the reader share the receiver.
    pub(super) fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// A try of a job ended so: the reader hears of it, and of the place that is free.
    pub(super) fn job_tried(&self, place: Place, sign: Sign) {
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        place.tell(sign);
        self.busy();
        drop(looks);
        drop(place);
        self.told.notify_one();
    }

    /// What the reader will come to by itself. None if it does not say so in time: it is about to end, or hangs.
    pub(super) async fn owed(&self) -> Option<Owed> {
        self.ask(Ask::Owed).await
    }

    /// When something may go out beside the reader. None if it does not say so in time.
    pub(super) async fn turn(&self) -> Option<Timestamp> {
        self.ask(Ask::Turn).await
    }

    async fn ask<T>(&self, what: impl FnOnce(oneshot::Sender<T>) -> Ask) -> Option<T> {
        let (ask, answer) = oneshot::channel();
        self.asks.lock().unwrap_or_else(PoisonError::into_inner).push(what(ask));
        self.told.notify_one();
        tokio::time::timeout(ANSWER_WAIT, answer).await.ok()?.ok()
    }

    /// Who waits for an answer.
    pub(super) fn asks(&self) -> Vec<Ask> {
        std::mem::take(&mut *self.asks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The heads that are to be looked at.
    pub(super) fn looks(&self) -> Vec<Seq> {
        std::mem::take(&mut *self.looks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until there is a head to look at, or an answer to give. Cancel-safe.
    pub(super) async fn told(&self) {
        self.told.notified().await;
    }

    fn rests(&self, at: Timestamp) -> bool {
        let now = *self.now.lock().unwrap_or_else(PoisonError::into_inner);
        now.is_quiet && now.next.is_none_or(|next| next > at)
    }
}

/// The readers of this node.
#[derive(Debug, Default)]
pub(crate) struct Pulses {
    of: Mutex<HashMap<(WorkspaceId, EndpointId), Weak<Pulse>>>,
}

impl Pulses {
    pub(super) fn add(&self, workspace: WorkspaceId, endpoint: EndpointId, pulse: &Arc<Pulse>) {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        of.retain(|_, pulse| pulse.strong_count() > 0);
        of.insert((workspace, endpoint), Arc::downgrade(pulse));
    }

    /// Somebody wrote something of a delivery: its endpoint's reader looks at it before its time. Returns whether it is
    /// here.
    pub(super) fn look_at(&self, workspace: WorkspaceId, endpoint: EndpointId, head: Seq) -> bool {
        let pulse = self.find(workspace, endpoint);
        if let Some(pulse) = &pulse {
            pulse.look_at(head);
        }
        pulse.is_some()
    }

    /// That of the reader of an endpoint, if it is here.
    pub(super) fn find(&self, workspace: WorkspaceId, endpoint: EndpointId) -> Option<Arc<Pulse>> {
        let of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        of.get(&(workspace, endpoint)).and_then(Weak::upgrade)
    }

    /// Whether none of them has something to do at this time.
    pub(crate) fn rest(&self, at: Timestamp) -> bool {
        let of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        of.values().filter_map(Weak::upgrade).all(|pulse| pulse.rests(at))
    }
}
