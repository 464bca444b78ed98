//! The simulator and the channel understand each other.

use std::sync::Arc;

use serde_json::{Value, json};
use tidings_channels::telegram::{self, Settings, answers, methods};
use tidings_model::{Draft, Event, EventId, Seq, WorkspaceId};
use uuid::Uuid;

use super::Bot;
use super::payments::invoice;
use crate::telegram::{FileBody, TOKEN, TelegramServer, object};

#[tokio::test]
async fn what_people_do_is_read_by_the_channel() {
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let alice = telegram.user("Alice");
    let said = alice.says("hello");
    alice.replies(said, "indeed");
    alice.says("/start now");
    alice.edits(said, object(json!({"text": "hullo"})));
    alice.sends_photo(&b"jpeg"[..], Some("Burnt!"));
    alice.sends_album(vec![FileBody::OfSize(10), FileBody::OfSize(11)], Some("Our evening"));
    alice.sends_document("backup.zip", "application/zip", FileBody::OfSize(1 << 40), None);
    alice.sends_voice(3, &b"ogg"[..]);
    alice.sends_animation(&b"mp4"[..]);
    alice.shares_location(52.5, 13.3);
    let live = alice.shares_live_location(52.5, 13.3);
    alice.moves(live, 52.6, 13.4);
    alice.shares_contact("+15550100");
    alice.sends_sticker("👍");
    alice.sends(object(json!({"dice": {"emoji": "🎲", "value": 4}})));
    alice.presses_data(None, &json!("S"));
    alice.in_group(telegram.group("Pizza friends")).says("hello all");
    alice.blocks_bot();
    alice.unblocks_bot();
    let (_, body) = bot.call("getUpdates", json!({})).await;
    let updates = answers::read_updates(body.to_string().as_bytes()).expect("updates");
    let now = "2026-01-02T00:00:00Z".parse().expect("a time");
    let types: Vec<_> = updates
        .iter()
        .map(|update| {
            telegram::read_update(&update.body, now, &bot.settings, Some("pizza_bot"))
                .expect("an update")
        })
        .map(|arrival| arrival.event_type.to_string())
        .collect();
    let expected = [
        "chat.message",
        "chat.message",
        "chat.command",
        "chat.event_edited",
        "chat.file",
        "chat.file",
        "chat.file",
        "chat.file_too_big",
        "chat.file",
        "chat.file",
        "chat.location",
        "chat.location",
        "chat.location",
        "chat.contact",
        "chat.sticker",
        "chat.unknown_message",
        "chat.postback",
        "chat.message",
        "customer.unsubscribed",
        "chat.unknown_message",
    ];
    assert_eq!(types, expected);
}

/// The channel and the catalogue know nothing of each other; this is where they must agree.
#[test]
fn every_update_becomes_what_the_catalogue_says() {
    let catalogue = tidings_catalogue::Catalogue::builtin().expect("the catalogue loads");
    let settings = object(json!({"token": TOKEN, "mode": "polling"}));
    let settings = Settings::read(&settings).expect("settings");
    let now = "2026-01-02T00:00:00Z".parse().expect("a time");
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../channels/src/telegram/fixtures");
    let mut count = 0;
    for file in std::fs::read_dir(folder).expect("the fixtures are there") {
        let path = file.expect("a file").path();
        let body = std::fs::read(&path).expect("a fixture");
        let mut arrival =
            telegram::read_update(&body, now, &settings, Some("pizza_bot")).expect("an update");
        for file in &arrival.files {
            // As accept does, once it copied the file.
            let described = arrival.data.pointer_mut(&file.pointer).expect("it is described there");
            described["url"] = json!("/files/01900000-0000-7000-8000-000000000001");
        }
        let event_type = catalogue.get(&arrival.event_type).expect("the type is in the catalogue");
        let problems = event_type.validate(&arrival.data);
        assert!(problems.is_ok(), "{path:?} as {}: {problems:?}", arrival.event_type);
        count += 1;
    }
    assert!(count > 30, "only {count} fixtures were read");
}

/// What the catalogue gives as a sample of an event, Telegram takes.
#[tokio::test]
async fn the_samples_of_the_catalogue_can_be_sent() {
    let catalogue = tidings_catalogue::Catalogue::builtin().expect("the catalogue loads");
    let telegram = TelegramServer::start().await;
    let bot = Bot::of(&telegram);
    let alice = telegram.user("Alice");
    alice.says("hi");
    let now = "2026-01-02T00:00:00Z".parse().expect("a time");
    let invoice = json!({"kind": "invoice", "telegram": invoice(0)});
    let sample = |name: &str| {
        catalogue.get_str(name).expect("the type is in the catalogue").sample().clone()
    };
    let types = ["chat.message", "chat.rich_message", "chat.file", "chat.location", "chat.contact"];
    let events =
        types.into_iter().map(|name| (name, sample(name))).chain([("chat.custom", invoice)]);
    let mut count = 0;
    for (name, data) in events {
        let (id, event_type) = (EventId::new(Uuid::nil()), name.parse().expect("a type"));
        let draft = Draft::new(id, event_type, WorkspaceId::new(Uuid::nil()), now, data);
        let event = Event::new(Seq(1), None, draft, Arc::from(&b"{}"[..]));
        for mut call in telegram::calls(&event, &alice.id().to_string()).expect("it can be sent") {
            let file = telegram::outbound::file_argument(&call)
                .and_then(|name| Some((name, call.body.remove(name)?)));
            let mut form = reqwest::multipart::Form::new();
            if let Some((name, _)) = file {
                // As send does with a file of ours.
                form = form.part(
                    name,
                    reqwest::multipart::Part::bytes(b"bytes".to_vec()).file_name("kitchen.png"),
                );
            }
            for (name, value) in call.body {
                form = form
                    .text(name, value.as_str().map_or_else(|| value.to_string(), str::to_owned));
            }
            let url = methods::method_url(&bot.settings, call.method);
            let response = bot.client.post(url).multipart(form).send().await.expect("an answer");
            let answer: Value = response.json().await.expect("JSON");
            assert_eq!(answer["ok"], true, "{name}: {answer}");
            count += 1;
        }
    }
    assert_eq!(telegram.sent_to(&alice, count).await.len(), count);
}
