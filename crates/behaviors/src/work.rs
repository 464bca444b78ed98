//! What a step has done outside of the interpreter: a call to another system, a change of a record, a script. The run waits
//! with its [`Order`], `app` does it, and gives what came of it to [`resume`](crate::resume).
//!
//! An order is plain data in the run's document, so it survives a restart; it may then be done a second time. The pair of
//! the run and its `steps_taken` names it: who does it makes a second time harmless by that.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something to do, with all that it needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// What.
    pub work: Work,
    /// With what: the keys of the step, filled in.
    pub with: Value,
}

/// What can be ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// A call over HTTP.
    Http,
    /// A mail.
    Mail,
    /// A new record.
    Create,
    /// A change of a record.
    Update,
    /// The end of a record.
    Delete,
    /// A search for records.
    Find,
    /// JavaScript, in a sandbox.
    Script,
    /// The intent of a text.
    Classify,
    /// A public behavior of another bot.
    Call,
}

/// Why nothing came of an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkFailed {
    /// What went wrong, for programs: `timed_out`, `unknown_record`, ...
    pub code: String,
    /// The same for people.
    pub message: String,
}

impl WorkFailed {
    /// A failure with its code, and what it says to people.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }
}

impl Work {
    /// The word of its step.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Mail => "mail",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Find => "find",
            Self::Script => "script",
            Self::Classify => "classify",
            Self::Call => "call",
        }
    }

    /// Whether it only asks: a behavior may order it while something is about to happen.
    pub(crate) const fn only_asks(self) -> bool {
        match self {
            Self::Http | Self::Find | Self::Script | Self::Classify => true,
            Self::Mail | Self::Create | Self::Update | Self::Delete | Self::Call => false,
        }
    }
}
