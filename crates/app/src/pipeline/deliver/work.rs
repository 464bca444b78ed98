//! What one endpoint's reader has in hand: which lanes go, which wait behind their head, which are parked. Pure.
//!
//! A lane is what is delivered in order: a chat, or an event that stands alone. While its head is tried, what follows waits
//! in memory. A head that fails *parks* its lane: what follows is dropped here, and read again from the log when its turn
//! comes, so that a lane that is parked for a day costs one place and no row for each event.

use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

use tidings_model::{Seq, Timestamp};
use uuid::Uuid;

#[cfg(test)]
#[path = "work_laws.rs"]
mod laws;

/// What one endpoint's reader has in hand. `E` is the event.
#[derive(Debug)]
pub(super) struct Work<E> {
    /// All up to here was looked at.
    taken: Seq,
    /// What was taken and is not done, but for what is parked.
    open: BTreeSet<Seq>,
    lanes: HashMap<Uuid, Lane<E>>,
    /// Lanes whose head may go, in the order of their turn.
    ready: VecDeque<Uuid>,
    /// Parked lanes by the time of their next try.
    due: BTreeSet<(Timestamp, Uuid)>,
    parked: usize,
}

#[derive(Debug)]
enum Lane<E> {
    /// It goes: the front is its head.
    Goes { queue: VecDeque<(Seq, E)> },
    /// Its head waits for another try.
    Parked(Parked),
}

/// A lane whose head waits for another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parked {
    /// The head.
    pub(super) head: Seq,
    /// When it is tried again.
    pub(super) due: Timestamp,
    /// The last event of the lane that was looked at: up to here it is read again from the log.
    pub(super) behind: Seq,
    /// Whether it is tried now.
    pub(super) runs: bool,
}

impl<E> Work<E> {
    /// Empty hands.
    pub(super) fn new(taken: Seq) -> Self {
        Self {
            taken,
            open: BTreeSet::new(),
            lanes: HashMap::new(),
            ready: VecDeque::new(),
            due: BTreeSet::new(),
            parked: 0,
        }
    }

    /// Up to where all was looked at.
    pub(super) const fn taken(&self) -> Seq {
        self.taken
    }

