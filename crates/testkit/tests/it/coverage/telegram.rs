//! What comes over Telegram: Alice writes to a simulated Telegram, which calls the server's webhook.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tidings_model::Clock;
use tidings_testkit::clock::HandClock;
use tidings_testkit::telegram::{
    Fault, FileBody, Options, PROVIDER_TOKEN, Payment, TelegramServer,
};

use super::witness::{Seen, Stage};

/// The largest file that the channel takes here, in bytes.
const FILE_SIZE_MAX: usize = 5_000;

/// A picture, as far as anybody looks at it here.
const PHOTO: &[u8] = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00 a photo";

/// The bot that speaks with Alice; `token` is the payment provider's.
fn pizzeria() -> String {
    let invoice = |token: &str| {
        json!({"emit": {"type": "chat.custom", "data": {"kind": "invoice", "telegram": {
            "title": "Pizza", "description": "One margherita", "payload": "order-42", "provider_token": token,
            "currency": "EUR", "prices": [{"label": "Margherita", "amount": 1450}],
        }}}})
    };
    let on_text = |text: &str, step| {
        json!({"name": text, "on": "chat.message", "from": "customer", "when": format!("event.text == '{text}'"),
            "do": [step]})
    };
    json!({"behaviors": [
        on_text("menu", json!({"say": "Which size?", "buttons": ["Small", "Large"]})),
        on_text("pay", invoice(PROVIDER_TOKEN)),
        on_text("pay nobody", invoice("1:LIVE")),
    ]})
    .to_string()
}

pub(super) async fn area() -> Seen {
    let mut stage = Stage::set().await;
    stage.world.publish_good("pizzeria", &pizzeria()).await;
    let clock: Arc<dyn Clock> = Arc::<HandClock>::clone(&stage.world.clock);
    let telegram = TelegramServer::start_with(Options {
        retry_base: Duration::from_millis(20),
        clock: Some(clock),
        ..Options::default()
    })
    .await;
    let mut settings = telegram.webhook_settings("a-shared_secret");
    settings.insert("file_size_max".into(), FILE_SIZE_MAX.into());
    let channel = json!({ "kind": "telegram", "name": "The pizzeria", "bot": "pizzeria", "settings": settings });
    let made = stage.world.post("/api/v1/channels", &channel).await;
    assert_eq!(made.status, 201, "{made:?}");
    telegram.webhook().await;
    let alice = telegram.user("Alice");

    stage
        .raises(&["conversation_create", "message:text"], async |_| {
            alice.says("hello");
        })
        .await;
    stage
        .raises(&["telegramSendContact"], async |_| {
            alice.shares_contact("+4930123456");
        })
        .await;
    stage
        .raises(&["telegramSendLocation"], async |_| {
            alice.shares_location(52.5219, 13.4132);
        })
        .await;
    stage
        .raises(&["stickerEvent"], async |_| {
            alice.sends_sticker("🍕");
        })
        .await;
    stage
        .raises(&["fileEvent", "message:image"], async |_| {
            alice.sends_photo(PHOTO, Some("my pizza"));
        })
        .await;
    stage
        .raises(&["fileTooBigEvent"], async |_| {
            let large = FileBody::Bytes(vec![b'x'; FILE_SIZE_MAX + 1].into());
            alice.sends_document("menu.txt", "text/plain", large, None);
        })
        .await;
    stage
        .raises(&["message:button", "message_status"], async |_| {
            alice.says("menu");
        })
        .await;
    stage
        .raises(&["telegramCallbackQuery", "message:button.response"], async |_| {
            alice.presses("Large").await;
        })
        .await;
    stage
        .raises(&["telegramApiRequestFailed"], async |_| {
            let description = "Bad Request: chat not found".to_owned();
            telegram.fail_next("sendMessage", Fault::Refused { error_code: 400, description });
            alice.says("menu");
        })
        .await;
    stage
        .raises(&["telegramPrecheckoutEvent", "telegramPaymentSuccessEvent"], async |_| {
            alice.says("pay");
            let payment = alice.pays().await;
            assert!(matches!(payment, Payment::Paid { .. }), "{payment:?}");
        })
        .await;
    stage
        .raises(&["telegramPaymentFailedEvent"], async |_| {
            alice.says("pay nobody");
        })
        .await;
    telegram.settled().await;
    stage.end().await
}
