//! A file of an older version works on as if this one had made it.

use serde_json::json;
use tidings_model::{Draft, Order, Seq};
use tidings_store::conformance::world::{customer, put};
use tidings_store::conformance::{World, everything};
use tidings_store::{Batch, CountOf, Kind, Put};

use crate::place::Folder;

/// What releases wrote, as `sqlite3 .dump` tells it, with the mark of our files: a dump for each migration, which is
/// never changed.
const DUMPS: [&str; 2] =
    [include_str!("../data/schema_0001.sql"), include_str!("../data/schema_0002.sql")];

#[tokio::test]
async fn a_file_of_every_release_works_on() {
    for dump in DUMPS {
        let folder = Folder::new();
        let connection = rusqlite::Connection::open(folder.file()).expect("opened beside");
        connection.execute_batch(dump).expect("filled");
        connection.close().expect("closed");
        let mut world = World::new(Box::new(folder));
        // The ids of the dump are those of the test's clock, in this order.
        let (chat, old, new) = (world.chat(), world.thread(), world.thread());
        // It stands before ours, so that numbers of workspaces matter.
        let other = tidings_model::WorkspaceId::new(chat.uuid());
        for _ in 0..2 {
            world.reopen().await;
            assert_eq!(world.store.verify().await.expect("verified"), [""; 0]);
            let all = everything(&*world.store, world.workspace).await;
            assert_eq!((all.events.len(), all.documents.len(), all.last_seq), (4, 2, Seq(4)));
            assert_eq!(all.events[0].data["text"], "hello");
            let of_old = world.store.thread_events(world.workspace, chat, old, None, 10).await;
            let seqs: Vec<Seq> = of_old.expect("read").iter().map(|event| event.seq).collect();
            assert_eq!(seqs, [Seq(1), Seq(4)]);
            let elsewhere = world.store.thread_event(other, chat, old, Order(1)).await;
            assert_eq!(elsewhere.expect("read").expect("there").workspace, other);
            let access = || CountOf::Equal { name: "access", value: "1".into() };
            for (of, count) in
                [(CountOf::All, 2), (CountOf::Named { name: "access" }, 1), (access(), 1)]
            {
                let counted = world.store.count(world.workspace, Kind::Customer, of).await;
                assert_eq!(counted.expect("counted"), count);
            }
        }
        // Ids of the same moment would be those of the dump.
        world.clock.advance(1);
        let said = Draft { chat: Some(chat), thread: Some(new), ..world.message("hello") };
        let batch = Batch { events: vec![said], ..world.batch() };
        let committed = world.store.commit(batch).await.expect("written");
        assert_eq!(committed.events[0].order, Some(Order(2)));
        assert_eq!(world.store.verify().await.expect("verified"), [""; 0]);
        world.store.close().await;
    }
}

/// A later version may count other names; the tallies follow what the binary counts.
#[tokio::test]
async fn tallies_of_other_names_are_made_anew() {
    let folder = Folder::new();
    let file = folder.file();
    let mut world = World::new(Box::new(folder));
    let puts =
        vec![Put { index: vec![("access", "1".into())], ..put(&customer("alice"), json!({})) }];
    world.store.commit(Batch { puts, ..world.batch() }).await.expect("written");
    world.store.close().await;
    let connection = rusqlite::Connection::open(&file).expect("opened beside");
    connection
        .execute_batch("DELETE FROM tallied_names WHERE name = 'access'; DELETE FROM tallies WHERE name = 'access' OR value = 'access'")
        .expect("taken back");
    connection.close().expect("closed");
    world.reopen().await;
    let of = CountOf::Equal { name: "access", value: "1".into() };
    let count = world.store.count(world.workspace, Kind::Customer, of).await;
    assert_eq!(count.expect("counted"), 1);
    assert_eq!(world.store.verify().await.expect("verified"), [""; 0]);
    world.store.close().await;
}

#[tokio::test]
async fn a_wrong_tally_and_a_wrong_thread_are_found() {
    let folder = Folder::new();
    let file = folder.file();
    let mut world = World::new(Box::new(folder));
    let (chat, thread) = (Some(world.chat()), Some(world.thread()));
    let events = vec![Draft { chat, thread, ..world.message("hello") }];
    let puts = vec![put(&customer("alice"), json!({}))];
    world.store.commit(Batch { events, puts, ..world.batch() }).await.expect("written");
    world.store.close().await;
    let connection = rusqlite::Connection::open(&file).expect("opened beside");
    connection
        .execute_batch("UPDATE tallies SET count = 7; UPDATE events SET thread = 0")
        .expect("damaged");
    connection.close().expect("closed");
    world.reopen().await;
    let findings = world.store.verify().await.expect("verified");
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert!(findings[0].starts_with("events.thread of seq 1"), "{findings:?}");
    assert!(findings[1].ends_with("it says 7, there are 1"), "{findings:?}");
    world.store.close().await;
}
