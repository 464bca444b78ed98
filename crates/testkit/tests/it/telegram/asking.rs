//! Alice is asked for what Telegram has keys for: a place, a contact, a photo, a choice.

use serde_json::{Value, json};

use super::world::Opening;

const BOT: &str = "
- ask: {text: Where are you?, input: location, into: vars.place}
- ask: {text: Your number?, input: contact, into: vars.contact}
- ask: {text: A photo?, input: {type: file, accept: image}, into: vars.photo}
- ask: {text: Which size?, input: {type: choice, of: [S, L]}}
- say: '{{ vars.place.latitude }}, {{ vars.contact.phone_number }}, {{ vars.photo.media }}, {{ answer }}.'
";

#[tokio::test(flavor = "multi_thread")]
async fn what_alice_sends_is_the_answer() {
    let world = Opening::with_bot(BOT).open().await;
    world.connected().await;
    let alice = world.telegram.user("Alice");
    alice.says("hi");
    assert_eq!(world.telegram.sent_to(&alice, 1).await[0].text(), "Where are you?");
    alice.sends_sticker("🍕");
    alice.shares_location(52.5, 13.4);
    assert_eq!(world.telegram.sent_to(&alice, 2).await[1].text(), "Your number?");
    alice.shares_contact("+4930123456");
    assert_eq!(world.telegram.sent_to(&alice, 3).await[2].text(), "A photo?");
    alice.sends_document("letter.txt", "text/plain", b"x".as_slice(), None);
    let wrong = "Please send a file (image).";
    assert_eq!(world.telegram.sent_to(&alice, 4).await[3].text(), wrong);
    alice.sends_photo(b"\x89PNG".as_slice(), None);
    let asked = world.telegram.sent_to(&alice, 5).await;
    assert_eq!(asked[4].buttons(), ["S", "L"]);
    alice.presses("L").await;
    let told = world.telegram.sent_to(&alice, 6).await;
    assert_eq!(told[5].text(), "52.5, +4930123456, image, L.");

    let keys: Vec<Value> = world
        .telegram
        .calls_of("sendMessage", 6)
        .await
        .iter()
        .filter_map(|call| call.body.get("reply_markup")?.pointer("/keyboard/0/0").cloned())
        .collect();
    assert_eq!(
        keys,
        [
            json!({"text": "Send where I am", "request_location": true}),
            json!({"text": "Send my number", "request_contact": true}),
        ]
    );
    world.events("message.status_changed", 6).await;
    world.finish().await;
}
