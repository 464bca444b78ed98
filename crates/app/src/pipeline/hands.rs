//! What a reader has in hand: which steps run, which wait behind them, and up to where all is done. Pure.
//!
//! A reader handles all lanes of a workspace, or those of some shares; how far it is, is counted for each share apart,
//! since shares come from nodes that were not equally far, and go to others one by one.

use std::collections::{BTreeMap, HashMap, VecDeque};

use tidings_model::Seq;
use tidings_store::Share;

use super::reader::Lane;

/// What one reader has in hand. `E` is the event.
#[derive(Debug)]
pub(crate) struct Hands<E> {
    places: BTreeMap<Place, Progress>,
    waiting: HashMap<Lane, VecDeque<(Seq, E)>>,
    /// How many events are open, each counted in every place where it is.
    open: usize,
    taken: Seq,
}

/// What has a cursor of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Place {
    /// All lanes: nobody shares them.
    Whole,
    /// The lanes of a share.
    Share(Share),
}

#[derive(Debug)]
struct Progress {
    /// All up to this one was done before.
    before: Seq,
    /// How many steps of each event are not done yet.
    open: BTreeMap<Seq, usize>,
    /// How many steps run.
    running: usize,
    /// Nothing after this one is taken.
    closed_at: Option<Seq>,
}

impl<E: Clone> Hands<E> {
    /// Empty hands, for these places, each with the number up to which all is done.
    pub(crate) fn new(places: impl IntoIterator<Item = (Place, Seq)>) -> Self {
        let begin =
            |before| Progress { before, open: BTreeMap::new(), running: 0, closed_at: None };
        let places: BTreeMap<Place, Progress> =
            places.into_iter().map(|(place, before)| (place, begin(before))).collect();
        let taken = places.values().map(|progress| progress.before).min().unwrap_or(Seq::START);
        Self { places, waiting: HashMap::new(), open: 0, taken }
    }

    /// After which number the log is to be read: the least of the places.
    pub(crate) const fn taken(&self) -> Seq {
        self.taken
    }

    /// How much is open.
    pub(crate) const fn open(&self) -> usize {
        self.open
    }

    /// Whether there is no place left.
    pub(crate) fn is_over(&self) -> bool {
        self.places.is_empty()
    }

    /// The place of a lane.
    pub(crate) fn place_of(&self, lane: &Lane) -> Place {
        if self.places.contains_key(&Place::Whole) {
            Place::Whole
        } else {
            Place::Share(Share::of(lane.of))
        }
    }

    /// Takes the next event, with its lanes. Returns the lanes in which its step begins now; in the others it waits.
    pub(crate) fn take(&mut self, seq: Seq, event: &E, lanes: Vec<Lane>) -> Vec<Lane> {
        self.taken = seq;
        let mut begin = Vec::new();
        for lane in lanes {
            let place = self.place_of(&lane);
            let Some(progress) = self.places.get_mut(&place) else { continue };
            if seq <= progress.before || progress.closed_at.is_some() {
                continue;
            }
            let steps = progress.open.entry(seq).or_default();
            if *steps == 0 {
                self.open += 1;
            }
            *steps += 1;
            match self.waiting.get_mut(&lane) {
                Some(behind) => behind.push_back((seq, event.clone())),
                None => {
                    self.waiting.insert(lane, VecDeque::new());
                    progress.running += 1;
                    begin.push(lane);
                }
            }
        }
        begin
    }

    /// A step is done. Returns what its lane does next.
    pub(crate) fn done(&mut self, lane: Lane, seq: Seq) -> Option<(Seq, E)> {
        let place = self.place_of(&lane);
        let progress = self.places.get_mut(&place)?;
        progress.running = progress.running.saturating_sub(1);
        if let Some(steps) = progress.open.get_mut(&seq) {
            *steps -= 1;
            if *steps == 0 {
                progress.open.remove(&seq);
                self.open = self.open.saturating_sub(1);
            }
        }
        let behind = self.waiting.get_mut(&lane)?;
        if progress.closed_at.is_some() {
            // What waits stays open, so that the cursor does not pass it.
            return None;
        }
        let next = behind.pop_front();
        match &next {
            Some(_) => progress.running += 1,
            None => {
                self.waiting.remove(&lane);
            }
        }
        next
    }

    /// A step ended without being done: its lane stands still, and the cursor does not pass it.
    pub(crate) fn interrupted(&mut self, lane: Lane) {
        let place = self.place_of(&lane);
        if let Some(progress) = self.places.get_mut(&place) {
            progress.running = progress.running.saturating_sub(1);
        }
    }

    /// Takes nothing more in a place; what runs goes on.
    pub(crate) fn close(&mut self, place: Place) {
        if let Some(progress) = self.places.get_mut(&place) {
            progress.closed_at.get_or_insert(self.taken);
        }
    }

    /// Whether nothing runs in a place.
    pub(crate) fn is_idle(&self, place: Place) -> bool {
        self.places.get(&place).is_none_or(|progress| progress.running == 0)
    }

    /// Up to where all is done in a place.
    pub(crate) fn done_up_to(&self, place: Place) -> Option<Seq> {
        let progress = self.places.get(&place)?;
        let taken = progress.closed_at.unwrap_or(self.taken).max(progress.before);
        Some(progress.open.first_key_value().map_or(taken, |(oldest, _)| Seq(oldest.0 - 1)))
    }

    /// Lets go of a place, with all that waits in it.
    pub(crate) fn remove(&mut self, place: Place) {
        let Some(progress) = self.places.remove(&place) else { return };
        self.open = self.open.saturating_sub(progress.open.len());
        match place {
            Place::Whole => self.waiting.clear(),
            Place::Share(share) => self.waiting.retain(|lane, _| Share::of(lane.of) != share),
        }
    }
}
