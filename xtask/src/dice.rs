//! Randomness that can be repeated: a seed gives the same row of numbers every time.
//!
//! The chores print their seed. `SplitMix64` (Steele, Lea, Flood 2014) is enough to choose moments and pauses.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// A row of random numbers.
#[derive(Debug)]
pub(crate) struct Dice {
    state: u64,
}

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// A seed that nobody chose, from the keys of the standard library's hash maps.
    pub(crate) fn any_seed() -> u64 {
        RandomState::new().build_hasher().finish()
    }

    pub(crate) const fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to below `end`; 0 when `end` is 0.
    pub(crate) const fn below(&mut self, end: u64) -> u64 {
        if end == 0 { 0 } else { self.next() % end }
    }

    /// A time between two others.
    pub(crate) fn between(&mut self, least: Duration, most: Duration) -> Duration {
        let spread = most.saturating_sub(least).as_micros();
        least + Duration::from_micros(self.below(u64::try_from(spread).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_another_does_not() {
        let row = |seed| {
            let mut dice = Dice::new(seed);
            [dice.next(), dice.next(), dice.next()]
        };
        assert_eq!(row(7), row(7));
        assert_ne!(row(7), row(8));
    }

    #[test]
    fn a_time_stays_between_its_ends() {
        let mut dice = Dice::new(1);
        let (least, most) = (Duration::from_millis(50), Duration::from_millis(60));
        for _ in 0..1_000 {
            let time = dice.between(least, most);
            assert!(least <= time && time < most);
        }
    }
}
