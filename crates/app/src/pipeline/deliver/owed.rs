//! What an endpoint's reader will come to by itself, for who must not send it as well; pure.
//!
//! It only becomes less: what the reader was through with when it was asked, it does not send again but after a crash. So
//! who asks first and looks at the log then may take what is not in it.

use std::collections::{BTreeSet, HashMap};

use tidings_model::Seq;
use uuid::Uuid;

/// What an endpoint's reader will come to by itself.
#[derive(Debug)]
pub(super) struct Owed {
    /// All beyond this is still to be looked at.
    pub(super) looked_up_to: Seq,
    /// What was taken and is not done, but for what is parked.
    pub(super) open: BTreeSet<Seq>,
    /// Of each parked lane the head, and the last event that waits behind it.
    pub(super) parked: HashMap<Uuid, (Seq, Seq)>,
}

impl Owed {
    /// Whether the reader will come to an event of a lane.
    pub(super) fn has(&self, lane: Uuid, seq: Seq) -> bool {
        seq > self.looked_up_to
            || self.open.contains(&seq)
            || self.parked.get(&lane).is_some_and(|(head, last)| (*head..=*last).contains(&seq))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reader_comes_to_what_is_beyond_open_or_parked() {
        let (alice, ben) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let owed = Owed {
            looked_up_to: Seq(20),
            open: BTreeSet::from([Seq(7)]),
            parked: HashMap::from([(alice, (Seq(5), Seq(9)))]),
        };
        let of = |lane| (1..=22).filter(|seq| owed.has(lane, Seq(*seq))).collect::<Vec<u64>>();
        assert_eq!(of(alice), [5, 6, 7, 8, 9, 21, 22]);
        assert_eq!(of(ben), [7, 21, 22]);
    }
}
