//! `edit_event`, `delete_event`, `mark_events_as_seen`.

use serde_json::{Value, json};
use tidings_model::Role;
use tidings_testkit::desk::{AgentClient, error_type};

use super::{Room, actions, to_agents, to_customer};

impl Room {
    fn of_event(&self, event_id: &Value) -> Value {
        json!({ "chat_id": self.chat, "thread_id": self.thread, "event_id": event_id })
    }

    fn edit(&self, event_id: &Value, text: &str) -> Value {
        let mut payload = self.of_event(event_id);
        payload["event"] = json!({ "type": "message", "text": text });
        payload
    }
}

#[tokio::test]
async fn an_event_is_edited_by_who_wrote_it_and_by_administrators() {
    let room = Room::open().await;
    let sent = room.bob_sends(json!({ "type": "message", "text": "Helo" })).await.expect("sent");
    let id = &sent["event_id"];
    let by_alice = room.alice.call("edit_event", room.edit(id, "Ha")).await;
    assert_eq!(error_type(&by_alice), "authorization");
    let before = room.now().await;
    room.bob.call("edit_event", room.edit(id, "Hello")).await.expect("it is his");
    room.bob.call("edit_event", room.edit(id, "Hello")).await.expect("it is so already");
    assert_eq!(room.bob_sees(id).await["text"], "Hello");
    let pushes = room.pushes_after(before).await;
    assert_eq!(actions(&to_agents(&pushes)), ["event_updated"], "an edit to the same is none");
    let (_, heard) = to_customer(&pushes).remove(0);
    assert_eq!((&heard["event"]["id"], &heard["event"]["text"]), (id, &json!("Hello")));
    assert!(heard["event"].get("visibility").is_none());

    let carol = AgentClient::hired(&room.world, "carol@example.com", Role::Administrator).await;
    carol.call("edit_event", room.edit(id, "Hello!")).await.expect("she is an administrator");
    let mut other_type = room.of_event(id);
    other_type["event"] = json!({ "type": "custom", "content": {} });
    let (_, error) = carol.call("edit_event", other_type).await.expect_err("another type");
    assert_eq!(error["data"]["field"], "event.type");
    room.world.finish().await;
}

#[tokio::test]
async fn a_deleted_event_is_gone_for_customers_and_told_of_to_agents() {
    let room = Room::open().await;
    let carol = AgentClient::hired(&room.world, "carol@example.com", Role::Administrator).await;
    let sent =
        room.alice_sends(json!({ "type": "message", "text": "My secret", "custom_id": "s" }));
    let sent = sent.await.expect("sent");
    let id = &sent["event_id"];
    let by_bob = room.bob.call("delete_event", room.of_event(id)).await;
    assert_eq!(error_type(&by_bob), "authorization", "Bob is no administrator");
    let before = room.now().await;
    room.alice.call("delete_event", room.of_event(id)).await.expect("it is hers");
    room.alice.call("delete_event", room.of_event(id)).await.expect("it is gone already");
    let pushes = room.pushes_after(before).await;
    let told = json!({ "chat_id": room.chat, "thread_id": room.thread, "event_id": id });
    assert_eq!(to_agents(&pushes), [("event_deleted", told.clone())]);
    assert_eq!(to_customer(&pushes), [("event_deleted", told)]);

    assert!(room.events_for_alice().await.iter().all(|event| event["id"] != *id));
    let remains = room.bob_sees(id).await;
    assert_eq!((&remains["deleted"], &remains["custom_id"]), (&json!(true), &json!("s")));
    assert!(!remains.to_string().contains("My secret"), "{remains}");
    let chat = carol.call("get_chat", json!({ "chat_id": room.chat })).await.expect("a chat");
    assert!(chat.to_string().contains("My secret"), "an administrator reads it");
    let edited = room.alice.call("edit_event", room.edit(id, "Never mind")).await;
    assert_eq!(error_type(&edited), "not_found");
    room.world.finish().await;
}

#[tokio::test]
async fn what_only_agents_see_is_not_there_for_customers() {
    let room = Room::open().await;
    let before = room.now().await;
    let whisper = json!({ "type": "message", "text": "Psst", "visibility": "agents" });
    let sent = room.bob_sends(whisper).await.expect("sent");
    let id = &sent["event_id"];
    for action in ["edit_event", "delete_event"] {
        let tried = room.alice.call(action, room.edit(id, "Psst?")).await;
        assert_eq!(error_type(&tried), "not_found", "{action}");
    }
    let mut payload = room.edit(id, "Psst!");
    payload["event"]["visibility"] = json!("agents");
    room.bob.call("edit_event", payload).await.expect("it is his");
    let properties = json!({ "test": { "string_property": "hidden" } });
    let mut payload = room.of_event(id);
    payload["properties"] = properties;
    let tried = room.alice.call("update_event_properties", payload.clone()).await;
    assert_eq!(error_type(&tried), "not_found");
    room.bob.call("update_event_properties", payload).await.expect("it may stand there");
    room.bob.call("delete_event", room.of_event(id)).await.expect("it is his");
    let pushes = room.pushes_after(before).await;
    assert_eq!(
        actions(&to_agents(&pushes)),
        ["incoming_event", "event_updated", "event_properties_updated", "event_deleted"]
    );
    assert_eq!(to_customer(&pushes), [], "Alice hears nothing of it");
    room.world.finish().await;
}

