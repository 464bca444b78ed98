//! Receivers that are away, or ask for a pause: seldom tried, and everything comes in order when they are back.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tidings_app::Settings;
use tidings_store::Kind;
use tidings_testkit::receiver::{Receiver, Reply};
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{Start, World, answer};

use super::{come, crowd, deliveries_to, kept, open_to_crowds, subscribe, texts};

/// How many chats have something for the receiver.
const CHATS: usize = 12;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// What the log says of the receivers' health.
async fn states(world: &World) -> Vec<String> {
    let told = world.events_of("endpoint.health_changed").await;
    told.iter().map(|event| event["data"]["state"].as_str().unwrap_or_default().into()).collect()
}

async fn all_say(world: &World, crowd: &[Visitor], word: &str) {
    for (chat, visitor) in crowd.iter().enumerate() {
        visitor.says(world, &format!("{chat} {word}")).await;
    }
    world.settle().await;
}

/// Time goes by, in so many steps.
async fn go_by(world: &World, steps: u32, step: Duration) {
    for _ in 0..steps {
        world.turn(step);
        world.settle().await;
    }
}

#[tokio::test]
async fn who_is_away_for_a_day_is_tried_seldom_and_gets_all_in_order() {
    let world = open_to_crowds().await;
    let receiver = Receiver::start().await;
    subscribe(&world, &receiver, &["chat.message"]).await;
    let crowd = crowd(&world, CHATS).await;
    receiver.answers(|_| Reply::Status(500));
    all_say(&world, &crowd, "one").await;
    assert_eq!(states(&world).await, ["degraded"]);
    go_by(&world, 2, MINUTE).await;
    assert_eq!(states(&world).await, ["degraded", "paused"]);
    let tries_until_paused = receiver.got().len();
    assert!(tries_until_paused <= CHATS * 3, "{tries_until_paused} tries until it was paused");
    for word in ["two", "three"] {
        go_by(&world, 20, 10 * MINUTE).await;
        all_say(&world, &crowd, word).await;
    }
    go_by(&world, 17, HOUR).await;
    // The last of the pauses between probes is a quarter of an hour.
    let probes = receiver.got().len() - tries_until_paused;
    assert!((24..=24 * 4).contains(&probes), "{probes} probes in a day");
    assert!(kept(&world, Kind::Delivery).await.len() <= CHATS, "what waits costs no row");
    assert_eq!(states(&world).await, ["degraded", "paused"], "each change is told once");

    receiver.answers(|_| Reply::Status(200));
    world.turn(16 * MINUTE);
    world.settle().await;
    let took = texts(&receiver.took());
    assert_eq!(took.len(), CHATS * 3, "all of it, and once");
    for chat in 0..CHATS {
        let of_chat: Vec<&str> =
            took.iter().filter_map(|text| text.strip_prefix(&format!("{chat} "))).collect();
        assert_eq!(of_chat, ["one", "two", "three"]);
    }
    assert_eq!(states(&world).await, ["degraded", "paused", "degraded", "healthy"]);
    world.finish().await;
}

#[tokio::test]
async fn who_takes_nothing_for_five_days_is_switched_off_and_begins_anew() {
    let world = open_to_crowds().await;
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver, &["chat.message"]).await;
    let crowd = crowd(&world, CHATS).await;
    receiver.answers(|_| Reply::Status(500));
    all_say(&world, &crowd, "one").await;
    go_by(&world, 2, MINUTE).await;
    go_by(&world, 5 * 6, 4 * HOUR).await;
    let told = world.events_of("endpoint.disabled").await;
    assert_eq!(told.len(), 1, "it is told once");
    assert_eq!(told[0]["data"]["endpoint"], endpoint["id"]);
    let path = format!("/api/v1/endpoints/{}", endpoint["id"].as_str().expect("an id"));
    let read = world.get(&path).await.body;
    let why = &read["disabled_reason"];
    assert_eq!(
        (&read["enabled"], why),
        (&json!(false), &json!("the receiver took nothing for five days"))
    );
    assert_eq!(states(&world).await, ["degraded", "paused"]);
    let gone = async || kept(&world, Kind::Progress).await.is_empty().then_some(());
    world.until("its place to be forgotten", gone).await;
    for delivery in deliveries_to(&world, &endpoint).await {
        assert_eq!(delivery["status"], "failed");
        let last = delivery["attempts"].as_array().and_then(|all| all.last()).expect("attempts");
        assert_ne!(last["error"], Value::Null, "it says why");
    }
    all_say(&world, &crowd, "while it was off").await;

    receiver.answers(|_| Reply::Status(200));
    let on = answer(world.call(Method::PATCH, &path).json(&json!({ "enabled": true }))).await;
    assert_eq!(on.status, 200, "{on:?}");
    crowd[0].says(&world, "welcome back").await;
    world.settle().await;
    assert_eq!(texts(&receiver.took()), ["welcome back"]);
    world.finish().await;
}

