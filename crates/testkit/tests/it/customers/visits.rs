//! Where customers look: pages and visits, and the greetings that they see there.

use serde_json::{Value, json};
use tidings_app::desk::customers::{leave, visit};
use tidings_testkit::desk::error_type;
use tidings_testkit::world::answer;

use super::Scene;

fn at(url: &str) -> Value {
    json!({ "customer_page": { "url": url, "title": "A page" }, "referrer": "https://search.example/" })
}

#[tokio::test]
async fn a_visit_lasts_until_the_last_connection_is_gone() {
    let scene = Scene::begin().await;
    let mut listening = scene.bob_listens().await;
    let mut more = at("https://shop.example/");
    more["customer"] = json!({ "name": "Alice", "session_fields": [{ "cart": "3" }] });
    let (mut line, answer) = scene.alice_comes(more).await;
    assert_eq!(answer["customer"]["name"], "Alice");
    assert_eq!(answer["customer"]["statistics"]["visits_count"], 1);
    let told = listening.push("incoming_customer").await;
    assert_eq!(told["payload"]["id"], json!(scene.alice.id));
    let page = listening.push("customer_page_updated").await;
    assert_eq!(page["payload"]["url"], "https://shop.example/");
    let moved = json!({ "url": "https://shop.example/prices", "title": "Prices" });
    assert!(line.call("update_customer_page", moved).await.success());
    let page = listening.push("customer_page_updated").await;
    assert_eq!(page["payload"]["url"], "https://shop.example/prices");
    assert_eq!(
        (&page["payload"]["title"], &page["payload"]["visit_id"]),
        (&json!("Prices"), &json!(1))
    );
    let counted = listening.push("customer_statistics_updated").await;
    assert_eq!(counted["payload"]["statistics"]["page_views_count"], 2);
    let seen = scene.seen().await;
    assert_eq!(seen["visit"]["last_pages"].as_array().map(Vec::len), Some(2));
    assert_eq!(seen["visit"]["referrer"], "https://search.example/");
    assert_eq!(seen["state"], "browsing");
    assert!(line.call("deactivate_customer_page", json!({})).await.success());
    assert!(line.call("activate_customer_page", json!({})).await.success());
    assert_eq!(scene.world.events_of("customer.page_activity_changed").await.len(), 2);

    leave::sweep(&scene.world.app, scene.world.workspace).await.expect("it looks");
    assert!(scene.seen().await["visit"].get("ended_at").is_none(), "she is still here");
    line.close().await;
    let left = listening.push("customer_left").await;
    assert_eq!(left["payload"]["id"], json!(scene.alice.id));
    let app = &scene.world.app;
    let hub = app.hub(scene.world.workspace).expect("it is open");
    scene
        .world
        .until("she is gone", async || (!hub.has_customer(scene.alice.id)).then_some(()))
        .await;
    leave::sweep(app, scene.world.workspace).await.expect("it looks");
    visit::left(app, scene.world.workspace, scene.alice.id).await.expect("twice is once");
    assert_eq!(scene.world.events_of("customer.left").await.len(), 1);
    assert!(scene.seen().await["visit"]["ended_at"].is_string());

    let (_line, answer) = scene.alice_comes(at("https://shop.example/")).await;
    assert_eq!(answer["customer"]["statistics"]["visits_count"], 2);
    assert_eq!(answer["customer"]["session_fields"], json!([]), "they were the last session's");
    assert_eq!(scene.world.events_of("customer.visit_started").await.len(), 2);
    scene.world.finish().await;
}

#[tokio::test]
async fn who_only_looks_in_is_not_written_down() {
    let scene = Scene::begin().await;
    let (_line, answer) = scene.alice_comes(json!({})).await;
    assert_eq!(answer["customer"]["id"], json!(scene.alice.id));
    assert_eq!(scene.world.events_of("customer.created").await.len(), 0);
    scene.world.finish().await;
}

