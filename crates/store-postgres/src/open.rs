//! Opening a store: look at the server, bring the schema up to date, learn where the logs end, start what works.

use std::sync::Arc;
use std::time::Duration;

use tidings_bus::Bus;
use tidings_model::Clock;
use tidings_store::ReadError;

use crate::connect::{Address, ConnectError};
use crate::readers::Readers;
use crate::store::PostgresStore;
use crate::tails::{self, Tails};
use crate::untrusted::Untrusted;
use crate::writer::{Context, Queue};
use crate::{Options, Schema, agree, migrate};

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL cannot be used.
    #[error(transparent)]
    Address(#[from] ConnectError),
    /// The server is of a version without what we rely on.
    #[error("the server is PostgreSQL {found}: use 13 or newer")]
    TooOld {
        /// What it says that it is.
        found: String,
    },
    /// The database does not hold every text.
    #[error("the database's encoding is {found}: make it with ENCODING 'UTF8'")]
    Encoding {
        /// Which one it has.
        found: String,
    },
    /// A newer version of Tidings has changed it in a way that this one does not know.
    #[error(
        "the database's schema is number {found} and needs a binary that knows number {needed}, this one knows \
         numbers up to {known}: use a newer one"
    )]
    Newer {
        /// The number in the database.
        found: i32,
        /// What a binary must know.
        needed: i32,
        /// The highest known one.
        known: i32,
    },
    /// It holds tables that are not of Tidings.
    #[error("the database is one of another program: make one for Tidings alone")]
    Foreign,
    /// A move into it was cut short.
    #[error(
        "the database was being filled by tidings migrate-store, which did not finish: run it again"
    )]
    Unfinished,
    /// A migration failed; the database is as it was.
    #[error("migration {name} failed")]
    Migration {
        /// Which one.
        name: &'static str,
        /// Why.
        source: tokio_postgres::Error,
    },
    /// TLS keeps us from each other.
    #[error("the database could not be opened: {}", why.advice())]
    Untrusted {
        /// Why.
        why: Untrusted,
        /// As the library says it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database cannot be reached, or refused what it was asked.
    #[error("the database could not be opened")]
    Engine {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl From<tokio_postgres::Error> for OpenError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Engine { source: error.into() }
    }
}

impl From<ReadError> for OpenError {
    fn from(error: ReadError) -> Self {
        Self::of(error)
    }
}

impl OpenError {
    fn of(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        match Untrusted::of(&error) {
            Some(why) => Self::Untrusted { why, source: error.into() },
            None => Self::Engine { source: error.into() },
        }
    }
}

/// How long a beat waits for its connection.
const BEAT_CONNECTION_PATIENCE: Duration = Duration::from_secs(2);

impl PostgresStore {
    /// How the schema of a database and this binary fit together; changes nothing.
    pub async fn schema(options: &Options) -> Result<Schema, OpenError> {
        let pool = Address::parse(&options.url)?.pool(1, BEAT_CONNECTION_PATIENCE);
        let client = pool.get().await.map_err(OpenError::of)?;
        migrate::look(&client).await
    }

    /// Opens a store, and makes its tables if they are not there.
    ///
    /// Hints to and from other nodes go by the bus; without hints the store looks into the database a few times a second.
    pub async fn open(
        options: Options,
        clock: Arc<dyn Clock>,
        bus: Arc<dyn Bus>,
    ) -> Result<Self, OpenError> {
        let address = Address::parse(&options.url)?;
        let readers = Arc::new(Readers::new(&address, options.readers, Arc::clone(&clock)));
        let client = readers.take().await?;
        migrate::run(&client, clock.now()).await?;
        if agree::is_loading(&client).await? {
            return Err(OpenError::Unfinished);
        }
        drop(client);
        let heads = tails::heads(&readers).await?;
        let tails = Arc::new(Tails::new(bus, heads));
        let tasks = vec![
            tokio::spawn(tails::hear(Arc::clone(&tails))).abort_handle(),
            tokio::spawn(tails::look(Arc::clone(&tails), Arc::clone(&readers))).abort_handle(),
            tokio::spawn(tails::fill(Arc::clone(&tails), Arc::clone(&readers))).abort_handle(),
        ];
        let pool = address.pool(options.writers + 1, crate::writer::COMMIT_PATIENCE);
        let context = Context { pool, tails: Arc::clone(&tails), clock };
        let queue = Queue::start(context, options.writers, options.queue);
        let beats = address.pool(1, BEAT_CONNECTION_PATIENCE);
        Ok(Self::new(readers, tails, queue, beats, tasks))
    }
}
