//! What one node changed, the others act on: who is let in, who is not any more, and what is in the directory.

use serde_json::json;
use tidings_app::desk::credentials::agent_token;
use tidings_model::Role;
use tidings_testkit::desk::{AgentClient, error_type};

use super::{Stage, TELLINGS, has_customer};

#[tokio::test]
async fn a_token_that_is_taken_back_lets_in_nowhere() {
    for trouble in TELLINGS {
        let stage = Stage::set(2, trouble).await;
        let there = stage.bob_at(1).await;
        there.call("list_chats", json!({})).await.expect("it lets in, and is remembered");
        let first = stage.nodes.at(0);
        let tokens = agent_token::of_agent(&first.app, first.workspace, &stage.bob.id).await;
        for token in tokens.expect("they can be read") {
            let revoked = agent_token::revoke(&first.app, first.workspace, &stage.bob.id, token.id);
            revoked.await.expect("it is taken back");
        }
        let is_refused = async || {
            let asked = there.call("list_chats", json!({})).await;
            (error_type(&asked) == "authentication").then_some(())
        };
        first.until("it is refused", is_refused).await;
        stage.nodes.finish().await;
    }
}

#[tokio::test]
async fn who_is_banned_is_cut_at_every_node_and_not_let_in_again() {
    for trouble in TELLINGS {
        let stage = Stage::set(2, trouble).await;
        let (mut alice, _) = stage.alice_comes(1, json!({})).await;
        stage.nodes.until_all("Alice", async |world| has_customer(world, stage.alice.id)).await;
        let bob = stage.bob_at(0).await;
        let ban = json!({ "id": stage.alice.id, "ban": { "days": 1 } });
        bob.call("ban_customer", ban).await.expect("she is banned");
        let told = alice.push("customer_disconnected").await;
        assert_eq!(told.pointer("/payload/reason"), Some(&json!("customer_banned")));
        let again = stage.alice_at(1).await.call("list_chats", json!({})).await;
        assert_eq!(error_type(&again), "customer_banned");
        stage.nodes.finish().await;
    }
}

#[tokio::test]
async fn who_is_sent_away_is_so_at_every_node() {
    for trouble in TELLINGS {
        let stage = Stage::set(2, trouble).await;
        let carol = AgentClient::hired(stage.nodes.at(0), "carol@example.com", Role::Normal).await;
        let side = tidings_wire::livechat::Side::Agent;
        let log_in = async |place: usize| {
            let base_url = &stage.nodes.at(place).base_url;
            let more = json!({});
            tidings_testkit::rtm::RtmClient::log_in(base_url, side, &carol.chat.token, more).await.0
        };
        let mut first = log_in(1).await;
        stage.nodes.until_all("Carol", async |world| super::has_agent(world, &carol)).await;
        let bob = stage.bob_at(0).await;
        bob.call("logout", json!({ "agent_id": carol.id })).await.expect("she is sent away");
        let told = first.push("agent_disconnected").await;
        assert_eq!(told.pointer("/payload/reason"), Some(&json!("agent_logged_out_remotely")));
        // Somebody else's clock goes on; who comes back later is not sent away once more.
        stage.nodes.turn(std::time::Duration::from_secs(1));
        let mut second = log_in(1).await;
        assert!(second.call("list_chats", json!({})).await.success());
        bob.configure("suspend_agent", json!({ "id": carol.id })).await.expect("suspended");
        second.push("agent_disconnected").await;
        stage.nodes.finish().await;
    }
}

#[tokio::test]
async fn what_is_in_the_directory_is_seen_everywhere() {
    for trouble in TELLINGS {
        let stage = Stage::set(2, trouble).await;
        let group =
            json!({ "name": "Drivers", "agent_priorities": { "bob@example.com": "normal" } });
        let bob = stage.bob_at(0).await;
        bob.configure("create_group", group).await.expect("it is made");
        stage
            .nodes
            .until_all("the team", async |world| {
                let directory = world.app.directory(world.workspace).expect("it is open");
                directory.groups().iter().any(|group| group.name == "Drivers")
            })
            .await;
        stage.nodes.finish().await;
    }
}
