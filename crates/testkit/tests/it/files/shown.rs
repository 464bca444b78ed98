//! What is taken, and how it is shown.

use image::{GenericImageView, ImageFormat};
use serde_json::json;
use tidings_testkit::desk::error_type;
use tidings_testkit::world::answer;

use super::{Desk, Keeper, picture, stories, url_of};

stories!(a_picture_is_sent_with_its_small_ones, a_part_of_a_file_is_given);

async fn a_picture_is_sent_with_its_small_ones(keeper: Keeper) {
    let desk = Desk::open(keeper).await;
    let bytes = picture(ImageFormat::Png, 1_200, 300);
    let url = desk.uploaded("Küche 1.png", "image/png", &bytes).await;
    desk.sent(&url).await.expect("it is sent");
    let shown = desk.shown().await.remove(0);
    assert_eq!(
        (&shown["name"], &shown["content_type"], &shown["size"], &shown["width"], &shown["height"]),
        (
            &json!("Küche 1.png"),
            &json!("image/png"),
            &json!(bytes.len()),
            &json!(1_200),
            &json!(300)
        ),
        "{shown}"
    );
    assert_eq!(shown["url"], json!(url));
    for (name, expected) in [("thumbnail_url", (300, 75)), ("thumbnail2x_url", (600, 150))] {
        let address = shown[name].as_str().expect("it has one");
        let got = desk.world.http.get(address).send().await.expect("an answer");
        assert_eq!(got.status().as_u16(), 200, "{address}");
        assert_eq!(got.headers()["content-type"], "image/jpeg");
        let small = image::load_from_memory(&got.bytes().await.expect("bytes")).expect("a picture");
        assert_eq!(small.dimensions(), expected);
    }
    // Anybody who has the address may read it, and nobody else.
    let got = desk.read(&url).await;
    assert_eq!((got.status, got.header("content-type")), (200, "image/png"));
    assert_eq!(got.header("content-disposition"), "inline; filename*=UTF-8''K%C3%BCche%201.png");
    assert_eq!(got.header("content-security-policy"), "sandbox; default-src 'none'");
    assert_eq!(got.header("x-content-type-options"), "nosniff");
    let (rest, signature) = url.rsplit_once('/').expect("a signature");
    let wrong = format!("{rest}/{}", signature.chars().rev().collect::<String>());
    assert_eq!(desk.read(&wrong).await.status, 404);
    assert_eq!(desk.read(&format!("{url}?thumbnail=3")).await.status, 404);
    assert_eq!(error_type(&desk.sent(&wrong).await), "validation");
    assert_eq!(error_type(&desk.sent("https://example.com/cat.png").await), "validation");
    // A server has many names; the event has the one that it gives to others.
    let path = url.split_once("/files/").expect("a path").1;
    let other_name = format!("http://localhost:1/files/{path}");
    desk.sent(&other_name).await.expect("the signature counts");
    assert_eq!(desk.shown().await.remove(1)["url"], json!(url));
    desk.world.finish().await;
}

async fn a_part_of_a_file_is_given(keeper: Keeper) {
    let desk = Desk::open(keeper).await;
    let text: String = ('a'..='z').cycle().take(200_000).collect();
    let url = desk.uploaded("a.txt", "text/plain", text.as_bytes()).await;
    assert_eq!(desk.read(&url).await.text, text);
    let part = async |range: &str| answer(desk.world.http.get(&url).header("range", range)).await;
    let got = part("bytes=26-30").await;
    assert_eq!((got.status, got.text.as_str()), (206, "abcde"));
    assert_eq!(
        (got.header("content-range"), got.header("content-length")),
        ("bytes 26-30/200000", "5")
    );
    let end = part("bytes=-100000").await;
    assert_eq!((end.status, end.text.len()), (206, 100_000));
    let beyond = part("bytes=200000-").await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, "bytes */200000"));
    let known = got.header("etag").to_owned();
    let again = answer(desk.world.http.get(&url).header("if-none-match", known)).await;
    assert_eq!((again.status, again.text.as_str()), (304, ""));
    desk.world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_begins_with_a_file() {
    let desk = Desk::open(Keeper::Folder).await;
    desk.bob
        .call("deactivate_chat", json!({ "id": desk.chat, "ignore_requester_presence": true }))
        .await
        .expect("the chat ends");
    let url = desk.uploaded("a.txt", "text/plain", b"hello").await;
    let event = json!({ "type": "file", "url": url });
    let chat = json!({ "id": desk.chat, "thread": { "events": [event, event] } });
    desk.alice.call("resume_chat", json!({ "chat": chat })).await.expect("it goes on");
    assert_eq!(desk.shown().await.len(), 2);
    desk.world.turn(std::time::Duration::from_secs(25 * 3_600));
    desk.world.settle().await;
    assert_eq!(desk.read(&url).await.text, "hello");
    desk.world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_oldest_version_sends_a_file_in_one() {
    let desk = Desk::open(Keeper::Folder).await;
    let old = desk.alice.chat.clone().in_version("v3.0");
    let fields = [("payload.chat_id", desk.chat.as_str()), ("custom_id", "first")];
    let sent = old.upload_with("send_file", "file", &fields, "a.txt", "text/plain", b"hello").await;
    let url = url_of(sent);
    let shown = desk.shown().await.remove(0);
    assert_eq!((&shown["url"], &shown["custom_id"]), (&json!(url), &json!("first")));
    let image = desk.bob.chat.clone().in_version("v3.0");
    let bytes = picture(ImageFormat::Gif, 4, 4);
    let image = image.upload_as("upload_image", "image", "a.gif", "image/gif", &bytes).await;
    assert_eq!(desk.read(&url_of(image)).await.header("content-type"), "image/gif");
    let new = desk.alice.chat.upload("send_file", "a.txt", "text/plain", b"hello").await;
    assert_eq!(error_type(&new), "not_found", "it was only in 3.0: {new:?}");
    desk.world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_uploads() {
    let desk = Desk::open(Keeper::Folder).await;
    let organization = desk.world.workspace;
    let path = &format!("/v3.6/customer/action/upload_file?organization_id={organization}");
    let asked = desk.world.anonymous(http::Method::OPTIONS, path);
    let asked = asked
        .header("origin", "https://shop.example")
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "authorization,content-type");
    let allowed = answer(asked).await;
    assert_eq!(allowed.header("access-control-allow-origin"), "https://shop.example");
    let headers = allowed.header("access-control-allow-headers").to_owned();
    assert!(headers.contains("authorization") && headers.contains("content-type"), "{headers}");
    let part = reqwest::multipart::Part::bytes(b"hello".to_vec()).file_name("a.txt");
    let form = reqwest::multipart::Form::new().part("file", part);
    let call = desk.world.anonymous(http::Method::POST, path);
    let call = call
        .header("origin", "https://shop.example")
        .bearer_auth(&desk.alice.chat.token)
        .multipart(form);
    let taken = answer(call).await;
    assert_eq!(taken.status, 200, "{taken:?}");
    assert_eq!(taken.header("access-control-allow-origin"), "https://shop.example");
    desk.world.finish().await;
}
