//! Webhooks of the Chat API: registered by programs, each try of a delivery the same bytes.

use std::time::Duration;

use serde_json::{Value, json};
use tidings_app::Settings;
use tidings_testkit::desk::{AgentClient, CustomerClient, error_type};
use tidings_testkit::receiver::{Receiver, Reply};
use tidings_testkit::world::{Start, World};

use super::owner;

#[tokio::test]
async fn a_webhook_gets_six_keys_and_a_signature() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    let receiver = Receiver::start().await;
    let olga = owner(&world).await;
    let hook = |action: &str| {
        json!({ "action": action, "secret_key": "my-key", "type": "license", "owner_client_id": "my-app",
            "url": receiver.url, "additional_data": ["chat_presence_user_ids"],
            "filters": { "author_type": "customer" } })
    };
    let made = olga.configure("register_webhook", hook("incoming_event")).await.expect("made");
    for _ in 0..2 {
        olga.configure("register_webhook", hook("incoming_event")).await.expect("made");
    }
    let fourth = olga.configure("register_webhook", hook("incoming_event")).await;
    assert_eq!(error_type(&fourth), "limit_reached");
    let listed = olga.configure("list_webhooks", json!({ "owner_client_id": "my-app" })).await;
    let listed = listed.expect("listed");
    assert_eq!(listed.as_array().map(Vec::len), Some(3));
    assert!(!listed.to_string().contains("my-key"), "the key is not shown");
    for other in listed.as_array().into_iter().flatten().skip(1) {
        let id = json!({ "id": other["id"], "owner_client_id": "my-app" });
        olga.configure("unregister_webhook", id).await.expect("gone");
    }

    let alice = CustomerClient::comes(&world, channel).await;
    let (chat, _) = alice.starts_chat().await;
    let event = json!({ "type": "message", "text": "hello" });
    alice.call("send_event", json!({ "chat_id": chat, "event": event })).await.expect("sent");
    let got = world.until("the webhook", async || receiver.got().first().cloned()).await;
    let body = got.json();
    let mut keys: Vec<&str> =
        body.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    let expected =
        ["action", "additional_data", "organization_id", "payload", "secret_key", "webhook_id"];
    assert_eq!(keys, expected);
    assert_eq!((&body["webhook_id"], &body["secret_key"]), (&made["id"], &json!("my-key")));
    assert_eq!(body["payload"]["event"]["text"], "hello");
    assert!(
        body["additional_data"]["chat_presence_user_ids"]
            .to_string()
            .contains(&alice.id.to_string())
    );
    assert!(got.header("webhook-signature").starts_with("v1,"));

    olga.configure("disable_license_webhooks", json!({ "owner_client_id": "my-app" }))
        .await
        .expect("off");
    let state =
        olga.configure("get_license_webhooks_state", json!({ "owner_client_id": "my-app" })).await;
    assert_eq!(state.expect("the state")["license_webhooks_enabled"], false);
    world.stop().await;
}

/// Registers a webhook for the workspace; gives its id.
async fn register(olga: &AgentClient, receiver: &Receiver, action: &str, more: &[&str]) -> Value {
    let hook = json!({
        "action": action, "secret_key": "my-key", "type": "license", "owner_client_id": "my-app",
        "url": receiver.url, "additional_data": more,
    });
    olga.configure("register_webhook", hook).await.expect("made")["id"].clone()
}

#[tokio::test]
async fn every_try_says_the_same_though_the_chat_goes_on() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    let receiver = Receiver::start().await;
    receiver.answers(|_| Reply::Status(500));
    let olga = owner(&world).await;
    let told = ["chat_properties", "chat_presence_user_ids"];
    register(&olga, &receiver, "incoming_event", &told).await;
    let alice = CustomerClient::comes(&world, channel).await;
    let (chat, _) = alice.starts_chat().await;
    let event = json!({ "type": "message", "text": "hello" });
    alice.call("send_event", json!({ "chat_id": chat, "event": event })).await.expect("sent");
    world.settle().await;
    assert_eq!(receiver.got().len(), 1);
    let set = json!({ "id": chat, "properties": { "test": { "int_property": 7 } } });
    olga.call("update_chat_properties", set).await.expect("set");
    let leaves = json!({ "id": chat, "ignore_requester_presence": true });
    olga.call("deactivate_chat", leaves).await.expect("over");
    // The try goes on in another process.
    let world = world.restart().await;
    receiver.answers(|_| Reply::Status(200));
    world.turn(Duration::from_secs(6));
    world.settle().await;
    let got = receiver.got();
    let tries: Vec<_> =
        got.iter().filter(|got| got.text("/payload/event/text") == "hello").collect();
    assert_eq!(tries.len(), 2);
    assert_eq!(tries[0].body, tries[1].body);
    assert_eq!(tries[0].header("webhook-id"), tries[1].header("webhook-id"));
    assert_eq!(tries[0].json()["secret_key"], "my-key");
    let kept = world.kept().await.concat();
    assert!(!kept.contains("my-key"), "the key is not kept in the clear");
    world.finish().await;
}

#[tokio::test]
async fn who_changed_the_configuration_is_told_to_who_asks() {
    let world = World::start().await;
    let (asks, does_not) = (Receiver::start().await, Receiver::start().await);
    let olga = owner(&world).await;
    for action in ["tag_created", "group_created"] {
        register(&olga, &asks, action, &["requester"]).await;
        register(&olga, &does_not, action, &[]).await;
    }
    olga.configure("create_tag", json!({ "name": "urgent" })).await.expect("a tag");
    let group = json!({ "name": "Sales", "agent_priorities": {} });
    olga.configure("create_group", group).await.expect("a group");
    world.settle().await;
    assert_eq!((asks.got().len(), does_not.got().len()), (2, 2));
    for got in asks.got() {
        let requester = &got.json()["requester"];
        assert_eq!(requester["user_id"], "olga@example.com");
        assert!(requester["account_id"].is_string(), "{requester}");
        assert!(requester["client_id"].is_string(), "{requester}");
    }
    for got in does_not.got() {
        assert_eq!(got.json().as_object().map(serde_json::Map::len), Some(6));
    }
    let no_requester = json!({
        "action": "incoming_chat", "secret_key": "k", "type": "license", "owner_client_id": "my-app",
        "url": asks.url, "additional_data": ["requester"],
    });
    let refused = olga.configure("register_webhook", no_requester).await;
    assert_eq!(error_type(&refused), "validation", "chats tell by the payload who did it");
    world.finish().await;
}

#[tokio::test]
async fn how_many_webhooks_a_program_has_is_a_setting() {
    let settings = Settings { webhooks_per_action_max: 1, ..Settings::default() };
    let world = World::begin(Start { settings, ..Start::default() }).await;
    let receiver = Receiver::start().await;
    let olga = owner(&world).await;
    register(&olga, &receiver, "incoming_chat", &[]).await;
    let second = json!({
        "action": "incoming_chat", "secret_key": "k", "type": "license", "owner_client_id": "my-app",
        "url": receiver.url,
    });
    assert_eq!(error_type(&olga.configure("register_webhook", second).await), "limit_reached");
    world.finish().await;
}
