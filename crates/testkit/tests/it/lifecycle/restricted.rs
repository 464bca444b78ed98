//! Threads that some may not see: each stays with the teams that had it, in every list and answer.

use std::time::Duration;

use serde_json::{Value, json};
use tidings_model::Role;
use tidings_testkit::desk::{AgentClient, error_type, ids, team};
use tidings_testkit::rtm::RtmClient;
use tidings_wire::livechat::Side;

use super::Shop;

/// A chat that had a thread with the sellers, and has one with the kitchen now.
struct Moved {
    shop: Shop,
    /// Of the kitchen.
    dave: AgentClient,
    chat: String,
    first: String,
    second: String,
}

impl Moved {
    async fn from_team_to_team() -> Self {
        let shop = Shop::opens().await;
        let dave = AgentClient::hired(&shop.world, "dave@example.com", Role::Normal).await;
        team(&shop.world, 1, "sellers", &[&shop.carol]).await;
        team(&shop.world, 2, "kitchen", &[&dave]).await;
        let begin = json!({ "chat": { "access": { "group_ids": [1] } } });
        let (chat, first) = ids(&shop.bob.call("start_chat", begin).await.expect("it starts"));
        says(&shop.bob, &chat, "The price is a secret").await;
        shop.bob.call("deactivate_chat", json!({ "id": chat })).await.expect("over");
        shop.world.turn(Duration::from_secs(60));
        let again = json!({ "chat": { "id": chat, "access": { "group_ids": [2] } } });
        let second = shop.bob.call("resume_chat", again).await.expect("it goes on");
        let second = second["thread_id"].as_str().expect("an id").to_owned();
        says(&shop.bob, &chat, "The oven is hot").await;
        Self { shop, dave, chat, first, second }
    }

    /// A thread of the chat, as somebody gets it.
    async fn thread(&self, agent: &AgentClient, thread: &str) -> Value {
        let asked = json!({ "chat_id": self.chat, "thread_id": thread });
        agent.call("get_chat", asked).await.expect("the chat")["thread"].clone()
    }
}

async fn says(agent: &AgentClient, chat: &str, text: &str) {
    let event = json!({ "type": "message", "text": text });
    agent.call("send_event", json!({ "chat_id": chat, "event": event })).await.expect("it is said");
}

fn is_open(thread: &Value) -> bool {
    let is_open = thread.get("events").is_some();
    let is_closed = thread["restricted_access"].is_string();
    assert_ne!(is_open, is_closed, "either events, or why there are none: {thread}");
    is_open
}

/// The threads that a search gives, and how many it says there are.
async fn found(agent: &AgentClient, query: Option<&str>) -> (Vec<Value>, Value) {
    let filters = query.map_or_else(|| json!({}), |query| json!({ "query": query }));
    let answer = agent.call("list_archives", json!({ "filters": filters })).await.expect("found");
    let chats = answer["chats"].as_array().cloned().unwrap_or_default();
    (chats.iter().map(|chat| chat["thread"].clone()).collect(), answer["found_chats"].clone())
}

#[tokio::test]
async fn who_came_later_sees_that_there_was_a_thread_and_no_more() {
    let moved = Moved::from_team_to_team().await;
    let Moved { shop, dave, chat, first, second } = &moved;
    assert!(is_open(&moved.thread(dave, second).await));
    let closed = moved.thread(dave, first).await;
    assert!(!is_open(&closed), "{closed}");
    assert_eq!(closed["access"], json!({ "group_ids": [1] }));
    let asked = json!({ "chat_id": chat, "sort_order": "asc" });
    let listed = dave.call("list_threads", asked.clone()).await.expect("threads");
    let threads = listed["threads"].as_array().expect("threads");
    let open: Vec<bool> = threads.iter().map(is_open).collect();
    assert_eq!((open, &listed["found_threads"]), (vec![false, true], &json!(2)));
    let all = shop.bob.call("list_threads", asked).await.expect("threads");
    assert!(all["threads"].as_array().expect("threads").iter().all(is_open));
    shop.bob.configure("create_tag", json!({ "name": "price" })).await.expect("a tag");
    for (action, asked) in [
        ("get_thread_transcript", json!({ "chat_id": chat, "thread_id": first })),
        ("tag_thread", json!({ "chat_id": chat, "thread_id": first, "tag": "price" })),
        (
            "update_thread_properties",
            json!({ "chat_id": chat, "thread_id": first,
                    "properties": { "test": { "int_property": 1 } } }),
        ),
    ] {
        let refused = dave.call(action, asked).await;
        assert_eq!(error_type(&refused), "missing_access", "{action}: {refused:?}");
    }
    moved.shop.world.finish().await;
}

