//! Carol looks at what was sent to her, and gives up what she does not want.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};
use tidings_app::Settings;
use tidings_app::admin::tokens::Right;
use tidings_app::admin::{tokens, workspaces};
use tidings_testkit::bus::Trouble;
use tidings_testkit::nodes::Nodes;
use tidings_testkit::receiver::{Got, Receiver, Reply};
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{Start, World, answer};

async fn subscribe(world: &World, receiver: &Receiver) -> String {
    let body = json!({ "url": receiver.url, "events": ["chat.message"] });
    let made = world.post("/api/v1/endpoints", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    id_of(&made.body)
}

fn id_of(thing: &Value) -> String {
    thing["id"].as_str().expect("an id").to_owned()
}

fn texts(got: &[Got]) -> Vec<String> {
    got.iter().map(|got| got.text("/data/text")).collect()
}

/// The deliveries that stand so, newest first.
async fn listed(world: &World, status: &str) -> Vec<Value> {
    world.get(&format!("/api/v1/deliveries?status={status}")).await.items().to_vec()
}

#[tokio::test]
async fn who_gives_a_head_up_lets_its_chat_go_on() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    subscribe(&world, &receiver).await;
    let alice = Visitor::comes(&world, world.web_channel().await).await;
    receiver.answers(|got| match got.text("/data/text").as_str() {
        "one" => Reply::Status(500),
        _ => Reply::Status(200),
    });
    for text in ["one", "two", "three"] {
        alice.says(&world, text).await;
    }
    world.settle().await;
    assert_eq!(texts(&receiver.got()), ["one"], "what stands behind it waits");
    let pending = listed(&world, "pending").await;
    assert_eq!(pending.len(), 1);
    let path = format!("/api/v1/deliveries/{}/cancel", id_of(&pending[0]));
    let cancelled = world.post(&path, &json!({})).await;
    assert_eq!(
        (cancelled.status, &cancelled.body["status"], &cancelled.body["reason"]),
        (200, &json!("failed"), &json!("cancelled"))
    );
    assert_eq!(cancelled.body["next_at"], Value::Null);
    world.settle().await;
    assert_eq!(texts(&receiver.got()), ["one", "two", "three"], "at once, and in order");
    assert_eq!(listed(&world, "pending").await.len(), 0);
    let again = world.post(&path, &json!({})).await;
    assert_eq!((again.status, again.code()), (409, "not_pending"));

    // Who wants it after all asks for it by hand.
    receiver.answers(|_| Reply::Status(200));
    let by_hand = world.post(&path.replace("cancel", "redeliver"), &json!({})).await;
    assert_eq!(
        (&by_hand.body["status"], &by_hand.body["reason"]),
        (&json!("delivered"), &Value::Null)
    );
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_goes_on_whichever_node_is_asked_for_its_head() {
    let nodes = Nodes::start(2, Trouble::default()).await;
    let receiver = Receiver::start().await;
    receiver.answers(|got| match got.text("/data/text").as_str() {
        "gone" | "by hand" => Reply::Status(500),
        _ => Reply::Status(200),
    });
    // Of two nodes one is not where an endpoint's reader is.
    for world in nodes.all() {
        subscribe(world, &receiver).await;
    }
    for world in nodes.all() {
        let alice = Visitor::comes(world, world.web_channel().await).await;
        for text in ["gone", "by hand", "last"] {
            alice.says(world, text).await;
        }
    }
    // Each endpoint gets what each chat says; what waits is looked at once all of it was tried.
    let came = |text: &str| texts(&receiver.got()).iter().filter(|came| *came == text).count();
    let waiting = async |text: &str| {
        let look = async || {
            let pending = listed(nodes.at(0), "pending").await;
            let is_written =
                |one: &Value| one["attempts"].as_array().is_some_and(|all| all.len() == 1);
            let all = came(text) == 4 && pending.len() == 4 && pending.iter().all(is_written);
            all.then_some(pending)
        };
        nodes.at(0).until(text, look).await
    };
    for (place, delivery) in waiting("gone").await.iter().enumerate() {
        let path = format!("/api/v1/deliveries/{}/cancel", id_of(delivery));
        assert_eq!(nodes.at(place % 2).post(&path, &json!({})).await.body["status"], "failed");
    }
    let pending = waiting("by hand").await;
    receiver.answers(|_| Reply::Status(200));
    for (place, delivery) in pending.iter().rev().enumerate() {
        let path = format!("/api/v1/deliveries/{}/redeliver", id_of(delivery));
        assert_eq!(nodes.at(place % 2).post(&path, &json!({})).await.body["status"], "delivered");
    }
    let last = async || (came("last") == 4).then_some(());
    nodes.at(0).until("what comes after", last).await;
    nodes.finish().await;
}

#[tokio::test]
async fn what_is_given_up_while_it_is_tried_stays_given_up() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    subscribe(&world, &receiver).await;
    let alice = Visitor::comes(&world, world.web_channel().await).await;
    receiver.answers(|_| Reply::Status(500));
    alice.says(&world, "one").await;
    alice.says(&world, "two").await;
    world.settle().await;
    let pending = listed(&world, "pending").await;
    receiver.answers(|_| Reply::Never);
    world.turn(std::time::Duration::from_secs(60));
    world.until("another try", async || (receiver.got().len() == 2).then_some(())).await;
    let path = format!("/api/v1/deliveries/{}", id_of(&pending[0]));
    assert_eq!(world.post(&format!("{path}/cancel"), &json!({})).await.status, 200);
    // Who was left waiting is sent away with a 500; what comes then is taken.
    receiver.answers(|_| Reply::Status(200));
    world.settle().await;
    assert_eq!(texts(&receiver.took()), ["two"]);
    assert_eq!(world.get(&path).await.body["reason"], "cancelled");
    world.finish().await;
}

