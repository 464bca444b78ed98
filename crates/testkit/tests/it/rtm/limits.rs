//! What a connection may not do.

use serde_json::json;
use tidings_wire::livechat::Side;
use tokio_tungstenite::tungstenite::Message;

use super::Scene;

#[tokio::test]
async fn more_than_ten_unanswered_requests_are_refused() {
    let scene = Scene::begin().await;
    let (mut alice, _) = scene.alice_comes(json!({})).await;
    for count in 0..40 {
        alice.send("send_event", scene.message(&format!("{count}"))).await;
    }
    let (mut done, mut refused) = (0, 0);
    for _ in 0..40 {
        let answer = alice.any_answer().await;
        match answer.error() {
            "" => done += 1,
            "pending_requests_limit_reached" => refused += 1,
            other => assert_eq!(other, "", "{}", answer.frame),
        }
    }
    assert!(done >= 10 && refused > 0, "{done} done, {refused} refused");
    assert!(alice.call("send_event", scene.message("and on")).await.success());
    scene.world.finish().await;
}

#[tokio::test]
async fn nonsense_is_answered_and_the_connection_goes_on() {
    let scene = Scene::begin().await;
    let (mut alice, _) = scene.alice_comes(json!({})).await;
    for text in ["", "{", "null", "[1]", "\"x\"", "{\"action\":7}", "{\"request_id\":\"a\"}"] {
        alice.send_text(text).await;
        assert_eq!(alice.any_answer().await.error(), "validation", "{text:?}");
    }
    let unknown = alice.call("no_such_method", json!({})).await;
    assert_eq!(unknown.error(), "not_found");
    let wrong = alice.call("send_event", json!({ "chat_id": 5 })).await;
    assert_eq!(wrong.error(), "validation");
    let nested = "[".repeat(100_000);
    alice.send_text(&nested).await;
    assert_eq!(alice.any_answer().await.error(), "validation");
    assert!(alice.call("send_event", scene.message("still here")).await.success());
    scene.world.finish().await;
}

#[tokio::test]
async fn binary_and_overlong_messages_close_the_connection() {
    let scene = Scene::begin().await;
    let mut one = scene.door(Side::Agent).await;
    one.send_raw(Message::binary(vec![1, 2, 3])).await;
    assert_eq!(one.closed().await, Some(1003));
    let mut two = scene.door(Side::Agent).await;
    two.send_raw(Message::text("x".repeat((1 << 20) + 1))).await;
    assert_eq!(two.closed().await, Some(1009));
    scene.world.finish().await;
}
