//! How a job and the reader of its endpoint share one receiver.
//!
//! The reader comes first: it opens the gate only while none of its first tries waits, for a part of what it may have
//! under way itself, and hears how each try of the job went, as if it were its own. So a job delays no first try but by
//! what is under way already, more than the endpoint bears is never under way, and a receiver that fails is paused for
//! both.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidings_model::Timestamp;
use tokio::sync::Notify;

use super::health::Sign;

/// What part of what may be under way to a receiver a job may have: one of so many, and one at least.
const PART: usize = 4;

/// How a job and the reader of its endpoint share one receiver.
#[derive(Debug, Default)]
pub(super) struct Gate {
    now: Mutex<Now>,
    /// Rung when it opens.
    opened: Notify,
}

#[derive(Debug, Default)]
struct Now {
    /// How much a job may have under way.
    places: usize,
    /// How much it has.
    under_way: usize,
    /// Nothing may go before this: the receiver is paused, or asked for it.
    opens_at: Option<Timestamp>,
    /// How it is with the receiver, as its reader knows.
    state: Receiver,
    /// How tries went that the reader did not hear of yet.
    signs: Vec<Sign>,
}

/// What a job must know of a receiver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Receiver {
    /// Whether a failure is charged to what is sent.
    pub(super) charges: bool,
    /// Whether its last try was taken.
    pub(super) is_proven: bool,
}

impl Gate {
    /// Nothing more may begin. Says how much the job has under way.
    pub(super) fn close(&self) -> usize {
        let mut now = self.lock();
        now.places = 0;
        now.under_way
    }

    /// So much may be under way in all, and the reader has so much of it.
    pub(super) fn open(
        &self,
        window: usize,
        readers: usize,
        opens_at: Option<Timestamp>,
        state: Receiver,
    ) {
        let mut now = self.lock();
        now.places = window.saturating_sub(readers).min((window / PART).max(1));
        now.opens_at = opens_at;
        now.state = state;
        let is_open = now.places > now.under_way;
        drop(now);
        if is_open {
            self.opened.notify_one();
        }
    }

    /// How tries of the job went since the last look.
    pub(super) fn signs(&self) -> Vec<Sign> {
        std::mem::take(&mut self.lock().signs)
    }

    /// Whether the reader did not hear of some tries yet.
    pub(super) fn has_signs(&self) -> bool {
        !self.lock().signs.is_empty()
    }

    /// A place for one try, if there is one.
    pub(super) fn enter(self: &Arc<Self>) -> Option<(Place, Receiver)> {
        let mut now = self.lock();
        if now.places <= now.under_way {
            return None;
        }
        now.under_way += 1;
        Some((Place { gate: Arc::clone(self) }, now.state))
    }

    /// When it opens, if it is known to be closed until then.
    pub(super) fn opens_at(&self, at: Timestamp) -> Option<Timestamp> {
        self.lock().opens_at.filter(|opens| *opens > at)
    }

    /// Waits until it opens. Cancel-safe; only a hint.
    pub(super) async fn opened(&self) {
        self.opened.notified().await;
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place for one try of a job, until it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    gate: Arc<Gate>,
}

impl Place {
    /// How it went; the reader hears of it.
    pub(super) fn tell(&self, sign: Sign) {
        // At most as many as have a place: the reader takes them before it opens again.
        self.gate.lock().signs.push(sign);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.gate.lock().under_way -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_gets_a_part_of_what_the_reader_leaves() {
        let gate = Arc::new(Gate::default());
        assert!(gate.enter().is_none(), "it is closed until the reader opens it");
        gate.open(8, 0, None, Receiver::default());
        let (one, two) = (gate.enter(), gate.enter());
        assert!(one.is_some() && two.is_some() && gate.enter().is_none());
        drop(one);
        assert_eq!(gate.close(), 1);
        assert!(gate.enter().is_none());
        gate.open(1, 1, None, Receiver::default());
        assert!(gate.enter().is_none(), "the only place is the reader's");
        gate.open(1, 0, None, Receiver::default());
        assert!(gate.enter().is_none(), "one is under way still");
        drop(two);
        let (place, _) = gate.enter().expect("a place");
        place.tell(Sign::Took);
        assert!(gate.has_signs());
        assert_eq!(gate.signs(), [Sign::Took]);
    }
}
