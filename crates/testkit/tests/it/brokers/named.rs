//! Only brokers of the settings can be named, and what is wrong is told by its field.

use http::Method;
use serde_json::{Value, json};
use tidings_testkit::receiver::Receiver;
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{Answer, World, answer};

use super::{naming, subscribe};

/// Two brokers, of which nobody may see more than the names.
const BROKERS: [(&str, &str); 2] =
    [("events", "nats://bob:hidden@10.1.2.3"), ("queues", "amqp://bob:hidden@10.1.2.3")];

fn is_refused(answer: &Answer, pointer: &str, told: &str) {
    assert_eq!((answer.status, answer.pointer()), (422, pointer), "{answer:?}");
    assert!(answer.text.contains(told), "{told} is not in {}", answer.text);
    assert!(!answer.text.contains("hidden") && !answer.text.contains("10.1"), "{}", answer.text);
}

#[tokio::test]
async fn what_is_wrong_is_told_by_its_field() {
    let world = World::begin(naming(&BROKERS)).await;
    let broker = |name: &str, address: &str| json!({ "name": name, "address": address });
    for (broker, pointer, told) in [
        (broker("other", "nats:a"), "/broker/name", "the settings name events, queues"),
        (broker("", "nats:a"), "/broker/name", "is no broker"),
        (broker("nats://10.0.0.1", "nats:a"), "/broker/name", "is no broker"),
        (broker("events", "http://a"), "/broker/address", "must begin with `nats:`"),
        (broker("events", "nats:a.>"), "/broker/address", "subject: must not have"),
        (broker("events", "nats:$JS.API.STREAM.PURGE.A"), "/broker/address", "must not begin"),
        (broker("events", "redis:a"), "/broker/address", "leads to nats"),
        (broker("queues", "rabbitmq:a"), "/broker/address", "exchange: write"),
    ] {
        let made = world.post("/api/v1/endpoints", &json!({ "broker": broker })).await;
        is_refused(&made, pointer, told);
    }
    let good = broker("events", "nats:a");
    let both = json!({ "url": "https://carol.example", "broker": good });
    is_refused(&world.post("/api/v1/endpoints", &both).await, "/broker", "say one of them");
    is_refused(&world.post("/api/v1/endpoints", &json!({})).await, "/url", "or a broker");
    let commands = json!({ "broker": good, "headers": { "Nats-Rollup": "all" } });
    let refused = world.post("/api/v1/endpoints", &commands).await;
    is_refused(&refused, "/headers/Nats-Rollup", "must not begin with `nats-`");
    let several = json!({ "broker": good, "format": { "kind": "native" }, "batch": {} });
    let refused = world.post("/api/v1/endpoints", &several).await;
    is_refused(&refused, "/batch", "gets each event by itself");
    world.finish().await;

    let world = World::start().await;
    let made = world.post("/api/v1/endpoints", &json!({ "broker": good })).await;
    is_refused(&made, "/broker/name", "the settings name none");
    world.finish().await;
}

#[tokio::test]
async fn an_endpoint_moves_from_a_url_to_a_broker_and_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file://{}", folder.path().display());
    let world = World::begin(naming(&[("events", &url)])).await;
    let receiver = Receiver::start().await;
    let body = json!({ "url": receiver.url, "events": ["chat.message"] });
    let made = world.post("/api/v1/endpoints", &body).await;
    assert_eq!((made.status, &made.body["broker"]), (201, &Value::Null), "{made:?}");
    let path = format!("/api/v1/endpoints/{}", made.body["id"].as_str().expect("an id"));
    let change = async |change: &Value| answer(world.call(Method::PATCH, &path).json(change)).await;
    let alice = Visitor::comes(&world, world.web_channel().await).await;
    alice.says(&world, "one").await;
    world.settle().await;

    let broker = json!({ "name": "events", "address": "file:chats" });
    let moved = change(&json!({ "broker": broker })).await;
    assert_eq!((&moved.body["url"], &moved.body["broker"]), (&Value::Null, &broker), "{moved:?}");
    let both = change(&json!({ "broker": broker, "url": receiver.url })).await;
    is_refused(&both, "/broker", "say one of them");
    let other = change(&json!({ "broker": { "name": "other", "address": "file:chats" } })).await;
    is_refused(&other, "/broker/name", "the settings name events");
    alice.says(&world, "two").await;
    world.settle().await;

    let back = change(&json!({ "url": receiver.url })).await;
    assert_eq!((&back.body["url"], &back.body["broker"]), (&json!(receiver.url), &Value::Null));
    alice.says(&world, "three").await;
    world.settle().await;
    let texts: Vec<String> = receiver.got().iter().map(|got| got.text("/data/text")).collect();
    assert_eq!(texts, ["one", "three"]);
    assert_eq!(written(folder.path()), 1);
    world.finish().await;
}

#[tokio::test]
async fn what_a_name_is_owed_that_the_settings_lost_waits_until_it_is_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("file://{}", folder.path().display());
    let world = World::begin(naming(&[("events", &url)])).await;
    subscribe(&world, "file:chats", json!({})).await;
    let world = world.restart_as(naming(&[])).await;
    let alice = Visitor::comes(&world, world.web_channel().await).await;
    alice.says(&world, "hello").await;
    world.settle().await;
    let list = world.get("/api/v1/deliveries").await;
    let delivery = &list.items()[0];
    assert_eq!(delivery["status"], "pending");
    let error = delivery["attempts"][0]["error"].as_str().expect("why");
    assert!(error.contains("the settings name no connection \"events\""), "{error}");
    assert_eq!(delivery["attempts"][0]["code"], "broker_unknown");
    let request = format!("/api/v1/deliveries/{}/request", delivery["id"].as_str().expect("an id"));
    assert_eq!(world.get(&request).await.code(), "no_request", "it is a message");
    let world = world.restart_as(naming(&[("events", &url)])).await;
    world.turn(std::time::Duration::from_secs(10));
    world.until("it to come", async || (written(folder.path()) == 1).then_some(())).await;
    world.finish().await;
}

/// How many lines are in a folder.
fn written(folder: &std::path::Path) -> usize {
    let files = std::fs::read_dir(folder).expect("a folder");
    let text = |file: std::fs::DirEntry| std::fs::read_to_string(file.path()).expect("text");
    files.map(|file| text(file.expect("a file")).lines().count()).sum()
}