#[tokio::test]
async fn a_mark_of_what_was_seen_moves_forward_only() {
    let room = Room::open().await;
    let before = room.now().await;
    let mark = async |time: &str| {
        let payload = json!({ "chat_id": room.chat, "seen_up_to": time });
        room.bob.call("mark_events_as_seen", payload).await
    };
    mark("2020-01-02T00:00:00.000000Z").await.expect("it is noted");
    mark("2020-01-01T00:00:00.000000Z").await.expect("it is noted already");
    mark("2999-01-01T00:00:00.000000Z").await.expect("it is noted as now");
    let pushes = to_agents(&room.pushes_after(before).await);
    assert_eq!(actions(&pushes), ["events_marked_as_seen"; 2]);
    let (_, first) = pushes.first().expect("two");
    let told = json!({ "chat_id": room.chat, "user_id": "bob@example.com",
        "seen_up_to": "2020-01-02T00:00:00.000000Z" });
    assert_eq!(*first, told);
    let (_, last) = pushes.last().expect("two");
    assert!(last["seen_up_to"].as_str() < Some("2999"), "nobody sees the future");
    let carol = AgentClient::hired(&room.world, "carol@example.com", Role::Normal).await;
    let payload = json!({ "chat_id": room.chat, "seen_up_to": "2020-01-01T00:00:00Z" });
    assert_eq!(error_type(&carol.call("mark_events_as_seen", payload).await), "authorization");
    room.world.finish().await;
}

#[tokio::test]
async fn what_is_said_in_a_past_thread_can_still_be_changed() {
    let room = Room::open().await;
    let sent = room.alice_sends(json!({ "type": "message", "text": "One pizza" })).await;
    let id = sent.expect("sent")["event_id"].clone();
    let buttons = json!({ "type": "rich_message", "template_id": "quick_replies", "elements": [
        { "buttons": [{ "text": "Good", "postback_id": "good" }] }] });
    let question = room.bob_sends(buttons).await.expect("sent")["event_id"].clone();
    room.bob.call("deactivate_chat", json!({ "id": room.chat })).await.expect("closed");
    let resumed =
        room.alice.call("resume_chat", json!({ "chat": { "id": room.chat }, "continuous": true }));
    let resumed = resumed.await.expect("resumed");
    assert_ne!(resumed["thread_id"], room.thread);
    let before = room.now().await;
    room.alice.call("edit_event", room.edit(&id, "Two pizzas")).await.expect("it is hers");
    let mut press = room.of_event(&question);
    press["postback"] = json!({ "id": "good", "toggled": true });
    room.alice.call("send_rich_message_postback", press).await.expect("pressed");
    let mut properties = json!({ "chat_id": room.chat, "thread_id": room.thread });
    properties["properties"] = json!({ "rating": { "score": 0 } });
    room.alice.call("update_thread_properties", properties).await.expect("rated");
    let pushes = to_agents(&room.pushes_after(before).await);
    assert_eq!(
        actions(&pushes),
        ["event_updated", "thread_properties_updated", "incoming_event"],
        "presses are told while their thread is active"
    );
    assert!(pushes.iter().all(|(_, told)| told["thread_id"] == *room.thread));
    let past = json!({ "chat_id": room.chat, "thread_id": room.thread });
    let chat = room.bob.call("get_chat", past).await.expect("the past thread");
    assert_eq!(chat["thread"]["properties"]["rating"], json!({ "score": 0 }));
    let events = chat["thread"]["events"].as_array().expect("events");
    let of = |id: &Value| events.iter().find(|event| event["id"] == *id).expect("it is there");
    assert_eq!(of(&id)["text"], "Two pizzas");
    assert_eq!(
        of(&question).pointer("/elements/0/buttons/0/user_ids"),
        Some(&json!([room.alice.id]))
    );
    let chat = room.bob.call("get_chat", json!({ "chat_id": room.chat })).await.expect("the last");
    assert!(chat["thread"]["properties"].get("rating").is_none());
    room.world.finish().await;
}
