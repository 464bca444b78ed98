//! The fixtures, read. Each is an update as Telegram sends it, made up where it would name somebody; each is also the
//! seed of the tests that break updates on purpose.

mod inbound;
mod laws;
mod outbound;
mod replies;
mod settings;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::Settings;
use crate::Arrival;

/// Every fixture by name.
const FIXTURES: [(&str, &str); 43] = [
    ("animation", include_str!("fixtures/animation.json")),
    ("audio", include_str!("fixtures/audio.json")),
    ("blocked", include_str!("fixtures/blocked.json")),
    ("business_message", include_str!("fixtures/business_message.json")),
    ("callback_query", include_str!("fixtures/callback_query.json")),
    ("callback_query_game", include_str!("fixtures/callback_query_game.json")),
    ("callback_query_inaccessible", include_str!("fixtures/callback_query_inaccessible.json")),
    ("callback_query_inline", include_str!("fixtures/callback_query_inline.json")),
    ("channel_post", include_str!("fixtures/channel_post.json")),
    ("command_for_bot", include_str!("fixtures/command_for_bot.json")),
    ("command_for_other_bot", include_str!("fixtures/command_for_other_bot.json")),
    ("command_start", include_str!("fixtures/command_start.json")),
    ("contact", include_str!("fixtures/contact.json")),
    ("dice", include_str!("fixtures/dice.json")),
    ("document", include_str!("fixtures/document.json")),
    ("document_too_big", include_str!("fixtures/document_too_big.json")),
    ("edited_photo", include_str!("fixtures/edited_photo.json")),
    ("edited_text", include_str!("fixtures/edited_text.json")),
    ("inline_query", include_str!("fixtures/inline_query.json")),
    ("joined", include_str!("fixtures/joined.json")),
    ("location", include_str!("fixtures/location.json")),
    ("location_live", include_str!("fixtures/location_live.json")),
    ("location_live_moved", include_str!("fixtures/location_live_moved.json")),
    ("message_reaction", include_str!("fixtures/message_reaction.json")),
    ("new_kind", include_str!("fixtures/new_kind.json")),
    ("photo", include_str!("fixtures/photo.json")),
    ("photo_in_album_1", include_str!("fixtures/photo_in_album_1.json")),
    ("photo_in_album_2", include_str!("fixtures/photo_in_album_2.json")),
    ("poll_answer", include_str!("fixtures/poll_answer.json")),
    ("pre_checkout_query", include_str!("fixtures/pre_checkout_query.json")),
    ("removed_from_group", include_str!("fixtures/removed_from_group.json")),
    ("sticker", include_str!("fixtures/sticker.json")),
    ("successful_payment", include_str!("fixtures/successful_payment.json")),
    ("text", include_str!("fixtures/text.json")),
    ("text_anonymous_admin", include_str!("fixtures/text_anonymous_admin.json")),
    ("text_forwarded", include_str!("fixtures/text_forwarded.json")),
    ("text_in_topic", include_str!("fixtures/text_in_topic.json")),
    ("text_reply_in_topic", include_str!("fixtures/text_reply_in_topic.json")),
    ("unblocked", include_str!("fixtures/unblocked.json")),
    ("venue", include_str!("fixtures/venue.json")),
    ("video", include_str!("fixtures/video.json")),
    ("video_note", include_str!("fixtures/video_note.json")),
    ("voice", include_str!("fixtures/voice.json")),
];

const TOKEN: &str = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw0";

fn settings_map() -> Map<String, Value> {
    super::methods::object(json!({"token": TOKEN, "secret_token": "a-shared_secret"}))
}

fn settings() -> Settings {
    Settings::read(&settings_map()).expect("these are settings")
}

fn received_at() -> Timestamp {
    "2026-01-02T00:00:00Z".parse().expect("a time")
}

fn fixture(name: &str) -> &'static str {
    FIXTURES.iter().find(|(known, _)| *known == name).expect("there is such a fixture").1
}

fn arrival(name: &str) -> Arrival {
    super::read_update(fixture(name).as_bytes(), received_at(), &settings(), Some("pizza_bot"))
        .expect("an update")
}
