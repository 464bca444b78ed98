//! A bus between nodes of one process, which makes trouble by seeded dice: it loses hints, brings them twice and late.
//!
//! ```text
//! let wire = Wire::with(Trouble::drops_half(7));
//! let bus = wire.bus_of(node);
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tidings_bus::{Bus, HINTS_WAITING_MAX, Hint, Topic};
use tidings_model::{NodeId, WorkspaceId};
use tokio::sync::broadcast;

/// What happens to hints on their way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Trouble {
    /// How many in a hundred are lost.
    pub lost: u64,
    /// How many in a hundred come twice.
    pub doubled: u64,
    /// By how much they may be late, so that one overtakes another.
    pub late_at_most: Duration,
    /// Where the dice begin.
    pub seed: u64,
}

impl Trouble {
    /// Every second hint is lost; of the others some come twice, and all of them late.
    pub const fn drops_half(seed: u64) -> Self {
        Self { lost: 50, doubled: 20, late_at_most: Duration::from_millis(30), seed }
    }
}

/// What the nodes of a world are connected by.
#[derive(Debug)]
pub struct Wire {
    trouble: Trouble,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    dice: u64,
    nodes: BTreeMap<NodeId, broadcast::Sender<Hint>>,
    cut: BTreeSet<NodeId>,
}

impl Wire {
    /// A wire with this trouble.
    pub fn with(trouble: Trouble) -> Arc<Self> {
        let state = State { dice: trouble.seed, ..State::default() };
        Arc::new(Self { trouble, state: Mutex::new(state) })
    }

    /// The end of the wire that a node has.
    pub fn bus_of(self: &Arc<Self>, node: NodeId) -> Arc<dyn Bus> {
        let heard = broadcast::Sender::new(HINTS_WAITING_MAX);
        self.state().nodes.insert(node, heard.clone());
        Arc::new(End { wire: Arc::clone(self), node, heard })
    }

    /// Nothing reaches the node any more, and nothing comes from it.
    pub fn cut(&self, node: NodeId) {
        self.state().cut.insert(node);
    }

    /// The node is connected again.
    pub fn mend(&self, node: NodeId) {
        self.state().cut.remove(&node);
    }

    fn tell(&self, hint: &Hint) {
        let mut state = self.state();
        if state.cut.contains(&hint.from) {
            return;
        }
        let others: Vec<_> = state
            .nodes
            .iter()
            .filter(|(node, _)| **node != hint.from && !state.cut.contains(node))
            .map(|(_, heard)| heard.clone())
            .collect();
        for heard in others {
            if state.roll(100) < self.trouble.lost {
                continue;
            }
            let times = if state.roll(100) < self.trouble.doubled { 2 } else { 1 };
            for _ in 0..times {
                let late_at_most = u64::try_from(self.trouble.late_at_most.as_millis());
                match late_at_most.unwrap_or(u64::MAX) {
                    // Nobody hears: nobody minds.
                    0 => drop(heard.send(hint.clone())),
                    most => {
                        let late = Duration::from_millis(state.roll(most + 1));
                        let (heard, hint) = (heard.clone(), hint.clone());
                        tokio::spawn(async move {
                            tokio::time::sleep(late).await;
                            drop(heard.send(hint));
                        });
                    }
                }
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A number below `sides`, by `SplitMix64`.
    fn roll(&mut self, sides: u64) -> u64 {
        self.dice = self.dice.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.dice;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

struct End {
    wire: Arc<Wire>,
    node: NodeId,
    heard: broadcast::Sender<Hint>,
}

impl Bus for End {
    fn tell(&self, workspace: WorkspaceId, topic: Topic, bytes: Bytes) {
        self.wire.tell(&Hint { from: self.node, workspace, topic, bytes });
    }

    fn hear(&self) -> broadcast::Receiver<Hint> {
        self.heard.subscribe()
    }
}
