//! How long work stood still after a node was killed, by what the log says. Pure.
//!
//! Visitors write all the time and the bot owes each of them a reply, so the replies of a chat whose node died stop, and go on
//! when another node has taken over.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use crate::outside::history::Logged;

/// A chat that waited longer than this was worked for by the dead node: a living one answers within milliseconds.
const STOOD_STILL: Duration = Duration::from_millis(1_000);

/// A kill, and until when nothing else happened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Blow {
    pub(super) at: Timestamp,
    pub(super) until: Timestamp,
}

/// How long it took after kills.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Takeovers {
    /// For each kill, until the last chat was answered again.
    pub(crate) last: Vec<Duration>,
    /// For each chat of each kill that stood still.
    pub(crate) each: Vec<Duration>,
}

pub(super) fn takeovers(log: &[Logged], blows: &[Blow]) -> Takeovers {
    let mut takeovers = Takeovers::default();
    for blow in blows {
        let waits = waits(log, *blow);
        takeovers.last.extend(waits.iter().max());
        takeovers.each.extend(waits.iter().filter(|wait| **wait > STOOD_STILL));
    }
    takeovers
}

/// For each chat in which a reply was owed after the kill, the longest that one was, from the kill on. Who got none in time
/// waited until the end.
///
/// A customer whose own connection was to the dead node writes later; that is their way to another node, not the work's, so a
/// wait begins with what was asked.
fn waits(log: &[Logged], blow: Blow) -> Vec<Duration> {
    // Customers with open connections have chats that no bot answers in.
    let bots: BTreeSet<&str> =
        log.iter().filter(|e| e.replies_to().is_some()).filter_map(|e| e.chat.as_deref()).collect();
    let mut owed: BTreeMap<(&str, &str), Timestamp> = BTreeMap::new();
    let mut longest: BTreeMap<&str, Duration> = BTreeMap::new();
    let mut waited = |chat, since: Timestamp, until: Timestamp| {
        let since = blow.at.max(since);
        let wait = Duration::try_from(until.duration_since(since)).unwrap_or_default();
        let known = longest.entry(chat).or_default();
        *known = wait.max(*known);
    };
    for event in log.iter().filter(|event| event.time < blow.until) {
        let Some(chat) = event.chat.as_deref().filter(|chat| bots.contains(chat)) else { continue };
        if let Some(text) = event.replies_to() {
            if let Some(asked) = owed.remove(&(chat, text)).filter(|_| event.time > blow.at) {
                waited(chat, asked, event.time);
            }
        } else if event.author_kind == "customer" && event.custom_id.is_some() {
            owed.insert((chat, &event.text), event.time);
        }
    }
    for ((chat, _), asked) in owed {
        waited(chat, asked, blow.until);
    }
    longest.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::outside::history::ECHO;
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).expect("a time")
    }

    fn event(ms: i64, chat: &str, author: &str, text: &str) -> Logged {
        Logged {
            time: at(ms),
            chat: Some(chat.to_owned()),
            author_kind: author.to_owned(),
            custom_id: Some(text.to_owned()),
            text: text.to_owned(),
            ..Logged::default()
        }
    }

    #[test]
    fn a_chat_waits_as_long_as_it_is_owed_a_reply() {
        let echo = |text: &str| format!("{ECHO}{text}");
        let log = [
            event(500, "a", "bot", &echo("1")),
            event(500, "b", "bot", &echo("1")),
            event(500, "c", "bot", &echo("1")),
            event(999, "b", "customer", "2"),
            event(1_001, "c", "customer", "2"),
            event(1_001, "no bot", "customer", "2"),
            event(2_000, "b", "customer", "3"),
            event(4_001, "b", "bot", &echo("2")),
            event(4_002, "b", "bot", &echo("3")),
            event(5_000, "a", "customer", "2"),
            event(5_020, "a", "bot", &echo("2")),
        ];
        let blow = Blow { at: at(1_000), until: at(8_000) };
        let found = takeovers(&log, &[blow]);
        let ms = Duration::from_millis;
        assert_eq!(found, Takeovers { last: vec![ms(6_999)], each: vec![ms(3_001), ms(6_999)] });
    }
}
