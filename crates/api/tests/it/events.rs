//! Events are sent once, listed in order, and read back as they were written.

use http::Method;
use serde_json::{Value, json};
use tidings_testkit::world::{World, answer};

#[tokio::test]
async fn an_event_comes_back_as_its_whole_envelope() {
    let world = World::start().await;
    let body = json!({
        "type": "chat.message", "data": { "text": "I want a pizza" }, "time": "2026-01-02T03:04:05Z",
        "author": { "kind": "integration", "id": "till" }, "visibility": "agents", "custom_id": "till-1",
        "properties": { "till": { "desk": 4 } },
    });
    let sent = world.post("/api/v1/events", &body).await;
    assert_eq!(sent.status, 201);
    assert_eq!(sent.header("content-type"), "application/json");
    for field in ["type", "data", "time", "author", "visibility", "custom_id", "properties"] {
        assert_eq!(sent.body[field], body[field], "{field}");
    }
    assert_eq!((&sent.body["seq"], &sent.body["depth"]), (&json!(1), &json!(0)));
    assert_eq!(sent.body["workspace"], world.workspace.to_string());
    let read =
        world.get(&format!("/api/v1/events/{}", sent.body["id"].as_str().expect("an id"))).await;
    assert_eq!((read.status, &read.body), (200, &sent.body));
    let listed = world.get("/api/v1/events").await;
    assert_eq!(listed.items(), std::slice::from_ref(&sent.body));
    world.stop().await;
}

#[tokio::test]
async fn the_author_is_the_token_unless_said() {
    let world = World::start().await;
    let sent = world
        .post("/api/v1/events", &json!({ "type": "chat.message", "data": { "text": "a" } }))
        .await;
    assert_eq!(sent.body["author"], json!({ "kind": "integration", "id": "tests" }));
    world.stop().await;
}

#[tokio::test]
async fn the_same_key_sends_once() {
    let world = World::start().await;
    let send = |text: &'static str, key: &'static str| {
        let body = json!({ "type": "chat.message", "data": { "text": text } });
        answer(
            world.call(Method::POST, "/api/v1/events").header("idempotency-key", key).json(&body),
        )
    };
    let first = send("one pizza", "k1").await;
    assert_eq!((first.status, first.header("idempotent-replayed")), (201, ""));
    let again = send("one pizza", "k1").await;
    assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"));
    assert_eq!(again.body, first.body);
    let other = send("two pizzas", "k1").await;
    assert_eq!((other.status, other.code()), (409, "idempotency_key_reused"));
    let new = send("two pizzas", "k2").await;
    assert_eq!(new.status, 201);
    let long = "k".repeat(201);
    let refused = answer(
        world
            .call(Method::POST, "/api/v1/events")
            .header("idempotency-key", long)
            .json(&json!({ "type": "chat.message", "data": { "text": "a" } })),
    )
    .await;
    assert_eq!((refused.status, refused.code()), (400, "invalid_key"));
    assert_eq!(world.get("/api/v1/events").await.items().len(), 2);
    world.stop().await;
}

#[tokio::test]
async fn pages_follow_each_other_without_a_gap() {
    let world = World::start().await;
    for number in 0..7 {
        let event_type = if number % 2 == 0 { "chat.message" } else { "note.added" };
        let sent = world
            .post(
                "/api/v1/events",
                &json!({ "type": event_type, "data": { "text": number.to_string() } }),
            )
            .await;
        assert_eq!(sent.status, 201, "{sent:?}");
    }
    let mut seen = Vec::new();
    let mut after = Some(0);
    while let Some(place) = after {
        let page = world.get(&format!("/api/v1/events?after={place}&limit=3")).await;
        seen.extend(page.items().iter().map(|event| event["seq"].as_u64().expect("a number")));
        after = page.body["next"].as_u64();
    }
    assert_eq!(seen, [1, 2, 3, 4, 5, 6, 7]);
    let notes = world.get("/api/v1/events?type=note.added").await;
    let texts: Vec<&Value> = notes.items().iter().map(|event| &event["data"]["text"]).collect();
    assert_eq!(texts, ["1", "3", "5"]);
    world.stop().await;
}

#[tokio::test]
async fn an_alias_is_its_type() {
    let world = World::start().await;
    let sent = world
        .post("/api/v1/events", &json!({ "type": "message:text", "data": { "text": "a" } }))
        .await;
    assert_eq!(sent.body["type"], "chat.message");
    let read = world.get("/api/v1/event-types/message:text").await;
    assert_eq!(read.body["type"], "chat.message");
    assert!(world.get("/api/v1/event-types").await.items().len() > 50);
    world.stop().await;
}
