//! What bots do, and what agents do with their chats: Alice is on the chat page, a bot holds her chat, Bob takes it over.

use serde_json::json;
use tidings_model::{AgentStatus, Role};
use tidings_testkit::desk::AgentClient;
use tidings_testkit::visitor::Visitor;

use super::witness::{Seen, Stage};
use crate::control::{bob_takes, hold};

/// A bot that does one thing for each word.
const PIZZERIA: &str = "
behaviors:
  - name: sizes
    on: chat.message
    when: event.text == 'sizes'
    do: [{say: Which size?, buttons: [S, L]}]
  - name: pictures
    on: chat.message
    when: event.text == 'pictures'
    do: [{say: Like this one?, image: 'https://pizzeria.example/margherita.png', buttons: ['Yes']}]
  - name: menu
    on: chat.message
    when: event.text == 'menu'
    do:
      - emit:
          type: chat.rich_message
          data:
            template: list
            header: Our pizzas
            elements: [{title: Margherita, section: Classics, buttons: [{text: This one, postback_id: margherita}]}]
  - name: upload
    on: chat.message
    when: event.text == 'upload'
    do: [{emit: {type: chat.form, data: {kind: file_upload, title: Your coupon, settings: {extensions: [pdf]}}}}]
  - name: day
    on: chat.message
    when: event.text == 'day'
    do: [{emit: {type: chat.form, data: {kind: calendar, title: Which day?}}}]
  - name: hunger
    on: chat.message
    when: event.text == 'hunger'
    do: [{emit: {type: chat.form, data: {kind: slider, title: How hungry?, settings: {min: 1, max: 10}}}}]
  - name: table
    on: chat.message
    when: event.text == 'table'
    do: [{emit: {type: chat.form, data: {kind: appointment_booking, title: A table?}}}]
  - name: ask for hunger
    on: chat.message
    when: event.text == 'how hungry'
    do: [{ask: How hungry?, input: {type: slider, max: 10}}]
  - name: ask for days
    on: chat.message
    when: event.text == 'which days'
    do: [{ask: From when to when?, input: {type: calendar, range: true}}]
  - name: ask for a table
    on: chat.message
    when: event.text == 'which table'
    do: [{ask: When?, input: {type: appointment, of: ['2099-11-24T18:00'], minutes: 90}}]
  - name: confetti
    on: chat.message
    when: event.text == 'confetti'
    do: [{emit: {type: chat.custom, data: {kind: javascript, content: 'confetti()'}}}]
  - name: topic
    on: chat.message
    when: event.text == 'topic'
    do: [{set: {chat.topic: pizza}}]
  - name: vip
    on: chat.message
    when: event.text == 'vip'
    do: [{label: vip}]
  - name: human
    on: chat.message
    when: event.text == 'human'
    do: [{hand_over: {group: sales}}]
";

/// What Alice says, and what the bot raises then.
const WORDS: [(&str, &str); 10] = [
    ("sizes", "message:button"),
    ("pictures", "message:carousel"),
    ("menu", "message:list"),
    ("upload", "message:file_upload"),
    ("day", "message:calendar"),
    ("hunger", "message:slider"),
    ("table", "message:appointment_booking"),
    ("confetti", "message:javascript"),
    ("topic", "variables"),
    ("vip", "conversation_labels"),
];

/// What Alice says, what the bot asks then, what she answers, and the row that this raises.
const ASKED: [(&str, &str, &str, &str); 3] = [
    (
        "how hungry",
        "bot How hungry?\n(a number from 0 to 10 without a fraction)",
        "7",
        "message:slider.response",
    ),
    (
        "which days",
        "bot From when to when?\n(two dates, as 2026-11-21 to 2026-11-24)",
        "2099-11-21 to 2099-11-24",
        "message:calendly.response",
    ),
    ("which table", "bot When?", "2099-11-24 18:00", "message:appointment_booking.response"),
];

/// What is kept where, with how many lists of some 24 kB, and the row that this raises.
const KEPT: [(&str, &str, usize, &str); 4] = [
    ("much of the chat", "session", 6, "sessionDataSoftLimitExceeded"),
    ("too much of the chat", "session", 50, "sessionDataHardLimitExceeded"),
    ("much of Alice", "client", 6, "clientDataSoftLimitExceeded"),
    ("too much of Alice", "client", 50, "clientDataHardLimitExceeded"),
];

/// A bot that keeps more than is good.
fn keeper() -> String {
    let behaviors = KEPT.map(|(word, place, count, _)| {
        let lists =
            (0..count).map(|n| (format!("{place}.k{n}"), json!("{{ range(5000) | list }}")));
        let set: serde_json::Map<_, _> = lists.collect();
        json!({ "name": word, "on": "chat.message", "when": format!("event.text == '{word}'"),
            "do": [{ "set": set }] })
    });
    json!({ "behaviors": behaviors }).to_string()
}

pub(super) async fn area() -> Seen {
    let mut stage = Stage::set().await;
    stage.world.publish_good("pizzeria", PIZZERIA).await;
    stage.world.publish_good("keeper", &keeper()).await;
    let alice = Visitor::comes(&stage.world, stage.world.web_channel_of("pizzeria").await).await;
    stage
        .raises(&["conversation_create", "message:text"], async |world| {
            alice.says(world, "hello").await;
        })
        .await;
    for (word, row) in WORDS {
        stage
            .raises(&[row], async |world| {
                alice.says(world, word).await;
            })
            .await;
    }
    stage
        .raises(&["message:button.response"], async |world| {
            alice.presses(world, "L").await;
        })
        .await;
    for (word, question, answer, row) in ASKED {
        stage
            .raises(&[row], async |world| {
                alice.says(world, word).await;
                alice.waits_for(world, question).await;
                alice.says(world, answer).await;
            })
            .await;
    }
    for (word, _, _, row) in KEPT {
        stage
            .raises(&[row], async |world| {
                alice.says(world, word).await;
            })
            .await;
    }

    let chat = alice.chat(&stage.world).await;
    AgentClient::hired_as(&stage.world, "bob@example.com", |bob| {
        bob.role = Role::Normal;
        bob.status = AgentStatus::Offline;
        bob.groups.insert("sales".parse().expect("a name"));
    })
    .await;
    stage
        .raises(&["noLivechatOperatorsOnline"], async |world| {
            alice.says(world, "human").await;
        })
        .await;
    stage
        .raises(&["assignee_change", "event.mail.assigned.group"], async |world| {
            bob_takes(world, &chat).await;
        })
        .await;
    stage
        .raises(&["note", "event.comment.ticket.group"], async |world| {
            let note = json!({ "text": "Alice likes it hot." });
            let written = world.post(&format!("/api/v1/chats/{chat}/notes"), &note).await;
            assert_eq!(written.status, 201, "{written:?}");
        })
        .await;
    stage
        .raises(&["livechatFinished"], async |world| {
            hold(world, &chat, json!({ "kind": "bot", "id": "pizzeria" })).await;
        })
        .await;
    stage
        .raises(&["status", "event.mail.closed.group"], async |world| {
            let why = json!({ "reason": "all done" });
            let closed = world.post(&format!("/api/v1/chats/{chat}/close"), &why).await;
            assert_eq!(closed.status, 200, "{closed:?}");
        })
        .await;
    stage.end().await
}
