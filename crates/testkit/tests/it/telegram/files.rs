//! Files are copied after their event, whatever becomes of the copy.

use std::time::Duration;

use serde_json::json;
use tidings_testkit::telegram::{Fault, FileBody};

use super::world::Opening;

#[tokio::test(flavor = "multi_thread")]
async fn a_file_over_the_limit_is_told_of() {
    let world = Opening::without_bot().setting("file_size_max", 100).open().await;
    world.connected().await;
    let alice = world.telegram.user("Alice");
    let large = FileBody::Bytes(vec![b'x'; 200].into());
    alice.sends_document("menu.txt", "text/plain", large, Some("look"));
    let told = world.events("chat.file_too_big", 1).await.remove(0);
    assert_eq!(told.data["limit"], 100);
    assert_eq!(told.data["files"][0]["size"], 200);

    // The same file, from a Telegram that does not say how large it is: found out while copying.
    let handle = &told.properties["raw"]["message"]["document"]["file_id"];
    let document = json!({"file_id": handle, "file_name": "menu.txt"});
    alice.sends(
        json!({"document": document, "caption": "again"}).as_object().expect("it is one").clone(),
    );
    let told = world.events("chat.file_too_big", 2).await.remove(1);
    let file = world.so_far("chat.file").await.remove(0);
    assert_eq!(told.cause, Some(file.id));
    assert_eq!(told.data["limit"], 100);
    assert_eq!(told.data["caption"], "again");
    assert_eq!(told.data["files"][0]["name"], "menu.txt");
    assert_eq!(told.data["files"][0].get("url"), None);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_fails_is_tried_again_and_then_given_up() {
    let world = Opening::without_bot().open().await;
    world.connected().await;
    let alice = world.telegram.user("Alice");
    let trouble = || Fault::Refused {
        error_code: 400,
        description: "Bad Request: wrong file_id or the file is temporarily unavailable".into(),
    };
    world.telegram.fail_next("getFile", trouble());
    alice.sends_document("menu.txt", "text/plain", &b"margherita 7.50"[..], None);
    world.events("chat.file", 1).await;
    world.telegram.calls_of("getFile", 1).await;
    world
        .until("the copy", async || {
            world.turn(Duration::from_secs(10));
            (world.kept().await == 1).then_some(())
        })
        .await;

    for _ in 0..7 {
        world.telegram.fail_next("getFile", trouble());
    }
    alice.sends_voice(3, &b"OggS"[..]);
    world
        .until("the copy to be given up", async || {
            world.turn(Duration::from_secs(3_700));
            world.so_far("channel.request_failed").await.pop()
        })
        .await;
    let failed = world.so_far("channel.request_failed").await.remove(0);
    assert_eq!(failed.data["method"], "getFile");
    assert_eq!(failed.data["error_code"], 400);
    assert_eq!(world.so_far("chat.file").await.len(), 2);
    world.finish().await;
}
