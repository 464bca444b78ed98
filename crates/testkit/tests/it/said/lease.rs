//! The control lease over every way by which words reach a customer: while Bob holds the chat, no bot and no program says
//! anything, whichever door they try; Bob, his colleagues and Alice speak on.

use serde_json::{Value, json};
use tidings_model::{BotAccount, Role};
use tidings_testkit::desk::{AgentClient, Refused, error_type};

use super::Room;
use super::sending::message;
use crate::control::hold;

/// A bot of ours that answers whatever is said by an agent, and sneaks words into events that are no messages.
const MEDDLER: &str = "
behaviors:
  - {name: say, on: note.added, do: [{say: By say.}]}
  - {name: ask, on: note.added, do: [{ask: By ask?}]}
  - {name: custom, on: note.added, do: [{emit: {type: chat.custom, data: {content: {by: custom}}}}]}
  - name: system
    on: note.added
    do: [{emit: {type: chat.system_message, data: {system_message_type: advert, text: By system.}}}]
";

/// A chat that Bob holds, with a program in it that spoke before.
struct Held {
    room: Room,
    robot: AgentClient,
    /// What the program said when it might.
    said: String,
}

impl Held {
    async fn by_bob() -> Self {
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
        let first = json!({ "chat_id": room.chat, "event": message("By the robot.") });
        let first = robot.call("send_event", first).await.expect("it holds the chat");
        let said = first["event_id"].as_str().expect("an id").to_owned();
        hold(&room.world, &room.chat_id, json!({ "kind": "agent", "id": room.bob.id })).await;
        Self { room, robot, said }
    }

    /// Every call by which the program could reach Alice.
    fn calls(&self) -> Vec<(&'static str, Value)> {
        let Room { chat, thread, .. } = &self.room;
        let event = |event: Value| ("send_event", json!({ "chat_id": chat, "event": event }));
        vec![
            event(message("By message.")),
            event(json!({ "type": "custom", "content": { "by": "custom" } })),
            event(json!({ "type": "rich_message", "template_id": "quick_replies", "elements": [
                { "title": "By rich message", "buttons": [] } ] })),
            event(json!({ "type": "system_message", "system_message_type": "advert",
                          "text": "By system.", "visibility": "all" })),
            (
                "edit_event",
                json!({ "chat_id": chat, "thread_id": thread, "event_id": self.said,
                        "event": message("By edit.") }),
            ),
            ("send_event_preview", json!({ "chat_id": chat, "event": message("By preview.") })),
        ]
    }

    /// Every way of our own API, by a token and in a bot's name.
    fn posts(&self) -> Vec<(String, Value)> {
        let chat = &self.room.chat_id;
        let bot = json!({ "kind": "bot", "id": "florist" });
        let messages = format!("/api/v1/chats/{chat}/messages");
        let events = || "/api/v1/events".to_owned();
        vec![
            (messages.clone(), json!({ "text": "By the API." })),
            (messages, json!({ "text": "By the API.", "author": bot })),
            (
                events(),
                json!({ "type": "chat.message", "chat": chat, "data": { "text": "By event." } }),
            ),
            (
                events(),
                json!({ "type": "chat.system_message", "chat": chat, "author": bot,
                        "data": { "system_message_type": "advert", "text": "By system." } }),
            ),
        ]
    }
}

fn is_refused(answer: &Result<Value, Refused>) -> bool {
    let held = json!({ "kind": "agent", "id": "bob@example.com" });
    answer.as_ref().is_err_and(|(_, error)| {
        error["data"] == json!({ "reason": "not_in_control", "holder": held })
    })
}

#[tokio::test]
async fn while_bob_holds_the_chat_no_program_reaches_alice_by_any_way() {
    let held = Held::by_bob().await;
    let Held { room, robot, .. } = &held;
    let before = room.events_for_alice().await;
    for (action, asked) in held.calls() {
        let answer = robot.call(action, asked.clone()).await;
        assert!(is_refused(&answer), "{action} {asked}: {answer:?}");
        assert_eq!(error_type(&answer), "authorization");
    }
    for (path, body) in held.posts() {
        let answer = room.world.post(&path, &body).await;
        assert_eq!((answer.status, answer.code()), (409, "not_in_control"), "{path} {body}");
    }
    room.world.publish_good("meddler", MEDDLER).await;
    let note = json!({ "text": "for agents" });
    let path = format!("/api/v1/chats/{}/notes", room.chat_id);
    assert_eq!(room.world.post(&path, &note).await.status, 201);
    room.world.settle().await;
    assert_eq!(room.events_for_alice().await, before);
    held.room.world.finish().await;
}

#[tokio::test]
async fn the_same_ways_are_open_to_who_holds_the_chat() {
    let held = Held::by_bob().await;
    let Held { room, robot, .. } = &held;
    hold(&room.world, &room.chat_id, json!({ "kind": "agent", "id": "robot" })).await;
    for (action, asked) in held.calls() {
        let answer = robot.call(action, asked.clone()).await;
        assert!(answer.is_ok(), "{action} {asked}: {answer:?}");
    }
    hold(&room.world, &room.chat_id, json!({ "kind": "nobody" })).await;
    for (path, body) in held.posts() {
        let answer = room.world.post(&path, &body).await;
        assert_eq!(answer.status, 201, "{path} {body}: {}", answer.text);
        hold(&room.world, &room.chat_id, json!({ "kind": "nobody" })).await;
    }
    held.room.world.finish().await;
}

#[tokio::test]
async fn people_speak_on_beside_who_holds_the_chat() {
    let held = Held::by_bob().await;
    let room = &held.room;
    let carol = AgentClient::hired(&room.world, "carol@example.com", Role::Administrator).await;
    let joins = json!({
        "chat_id": room.chat, "user_id": carol.id, "user_type": "agent", "visibility": "all",
        "ignore_requester_presence": true,
    });
    carol.call("add_user_to_chat", joins).await.expect("Carol comes in");
    room.bob_sends(message("By Bob.")).await.expect("he holds it");
    room.alice_sends(message("By Alice.")).await.expect("it is her chat");
    let asked = json!({ "chat_id": room.chat, "event": message("By Carol.") });
    carol.call("send_event", asked).await.expect("a colleague may");
    let whisper = json!({ "type": "message", "text": "Psst", "visibility": "agents" });
    let asked = json!({ "chat_id": room.chat, "event": whisper });
    held.robot.call("send_event", asked).await.expect("to agents it may speak");
    held.room.world.finish().await;
}
