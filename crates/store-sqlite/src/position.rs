//! How numbers and times are laid out in the file.
//!
//! An event's position is `workspace number << 40 | seq`: a workspace's log is one range of one b-tree.

use tidings_model::{Seq, Timestamp};

/// Bits of a position that hold the number in the workspace: a million millions of events.
const SEQ_BITS: u32 = 40;

/// The highest number of an event.
pub(crate) const SEQ_MAX: u64 = (1 << SEQ_BITS) - 1;

/// The local number of a workspace: from 1, in the order of their first batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WorkspaceNumber(pub(crate) i64);

/// The highest local number, so that a position stays positive: eight million workspaces.
pub(crate) const WORKSPACE_NUMBER_MAX: i64 = (1 << (63 - SEQ_BITS)) - 1;

impl WorkspaceNumber {
    /// Where an event lies. Numbers beyond the highest are taken as the highest.
    pub(crate) const fn position(self, seq: Seq) -> i64 {
        let seq = if seq.0 > SEQ_MAX { SEQ_MAX } else { seq.0 };
        self.0 << SEQ_BITS | seq.cast_signed()
    }

    /// After the last event that the workspace can have.
    pub(crate) const fn last_position(self) -> i64 {
        self.position(Seq(SEQ_MAX))
    }
}

/// The number of the event at a position.
pub(crate) const fn seq_at(position: i64) -> Seq {
    Seq(position.cast_unsigned() & SEQ_MAX)
}

/// A time as it is stored: nanoseconds since 1970. Times outside of the years 1678 to 2261 become the nearest of these.
pub(crate) fn nanoseconds(time: Timestamp) -> i64 {
    let nearest = if time.as_second() < 0 { i64::MIN } else { i64::MAX };
    i64::try_from(time.as_nanosecond()).unwrap_or(nearest)
}

/// The stored time.
pub(crate) fn timestamp(nanoseconds: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(nanoseconds))
        .expect("64 bits of nanoseconds are within the years -9999 to 9999")
}
