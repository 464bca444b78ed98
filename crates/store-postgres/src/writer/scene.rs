//! What a transaction sees and will write, decided in memory, batch by batch.
//!
//! A batch is decided on what the first flight saw and what the batches before it in the group made of that. It is taken
//! whole or refused without a trace: everything that can refuse it is looked at before anything is changed.

use std::collections::{BTreeMap, HashMap, HashSet};

use tidings_model::{EventId, Order, Seq, ThreadId, Timestamp};
use tidings_store::prepared::{Prepared, PreparedEvent, PreparedPut, PreparedTimer, document_crc};
use tidings_store::{CommitError, DocKey, Version};

use super::look::{Counters, Seen};
use crate::numbers::{nanoseconds, sql_seq};
use crate::row::event_crc;

/// What became of a batch.
#[derive(Debug)]
pub(super) enum Decided {
    /// All of it is written when the transaction is.
    Written {
        /// The number of its first event.
        first: Seq,
        /// The order of each of its events.
        orders: Vec<Option<Order>>,
    },
    /// Nothing of it is.
    Refused(CommitError),
}

/// An event to insert.
pub(super) struct NewEvent<'a> {
    pub(super) seq: Seq,
    pub(super) order: Option<Order>,
    pub(super) crc: u32,
    pub(super) event: &'a PreparedEvent,
}

/// A document as it will be.
pub(super) struct NewDocument<'a> {
    pub(super) version: Version,
    pub(super) updated_at: i64,
    pub(super) crc: u32,
    pub(super) put: &'a PreparedPut,
}

/// A timer as it will be.
pub(super) struct NewTimer<'a> {
    pub(super) due: i64,
    pub(super) crc: u32,
    pub(super) body: &'a [u8],
}

/// What the transaction will write. Of what is written several times only the last is kept.
pub(super) struct Scene<'a> {
    pub(super) seen: &'a Seen,
    pub(super) counters: Counters,
    /// By name: what for, and when.
    pub(super) claims: HashMap<&'a str, (Option<EventId>, i64)>,
    pub(super) events: Vec<NewEvent<'a>>,
    ids: HashSet<EventId>,
    pub(super) threads: BTreeMap<ThreadId, u64>,
    /// `None` for those that will be gone.
    pub(super) documents: BTreeMap<&'a DocKey, Option<NewDocument<'a>>>,
    /// `None` for those that will be gone.
    pub(super) timers: BTreeMap<&'a str, Option<NewTimer<'a>>>,
    pub(super) cursors: BTreeMap<&'a str, i64>,
    /// Whether a batch was taken that writes something.
    pub(super) writes: bool,
}

impl<'a> Scene<'a> {
    /// As it was seen.
    pub(super) fn new(seen: &'a Seen) -> Self {
        Self {
            seen,
            counters: seen.counters,
            claims: HashMap::new(),
            events: Vec::new(),
            ids: HashSet::new(),
            threads: BTreeMap::new(),
            documents: BTreeMap::new(),
            timers: BTreeMap::new(),
            cursors: BTreeMap::new(),
            writes: false,
        }
    }

    /// Takes a batch, or refuses it.
    pub(super) fn decide(&mut self, batch: &'a Prepared, now: Timestamp) -> Decided {
        if let Some(refusal) = self.refusal(batch) {
            return Decided::Refused(refusal);
        }
        let now = nanoseconds(now);
        self.writes |= !batch.is_only_expects();
        for claim in &batch.claims {
            self.claims.insert(&claim.name, (claim.outcome, now));
        }
        let (first, orders) = self.append(&batch.events);
        for put in &batch.puts {
            let is = self.version(&put.key);
            if is == Version::ABSENT {
                self.counters.documents += 1;
            }
            let version = is.next();
            let crc = document_crc(put.crc, version);
            let new = NewDocument { version, updated_at: now, crc, put };
            self.documents.insert(&put.key, Some(new));
        }
        for delete in &batch.deletes {
            if self.version(&delete.key) != Version::ABSENT {
                self.counters.documents -= 1;
                self.documents.insert(&delete.key, None);
            }
        }
        for timer in &batch.timers {
            self.change_timer(timer);
        }
        for cursor in &batch.cursors {
            let to = sql_seq(cursor.to);
            let moved = self.cursors.entry(&cursor.reader).or_insert(to);
            *moved = to.max(*moved);
        }
        Decided::Written { first, orders }
    }

