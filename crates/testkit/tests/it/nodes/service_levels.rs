//! Time in chats where several nodes run: what is due is told once, to the second, by whoever has the chat's share then.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::json;
use tidings_testkit::nodes::Nodes;
use tidings_testkit::visitor::Visitor;

use super::TELLINGS;

#[tokio::test]
async fn what_falls_due_is_told_once_though_a_node_dies_before() {
    for trouble in TELLINGS {
        let mut nodes = Nodes::start(3, trouble).await;
        let channel = nodes.at(0).web_channel().await;
        let says = json!({ "name": "Gold", "first_reply": "60s", "next_reply": "60s" });
        let made = nodes.at(1).post("/api/v1/service-levels", &says).await;
        assert_eq!(made.status, 201, "{made:?}");
        // The channel is known at each node once somebody asked for it there.
        let mut visitors = Vec::new();
        for place in 0..9 {
            visitors.push(Visitor::comes(nodes.at(place % 3), channel).await);
        }
        let began = nodes.at(0).app.now();
        for (place, visitor) in visitors.iter().enumerate() {
            visitor.says(nodes.at(place % 3), "Hello?").await;
        }
        for world in nodes.all() {
            world.settle().await;
        }
        nodes.dies(2);
        nodes.turn(Duration::from_secs(60));
        let first = nodes.at(0);
        let all = async || {
            let missed = first.events_of("chat.sla_breached").await;
            (missed.len() >= 9).then_some(missed)
        };
        let missed = first.until("nine that were missed", all).await;
        first.settle().await;
        let mut by_chat: BTreeMap<String, u32> = BTreeMap::new();
        for event in &missed {
            assert_eq!(event["data"]["due_at"], json!(began + Duration::from_secs(60)));
            let chat = event["chat"].as_str().expect("a chat");
            *by_chat.entry(chat.to_owned()).or_default() += 1;
        }
        assert!(by_chat.len() == 9 && by_chat.values().all(|times| *times == 1), "{by_chat:?}");
        assert_eq!(first.events_of("chat.sla_breached").await.len(), 9);
        nodes.finish().await;
    }
}
