//! Carol lost what was sent to her: she gets what failed, or a part of the log, once more.

mod lasting;

use std::collections::BTreeSet;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tidings_app::Settings;
use tidings_app::admin::tokens::Right;
use tidings_app::admin::{tokens, workspaces};
use tidings_testkit::receiver::{Got, Receiver, Reply};
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{Start, World, answer};

const HOUR: Duration = Duration::from_secs(3_600);

/// A server on which what is not taken at once has failed.
async fn impatient() -> World {
    let settings = Settings { retry_delays: Vec::new(), ..Settings::default() };
    World::begin(Start { settings, ..Start::default() }).await
}

async fn subscribe(world: &World, receiver: &Receiver, events: &[&str]) -> String {
    let body = json!({ "url": receiver.url, "events": events });
    let made = world.post("/api/v1/endpoints", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    id_of(&made.body)
}

async fn note(world: &World, text: &str) {
    let sent = json!({ "type": "note.added", "data": { "text": text } });
    assert_eq!(world.post("/api/v1/events", &sent).await.status, 201);
}

fn id_of(thing: &Value) -> String {
    thing["id"].as_str().expect("an id").to_owned()
}

fn texts(got: &[Got]) -> Vec<String> {
    got.iter().map(|got| got.text("/data/text")).collect()
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort();
    texts
}

/// Begins a job at an endpoint.
async fn begin(world: &World, endpoint: &str, what: &str, body: &Value) -> Value {
    let begun = world.post(&format!("/api/v1/endpoints/{endpoint}/{what}"), body).await;
    assert_eq!(begun.status, 202, "{begun:?}");
    assert_eq!(begun.body["state"], "running");
    begun.body
}

/// What became of a job that nothing holds up.
async fn through(world: &World, job: &Value) -> Value {
    world.settle().await;
    world.get(&format!("/api/v1/jobs/{}", id_of(job))).await.body
}

/// `done`, `failed`, `skipped` and `of`.
fn progress(job: &Value) -> [Option<u64>; 4] {
    ["done", "failed", "skipped", "of"].map(|name| job["progress"][name].as_u64())
}

async fn count(world: &World, status: &str) -> usize {
    world.get(&format!("/api/v1/deliveries?limit=1000&status={status}")).await.items().len()
}

#[tokio::test]
async fn what_failed_is_recovered_in_order() {
    let world = impatient().await;
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver, &["chat.message", "note.added"]).await;
    let channel = world.web_channel().await;
    let (alice, ben) =
        (Visitor::comes(&world, channel).await, Visitor::comes(&world, channel).await);
    receiver.answers(|_| Reply::Status(500));
    alice.says(&world, "too early").await;
    world.settle().await;
    world.turn(HOUR);
    let since = world.app.now();
    for text in ["1", "2", "3"] {
        alice.says(&world, &format!("alice {text}")).await;
        ben.says(&world, &format!("ben {text}")).await;
    }
    note(&world, "of another type").await;
    world.settle().await;
    assert_eq!(count(&world, "failed").await, 8);

    receiver.answers(|_| Reply::Status(200));
    let body = json!({ "since": since, "types": ["chat.*"] });
    let mut dry = body.clone();
    dry["dry_run"] = json!(true);
    let dry = world.post(&format!("/api/v1/endpoints/{endpoint}/recover"), &dry).await;
    assert_eq!((dry.status, &dry.body["of"], &dry.body["is_all"]), (200, &json!(6), &json!(true)));
    assert_eq!(dry.body["first"].as_array().map(Vec::len), Some(6));
    assert_eq!(dry.body["first"][0]["event_type"], "chat.message");
    world.settle().await;
    assert_eq!(texts(&receiver.took()), Vec::<String>::new(), "nothing is sent");

    let job = begin(&world, &endpoint, "recover", &body).await;
    let job = through(&world, &job).await;
    assert_eq!((&job["state"], progress(&job)), (&json!("done"), [6, 0, 0, 6].map(Some)));
    assert_ne!(job["ended_at"], Value::Null);
    let took = texts(&receiver.took());
    for who in ["alice", "ben"] {
        let of_chat: Vec<&str> =
            took.iter().filter_map(|text| text.strip_prefix(&format!("{who} "))).collect();
        assert_eq!(of_chat, ["1", "2", "3"], "{took:?}");
    }
    assert_eq!(took.len(), 6);
    assert_eq!((count(&world, "failed").await, count(&world, "delivered").await), (2, 6));
    let list = world.get("/api/v1/deliveries?status=delivered").await;
    assert_eq!(list.items()[0]["attempts"].as_array().map(Vec::len), Some(2), "{list:?}");

    let job = begin(&world, &endpoint, "recover", &body).await;
    let job = through(&world, &job).await;
    assert_eq!((&job["state"], progress(&job)), (&json!("done"), [0, 0, 0, 0].map(Some)));
    let listed = world.get(&format!("/api/v1/jobs?endpoint={endpoint}")).await;
    assert_eq!(listed.items().len(), 2);
    assert_eq!(world.get("/api/v1/jobs").await.items()[0]["id"], job["id"], "newest first");
    world.finish().await;
}