    /// What was taken and is not done, but for what is parked.
    pub(super) fn open(&self) -> impl ExactSizeIterator<Item = Seq> + '_ {
        self.open.iter().copied()
    }

    /// Whether nothing is in hand and nothing is parked.
    pub(super) fn is_clean(&self) -> bool {
        self.open.is_empty() && self.parked == 0
    }

    /// How many lanes are parked.
    pub(super) const fn parked_count(&self) -> usize {
        self.parked
    }

    /// The parked lanes.
    pub(super) fn parked(&self) -> impl Iterator<Item = (Uuid, Parked)> + '_ {
        self.lanes.iter().filter_map(|(id, lane)| match lane {
            Lane::Parked(parked) => Some((*id, *parked)),
            Lane::Goes { .. } => None,
        })
    }

    /// All up to here was looked at, and nothing more of it is wanted.
    pub(super) fn pass(&mut self, up_to: Seq) {
        self.taken = self.taken.max(up_to);
    }

    /// Takes an event that is wanted.
    pub(super) fn take(&mut self, lane: Uuid, seq: Seq, event: E) {
        self.taken = self.taken.max(seq);
        match self.lanes.get_mut(&lane) {
            Some(Lane::Parked(parked)) => parked.behind = parked.behind.max(seq),
            Some(Lane::Goes { queue }) => {
                self.open.insert(seq);
                queue.push_back((seq, event));
            }
            None => {
                self.open.insert(seq);
                self.lanes.insert(lane, Lane::Goes { queue: VecDeque::from([(seq, event)]) });
                self.ready.push_back(lane);
            }
        }
    }

    /// Whether a first try may begin.
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The next head to try for the first time.
    pub(super) fn begin(&mut self) -> Option<(Uuid, Seq, &E)> {
        let lane = self.ready.pop_front()?;
        match self.lanes.get(&lane) {
            Some(Lane::Goes { queue }) => queue.front().map(|(seq, event)| (lane, *seq, event)),
            Some(Lane::Parked(_)) | None => None,
        }
    }

    /// What may go together now, lane by lane: of each lane whose head is ready all that is in hand. An endpoint that
    /// gets events one by one never asks.
    pub(super) fn ready(&self) -> impl Iterator<Item = (Uuid, Seq, &E)> {
        self.ready.iter().flat_map(|lane| {
            let queue = match self.lanes.get(lane) {
                Some(Lane::Goes { queue }) => Some(queue),
                Some(Lane::Parked(_)) | None => None,
            };
            queue.into_iter().flatten().map(move |(seq, event)| (*lane, *seq, event))
        })
    }

    /// All that goes or waits in memory.
    pub(super) fn in_hand_mut(&mut self) -> impl Iterator<Item = &mut E> {
        let queues = self.lanes.values_mut().filter_map(|lane| match lane {
            Lane::Goes { queue } => Some(queue),
            Lane::Parked(_) => None,
        });
        queues.flatten().map(|(_, event)| event)
    }

    /// These go together: the first of [`Work::ready`] by their numbers, so that each lane's begin with its head.
    pub(super) fn begin_together(&mut self, these: &[(Uuid, Seq)]) {
        let lanes: HashSet<Uuid> = these.iter().map(|(lane, _)| *lane).collect();
        self.ready.retain(|lane| !lanes.contains(lane));
    }

    /// Of those that went together these are done with, in the order in which they went. What is left of their lanes is
    /// ready; a lane that was parked instead stays so.
    pub(super) fn done_together(&mut self, these: &[(Uuid, Seq)]) {
        let mut lanes = BTreeSet::new();
        for (lane, seq) in these {
            let Some(Lane::Goes { queue }) = self.lanes.get_mut(lane) else { continue };
            if queue.front().is_some_and(|(front, _)| front == seq) {
                queue.pop_front();
                self.open.remove(seq);
                lanes.insert(*lane);
            }
        }
        for lane in lanes {
            let Some(Lane::Goes { queue }) = self.lanes.get(&lane) else { continue };
            if queue.is_empty() {
                self.lanes.remove(&lane);
            } else {
                self.ready.push_back(lane);
            }
        }
    }

    /// Those that went together were not begun after all: their lanes are ready again.
    pub(super) fn put_back_together(&mut self, these: &[(Uuid, Seq)]) {
        let lanes: BTreeSet<Uuid> = these.iter().map(|(lane, _)| *lane).collect();
        for lane in lanes {
            self.ready.push_front(lane);
        }
    }

    /// A head that goes is done with: the next of its lane is ready.
    pub(super) fn done(&mut self, lane: Uuid) {
        let Some(Lane::Goes { queue }) = self.lanes.get_mut(&lane) else { return };
        if let Some((seq, _)) = queue.pop_front() {
            self.open.remove(&seq);
        }
        if queue.is_empty() {
            self.lanes.remove(&lane);
        } else {
            self.ready.push_back(lane);
        }
    }

    /// A head that goes was not begun after all: it is ready again.
    pub(super) fn put_back(&mut self, lane: Uuid) {
        self.ready.push_front(lane);
    }

    /// A lane's head waits for another try; what follows is read again later.
    pub(super) fn park(&mut self, lane: Uuid, head: Seq, due: Timestamp) {
        let mut behind = head;
        match self.lanes.remove(&lane) {
            Some(Lane::Goes { queue }) => {
                for (seq, _) in queue {
                    self.open.remove(&seq);
                    behind = behind.max(seq);
                }
                self.parked += 1;
            }
            Some(Lane::Parked(was)) => {
                self.due.remove(&(was.due, lane));
                behind = behind.max(was.behind);
            }
            None => self.parked += 1,
        }
        self.due.insert((due, lane));
        self.lanes.insert(lane, Lane::Parked(Parked { head, due, behind, runs: false }));
    }

    /// A parked lane was looked at up to here before.
    pub(super) fn look_up_to(&mut self, lane: Uuid, behind: Seq) {
        if let Some(Lane::Parked(parked)) = self.lanes.get_mut(&lane) {
            parked.behind = parked.behind.max(behind);
        }
    }

    /// When the next parked lane is due.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(due, _)| *due)
    }

    /// The parked lane that is due first, of those whose time has come and whose head may go; it runs from now on.
    pub(super) fn take_up(
        &mut self,
        now: Timestamp,
        may_go: impl Fn(Seq) -> bool,
    ) -> Option<(Uuid, Parked)> {
        let may_go = |lane: &Uuid| match self.lanes.get(lane) {
            Some(Lane::Parked(parked)) => may_go(parked.head),
            Some(Lane::Goes { .. }) | None => false,
        };
        let mut in_time = self.due.iter().take_while(|(due, _)| *due <= now);
        let (due, lane) = *in_time.find(|(_, lane)| may_go(lane))?;
        self.due.remove(&(due, lane));
        let Some(Lane::Parked(parked)) = self.lanes.get_mut(&lane) else { return None };
        parked.runs = true;
        Some((lane, *parked))
    }

    /// All parked lanes that do not run are due now: their receiver is back.
    pub(super) fn all_due(&mut self, now: Timestamp) {
        let waiting: Vec<(Timestamp, Uuid)> =
            self.due.iter().copied().filter(|(due, _)| *due > now).collect();
        for (due, lane) in waiting {
            self.due.remove(&(due, lane));
            if let Some(Lane::Parked(parked)) = self.lanes.get_mut(&lane) {
                parked.due = now;
                self.due.insert((now, lane));
            }
        }
    }

    /// The parked lanes with these heads are due now, unless they run.
    pub(super) fn due_now(&mut self, heads: &[Seq], now: Timestamp) {
        for (lane, parked) in &mut self.lanes {
            let Lane::Parked(parked) = parked else { continue };
            if heads.contains(&parked.head) && self.due.remove(&(parked.due, *lane)) {
                parked.due = now;
                self.due.insert((now, *lane));
            }
        }
    }

    /// A parked lane was read up to here, and nothing of it is owed any more. It goes again, unless more came meanwhile:
    /// then it says from where it is to be read on.
    pub(super) fn unpark(&mut self, lane: Uuid, read_up_to: Seq) -> Option<Seq> {
        let Some(Lane::Parked(parked)) = self.lanes.get(&lane) else { return None };
        if parked.behind > read_up_to {
            return Some(parked.behind);
        }
        self.due.remove(&(parked.due, lane));
        self.lanes.remove(&lane);
        self.parked -= 1;
        None
    }

    /// Up to where a parked lane is to be read.
    pub(super) fn behind(&self, lane: Uuid) -> Option<Seq> {
        match self.lanes.get(&lane) {
            Some(Lane::Parked(parked)) => Some(parked.behind),
            Some(Lane::Goes { .. }) | None => None,
        }
    }
}
