//! Telegram says no, or not now.

use std::time::Duration;

use tidings_testkit::telegram::{Fault, Rates};

use super::world::Opening;

const ECHO: &str = r#"- say: "You said: {{ event.text }}""#;

fn refused(error_code: u16, description: &str) -> Fault {
    Fault::Refused { error_code, description: description.into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_parks_the_chat_and_nobody_else() {
    let world = Opening::with_bot(ECHO).open().await;
    world.connected().await;
    let (alice, carol) = (world.telegram.user("Alice"), world.telegram.user("Carol"));
    world.telegram.fail_next("sendMessage", Fault::TooMany { retry_after_s: 600 });
    alice.says("one");
    world.telegram.calls_of("sendMessage", 1).await;
    alice.says("two");
    carol.says("three");
    world.telegram.sent_to(&carol, 1).await;
    world.events("chat.message", 6).await;
    world.until("both to wait", async || world.pending().await.eq(&2).then_some(())).await;
    assert_eq!(world.telegram.sent_so_far(&alice).len(), 0);
    world.turn(Duration::from_secs(601));
    let sent = world.telegram.sent_to(&alice, 2).await;
    assert_eq!(sent[0].text(), "You said: one");
    assert_eq!(sent[1].text(), "You said: two");
    world.events("message.status_changed", 3).await;
    assert_eq!(world.telegram.sent_so_far(&alice).len(), 2);
    assert_eq!(world.so_far("channel.request_failed").await.len(), 0);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_text_goes_on_where_it_stopped() {
    let world = Opening::without_bot().open().await;
    world.connected().await;
    let alice = world.telegram.user("Alice");
    alice.says("tell me all");
    world.events("chat.message", 1).await;
    let chat = world.chat().await;
    let words = "pizza ".repeat(1_500);
    // The second of its three messages is one too many.
    let rates = Rates { chat_per_second: 1, retry_after_s: 30, ..Rates::default() };
    world.telegram.limit(Some(rates));
    world.bob_says(chat, &words).await;
    world.telegram.calls_of("sendMessage", 2).await;
    world.until("the rest to wait", async || world.pending().await.eq(&1).then_some(())).await;
    assert_eq!(world.telegram.sent_so_far(&alice).len(), 1);
    world.telegram.limit(None);
    world.turn(Duration::from_secs(60));
    let sent = world.telegram.sent_to(&alice, 3).await;
    let told: String = sent.iter().map(|sent| format!("{} ", sent.text().trim())).collect();
    assert_eq!(told.split_whitespace().count(), 1_500);
    let status = world.events("message.status_changed", 1).await.remove(0);
    assert_eq!(
        status.data["provider_message_id"].as_str(),
        sent.last().map(|sent| sent.message_id.to_string()).as_deref()
    );
    assert_eq!(world.telegram.sent_so_far(&alice).len(), 3);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_refused_is_told_of() {
    let world = Opening::with_bot(ECHO).open().await;
    world.connected().await;
    let alice = world.telegram.user("Alice");
    world.telegram.fail_next("sendMessage", refused(400, "Bad Request: chat not found"));
    alice.says("hi");
    let failed = world.events("channel.request_failed", 1).await.remove(0);
    assert_eq!(failed.data["method"], "sendMessage");
    assert_eq!(failed.data["error_code"], 400);
    assert_eq!(failed.data["error_message"], "Bad Request: chat not found");
    let status = world.events("message.status_changed", 1).await.remove(0);
    assert_eq!(status.data["status"], "failed");
    assert_eq!(status.data["event"], failed.data["event"]);
    alice.says("again");
    world.telegram.sent_to(&alice, 1).await;
    world.events("message.status_changed", 2).await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_blocked_the_bot_is_told_of_once() {
    let world = Opening::with_bot(ECHO).open().await;
    world.connected().await;
    let alice = world.telegram.user("Alice");
    let blocked = || refused(403, "Forbidden: bot was blocked by the user");
    world.telegram.fail_next("sendMessage", blocked());
    world.telegram.fail_next("sendMessage", blocked());
    alice.says("hi");
    let gone = world.events("customer.unsubscribed", 1).await.remove(0);
    assert_eq!(gone.data["reason"], "blocked");
    world.events("channel.request_failed", 1).await;
    let chat = world.chat().await;
    world.bob_takes_over(chat).await;
    world.bob_says(chat, "are you there?").await;
    world.events("channel.request_failed", 2).await;
    assert_eq!(world.so_far("customer.unsubscribed").await.len(), 1);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn telegram_tells_that_the_bot_was_blocked() {
    let world = Opening::with_bot(ECHO).open().await;
    world.connected().await;
    let alice = world.telegram.user("Alice");
    alice.says("hi");
    world.telegram.sent_to(&alice, 1).await;
    alice.blocks_bot();
    world.events("customer.unsubscribed", 1).await;
    let chat = world.chat().await;
    world.bob_takes_over(chat).await;
    world.bob_says(chat, "are you there?").await;
    let failed = world.events("channel.request_failed", 1).await.remove(0);
    assert_eq!(failed.data["error_code"], 403);
    assert_eq!(world.so_far("customer.unsubscribed").await.len(), 1);
    world.events("message.status_changed", 2).await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_without_a_form_in_telegram_is_told_of() {
    let world = Opening::without_bot().open().await;
    world.connected().await;
    let alice = world.telegram.user("Alice");
    alice.says("hi");
    world.events("chat.message", 1).await;
    let chat = world.chat().await;
    world.bob_sends(chat, "chat.postback", serde_json::json!({"value": "x"})).await;
    let failed = world.events("channel.request_failed", 1).await.remove(0);
    assert_eq!(failed.data["method"], "none");
    world.events("message.status_changed", 1).await;
    world.finish().await;
}
