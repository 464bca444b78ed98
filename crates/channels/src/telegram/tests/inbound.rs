//! What becomes of each kind of update.

use serde_json::json;

use super::{arrival, fixture, received_at, settings};
use crate::telegram::{album, read_update};
use crate::{RemoteFile, Sender};

/// The type, the address and the data: what most tests look at.
fn seen(name: &str) -> (String, String, serde_json::Value) {
    let arrival = arrival(name);
    (arrival.event_type.to_string(), arrival.address.unwrap_or_default(), arrival.data)
}

const ALICE: &str = "5550000001";
const GROUP: &str = "-1001234567890";

#[test]
fn alice_says_something() {
    let arrival = arrival("text");
    assert_eq!(arrival.provider_id, "700000001");
    assert_eq!(arrival.event_type.as_str(), "chat.message");
    assert_eq!(arrival.data, json!({"text": "One margherita, please 🍕"}));
    assert_eq!(arrival.time.to_string(), "2026-01-01T12:00:00Z");
    assert_eq!(arrival.address.as_deref(), Some(ALICE));
    let alice = Sender {
        id: ALICE.into(),
        name: Some("Alice Example".into()),
        language: Some("pt-br".into()),
        is_bot: false,
    };
    assert_eq!(arrival.sender, Some(alice));
    assert_eq!(arrival.custom_id.as_deref(), Some("101"));
    assert_eq!(serde_json::to_value(arrival.raw).ok(), serde_json::from_str(fixture("text")).ok());
}

#[test]
fn a_topic_is_part_of_the_address_and_not_what_is_replied_to() {
    let topic = format!("{GROUP}:7");
    assert_eq!(
        seen("text_in_topic"),
        ("chat.message".into(), topic.clone(), json!({"text": "Hello"}))
    );
    assert_eq!(
        seen("text_reply_in_topic"),
        ("chat.message".into(), topic, json!({"text": "Large", "reply_to": "90"}))
    );
}

#[test]
fn who_writes_in_the_name_of_a_chat_is_that_chat() {
    let sender = arrival("text_anonymous_admin").sender.expect("somebody wrote it");
    assert_eq!((sender.id.as_str(), sender.name.as_deref()), (GROUP, Some("Pizza friends")));
}

#[test]
fn a_forwarded_text_is_a_text() {
    let (event_type, _, data) = seen("text_forwarded");
    assert_eq!(
        (event_type.as_str(), data),
        ("chat.message", json!({"text": "Best pizza in town: https://example.org"}))
    );
}

#[test]
fn commands() {
    let (event_type, _, data) = seen("command_start");
    assert_eq!(event_type, "chat.command");
    assert_eq!(data, json!({"command": "start", "arguments": "table_7", "text": "/start table_7"}));
    let (event_type, address, data) = seen("command_for_bot");
    assert_eq!((event_type.as_str(), address.as_str()), ("chat.command", GROUP));
    assert_eq!(
        data,
        json!({"command": "menu", "arguments": "vegan", "text": "/menu@Pizza_Bot  vegan "})
    );
    assert_eq!(seen("command_for_other_bot").0, "chat.message");
}

#[test]
fn contacts_places_and_stickers() {
    let (event_type, _, data) = seen("contact");
    assert_eq!(event_type, "chat.contact");
    assert_eq!(data["phone_number"], "+15550100");
    assert_eq!(data["provider_user_id"], ALICE);
    assert_eq!(
        seen("location"),
        (
            "chat.location".into(),
            ALICE.into(),
            json!({"latitude": 52.516_389, "longitude": 13.377_778, "accuracy_m": 12.5})
        )
    );
    let venue = json!({"latitude": 52.5, "longitude": 13.25, "title": "Luigi", "address": "Example Street 1"});
    assert_eq!(seen("venue"), ("chat.location".into(), ALICE.into(), venue));
    let (event_type, _, data) = seen("sticker");
    assert_eq!(event_type, "chat.sticker");
    let sticker = json!({"emoji": "👍", "set_name": "Pizzas", "provider_file_id": "CAACAgIAAsticker", "animated": true, "video": false});
    assert_eq!(data, sticker);
}

#[test]
fn a_live_location_moves() {
    assert_eq!(seen("location_live").2, json!({"latitude": 52.5, "longitude": 13.3, "live": true}));
    let moved = arrival("location_live_moved");
    assert_eq!(moved.event_type.as_str(), "chat.location");
    assert_eq!(
        moved.data,
        json!({"latitude": 52.501, "longitude": 13.302, "live": true, "provider_message_id": "112"})
    );
    assert_eq!(moved.custom_id, None);
    assert_eq!(moved.time.to_string(), "2026-01-01T12:00:30Z");
}

