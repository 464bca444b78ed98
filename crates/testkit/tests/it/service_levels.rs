//! Time in chats: what is promised is told in time and when it is missed, who is silent is told once, and a chat that was
//! put aside comes back.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tidings_model::Timestamp;
use tidings_store::{DocumentQuery, Kind, Scan, Timer};
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{Answer, World, answer};

use crate::control::{BOB, bob_takes};

const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);

/// What is told of the time of chats.
const TOLD: [&str; 6] = [
    "chat.sla_due_soon",
    "chat.sla_breached",
    "chat.customer_idle",
    "chat.agent_idle",
    "chat.snoozed",
    "chat.snooze_ended",
];

async fn promise(world: &World, says: Value) -> Value {
    let made = world.post("/api/v1/service-levels", &says).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body
}

async fn patch(world: &World, level: &Value, says: Value) -> Answer {
    let path = format!("/api/v1/service-levels/{}", level["id"].as_str().expect("an id"));
    answer(world.call(Method::PATCH, &path).json(&says)).await
}

async fn bob_says(world: &World, chat: &str, text: &str) {
    let body = json!({ "text": text, "author": { "kind": "agent", "id": BOB } });
    let said = world.post(&format!("/api/v1/chats/{chat}/messages"), &body).await;
    assert_eq!(said.status, 201, "{said:?}");
}

fn seconds(world: &World, time: &Value, since: Timestamp) -> i64 {
    let time: Timestamp = time.as_str().expect("a time").parse().expect("a time");
    assert!(time <= world.app.now() + Duration::from_secs(366 * 24 * 3600));
    time.duration_since(since).as_secs()
}

/// All that was told: what, of which target or why, when it was due, and when it was told where that was later.
async fn told(world: &World, since: Timestamp) -> Vec<String> {
    world.settle().await;
    let events = world.events().await;
    let of_time =
        events.iter().filter(|event| TOLD.contains(&event["type"].as_str().unwrap_or("")));
    of_time
        .map(|event| {
            let data = &event["data"];
            let name = event["type"].as_str().expect("a type").trim_start_matches("chat.");
            let what = data["target"].as_str().or(data["reason"].as_str()).unwrap_or_default();
            let due = ["due_at", "idle_at", "until"].iter().find(|name| !data[**name].is_null());
            let due = seconds(world, &data[*due.expect("a time")], since);
            let told = seconds(world, &event["time"], since);
            let late = if told > due { format!(", told at {told}") } else { String::new() };
            format!("{name} {what} {due}{late}").replace("  ", " ")
        })
        .collect()
}

/// Turns the clock by so many seconds, one second at a time.
async fn pass(world: &World, seconds: u32) {
    for _ in 0..seconds {
        world.turn(SECOND);
        world.settle().await;
    }
}

fn timers_of_time(timers: Vec<Timer>) -> Vec<String> {
    let names = timers.into_iter().map(|timer| timer.name.0);
    names.filter(|name| name.starts_with("service_level:") || name.starts_with("snooze:")).collect()
}

/// Of how many chats time is counted.
async fn clocks(world: &World) -> usize {
    let query = DocumentQuery { kind: Kind::ServiceClock, scan: Scan::All, after: None, limit: 10 };
    let found = world.app.store().documents(world.workspace, query).await;
    found.expect("they can be read").documents.len()
}

#[tokio::test]
async fn replies_are_due_to_the_second_and_each_is_told_once() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    let says = json!({
        "name": "Gold", "first_reply": "60s", "next_reply": "90s", "due_soon": "20s",
    });
    let level = promise(&world, says).await;
    let began = world.app.now();
    let alice = Visitor::comes(&world, channel).await;
    alice.says(&world, "Hello?").await;
    pass(&world, 39).await;
    assert_eq!(told(&world, began).await, [""; 0]);
    pass(&world, 1).await;
    assert_eq!(told(&world, began).await, ["sla_due_soon first_reply 60"]);
    pass(&world, 30).await;
    let chat = alice.chat(&world).await;
    bob_says(&world, &chat, "Hi").await;
    pass(&world, 10).await;
    // 80: the second words don't begin it anew.
    alice.says(&world, "My order?").await;
    pass(&world, 10).await;
    alice.says(&world, "Hello?").await;
    pass(&world, 10).await;
    bob_says(&world, &chat, "It is on its way.").await;
    pass(&world, 100).await;
    // 200: nobody answers this one.
    alice.says(&world, "Where?").await;
    pass(&world, 100).await;
    assert_eq!(
        told(&world, began).await,
        [
            "sla_due_soon first_reply 60",
            "sla_breached first_reply 60",
            "sla_due_soon next_reply 290",
            "sla_breached next_reply 290",
        ]
    );
    let missed = &world.events_of("chat.sla_breached").await[1];
    assert_eq!(missed["data"]["agent"], BOB);
    assert_eq!(missed["data"]["service_level"], "Gold");
    assert_eq!(missed["data"]["service_level_id"], level["id"]);
    assert_eq!(missed["data"]["breached_at"], missed["data"]["due_at"]);
    assert_eq!(seconds(&world, &missed["data"]["since"], began), 200);
    // Nothing more can come due: there is no timer, and ordinary messages set one again.
    assert_eq!(timers_of_time(world.timers().await), [""; 0]);
    bob_says(&world, &chat, "At your door.").await;
    alice.says(&world, "Thanks! And the drinks?").await;
    pass(&world, 91).await;
    assert_eq!(told(&world, began).await.last().expect("one"), "sla_breached next_reply 390");
    world.finish().await;
}

