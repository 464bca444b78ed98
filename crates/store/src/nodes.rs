//! The nodes of an installation, as an engine that many share sees them.
//!
//! A node says twice a second that it lives ([`Nodes::beat`]) and learns by that who else does. Ages are measured by the
//! engine's clock alone, so clocks that differ harm nobody. Who holds which share of the work is not here: that is a
//! document ([`crate::Kind::Lease`]) whose version is the lease's epoch, so that a commit that expects it is refused when
//! the lease has moved on.

use std::time::Duration;

use serde_json::Value;
use tidings_model::{NodeId, Timestamp};

use crate::{CommitError, ReadError};

/// A node, as it tells of itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Which run of which node: a process that starts again is another one.
    pub id: NodeId,
    /// What people call the machine.
    pub name: String,
    /// The version of Tidings that runs there.
    pub version: String,
    /// When it started, by its own clock.
    pub started_at: Timestamp,
    /// The time there when it said this.
    pub clock: Timestamp,
    /// What it says of how it stands, for `doctor`: how far its readers are, what it holds.
    pub state: Value,
}

/// A node, and when it was last heard of.
#[derive(Clone, Debug, PartialEq)]
pub struct Peer {
    /// What it said.
    pub node: Node,
    /// How long ago that was, by the engine's clock.
    pub age: Duration,
    /// How far its clock was ahead of the engine's when it said so, in milliseconds; behind when negative. The way there
    /// is in it.
    pub clock_ahead_ms: i64,
}

/// The nodes of an installation.
#[async_trait::async_trait]
pub trait Nodes: Send + Sync + 'static {
    /// Says that a node lives. Returns all that were heard of within [`NODES_KEPT`], itself among them; those that were
    /// not are removed.
    async fn beat(&self, node: &Node) -> Result<Vec<Peer>, CommitError>;

    /// All nodes, without saying anything.
    async fn nodes(&self) -> Result<Vec<Peer>, ReadError>;

    /// Says that a node goes: others need not wait until they miss it.
    async fn leave(&self, node: NodeId) -> Result<(), CommitError>;
}

/// How long a node is remembered that says nothing any more: for `doctor`.
pub const NODES_KEPT: Duration = Duration::from_secs(3_600);
