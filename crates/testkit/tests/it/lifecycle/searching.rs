//! `list_archives`: what was said just now is found at once.

use std::time::Duration;

use serde_json::{Value, json};
use tidings_testkit::desk::{AgentClient, error_type, ids, team};

use super::Shop;

async fn search(agent: &AgentClient, asked: Value) -> Value {
    agent.call("list_archives", asked).await.expect("an answer")
}

/// The threads of an answer.
fn threads(answer: &Value) -> Vec<&str> {
    let chats = answer["chats"].as_array().map(Vec::as_slice).unwrap_or_default();
    chats.iter().filter_map(|chat| chat["thread"]["id"].as_str()).collect()
}

async fn says(agent: &AgentClient, chat: &str, text: &str) {
    let event = json!({ "type": "message", "text": text });
    agent.call("send_event", json!({ "chat_id": chat, "event": event })).await.expect("it is said");
}

#[tokio::test]
async fn what_was_said_is_found_in_its_thread() {
    let shop = Shop::opens().await;
    let (chat, first) = ids(&shop.bob.call("start_chat", json!({})).await.expect("it starts"));
    says(&shop.bob, &chat, "The oven in the kitchen is broken").await;
    let found = search(
        &shop.bob,
        json!({ "filters": { "query": "OVEN" }, "highlights": { "pre_tag": "<b>", "post_tag": "</b>" } }),
    )
    .await;
    assert_eq!(threads(&found), [first.as_str()]);
    assert_eq!(found["found_chats"], json!(1));
    let text = &found["chats"][0]["thread"]["events"][0]["text"];
    assert_eq!(*text, json!("The <b>oven</b> in the kitchen is broken"));
    shop.bob.call("deactivate_chat", json!({ "id": chat })).await.expect("over");
    shop.world.turn(Duration::from_secs(60));
    let again = json!({ "chat": { "id": chat } });
    let second = shop.bob.call("resume_chat", again).await.expect("one more");
    let second = second["thread_id"].as_str().expect("an id");
    says(&shop.bob, &chat, "The oven works again").await;
    let both = search(&shop.bob, json!({ "filters": { "query": "oven" }, "limit": 1 })).await;
    assert_eq!(threads(&both), [second]);
    let next = search(&shop.bob, json!({ "page_id": both["next_page_id"] })).await;
    assert_eq!(threads(&next), [first.as_str()]);
    let back = search(&shop.bob, json!({ "page_id": next["previous_page_id"] })).await;
    assert_eq!(threads(&back), [second]);
    let only = json!({ "filters": { "thread_ids": [first] } });
    assert_eq!(threads(&search(&shop.bob, only).await), [first.as_str()]);
    let none = search(&shop.bob, json!({ "filters": { "query": "microwave" } })).await;
    assert_eq!(none["found_chats"], json!(0));
    shop.world.finish().await;
}

#[tokio::test]
async fn filters_ask_for_people_teams_and_properties() {
    let shop = Shop::opens().await;
    team(&shop.world, 3, "kitchen", &[&shop.bob]).await;
    let opening = json!({ "chat": {
        "access": { "group_ids": [3] },
        "thread": { "properties": { "test": { "int_property": 5 } } },
    } });
    let (_, secret) = ids(&shop.bob.call("start_chat", opening).await.expect("it starts"));
    let (_, open) = ids(&shop.carol.call("start_chat", json!({})).await.expect("it starts"));
    let (_, hers) = shop.alice.starts_chat().await;
    let found = async |agent: &AgentClient, filters: Value| {
        let answer = search(agent, json!({ "filters": filters, "sort_order": "asc" })).await;
        let mut threads: Vec<String> = threads(&answer).into_iter().map(str::to_owned).collect();
        threads.sort();
        threads
    };
    let sorted = |threads: &[&String]| {
        let mut threads: Vec<String> = threads.iter().map(|&thread| thread.clone()).collect();
        threads.sort();
        threads
    };
    assert_eq!(found(&shop.bob, json!({})).await, sorted(&[&secret, &open, &hers]));
    assert_eq!(found(&shop.carol, json!({})).await, sorted(&[&open, &hers]));
    assert_eq!(found(&shop.bob, json!({ "group_ids": [3] })).await, sorted(&[&secret]));
    let with_customer = json!({ "customer_id": shop.alice.id });
    assert_eq!(found(&shop.bob, with_customer).await, sorted(&[&hers]));
    let five = json!({ "properties": { "test": { "int_property": { "values": [5] } } } });
    assert_eq!(found(&shop.bob, five).await, sorted(&[&secret]));
    let carols = json!({ "agents": { "values": ["carol@example.com"] } });
    assert!(found(&shop.bob, carols.clone()).await.contains(&open));
    let not_carols = json!({ "agents": { "exclude_values": ["carol@example.com"] } });
    assert!(!found(&shop.bob, not_carols).await.contains(&open));
    let mixed = json!({ "filters": { "tags": { "exists": true, "values": ["x"] } } });
    assert_eq!(error_type(&shop.bob.call("list_archives", mixed).await), "validation");
    shop.world.finish().await;
}

#[tokio::test]
async fn the_archive_goes_on_after_a_restart() {
    let shop = Shop::opens().await;
    let (chat, thread) = ids(&shop.bob.call("start_chat", json!({})).await.expect("it starts"));
    says(&shop.bob, &chat, "The oven is broken").await;
    let Shop { world, bob, .. } = shop;
    let world = world.restart().await;
    let bob = AgentClient::known(&world, &bob.id).await;
    let found = search(&bob, json!({ "filters": { "query": "oven" } })).await;
    assert_eq!(threads(&found), [thread.as_str()], "after a restart");
    says(&bob, &chat, "Another oven came").await;
    let found = search(&bob, json!({ "filters": { "query": "another" } })).await;
    assert_eq!(threads(&found), [thread.as_str()], "and what is said after it");
    world.finish().await;
}
