//! How a receiver is, and how much may be under way to it: judged by how its answers came, pure.
//!
//! | state | it begins | what is done |
//! | --- | --- | --- |
//! | healthy | it takes what it gets | as much under way as it bears |
//! | degraded | [`DEGRADED_AFTER`] failures in a row, or half of the last [`LOOKED_AT`] | as much as it still takes |
//! | paused | [`PAUSED_AFTER`] failures in a row, over [`PAUSED_AFTER_TIME`] at least | nothing but a probe, seldomer each time |
//! | disabled | it answers 410, or nothing was taken for [`DISABLED_AFTER`] while paused | nothing, until somebody enables it |
//!
//! How much may be under way grows with each answer that takes and halves with each that does not, so a receiver that
//! begins to fail soon has one try under way, and one that comes back is not flooded.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tidings_model::{HealthState, Timestamp};

use super::pace::Pace;
use crate::pipeline::tries::Outcome;

/// So many failures in a row make a receiver degraded.
const DEGRADED_AFTER: u32 = 5;

/// How many of the last tries are looked at for the rate of failures.
const LOOKED_AT: usize = 20;

/// So many failures in a row pause a receiver, ...
const PAUSED_AFTER: u32 = 10;

/// ... when they lasted for so long.
const PAUSED_AFTER_TIME: Duration = Duration::from_secs(60);

/// For how long a receiver may be paused before it is disabled.
const DISABLED_AFTER: Duration = Duration::from_secs(5 * 24 * 3600);

/// How many tries in a row must be taken until a receiver that was not healthy is.
const HEALTHY_AFTER: u32 = 3;

/// The pauses between probes; the last one for ever.
const PROBE_PAUSES_S: [u64; 6] = [30, 60, 120, 300, 600, 900];

/// The longest time for which one answer (429, 503) may hold up all that goes to its receiver.
const HELD_MAX: Duration = Duration::from_secs(3600);

/// How a receiver is.
#[derive(Clone, Debug)]
pub(super) struct Health {
    now: Kept,
    /// How much may be under way.
    window: usize,
    window_max: usize,
    failed_in_row: u32,
    taken_in_row: u32,
    last: VecDeque<bool>,
    /// Nothing goes before this: the receiver asked for a pause, or the next probe is due then.
    not_before: Option<Timestamp>,
    pace: Pace,
}

/// What is kept of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    pub(super) state: HealthState,
    /// When the first of the failures in a row was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failing_since: Option<Timestamp>,
    /// How many probes were made in vain.
    pub(super) probes: u32,
}

/// What a try says of its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// It took it.
    Took,
    /// It failed.
    Failed,
    /// It asked for a pause.
    Asked(Duration),
    /// It wants nothing any more.
    Gone,
    /// It says nothing of the receiver.
    None,
}

impl Sign {
    /// What the outcome of a try says.
    pub(super) const fn of(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Taken => Self::Took,
            Outcome::Again => Self::Failed,
            Outcome::AfterPause(pause) => Self::Asked(pause),
            Outcome::Refused => Self::None,
            Outcome::Gone => Self::Gone,
        }
    }
}

impl Health {
    /// As it was kept. One that was to be disabled and was not, as the process ended in between, is looked at once more.
    pub(super) fn new(mut kept: Kept, window_max: usize) -> Self {
        if kept.state == HealthState::Disabled {
            kept.state = HealthState::Paused;
        }
        Self {
            not_before: None,
            pace: Pace::default(),
            now: kept,
            window: 1,
            window_max: window_max.max(1),
            failed_in_row: 0,
            taken_in_row: 0,
            last: VecDeque::with_capacity(LOOKED_AT),
        }
    }

    pub(super) const fn state(&self) -> HealthState {
        self.now.state
    }

    pub(super) fn kept(&self) -> &Kept {
        &self.now
    }

    /// Whether its last try was taken: only such a receiver is trusted with more than one.
    pub(super) const fn is_proven(&self) -> bool {
        self.taken_in_row > 0
    }