#[tokio::test]
async fn what_a_browser_keeps_is_told_to_the_next_one() {
    let scene = Scene::begin().await;
    let kept = json!({ "customer_side_storage": { "seen": "1" } });
    let (_line, _) = scene.alice_comes(kept).await;
    let (mut other, _) = scene.alice_comes(at("https://shop.example/")).await;
    let told = other.push("customer_side_storage_updated").await;
    assert_eq!(told["payload"], json!({ "customer_side_storage": { "seen": "1" } }));
    let much = json!({ "customer_side_storage": { "seen": "x".repeat(5_000) } });
    let mut door = tidings_testkit::rtm::RtmClient::open(
        &scene.world.base_url,
        tidings_wire::livechat::Side::Customer,
        "3.6",
    )
    .await;
    assert_eq!(door.login(&scene.alice.chat.token, much).await.error(), "validation");
    scene.world.finish().await;
}

#[tokio::test]
async fn goals_are_told_without_a_connection() {
    let scene = Scene::begin().await;
    let goal = json!({
        "session_fields": [{ "order": "7" }], "group_id": 0, "page_url": "https://shop.example/thanks",
    });
    assert_eq!(scene.alice.call("check_goals", goal).await, Ok(json!({})));
    let viewed = scene.world.events_of("customer.page_viewed").await;
    assert_eq!(viewed[0]["data"]["url"], "https://shop.example/thanks");
    assert_eq!(scene.seen().await["session_fields"], json!([{ "order": "7" }]));
    let nowhere =
        json!({ "session_fields": [], "group_id": 9, "page_url": "https://shop.example/" });
    assert_eq!(error_type(&scene.alice.call("check_goals", nowhere).await), "group_not_found");
    scene.world.finish().await;
}

#[tokio::test]
async fn the_archive_finds_threads_by_goals_reached_before_in_and_after_the_chat() {
    let scene = Scene::begin().await;
    let (world, bob, alice) = (&scene.world, &scene.bob, &scene.alice);
    let goal = |id: &str, kind: &str, with: (&str, Value)| {
        let mut rule = json!({ "condition": "and", "type": kind, "operator": "contains" });
        rule[with.0] = with.1;
        json!({ "id": id, "rules": [rule] })
    };
    let path = format!("/api/v1/channels/{}", alice.channel);
    let set = async |goals: Value| {
        let settings = json!({ "settings": { "goals": goals } });
        answer(world.call(http::Method::PATCH, &path).json(&settings)).await
    };
    assert_eq!(set(json!([{ "id": "empty", "rules": [] }])).await.status, 422);
    let goals = json!([
        goal("looked", "url_current", ("value", json!("/prices"))),
        goal("gold", "custom_variable", ("session_field", json!({ "plan": "gold" }))),
        goal("paid", "url_current", ("value", json!("/thank-you"))),
        goal("never", "url_current", ("value", json!("/nowhere"))),
    ]);
    assert_eq!(set(goals).await.status, 200);

    let (mut line, _) = scene.alice_comes(at("https://shop.example/prices")).await;
    let (chat, thread) = alice.starts_chat().await;
    let page = |url: &str, fields: Value| json!({ "page_url": url, "group_id": 0, "session_fields": fields });
    let gold = page("https://shop.example/account", json!([{ "plan": "gold" }]));
    alice.call("check_goals", gold).await.expect("it is told");
    alice.call("deactivate_chat", json!({ "id": chat })).await.expect("it closes");
    let paid = json!({ "url": "https://shop.example/thank-you" });
    for _ in 0..2 {
        assert!(line.call("update_customer_page", paid.clone()).await.success());
    }
    let carol = tidings_testkit::desk::CustomerClient::comes(world, alice.channel).await;
    carol.starts_chat().await;
    world.settle().await;
    let reached = world.events_of("customer.goal_reached").await;
    let reached: Vec<&str> =
        reached.iter().filter_map(|event| event["data"]["goal"].as_str()).collect();
    assert_eq!(reached, ["looked", "gold", "paid"], "each once");
    let found = async |goals: Value| {
        let filters = json!({ "filters": { "goals": goals } });
        let found = bob.call("list_archives", filters).await.expect("the archive");
        let chats = found["chats"].as_array().cloned().unwrap_or_default();
        chats.iter().map(|chat| chat["thread"]["id"].clone()).collect::<Vec<_>>()
    };
    for id in ["looked", "gold", "paid"] {
        assert_eq!(found(json!({ "values": [id] })).await, [json!(thread)], "{id}");
    }
    assert_eq!(found(json!({ "exists": true })).await, [json!(thread)]);
    assert_eq!(found(json!({ "values": ["never"] })).await, Vec::<Value>::new());
    assert_eq!(found(json!({ "exists": false })).await.len(), 1, "carol's");
    scene.world.finish().await;
}

