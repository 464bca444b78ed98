//! What comes to a bot, by webhook and by polling.

use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use tidings_channels::telegram::answers;

use super::{Bot, Webhook};
use crate::telegram::{Options, TelegramServer};

#[tokio::test]
async fn a_webhook_is_checked() {
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let set = |url: &str, secret: &str| json!({"url": url, "secret_token": secret});
    for (body, why) in [
        (set("http://example.org/", "s"), "bad webhook: An HTTPS URL must be provided for webhook"),
        (set("no url", "s"), "invalid webhook URL specified"),
        (set("https://example.org/", "a b"), "secret token contains unallowed characters"),
        (set("https://example.org/", &"s".repeat(257)), "secret token is too long"),
    ] {
        assert_eq!(bot.refused("setWebhook", body).await, format!("Bad Request: {why}"));
    }
    bot.done("setWebhook", set("https://example.org/hook", "s")).await;
    assert_eq!(telegram.webhook().await, "https://example.org/hook");
    let conflict = bot.refused("getUpdates", json!({})).await;
    assert!(
        conflict.starts_with("Conflict: can't use getUpdates method while webhook is active"),
        "{conflict}"
    );
    bot.done("deleteWebhook", json!({})).await;
    assert_eq!(bot.done("getWebhookInfo", json!({})).await["url"], "");
    bot.done("getUpdates", json!({})).await;
}

#[tokio::test]
async fn updates_of_a_chat_come_in_order_and_again_until_taken() {
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let mut webhook = Webhook::start(vec![
        (StatusCode::INTERNAL_SERVER_ERROR, ""),
        (StatusCode::BAD_GATEWAY, ""),
    ])
    .await;
    let alice = telegram.user("Alice");
    for text in ["one", "two", "three"] {
        alice.says(text);
    }
    bot.done("setWebhook", json!({"url": webhook.url, "secret_token": "a-shared_secret"})).await;
    let mut texts = Vec::new();
    let mut last = 0;
    for _ in 0..5 {
        let (secret, update) =
            tokio::time::timeout(Duration::from_secs(10), webhook.updates.recv())
                .await
                .expect("an update comes")
                .expect("the webhook runs");
        assert_eq!(secret.as_deref(), Some("a-shared_secret"));
        texts.push(update["message"]["text"].as_str().expect("a text").to_owned());
        last = update["update_id"].as_i64().expect("a number");
    }
    assert_eq!(texts, ["one", "one", "one", "two", "three"]);
    telegram.settled().await;
    let statuses: Vec<_> =
        telegram.webhook_attempts(5).await.into_iter().map(|attempt| attempt.status).collect();
    assert_eq!(statuses, [Some(500), Some(502), Some(200), Some(200), Some(200)]);
    telegram.redeliver(last);
    assert_eq!(webhook.next().await["message"]["text"], "three");
}

#[tokio::test]
async fn one_chat_that_fails_holds_up_no_other() {
    let options = Options {
        retry_base: Duration::from_secs(3600),
        retry_max: Duration::from_secs(3600),
        ..Options::default()
    };
    let telegram = TelegramServer::start_with(options).await;
    let bot = Bot::of(&telegram);
    let mut webhook = Webhook::start(vec![(StatusCode::INTERNAL_SERVER_ERROR, "")]).await;
    bot.done("setWebhook", json!({"url": webhook.url})).await;
    telegram.user("Alice").says("this fails");
    assert_eq!(webhook.next().await["message"]["text"], "this fails");
    telegram.user("Bob").says("hello");
    assert_eq!(webhook.next().await["message"]["text"], "hello");
}

#[tokio::test]
async fn the_answer_to_a_webhook_may_be_a_call() {
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let alice = telegram.user("Alice");
    let answer: &'static str = format!(
        "{{\"method\":\"sendMessage\",\"chat_id\":{},\"text\":\"in the answer\"}}",
        alice.id()
    )
    .leak();
    let webhook = Webhook::start(vec![(StatusCode::OK, answer)]).await;
    bot.done("setWebhook", json!({"url": webhook.url})).await;
    alice.says("hi");
    assert_eq!(telegram.sent_to(&alice, 1).await[0].text(), "in the answer");
}

#[tokio::test]
async fn polling_confirms_by_offset_and_has_one_reader() {
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let alice = telegram.user("Alice");
    alice.says("one");
    alice.says("two");
    let body = bot.call("getUpdates", json!({"limit": 1})).await.1;
    let updates = answers::read_updates(body.to_string().as_bytes()).expect("updates");
    assert_eq!(updates.len(), 1);
    let again = bot.done("getUpdates", json!({})).await;
    assert_eq!(again.as_array().map(Vec::len), Some(2), "nothing was confirmed");
    let offset = again[1]["update_id"].as_i64().expect("a number") + 1;
    let (first, second) =
        tokio::join!(bot.call("getUpdates", json!({"offset": offset, "timeout": 10})), async {
            telegram.polled().await;
            let second = bot.call("getUpdates", json!({"offset": offset, "timeout": 10}));
            let say = async {
                // The second poll is open once the first one was ended.
                telegram.calls_of("getUpdates", 3).await;
                alice.says("three");
            };
            tokio::join!(second, say).0
        });
    assert_eq!(first.0, 409);
    assert_eq!(
        first.1["description"],
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    );
    assert_eq!(second.1["result"][0]["message"]["text"], "three");
}

#[tokio::test]
async fn what_was_not_asked_for_does_not_come() {
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let alice = telegram.user("Alice");
    telegram.update("message_reaction", json!({"chat": {"id": alice.id(), "type": "private"}}));
    bot.done("getUpdates", json!({"allowed_updates": ["callback_query"]})).await;
    alice.says("not asked for");
    alice.presses_data(None, &json!("S"));
    let updates = bot.done("getUpdates", json!({})).await;
    assert_eq!(updates.as_array().map(Vec::len), Some(1), "{updates}");
    assert!(updates[0]["callback_query"]["inline_message_id"].is_string());
}
