//! What a newer release wrote while this one still works: what cannot be understood waits, and nothing of it is dropped.
//!
//! That documents keep what this release does not know is looked at in every story, by `tidings_testkit::store`.

use std::time::Duration;

use serde_json::{Value, json};
use tidings_model::WorkspaceId;
use tidings_store::{Batch, DocKey, Document, Kind, Put, Store, TimerChange, TimerName};
use tidings_testkit::receiver::Receiver;
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::World;

/// Writes a document with another body.
async fn rewrite(store: &dyn Store, workspace: WorkspaceId, known: &Document, body: Value) {
    let mut batch = Batch::new(workspace);
    let key = known.key.clone();
    batch.puts.push(Put { key, expected: None, body: body.into(), index: Vec::new() });
    store.commit(batch).await.expect("it is written");
}

#[tokio::test]
async fn what_is_owed_to_an_endpoint_that_cannot_be_read_waits_for_who_can() {
    let receiver = Receiver::start().await;
    let world = World::start().await;
    let body = json!({ "url": receiver.url, "events": ["chat.message"] });
    let id = world.post("/api/v1/endpoints", &body).await.body["id"].clone();
    let key = DocKey::new(Kind::Endpoint, id.as_str().expect("an id"));
    let alice = Visitor::comes(&world, world.web_channel().await).await;
    world.settle().await;

    let (store, workspace) = (world.app.store(), world.workspace);
    let endpoint = store.document(workspace, &key).await.expect("it reads").expect("an endpoint");
    let mut newer = endpoint.body.clone();
    newer["enabled"] = json!({ "on": "weekdays" });
    rewrite(store.as_ref(), workspace, &endpoint, newer).await;
    let world = world.restart().await;
    alice.says(&world, "hello").await;
    alice.waits_for(&world, "customer hello").await;
    assert!(receiver.got().is_empty());

    // The node is upgraded: it understands.
    rewrite(world.app.store().as_ref(), workspace, &endpoint, endpoint.body.clone()).await;
    let world = world.restart().await;
    world.settle().await;
    let got: Vec<String> = receiver.got().iter().map(|got| got.text("/data/text")).collect();
    assert_eq!(got, ["hello"]);
    world.finish().await;
}

#[tokio::test]
async fn a_timer_that_nobody_knows_is_put_off() {
    let world = World::start().await;
    let mut batch = Batch::new(world.workspace);
    let name = TimerName("dance:1".into());
    let (due, body) = (world.app.now(), json!({ "with": "Bob" }));
    batch.timers.push(TimerChange::Set { name: name.clone(), due, body: body.clone() });
    world.app.store().commit(batch).await.expect("it is set");
    world.turn(Duration::from_secs(1));
    let later = world
        .until("the timer to be put off", async || {
            let timers = world.timers().await;
            let timer = timers.into_iter().find(|timer| timer.name == name);
            timer.filter(|timer| timer.due > due)
        })
        .await;
    assert_eq!(later.body, body);
    world.finish().await;
}
