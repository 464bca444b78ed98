//! Time comes in as an argument. Only `server` (and `testkit`) owns a real clock.

use uuid::Uuid;

pub use jiff::Timestamp;

/// What the time is, and the next id: ids are UUID version 7, so they are made of time.
///
/// The real one lives in `server`; tests turn theirs by hand, and so repeat themselves.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
    /// A new UUID version 7.
    fn next_id(&self) -> Uuid;
}
