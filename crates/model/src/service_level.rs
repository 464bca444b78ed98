//! Service levels: what a workspace promises of time in its chats, and in which of them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::{ChannelId, GroupName, ServiceLevelId};
use crate::time::Timestamp;

/// What a workspace promises of time in its chats. The first one that applies to a chat counts: that of the highest
/// priority, the oldest among equals.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceLevel {
    /// Its id.
    pub id: ServiceLevelId,
    /// Its name, for people.
    pub name: String,
    /// Whether it counts.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Which comes first: the highest.
    #[serde(default)]
    pub priority: i64,
    /// In which chats it counts.
    #[serde(default)]
    pub applies_to: AppliesTo,
    /// How soon a thread's first reply comes after the customer's first words, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_reply_s: Option<u32>,
    /// How soon each reply after that comes, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_reply_s: Option<u32>,
    /// How soon a thread is closed, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution_s: Option<u32>,
    /// How long before a target is missed it is told, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_soon_s: Option<u32>,
    /// For how long a customer whose turn it is has not written, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_idle_s: Option<u32>,
    /// For how long an agent whose turn it is has not written, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent_idle_s: Option<u32>,
    /// When time counts; always, unless given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hours: Option<OpenHours>,
    /// When time stands still.
    #[serde(default)]
    pub pause_when: PauseWhen,
    /// Whether what bots say is a reply.
    #[serde(default)]
    pub bots_count: bool,
    /// When it was made: what was due before is not told.
    pub created_at: Timestamp,
}

/// In which chats a service level counts: of each that is named, the chat has one. Nothing named: in all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliesTo {
    /// The teams that own the chat.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<GroupName>,
    /// The connections that it runs over.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub channels: BTreeSet<ChannelId>,
    /// Labels on it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub labels: BTreeSet<String>,
}

/// When the time of a service level stands still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseWhen {
    /// While the chat is put aside.
    #[serde(default = "yes")]
    pub snoozed: bool,
    /// While the chat has one of these labels.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub labels: BTreeSet<String>,
}

impl Default for PauseWhen {
    fn default() -> Self {
        Self { snoozed: true, labels: BTreeSet::new() }
    }
}

/// When somebody is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenHours {
    /// The time zone that all of it is read in, as `Europe/Berlin`.
    pub timezone: String,
    /// The times of the week.
    pub schedule: Vec<OpenTime>,
    /// Dates on which nobody is there, as `2026-12-25`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub holidays: BTreeSet<String>,
}

/// A time of a day on which somebody is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenTime {
    /// Which day.
    pub day: Weekday,
    /// From when, as `09:00`.
    pub start: String,
    /// Until when, as `17:30`; `24:00` is the end of the day.
    pub end: String,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    /// Monday.
    Monday,
    /// Tuesday.
    Tuesday,
    /// Wednesday.
    Wednesday,
    /// Thursday.
    Thursday,
    /// Friday.
    Friday,
    /// Saturday.
    Saturday,
    /// Sunday.
    Sunday,
}

const fn yes() -> bool {
    true
}
