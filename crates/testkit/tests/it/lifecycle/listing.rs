//! `list_chats`, `list_threads`: pages of what somebody sees.

use std::time::Duration;

use serde_json::{Value, json};
use tidings_model::AgentStatus;
use tidings_testkit::desk::{AgentClient, CustomerClient, Refused, error_type, ids, team};

use super::Shop;

/// The ids of the rows of an answer.
fn rows(answer: &Value, name: &str) -> Vec<String> {
    let rows = answer[name].as_array().map(Vec::as_slice).unwrap_or_default();
    rows.iter().map(|row| row["id"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Chats of so many customers, a minute apart, oldest first.
async fn chats(shop: &Shop, count: usize) -> Vec<String> {
    let mut chats = Vec::new();
    for _ in 0..count {
        shop.world.turn(Duration::from_secs(60));
        let customer = CustomerClient::comes(&shop.world, shop.channel).await;
        chats.push(customer.starts_chat().await.0);
    }
    chats
}

/// Goes through all pages, forth and back again; gives the rows as they came forth.
async fn all_pages(agent: &AgentClient, action: &str, name: &str, first: Value) -> Vec<String> {
    let mut page = agent.call(action, first.clone()).await.expect("a first page");
    assert!(page.get("previous_page_id").is_none(), "{page}");
    let mut pages = vec![rows(&page, name)];
    let next = |id: &Value| {
        let mut asked = json!({ "page_id": id });
        if let Some(chat) = first.get("chat_id") {
            asked["chat_id"] = chat.clone();
        }
        asked
    };
    while let Some(id) = page.get("next_page_id") {
        page = agent.call(action, next(id)).await.expect("a next page");
        pages.push(rows(&page, name));
    }
    let mut back = vec![rows(&page, name)];
    while let Some(id) = page.get("previous_page_id") {
        page = agent.call(action, next(id)).await.expect("a page before");
        back.push(rows(&page, name));
    }
    back.reverse();
    assert_eq!(pages, back, "the way back is the way forth");
    pages.concat()
}

#[tokio::test]
async fn the_newest_come_first_page_by_page() {
    let shop = Shop::opens().await;
    let mut newest = chats(&shop, 7).await;
    newest.reverse();
    let forth = all_pages(&shop.bob, "list_chats", "chats_summary", json!({ "limit": 3 })).await;
    assert_eq!(forth, newest);
    let asc = json!({ "limit": 2, "sort_order": "asc" });
    let mut oldest = all_pages(&shop.bob, "list_chats", "chats_summary", asc).await;
    oldest.reverse();
    assert_eq!(oldest, newest);
    let page = shop.bob.call("list_chats", json!({ "limit": 3 })).await.expect("a page");
    assert_eq!(page["found_chats"], json!(7));
    // Who sees their teams only sees the same, from other entries: the chats are everyone's.
    let hers = all_pages(&shop.carol, "list_chats", "chats_summary", json!({ "limit": 3 })).await;
    assert_eq!(hers, newest);
    shop.world.finish().await;
}

#[tokio::test]
async fn a_page_id_is_no_ones_to_change() {
    let shop = Shop::opens().await;
    chats(&shop, 2).await;
    let page = shop.bob.call("list_chats", json!({ "limit": 1 })).await.expect("a page");
    let id = page["next_page_id"].as_str().expect("there is more").to_owned();
    let refused = |answer: &Result<Value, Refused>| error_type(answer) == "validation";
    let changed = format!("x{id}");
    assert!(refused(&shop.bob.call("list_chats", json!({ "page_id": changed })).await));
    let mixed = json!({ "page_id": id, "limit": 2 });
    assert!(refused(&shop.bob.call("list_chats", mixed).await));
    let elsewhere = json!({ "page_id": id, "chat_id": rows(&page, "chats_summary")[0] });
    assert!(refused(&shop.bob.call("list_threads", elsewhere).await));
    shop.world.turn(Duration::from_secs(31 * 24 * 60 * 60));
    assert!(refused(&shop.bob.call("list_chats", json!({ "page_id": id })).await));
    shop.world.finish().await;
}

#[tokio::test]
async fn a_list_shows_what_is_asked_and_seen() {
    let shop = Shop::opens().await;
    team(&shop.world, 3, "kitchen", &[&shop.bob]).await;
    let kitchen = json!({ "chat": {
        "access": { "group_ids": [3] }, "properties": { "test": { "int_property": 5 } },
    } });
    let (secret, _) = ids(&shop.alice.call("start_chat", kitchen).await.expect("it starts"));
    let others = chats(&shop, 3).await;
    shop.bob
        .call("deactivate_chat", json!({ "id": others[0], "ignore_requester_presence": true }))
        .await
        .expect("over");
    let list = async |agent: &AgentClient, filters: Value| {
        let page = agent.call("list_chats", json!({ "filters": filters })).await;
        rows(&page.expect("a page"), "chats_summary")
    };
    assert_eq!(list(&shop.bob, json!({})).await.len(), 4);
    assert_eq!(list(&shop.carol, json!({})).await.len(), 3, "the kitchen's is not hers");
    assert_eq!(list(&shop.bob, json!({ "active": true })).await.len(), 3);
    assert_eq!(list(&shop.bob, json!({ "active": false })).await, [others[0].clone()]);
    assert_eq!(list(&shop.carol, json!({ "active": true })).await.len(), 2);
    assert_eq!(list(&shop.bob, json!({ "group_ids": [3] })).await, std::slice::from_ref(&secret));
    assert_eq!(list(&shop.carol, json!({ "group_ids": [3] })).await, Vec::<String>::new());
    let five = json!({ "properties": { "test": { "int_property": { "values": [5] } } } });
    assert_eq!(list(&shop.bob, five).await, std::slice::from_ref(&secret));
    let not_five = json!({ "properties": { "test": { "int_property": { "exists": false } } } });
    assert_eq!(list(&shop.bob, not_five).await.len(), 3);

    let hers = shop.alice.call("list_chats", json!({})).await.expect("her chats");
    assert_eq!(rows(&hers, "chats_summary"), [secret]);
    assert_eq!(hers["total_chats"], json!(1));
    assert_eq!(hers["chats_summary"][0]["active"], json!(true));
    shop.world.finish().await;
}

#[tokio::test]
async fn a_summary_has_the_last_event_of_each_type() {
    let shop = Shop::opens().await;
    let words = ["first", "second"].map(|text| json!({ "type": "message", "text": text }));
    let opening = json!({ "chat": { "thread": { "events": words } } });
    let (chat, thread) = ids(&shop.bob.call("start_chat", opening).await.expect("it starts"));
    shop.bob.call("deactivate_chat", json!({ "id": chat })).await.expect("over");
    let page = shop.bob.call("list_chats", json!({})).await.expect("a page");
    let summary = &page["chats_summary"][0];
    let last = &summary["last_event_per_type"];
    assert_eq!(last["message"]["event"]["text"], json!("second"));
    assert_eq!(last["message"]["thread_id"], json!(thread));
    assert_eq!(
        last["system_message"]["event"]["system_message_type"],
        json!("manual_archived_agent")
    );
    assert_eq!(summary["last_thread_summary"]["active"], json!(false));
    shop.world.finish().await;
}

#[tokio::test]
async fn threads_come_in_both_directions() {
    let shop = Shop::opens().await;
    let said = |text: &str| json!({ "events": [{ "type": "message", "text": text }] });
    let opening = json!({ "active": false, "chat": { "thread": said("0") } });
    let (chat, first) = ids(&shop.bob.call("start_chat", opening).await.expect("it starts"));
    let mut threads = vec![first];
    for number in 1..6 {
        shop.world.turn(Duration::from_secs(60));
        let more = json!({
            "active": false, "chat": { "id": chat, "thread": said(&number.to_string()) },
        });
        let more = shop.bob.call("resume_chat", more).await.expect("one more");
        threads.push(more["thread_id"].as_str().expect("an id").to_owned());
    }
    let asc = json!({ "chat_id": chat, "sort_order": "asc", "limit": 4 });
    assert_eq!(all_pages(&shop.bob, "list_threads", "threads", asc).await, threads);
    threads.reverse();
    let desc = json!({ "chat_id": chat, "limit": 2 });
    assert_eq!(all_pages(&shop.bob, "list_threads", "threads", desc).await, threads);
    let page = shop.bob.call("list_threads", json!({ "chat_id": chat })).await.expect("a page");
    assert_eq!(page["found_threads"], json!(6));
    assert_eq!(rows(&page, "threads").len(), 3);
    assert_eq!(page["threads"][0]["events"][0]["text"], json!("5"));
    let enough = json!({ "chat_id": chat, "min_events_count": 4 });
    let enough = shop.bob.call("list_threads", enough).await.expect("a page");
    assert_eq!(rows(&enough, "threads"), threads[..4], "each has one");
    let from = &page["threads"][1]["created_at"];
    let since = json!({ "chat_id": chat, "filters": { "from": from } });
    let since = shop.bob.call("list_threads", since).await.expect("a page");
    assert_eq!(rows(&since, "threads"), threads[..2]);
    assert_eq!(since["found_threads"], json!(2));
    shop.world.finish().await;
}

#[tokio::test]
async fn a_chat_that_waits_has_its_place() {
    let shop = Shop::opens().await;
    for agent in [&shop.bob, &shop.carol] {
        agent.changes(&shop.world, |agent| agent.status = AgentStatus::Offline).await;
    }
    let waiting = chats(&shop, 2).await;
    let page = shop.bob.call("list_chats", json!({})).await.expect("a page");
    let place = &page["chats_summary"][0]["last_thread_summary"]["queue"];
    assert_eq!(place["position"], json!(2), "{page}");
    let seen = shop.seen(&waiting[0]).await;
    assert_eq!(seen["thread"]["queue"]["position"], json!(1));
    shop.world.finish().await;
}

#[tokio::test]
async fn how_many_there_are_is_exact_whatever_is_asked() {
    let shop = Shop::opens().await;
    team(&shop.world, 1, "sellers", &[&shop.carol]).await;
    team(&shop.world, 2, "kitchen", &[&shop.carol]).await;
    team(&shop.world, 3, "office", &[&shop.bob]).await;
    for number in 0..9 {
        shop.world.turn(Duration::from_secs(60));
        // Two teams share every third chat, and a third one's are hidden from Carol.
        let groups = [json!([1]), json!([1, 2]), json!([3])];
        let begin = json!({ "chat": {
            "access": { "group_ids": groups[number % 3] },
            "properties": { "test": { "int_property": number % 2 } },
        } });
        let (chat, _) = ids(&shop.bob.call("start_chat", begin).await.expect("it starts"));
        if number < 3 {
            shop.bob.call("deactivate_chat", json!({ "id": chat })).await.expect("over");
        }
    }
    let odd = json!({ "test": { "int_property": { "values": [1] } } });
    let unset = json!({ "test": { "string_property": { "exists": true } } });
    for (agent, filters, expected) in [
        (&shop.bob, json!({}), 9),
        (&shop.bob, json!({ "active": false }), 3),
        (&shop.bob, json!({ "group_ids": [1, 2] }), 6),
        (&shop.bob, json!({ "group_ids": [2, 3], "active": true }), 4),
        (&shop.bob, json!({ "properties": odd }), 4),
        (&shop.bob, json!({ "properties": unset }), 0),
        (&shop.carol, json!({}), 6),
        (&shop.carol, json!({ "active": true }), 4),
        (&shop.carol, json!({ "group_ids": [2] }), 3),
        (&shop.carol, json!({ "group_ids": [3] }), 0),
        (&shop.carol, json!({ "properties": odd, "active": true }), 2),
    ] {
        let asked = json!({ "filters": filters, "limit": 1 });
        let mut page = agent.call("list_chats", asked).await.expect("a first page");
        let mut listed = rows(&page, "chats_summary").len();
        while let Some(next) = page.get("next_page_id") {
            assert_eq!(page["found_chats"], json!(expected), "{} {filters}", agent.id);
            page = agent.call("list_chats", json!({ "page_id": next })).await.expect("a page");
            listed += rows(&page, "chats_summary").len();
        }
        assert_eq!((listed, &page["found_chats"]), (expected, &json!(expected)), "{filters}");
    }
    shop.world.finish().await;
}
