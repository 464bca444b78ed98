//! Several nodes divide the work: when one dies, leaves or is paused, the others do its work, and nothing twice.

use serde_json::json;
use tidings_model::Delivery;
use tidings_store::{DocumentQuery, Kind, Scan, Version};
use tidings_testkit::bus::Trouble;
use tidings_testkit::nodes::Nodes;
use tidings_testkit::receiver::{Receiver, Reply};
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::World;

/// A bot that answers once to each message.
const ECHO: &str = "
behaviors:
  - {name: echo, on: chat.message, from: customer, do: [{say: 'Heard: {{ event.text }}'}]}
";

/// So many visitors, each in a chat of their own: some for every node.
async fn visitors(nodes: &Nodes, count: usize) -> Vec<Visitor> {
    let channel = nodes.at(0).web_channel_of("echo").await;
    let knows = async |world: &World| {
        let directory = world.app.directory(world.workspace).expect("it is open");
        directory.channel(channel).is_some()
    };
    nodes.until_all("the channel", knows).await;
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(Visitor::comes(nodes.at(0), channel).await);
    }
    all
}

/// Every visitor says it at one of the nodes, and is answered once.
async fn all_are_answered(nodes: &Nodes, all: &[Visitor], text: &str) {
    for (place, visitor) in all.iter().enumerate() {
        let at = nodes.at(place % nodes.all().len());
        visitor.says(at, text).await;
    }
    let answer = format!("bot Heard: {text}");
    for visitor in all {
        visitor.waits_for(nodes.at(0), &answer).await;
    }
    nodes.at(0).settle().await;
    for visitor in all {
        let read = visitor.reads(nodes.at(0)).await;
        assert_eq!(read.iter().filter(|line| **line == answer).count(), 1, "{read:?}");
    }
}

#[tokio::test]
async fn who_joins_gets_a_part_and_who_leaves_gives_it_back() {
    let mut nodes = Nodes::start(1, Trouble::default()).await;
    nodes.at(0).publish_good("echo", ECHO).await;
    nodes.until_held(&[16]).await;
    let all = visitors(&nodes, 12).await;
    all_are_answered(&nodes, &all, "alone").await;
    nodes.join().await;
    // While shares move.
    all_are_answered(&nodes, &all, "two").await;
    nodes.until_held(&[8, 8]).await;
    nodes.join().await;
    all_are_answered(&nodes, &all, "three").await;
    nodes.until_held(&[6, 5, 5]).await;
    nodes.leaves(1).await;
    nodes.until_held(&[8, 8]).await;
    all_are_answered(&nodes, &all, "two again").await;
    nodes.finish().await;
}

#[tokio::test]
async fn the_work_of_a_node_that_dies_goes_on_elsewhere() {
    let mut nodes = Nodes::start(1, Trouble::default()).await;
    nodes.at(0).publish_good("echo", ECHO).await;
    nodes.join().await;
    nodes.until_held(&[8, 8]).await;
    let all = visitors(&nodes, 12).await;
    all_are_answered(&nodes, &all, "before").await;
    for visitor in &all {
        visitor.says(nodes.at(1), "meanwhile").await;
    }
    nodes.dies(1);
    for visitor in &all {
        visitor.waits_for(nodes.at(0), "bot Heard: meanwhile").await;
    }
    nodes.until_held(&[16]).await;
    all_are_answered(&nodes, &all, "after").await;
    let said = nodes.at(0).app.node();
    let said = nodes.members.said(said).expect("it beats");
    assert_eq!(said.state["shares"][nodes.at(0).workspace.to_string()], 16, "{said:?}");
    nodes.finish().await;
}

