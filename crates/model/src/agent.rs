//! A person who answers.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{AgentId, GroupName};

/// A person who answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Agent {
    /// Their id, mostly a mail address.
    pub id: AgentId,
    /// Their name, as customers see it.
    pub name: String,
    /// Whether they take chats now.
    pub status: AgentStatus,
    /// Their teams.
    #[serde(default)]
    pub groups: BTreeSet<GroupName>,
}

/// Whether an agent takes chats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentStatus {
    /// They do.
    Accepting,
    /// They are there, and take no new ones.
    Away,
    /// They are not there.
    Offline,
}
