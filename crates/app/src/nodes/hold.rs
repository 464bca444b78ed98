//! A lease that this node holds, and the work that is done under it.
//!
//! Work under a lease carries it with it (a task-local): whatever it commits expects the lease's epoch, so the commit of
//! a node that lost the lease is refused ([`tidings_store::CommitError::Fenced`]). A task that is spawned inside does not
//! carry it: who spawns one says under what it works.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tidings_model::WorkspaceId;
use tidings_store::{CommitError, Expect, Share, Version};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::lease;
use super::trust::Trust;

tokio::task_local! {
    static HOLD: Arc<Hold>;
}

/// How long a node may trust its leases: told by its beats, asked before anything goes outside.
#[derive(Debug)]
pub(crate) struct OwnTrust {
    begun: Instant,
    trust: Mutex<Trust>,
}

impl OwnTrust {
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), trust: Mutex::default() }
    }

    /// The time by its clock.
    pub(crate) fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// A beat that began then has succeeded.
    pub(crate) fn renew(&self, began: Duration) {
        let now = self.now();
        self.trust.lock().unwrap_or_else(PoisonError::into_inner).renew(began, now);
    }

    pub(crate) fn is_good(&self, lapses: u64) -> bool {
        let now = self.now();
        self.trust.lock().unwrap_or_else(PoisonError::into_inner).is_good(lapses, now)
    }

    pub(crate) fn lapses(&self) -> u64 {
        self.trust.lock().unwrap_or_else(PoisonError::into_inner).lapses()
    }

    /// When it ends, unless it is renewed.
    pub(crate) fn ends_at(&self) -> Option<Instant> {
        let until = self.trust.lock().unwrap_or_else(PoisonError::into_inner).until()?;
        Some(self.begun + until)
    }
}

/// How far the work of a share is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It goes on.
    Works,
    /// Nothing new is begun; what is in hand is finished.
    Drains,
    /// What is still in hand is interrupted.
    Over,
}

/// A lease that this node holds, or held.
#[derive(Debug)]
pub struct Hold {
    workspace: WorkspaceId,
    share: Share,
    epoch: Version,
    lapses: u64,
    trust: Arc<OwnTrust>,
    phase: watch::Sender<Phase>,
    /// How much is in hand: steps, timers, loops, and readers that have a cursor to write.
    in_hand: watch::Sender<usize>,
    lost: AtomicBool,
    /// Rung when a commit was refused because of it: somebody should look.
    alarm: Arc<Notify>,
    /// Moves with every phase of every hold of one grant.
    moved: Arc<watch::Sender<u64>>,
}

impl Hold {
    pub(crate) fn new(
        (workspace, share, epoch): (WorkspaceId, Share, Version),
        lapses: u64,
        trust: &Arc<OwnTrust>,
        alarm: &Arc<Notify>,
        moved: &Arc<watch::Sender<u64>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            workspace,
            share,
            epoch,
            lapses,
            trust: Arc::clone(trust),
            phase: watch::Sender::new(Phase::Works),
            in_hand: watch::Sender::new(0),
            lost: AtomicBool::new(false),
            alarm: Arc::clone(alarm),
            moved: Arc::clone(moved),
        })
    }

    /// The tenant.
    pub fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    /// The share.
    pub fn share(&self) -> Share {
        self.share
    }

    /// What whoever commits under it expects.
    pub(crate) fn expect(&self) -> Expect {
        Expect { key: lease::key(self.share), version: self.epoch }
    }

    /// Whether things may go outside under it.
    pub(crate) fn is_trusted(&self) -> bool {
        !self.is_lost() && self.trust.is_good(self.lapses)
    }

    pub(crate) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Moves on, never back.
    pub(crate) fn set_phase(&self, to: Phase) {
        let moved = self.phase.send_if_modified(|phase| {
            let moves = to > *phase;
            *phase = to.max(*phase);
            moves
        });
        if moved {
            self.moved.send_modify(|moves| *moves = moves.wrapping_add(1));
        }
    }

    /// It is not ours any more, or we cannot know: all work under it ends.
    pub(crate) fn lose(&self) {
        self.lost.store(true, Ordering::Release);
        self.set_phase(Phase::Over);
    }

    /// A commit under it was refused.
    pub(crate) fn refused(&self) {
        metrics::counter!("tidings_commits_fenced_total").increment(1);
        self.lose();
        self.alarm.notify_one();
    }

    pub(crate) fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    /// Waits until the work has come so far.
    pub(crate) async fn reached(&self, phase: Phase) {
        let mut phases = self.phase.subscribe();
        // The sender is ours, so it is there.
        drop(phases.wait_for(|now| *now >= phase).await);
    }

    /// Waits until nothing is in hand.
    pub(crate) async fn idle(&self) {
        let mut in_hand = self.in_hand.subscribe();
        drop(in_hand.wait_for(|count| *count == 0).await);
    }

    /// Counts something as in hand, unless the work is to end.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<InHand> {
        // Counted before looking: who ends the work then waits for it.
        self.in_hand.send_modify(|count| *count += 1);
        let entered = InHand { hold: Arc::clone(self) };
        (self.phase() == Phase::Works).then_some(entered)
    }
}

/// Something in hand under a lease, until it is dropped.
#[derive(Debug)]
pub(crate) struct InHand {
    hold: Arc<Hold>,
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.hold.in_hand.send_modify(|count| *count -= 1);
    }
}

/// Under what work is done.
#[derive(Clone, Debug)]
pub enum Under {
    /// There are no leases: this node is alone.
    Alone,
    /// A lease.
    Lease(Arc<Hold>),
}

impl Under {
    /// Does work in the name of the lease. `None` when it was interrupted, or did not count: the lease was lost meanwhile.
    pub(crate) async fn run<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let hold = match self {
            Self::Alone => return Some(work.await),
            Self::Lease(hold) => hold,
        };
        let carried = HOLD.scope(Arc::clone(hold), work);
        let done = tokio::select! {
            biased;
            () = hold.reached(Phase::Over) => None,
            done = carried => Some(done),
        };
        done.filter(|_| !hold.is_lost())
    }

    /// As [`Under::run`], counted as in hand; `None` at once when nothing new is to begin.
    pub(crate) async fn begin<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        match self {
            Self::Alone => Some(work.await),
            Self::Lease(hold) => {
                let _in_hand = hold.enter()?;
                self.run(work).await
            }
        }
    }

    /// Waits until nothing new is to begin; for ever, without a lease.
    pub(crate) async fn ending(&self) {
        match self {
            Self::Alone => std::future::pending().await,
            Self::Lease(hold) => hold.reached(Phase::Drains).await,
        }
    }

    /// Whether nothing is to be waited for any more.
    pub(crate) fn is_over(&self) -> bool {
        match self {
            Self::Alone => false,
            Self::Lease(hold) => hold.phase() == Phase::Over,
        }
    }

    /// Whether nothing new is to begin.
    pub(crate) fn is_ending(&self) -> bool {
        match self {
            Self::Alone => false,
            Self::Lease(hold) => hold.phase() > Phase::Works,
        }
    }
}

/// The lease that this task works under.
pub(crate) fn current() -> Option<Arc<Hold>> {
    HOLD.try_with(Arc::clone).ok()
}

/// Asked before anything goes outside: whether the lease that this task works under can be trusted. A paused node that
/// comes back sends nothing, even before it learns that its work is another's.
pub(crate) fn may_go_out() -> Result<(), CommitError> {
    match current() {
        Some(hold) if !hold.is_trusted() => Err(CommitError::Fenced { share: hold.share }),
        Some(_) | None => Ok(()),
    }
}
