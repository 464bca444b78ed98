//! What agents and customers do by the Chat API: Alice and Bob send events, upload files, fill in a form, press a button;
//! agents come and go.

use serde_json::{Value, json};
use tidings_model::Role;
use tidings_testkit::desk::{AgentClient, CustomerClient};
use tidings_testkit::world::World;

use super::witness::{Seen, Stage};

/// Files of three kinds, by name, type and first bytes, with the row that each raises.
const FILES: [(&str, &str, &str, &[u8]); 3] = [
    ("message:audio", "song.mp3", "audio/mpeg", b"ID3\x03\x00\x00\x00\x00\x00\x00 a song"),
    (
        "message:video",
        "film.mp4",
        "video/mp4",
        b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2mp41 a film",
    ),
    ("message:document", "menu.pdf", "application/pdf", b"%PDF-1.4 a menu"),
];

/// Sends an event to a chat; gives its id.
async fn bob_sends(bob: &AgentClient, chat: &str, event: Value) -> Value {
    let sent = bob.call("send_event", json!({ "chat_id": chat, "event": event })).await;
    sent.expect("Bob may send it")["event_id"].clone()
}

async fn adds(by: &AgentClient, chat: &str, who: &str) {
    let user = json!({ "chat_id": chat, "user_id": who, "user_type": "agent", "visibility": "all",
        "ignore_requester_presence": true });
    by.call("add_user_to_chat", user).await.expect("they are added");
}

/// Somebody who answers only when asked to.
async fn hired(world: &World, id: &str) -> AgentClient {
    AgentClient::hired_as(world, id, |agent| {
        agent.role = Role::Administrator;
        agent.status = tidings_model::AgentStatus::Away;
    })
    .await
}

pub(super) async fn area() -> Seen {
    let mut stage = Stage::set().await;
    let bob = AgentClient::hired(&stage.world, "bob@example.com", Role::Administrator).await;
    let carol = hired(&stage.world, "carol@example.com").await;
    let dora = hired(&stage.world, "dora@example.com").await;
    let alice = CustomerClient::comes(&stage.world, stage.world.web_channel().await).await;
    let (chat, thread) =
        stage.raises(&["conversation_create"], async |_| alice.starts_chat().await).await;

    let says = |event: Value| json!({ "chat_id": chat, "event": event });
    stage
        .raises(&["message", "message:text"], async |_| {
            let hello = says(json!({ "type": "message", "text": "Hello" }));
            alice.call("send_event", hello).await.expect("it is sent");
        })
        .await;
    stage
        .raises(&["custom"], async |_| {
            bob_sends(&bob, &chat, json!({ "type": "custom", "content": { "oven": 320 } })).await;
        })
        .await;
    for (row, name, content_type, bytes) in FILES {
        stage
            .raises(&["file", row], async |_| {
                let uploaded = bob.chat.upload("upload_file", name, content_type, bytes).await;
                let url = uploaded.expect("it is taken")["url"].clone();
                bob_sends(&bob, &chat, json!({ "type": "file", "url": url })).await;
            })
            .await;
    }
    stage
        .raises(&["message:form"], async |_| {
            let fields =
                json!([{ "type": "name", "id": "1", "label": "Your name", "required": true }]);
            let form = json!({ "type": "form", "form_id": "f1", "fields": fields });
            bob_sends(&bob, &chat, form).await;
        })
        .await;
    stage
        .raises(&["filled_form", "message:form.response"], async |_| {
            let fields =
                json!([{ "type": "name", "id": "1", "label": "Your name", "answer": "Alice" }]);
            let filled = json!({ "type": "filled_form", "form_id": "f1", "fields": fields });
            alice.call("send_event", says(filled)).await.expect("it is sent");
        })
        .await;
    stage
        .raises(&["message:file_upload.response"], async |_| {
            let (name, content_type, bytes) = ("menu.pdf", "application/pdf", b"%PDF-1.4");
            let uploaded = alice.chat.upload("upload_file", name, content_type, bytes).await;
            let answers = json!([{ "id": uploaded.expect("it is taken")["url"], "label": name }]);
            let fields =
                json!([{ "type": "file", "id": "2", "label": "A menu", "answers": answers }]);
            let filled = json!({ "type": "filled_form", "form_id": "f2", "fields": fields });
            alice.call("send_event", says(filled)).await.expect("it is sent");
        })
        .await;
    let cards = stage
        .raises(&["rich_message", "message:carousel"], async |_| {
            let button =
                json!({ "text": "L", "type": "message", "value": "L", "postback_id": "size" });
            let cards = json!({ "type": "rich_message", "template_id": "cards",
                "elements": [{ "title": "Pizza", "buttons": [button] }] });
            bob_sends(&bob, &chat, cards).await
        })
        .await;
    stage
        .raises(&["send_rich_message_postback", "message:button.response"], async |_| {
            let press = json!({ "chat_id": chat, "thread_id": thread, "event_id": cards,
                "postback": { "id": "size", "toggled": true } });
            alice.call("send_rich_message_postback", press).await.expect("it is pressed");
        })
        .await;
    stage
        .raises(&["system_message", "system_message:agent_added"], async |_| {
            adds(&bob, &chat, "carol@example.com").await;
        })
        .await;
    stage
        .raises(&["system_message:agent_joined"], async |_| {
            adds(&dora, &chat, "dora@example.com").await;
        })
        .await;
    stage
        .raises(&["system_message:agent_left"], async |_| {
            let out = json!({ "chat_id": chat, "user_id": "carol@example.com", "user_type": "agent",
                "ignore_requester_presence": true });
            carol.call("remove_user_from_chat", out).await.expect("she goes");
        })
        .await;
    stage.end().await
}
