//! A database of its own for each test's store.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tidings_bus::Alone;
use tidings_model::Clock;
use tidings_store::Store;
use tidings_store::conformance::{Place, Yard};
use tidings_store::transfer::{Load, LoadError, Movable};
use tidings_store_postgres::{Options, PostgresLoad, PostgresStore, restore};
use tokio::runtime::Handle;
use tokio::task::block_in_place;

pub(crate) struct Database {
    database: tidings_services::Database,
    /// Those that copies were put into.
    copies: Mutex<Vec<tidings_services::Database>>,
    folder: tempfile::TempDir,
    /// Where its store moves to.
    beside: OnceLock<tidings_services::Database>,
}

impl Database {
    pub(crate) fn new() -> Self {
        Self {
            database: fresh(),
            copies: Mutex::default(),
            folder: tempfile::tempdir().expect("a folder for the test"),
            beside: OnceLock::new(),
        }
    }

    pub(crate) fn url(&self) -> String {
        self.database.url()
    }

    pub(crate) fn name(&self) -> &str {
        self.database.name()
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.database.address()
    }
}

fn fresh() -> tidings_services::Database {
    block(tidings_services::database()).expect("a database for the test")
}

pub(crate) fn block<T>(future: impl Future<Output = T>) -> T {
    block_in_place(|| Handle::current().block_on(future))
}

pub(crate) fn open(url: &str, clock: Arc<dyn Clock>) -> Arc<PostgresStore> {
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

impl Database {
    /// The database that its store moves to.
    pub(crate) fn beside(&self) -> String {
        self.beside.get_or_init(fresh).url()
    }
}

impl Yard for Database {
    fn open_movable(&self, clock: Arc<dyn Clock>) -> Arc<dyn Movable> {
        open(&self.url(), clock)
    }

    fn load(&self, clock: Arc<dyn Clock>) -> Result<Box<dyn Load>, LoadError> {
        let options = Options::new(self.beside());
        Ok(Box::new(block(PostgresLoad::begin(&options, &*clock))?))
    }

    fn open_loaded(&self, clock: Arc<dyn Clock>) -> Arc<dyn Movable> {
        open(&self.beside(), clock)
    }
}