    /// Claims first, so that a batch that was written before is told so, and not that its documents have moved on.
    fn refusal(&self, batch: &Prepared) -> Option<CommitError> {
        for claim in &batch.claims {
            let taken = match self.claims.get(claim.name.as_str()) {
                Some((outcome, _)) => Some(*outcome),
                None => self.seen.claims.get(&claim.name).copied(),
            };
            if let Some(outcome) = taken {
                return Some(CommitError::Claimed { name: claim.name.clone(), outcome });
            }
        }
        let expected = (batch.expects.iter().map(|expect| (&expect.key, Some(expect.version))))
            .chain(batch.puts.iter().map(|put| (&put.key, put.expected)))
            .chain(batch.deletes.iter().map(|delete| (&delete.key, delete.expected)));
        for (key, expected) in expected {
            if expected.is_some_and(|expected| expected != self.version(key)) {
                return Some(CommitError::Conflict { key: key.clone() });
            }
        }
        for timer in &batch.timers {
            match timer {
                PreparedTimer::Take { name, due } => {
                    if self.timer_due(&name.0) != Some(nanoseconds(*due)) {
                        return Some(CommitError::TimerGone { name: name.clone() });
                    }
                }
                PreparedTimer::Set { .. } | PreparedTimer::Cancel { .. } => {}
            }
        }
        let known = |id: &EventId| self.seen.events.contains(id) || self.ids.contains(id);
        let mut ids = batch.events.iter().map(|event| event.draft.id);
        ids.find(known).map(|id| CommitError::EventExists { id })
    }

    fn version(&self, key: &DocKey) -> Version {
        match self.documents.get(key) {
            Some(document) => {
                document.as_ref().map_or(Version::ABSENT, |document| document.version)
            }
            None => {
                self.seen.documents.get(key).map_or(Version::ABSENT, |document| document.version)
            }
        }
    }

    fn timer_due(&self, name: &str) -> Option<i64> {
        match self.timers.get(name) {
            Some(timer) => timer.as_ref().map(|timer| timer.due),
            None => self.seen.timers.get(name).copied(),
        }
    }

    fn append(&mut self, events: &'a [PreparedEvent]) -> (Seq, Vec<Option<Order>>) {
        let first = Seq(self.counters.last_seq + 1);
        let mut orders = Vec::with_capacity(events.len());
        for event in events {
            self.counters.last_seq += 1;
            self.counters.events += 1;
            let seq = Seq(self.counters.last_seq);
            let order = event.draft.thread.map(|thread| {
                let stored = self.seen.threads.get(&thread).copied().unwrap_or_default();
                let last = self.threads.entry(thread).or_insert(stored);
                *last += 1;
                Order(*last)
            });
            orders.push(order);
            self.ids.insert(event.draft.id);
            let crc = event_crc(event.crc, seq, order);
            self.events.push(NewEvent { seq, order, crc, event });
        }
        (first, orders)
    }

    fn change_timer(&mut self, timer: &'a PreparedTimer) {
        let name = timer.name();
        let was = self.timer_due(name).is_some();
        match timer {
            PreparedTimer::Set { due, body, crc, .. } => {
                let new = NewTimer { due: nanoseconds(*due), crc: *crc, body };
                self.timers.insert(name, Some(new));
                self.counters.timers += i64::from(!was);
            }
            PreparedTimer::Cancel { .. } | PreparedTimer::Take { .. } => {
                if was {
                    self.timers.insert(name, None);
                    self.counters.timers -= 1;
                }
            }
        }
    }
}
