//! Several events in one request: when it goes out, in which order, and what becomes of it when it fails.

use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use tidings_app::Settings;
use tidings_testkit::receiver::{Got, Receiver, Reply};
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{Start, World, answer};

use super::{come, deliveries_to, delivery_of};

/// Long enough that only the world's clock ends it.
const WAIT: Duration = Duration::from_secs(30);

async fn subscribe(world: &World, receiver: &Receiver, more: Value) -> Value {
    let mut asked = json!({
        "url": receiver.url, "events": ["chat.message"], "format": { "kind": "native" },
    });
    let more = more.as_object().expect("an object").clone();
    asked.as_object_mut().expect("an object").extend(more);
    let made = world.post("/api/v1/endpoints", &asked).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body
}

fn of_three() -> Value {
    json!({ "batch": { "events_max": 3, "wait_ms": 30_000 } })
}

fn events(got: &Got) -> Vec<Value> {
    let body = got.json();
    let list = body.as_array().or_else(|| body["events"].as_array());
    list.expect("a list of events").clone()
}

fn texts(got: &Got) -> Vec<String> {
    let text = |event: &Value| event["data"]["text"].as_str().unwrap_or_default().to_owned();
    events(got).iter().map(text).collect()
}

async fn says(world: &World, visitor: &Visitor, words: &[&str]) -> Vec<Value> {
    let mut said = Vec::new();
    for word in words {
        said.push(visitor.says(world, word).await);
    }
    said
}

/// So many requests came.
async fn until_came(world: &World, receiver: &Receiver, requests: usize) {
    let came = async || (receiver.got().len() >= requests).then_some(());
    world.until("the requests", came).await;
}

#[tokio::test]
async fn a_batch_goes_when_it_is_full_or_its_first_event_waited_long_enough() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver, of_three()).await;
    assert_eq!(
        endpoint["batch"],
        json!({ "events_max": 3, "bytes_max": 1_048_576, "wait_ms": 30_000 })
    );
    let (alice, ben) = come(&world).await;
    let mut said = says(&world, &alice, &["a1"]).await;
    said.extend(says(&world, &ben, &["b1"]).await);
    said.extend(says(&world, &alice, &["a2", "a3"]).await);
    until_came(&world, &receiver, 1).await;
    world.settle().await;
    let got = receiver.got();
    assert_eq!(got.len(), 1, "the fourth waits for more");
    assert_eq!(texts(&got[0]), ["a1", "b1", "a2"], "in the order of the log");
    // Each bears its own id, by which a receiver knows it again.
    let ids: Vec<Value> = events(&got[0]).iter().map(|event| event["id"].clone()).collect();
    assert_eq!(ids, [said[0]["id"].clone(), said[1]["id"].clone(), said[2]["id"].clone()]);
    assert!(!ids.contains(&json!(got[0].header("webhook-id"))), "of several it is their own");

    world.turn(WAIT - Duration::from_secs(1));
    world.settle().await;
    assert_eq!(receiver.got().len(), 1, "it is not time yet");
    world.turn(Duration::from_secs(1));
    world.settle().await;
    let got = receiver.got();
    assert_eq!((got.len(), texts(&got[1])), (2, vec!["a3".to_owned()]));
    assert_eq!(got[1].header("webhook-id"), said[3]["id"], "of one it is the event's");
    for event in &said {
        let delivery = delivery_of(&world, event).await;
        assert_eq!((&delivery["status"], &delivery["tries"]), (&json!("delivered"), &json!(1)));
        assert_eq!(delivery["attempts"][0]["status"], 204);
    }
    world.finish().await;
}

#[tokio::test]
async fn it_goes_when_it_has_enough_bytes_and_cloudevents_are_a_list() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    let batch = json!({ "events_max": 1_000, "bytes_max": 4_096, "wait_ms": 60_000 });
    let format = json!({ "kind": "cloudevents_batched" });
    subscribe(&world, &receiver, json!({ "format": format, "batch": batch })).await;
    let (alice, _) = come(&world).await;
    let long: Vec<String> = (0..6).map(|number| format!("{number} {}", "x".repeat(600))).collect();
    let words: Vec<&str> = long.iter().map(String::as_str).collect();
    says(&world, &alice, &words).await;
    until_came(&world, &receiver, 1).await;
    let got = receiver.got();
    assert_eq!(got[0].header("content-type"), "application/cloudevents-batch+json");
    assert!(got[0].json().is_array());
    assert!(got[0].body.len() <= 4_096 && events(&got[0]).len() > 1, "{}", got[0].body.len());
    // One that is bigger than a batch goes by itself.
    let longer = "x".repeat(5_000);
    says(&world, &alice, &[&longer]).await;
    let all_came = async || {
        let took = receiver.took();
        took.iter().any(|got| texts(got) == [longer.as_str()]).then_some(())
    };
    world.until("the long one alone", all_came).await;
    world.settle().await;
    let all: Vec<String> = receiver.took().iter().flat_map(texts).collect();
    assert_eq!(all, [long, vec![longer]].concat());
    world.finish().await;
}

