//! More than one reader holds, many dead receivers, endpoints made while events flow, and nodes that die.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future::join_all;
use serde_json::{Value, json};
use tidings_model::Seq;
use tidings_store::{EventQuery, Kind};
use tidings_testkit::bus::Trouble;
use tidings_testkit::nodes::Nodes;
use tidings_testkit::receiver::{Got, Receiver, Reply};
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::World;

use super::{crowd, kept, open_to_crowds, stored, subscribe, texts};

/// How many chats there are, ...
const CHATS: usize = 24;

/// ... and how much is said in each: together more than a reader holds in its inbox and its hands.
const ROUNDS: usize = 40;

async fn rounds(world: &World, crowd: &[Visitor], rounds: std::ops::Range<usize>) {
    for round in rounds {
        let says = crowd.iter().enumerate().map(async |(chat, visitor)| {
            visitor.says(world, &format!("{chat} {round}")).await;
        });
        join_all(says).await;
    }
}

/// What came of each chat, in the order of coming.
fn by_chat(got: &[Got]) -> BTreeMap<usize, Vec<usize>> {
    let mut chats: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for text in texts(got) {
        let (chat, round) = text.split_once(' ').expect("a chat and a round");
        let chat = chat.parse().expect("a number");
        chats.entry(chat).or_default().push(round.parse().expect("a number"));
    }
    chats
}

/// Everything came, once and in order in each chat.
fn came_once_in_order(got: &[Got], rounds: usize) {
    let chats = by_chat(got);
    assert_eq!(chats.len(), CHATS);
    for (chat, came) in chats {
        assert_eq!(came, (0..rounds).collect::<Vec<_>>(), "chat {chat}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_left_behind_gets_all_once_and_in_order() {
    let world = open_to_crowds().await;
    let (slow, quick) = (Receiver::start().await, Receiver::start().await);
    subscribe(&world, &slow, &["chat.message"]).await;
    subscribe(&world, &quick, &["chat.message"]).await;
    let crowd = crowd(&world, CHATS).await;
    slow.answers(|_| Reply::Never);
    rounds(&world, &crowd, 0..ROUNDS).await;
    let all = async || (quick.took().len() == CHATS * ROUNDS).then_some(());
    world.until("all for the quick one", all).await;
    assert_eq!(slow.got().len(), 1, "one try at a time until it takes something");
    slow.answers(|_| Reply::Status(200));
    let all = async || {
        world.turn(std::time::Duration::from_secs(1));
        (slow.took().len() == CHATS * ROUNDS).then_some(())
    };
    world.until("all for the slow one", all).await;
    // It is fed again.
    rounds(&world, &crowd, ROUNDS..ROUNDS + 1).await;
    world.settle().await;
    for receiver in [&slow, &quick] {
        came_once_in_order(&receiver.took(), ROUNDS + 1);
    }
    for progress in kept(&world, Kind::Progress).await {
        let bytes = progress.to_string().len();
        assert!(bytes < 1_000, "nothing is owed: {progress}");
    }
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_made_while_events_flow_gets_all_from_then_on() {
    let world = open_to_crowds().await;
    let crowd = crowd(&world, CHATS).await;
    let mut made: Vec<(Receiver, Value)> = Vec::new();
    let makes = async {
        for _ in 0..5 {
            let receiver = Receiver::start().await;
            let endpoint = subscribe(&world, &receiver, &["chat.message"]).await;
            made.push((receiver, endpoint));
            let before = world.app.store().last_seq(world.workspace).await.expect("a number");
            let more = async || {
                let now = world.app.store().last_seq(world.workspace).await.expect("a number");
                (now.0 >= before.0 + 40).then_some(())
            };
            world.until("more events", more).await;
        }
    };
    tokio::join!(makes, rounds(&world, &crowd, 0..20));
    world.settle().await;
    for (receiver, endpoint) in &made {
        let after = Seq(stored(&world, endpoint).await.after_seq);
        let query = EventQuery { after, limit: 10_000, ..EventQuery::default() };
        let events = world.app.store().events(world.workspace, query).await.expect("the log");
        let owed: BTreeSet<String> = events
            .iter()
            .filter(|event| event.event_type.to_string() == "chat.message")
            .map(|event| event.id.to_string())
            .collect();
        let got = receiver.got();
        let came: BTreeSet<String> =
            got.iter().map(|got| got.header("webhook-id").to_owned()).collect();
        assert_eq!((came.len(), &came), (got.len(), &owed), "all since it was made, and once");
    }
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_that_hang_leave_room_for_the_living() {
    const DEAD: usize = 200;
    let world = open_to_crowds().await;
    let (dead, living) = (Receiver::start().await, Receiver::start().await);
    dead.answers(|_| Reply::Never);
    for _ in 0..DEAD {
        subscribe(&world, &dead, &["chat.message"]).await;
    }
    subscribe(&world, &living, &["chat.message"]).await;
    let crowd = crowd(&world, CHATS).await;
    rounds(&world, &crowd, 0..2).await;
    let all = async || (living.took().len() == CHATS * 2).then_some(());
    world.until("all for the living one", all).await;
    came_once_in_order(&living.took(), 2);
    let hang = async || (dead.got().len() == DEAD).then_some(());
    world.until("each of the dead ones to be tried once", hang).await;
    let ended = world.get("/api/v1/deliveries?limit=1000&status=pending").await;
    assert_eq!(ended.items().len(), 0, "none of them gave up yet");
    dead.answers(|_| Reply::Status(410));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_in_the_middle_loses_nothing_and_repeats_little() {
    let world = open_to_crowds().await;
    let receiver = Receiver::start().await;
    subscribe(&world, &receiver, &["chat.message"]).await;
    let crowd = crowd(&world, CHATS).await;
    rounds(&world, &crowd, 0..10).await;
    let world = world.restart().await;
    rounds(&world, &crowd, 10..12).await;
    world.settle().await;
    // A stop in order repeats nothing at all.
    came_once_in_order(&receiver.took(), 12);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_node_owed_that_died_another_delivers() {
    /// What may be under way or unwritten of one endpoint.
    const WINDOW: usize = 256;
    let mut nodes = Nodes::start(2, Trouble::default()).await;
    let receiver = Receiver::start().await;
    let mut endpoints = Vec::new();
    // Some for each node.
    for _ in 0..8 {
        endpoints.push(subscribe(nodes.at(0), &receiver, &["note.added"]).await);
    }
    for number in 0..60 {
        let note = json!({ "type": "note.added", "data": { "text": format!("0 {number}") } });
        assert_eq!(nodes.at(0).post("/api/v1/events", &note).await.status, 201);
        if number == 30 {
            nodes.dies(1);
        }
    }
    let owed = 60 * endpoints.len();
    let ids = || {
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        for got in receiver.took() {
            *count.entry(got.header("webhook-id").to_owned()).or_default() += 1;
        }
        count
    };
    let all = async || {
        let ids = ids();
        (ids.len() == 60 && ids.values().all(|times| *times >= endpoints.len())).then_some(())
    };
    nodes.at(0).until("all for all", all).await;
    nodes.at(0).settle().await;
    let came = receiver.took().len();
    assert!(came <= owed + WINDOW * endpoints.len(), "{came} of {owed}");
    nodes.finish().await;
}
