//! A store that moves to a database and back, by the command that operators use.

use std::path::Path;

use tidings_services::Database;

use crate::installation::{Installation, assert_no_gap, complaint, eventually, printed};

async fn database() -> Database {
    tidings_services::database().await.expect("PostgreSQL runs: cargo xtask test installs it")
}

/// Makes an installation one of many nodes, whose files are in a folder.
fn share(installation: &mut Installation, database: &Database, files: &Path) {
    installation.set("TIDINGS__DATABASE__URL", &database.url());
    installation.set("TIDINGS__FILES__SHARED_FOLDER", text(files));
    installation.set("TIDINGS__HTTP__DRAIN_S", "0");
    installation.set("TIDINGS__HTTP__PUBLIC_URL", "http://balancer.example");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

#[tokio::test]
async fn a_store_moves_to_a_database_and_back() {
    let mut installation = Installation::new();
    let database = database().await;
    let url = database.url();
    let folder = installation.data().to_owned();
    let migrate =
        |from: &str, to: &str| installation.run(&["migrate-store", "--from", from, "--to", to]);

    let server = installation.start().await;
    for number in 0..50 {
        installation.raise(&format!("before {number}")).await;
    }
    let before = installation.events().await;
    let refused = migrate(text(&folder), &url);
    assert_eq!(refused.status.code(), Some(1));
    assert!(complaint(&refused).contains("stop it first"), "{refused:?}");
    server.stop().await;

    let moved = migrate(text(&folder), &url);
    assert!(moved.status.success(), "{moved:?}");
    let said = printed(&moved);
    assert!(said.starts_with("Moving 50 events,"), "{said}");
    assert!(said.contains("ok    events: 50 moved"), "{said}");
    assert!(said.contains("Everything was moved, and is equal."), "{said}");
    let again = migrate(text(&folder), &url);
    assert_eq!(again.status.code(), Some(1));
    assert!(complaint(&again).contains("is not empty"), "{again:?}");

    let files = installation.beside("files");
    share(&mut installation, &database, &files);
    let server = installation.start().await;
    assert_eq!(installation.events().await, before, "and the token is good");
    installation.raise("after").await;
    let at_the_database = installation.events().await;
    assert_no_gap(&at_the_database);
    let new_folder = installation.beside("new");
    let migrate =
        |from: &str, to: &str| installation.run(&["migrate-store", "--from", from, "--to", to]);
    let refused = migrate(&url, text(&new_folder));
    assert_eq!(refused.status.code(), Some(1));
    assert!(complaint(&refused).contains("stop all of them first"), "{refused:?}");
    server.stop().await;

    let moved = migrate(&url, text(&new_folder));
    assert!(moved.status.success(), "{moved:?}");
    assert!(printed(&moved).contains("ok    events: 51 moved"), "{moved:?}");
    assert!(printed(&moved).contains("Copy secret.key"), "{moved:?}");
    std::fs::copy(folder.join("secret.key"), new_folder.join("secret.key")).expect("copied");
    let mut back = Installation::new().with_data(&new_folder);
    back.set("TIDINGS__LOG__LEVEL", "warn");
    let server = back.start().await;
    assert_eq!(back.events().await, at_the_database);
    back.raise("back").await;
    assert_no_gap(&back.events().await);
    server.stop().await;
}

/// Nodes of one database seal with one key; `doctor` tells how they stand.
#[tokio::test]
async fn a_node_with_another_key_is_refused() {
    let database = database().await;
    let (mut first, mut second) = (Installation::new(), Installation::new());
    let files = first.beside("files");
    share(&mut first, &database, &files);
    share(&mut second, &database, &files);
    let server = first.start().await;
    let refused = second.refused();
    assert!(complaint(&refused).contains("copy secret.key"), "{refused:?}");
    assert!(!second.data().join("secret.key").exists(), "no wrong key is left behind");
    std::fs::write(second.data().join("secret.key"), [7; 32]).expect("written");
    let refused = second.refused();
    assert!(complaint(&refused).contains("is not the one"), "{refused:?}");
    std::fs::copy(first.data().join("secret.key"), second.data().join("secret.key"))
        .expect("copied");
    let other = second.start().await;
    second.raise("hello").await;
    assert_eq!(first.events().await.len(), 1, "they are one");
    let mut said = String::new();
    eventually("the work is divided, and the doctor finds nothing wrong", async || {
        let doctor = second.as_set(&["doctor", "--data", text(second.data())]);
        said = printed(&doctor);
        doctor.status.success()
    })
    .await;
    assert!(said.contains("ok    nodes: 2 live"), "{said}");
    assert!(said.contains("ok    same key: that of all nodes"), "{said}");
    assert!(said.contains("ok    leases: "), "{said}");
    other.stop().await;
    server.stop().await;
}

/// What nodes of a database are goes into a folder, while they serve, and into another database.
#[tokio::test]
async fn a_database_is_backed_up_and_restored() {
    let database = database().await;
    let mut installation = Installation::new();
    let files = installation.beside("files");
    share(&mut installation, &database, &files);
    let server = installation.start().await;
    installation.raise("before").await;
    let before = installation.events().await;
    let (data, backup) = (installation.data().to_owned(), installation.beside("backup"));
    let done = installation.as_set(&["backup", "--data", text(&data), "--to", text(&backup)]);
    assert!(done.status.success(), "{done:?}");
    installation.raise("after").await;
    server.stop().await;

    let other = self::database().await;
    let new_folder = installation.beside("new");
    let restore = |more: &[&str]| {
        let restore = ["restore", "--from", text(&backup), "--data", text(&new_folder)];
        installation.run(&[&restore, more].concat())
    };
    let refused = restore(&[]);
    assert!(complaint(&refused).contains("say --database"), "{refused:?}");
    let restored = restore(&["--database", &other.url()]);
    assert!(restored.status.success(), "{restored:?}");
    let mut installation = Installation::new().with_data(&new_folder);
    let files = installation.beside("files");
    share(&mut installation, &other, &files);
    let server = installation.start().await;
    assert_eq!(installation.events().await, before);
    installation.raise("on").await;
    assert_no_gap(&installation.events().await);
    server.stop().await;
}

/// Files that only one node has would be missed at the others.
#[tokio::test]
async fn files_of_one_folder_are_refused_with_a_database() {
    let database = database().await;
    let mut installation = Installation::new();
    installation.set("TIDINGS__DATABASE__URL", &database.url());
    let refused = complaint(&installation.refused());
    assert!(
        refused.contains("files.store") && refused.contains("files.shared_folder"),
        "{refused}"
    );
}