#[tokio::test]
async fn who_had_a_thread_finds_it_though_the_chat_went_on_without_them() {
    let moved = Moved::from_team_to_team().await;
    let Moved { shop, chat, first, second, .. } = &moved;
    let refused = shop.carol.call("get_chat", json!({ "chat_id": chat })).await;
    assert_eq!(error_type(&refused), "missing_access");
    let asked = json!({ "chat_id": chat, "thread_id": second });
    assert_eq!(error_type(&shop.carol.call("get_chat", asked).await), "missing_access");
    assert!(is_open(&moved.thread(&shop.carol, first).await));
    let (threads, total) = found(&shop.carol, None).await;
    assert_eq!((threads.len(), total), (1, json!(1)));
    assert_eq!(threads[0]["id"], json!(first));
    assert_eq!(threads[0]["next_thread_id"], json!(second));
    assert_eq!(threads[0].get("next_accessible_thread_id"), None);
    assert_eq!(found(&shop.carol, Some("oven")).await.1, json!(0));
    moved.shop.world.finish().await;
}

#[tokio::test]
async fn a_search_finds_only_what_may_be_read() {
    let moved = Moved::from_team_to_team().await;
    let Moved { shop, dave, first, second, .. } = &moved;
    assert_eq!(found(dave, Some("secret")).await, (Vec::new(), json!(0)));
    let (threads, total) = found(dave, None).await;
    assert_eq!((threads.len(), total), (1, json!(1)));
    assert_eq!(threads[0]["id"], json!(second));
    assert_eq!(threads[0].get("previous_accessible_thread_id"), None);
    let (threads, total) = found(&shop.bob, None).await;
    assert_eq!((threads.len(), total), (2, json!(2)));
    assert_eq!(threads[0]["previous_accessible_thread_id"], json!(first));
    moved.shop.world.finish().await;
}

#[tokio::test]
async fn a_login_begins_with_the_chats_that_the_list_has() {
    let moved = Moved::from_team_to_team().await;
    let Moved { shop, dave, chat, second, .. } = &moved;
    for (agent, sees) in [(dave, true), (&shop.bob, true), (&shop.carol, false)] {
        let base_url = &shop.world.base_url;
        let token = &agent.chat.token;
        let (_, told) = RtmClient::log_in(base_url, Side::Agent, token, json!({})).await;
        let listed = agent.call("list_chats", json!({})).await.expect("chats");
        assert_eq!(told["chats_summary"], listed["chats_summary"]);
        let chats = listed["chats_summary"].as_array().expect("chats");
        let ids: Vec<&Value> = chats.iter().map(|chat| &chat["id"]).collect();
        assert_eq!(ids.contains(&&json!(chat)), sees);
        let last = chats.iter().map(|chat| &chat["last_thread_summary"]["id"]);
        assert_eq!(last.into_iter().any(|id| *id == json!(second)), sees);
    }
    moved.shop.world.finish().await;
}

#[tokio::test]
async fn what_happens_in_an_old_thread_is_heard_by_those_who_may_see_it() {
    let moved = Moved::from_team_to_team().await;
    let Moved { shop, dave, chat, first, .. } = &moved;
    let base_url = &shop.world.base_url;
    let log_in = async |agent: &AgentClient| {
        RtmClient::log_in(base_url, Side::Agent, &agent.chat.token, json!({})).await.0
    };
    let (mut hers, mut his) = (log_in(&shop.carol).await, log_in(dave).await);
    let set = json!({
        "chat_id": chat, "thread_id": first, "properties": { "test": { "int_property": 1 } },
    });
    shop.bob.call("update_thread_properties", set).await.expect("it is set");
    says(&shop.bob, chat, "Heard by the kitchen").await;
    let push = hers.push("thread_properties_updated").await;
    assert_eq!(push["payload"]["thread_id"], json!(first));
    let mut heard = his.any_push().await;
    while heard["action"] != json!("incoming_event") {
        assert_ne!(heard["action"], json!("thread_properties_updated"), "{heard}");
        heard = his.any_push().await;
    }
    moved.shop.world.finish().await;
}