#[tokio::test]
async fn a_pause_that_is_asked_for_holds_the_whole_endpoint_for_an_hour_at_most() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    subscribe(&world, &receiver, &["chat.message"]).await;
    let (alice, ben) = come(&world).await;
    receiver.answers(|_| Reply::After(429, 2 * 3_600));
    alice.says(&world, "alice").await;
    world.settle().await;
    ben.says(&world, "ben").await;
    world.settle().await;
    receiver.answers(|_| Reply::Status(200));
    go_by(&world, 1, HOUR - Duration::from_secs(1)).await;
    assert_eq!(texts(&receiver.got()), ["alice"], "nothing goes there meanwhile");
    go_by(&world, 1, Duration::from_secs(1)).await;
    assert_eq!(texts(&receiver.took()), ["ben"], "the rest waits for an hour at most");
    go_by(&world, 1, HOUR).await;
    assert_eq!(texts(&receiver.took()), ["ben", "alice"]);
    world.finish().await;
}

#[tokio::test]
async fn a_pause_may_be_asked_for_as_a_date() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    subscribe(&world, &receiver, &["chat.message"]).await;
    let (alice, _) = come(&world).await;
    let then = world.app.now().checked_add(Duration::from_secs(90)).expect("a time");
    receiver.answers(move |_| Reply::Until(503, then));
    alice.says(&world, "hello").await;
    world.settle().await;
    receiver.answers(|_| Reply::Status(200));
    go_by(&world, 1, Duration::from_secs(88)).await;
    assert_eq!(receiver.got().len(), 1);
    go_by(&world, 1, Duration::from_secs(2)).await;
    assert_eq!(texts(&receiver.took()), ["hello"]);
    world.finish().await;
}

#[tokio::test]
async fn an_endpoints_own_delays_are_kept() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver, &["chat.message"]).await;
    super::change_stored(&world, &endpoint, |endpoint| {
        endpoint.retry_delays_s = Some(vec![100]);
        endpoint.ordering = tidings_model::Ordering::None;
    })
    .await;
    let settings = Settings { retry_delays: Vec::new(), ..Settings::default() };
    let world = world.restart_as(Start { settings, ..Start::default() }).await;
    let (alice, _) = come(&world).await;
    receiver.answers(|got| match got.text("/data/text") == "fails" {
        true => Reply::Status(500),
        false => Reply::Status(200),
    });
    alice.says(&world, "fails").await;
    alice.says(&world, "does not wait for it").await;
    world.settle().await;
    assert_eq!(texts(&receiver.took()), ["does not wait for it"], "in no order");
    go_by(&world, 1, Duration::from_secs(99)).await;
    assert_eq!(receiver.got().len(), 2);
    // A delay is lengthened by a tenth at most, so that not all come at once.
    go_by(&world, 1, Duration::from_secs(12)).await;
    assert_eq!(receiver.got().len(), 3, "its own delay, not the installation's");
    go_by(&world, 1, HOUR).await;
    assert_eq!(receiver.got().len(), 3, "it has one only");
    let failed = deliveries_to(&world, &endpoint).await;
    assert_eq!(failed.iter().filter(|delivery| delivery["status"] == "failed").count(), 1);
    world.finish().await;
}
