//! Who is let in, and what they are told.

use serde_json::{Value, json};
use tidings_app::desk::hub::{Cut, PresenceChange};
use tidings_model::{Agent, AgentId, AgentStatus};
use tidings_testkit::desk::AgentClient;
use tidings_testkit::rtm::RtmClient;
use tidings_wire::livechat::Side;

use super::Scene;

#[tokio::test]
async fn a_customer_is_told_who_they_are_and_of_their_chat() {
    let scene = Scene::begin().await;
    let (alice, told) = scene.alice_comes(json!({})).await;
    assert_eq!(told.pointer("/customer/id"), Some(&json!(scene.alice.id.to_string())));
    assert_eq!(told.get("has_active_thread"), Some(&json!(true)));
    assert_eq!(told.pointer("/chats/0/chat_id"), Some(&json!(scene.chat)));
    assert_eq!(told.pointer("/chats/0/has_unread_events"), Some(&json!(false)));
    assert!(told.pointer("/customer/statistics/chats_count").is_some(), "{told}");
    assert_eq!(told.get("__priv_dynamic_config"), Some(&json!({})));
    alice.close().await;
    scene.world.finish().await;
}

#[tokio::test]
async fn an_agent_is_told_the_licence_their_profile_and_chats_and_who_is_there() {
    let scene = Scene::begin().await;
    let (_alice, _) = scene.alice_comes(json!({})).await;
    let (mut bob, told) = scene.bob_comes(json!({})).await;
    assert!(told.pointer("/license/id").is_some_and(Value::is_u64), "{told}");
    assert_eq!(
        told.pointer("/license/organization_id"),
        Some(&json!(scene.world.workspace.to_string()))
    );
    assert_eq!(told.pointer("/my_profile/id"), Some(&json!("bob@example.com")));
    assert_eq!(told.pointer("/my_profile/permission"), Some(&json!("administrator")));
    assert_eq!(told.pointer("/chats_summary/0/id"), Some(&json!(scene.chat)));
    assert_eq!(
        told.pointer("/chats_summary/0/last_event_per_type/message/event/text"),
        Some(&json!("hello"))
    );
    let there = bob.push("incoming_customers").await;
    assert_eq!(there.pointer("/payload/customers/0/id"), Some(&json!(scene.alice.id.to_string())));
    assert_eq!(there.pointer("/payload/customer_monitoring_level"), Some(&json!("my")));
    scene.world.finish().await;
}

