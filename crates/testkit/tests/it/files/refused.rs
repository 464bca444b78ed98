//! What is not taken, and what is told about it.

use serde_json::json;
use tidings_app::Settings;
use tidings_app::settings::Secret;
use tidings_testkit::desk::error_type;

use super::{Bucket, Desk, Keeper, picture, stories, url_of};

stories!(a_file_may_have_the_limit_and_no_byte_more);

async fn a_file_may_have_the_limit_and_no_byte_more(keeper: Keeper) {
    let settings = Settings { upload_bytes_max: 1_000, ..keeper.settings() };
    let desk = Desk::open_with(keeper, settings).await;
    let url = desk.uploaded("a.txt", "text/plain", &[b'a'; 1_000]).await;
    assert_eq!(desk.read(&url).await.text.len(), 1_000);
    for bytes in [1_001, 100_000] {
        let refused =
            desk.alice.chat.upload("upload_file", "a.txt", "text/plain", &vec![b'a'; bytes]).await;
        assert_eq!(error_type(&refused), "entity_too_large", "{bytes}: {refused:?}");
        assert_eq!(refused.as_ref().map_err(|(status, _)| *status), Err(413));
    }
    let empty = desk.bob.chat.upload("upload_file", "a.txt", "text/plain", b"").await;
    assert_eq!(error_type(&empty), "validation", "{empty:?}");
    desk.world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_knows_us_not_keeps_nothing() {
    let keeper = Keeper::Bucket(Bucket::start().await);
    let mut settings = keeper.settings();
    let bucket = settings.files_in_s3.as_mut().expect("a bucket");
    bucket.secret_access_key = Secret::new("another secret");
    let desk = Desk::open_with(keeper, settings).await;
    let refused = desk.alice.chat.upload("upload_file", "a.txt", "text/plain", b"hello").await;
    assert_eq!(error_type(&refused), "internal", "{refused:?}");
    assert_eq!(desk.keeper.objects(&desk.world, "chat"), 0);
    desk.world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_are_refused_whatever_they_are_called() {
    let desk = Desk::open(Keeper::Folder).await;
    let mut windows = b"MZ".to_vec();
    windows.resize(512, 0);
    let programs: [(&str, &str, &[u8]); 4] = [
        ("setup.exe", "application/octet-stream", b"hello"),
        ("cat.png", "image/png", &windows),
        ("cat.png", "image/png", b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
        ("notes.txt", "text/plain", b"#!/bin/sh\nrm -rf /\n"),
    ];
    for (name, content_type, bytes) in programs {
        let refused = desk.alice.chat.upload("upload_file", name, content_type, bytes).await;
        assert_eq!(error_type(&refused), "validation", "{name}: {refused:?}");
    }
    // A name that lies about a harmless file does no harm: the type is what the bytes say.
    let url = desk.uploaded("cat.txt", "text/plain", &picture(image::ImageFormat::Png, 2, 2)).await;
    assert_eq!(desk.read(&url).await.header("content-type"), "image/png");
    let page = desk.uploaded("cat.png", "image/png", b"<!DOCTYPE html><html></html>").await;
    let page = desk.read(&page).await;
    assert_eq!(page.header("content-type"), "text/html");
    assert!(page.header("content-disposition").starts_with("attachment"), "{page:?}");
    desk.world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bomb_is_never_unpacked() {
    let desk = Desk::open(Keeper::Folder).await;
    // A GIF of 65 535 by 65 535 pixels: four gigabytes, in some bytes.
    let mut bomb = b"GIF89a\xff\xff\xff\xff\x80\0\0\0\0\0\xff\xff\xff".to_vec();
    bomb.extend_from_slice(b"\x2c\0\0\0\0\xff\xff\xff\xff\0\x02\x02\x44\x01\0\x3b");
    let url = desk.uploaded("bomb.gif", "image/gif", &bomb).await;
    desk.sent(&url).await.expect("it is a file as any other");
    let shown = desk.shown().await.remove(0);
    assert_eq!((&shown["width"], &shown["height"]), (&json!(65_535), &json!(65_535)), "{shown}");
    assert_eq!(shown.get("thumbnail_url"), None, "{shown}");
    // Cut in two, it has a head and no picture.
    let whole = picture(image::ImageFormat::Png, 1_000, 1_000);
    let (half, _) = whole.split_at(whole.len() / 2);
    let url = desk.uploaded("half.png", "image/png", half).await;
    desk.sent(&url).await.expect("it is a file as any other");
    let shown = desk.shown().await.remove(1);
    assert_eq!(shown.get("thumbnail_url"), None, "{shown}");
    desk.world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_needs_a_form_a_file_and_a_token() {
    let desk = Desk::open(Keeper::Folder).await;
    let json = desk.alice.call("upload_file", json!({ "file": "https://example.com/a" })).await;
    assert_eq!(error_type(&json), "validation", "{json:?}");
    let wrong = desk.alice.chat.upload_as("upload_file", "text", "a.txt", "text/plain", b"a").await;
    assert_eq!(error_type(&wrong), "validation", "{wrong:?}");
    let mut stranger = desk.alice.chat.clone();
    stranger.token = "nobody".into();
    let refused = stranger.upload("upload_file", "a.txt", "text/plain", b"a").await;
    assert_eq!(error_type(&refused), "authentication", "{refused:?}");
    let agent = url_of(desk.bob.chat.upload("upload_file", "a.txt", "text/plain", b"a").await);
    assert_eq!(desk.read(&agent).await.text, "a");
    desk.world.finish().await;
}
