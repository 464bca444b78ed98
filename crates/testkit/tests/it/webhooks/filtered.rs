//! Which events an endpoint gets: types, what is excluded, what another system has a name for, teams.

use serde_json::json;
use tidings_model::Role;
use tidings_testkit::desk::{AgentClient, CustomerClient, team};
use tidings_testkit::receiver::Receiver;
use tidings_testkit::world::World;

use super::{come, subscribe};

fn types_of(receiver: &Receiver) -> Vec<String> {
    receiver.got().iter().map(|got| got.text("/type")).collect()
}

#[tokio::test]
async fn what_is_excluded_does_not_come_whatever_includes_it() {
    let world = World::start().await;
    let (notes, rest, wotnot) =
        (Receiver::start().await, Receiver::start().await, Receiver::start().await);
    subscribe(&world, &notes, &["*", "!chat.*", "!control.*", "!endpoint.*"]).await;
    subscribe(&world, &rest, &["!note.added", "!chat.started", "!control.*", "!customer.*"]).await;
    subscribe(&world, &wotnot, &["wotnot:*", "!conversation_create"]).await;
    let (alice, _) = come(&world).await;
    alice.says(&world, "hello").await;
    let note = json!({ "type": "note.added", "data": { "text": "call back" } });
    assert_eq!(world.post("/api/v1/events", &note).await.status, 201);
    world.settle().await;
    let notes = types_of(&notes);
    assert!(notes.contains(&"note.added".into()), "{notes:?}");
    assert!(!notes.iter().any(|name| name.starts_with("chat.")), "{notes:?}");
    let rest = types_of(&rest);
    assert!(rest.contains(&"chat.message".into()) && !rest.contains(&"note.added".into()));
    assert!(!rest.contains(&"chat.started".into()), "{rest:?}");
    let mut wotnot = types_of(&wotnot);
    wotnot.sort();
    assert_eq!(wotnot, ["chat.message", "note.added"]);
    world.finish().await;
}

#[tokio::test]
async fn a_teams_endpoint_gets_the_chats_that_the_team_sees() {
    let world = World::start().await;
    let bob = AgentClient::hired(&world, "bob@example.com", Role::Administrator).await;
    let carol = AgentClient::hired(&world, "carol@example.com", Role::Normal).await;
    team(&world, 3, "kitchen", &[&carol]).await;
    let (kitchen, everyone) = (Receiver::start().await, Receiver::start().await);
    for (receiver, number) in [(&kitchen, 3), (&everyone, 0)] {
        let asked = json!({
            "url": receiver.url, "events": ["chat.message", "note.added"], "only": { "groups": [number] },
        });
        let made = world.post("/api/v1/endpoints", &asked).await;
        assert_eq!(
            (made.status, &made.body["only"]["groups"]),
            (201, &json!([number])),
            "{made:?}"
        );
    }
    let alice = CustomerClient::comes(&world, world.web_channel().await).await;
    let (chat, _) = alice.starts_chat().await;
    let says = async |text: &str| {
        let event = json!({ "type": "message", "text": text, "visibility": "all" });
        let sent = alice.call("send_event", json!({ "chat_id": chat, "event": event })).await;
        sent.expect("it is sent");
        world.settle().await;
    };
    says("to everyone").await;
    let to_kitchen = json!({
        "id": chat, "target": { "type": "group", "ids": [3] }, "ignore_requester_presence": true,
        "ignore_agents_availability": true,
    });
    bob.call("transfer_chat", to_kitchen).await.expect("the kitchen's");
    says("to the kitchen").await;
    // It happens in no chat.
    let note = json!({ "type": "note.added", "data": { "text": "of nobody's" } });
    assert_eq!(world.post("/api/v1/events", &note).await.status, 201);
    world.settle().await;
    let texts = |receiver: &Receiver| super::texts(&receiver.got());
    assert_eq!(texts(&kitchen), ["to the kitchen"]);
    assert_eq!(texts(&everyone), ["to everyone"]);
    world.finish().await;
}
