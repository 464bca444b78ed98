//! How a Telegram conversation is named in a chat's `address`: `CHAT`, or `CHAT:THREAD` for a topic of a forum.

use std::fmt;
use std::str::FromStr;

/// Where a message goes. A private chat has the id of its person; a group's id is negative. Ids have up to 52 bits, and
/// are kept in 64.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Address {
    /// Telegram's id of the chat.
    pub chat: i64,
    /// Telegram's id of the topic in it.
    pub thread: Option<i64>,
}

impl Address {
    /// Whether several people are there: groups have a rate of their own, see [`crate::telegram::rates`].
    pub fn is_group(self) -> bool {
        self.chat < 0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.thread {
            Some(thread) => write!(f, "{}:{thread}", self.chat),
            None => write!(f, "{}", self.chat),
        }
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, InvalidAddress> {
        let (chat, thread) = match text.split_once(':') {
            Some((chat, thread)) => (chat, Some(thread.parse().map_err(|_| InvalidAddress)?)),
            None => (text, None),
        };
        Ok(Self { chat: chat.parse().map_err(|_| InvalidAddress)?, thread })
    }
}

/// The text is not an address of Telegram. It is not repeated: an address is a person's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a Telegram address: CHAT or CHAT:THREAD, both whole numbers")]
pub struct InvalidAddress;
