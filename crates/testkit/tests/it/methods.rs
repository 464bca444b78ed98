//! Every method of the table is answered: whatever it is called with, somebody decides, and nobody fails.

use serde_json::{Value, json};
use tidings_model::Role;
use tidings_testkit::desk::{AgentClient, CustomerClient, error_type};
use tidings_testkit::world::World;
use tidings_wire::livechat::{Side, Version, methods};

#[tokio::test]
async fn every_method_over_the_web_is_answered_by_somebody() {
    let world = World::start().await;
    let channel = world.web_channel().await;
    let bob = AgentClient::hired(&world, "bob@example.com", Role::Owner).await;
    let alice = CustomerClient::comes(&world, channel).await;
    let mut asked = 0;
    for method in methods().iter().filter(|method| method.web) {
        // What was withdrawn is called in the last version that had it.
        let version =
            match method.until.unwrap_or(Version::V3_6).min(Version::V3_6).max(method.since) {
                Version::V3_0 => "v3.0",
                Version::V3_1 => "v3.1",
                Version::V3_2 => "v3.2",
                Version::V3_3 => "v3.3",
                Version::V3_4 => "v3.4",
                Version::V3_5 => "v3.5",
                Version::V3_6 => "v3.6",
                Version::V3_7 => "v3.7",
            };
        let client = match method.side {
            Side::Agent => bob.chat.clone(),
            Side::Customer => alice.chat.clone(),
            Side::Configuration => bob.configuration.clone(),
        };
        let client = client.in_version(version);
        let answer = if method.http_get {
            client.ask(method.action, &[]).await
        } else {
            client.call(method.action, filled(method.action)).await
        };
        asked += 1;
        let name = format!("{}/{}", method.side.as_str(), method.action);
        assert_ne!(error_type(&answer), "internal", "{name}: {answer:?}");
        if let Err((status, error)) = &answer {
            assert!((400..500).contains(status), "{name}: {status} {error}");
            assert!(
                error["message"].as_str().is_some_and(|text| !text.is_empty()),
                "{name}: {error}"
            );
        }
    }
    assert!(asked > 150, "only {asked} methods were asked");
}

/// Something for every parameter that many methods have, so that a call comes further than its check.
fn filled(action: &str) -> Value {
    let properties = json!({ "test": { "int_property": 1 } });
    let names = json!({ "test": ["int_property"] });
    json!({
        "chat_id": "AAAAAAAAAA", "thread_id": "AAAAAAAAAA", "event_id": "AAAAAAAAAA_1",
        "id": "AAAAAAAAAA", "user_id": "carol@example.com", "user_type": "agent", "visibility": "all",
        "agent_id": "carol@example.com", "status": "accepting_chats", "is_typing": true,
        "name": "something", "tag": "something", "event": { "type": "message", "text": "hello" },
        "properties": if action.starts_with("delete") { names } else { properties },
        "seen_up_to": "2026-11-21T10:00:00.000000Z", "group_id": 0, "group_ids": [0],
        "sneak_peek_text": "hel", "url": "https://example.com/", "unique_id": "Q1",
        "owner_client_id": "tests", "bot_id": "nobody", "client_id": "tests", "requests": [],
    })
}
