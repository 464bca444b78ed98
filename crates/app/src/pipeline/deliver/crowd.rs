//! What may be under way on a node is shared by the endpoints that have something under way: each request of theirs takes a
//! connection, and its memory. Who waits for a receiver that takes nothing has places of its own
//! ([`UNPROVEN_MAX`](super::UNPROVEN_MAX)) and counts for nothing here.
//!
//! A node that does as much as it can gains nothing by more requests under way: each waits longer for its turn, and the
//! more there are the more memory is gone through between two turns of one. So less may be under way while what is begun
//! waits for its first turn, and more again when it does not. How long receivers take says nothing of that: who waits for
//! a slow one leaves the node its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// How many deliveries may be under way on a node, in all, to receivers that take them.
const UNDER_WAY_MAX: usize = 1_024;

/// How many may be on a node that has more to do than it can.
const UNDER_WAY_LEAST: usize = 64;

/// What each endpoint may have under way, however many there are, of [`UNDER_WAY_MAX`]; of less a part of it.
const EACH_LEAST: usize = 8;

/// How long a delivery that is begun may wait for its first turn: some dozens of turns of others.
const WAIT_MOST: Duration = Duration::from_millis(1);

/// One that waited longer takes one part of so many from what may be under way.
const LESS_BY: usize = 64;

/// As many that did not wait add one.
const MORE_EACH: usize = 16;

/// The endpoints of a node that have something under way.
#[derive(Debug)]
pub(crate) struct Crowd {
    busy: AtomicUsize,
    /// How many deliveries may be under way now, times [`MORE_EACH`].
    room: AtomicUsize,
}

impl Default for Crowd {
    fn default() -> Self {
        Self { busy: AtomicUsize::new(0), room: AtomicUsize::new(UNDER_WAY_MAX * MORE_EACH) }
    }
}

/// One endpoint's part in it.
#[derive(Debug)]
pub(super) struct InCrowd {
    crowd: Arc<Crowd>,
    is_busy: bool,
}

impl Crowd {
    /// A part for an endpoint that has nothing under way yet.
    pub(super) fn part(self: &Arc<Self>) -> InCrowd {
        InCrowd { crowd: Arc::clone(self), is_busy: false }
    }

    /// A delivery that was begun had its first turn after so long.
    pub(super) fn waited(&self, time: Duration) {
        // Of two reports at once one may be lost: many follow.
        let room = self.room.load(Ordering::Relaxed);
        let next = match time > WAIT_MOST {
            true => (room - room / LESS_BY).max(UNDER_WAY_LEAST * MORE_EACH),
            false => (room + 1).min(UNDER_WAY_MAX * MORE_EACH),
        };
        if next != room {
            self.room.store(next, Ordering::Relaxed);
        }
    }
}

impl InCrowd {
    /// How much each may have under way now.
    pub(super) fn window(&self) -> usize {
        let room = self.crowd.room.load(Ordering::Relaxed) / MORE_EACH;
        let each = room / self.crowd.busy.load(Ordering::Relaxed).max(1);
        each.max(EACH_LEAST * room / UNDER_WAY_MAX).max(1)
    }

    /// Whether the endpoint has something under way.
    pub(super) fn set_busy(&mut self, is_busy: bool) {
        match (self.is_busy, is_busy) {
            (false, true) => self.crowd.busy.fetch_add(1, Ordering::Relaxed),
            (true, false) => self.crowd.busy.fetch_sub(1, Ordering::Relaxed),
            _ => return,
        };
        self.is_busy = is_busy;
    }
}

impl Drop for InCrowd {
    fn drop(&mut self) {
        self.set_busy(false);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_busy_shares_what_may_be_under_way() {
        let crowd = Arc::new(Crowd::default());
        let mut first = crowd.part();
        assert_eq!(first.window(), UNDER_WAY_MAX);
        first.set_busy(true);
        first.set_busy(true);
        assert_eq!(first.window(), UNDER_WAY_MAX, "it shares with nobody");
        let mut others: Vec<InCrowd> = (0..1_000).map(|_| crowd.part()).collect();
        others.iter_mut().take(3).for_each(|other| other.set_busy(true));
        assert_eq!(first.window(), UNDER_WAY_MAX / 4);
        others.iter_mut().for_each(|other| other.set_busy(true));
        assert_eq!(first.window(), EACH_LEAST);
        others.iter_mut().take(997).for_each(|other| other.set_busy(false));
        assert_eq!(first.window(), UNDER_WAY_MAX / 4);
        drop(others);
        assert_eq!(first.window(), UNDER_WAY_MAX);
    }

    #[test]
    fn less_is_under_way_while_what_is_begun_waits_for_its_turn() {
        let crowd = Arc::new(Crowd::default());
        let mut all: Vec<InCrowd> = (0..100).map(|_| crowd.part()).collect();
        let after = |reports: usize, waited: Duration| {
            (0..reports).for_each(|_| crowd.waited(waited));
            crowd.part().window()
        };
        let soon = WAIT_MOST / 2;
        assert_eq!(after(1_000, soon), UNDER_WAY_MAX, "no more than that");
        assert_eq!(after(1, WAIT_MOST * 2), UNDER_WAY_MAX - UNDER_WAY_MAX / LESS_BY);
        assert_eq!(after(1_000, WAIT_MOST * 2), UNDER_WAY_LEAST, "no less than that");
        assert_eq!(after(MORE_EACH, soon), UNDER_WAY_LEAST + 1);
        all.iter_mut().for_each(|part| part.set_busy(true));
        assert_eq!(after(0, soon), 1, "each may have one");
        assert_eq!(after(MORE_EACH * UNDER_WAY_MAX, soon), UNDER_WAY_MAX / 100);
    }
}
