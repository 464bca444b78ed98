//! Which shares this node holds: asked by everybody, written by the keeper alone.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use tidings_model::WorkspaceId;
use tidings_store::Share;
use tokio::sync::watch;

use super::hold::{Hold, Phase, Under};

/// Which shares this node holds.
#[derive(Debug)]
pub(crate) enum Holdings {
    /// All, without a lease.
    Alone,
    /// Those with a lease.
    Leased {
        /// The leases.
        of: RwLock<HashMap<WorkspaceId, BTreeMap<Share, Arc<Hold>>>>,
        /// Moves when one comes or goes.
        changed: watch::Sender<u64>,
    },
}

impl Holdings {
    pub(crate) fn leased() -> Self {
        Self::Leased { of: RwLock::default(), changed: watch::Sender::new(0) }
    }

    /// Under what work of a share is done here; `None` when it is not ours to do.
    pub(crate) fn under(&self, workspace: WorkspaceId, share: Share) -> Option<Under> {
        let of = match self {
            Self::Alone => return Some(Under::Alone),
            Self::Leased { of, .. } => of.read().unwrap_or_else(PoisonError::into_inner),
        };
        let hold = of.get(&workspace)?.get(&share)?;
        (hold.phase() == Phase::Works).then(|| Under::Lease(Arc::clone(hold)))
    }

    /// How many shares are held of each workspace; none when alone.
    pub(crate) fn counts(&self) -> BTreeMap<WorkspaceId, usize> {
        match self {
            Self::Alone => BTreeMap::new(),
            Self::Leased { of, .. } => {
                let of = of.read().unwrap_or_else(PoisonError::into_inner);
                of.iter().map(|(workspace, holds)| (*workspace, holds.len())).collect()
            }
        }
    }

    pub(crate) fn put(&self, hold: Arc<Hold>) {
        if let Self::Leased { of, changed } = self {
            let mut of = of.write().unwrap_or_else(PoisonError::into_inner);
            of.entry(hold.workspace()).or_default().insert(hold.share(), hold);
            changed.send_modify(|moves| *moves = moves.wrapping_add(1));
        }
    }

    /// Nothing new begins under a lease any more, or the lease has gone.
    pub(crate) fn tell(&self) {
        if let Self::Leased { changed, .. } = self {
            changed.send_modify(|moves| *moves = moves.wrapping_add(1));
        }
    }

    pub(crate) fn remove(&self, workspace: WorkspaceId, share: Share) {
        if let Self::Leased { of, .. } = self {
            let mut of = of.write().unwrap_or_else(PoisonError::into_inner);
            if let Some(holds) = of.get_mut(&workspace) {
                holds.remove(&share);
            }
        }
        self.tell();
    }

    /// Ends all work under leases that cannot be trusted any more.
    pub(crate) fn lose_what_is_not_trusted(&self) {
        if let Self::Leased { of, .. } = self {
            let of = of.read().unwrap_or_else(PoisonError::into_inner);
            let holds = of.values().flat_map(BTreeMap::values);
            holds.filter(|hold| !hold.is_trusted()).for_each(|hold| hold.lose());
        }
    }

    /// Tells when one comes or goes; never, when alone.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        match self {
            Self::Alone => watch::Sender::new(0).subscribe(),
            Self::Leased { changed, .. } => changed.subscribe(),
        }
    }
}

/// Waits until a share comes or goes; for ever, when alone.
pub(crate) async fn changed(watch: &mut watch::Receiver<u64>) {
    if watch.changed().await.is_err() {
        std::future::pending().await
    }
}
