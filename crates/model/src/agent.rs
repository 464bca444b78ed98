//! Who answers: a person, or a bot that speaks our API. A bot written in YAML is an agent here too, while it is in a chat.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::{AgentId, GroupName, Timestamp};

/// Who answers.
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
    /// Their account: the user name of their personal access tokens.
    #[serde(default)]
    pub account: Uuid,
    /// What they may do.
    #[serde(default)]
    pub role: Role,
    /// A picture of them.
    #[serde(default)]
    pub avatar: Option<String>,
    /// What they are, as customers see it.
    #[serde(default)]
    pub job_title: Option<String>,
    /// How many chats they have at once at most.
    #[serde(default = "usual_chats_max")]
    pub chats_max: u32,
    /// Whether they take chats as soon as they sign in.
    #[serde(default = "yes")]
    pub accepts_at_login: bool,
    /// Their status came from an open connection, and ends with it.
    #[serde(default)]
    pub connected: bool,
    /// They take chats again when one of their connections is no longer away.
    #[serde(default)]
    pub stepped_away: bool,
    /// They may not sign in for now.
    #[serde(default)]
    pub suspended: bool,
    /// They may not sign in yet.
    #[serde(default)]
    pub awaiting_approval: bool,
    /// A program that speaks our API in place of a person: the client that owns it.
    #[serde(default)]
    pub bot: Option<BotAccount>,
    /// When they work: `{timezone, schedule: [{day, enabled, start, end}]}`; always, unless it is set.
    #[serde(default)]
    pub work_schedule: Option<Value>,
    /// What else is kept about them: mobile, notifications, `email_subscriptions`, ...
    #[serde(default)]
    pub details: Map<String, Value>,
    /// When they were made.
    #[serde(default)]
    pub created_at: Option<Timestamp>,
}

impl Agent {
    /// Somebody who answers, with everything as usual.
    pub fn new(id: AgentId, name: impl Into<String>, status: AgentStatus) -> Self {
        Self {
            id,
            name: name.into(),
            status,
            groups: BTreeSet::new(),
            account: Uuid::nil(),
            role: Role::default(),
            avatar: None,
            job_title: None,
            chats_max: usual_chats_max(),
            accepts_at_login: true,
            connected: false,
            stepped_away: false,
            suspended: false,
            awaiting_approval: false,
            bot: None,
            work_schedule: None,
            details: Map::new(),
            created_at: None,
        }
    }
}

/// The usual number of chats that an agent has at once; LiveChat's figure.
const fn usual_chats_max() -> u32 {
    6
}

const fn yes() -> bool {
    true
}

/// What makes a program an agent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BotAccount {
    /// The client that owns it.
    pub owner_client_id: String,
    /// The secret that its tokens are asked for with, hashed.
    pub secret_hash: String,
    /// The template that it was made from.
    #[serde(default)]
    pub template: Option<String>,
}

/// What an agent may do.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Chats of their teams.
    #[default]
    Normal,
    /// All chats, and the configuration.
    Administrator,
    /// As an administrator; for the owner's deputy.
    ViceOwner,
    /// Everything.
    Owner,
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
