//! Who comes: told of once, whichever way they come.

use serde_json::{Value, json};
use tidings_testkit::rtm::RtmClient;
use tidings_testkit::visitor::Visitor;
use tidings_wire::livechat::Side;

use super::Scene;

fn page() -> Value {
    json!({ "customer_page": { "url": "https://shop.example/" } })
}

/// How often it is told that Alice came, in all that was heard so far.
async fn told(scene: &Scene, listening: &mut RtmClient) -> usize {
    scene.world.settle().await;
    let pushes = listening.pushes().await;
    let came = |push: &&Value| {
        push["action"] == "incoming_customer" && push["payload"]["id"] == json!(scene.alice.id)
    };
    pushes.iter().filter(came).count()
}

#[tokio::test]
async fn each_arrival_is_told_once() {
    let scene = Scene::begin().await;
    let mut listening = scene.bob_listens().await;

    let (mut line, _) = scene.alice_comes(page()).await;
    assert_eq!(told(&scene, &mut listening).await, 1, "somebody new");
    let (other, _) = scene.alice_comes(page()).await;
    let next = json!({ "url": "https://shop.example/prices" });
    assert!(line.call("update_customer_page", next.clone()).await.success());
    assert_eq!(told(&scene, &mut listening).await, 0, "a second window, and a page");
    other.close().await;
    line.close().await;
    listening.push("customer_left").await;

    let (line, _) = scene.alice_comes(page()).await;
    assert_eq!(told(&scene, &mut listening).await, 1, "back within the visit");
    line.close().await;
    listening.push("customer_left").await;
    let hub = scene.world.app.hub(scene.world.workspace).expect("it is open");
    let is_gone = async || (!hub.has_customer(scene.alice.id)).then_some(());
    scene.world.until("she is gone", is_gone).await;
    tidings_app::desk::customers::leave::sweep(&scene.world.app, scene.world.workspace)
        .await
        .expect("it looks");

    let (line, _) = scene.alice_comes(page()).await;
    assert_eq!(told(&scene, &mut listening).await, 1, "a new visit");
    line.close().await;
    listening.push("customer_left").await;
    scene.world.until("she is gone", is_gone).await;
    tidings_app::desk::customers::leave::sweep(&scene.world.app, scene.world.workspace)
        .await
        .expect("it looks");

    let (mut line, _) = scene.alice_comes(json!({})).await;
    assert!(line.call("update_customer_page", next).await.success());
    assert_eq!(told(&scene, &mut listening).await, 1, "without a page at first");
    assert_eq!(scene.seen().await["visit"]["id"], 3);
    scene.world.finish().await;
}

#[tokio::test]
async fn who_was_never_told_of_is_not_told_to_leave() {
    let scene = Scene::begin().await;
    let mut listening = scene.bob_listens().await;
    let (line, _) = scene.alice_comes(json!({})).await;
    line.close().await;
    let hub = scene.world.app.hub(scene.world.workspace).expect("it is open");
    let is_gone = async || (!hub.has_customer(scene.alice.id)).then_some(());
    scene.world.until("she is gone", is_gone).await;
    let names: Vec<Value> =
        listening.pushes().await.iter().map(|push| push["action"].clone()).collect();
    assert_eq!(names, ["incoming_customers"], "of nobody");
    scene.world.finish().await;
}

#[tokio::test]
async fn whoever_is_new_is_told_of_once_by_whichever_way_they_come() {
    let scene = Scene::begin().await;
    let world = &scene.world;
    let mut listening = scene.bob_listens().await;
    let carol = Visitor::comes(world, scene.alice.channel).await;
    let said = carol.says(world, "hello").await;
    carol.says(world, "is anybody there?").await;
    let id = said.pointer("/author/id").expect("an author");
    let came = listening.push("incoming_customer").await;
    assert_eq!(&came["payload"]["id"], id);
    scene.alice.starts_chat().await;
    let came = listening.push("incoming_customer").await;
    assert_eq!(came["payload"]["id"], json!(scene.alice.id));
    let mut oldest = RtmClient::open(&world.base_url, Side::Agent, "3.0").await;
    let level = json!({ "customer_monitoring_level": "online" });
    assert!(oldest.login(&scene.bob.chat.token, level).await.success());
    let dave = Visitor::comes(world, scene.alice.channel).await;
    let said = dave.says(world, "hello").await;
    let created = oldest.push("customer_created").await;
    assert_eq!(created.pointer("/payload/customer/id"), said.pointer("/author/id"));
    world.settle().await;
    let created = world.events_of("customer.created").await;
    assert_eq!(created.len(), 3, "{created:?}");
    scene.world.finish().await;
}
