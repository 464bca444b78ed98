//! Streams: events as they come, resumed where they broke off, ended when the server stops.

use std::time::Duration;

use serde_json::json;
use tidings_testkit::world::World;

/// How long a test waits for something that must come.
const WAIT_MAX: Duration = Duration::from_secs(10);

/// A stream that is read record by record.
pub(crate) struct Records {
    response: reqwest::Response,
    text: String,
}

impl Records {
    pub(crate) async fn open(call: reqwest::RequestBuilder) -> Self {
        let response = call.send().await.expect("the stream answers");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        let mut records = Self { response, text: String::new() };
        assert_eq!(records.next().await.as_deref(), Some(": here"));
        records
    }

    /// The next record; `None` when the stream ended.
    pub(crate) async fn next(&mut self) -> Option<String> {
        loop {
            if let Some((record, rest)) = self.text.split_once("\n\n") {
                let (record, rest) = (record.to_owned(), rest.to_owned());
                self.text = rest;
                return Some(record);
            }
            let chunk = tokio::time::timeout(WAIT_MAX, self.response.chunk())
                .await
                .expect("a chunk in time");
            self.text.push_str(std::str::from_utf8(&chunk.ok()??).expect("text"));
        }
    }

    pub(crate) async fn data(&mut self) -> serde_json::Value {
        let record = self.next().await.expect("a record");
        let data = record.lines().find_map(|line| line.strip_prefix("data: ")).expect("data");
        serde_json::from_str(data).expect("JSON")
    }
}

async fn say(world: &World, text: &str) -> serde_json::Value {
    let sent = world
        .post("/api/v1/events", &json!({ "type": "chat.message", "data": { "text": text } }))
        .await;
    assert_eq!(sent.status, 201);
    sent.body
}

#[tokio::test]
async fn a_stream_begins_now_and_resumes_where_it_broke_off() {
    let world = World::start().await;
    say(&world, "before").await;
    let mut records = Records::open(world.call(http::Method::GET, "/api/v1/events/stream")).await;
    let sent = say(&world, "one").await;
    let record = records.next().await.expect("a record");
    assert!(record.starts_with("id: 2\nevent: chat.message\ndata: {\"seq\":2,"), "{record}");
    drop(records);

    say(&world, "two").await;
    say(&world, "three").await;
    let call =
        world.call(http::Method::GET, "/api/v1/events/stream?since=0").header("last-event-id", "2");
    let mut records = Records::open(call).await;
    assert_eq!(records.data().await["data"]["text"], "two");
    assert_eq!(records.data().await["data"]["text"], "three");

    let mut from_start =
        Records::open(world.call(http::Method::GET, "/api/v1/events/stream?since=1")).await;
    assert_eq!(from_start.data().await, sent);
    world.stop().await;
}

#[tokio::test]
async fn a_stream_gives_only_what_it_was_asked_for() {
    let world = World::start().await;
    let mut notes =
        Records::open(world.call(http::Method::GET, "/api/v1/events/stream?type=note.*&since=0"))
            .await;
    say(&world, "one").await;
    world
        .post("/api/v1/events", &json!({ "type": "note.added", "data": { "text": "a note" } }))
        .await;
    assert_eq!(notes.data().await["data"]["text"], "a note");
    world.stop().await;
}

#[tokio::test]
async fn a_gap_is_told_where_events_are_no_longer_kept() {
    let world = World::start().await;
    for text in ["one", "two", "three"] {
        say(&world, text).await;
    }
    let forgotten =
        world.app.store().forget(world.workspace, tidings_model::Seq(2), world.app.now()).await;
    assert_eq!(forgotten.expect("they can be removed"), 2);
    let mut records =
        Records::open(world.call(http::Method::GET, "/api/v1/events/stream?since=0")).await;
    assert_eq!(
        records.next().await.as_deref(),
        Some("id: 2\nevent: gap\ndata: {\"from\":1,\"to\":2}")
    );
    assert_eq!(records.data().await["data"]["text"], "three");
    world.stop().await;
}

#[tokio::test]
async fn streams_end_when_the_server_stops() {
    let world = World::start().await;
    let mut records = Records::open(world.call(http::Method::GET, "/api/v1/events/stream")).await;
    world.readiness.drain();
    assert_eq!(records.next().await, None);
    tokio::time::timeout(WAIT_MAX, world.stop()).await.expect("it stops in time");
}
