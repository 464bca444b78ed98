//! Who comes back hears what they missed: nothing lost, nothing twice.

use std::sync::Arc;

use serde_json::{Value, json};
use tidings_app::desk::hub::listener::QUEUE_FRAMES_MAX;
use tidings_model::Seq;
use tidings_testkit::store::{SlowRead, Troubled};
use tidings_testkit::world::{Between, Start};

use super::{Scene, text_of};

fn seq_of(value: &Value) -> u64 {
    value.get("seq").and_then(Value::as_u64).expect("a number")
}

/// The texts and numbers of all that is heard until it is quiet.
async fn heard(client: &mut tidings_testkit::rtm::RtmClient) -> Vec<(String, u64)> {
    let pushes = client.pushes().await;
    let events = pushes.iter().filter(|push| !text_of(push).is_empty());
    events.map(|push| (text_of(push).to_owned(), seq_of(push))).collect()
}

fn texts(heard: &[(String, u64)]) -> Vec<&str> {
    heard.iter().map(|(text, _)| text.as_str()).collect()
}

/// Alice comes, says "one" and hears it, and her connection breaks off. Gives the number of what she heard.
async fn alice_breaks_off(scene: &Scene) -> u64 {
    let (mut alice, _) = scene.alice_comes(json!({})).await;
    assert!(alice.call("send_event", scene.message("one")).await.success());
    let last = seq_of(&alice.push("incoming_event").await);
    alice.break_off();
    last
}

#[tokio::test]
async fn what_was_missed_is_heard_once_and_then_what_comes() {
    let scene = Scene::begin().await;
    let last = alice_breaks_off(&scene).await;
    for text in ["two", "three"] {
        scene.alice.call("send_event", scene.message(text)).await.expect("it is sent");
    }
    let (mut alice, told) = scene.alice_comes(json!({ "since": last })).await;
    assert_eq!(told.get("gap"), Some(&json!(false)));
    assert!(alice.call("send_event", scene.message("four")).await.success());
    let heard = heard(&mut alice).await;
    assert_eq!(texts(&heard), ["two", "three", "four"]);
    assert!(heard.is_sorted_by_key(|(_, seq)| *seq));
    scene.world.finish().await;
}

#[tokio::test]
async fn a_restart_forgets_nothing() {
    let scene = Scene::begin().await;
    let last = alice_breaks_off(&scene).await;
    scene.alice.call("send_event", scene.message("two")).await.expect("it is sent");
    let scene = scene.restart().await;
    scene.alice.call("send_event", scene.message("three")).await.expect("it is sent");
    let mut all = Vec::new();
    for _ in 0..20 {
        all.push(scene.alice_comes(json!({ "since": last })).await.0);
    }
    for client in &mut all {
        assert_eq!(texts(&heard(client).await), ["two", "three"]);
    }
    drop(all);
    scene.world.finish().await;
}

#[tokio::test]
async fn while_it_is_read_more_may_be_said_than_a_queue_takes() {
    let scene = Scene::begin().await;
    let last = alice_breaks_off(&scene).await;
    scene.alice.call("send_event", scene.message("two")).await.expect("it is sent");
    let slow = Arc::new(SlowRead::default());
    let in_store = Arc::clone(&slow);
    let between: Between = Box::new(|store| Troubled::reads_slowly(store, in_store));
    let scene = scene.restart_as(Start { between, ..Start::default() }).await;
    slow.expect(Seq(last));
    let mut expected = vec!["two".to_owned()];
    let meanwhile = async {
        slow.begun().await;
        let (mut other, _) = scene.alice_comes(json!({})).await;
        for number in 0..QUEUE_FRAMES_MAX + 10 {
            let text = format!("number {number}");
            assert!(other.call("send_event", scene.message(&text)).await.success());
            expected.push(text);
            // This one reads.
            other.push("incoming_event").await;
        }
        slow.end();
    };
    let since = json!({ "since": last });
    let (comes, ()) = tokio::join!(scene.alice_comes(since), meanwhile);
    let (mut alice, told) = comes;
    assert_eq!(told.get("gap"), Some(&json!(false)));
    assert_eq!(texts(&heard(&mut alice).await), expected);
    drop(alice);
    scene.world.finish().await;
}

#[tokio::test]
async fn what_is_not_kept_is_a_gap() {
    let scene = Scene::begin().await;
    let (_, told) = scene.alice_comes(json!({ "since": 1_000_000 })).await;
    assert_eq!(told.get("gap"), Some(&json!(true)), "a number that is not reached yet");
    let store = scene.world.app.store();
    let last = store.last_seq(scene.world.workspace).await.expect("it can be read");
    let forgotten = Seq(last.0 - 1);
    let now = scene.world.app.now();
    store.forget(scene.world.workspace, forgotten, now).await.expect("it forgets");
    let (mut alice, told) = scene.alice_comes(json!({ "since": 0 })).await;
    assert_eq!(told.get("gap"), Some(&json!(true)), "a number whose followers are gone");
    assert!(alice.call("send_event", scene.message("one")).await.success());
    assert_eq!(texts(&heard(&mut alice).await), ["one"], "and then what comes");
    let since = seq_of(&told);
    let (mut alice, told) = scene.alice_comes(json!({ "since": since })).await;
    assert_eq!(told.get("gap"), Some(&json!(false)), "the answer's number can be gone on from");
    assert_eq!(texts(&heard(&mut alice).await), ["one"]);
    scene.world.stop().await;
}
