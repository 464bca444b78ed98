//! When the timers of chats ring next, as far as this node knows: so that ordinary messages set nothing.
//!
//! Only a hint. What is not known costs a look at the chat's log; it is forgotten before a timer's work begins and noted
//! when it is committed, so nothing is believed that is no longer so.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tidings_model::{ChatId, Timestamp};

/// Of how many chats it is known; beyond that all is forgotten, and found again chat by chat.
const CHATS_MAX: usize = 50_000;

/// When timers ring next.
#[derive(Debug, Default)]
pub(crate) struct Rings {
    of: Mutex<HashMap<ChatId, Timestamp>>,
}

impl Rings {
    /// When a chat's timer rings, if that is known.
    pub(crate) fn of(&self, chat: ChatId) -> Option<Timestamp> {
        self.of.lock().unwrap_or_else(PoisonError::into_inner).get(&chat).copied()
    }

    /// A chat's timer was set.
    pub(crate) fn note(&self, chat: ChatId, due: Timestamp) {
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        if of.len() >= CHATS_MAX && !of.contains_key(&chat) {
            of.clear();
        }
        of.insert(chat, due);
    }

    /// A chat's timer rings, or is set by somebody else.
    pub(crate) fn forget(&self, chat: ChatId) {
        self.of.lock().unwrap_or_else(PoisonError::into_inner).remove(&chat);
    }
}