#[tokio::test]
async fn what_was_missed_while_nothing_ran_is_told_late_and_once() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    promise(&world, json!({ "name": "Gold", "first_reply": "5m", "due_soon": "1m" })).await;
    let began = world.app.now();
    let alice = Visitor::comes(&world, channel).await;
    alice.says(&world, "Hello?").await;
    world.settle().await;
    let world = world.restart().await;
    world.turn(MINUTE * 20);
    assert_eq!(told(&world, began).await, ["sla_breached first_reply 300, told at 1200"]);
    let world = world.restart().await;
    world.turn(MINUTE * 5);
    let chat = alice.chat(&world).await;
    bob_says(&world, &chat, "Sorry").await;
    assert_eq!(told(&world, began).await.len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn a_weekend_does_not_count_and_the_first_level_that_applies_does() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    // The clock of tests stands at the evening of a Thursday: 20:26:40 UTC, 22:26:40 in Berlin.
    let began = world.app.now();
    assert_eq!(began.to_string(), "2026-05-28T20:26:40Z");
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday"];
    let times = days.map(|day| json!({ "day": day, "start": "09:00", "end": "17:00" }));
    let hours = json!({
        "timezone": "Europe/Berlin", "schedule": times, "holidays": ["2026-05-29"],
    });
    let slow = json!({ "name": "Office", "first_reply": "1h", "hours": hours });
    promise(&world, slow).await;
    let quick = json!({
        "name": "Vip", "priority": 5, "first_reply": "10m", "applies_to": { "labels": ["vip"] },
    });
    promise(&world, quick).await;
    let alice = Visitor::comes(&world, channel).await;
    alice.says(&world, "Hello?").await;
    let other = Visitor::comes(&world, channel).await;
    other.says(&world, "Hello?").await;
    world.settle().await;
    let chat = other.chat(&world).await;
    let add = json!({ "add": ["vip"] });
    assert_eq!(world.post(&format!("/api/v1/chats/{chat}/labels"), &add).await.status, 200);
    world.settle().await;
    world.turn(MINUTE * 15);
    assert_eq!(told(&world, began).await, ["sla_breached first_reply 600, told at 900"]);
    let missed = &world.events_of("chat.sla_breached").await[0];
    assert_eq!((&missed["chat"], &missed["data"]["service_level"]), (&json!(chat), &json!("Vip")));
    // Friday is a holiday: Alice is due on Monday at ten in Berlin.
    let due =
        world.timers().await.into_iter().find(|timer| timer.name.0.starts_with("service_level:"));
    assert_eq!(due.expect("a timer").due.to_string(), "2026-06-01T08:00:00Z");
    world.finish().await;
}

