//! Who listens may be at any node, and move to another, without loss or repeat.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tidings_testkit::rtm::RtmClient;

use super::{Stage, TELLINGS};
use crate::rtm::text_of;

fn seq_of(value: &Value) -> u64 {
    value.get("seq").and_then(Value::as_u64).expect("a number")
}

/// Hears messages until this one came; gives their texts, which come in the order of their numbers.
async fn heard_until(client: &mut RtmClient, last: &str) -> Vec<(String, u64)> {
    let mut heard: Vec<(String, u64)> = Vec::new();
    while heard.last().is_none_or(|(text, _)| text != last) {
        let push = client.push("incoming_event").await;
        let (text, seq) = (text_of(&push).to_owned(), seq_of(&push));
        assert!(heard.last().is_none_or(|(_, before)| *before < seq), "{text} after {heard:?}");
        if !text.is_empty() {
            heard.push((text, seq));
        }
    }
    heard
}

#[tokio::test]
async fn what_is_said_at_one_node_is_heard_at_another_once_and_in_order() {
    for trouble in TELLINGS {
        let stage = Stage::set(2, trouble).await;
        let (mut bob, _) = stage.bob_comes(1, json!({})).await;
        let mut said = Vec::new();
        for number in 0..40 {
            let at = stage.alice_at(number % 2).await;
            at.call("send_event", stage.message(&format!("number {number}"))).await.expect("said");
            said.push(format!("number {number}"));
        }
        let heard = heard_until(&mut bob, "number 39").await;
        assert_eq!(heard.into_iter().map(|(text, _)| text).collect::<Vec<_>>(), said);
        stage.nodes.finish().await;
    }
}

#[tokio::test]
async fn who_moves_between_nodes_hears_everything_once() {
    for trouble in TELLINGS {
        let stage = Stage::set(3, trouble).await;
        let (mut alice, told) = stage.alice_comes(0, json!({})).await;
        let mut since = seq_of(&told);
        let mut all = Vec::new();
        for round in 0..6 {
            let speaker = stage.alice_at((round + 1) % 3).await;
            for part in ["before", "after"] {
                let text = format!("{part} break {round}");
                speaker.call("send_event", stage.message(&text)).await.expect("said");
                if part == "before" {
                    for (text, seq) in heard_until(&mut alice, &text).await {
                        all.push(text);
                        since = seq;
                    }
                    alice.break_off();
                    alice = stage.alice_comes((round + 2) % 3, json!({ "since": since })).await.0;
                }
            }
        }
        let rest = heard_until(&mut alice, "after break 5").await;
        all.extend(rest.into_iter().map(|(text, _)| text));
        let once: BTreeSet<&String> = all.iter().collect();
        assert_eq!((once.len(), all.len()), (12, 12), "{all:?}");
        drop(alice);
        stage.nodes.finish().await;
    }
}

#[tokio::test]
async fn who_asks_again_and_again_may_ask_any_node() {
    let stage = Stage::set(2, TELLINGS[1]).await;
    let poll = async |place: usize, since: Option<u64>| -> Value {
        let world = stage.nodes.at(place);
        let mut path = format!("/v3.6/customer/rtm/poll?token={}&wait=20", stage.alice.chat.token);
        if let Some(since) = since {
            path.push_str(&format!("&since={since}"));
        }
        let answer = tidings_testkit::world::answer(world.anonymous(http::Method::GET, &path));
        let answer = answer.await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    };
    let mut since = seq_of(&poll(0, None).await);
    for round in 0..6 {
        let text = format!("number {round}");
        let speaker = stage.alice_at(round % 2).await;
        speaker.call("send_event", stage.message(&text)).await.expect("said");
        let mut texts = Vec::new();
        while texts.is_empty() {
            let told = poll((round + 1) % 2, Some(since)).await;
            since = seq_of(&told);
            let pushes = told["pushes"].as_array().expect("pushes").iter();
            texts.extend(pushes.map(text_of).filter(|text| !text.is_empty()).map(str::to_owned));
        }
        assert_eq!(texts, [text]);
    }
    stage.nodes.finish().await;
}

#[tokio::test]
async fn typing_is_heard_at_other_nodes() {
    let stage = Stage::set(2, TELLINGS[0]).await;
    let (mut bob, _) = stage.bob_comes(1, json!({})).await;
    let (mut alice, _) = stage.alice_comes(0, json!({})).await;
    let peek = json!({ "chat_id": stage.chat, "sneak_peek_text": "I wan" });
    assert!(alice.call("send_sneak_peek", peek).await.success());
    let told = bob.push("incoming_sneak_peek").await;
    assert_eq!(told.pointer("/payload/sneak_peek/text"), Some(&json!("I wan")));
    let typing = json!({ "chat_id": stage.chat, "is_typing": true });
    assert!(bob.call("send_typing_indicator", typing).await.success());
    let told = alice.push("incoming_typing_indicator").await;
    assert_eq!(told.pointer("/payload/typing_indicator/is_typing"), Some(&json!(true)));
    drop((alice, bob));
    stage.nodes.finish().await;
}
