//! What others say: that a mail address is a customer's, and what a page on the internet is.

use axum::response::Html;
use axum::routing::get;
use serde_json::{Value, json};
use tidings_testkit::desk::error_type;
use tidings_testkit::receiver::Receiver;
use tidings_testkit::world::{World, answer};

use super::Scene;

/// The last link that was to be sent.
async fn link(world: &World) -> String {
    let asked = world.events_of("customer.email_verification_asked").await;
    let url = asked.last().and_then(|event| event["data"]["url"].as_str());
    url.expect("a link").to_owned()
}

/// The path and the query of a link.
fn path<'a>(world: &World, link: &'a str) -> &'a str {
    link.strip_prefix(&world.base_url).expect("a page of ours")
}

#[tokio::test]
async fn who_has_the_mail_confirms_the_address() {
    let scene = Scene::begin().await;
    let (world, alice) = (&scene.world, &scene.alice);
    let carol = Receiver::start().await;
    let ask = json!({ "callback_uri": carol.url });
    let nothing = alice.call("request_email_verification", ask.clone()).await;
    assert_eq!(error_type(&nothing), "validation", "there is no address yet");
    alice.call("update_customer", json!({ "email": "alice@example.org" })).await.expect("set");
    let inside = json!({ "callback_uri": "http://10.0.0.1/hook" });
    let refused = alice.call("request_email_verification", inside).await;
    assert_eq!(error_type(&refused), "validation", "a private network is not called");
    alice.call("request_email_verification", ask).await.expect("asked");
    let link = link(world).await;
    let path = path(world, &link);
    let looked = answer(world.anonymous(http::Method::GET, path)).await;
    assert_eq!(looked.status, 200);
    assert_eq!(scene.seen().await["email_verified"], false, "looking confirms nothing");
    for _ in 0..2 {
        assert_eq!(answer(world.anonymous(http::Method::POST, path)).await.status, 200);
    }
    assert_eq!(scene.seen().await["email_verified"], true);
    let got = carol.took();
    assert_eq!(got.len(), 1, "called once");
    assert_eq!(got[0].json()["email"], "alice@example.org");
    assert_eq!(got[0].json()["customer_id"], json!(alice.id));

    alice.call("update_customer", json!({ "email": "alice@example.net" })).await.expect("another");
    assert_eq!(scene.seen().await["email_verified"], false);
    assert_eq!(answer(world.anonymous(http::Method::POST, path)).await.status, 401);
    let forged = path.replace("code=e1.", "code=e1.0");
    assert_eq!(answer(world.anonymous(http::Method::POST, &forged)).await.status, 401);
    scene.world.finish().await;
}

#[tokio::test]
async fn a_page_is_described_and_private_networks_are_not_looked_at() {
    let html = r#"<html><head><title>Shoes &amp; more</title>
        <meta property="og:description" content="All our shoes">
        <meta property="og:image" content="/a.png"><meta property="og:image:width" content="640">
        </head></html>"#;
    let page = axum::Router::new()
        .route("/shoes", get(move || async move { Html(html) }))
        .route("/old", get(|| async { axum::response::Redirect::to("/shoes") }));
    let world = World::start_with_routes(tidings_api::Limits::default(), Some(page)).await;
    let scene = Scene::set(world).await;
    let base_url = scene.world.base_url.clone();
    let ask = async |url: String| scene.alice.call("get_url_info", json!({ "url": url })).await;
    let told = ask(format!("{base_url}/old")).await.expect("it is described");
    let expected = json!({
        "url": format!("{base_url}/shoes"), "title": "Shoes & more",
        "description": "All our shoes", "image_url": format!("{base_url}/a.png"),
        "image_original_url": format!("{base_url}/a.png"), "image_width": 640,
    });
    assert_eq!(told, expected);
    for refused in
        ["http://10.0.0.1/", "http://169.254.169.254/latest", "file:///etc/passwd", "no url"]
    {
        let answer: Result<Value, _> = ask(refused.into()).await;
        assert_eq!(error_type(&answer), "validation", "{refused}");
    }
    assert_eq!(error_type(&ask(format!("{base_url}/nothing")).await), "validation");
    scene.world.finish().await;
}
