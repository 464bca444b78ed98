//! What a watcher sees of the log as it grows: the events it asked for and may see, in order, from any number on.
//!
//! Nothing is kept for a watcher: it follows the log with its own place, so one that reads slowly slows nobody else, and
//! one that comes back asks for what follows the last number that it saw.

use std::ops::RangeInclusive;
use std::sync::Arc;

use tidings_catalogue::TypeFilter;
use tidings_model::{ChatId, Event, Seq, Visibility, WorkspaceId};
use tidings_store::{Follower, ReadError};

use crate::App;
use crate::directory::Directory;

/// How many events one look takes.
const LOOK_EVENTS_MAX: usize = 256;

/// Who watches, and so what they may see.
#[derive(Clone, Debug)]
pub enum Watcher {
    /// A program with rights in the workspace: all of it.
    Workspace,
    /// The customer of this chat: what is visible to all, in this chat.
    Customer(ChatId),
}

/// A watcher's place in the log.
pub struct Watch {
    follower: Follower,
    directory: Option<Arc<Directory>>,
    watcher: Watcher,
    filter: TypeFilter,
    chat: Option<ChatId>,
    /// The last number that was looked at, shown or not.
    place: Seq,
    missed: Option<RangeInclusive<Seq>>,
}

impl Watch {
    /// Watches what follows a number.
    pub fn new(
        app: &App,
        workspace: WorkspaceId,
        watcher: Watcher,
        filter: TypeFilter,
        chat: Option<ChatId>,
        since: Seq,
    ) -> Self {
        let store = Arc::clone(&app.store);
        let follower = match watcher {
            Watcher::Workspace => Follower::new(store, workspace, since),
            Watcher::Customer(chat) => Follower::of_chat(store, workspace, chat, since),
        };
        Self {
            follower,
            directory: app.directory(workspace),
            watcher,
            filter,
            chat,
            place: since,
            missed: None,
        }
    }

    /// The next events for this watcher; waits until there are some, or some are known to be missing. May be dropped at
    /// any time.
    pub async fn next(&mut self) -> Result<Vec<Arc<Event>>, ReadError> {
        loop {
            let mut events = self.follower.next(LOOK_EVENTS_MAX).await?;
            self.move_on(&events);
            events.retain(|event| self.shows(event));
            if !events.is_empty() || self.missed.is_some() {
                return Ok(events);
            }
        }
    }

    /// The last number that was looked at: who comes back begins after it.
    pub const fn place(&self) -> Seq {
        self.place
    }

    /// The numbers that are no longer kept, and so were passed over before the last events; told once.
    pub const fn take_missed(&mut self) -> Option<RangeInclusive<Seq>> {
        self.missed.take()
    }

    /// A workspace's events come without a gap, so where one is, retention removed them. A customer sees one chat, and is
    /// told of no gap.
    fn move_on(&mut self, events: &[Arc<Event>]) {
        if let (Watcher::Workspace, Some(first)) = (&self.watcher, events.first())
            && first.seq > self.place.next()
        {
            self.missed = Some(self.place.next()..=Seq(first.seq.0 - 1));
        }
        self.place = self.follower.after();
    }

    fn shows(&self, event: &Event) -> bool {
        let in_chat = self.chat.is_none_or(|chat| event.chat == Some(chat));
        let kind = || self.directory.as_ref().and_then(|directory| directory.channel_kind(event));
        in_chat
            && may_see(&self.watcher, event)
            && self.filter.matches(&event.event_type, kind(), event.author.kind, &event.data)
    }
}

/// Whether a watcher may see an event at all.
pub fn may_see(watcher: &Watcher, event: &Event) -> bool {
    match watcher {
        Watcher::Workspace => true,
        Watcher::Customer(chat) => event.chat == Some(*chat) && event.visibility == Visibility::All,
    }
}
