//! How the nodes of an installation divide the work between them: by leases on shares of each workspace's lanes.
//!
//! A lease is a document ([`tidings_store::Kind::Lease`]) that names the node; its version is the lease's epoch. Whatever
//! leased work commits expects that version, so a node that was paused and comes back can do no harm: its epoch is old.
//! A node says twice a second that it lives; who is not heard of for [`DEAD_AFTER`] is dead, by the engine's clock. A
//! node trusts its own leases for less than that by its own clock, so that it stops sending things out before others
//! begin.
//!
//! In reading order: [`assign`] (who should hold what), [`lease`] (the document), [`next`] (what to do about it), `trust`
//! (how long one's own leases are good), [`hold`] (a lease that is held: fence, draining), `holdings` (all of them),
//! `keeper` (the loop that does it), `beat` (the loop that says that we live), [`list`] (what people see of it). The first four are pure.
//!
//! A node that is alone has none of this: it holds everything, and its commits expect no lease.

pub mod assign;
pub(crate) mod beat;
pub mod hold;
pub(crate) mod holdings;
pub(crate) mod keeper;
pub mod lease;
pub mod list;
pub mod next;
#[cfg(test)]
mod simulation;
pub mod trust;

use std::time::Duration;

use tidings_store::Share;
use uuid::Uuid;

/// How often a node says that it lives.
pub const BEAT_INTERVAL: Duration = Duration::from_millis(500);

/// After how long without a beat a node is dead, by the engine's clock: four beats may be lost.
pub const DEAD_AFTER: Duration = Duration::from_millis(2_500);

/// How long before others may take its leases a node stops to trust them: clocks run apart a little, and what is on its
/// way out is out by then.
pub const TRUST_MARGIN: Duration = Duration::from_millis(500);

/// The share that does what is once in a workspace: who is free for a chat, what may be forgotten.
pub fn once_share() -> Share {
    Share::of(Uuid::nil())
}
