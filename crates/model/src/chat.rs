//! The lasting conversation with one customer, on one channel.
//!
//! A chat is `open` while it has an active thread. The thread's number and the control lease live apart: the number in
//! the store's append, the lease in [`crate::Control`], so that an ordinary message changes no document at all.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    AgentId, Author, BotName, ChannelId, ChatId, CustomerId, GroupName, GroupNumber, Properties,
    Thread, ThreadId, Timestamp, Visibility,
};

/// One conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chat {
    /// Its id.
    pub id: ChatId,
    /// The connection that it runs over.
    pub channel: ChannelId,
    /// The outside service's own name for it: what the channel sends to.
    pub address: String,
    /// The person on the other side; agents may begin a chat among themselves.
    #[serde(default)]
    pub customer: Option<CustomerId>,
    /// Open or closed.
    pub status: ChatStatus,
    /// The active thread, or the last one.
    pub thread: Thread,
    /// Who is in it, or was and went: the customer, agents, bots.
    #[serde(default)]
    pub members: Vec<Member>,
    /// The teams whose agents may see it; empty means everyone.
    #[serde(default)]
    pub access: BTreeSet<GroupNumber>,
    /// Agents who watch it without being in it.
    #[serde(default)]
    pub followers: BTreeSet<AgentId>,
    /// Its properties.
    #[serde(default)]
    pub properties: Properties,
    /// The team that owns it.
    #[serde(default)]
    pub group: Option<GroupName>,
    /// The agent that owns it.
    #[serde(default)]
    pub assignee: Option<AgentId>,
    /// Labels on it.
    #[serde(default)]
    pub labels: BTreeSet<String>,
    /// Variables that bots and agents keep on it.
    #[serde(default)]
    pub variables: BTreeMap<String, Value>,
    /// Until when it is put aside; `None` while it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snoozed_until: Option<Timestamp>,
    /// When it began.
    pub created_at: Timestamp,
}

impl Chat {
    /// A chat that begins, with nobody in it.
    pub fn begin(
        id: ChatId,
        channel: ChannelId,
        address: impl Into<String>,
        thread: ThreadId,
        now: Timestamp,
    ) -> Self {
        Self {
            id,
            channel,
            address: address.into(),
            customer: None,
            status: ChatStatus::Open,
            thread: Thread::begin(thread, now, None),
            members: Vec::new(),
            access: BTreeSet::new(),
            followers: BTreeSet::new(),
            properties: Properties::default(),
            group: None,
            assignee: None,
            labels: BTreeSet::new(),
            variables: BTreeMap::new(),
            snoozed_until: None,
            created_at: now,
        }
    }

    /// Somebody comes in, or comes back. Says whether that changed anything.
    pub fn enter(&mut self, member: Member) -> bool {
        self.thread.took_part(&member.who.id());
        match self.members.iter_mut().find(|known| known.who == member.who) {
            Some(known) if known.present && known.visibility == member.visibility => false,
            Some(known) => {
                known.present = true;
                known.visibility = member.visibility;
                true
            }
            None => {
                self.members.push(member);
                true
            }
        }
    }

    /// Somebody leaves. Says whether they were in it.
    pub fn leave(&mut self, who: &Participant) -> bool {
        let found = self.members.iter_mut().find(|member| member.who == *who && member.present);
        found.map(|member| member.present = false).is_some()
    }

    /// The teams that see one of its threads: the last one is seen as the chat is, those before keep theirs.
    pub fn access_of<'a>(&'a self, thread: &'a Thread) -> &'a BTreeSet<GroupNumber> {
        if thread.access.is_empty() { &self.access } else { &thread.access }
    }

    /// The last thread as it stays behind when another begins after it: with the teams that saw it until then.
    pub fn past_thread(&self, next: ThreadId) -> Thread {
        let access = GroupNumber::named_in(self.access_of(&self.thread));
        Thread { next: Some(next), access, ..self.thread.clone() }
    }

    /// A new thread begins in place of the last one.
    pub fn begin_thread(&mut self, id: ThreadId, now: Timestamp) {
        self.status = ChatStatus::Open;
        self.snoozed_until = None;
        let mut thread = Thread::begin(id, now, Some(self.thread.id));
        for member in self.members.iter().filter(|member| member.present) {
            thread.took_part(&member.who.id());
        }
        self.thread = thread;
    }

    /// Somebody's place in it, if they are in it or were.
    pub fn member(&self, who: &Participant) -> Option<&Member> {
        self.members.iter().find(|member| member.who == *who)
    }

    /// Whether somebody is in it now.
    pub fn is_present(&self, who: &Participant) -> bool {
        self.member(who).is_some_and(|member| member.present)
    }

    /// The agents and bots that are in it now.
    pub fn present_agents(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| {
            member.present
                && matches!(member.who, Participant::Agent { .. } | Participant::Bot { .. })
        })
    }
}

/// Somebody who takes part in a chat.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Participant {
    /// The person on the other side.
    Customer {
        /// Which one.
        id: CustomerId,
    },
    /// An agent; also a bot that speaks our API.
    Agent {
        /// Which one.
        id: AgentId,
    },
    /// A bot written in YAML.
    Bot {
        /// Which one.
        id: BotName,
    },
}

impl Participant {
    /// Their id as text, as it stands in `user_ids` and as author.
    pub fn id(&self) -> String {
        match self {
            Self::Customer { id } => id.to_string(),
            Self::Agent { id } => id.to_string(),
            Self::Bot { id } => id.to_string(),
        }
    }

    /// The same as author of an event.
    pub fn author(&self) -> Author {
        match self {
            Self::Customer { id } => Author::customer(*id),
            Self::Agent { id } => Author::agent(id),
            Self::Bot { id } => Author::bot(id),
        }
    }
}

/// A place in a chat.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Member {
    /// Whose.
    pub who: Participant,
    /// Whether they are in the chat now.
    pub present: bool,
    /// Whether the customer knows of them: an agent with `agents` looks on and helps.
    #[serde(default = "everybody")]
    pub visibility: Visibility,
    /// Up to when they have seen the chat's events, as far as they said so.
    #[serde(default)]
    pub seen_up_to: Option<Timestamp>,
}

impl Member {
    /// Somebody who is in the chat, for everybody to see.
    pub const fn new(who: Participant) -> Self {
        Self { who, present: true, visibility: Visibility::All, seen_up_to: None }
    }
}

const fn everybody() -> Visibility {
    Visibility::All
}

/// Whether a chat has an active thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChatStatus {
    /// It has one.
    Open,
    /// It has none; the next message opens a new one.
    Closed,
}
