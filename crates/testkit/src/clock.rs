//! A clock that is turned by hand; its ids count up.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use tidings_model::{Clock, Timestamp};
use uuid::Uuid;

/// A clock that stands until it is turned.
#[derive(Debug)]
pub struct HandClock {
    millisecond: AtomicI64,
    ids: AtomicU64,
}

impl HandClock {
    /// A clock at a fixed time of 2026.
    pub fn new() -> Arc<Self> {
        Arc::new(Self { millisecond: AtomicI64::new(1_780_000_000_000), ids: AtomicU64::new(0) })
    }

    /// Turns it on.
    pub fn turn(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).expect("tests turn clocks by days, not by ages");
        self.millisecond.fetch_add(by, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.millisecond.load(Ordering::SeqCst))
            .expect("tests stay near 2026")
    }

    fn next_id(&self) -> Uuid {
        let count = self.ids.fetch_add(1, Ordering::SeqCst);
        let milliseconds = u128::from(self.now().as_millisecond().unsigned_abs());
        // Time, then version 7, the variant, and the count.
        Uuid::from_u128(milliseconds << 80 | 7 << 76 | 2 << 62 | u128::from(count))
    }
}
