//! Who is there by connections at other nodes, as far as they told. Nothing here waits or reads a clock.
//!
//! Each node counts the changes of who is there, in [`BINS`] bins by name. It tells each change, and with every beat how
//! far its bins are; who knows less asks, and is given the bin whole. So nothing has to arrive: what was lost is asked for
//! with the next beat, what comes twice or late has a number that is known already, and large numbers of people are never
//! told all at once. A node that says nothing for [`MISSED_AFTER`] is gone with all who are there.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use tidings_model::{AgentId, CustomerId, NodeId};
use tokio::time::Instant;

use crate::hints::{Bin, There};

use super::listener::WhoListens;

/// Into how many bins people fall. It is the same at every node of an installation, so it never changes.
pub(crate) const BINS: u8 = 64;

/// How often a node says that it is there, and how far its bins are.
pub const BEAT: Duration = Duration::from_millis(500);

/// How long a node may say nothing before those who are there are taken for gone: twelve beats, so that a bus that loses
/// half of them makes nobody go.
pub const MISSED_AFTER: Duration = Duration::from_secs(6);

/// With how many beats a bin is told whole after it changed, without being asked for.
const TOLD_WHOLE: u8 = 2;

/// About how many people are told whole in one hint: some forty bytes each.
const PEOPLE_IN_HINT_MAX: usize = 2_000;

/// The bin of somebody.
pub(super) fn bin_of(who: &WhoListens) -> u8 {
    let hash = match who {
        WhoListens::Agent(id) => checksum(id.as_str().as_bytes()),
        WhoListens::Customer(id) => checksum(id.uuid().as_bytes()),
    };
    u8::try_from(hash % u64::from(BINS)).unwrap_or(0)
}

