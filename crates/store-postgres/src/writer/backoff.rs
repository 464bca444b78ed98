//! How long to wait before the next try.

use std::sync::Arc;
use std::time::Duration;

use tidings_model::Clock;

/// The first pause: a lock or a lost connection is mostly gone by then.
const PAUSE_MIN: Duration = Duration::from_millis(20);

/// The longest pause: a database that is back is found within a second.
const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Pauses that double, each between its half and its whole, so that many nodes don't come back at the same moment.
pub(crate) struct Backoff {
    clock: Arc<dyn Clock>,
    pause: Duration,
}

impl Backoff {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, pause: PAUSE_MIN }
    }

    /// The next pause.
    pub(crate) fn next(&mut self) -> Duration {
        let whole = self.pause;
        self.pause = (whole * 2).min(PAUSE_MAX);
        // The last bits of a new id are random.
        let dice = u32::try_from(self.clock.next_id().as_u128() & 0xFF).unwrap_or(0);
        whole / 2 + whole / 2 * dice / 0xFF
    }
}