#[tokio::test]
async fn a_paused_node_that_comes_back_writes_nothing() {
    let mut nodes = Nodes::start(1, Trouble::default()).await;
    let receiver = Receiver::start().await;
    let body = json!({ "url": receiver.url, "events": ["chat.message"] });
    assert_eq!(nodes.at(0).post("/api/v1/endpoints", &body).await.status, 201);
    nodes.until_held(&[16]).await;
    let channel = nodes.at(0).web_channel().await;
    let alice = Visitor::comes(nodes.at(0), channel).await;
    // A webhook is on its way out, and its receiver says nothing.
    receiver.answers(|_| Reply::Never);
    alice.says(nodes.at(0), "hello").await;
    nodes.at(0).until("the webhook", async || (receiver.got().len() == 1).then_some(())).await;
    nodes.members.pause(nodes.at(0).app.node());
    let before = receiver.got().len();
    // The other one takes the work, and makes the delivery: it cannot know that one is on its way.
    nodes.join().await;
    let (paused, other) = (nodes.at(0), nodes.at(1));
    other.until("the other to hold all", async || (other.shares_held() == 16).then_some(())).await;
    let tries_of_the_other = || receiver.got().len() - before;
    other.until("another try", async || (tries_of_the_other() > 0).then_some(())).await;
    // Both are sent away with a 500, and both want to write that down.
    receiver.answers(|_| Reply::Status(500));
    paused
        .until("the paused one to know", async || (paused.shares_held() == 0).then_some(()))
        .await;
    let written = other
        .until("the other's try to be written", async || {
            Some(deliveries(other).await).filter(|written| !written.is_empty())
        })
        .await;
    // On a busy machine the other may lose its leases and begin again: no try but its own is written.
    let [(delivery, version)] = written.as_slice() else { panic!("{written:?}") };
    let most = u64::try_from(tries_of_the_other()).expect("a few");
    assert!(delivery.attempts.len() == 1 && version.0 <= most, "{version:?}: {delivery:?}");
    receiver.answers(|_| Reply::Status(204));
    // It may come back: it begins anew, with leases of its own.
    nodes.members.wake(paused.app.node());
    nodes.until_held(&[8, 8]).await;
    nodes.turn(std::time::Duration::from_secs(60));
    nodes.finish().await;
}

async fn deliveries(world: &World) -> Vec<(Delivery, Version)> {
    let query = DocumentQuery { kind: Kind::Delivery, scan: Scan::All, after: None, limit: 100 };
    let page = world.app.store().documents(world.workspace, query).await.expect("it can be read");
    let read = |document: tidings_store::Document| {
        let delivery = serde_json::from_value(document.body).expect("a delivery");
        (delivery, document.version)
    };
    page.documents.into_iter().map(read).collect()
}

#[tokio::test]
async fn what_was_changed_before_an_event_is_known_wherever_it_is_handled() {
    // No hint comes through, so that the other node would know of the endpoint some seconds later.
    let mut nodes = Nodes::start(1, Trouble { lost: 100, ..Trouble::default() }).await;
    nodes.join().await;
    nodes.until_held(&[8, 8]).await;
    let receiver = Receiver::start().await;
    let first = nodes.at(0);
    for count in 1..=3 {
        let url = format!("{}?endpoint={count}", receiver.url);
        let body = json!({ "url": url, "events": ["note.added"] });
        assert_eq!(first.post("/api/v1/endpoints", &body).await.status, 201);
        for number in 0..16 {
            let event = json!({ "type": "note.added", "data": { "text": number.to_string() } });
            assert_eq!(first.post("/api/v1/events", &event).await.status, 201);
        }
    }
    // Each endpoint hears what followed it: three times, twice and once as much.
    first.until("all webhooks", async || (receiver.got().len() >= 96).then_some(())).await;
    nodes.finish().await;
    assert_eq!(receiver.got().len(), 96);
}

#[tokio::test]
async fn a_node_that_is_alone_has_no_leases() {
    let world = World::start().await;
    let query = DocumentQuery { kind: Kind::Lease, scan: Scan::All, after: None, limit: 100 };
    let page = world.app.store().documents(world.workspace, query).await.expect("it can be read");
    assert_eq!((page.documents.len(), world.shares_held()), (0, 16));
    world.finish().await;
}
