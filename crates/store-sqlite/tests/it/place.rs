//! A folder of its own for each test's store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidings_model::Clock;
use tidings_store::Store;
use tidings_store::conformance::Place;
use tidings_store_sqlite::{Options, SqliteStore};

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
