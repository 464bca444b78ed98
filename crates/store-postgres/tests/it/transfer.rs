//! Every promise of a move, from a database into another, and what is said of one that was not finished.

use std::sync::Arc;

use tidings_bus::Alone;
use tidings_model::{Clock, NodeId};
use tidings_store::conformance::{HandClock, Yard};
use tidings_store::transfer::LoadError;
use tidings_store::{Node, Nodes};
use tidings_store_postgres::{OpenError, Options, PostgresStore};

use crate::place::Database;

tidings_store::transfer_conformance_tests!(Database::new());

async fn open(url: &str) -> Result<PostgresStore, OpenError> {
    PostgresStore::open(Options::new(url), HandClock::new(), Arc::new(Alone::default())).await
}

/// A server does not take half of a store for a whole one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_being_filled_is_not_opened() {
    let database = Database::new();
    let clock = HandClock::new();
    let load = database.load(Arc::clone(&clock) as Arc<dyn Clock>).expect("it is empty");
    let opened = open(&database.beside()).await.map(drop);
    assert!(matches!(opened, Err(OpenError::Unfinished)), "{opened:?}");
    load.finish().await.expect("finished");
    open(&database.beside()).await.expect("it opens");
}

/// A node that lives would write beside the load.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_whose_nodes_live_is_not_filled() {
    let database = Database::new();
    let clock = HandClock::new();
    let store = open(&database.beside()).await.expect("it opens");
    let node = Node {
        id: NodeId::new(clock.next_id()),
        name: "one".into(),
        version: "1".into(),
        started_at: clock.now(),
        clock: clock.now(),
        state: serde_json::json!({}),
    };
    store.beat(&node).await.expect("it lives");
    let load = database.load(Arc::clone(&clock) as Arc<dyn Clock>);
    assert!(matches!(load.map(drop), Err(LoadError::InUse { .. })));
    store.leave(node.id).await.expect("it goes");
    drop(database.load(clock as Arc<dyn Clock>).expect("nobody lives"));
}