#[tokio::test]
async fn silences_are_told_once_in_every_channel_and_a_behavior_reminds() {
    let world = World::start().await;
    let reminder = r#"
behaviors:
  - name: remind
    on: chat.customer_idle
    do: [{note: "Still there?"}]
"#;
    world.publish_good("reminder", reminder).await;
    let channel = world.web_channel().await;
    promise(&world, json!({ "name": "Silence", "customer_idle": "10m", "agent_idle": "3m" })).await;
    let began = world.app.now();
    let alice = Visitor::comes(&world, channel).await;
    alice.says(&world, "Hello?").await;
    world.settle().await;
    world.turn(MINUTE * 5);
    // No agent has the chat: nobody is silent but the customer, who waits.
    assert_eq!(told(&world, began).await, [""; 0]);
    let chat = alice.chat(&world).await;
    bob_takes(&world, &chat).await;
    world.settle().await;
    world.turn(MINUTE * 3);
    assert_eq!(told(&world, began).await, ["agent_idle 480"]);
    bob_says(&world, &chat, "Yes?").await;
    world.settle().await;
    world.turn(MINUTE * 10);
    assert_eq!(told(&world, began).await, ["agent_idle 480", "customer_idle 1080"]);
    bob_says(&world, &chat, "Are you there?").await;
    world.settle().await;
    world.turn(MINUTE * 11);
    assert_eq!(told(&world, began).await.len(), 2, "once a silence");
    let notes = world.events_of("note.added").await;
    assert_eq!(notes.len(), 1, "{notes:?}");
    alice.says(&world, "I am.").await;
    bob_says(&world, &chat, "Good.").await;
    world.settle().await;
    world.turn(MINUTE * 10);
    assert_eq!(told(&world, began).await.last().expect("one"), "customer_idle 2340");
    world.finish().await;
}

#[tokio::test]
async fn a_closed_chat_is_due_no_more_and_what_is_left_goes() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    let says = json!({ "name": "Gold", "first_reply": "5m", "resolution": "20m" });
    let level = promise(&world, says).await;
    let began = world.app.now();
    let alice = Visitor::comes(&world, channel).await;
    alice.says(&world, "Hello?").await;
    world.settle().await;
    let chat = alice.chat(&world).await;
    world.turn(MINUTE);
    let close = json!({ "reason": "done" });
    assert_eq!(world.post(&format!("/api/v1/chats/{chat}/close"), &close).await.status, 200);
    world.settle().await;
    assert_eq!(timers_of_time(world.timers().await), [""; 0]);
    assert_eq!(clocks(&world).await, 0);
    world.turn(MINUTE * 30);
    assert_eq!(told(&world, began).await, [""; 0]);
    // A new thread has its own time; a level that is removed takes it along.
    alice.says(&world, "One more thing").await;
    world.settle().await;
    world.turn(MINUTE * 20);
    assert_eq!(
        told(&world, began).await,
        ["sla_breached first_reply 2160, told at 3060", "sla_breached resolution 3060"]
    );
    bob_says(&world, &chat, "Yes?").await;
    alice.says(&world, "Hello?").await;
    let path = format!("/api/v1/service-levels/{}", level["id"].as_str().expect("an id"));
    assert_eq!(answer(world.call(Method::DELETE, &path)).await.status, 204);
    world.settle().await;
    assert_eq!((clocks(&world).await, timers_of_time(world.timers().await).len()), (0, 0));
    world.turn(MINUTE * 60);
    assert_eq!(told(&world, began).await.len(), 2);
    assert_eq!(timers_of_time(world.timers().await), [""; 0]);
    world.finish().await;
}

#[tokio::test]
async fn a_chat_that_is_put_aside_comes_back_in_time_or_when_its_customer_writes() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    promise(&world, json!({ "name": "Gold", "first_reply": "5m" })).await;
    let began = world.app.now();
    let alice = Visitor::comes(&world, channel).await;
    alice.says(&world, "Hello?").await;
    world.settle().await;
    let chat = alice.chat(&world).await;
    let snooze = format!("/api/v1/chats/{chat}/snooze");
    world.turn(MINUTE);
    let aside = world.post(&snooze, &json!({ "for": "2h" })).await;
    assert_eq!(aside.status, 200, "{aside:?}");
    assert!(aside.body["snoozed_until"].is_string());
    world.settle().await;
    // Its time stands still, and the silence of a chat page does not close it.
    world.turn(MINUTE * 100);
    world.settle().await;
    let again = world.app.now() + MINUTE * 5;
    assert_eq!(world.post(&snooze, &json!({ "until": again })).await.status, 200);
    world.settle().await;
    world.turn(MINUTE * 5);
    assert_eq!(
        told(&world, began).await,
        ["snoozed 7260", "snoozed 6360", "snooze_ended time 6360"]
    );
    world.turn(MINUTE * 4);
    assert_eq!(told(&world, began).await[3..], ["sla_breached first_reply 6600"]);
    assert_eq!(world.post(&snooze, &json!({ "for": "1h" })).await.status, 200);
    alice.says(&world, "Anybody?").await;
    assert_eq!(told(&world, began).await[5..], ["snooze_ended customer_wrote 10200"]);
    let lines = alice.transcript(&world).await;
    assert!(lines[lines.len() - 2].contains("snooze_ended"), "{lines:?}");
    assert!(lines[lines.len() - 1].ends_with("Anybody?"), "{lines:?}");
    assert_eq!(world.post(&snooze, &json!({ "for": "1h" })).await.status, 200);
    assert_eq!(answer(world.call(Method::DELETE, &snooze)).await.status, 200);
    assert_eq!(answer(world.call(Method::DELETE, &snooze)).await.status, 200, "twice is once");
    assert_eq!(told(&world, began).await[7..], ["snooze_ended ended 10200"]);
    assert_eq!(timers_of_time(world.timers().await), [""; 0]);
    let read = world.get(&format!("/api/v1/chats/{chat}")).await;
    assert_eq!(read.body["snoozed_until"], Value::Null);
    world.finish().await;
}

