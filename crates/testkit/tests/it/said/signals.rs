//! What is told and not kept.

use serde_json::{Value, json};
use tidings_app::desk::push::{Agents, Customers, Push};
use tidings_model::Role;
use tidings_testkit::desk::{AgentClient, error_type, team};

use super::Room;

#[tokio::test]
async fn typing_thinking_and_previews_are_told_and_leave_no_trace() {
    let room = Room::open().await;
    let hub = room.world.app.hub(room.world.workspace).expect("a hub");
    let mut signals = hub.signals();
    let before = room.now().await;
    let chat = &room.chat;
    let calls = [
        ("send_typing_indicator", json!({ "chat_id": chat, "is_typing": true })),
        (
            "send_typing_indicator",
            json!({ "chat_id": chat, "is_typing": false, "visibility": "agents" }),
        ),
        (
            "send_thinking_indicator",
            json!({ "chat_id": chat, "title": "Looking it up", "custom_id": "t" }),
        ),
        (
            "send_event_preview",
            json!({ "chat_id": chat, "event": { "type": "message", "text": "One mo" } }),
        ),
    ];
    for (action, payload) in calls {
        room.bob.call(action, payload).await.expect(action);
    }
    let peek = json!({ "chat_id": chat, "sneak_peek_text": "I wan" });
    room.alice.call("send_sneak_peek", peek).await.expect("told");
    let mut heard: Vec<Push> = Vec::new();
    while let Ok(signal) = signals.try_recv() {
        heard.push(signal.push.clone());
    }
    let place = |payload: &Value| {
        assert_eq!(
            (&payload["chat_id"], &payload["thread_id"]),
            (&json!(room.chat), &json!(room.thread))
        );
    };
    let [typing, whispering, thinking, preview, peek] = heard.try_into().expect("five");
    let (action, told) = typing.to_agents.expect("agents");
    place(&told);
    assert_eq!(action, "incoming_typing_indicator");
    assert_eq!(told["typing_indicator"]["author_id"], "bob@example.com");
    assert_eq!(told["typing_indicator"]["visibility"], "all");
    let (_, told) = typing.to_customer.expect("Alice");
    place(&told);
    assert_eq!(told["typing_indicator"]["recipients"], "all");
    assert!(!told.to_string().contains("bob@"), "{told}");
    assert_eq!(typing.customers, Customers::One(room.alice.id));
    assert_eq!((whispering.to_customer, whispering.customers), (None, Customers::Nobody));
    let (action, told) = thinking.to_customer.expect("Alice");
    assert_eq!((action, &told["title"]), ("incoming_thinking_indicator", &json!("Looking it up")));
    let (action, told) = preview.to_customer.expect("Alice");
    place(&told);
    assert_eq!((action, &told["event"]["text"]), ("incoming_event_preview", &json!("One mo")));
    assert_eq!((preview.to_agents, preview.agents), (None, Agents::Nobody));
    let (action, told) = peek.to_agents.expect("agents");
    assert_eq!((action, &told["sneak_peek"]["text"]), ("incoming_sneak_peek", &json!("I wan")));
    assert_eq!(peek.to_customer, None);
    assert_eq!(room.now().await, before, "nothing is kept");

    let carol = AgentClient::hired(&room.world, "carol@example.com", Role::Normal).await;
    let preview = json!({ "chat_id": chat, "event": { "type": "message", "text": "Me" } });
    assert_eq!(error_type(&carol.call("send_event_preview", preview).await), "authorization");
    let custom = json!({ "chat_id": chat, "event": { "type": "custom", "content": {} } });
    assert_eq!(error_type(&room.bob.call("send_event_preview", custom).await), "validation");
    let closed =
        room.world.post(&format!("/api/v1/chats/{}/close", room.chat_id), &json!({})).await;
    assert!(closed.status < 300, "{closed:?}");
    let typing = json!({ "chat_id": chat, "is_typing": true });
    assert_eq!(error_type(&room.bob.call("send_typing_indicator", typing).await), "chat_inactive");
    room.world.finish().await;
}

#[tokio::test]
async fn a_multicast_reaches_whom_it_names() {
    let room = Room::open().await;
    let carol = AgentClient::hired(&room.world, "carol@example.com", Role::Normal).await;
    team(&room.world, 3, "drivers", &[&carol]).await;
    let mut signals = room.world.app.hub(room.world.workspace).expect("a hub").signals();
    let recipients = json!({
        "agents": { "ids": ["bob@example.com"], "groups": [3] },
        "customers": { "ids": [room.alice.id] },
    });
    let payload = json!({ "recipients": recipients, "content": { "oven": "hot" }, "type": "oven" });
    room.bob.call("multicast", payload).await.expect("told");
    let to_agents = signals.try_recv().expect("to agents").push.clone();
    assert_eq!(to_agents.agents, Agents::These(vec![room.bob.id.clone(), carol.id.clone()]));
    assert_eq!(
        to_agents.to_agents,
        Some((
            "incoming_multicast",
            json!({ "author_id": "bob@example.com", "content": { "oven": "hot" }, "type": "oven" })
        ))
    );
    let to_alice = signals.try_recv().expect("to Alice").push.clone();
    assert_eq!(to_alice.customers, Customers::One(room.alice.id));
    let (_, told) = to_alice.to_customer.expect("a payload");
    assert!(!told.to_string().contains("bob@"), "{told}");
    assert!(signals.try_recv().is_err(), "that is all");
    room.world.finish().await;
}
