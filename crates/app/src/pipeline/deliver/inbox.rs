//! What an endpoint's reader was given and did not take yet. Bounded: who does not take is left behind, and reads the log
//! by itself until it has caught up.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tidings_model::{Event, Seq};
use tokio::sync::Notify;

/// How many events wait for one endpoint, before it is left behind.
const INBOX_MAX: usize = 512;

/// How many waiting events are enough for a while: the look at the log rests while most have so many.
const INBOX_ENOUGH: usize = 256;

/// What an endpoint's reader was given and did not take yet.
#[derive(Debug)]
pub(super) struct Inbox {
    waiting: Mutex<Waiting>,
    news: Notify,
}

#[derive(Debug)]
struct Waiting {
    events: VecDeque<Arc<Event>>,
    /// Whether it is given every event that its endpoint wants.
    is_fed: bool,
    /// Whether its reader could begin something.
    is_awaited: bool,
}

/// Whether a reader could be given more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fullness {
    /// It reads by itself.
    Unfed,
    /// Soon it will want more.
    Room,
    /// It has enough for a while.
    Enough,
}

impl Inbox {
    pub(super) fn new(is_fed: bool) -> Self {
        Self {
            waiting: Mutex::new(Waiting { events: VecDeque::new(), is_fed, is_awaited: true }),
            news: Notify::new(),
        }
    }

    /// Gives it an event, unless it reads by itself; one for which there is no room makes it do so.
    pub(super) fn offer(&self, event: &Arc<Event>) {
        let mut waiting = self.waiting();
        if !waiting.is_fed {
            return;
        }
        if waiting.events.len() < INBOX_MAX {
            waiting.events.push_back(Arc::clone(event));
        } else {
            waiting.is_fed = false;
        }
        let is_awaited = waiting.is_awaited;
        drop(waiting);
        if is_awaited {
            self.news.notify_one();
        }
    }

    /// Whether its reader is woken by what comes. One that could begin nothing anyhow looks when a try of it ends: so an
    /// event costs next to nothing for a thousand receivers that hang.
    pub(super) fn await_news(&self, is_awaited: bool) {
        let mut waiting = self.waiting();
        let was_awaited = std::mem::replace(&mut waiting.is_awaited, is_awaited);
        // What came meanwhile told nobody.
        let is_missed = is_awaited && !was_awaited && !waiting.events.is_empty();
        drop(waiting);
        if is_missed {
            self.news.notify_one();
        }
    }

    /// Whether its reader is woken by what comes.
    pub(super) fn is_awaited(&self) -> bool {
        self.waiting().is_awaited
    }

    /// What waits, at most so many.
    pub(super) fn take(&self, most: usize) -> Vec<Arc<Event>> {
        let mut waiting = self.waiting();
        let count = most.min(waiting.events.len());
        waiting.events.drain(..count).collect()
    }

    /// How many wait, and the first of them.
    pub(super) fn waits(&self) -> (usize, Option<Seq>) {
        let waiting = self.waiting();
        (waiting.events.len(), waiting.events.front().map(|event| event.seq))
    }

    /// Whether it is fed, and has enough for a while.
    pub(super) fn fullness(&self) -> Fullness {
        let waiting = self.waiting();
        match (waiting.is_fed, waiting.events.len() >= INBOX_ENOUGH) {
            (false, _) => Fullness::Unfed,
            (true, true) => Fullness::Enough,
            (true, false) => Fullness::Room,
        }
    }

    /// Who has enough and does not take it is left behind.
    pub(super) fn leave_behind(&self) {
        let mut waiting = self.waiting();
        if waiting.events.len() >= INBOX_ENOUGH {
            waiting.is_fed = false;
        }
        drop(waiting);
        self.news.notify_one();
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting().events.is_empty()
    }

    /// Whether it is given what its endpoint wants.
    pub(super) fn is_fed(&self) -> bool {
        self.waiting().is_fed
    }

    /// From now on it is given what its endpoint wants. Only the feed knows when that leaves no gap.
    pub(super) fn feed(&self) {
        self.waiting().is_fed = true;
    }

    /// Waits until something came. Cancel-safe.
    pub(super) async fn news(&self) {
        self.news.notified().await;
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How far the one look at the log for all endpoints of a place is.
#[derive(Debug)]
pub(super) struct Passed {
    /// The last event that is being given out, and the last one that was given to all.
    at: Mutex<(Seq, Seq)>,
    /// Somebody took what was given to them.
    taken: Notify,
}

impl Passed {
    pub(super) fn new(at: Seq) -> Self {
        Self { at: Mutex::new((at, at)), taken: Notify::new() }
    }

    /// A reader took what it was given.
    pub(super) fn took(&self) {
        self.taken.notify_one();
    }

    /// Waits until a reader took what it was given. Cancel-safe.
    pub(super) async fn taken(&self) {
        self.taken.notified().await;
    }

    /// Events up to this one are about to be given out.
    pub(super) fn begin(&self, up_to: Seq) {
        self.at().0 = up_to;
    }

    /// They were given to all who are fed.
    pub(super) fn end(&self) {
        let mut at = self.at();
        at.1 = at.0;
    }

    /// All up to here was given out.
    pub(super) fn up_to(&self) -> Seq {
        self.at().1
    }

    /// Feeds a reader that read all up to here by itself, if that leaves no gap.
    pub(super) fn join(&self, inbox: &Inbox, read_up_to: Seq) -> bool {
        let at = self.at();
        let joins = at.0 <= read_up_to;
        if joins {
            inbox.feed();
        }
        joins
    }

    fn at(&self) -> MutexGuard<'_, (Seq, Seq)> {
        self.at.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use serde_json::Value;
    use tidings_model::{Draft, EventId, Timestamp, WorkspaceId};
    use uuid::Uuid;

    use super::*;

    fn event(seq: u64) -> Arc<Event> {
        let id = EventId::new(Uuid::from_u128(seq.into()));
        let workspace = WorkspaceId::new(Uuid::nil());
        let name = "note.added".parse().expect("a good name");
        let draft = Draft::new(id, name, workspace, Timestamp::UNIX_EPOCH, Value::Null);
        Arc::new(Event::new(Seq(seq), None, draft, Arc::default()))
    }

    #[test]
    fn who_could_begin_nothing_is_not_woken_but_misses_nothing() {
        let inbox = Inbox::new(true);
        inbox.offer(&event(1));
        assert!(inbox.news().now_or_never().is_some());
        inbox.await_news(false);
        inbox.offer(&event(2));
        assert!(inbox.news().now_or_never().is_none());
        inbox.await_news(true);
        assert!(inbox.news().now_or_never().is_some(), "what came meanwhile is told then");
        assert_eq!(inbox.take(9).len(), 2);
        inbox.await_news(true);
        assert!(inbox.news().now_or_never().is_none());
    }

    #[test]
    fn who_has_enough_and_takes_nothing_is_left_behind() {
        let inbox = Inbox::new(true);
        assert_eq!(inbox.fullness(), Fullness::Room);
        inbox.leave_behind();
        assert_eq!(inbox.fullness(), Fullness::Room, "it has not enough");
        (1..=INBOX_ENOUGH as u64).for_each(|seq| inbox.offer(&event(seq)));
        assert_eq!(inbox.fullness(), Fullness::Enough);
        inbox.leave_behind();
        assert_eq!(inbox.fullness(), Fullness::Unfed);
        inbox.offer(&event(1_000));
        assert_eq!(inbox.waits().0, INBOX_ENOUGH, "it reads that by itself");
    }
}
