//! Who should hold which shares of a workspace: each node as many as the others, and as few moves as can be.
//!
//! Pure, and the same on every node that sees the same: so each acts for itself, and they agree. Two that see different
//! things for a moment may both want a share; the lease's version lets one of them have it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use tidings_model::{NodeId, WorkspaceId};
use tidings_store::{SHARES, Share, Shares};

/// The shares that `me` should hold. `able` are the nodes that live and don't mean to leave; `holders` says who has a
/// share now, and who is not able does not count.
pub fn assign(
    workspace: WorkspaceId,
    able: &BTreeSet<NodeId>,
    holders: &BTreeMap<Share, NodeId>,
    me: NodeId,
) -> Shares {
    let mut held: BTreeMap<NodeId, Vec<Share>> = able.iter().map(|node| (*node, vec![])).collect();
    for (share, holder) in holders {
        if let Some(theirs) = held.get_mut(holder) {
            theirs.push(*share);
        }
    }
    // Who has most keeps one more, where the shares don't come out even; else it is another node in each workspace.
    let mut ranked: Vec<(NodeId, Vec<Share>)> = held.into_iter().collect();
    ranked.sort_by_key(|(node, theirs)| (Reverse(theirs.len()), distance(workspace, *node)));
    let all = usize::from(SHARES);
    let (even, one_more) = match ranked.len() {
        0 => return Shares::NONE,
        nodes => (all / nodes, all % nodes),
    };
    let mut free: BTreeSet<Share> = Share::all().collect();
    for (place, (_, theirs)) in ranked.iter_mut().enumerate() {
        theirs.truncate(even + usize::from(place < one_more));
        for share in theirs {
            free.remove(share);
        }
    }
    for (place, (node, theirs)) in ranked.into_iter().enumerate() {
        let mut theirs: Shares = theirs.into_iter().collect();
        let due = u32::try_from(even + usize::from(place < one_more)).unwrap_or(0);
        while theirs.len() < due {
            let Some(share) = free.pop_first() else { break };
            theirs = theirs.with(share);
        }
        if node == me {
            return theirs;
        }
    }
    Shares::NONE
}

/// Another order of the nodes in each workspace.
fn distance(workspace: WorkspaceId, node: NodeId) -> u128 {
    workspace.uuid().as_u128() ^ node.uuid().as_u128()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn node(number: u128) -> NodeId {
        NodeId::new(Uuid::from_u128(number))
    }

    fn all(
        workspace: WorkspaceId,
        able: &BTreeSet<NodeId>,
        holders: &BTreeMap<Share, NodeId>,
    ) -> BTreeMap<Share, NodeId> {
        let mut to = BTreeMap::new();
        for node in able {
            for share in assign(workspace, able, holders, *node).iter() {
                assert_eq!(to.insert(share, *node), None, "{share} is given twice");
            }
        }
        to
    }

    proptest! {
        #[test]
        fn every_share_has_one_node_and_as_few_move_as_can_be(
            workspace in any::<u128>(),
            nodes in 1_u128..24,
            holders in proptest::collection::btree_map(0_u8..16, 0_u128..32, 0..=16),
        ) {
            let workspace = WorkspaceId::new(Uuid::from_u128(workspace));
            let able: BTreeSet<NodeId> = (0..nodes).map(node).collect();
            let holders: BTreeMap<Share, NodeId> = holders
                .into_iter()
                .filter_map(|(share, holder)| Some((Share::new(share)?, node(holder))))
                .collect();
            let to = all(workspace, &able, &holders);
            prop_assert_eq!(to.len(), usize::from(SHARES));
            let count = |of: &BTreeMap<Share, NodeId>, node: &NodeId| {
                of.values().filter(|each| *each == node).count()
            };
            let even = usize::from(SHARES) / able.len();
            for node in &able {
                prop_assert!((even..=even + 1).contains(&count(&to, node)));
            }
            // No more stay than a balance allows, and all that it allows do.
            let stay = to.iter().filter(|(share, node)| holders.get(share) == Some(node)).count();
            let mut spare = usize::from(SHARES) % able.len();
            let mut counts: Vec<usize> =
                able.iter().map(|node| count(&holders, node)).collect();
            counts.sort_unstable();
            let could = counts.iter().rev().map(|held| {
                let one_more = usize::from(spare > 0);
                spare -= one_more;
                (*held).min(even + one_more)
            });
            prop_assert_eq!(stay, could.sum::<usize>());
            // Once it is so, it stays so.
            prop_assert_eq!(all(workspace, &able, &to), to);
        }
    }

    #[test]
    fn the_odd_shares_go_to_others_in_other_workspaces() {
        let able: BTreeSet<NodeId> = (0..3).map(node).collect();
        let mut with_more = BTreeSet::new();
        for number in 0..64 {
            let workspace = WorkspaceId::new(Uuid::from_u128(number));
            let more =
                |node: &&NodeId| assign(workspace, &able, &BTreeMap::new(), **node).len() == 6;
            with_more.extend(able.iter().find(more));
        }
        assert_eq!(with_more, able);
    }
}
