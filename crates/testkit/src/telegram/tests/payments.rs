//! What must be answered in time: presses and payments.

use std::time::Duration;

use serde_json::{Value, json};

use super::Bot;
use crate::telegram::{Options, PROVIDER_TOKEN, Payment, TelegramServer};

#[tokio::test]
async fn a_press_is_answered_once_and_in_time() {
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let alice = telegram.user("Alice");
    alice.says("/start");
    let keyboard = json!({"inline_keyboard": [[{"text": "Small", "callback_data": "S"}, {"text": "Large", "callback_data": "L"}]]});
    bot.done(
        "sendMessage",
        json!({"chat_id": alice.id(), "text": "Which size?", "reply_markup": keyboard}),
    )
    .await;
    assert_eq!(telegram.sent_to(&alice, 1).await[0].buttons(), ["Small", "Large"]);
    let query_id = alice.presses("Large").await;
    let updates = bot.done("getUpdates", json!({})).await;
    assert_eq!(updates[1]["callback_query"]["data"], "L");
    assert_eq!(updates[1]["callback_query"]["message"]["text"], "Which size?");
    let answer = json!({"callback_query_id": query_id, "text": "Good choice"});
    bot.done("answerCallbackQuery", answer.clone()).await;
    assert_eq!(telegram.callback_answer(&query_id).await["text"], "Good choice");
    let late = "Bad Request: query is too old and response timeout expired or query ID is invalid";
    assert_eq!(bot.refused("answerCallbackQuery", answer).await, late);
    assert_eq!(bot.refused("answerCallbackQuery", json!({"callback_query_id": "1"})).await, late);
}

pub(super) fn invoice(chat: i64) -> Value {
    json!({"chat_id": chat, "title": "Pizza", "description": "One margherita", "payload": "order-42",
        "provider_token": PROVIDER_TOKEN, "currency": "EUR", "prices": [{"label": "Margherita", "amount": 1450}]})
}

#[tokio::test]
async fn a_payment_goes_through_or_is_refused() {
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let alice = telegram.user("Alice");
    alice.says("/buy");
    let mut wrong = invoice(alice.id());
    wrong["provider_token"] = json!("1:LIVE");
    assert_eq!(bot.refused("sendInvoice", wrong).await, "Bad Request: PAYMENT_PROVIDER_INVALID");
    bot.done("sendInvoice", invoice(alice.id())).await;

    let query = async |offset: i64| {
        let updates = bot.done("getUpdates", json!({"offset": offset, "timeout": 5})).await;
        let update =
            updates.as_array().and_then(|updates| updates.last()).expect("an update").clone();
        let next = update["update_id"].as_i64().expect("a number") + 1;
        (next, update["pre_checkout_query"]["id"].clone())
    };
    let (offset, _) = query(0).await;
    let (payment, offset) = tokio::join!(alice.pays(), async {
        let (offset, id) = query(offset).await;
        bot.done("answerPreCheckoutQuery", json!({"pre_checkout_query_id": id, "ok": true})).await;
        offset
    });
    assert!(matches!(payment, Payment::Paid { .. }), "{payment:?}");
    let paid = bot.done("getUpdates", json!({"offset": offset, "timeout": 5})).await;
    assert_eq!(paid[0]["message"]["successful_payment"]["invoice_payload"], "order-42");
    let offset = paid[0]["update_id"].as_i64().expect("a number") + 1;

    let (payment, ()) = tokio::join!(alice.pays(), async {
        let (_, id) = query(offset).await;
        let silent = json!({"pre_checkout_query_id": id, "ok": false});
        assert_eq!(
            bot.refused("answerPreCheckoutQuery", silent).await,
            "Bad Request: error message must be non-empty"
        );
        let no = json!({"pre_checkout_query_id": id, "ok": false, "error_message": "Sold out"});
        bot.done("answerPreCheckoutQuery", no).await;
    });
    assert_eq!(payment, Payment::Refused { error_message: "Sold out".into() });
}

#[tokio::test]
async fn a_payment_that_nobody_answers_times_out() {
    let options = Options { precheckout_timeout: Duration::from_millis(50), ..Options::default() };
    let telegram = TelegramServer::start_with(options).await;
    let bot = Bot::of(&telegram);
    let alice = telegram.user("Alice");
    alice.says("/buy");
    bot.done("sendInvoice", invoice(alice.id())).await;
    assert_eq!(alice.pays().await, Payment::TimedOut);
    let updates = bot.done("getUpdates", json!({})).await;
    let id = &updates[1]["pre_checkout_query"]["id"];
    let late = bot
        .refused("answerPreCheckoutQuery", json!({"pre_checkout_query_id": id, "ok": true}))
        .await;
    assert!(late.starts_with("Bad Request: query is too old"), "{late}");
}
