//! Token buckets: how often somebody may ask. Bounded in number, and kept in memory only.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::problem::{Code, Problem};
use crate::state::Rate;

/// How many buckets are kept; at some 64 bytes each that is 4 MiB. Full ones go first: they remember nothing.
const BUCKETS_MAX: usize = 65_536;

/// Buckets of one rate, by who asks.
pub(crate) struct Buckets<K> {
    rate: Rate,
    by: Mutex<HashMap<K, Bucket>>,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl<K: Eq + Hash> Buckets<K> {
    pub(crate) fn new(rate: Rate) -> Self {
        Self { rate, by: Mutex::default() }
    }

    /// Takes one token, or says how long to wait.
    pub(crate) fn take(&self, who: K) -> Result<(), Problem> {
        if self.rate.per_second == 0 {
            return Ok(());
        }
        self.take_at(who, Instant::now())
    }

    fn take_at(&self, who: K, now: Instant) -> Result<(), Problem> {
        let (per_second, burst) =
            (f64::from(self.rate.per_second), f64::from(self.rate.burst.max(1)));
        let mut buckets = self.by.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= BUCKETS_MAX && !buckets.contains_key(&who) {
            buckets.retain(|_, bucket| bucket.filled(now, per_second, burst) < burst);
            if buckets.len() >= BUCKETS_MAX {
                return Err(too_many(1));
            }
        }
        let bucket = buckets.entry(who).or_insert(Bucket { tokens: burst, at: now });
        bucket.tokens = bucket.filled(now, per_second, burst);
        bucket.at = now;
        if bucket.tokens < 1.0 {
            let wait = (1.0 - bucket.tokens) / per_second;
            return Err(too_many(std::time::Duration::from_secs_f64(wait).as_secs() + 1));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}

impl Bucket {
    fn filled(&self, now: Instant, per_second: f64, burst: f64) -> f64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        (self.tokens + passed * per_second).min(burst)
    }
}

fn too_many(retry_after_s: u64) -> Problem {
    Problem::new(Code::TooManyRequests, "requests come faster than the limit allows")
        .after(retry_after_s)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_passes_then_the_rate_holds_for_each_apart() {
        let buckets = Buckets::new(Rate { per_second: 2, burst: 3 });
        let start = Instant::now();
        for _ in 0..3 {
            assert_eq!(buckets.take_at("alice", start), Ok(()));
        }
        let refused = buckets.take_at("alice", start).expect_err("the burst is used up");
        assert_eq!((refused.code, refused.retry_after_s), (Code::TooManyRequests, Some(1)));
        assert_eq!(buckets.take_at("bob", start), Ok(()));
        assert_eq!(buckets.take_at("alice", start + Duration::from_millis(500)), Ok(()));
        assert!(buckets.take_at("alice", start + Duration::from_millis(500)).is_err());
    }

    #[test]
    fn no_rate_is_no_limit() {
        let buckets = Buckets::new(Rate::NONE);
        for _ in 0..1_000 {
            assert_eq!(buckets.take("alice"), Ok(()));
        }
    }
}
