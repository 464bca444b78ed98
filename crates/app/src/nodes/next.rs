//! What a node does next about the leases of one workspace. Pure: the keeper looks, asks, and does.

use std::collections::{BTreeMap, BTreeSet};

use tidings_model::{NodeId, WorkspaceId};
use tidings_store::{SHARES, Share, Shares, Version};

use super::assign::assign;
use super::lease::SeenLease;

/// What a node does with a share that it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It works on it.
    Works,
    /// It takes nothing more, and finishes what is in hand.
    Drains,
    /// It has finished; the lease can go.
    Drained,
}

/// A share that a node holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mine {
    /// The lease's epoch.
    pub epoch: Version,
    /// What is done with it.
    pub stage: Stage,
}

/// What a node sees.
#[derive(Debug)]
pub struct View<'a> {
    /// Itself.
    pub me: NodeId,
    /// The tenant.
    pub workspace: WorkspaceId,
    /// The nodes that live.
    pub live: &'a BTreeSet<NodeId>,
    /// Those of them that mean to go.
    pub leaving: &'a BTreeSet<NodeId>,
    /// The leases; it may be an older state of them.
    pub leases: &'a BTreeMap<Share, SeenLease>,
    /// Whether this node may still trust what it holds.
    pub trusted: bool,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Write into the lease that it is ours, if it is at this epoch still.
    Take {
        /// Which share.
        share: Share,
        /// The lease as it was seen.
        seen: SeenLease,
    },
    /// Take nothing more of this share, and finish what is in hand.
    Drain {
        /// Which share.
        share: Share,
    },
    /// Write into the lease that nobody holds it.
    Release {
        /// Which share.
        share: Share,
        /// Our epoch.
        epoch: Version,
    },
    /// End all work of this share at once: it is not ours any more, or we cannot know that it is.
    Drop {
        /// Which share.
        share: Share,
    },
}

/// What a node does next.
pub fn next(mine: &BTreeMap<Share, Mine>, view: &View<'_>) -> Vec<Action> {
    if !view.trusted {
        return mine.keys().map(|share| Action::Drop { share: *share }).collect();
    }
    let wanted = wanted(view);
    let mut actions = Vec::new();
    for share in Share::all() {
        let seen = view.leases.get(&share).copied().unwrap_or(SeenLease::NEVER);
        match mine.get(&share) {
            Some(held) if seen.epoch > held.epoch => actions.push(Action::Drop { share }),
            // What was read is older than what we wrote.
            Some(held) if seen.epoch < held.epoch => {}
            Some(held) => match held.stage {
                Stage::Works if !wanted.contains(share) => actions.push(Action::Drain { share }),
                Stage::Drained => actions.push(Action::Release { share, epoch: held.epoch }),
                Stage::Works | Stage::Drains => {}
            },
            None if wanted.contains(share) && is_free(&seen, view) => {
                actions.push(Action::Take { share, seen });
            }
            // We lost it without a word, as when a beat came too late: others wait until the lease says so.
            None if seen.holder == Some(view.me) && !wanted.contains(share) => {
                actions.push(Action::Release { share, epoch: seen.epoch });
            }
            None => {}
        }
    }
    actions
}

/// Whether there is nothing to do about these leases until a node comes or goes: all shares are held, each by the node
/// that should.
pub fn is_settled(view: &View<'_>) -> bool {
    let holders = holders(view);
    let is_right = |node: &NodeId| {
        let theirs: Shares =
            holders.iter().filter(|(_, holder)| *holder == node).map(|(share, _)| *share).collect();
        theirs == assign(view.workspace, &able(view), &holders, *node)
    };
    holders.len() == usize::from(SHARES) && able(view).iter().all(is_right)
}

fn wanted(view: &View<'_>) -> Shares {
    assign(view.workspace, &able(view), &holders(view), view.me)
}

fn able(view: &View<'_>) -> BTreeSet<NodeId> {
    view.live.difference(view.leaving).copied().collect()
}

fn holders(view: &View<'_>) -> BTreeMap<Share, NodeId> {
    view.leases.iter().filter_map(|(share, lease)| Some((*share, lease.holder?))).collect()
}

/// Whether a share may be taken: nobody has it, its holder is dead, or we hold it without knowing, because the answer to
/// our write was lost.
fn is_free(seen: &SeenLease, view: &View<'_>) -> bool {
    seen.holder.is_none_or(|holder| holder == view.me || !view.live.contains(&holder))
}
