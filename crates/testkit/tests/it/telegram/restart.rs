//! The process ends in the middle, and the next one goes on.

use std::time::Duration;

use serde_json::json;
use tidings_app::pipeline::telegram::{WebhookTaken, webhook};
use tidings_testkit::telegram::Fault;

use super::world::{Opening, SECRET};

const ECHO: &str = r#"- say: "You said: {{ event.text }}""#;

/// The update was acknowledged, and nobody read it before the end.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_answered_by_the_next_process() {
    let mut world = Opening::with_bot(ECHO).asleep().open().await;
    let alice = world.telegram.user("Alice");
    let early = json!({"update_id": 1, "message": {"message_id": 1, "date": 1, "text": "early",
        "chat": {"id": alice.id(), "type": "private"}, "from": {"id": alice.id(), "first_name": "Alice"}}});
    let body = early.to_string();
    let taken = webhook(&world.app, world.channel, Some(SECRET.as_bytes()), body.as_bytes()).await;
    assert!(matches!(taken, Ok(WebhookTaken::Event(_))), "{taken:?}");
    world.crash().await;
    alice.says("late");
    world.reopen().await;
    let sent = world.telegram.sent_to(&alice, 2).await;
    let texts: Vec<_> = sent.iter().map(|sent| sent.text()).collect();
    assert_eq!(texts, ["You said: early", "You said: late"]);
    world.events("message.status_changed", 2).await;
    world.finish().await;
}

/// Nothing was behind the door, so Telegram tries again until something is.
#[tokio::test(flavor = "multi_thread")]
async fn what_came_while_nothing_ran_is_one_event() {
    let mut world = Opening::with_bot(ECHO).open().await;
    world.connected().await;
    world.crash().await;
    let alice = world.telegram.user("Alice");
    alice.says("hi");
    world.telegram.webhook_attempts(2).await;
    world.reopen().await;
    let sent = world.telegram.sent_to(&alice, 1).await;
    assert_eq!(sent[0].text(), "You said: hi");
    world.telegram.settled().await;
    world.events("message.status_changed", 1).await;
    assert_eq!(world.types().await.len(), 5);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_waits_for_its_next_try_survives() {
    let mut world = Opening::with_bot(ECHO).open().await;
    world.connected().await;
    let alice = world.telegram.user("Alice");
    let trouble = || Fault::Refused { error_code: 500, description: "Internal".into() };
    world.telegram.fail_next("sendMessage", trouble());
    alice.says("one");
    world.telegram.calls_of("sendMessage", 1).await;
    alice.says("two");
    world.events("chat.message", 4).await;
    world.until("both to wait", async || world.pending().await.eq(&2).then_some(())).await;
    world.crash().await;
    world.reopen().await;
    world.turn(Duration::from_secs(60));
    let sent = world.telegram.sent_to(&alice, 2).await;
    let texts: Vec<_> = sent.iter().map(|sent| sent.text()).collect();
    assert_eq!(texts, ["You said: one", "You said: two"]);
    world.events("message.status_changed", 2).await;
    world.finish().await;
}

/// Telegram sends again what was not confirmed, and the claims make it harmless.
#[tokio::test(flavor = "multi_thread")]
async fn polling_goes_on_after_a_crash() {
    let mut world = Opening::with_bot(ECHO).polling().open().await;
    let alice = world.telegram.user("Alice");
    world.telegram.polled().await;
    alice.says("one");
    world.telegram.sent_to(&alice, 1).await;
    world.events("message.status_changed", 1).await;
    world.crash().await;
    alice.says("two");
    world.reopen().await;
    let sent = world.telegram.sent_to(&alice, 2).await;
    let texts: Vec<_> = sent.iter().map(|sent| sent.text()).collect();
    assert_eq!(texts, ["You said: one", "You said: two"]);
    world.telegram.settled().await;
    world.events("message.status_changed", 2).await;
    assert_eq!(world.so_far("chat.message").await.len(), 4);
    world.finish().await;
}
