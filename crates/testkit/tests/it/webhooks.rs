//! Carol's webhooks: signed, in order in each chat, tried until taken, and nobody waits for somebody else's receiver.

mod authorized;
mod away;
mod batched;
mod broken;
mod consent;
mod crowded;
mod filtered;
mod previewed;
mod switched;

use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tidings_api::{Limits, Rate};
use tidings_app::Settings;
use tidings_model::Endpoint;
use tidings_store::{Batch, Body, Delete, DocKey, DocumentQuery, Kind, Put, Scan};
use tidings_testkit::receiver::{Got, Receiver, Reply};
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{Start, World, answer};

use crate::conversation::PIZZERIA;

/// Carol subscribes; gives the endpoint, with its secret.
async fn subscribe(world: &World, receiver: &Receiver, events: &[&str]) -> Value {
    let body = json!({ "url": receiver.url, "events": events, "description": "Carol's" });
    let made = world.post("/api/v1/endpoints", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body
}

fn texts(got: &[Got]) -> Vec<String> {
    got.iter().map(|got| got.text("/data/text")).collect()
}

async fn come(world: &World) -> (Visitor, Visitor) {
    let channel = world.web_channel().await;
    (Visitor::comes(world, channel).await, Visitor::comes(world, channel).await)
}

/// The delivery of an event to an endpoint, as the API tells of it.
async fn delivery_of(world: &World, event: &Value) -> Value {
    let list = world.get("/api/v1/deliveries?limit=1000").await;
    let found = list.items().iter().find(|delivery| delivery["event"] == event["id"]);
    found.expect("a delivery").clone()
}

/// The deliveries to an endpoint, newest first.
async fn deliveries_to(world: &World, endpoint: &Value) -> Vec<Value> {
    let id = endpoint["id"].as_str().expect("an id");
    let list = world.get(&format!("/api/v1/deliveries?limit=1000&endpoint={id}")).await;
    assert_eq!(list.status, 200, "{list:?}");
    list.items().to_vec()
}

/// The documents of a kind, as they are kept.
async fn kept(world: &World, kind: Kind) -> Vec<Value> {
    let query = DocumentQuery { kind, scan: Scan::All, after: None, limit: 1_000 };
    let page = world.app.store().documents(world.workspace, query).await;
    page.expect("documents can be read").documents.into_iter().map(|found| found.body).collect()
}

/// An endpoint, as it is kept.
async fn stored(world: &World, endpoint: &Value) -> Endpoint {
    let key = DocKey::new(Kind::Endpoint, endpoint["id"].as_str().expect("an id"));
    let found = world.app.store().document(world.workspace, &key).await;
    let found = found.expect("it can be read").expect("it is there");
    serde_json::from_value(found.body).expect("an endpoint")
}

/// Changes an endpoint as it is kept; the server sees it when it starts again.
async fn change_stored(world: &World, endpoint: &Value, change: impl FnOnce(&mut Endpoint)) {
    let mut changed = stored(world, endpoint).await;
    change(&mut changed);
    let mut batch = Batch::new(world.workspace);
    let key = DocKey::new(Kind::Endpoint, changed.id);
    let body = Body::of(&changed).expect("it is JSON");
    batch.puts.push(Put { key, expected: None, body, index: Vec::new() });
    world.app.store().commit(batch).await.expect("it is written");
}

/// Removes an endpoint as it is kept; the server sees it when it starts again.
async fn remove_stored(world: &World, endpoint: &Value) {
    let key = DocKey::new(Kind::Endpoint, endpoint["id"].as_str().expect("an id"));
    let mut batch = Batch::new(world.workspace);
    batch.deletes.push(Delete { key, expected: None });
    world.app.store().commit(batch).await.expect("it is written");
}

#[tokio::test]
async fn what_carol_asked_for_comes_signed() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    // Another system's name for `chat.message`.
    let endpoint = subscribe(&world, &receiver, &["message:text"]).await;
    let none = Receiver::start().await;
    subscribe(&world, &none, &["telegramSendLocation"]).await;
    world.publish_good("pizzeria", PIZZERIA).await;
    let alice = Visitor::comes(&world, world.web_channel().await).await;
    let said = alice.says(&world, "hello").await;
    world.settle().await;
    let got = receiver.got();
    assert_eq!(texts(&got), ["hello"]);
    let got = &got[0];
    assert_eq!(got.header("webhook-id"), said["id"]);
    assert_eq!(got.header("content-type"), "application/cloudevents+json");
    let body = got.json();
    assert_eq!((&body["specversion"], &body["id"]), (&json!("1.0"), &said["id"]));
    let hook = Webhook::new(endpoint["secret"].as_str().expect("it is shown once")).expect("good");
    // The server's clock is not the machine's, so the reference library signs anew what it would else verify.
    let at: i64 = got.header("webhook-timestamp").parse().expect("seconds");
    assert_eq!(at, world.app.now().as_second());
    let signed = |body: &[u8]| hook.sign(got.header("webhook-id"), at, body).expect("text");
    assert_eq!(got.header("webhook-signature"), signed(&got.body));
    assert_ne!(got.header("webhook-signature"), signed(b"another body"));
    let id = endpoint["id"].as_str().expect("an id");
    let read = world.get(&format!("/api/v1/endpoints/{id}")).await;
    assert_eq!(read.body["secret"], Value::Null, "it is shown once");
    assert_eq!(none.got().len(), 0);
    let delivery = delivery_of(&world, &said).await;
    assert_eq!((&delivery["status"], &delivery["tries"]), (&json!("delivered"), &json!(1)));
    assert_eq!(delivery["attempts"][0]["status"], 204);
    world.finish().await;
}

