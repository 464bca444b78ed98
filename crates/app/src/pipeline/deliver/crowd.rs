//! What may be under way on a node is shared by the endpoints that have something under way: each request of theirs takes a
//! connection, and its memory. Who waits for a receiver that takes nothing has places of its own
//! ([`UNPROVEN_MAX`](super::UNPROVEN_MAX)) and counts for nothing here.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many deliveries may be under way on a node, in all, to receivers that take them.
const UNDER_WAY_MAX: usize = 1_024;

/// What each endpoint may have under way, however many there are.
const EACH_LEAST: usize = 8;

/// The endpoints of a node that have something under way.
#[derive(Debug, Default)]
pub(crate) struct Crowd {
    busy: AtomicUsize,
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
}

impl InCrowd {
    /// How much each may have under way now.
    pub(super) fn window(&self) -> usize {
        (UNDER_WAY_MAX / self.crowd.busy.load(Ordering::Relaxed).max(1)).max(EACH_LEAST)
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
}
