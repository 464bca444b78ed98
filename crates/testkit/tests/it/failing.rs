//! A behavior that fails has a mark; one that keeps failing is paused, says so, and reacts again when somebody lets it.

use std::time::Duration;

use serde_json::{Value, json};
use tidings_app::Settings;
use tidings_testkit::bus::Trouble;
use tidings_testkit::nodes::Nodes;
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{Start, World};

/// Notes whatever is noted by people, and fails for what is bad.
const TEXT: &str = "
behaviors:
  - name: add up
    on: note.added
    from: integration
    do: [{emit: {type: chat.custom, data: {kind: '{% if event.text == \"bad\" %}{{ event.text + 1 }}{% endif %}sum', content: {}}}}]
";

async fn note(world: &World, text: &str) {
    let sent = json!({ "type": "note.added", "data": { "text": text } });
    assert_eq!(world.post("/api/v1/events", &sent).await.status, 201);
    world.settle().await;
}

async fn failing(world: &World) -> Value {
    world.get("/api/v1/bots").await.items()[0]["failing"].clone()
}

async fn sums(world: &World) -> usize {
    world.events_of("chat.custom").await.len()
}

async fn begin(failures: u32) -> World {
    let settings = Settings { bot_pause_after_failures: failures, ..Settings::default() };
    let world = World::begin(Start { settings, ..Start::default() }).await;
    world.publish_good("ant", TEXT).await;
    world
}

const RESUME: &str = "/api/v1/bots/ant/behaviors/add%20up/resume";

#[tokio::test]
async fn what_keeps_failing_is_paused_until_it_is_resumed() {
    let world = begin(3).await;
    // Not in a row, so it goes on.
    for text in ["bad", "bad", "good", "bad", "good"] {
        note(&world, text).await;
    }
    assert_eq!((sums(&world).await, world.events_of("behavior.paused").await.len()), (2, 0));
    let mark = failing(&world).await[0].clone();
    assert_eq!((&mark["behavior"], &mark["failures"]), (&json!("add up"), &json!(3)));
    assert_eq!(
        (&mark["last"]["reason"], &mark["paused_at"]),
        (&json!("template_failed"), &Value::Null)
    );
    let run =
        world.get(&format!("/api/v1/runs/{}", mark["last"]["run"].as_str().expect("an id"))).await;
    assert_eq!(run.body["state"]["message"], mark["last"]["message"]);

    for _ in 0..3 {
        note(&world, "bad").await;
    }
    let paused = world.events_of("behavior.paused").await;
    assert_eq!(paused.len(), 1, "{paused:?}");
    assert_eq!(
        (
            &paused[0]["data"]["behavior"],
            &paused[0]["data"]["failures"],
            &paused[0]["data"]["reason"]
        ),
        (&json!("add up"), &json!(3), &json!("template_failed"))
    );
    assert_eq!(paused[0]["depth"], json!(1));
    note(&world, "good").await;
    note(&world, "bad").await;
    assert_eq!(sums(&world).await, 2, "it does not react");
    assert_eq!(world.events_of("behavior.stopped").await.len(), 6);
    let mark = failing(&world).await[0].clone();
    assert_eq!(mark["failures"], json!(6));
    assert!(mark["paused_at"].is_string(), "{mark:?}");

    let world = world.restart().await;
    note(&world, "good").await;
    assert_eq!(sums(&world).await, 2, "a restart lifts nothing");
    for was_paused in [true, false] {
        let resumed = world.post(RESUME, &json!({})).await;
        assert_eq!((resumed.status, &resumed.body["was_paused"]), (200, &json!(was_paused)));
    }
    note(&world, "good").await;
    assert_eq!(sums(&world).await, 3, "it reacts again");
    assert_eq!(failing(&world).await[0]["paused_at"], Value::Null);
    let resumed = world.events_of("behavior.resumed").await;
    assert_eq!((resumed.len(), &resumed[0]["data"]["why"]), (1, &json!("asked")));
    let unknown = world.post("/api/v1/bots/ant/behaviors/nothing/resume", &json!({})).await;
    assert_eq!(unknown.code(), "not_found");
    world.finish().await;
}

#[tokio::test]
async fn a_new_version_begins_anew_and_failures_of_another_day_do_not_count() {
    let world = begin(2).await;
    note(&world, "bad").await;
    world.turn(Duration::from_secs(25 * 3_600));
    note(&world, "bad").await;
    assert_eq!(world.events_of("behavior.paused").await.len(), 0, "they are a day apart");
    note(&world, "bad").await;
    assert_eq!(world.events_of("behavior.paused").await.len(), 1);
    // The same text changes nothing.
    world.publish("ant", TEXT).await;
    note(&world, "good").await;
    assert_eq!(sums(&world).await, 0);
    world.publish_good("ant", &format!("{TEXT}# Looked at.\n")).await;
    assert_eq!(failing(&world).await, json!([]));
    let resumed = world.events_of("behavior.resumed").await;
    assert_eq!((resumed.len(), &resumed[0]["data"]["why"]), (1, &json!("published")));
    note(&world, "good").await;
    assert_eq!(sums(&world).await, 1);
    // Going back to the text that was paused lets it try again.
    for _ in 0..2 {
        note(&world, "bad").await;
    }
    assert_eq!(world.events_of("behavior.paused").await.len(), 2);
    world.publish_good("ant", TEXT).await;
    note(&world, "good").await;
    assert_eq!(sums(&world).await, 2);
    world.finish().await;
}

#[tokio::test]
async fn the_loop_guard_marks_and_pauses_nothing() {
    let settings = Settings {
        bot_pause_after_failures: 2,
        bot_messages_per_minute_max: 1,
        ..Settings::default()
    };
    let world = World::begin(Start { settings, ..Start::default() }).await;
    let text =
        "behaviors:\n  - {name: answer, on: chat.message, from: customer, do: [{say: bla}]}\n";
    world.publish_good("ant", text).await;
    let alice = Visitor::comes(&world, world.web_channel_of("ant").await).await;
    for _ in 0..5 {
        alice.says(&world, "hello").await;
        world.settle().await;
    }
    assert_eq!(failing(&world).await[0]["failures"], json!(4));
    assert_eq!(world.events_of("behavior.paused").await.len(), 0);
    world.finish().await;
}

#[tokio::test]
async fn each_node_knows_what_is_paused() {
    // As installations have it.
    let failures = Settings::default().bot_pause_after_failures;
    let nodes = Nodes::start(2, Trouble::default()).await;
    let world = nodes.at(0);
    world.publish_good("ant", TEXT).await;
    // Events of no chat are lanes of their own, in shares of both nodes.
    let send = async |text: &str| {
        let sent = json!({ "type": "note.added", "data": { "text": text } });
        assert_eq!(nodes.at(1).post("/api/v1/events", &sent).await.status, 201);
    };
    for _ in 0..failures {
        send("bad").await;
    }
    world
        .until("it is paused", async || {
            (world.events_of("behavior.paused").await.len() == 1).then_some(())
        })
        .await;
    let stopped = world.events_of("behavior.stopped").await.len();
    for _ in 0..8 {
        send("good").await;
    }
    world.settle().await;
    assert_eq!(sums(world).await, 0, "at no node");
    assert_eq!(world.events_of("behavior.stopped").await.len(), stopped);
    let resumed = nodes.at(1).post(RESUME, &json!({})).await;
    assert_eq!(resumed.body["was_paused"], json!(true), "{resumed:?}");
    for _ in 0..8 {
        send("good").await;
    }
    world.until("both nodes", async || (sums(world).await == 8).then_some(())).await;
    nodes.finish().await;
}
