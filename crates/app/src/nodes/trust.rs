//! How long a node may trust its own leases, by a clock that only goes forward. Pure.
//!
//! Others call a node dead when its last beat is [`DEAD_AFTER`] old by the engine's clock. The engine heard of a beat
//! after it was sent, so who counts from before the sending, and stops earlier, has stopped when others begin. Who could
//! not beat for so long has lost everything, even when it beats again: others may have judged it dead in between.

use std::time::Duration;

use super::{DEAD_AFTER, TRUST_MARGIN};

/// How long a node may trust its own leases. Times are counted from any one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trust {
    until: Option<Duration>,
    lapses: u64,
}

impl Trust {
    /// A beat succeeded that was sent at `began`; it is `now`.
    pub fn renew(&mut self, began: Duration, now: Duration) {
        if self.until.is_some_and(|until| now >= until) {
            self.lapses += 1;
        }
        self.until = Some(began + (DEAD_AFTER - TRUST_MARGIN));
    }

    /// How often it had lapsed when a lease was taken: what [`Trust::is_good`] asks for.
    pub const fn lapses(&self) -> u64 {
        self.lapses
    }

    /// Until when it is good; `None` before the first beat.
    pub const fn until(&self) -> Option<Duration> {
        self.until
    }

    /// Whether leases are good that were taken after so many lapses.
    pub fn is_good(&self, lapses: u64, now: Duration) -> bool {
        self.lapses == lapses && self.until.is_some_and(|until| now < until)
    }
}
