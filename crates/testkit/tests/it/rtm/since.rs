//! Who comes back hears what they missed: nothing lost, nothing twice.

use serde_json::{Value, json};

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

#[tokio::test]
async fn what_was_missed_is_heard_once_and_then_what_comes() {
    let scene = Scene::begin().await;
    let (mut alice, _) = scene.alice_comes(json!({})).await;
    assert!(alice.call("send_event", scene.message("one")).await.success());
    let last = seq_of(&alice.push("incoming_event").await);
    alice.break_off();
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
    let (mut alice, _) = scene.alice_comes(json!({})).await;
    assert!(alice.call("send_event", scene.message("one")).await.success());
    let last = seq_of(&alice.push("incoming_event").await);
    alice.break_off();
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
async fn what_is_not_kept_is_a_gap() {
    let scene = Scene::begin().await;
    let (_, told) = scene.alice_comes(json!({ "since": 1_000_000 })).await;
    assert_eq!(told.get("gap"), Some(&json!(true)), "a number that is not reached yet");
    let store = scene.world.app.store();
    let last = store.last_seq(scene.world.workspace).await.expect("it can be read");
    let forgotten = tidings_model::Seq(last.0 - 1);
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
