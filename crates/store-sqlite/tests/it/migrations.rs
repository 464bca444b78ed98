//! A file of an older version works on as if this one had made it.

use serde_json::json;
use tidings_model::{Draft, Order, Seq};
use tidings_store::conformance::world::{customer, put};
use tidings_store::conformance::{World, everything};
use tidings_store::{Batch, CountOf, Kind, Put};

use crate::place::Folder;

/// Makes of a closed file what migration 1 alone would have made: the tables as they were, with the same rows.
const BACK_TO_FIRST: &str = "
    CREATE TABLE old_events (
        position INTEGER PRIMARY KEY,
        thread_order INTEGER,
        type INTEGER NOT NULL,
        crc INTEGER NOT NULL,
        id BLOB NOT NULL,
        chat BLOB,
        body BLOB NOT NULL
    ) STRICT;
    INSERT INTO old_events
    SELECT position, thread_order, type, crc, id, (SELECT c.id FROM chats c WHERE number = chat), body FROM events;
    DROP TABLE events;
    ALTER TABLE old_events RENAME TO events;
    CREATE UNIQUE INDEX events_by_id ON events (id);
    CREATE INDEX events_by_chat ON events (chat) WHERE chat IS NOT NULL;
    CREATE INDEX events_by_type ON events (type);
    CREATE TABLE old_threads (
        workspace INTEGER NOT NULL,
        id BLOB NOT NULL,
        last_order INTEGER NOT NULL,
        PRIMARY KEY (workspace, id)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO old_threads SELECT workspace, id, last_order FROM threads;
    DROP TABLE threads;
    ALTER TABLE old_threads RENAME TO threads;
    DROP TABLE chats;
    DROP TABLE tallies;
    DROP TABLE tallied_names;
    DELETE FROM schema_versions WHERE number > 1;";

#[tokio::test]
async fn a_file_of_the_first_version_works_on() {
    let folder = Folder::new();
    let file = folder.file();
    let mut world = World::new(Box::new(folder));
    let (chat, old, new) = (world.chat(), world.thread(), world.thread());
    let said = |world: &World, thread| Draft { chat: Some(chat), thread, ..world.message("hello") };
    // A workspace before it, so that numbers of workspaces matter.
    let other = tidings_model::WorkspaceId::new(chat.uuid());
    let draft = Draft { workspace: other, ..said(&world, Some(old)) };
    let beside = Batch { events: vec![draft], ..Batch::new(other) };
    world.store.commit(beside).await.expect("written");
    let events = vec![
        said(&world, Some(old)),
        said(&world, None),
        said(&world, Some(new)),
        said(&world, Some(old)),
    ];
    let puts = vec![
        Put {
            index: vec![("access", "1".into()), ("group", "2".into())],
            ..put(&customer("alice"), json!({}))
        },
        put(&customer("bob"), json!({})),
    ];
    world.store.commit(Batch { events, puts, ..world.batch() }).await.expect("written");
    let before = everything(&*world.store, world.workspace).await;
    world.store.close().await;
    let connection = rusqlite::Connection::open(&file).expect("opened beside");
    connection.execute_batch(BACK_TO_FIRST).expect("taken back");
    connection.close().expect("closed");

    for _ in 0..2 {
        world.reopen().await;
        assert_eq!(world.store.verify().await.expect("verified"), [""; 0]);
        assert_eq!(everything(&*world.store, world.workspace).await, before);
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
    let batch = Batch { events: vec![said(&world, Some(new))], ..world.batch() };
    let committed = world.store.commit(batch).await.expect("written");
    assert_eq!(committed.events[0].order, Some(Order(2)));
    assert_eq!(world.store.verify().await.expect("verified"), [""; 0]);
    world.store.close().await;
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
