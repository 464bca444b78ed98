//! How a reader follows a workspace's log: react, deliver, live and the API's streams all use it.
//!
//! It gives every event after a number once, in order: from the [`Tail`] while it keeps up, from the store when it is
//! behind, and it waits when there is nothing new. A wake-up is only a hint: after [`FOLLOW_POLL`] without one it asks
//! the store itself. Safe to run twice: it remembers nothing outside itself, and a reader that begins again at its
//! cursor gets the same events again.

use std::sync::Arc;
use std::time::Duration;

use tidings_model::{ChatId, Event, Seq, WorkspaceId};
use tokio::sync::watch;

use crate::read::EVENTS_READ_MAX;
use crate::{EventQuery, ReadError, Store, Tail, TailRead};

/// How long a reader waits for a wake-up before it looks into the store. A lost wake-up makes us so much slower; ten
/// thousand idle readers cost some hundred small reads per second.
pub const FOLLOW_POLL: Duration = Duration::from_secs(30);

/// A reader of one workspace's log, or of one chat in it.
pub struct Follower {
    store: Arc<dyn Store>,
    workspace: WorkspaceId,
    chat: Option<ChatId>,
    after: Seq,
    tail: Arc<Tail>,
    heads: watch::Receiver<Seq>,
}

impl Follower {
    /// A reader that begins after a number.
    pub fn new(store: Arc<dyn Store>, workspace: WorkspaceId, after: Seq) -> Self {
        let tail = store.tail(workspace);
        let heads = tail.watch();
        Self { store, workspace, chat: None, after, tail, heads }
    }

    /// A reader of one chat that begins after a number; other chats' events do not wake it.
    pub fn of_chat(
        store: Arc<dyn Store>,
        workspace: WorkspaceId,
        chat: ChatId,
        after: Seq,
    ) -> Self {
        let tail = store.tail(workspace);
        let heads = tail.watch_chat(chat);
        Self { store, workspace, chat: Some(chat), after, tail, heads }
    }

    /// The last number that was given out; of one chat, up to which was looked.
    pub const fn after(&self) -> Seq {
        self.after
    }

    /// The next events, at least one and at most `limit` ([`EVENTS_READ_MAX`] is the ceiling); waits until there are some.
    ///
    /// Cancel-safe: what was not returned is given again. After an error it may be called again.
    pub async fn next(&mut self, limit: usize) -> Result<Vec<Arc<Event>>, ReadError> {
        let limit = limit.clamp(1, EVENTS_READ_MAX);
        loop {
            // Seen before asking: a head that moves while we ask wakes the wait below.
            self.heads.borrow_and_update();
            let head = self.tail.head();
            let (read, looked) = match self.chat {
                None => (self.tail.after(self.after, limit), self.after),
                Some(chat) => self.tail.after_in_chat(self.after, chat, limit),
            };
            match read {
                TailRead::Events(events) => {
                    if let Some(events) = self.give(events, looked) {
                        return Ok(events);
                    }
                }
                TailRead::Behind => {
                    if let Some(events) = self.read(limit).await? {
                        return Ok(events);
                    }
                    // Everything up to the head was on disk before the head was told, so what is not there is forgotten.
                    self.after = self.after.max(head);
                }
                TailRead::UpToDate => {
                    self.after = self.after.max(looked);
                    let woken = tokio::time::timeout(FOLLOW_POLL, self.heads.changed()).await;
                    if woken.is_err()
                        && let Some(events) = self.read(limit).await?
                    {
                        return Ok(events);
                    }
                }
            }
        }
    }

    async fn read(&mut self, limit: usize) -> Result<Option<Vec<Arc<Event>>>, ReadError> {
        let query =
            EventQuery { after: self.after, limit, chat: self.chat, ..EventQuery::default() };
        let events = self.store.events(self.workspace, query).await?;
        Ok(self.give(events, self.after))
    }

    /// The only place where the number moves: nothing is awaited between here and the caller.
    fn give(&mut self, events: Vec<Arc<Event>>, looked: Seq) -> Option<Vec<Arc<Event>>> {
        self.after = events.last()?.seq.max(looked);
        Some(events)
    }
}
