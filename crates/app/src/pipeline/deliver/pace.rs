//! How fast deliveries may follow each other, where a receiver said how many it takes a minute; pure.
//!
//! They are spaced evenly: a receiver that takes sixty a minute gets one a second, and not sixty at once.

use std::time::Duration;

use tidings_model::Timestamp;

/// How far behind its time a delivery may begin without the next ones losing theirs: a busy machine is late by so much.
const LATE_MAX: Duration = Duration::from_millis(100);

/// A minute, and what may be caught up within it: so no minute has more than the rate.
const MINUTE: Duration = Duration::from_millis(60_000 + 100);

/// How fast deliveries may follow each other.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    per_minute: Option<u32>,
    next: Option<Timestamp>,
}

impl Pace {
    /// From now on so many a minute; `None` as many as there are.
    pub(super) fn set(&mut self, per_minute: Option<u32>) {
        if self.per_minute != per_minute {
            *self = Self { per_minute, next: None };
        }
    }

    /// Whether there is a rate.
    pub(super) const fn is_set(&self) -> bool {
        self.per_minute.is_some()
    }

    /// When the next one may begin, if it may not now.
    pub(super) fn opens_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.next.filter(|next| *next > now)
    }

    /// When the next one may begin; the one after it comes later.
    pub(super) fn turn(&mut self, now: Timestamp) -> Timestamp {
        let at = self.opens_at(now).unwrap_or(now);
        self.begun(at);
        at
    }

    /// One begins.
    pub(super) fn begun(&mut self, now: Timestamp) {
        let Some(per_minute) = self.per_minute else { return };
        let earliest = now.checked_sub(LATE_MAX).unwrap_or(now);
        let due = self.next.map_or(now, |next| next.max(earliest));
        self.next = due.checked_add(MINUTE / per_minute.max(1)).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + ms).expect("a time")
    }

    /// When deliveries begin, if there is always one and it is looked whether it may so often.
    fn begun(per_minute: u32, look_every_ms: usize) -> Vec<i64> {
        let mut pace = Pace::default();
        pace.set(Some(per_minute));
        let mut begun = Vec::new();
        for ms in (0..120_000).step_by(look_every_ms) {
            while pace.opens_at(at(ms)).is_none() {
                pace.begun(at(ms));
                begun.push(ms);
            }
        }
        begun
    }

    #[test]
    fn no_minute_has_more_and_most_of_it_is_used() {
        for (per_minute, look_every_ms) in [(1, 7), (60, 1), (60, 90), (600, 10), (1_200, 50)] {
            let begun = begun(per_minute, look_every_ms);
            let most = begun.iter().map(|from| {
                begun.iter().filter(|one| (*from..from + 60_000).contains(*one)).count()
            });
            let most = most.max().unwrap_or_default();
            assert!(most <= per_minute as usize, "{most} of {per_minute}");
            let least = usize::try_from(per_minute * 2).expect("few") * 95 / 100;
            assert!(begun.len() >= least, "{} of {per_minute} a minute", begun.len());
        }
    }

    #[test]
    fn turns_are_given_one_after_the_other_beside_what_begins() {
        let mut pace = Pace::default();
        assert_eq!(
            [pace.turn(at(5)), pace.turn(at(5))],
            [at(5); 2],
            "without a rate all go at once"
        );
        pace.set(Some(60));
        pace.begun(at(0));
        let gap = 60_100 / 60;
        assert!((1_001..=1_002).contains(&gap));
        let turns = [pace.turn(at(10)), pace.turn(at(20))];
        assert!(turns[0] >= at(1_000) && turns[1] >= at(2_000), "{turns:?}");
        assert!(pace.opens_at(at(2_900)).is_some(), "who begins comes after them");
        assert_eq!(pace.opens_at(at(3_010)), None);
    }

    #[test]
    fn a_new_rate_counts_at_once_and_none_is_no_pace() {
        let mut pace = Pace::default();
        pace.begun(at(0));
        assert_eq!(pace.opens_at(at(0)), None);
        pace.set(Some(1));
        pace.begun(at(0));
        assert_eq!(pace.opens_at(at(0)), Some(at(60_100)));
        pace.set(Some(1));
        assert_eq!(pace.opens_at(at(60_000)), Some(at(60_100)), "the same rate changes nothing");
        pace.set(Some(60_100));
        assert_eq!(pace.opens_at(at(0)), None);
    }
}
