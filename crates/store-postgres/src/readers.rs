//! Connections that read, each for one question at a time.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::{Object, Pool};
use tidings_model::Clock;
use tidings_store::ReadError;
use tokio::time::{Instant, timeout};
use tokio_postgres::Client;
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::connect::{Address, discard};
use crate::failure::Failure;
use crate::untrusted::Untrusted;
use crate::writer::backoff::Backoff;

/// How long one question may take. The longest that is asked while serving (counting index entries of a name that is not
/// tallied) takes a second for a million entries.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// How long a read waits for a free connection, or for the database to come back: a restart takes a second or two.
const CONNECTION_PATIENCE: Duration = Duration::from_secs(5);

/// The way to the connections.
pub(crate) struct Readers {
    pool: Pool,
    tls: MakeRustlsConnect,
    clock: Arc<dyn Clock>,
}

impl Readers {
    pub(crate) fn new(address: &Address, size: usize, clock: Arc<dyn Clock>) -> Self {
        let pool = address.pool(size, CONNECTION_PATIENCE);
        Self { pool, tls: address.tls.clone(), clock }
    }

    /// A connection for one question; waits for it within a limit.
    pub(crate) async fn take(&self) -> Result<Reader, ReadError> {
        let end = Instant::now() + CONNECTION_PATIENCE;
        let mut backoff = Backoff::new(Arc::clone(&self.clock));
        loop {
            let failure = match self.pool.get().await {
                Ok(client) => {
                    return Ok(Reader {
                        client: Some(client),
                        tls: self.tls.clone(),
                        in_question: AtomicBool::new(false),
                    });
                }
                Err(error) => Failure::from(error),
            };
            let pause = backoff.next();
            // Another try finds the same certificates.
            let for_good = matches!(failure, Failure::Closed) || Untrusted::of(&failure).is_some();
            if for_good || Instant::now() + pause >= end {
                return Err(failure.for_reader());
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Lets nobody ask any more.
    pub(crate) fn close(&self) {
        self.pool.close();
    }
}

/// A connection that goes back when it is dropped, unless its question was not answered.
pub(crate) struct Reader {
    /// Until it is dropped.
    client: Option<Object>,
    tls: MakeRustlsConnect,
    /// Set while an answer is waited for: who is dropped then was not answered.
    in_question: AtomicBool,
}

impl Reader {
    /// Waits for an answer of this connection, within a limit.
    pub(crate) async fn within<T>(
        &self,
        answer: impl Future<Output = Result<T, ReadError>>,
    ) -> Result<T, ReadError> {
        self.in_question.store(true, Ordering::Relaxed);
        let Ok(answer) = timeout(ANSWER_PATIENCE, answer).await else {
            return Err(Failure::Late { seconds: ANSWER_PATIENCE.as_secs() }.for_reader());
        };
        self.in_question.store(false, Ordering::Relaxed);
        answer
    }

    /// As [`Reader::within`], for work whose length grows with the database: copying, verifying.
    pub(crate) async fn without_limit<T>(
        &self,
        answer: impl Future<Output = Result<T, ReadError>>,
    ) -> Result<T, ReadError> {
        self.in_question.store(true, Ordering::Relaxed);
        let answer = answer.await;
        // A transaction may be open, and a copy may be under way.
        self.in_question.store(answer.is_err(), Ordering::Relaxed);
        answer
    }
}

impl Deref for Reader {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.client.as_ref().expect("a reader has its connection until it is dropped")
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        if !self.in_question.load(Ordering::Relaxed) {
            return;
        }
        // Nobody waits for the answer: the database need not go on with it, and nobody gets the connection after it.
        let (token, tls) = (client.cancel_token(), self.tls.clone());
        discard(client);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = token.cancel_query(tls).await {
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "a question could not be called off"
                    );
                }
            });
        }
    }
}
