//! The loop guard: bots that answer each other, and bots that say too much.

use std::time::Duration;

use serde_json::{Value, json};
use tidings_app::Settings;
use tidings_app::pipeline::react::DEPTH_MAX;
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{Start, World};

/// A bot that answers one note with another.
fn answers(heard: &str, said: &str) -> String {
    format!(
        "
behaviors:
  - name: {said}
    on: note.added
    when: event.text == '{heard}'
    do: [{{emit: {{type: note.added, data: {{text: {said}}}}}}}]
"
    )
}

#[tokio::test]
async fn bots_that_answer_each_other_are_stopped() {
    let world = World::start().await;
    world.publish_good("ping", &answers("pong", "ping")).await;
    world.publish_good("pong", &answers("ping", "pong")).await;
    // Who reacts to each stop, by failing, is told of no stop that its own stop led to.
    let nervous = "
behaviors:
  - {name: fails, on: behavior.stopped, do: [{note: 'never {{ event.bot + 1 }}'}]}
";
    world.publish_good("nervous", nervous).await;
    let alice = Visitor::comes(&world, world.web_channel().await).await;
    alice.says(&world, "hello").await;
    let chat = alice.chat(&world).await;
    let note = world.post(&format!("/api/v1/chats/{chat}/notes"), &json!({ "text": "ping" })).await;
    assert_eq!(note.status, 201, "{note:?}");
    let quiet = world.post(&format!("/api/v1/chats/{chat}/notes"), &json!({ "text": "hm" })).await;
    assert_eq!(quiet.status, 201, "{quiet:?}");
    world.settle().await;
    let notes: Vec<Value> = world.events_of("note.added").await;
    let depths: Vec<u64> = notes
        .iter()
        .filter(|note| note["data"]["text"] != "hm")
        .filter_map(|note| note["depth"].as_u64())
        .collect();
    assert_eq!(depths, (0..=u64::from(DEPTH_MAX)).collect::<Vec<_>>());
    let stopped = world.events_of("behavior.stopped").await;
    assert_eq!(stopped.len(), 1, "{stopped:?}");
    assert_eq!(stopped[0]["data"]["reason"], "loop_guard");
    assert_eq!(stopped[0]["data"]["bot"], "pong");
    assert!(
        notes.iter().all(|one| one["root"] == note.body["id"] || one["id"] == quiet.body["id"])
    );
    world.finish().await;
}

#[tokio::test]
async fn a_stop_that_leads_to_stops_comes_to_an_end() {
    let world = World::start().await;
    let nervous = "
behaviors:
  - {name: fails, on: [behavior.stopped, note.added], do: [{note: 'never {{ event.bot + 1 }}'}]}
";
    world.publish_good("nervous", nervous).await;
    let sent = json!({ "type": "note.added", "data": { "text": "go" } });
    assert_eq!(world.post("/api/v1/events", &sent).await.status, 201);
    world.settle().await;
    let stopped = world.events_of("behavior.stopped").await;
    assert_eq!(stopped.len(), usize::try_from(DEPTH_MAX).expect("small"), "{stopped:?}");
    world.finish().await;
}

#[tokio::test]
async fn a_bot_that_says_too_much_is_stopped_until_the_minute_is_over() {
    let settings = Settings { bot_messages_per_minute_max: 5, ..Settings::default() };
    let world = World::begin(Start { settings, ..Start::default() }).await;
    let text = "
behaviors:
  - {name: chatter, on: chat.message, from: customer, do: [{repeat: {times: 3, do: [{say: bla}]}}]}
";
    world.publish_good("chatter", text).await;
    let channel = world.web_channel_of("chatter").await;
    let (alice, ben) =
        (Visitor::comes(&world, channel).await, Visitor::comes(&world, channel).await);
    alice.says(&world, "one").await;
    alice.says(&world, "two").await;
    ben.says(&world, "one").await;
    world.settle().await;
    let stopped = world.events_of("behavior.stopped").await;
    assert_eq!((stopped.len(), &stopped[0]["data"]["reason"]), (1, &json!("loop_guard")));
    assert_eq!(stopped[0]["chat"], json!(alice.chat(&world).await));
    assert_eq!(alice.reads(&world).await.len(), 2 + 3);
    assert_eq!(ben.reads(&world).await.len(), 1 + 3, "another chat is not concerned");
    world.turn(Duration::from_secs(60));
    alice.says(&world, "three").await;
    world.settle().await;
    assert_eq!(alice.reads(&world).await.len(), 3 + 6);
    world.finish().await;
}
