//! The nodes of an installation, kept in the memory of a test: who beats, and who seems dead to the others.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tidings_app::nodes::DEAD_AFTER;
use tidings_model::NodeId;
use tidings_store::{CommitError, Node, Nodes, Peer, ReadError};
use tokio::time::Instant;

/// The nodes of an installation.
#[derive(Default)]
pub struct Members {
    there: Mutex<BTreeMap<NodeId, Member>>,
    paused: Mutex<BTreeSet<NodeId>>,
}

struct Member {
    node: Node,
    heard_at: Instant,
    /// How much older it looks.
    older: Duration,
}

impl Members {
    /// From now on no beat of this node comes through, as if it were paused, and to the others it is dead at once.
    pub fn pause(&self, node: NodeId) {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner).insert(node);
        let mut there = self.there.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(member) = there.get_mut(&node) {
            member.older = DEAD_AFTER;
        }
    }

    /// It goes on.
    pub fn wake(&self, node: NodeId) {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner).remove(&node);
    }

    /// What a node said last.
    pub fn said(&self, node: NodeId) -> Option<Node> {
        let there = self.there.lock().unwrap_or_else(PoisonError::into_inner);
        there.get(&node).map(|member| member.node.clone())
    }

    fn peers(&self) -> Vec<Peer> {
        let there = self.there.lock().unwrap_or_else(PoisonError::into_inner);
        there
            .values()
            .map(|member| Peer {
                node: member.node.clone(),
                age: member.heard_at.elapsed() + member.older,
                clock_ahead_ms: 0,
            })
            .collect()
    }

    fn is_paused(&self, node: NodeId) -> bool {
        self.paused.lock().unwrap_or_else(PoisonError::into_inner).contains(&node)
    }
}

#[async_trait::async_trait]
impl Nodes for Members {
    async fn beat(&self, node: &Node) -> Result<Vec<Peer>, CommitError> {
        while self.is_paused(node.id) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let heard = Member { node: node.clone(), heard_at: Instant::now(), older: Duration::ZERO };
        self.there.lock().unwrap_or_else(PoisonError::into_inner).insert(node.id, heard);
        Ok(self.peers())
    }

    async fn nodes(&self) -> Result<Vec<Peer>, ReadError> {
        Ok(self.peers())
    }

    async fn leave(&self, node: NodeId) -> Result<(), CommitError> {
        self.there.lock().unwrap_or_else(PoisonError::into_inner).remove(&node);
        Ok(())
    }
}
