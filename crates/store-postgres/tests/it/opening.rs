//! What is refused at open, and schemas of other releases.

use std::sync::Arc;

use tidings_bus::Alone;
use tidings_model::{Clock, Seq, WorkspaceId};
use tidings_store::agree::Agree;
use tidings_store::conformance::{HandClock, everything};
use tidings_store::{Store, Version};
use tidings_store_postgres::{OpenError, Options, PostgresStore};

use crate::nodes::{alone, insist, message};

async fn refused(url: &str) -> OpenError {
    let clock = HandClock::new() as Arc<dyn Clock>;
    let opened = PostgresStore::open(Options::new(url), clock, Arc::new(Alone::default())).await;
    opened.err().expect("it does not open")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_node_goes_on_beside_a_newer_schema_if_that_says_so() {
    let database = tidings_services::database().await.expect("a database");
    let clock = HandClock::new();
    alone(&database.url(), &clock).await.close().await;
    let newer = |number: i32, compatible_from: i32| {
        format!(
            "INSERT INTO schema_versions (number, name, compatible_from, applied_at)
             VALUES ({number}, 'of a later release', {compatible_from}, 0)"
        )
    };
    database.query(&newer(1_000, 1)).await.expect("expanded");
    let store = alone(&database.url(), &clock).await;
    insist(&store, &message(&clock, WorkspaceId::new(clock.next_id()))).await;
    store.close().await;
    database.query(&newer(1_001, 1_000)).await.expect("contracted");
    let error = refused(&database.url()).await;
    assert!(matches!(error, OpenError::Newer { found: 1_001, needed: 1_000, .. }), "{error:?}");
    assert!(error.to_string().ends_with("use a newer one"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_another_program_is_left_alone() {
    let database = tidings_services::database().await.expect("a database");
    database.query("CREATE TABLE events (what text)").await.expect("made");
    let error = refused(&database.url()).await;
    assert!(matches!(error, OpenError::Foreign), "{error:?}");
    let tables = database.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").await;
    assert_eq!(tables.expect("counted").trim(), "1");
}

/// What releases wrote, as `pg_dump --inserts` tells it: a dump for each migration, which is never changed.
const DUMPS: [&str; 2] =
    [include_str!("../data/schema_0001.sql"), include_str!("../data/schema_0002.sql")];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_every_release_works_on() {
    for (dump, agreed) in DUMPS.into_iter().zip(["now", "before"]) {
        let database = tidings_services::database().await.expect("a database");
        database.query(dump).await.expect("filled");
        let clock = HandClock::new();
        let store = alone(&database.url(), &clock).await;
        assert_eq!(store.verify().await.expect("verified"), [""; 0]);
        let workspaces = store.workspaces().await.expect("listed");
        let [workspace] = workspaces[..] else { panic!("one workspace: {workspaces:?}") };
        let all = everything(&*store, workspace).await;
        assert_eq!((all.events.len(), all.last_seq), (3, Seq(4)));
        assert_eq!(all.events[0].data["text"], "two");
        assert_eq!((all.documents.len(), all.timers.len()), (2, 1));
        assert_eq!(all.documents[0].version, Version(2));
        assert_eq!(all.cursors[0], Some(Seq(2)));
        assert_eq!(all.claims[2], Some(all.events[0].id));
        assert_eq!(store.agree("key", "now").await.expect("agreed"), agreed);
        // Ids of the test's clock would be those of the dump.
        clock.advance(1_000);
        let committed = store.commit(message(&clock, workspace)).await.expect("written");
        assert_eq!(committed.events[0].seq, Seq(5));
        store.close().await;
    }
}