    pub(super) const fn set_window_max(&mut self, most: usize) {
        self.window_max = if most == 0 { 1 } else { most };
        if self.window > self.window_max {
            self.window = self.window_max;
        }
    }

    /// How many tries may begin within a minute, where the receiver said so.
    pub(super) fn set_rate(&mut self, per_minute: Option<u32>) {
        self.pace.set(per_minute);
    }

    /// Whether the receiver said how many it takes a minute.
    pub(super) const fn is_paced(&self) -> bool {
        self.pace.is_set()
    }

    /// A try begins.
    pub(super) fn begun(&mut self, now: Timestamp) {
        self.pace.begun(now);
    }

    /// When a try may begin that does not wait for anything else than the rate: that turn is its own then.
    pub(super) fn turn(&mut self, now: Timestamp) -> Timestamp {
        self.pace.turn(now)
    }

    /// How much may be under way now.
    pub(super) fn window(&self, now: Timestamp) -> usize {
        match self.opens_at(now) {
            _ if self.now.state == HealthState::Disabled => 0,
            Some(_) => 0,
            None => self.window,
        }
    }

    /// When something may go again, if nothing may now.
    pub(super) fn opens_at(&self, now: Timestamp) -> Option<Timestamp> {
        let held = self.not_before.filter(|then| *then > now);
        held.max(self.pace.opens_at(now))
    }

    /// Whether tries are charged to the delivery: not while it is only looked whether the receiver is back.
    pub(super) fn charges(&self) -> bool {
        self.now.state != HealthState::Paused
    }

    /// Notes a try. Returns the new state, if it changed.
    pub(super) fn note(&mut self, sign: Sign, now: Timestamp) -> Option<HealthState> {
        let before = self.now.state;
        match sign {
            Sign::Took => self.took(),
            Sign::Failed => self.failed(now),
            Sign::Asked(pause) => {
                self.window = 1;
                self.not_before = now.checked_add(pause.min(HELD_MAX)).ok();
            }
            Sign::Gone => self.now.state = HealthState::Disabled,
            Sign::None => {}
        }
        (self.now.state != before).then_some(self.now.state)
    }

    fn look_back(&mut self, taken: bool) -> usize {
        if self.last.len() == LOOKED_AT {
            self.last.pop_front();
        }
        self.last.push_back(taken);
        self.last.iter().filter(|taken| !**taken).count()
    }

    fn took(&mut self) {
        self.look_back(true);
        self.failed_in_row = 0;
        self.taken_in_row = self.taken_in_row.saturating_add(1);
        self.window = (self.window * 2).min(self.window_max);
        self.not_before = None;
        self.now.failing_since = None;
        self.now.probes = 0;
        if self.taken_in_row >= HEALTHY_AFTER {
            if self.now.state != HealthState::Healthy {
                // What it was before it came back says nothing any more.
                self.last.clear();
            }
            self.now.state = HealthState::Healthy;
        } else if self.now.state == HealthState::Paused {
            self.window = 1;
            self.now.state = HealthState::Degraded;
        }
    }

    fn failed(&mut self, now: Timestamp) {
        let failures = self.look_back(false);
        self.taken_in_row = 0;
        self.failed_in_row = self.failed_in_row.saturating_add(1);
        self.window = (self.window / 2).max(1);
        let since = *self.now.failing_since.get_or_insert(now);
        let lasted = Duration::try_from(now.duration_since(since)).unwrap_or_default();
        if self.now.state == HealthState::Paused {
            self.now.probes = self.now.probes.saturating_add(1);
            self.not_before = self.next_probe(now);
            if lasted >= DISABLED_AFTER {
                self.now.state = HealthState::Disabled;
            }
        } else if self.failed_in_row >= PAUSED_AFTER && lasted >= PAUSED_AFTER_TIME {
            self.now.state = HealthState::Paused;
            self.not_before = self.next_probe(now);
        } else if self.failed_in_row >= DEGRADED_AFTER
            || (self.last.len() == LOOKED_AT && failures * 2 >= LOOKED_AT)
        {
            self.now.state = HealthState::Degraded;
        }
    }

