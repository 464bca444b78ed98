//! Something due later, with a name: setting it again moves it, cancelling one that is gone does nothing.

use std::fmt;

use serde_json::Value;
use tidings_model::{Timestamp, WorkspaceId};

/// The name of a timer, within its workspace; by convention `area:...`, as `run:<id>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TimerName(pub String);

impl fmt::Display for TimerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A timer that was set.
#[derive(Clone, Debug, PartialEq)]
pub struct Timer {
    /// The tenant.
    pub workspace: WorkspaceId,
    /// Its name.
    pub name: TimerName,
    /// When it is due.
    pub due: Timestamp,
    /// What to do then; whose name it bears knows how to read it.
    pub body: Value,
}

/// What a batch does to a timer.
#[derive(Clone, Debug, PartialEq)]
pub enum TimerChange {
    /// Set it, or move it.
    Set {
        /// Its name.
        name: TimerName,
        /// When it is due.
        due: Timestamp,
        /// What to do then.
        body: Value,
    },
    /// Remove it, if it is there.
    Cancel {
        /// Its name.
        name: TimerName,
    },
    /// Remove it because its work is in this batch: it must be there, due as it was seen, or the batch is refused.
    Take {
        /// Its name.
        name: TimerName,
        /// When it was due.
        due: Timestamp,
    },
}