#[tokio::test]
async fn what_is_given_up_while_somebody_tries_it_by_hand_keeps_both() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    subscribe(&world, &receiver).await;
    let alice = Visitor::comes(&world, world.web_channel().await).await;
    receiver.answers(|_| Reply::Status(500));
    alice.says(&world, "one").await;
    world.settle().await;
    let path = format!("/api/v1/deliveries/{}", id_of(&listed(&world, "pending").await[0]));
    receiver.answers(|_| Reply::Never);
    let meanwhile = async {
        world.until("the try", async || (receiver.got().len() == 2).then_some(())).await;
        assert_eq!(world.post(&format!("{path}/cancel"), &json!({})).await.status, 200);
        // Who was left waiting is sent away with a 500.
        receiver.answers(|_| Reply::Status(200));
    };
    let (redelivery, none) = (format!("{path}/redeliver"), json!({}));
    let (tried, ()) = tokio::join!(world.post(&redelivery, &none), meanwhile);
    assert_eq!((tried.status, &tried.body["reason"]), (200, &json!("cancelled")), "{tried:?}");
    assert_eq!(tried.body["attempts"].as_array().map(Vec::len), Some(2));
    assert_eq!(world.get(&path).await.body, tried.body);
    world.settle().await;
    world.finish().await;
}

