//! How documents are written: their bodies, and the index entries that chats and customers are found by.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidings_model::{
    AgentId, Chat, ChatId, ChatStatus, Customer, GroupNumber, Participant, Thread, ThreadId,
    Timestamp, Visibility,
};
use tidings_store::{Body, DocKey, Kind, Put};

use super::scene::{Scene, Seen};

/// A document's body.
pub fn to_body<T: Serialize>(value: &T) -> Body {
    Body::of(value).expect("documents have text keys only, so writing cannot fail")
}

/// What a document or a part of one says, as a value.
pub fn to_value<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("documents have text keys only, so writing cannot fail")
}

/// The write of a chat's document, with the entries that it is found by.
pub fn put_chat(scene: &Scene) -> Put {
    let chat = &scene.chat.value;
    let status = match chat.status {
        ChatStatus::Open => "open",
        ChatStatus::Closed => "closed",
    };
    let mut index = vec![
        ("status", status.into()),
        ("code", chat.id.code().to_string()),
        ("thread", chat.thread.id.code().to_string()),
        ("recent", sortable(chat.thread.created_at)),
    ];
    if let Some(customer) = chat.customer {
        index.push(("customer", customer.to_string()));
    }
    if chat.access.is_empty() {
        index.push(("access", GroupNumber::EVERYONE.to_string()));
    }
    index.extend(chat.access.iter().map(|group| ("access", group.to_string())));
    if chat.status == ChatStatus::Open {
        index.push(("live", "1".into()));
        // Who looks on unseen has no work by it.
        let workers = chat.present_agents().filter(|member| member.visibility == Visibility::All);
        index.extend(workers.map(|member| ("assignee", member.who.id())));
        if let Some(since) = chat.thread.queued_at {
            let group = chat.access.first().copied().unwrap_or_default();
            index.push(("queued", format!("{group:010}:{}", sortable(since))));
        }
    }
    index.extend(listed(chat));
    // A program may be in a chat under the name of a bot.
    index.sort();
    index.dedup();
    scene.chat.put(DocKey::new(Kind::Chat, chat.id), index)
}

/// The entries that lists of chats go by: newest thread last, apart for each team and each person who sees the chat.
/// Chats that are open have the same once more, as they are asked for most and are few among all.
fn listed(chat: &Chat) -> Vec<(&'static str, String)> {
    let time = sortable(chat.thread.created_at);
    let mut entries = Vec::new();
    let mut streams = vec![Stream::Group(GroupNumber::EVERYONE)];
    if !chat.access.is_empty() {
        streams = chat.access.iter().map(|group| Stream::Group(*group)).collect();
    }
    let present = chat.members.iter().filter(|member| member.present);
    let people = present.filter_map(|member| match &member.who {
        Participant::Agent { id } => Some(id),
        Participant::Customer { .. } | Participant::Bot { .. } => None,
    });
    streams.extend(people.chain(&chat.followers).cloned().map(Stream::Agent));
    for stream in streams {
        entries.push((Stream::RECENT, stream.entry(&time)));
        if chat.status == ChatStatus::Open {
            entries.push((Stream::LIVE, stream.entry(&time)));
        }
    }
    if chat.status == ChatStatus::Open {
        entries.push((Stream::LIVE, Stream::All.entry(&time)));
    }
    entries
}

/// A part of the chats, in the order of their last threads.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// All of them; only open ones have an entry for it, as `recent` lists all.
    All,
    /// Those that a team sees.
    Group(GroupNumber),
    /// Those that somebody is in, or watches.
    Agent(AgentId),
}

impl Stream {
    /// The name of the entries of all chats.
    pub const RECENT: &'static str = "recent_of";
    /// The name of the entries of open chats.
    pub const LIVE: &'static str = "live_of";

    /// The entry of a chat whose last thread began at a time, as [`sortable`] writes it.
    pub fn entry(&self, time: &str) -> String {
        format!("{}:{time}", self.prefix())
    }

    /// The first value of the stream, and the first beyond it.
    pub fn bounds(&self) -> (String, String) {
        // What follows the colon among characters.
        (format!("{}:", self.prefix()), format!("{};", self.prefix()))
    }

    fn prefix(&self) -> String {
        match self {
            Self::All => "*".into(),
            Self::Group(group) => format!("g{group}"),
            Self::Agent(agent) => format!("a{agent}"),
        }
    }
}

/// The write of a thread that is not the last of its chat any more.
pub fn put_past_thread(past: &Seen<PastThread>) -> Put {
    let PastThread { chat, thread } = &past.value;
    let index = vec![
        ("chat", chat.to_string()),
        ("code", thread.id.code().to_string()),
        ("recent", sortable(thread.created_at)),
    ];
    past.put(DocKey::new(Kind::Thread, thread.id), index)
}

/// The last thread of a chat as it stays behind when another begins after it, with what is unknown of it.
pub fn left_behind(chat: &Seen<Chat>, next: ThreadId) -> Seen<PastThread> {
    let past = PastThread { chat: chat.value.id, thread: chat.value.past_thread(next) };
    Seen { unknown: chat.unknown.inside("thread"), ..Seen::absent(past) }
}

/// A thread that is not the last of its chat any more, as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PastThread {
    /// Its chat.
    pub chat: ChatId,
    /// The thread.
    pub thread: Thread,
}

/// A time as text that sorts: nanoseconds since 1970, in twenty digits.
pub fn sortable(time: Timestamp) -> String {
    format!("{:020}", time.as_nanosecond().max(0))
}

/// The index entry, and its value, of customers whose visit lasts.
pub const VISITING: &str = "visiting";

/// The write of a customer's document, with the entries that it is found by.
pub fn put_customer(seen: &Seen<Customer>) -> Put {
    let customer = &seen.value;
    let first =
        customer.identities.first().map(|identity| format!("{}:{}", identity.channel, identity.id));
    let mut index = vec![("created", sortable(customer.created_at))];
    index.extend(first.map(|identity| ("identity", identity)));
    if customer.visit.as_ref().is_some_and(|visit| visit.ended_at.is_none()) {
        index.push((VISITING, VISITING.into()));
    }
    seen.put(DocKey::new(Kind::Customer, customer.id), index)
}
