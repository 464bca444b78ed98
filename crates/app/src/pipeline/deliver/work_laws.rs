//! What holds of the work in hand, whatever the schedule: tries that fail, writes at any time, restarts between any two.
//!
//! The model is a log, and the set of what is done. The one question asked at each try: is this the oldest event of its
//! lane that is not done? Then nothing was skipped, nothing overtook, and nothing was tried that was done and written.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// How many lanes there are.
const LANES: u128 = 4;

#[derive(Clone, Copy, Debug)]
enum Op {
    /// Something happens in a lane, and is wanted or not.
    Append {
        lane: u128,
        wanted: bool,
    },
    /// So much of the log is looked at.
    Look(usize),
    BeginFirst,
    BeginAgain,
    /// So many at most go together.
    BeginTogether(usize),
    /// A batch that is under way ends.
    EndTogether {
        which: usize,
        how: How,
    },
    /// A step that is under way ends.
    End {
        which: usize,
        how: How,
    },
    Turn(i64),
    AllDue,
    Write,
    Restart,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Took,
    /// It is to be tried again after so many seconds.
    Failed(i64),
    /// The step itself failed: nothing is known of the try.
    Broke,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    First,
    Again,
    /// Reads on after the event.
    Seek {
        up_to: Seq,
    },
}

#[derive(Clone, Copy, Debug)]
struct Happened {
    lane: Uuid,
    seq: Seq,
    wanted: bool,
}

#[derive(Clone, Debug)]
struct Kept {
    taken: Seq,
    open: Vec<Seq>,
    parked: Vec<(Uuid, Parked)>,
    done: BTreeSet<Seq>,
}

struct Model {
    log: Vec<Happened>,
    work: Work<()>,
    under_way: Vec<(Uuid, Seq, Step)>,
    together: Vec<Vec<(Uuid, Seq)>>,
    done: BTreeSet<Seq>,
    kept: Kept,
    now: Timestamp,
}

impl Model {
    fn new() -> Self {
        let kept =
            Kept { taken: Seq(0), open: Vec::new(), parked: Vec::new(), done: BTreeSet::new() };
        Self {
            log: Vec::new(),
            work: Work::new(Seq(0)),
            under_way: Vec::new(),
            together: Vec::new(),
            done: BTreeSet::new(),
            kept,
            now: Timestamp::UNIX_EPOCH,
        }
    }

    fn apply(&mut self, op: Op) {
        match op {
            Op::Append { lane, wanted } => {
                let seq = Seq(u64::try_from(self.log.len()).expect("a short log") + 1);
                self.log.push(Happened { lane: Uuid::from_u128(lane), seq, wanted });
            }
            Op::Look(count) => self.look(count),
            Op::BeginFirst => {
                if let Some((lane, seq)) = self.work.begin().map(|(lane, seq, ())| (lane, seq)) {
                    self.tries(lane, seq, Step::First);
                }
            }
            Op::BeginAgain => {
                if let Some((lane, parked)) = self.work.take_up(self.now, |_| true) {
                    assert!(parked.due <= self.now && parked.runs);
                    self.tries(lane, parked.head, Step::Again);
                }
            }
            Op::End { which, how } => {
                if !self.under_way.is_empty() {
                    let step = self.under_way.swap_remove(which % self.under_way.len());
                    self.end(step, how);
                }
            }
            Op::BeginTogether(most) => self.try_together(most),
            Op::EndTogether { which, how } => {
                if !self.together.is_empty() {
                    let these = self.together.swap_remove(which % self.together.len());
                    self.end_together(&these, how);
                }
            }
            Op::Turn(seconds) => self.now = self.after(seconds),
            Op::AllDue => self.work.all_due(self.now),
            Op::Write => self.write(),
            Op::Restart => self.restart(),
        }
        self.check();
    }

    fn look(&mut self, count: usize) {
        let taken = self.work.taken();
        let news: Vec<Happened> =
            self.log.iter().filter(|event| event.seq > taken).take(count).copied().collect();
        for event in news {
            if event.wanted {
                self.work.take(event.lane, event.seq, ());
            }
            self.work.pass(event.seq);
        }
    }

