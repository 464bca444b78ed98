//! Greetings: in whose name they are, and when their time comes.

use std::time::Duration;

use serde_json::{Value, json};
use tidings_model::AgentStatus;
use tidings_testkit::desk::CustomerClient;
use tidings_testkit::rtm::RtmClient;
use tidings_wire::livechat::Side;

use super::Scene;

async fn greeting(scene: &Scene, rules: Value) -> Value {
    let greeting = json!({
        "type": "normal", "active": true, "name": "Prices", "group": 0, "rules": rules,
        "rich_message": { "template_id": "cards", "elements": [{ "title": "May we help?", "subtitle": "",
              "image": { "url": "https://shop.example/a.png" } }] },
    });
    let made = scene.bob.configure("create_greeting", greeting).await.expect("it is made");
    made["id"].clone()
}

fn rule(kind: &str, operator: &str, value: &str) -> Value {
    json!({ "condition": "and", "type": kind, "operator": operator, "value": value })
}

fn page(url: &str) -> Value {
    json!({ "customer_page": { "url": url } })
}

#[tokio::test]
async fn a_greeting_is_in_the_name_of_whoever_would_answer() {
    let scene = Scene::begin().await;
    let (world, bob) = (&scene.world, &scene.bob);
    greeting(&scene, json!([rule("url_current", "contains", "/prices")])).await;
    bob.changes(world, |bob| bob.job_title = Some("Baker".into())).await;
    let predicted = scene.alice.call("get_predicted_agent", json!({})).await.expect("bob");
    let (mut line, _) = scene.alice_comes(page("https://shop.example/prices")).await;
    let shown = line.push("incoming_greeting").await;
    let agent = &shown["payload"]["agent"];
    assert_eq!(agent["id"], predicted["agent"]["id"]);
    assert_eq!((&agent["name"], &agent["job_title"]), (&json!("bob"), &json!("Baker")));
    assert_eq!(agent["is_bot"], false);
    assert!(!shown.to_string().contains("bob@example.com"), "{shown}");

    bob.changes(world, |bob| bob.status = AgentStatus::Offline).await;
    let carol = CustomerClient::comes(world, scene.alice.channel).await;
    let (base_url, token) = (&world.base_url, &carol.chat.token);
    let at = page("https://shop.example/prices");
    let (mut line, _) = RtmClient::log_in(base_url, Side::Customer, token, at.clone()).await;
    let shown = line.push("incoming_greeting").await;
    assert_eq!(shown["payload"]["agent"]["name"], "bob", "also while nobody is there");

    let channel = world.web_channel_of("pizzeria").await;
    let dave = CustomerClient::comes(world, channel).await;
    let token = &dave.chat.token;
    let (mut line, _) = RtmClient::log_in(base_url, Side::Customer, token, at).await;
    let shown = line.push("incoming_greeting").await;
    let agent = &shown["payload"]["agent"];
    assert_eq!((&agent["name"], &agent["is_bot"]), (&json!("pizzeria"), &json!(true)));
    assert!(agent["id"].as_str().is_some_and(|id| !id.is_empty()));
    scene.world.finish().await;
}

#[tokio::test]
async fn a_greeting_waits_for_its_time_on_the_page() {
    let scene = Scene::begin().await;
    let world = &scene.world;
    let id = greeting(
        &scene,
        json!([
            rule("url_current", "contains", "/prices"),
            rule("visit_time_page", "at_least", "30")
        ]),
    )
    .await;
    let (mut line, _) = scene.alice_comes(page("https://shop.example/prices")).await;
    world.turn(Duration::from_secs(20));
    world.settle().await;
    let away = json!({ "url": "https://shop.example/" });
    assert!(line.call("update_customer_page", away).await.success());
    world.turn(Duration::from_secs(20));
    world.settle().await;
    let none = line.pushes().await;
    assert!(none.iter().all(|push| push["action"] != "incoming_greeting"), "{none:?}");
    let back = json!({ "url": "https://shop.example/prices" });
    assert!(line.call("update_customer_page", back).await.success());
    world.turn(Duration::from_secs(30));
    let shown = line.push("incoming_greeting").await;
    assert_eq!(shown["payload"]["id"], id);
    world.turn(Duration::from_secs(60));
    world.settle().await;
    assert_eq!(world.events_of("customer.greeting_shown").await.len(), 1, "once a visit");
    scene.world.finish().await;
}

#[tokio::test]
async fn who_left_or_chats_is_not_greeted() {
    let scene = Scene::begin().await;
    let world = &scene.world;
    greeting(&scene, json!([rule("visit_time_site", "at_least", "30")])).await;
    let (line, _) = scene.alice_comes(page("https://shop.example/")).await;
    line.close().await;
    let hub = world.app.hub(world.workspace).expect("it is open");
    world.until("she is gone", async || (!hub.has_customer(scene.alice.id)).then_some(())).await;
    let carol = CustomerClient::comes(world, scene.alice.channel).await;
    let (base_url, token) = (&world.base_url, &carol.chat.token);
    let at = page("https://shop.example/");
    let (_line, _) = RtmClient::log_in(base_url, Side::Customer, token, at).await;
    carol.starts_chat().await;
    world.turn(Duration::from_secs(31));
    world.settle().await;
    assert_eq!(world.events_of("customer.greeting_shown").await.len(), 0);
    scene.world.finish().await;
}
