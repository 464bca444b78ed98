//! Olga operates the server: its metrics tell her of each endpoint how far behind it is and how it is doing.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use serde_json::json;
use tidings_testkit::receiver::{Receiver, Reply};
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{World, answer};

async fn subscribe(world: &World, receiver: &Receiver) -> String {
    let body = json!({ "url": receiver.url, "events": ["chat.message"], "retry_delays_s": [600] });
    let made = world.post("/api/v1/endpoints", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body["id"].as_str().expect("an id").to_owned()
}

/// The series of an endpoint, by name and other labels.
async fn series(world: &World, endpoint: &str) -> BTreeMap<String, f64> {
    let asked = world.anonymous(Method::GET, "/metrics").send().await.expect("an answer");
    let text = asked.text().await.expect("text");
    let label = format!("{{endpoint=\"{endpoint}\"");
    let mut series = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').expect("a value");
        if let Some((name, rest)) = name.split_once(&label) {
            let name = format!("{}{rest}", name.trim_start_matches("tidings_endpoint_"));
            let value = value.parse().expect("a number");
            assert_eq!(series.insert(name, value), None, "twice: {line}");
        }
    }
    series
}

#[tokio::test]
async fn each_endpoint_has_series_of_its_own_while_it_is_there() {
    let world = World::start().await;
    let (good, bad) = (Receiver::start().await, Receiver::start().await);
    bad.answers(|_| Reply::Status(500));
    let (taking, failing) = (subscribe(&world, &good).await, subscribe(&world, &bad).await);
    let channel = world.web_channel().await;
    let (alice, ben) =
        (Visitor::comes(&world, channel).await, Visitor::comes(&world, channel).await);
    for (visitor, text) in [(&alice, "one"), (&alice, "two"), (&ben, "three")] {
        visitor.says(&world, text).await;
    }
    world.settle().await;
    world.turn(Duration::from_secs(90));
    world.settle().await;
    let of = series(&world, &taking).await;
    let wanted = [
        ("lag_events}", 0.0),
        ("lag_seconds}", 0.0),
        ("in_flight}", 0.0),
        ("parked_lanes}", 0.0),
        ("health}", 0.0),
        ("attempts_total,outcome=\"delivered\"}", 3.0),
        ("attempts_total,outcome=\"again\"}", 0.0),
        ("attempts_total,outcome=\"failed\"}", 0.0),
        ("attempt_seconds_bucket,le=\"+Inf\"}", 3.0),
        ("attempt_seconds_count}", 3.0),
    ];
    for (name, value) in wanted {
        assert_eq!(of.get(name), Some(&value), "{name} of {of:?}");
    }
    let of = series(&world, &failing).await;
    let value = |name: &str| *of.get(name).unwrap_or_else(|| panic!("{name} of {of:?}"));
    // Of each chat the head is owed; what stands behind it is known by the log only.
    assert_eq!((value("lag_events}"), value("parked_lanes}")), (2.0, 2.0));
    assert!((90.0..100.0).contains(&value("lag_seconds}")), "{of:?}");
    assert_eq!(value("attempts_total,outcome=\"again\"}"), 2.0);
    assert_eq!(value("attempts_total,outcome=\"delivered\"}"), 0.0);

    good.answers(|_| Reply::Never);
    alice.says(&world, "hang").await;
    world
        .until("it is under way", async || {
            let of = series(&world, &taking).await;
            (of["in_flight}"] == 1.0 && of["lag_events}"] == 1.0).then_some(())
        })
        .await;
    good.answers(|_| Reply::Status(200));

    let path = format!("/api/v1/endpoints/{failing}");
    assert_eq!(answer(world.call(Method::DELETE, &path)).await.status, 204);
    world
        .until("its series end", async || series(&world, &failing).await.is_empty().then_some(()))
        .await;
    assert!(!series(&world, &taking).await.is_empty(), "the other's go on");
    world.turn(Duration::from_secs(600));
    world.settle().await;
    world.finish().await;
}
