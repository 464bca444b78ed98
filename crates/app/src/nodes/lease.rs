//! A lease as it is stored: a document for each share of a workspace, whose version is the lease's epoch.
//!
//! It is never removed: versions would begin anew, and an old epoch would be good again. Who lets go writes that nobody
//! holds it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use tidings_model::{NodeId, Timestamp};
use tidings_store::{DocKey, Document, Kind, Put, Share, Version};

use crate::pipeline::written::to_body;

/// What the document says.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who holds the share; nobody, when it was let go.
    pub node: Option<NodeId>,
    /// What people call that node.
    #[serde(default)]
    pub name: String,
    /// Since when, by that node's clock.
    #[serde(default)]
    pub since: Option<Timestamp>,
}

/// A lease as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SeenLease {
    /// Who holds it.
    pub holder: Option<NodeId>,
    /// Its epoch; [`Version::ABSENT`] when nobody ever had it.
    pub epoch: Version,
}

impl SeenLease {
    /// Of a share that nobody ever had.
    pub const NEVER: Self = Self { holder: None, epoch: Version::ABSENT };
}

/// The document of a share's lease.
pub fn key(share: Share) -> DocKey {
    DocKey::new(Kind::Lease, share)
}

/// The write of a lease that was seen at an epoch; the next one is its own.
pub fn put(share: Share, lease: &Lease, seen_at: Version) -> Put {
    Put { key: key(share), expected: Some(seen_at), body: to_body(lease), index: Vec::new() }
}

/// The leases of a workspace, by its documents. One that does not read is held by nobody: who takes it makes it good.
pub fn read(documents: Vec<Document>) -> BTreeMap<Share, SeenLease> {
    let share_of = |document: &Document| document.key.id.parse().ok().and_then(Share::new);
    let mut leases = BTreeMap::new();
    for document in documents {
        let Some(share) = share_of(&document) else { continue };
        let lease: Lease = serde_json::from_value(document.body).unwrap_or_default();
        leases.insert(share, SeenLease { holder: lease.node, epoch: document.version });
    }
    leases
}
