//! What Carol's webhooks look like: the form that she asked for, her own headers, and the keys that sign.

use std::time::Duration;

use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tidings_testkit::receiver::{Got, Receiver, Reply};
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::World;
use tidings_wire::standard_webhooks::{Received, TOLERANCE_S, VerifyingKey, verify_with};

/// Carol subscribes to messages with what else she says; gives the endpoint, with its secret.
async fn subscribe(world: &World, receiver: &Receiver, more: Value) -> Value {
    let mut body = json!({ "url": receiver.url, "events": ["chat.message"] });
    let more = more.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(more);
    let made = world.post("/api/v1/endpoints", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body
}

/// Alice says something; gives the event, and what came.
async fn said(world: &World, receiver: &Receiver, text: &str) -> (Value, Got) {
    let alice = Visitor::comes(world, world.web_channel().await).await;
    let event = alice.says(world, text).await;
    world.settle().await;
    let got = receiver.got();
    (event, got.into_iter().next_back().expect("a delivery"))
}

async fn in_form(format: Value) -> (World, Value, Got) {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    subscribe(&world, &receiver, json!({ "format": format })).await;
    let (event, got) = said(&world, &receiver, "Größe \"L\"").await;
    (world, event, got)
}

#[tokio::test]
async fn the_native_form_is_the_event_as_the_api_gives_it() {
    let (world, event, got) = in_form(json!({ "kind": "native" })).await;
    assert_eq!(got.header("content-type"), "application/json");
    let id = event["id"].as_str().expect("an id");
    let read = world.get(&format!("/api/v1/events/{id}")).await;
    assert_eq!(got.json(), read.body);
    assert_eq!(
        (&got.json()["seq"], &got.json()["order"]),
        (&read.body["seq"], &read.body["order"])
    );
    world.finish().await;
}

#[tokio::test]
async fn cloudevents_come_in_headers_or_in_a_list() {
    let (world, event, got) = in_form(json!({ "kind": "cloudevents_binary" })).await;
    assert_eq!(got.header("content-type"), "application/json");
    assert_eq!((got.header("ce-specversion"), got.header("ce-id")), ("1.0", id(&event)));
    assert_eq!(got.header("ce-seq"), event["seq"].to_string());
    assert_eq!(got.json(), json!({ "text": "Größe \"L\"" }));
    world.finish().await;
    let (world, event, got) = in_form(json!({ "kind": "cloudevents_batched" })).await;
    assert_eq!(got.header("content-type"), "application/cloudevents-batch+json");
    assert_eq!(
        (got.json().as_array().map(Vec::len), got.text("/0/id")),
        (Some(1), id(&event).into())
    );
    world.finish().await;
}

fn id(event: &Value) -> &str {
    event["id"].as_str().expect("an id")
}

#[tokio::test]
async fn a_template_of_ones_own_writes_what_it_says() {
    let template = r#"{"what": "{{ event.type }}", "said": "{{ event.data.text }}"}"#;
    let (world, _, got) = in_form(json!({ "kind": "template", "template": template })).await;
    assert_eq!(got.json(), json!({ "what": "chat.message", "said": "Größe \"L\"" }));
    world.finish().await;
    let text = json!({ "kind": "template", "template": "{{ event.data.text }}!", "content_type": "text/plain" });
    let (world, _, got) = in_form(text).await;
    assert_eq!(got.header("content-type"), "text/plain");
    assert_eq!(got.body.as_ref(), "Größe \"L\"!".as_bytes());
    world.finish().await;
}

#[tokio::test]
async fn wotnots_form_is_the_same_at_every_try() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    let format = json!({ "kind": "wotnot", "framing": "envelope", "extensions": true });
    subscribe(&world, &receiver, json!({ "format": format })).await;
    receiver.answers(|_| Reply::Status(500));
    let (event, first) = said(&world, &receiver, "hello").await;
    let record = &first.json()["events"][0];
    assert_eq!(record["event"]["type"], "message");
    assert_eq!(record["event"]["payload"]["message"], json!({ "type": "text", "text": "hello" }));
    assert_eq!((&record["event_id"], &record["seq"]), (&event["id"], &event["seq"]));
    receiver.answers(|_| Reply::Status(200));
    world.turn(Duration::from_secs(6));
    world.settle().await;
    let took = receiver.took();
    assert_eq!((took.len(), &took[0].body), (1, &first.body));
    // What has no form there is not owed, and holds up nothing.
    let asked =
        json!({ "url": receiver.url, "events": ["note.*"], "format": { "kind": "wotnot" } });
    assert_eq!(world.post("/api/v1/endpoints", &asked).await.status, 201);
    let asked =
        json!({ "url": receiver.url, "events": ["endpoint.*"], "format": { "kind": "wotnot" } });
    let refused = world.post("/api/v1/endpoints", &asked).await;
    assert_eq!((refused.status, refused.pointer()), (422, "/events"), "{refused:?}");
    world.finish().await;
}

