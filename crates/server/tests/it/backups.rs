//! `tidings backup` while the server writes, and `tidings restore` into a new folder.

use std::sync::Arc;

use crate::installation::{Installation, assert_no_gap, complaint, eventually};
use crate::killing::{ECHO, Talk};
use crate::subscriber::Subscriber;

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_is_a_whole_installation() {
    let installation = Arc::new(Installation::new());
    installation.write_bot("echo", ECHO);
    let server = installation.start().await;
    let subscriber = Subscriber::start().await;
    subscriber.expect(&installation.subscribe(&subscriber.url).await);
    let talk = Talk::start(Arc::clone(&installation)).await;
    talk.until_acknowledged(40).await;
    let before = installation.events().await;

    let data = installation.data().display().to_string();
    let to = installation.beside("backup").display().to_string();
    let backup = {
        let installation = Arc::clone(&installation);
        let (data, to) = (data.clone(), to.clone());
        let run = move || installation.run(&["backup", "--data", &data, "--to", &to]);
        tokio::task::spawn_blocking(run).await.expect("no panic")
    };
    assert!(backup.status.success(), "{backup:?}");
    let again = installation.run(&["backup", "--data", &data, "--to", &to]);
    assert!(complaint(&again).contains("is there already"), "{again:?}");
    talk.until_acknowledged(60).await;
    talk.stop().await;
    server.stop().await;

    let restored = Installation::new();
    let new = restored.data().display().to_string();
    let done = restored.run(&["restore", "--from", &to, "--data", &new]);
    assert!(done.status.success(), "{done:?}");
    let again = restored.run(&["restore", "--from", &to, "--data", &new]);
    assert_eq!(again.status.code(), Some(1));
    assert!(complaint(&again).contains("is not empty"), "{again:?}");

    // The same token works, no other is shown, and what was there is there, byte for byte.
    let server = restored.start().await;
    let after = restored.events().await;
    assert!(after.len() >= before.len());
    assert_eq!(after[..before.len()], before[..]);
    assert_no_gap(&after);
    // The endpoint's sealed secret opens with the key that went along: the subscriber verifies what comes now.
    let event = restored.raise("after the restore").await;
    eventually("the subscriber is told, well signed", async || {
        subscriber.was_told(event["id"].as_str().expect("an id"))
    })
    .await;
    server.stop().await;
    let well = restored.run(&["doctor", "--data", &new]);
    assert!(well.status.success(), "{well:?}");
}
