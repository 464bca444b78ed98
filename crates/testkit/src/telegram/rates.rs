//! How fast the bot may send.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use super::error::ApiError;

/// How fast the bot may send. Past it, a call is answered 429 and not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Messages in any second, all chats together.
    pub overall_per_second: usize,
    /// Messages in any second to one chat.
    pub chat_per_second: usize,
    /// Messages in any minute to one group.
    pub group_per_minute: usize,
    /// What `retry_after` says.
    pub retry_after_s: u64,
}

impl Default for Rates {
    /// What the Bots FAQ says, with the short bursts that it allows.
    fn default() -> Self {
        Self { overall_per_second: 30, chat_per_second: 3, group_per_minute: 20, retry_after_s: 1 }
    }
}

/// What was sent when.
#[derive(Default)]
pub(super) struct Meter {
    overall: VecDeque<Instant>,
    chats: HashMap<i64, VecDeque<Instant>>,
}

impl Meter {
    /// Counts one message, unless it is too much.
    pub(super) fn count(&mut self, rates: &Rates, chat: i64, now: Instant) -> Result<(), ApiError> {
        const SECOND: Duration = Duration::from_secs(1);
        const MINUTE: Duration = Duration::from_secs(60);
        let (window, max) = if chat < 0 {
            (MINUTE, rates.group_per_minute)
        } else {
            (SECOND, rates.chat_per_second)
        };
        let in_chat = self.chats.entry(chat).or_default();
        forget(in_chat, window, now);
        forget(&mut self.overall, SECOND, now);
        if in_chat.len() >= max || self.overall.len() >= rates.overall_per_second {
            return Err(ApiError::too_many(rates.retry_after_s));
        }
        in_chat.push_back(now);
        self.overall.push_back(now);
        Ok(())
    }
}

fn forget(times: &mut VecDeque<Instant>, window: Duration, now: Instant) {
    while times.front().is_some_and(|time| now.duration_since(*time) >= window) {
        times.pop_front();
    }
}
