//! Old events go, by count and by age, but never before every reader has passed them.

use std::time::Duration;

use serde_json::{Value, json};
use tidings_app::Settings;
use tidings_app::pipeline::forget::{forget, forget_deliveries};
use tidings_testkit::receiver::{Receiver, Reply};
use tidings_testkit::world::{Start, WAIT_MAX, World};

async fn note(world: &World, text: &str) {
    let sent = json!({ "type": "note.added", "data": { "text": text } });
    assert_eq!(world.post("/api/v1/events", &sent).await.status, 201);
}

async fn forgotten(world: &World) -> u64 {
    forget(&world.app, world.workspace).await.expect("it can be removed")
}

async fn kept(world: &World) -> Vec<u64> {
    world.events().await.iter().filter_map(|event| event["seq"].as_u64()).collect()
}

/// The first record of a stream that holds something.
async fn first_record(world: &World, path: &str) -> String {
    let mut stream = world.call(http::Method::GET, path).send().await.expect("the stream answers");
    let mut text = String::new();
    loop {
        let chunk = tokio::time::timeout(WAIT_MAX, stream.chunk()).await.expect("in time");
        let chunk = chunk.expect("a chunk").expect("the stream goes on");
        text.push_str(std::str::from_utf8(&chunk).expect("text"));
        if let Some(record) = text.split("\n\n").find(|record| record.contains("event: ")) {
            return record.to_owned();
        }
    }
}

#[tokio::test]
async fn by_count_and_a_stream_tells_of_the_gap() {
    let settings = Settings { keep_events_max: Some(3), ..Settings::default() };
    let world = World::begin(Start { settings, ..Start::default() }).await;
    for number in 0..7 {
        note(&world, &format!("note {number}")).await;
    }
    world.settle().await;
    assert_eq!(forgotten(&world).await, 4);
    assert_eq!(kept(&world).await, [5, 6, 7]);
    assert_eq!(forgotten(&world).await, 0, "twice is harmless");
    let record = first_record(&world, "/api/v1/events/stream?since=1").await;
    assert_eq!(record, "id: 4\nevent: gap\ndata: {\"from\":2,\"to\":4}");
    let record = first_record(&world, "/api/v1/events/stream?since=4").await;
    assert!(record.starts_with("id: 5\nevent: note.added\n"), "{record}");
    note(&world, "the next").await;
    assert_eq!(kept(&world).await, [5, 6, 7, 8]);
    world.finish().await;
}

#[tokio::test]
async fn by_age() {
    let settings =
        Settings { keep_events_for: Some(Duration::from_secs(3_600)), ..Settings::default() };
    let world = World::begin(Start { settings, ..Start::default() }).await;
    note(&world, "one").await;
    note(&world, "two").await;
    world.turn(Duration::from_secs(1_800));
    note(&world, "three").await;
    world.settle().await;
    assert_eq!(forgotten(&world).await, 0);
    world.turn(Duration::from_secs(1_801));
    assert_eq!(forgotten(&world).await, 2);
    assert_eq!(kept(&world).await, [3]);
    world.turn(Duration::from_secs(1_800));
    assert_eq!(forgotten(&world).await, 1);
    assert_eq!(kept(&world).await, Vec::<u64>::new());
    note(&world, "four").await;
    assert_eq!(kept(&world).await, [4], "numbers are never used again");
    world.finish().await;
}

