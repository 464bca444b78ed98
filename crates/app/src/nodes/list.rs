//! The nodes of an installation as whoever operates it sees them: the API and `tidings doctor` tell of them.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tidings_model::{NodeId, WorkspaceId};
use tidings_store::read::DOCUMENTS_READ_MAX;
use tidings_store::{DocumentQuery, Kind, Peer, ReadError, Scan, Share, Store};

use super::beat::about;
use super::{DEAD_AFTER, lease};
use crate::App;

/// How a node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It works.
    Live,
    /// It stops, and lets go of its work.
    Leaving,
    /// It was not heard of any more.
    Gone,
}

/// How a node stands, by what was heard of it.
pub fn standing(peer: &Peer) -> Standing {
    let leaves = peer.node.state.get("leaving") == Some(&Value::Bool(true));
    match (peer.age < DEAD_AFTER, leaves) {
        (false, _) => Standing::Gone,
        (true, true) => Standing::Leaving,
        (true, false) => Standing::Live,
    }
}

/// All that were heard of lately; one that is alone knows itself.
pub async fn all(app: &App) -> Result<Vec<Peer>, ReadError> {
    match &app.nodes {
        Some(nodes) => nodes.nodes().await,
        None => {
            let node = about(app, json!({}));
            Ok(vec![Peer { node, age: Duration::ZERO, clock_ahead_ms: 0 }])
        }
    }
}

/// The shares of a workspace by the nodes that hold them.
pub async fn shares(
    app: &App,
    workspace: WorkspaceId,
) -> Result<BTreeMap<NodeId, Vec<Share>>, ReadError> {
    match &app.nodes {
        Some(_) => leased(app.store.as_ref(), workspace).await,
        None => Ok(BTreeMap::from([(app.node(), Share::all().collect())])),
    }
}

/// The same where leases say it.
pub async fn leased(
    store: &dyn Store,
    workspace: WorkspaceId,
) -> Result<BTreeMap<NodeId, Vec<Share>>, ReadError> {
    let query = DocumentQuery {
        kind: Kind::Lease,
        scan: Scan::All,
        after: None,
        limit: DOCUMENTS_READ_MAX,
    };
    let mut held: BTreeMap<NodeId, Vec<Share>> = BTreeMap::new();
    for (share, lease) in lease::read(store.documents(workspace, query).await?.documents) {
        if let Some(holder) = lease.holder {
            held.entry(holder).or_default().push(share);
        }
    }
    Ok(held)
}
