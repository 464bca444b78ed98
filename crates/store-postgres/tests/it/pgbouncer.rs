//! The promises by way of PgBouncer in transaction mode, where each transaction may run on another connection.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tidings_model::Clock;
use tidings_services::{PgBouncer, Postgres};
use tidings_store::Store;
use tidings_store::conformance::{
    Place, World, atomic, documents, follow, lasting, model, numbers,
};
use tidings_store_postgres::{ListenBus, ListenError};

use crate::place::{Database, block, open};

struct Pooled {
    database: Database,
    pool: PgBouncer,
}

impl Pooled {
    fn new() -> Self {
        let database = Database::new();
        let pool = block(PgBouncer::start(database.address())).expect("PgBouncer starts");
        Self { database, pool }
    }

    fn url(&self) -> String {
        Postgres::url_by(self.pool.address(), self.database.name())
    }
}

impl Place for Pooled {
    fn open(&self, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        open(&self.url(), clock)
    }

    fn open_copy(&self, copy: &Path, clock: Arc<dyn Clock>) -> Arc<dyn Store> {
        self.database.open_copy(copy, clock)
    }

    fn copy_path(&self) -> PathBuf {
        self.database.copy_path()
    }
}

fn world() -> World {
    World::new(Box::new(Pooled::new()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_history_reads_as_the_model_says() {
    model::any_history_reads_as_the_model_says(world()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_number_is_missing_while_many_write() {
    numbers::no_number_is_missing_while_many_write(world()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_batch_leaves_no_trace() {
    atomic::a_refused_batch_leaves_no_trace(world()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_follower_sees_every_event_once_and_in_order() {
    follow::a_follower_sees_every_event_once_and_in_order(world()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_is_paged_in_both_directions() {
    documents::a_range_is_paged_in_both_directions(world()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_a_store_with_the_same_content() {
    lasting::a_backup_is_a_store_with_the_same_content(world()).await;
}

/// Notifications do not pass: whoever tries is told what to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listening_says_that_it_needs_the_database_itself() {
    let pooled = Pooled::new();
    let clock = tidings_store::conformance::HandClock::new();
    let node = crate::nodes::node(&clock);
    let bus = ListenBus::open(&pooled.url(), node, clock).await;
    let error = bus.err().expect("it does not open");
    assert!(matches!(error, ListenError::Deaf), "{error:?}");
}