#[tokio::test]
async fn a_range_is_replayed_as_far_as_the_endpoint_wants_it() {
    let world = World::start().await;
    note(&world, "before there was an endpoint").await;
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver, &["note.added"]).await;
    for text in ["one", "two", "three"] {
        note(&world, text).await;
    }
    assert!(
        world.post("/api/v1/events", &json!({ "type": "chat.custom", "data": {} })).await.status
            < 300
    );
    world.settle().await;
    let seqs: Vec<u64> = world
        .events_of("note.added")
        .await
        .iter()
        .filter_map(|event| event["seq"].as_u64())
        .collect();
    assert_eq!(texts(&receiver.got()), ["one", "two", "three"]);
    let body = json!({ "from_seq": seqs[0], "to_seq": seqs[2] });
    let job = begin(&world, &endpoint, "replay", &body).await;
    let job = through(&world, &job).await;
    assert_eq!((&job["state"], progress(&job)), (&json!("done"), [3, 0, 0, 3].map(Some)));
    assert_eq!(job["progress"]["at_seq"], seqs[2]);
    let again = sorted(texts(&receiver.got()[3..]));
    assert_eq!(again, ["before there was an endpoint", "one", "two"]);
    let first = &receiver.got()[0];
    let same = |got: &&Got| got.header("webhook-id") == first.header("webhook-id");
    assert_eq!(receiver.got().iter().filter(same).count(), 2, "with the same id");
    // What is not taken stays delivered, and shows the try.
    receiver.answers(|_| Reply::Status(400));
    let body = json!({ "from_seq": seqs[3] });
    let job = begin(&world, &endpoint, "replay", &body).await;
    world.settle().await;
    for pause in [6, 31] {
        world.turn(Duration::from_secs(pause));
        world.settle().await;
    }
    let job = through(&world, &job).await;
    assert_eq!((&job["state"], progress(&job)), (&json!("done"), [0, 1, 0, 1].map(Some)));
    let list = world.get("/api/v1/deliveries").await;
    let three = list.items().iter().find(|delivery| delivery["seq"] == seqs[3]).expect("it");
    assert_eq!(three["status"], "delivered");
    assert_eq!(three["attempts"].as_array().map(Vec::len), Some(4), "{three}");
    world.finish().await;
}

#[tokio::test]
async fn what_is_not_taken_holds_up_its_chat_for_a_while_and_nobody_else() {
    let world = impatient().await;
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver, &["chat.message"]).await;
    let channel = world.web_channel().await;
    let (alice, ben) =
        (Visitor::comes(&world, channel).await, Visitor::comes(&world, channel).await);
    receiver.answers(|_| Reply::Status(500));
    for text in ["bad", "alice"] {
        alice.says(&world, text).await;
    }
    ben.says(&world, "ben").await;
    world.settle().await;
    receiver.answers(|got| match got.text("/data/text").as_str() {
        "bad" => Reply::Status(500),
        _ => Reply::Status(200),
    });
    let before = receiver.got().len();
    let job =
        begin(&world, &endpoint, "recover", &json!({ "since": "2020-01-01T00:00:00Z" })).await;
    world.settle().await;
    assert_eq!(texts(&receiver.took()), ["ben"], "alice waits behind what failed");
    let path = format!("/api/v1/jobs/{}", id_of(&job));
    assert_eq!(world.get(&path).await.body["state"], "running");
    world.turn(Duration::from_secs(6));
    world.settle().await;
    assert_eq!(texts(&receiver.took()), ["ben"]);
    world.turn(Duration::from_secs(31));
    let job = through(&world, &job).await;
    assert_eq!((&job["state"], progress(&job)), (&json!("done"), [2, 1, 0, 3].map(Some)));
    assert_eq!(texts(&receiver.took()), ["ben", "alice"]);
    let tries = |got: &&Got| got.text("/data/text") == "bad";
    assert_eq!(receiver.got()[before..].iter().filter(tries).count(), 3);
    world.finish().await;
}

