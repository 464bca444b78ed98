//! `send_event`.

use futures_util::future::join_all;
use serde_json::{Value, json};
use tidings_model::{BotAccount, Role};
use tidings_testkit::desk::{AgentClient, error_type};
use tidings_testkit::world::World;

use super::Room;
use crate::control::hold;
use crate::conversation::PIZZERIA;

pub(super) fn message(text: &str) -> Value {
    json!({ "type": "message", "text": text })
}

#[tokio::test]
async fn every_type_of_event_is_sent_and_read_back() {
    let room = Room::open().await;
    let events = [
        json!({ "type": "message", "text": "Which size?", "custom_id": "a1" }),
        json!({ "type": "form", "form_id": "f1", "fields": [
            { "type": "name", "id": "1", "label": "Your name", "required": true },
            { "type": "header", "label": "More" },
            { "type": "select", "id": "2", "label": "Size", "options": [{ "id": "0", "label": "S" }] },
        ] }),
        json!({ "type": "filled_form", "form_id": "f1", "fields": [
            { "type": "name", "id": "1", "label": "Your name", "answer": "Alice" },
            { "type": "checkbox", "id": "2", "label": "Extras", "answers": [{ "id": "0", "label": "Napkins" }] },
            { "type": "group_chooser", "id": "3", "label": "Team", "answer": { "group_id": 2, "label": "Drivers" } },
        ] }),
        json!({ "type": "rich_message", "template_id": "cards", "elements": [{
            "title": "Pizza", "subtitle": "Hot",
            "buttons": [{ "text": "L", "type": "message", "value": "L", "postback_id": "size", "user_ids": [] }],
        }] }),
        json!({ "type": "rich_message", "template_id": "sticker", "elements": [] }),
        json!({ "type": "custom", "content": { "oven": { "_order": 320 } } }),
        json!({ "type": "system_message", "system_message_type": "oven.ready", "text": "Ready",
                "text_vars": { "oven": "1" } }),
    ];
    for event in events {
        let sent = room.bob_sends(event.clone()).await.expect("it is sent");
        assert_eq!(sent["thread_id"], room.thread);
        let seen = room.bob_sees(&sent["event_id"]).await;
        for (name, value) in event.as_object().expect("an object") {
            assert_eq!(&seen[name], value, "{name} of {seen}");
        }
    }
    let of_alice = room.events_for_alice().await;
    let types: Vec<&str> = of_alice.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(
        types,
        ["message", "message", "form", "filled_form", "rich_message", "rich_message", "custom"],
        "a system message that somebody sends is for agents"
    );
    for event in &of_alice {
        assert!(event.get("visibility").is_none(), "{event}");
        assert!(!event.to_string().contains("bob@example.com"), "{event}");
    }
    room.world.finish().await;
}

#[tokio::test]
async fn what_is_wrong_with_an_event_is_named() {
    let room = Room::open().await;
    let long = "é".repeat(8_193);
    let cases = [
        (message(&long), "validation", "event.text"),
        (
            json!({ "type": "rich_message", "template_id": "wall" }),
            "validation",
            "event.template_id",
        ),
        (
            json!({ "type": "file", "url": "https://example.com/cat.png" }),
            "validation",
            "event.url",
        ),
        (
            json!({ "type": "message", "text": "x", "properties": { "nobody": { "a": 1 } } }),
            "validation",
            "event.properties.nobody.a",
        ),
        (
            json!({ "type": "message", "text": "x", "properties": { "rating": { "score": 1 } } }),
            "authorization",
            "event.properties.rating.score",
        ),
    ];
    for (event, expected, field) in cases {
        let (_, error) = room.bob_sends(event).await.expect_err("it is refused");
        assert_eq!(
            (error["type"].as_str(), error["data"]["field"].as_str()),
            (Some(expected), Some(field))
        );
    }
    let (_, error) = room.bob_sends(message(&long)).await.expect_err("it is too long");
    assert_eq!((&error["data"]["limit"], &error["data"]["size"]), (&json!(16_384), &json!(16_386)));
    let fits = "é".repeat(8_192);
    room.bob_sends(message(&fits)).await.expect("16,384 bytes are allowed");
    room.world.finish().await;
}

#[tokio::test]
async fn the_same_custom_id_is_the_same_event_however_many_come_at_once() {
    let room = Room::open().await;
    let event = json!({ "type": "message", "text": "One pizza", "custom_id": "order-1" });
    let answers = join_all((0..12).map(|_| room.alice_sends(event.clone()))).await;
    let first = answers.first().expect("twelve").clone().expect("it is sent");
    for answer in answers {
        assert_eq!(answer.expect("the same event")["event_id"], first["event_id"]);
    }
    let said = room.world.events_of("chat.message").await;
    assert_eq!(said.iter().filter(|event| event["custom_id"] == "order-1").count(), 1);
    let mut other = event.clone();
    other["text"] = json!("Two pizzas");
    let (status, error) = room.alice_sends(other).await.expect_err("another event");
    assert_eq!((status, error["data"]["field"].as_str()), (400, Some("event.custom_id")));
    // Another author may use the same word.
    room.bob_sends(event.clone()).await.expect("Bob's own");
    // What was said stays said, though the chat is closed now.
    let closed =
        room.world.post(&format!("/api/v1/chats/{}/close", room.chat_id), &json!({})).await;
    assert!(closed.status < 300, "{closed:?}");
    let again = room.alice_sends(event).await.expect("it was said before");
    assert_eq!(again["event_id"], first["event_id"]);
    room.world.finish().await;
}

