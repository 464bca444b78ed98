//! `send_rich_message_postback`, and bots that wait for a press.

use serde_json::{Value, json};
use tidings_testkit::desk::{Refused, error_type};
use tidings_testkit::world::World;

use super::{Room, actions, to_agents, to_customer};
use crate::conversation::PIZZERIA;

impl Room {
    async fn presses(&self, event_id: &Value, id: &str, toggled: bool) -> Result<Value, Refused> {
        let payload = json!({ "chat_id": self.chat, "thread_id": self.thread, "event_id": event_id,
            "postback": { "id": id, "toggled": toggled } });
        self.alice.call("send_rich_message_postback", payload).await
    }
}

#[tokio::test]
async fn a_press_switches_every_button_of_its_name() {
    let room = Room::open().await;
    let button = |text: &str, id: &str| json!({ "text": text, "type": "message", "value": text, "postback_id": id });
    let cards = json!({ "type": "rich_message", "template_id": "cards", "elements": [
        { "title": "S", "buttons": [button("Take S", "take"), button("No", "no")] },
        { "title": "L", "buttons": [button("Take L", "take")] },
    ] });
    let sent = room.bob_sends(cards).await.expect("sent");
    let id = &sent["event_id"];
    let before = room.now().await;
    room.presses(id, "take", true).await.expect("pressed");
    room.presses(id, "take", true).await.expect("it is on already");
    let users = async || {
        let event = room.bob_sees(id).await;
        ["/elements/0/buttons/0", "/elements/0/buttons/1", "/elements/1/buttons/0"]
            .map(|at| event.pointer(at).expect("a button")["user_ids"].clone())
    };
    let alice = json!([room.alice.id]);
    assert_eq!(users().await, [alice.clone(), json!([]), alice.clone()]);
    let pushes = room.pushes_after(before).await;
    assert_eq!(actions(&to_agents(&pushes)), ["incoming_rich_message_postback"]);
    let (_, heard) = to_customer(&pushes).remove(0);
    assert_eq!(
        heard,
        json!({
            "chat_id": room.chat, "thread_id": room.thread, "user_id": room.alice.id, "event_id": id,
            "postback": { "id": "take", "toggled": true, "button_type": "message", "button_value": "Take S" },
        })
    );
    room.presses(id, "take", false).await.expect("switched off");
    assert_eq!(users().await, [json!([]), json!([]), json!([])]);
    let (_, error) = room.presses(id, "nothing", true).await.expect_err("no such button");
    assert_eq!(error["data"]["field"], "postback.id");
    assert_eq!(error_type(&room.presses(&json!("AAAAAAAAAA_1"), "take", true).await), "not_found");
    room.world.finish().await;
}

#[tokio::test]
async fn a_press_answers_a_bots_question_once() {
    let world = World::start().await;
    world.publish_good("pizzeria", PIZZERIA).await;
    let room = Room::without_bob(world, Some("pizzeria")).await;
    room.alice_sends(json!({ "type": "message", "text": "pizza" })).await.expect("sent");
    let question = room
        .world
        .until("the question", async || {
            let events = room.events_for_alice().await;
            events.into_iter().find(|event| event["type"] == "rich_message")
        })
        .await;
    let button = question.pointer("/elements/0/buttons/0").expect("a button").clone();
    let postback = button["postback_id"].as_str().expect("a name").to_owned();
    room.presses(&question["id"], &postback, true).await.expect("pressed");
    // Chat clients send the words of the button as well: said once is enough.
    let words = json!({ "type": "message", "text": button["text"], "postback": {
        "id": postback, "thread_id": room.thread, "event_id": question["id"],
        "type": "message", "value": button["value"] } });
    room.alice_sends(words).await.expect("sent");
    room.presses(&question["id"], &postback, false).await.expect("switched off");
    room.world.settle().await;
    let said: Vec<String> = room
        .events_for_alice()
        .await
        .iter()
        .filter_map(|event| event["text"].as_str().map(str::to_owned))
        .filter(|text| text.starts_with("One "))
        .collect();
    assert_eq!(said, ["One S pizza."]);
    let stored = room.world.events_of("chat.message").await;
    assert!(stored.iter().any(|event| event["data"]["postback"]["pressed"] == true));
    let shown = room.events_for_alice().await;
    assert!(shown.iter().all(|event| event["postback"].get("pressed").is_none()));
    room.world.finish().await;
}