#[tokio::test]
async fn never_before_every_reader_has_passed() {
    let settings = Settings {
        keep_events_max: Some(1),
        delivery_deadline: Duration::from_secs(1),
        retry_delays: Vec::new(),
        ..Settings::default()
    };
    let world = World::begin(Start { settings, ..Start::default() }).await;
    note(&world, "before").await;
    world.settle().await;
    let receiver = Receiver::start().await;
    receiver.answers(|_| Reply::Never);
    let endpoint = json!({ "url": receiver.url, "events": ["note.added"] });
    let made = world.post("/api/v1/endpoints", &endpoint).await;
    assert_eq!(made.status, 201, "{made:?}");
    // One more, and its receiver would be told to be degraded, by an event.
    for number in 0..4 {
        note(&world, &format!("note {number}")).await;
    }
    world.until("the receiver to hang", async || (receiver.got().len() == 1).then_some(())).await;
    forgotten(&world).await;
    assert_eq!(kept(&world).await, [2, 3, 4, 5], "the webhooks are not through yet");
    world.settle().await;
    // The last event tells that deliveries failed.
    assert_eq!(forgotten(&world).await, 4);
    let failed = world.get("/api/v1/deliveries?status=failed").await;
    assert_eq!(failed.items().len(), 4);
    let of_a_forgotten: &Value = &failed.items()[3];
    let path =
        format!("/api/v1/deliveries/{}/redeliver", of_a_forgotten["id"].as_str().expect("an id"));
    let again = world.post(&path, &json!({})).await;
    assert_eq!(again.code(), "event_forgotten", "{again:?}");
    world.finish().await;
}

/// How the deliveries that are listed stand, newest first.
async fn listed(world: &World) -> Vec<(String, String)> {
    let list = world.get("/api/v1/deliveries?limit=1000").await;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let one = |delivery: &Value| (text(&delivery["event_type"]), text(&delivery["status"]));
    list.items().iter().map(one).collect()
}

#[tokio::test]
async fn of_deliveries_what_is_owed_stays_and_the_rest_goes_by_age() {
    const DAY: Duration = Duration::from_secs(24 * 3_600);
    let settings = Settings {
        retry_delays: vec![60 * DAY],
        keep_deliveries_for: Some(30 * DAY),
        ..Settings::default()
    };
    let world = World::begin(Start { settings, ..Start::default() }).await;
    let (good, bad) = (Receiver::start().await, Receiver::start().await);
    for (receiver, events) in
        [(&good, json!(["note.added"])), (&bad, json!(["chat.custom", "note.added"]))]
    {
        let endpoint = json!({ "url": receiver.url, "events": events });
        assert_eq!(world.post("/api/v1/endpoints", &endpoint).await.status, 201);
    }
    // Refused for good, taken at once, and owed.
    note(&world, "one").await;
    bad.answers(|_| Reply::Status(500));
    let custom = json!({ "type": "chat.custom", "data": {} });
    for _ in 0..2 {
        assert!(world.post("/api/v1/events", &custom).await.status < 300);
    }
    world.settle().await;
    let pending = world.get("/api/v1/deliveries?status=pending").await;
    let path = |what: &Value| format!("/api/v1/deliveries/{}", what["id"].as_str().expect("an id"));
    let cancelled = world.post(&format!("{}/cancel", path(&pending.items()[0])), &json!({})).await;
    assert_eq!(cancelled.status, 200);
    world.settle().await;
    assert_eq!(listed(&world).await.len(), 4);
    let forgotten = async || forget_deliveries(&world.app, world.workspace).await.expect("it goes");
    world.turn(29 * DAY);
    note(&world, "two").await;
    world.settle().await;
    assert_eq!(forgotten().await, 0);
    world.turn(DAY + Duration::from_secs(60));
    world.settle().await;
    assert!(forgotten().await > 0);
    let left = listed(&world).await;
    let count = |name: &str, status: &str| {
        left.iter().filter(|one| (one.0.as_str(), one.1.as_str()) == (name, status)).count()
    };
    assert_eq!(count("chat.custom", "pending"), 1, "{left:?}");
    assert_eq!(count("chat.custom", "failed"), 0, "{left:?}");
    assert_eq!(count("note.added", "delivered"), 1, "{left:?}");
    assert_eq!(forgotten().await, 0, "twice is harmless");
    bad.answers(|_| Reply::Status(200));
    world.turn(70 * DAY);
    world.settle().await;
    assert!(listed(&world).await.iter().all(|one| one.1 == "delivered"));
    world.turn(31 * DAY);
    world.settle().await;
    forgotten().await;
    assert_eq!(listed(&world).await, []);
    world.finish().await;
}
