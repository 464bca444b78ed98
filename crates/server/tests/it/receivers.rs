//! The receivers of `docs/receivers`, each as its readers would start it: against one list of deliveries, genuine and not,
//! and against what goes wrong between two servers. They need their languages; `cargo xtask test` installs them.

mod kit;

use serde_json::{Value, json};
use tidings_testkit::receiver_cases::{cases, signed};

use self::kit::{Kit, now_s};
use crate::installation::{Installation, eventually};

/// Longer than any test: what is missing is waited for in vain.
const WAITS_LONG: &str = "3600000";

/// What is missing is fetched soon.
const WAITS_SHORTLY: &str = "50";

#[tokio::test]
async fn the_receiver_in_javascript_works() {
    works(Kit::javascript()).await;
}

#[tokio::test]
async fn the_receiver_in_python_works() {
    works(Kit::python()).await;
}

#[tokio::test]
async fn the_receiver_in_go_works() {
    works(Kit::go()).await;
}

#[tokio::test]
async fn the_receiver_in_php_works() {
    works(Kit::php()).await;
}

#[tokio::test]
async fn the_receiver_in_ruby_works() {
    works(Kit::ruby()).await;
}

#[tokio::test]
async fn the_receiver_in_java_works() {
    works(Kit::java()).await;
}

async fn works(kit: Kit) {
    every_case_is_answered_and_handled_once(&kit).await;
    order_is_restored_and_survives_a_crash(&kit).await;
    what_is_missing_is_fetched(&kit).await;
}

async fn every_case_is_answered_and_handled_once(kit: &Kit) {
    let mut receiver = kit.start(&[("GAP_WAIT_MS", WAITS_LONG)]).await;
    let cases = cases(now_s());
    for case in &cases {
        assert_eq!(receiver.post(case).await, case.status, "{}: {case:?}", kit.name);
    }
    let good: Vec<&str> = cases
        .iter()
        .filter(|case| case.status == 204)
        .map(|case| case.header("webhook-id"))
        .collect();
    // Each comes again, also after a crash.
    for round in ["at once", "after a crash"] {
        for case in cases.iter().filter(|case| case.status == 204) {
            assert_eq!(receiver.post(case).await, 204, "{} {round}: {case:?}", kit.name);
        }
        receiver.settle().await;
        receiver.crash();
        receiver.start_again().await;
    }
    let mut handled: Vec<String> = receiver.handled().into_iter().map(|(id, _)| id).collect();
    handled.sort_unstable();
    let mut good: Vec<&str> = good;
    good.sort_unstable();
    assert_eq!(handled, good, "{}: each good one is handled once, and no other", kit.name);
}

async fn order_is_restored_and_survives_a_crash(kit: &Kit) {
    let mut receiver = kit.start(&[("GAP_WAIT_MS", WAITS_LONG)]).await;
    let orders = async |receiver: &kit::Receiver, expected: &[u64]| {
        eventually("they are handled", async || receiver.handled().len() >= expected.len()).await;
        let orders: Vec<u64> = receiver.handled().into_iter().map(|(_, order)| order).collect();
        assert_eq!(orders, expected, "{}", kit.name);
    };
    let message = |order: u64| event(&format!("in-order-{order}"), Some(order), order);
    for order in [1, 3, 2, 5] {
        assert_eq!(receiver.post(&message(order)).await, 204, "{}", kit.name);
    }
    orders(&receiver, &[1, 2, 3]).await;
    receiver.settle().await;
    receiver.crash();
    receiver.start_again().await;
    for order in [2, 6, 5, 4] {
        assert_eq!(receiver.post(&message(order)).await, 204, "{}", kit.name);
    }
    orders(&receiver, &[1, 2, 3, 4, 5, 6]).await;
}

/// The real server knows what did not arrive.
async fn what_is_missing_is_fetched(kit: &Kit) {
    let installation = Installation::new();
    let server = installation.start().await;
    let page = json!({ "kind": "web", "name": "page", "settings": {} });
    let channel = installation.post("/api/v1/channels", &page).await.body["id"].clone();
    let channel = channel.as_str().expect("an id");
    let alice = installation.visitor(channel).await;
    for text in ["one", "two", "three", "four", "five"] {
        installation.write(channel, &alice, text).await;
    }
    let events: Vec<Value> =
        installation.events().await.into_iter().filter(|event| event["order"].is_u64()).collect();
    let count = events.len();
    assert!(count > 5, "a thread with five messages: {events:?}");

    let url = installation.url();
    let receiver = kit.start(&[("GAP_WAIT_MS", WAITS_SHORTLY), ("TIDINGS_URL", &url)]).await;
    // The first and the last arrive, and what was fetched arrives late.
    for event in [&events[0], &events[count - 1]] {
        assert_eq!(receiver.post(&as_delivered(event)).await, 204, "{}", kit.name);
    }
    eventually("all are handled", async || receiver.handled().len() >= count).await;
    assert_eq!(receiver.post(&as_delivered(&events[2])).await, 204, "{}", kit.name);
    let expected: Vec<(String, u64)> = events
        .iter()
        .map(|event| {
            (
                event["id"].as_str().expect("an id").to_owned(),
                event["order"].as_u64().expect("a number"),
            )
        })
        .collect();
    assert_eq!(receiver.handled(), expected, "{}", kit.name);

    // When nobody knows what is missing, it goes on without.
    server.stop().await;
    let thread = events[0]["thread"].as_str().expect("a thread");
    let lonely = json!({ "id": "lonely", "type": "chat.message", "thread": thread, "subject": events[0]["chat"],
        "order": (count + 2).to_string(), "seq": "1000" });
    let lonely = signed("lonely", &lonely.to_string(), now_s());
    assert_eq!(receiver.post(&lonely).await, 204, "{}", kit.name);
    eventually("it goes on", async || receiver.handled().len() > count).await;
    assert_eq!(receiver.handled()[count].0, "lonely", "{}", kit.name);
}

fn event(id: &str, order: Option<u64>, seq: u64) -> tidings_testkit::receiver_cases::Case {
    let mut body =
        json!({ "specversion": "1.0", "id": id, "type": "chat.message", "seq": seq.to_string() });
    if let Some(order) = order {
        body["order"] = order.to_string().into();
        body["subject"] = "01890000-0000-7000-8000-00000000000c".into();
        body["thread"] = "01890000-0000-7000-8000-00000000000d".into();
    }
    signed(id, &body.to_string(), now_s())
}

/// An event of the API in the form of a webhook.
fn as_delivered(event: &Value) -> tidings_testkit::receiver_cases::Case {
    let id = event["id"].as_str().expect("an id");
    let body = json!({ "specversion": "1.0", "id": id, "type": event["type"], "subject": event["chat"],
        "thread": event["thread"], "order": event["order"].to_string(), "seq": event["seq"].to_string() });
    signed(id, &body.to_string(), now_s())
}
