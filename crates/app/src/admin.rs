//! What administrators change: each file is one noun, with what can be done to it.
//!
//! A change is one commit, then the directory of the workspace is read again. None of it runs in the path of an event.

pub mod accounts;
pub mod agents;
pub mod bots;
pub mod channels;
pub mod chats;
pub mod endpoints;
pub mod event_types;
pub mod groups;
pub mod hooks;
pub(crate) mod listed;
pub mod service_levels;
pub mod tokens;
pub(crate) mod told;
pub mod web_settings;
pub mod workspaces;

use tidings_store::{CommitError, ReadError};

/// Why a change was not made.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// There is no such thing.
    #[error("there is no {what} {id}")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// A field is wrong.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which one, as in the API.
        field: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The chat is closed.
    #[error("the chat is closed: only an open one can be put aside")]
    ChatClosed,
    /// Somebody else changed it meanwhile.
    #[error("it was changed by somebody else meanwhile: look again")]
    Conflict,
    /// It could not be read.
    #[error("the change could not be made")]
    Read(#[from] ReadError),
    /// It could not be written.
    #[error("the change could not be made")]
    Commit(#[source] CommitError),
}

impl From<CommitError> for AdminError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict { .. } => Self::Conflict,
            CommitError::Claimed { .. }
            | CommitError::Fenced { .. }
            | CommitError::EventExists { .. }
            | CommitError::Malformed { .. }
            | CommitError::TimerGone { .. }
            | CommitError::Overloaded
            | CommitError::DiskFull
            | CommitError::Closed
            | CommitError::Engine { .. } => Self::Commit(error),
        }
    }
}

impl AdminError {
    pub(crate) fn invalid(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Invalid { field: field.into(), problem: problem.into() }
    }
}
