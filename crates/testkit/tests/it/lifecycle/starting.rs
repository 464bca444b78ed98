//! `start_chat`, `resume_chat`, `deactivate_chat`.

use serde_json::json;
use tidings_model::AgentStatus;
use tidings_testkit::desk::{CustomerClient, error_type, ids, team};

use super::{Shop, present, system_messages};

#[tokio::test]
async fn a_customers_chat_goes_to_whoever_has_room() {
    let shop = Shop::opens().await;
    let first = shop.alice.call("start_chat", json!({})).await.expect("somebody is there");
    let (chat, thread) = ids(&first);
    let seen = shop.seen(&chat).await;
    assert_eq!(seen["thread"]["id"], json!(thread));
    assert_eq!(seen["thread"]["active"], json!(true));
    assert_eq!(present(&seen).len(), 2, "{seen}");
    let dora = CustomerClient::comes(&shop.world, shop.channel).await;
    let (second, _) = dora.starts_chat().await;
    let other = shop.seen(&second).await;
    assert_ne!(present(&seen).get(1), present(&other).get(1), "each agent got one");
    assert_eq!(
        shop.told().await.get(..3).unwrap_or_default(),
        ["chat.started", "chat.assigned", "control.changed"]
    );
    shop.world.finish().await;
}

#[tokio::test]
async fn a_customer_has_one_chat() {
    let shop = Shop::opens().await;
    let (chat, _) = shop.alice.starts_chat().await;
    let again = shop.alice.call("start_chat", json!({})).await;
    assert_eq!(error_type(&again), "chat_limit_reached");
    let by_bob = json!({ "chat": { "users": [{ "id": shop.alice.id, "type": "customer" }] } });
    assert_eq!(error_type(&shop.bob.call("start_chat", by_bob).await), "limit_reached");
    let resumed = shop.alice.call("resume_chat", json!({ "chat": { "id": chat } })).await;
    assert_eq!(error_type(&resumed), "chat_already_active");
    shop.alice.call("deactivate_chat", json!({ "id": chat })).await.expect("it closes");
    let again = shop.alice.call("start_chat", json!({})).await;
    assert_eq!(error_type(&again), "chat_limit_reached", "a closed one is resumed");
    shop.world.finish().await;
}

#[tokio::test]
async fn what_a_thread_begins_with_is_said_once() {
    let shop = Shop::opens().await;
    let said = |id: &str| json!({ "type": "message", "text": id, "custom_id": id });
    let opening = json!({ "chat": { "thread": { "events": [said("hello")] } } });
    let started = shop.alice.call("start_chat", opening).await.expect("it starts");
    let (chat, _) = ids(&started);
    // She did not hear that it had begun, and says it again.
    let send = |id: &str| json!({ "chat_id": chat, "event": said(id) });
    let again = shop.alice.call("send_event", send("hello")).await.expect("it is known");
    assert_eq!(again["event_id"], started["event_ids"][0]);

    shop.alice.call("deactivate_chat", json!({ "id": chat })).await.expect("it closes");
    let anew = |id: &str| json!({ "chat": { "id": chat, "thread": { "events": [said(id)] } } });
    let repeated = shop.alice.call("resume_chat", anew("hello")).await;
    assert_eq!(error_type(&repeated), "already_exists", "it was said in the thread before");
    let resumed = shop.alice.call("resume_chat", anew("me again")).await.expect("it resumes");
    let again = shop.alice.call("send_event", send("me again")).await.expect("it is known");
    assert_eq!(again["event_id"], resumed["event_ids"][0]);
    shop.world.finish().await;
}

