//! A folder of its own for each test's store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidings_model::Clock;
use tidings_store::Store;
use tidings_store::conformance::{Place, Yard};
use tidings_store::transfer::{Load, LoadError, Movable};
use tidings_store_sqlite::{Options, SqliteLoad, SqliteStore};

pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder for the test"))
    }

    pub(crate) fn file(&self) -> PathBuf {
        self.0.path().join("tidings.db")
    }
}

impl Place for Folder {
    fn open(&self, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        self.open_copy(&self.file(), clock)
    }

    fn open_copy(&self, copy: &Path, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        Arc::new(SqliteStore::open(copy, Options::default(), clock).expect("the store opens"))
    }

    fn copy_path(&self) -> PathBuf {
        self.0.path().join("copy.db")
    }
}

impl Yard for Folder {
    fn open_movable(&self, clock: Arc<dyn Clock>) -> Arc<dyn Movable> {
        let store = SqliteStore::open(&self.file(), Options::default(), clock);
        Arc::new(store.expect("the store opens"))
    }

    fn load(&self, clock: Arc<dyn Clock>) -> Result<Box<dyn Load>, LoadError> {
        Ok(Box::new(SqliteLoad::begin(&self.copy_path(), &*clock)?))
    }

    fn open_loaded(&self, clock: Arc<dyn Clock>) -> Arc<dyn Movable> {
        let store = SqliteStore::open(&self.copy_path(), Options::default(), clock);
        Arc::new(store.expect("the store opens"))
    }
}
