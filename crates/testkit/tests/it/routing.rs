//! Which agent a chat goes to: by turn and load, from the queue, after somebody went away, and after silence.

use std::time::Duration;

use serde_json::{Value, json};
use tidings_app::desk::routing::status;
use tidings_model::{AgentStatus, Role};
use tidings_testkit::desk::{AgentClient, CustomerClient};
use tidings_testkit::world::World;

/// The agents that are in a chat now, as an administrator sees it.
async fn agents_in(admin: &AgentClient, chat: &str) -> Vec<String> {
    let read = admin.call("get_chat", json!({ "chat_id": chat })).await.expect("the chat is there");
    let users = read["users"].as_array().expect("users").iter();
    users
        .filter(|user| user["type"] == "agent" && user["present"] == true)
        .map(|user| user["id"].as_str().expect("an id").to_owned())
        .collect()
}

/// The types of the system messages of a chat's last thread.
async fn told(admin: &AgentClient, chat: &str) -> Vec<String> {
    let read = admin.call("get_chat", json!({ "chat_id": chat })).await.expect("the chat is there");
    let events = read["thread"]["events"].as_array().expect("events").iter();
    events.filter_map(|event| event["system_message_type"].as_str().map(str::to_owned)).collect()
}

async fn boss(world: &World) -> AgentClient {
    let boss = AgentClient::hired(world, "boss@example.com", Role::Administrator).await;
    boss.changes(world, |agent| agent.status = AgentStatus::Away).await;
    boss
}

async fn goes_away(world: &World, agent: &AgentClient, reason: &'static str) {
    status::change(&world.app, world.workspace, &agent.id, AgentStatus::Offline, reason, None)
        .await
        .expect("the status changes");
}

#[tokio::test]
async fn chats_go_to_who_has_the_fewest_and_then_wait_for_the_first_who_is_free() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    let admin = boss(&world).await;
    let bob = AgentClient::hired_as(&world, "bob@example.com", |agent| agent.chats_max = 1).await;
    let carol =
        AgentClient::hired_as(&world, "carol@example.com", |agent| agent.chats_max = 1).await;
    let mut chats = Vec::new();
    for _ in 0..4 {
        let customer = CustomerClient::comes(&world, channel).await;
        let (chat, _) = customer.starts_chat().await;
        chats.push((customer, chat));
    }
    world.settle().await;
    let mut first =
        [agents_in(&admin, &chats[0].1).await, agents_in(&admin, &chats[1].1).await].concat();
    first.sort();
    assert_eq!(first, ["bob@example.com", "carol@example.com"]);
    for (place, (customer, chat)) in chats.iter().enumerate().skip(2) {
        assert_eq!(agents_in(&admin, chat).await, Vec::<String>::new());
        let read = customer.call("get_chat", json!({ "chat_id": chat })).await.expect("a chat");
        assert_eq!(read["thread"]["queue"]["position"], json!(place - 1), "{read:#}");
    }
    let first_agent = agents_in(&admin, &chats[0].1).await.remove(0);
    let closer = if first_agent == "bob@example.com" { &bob } else { &carol };
    closer.call("deactivate_chat", json!({ "id": chats[0].1 })).await.expect("it closes");
    world.settle().await;
    assert_eq!(agents_in(&admin, &chats[2].1).await, [first_agent.as_str()]);
    let waits = admin.call("get_chat", json!({ "chat_id": chats[3].1 })).await.expect("a chat");
    assert_eq!(waits["thread"]["queue"]["position"], 1);
    let given = world.events_of("chat.transferred").await;
    let given = given.last().expect("the router said so");
    let why: Vec<&str> =
        given["data"]["why"].as_array().expect("why").iter().filter_map(Value::as_str).collect();
    assert!(why.iter().any(|step| step.starts_with(&first_agent)), "{why:?}");
    world.finish().await;
}

