//! A database of its own for each test's store.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tidings_bus::Alone;
use tidings_model::Clock;
use tidings_store::Store;
use tidings_store::conformance::Place;
use tidings_store_postgres::{Options, PostgresStore, restore};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

pub(crate) struct Database {
    database: tidings_services::Database,
    /// Those that copies were put into.
    copies: Mutex<Vec<tidings_services::Database>>,
    folder: tempfile::TempDir,
}

impl Database {
    pub(crate) fn new() -> Self {
        Self {
            database: fresh(),
            copies: Mutex::default(),
            folder: tempfile::tempdir().expect("a folder for the test"),
        }
    }

    pub(crate) fn url(&self) -> String {
        self.database.url()
    }
}

fn fresh() -> tidings_services::Database {
    block(tidings_services::database()).expect("a database for the test")
}

fn block<T>(future: impl Future<Output = T>) -> T {
    block_in_place(|| Handle::current().block_on(future))
}

fn open(url: &str, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
    let bus = Arc::new(Alone::default());
    Arc::new(block(PostgresStore::open(Options::new(url), clock, bus)).expect("the store opens"))
}

impl Place for Database {
    fn open(&self, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        open(&self.url(), clock)
    }

    fn open_copy(&self, copy: &Path, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        let database = fresh();
        let url = database.url();
        self.copies.lock().unwrap_or_else(PoisonError::into_inner).push(database);
        block(restore(&url, copy, clock.now())).expect("restored");
        open(&url, clock)
    }

    fn copy_path(&self) -> PathBuf {
        self.folder.path().join("copy")
    }
}
