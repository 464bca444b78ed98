//! A step of an endpoint's reader that panics: its chat rests, and nobody else waits for it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tidings_testkit::receiver::{Receiver, Reply};
use tidings_testkit::store::{BrokenRead, Reading, Troubled};
use tidings_testkit::world::{Between, Start, World};

use super::{come, texts};

/// How long a chat rests whose step broke.
const REST: Duration = Duration::from_secs(300);

/// A server with one endpoint, and what makes who reads panic.
async fn scene(more: Value) -> (World, Receiver, Arc<BrokenRead>) {
    let broken = Arc::new(BrokenRead::default());
    let in_store = Arc::clone(&broken);
    let between: Between = Box::new(|store| Troubled::breaks(store, in_store));
    let world = World::begin(Start { between, ..Start::default() }).await;
    let receiver = Receiver::start().await;
    // In places of one, nobody goes on while a step holds it.
    let mut body = json!({ "url": receiver.url, "events": ["chat.message"], "in_flight_max": 1 });
    for (name, value) in more.as_object().expect("an object") {
        body[name] = value.clone();
    }
    let made = world.post("/api/v1/endpoints", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    (world, receiver, broken)
}

#[tokio::test]
async fn another_try_that_breaks_is_made_after_a_rest() {
    let (world, receiver, broken) = scene(json!({})).await;
    let (alice, ben) = come(&world).await;
    receiver.answers(|_| Reply::Status(500));
    alice.says(&world, "one").await;
    alice.says(&world, "two").await;
    world.settle().await;
    receiver.answers(|_| Reply::Status(200));
    broken.expect(Reading::Delivery);
    world.turn(Duration::from_secs(6));
    world.settle().await;
    assert!(broken.broke());
    ben.says(&world, "ben").await;
    world.settle().await;
    assert_eq!(texts(&receiver.took()), ["ben"], "he does not wait for her chat");
    world.turn(REST - Duration::from_secs(1));
    world.settle().await;
    assert_eq!(texts(&receiver.took()), ["ben"], "it would break again at once");
    world.turn(Duration::from_secs(2));
    world.settle().await;
    assert_eq!(texts(&receiver.took()), ["ben", "one", "two"]);
    world.finish().await;
}

#[tokio::test]
async fn a_look_at_what_follows_that_breaks_is_made_after_a_rest() {
    let (world, receiver, broken) = scene(json!({})).await;
    let (alice, ben) = come(&world).await;
    receiver.answers(|_| Reply::Status(500));
    alice.says(&world, "one").await;
    alice.says(&world, "two").await;
    world.settle().await;
    receiver.answers(|_| Reply::Status(200));
    broken.expect(Reading::Chat);
    world.turn(Duration::from_secs(6));
    world.settle().await;
    assert!(broken.broke());
    ben.says(&world, "ben").await;
    world.settle().await;
    assert_eq!(texts(&receiver.took()), ["one", "ben"], "the place is free");
    world.turn(REST + Duration::from_secs(1));
    world.settle().await;
    assert_eq!(texts(&receiver.took()), ["one", "ben", "two"], "each of them once");
    world.finish().await;
}

#[tokio::test]
async fn a_first_try_that_breaks_is_made_after_a_rest() {
    // What goes out in this form is decided before the first try, which looks first whether it was.
    let (world, receiver, broken) = scene(json!({ "format": { "kind": "wotnot" } })).await;
    let (alice, ben) = come(&world).await;
    let said = |text: &str| {
        let quoted = format!("\"{text}\"");
        receiver.took().iter().filter(|got| got.json().to_string().contains(&quoted)).count()
    };
    broken.expect(Reading::Delivery);
    alice.says(&world, "one").await;
    alice.says(&world, "two").await;
    world.settle().await;
    assert!(broken.broke());
    ben.says(&world, "ben").await;
    world.settle().await;
    assert_eq!([said("one"), said("two"), said("ben")], [0, 0, 1]);
    world.turn(REST + Duration::from_secs(1));
    world.settle().await;
    assert_eq!([said("one"), said("two"), said("ben")], [1; 3]);
    world.finish().await;
}
