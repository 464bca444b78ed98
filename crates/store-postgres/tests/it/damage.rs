//! Damage is named at the read that meets it, and never passed on.

use serde_json::json;
use tidings_model::Seq;
use tidings_store::conformance::World;
use tidings_store::conformance::world::{customer, put};
use tidings_store::{Batch, EventQuery, Held, ReadError, TimerChange, TimerName};

use crate::place::{Database, block};

/// A store with a few of everything, and the way to its tables.
async fn filled() -> (World, String) {
    let place = Database::new();
    let url = place.url();
    let world = World::new(Box::new(place));
    for text in ["first", "the parcel is late", "last"] {
        world.say(text).await;
    }
    let puts = vec![
        put(&customer("alice"), json!({ "name": "Alice Liddell" })),
        put(&customer("bob"), json!({})),
    ];
    let timers = vec![TimerChange::Set {
        name: TimerName("run:1".into()),
        due: tidings_model::Timestamp::UNIX_EPOCH,
        body: json!({ "of": "Alice" }),
    }];
    world.store.commit(Batch { puts, timers, ..world.batch() }).await.expect("written");
    (world, url)
}

fn run(url: &str, sql: &str) {
    block(async {
        let (client, connection) =
            tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("connected");
        let connection = tokio::spawn(connection);
        client.batch_execute(sql).await.expect("damaged");
        drop(client);
        connection.await.expect("ended").expect("ended well");
    });
}

/// Still good JSON: only the checksum tells.
fn replace(table: &str, text: &str, into: &str) -> String {
    format!(
        "UPDATE {table} SET body = convert_to(replace(convert_from(body, 'UTF8'), '{text}', '{into}'), 'UTF8')"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_event_is_named_by_every_read_of_it() {
    let (world, url) = filled().await;
    run(&url, &replace("events", "parcel is late", "parcel is lost"));
    let query = |after| EventQuery { after: Seq(after), limit: 10, ..EventQuery::default() };
    let error =
        world.store.events(world.workspace, query(0)).await.expect_err("damage is not passed on");
    let ReadError::Damaged { place, .. } = &error else { panic!("not named as damage: {error:?}") };
    assert_eq!(*place, format!("events.body of seq 2 in workspace {}", world.workspace));
    let rest =
        world.store.events(world.workspace, query(2)).await.expect("what is sound can be read");
    assert_eq!(rest.len(), 1);
    let findings = world.store.verify().await.expect("verified");
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].contains("seq 2"), "{findings:?}");
    world.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_document_or_timer_is_named_by_every_read_of_it() {
    let (world, url) = filled().await;
    run(&url, &replace("documents", "Liddell", "Lidless"));
    run(&url, &replace("timers", "Alice", "Carol"));
    let error = world.store.document(world.workspace, &customer("alice")).await;
    let error = error.expect_err("damage is not passed on");
    let ReadError::Damaged { place, .. } = &error else { panic!("not named as damage: {error:?}") };
    assert_eq!(place, "documents.body of customer/alice");
    assert!(world.document(&customer("bob")).await.is_some(), "what is sound can be read");
    let due = world.store.due_timers(tidings_model::Timestamp::MAX, 10, &Held::All).await;
    let error = due.expect_err("damage is not passed on");
    let ReadError::Damaged { place, .. } = &error else { panic!("not named as damage: {error:?}") };
    assert_eq!(place, "timers.body of run:1");
    assert_eq!(world.store.verify().await.expect("verified").len(), 2);
    world.store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_counts_and_gaps_are_found() {
    for (sql, found) in [
        ("UPDATE tallies SET count = 7", "it says 7, there are 2"),
        ("DELETE FROM events WHERE seq = 2", "numbers without a gap"),
        ("UPDATE workspaces SET timers = 5", "it says 5, there are 1"),
        ("UPDATE workspaces SET last_seq = 1", "it says 1, there are 3"),
        ("UPDATE timers SET share = (share + 1) % 16", "it is not that of its lane"),
        ("UPDATE events SET chat = id WHERE seq = 1", "events.chat of seq 1"),
    ] {
        let (world, url) = filled().await;
        assert_eq!(world.store.verify().await.expect("verified"), [""; 0]);
        run(&url, sql);
        let findings = world.store.verify().await.expect("verified");
        assert!(findings.iter().any(|it| it.contains(found)), "{sql}: {findings:?}");
        world.store.close().await;
    }
}