    fn next_probe(&self, now: Timestamp) -> Option<Timestamp> {
        let at = usize::try_from(self.now.probes).unwrap_or(usize::MAX);
        let pause = PROBE_PAUSES_S.get(at).or(PROBE_PAUSES_S.last())?;
        now.checked_add(Duration::from_secs(*pause)).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).expect("a time")
    }

    #[test]
    fn a_receiver_that_takes_is_given_more() {
        let mut health = Health::new(Kept::default(), 64);
        assert_eq!(health.window(at(0)), 1);
        for _ in 0..3 {
            assert_eq!(health.note(Sign::Took, at(0)), None);
        }
        assert_eq!(health.window(at(0)), 8);
        for _ in 0..10 {
            health.note(Sign::Took, at(0));
        }
        assert_eq!(health.window(at(0)), 64);
        health.note(Sign::Failed, at(0));
        assert_eq!(health.window(at(0)), 32);
        assert!(!health.is_proven());
    }

    #[test]
    fn a_dead_receiver_is_degraded_then_paused_then_disabled() {
        let mut health = Health::new(Kept::default(), 64);
        let mut changes = Vec::new();
        for second in 0..12 {
            changes.extend(health.note(Sign::Failed, at(second * 10)));
        }
        assert_eq!(changes, [HealthState::Degraded, HealthState::Paused]);
        assert!(!health.charges());
        // The tenth failure paused it, at 90 s; a probe follows half a minute later, then seldomer.
        assert_eq!(health.window(at(111)), 0);
        assert_eq!(health.opens_at(at(111)), Some(at(110 + 120)));
        assert_eq!(health.window(at(110 + 120)), 1);
        let day = 24 * 3600;
        assert_eq!(health.note(Sign::Failed, at(5 * day - 1)), None);
        assert_eq!(health.note(Sign::Failed, at(5 * day)), Some(HealthState::Disabled));
        assert_eq!(health.window(at(6 * day)), 0, "nothing goes there any more");
        let mut begun_anew = Health::new(health.kept().clone(), 64);
        assert_eq!(begun_anew.window(at(6 * day)), 1, "it is looked at once more");
        assert_eq!(begun_anew.note(Sign::Failed, at(6 * day)), Some(HealthState::Disabled));
    }

    #[test]
    fn a_receiver_that_comes_back_is_tried_out_first() {
        let kept = Kept { state: HealthState::Paused, failing_since: Some(at(0)), probes: 3 };
        let mut health = Health::new(kept, 64);
        assert_eq!(health.window(at(100)), 1, "a start looks at once");
        assert_eq!(health.note(Sign::Took, at(100)), Some(HealthState::Degraded));
        assert_eq!(health.window(at(100)), 1);
        assert_eq!(health.note(Sign::Took, at(100)), None);
        assert_eq!(health.note(Sign::Took, at(100)), Some(HealthState::Healthy));
        assert_eq!(health.kept().failing_since, None);
    }

    #[test]
    fn many_failures_among_successes_degrade_and_quick_ones_do_not_pause() {
        let mut health = Health::new(Kept::default(), 64);
        for turn in 0..LOOKED_AT {
            let sign = if turn % 2 == 0 { Sign::Took } else { Sign::Failed };
            health.note(sign, at(0));
        }
        assert_eq!(health.state(), HealthState::Degraded);
        let mut quick = Health::new(Kept::default(), 64);
        for _ in 0..50 {
            quick.note(Sign::Failed, at(1));
        }
        assert_eq!(quick.state(), HealthState::Degraded, "all of it within a second");
    }

    #[test]
    fn who_asks_for_a_pause_gets_it_and_is_not_ill() {
        let mut health = Health::new(Kept::default(), 64);
        health.note(Sign::Asked(Duration::from_secs(20)), at(0));
        assert_eq!((health.window(at(19)), health.window(at(20))), (0, 1));
        assert_eq!(health.state(), HealthState::Healthy);
        health.note(Sign::Asked(Duration::from_secs(1 << 40)), at(20));
        assert_eq!(
            health.window(at(20 + 3600)),
            1,
            "no answer holds up all for longer than an hour"
        );
    }
}
