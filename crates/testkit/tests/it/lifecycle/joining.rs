//! `add_user_to_chat`, `remove_user_from_chat`, `follow_chat`, `unfollow_chat`.

use serde_json::{Value, json};
use tidings_model::AgentStatus;
use tidings_testkit::desk::{AgentClient, error_type, team};

use super::{Shop, present, system_messages};

fn with_carol(chat: &str, visibility: &str) -> Value {
    json!({
        "chat_id": chat, "user_id": "carol@example.com", "user_type": "agent",
        "visibility": visibility,
    })
}

#[tokio::test]
async fn the_first_agent_gets_the_lease_and_others_help() {
    let shop = Shop::opens().await;
    for agent in [&shop.bob, &shop.carol] {
        agent.changes(&shop.world, |agent| agent.status = AgentStatus::Away).await;
    }
    let (chat, _) = shop.alice.starts_chat().await;
    assert_eq!(present(&shop.seen(&chat).await).len(), 1, "it waits");
    let me = json!({
        "chat_id": chat, "user_id": "bob@example.com", "user_type": "agent", "visibility": "all",
    });
    assert_eq!(error_type(&shop.bob.call("add_user_to_chat", me.clone()).await), "authorization");
    let mut me = me;
    me["ignore_requester_presence"] = json!(true);
    shop.bob.call("add_user_to_chat", me.clone()).await.expect("he takes it");
    shop.bob.call("add_user_to_chat", me).await.expect("a second time changes nothing");
    assert_eq!(shop.world.events_of("chat.user_added").await.len(), 1);
    let lease = shop.world.events_of("control.changed").await;
    let holder = lease.last().expect("it moved")["data"]["to"].clone();
    assert_eq!(holder, json!({ "kind": "agent", "id": "bob@example.com" }));

    shop.bob.call("add_user_to_chat", with_carol(&chat, "agents")).await.expect("she helps");
    let seen = shop.seen(&chat).await;
    assert_eq!(present(&seen).len(), 3);
    assert_eq!(system_messages(&seen), ["agent_added"]);
    let by_alice = shop.alice.call("get_chat", json!({ "chat_id": chat })).await.expect("her chat");
    assert_eq!(present(&by_alice).len(), 2, "she knows nothing of who looks on: {by_alice}");
    assert_eq!(system_messages(&by_alice), Vec::<&str>::new());
    shop.world.finish().await;
}

#[tokio::test]
async fn when_the_last_agent_goes_the_chat_waits() {
    let shop = Shop::opens().await;
    let (chat, _) = shop.alice.starts_chat().await;
    let seen = shop.seen(&chat).await;
    let who = present(&seen).pop().expect("an agent");
    let out = json!({
        "chat_id": chat, "user_id": who, "user_type": "agent", "ignore_requester_presence": true,
    });
    for agent in [&shop.bob, &shop.carol] {
        agent.changes(&shop.world, |agent| agent.status = AgentStatus::Offline).await;
    }
    shop.bob.call("remove_user_from_chat", out.clone()).await.expect("out they go");
    let again = shop.bob.call("remove_user_from_chat", out).await;
    assert_eq!(error_type(&again), "not_found", "a second time there is nobody to remove");
    let lease = shop.world.events_of("control.changed").await;
    assert_eq!(lease.last().expect("it moved")["data"]["to"]["kind"], json!("queue"));
    shop.world.finish().await;
}

#[tokio::test]
async fn who_has_no_access_is_not_added_and_sees_nothing() {
    let shop = Shop::opens().await;
    team(&shop.world, 3, "kitchen", &[&shop.bob]).await;
    let kitchen = json!({ "continuous": true, "chat": { "access": { "group_ids": [3] } } });
    let started = shop.alice.call("start_chat", kitchen).await.expect("it starts");
    let (chat, _) = tidings_testkit::desk::ids(&started);
    let refused = shop.bob.call("add_user_to_chat", with_carol(&chat, "all")).await;
    assert_eq!(error_type(&refused), "missing_access");
    let refused = shop.carol.call("get_chat", json!({ "chat_id": chat })).await;
    assert_eq!(error_type(&refused), "missing_access");
    shop.world.finish().await;
}

#[tokio::test]
async fn a_chat_is_followed_until_its_next_thread() {
    let shop = Shop::opens().await;
    shop.carol.changes(&shop.world, |carol| carol.status = AgentStatus::Offline).await;
    let dora =
        AgentClient::hired(&shop.world, "dora@example.com", tidings_model::Role::Normal).await;
    dora.changes(&shop.world, |dora| dora.status = AgentStatus::Offline).await;
    let (chat, _) = shop.alice.starts_chat().await;
    let this = json!({ "id": chat });
    for _ in 0..2 {
        dora.call("follow_chat", this.clone()).await.expect("she watches");
    }
    assert_eq!(shop.world.events_of("chat.followed").await.len(), 1);
    let seen = dora.call("get_chat", json!({ "chat_id": chat })).await.expect("she sees it");
    assert_eq!(seen["is_followed"], json!(true));
    shop.bob.call("follow_chat", this.clone()).await.expect("who is in it watches anyway");
    assert_eq!(error_type(&shop.bob.call("unfollow_chat", this.clone()).await), "validation");
    shop.alice.call("deactivate_chat", this.clone()).await.expect("over");
    shop.alice.call("resume_chat", json!({ "chat": { "id": chat } })).await.expect("and again");
    let seen = dora.call("get_chat", json!({ "chat_id": chat })).await.expect("she sees it");
    assert_eq!(seen["is_followed"], json!(false));
    shop.world.finish().await;
}
