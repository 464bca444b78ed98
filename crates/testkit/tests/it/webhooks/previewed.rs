//! What an endpoint would get is told before it is saved, and nothing is written for it.

use serde_json::{Value, json};
use tidings_testkit::receiver::Receiver;
use tidings_testkit::world::World;

use super::{come, subscribe};

async fn preview(world: &World, asked: Value) -> Value {
    let told = world.post("/api/v1/endpoints/preview", &asked).await;
    assert_eq!(told.status, 200, "{told:?}");
    told.body
}

#[tokio::test]
async fn it_tells_how_many_match_and_how_the_newest_goes_out() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    subscribe(&world, &receiver, &["chat.message"]).await;
    let (alice, ben) = come(&world).await;
    alice.says(&world, "hello").await;
    ben.says(&world, "I want a refund").await;
    let last = alice.says(&world, "a refund, now").await;
    world.settle().await;
    let before = world.events().await;
    let documents = world.get("/api/v1/endpoints").await.items().len();

    let asked = json!({
        "events": ["chat.*", "!chat.started"], "only": { "expression": "data.text contains \"refund\"" },
        "headers": { "Authorization": "Bearer s3cret", "X-Team": "red" },
    });
    let told = preview(&world, asked).await;
    assert_eq!(told["looked_at"], before.len());
    assert_eq!((&told["matched"], &told["by_type"]), (&json!(2), &json!({ "chat.message": 2 })));
    let newest = &told["newest"];
    assert_eq!((&newest["event"], &newest["seq"]), (&last["id"], &last["seq"]));
    assert_eq!((&newest["type"], &newest["error"]), (&json!("chat.message"), &Value::Null));
    // To the byte as it went out.
    let got = receiver.got().into_iter().next_back().expect("it was sent");
    assert_eq!(newest["body"].as_str().map(str::as_bytes), Some(got.body.as_ref()));
    let headers = &newest["headers"];
    for name in ["webhook-id", "content-type", "user-agent"] {
        assert_eq!(headers[name], got.header(name), "{name}");
    }
    for name in ["authorization", "x-team", "webhook-signature"] {
        assert_eq!(headers[name], "***", "{name} is not shown");
    }
    assert!(!told.to_string().contains("s3cret"), "{told}");

    let none = preview(&world, json!({ "events": ["payment.*"] })).await;
    assert_eq!((&none["matched"], &none["newest"]), (&json!(0), &Value::Null));
    world.settle().await;
    assert_eq!(world.events().await, before, "nothing is written");
    assert_eq!(world.get("/api/v1/endpoints").await.items().len(), documents);
    world.finish().await;
}

#[tokio::test]
async fn forms_are_shown_as_they_would_be_and_templates_may_fail() {
    let world = World::start().await;
    let (alice, _) = come(&world).await;
    alice.says(&world, "hello").await;
    world.settle().await;
    let shown =
        async |format: Value| preview(&world, json!({ "format": format })).await["newest"].clone();
    let wotnot = shown(json!({ "kind": "wotnot", "framing": "envelope" })).await;
    let body: Value = serde_json::from_str(wotnot["body"].as_str().expect("a body")).expect("JSON");
    assert_eq!(body["events"][0]["event"]["payload"]["message"]["text"], "hello");

    let good =
        json!({ "kind": "template", "template": "{{ event.type }}", "content_type": "text/plain" });
    let good = shown(good).await;
    assert_eq!((&good["body"], &good["error"]), (&good["type"], &Value::Null));
    // Two values with nothing between them are no JSON.
    let fails = json!({ "kind": "template", "template": "[{{ event.type }}{{ event.type }}]" });
    let fails = shown(fails).await;
    assert_eq!(fails["body"], Value::Null);
    let error = fails["error"].as_str().expect("it says why");
    assert!(error.starts_with("the template fails on this event: "), "{error}");

    for (asked, pointer) in [
        (json!({ "events": ["chat.nothing"] }), "/events/0"),
        (json!({ "only": { "expression": "data.nothing ==" } }), "/only/expression"),
        (json!({ "url": "http://10.0.0.1/" }), "/url"),
    ] {
        let refused = world.post("/api/v1/endpoints/preview", &asked).await;
        assert_eq!((refused.status, refused.pointer()), (422, pointer), "{refused:?}");
    }
    let no_url = world.post("/api/v1/endpoints", &json!({ "events": ["chat.*"] })).await;
    assert_eq!((no_url.status, no_url.pointer()), (422, "/url"), "only a preview needs none");
    world.finish().await;
}