#[tokio::test]
async fn a_closed_chat_takes_nothing_but_what_is_attached() {
    let room = Room::open().await;
    let closed =
        room.world.post(&format!("/api/v1/chats/{}/close", room.chat_id), &json!({})).await;
    assert!(closed.status < 300, "{closed:?}");
    assert_eq!(error_type(&room.bob_sends(message("Hi")).await), "chat_inactive");
    assert_eq!(error_type(&room.alice_sends(message("Hi")).await), "chat_inactive");
    let attached = room
        .alice
        .call(
            "send_event",
            json!({ "chat_id": room.chat, "event": message("One more thing"),
            "attach_to_last_thread": true }),
        )
        .await
        .expect("it is attached");
    assert_eq!(attached["thread_id"], room.thread);
    let chat = room.bob.call("get_chat", json!({ "chat_id": room.chat })).await.expect("a chat");
    assert_eq!(chat["thread"]["active"], false);
    room.world.finish().await;
}

#[tokio::test]
async fn a_person_who_speaks_takes_the_chat_from_a_bot_and_a_colleague_keeps_it() {
    let world = World::start().await;
    world.publish_good("pizzeria", PIZZERIA).await;
    let room = Room::without_bob(world, Some("pizzeria")).await;
    assert_eq!(
        error_type(&room.bob_sends(message("Hi")).await),
        "authorization",
        "Bob is not in it"
    );
    let carol = AgentClient::hired(&room.world, "carol@example.com", Role::Normal).await;
    // Both come in; the bot gets it back.
    for agent in [&room.bob, &carol] {
        hold(&room.world, &room.chat_id, json!({ "kind": "agent", "id": agent.id })).await;
    }
    hold(&room.world, &room.chat_id, json!({ "kind": "bot", "id": "pizzeria" })).await;
    let whisper = json!({ "type": "message", "text": "Easy one", "visibility": "agents" });
    room.bob_sends(whisper).await.expect("agents whisper at any time");
    let holder = async || {
        let chat = room.world.get(&format!("/api/v1/chats/{}", room.chat_id)).await;
        chat.body["control"]["holder"].clone()
    };
    assert_eq!(holder().await, json!({ "kind": "bot", "id": "pizzeria" }));
    room.bob_sends(message("Let me help.")).await.expect("Bob takes it");
    let bobs = json!({ "kind": "agent", "id": "bob@example.com" });
    assert_eq!(holder().await, bobs);
    let event = json!({ "chat_id": room.chat, "event": message("Me too.") });
    carol.call("send_event", event).await.expect("a colleague speaks beside");
    assert_eq!(holder().await, bobs);
    room.world.finish().await;
}

#[tokio::test]
async fn a_program_speaks_only_while_it_holds_the_chat() {
    let room = Room::open().await;
    let robot = AgentClient::hired_as(&room.world, "robot", |agent| {
        agent.bot = Some(BotAccount {
            owner_client_id: "shop".into(),
            secret_hash: String::new(),
            template: None,
        });
    })
    .await;
    hold(&room.world, &room.chat_id, json!({ "kind": "agent", "id": "robot" })).await;
    let say =
        |event: Value| robot.call("send_event", json!({ "chat_id": room.chat, "event": event }));
    say(message("I am here.")).await.expect("it holds the chat as an agent");
    hold(&room.world, &room.chat_id, json!({ "kind": "agent", "id": room.bob.id })).await;
    let (status, error) = say(message("And now?")).await.expect_err("Bob holds it");
    assert_eq!((status, error["type"].as_str()), (403, Some("authorization")));
    assert_eq!(
        error["data"],
        json!({ "reason": "not_in_control", "holder": { "kind": "agent", "id": "bob@example.com" } })
    );
    let whisper = json!({ "type": "message", "text": "Psst", "visibility": "agents" });
    say(whisper).await.expect("to agents it may speak");
    hold(&room.world, &room.chat_id, json!({ "kind": "nobody" })).await;
    say(message("Free?")).await.expect("it is free");
    room.world.finish().await;
}

#[tokio::test]
async fn who_fills_in_the_form_before_the_chat_is_called_so() {
    let room = Room::open().await;
    let form = json!({ "type": "filled_form", "form_id": "pre", "form_type": "prechat", "fields": [
        { "type": "name", "id": "1", "label": "Name", "answer": " Alice Arnold " },
        { "type": "email", "id": "2", "label": "Mail", "answer": "alice@example.org" },
    ] });
    room.alice_sends(form).await.expect("it is sent");
    let chat = room.bob.call("get_chat", json!({ "chat_id": room.chat })).await.expect("a chat");
    let users = chat["users"].as_array().expect("users");
    let alice = users.iter().find(|user| user["type"] == "customer").expect("Alice");
    assert_eq!(
        (alice["name"].as_str(), alice["email"].as_str()),
        (Some("Alice Arnold"), Some("alice@example.org"))
    );
    room.world.finish().await;
}

#[tokio::test]
async fn in_version_3_0_an_event_opens_a_closed_chat_again() {
    let room = Room::open().await;
    room.bob.call("deactivate_chat", json!({ "id": room.chat })).await.expect("closed");
    let alice = room.alice.chat.clone().in_version("v3.0");
    let strict = json!({ "payload": { "chat_id": room.chat, "event": message("Hi"),
        "require_active_thread": true } });
    assert_eq!(error_type(&alice.call("send_event", strict).await), "chat_inactive");
    let sent = json!({ "payload": { "chat_id": room.chat, "event": message("Hi again") } });
    let sent = alice.call("send_event", sent).await.expect("it is sent");
    assert_ne!(sent["thread_id"], room.thread);
    assert_eq!(sent["event"]["text"], "Hi again");
    let chat = room.bob.call("get_chat", json!({ "chat_id": room.chat })).await.expect("a chat");
    assert_eq!(
        (&chat["thread"]["active"], &chat["thread"]["id"]),
        (&json!(true), &sent["thread_id"])
    );
    room.world.finish().await;
}
