//! What an error of the database means: whether trying again may help, and whether the connection is still good.

use std::sync::Arc;

use deadpool_postgres::PoolError;
use tidings_store::{CommitError, ReadError};
use tokio_postgres::error::{DbError, SqlState};

/// Why a transaction failed.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The database cannot be reached, or the connection was lost before the commit.
    #[error("the database cannot be reached")]
    Away(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// Another transaction was in the way, or the database is at its limit: the same may go through now.
    #[error("the database asks to try again")]
    Again(#[source] Arc<tokio_postgres::Error>),
    /// An event with the same id is there already.
    #[error("an event is there already")]
    EventExists(#[source] Arc<tokio_postgres::Error>),
    /// The database's disk is full.
    #[error("the database's disk is full")]
    DiskFull,
    /// The connection was lost while it committed, and nobody could be asked in time whether it did.
    #[error("the database went away while it committed, so that nobody knows whether it did")]
    Unknown,
    /// The database refuses what it was asked.
    #[error("the database refused the transaction")]
    Refused(#[source] Arc<tokio_postgres::Error>),
    /// It did not answer in time.
    #[error("the database did not answer within {seconds} s")]
    Late {
        /// So long was waited.
        seconds: u64,
    },
    /// What is stored cannot be understood.
    #[error("{0}")]
    Damaged(Arc<str>),
    /// The store is closed.
    #[error("the store is closed")]
    Closed,
}

impl Failure {
    /// What a caller that writes is told.
    pub(crate) fn for_caller(&self) -> CommitError {
        match self {
            Self::DiskFull => CommitError::DiskFull,
            Self::Closed => CommitError::Closed,
            Self::Away(_)
            | Self::Again(_)
            | Self::EventExists(_)
            | Self::Unknown
            | Self::Refused(_)
            | Self::Late { .. }
            | Self::Damaged(_) => CommitError::Engine { source: Box::new(self.clone()) },
        }
    }

    /// What a caller that reads is told.
    pub(crate) fn for_reader(self) -> ReadError {
        match self {
            Self::Closed => ReadError::Closed,
            Self::Away(_)
            | Self::Again(_)
            | Self::EventExists(_)
            | Self::DiskFull
            | Self::Unknown
            | Self::Refused(_)
            | Self::Late { .. }
            | Self::Damaged(_) => ReadError::Engine { source: Box::new(self) },
        }
    }
}

impl From<tokio_postgres::Error> for Failure {
    fn from(error: tokio_postgres::Error) -> Self {
        match kind(&error) {
            Kind::Away => Self::Away(Arc::new(error)),
            Kind::Again => Self::Again(Arc::new(error)),
            Kind::EventExists => Self::EventExists(Arc::new(error)),
            Kind::DiskFull => Self::DiskFull,
            Kind::Refused => Self::Refused(Arc::new(error)),
        }
    }
}

impl From<PoolError> for Failure {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Closed => Self::Closed,
            PoolError::Backend(error) => Self::Away(Arc::new(error)),
            PoolError::Timeout(_)
            | PoolError::NoRuntimeSpecified
            | PoolError::PostCreateHook(_) => Self::Away(Arc::new(error)),
        }
    }
}

enum Kind {
    Away,
    Again,
    EventExists,
    DiskFull,
    Refused,
}

/// The connection is not to be used again.
pub(crate) fn is_lost(error: &tokio_postgres::Error) -> bool {
    matches!(kind(error), Kind::Away)
}

fn kind(error: &tokio_postgres::Error) -> Kind {
    let Some(code) = error.code() else {
        // Only the wire has no code, and what we sent ourselves: the latter is not to be tried again.
        return if error.is_closed() || has_io(error) { Kind::Away } else { Kind::Refused };
    };
    match *code {
        SqlState::UNIQUE_VIOLATION if is_of_event(error) => Kind::EventExists,
        SqlState::DISK_FULL => Kind::DiskFull,
        SqlState::T_R_SERIALIZATION_FAILURE
        | SqlState::T_R_DEADLOCK_DETECTED
        | SqlState::LOCK_NOT_AVAILABLE
        | SqlState::QUERY_CANCELED
        | SqlState::OUT_OF_MEMORY
        // Another node was first to write in a workspace.
        | SqlState::UNIQUE_VIOLATION => Kind::Again,
        // After a failover the old address may lead to a server that only reads.
        SqlState::READ_ONLY_SQL_TRANSACTION => Kind::Away,
        _ if code.code().starts_with("08")
            || code.code().starts_with("57P")
            || code.code().starts_with("25P03")
            || code.code().starts_with("53")
            // The database is not there, or does not let us in, yet.
            || code.code().starts_with("3D") => Kind::Away,
        _ => Kind::Refused,
    }
}

/// The index of the events' ids refused one.
fn is_of_event(error: &tokio_postgres::Error) -> bool {
    error.as_db_error().and_then(DbError::constraint) == Some("events_by_id")
}

fn has_io(error: &tokio_postgres::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<std::io::Error>() {
            return true;
        }
        source = cause.source();
    }
    false
}