    /// A try begins: it must be the oldest that its lane owes, and the lane's only step.
    fn tries(&mut self, lane: Uuid, seq: Seq, step: Step) {
        self.is_alone_in(lane);
        // A head that was taken before a restart and whose lane was being read on is looked at again, and not tried.
        if !(step == Step::Again && self.done.contains(&seq)) {
            assert_eq!(self.oldest_owed(lane), Some(seq), "not the oldest of its lane");
        }
        self.under_way.push((lane, seq, step));
    }

    fn is_alone_in(&self, lane: Uuid) {
        let mut under_way = self.under_way.iter().map(|(other, ..)| other);
        assert!(under_way.all(|other| *other != lane), "two at once in a lane");
        let mut together = self.together.iter().flatten();
        assert!(together.all(|(other, _)| *other != lane), "two batches at once in a lane");
    }

    /// A batch begins: of each lane the oldest that it owes, without a gap, and all in the order of the log.
    fn try_together(&mut self, most: usize) {
        let mut these: Vec<(Uuid, Seq)> =
            self.work.ready().map(|(lane, seq, ())| (lane, seq)).collect();
        these.sort_by_key(|(_, seq)| *seq);
        these.truncate(most);
        if these.is_empty() {
            return;
        }
        let lanes: BTreeSet<Uuid> = these.iter().map(|(lane, _)| *lane).collect();
        for lane in lanes {
            self.is_alone_in(lane);
            let of_lane: Vec<Seq> =
                these.iter().filter(|(other, _)| *other == lane).map(|(_, seq)| *seq).collect();
            let owed: Vec<Seq> = self.owed(lane).take(of_lane.len()).collect();
            assert_eq!(of_lane, owed, "not the oldest of its lane, or with a gap");
        }
        self.work.begin_together(&these);
        self.together.push(these);
    }

    /// A batch is taken or fails as a whole; one that fails parks each of its lanes at the first of its events.
    fn end_together(&mut self, these: &[(Uuid, Seq)], how: How) {
        match how {
            How::Took => {
                self.done.extend(these.iter().map(|(_, seq)| *seq));
                self.work.done_together(these);
            }
            How::Failed(pause) => {
                let mut lanes = BTreeSet::new();
                for (lane, seq) in these {
                    if lanes.insert(*lane) {
                        self.work.park(*lane, *seq, self.after(pause));
                    }
                }
            }
            How::Broke => self.work.put_back_together(these),
        }
    }

    fn oldest_owed(&self, lane: Uuid) -> Option<Seq> {
        self.owed(lane).next()
    }