#[tokio::test]
async fn an_endpoint_made_on_a_quiet_log_holds_up_nothing() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    // Right behind an event: the place's cursor may not have passed it yet.
    let note = json!({ "type": "note.added", "data": { "text": "before" } });
    assert_eq!(world.post("/api/v1/events", &note).await.status, 201);
    let endpoint = subscribe(&world, &receiver, &["note.added"]).await;
    world.settle().await;
    let path = format!("/api/v1/endpoints/{}", endpoint["id"].as_str().expect("an id"));
    assert_eq!(world.get(&path).await.body["standing"]["behind"], 0);
    assert_eq!(receiver.got().len(), 0, "what was before is not owed");
    world.finish().await;
}

#[tokio::test]
async fn a_chat_whose_head_fails_waits_in_order_and_others_go_on() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    subscribe(&world, &receiver, &["chat.message"]).await;
    let (alice, ben) = come(&world).await;
    receiver.answers(|got| match got.text("/data/text").starts_with("alice") {
        true => Reply::Status(500),
        false => Reply::Status(200),
    });
    let mut said = Vec::new();
    for number in 0..4 {
        said.push(alice.says(&world, &format!("alice {number}")).await);
        ben.says(&world, &format!("ben {number}")).await;
    }
    world.settle().await;
    assert_eq!(texts(&receiver.took()), ["ben 0", "ben 1", "ben 2", "ben 3"]);
    let first: Vec<Got> =
        receiver.got().into_iter().filter(|got| got.text("/data/text") == "alice 0").collect();
    assert_eq!(receiver.got().len(), 5, "what stands behind the head is not tried");

    // A restart keeps what waits, and its place.
    let world = world.restart().await;
    world.settle().await;
    alice.says(&world, "alice 4").await;
    ben.says(&world, "ben 4").await;
    world.settle().await;
    assert_eq!(receiver.got().len(), 6);
    assert_eq!(delivery_of(&world, &said[0]).await["status"], "pending");

    // It fails again, and is put off for longer.
    world.turn(Duration::from_secs(6));
    world.settle().await;
    assert_eq!(receiver.got().len(), 7);
    world.turn(Duration::from_secs(60));
    world.settle().await;
    assert_eq!(receiver.got().len(), 7, "the second pause is five minutes");
    receiver.answers(|_| Reply::Status(200));
    world.turn(Duration::from_secs(300));
    world.settle().await;
    let alices: Vec<Got> = receiver
        .took()
        .into_iter()
        .filter(|got| got.text("/data/text").starts_with("alice"))
        .collect();
    assert_eq!(texts(&alices), ["alice 0", "alice 1", "alice 2", "alice 3", "alice 4"]);
    assert_eq!(alices[0].body, first[0].body, "every try sends the same bytes");
    assert_eq!(alices[0].header("webhook-id"), first[0].header("webhook-id"));
    assert_ne!(alices[0].header("webhook-timestamp"), first[0].header("webhook-timestamp"));
    let delivery = delivery_of(&world, &said[0]).await;
    let statuses: Vec<u64> = delivery["attempts"]
        .as_array()
        .expect("attempts")
        .iter()
        .filter_map(|attempt| attempt["status"].as_u64())
        .collect();
    assert_eq!((statuses, &delivery["tries"]), (vec![500, 500, 200], &json!(3)));
    // The lane is free again.
    alice.says(&world, "alice 5").await;
    world.settle().await;
    assert_eq!(texts(&receiver.took()).last().map(String::as_str), Some("alice 5"));
    world.finish().await;
}