#[tokio::test]
async fn jobs_are_limited_cancelled_and_of_one_workspace() {
    let world = impatient().await;
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver, &["note.added"]).await;
    receiver.answers(|_| Reply::Status(500));
    for number in 0..3 {
        note(&world, &number.to_string()).await;
    }
    world.settle().await;
    receiver.answers(|_| Reply::Never);
    let body = json!({ "since": "2020-01-01T00:00:00Z" });
    let job = begin(&world, &endpoint, "recover", &body).await;
    let path = format!("/api/v1/jobs/{}", id_of(&job));
    world.until("its first try", async || (receiver.got().len() == 4).then_some(())).await;
    let recover = format!("/api/v1/endpoints/{endpoint}/recover");
    let second = world.post(&recover, &body).await;
    assert_eq!((second.status, second.code()), (409, "jobs_running"));
    // A first try does not wait for it.
    receiver.answers(|_| Reply::Status(200));
    let cancelled = world.post(&format!("{path}/cancel"), &json!({})).await;
    assert_eq!((cancelled.status, &cancelled.body["state"]), (200, &json!("cancelled")));
    let again = world.post(&format!("{path}/cancel"), &json!({})).await;
    assert_eq!((again.status, again.code()), (409, "job_ended"));
    world.settle().await;

    for (what, wrong, pointer) in [
        ("replay", json!({}), "/from_seq"),
        ("replay", json!({ "from_seq": 5, "to_seq": 4 }), "/to_seq"),
        (
            "recover",
            json!({ "since": "2026-01-02T00:00:00Z", "until": "2026-01-01T00:00:00Z" }),
            "/until",
        ),
        (
            "recover",
            json!({ "since": "2026-01-02T00:00:00Z", "types": ["nothing.like_it"] }),
            "/types",
        ),
    ] {
        let refused = world.post(&format!("/api/v1/endpoints/{endpoint}/{what}"), &wrong).await;
        assert_eq!((refused.code(), refused.pointer()), ("invalid_field", pointer), "{refused:?}");
    }
    let other = workspaces::create(&world.app, "other").await.expect("a workspace");
    let rights = BTreeSet::from([Right::Read, Right::Write, Right::Admin]);
    let made = tokens::create(&world.app, other.workspace(), "other", rights, None).await;
    let (_, theirs) = made.expect("a token");
    for (method, path) in [
        (Method::GET, path.clone()),
        (Method::POST, format!("{path}/cancel")),
        (Method::POST, recover.clone()),
    ] {
        let call = world.anonymous(method, &path).bearer_auth(&theirs).json(&body);
        let refused = answer(call).await;
        assert_eq!((refused.status, refused.code()), (404, "not_found"), "{path}");
    }

    let off = world.call(Method::PATCH, &format!("/api/v1/endpoints/{endpoint}"));
    assert_eq!(answer(off.json(&json!({ "enabled": false }))).await.status, 200);
    let refused = world.post(&recover, &body).await;
    assert_eq!((refused.status, refused.code()), (409, "endpoint_off"));
    world.finish().await;
}

#[tokio::test]
async fn a_first_try_does_not_wait_for_a_job() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver, &["note.added"]).await;
    for number in 0..20 {
        note(&world, &format!("old {number}")).await;
    }
    world.settle().await;
    receiver.answers(|got| match got.text("/data/text").starts_with("old") {
        true => Reply::Never,
        false => Reply::Status(200),
    });
    begin(&world, &endpoint, "replay", &json!({ "from_seq": 1 })).await;
    world.until("its first tries", async || (receiver.got().len() > 20).then_some(())).await;
    note(&world, "new").await;
    let new = async || texts(&receiver.took()).contains(&"new".to_owned()).then_some(());
    world.until("the new one", new).await;
    let hang = receiver.got().iter().filter(|got| got.answered == 0).count();
    assert!((1..=16).contains(&hang), "{hang} of a window of 64 at most");
    receiver.answers(|_| Reply::Status(200));
    world.settle().await;
    world.turn(Duration::from_secs(6));
    world.finish().await;
}

#[tokio::test]
async fn what_the_endpoint_comes_to_by_itself_is_left_to_it() {
    let world = World::start().await;
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver, &["chat.message", "note.added"]).await;
    let channel = world.web_channel().await;
    let alice = Visitor::comes(&world, channel).await;
    // So many were taken that there is room beside one that hangs.
    for number in 0..8 {
        note(&world, &format!("note {number}")).await;
        let taken = async || (receiver.took().len() > number).then_some(());
        world.until("a note", taken).await;
    }
    world.settle().await;
    receiver.answers(|got| match got.text("/data/text").as_str() {
        "1" => Reply::Never,
        _ => Reply::Status(200),
    });
    for text in ["1", "2", "3"] {
        alice.says(&world, text).await;
    }
    let hangs = async || receiver.got().iter().any(|got| got.answered == 0).then_some(());
    world.until("the one that hangs", hangs).await;
    let job = begin(&world, &endpoint, "replay", &json!({ "from_seq": 1 })).await;
    let path = format!("/api/v1/jobs/{}", id_of(&job));
    let done = async || {
        let job = world.get(&path).await.body;
        (job["state"] == "done").then_some(job)
    };
    let job = world.until("the job to be done", done).await;
    assert_eq!(progress(&job), [8, 0, 3, 11].map(Some), "{job}");
    receiver.answers(|_| Reply::Status(200));
    world.settle().await;
    world.turn(HOUR);
    world.settle().await;
    let took = texts(&receiver.took());
    let of_alice: Vec<&String> = took.iter().filter(|text| !text.starts_with("note")).collect();
    assert_eq!(of_alice, ["1", "2", "3"], "each of them once, in order");
    world.finish().await;
}
