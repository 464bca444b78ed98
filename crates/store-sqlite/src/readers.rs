//! The pool of read-only connections.
//!
//! A read takes a connection, runs on a thread that may block, and puts the connection back, also when its caller has
//! stopped waiting. So many reads run at once as there are connections; further ones wait in order.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::Connection;
use tidings_store::ReadError;
use tokio::sync::Semaphore;

use crate::connection;

/// The read-only connections.
pub(crate) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    /// One permit for each idle connection.
    permits: Arc<Semaphore>,
    count: usize,
}

impl Readers {
    pub(crate) fn open(path: &Path, count: usize) -> rusqlite::Result<Self> {
        let count = count.max(1);
        let connections =
            (0..count).map(|_| connection::reader(path)).collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(Self {
            idle: Arc::new(Mutex::new(connections)),
            permits: Arc::new(Semaphore::new(count)),
            count,
        })
    }

    /// Runs a read.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let permit =
            Arc::clone(&self.permits).acquire_owned().await.map_err(|_| ReadError::Closed)?;
        let idle = Arc::clone(&self.idle);
        let reading = tokio::task::spawn_blocking(move || {
            let connection = take(&idle).ok_or(ReadError::Closed)?;
            let result = read(&connection);
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            // After the connection is back: who gets the permit finds it.
            drop(permit);
            result
        });
        reading.await.unwrap_or_else(|error| Err(ReadError::Engine { source: error.into() }))
    }

    /// Waits for the reads that run, refuses further ones, and closes the connections.
    pub(crate) async fn close(&self) {
        let all = u32::try_from(self.count).unwrap_or(u32::MAX);
        if let Ok(permits) = self.permits.acquire_many(all).await {
            self.permits.close();
            drop(permits);
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn take(idle: &Mutex<Vec<Connection>>) -> Option<Connection> {
    idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
}