#[tokio::test]
async fn a_receiver_that_asks_for_a_pause_gets_it() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    subscribe(&world, &receiver, &["chat.message"]).await;
    let (alice, ben) = come(&world).await;
    receiver.answers(|got| match got.text("/data/text").as_str() {
        "hello" => Reply::After(429, 120),
        "at once" => Reply::After(503, 0),
        _ => Reply::Status(200),
    });
    let said = alice.says(&world, "hello").await;
    world.settle().await;
    world.turn(Duration::from_secs(119));
    world.settle().await;
    assert_eq!(receiver.got().len(), 1);
    world.turn(Duration::from_secs(1));
    world.settle().await;
    assert_eq!(receiver.got().len(), 2);
    receiver.answers(|got| match got.text("/data/text").as_str() {
        "at once" => Reply::After(503, 0),
        _ => Reply::Status(200),
    });
    world.turn(Duration::from_secs(120));
    world.settle().await;
    let delivery = delivery_of(&world, &said).await;
    assert_eq!(
        (&delivery["status"], &delivery["tries"]),
        (&json!("delivered"), &json!(1)),
        "a pause that was asked for is no failure"
    );
    assert_eq!(delivery["attempts"].as_array().map(Vec::len), Some(3));

    ben.says(&world, "at once").await;
    world.settle().await;
    assert_eq!(receiver.got().len(), 4, "who asks for no pause gets a short one");
    receiver.answers(|_| Reply::Status(200));
    world.turn(Duration::from_secs(1));
    world.settle().await;
    assert_eq!(texts(&receiver.took()), ["hello", "at once"]);
    world.finish().await;
}

#[tokio::test]
async fn nothing_goes_to_a_receiver_that_said_it_is_gone() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    subscribe(&world, &receiver, &["note.added"]).await;
    receiver.answers(|_| Reply::Status(410));
    for text in ["one", "two"] {
        let note = json!({ "type": "note.added", "data": { "text": text } });
        assert_eq!(world.post("/api/v1/events", &note).await.status, 201);
        world.settle().await;
    }
    assert_eq!(texts(&receiver.got()), ["one"]);
    world.finish().await;
}

/// How many chats have something for the receiver that goes away.
const CHATS: usize = 100;

/// How many have something for the one that hangs: more than there may be timers in hand.
const CHATS_OF_HANGING: usize = 400;

async fn open_to_crowds() -> World {
    let limits =
        Limits { per_visitor: Rate::NONE, visitors_per_address: Rate::NONE, ..Limits::default() };
    World::begin(Start { limits, ..Start::default() }).await
}

