//! Alice writes, a bot answers.

use serde_json::json;
use tidings_model::{AuthorKind, Visibility};
use tidings_outbound::Client;
use tidings_testkit::telegram::{TOKEN, TelegramServer};

use super::world::Opening;

const ECHO: &str = r#"- say: "You said: {{ event.text }}""#;

#[tokio::test(flavor = "multi_thread")]
async fn alice_says_hi_and_the_bot_answers_by_webhook() {
    let world = Opening::with_bot(ECHO).open().await;
    world.connected().await;
    let alice = world.telegram.user("Alice");
    alice.says("hi");
    let sent = world.telegram.sent_to(&alice, 1).await;
    assert_eq!(sent[0].text(), "You said: hi");
    let status = world.events("message.status_changed", 1).await.remove(0);
    assert_eq!(
        world.types().await,
        [
            "customer.created",
            "chat.started",
            "chat.message",
            "chat.message",
            "message.status_changed",
        ]
    );
    let log = world.log().await;
    assert_eq!(log[2].author.kind, AuthorKind::Customer);
    assert_eq!(log[2].properties["raw"]["message"]["text"], "hi");
    assert_eq!(
        status.data,
        json!({"event": log[3].id, "status": "sent", "provider_message_id": sent[0].message_id.to_string()})
    );
    assert_eq!(status.cause, Some(log[3].id));
    assert_eq!(status.visibility, Visibility::Agents);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn alice_says_hi_and_the_bot_answers_by_polling() {
    let telegram = TelegramServer::start().await;
    // An old webhook is in the way, and is taken off.
    let client = Client::for_settings().expect("a client");
    let url = format!("{}/bot{TOKEN}/setWebhook", telegram.base_url());
    let old = json!({"url": "http://127.0.0.1:9/old"});
    client
        .post_json(&url, &old, std::time::Duration::from_secs(5), 10_000)
        .await
        .expect("an old webhook is set");
    let world = Opening::with_bot(ECHO).polling().on(telegram).open().await;
    let (alice, carol) = (world.telegram.user("Alice"), world.telegram.user("Carol"));
    world.telegram.polled().await;
    for text in ["one", "two", "three"] {
        alice.says(text);
        carol.says(text);
    }
    let sent = world.telegram.sent_to(&alice, 3).await;
    let texts: Vec<_> = sent.iter().map(|sent| sent.text()).collect();
    assert_eq!(texts, ["You said: one", "You said: two", "You said: three"]);
    world.telegram.sent_to(&carol, 3).await;
    world.telegram.settled().await;
    world.events("message.status_changed", 6).await;
    assert_eq!(world.so_far("chat.started").await.len(), 2);
    assert_eq!(world.so_far("customer.created").await.len(), 2, "each is known once");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_that_comes_three_times_is_one_event() {
    let world = Opening::with_bot(ECHO).open().await;
    world.connected().await;
    let alice = world.telegram.user("Alice");
    alice.says("hi");
    let update = world.telegram.webhook_attempts(1).await[0].update_id;
    world.telegram.sent_to(&alice, 1).await;
    world.telegram.redeliver(update);
    world.telegram.webhook_attempts(2).await;
    world.telegram.redeliver(update);
    let attempts = world.telegram.webhook_attempts(3).await;
    assert!(attempts.iter().all(|attempt| attempt.status == Some(200)), "{attempts:?}");
    world.events("message.status_changed", 1).await;
    assert_eq!(world.types().await.len(), 5, "{:?}", world.types().await);
    assert_eq!(world.telegram.sent_so_far(&alice).len(), 1);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pressed_button_answers_the_bots_question() {
    let question = r#"
- ask: Which size?
  buttons: [Small, {text: Large, value: "a value that is much longer than the sixty-four bytes of Telegram's buttons"}]
  into: session.size
- say: "Coming up: {{ session.size }}."
"#;
    let world = Opening::with_bot(question).open().await;
    world.connected().await;
    let alice = world.telegram.user("Alice");
    alice.says("pizza");
    let query = alice.presses("Large").await;
    world.telegram.callback_answer(&query).await;
    let sent = world.telegram.sent_to(&alice, 2).await;
    assert_eq!(sent[0].buttons(), ["Small", "Large"]);
    let long = "a value that is much longer than the sixty-four bytes of Telegram's buttons";
    assert_eq!(sent[1].text(), format!("Coming up: {long}."));
    let press = world.events("chat.postback", 1).await.remove(0);
    assert_eq!(press.data["value"], long);
    assert_eq!(press.data["text"], "Large");
    world.events("message.status_changed", 2).await;
    world.finish().await;
}

/// A changed client may send any text: a reference into another chat stays a text.
#[tokio::test(flavor = "multi_thread")]
async fn a_press_cannot_name_a_button_of_another_chat() {
    let question = "- ask: Which size?\n  buttons: [{text: Large, value: the secret size}]";
    let world = Opening::with_bot(question).open().await;
    world.connected().await;
    let (alice, mallory) = (world.telegram.user("Alice"), world.telegram.user("Mallory"));
    alice.says("pizza");
    let asked = world.events("chat.rich_message", 1).await.remove(0);
    let stolen = format!("#{}.0.0", asked.id.uuid().simple());
    mallory.presses_data(None, &json!(stolen));
    let press = world.events("chat.postback", 1).await.remove(0);
    assert_eq!(press.data["value"], stolen);
    world.events("message.status_changed", 1).await;
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bob_answers_and_changes_what_he_said() {
    let world = Opening::without_bot().open().await;
    world.connected().await;
    let alice = world.telegram.user("Alice");
    alice.says("hi");
    world.events("chat.message", 1).await;
    let chat = world.chat().await;
    world.bob_says(chat, "Helo!").await;
    let sent = world.telegram.sent_to(&alice, 1).await;
    let edit =
        json!({"provider_message_id": sent[0].message_id.to_string(), "data": {"text": "Hello!"}});
    world.bob_sends(chat, "chat.event_edited", edit).await;
    world.events("message.status_changed", 2).await;
    let sent = world.telegram.sent_so_far(&alice);
    assert_eq!(sent.iter().map(|sent| sent.text()).collect::<Vec<_>>(), ["Hello!"]);
    world.finish().await;
}
