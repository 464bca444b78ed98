//! How fast a channel sends: 30 messages a second in all, one a second in a chat with a short burst, 20 a minute in a
//! group. Telegram's own 429 counts more than this, which only keeps it rare.
//!
//! The generic cell rate algorithm (ITU-T I.371): of each bucket only one moment is kept, the time at which it would be
//! full again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tidings_channels::telegram::Address;
use tidings_channels::telegram::rates::{
    CHAT_BURST, CHAT_PER_SECOND, GROUP_PER_MINUTE, OVERALL_PER_SECOND,
};
use tokio::time::Instant;

/// How long a message waits in the hand for its turn; what must wait longer is parked.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(2);

/// How many chats are remembered before those that are quiet are let go: at 30 messages a second, five minutes' worth.
const CHATS_MAX: usize = 9_000;

/// What a channel sent when.
#[derive(Debug, Default)]
pub(crate) struct Rates {
    buckets: Mutex<Buckets>,
}

#[derive(Debug, Default)]
struct Buckets {
    overall: Option<Instant>,
    chats: HashMap<i64, Instant>,
}

/// A rate, and how many may follow one another at once.
#[derive(Clone, Copy)]
struct Rate {
    interval: Duration,
    burst: u32,
}

const OVERALL: Rate =
    Rate { interval: Duration::from_micros(1_000_000 / OVERALL_PER_SECOND as u64), burst: 30 };
const CHAT: Rate =
    Rate { interval: Duration::from_millis(1_000 / CHAT_PER_SECOND as u64), burst: CHAT_BURST };
const GROUP: Rate = Rate {
    interval: Duration::from_millis(60_000 / GROUP_PER_MINUTE as u64),
    burst: GROUP_PER_MINUTE,
};

impl Rates {
    /// Takes a turn to send to a chat. `Ok` says how long to wait for it, at most [`WAIT_MAX`]; `Err` says how long it
    /// would be, and takes no turn.
    pub(crate) fn take_turn(&self, to: Address, now: Instant) -> Result<Duration, Duration> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.chats.len() >= CHATS_MAX {
            buckets.chats.retain(|_, full_at| *full_at > now);
        }
        let rate = if to.is_group() { GROUP } else { CHAT };
        let (in_chat, overall) = (buckets.chats.get(&to.chat).copied(), buckets.overall);
        let at = rate.next(in_chat, now).max(OVERALL.next(overall, now));
        let wait = at.duration_since(now);
        if wait > WAIT_MAX {
            return Err(wait);
        }
        buckets.chats.insert(to.chat, rate.taken(in_chat, at));
        buckets.overall = Some(OVERALL.taken(overall, at));
        Ok(wait)
    }
}

impl Rate {
    /// The earliest moment at which one may go.
    fn next(self, full_at: Option<Instant>, now: Instant) -> Instant {
        let tolerance = self.interval * (self.burst - 1);
        full_at.and_then(|full_at| full_at.checked_sub(tolerance)).map_or(now, |at| at.max(now))
    }

    fn taken(self, full_at: Option<Instant>, at: Instant) -> Instant {
        full_at.map_or(at, |full_at| full_at.max(at)) + self.interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice() -> Address {
        Address { chat: 5, thread: None }
    }

    #[test]
    fn a_chat_has_a_burst_and_then_one_a_second() {
        let (rates, now) = (Rates::default(), Instant::now());
        for _ in 0..CHAT_BURST {
            assert_eq!(rates.take_turn(alice(), now), Ok(Duration::ZERO));
        }
        assert_eq!(rates.take_turn(alice(), now), Ok(Duration::from_secs(1)));
        assert_eq!(rates.take_turn(alice(), now), Ok(Duration::from_secs(2)));
        assert_eq!(rates.take_turn(alice(), now), Err(Duration::from_secs(3)));
        let later = now + Duration::from_secs(60);
        assert_eq!(rates.take_turn(alice(), later), Ok(Duration::ZERO), "quiet fills it again");
        let bob = Address { chat: 6, thread: None };
        assert_eq!(rates.take_turn(bob, later), Ok(Duration::ZERO), "others do not wait");
    }

    #[test]
    fn a_group_has_twenty_a_minute_and_all_together_thirty_a_second() {
        let (rates, now) = (Rates::default(), Instant::now());
        let group = Address { chat: -5, thread: None };
        for _ in 0..GROUP_PER_MINUTE {
            assert_eq!(rates.take_turn(group, now), Ok(Duration::ZERO));
        }
        assert_eq!(rates.take_turn(group, now), Err(Duration::from_secs(3)));
        for chat in 0..10 {
            let to = Address { chat: 100 + chat, thread: None };
            assert_eq!(rates.take_turn(to, now), Ok(Duration::ZERO));
        }
        let one_more = rates.take_turn(Address { chat: 200, thread: None }, now);
        assert!(one_more.is_ok_and(|wait| !wait.is_zero() && wait < Duration::from_millis(50)));
    }
}
