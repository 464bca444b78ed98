//! Behaviors that are due by themselves: on time, once, and by what they say of missed times.

use std::time::Duration;

use serde_json::Value;
use tidings_testkit::world::World;

const MINUTE: Duration = Duration::from_secs(60);

/// Hourly, and one that does not care for what was missed.
const TEXT: &str = r#"
behaviors:
  - name: hourly
    schedule: 0 * * * *
    do: [{emit: {type: chat.custom, data: {kind: hourly, content: {missed: "{{ event.missed }}"}}}}]
  - name: punctual
    schedule: {cron: ["30 * * * *"], zone: Europe/Berlin, missed: skip}
    do: [{emit: {type: chat.custom, data: {kind: punctual, content: {}}}}]
  - name: not live
    status: off
    schedule: "* * * * *"
    do: [{emit: {type: chat.custom, data: {kind: never, content: {}}}}]
"#;

async fn heard(world: &World) -> Vec<String> {
    world.settle().await;
    let heard = world.events_of("chat.custom").await;
    let line = |event: &Value| {
        let kind = event["data"]["kind"].as_str().unwrap_or_default().to_owned();
        match event["data"]["content"]["missed"].as_u64() {
            Some(missed) if missed > 0 => format!("{kind} and {missed} missed"),
            _ => kind,
        }
    };
    heard.iter().map(line).collect()
}

#[tokio::test]
async fn what_is_due_comes_on_time_and_once() {
    let world = World::start().await;
    world.publish_good("clock", TEXT).await;
    for _ in 0..8 {
        // A quarter of an hour at a time: no time is missed.
        for _ in 0..15 {
            world.turn(MINUTE);
            world.settle().await;
        }
    }
    let heard = heard(&world).await;
    assert_eq!(heard.iter().filter(|kind| *kind == "hourly").count(), 2, "{heard:?}");
    assert_eq!(heard.iter().filter(|kind| *kind == "punctual").count(), 2, "{heard:?}");
    assert_eq!(heard.len(), 4);
    world.finish().await;
}

#[tokio::test]
async fn what_was_missed_becomes_one_or_is_left_out() {
    let world = World::start().await;
    world.publish_good("clock", TEXT).await;
    let world = world.restart().await;
    world.turn(MINUTE * 60 * 10);
    assert_eq!(heard(&world).await, ["hourly and 9 missed"]);
    world.turn(MINUTE * 60);
    let now = heard(&world).await;
    assert!(now.contains(&"hourly".to_owned()), "{now:?}");
    world.finish().await;
}

#[tokio::test]
async fn a_new_text_moves_what_is_due_and_a_bot_that_is_gone_is_due_no_more() {
    let world = World::start().await;
    world.publish_good("clock", TEXT).await;
    let kept =
        world.timers().await.into_iter().filter(|timer| timer.name.0.starts_with("schedule:"));
    let kept: std::collections::BTreeSet<String> = kept.map(|timer| timer.name.0).collect();
    assert_eq!(
        kept.into_iter().collect::<Vec<_>>(),
        ["schedule:clock/hourly", "schedule:clock/punctual"]
    );
    let daily = "behaviors:\n  - {name: hourly, schedule: '0 0 * * *', do: [{emit: {type: chat.custom, data: {kind: daily, content: {}}}}]}\n";
    world.publish_good("clock", daily).await;
    world.turn(MINUTE * 61);
    assert_eq!(heard(&world).await, [] as [&str; 0]);
    world.turn(MINUTE * 60 * 24);
    assert_eq!(heard(&world).await, ["daily"]);
    tidings_app::admin::bots::retire(
        &world.app,
        world.workspace,
        &"clock".parse().expect("a name"),
    )
    .await
    .expect("it is taken off");
    world.turn(MINUTE * 60 * 24);
    assert_eq!(heard(&world).await, ["daily"]);
    assert!(world.timers().await.iter().all(|timer| !timer.name.0.starts_with("schedule:")));
    world.finish().await;
}