#[test]
fn a_photo_is_its_largest_size() {
    let arrival = arrival("photo");
    assert_eq!(arrival.event_type.as_str(), "chat.file");
    let photo = json!({"media": "image", "content_type": "image/jpeg", "size": 98_000, "width": 1280, "height": 960,
        "provider_file_id": "AgACphoto1x"});
    assert_eq!(arrival.data, json!({"files": [photo], "caption": "Burnt!"}));
    let file = RemoteFile {
        handle: "AgACphoto1x".into(),
        pointer: "/files/0".into(),
        size: Some(98_000),
        name: None,
    };
    assert_eq!(arrival.files, [file]);
}

#[test]
fn every_kind_of_file_is_one_file() {
    for (name, media) in [
        ("document", "document"),
        ("audio", "audio"),
        ("voice", "voice"),
        ("video", "video"),
        ("video_note", "video_note"),
        ("animation", "animation"),
    ] {
        let arrival = arrival(name);
        assert_eq!(arrival.event_type.as_str(), "chat.file", "{name}");
        assert_eq!(arrival.files.len(), 1, "{name}");
        assert_eq!(arrival.data["files"].as_array().map(Vec::len), Some(1), "{name}");
        assert_eq!(arrival.data["files"][0]["media"], media);
        assert_eq!(arrival.data["files"][0]["provider_file_id"], arrival.files[0].handle.as_str());
    }
    assert_eq!(seen("video_note").2["files"][0]["width"], 384);
    assert_eq!(seen("voice").2["files"][0]["duration_s"], 3);
}

#[test]
fn a_file_over_the_limit_is_told_and_not_fetched() {
    let arrival = arrival("document_too_big");
    assert_eq!(arrival.event_type.as_str(), "chat.file_too_big");
    assert!(arrival.files.is_empty());
    assert_eq!(arrival.data["limit"], 20 << 20);
    assert_eq!(arrival.data["files"][0]["size"], 4_294_967_296_u64);
    assert_eq!(arrival.data["caption"], "All of it");
}

#[test]
fn an_album_is_joined_in_the_order_of_its_messages() {
    let (first, second) = (arrival("photo_in_album_1"), arrival("photo_in_album_2"));
    assert_eq!(first.album, second.album);
    assert!(first.album.is_some());
    let joined = album::join(vec![second, first]).expect("there are parts");
    assert_eq!(joined.provider_id, "700000021");
    assert_eq!(joined.custom_id.as_deref(), Some("121"));
    assert_eq!(joined.data["caption"], "Our evening");
    let handles: Vec<_> =
        joined.files.iter().map(|file| (file.handle.as_str(), file.pointer.as_str())).collect();
    assert_eq!(handles, [("AgACphoto2x", "/files/0"), ("AgACphoto3x", "/files/1")]);
    for file in &joined.files {
        let described =
            joined.data.pointer(&file.pointer).expect("a file is described where it says");
        assert_eq!(described["provider_file_id"], file.handle.as_str());
    }
    assert_eq!(joined.raw["album"].as_array().map(Vec::len), Some(2));
    assert_eq!(album::join(Vec::new()), None);
    let alone = arrival("photo_in_album_1");
    assert_eq!(album::join(vec![alone.clone()]), Some(alone));
}

#[test]
fn a_pressed_button_is_a_postback() {
    let arrival = arrival("callback_query");
    assert_eq!(arrival.event_type.as_str(), "chat.postback");
    assert_eq!(arrival.address.as_deref(), Some(ALICE));
    assert_eq!(
        arrival.data,
        json!({"text": "Large", "value": "L", "message_id": "99", "query_id": "23836980000000001"})
    );
    assert_eq!(arrival.time, received_at());
}

#[test]
fn a_pressed_button_needs_no_message() {
    let data = json!({"value": "S", "message_id": "98", "query_id": "23836980000000002"});
    assert_eq!(seen("callback_query_inaccessible"), ("chat.postback".into(), GROUP.into(), data));
    let data = json!({"value": "S", "query_id": "23836980000000003"});
    assert_eq!(seen("callback_query_inline"), ("chat.postback".into(), ALICE.into(), data));
}

