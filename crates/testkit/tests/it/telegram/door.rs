//! Who is let in, and what is taken.

use serde_json::json;
use tidings_app::admin::channels::{self, ChannelChange};
use tidings_app::pipeline::telegram::{WebhookRefused, WebhookTaken, webhook};
use tidings_model::ChannelId;
use uuid::Uuid;

use super::world::{Opening, SECRET};

#[tokio::test(flavor = "multi_thread")]
async fn only_who_knows_the_secret_is_let_in() {
    let world = Opening::without_bot().asleep().open().await;
    let body = br#"{"update_id": 1, "message": {"message_id": 1, "date": 1, "chat": {"id": 5, "type": "private"}, "text": "hi"}}"#;
    let knock = async |channel, secret: Option<&str>| {
        webhook(&world.app, channel, secret.map(str::as_bytes), body).await
    };
    for wrong in [None, Some(""), Some("a-shared_secreT"), Some("a-shared_secret2")] {
        let refused = knock(world.channel, wrong).await;
        assert!(matches!(refused, Err(WebhookRefused::WrongSecret)), "{refused:?}");
    }
    let other = ChannelId::new(Uuid::from_u128(7));
    let refused = knock(other, Some(SECRET)).await;
    assert!(matches!(refused, Err(WebhookRefused::UnknownChannel { .. })), "{refused:?}");
    assert_eq!(world.log().await.len(), 0);

    let taken = knock(world.channel, Some(SECRET)).await;
    assert!(matches!(taken, Ok(WebhookTaken::Event(_))), "{taken:?}");
    let off = ChannelChange { enabled: Some(false), ..ChannelChange::default() };
    channels::change(&world.app, world.workspace, world.channel, off).await.expect("changed");
    let refused = knock(world.channel, Some(SECRET)).await;
    assert!(matches!(refused, Err(WebhookRefused::UnknownChannel { .. })), "{refused:?}");
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_secret_counts_at_once() {
    let world = Opening::without_bot().asleep().open().await;
    let knock = async |secret: &str| {
        webhook(&world.app, world.channel, Some(secret.as_bytes()), b"{\"update_id\": 1}").await
    };
    assert!(knock(SECRET).await.is_ok());
    let settings = world.telegram.webhook_settings("another-secret");
    let change = ChannelChange { settings: Some(settings), ..ChannelChange::default() };
    channels::change(&world.app, world.workspace, world.channel, change).await.expect("changed");
    assert!(matches!(knock(SECRET).await, Err(WebhookRefused::WrongSecret)));
    assert!(knock("another-secret").await.is_ok());
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_never_be_read_is_taken_so_that_it_does_not_come_again() {
    let world = Opening::without_bot().asleep().open().await;
    for body in [&b"{"[..], b"[1]", b"{}", b"{\"update_id\": \"x\"}", b"\xff\xfe"] {
        let taken = webhook(&world.app, world.channel, Some(SECRET.as_bytes()), body).await;
        assert!(matches!(taken, Ok(WebhookTaken::Unreadable)), "{taken:?}");
    }
    assert_eq!(world.log().await.len(), 0);
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_have_no_word_for_is_kept() {
    let world = Opening::without_bot().open().await;
    world.connected().await;
    let alice = world.telegram.user("Alice");
    let content = json!({"dice": {"emoji": "🎲", "value": 6}});
    alice.sends(content.as_object().expect("an object").clone());
    world.telegram.update("poll_answer", json!({"poll_id": "1", "option_ids": [0]}));
    let unknown = world.events("chat.unknown_message", 2).await;
    let mut kinds: Vec<_> = unknown.iter().map(|event| event.data["kind"].clone()).collect();
    kinds.sort_by_key(|kind| kind.to_string());
    assert_eq!(kinds, ["message.dice", "poll_answer"]);
    let dice = unknown.iter().find(|event| event.chat.is_some()).expect("it has a chat");
    assert_eq!(dice.data["raw"]["message"]["dice"]["value"], 6);
    world.finish().await;
}

/// A fault of our own translation keeps the update, and Telegram does not send it again.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_fit_its_schema_is_kept_as_unknown() {
    let world = Opening::without_bot().asleep().open().await;
    let paid = json!({"update_id": 9, "message": {"message_id": 1, "date": 1, "chat": {"id": 5, "type": "private"},
        "successful_payment": {"currency": "EUROS", "total_amount": 1, "invoice_payload": "order-1"}}});
    let body = paid.to_string();
    let taken = webhook(&world.app, world.channel, Some(SECRET.as_bytes()), body.as_bytes()).await;
    assert!(matches!(taken, Ok(WebhookTaken::Event(_))), "{taken:?}");
    assert_eq!(world.types().await, ["customer.created", "chat.started", "chat.unknown_message"]);
    assert_eq!(world.log().await[2].data["kind"], "payment.succeeded");
    world.finish().await;
}
