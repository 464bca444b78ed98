//! A job outlasts a stop, its node and a receiver that is away, and ends with its endpoint.

use std::collections::BTreeMap;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tidings_testkit::bus::Trouble;
use tidings_testkit::nodes::Nodes;
use tidings_testkit::receiver::{Got, Receiver, Reply};
use tidings_testkit::world::{World, answer};

use super::{begin, id_of, note, progress, subscribe, through};

/// What one step of a job sends.
const STEP_MAX: usize = 64;

/// How often each of these came.
fn times(got: &[Got]) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for got in got {
        *times.entry(got.header("webhook-id").to_owned()).or_default() += 1;
    }
    times
}

async fn state(world: &World, job: &Value) -> Value {
    world.get(&format!("/api/v1/jobs/{}", id_of(job))).await.body
}

/// The job when it is done. Who was sent away while the receiver hung is tried again a little later.
async fn done(world: &World, job: &Value) -> Value {
    let look = async || {
        world.turn(Duration::from_secs(1));
        Some(state(world, job).await).filter(|job| job["state"] == "done")
    };
    world.until("the job to be done", look).await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_after_a_restart_where_it_was() {
    const EVENTS: usize = 200;
    let world = World::start().await;
    for number in 0..EVENTS {
        note(&world, &number.to_string()).await;
    }
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver, &["note.added"]).await;
    receiver.answers(|got| match got.text("/data/text").as_str() {
        "150" => Reply::Never,
        _ => Reply::Status(200),
    });
    let job = begin(&world, &endpoint, "replay", &json!({ "from_seq": 1 })).await;
    let hangs = async || receiver.got().iter().any(|got| got.answered == 0).then_some(());
    world.until("the one that hangs", hangs).await;
    let world = world.restart().await;
    receiver.answers(|_| Reply::Status(200));
    let job = done(&world, &job).await;
    assert_eq!(progress(&job), [EVENTS as u64, 0, 0, EVENTS as u64].map(Some));
    let times = times(&receiver.took());
    assert_eq!(times.len(), EVENTS);
    let again = receiver.took().len() - EVENTS;
    assert!(again <= STEP_MAX, "{again} came again");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_goes_on_when_its_own_dies() {
    const EVENTS: usize = 40;
    let mut nodes = Nodes::start(2, Trouble::default()).await;
    for number in 0..EVENTS {
        note(nodes.at(0), &number.to_string()).await;
    }
    let receiver = Receiver::start().await;
    let mut jobs = Vec::new();
    receiver.answers(|_| Reply::Never);
    // Some for each node; all of them asked at the first one.
    for _ in 0..8 {
        let endpoint = subscribe(nodes.at(0), &receiver, &["note.added"]).await;
        jobs.push(begin(nodes.at(0), &endpoint, "replay", &json!({ "from_seq": 1 })).await);
    }
    let all_try = async || (receiver.got().len() >= jobs.len()).then_some(());
    nodes.at(0).until("a try of each", all_try).await;
    nodes.dies(1);
    receiver.answers(|_| Reply::Status(200));
    let world = nodes.at(0);
    for job in &jobs {
        assert_eq!(progress(&done(world, job).await), [40, 0, 0, 40].map(Some));
    }
    let times = times(&receiver.took());
    assert_eq!(times.len(), EVENTS);
    assert!(times.values().all(|times| *times >= jobs.len()), "{times:?}");
    nodes.finish().await;
}

#[tokio::test]
async fn it_waits_while_its_receiver_is_paused_and_charges_nothing_for_it() {
    const EVENTS: usize = 30;
    let world = World::start().await;
    for number in 0..EVENTS {
        note(&world, &number.to_string()).await;
    }
    let receiver = Receiver::start().await;
    let endpoint = subscribe(&world, &receiver, &["note.added"]).await;
    receiver.answers(|_| Reply::After(503, 120));
    let job = begin(&world, &endpoint, "replay", &json!({ "from_seq": 1 })).await;
    world.settle().await;
    assert_eq!(receiver.got().len(), 1, "nothing goes there meanwhile");
    receiver.answers(|_| Reply::Status(500));
    world.turn(Duration::from_secs(121));
    world.settle().await;
    for _ in 0..10 {
        world.turn(Duration::from_secs(20));
        world.settle().await;
    }
    let health = world.get(&format!("/api/v1/endpoints/{endpoint}")).await.body;
    assert_eq!(health["standing"]["health"], "paused", "{health}");
    let tried = receiver.got().len();
    for _ in 0..24 {
        world.turn(Duration::from_secs(3_600));
        world.settle().await;
    }
    let probes = receiver.got().len() - tried;
    assert!((12..=48).contains(&probes), "{probes} probes in a day");
    let failed = progress(&state(&world, &job).await)[1].expect("a number");
    receiver.answers(|_| Reply::Status(200));
    world.turn(Duration::from_secs(3_600));
    world.settle().await;
    world.turn(Duration::from_secs(60));
    let job = through(&world, &job).await;
    let all = Some(EVENTS as u64);
    assert_eq!(progress(&job), [all.map(|all| all - failed), Some(failed), Some(0), all]);
    assert!(failed < 12, "{failed} failed before it was paused");
    world.finish().await;
}

#[tokio::test]
async fn it_ends_with_its_endpoint() {
    let world = World::start().await;
    for number in 0..5 {
        note(&world, &number.to_string()).await;
    }
    let receiver = Receiver::start().await;
    receiver.answers(|_| Reply::After(429, 600));
    let mut jobs = Vec::new();
    for _ in 0..2 {
        let endpoint = subscribe(&world, &receiver, &["note.added"]).await;
        let job = begin(&world, &endpoint, "replay", &json!({ "from_seq": 1 })).await;
        jobs.push((endpoint, job));
    }
    world.settle().await;
    let path = |endpoint: &str| format!("/api/v1/endpoints/{endpoint}");
    let off = world.call(Method::PATCH, &path(&jobs[0].0)).json(&json!({ "enabled": false }));
    assert_eq!(answer(off).await.status, 200);
    assert_eq!(answer(world.call(Method::DELETE, &path(&jobs[1].0))).await.status, 204);
    world.turn(Duration::from_secs(601));
    for (_, job) in &jobs {
        let job = through(&world, job).await;
        assert_eq!(job["state"], "failed");
        assert_eq!(job["reason"], "the endpoint was switched off or removed");
    }
    assert_eq!(receiver.got().len(), 2);
    world.finish().await;
}
