//! What open connections hear of chats that begin, change hands and end; and what old clients grant.

use serde_json::{Value, json};
use tidings_app::desk::push::{self, Agents, Push};
use tidings_model::AgentStatus;
use tidings_testkit::desk::{error_type, ids, team};

use super::Shop;

/// All pushes of the log so far.
async fn pushes(shop: &Shop) -> Vec<Push> {
    let mut all = Vec::new();
    for event in shop.world.log().await {
        all.extend(push::of_event(&shop.world.app, &event).await.expect("they can be made"));
    }
    all
}

fn to_agents<'p>(pushes: &'p [Push], action: &str) -> Vec<&'p Value> {
    let heard = pushes.iter().filter_map(|push| push.to_agents.as_ref());
    heard.filter(|(name, _)| *name == action).map(|(_, payload)| payload).collect()
}

fn to_customer<'p>(pushes: &'p [Push], action: &str) -> Vec<&'p Value> {
    let heard = pushes.iter().filter_map(|push| push.to_customer.as_ref());
    heard.filter(|(name, _)| *name == action).map(|(_, payload)| payload).collect()
}

#[tokio::test]
async fn a_chat_comes_with_its_first_words_and_they_come_only_so() {
    let shop = Shop::opens().await;
    let opening = json!({ "chat": { "thread": { "events": [
        { "type": "message", "text": "Hello", "custom_id": "h" },
    ] } } });
    let (chat, thread) = ids(&shop.alice.call("start_chat", opening).await.expect("it starts"));
    let said = json!({ "chat_id": chat, "event": { "type": "message", "text": "Anybody?" } });
    shop.alice.call("send_event", said).await.expect("it is said");
    let pushes = pushes(&shop).await;
    let agents = to_agents(&pushes, "incoming_chat");
    assert_eq!(agents.len(), 1);
    assert_eq!(agents[0]["requester_id"], json!(shop.alice.id));
    assert_eq!(agents[0]["chat"]["thread"]["id"], json!(thread));
    let events = agents[0]["chat"]["thread"]["events"].as_array().expect("events");
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["text"], json!("Hello"));
    let events = to_agents(&pushes, "incoming_event");
    let texts: Vec<_> = events.iter().map(|push| &push["event"]["text"]).collect();
    assert_eq!(texts, [&json!("Anybody?")], "the first words come with the chat");
    let hers = to_customer(&pushes, "incoming_chat");
    let text = hers[0].to_string();
    assert!(!text.contains("example.com"), "no agent's address: {text}");
    shop.world.finish().await;
}

#[tokio::test]
async fn a_transfer_is_told_to_those_who_had_it_and_who_get_it() {
    let shop = Shop::opens().await;
    shop.carol.changes(&shop.world, |carol| carol.status = AgentStatus::Offline).await;
    let (chat, thread) = shop.alice.starts_chat().await;
    let to_carol = json!({
        "id": chat, "target": { "type": "agent", "ids": ["carol@example.com"] },
        "ignore_agents_availability": true,
    });
    shop.bob.call("transfer_chat", to_carol).await.expect("hers");
    shop.carol.call("deactivate_chat", json!({ "id": chat })).await.expect("over");
    let pushes = pushes(&shop).await;
    let told = to_agents(&pushes, "chat_transferred");
    assert_eq!(told[0]["transferred_to"]["agent_ids"], json!(["carol@example.com"]));
    assert_eq!(told[0]["requester_id"], json!("bob@example.com"));
    let to_bob = pushes.iter().find(|push| {
        push.to_agents.as_ref().is_some_and(|(action, _)| *action == "chat_transferred")
    });
    let agents = &to_bob.expect("it was told").agents;
    let bob = vec![shop.bob.id.clone()];
    assert!(matches!(agents, Agents::OfChat { also, .. } if *also == bob), "{agents:?}");
    let hers = pushes.iter().find(|push| push.agents == Agents::These(vec![shop.carol.id.clone()]));
    let (action, payload) = hers.and_then(|push| push.to_agents.as_ref()).expect("she hears it");
    assert_eq!(*action, "incoming_chat");
    assert_eq!(payload["transferred_from"]["agent_ids"], json!(["bob@example.com"]));
    let seen_by_alice = to_customer(&pushes, "chat_transferred")[0].to_string();
    assert!(!seen_by_alice.contains("example.com"), "{seen_by_alice}");
    assert_eq!(
        to_agents(&pushes, "user_removed_from_chat")[0]["user_id"],
        json!("bob@example.com")
    );
    assert_eq!(to_agents(&pushes, "user_added_to_chat").len(), 1);
    let over = to_customer(&pushes, "chat_deactivated");
    assert_eq!(over[0]["thread_id"], json!(thread));
    assert_eq!(to_agents(&pushes, "chat_deactivated")[0]["user_id"], json!("carol@example.com"));
    shop.world.finish().await;
}

