//! What a page asks before anybody is signed in, and what it tells.

use http::Method;
use serde_json::{Value, json};
use tidings_testkit::desk::CustomerClient;
use tidings_testkit::world::{Answer, World, answer};

const DYNAMIC: &str = "/v3.6/customer/action/get_dynamic_configuration";

async fn get(world: &World, path: &str, origin: Option<&str>) -> Answer {
    let call = world.anonymous(Method::GET, path);
    answer(match origin {
        Some(origin) => call.header("origin", origin),
        None => call,
    })
    .await
}

#[tokio::test]
async fn the_widgets_settings_are_told_without_a_token() {
    let world = World::start().await;
    let settings = json!({
        "widget": { "title": "Pizza", "language": "de", "texts": { "send": "Los" },
            "forms": { "prechat": { "id": "f", "fields": [{ "type": "name", "label": "Name" }] } } },
        "allowed_origins": ["https://shop.example.org"],
    });
    let channel = json!({ "kind": "web", "name": "Shop", "settings": settings });
    let made = world.post("/api/v1/channels", &channel).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let asked = format!(
        "?organization_id={}&channel_id={}&group_id=0",
        world.workspace,
        made.body["id"].as_str().expect("an id")
    );

    let shop = Some("https://shop.example.org");
    let told = get(&world, &format!("{DYNAMIC}{asked}"), shop).await;
    assert_eq!(told.status, 200, "{}", told.text);
    assert_eq!(told.header("access-control-allow-origin"), "https://shop.example.org");
    assert_eq!(told.body["organization_id"], json!(world.workspace));
    assert_eq!(told.body["livechat"]["domain_allowed"], true);
    assert_eq!(told.body["livechat"]["language"], "de");
    assert_eq!(told.body["livechat"]["online_group_ids"], json!([]));
    assert_eq!(told.body["widget"]["title"], "Pizza");
    assert_eq!(told.body["widget"]["online"], false, "nobody is there");
    let elsewhere = format!("{DYNAMIC}{asked}&url=https%3A%2F%2Fother.example%2Fa");
    let told = get(&world, &elsewhere, None).await;
    assert_eq!(told.body["livechat"]["domain_allowed"], false);
    let other = get(&world, &format!("{DYNAMIC}{asked}"), Some("https://other.example")).await;
    assert_eq!(other.header("access-control-allow-origin"), "https://other.example");
    assert_eq!(other.body["livechat"]["domain_allowed"], false, "it may read that it may not");

    let fixed = format!("/v3.6/customer/action/get_configuration{asked}&version=1");
    let fixed = get(&world, &fixed, None).await;
    assert_eq!((fixed.status, &fixed.body["prechat_form"]["id"]), (200, &json!("f")));
    let texts = |language: &str| {
        format!("/v3.6/customer/action/get_localization{asked}&version=1&language={language}")
    };
    let german = get(&world, &texts("de"), None).await;
    assert_eq!(german.body["send"], "Los", "the channel's own words come first");
    assert_eq!(german.body["attach"], "Datei anhängen");
    let finnish = get(&world, &texts("fi"), None).await;
    assert_eq!(finnish.body["attach"], "Liitä tiedosto");
    assert_eq!(finnish.body["menu"], "More", "what is not there yet is English");

    let wrong = [
        ("?organization_id=nobody", "license_not_found"),
        ("?channel_id=1", "validation"),
        (&format!("?organization_id={}&group_id=77", world.workspace), "group_not_found"),
        (&format!("?organization_id={}&group_id=x", world.workspace), "validation"),
    ];
    for (asked, expected) in wrong {
        let refused = get(&world, &format!("{DYNAMIC}{asked}"), None).await;
        assert_eq!(refused.body["error"]["type"], *expected, "{asked}: {}", refused.text);
    }
    world.stop().await;
}

#[tokio::test]
async fn what_a_page_tracks_is_an_event() {
    let world = World::start().await;
    let alice = CustomerClient::comes(&world, world.web_channel().await).await;
    let cart = json!({ "name": "cart_viewed", "data": { "items": 3 } });
    assert_eq!(alice.call("track", cart).await.expect("it is taken"), json!({}));
    let events = world.events_of("customer.tracked").await;
    let expected = json!({ "customer": alice.id, "name": "cart_viewed", "data": { "items": 3 } });
    assert_eq!(events.first().map(|event| &event["data"]), Some(&expected));
    for wrong in [json!({}), json!({ "name": "" }), json!({ "name": 7 })] {
        let refused = alice.call("track", wrong).await.expect_err("it says nothing");
        assert_eq!(refused.1["type"], "validation");
    }
    let large = json!({ "name": "all", "data": "a".repeat(20_000) });
    assert_eq!(alice.call("track", large).await.expect_err("too long").1["type"], "validation");
    let nobody = world.anonymous(Method::POST, "/v3.6/customer/action/track");
    let nobody = answer(nobody.json(&json!({ "name": "x" }))).await;
    assert_eq!(nobody.body["error"]["type"], "authentication");
    assert_eq!(world.events_of("customer.tracked").await.len(), 1);
    let events: Vec<Value> = world.events().await;
    assert!(events.iter().all(|event| event["chat"].is_null()), "no chat began by it");
    world.stop().await;
}
