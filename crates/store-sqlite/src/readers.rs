//! The pool of read-only connections.
//!
//! A read takes a connection, runs on a thread that may block, and puts the connection back, also when its caller has
//! stopped waiting. So many reads run at once as there are connections; further ones wait in order.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, InterruptHandle};
use tidings_store::ReadError;
use tokio::sync::Semaphore;

use crate::connection;

/// How long reads may go on after the pool was told to close. What takes longer looks through the whole file.
const READS_END_WITHIN: Duration = Duration::from_secs(1);

/// The read-only connections.
pub(crate) struct Readers {
    idle: Arc<Mutex<Vec<Connection>>>,
    /// One permit for each idle connection.
    permits: Arc<Semaphore>,
    /// One for each connection, to break its read off.
    interrupts: Vec<InterruptHandle>,
}

impl Readers {
    pub(crate) fn open(path: &Path, count: usize) -> rusqlite::Result<Self> {
        let count = count.max(1);
        let connections =
            (0..count).map(|_| connection::reader(path)).collect::<rusqlite::Result<Vec<_>>>()?;
        Ok(Self {
            interrupts: connections.iter().map(Connection::get_interrupt_handle).collect(),
            idle: Arc::new(Mutex::new(connections)),
            permits: Arc::new(Semaphore::new(count)),
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

    /// Waits for the reads that run, breaks off those that take long, refuses further ones, and closes the connections.
    pub(crate) async fn close(&self) {
        let all = u32::try_from(self.interrupts.len()).unwrap_or(u32::MAX);
        loop {
            match tokio::time::timeout(READS_END_WITHIN, self.permits.acquire_many(all)).await {
                Ok(Ok(_permits)) => {
                    self.permits.close();
                    break;
                }
                Ok(Err(_closed_before)) => break,
                Err(_elapsed) => self.interrupts.iter().for_each(InterruptHandle::interrupt),
            }
        }
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

fn take(idle: &Mutex<Vec<Connection>>) -> Option<Connection> {
    idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use crate::row::engine;

    #[tokio::test]
    async fn closing_breaks_off_a_read_without_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("reads.db");
        let _file = connection::writer(&path, &Options::default()).expect("it opens");
        let readers = Arc::new(Readers::open(&path, 2).expect("they open"));
        let (began, has_begun) = tokio::sync::oneshot::channel();
        let reading = tokio::spawn({
            let readers = Arc::clone(&readers);
            async move {
                let endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)
                               SELECT max(x) FROM n";
                readers
                    .run(move |connection| {
                        began.send(()).expect("somebody waits");
                        connection
                            .query_row(endless, [], |row| row.get::<_, i64>(0))
                            .map_err(engine)
                    })
                    .await
            }
        });
        has_begun.await.expect("it reads");
        readers.close().await;
        assert!(matches!(reading.await.expect("it ends"), Err(ReadError::Engine { .. })));
        let later = readers.run(|_| Ok(())).await;
        assert!(matches!(later, Err(ReadError::Closed)));
    }
}