#[tokio::test]
async fn the_customer_hears_nothing_of_who_looks_on() {
    let shop = Shop::opens().await;
    shop.carol.changes(&shop.world, |carol| carol.status = AgentStatus::Offline).await;
    let (chat, _) = shop.alice.starts_chat().await;
    let carol = json!({
        "chat_id": chat, "user_id": "carol@example.com", "user_type": "agent",
        "visibility": "agents",
    });
    shop.bob.call("add_user_to_chat", carol).await.expect("she looks on");
    let before = pushes(&shop).await;
    assert_eq!(to_agents(&before, "user_added_to_chat").len(), 1);
    assert_eq!(to_customer(&before, "user_added_to_chat").len(), 0);
    shop.world.finish().await;
}

#[tokio::test]
async fn a_thread_is_summed_up_once_when_it_is_over() {
    let shop = Shop::opens().await;
    let opening = json!({ "chat": { "thread": { "events": [
        { "type": "message", "text": "The oven is broken" },
    ] } } });
    let (chat, thread) = ids(&shop.bob.call("start_chat", opening).await.expect("it starts"));
    let this = json!({ "chat_id": chat, "thread_id": thread });
    for _ in 0..2 {
        shop.bob.call("request_thread_summary", this.clone()).await.expect("while it is active");
    }
    shop.bob.call("deactivate_chat", json!({ "id": chat })).await.expect("over");
    let more = json!({ "chat": { "id": chat } });
    shop.bob.call("resume_chat", more).await.expect("another thread");
    let again = shop.bob.call("request_thread_summary", this.clone()).await;
    assert_eq!(error_type(&again), "validation", "it is over and has one");
    let seen = json!({ "chat_id": chat, "thread_id": thread });
    let seen = shop.bob.call("get_chat", seen).await.expect("the old thread");
    let text = seen["thread"]["summary"]["text"].as_str().expect("a summary");
    assert!(text.contains("bob (1) wrote") && text.contains("The oven is broken"), "{text}");
    let pushes = pushes(&shop).await;
    assert_eq!(to_agents(&pushes, "thread_summary_set").len(), 2);
    let system = to_agents(&pushes, "incoming_event");
    assert!(system.iter().any(|push| push["event"]["subtype"] == json!("summary")), "{system:?}");
    let transcript = shop.bob.call("get_thread_transcript", this).await.expect("a text");
    let text = transcript["transcript"].as_str().expect("a text");
    assert!(text.contains("bob: The oven is broken"), "{text}");
    shop.world.finish().await;
}

#[tokio::test]
async fn clients_before_3_4_grant_and_revoke() {
    let shop = Shop::opens().await;
    team(&shop.world, 3, "kitchen", &[&shop.bob]).await;
    let (chat, _) = ids(&shop.bob.call("start_chat", json!({})).await.expect("it starts"));
    let old = shop.bob.chat.clone().in_version("v3.3");
    let groups = |groups: Value| json!({ "id": chat, "access": { "group_ids": groups } });
    old.call("grant_chat_access", groups(json!([3]))).await.expect("everyone sees it anyway");
    assert_eq!(shop.world.events_of("chat.access_changed").await.len(), 0);
    old.call("revoke_chat_access", groups(json!([0]))).await.expect_err("nobody would see it");
    let pushes = pushes(&shop).await;
    assert_eq!(to_agents(&pushes, "chat_access_updated").len(), 0);
    shop.world.finish().await;
}
