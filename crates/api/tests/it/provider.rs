//! Telegram's way in, and the answer that it waits for.

use serde_json::{Value, json};
use tidings_testkit::world::{Answer, World};

async fn telegram_channel(world: &World) -> String {
    let channel = json!({"kind": "telegram", "name": "The pizzeria", "settings": {
        "token": "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0", "secret_token": "a-shared_secret",
        "api_base": "http://127.0.0.1:9",
    }});
    let made = world.post("/api/v1/channels", &channel).await;
    assert_eq!(made.status, 201, "{made:?}");
    made.body["id"].as_str().expect("an id").to_owned()
}

async fn tells(world: &World, channel: &str, secret: &str, update: &Value) -> (u16, String) {
    let url = format!("{}/channels/{channel}", world.base_url);
    let request = world.http.post(url).header("X-Telegram-Bot-Api-Secret-Token", secret);
    let answered = request.json(update).send().await.expect("an answer");
    let status = answered.status().as_u16();
    let body: Value =
        serde_json::from_str(&answered.text().await.expect("a body")).unwrap_or_default();
    (status, body["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn updates_are_taken_from_who_knows_the_secret() {
    let world = World::start().await;
    let channel = telegram_channel(&world).await;
    let update = json!({"update_id": 1, "message": {"message_id": 1, "date": 1, "text": "hi",
        "chat": {"id": 5, "type": "private"}, "from": {"id": 5, "first_name": "Alice"}}});
    let wrong = tells(&world, &channel, "wrong", &update).await;
    assert_eq!(wrong, (401, "secret_wrong".into()));
    let other = "0192f0c1-2b7a-7c3e-9d10-5a6b7c8d9e0f";
    let unknown = tells(&world, other, "a-shared_secret", &update).await;
    assert_eq!(unknown, (404, "channel_unknown".into()));
    for _ in 0..2 {
        assert_eq!(tells(&world, &channel, "a-shared_secret", &update).await, (200, String::new()));
    }
    let said: Answer = world.get("/api/v1/events?type=chat.message").await;
    assert_eq!(said.items().len(), 1);
    assert_eq!(said.items()[0]["data"]["text"], "hi");
    world.stop().await;
}

#[tokio::test]
async fn a_payment_is_answered_once() {
    let world = World::start().await;
    let channel = telegram_channel(&world).await;
    let query = json!({"update_id": 2, "pre_checkout_query": {"id": "q1", "currency": "EUR", "total_amount": 1450,
        "invoice_payload": "order-17", "from": {"id": 5, "first_name": "Alice"}}});
    assert_eq!(tells(&world, &channel, "a-shared_secret", &query).await.0, 200);
    let log = world.get("/api/v1/events").await;
    let asked = |name: &str| {
        let event = log.items().iter().find(|event| event["type"] == name).expect("it is there");
        format!("/api/v1/events/{}/answer", event["id"].as_str().expect("an id"))
    };
    let path = asked("payment.precheckout");
    let silent = world.post(&path, &json!({"ok": false})).await;
    assert_eq!((silent.code(), silent.pointer()), ("invalid_field", "/error_message"));
    assert_eq!(world.post(&path, &json!({"ok": true})).await.status, 204);
    let second = world.post(&path, &json!({"ok": false, "error_message": "Sold out."})).await;
    assert_eq!((second.status, second.code()), (409, "already_answered"));
    let no_question = world.post(&asked("chat.started"), &json!({"ok": true})).await;
    assert_eq!((no_question.status, no_question.code()), (422, "not_a_question"));
    world.stop().await;
}