#[test]
fn alice_pays() {
    let (event_type, address, data) = seen("pre_checkout_query");
    assert_eq!((event_type.as_str(), address.as_str()), ("payment.precheckout", ALICE));
    assert_eq!(data["query_id"], "2383698000000009");
    assert_eq!((&data["currency"], &data["total_amount"]), (&json!("EUR"), &json!(1450)));
    assert_eq!(data["order_info"]["phone_number"], "15550100");
    let paid = json!({"currency": "EUR", "total_amount": 1450, "payload": "order-42",
        "provider_charge_id": "prov_charge_1", "channel_charge_id": "tg_charge_1"});
    assert_eq!(seen("successful_payment"), ("payment.succeeded".into(), ALICE.into(), paid));
}

#[test]
fn alice_corrects_herself() {
    let edited = arrival("edited_text");
    assert_eq!(edited.event_type.as_str(), "chat.event_edited");
    assert_eq!(
        edited.data,
        json!({"provider_message_id": "101", "data": {"text": "Two margherite, please"}})
    );
    assert_eq!(edited.custom_id, None, "it is not a second message");
    assert_eq!(edited.time.to_string(), "2026-01-01T12:01:00Z");
    let edited = arrival("edited_photo");
    let described =
        edited.data.pointer(&edited.files[0].pointer).expect("a file is described where it says");
    assert_eq!(described["provider_file_id"], "AgACphoto4x");
}

#[test]
fn alice_leaves() {
    assert_eq!(
        seen("blocked"),
        ("customer.unsubscribed".into(), ALICE.into(), json!({"reason": "blocked"}))
    );
    assert_eq!(
        seen("removed_from_group"),
        ("customer.unsubscribed".into(), GROUP.into(), json!({"reason": "removed"}))
    );
}

#[test]
fn what_has_no_word_is_kept_whole() {
    for (name, kind, address) in [
        ("dice", "message.dice", ALICE),
        ("joined", "message.new_chat_member", GROUP),
        ("callback_query_game", "callback_query.game", ALICE),
        ("unblocked", "my_chat_member.member", ALICE),
        ("channel_post", "channel_post", ""),
        ("business_message", "business_message", ""),
        ("poll_answer", "poll_answer", ""),
        ("inline_query", "inline_query", ""),
        ("message_reaction", "message_reaction", ALICE),
        ("new_kind", "hologram", ""),
    ] {
        let (event_type, seen_address, data) = seen(name);
        assert_eq!(event_type, "chat.unknown_message", "{name}");
        assert_eq!(data["kind"], kind);
        assert_eq!(seen_address, address, "{name}");
        assert_eq!(Some(&data["raw"]), serde_json::from_str(fixture(name)).ok().as_ref(), "{name}");
    }
}

#[test]
fn large_ids_stay_exact() {
    assert_eq!(
        arrival("new_kind").raw["hologram"]["beam"]["angle"].as_i64(),
        Some(9_007_199_254_740_993)
    );
    let update =
        br#"{"update_id":9223372036854775807,"message":{"message_id":9007199254740993,"date":1,
        "chat":{"id":-9007199254740993,"type":"group"},"text":"x"}}"#;
    let arrival = read_update(update, received_at(), &settings(), None).expect("an update");
    assert_eq!(arrival.provider_id, "9223372036854775807");
    assert_eq!(arrival.address.as_deref(), Some("-9007199254740993"));
    assert_eq!(arrival.custom_id.as_deref(), Some("9007199254740993"));
}

#[test]
fn an_update_may_be_poor() {
    let read = |body: &str| {
        read_update(body.as_bytes(), received_at(), &settings(), None).expect("an update")
    };
    let poor = read(r#"{"update_id":1,"message":{"chat":{"id":5,"type":"private"},"text":"hi"}}"#);
    assert_eq!((poor.event_type.as_str(), poor.address.as_deref()), ("chat.message", Some("5")));
    assert_eq!((poor.time, poor.custom_id), (received_at(), None));
    assert_eq!(poor.sender.map(|sender| sender.id).as_deref(), Some("5"));
    for body in [
        r#"{"update_id":1}"#,
        r#"{"update_id":1,"message":null}"#,
        r#"{"update_id":1,"message":{"text":"hi"}}"#,
    ] {
        assert_eq!(read(body).event_type.as_str(), "chat.unknown_message", "{body}");
    }
}

#[test]
fn what_is_no_update_is_an_error() {
    for body in ["", "null", "[]", "{}", "{\"update_id\":\"1\"}", "{\"update_id\":1", "\u{feff}{}"]
    {
        assert!(read_update(body.as_bytes(), received_at(), &settings(), None).is_err(), "{body}");
    }
    let long = format!(
        "{{\"update_id\":1,\"x\":\"{}\"}}",
        "x".repeat(super::super::inbound::UPDATE_BYTES_MAX)
    );
    assert!(read_update(long.as_bytes(), received_at(), &settings(), None).is_err());
}
