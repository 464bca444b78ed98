//! Damage is named, at open or at the read that meets it, and never passed on.

use std::path::Path;

use serde_json::json;
use tidings_model::Seq;
use tidings_store::conformance::world::{customer, put};
use tidings_store::conformance::{HandClock, World};
use tidings_store::{Batch, EventQuery, ReadError};
use tidings_store_sqlite::{OpenError, Options, SqliteStore};

use crate::place::Folder;

/// Changes the first place of the file that holds some text.
fn damage(file: &Path, text: &str, into: &str) {
    let mut bytes = std::fs::read(file).expect("the file can be read");
    let at = bytes
        .windows(text.len())
        .position(|window| window == text.as_bytes())
        .expect("the text is in the file");
    bytes[at..at + into.len()].copy_from_slice(into.as_bytes());
    std::fs::write(file, bytes).expect("the file can be written");
}

/// A closed store with a few events and a document, in `Folder`.
async fn closed() -> (World, std::path::PathBuf) {
    let folder = Folder::new();
    let file = folder.file();
    let world = World::new(Box::new(folder));
    for text in ["first", "the parcel is late", "last"] {
        world.say(text).await;
    }
    let puts = vec![
        put(&customer("alice"), json!({ "name": "Alice Liddell" })),
        put(&customer("bob"), json!({})),
    ];
    world.store.commit(Batch { puts, ..world.batch() }).await.expect("written");
    world.store.close().await;
    (world, file)
}

#[tokio::test]
async fn a_changed_event_is_named_by_every_read_of_it() {
    let (mut world, file) = closed().await;
    // Still good JSON: only the checksum tells.
    damage(&file, "the parcel is late", "the parcel is lost");
    world.store = world.place.open(HandClock::new());
    let query = |after| EventQuery { after: Seq(after), limit: 10, ..EventQuery::default() };
    let error =
        world.store.events(world.workspace, query(0)).await.expect_err("damage is not passed on");
    let ReadError::Damaged { place, .. } = &error else { panic!("not named as damage: {error:?}") };
    assert!(place.starts_with("events.body at position ") && place.ends_with("(seq 2)"), "{place}");
    let rest =
        world.store.events(world.workspace, query(2)).await.expect("what is sound can be read");
    assert_eq!(rest.len(), 1);
    let findings = world.store.verify().await.expect("verified");
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(findings[0].contains("(seq 2)"), "{findings:?}");
    world.store.close().await;
}

#[tokio::test]
async fn a_changed_document_is_named_by_every_read_of_it() {
    let (mut world, file) = closed().await;
    damage(&file, "Alice Liddell", "Alice Lidless");
    world.store = world.place.open(HandClock::new());
    let error = world
        .store
        .document(world.workspace, &customer("alice"))
        .await
        .expect_err("damage is not passed on");
    let ReadError::Damaged { place, .. } = &error else { panic!("not named as damage: {error:?}") };
    assert_eq!(place, "documents.body of customer/alice");
    assert!(world.document(&customer("bob")).await.is_some(), "what is sound can be read");
    assert_eq!(world.store.verify().await.expect("verified").len(), 1);
    world.store.close().await;
}

#[tokio::test]
async fn a_lost_page_is_named_at_open() {
    let (_world, file) = closed().await;
    // The root page of the log.
    let page: usize = {
        let connection = rusqlite::Connection::open(&file).expect("opened beside");
        let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'events'";
        connection.query_row(sql, [], |row| row.get::<_, i64>(0)).expect("there") as usize
    };
    let mut bytes = std::fs::read(&file).expect("the file can be read");
    bytes[(page - 1) * 4_096..][..4_096].fill(0xA5);
    std::fs::write(&file, bytes).expect("the file can be written");
    let error = SqliteStore::open(&file, Options::default(), HandClock::new())
        .err()
        .expect("it does not open");
    let OpenError::Damaged { findings } = &error else { panic!("not named as damage: {error:?}") };
    assert!(
        findings
            .iter()
            .any(|finding| finding.contains("events") && finding.contains(&page.to_string())),
        "{findings:?}"
    );
}

#[tokio::test]
async fn a_file_that_is_no_database_is_named_at_open() {
    let folder = Folder::new();
    std::fs::write(folder.file(), "Dear Alice, ".repeat(1_000)).expect("written");
    let error = SqliteStore::open(&folder.file(), Options::default(), HandClock::new())
        .err()
        .expect("it does not open");
    assert!(matches!(error, OpenError::Damaged { .. }), "{error:?}");
}
