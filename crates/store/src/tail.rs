//! The end of a workspace's log, kept in memory: what a reader that keeps up is fed from.
//!
//! The engine pushes events in the order of their numbers, after they are on disk. A reader asks for what follows the
//! last number that it saw: it gets events, learns that it fell behind (and reads the store), or waits. A wake-up is
//! only a hint: who missed one asks again and is told the same.
//!
//! Readers of the whole log are woken by every event; a reader of one chat (a visitor's page) only by that chat's, so that
//! ten thousand open pages cost an event of one chat nothing.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tidings_model::{ChatId, Event, Seq};
use tokio::sync::watch;

/// The most events that are kept in memory.
pub const TAIL_EVENTS_MAX: usize = 4_096;

/// The most bytes of envelopes that are kept in memory.
pub const TAIL_BYTES_MAX: usize = 8 << 20;

/// The end of one workspace's log.
#[derive(Debug)]
pub struct Tail {
    ring: Mutex<Ring>,
    head: watch::Sender<Seq>,
    chats: Mutex<WatchedChats>,
}

/// The chats that somebody watches, each with its last number since then.
#[derive(Debug, Default)]
struct WatchedChats {
    heads: HashMap<ChatId, watch::Sender<Seq>>,
    /// When there are so many, those that nobody watches any more are let go.
    clean_at: usize,
}

/// How many watched chats are kept before the first look for those that nobody watches any more.
const CLEAN_AT_MIN: usize = 64;

#[derive(Debug)]
struct Ring {
    events: VecDeque<Arc<Event>>,
    bytes: usize,
    head: Seq,
}

/// What follows a number.
#[derive(Debug)]
pub enum TailRead {
    /// These do, without a gap.
    Events(Vec<Arc<Event>>),
    /// Something does, but not in memory any more: read the store.
    Behind,
    /// Nothing yet.
    UpToDate,
}

impl Tail {
    /// A tail whose log ends at `head`.
    pub fn new(head: Seq) -> Self {
        let (sender, _) = watch::channel(head);
        Self {
            ring: Mutex::new(Ring { events: VecDeque::new(), bytes: 0, head }),
            head: sender,
            chats: Mutex::default(),
        }
    }

    /// Takes the next events. They must follow each other and the head; a gap empties the memory, so that readers ask
    /// the store. One that is not after the head is known already (the tail was made while it was committed) and is
    /// passed over.
    pub fn push(&self, events: &[Arc<Event>]) {
        let head = {
            let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
            for event in events {
                if event.seq <= ring.head {
                    continue;
                }
                if event.seq != ring.head.next() {
                    ring.events.clear();
                    ring.bytes = 0;
                }
                ring.head = event.seq;
                ring.bytes += event.body().len();
                ring.events.push_back(Arc::clone(event));
            }
            while ring.events.len() > TAIL_EVENTS_MAX || ring.bytes > TAIL_BYTES_MAX {
                let Some(oldest) = ring.events.pop_front() else { break };
                ring.bytes -= oldest.body().len();
            }
            ring.head
        };
        self.head.send_if_modified(|known| {
            let moved = head > *known;
            *known = head.max(*known);
            moved
        });
        self.wake_chats(events);
    }

    fn wake_chats(&self, events: &[Arc<Event>]) {
        let chats = self.chats.lock().unwrap_or_else(PoisonError::into_inner);
        if chats.heads.is_empty() {
            return;
        }
        for event in events {
            if let Some(head) = event.chat.and_then(|chat| chats.heads.get(&chat)) {
                head.send_replace(event.seq);
            }
        }
    }

    /// Lets go of the events up to a number, because the store removed them.
    pub fn forget(&self, up_to: Seq) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        while ring.events.front().is_some_and(|oldest| oldest.seq <= up_to) {
            let Some(oldest) = ring.events.pop_front() else { break };
            ring.bytes -= oldest.body().len();
        }
    }

    /// What follows a number, at most `limit` events.
    pub fn after(&self, seq: Seq, limit: usize) -> TailRead {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.head <= seq {
            return TailRead::UpToDate;
        }
        match ring.events.front() {
            Some(oldest) if oldest.seq <= seq.next() => {
                let skip = usize::try_from(seq.0 + 1 - oldest.seq.0).unwrap_or(usize::MAX);
                TailRead::Events(ring.events.iter().skip(skip).take(limit).cloned().collect())
            }
            _ => TailRead::Behind,
        }
    }

    /// What follows a number in one chat, at most `limit` events, and up to which number was looked.
    pub fn after_in_chat(&self, seq: Seq, chat: ChatId, limit: usize) -> (TailRead, Seq) {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        if ring.head <= seq {
            return (TailRead::UpToDate, seq);
        }
        let Some(oldest) = ring.events.front().filter(|oldest| oldest.seq <= seq.next()) else {
            return (TailRead::Behind, seq);
        };
        let skip = usize::try_from(seq.0 + 1 - oldest.seq.0).unwrap_or(usize::MAX);
        let in_chat = |event: &&Arc<Event>| event.chat == Some(chat);
        let events: Vec<_> =
            ring.events.iter().skip(skip).filter(in_chat).take(limit).cloned().collect();
        match events.last() {
            None => (TailRead::UpToDate, ring.head),
            Some(last) if events.len() == limit => {
                let looked = last.seq;
                (TailRead::Events(events), looked)
            }
            Some(_) => (TailRead::Events(events), ring.head),
        }
    }

    /// The last number.
    pub fn head(&self) -> Seq {
        *self.head.borrow()
    }

    /// Tells of every new head; only a hint.
    pub fn watch(&self) -> watch::Receiver<Seq> {
        self.head.subscribe()
    }

    /// Tells of every event of one chat; only a hint.
    pub fn watch_chat(&self, chat: ChatId) -> watch::Receiver<Seq> {
        let mut chats = self.chats.lock().unwrap_or_else(PoisonError::into_inner);
        if chats.heads.len() >= chats.clean_at.max(CLEAN_AT_MIN) {
            chats.heads.retain(|_, head| head.receiver_count() > 0);
            chats.clean_at = chats.heads.len().saturating_mul(2);
        }
        chats.heads.entry(chat).or_insert_with(|| watch::channel(Seq::START).0).subscribe()
    }
}
