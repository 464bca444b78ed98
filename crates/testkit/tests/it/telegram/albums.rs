//! Albums come in parts, and become one event.

use std::time::Duration;

use serde_json::Value;
use tidings_app::pipeline::files;
use tidings_model::FileId;
use tidings_testkit::telegram::FileBody;

use super::world::{Opening, World};

const PHOTO: &[u8] = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00 a photo";

fn photos(count: usize) -> Vec<FileBody> {
    (0..count).map(|_| PHOTO.into()).collect()
}

async fn opened(world: &World, url: &str) -> files::OpenedFile {
    let mut parts = url.rsplit('/');
    let (signature, file) = (parts.next().expect("a signature"), parts.next().expect("an id"));
    let file: FileId = file.parse().expect("an id");
    let wrong = files::open(&world.app, file, "wrong", None).await.expect("it can be asked");
    assert_eq!(wrong, None, "the signature is the permission");
    files::open(&world.app, file, signature, None).await.expect("it is kept").expect("it is there")
}

#[tokio::test(flavor = "multi_thread")]
async fn three_photos_are_one_event_with_three_kept_files() {
    let world = Opening::without_bot().setting("album_window_ms", 300).open().await;
    world.connected().await;
    let alice = world.telegram.user("Alice");
    alice.sends_album(photos(3), Some("my pizzas"));
    let album = world.events("chat.file", 1).await.remove(0);
    assert_eq!(album.data["caption"], "my pizzas");
    let described = album.data["files"].as_array().expect("files");
    assert_eq!(described.len(), 3);
    for described in described {
        let file = opened(&world, described["url"].as_str().expect("an address")).await;
        assert_eq!(file.content_type, "image/jpeg");
        let mut body = file.read(&world.app, None).await.expect("it is there");
        assert_eq!(body.piece().await.expect("it can be read").as_deref(), Some(PHOTO));
        assert_eq!(file.size, PHOTO.len() as u64);
    }
    assert_eq!(album.properties["raw"]["album"].as_array().map(Vec::len), Some(3));

    // A second copy of a part changes nothing.
    let part = world.telegram.webhook_attempts(3).await[0].update_id;
    world.telegram.redeliver(part);
    world.telegram.webhook_attempts(4).await;
    world.telegram.settled().await;
    assert_eq!(world.types().await, ["customer.created", "chat.started", "chat.file"]);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_does_not_overtake_an_album() {
    let world = Opening::without_bot().setting("album_window_ms", 10_000).open().await;
    world.connected().await;
    let alice = world.telegram.user("Alice");
    alice.sends_album(photos(2), None);
    alice.says("did you get them?");
    alice.sends_album(photos(2), None);
    alice.says("and these?");
    world.events("chat.message", 2).await;
    let types = [
        "customer.created",
        "chat.started",
        "chat.file",
        "chat.message",
        "chat.file",
        "chat.message",
    ];
    assert_eq!(world.types().await, types);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_loses_no_part_of_an_album() {
    let mut world = Opening::without_bot().setting("album_window_ms", 10_000).open().await;
    world.connected().await;
    let alice = world.telegram.user("Alice");
    alice.sends_album(photos(3), None);
    world.telegram.settled().await;
    assert_eq!(world.types().await, Vec::<String>::new());
    world.crash().await;
    world.reopen().await;
    world.turn(Duration::from_secs(11));
    let album = world.events("chat.file", 1).await.remove(0);
    assert_eq!(album.data["files"].as_array().map(Vec::len), Some(3));
    let raw = album.properties["raw"]["album"].as_array().expect("the updates");
    let mut updates: Vec<_> =
        raw.iter().filter_map(|update| update["update_id"].as_i64()).collect();
    updates.dedup();
    assert_eq!(updates.len(), 3);
    assert!(
        raw.iter().all(|update| update["message"].is_object()),
        "{:?}",
        Value::from(raw.clone())
    );
    world.finish().await;
}