#[tokio::test]
async fn both_keys_sign_until_receivers_know_the_new_one() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver, json!({})).await;
    let path = format!("/api/v1/endpoints/{}/rotate_secret", id(&endpoint));
    let rotated = world.post(&path, &json!({ "overlap_s": 3600 })).await;
    assert_eq!(rotated.status, 200, "{rotated:?}");
    let (old, new) = (endpoint["secret"].clone(), rotated.body["secret"].clone());
    assert_ne!(old, new);
    let signed = |secret: &Value, got: &Got| {
        let hook = Webhook::new(secret.as_str().expect("a secret")).expect("good");
        let at: i64 = got.header("webhook-timestamp").parse().expect("seconds");
        hook.sign(got.header("webhook-id"), at, &got.body).expect("text")
    };
    let (_, got) = said(&world, &receiver, "now").await;
    let both = format!("{} {}", signed(&new, &got), signed(&old, &got));
    assert_eq!(got.header("webhook-signature"), both);
    world.turn(Duration::from_secs(3_601));
    let (_, got) = said(&world, &receiver, "later").await;
    assert_eq!(got.header("webhook-signature"), signed(&new, &got), "the old one is over");
    let too_long = world.post(&path, &json!({ "overlap_s": 604_801 })).await;
    assert_eq!((too_long.status, too_long.pointer()), (422, "/overlap_s"));
    world.finish().await;
}

#[tokio::test]
async fn a_receiver_may_know_the_public_key_only() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver, json!({ "signature": "v1a" })).await;
    let public = endpoint["public_key"].as_str().expect("a public key");
    assert!(public.starts_with("whpk_"), "{public}");
    assert_eq!(endpoint["secret"], public);
    let (_, got) = said(&world, &receiver, "hello").await;
    let key: VerifyingKey = public.parse().expect("a key");
    let received = Received {
        id: got.header("webhook-id"),
        timestamp: got.header("webhook-timestamp"),
        signature: got.header("webhook-signature"),
    };
    let now = world.app.now().as_second();
    verify_with(received, &got.body, &[key], now, TOLERANCE_S).expect("it is signed");
    let read = world.get(&format!("/api/v1/endpoints/{}", id(&endpoint))).await;
    assert_eq!((&read.body["public_key"], &read.body["secret"]), (&json!(public), &Value::Null));
    world.finish().await;
}