#[tokio::test]
async fn one_that_fails_parks_its_chats_and_the_poison_holds_up_its_own_only() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver, of_three()).await;
    let (alice, ben) = come(&world).await;
    receiver.answers(|got| match texts(got).iter().any(|text| text == "poison") {
        true => Reply::Status(500),
        false => Reply::Status(200),
    });
    says(&world, &alice, &["poison", "after it"]).await;
    let bens = says(&world, &ben, &["b1"]).await;
    until_came(&world, &receiver, 1).await;
    world.settle().await;
    assert_eq!(receiver.took().len(), 0, "it fails as a whole");
    let deliveries = deliveries_to(&world, &endpoint).await;
    assert_eq!(deliveries.len(), 2, "each chat's first bears it: {deliveries:?}");
    for delivery in &deliveries {
        assert_eq!((&delivery["status"], &delivery["tries"]), (&json!("pending"), &json!(1)));
    }
    // Tried again they go alone: a list of one, under its own id.
    world.turn(Duration::from_secs(6));
    world.settle().await;
    let took = receiver.took();
    assert_eq!((took.len(), texts(&took[0])), (1, vec!["b1".to_owned()]));
    assert_eq!(took[0].header("webhook-id"), bens[0]["id"]);
    // Ben's chat goes on in batches, while Alice's waits behind the poison.
    says(&world, &ben, &["b2", "b3", "b4"]).await;
    until_came(&world, &receiver, 4).await;
    world.settle().await;
    assert_eq!(texts(receiver.took().last().expect("a batch")), ["b2", "b3", "b4"]);
    receiver.answers(|_| Reply::Status(200));
    world.turn(Duration::from_secs(331));
    world.settle().await;
    let all: Vec<String> = receiver.took().iter().flat_map(texts).collect();
    assert_eq!(all, ["b1", "b2", "b3", "b4", "poison", "after it"]);
    for delivery in deliveries_to(&world, &endpoint).await {
        assert_eq!(delivery["status"], "delivered", "{delivery:#}");
    }
    world.finish().await;
}

#[tokio::test]
async fn what_waits_for_a_batch_survives_a_restart_and_a_change() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver, of_three()).await;
    let (alice, _) = come(&world).await;
    says(&world, &alice, &["one", "two"]).await;
    world.settle().await;
    assert_eq!(receiver.got().len(), 0);
    let world = world.restart().await;
    world.settle().await;
    says(&world, &alice, &["three"]).await;
    until_came(&world, &receiver, 1).await;
    world.settle().await;
    assert_eq!(texts(&receiver.got()[0]), ["one", "two", "three"]);
    // From now on each goes at once.
    let path = format!("/api/v1/endpoints/{}", endpoint["id"].as_str().expect("an id"));
    let change = json!({ "batch": { "events_max": 1 } });
    let changed = answer(world.call(Method::PATCH, &path).json(&change)).await;
    assert_eq!((changed.status, &changed.body["batch"]["events_max"]), (200, &json!(1)));
    says(&world, &alice, &["four", "five"]).await;
    world.settle().await;
    let all: Vec<Vec<String>> = receiver.took().iter().skip(1).map(texts).collect();
    assert_eq!(all, [["four"], ["five"]]);
    let refused = answer(
        world.call(Method::PATCH, &path).json(&json!({ "format": { "kind": "cloudevents" } })),
    )
    .await;
    assert_eq!((refused.status, refused.pointer()), (422, "/batch"), "{refused:?}");
    let change = json!({ "format": { "kind": "cloudevents" }, "batch": null });
    let changed = answer(world.call(Method::PATCH, &path).json(&change)).await;
    assert_eq!((changed.status, &changed.body["batch"]), (200, &Value::Null), "{changed:?}");
    says(&world, &alice, &["six"]).await;
    world.settle().await;
    let last = receiver.took().pop().expect("it came");
    assert_eq!(last.text("/data/text"), "six", "an event, and no list");
    world.finish().await;
}

