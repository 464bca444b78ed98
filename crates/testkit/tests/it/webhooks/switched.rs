//! Endpoints that are switched off, on again, or removed while they are owed something: nothing of it is left.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tidings_app::Settings;
use tidings_store::Kind;
use tidings_testkit::receiver::{Receiver, Reply};
use tidings_testkit::world::{Start, World, answer};

use super::{come, deliveries_to, kept, subscribe, texts};

async fn switch(world: &World, endpoint: &Value, enabled: bool) {
    let path = format!("/api/v1/endpoints/{}", endpoint["id"].as_str().expect("an id"));
    let call = world.call(Method::PATCH, &path).json(&json!({ "enabled": enabled }));
    assert_eq!(answer(call).await.status, 200);
}

async fn remove(world: &World, endpoint: &Value) {
    let path = format!("/api/v1/endpoints/{}", endpoint["id"].as_str().expect("an id"));
    assert_eq!(answer(world.call(Method::DELETE, &path)).await.status, 204);
}

/// What was owed is shown as given up, and why.
async fn all_are_given_up(world: &World, endpoint: &Value) {
    let given_up = async || {
        let all = deliveries_to(world, endpoint).await;
        all.iter().all(|delivery| delivery["status"] == "failed").then_some(all)
    };
    let all = world.until("what was owed to be given up", given_up).await;
    assert!(!all.is_empty());
    for delivery in all {
        let last = delivery["attempts"].as_array().and_then(|all| all.last()).expect("attempts");
        let why = last["error"].as_str().unwrap_or_default();
        assert!(why.contains("switched off or removed"), "{delivery}");
    }
}

async fn no_place_is_kept(world: &World) {
    let gone = async || kept(world, Kind::Progress).await.is_empty().then_some(());
    world.until("its place to be forgotten", gone).await;
}

#[tokio::test]
async fn what_a_removed_endpoint_was_owed_is_given_up() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver, &["chat.message"]).await;
    let (alice, ben) = come(&world).await;
    receiver.answers(|_| Reply::Status(500));
    for visitor in [&alice, &ben] {
        visitor.says(&world, "one").await;
        visitor.says(&world, "two").await;
    }
    world.settle().await;
    assert_eq!(deliveries_to(&world, &endpoint).await.len(), 2);
    remove(&world, &endpoint).await;
    all_are_given_up(&world, &endpoint).await;
    no_place_is_kept(&world).await;
    receiver.answers(|_| Reply::Status(200));
    world.turn(Duration::from_secs(3_600));
    alice.says(&world, "three").await;
    world.settle().await;
    assert_eq!(receiver.took().len(), 0);
    world.finish().await;
}

#[tokio::test]
async fn off_and_on_again_at_once_begins_anew() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver, &["chat.message"]).await;
    let (alice, _) = come(&world).await;
    receiver.answers(|_| Reply::Status(500));
    alice.says(&world, "before").await;
    world.settle().await;
    switch(&world, &endpoint, false).await;
    switch(&world, &endpoint, true).await;
    receiver.answers(|_| Reply::Status(200));
    alice.says(&world, "after").await;
    world.settle().await;
    assert_eq!(texts(&receiver.took()), ["after"], "its chat does not wait for what was given up");
    world.turn(Duration::from_secs(3_600));
    world.settle().await;
    assert_eq!(texts(&receiver.took()), ["after"]);
    let statuses: Vec<Value> = deliveries_to(&world, &endpoint)
        .await
        .into_iter()
        .map(|delivery| delivery["status"].clone())
        .collect();
    assert_eq!(statuses, ["delivered", "failed"]);
    world.finish().await;
}

#[tokio::test]
async fn who_comes_back_waits_until_the_last_try_of_before_is_over() {
    let settings =
        Settings { delivery_deadline: Duration::from_millis(1_500), ..Settings::default() };
    let world = World::begin(Start { settings, ..Start::default() }).await;
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver, &["chat.message"]).await;
    let (alice, _) = come(&world).await;
    receiver.answers(|got| match got.text("/data/text") == "hangs" {
        true => Reply::Never,
        false => Reply::Status(200),
    });
    alice.says(&world, "hangs").await;
    let hangs = async || (receiver.got().len() == 1).then_some(());
    world.until("the try that hangs", hangs).await;
    switch(&world, &endpoint, false).await;
    // Its reader is told, and the try is still under way.
    alice.says(&world, "while it is off").await;
    switch(&world, &endpoint, true).await;
    for word in ["one", "two", "three"] {
        alice.says(&world, word).await;
    }
    world.settle().await;
    assert_eq!(texts(&receiver.took()), ["one", "two", "three"], "once each");
    assert_eq!(receiver.got().len(), 4);
    let kept = kept(&world, Kind::Progress).await;
    assert_eq!(kept.len(), 1, "the place of the one that came back: {kept:?}");
    world.finish().await;
}

#[tokio::test]
async fn what_is_switched_off_right_before_a_stop_is_given_up_after_it() {
    let world = World::start().await;
    let (off, removed) = (Receiver::start().await, Receiver::start().await);
    let endpoints = [
        subscribe(&world, &off, &["chat.message"]).await,
        subscribe(&world, &removed, &["chat.message"]).await,
    ];
    let (alice, _) = come(&world).await;
    off.answers(|_| Reply::Status(500));
    removed.answers(|_| Reply::Status(500));
    alice.says(&world, "hello").await;
    world.settle().await;
    // The reader of a server that runs does not see what is written past it: as if it stopped right then.
    super::change_stored(&world, &endpoints[0], |endpoint| endpoint.enabled = false).await;
    super::remove_stored(&world, &endpoints[1]).await;
    let world = world.restart().await;
    for endpoint in &endpoints {
        all_are_given_up(&world, endpoint).await;
    }
    no_place_is_kept(&world).await;
    world.finish().await;
}
