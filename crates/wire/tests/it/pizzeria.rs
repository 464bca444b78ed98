//! Events of a pizzeria: Alice orders, a bot and Bob answer.

use serde_json::Value;
use tidings_model::{
    Author, AuthorKind, ChannelId, ChatId, CustomerId, Draft, Event, EventId, Order, Seq, ThreadId,
    Timestamp, Visibility, WorkspaceId, envelope,
};
use uuid::Uuid;

/// When everything happens.
pub(crate) const NOW: &str = "2026-11-21T10:20:30.456789Z";

/// A UUID version 7 of [`NOW`].
pub(crate) fn uuid(last: u8) -> Uuid {
    let text = format!("01a1fd9f-2f78-7000-8000-0123456789{last:02x}");
    text.parse().expect("a UUID")
}

/// Alice.
pub(crate) fn alice() -> Author {
    Author::customer(CustomerId::new(uuid(1)))
}

/// Bob, an agent.
pub(crate) fn bob() -> Author {
    Author { kind: AuthorKind::Agent, id: "bob@example.org".into() }
}

/// The bot.
pub(crate) fn bot() -> Author {
    Author { kind: AuthorKind::Bot, id: "pizzeria".into() }
}

/// An event in Alice's chat.
pub(crate) fn draft(event_type: &str, author: Author, data: Value) -> Draft {
    let id = EventId::new(uuid(0xe0));
    let now: Timestamp = NOW.parse().expect("a time");
    let name = event_type.parse().expect("a type");
    let mut draft = Draft::new(id, name, WorkspaceId::new(uuid(2)), now, data);
    draft.channel = Some(ChannelId::new(uuid(3)));
    draft.chat = Some(ChatId::new(uuid(4)));
    draft.thread = Some(ThreadId::new(uuid(5)));
    draft.author = author;
    draft
}

/// The same for agents only.
pub(crate) fn for_agents(mut draft: Draft) -> Draft {
    draft.visibility = Visibility::Agents;
    draft
}

/// An event with its numbers.
pub(crate) fn numbered(draft: Draft) -> Event {
    let body = envelope::write(&draft);
    let order = draft.thread.map(|_| Order(7));
    Event::new(Seq(41), order, draft, body.into())
}
