//! One active stretch of a chat. The last one lives in its [`crate::Chat`]; those before it are documents of their own.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{GroupNumber, Properties, ThreadId, Timestamp};

/// A stretch of a chat, from its start to its end.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Thread {
    /// Its id.
    pub id: ThreadId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ended; `None` while it is active.
    #[serde(default)]
    pub closed_at: Option<Timestamp>,
    /// The ids of all who took part, in the order in which they came.
    #[serde(default)]
    pub user_ids: Vec<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// Its properties.
    #[serde(default)]
    pub properties: Properties,
    /// The teams whose agents may see it, once another thread began after it; empty means as its chat.
    #[serde(default)]
    pub access: BTreeSet<GroupNumber>,
    /// Since when it waits for an agent.
    #[serde(default)]
    pub queued_at: Option<Timestamp>,
    /// How long it waited before, in seconds.
    #[serde(default)]
    pub queued_s: i64,
    /// The one before it.
    #[serde(default)]
    pub previous: Option<ThreadId>,
    /// The one after it.
    #[serde(default)]
    pub next: Option<ThreadId>,
    /// From where the customer came, as it was at the start: address, browser, place.
    #[serde(default)]
    pub visit: Option<Value>,
    /// The goals of the site that the customer reached in the visit in which it began.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub goals: BTreeSet<String>,
    /// What was made of it afterwards.
    #[serde(default)]
    pub summary: Option<Summary>,
}

impl Thread {
    /// A thread that begins.
    pub fn begin(id: ThreadId, now: Timestamp, previous: Option<ThreadId>) -> Self {
        Self {
            id,
            created_at: now,
            closed_at: None,
            user_ids: Vec::new(),
            tags: BTreeSet::new(),
            properties: Properties::default(),
            access: BTreeSet::new(),
            queued_at: None,
            queued_s: 0,
            previous,
            next: None,
            visit: None,
            goals: BTreeSet::new(),
            summary: None,
        }
    }

    /// Notes that somebody took part.
    pub fn took_part(&mut self, id: &str) {
        if !self.user_ids.iter().any(|known| known == id) {
            self.user_ids.push(id.to_owned());
        }
    }
}

/// A short text about a thread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    /// The text.
    pub text: String,
    /// When it was written.
    pub updated_at: Timestamp,
}