#[tokio::test]
async fn who_goes_away_leaves_the_chats_to_others_or_to_the_queue() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    let admin = boss(&world).await;
    let bob = AgentClient::hired(&world, "bob@example.com", Role::Normal).await;
    let alice = CustomerClient::comes(&world, channel).await;
    let (chat, _) = alice.starts_chat().await;
    assert_eq!(agents_in(&admin, &chat).await, ["bob@example.com"]);
    let carol = AgentClient::hired(&world, "carol@example.com", Role::Normal).await;
    goes_away(&world, &bob, "disconnected").await;
    world.settle().await;
    assert_eq!(agents_in(&admin, &chat).await, ["carol@example.com"]);
    assert!(told(&admin, &chat).await.contains(&"routing.assigned_disconnected".to_owned()));
    goes_away(&world, &carol, "signed_out").await;
    world.settle().await;
    assert_eq!(agents_in(&admin, &chat).await, Vec::<String>::new());
    assert!(told(&admin, &chat).await.contains(&"routing.unassigned_signed_out".to_owned()));
    let back = bob.call("set_routing_status", json!({ "status": "accepting_chats" })).await;
    assert_eq!(back, Ok(json!({})));
    world.settle().await;
    assert_eq!(agents_in(&admin, &chat).await, ["bob@example.com"]);
    world.finish().await;
}

#[tokio::test]
async fn a_chat_in_which_nobody_writes_goes_to_another_and_is_closed_in_the_end() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    let admin = boss(&world).await;
    let rules = json!({ "chats": {
        "chat_inactive_after_min": 3, "transfer_chat_after_min": 5, "archive_chat_after_min": 10,
    }});
    let set = admin.configure("update_license_properties", json!({ "properties": rules })).await;
    assert_eq!(set, Ok(json!({})));
    let bob = AgentClient::hired(&world, "bob@example.com", Role::Normal).await;
    let alice = CustomerClient::comes(&world, channel).await;
    let (chat, _) = alice.starts_chat().await;
    let event = json!({ "type": "message", "text": "Is anybody there?" });
    alice.call("send_event", json!({ "chat_id": chat, "event": event })).await.expect("it is said");
    AgentClient::hired(&world, "carol@example.com", Role::Normal).await;
    assert_eq!(agents_in(&admin, &chat).await, [bob.id.as_str()]);
    for _ in 0..7 {
        world.turn(Duration::from_secs(60));
        world.settle().await;
    }
    assert_eq!(agents_in(&admin, &chat).await, ["carol@example.com"]);
    let so_far = told(&admin, &chat).await;
    assert!(so_far.contains(&"routing.idle".to_owned()), "{so_far:?}");
    assert!(so_far.contains(&"routing.assigned_inactive".to_owned()), "{so_far:?}");
    for _ in 0..5 {
        world.turn(Duration::from_secs(60));
        world.settle().await;
    }
    let read = admin.call("get_chat", json!({ "chat_id": chat })).await.expect("a chat");
    assert_eq!(read["thread"]["active"], false);
    assert!(told(&admin, &chat).await.contains(&"routing.archived_inactive".to_owned()));
    world.finish().await;
}

#[tokio::test]
async fn nobody_gets_a_chat_beyond_the_limit_however_many_come_at_once() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    let admin = boss(&world).await;
    AgentClient::hired_as(&world, "bob@example.com", |agent| agent.chats_max = 2).await;
    AgentClient::hired_as(&world, "carol@example.com", |agent| agent.chats_max = 3).await;
    let mut customers = Vec::new();
    for _ in 0..12 {
        customers.push(CustomerClient::comes(&world, channel).await);
    }
    let started =
        futures_util::future::join_all(customers.iter().map(CustomerClient::starts_chat)).await;
    world.settle().await;
    let mut by_agent = std::collections::BTreeMap::new();
    let mut waiting = 0;
    for (chat, _) in &started {
        match agents_in(&admin, chat).await.as_slice() {
            [] => waiting += 1,
            [agent] => *by_agent.entry(agent.clone()).or_insert(0) += 1,
            more => panic!("a chat went to {more:?}"),
        }
    }
    assert_eq!(waiting, 7, "{by_agent:?}");
    assert_eq!(by_agent.into_values().collect::<Vec<_>>(), [2, 3]);
    world.finish().await;
}
