//! What a try of a delivery leads to: taken, failed for good, or another try at a time that is said here.

use std::time::Duration;

use tidings_model::{Attempt, Delivery, DeliveryStatus, Timestamp};

use crate::App;

/// The shortest pause that a destination may ask for: one that asks for none is not asked again without an end.
const PAUSE_ASKED_MIN: Duration = Duration::from_secs(1);

/// The longest pause that a destination may ask for.
const PAUSE_ASKED_MAX: Duration = Duration::from_secs(24 * 3600);

/// What a try means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken.
    Taken,
    /// Try again later, as the schedule says.
    Again,
    /// The destination asked for a pause; that is no failure of the delivery, and is not charged to it.
    AfterPause(Duration),
    /// It will never be taken.
    Refused,
    /// The destination wants nothing any more.
    Gone,
}

/// When failed tries are made again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule<'a> {
    /// The destination's own pauses, in seconds, in place of the installation's.
    pub(crate) own_delays_s: Option<&'a [u64]>,
    /// Whether a failure is charged to the delivery; it is not while its destination takes nothing at all.
    pub(crate) charges: bool,
}

impl Schedule<'_> {
    /// The installation's.
    pub(crate) const INSTALLATION: Self = Self { own_delays_s: None, charges: true };

    /// The pause after so many charged tries; none is left when it is through.
    fn delay(&self, app: &App, tries: u32) -> Option<Duration> {
        let place = usize::try_from(tries).unwrap_or(usize::MAX);
        match self.own_delays_s {
            Some(own) => own.get(place).copied().map(Duration::from_secs),
            None => app.settings.retry_delays.get(place).copied(),
        }
    }
}

/// Notes a try in its delivery, and when the next one is due.
pub(crate) fn note(
    app: &App,
    reader: &'static str,
    delivery: &mut Delivery,
    (attempt, outcome): (Attempt, Outcome),
    schedule: Schedule<'_>,
) {
    delivery.add(attempt);
    let mut is_charged = true;
    let (status, pause) = match outcome {
        Outcome::Taken => (DeliveryStatus::Delivered, None),
        Outcome::Refused | Outcome::Gone => (DeliveryStatus::Failed, None),
        Outcome::AfterPause(pause) => {
            is_charged = false;
            (DeliveryStatus::Pending, Some(granted(pause)))
        }
        Outcome::Again => {
            is_charged = schedule.charges;
            match schedule.delay(app, delivery.tries) {
                Some(delay) => (DeliveryStatus::Pending, Some(jittered(app, delay))),
                None => (DeliveryStatus::Failed, None),
            }
        }
    };
    delivery.tries += u32::from(is_charged);
    delivery.status = status;
    delivery.next_at = pause.map(|pause| later(app.now(), pause));
    let outcome = match status {
        DeliveryStatus::Delivered => "delivered",
        DeliveryStatus::Pending => "again",
        DeliveryStatus::Failed => "failed",
    };
    metrics::counter!("tidings_attempts_total", "reader" => reader, "outcome" => outcome)
        .increment(1);
}

/// A pause that a destination asked for, as far as it is granted.
pub(crate) fn granted(pause: Duration) -> Duration {
    pause.clamp(PAUSE_ASKED_MIN, PAUSE_ASKED_MAX)
}

/// Up to a tenth longer, so that many that failed together do not come back together.
fn jittered(app: &App, delay: Duration) -> Duration {
    let (_, random) = app.clock.next_id().as_u64_pair();
    let tenth = u64::try_from(delay.as_millis() / 10).unwrap_or(u64::MAX);
    delay + Duration::from_millis(random % (tenth + 1))
}

/// A time later by so much; the far end of time when that is out of range.
pub(crate) fn later(now: Timestamp, by: Duration) -> Timestamp {
    now.checked_add(by).unwrap_or(Timestamp::MAX)
}