#[tokio::test]
async fn what_is_skipped_is_told_with_what_follows_and_by_a_notice() {
    let minute = std::time::Duration::from_secs(60);
    let settings = Settings { retry_delays: vec![minute], ..Settings::default() };
    let world = World::begin(Start { settings, ..Start::default() }).await;
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver).await;
    let channel = world.web_channel().await;
    let (alice, ben) =
        (Visitor::comes(&world, channel).await, Visitor::comes(&world, channel).await);
    receiver.answers(|got| match got.text("/data/text").as_str() {
        "one" | "two" => Reply::Status(500),
        _ => Reply::Status(200),
    });
    alice.says(&world, "one").await;
    let two = alice.says(&world, "two").await;
    ben.says(&world, "ben").await;
    world.settle().await;
    assert_eq!(world.events_of("endpoint.delivery_failed").await.len(), 0);
    for _ in 0..2 {
        world.turn(2 * minute);
        world.settle().await;
    }
    // Nothing of the chat is left to be sent: what comes next tells, even after a restart.
    let settings = Settings { retry_delays: vec![minute], ..Settings::default() };
    let world = world.restart_as(Start { settings, ..Start::default() }).await;
    for text in ["three", "four"] {
        alice.says(&world, text).await;
        world.settle().await;
    }
    let took = receiver.took();
    assert_eq!(texts(&took), ["ben", "three", "four"]);
    let marks: Vec<&str> = took.iter().map(|got| got.header("webhook-skipped")).collect();
    let last = format!("2; last=\"{}\"", id_of(&two));
    assert_eq!(marks, ["", last.as_str(), ""]);
    let told = world.events_of("endpoint.delivery_failed").await;
    let counts: Vec<u64> =
        told.iter().filter_map(|event| event["data"]["count"].as_u64()).collect();
    assert_eq!(counts, [1, 1], "{told:?}");
    let last = &told[1]["data"];
    assert_eq!((&last["endpoint"], &last["event"]), (&json!(endpoint), &two["id"]));
    assert_eq!((&last["event_type"], &last["status"]), (&json!("chat.message"), &json!(500)));
    assert_eq!(last["code"], "not_taken");
    world.finish().await;
}

#[tokio::test]
async fn many_that_fail_are_told_together() {
    let settings = Settings { retry_delays: Vec::new(), ..Settings::default() };
    let world = World::begin(Start { settings, ..Start::default() }).await;
    let receiver = Receiver::start().await;
    receiver.answers(|_| Reply::Status(500));
    let body = json!({ "url": receiver.url });
    assert_eq!(world.post("/api/v1/endpoints", &body).await.status, 201);
    let note = json!({ "type": "note.added", "data": { "text": "hello" } });
    for _ in 0..5 {
        assert_eq!(world.post("/api/v1/events", &note).await.status, 201);
        world.settle().await;
    }
    for _ in 0..5 {
        world.turn(std::time::Duration::from_secs(61));
        world.settle().await;
    }
    let told = world.events_of("endpoint.delivery_failed").await;
    let count = |event: &Value| event["data"]["count"].as_u64().expect("a number");
    // The notices were owed to it as well; of them nothing is told.
    let health = world.events_of("endpoint.health_changed").await.len() as u64;
    assert_eq!(told.iter().map(count).sum::<u64>(), 5 + health, "{told:?}");
    assert!(told.len() <= 3, "{told:?}");
    world.finish().await;
}

#[tokio::test]
async fn one_workspace_does_not_see_anothers_deliveries() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    subscribe(&world, &receiver).await;
    let alice = Visitor::comes(&world, world.web_channel().await).await;
    receiver.answers(|_| Reply::Status(500));
    alice.says(&world, "ours").await;
    world.settle().await;
    let id = id_of(&listed(&world, "pending").await[0]);
    let other = workspaces::create(&world.app, "other").await.expect("a workspace");
    let rights = BTreeSet::from([Right::Read, Right::Write, Right::Admin]);
    let made = tokens::create(&world.app, other.workspace(), "other", rights, None).await;
    let (_, theirs) = made.expect("a token");
    for (method, what) in [
        (Method::GET, ""),
        (Method::GET, "/request"),
        (Method::POST, "/cancel"),
        (Method::POST, "/redeliver"),
    ] {
        let path = format!("/api/v1/deliveries/{id}{what}");
        let refused = answer(world.anonymous(method, &path).bearer_auth(&theirs)).await;
        assert_eq!((refused.status, refused.code()), (404, "not_found"), "{path}");
    }
    assert_eq!(listed(&world, "pending").await.len(), 1);
    world.finish().await;
}
