//! Several nodes over one store, in one process: each is a whole server with its own memory and its own end of the bus.
//!
//! ```text
//! let nodes = Nodes::start(2, Trouble::default()).await;
//! let bob = AgentClient::hired(nodes.at(0), "bob@example.com", Role::Normal).await;
//! let other = nodes.at(1);
//! nodes.finish().await;
//! ```

use std::sync::Arc;
use std::time::Duration;

use tidings_model::{Clock, NodeId};

use crate::bus::{Trouble, Wire};
use crate::clock::HandClock;
use crate::members::Members;
use crate::world::{WAIT_MAX, World};

/// How often a test looks whether all nodes see the same.
const LOOK_INTERVAL: Duration = Duration::from_millis(25);

/// Several nodes over one store.
pub struct Nodes {
    /// What connects them.
    pub wire: Arc<Wire>,
    /// Who of them lives, as they see it.
    pub members: Arc<Members>,
    worlds: Vec<World>,
}

impl Nodes {
    /// Starts so many nodes, with this trouble between them.
    pub async fn start(count: usize, trouble: Trouble) -> Self {
        let wire = Wire::with(trouble);
        let clock = HandClock::new();
        let node = NodeId::new(clock.next_id());
        let members = Arc::new(Members::default());
        let among = Arc::clone(&members) as Arc<dyn tidings_store::Nodes>;
        let first = World::first(wire.bus_of(node), among, node, clock).await;
        let mut nodes = Self { wire, members, worlds: vec![first] };
        while nodes.worlds.len() < count {
            nodes.join().await;
        }
        nodes
    }

    /// One of those that run.
    pub fn at(&self, place: usize) -> &World {
        self.worlds.get(place).expect("so many nodes run")
    }

    /// All that run.
    pub fn all(&self) -> &[World] {
        &self.worlds
    }

    /// Waits until the nodes work on so many shares, whoever has the most.
    pub async fn until_held(&self, counts: &[usize]) {
        let what = format!("{counts:?} shares to be held");
        let are_held = async || {
            let mut now: Vec<usize> = self.worlds.iter().map(World::shares_held).collect();
            now.sort_unstable_by(|one, other| other.cmp(one));
            (now == counts).then_some(())
        };
        self.at(0).until(&what, are_held).await;
    }

    /// One more node joins; it is the last.
    pub async fn join(&mut self) -> &World {
        let first = self.at(0);
        let node = NodeId::new(first.clock.next_id());
        let among = Arc::clone(&self.members) as Arc<dyn tidings_store::Nodes>;
        let joined = first.another(self.wire.bus_of(node), among, node).await;
        self.worlds.push(joined);
        self.worlds.last().expect("it was pushed")
    }

    /// A node ends without a word; those after it move up.
    pub fn dies(&mut self, place: usize) {
        let world = self.worlds.remove(place);
        self.wire.cut(world.app.node());
        world.die();
    }

    /// A node stops in order; those after it move up.
    pub async fn leaves(&mut self, place: usize) {
        let world = self.worlds.remove(place);
        world.step_down().await;
    }

    /// Turns the clock, and rings what is due.
    pub fn turn(&self, by: Duration) {
        self.at(0).clock.turn(by);
        self.worlds.iter().for_each(|world| world.app.look_at_timers());
    }

    /// Looks until something is so at every node; fails the test after [`WAIT_MAX`].
    #[expect(clippy::panic, reason = "a test that waits in vain fails")]
    pub async fn until_all(&self, what: &str, is_so: impl AsyncFn(&World) -> bool) {
        let search = async {
            for world in &self.worlds {
                while !is_so(world).await {
                    tokio::time::sleep(LOOK_INTERVAL).await;
                }
            }
        };
        if tokio::time::timeout(WAIT_MAX, search).await.is_err() {
            panic!("waited in vain until every node has {what}");
        }
    }

    /// The end of every story: nothing is left to do, what is in the store holds together, and all nodes stop.
    pub async fn finish(mut self) {
        let last = self.worlds.remove(0);
        for world in self.worlds {
            world.settle().await;
            world.step_down().await;
        }
        last.finish().await;
    }
}
