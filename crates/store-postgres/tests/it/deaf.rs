//! A bus that loses every second hint.

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tidings_bus::{Bus, Hint, Topic};
use tidings_model::WorkspaceId;
use tidings_store_postgres::ListenBus;
use tokio::sync::broadcast;

pub(crate) struct HalfDeaf {
    bus: ListenBus,
    told: AtomicU64,
}

impl HalfDeaf {
    pub(crate) fn new(bus: ListenBus) -> Self {
        Self { bus, told: AtomicU64::new(0) }
    }
}

impl Bus for HalfDeaf {
    fn tell(&self, workspace: WorkspaceId, topic: Topic, bytes: Bytes) {
        if self.told.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
            self.bus.tell(workspace, topic, bytes);
        }
    }

    fn hear(&self) -> broadcast::Receiver<Hint> {
        self.bus.hear()
    }

    fn hint_bytes_max(&self) -> usize {
        self.bus.hint_bytes_max()
    }
}
