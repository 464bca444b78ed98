//! Alice pays, or not.

use std::time::Duration;

use serde_json::{Value, json};
use tidings_app::pipeline::telegram::{AnswerError, PrecheckoutAnswer, answer_precheckout};
use tidings_store::{DocumentQuery, Kind, Scan};
use tidings_testkit::telegram::{
    Fault, Options, PROVIDER_TOKEN, Payment, TelegramServer, TelegramUser,
};

use super::world::{Opening, World};

async fn invoiced(opening: Opening) -> (World, TelegramUser) {
    let world = opening.open().await;
    world.connected().await;
    let alice = world.telegram.user("Alice");
    alice.says("one margherita");
    world.events("chat.message", 1).await;
    let chat = world.chat().await;
    world.bob_takes_over(chat).await;
    world.bob_sends(chat, "chat.custom", invoice()).await;
    (world, alice)
}

fn invoice() -> Value {
    json!({"kind": "invoice", "telegram": {
        "title": "Pizza", "description": "One margherita", "payload": "order-42", "provider_token": PROVIDER_TOKEN,
        "currency": "EUR", "prices": [{"label": "Margherita", "amount": 1450}],
    }})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_goes_through() {
    let (world, alice) = invoiced(Opening::without_bot()).await;
    let pay = async {
        let query = world.events("payment.precheckout", 1).await.remove(0);
        let ok = PrecheckoutAnswer::Ok;
        answer_precheckout(&world.app, world.workspace, query.id, ok.clone()).await.expect("taken");
        let second = answer_precheckout(&world.app, world.workspace, query.id, ok).await;
        assert!(matches!(second, Err(AnswerError::Answered)), "{second:?}");
    };
    let (payment, ()) = tokio::join!(alice.pays(), pay);
    assert!(matches!(payment, Payment::Paid { .. }), "{payment:?}");
    let paid = world.events("payment.succeeded", 1).await.remove(0);
    assert_eq!(paid.data["payload"], "order-42");
    assert_eq!(paid.data["total_amount"], 1450);
    let message = world.so_far("chat.message").await.remove(0);
    let wrong =
        answer_precheckout(&world.app, world.workspace, message.id, PrecheckoutAnswer::Ok).await;
    assert!(matches!(wrong, Err(AnswerError::NotAQuestion { .. })), "{wrong:?}");
    world.events("message.status_changed", 1).await;
    assert_eq!(world.so_far("payment.failed").await.len(), 0);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_refused() {
    let (world, alice) = invoiced(Opening::without_bot()).await;
    // One call is lost on its way, and is made again while Telegram waits.
    let trouble = Fault::Refused { error_code: 500, description: "Internal".into() };
    world.telegram.fail_next("answerPreCheckoutQuery", trouble);
    let refuse = async {
        let query = world.events("payment.precheckout", 1).await.remove(0);
        let no = PrecheckoutAnswer::Refuse { error_message: "Sold out.".into() };
        answer_precheckout(&world.app, world.workspace, query.id, no).await.expect("taken");
    };
    let (payment, ()) = tokio::join!(alice.pays(), refuse);
    assert_eq!(payment, Payment::Refused { error_message: "Sold out.".into() });
    let failed = world.events("payment.failed", 1).await.remove(0);
    assert_eq!(
        failed.data,
        json!({"reason": "precheckout_refused", "error_message": "Sold out.", "payload": "order-42",
            "currency": "EUR", "total_amount": 1450})
    );
    world.finish().await;
}

/// A bot that looks at a payment.
fn looking_at_payments(steps: &str) -> Opening {
    let behavior = format!("  - {{name: check, on: telegramPrecheckoutEvent, do: {steps}}}\n");
    Opening::with_behaviors(&behavior)
        .setting("precheckout_default", json!({"refuse": "We are closed."}))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_behavior_lets_a_payment_through() {
    // The second answer of a run is one too many, and what else it does happens all the same.
    let steps = "[{answer: {ok: true}}, {answer: {ok: false, error_message: x}}, {label: paying}]";
    let (world, alice) = invoiced(looking_at_payments(steps)).await;
    assert!(matches!(alice.pays().await, Payment::Paid { .. }));
    world.events("payment.succeeded", 1).await;
    world.events("chat.labels_changed", 1).await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_behavior_refuses_a_payment() {
    let steps =
        r#"[{answer: {ok: false, error_message: "{{ event.total_amount / 100 }} is too much."}}]"#;
    let (world, alice) = invoiced(looking_at_payments(steps)).await;
    let refused = Payment::Refused { error_message: "14.5 is too much.".into() };
    assert_eq!(alice.pays().await, refused);
    let failed = world.events("payment.failed", 1).await.remove(0);
    assert_eq!(failed.data["reason"], "precheckout_refused");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_none_stops_the_behavior_and_the_default_is_given() {
    let steps = "[{answer: {ok: false, error_message: \"{{ session.reason }}\"}}]";
    let (world, alice) = invoiced(looking_at_payments(steps)).await;
    let wait = async {
        let stopped = world.events("behavior.stopped", 1).await.remove(0);
        assert_eq!(stopped.data["reason"], "effect_refused");
        let message = stopped.data["message"].as_str().unwrap_or_default();
        assert!(message.contains("no answer to payment.precheckout"), "{message}");
        world.turn(Duration::from_millis(8_100));
    };
    let (payment, ()) = tokio::join!(alice.pays(), wait);
    assert_eq!(payment, Payment::Refused { error_message: "We are closed.".into() });
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_too_late_changes_nothing() {
    let steps = "[{wait: 9s}, {answer: {ok: true}}, {label: too late}]";
    let (world, alice) = invoiced(looking_at_payments(steps)).await;
    let wait = async {
        world.events("payment.precheckout", 1).await;
        world.turn(Duration::from_millis(8_100));
    };
    let (payment, ()) = tokio::join!(alice.pays(), wait);
    assert_eq!(payment, Payment::Refused { error_message: "We are closed.".into() });
    world.events("payment.failed", 1).await;
    world.turn(Duration::from_secs(1));
    world.events("chat.labels_changed", 1).await;
    let scan = Scan::Equal { name: "behavior", value: "pizzeria/check".into() };
    let query = DocumentQuery { kind: Kind::Run, scan, after: None, limit: 9 };
    let runs = world.app.store().documents(world.workspace, query).await.expect("they are read");
    let answered = &runs.documents[0].body["trace"][1];
    assert_eq!(answered["detail"], json!({"answer": {"ok": true}, "late": true}));
    assert_eq!(world.so_far("payment.failed").await.len(), 1);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_answers_and_the_default_is_given_in_time() {
    let refusal = json!({"refuse": "We are closed."});
    let opening = Opening::without_bot().setting("precheckout_default", refusal);
    let (world, alice) = invoiced(opening).await;
    let wait = async {
        world.events("payment.precheckout", 1).await;
        world.turn(Duration::from_millis(8_100));
    };
    let (payment, ()) = tokio::join!(alice.pays(), wait);
    assert_eq!(payment, Payment::Refused { error_message: "We are closed.".into() });
    let failed = world.events("payment.failed", 1).await.remove(0);
    assert_eq!(failed.data["reason"], "precheckout_refused");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_listens_yes_is_said_at_once() {
    let opening = Opening::without_bot().setting("precheckout_default", "ok");
    let (world, alice) = invoiced(opening).await;
    assert!(matches!(alice.pays().await, Payment::Paid { .. }));
    world.events("payment.succeeded", 1).await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_is_answered_too_late_failed() {
    let options = Options { precheckout_timeout: Duration::from_millis(100), ..Options::default() };
    let telegram = TelegramServer::start_with(options).await;
    let (world, alice) = invoiced(Opening::without_bot().on(telegram)).await;
    assert_eq!(alice.pays().await, Payment::TimedOut);
    let query = world.events("payment.precheckout", 1).await.remove(0);
    answer_precheckout(&world.app, world.workspace, query.id, PrecheckoutAnswer::Ok)
        .await
        .expect("taken");
    let failed = world.events("payment.failed", 1).await.remove(0);
    assert_eq!(failed.data["reason"], "precheckout_timed_out");
    assert!(failed.data["error_message"].as_str().is_some_and(|why| why.contains("too old")));
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invoice_that_is_refused_is_a_payment_that_failed() {
    let world = Opening::without_bot().open().await;
    world.connected().await;
    let alice = world.telegram.user("Alice");
    alice.says("one margherita");
    world.events("chat.message", 1).await;
    let mut wrong = invoice();
    wrong["telegram"]["provider_token"] = json!("1:LIVE");
    world.bob_sends(world.chat().await, "chat.custom", wrong).await;
    let failed = world.events("payment.failed", 1).await.remove(0);
    assert_eq!(
        failed.data,
        json!({"reason": "invoice_refused", "error_message": "Bad Request: PAYMENT_PROVIDER_INVALID",
            "payload": "order-42", "currency": "EUR"})
    );
    assert_eq!(world.so_far("channel.request_failed").await[0].data["method"], "sendInvoice");
    world.finish().await;
}