#[tokio::test]
async fn two_starts_at_once_make_one_chat() {
    let shop = Shop::opens().await;
    let (one, other) = tokio::join!(
        shop.alice.call("start_chat", json!({})),
        shop.alice.call("start_chat", json!({})),
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    assert_eq!(shop.world.events_of("chat.started").await.len(), 1);
    shop.world.finish().await;
}

#[tokio::test]
async fn nobody_there_is_told_unless_the_chat_may_wait() {
    let shop = Shop::opens().await;
    shop.bob.changes(&shop.world, |bob| bob.status = AgentStatus::Offline).await;
    team(&shop.world, 3, "kitchen", &[&shop.bob]).await;
    let kitchen = json!({ "chat": { "access": { "group_ids": [3] } } });
    assert_eq!(error_type(&shop.alice.call("start_chat", kitchen).await), "group_offline");
    let nowhere = json!({ "chat": { "access": { "group_ids": [9] } } });
    assert_eq!(error_type(&shop.alice.call("start_chat", nowhere).await), "group_not_found");
    shop.carol.changes(&shop.world, |carol| carol.status = AgentStatus::Offline).await;
    assert_eq!(error_type(&shop.alice.call("start_chat", json!({})).await), "groups_offline");
    let started = shop.alice.call("start_chat", json!({ "continuous": true })).await;
    let (chat, _) = ids(&started.expect("it waits"));
    let seen = shop.seen(&chat).await;
    assert_eq!(present(&seen), [shop.alice.id.to_string()]);
    assert_eq!(seen["properties"]["routing"]["continuous"], json!(true));
    shop.world.finish().await;
}

#[tokio::test]
async fn an_agent_begins_with_people_and_words() {
    let shop = Shop::opens().await;
    let opening = json!({ "chat": {
        "users": [{ "id": "carol@example.com", "type": "agent" }],
        "properties": { "test": { "int_property": 7 } },
        "thread": {
            "properties": { "test": { "bool_property": true } },
            "events": [
                { "type": "message", "text": "The oven is broken", "custom_id": "one" },
                { "type": "message", "text": "I call somebody", "author_id": "carol@example.com" },
            ],
        },
    }});
    let started = shop.bob.call("start_chat", opening).await.expect("it starts");
    let (chat, thread) = ids(&started);
    let seen = shop.seen(&chat).await;
    assert_eq!(present(&seen), ["bob@example.com", "carol@example.com"]);
    let events = seen["thread"]["events"].as_array().expect("events");
    let told: Vec<_> = events.iter().map(|event| &event["id"]).collect();
    assert_eq!(json!(told), started["event_ids"]);
    assert_eq!(events[0]["custom_id"], json!("one"));
    assert_eq!(events[0]["author_id"], json!("bob@example.com"));
    assert_eq!(events[1]["author_id"], json!("carol@example.com"));
    assert_eq!(seen["properties"]["test"]["int_property"], json!(7));
    assert_eq!(seen["thread"]["properties"]["test"]["bool_property"], json!(true));
    assert_eq!(seen["thread"]["id"], json!(thread));

    let by_a_stranger = json!({ "chat": { "thread": { "events": [
        { "type": "message", "text": "Hm", "author_id": "dora@example.com" },
    ] } } });
    let refused = shop.bob.call("start_chat", by_a_stranger).await;
    assert_eq!(error_type(&refused), "validation", "{refused:?}");
    let unknown = json!({ "chat": { "users": [{ "id": "dora@example.com", "type": "agent" }] } });
    assert_eq!(error_type(&shop.bob.call("start_chat", unknown).await), "not_found");
    shop.world.finish().await;
}

#[tokio::test]
async fn history_is_written_into_threads_that_are_over() {
    let shop = Shop::opens().await;
    let opening = json!({ "active": false, "chat": { "thread": { "events": [
        { "type": "message", "text": "Long ago" },
    ] } } });
    let (chat, first) = ids(&shop.bob.call("start_chat", opening.clone()).await.expect("it is"));
    let seen = shop.seen(&chat).await;
    assert_eq!(seen["thread"]["active"], json!(false));
    let resume = json!({ "active": false, "chat": { "id": chat } });
    let second = shop.bob.call("resume_chat", resume).await.expect("one more");
    let seen = shop.seen(&chat).await;
    assert_eq!(seen["thread"]["id"], second["thread_id"]);
    assert_eq!(seen["thread"]["previous_thread_id"], json!(first));
    let close = shop.bob.call("deactivate_chat", json!({ "id": chat })).await;
    assert_eq!(error_type(&close), "chat_inactive");
    shop.world.finish().await;
}

#[tokio::test]
async fn who_closes_must_be_in_the_chat_or_say_that_it_does_not_matter() {
    let shop = Shop::opens().await;
    shop.carol.changes(&shop.world, |carol| carol.status = AgentStatus::Offline).await;
    let (chat, _) = shop.alice.starts_chat().await;
    let by_carol = shop.carol.call("deactivate_chat", json!({ "id": chat })).await;
    assert_eq!(error_type(&by_carol), "authorization");
    let in_old_days = shop.carol.chat.clone().in_version("v3.3");
    in_old_days
        .call("deactivate_chat", json!({ "id": chat }))
        .await
        .expect("before 3.4 it is fine");
    assert_eq!(system_messages(&shop.seen(&chat).await), ["manual_archived_agent"]);
    let again = json!({ "id": chat, "ignore_requester_presence": true });
    let again = shop.carol.call("deactivate_chat", again).await;
    assert_eq!(error_type(&again), "chat_inactive", "a second handling changes nothing");
    assert_eq!(shop.world.events_of("chat.closed").await.len(), 1);

    shop.alice
        .call("resume_chat", json!({ "chat": { "id": chat } }))
        .await
        .expect("she comes back");
    assert_eq!(present(&shop.seen(&chat).await).len(), 2);
    shop.alice.call("deactivate_chat", json!({ "id": chat })).await.expect("she closes it");
    assert_eq!(system_messages(&shop.seen(&chat).await), ["manual_archived_customer"]);
    shop.world.finish().await;
}

#[tokio::test]
async fn others_chats_are_not_there() {
    let shop = Shop::opens().await;
    let (chat, _) = shop.alice.starts_chat().await;
    let eve = CustomerClient::comes(&shop.world, shop.channel).await;
    for action in ["get_chat", "list_threads"] {
        let refused = eve.call(action, json!({ "chat_id": chat })).await;
        assert_eq!(error_type(&refused), "not_found", "{action}");
    }
    let refused = eve.call("deactivate_chat", json!({ "id": chat })).await;
    assert_eq!(error_type(&refused), "not_found");
    shop.world.finish().await;
}
