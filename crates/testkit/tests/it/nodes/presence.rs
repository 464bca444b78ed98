//! Who is there is known at every node, whichever they are connected to.

use serde_json::json;
use tidings_model::{AgentStatus, Role};
use tidings_testkit::desk::AgentClient;
use tidings_testkit::nodes::Nodes;

use super::{Stage, TELLINGS, has_agent, has_customer};

async fn offline_events(nodes: &Nodes) -> usize {
    let events = nodes.at(0).events_of("routing.status_changed").await;
    events.iter().filter(|event| event["data"]["status"] == "offline").count()
}

#[tokio::test]
async fn who_is_there_is_known_everywhere_and_who_moves_is_not_gone() {
    for trouble in TELLINGS {
        let stage = Stage::set(3, trouble).await;
        let nodes = &stage.nodes;
        let (first_bob, _) = stage.bob_comes(0, json!({})).await;
        let (first_alice, _) = stage.alice_comes(1, json!({})).await;
        nodes
            .until_all("both", async |world| {
                has_agent(world, &stage.bob) && has_customer(world, stage.alice.id)
            })
            .await;
        let (second_bob, _) = stage.bob_comes(1, json!({})).await;
        let (second_alice, _) = stage.alice_comes(2, json!({})).await;
        // Every node knows of both places of each, so none takes one who closes the first for gone.
        nodes
            .until_all("both in both places", async |world| {
                let hub = world.app.hub(world.workspace).expect("it is open");
                hub.places_of_agent(&stage.bob.id) == 2
                    && hub.places_of_customer(stage.alice.id) == 2
            })
            .await;
        let mut watched = Vec::new();
        for world in nodes.all() {
            let hub = world.app.hub(world.workspace).expect("it is open");
            watched.push(hub.watch_presence());
        }
        first_bob.close().await;
        first_alice.close().await;
        nodes
            .until_all("one place of each", async |world| {
                let hub = world.app.hub(world.workspace).expect("it is open");
                hub.places_of_agent(&stage.bob.id) == 1
                    && hub.places_of_customer(stage.alice.id) == 1
            })
            .await;
        for changes in &mut watched {
            assert!(changes.try_recv().is_err(), "nobody came or went");
        }
        second_bob.close().await;
        second_alice.close().await;
        nodes
            .until_all("nobody", async |world| {
                !has_agent(world, &stage.bob) && !has_customer(world, stage.alice.id)
            })
            .await;
        stage.nodes.finish().await;
    }
}

#[tokio::test]
async fn an_agent_who_comes_to_any_node_takes_chats_and_is_told_of_once() {
    for trouble in TELLINGS {
        let stage = Stage::set(3, trouble).await;
        let carol = AgentClient::hired_as(stage.nodes.at(0), "carol@example.com", |agent| {
            agent.role = Role::Normal;
            agent.status = AgentStatus::Offline;
        })
        .await;
        let base_url = &stage.nodes.at(2).base_url;
        let side = tidings_wire::livechat::Side::Agent;
        let (line, _) =
            tidings_testkit::rtm::RtmClient::log_in(base_url, side, &carol.chat.token, json!({}))
                .await;
        stage
            .nodes
            .until_all("Carol at work", async |world| {
                let directory = world.app.directory(world.workspace).expect("it is open");
                let agent = directory.agent(&carol.id).expect("she was hired");
                has_agent(world, &carol) && agent.status == AgentStatus::Accepting
            })
            .await;
        let told = stage.nodes.at(0).events_of("routing.status_changed").await;
        let of_carol = told.iter().filter(|event| event["data"]["agent"] == "carol@example.com");
        assert_eq!(of_carol.count(), 1, "{told:#?}");
        line.close().await;
        stage.nodes.finish().await;
    }
}

#[tokio::test]
async fn those_of_a_node_that_died_are_gone_after_a_while_and_it_is_told_once() {
    for trouble in TELLINGS {
        let mut stage = Stage::set(3, trouble).await;
        let (bob, _) = stage.bob_comes(2, json!({})).await;
        let (alice, _) = stage.alice_comes(2, json!({})).await;
        stage
            .nodes
            .until_all("both", async |world| {
                has_agent(world, &stage.bob) && has_customer(world, stage.alice.id)
            })
            .await;
        stage.nodes.dies(2);
        stage
            .nodes
            .until_all("nobody", async |world| {
                !has_agent(world, &stage.bob) && !has_customer(world, stage.alice.id)
            })
            .await;
        drop((bob, alice));
        assert_eq!(offline_events(&stage.nodes).await, 0, "he may come back");
        let is_told = async || (offline_events(&stage.nodes).await > 0).then_some(());
        stage.nodes.at(0).until("Bob to be offline", is_told).await;
        stage.nodes.at(1).settle().await;
        assert_eq!(offline_events(&stage.nodes).await, 1, "one of the others said so");
        stage.nodes.finish().await;
    }
}

/// A node that hears nothing for long enough takes those of the others for gone. They find out, and put it right.
#[tokio::test]
async fn who_was_taken_for_gone_comes_back_by_the_node_that_has_them() {
    let stage = Stage::set(2, TELLINGS[1]).await;
    let (bob, _) = stage.bob_comes(1, json!({})).await;
    let status_everywhere = async |status: AgentStatus| {
        let has_it = async |world: &tidings_testkit::world::World| {
            let directory = world.app.directory(world.workspace).expect("it is open");
            directory.agent(&stage.bob.id).is_some_and(|agent| agent.status == status)
        };
        stage.nodes.until_all("the status of Bob", has_it).await;
    };
    let first = stage.nodes.at(0);
    let gone = tidings_app::desk::routing::status::change(
        &first.app,
        first.workspace,
        &stage.bob.id,
        AgentStatus::Offline,
        "disconnected",
        None,
    );
    gone.await.expect("it is written");
    status_everywhere(AgentStatus::Offline).await;
    status_everywhere(AgentStatus::Accepting).await;
    drop(bob);
    stage.nodes.finish().await;
}

#[tokio::test]
async fn a_node_that_stops_says_so() {
    let mut stage = Stage::set(2, TELLINGS[0]).await;
    let (bob, _) = stage.bob_comes(1, json!({})).await;
    stage.nodes.until_all("Bob", async |world| has_agent(world, &stage.bob)).await;
    stage.nodes.leaves(1).await;
    assert!(!has_agent(stage.nodes.at(0), &stage.bob));
    drop(bob);
    stage.nodes.finish().await;
}
