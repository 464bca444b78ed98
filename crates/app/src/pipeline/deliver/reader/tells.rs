//! What an endpoint's reader tells of itself: to who waits until it rests, and to the metrics.

use std::time::Duration;

use tokio::time::Instant;

use super::Reader;
use crate::pipeline::deliver::gauges::Now;

/// How often it is told how it is doing, while it has something to do.
const GAUGE_INTERVAL: Duration = Duration::from_millis(100);

impl Reader {
    /// Tells how it is, for who waits until nothing is to be done now.
    pub(super) fn tell_pulse(&self) {
        let is_quiet = self.steps.is_empty()
            && self.writing.is_empty()
            && self.unwritten.is_empty()
            && (!self.work.has_ready()
                || self.gathers_until().is_some()
                || self.health.window(self.app.now()) == 0);
        if !is_quiet {
            return;
        }
        let (opens_at, gathers_until) =
            (self.health.opens_at(self.app.now()), self.gathers_until());
        // What is ready goes out once the endpoint opens, whatever else is due later.
        let ready = opens_at.filter(|_| self.work.has_ready() && gathers_until.is_none());
        let due = self.work.next_due().into_iter().chain(gathers_until);
        let due = due.map(|due| opens_at.map_or(due, |opens| due.max(opens)));
        let notice = self.given_up.notice_due(self.app.now());
        let next = due.chain(ready).chain(notice).min();
        let reads = !self.shared.inbox.is_fed();
        self.shared.pulse.quiet(self.work.is_clean() && !reads, next);
    }

    /// Tells how it is doing, for the metrics: at once when it has nothing to do, else now and then.
    pub(super) fn tell_gauge(&mut self) {
        let is_busy = !self.steps.is_empty();
        if is_busy && self.gauged_at.is_some_and(|then| then.elapsed() < GAUGE_INTERVAL) {
            return;
        }
        self.gauged_at = Some(Instant::now());
        // What waits in the inbox of one that does not keep up was not looked at either.
        let behind_at = (!self.shared.inbox.is_fed()).then(|| self.work.taken());
        let (waits, first) =
            if behind_at.is_some() { (0, None) } else { self.shared.inbox.waits() };
        let parked = self.work.parked().map(|(_, parked)| parked.head).min();
        self.shared.gauge.note(Now {
            owed: waits + self.work.open().len() + self.work.parked_count(),
            oldest: first.into_iter().chain(self.work.open().next()).chain(parked).min(),
            behind_at,
            in_flight: self.steps.len(),
            parked: self.work.parked_count(),
            health: self.health.state(),
        });
    }
}