#[tokio::test]
async fn what_follows_something_given_up_goes_alone_and_tells_it() {
    let settings = Settings { retry_delays: Vec::new(), ..Settings::default() };
    let world = World::begin(Start { settings, ..Start::default() }).await;
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver, of_three()).await;
    let (alice, ben) = come(&world).await;
    receiver.answers(|_| Reply::Status(500));
    let lost = says(&world, &alice, &["a1", "a2", "a3"]).await;
    until_came(&world, &receiver, 1).await;
    world.settle().await;
    let statuses: Vec<Value> = deliveries_to(&world, &endpoint)
        .await
        .iter()
        .map(|delivery| delivery["status"].clone())
        .collect();
    assert_eq!(statuses, ["failed", "failed", "failed"], "there is no other try");
    receiver.answers(|_| Reply::Status(200));
    says(&world, &ben, &["b1"]).await;
    says(&world, &alice, &["a4"]).await;
    world.settle().await;
    let took = receiver.took();
    assert_eq!((took.len(), texts(&took[0])), (1, vec!["a4".to_owned()]), "it does not wait");
    let last = lost[2]["id"].as_str().expect("an id");
    assert_eq!(took[0].header("webhook-skipped"), format!("3; last=\"{last}\""));
    says(&world, &alice, &["a5", "a6"]).await;
    until_came(&world, &receiver, 3).await;
    world.settle().await;
    let took = receiver.took();
    assert_eq!(texts(&took[1]), ["b1", "a5", "a6"]);
    assert_eq!(took[1].header("webhook-skipped"), "", "it was told");
    world.finish().await;
}

#[tokio::test]
async fn a_request_counts_once_for_the_rate_and_a_job_goes_beside_what_gathers() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    receiver.answers(|got| {
        let origin = got.header("webhook-request-origin").to_owned();
        let headers =
            vec![("webhook-allowed-rate", "60".to_owned()), ("webhook-allowed-origin", origin)];
        Reply::Said(200, headers, String::new())
    });
    let batch = json!({ "events_max": 3, "wait_ms": 30_000 });
    let more = json!({ "batch": batch, "handshake": { "kind": "cloudevents" } });
    let endpoint = subscribe(&world, &receiver, more).await;
    assert_eq!(endpoint["handshake"]["rate_per_minute"], 60);
    let came = || {
        let got = receiver.got();
        got.iter().filter(|got| got.method == Method::POST).map(texts).collect::<Vec<_>>()
    };
    let (alice, ben) = come(&world).await;
    says(&world, &alice, &["a1", "a2", "a3"]).await;
    says(&world, &ben, &["b1", "b2", "b3"]).await;
    let last = world.events_of("chat.message").await.last().expect("a message")["seq"].clone();
    world.settle().await;
    assert_eq!(came(), [["a1", "a2", "a3"]]);
    world.turn(Duration::from_millis(900));
    world.settle().await;
    assert_eq!(came().len(), 1, "none before its time");
    world.turn(Duration::from_millis(200));
    world.settle().await;
    assert_eq!(came()[1..], [["b1", "b2", "b3"]], "six events, two requests");

    says(&world, &alice, &["a4"]).await;
    let id = endpoint["id"].as_str().expect("an id");
    let range = json!({ "from_seq": 1, "to_seq": last });
    let begun = world.post(&format!("/api/v1/endpoints/{id}/replay"), &range).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    for _ in 0..10 {
        world.turn(Duration::from_millis(1_100));
        world.settle().await;
    }
    let mut again = came()[2..].to_vec();
    again.sort();
    assert_eq!(again, [["a1"], ["a2"], ["a3"], ["b1"], ["b2"], ["b3"]], "lists of one");
    world.turn(WAIT);
    world.settle().await;
    assert!(came().last().is_some_and(|last| *last == ["a4"]), "{:?}", came());
    world.finish().await;
}

#[tokio::test]
async fn a_batch_may_be_bigger_than_what_is_in_hand_otherwise() {
    const EVENTS: usize = 300;
    let world = World::start().await;
    let receiver = Receiver::start().await;
    let batch = json!({ "events_max": EVENTS, "bytes_max": 10_485_760, "wait_ms": 60_000 });
    let more = json!({ "events": ["note.added"], "batch": batch });
    let endpoint = subscribe(&world, &receiver, more).await;
    let notes = (0..EVENTS).map(|number| {
        let text = number.to_string();
        let note = json!({ "type": "note.added", "data": { "text": text } });
        let world = &world;
        async move { world.post("/api/v1/events", &note).await.status }
    });
    let accepted = join_all(notes).await;
    assert!(accepted.iter().all(|status| *status == 201), "{accepted:?}");
    until_came(&world, &receiver, 1).await;
    world.settle().await;
    let got = receiver.got();
    assert_eq!((got.len(), events(&got[0]).len()), (1, EVENTS));
    let deliveries = deliveries_to(&world, &endpoint).await;
    assert_eq!(deliveries.len(), EVENTS);
    assert!(deliveries.iter().all(|delivery| delivery["status"] == "delivered"));
    world.finish().await;
}