async fn make_greeting(scene: &Scene) -> Value {
    let greeting = json!({ "type": "normal", "active": true, "name": "Prices", "group": 0,
        "rules": [{ "condition": "and", "type": "url_current", "operator": "contains", "value": "/prices" }],
        "rich_message": { "template_id": "cards", "elements": [
            { "title": "May we help?", "subtitle": "", "image": { "url": "https://shop.example/a.png" } }] } });
    let made = scene.bob.configure("create_greeting", greeting).await.expect("it is made");
    made["id"].clone()
}

#[tokio::test]
async fn a_greeting_is_shown_once_a_visit_and_taken_up() {
    let scene = Scene::begin().await;
    let id = make_greeting(&scene).await;
    let (mut line, _) = scene.alice_comes(at("https://shop.example/")).await;
    let prices = json!({ "url": "https://shop.example/prices" });
    for _ in 0..2 {
        assert!(line.call("update_customer_page", prices.clone()).await.success());
    }
    let shown = line.push("incoming_greeting").await;
    assert_eq!(shown["payload"]["id"], id);
    assert_eq!(shown["payload"]["event"]["elements"][0]["title"], "May we help?");
    let unique = shown["payload"]["unique_id"].clone();
    let pressed = json!({ "greeting_unique_id": unique, "button_id": "yes" });
    assert!(line.call("send_greeting_button_clicked", pressed).await.success());
    let accept = json!({ "greeting_id": id, "unique_id": unique });
    for _ in 0..2 {
        assert!(line.call("accept_greeting", accept.clone()).await.success());
    }
    assert_eq!(line.push("greeting_accepted").await["payload"], json!({ "unique_id": unique }));
    let seen = scene.seen().await;
    assert_eq!(seen["statistics"]["greetings_shown_count"], 1);
    assert_eq!(seen["statistics"]["greetings_accepted_count"], 1);
    let unknown = line.call("cancel_greeting", json!({ "unique_id": "nothing" })).await;
    assert_eq!(unknown.error(), "greeting_not_found");
    let unknown = json!({ "greeting_unique_id": "nothing", "button_id": "yes" });
    let unknown = scene.alice.call("send_greeting_button_clicked", unknown).await;
    assert_eq!(error_type(&unknown), "greeting_not_found");
    assert!(line.call("cancel_greeting", json!({ "unique_id": unique })).await.success());
    assert_eq!(line.push("greeting_canceled").await["payload"], json!({ "unique_id": unique }));
    scene.world.finish().await;
}

#[tokio::test]
async fn our_widget_chooses_simple_greetings_by_itself() {
    let scene = Scene::begin().await;
    let id = make_greeting(&scene).await;
    let mut more = at("https://shop.example/prices");
    more["application"] = json!({ "name": "tidings-widget", "version": "1" });
    let (mut line, _) = scene.alice_comes(more).await;
    let pushes = line.pushes().await;
    assert!(pushes.iter().all(|push| push["action"] != "incoming_greeting"), "{pushes:?}");
    let taken = json!({ "greeting_id": id, "unique_id": "the widget's own" });
    assert!(line.call("accept_greeting", taken).await.success());
    let statistics = scene.seen().await["statistics"].clone();
    assert_eq!(statistics["greetings_shown_count"], 1);
    assert_eq!(statistics["greetings_accepted_count"], 1);
    scene.world.finish().await;
}