#[tokio::test]
async fn a_workspace_without_service_levels_sets_no_timers() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    let alice = Visitor::comes(&world, channel).await;
    alice.says(&world, "Hello?").await;
    world.settle().await;
    assert_eq!(timers_of_time(world.timers().await), [""; 0]);
    let off =
        promise(&world, json!({ "name": "Off", "first_reply": "1m", "enabled": false })).await;
    alice.says(&world, "Hello?").await;
    world.settle().await;
    assert_eq!(timers_of_time(world.timers().await), [""; 0]);
    let on = patch(&world, &off, json!({ "enabled": true })).await;
    assert_eq!((on.status, &on.body["first_reply"]), (200, &json!("1m")));
    world.settle().await;
    // Alice waits already: it counts for her as well, from her first words, and changes count at once.
    assert_eq!(timers_of_time(world.timers().await).len(), 1);
    world.turn(SECOND * 30);
    world.settle().await;
    assert_eq!(patch(&world, &off, json!({ "first_reply": "20s" })).await.status, 200);
    world.settle().await;
    let missed = world.events_of("chat.sla_breached").await;
    assert_eq!(missed.len(), 1, "{missed:?}");
    assert_eq!(
        missed[0]["data"]["since"],
        missed[0]["data"]["due_at"].as_str().map_or(Value::Null, |due| {
            let due: Timestamp = due.parse().expect("a time");
            json!(due - SECOND * 20)
        })
    );
    world.finish().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_its_place() {
    let world = World::start().await;
    let schedule = json!([{ "day": "monday", "start": "09:00", "end": "17:00" }]);
    for (wrong, place) in [
        (json!({}), "/name"),
        (json!({ "name": "" }), "/name"),
        (json!({ "name": "Gold", "first_reply": "soon" }), "/first_reply"),
        (json!({ "name": "Gold", "agent_idle": "500ms" }), "/agent_idle"),
        (
            json!({ "name": "Gold", "hours": { "timezone": "Mars", "schedule": schedule } }),
            "/hours/timezone",
        ),
        (
            json!({ "name": "Gold", "hours": { "timezone": "UTC", "schedule": [] } }),
            "/hours/schedule",
        ),
        (json!({ "name": "Gold", "applies_to": { "labels": [""] } }), "/applies_to/labels"),
    ] {
        let refused = world.post("/api/v1/service-levels", &wrong).await;
        assert_eq!((refused.status, refused.pointer()), (422, place), "{refused:?}");
    }
    let level = promise(&world, json!({ "name": "Gold", "first_reply": "90m" })).await;
    assert_eq!(level["first_reply"], "1h 30m");
    let gone = patch(&world, &level, json!({ "first_reply": null, "resolution": "2 days" })).await;
    assert_eq!(
        (&gone.body["first_reply"], &gone.body["resolution"]),
        (&Value::Null, &json!("48h"))
    );
    let listed = world.get("/api/v1/service-levels").await;
    assert_eq!(listed.items().len(), 1);
    let alice = Visitor::comes(&world, world.web_channel().await).await;
    alice.says(&world, "Hello?").await;
    let chat = alice.chat(&world).await;
    let snooze = format!("/api/v1/chats/{chat}/snooze");
    let past = world.app.now() - SECOND;
    for (wrong, place) in [
        (json!({}), "/until"),
        (json!({ "until": past }), "/until"),
        (json!({ "for": "long" }), "/for"),
        (json!({ "for": "1h", "until": past }), "/until"),
    ] {
        let refused = world.post(&snooze, &wrong).await;
        assert_eq!((refused.status, refused.pointer()), (422, place), "{refused:?}");
    }
    let closed = world.post(&format!("/api/v1/chats/{chat}/close"), &json!({})).await;
    assert_eq!(closed.status, 200);
    let late = world.post(&snooze, &json!({ "for": "1h" })).await;
    assert_eq!((late.status, late.code()), (409, "chat_closed"));
    world.finish().await;
}
