//! `transfer_chat`, `list_agents_for_transfer`.

use serde_json::{Value, json};
use tidings_model::AgentStatus;
use tidings_testkit::desk::{error_type, team};

use super::{Shop, present, system_messages};

/// Alice's chat, with Bob.
async fn bobs_chat(shop: &Shop) -> String {
    shop.carol.changes(&shop.world, |carol| carol.status = AgentStatus::Offline).await;
    let (chat, _) = shop.alice.starts_chat().await;
    shop.carol.changes(&shop.world, |carol| carol.status = AgentStatus::Accepting).await;
    chat
}

fn to(chat: &str, kind: &str, id: Value) -> Value {
    json!({ "id": chat, "target": { "type": kind, "ids": [id] } })
}

#[tokio::test]
async fn to_an_agent_who_is_there() {
    let shop = Shop::opens().await;
    let chat = bobs_chat(&shop).await;
    let targets = shop.bob.call("list_agents_for_transfer", json!({ "chat_id": chat })).await;
    let targets = targets.expect("a list");
    assert_eq!(targets[0]["agent_id"], json!("carol@example.com"));
    assert_eq!(targets[0]["total_active_chats"], json!(0));
    let refused = shop.carol.call("transfer_chat", to(&chat, "agent", json!("carol@example.com")));
    assert_eq!(error_type(&refused.await), "authorization", "she is not in it");
    let to_carol = to(&chat, "agent", json!("carol@example.com"));
    shop.bob.call("transfer_chat", to_carol).await.expect("hers now");
    let seen = shop.seen(&chat).await;
    assert_eq!(present(&seen), [shop.alice.id.to_string(), "carol@example.com".into()]);
    assert_eq!(system_messages(&seen), ["chat_transferred"]);
    let told = shop.world.events_of("chat.transferred").await;
    assert_eq!(told[0]["data"]["from"]["agent_ids"], json!(["bob@example.com"]));
    assert_eq!(told[0]["data"]["to"]["agent_ids"], json!(["carol@example.com"]));
    let lease = shop.world.events_of("control.changed").await;
    let holder = &lease.last().expect("it moved")["data"]["to"];
    assert_eq!(*holder, json!({ "kind": "agent", "id": "carol@example.com" }));
    let gone = shop.bob.call("transfer_chat", to(&chat, "agent", json!("bob@example.com"))).await;
    assert_eq!(error_type(&gone), "authorization", "he is not in it any more");
    shop.world.finish().await;
}

#[tokio::test]
async fn not_to_who_is_away_unless_that_does_not_matter() {
    let shop = Shop::opens().await;
    let chat = bobs_chat(&shop).await;
    shop.carol.changes(&shop.world, |carol| carol.status = AgentStatus::Offline).await;
    let mut to_carol = to(&chat, "agent", json!("carol@example.com"));
    let refused = shop.bob.call("transfer_chat", to_carol.clone()).await;
    assert_eq!(error_type(&refused), "agent_offline");
    to_carol["ignore_agents_availability"] = json!(true);
    shop.bob.call("transfer_chat", to_carol).await.expect("she will see it");
    let nobody = shop.carol.call("transfer_chat", to(&chat, "agent", json!("x@example.com"))).await;
    assert_eq!(error_type(&nobody), "not_found");
    shop.world.finish().await;
}

#[tokio::test]
async fn to_a_team_by_its_turns_or_into_its_queue() {
    let shop = Shop::opens().await;
    let chat = bobs_chat(&shop).await;
    team(&shop.world, 3, "kitchen", &[&shop.carol]).await;
    shop.bob.call("transfer_chat", to(&chat, "group", json!(3))).await.expect("Carol has it");
    let seen = shop.seen(&chat).await;
    assert_eq!(seen["access"]["group_ids"], json!([3]));
    assert_eq!(present(&seen), [shop.alice.id.to_string(), "carol@example.com".into()]);
    let told = shop.world.events_of("chat.transferred").await;
    assert!(told[0]["data"]["why"].as_array().is_some_and(|why| !why.is_empty()));
    assert_eq!(shop.world.events_of("chat.access_changed").await.len(), 1);

    team(&shop.world, 4, "drivers", &[]).await;
    let mut to_drivers = to(&chat, "group", json!(4));
    let refused = shop.carol.call("transfer_chat", to_drivers.clone()).await;
    assert_eq!(error_type(&refused), "agent_offline");
    to_drivers["ignore_agents_availability"] = json!(true);
    shop.carol.call("transfer_chat", to_drivers).await.expect("it waits for a driver");
    let lease = shop.world.events_of("control.changed").await;
    let holder = &lease.last().expect("it moved")["data"]["to"];
    assert_eq!(*holder, json!({ "kind": "queue", "group": "drivers" }));
    let unknown = json!({
        "id": chat, "target": { "type": "group", "ids": [77] }, "ignore_requester_presence": true,
    });
    assert_eq!(error_type(&shop.bob.call("transfer_chat", unknown).await), "not_found");
    shop.world.finish().await;
}

#[tokio::test]
async fn not_when_the_chat_is_over() {
    let shop = Shop::opens().await;
    let chat = bobs_chat(&shop).await;
    shop.bob.call("deactivate_chat", json!({ "id": chat })).await.expect("over");
    let refused = shop.bob.call("transfer_chat", to(&chat, "agent", json!("carol@example.com")));
    assert_eq!(error_type(&refused.await), "chat_inactive");
    shop.world.finish().await;
}