    fn owed(&self, lane: Uuid) -> impl Iterator<Item = Seq> + '_ {
        let owed = move |event: &&Happened| {
            event.lane == lane && event.wanted && !self.done.contains(&event.seq)
        };
        self.log.iter().filter(owed).map(|event| event.seq)
    }

    fn end(&mut self, (lane, seq, step): (Uuid, Seq, Step), how: How) {
        match (step, how) {
            (Step::Seek { up_to }, How::Took | How::Failed(_)) => self.sought(lane, seq, up_to),
            (Step::Seek { .. }, How::Broke) => self.seek(lane, seq),
            (Step::First, How::Took) => {
                self.done.insert(seq);
                self.work.done(lane);
            }
            (Step::Again, How::Took) => {
                self.done.insert(seq);
                self.seek(lane, seq);
            }
            (Step::First | Step::Again, How::Failed(pause)) => {
                self.work.park(lane, seq, self.after(pause));
            }
            (Step::First, How::Broke) => self.work.put_back(lane),
            (Step::Again, How::Broke) => self.work.park(lane, seq, self.now),
        }
    }

    fn seek(&mut self, lane: Uuid, after: Seq) {
        let up_to = self.work.behind(lane).expect("who reads on is parked");
        self.under_way.push((lane, after, Step::Seek { up_to }));
    }

    fn sought(&mut self, lane: Uuid, after: Seq, up_to: Seq) {
        let next = self.log.iter().find(|event| {
            event.lane == lane && event.wanted && event.seq > after && event.seq <= up_to
        });
        match next {
            Some(next) => self.work.park(lane, next.seq, self.now),
            None => {
                if self.work.unpark(lane, up_to).is_some() {
                    self.seek(lane, up_to);
                }
            }
        }
    }

    fn write(&mut self) {
        self.kept = Kept {
            taken: self.work.taken(),
            open: self.work.open().collect(),
            parked: self.work.parked().collect(),
            done: self.done.clone(),
        };
    }

    /// As a reader begins from what is kept.
    fn restart(&mut self) {
        self.under_way.clear();
        self.together.clear();
        self.done = self.kept.done.clone();
        self.work = Work::new(self.kept.taken);
        for (lane, parked) in &self.kept.parked {
            self.work.park(*lane, parked.head, parked.due);
            self.work.look_up_to(*lane, parked.behind);
        }
        for seq in &self.kept.open {
            let event = self.log.iter().find(|event| event.seq == *seq).expect("it is in the log");
            self.work.take(event.lane, event.seq, ());
        }
    }

    fn after(&self, seconds: i64) -> Timestamp {
        Timestamp::from_second(self.now.as_second() + seconds).expect("a time")
    }

    /// Whatever was looked at and is not done is in hand or behind a parked head, and nothing else is.
    fn check(&self) {
        let open: BTreeSet<Seq> = self.work.open().collect();
        let parked: Vec<(Uuid, Parked)> = self.work.parked().collect();
        assert_eq!(parked.len(), self.work.parked_count());
        assert_eq!(self.work.is_clean(), open.is_empty() && parked.is_empty());
        for event in self.log.iter().filter(|event| event.wanted) {
            let looked_at = event.seq <= self.work.taken();
            let waits = parked.iter().any(|(lane, parked)| {
                *lane == event.lane && parked.head <= event.seq && event.seq <= parked.behind
            });
            let owed = looked_at && !self.done.contains(&event.seq);
            assert!(!owed || open.contains(&event.seq) || waits, "{event:?} is forgotten");
            assert!(!open.contains(&event.seq) || (owed && !waits), "{event:?} is owed twice");
        }
        for (lane, parked) in &parked {
            let steps = self.under_way.iter().filter(|(other, ..)| other == lane).count();
            assert_eq!(steps, usize::from(parked.runs), "{lane} runs, or waits for its time");
        }
        let due = parked.iter().filter(|(_, parked)| !parked.runs).map(|(_, parked)| parked.due);
        assert_eq!(self.work.next_due(), due.min());
    }

    /// The receiver takes everything from now on: all of it comes, and nothing is left.
    fn drain(&mut self) {
        let wanted: BTreeSet<Seq> =
            self.log.iter().filter(|event| event.wanted).map(|event| event.seq).collect();
        // Each event costs a few steps.
        for _ in 0..self.log.len() * 4 + 16 {
            self.apply(Op::Look(8));
            self.apply(Op::Turn(60));
            self.apply(Op::BeginAgain);
            self.apply(Op::BeginTogether(3));
            self.apply(Op::BeginFirst);
            for _ in 0..self.together.len() {
                self.apply(Op::EndTogether { which: 0, how: How::Took });
            }
            for _ in 0..self.under_way.len() {
                self.apply(Op::End { which: 0, how: How::Took });
            }
        }
        assert_eq!(self.done, wanted, "every event comes");
        assert!(self.work.is_clean() && !self.work.has_ready());
        assert!(self.under_way.is_empty() && self.together.is_empty());
        assert!(self.work.lanes.is_empty() && self.work.due.is_empty(), "nothing is left behind");
    }
}

fn ops() -> impl Strategy<Value = Op> {
    let how = prop_oneof![
        4 => Just(How::Took),
        3 => (0..60_i64).prop_map(How::Failed),
        1 => Just(How::Broke),
    ];
    prop_oneof![
        6 => (0..LANES, prop::bool::weighted(0.8))
            .prop_map(|(lane, wanted)| Op::Append { lane, wanted }),
        4 => (1..6_usize).prop_map(Op::Look),
        5 => Just(Op::BeginFirst),
        5 => Just(Op::BeginAgain),
        3 => (1..6_usize).prop_map(Op::BeginTogether),
        8 => (0..8_usize, how.clone()).prop_map(|(which, how)| Op::End { which, how }),
        3 => (0..4_usize, how).prop_map(|(which, how)| Op::EndTogether { which, how }),
        2 => (0..60_i64).prop_map(Op::Turn),
        1 => Just(Op::AllDue),
        2 => Just(Op::Write),
        1 => Just(Op::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_event_is_tried_until_it_is_taken_in_the_order_of_its_lane(
        ops in prop::collection::vec(ops(), 1..80)
    ) {
        let mut model = Model::new();
        for op in ops {
            model.apply(op);
        }
        model.drain();
    }
}
