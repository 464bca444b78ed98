//! Nodes that give chats away at once give each to one agent, and nobody more than they take.

use std::collections::BTreeMap;

use serde_json::json;
use tidings_model::{AgentStatus, Role};
use tidings_testkit::desk::{AgentClient, CustomerClient};

use super::{Stage, TELLINGS};

#[tokio::test]
async fn nobody_gets_a_chat_beyond_the_limit_at_whichever_nodes_they_begin() {
    for trouble in TELLINGS {
        let stage = Stage::set(3, trouble).await;
        let nodes = &stage.nodes;
        for (name, chats_max) in [("carol@example.com", 2), ("dave@example.com", 3)] {
            AgentClient::hired_as(nodes.at(0), name, |agent| {
                agent.role = Role::Normal;
                agent.chats_max = chats_max;
            })
            .await;
        }
        // Who knows the last change knows those before.
        stage.bob.changes(nodes.at(0), |agent| agent.status = AgentStatus::Away).await;
        nodes
            .until_all("Bob away", async |world| {
                let directory = world.app.directory(world.workspace).expect("it is open");
                let bob = directory.agent(&stage.bob.id).expect("he was hired");
                bob.status == AgentStatus::Away
            })
            .await;
        let mut customers = Vec::new();
        for place in 0..18 {
            customers.push(CustomerClient::comes(nodes.at(place % 3), stage.channel).await);
        }
        let started =
            futures_util::future::join_all(customers.iter().map(CustomerClient::starts_chat)).await;
        for world in nodes.all() {
            world.settle().await;
        }
        let admin = stage.bob_at(0).await;
        let (mut by_agent, mut waiting) = (BTreeMap::new(), 0);
        for (chat, _) in &started {
            let read = admin.call("get_chat", json!({ "chat_id": chat })).await.expect("a chat");
            let users = read["users"].as_array().expect("users").iter();
            let agents: Vec<String> = users
                .filter(|user| user["type"] == "agent" && user["present"] == true)
                .map(|user| user["id"].as_str().expect("an id").to_owned())
                .collect();
            match agents.as_slice() {
                [] => waiting += 1,
                [agent] => *by_agent.entry(agent.clone()).or_insert(0) += 1,
                more => panic!("a chat went to {more:?}"),
            }
        }
        assert_eq!(by_agent.into_values().collect::<Vec<_>>(), [2, 3]);
        assert_eq!(waiting, 13);
        stage.nodes.finish().await;
    }
}
