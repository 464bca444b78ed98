//! How the work of a workspace is divided between nodes: its lanes are cut into [`SHARES`] shares.
//!
//! A lane (a chat, or an event that stands alone) falls into one share for ever, whichever engine runs and whatever its
//! release. Who holds a share does all that is to do in its lanes: behaviors, deliveries, sending, timers, polling. A
//! node that is alone holds them all.

use std::fmt;

use tidings_model::WorkspaceId;
use uuid::Uuid;

use crate::TimerName;

/// How many shares a workspace has: enough for ten nodes, few enough to look at all of them twice a second.
///
/// It is stored with each timer and in the names of cursors, so it never changes.
pub const SHARES: u8 = 16;

/// One share of a workspace's lanes; from 0, below [`SHARES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(u8);

impl Share {
    /// The share with a number; `None` beyond the last.
    pub const fn new(number: u8) -> Option<Self> {
        if number < SHARES { Some(Self(number)) } else { None }
    }

    /// Every share.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..SHARES).map(Self)
    }

    /// The share that a lane falls into, by what the lane is of.
    pub fn of(lane: Uuid) -> Self {
        Self::of_bytes(lane.as_bytes())
    }

    /// The share that a timer falls into: that of the lane at the end of its name (`deliver:endpoint:<id>:<lane>`), so
    /// that who holds a lane is also woken for it.
    pub fn of_timer(name: &TimerName) -> Self {
        let last = name.0.rsplit(':').next().unwrap_or_default();
        match Uuid::try_parse(last) {
            Ok(lane) => Self::of(lane),
            Err(_) => Self::of_bytes(last.as_bytes()),
        }
    }

    /// By CRC-32 (IEEE 802.3): the same on every machine, and it tells ids apart that differ in a bit.
    fn of_bytes(bytes: &[u8]) -> Self {
        let place = crc32fast::hash(bytes) % u32::from(SHARES);
        Self(u8::try_from(place).unwrap_or(0))
    }

    /// Its number.
    pub const fn number(self) -> u8 {
        self.0
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Some shares of one workspace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Shares(u16);

impl Shares {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// All of them.
    pub const ALL: Self = Self(u16::MAX);

    /// Whether a share is among them.
    pub const fn contains(self, share: Share) -> bool {
        self.0 & (1 << share.0) != 0
    }

    /// These and one more.
    #[must_use]
    pub const fn with(self, share: Share) -> Self {
        Self(self.0 | 1 << share.0)
    }

    /// These but one.
    #[must_use]
    pub const fn without(self, share: Share) -> Self {
        Self(self.0 & !(1 << share.0))
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// How many.
    pub const fn len(self) -> u32 {
        self.0.count_ones()
    }

    /// Each of them.
    pub fn iter(self) -> impl Iterator<Item = Share> {
        Share::all().filter(move |share| self.contains(*share))
    }
}

impl FromIterator<Share> for Shares {
    fn from_iter<I: IntoIterator<Item = Share>>(shares: I) -> Self {
        shares.into_iter().fold(Self::NONE, Self::with)
    }
}

/// Which shares of which workspaces are asked about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// All of every workspace: a node that is alone.
    All,
    /// These.
    These(Vec<(WorkspaceId, Shares)>),
}

impl Held {
    /// Whether a share of a workspace is among them.
    pub fn contains(&self, workspace: WorkspaceId, share: Share) -> bool {
        match self {
            Self::All => true,
            Self::These(these) => {
                these.iter().any(|(of, shares)| *of == workspace && shares.contains(share))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lane_stays_in_its_share_for_ever() {
        let lane = |text: &str| Uuid::try_parse(text).expect("a good id");
        let chat = lane("0192f0c1-7a64-7cc2-8f6e-000000000001");
        assert_eq!(Share::of(chat), Share(CHAT_SHARE), "cursors and timers are stored by it");
        let timer = TimerName(format!("deliver:endpoint:{}:{chat}", Uuid::nil()));
        assert_eq!(Share::of_timer(&timer), Share::of(chat));
    }

    /// Computed once; a change would leave timers and cursors with who does not look at them.
    const CHAT_SHARE: u8 = 0;

    #[test]
    fn lanes_spread_evenly() {
        let mut counts = [0_u32; SHARES as usize];
        for number in 0..16_000_u128 {
            let lane = Uuid::from_u128(0x0192_f0c1_7a64_7cc2_8f6e_0000_0000_0000 + number);
            if let Some(count) = counts.get_mut(usize::from(Share::of(lane).number())) {
                *count += 1;
            }
        }
        assert!(counts.iter().all(|count| (800..1_200).contains(count)), "{counts:?}");
    }

    #[test]
    fn shares_come_and_go() {
        let some: Shares = Share::all().filter(|share| share.number() % 2 == 0).collect();
        assert_eq!((some.len(), Shares::ALL.len()), (8, u32::from(SHARES)));
        let first = Share::new(0).expect("there is a first");
        assert!(some.contains(first) && !some.without(first).contains(first));
        assert_eq!(some.iter().fold(some, Shares::without), Shares::NONE);
        assert!(Share::new(SHARES).is_none());
    }
}