async fn crowd(world: &World, chats: usize) -> Vec<Visitor> {
    let channel = world.web_channel().await;
    join_all((0..chats).map(|_| Visitor::comes(world, channel))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_gone_is_switched_off_once() {
    let world = open_to_crowds().await;
    let (gone, good) = (Receiver::start().await, Receiver::start().await);
    let endpoint = subscribe(&world, &gone, &["chat.message"]).await;
    subscribe(&world, &good, &["chat.message", "endpoint.disabled"]).await;
    let crowd = crowd(&world, CHATS).await;
    gone.answers(|_| Reply::Status(410));
    join_all(crowd.iter().map(|visitor| visitor.says(&world, "hello"))).await;
    world.settle().await;
    let told = world.events_of("endpoint.disabled").await;
    assert_eq!(told.len(), 1, "it is told once");
    assert_eq!(told[0]["data"]["endpoint"], endpoint["id"]);
    assert_eq!(good.took().len(), CHATS + 1);
    let id = endpoint["id"].as_str().expect("an id");
    let read = world.get(&format!("/api/v1/endpoints/{id}")).await.body;
    assert_eq!(
        (&read["enabled"], &read["disabled_reason"]),
        (&json!(false), &json!("the receiver answered 410"))
    );
    let tried = gone.got().len();
    crowd[0].says(&world, "again").await;
    world.settle().await;
    assert_eq!(gone.got().len(), tried, "nothing more goes there");

    gone.answers(|_| Reply::Status(200));
    let call = world.call(Method::PATCH, &format!("/api/v1/endpoints/{id}"));
    let back = answer(call.json(&json!({ "enabled": true }))).await;
    assert_eq!(
        (&back.body["enabled"], &back.body["disabled_reason"]),
        (&json!(true), &Value::Null)
    );
    crowd[0].says(&world, "welcome back").await;
    world.settle().await;
    assert_eq!(texts(&gone.took()), ["welcome back"]);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_delays_nobody_else() {
    let world = open_to_crowds().await;
    world
        .publish_good(
            "reminder",
            "behaviors: [{name: r, on: chat.started, do: [{wait: 5m}, {note: rings}]}]",
        )
        .await;
    let (hangs, good) = (Receiver::start().await, Receiver::start().await);
    let endpoint = subscribe(&world, &hangs, &["chat.message"]).await;
    subscribe(&world, &good, &["chat.message"]).await;
    hangs.answers(|_| Reply::Never);
    let crowd = crowd(&world, CHATS_OF_HANGING).await;
    join_all(crowd.iter().map(|visitor| visitor.says(&world, "hello"))).await;
    let all_taken = async || {
        // A lane that had to wait for its turn is taken up within a second.
        world.turn(Duration::from_secs(1));
        (good.took().len() == CHATS_OF_HANGING).then_some(())
    };
    world.until("all for the good one", all_taken).await;
    // What is on top of what the receiver may have in hand waits as a document, and holds up no timer either.
    world.turn(Duration::from_secs(300));
    world
        .until("every timer to ring", async || {
            (world.events_of("note.added").await.len() == CHATS_OF_HANGING).then_some(())
        })
        .await;
    let id = endpoint["id"].as_str().expect("an id");
    let waits = world.get(&format!("/api/v1/deliveries?limit=1000&endpoint={id}")).await;
    let ended = |delivery: &&Value| delivery["attempts"] != json!([]);
    assert_eq!(waits.items().iter().filter(ended).count(), 0, "nobody waited for it to give up");
    hangs.answers(|_| Reply::Status(200));
    world
        .until("all for the other one", async || {
            world.turn(Duration::from_secs(30));
            (hangs.took().len() == CHATS_OF_HANGING).then_some(())
        })
        .await;
    world.finish().await;
}

#[tokio::test]
async fn what_failed_is_delivered_again_by_hand() {
    let settings = Settings { retry_delays: Vec::new(), ..Settings::default() };
    let world = World::begin(Start { settings, ..Start::default() }).await;
    let receiver = Receiver::start().await;
    subscribe(&world, &receiver, &["chat.message"]).await;
    let (alice, _) = come(&world).await;
    receiver.answers(|_| Reply::Status(500));
    let said = alice.says(&world, "hello").await;
    world.settle().await;
    let delivery = delivery_of(&world, &said).await;
    assert_eq!(delivery["status"], "failed");
    let path = format!("/api/v1/deliveries/{}/redeliver", delivery["id"].as_str().expect("an id"));
    let failed = world.post(&path, &json!({})).await;
    assert_eq!((failed.status, &failed.body["status"]), (200, &json!("failed")));
    receiver.answers(|_| Reply::Status(200));
    let taken = world.post(&path, &json!({})).await;
    assert_eq!((taken.status, &taken.body["status"]), (200, &json!("delivered")));
    assert_eq!(taken.body["attempts"].as_array().map(Vec::len), Some(3));
    let got = receiver.got();
    assert!(got.iter().all(|each| each.body == got[0].body));
    assert_eq!(got[2].header("webhook-id"), said["id"]);
    let nobody = world
        .post("/api/v1/deliveries/0197c5a0-0000-8000-8000-000000000001/redeliver", &json!({}))
        .await;
    assert_eq!(nobody.status, 404);
    world.finish().await;
}

#[tokio::test]
async fn private_addresses_are_refused_when_asked_for_and_when_connected_to() {
    let world = World::start().await;
    for url in [
        "http://10.0.0.1/hook",
        "http://[::ffff:192.168.0.1]/",
        "http://169.254.169.254/",
        "file:///etc/passwd",
    ] {
        let refused = world.post("/api/v1/endpoints", &json!({ "url": url })).await;
        assert_eq!((refused.status, refused.pointer()), (422, "/url"), "{url}: {refused:?}");
    }
    let receiver = Receiver::start().await;
    subscribe(&world, &receiver, &["chat.message"]).await;
    let (alice, _) = come(&world).await;
    alice.says(&world, "while it was allowed").await;
    world.settle().await;
    // The operator takes the permission away; the endpoint is there already.
    let world = world.restart_as(Start { allow: Vec::new(), ..Start::default() }).await;
    let said = alice.says(&world, "not any more").await;
    world.settle().await;
    assert_eq!(texts(&receiver.got()), ["while it was allowed"]);
    let delivery = delivery_of(&world, &said).await;
    assert_eq!(
        (&delivery["status"], &delivery["attempts"][0]["status"]),
        (&json!("pending"), &Value::Null)
    );
    assert_ne!(delivery["attempts"][0]["error"], Value::Null);
    world.finish().await;
}