#[tokio::test]
async fn nothing_is_done_before_login_but_ping() {
    let scene = Scene::begin().await;
    let mut bob = scene.door(Side::Agent).await;
    let refused = bob.call("get_chat", json!({ "chat_id": scene.chat })).await;
    assert_eq!(refused.error(), "authentication");
    bob.send_text(r#"{"request_id":"p","action":"ping"}"#).await;
    let pong = bob.answer("p").await;
    assert!(pong.success(), "{}", pong.frame);
    assert_eq!(pong.frame.get("action"), Some(&json!("ping")));
    let refused = bob.login("nonsense", json!({})).await;
    assert_eq!(refused.error(), "authentication");
    let refused = bob.login(&scene.alice.chat.token, json!({})).await;
    assert_eq!(refused.error(), "authentication", "a customer's token lets no agent in");
    assert!(bob.login(&scene.bob.chat.token, json!({})).await.success());
    assert!(bob.call("get_chat", json!({ "chat_id": scene.chat })).await.success());
    scene.world.finish().await;
}

#[tokio::test]
async fn a_call_may_be_of_a_higher_version_and_never_of_a_lower_one() {
    let scene = Scene::begin().await;
    let (mut bob, _) = scene.bob_comes(json!({})).await;
    let ask = |version: &str| {
        json!({ "request_id": version, "version": version, "action": "get_chat",
                "payload": { "chat_id": scene.chat } })
        .to_string()
    };
    bob.send_text(&ask("3.7")).await;
    assert!(bob.answer("3.7").await.success());
    bob.send_text(&ask("3.5")).await;
    assert_eq!(bob.answer("3.5").await.error(), "unsupported_version");
    scene.world.finish().await;
}

#[tokio::test]
async fn a_token_is_swapped_on_an_open_connection_but_not_for_somebody_elses() {
    let scene = Scene::begin().await;
    let (mut bob, _) = scene.bob_comes(json!({})).await;
    let again = AgentClient::known(&scene.world, &scene.bob.id).await;
    let token = |token: &str| json!({ "token": format!("Bearer {token}") });
    assert!(bob.call("update_session", token(&again.chat.token)).await.success());
    let carol =
        AgentClient::hired(&scene.world, "carol@example.com", tidings_model::Role::Normal).await;
    let refused = bob.call("update_session", token(&carol.chat.token)).await;
    assert_eq!(refused.error(), "authentication");
    assert!(bob.call("get_chat", json!({ "chat_id": scene.chat })).await.success());
    scene.world.finish().await;
}

#[tokio::test]
async fn who_is_there_is_known_and_who_is_sent_away_is_told_why() {
    let scene = Scene::begin().await;
    let hub = scene.world.app.hub(scene.world.workspace).expect("the workspace is open");
    let mut changes = hub.watch_presence();
    let (mut bob, _) = scene.bob_comes(json!({})).await;
    let agent = scene.bob.id.clone();
    let came = PresenceChange::AgentCame { agent: agent.clone(), away: false };
    assert_eq!(changes.recv().await, Ok(came));
    let (second, _) = scene.bob_comes(json!({ "away": true })).await;
    assert!(bob.call("set_away_status", json!({ "away": true })).await.success());
    let away = PresenceChange::AgentAway { agent: agent.clone(), away: true };
    assert_eq!(changes.recv().await, Ok(away));
    second.close().await;
    scene
        .world
        .until("the second connection to be gone", async || {
            (hub.presence().agents.get(&agent) == Some(&true)).then_some(())
        })
        .await;
    assert!(hub.disconnect_agent(&agent, Cut::LoggedOutRemotely, scene.world.app.now()));
    let told = bob.push("agent_disconnected").await;
    assert_eq!(told.pointer("/payload/reason"), Some(&json!("agent_logged_out_remotely")));
    assert_eq!(bob.closed().await, Some(1000));
    assert_eq!(changes.recv().await, Ok(PresenceChange::AgentWent { agent }));
    scene.world.finish().await;
}

#[tokio::test]
async fn who_was_away_comes_back_as_they_were() {
    let scene = Scene::begin().await;
    let (mut bob, _) = scene.bob_comes(json!({})).await;
    let set = async |bob: &mut RtmClient, status: &str| {
        let answer = bob.call("set_routing_status", json!({ "status": status })).await;
        assert!(answer.success());
    };
    let steps = async |bob: &mut RtmClient, away: bool| {
        assert!(bob.call("set_away_status", json!({ "away": away })).await.success());
    };
    let becomes = async |id: &AgentId, status: AgentStatus| {
        let directory = scene.world.app.directory(scene.world.workspace).expect("it is open");
        let is_so = || directory.agent(id).is_some_and(|agent| agent.status == status);
        scene.world.until("the status to be so", async || is_so().then_some(())).await;
    };
    steps(&mut bob, true).await;
    becomes(&scene.bob.id, AgentStatus::Away).await;
    steps(&mut bob, false).await;
    becomes(&scene.bob.id, AgentStatus::Accepting).await;

    // What he says himself stays, whatever his connections are. Carol comes after him, so he was looked at before her.
    set(&mut bob, "not_accepting_chats").await;
    steps(&mut bob, true).await;
    steps(&mut bob, false).await;
    let offline = |carol: &mut Agent| carol.status = AgentStatus::Offline;
    let carol = AgentClient::hired_as(&scene.world, "carol@example.com", offline).await;
    let (base_url, token) = (&scene.world.base_url, &carol.chat.token);
    let (carols, _) = RtmClient::log_in(base_url, Side::Agent, token, json!({})).await;
    becomes(&carol.id, AgentStatus::Accepting).await;
    becomes(&scene.bob.id, AgentStatus::Away).await;
    carols.close().await;
    bob.close().await;
    scene.world.finish().await;
}

#[tokio::test]
async fn a_server_that_stops_says_so() {
    let scene = Scene::begin().await;
    let (mut alice, _) = scene.alice_comes(json!({})).await;
    let hears = async {
        let told = alice.push("customer_disconnected").await;
        assert_eq!(
            told.pointer("/payload/reason"),
            Some(&json!("service_temporarily_unavailable"))
        );
        assert_eq!(alice.closed().await, Some(1012));
    };
    tokio::join!(scene.world.finish(), hears);
}

#[tokio::test]
async fn what_is_no_websocket_is_refused() {
    let scene = Scene::begin().await;
    let status = async |path: &str| {
        let call = scene.world.anonymous(http::Method::GET, path);
        tidings_testkit::world::answer(call).await.status
    };
    assert_eq!(status("/v3.6/agent/rtm/ws").await, 400);
    assert_eq!(status("/v9.9/agent/rtm/ws").await, 400);
    assert_eq!(status("/v3.6/configuration/rtm/ws").await, 404);
    let mut client = RtmClient::open(&scene.world.base_url, Side::Customer, "3.5").await;
    assert!(client.login(&scene.alice.chat.token, json!({})).await.success());
    scene.world.finish().await;
}

#[tokio::test]
async fn an_agent_logs_out_everywhere() {
    let scene = Scene::begin().await;
    let (mut bob, _) = scene.bob_comes(json!({})).await;
    let (mut other, _) = scene.bob_comes(json!({})).await;
    assert!(bob.call("logout", json!({})).await.success(), "the answer comes before the end");
    for line in [&mut bob, &mut other] {
        let told = line.push("agent_disconnected").await;
        assert_eq!(told.pointer("/payload/reason"), Some(&json!("agent_logged_out_remotely")));
        assert_eq!(line.closed().await, Some(1000));
    }
    let hub = scene.world.app.hub(scene.world.workspace).expect("the workspace is open");
    scene.world.until("all to be gone", async || (hub.connections() == 0).then_some(())).await;
    let again = scene.bob.call("logout", json!({})).await;
    assert_eq!(tidings_testkit::desk::error_type(&again), "requester_already_offline");
    let unknown = scene.bob.call("logout", json!({ "agent_id": "nobody@example.com" })).await;
    assert_eq!(tidings_testkit::desk::error_type(&unknown), "not_found");
    scene.world.finish().await;
}

#[tokio::test]
async fn agents_who_watch_hear_of_customers_who_come_and_go() {
    let scene = Scene::begin().await;
    let (mut watches, _) = scene.bob_comes(json!({ "customer_monitoring_level": "online" })).await;
    let (mut own, _) = scene.bob_comes(json!({})).await;
    let (mut asks, _) = scene.bob_comes(json!({})).await;
    let (mut other, _) = scene.bob_comes(json!({})).await;
    let begun = asks.call("subscribe_customers", json!({})).await.payload();
    assert_eq!(begun.get("customers"), Some(&json!([])));
    let id = begun.get("subscription_id").cloned().expect("a name");
    let team = other.call("subscribe_customers", json!({ "group_ids": [7] })).await;
    assert!(team.success(), "{}", team.frame);
    let (alice, _) = scene.alice_comes(json!({})).await;
    for line in [&mut watches, &mut asks] {
        let came = line.push("incoming_customer").await;
        assert_eq!(came.pointer("/payload/id"), Some(&json!(scene.alice.id.to_string())));
        assert_eq!(came.pointer("/payload/online"), Some(&json!(true)));
    }
    let ends = json!({ "subscription_id": id });
    assert!(asks.call("unsubscribe_customers", ends.clone()).await.success());
    assert_eq!(asks.call("unsubscribe_customers", ends).await.error(), "not_found");
    alice.close().await;
    let left = watches.push("customer_left").await;
    assert_eq!(left.pointer("/payload/id"), Some(&json!(scene.alice.id.to_string())));
    for line in [&mut own, &mut asks, &mut other] {
        let heard = line.pushes().await;
        let of_customers = |push: &Value| {
            let action = push.get("action").and_then(Value::as_str);
            matches!(action, Some("incoming_customer" | "customer_left"))
        };
        assert!(!heard.iter().any(of_customers), "{heard:?}");
    }
    scene.world.finish().await;
}