/// FNV-1a: the same at every node, whichever release runs there.
fn checksum(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

/// What this node tells of its own.
#[derive(Debug, Default)]
pub(super) struct Own {
    /// The number of the last change in each bin that ever had one.
    numbers: BTreeMap<u8, u64>,
    /// The bins that are to be told whole, and with how many beats.
    whole: BTreeMap<u8, u8>,
}

impl Own {
    /// Counts a change of somebody; gives its bin and number.
    pub(super) fn changed(&mut self, who: &WhoListens) -> (u8, u64) {
        let bin = bin_of(who);
        let number = self.numbers.entry(bin).or_default();
        *number += 1;
        self.whole.insert(bin, TOLD_WHOLE);
        (bin, *number)
    }

    /// Somebody asked for bins.
    pub(super) fn asked(&mut self, bins: Vec<u8>) {
        for bin in bins.into_iter().filter(|bin| self.numbers.contains_key(bin)) {
            self.whole.entry(bin).or_insert(1);
        }
    }

    /// What is told with a beat: nothing where nobody ever was there. `people` are all who are there now.
    pub(super) fn beat<'a>(
        &mut self,
        agents: impl Iterator<Item = (&'a AgentId, bool)>,
        customers: impl Iterator<Item = &'a CustomerId>,
    ) -> Vec<There> {
        if self.numbers.is_empty() {
            return Vec::new();
        }
        let bin_with = |bin: &u8| {
            let number = self.numbers.get(bin).copied().unwrap_or_default();
            (*bin, Bin { bin: *bin, number, ..Bin::default() })
        };
        let mut whole: BTreeMap<u8, Bin> = self.whole.keys().map(bin_with).collect();
        if !whole.is_empty() {
            for (id, away) in agents {
                if let Some(bin) = whole.get_mut(&bin_of(&WhoListens::Agent(id.clone()))) {
                    bin.agents.push((id.clone(), away));
                }
            }
            for id in customers {
                if let Some(bin) = whole.get_mut(&bin_of(&WhoListens::Customer(*id))) {
                    bin.customers.push(*id);
                }
            }
        }
        self.whole.retain(|_, left| {
            *left -= 1;
            *left > 0
        });
        let numbers: Vec<(u8, u64)> = self.numbers.iter().map(|(bin, at)| (*bin, *at)).collect();
        let mut told = Vec::new();
        let (mut some, mut people) = (Vec::new(), 0);
        for bin in whole.into_values() {
            let more = bin.agents.len() + bin.customers.len();
            if people > 0 && people + more > PEOPLE_IN_HINT_MAX {
                told.push(There::Beat { numbers: Vec::new(), whole: std::mem::take(&mut some) });
                people = 0;
            }
            people += more;
            some.push(bin);
        }
        told.push(There::Beat { numbers, whole: some });
        told
    }
}

/// Who is there at other nodes.
#[derive(Debug, Default)]
pub(super) struct Elsewhere {
    nodes: HashMap<NodeId, AtNode>,
}

/// Who is there at one other node.
#[derive(Debug)]
struct AtNode {
    heard_at: Instant,
    bins: BTreeMap<u8, KnownBin>,
}

#[derive(Debug, Default)]
struct KnownBin {
    /// Up to which change it is known.
    number: u64,
    /// Up to which change it was told of.
    told: u64,
    agents: BTreeMap<AgentId, bool>,
    customers: BTreeSet<CustomerId>,
}

impl KnownBin {
    fn people(&self) -> impl Iterator<Item = WhoListens> {
        let agents = self.agents.keys().cloned().map(WhoListens::Agent);
        agents.chain(self.customers.iter().copied().map(WhoListens::Customer))
    }
}

impl Elsewhere {
    /// Whether somebody is there, and if so, whether they are away.
    pub(super) fn presence_of(&self, who: &WhoListens) -> Option<bool> {
        if self.nodes.is_empty() {
            return None;
        }
        let bin = bin_of(who);
        let mut found = None;
        for known in self.nodes.values().filter_map(|node| node.bins.get(&bin)) {
            let there = match who {
                WhoListens::Agent(id) => known.agents.get(id).copied(),
                WhoListens::Customer(id) => known.customers.contains(id).then_some(false),
            };
            found = both(found, there);
        }
        found
    }

    /// At how many other nodes somebody is there.
    pub(super) fn places_of(&self, who: &WhoListens) -> usize {
        let bin = bin_of(who);
        let bins = self.nodes.values().filter_map(|node| node.bins.get(&bin));
        bins.filter(|bin| bin.people().any(|person| person == *who)).count()
    }

    /// All agents who are there, each with whether they are away.
    pub(super) fn agents(&self) -> impl Iterator<Item = (&AgentId, bool)> {
        let bins = self.nodes.values().flat_map(|node| node.bins.values());
        bins.flat_map(|bin| bin.agents.iter().map(|(id, away)| (id, *away)))
    }

    /// All customers who are there; one who is at two nodes twice.
    pub(super) fn customers(&self) -> impl Iterator<Item = &CustomerId> {
        let bins = self.nodes.values().flat_map(|node| node.bins.values());
        bins.flat_map(|bin| &bin.customers)
    }

    /// About how many customers are there.
    pub(super) fn customers_count(&self) -> usize {
        let bins = self.nodes.values().flat_map(|node| node.bins.values());
        bins.map(|bin| bin.customers.len()).sum()
    }

    /// Whom what a node tells could concern.
    pub(super) fn concerned(&self, from: NodeId, told: &There) -> BTreeSet<WhoListens> {
        match told {
            There::Change { who, .. } => BTreeSet::from([who.clone().into()]),
            There::Beat { whole, .. } => {
                let mut people: BTreeSet<WhoListens> = BTreeSet::new();
                for bin in whole {
                    let known = self.nodes.get(&from).and_then(|node| node.bins.get(&bin.bin));
                    people.extend(known.into_iter().flat_map(KnownBin::people));
                    people.extend(bin.agents.iter().map(|(id, _)| WhoListens::Agent(id.clone())));
                    people.extend(bin.customers.iter().copied().map(WhoListens::Customer));
                }
                people
            }
            There::Ask { .. } => BTreeSet::new(),
            There::Left => self.people_at(from),
        }
    }

    /// All who are there at a node.
    pub(super) fn people_at(&self, node: NodeId) -> BTreeSet<WhoListens> {
        let node = self.nodes.get(&node).into_iter();
        node.flat_map(|node| node.bins.values()).flat_map(KnownBin::people).collect()
    }

    /// Takes what a node tells.
    pub(super) fn take(&mut self, from: NodeId, told: There, now: Instant) {
        if told == There::Left {
            self.nodes.remove(&from);
            return;
        }
        let node = self.nodes.entry(from);
        let node = node.or_insert_with(|| AtNode { heard_at: now, bins: BTreeMap::new() });
        node.heard_at = now;
        match told {
            There::Change { bin, number, who, away } => {
                let known = node.bins.entry(bin).or_default();
                known.told = known.told.max(number);
                if number != known.number + 1 {
                    return;
                }
                known.number = number;
                match (WhoListens::from(who), away) {
                    (WhoListens::Agent(id), Some(away)) => drop(known.agents.insert(id, away)),
                    (WhoListens::Agent(id), None) => drop(known.agents.remove(&id)),
                    (WhoListens::Customer(id), Some(_)) => {
                        known.customers.insert(id);
                    }
                    (WhoListens::Customer(id), None) => {
                        known.customers.remove(&id);
                    }
                }
            }
            There::Beat { numbers, whole } => {
                for (bin, number) in numbers {
                    let known = node.bins.entry(bin).or_default();
                    known.told = known.told.max(number);
                }
                for Bin { bin, number, agents, customers } in whole {
                    let known = node.bins.entry(bin).or_default();
                    if number > known.number {
                        known.number = number;
                        known.told = known.told.max(number);
                        known.agents = agents.into_iter().collect();
                        known.customers = customers.into_iter().collect();
                    }
                }
            }
            There::Ask { .. } | There::Left => {}
        }
    }

    /// What is to be asked: bins of which more was told than is known.
    pub(super) fn asks(&self) -> Vec<There> {
        let ask = |(of, node): (&NodeId, &AtNode)| {
            let behind = node.bins.iter().filter(|(_, known)| known.told > known.number);
            let bins: Vec<u8> = behind.map(|(bin, _)| *bin).collect();
            (!bins.is_empty()).then_some(There::Ask { of: *of, bins })
        };
        self.nodes.iter().filter_map(ask).collect()
    }

    /// The nodes of which nothing was heard for too long.
    pub(super) fn missed(&self, now: Instant) -> Vec<NodeId> {
        let is_missed = |node: &AtNode| now.saturating_duration_since(node.heard_at) > MISSED_AFTER;
        self.nodes.iter().filter(|(_, node)| is_missed(node)).map(|(id, _)| *id).collect()
    }
}

/// Somebody who is there in two places is away when they are so in both.
pub(super) fn both(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one && other),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::hints::Person;

    fn customer(number: u128) -> CustomerId {
        CustomerId::new(Uuid::from_u128(number))
    }

    #[test]
    fn a_bin_is_the_same_for_ever() {
        let agent = WhoListens::Agent("bob@example.com".parse().expect("a name"));
        assert_eq!((bin_of(&agent), bin_of(&WhoListens::Customer(customer(7)))), (BOB, SEVEN));
    }

    /// Computed once: nodes of two releases must agree.
    const BOB: u8 = 25;
    const SEVEN: u8 = 0;

    #[test]
    fn who_says_nothing_is_missed() {
        let (node, begun) = (NodeId::new(Uuid::from_u128(1)), Instant::now());
        let mut elsewhere = Elsewhere::default();
        let who = Person::Customer(customer(1));
        let bin = bin_of(&who.clone().into());
        let came = There::Change { bin, number: 1, who: who.clone(), away: Some(false) };
        elsewhere.take(node, came, begun);
        assert_eq!(elsewhere.presence_of(&who.into()), Some(false));
        assert!(elsewhere.missed(begun + MISSED_AFTER).is_empty());
        assert_eq!(elsewhere.missed(begun + MISSED_AFTER + BEAT), [node]);
    }

    proptest! {
        /// Whatever is lost, doubled and reordered: when at last the beats and answers come through, all is known.
        #[test]
        fn what_was_missed_is_asked_for(
            steps in proptest::collection::vec((0_u128..20, any::<bool>(), 0_u8..4), 1..60),
        ) {
            let node = NodeId::new(Uuid::from_u128(1));
            let now = Instant::now();
            let (mut own, mut elsewhere) = (Own::default(), Elsewhere::default());
            let mut there: BTreeSet<CustomerId> = BTreeSet::new();
            let mut late = Vec::new();
            for (number, comes, fate) in steps {
                let id = customer(number);
                let changed = if comes { there.insert(id) } else { there.remove(&id) };
                if changed {
                    let (bin, number) = own.changed(&WhoListens::Customer(id));
                    let who = Person::Customer(id);
                    let told = There::Change { bin, number, who, away: comes.then_some(false) };
                    match fate {
                        0 => {}
                        1 => late.push(told),
                        2 => {
                            elsewhere.take(node, told.clone(), now);
                            elsewhere.take(node, told, now);
                        }
                        _ => elsewhere.take(node, told, now),
                    }
                } else if fate == 0 {
                    // A beat that is lost.
                    drop(own.beat(std::iter::empty(), there.iter()));
                } else {
                    late.extend(own.beat(std::iter::empty(), there.iter()));
                }
            }
            for told in late.into_iter().rev() {
                elsewhere.take(node, told, now);
            }
            for told in own.beat(std::iter::empty(), there.iter()) {
                elsewhere.take(node, told, now);
            }
            for ask in elsewhere.asks() {
                let There::Ask { bins, .. } = ask else { continue };
                own.asked(bins);
            }
            for told in own.beat(std::iter::empty(), there.iter()) {
                elsewhere.take(node, told, now);
            }
            prop_assert_eq!(elsewhere.asks(), []);
            let known: BTreeSet<CustomerId> = elsewhere.customers().copied().collect();
            prop_assert_eq!(known, there);
        }
    }
}