#[tokio::test]
async fn headers_of_ones_own_go_out_and_are_not_shown() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    let headers = json!({ "Authorization": "Bearer s3cret", "X-Team": "red" });
    let endpoint = subscribe(&world, &receiver, json!({ "headers": headers })).await;
    assert_eq!(endpoint["headers"], json!(["Authorization", "X-Team"]));
    let (_, got) = said(&world, &receiver, "hello").await;
    assert_eq!((got.header("authorization"), got.header("x-team")), ("Bearer s3cret", "red"));
    let read = world.get(&format!("/api/v1/endpoints/{}", id(&endpoint))).await;
    assert!(!read.body.to_string().contains("s3cret"), "{read:?}");
    for (name, value) in [("Webhook-Id", "1"), ("host", "x"), ("a b", "x"), ("X-Y", "a\r\nB: c")] {
        let mut asked = json!({ "url": receiver.url });
        asked["headers"] = json!({ name: value });
        let refused = world.post("/api/v1/endpoints", &asked).await;
        assert_eq!(refused.status, 422, "{name}: {refused:?}");
        assert!(refused.pointer().starts_with("/headers/"), "{refused:?}");
    }
    world.finish().await;
}

#[tokio::test]
async fn what_an_endpoint_may_be_told_is_checked_field_by_field() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    for (more, pointer) in [
        (json!({ "deadline_ms": 10 }), "/deadline_ms"),
        (json!({ "in_flight_max": 0 }), "/in_flight_max"),
        (json!({ "retry_delays_s": [5, 0] }), "/retry_delays_s/1"),
        (json!({ "format": { "kind": "template" } }), "/format/template"),
        (
            json!({ "format": { "kind": "template", "template": "{{ nothing }}" } }),
            "/format/template",
        ),
        (json!({ "format": { "kind": "native", "template": "x" } }), "/format/template"),
        (json!({ "format": { "kind": "native", "framing": "bare" } }), "/format/framing"),
        (json!({ "events": ["chat.*", "chat.nothing"] }), "/events/1"),
        (json!({ "events": ["!wotnott:*"] }), "/events/0"),
        (json!({ "events": ["chat.file", "!chat.*"] }), "/events"),
        (json!({ "only": { "groups": [0, 77] } }), "/only/groups/1"),
        (
            json!({ "format": { "kind": "native" }, "batch": { "events_max": 0 } }),
            "/batch/events_max",
        ),
        (
            json!({ "format": { "kind": "native" }, "batch": { "bytes_max": 9 } }),
            "/batch/bytes_max",
        ),
        (
            json!({ "format": { "kind": "native" }, "batch": { "wait_ms": 60001 } }),
            "/batch/wait_ms",
        ),
        (json!({ "batch": {} }), "/batch"),
    ] {
        let mut asked = json!({ "url": receiver.url });
        asked
            .as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("an object").clone());
        let refused = world.post("/api/v1/endpoints", &asked).await;
        assert_eq!((refused.status, refused.pointer()), (422, pointer), "{refused:?}");
    }
    world.finish().await;
}

#[tokio::test]
async fn only_what_an_endpoint_wants_of_its_types_comes() {
    let world = World::start().await;
    let (refunds, phones, agents) =
        (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    let condition = "data.text contains \"refund\" and exists(data.text)";
    subscribe(&world, &refunds, json!({ "only": { "expression": condition } })).await;
    subscribe(&world, &phones, json!({ "only": { "channels": ["telegram"] } })).await;
    subscribe(&world, &agents, json!({ "only": { "authors": ["agent"] } })).await;
    let alice = Visitor::comes(&world, world.web_channel().await).await;
    for text in ["hello", "I want a refund", "thanks"] {
        alice.says(&world, text).await;
    }
    world.settle().await;
    let texts: Vec<String> = refunds.got().iter().map(|got| got.text("/data/text")).collect();
    assert_eq!(texts, ["I want a refund"]);
    assert_eq!((phones.got().len(), agents.got().len()), (0, 0));
    for expression in ["data.rating <=", "data.nothing == 1", "data.text == 1"] {
        let asked = json!({
            "url": refunds.url, "events": ["chat.message"], "only": { "expression": expression },
        });
        let refused = world.post("/api/v1/endpoints", &asked).await;
        assert_eq!((refused.status, refused.pointer()), (422, "/only/expression"), "{refused:?}");
    }
    world.finish().await;
}
