//! What a message holds: text, a command, files, a place, a contact, a sticker, a payment.

use serde_json::{Map, Value, json};

use super::{command, wire};
use crate::RemoteFile;
use crate::telegram::Settings;

/// What a message holds, in our words.
pub(super) struct Content {
    pub event_type: &'static str,
    pub data: Value,
    pub files: Vec<RemoteFile>,
}

impl Content {
    fn new(event_type: &'static str, data: Map<String, Value>) -> Self {
        Self { event_type, data: Value::Object(data), files: Vec::new() }
    }
}

/// Reads the content of a message; `None` when it is of a kind that we have no word for.
///
/// The order matters where Telegram says one thing twice: a venue comes with its location, an animation with a document.
pub(super) fn read(
    message: &Map<String, Value>,
    settings: &Settings,
    bot_username: Option<&str>,
) -> Option<Content> {
    if let Some(payment) = wire::read::<wire::SuccessfulPayment>(message, "successful_payment") {
        return Some(payment_succeeded(payment));
    }
    if let Some(venue) = wire::read::<wire::Venue>(message, "venue") {
        let mut data = location_data(&venue.location);
        put(&mut data, "title", venue.title.filter(|title| !title.is_empty()));
        put(&mut data, "address", venue.address.filter(|address| !address.is_empty()));
        return Some(Content::new("chat.location", data));
    }
    if let Some(location) = wire::read::<wire::Location>(message, "location") {
        return Some(Content::new("chat.location", location_data(&location)));
    }
    if let Some(contact) = wire::read::<wire::Contact>(message, "contact") {
        return Some(contact_shared(contact));
    }
    if let Some(sticker) = wire::read::<wire::Sticker>(message, "sticker") {
        return Some(sticker_sent(sticker));
    }
    if let Some(file) = file_of(message) {
        return Some(file_sent(file, message, settings));
    }
    text_said(message, bot_username)
}

/// The name of a content that we have no word for: the first field that does not describe the message as such.
pub(super) fn kind(message: &Map<String, Value>) -> &str {
    message.keys().map(String::as_str).find(|key| !HEADING.contains(key)).unwrap_or("empty")
}

/// The fields that every kind of message may have (Bot API 10.1, Message).
const HEADING: [&str; 44] = [
    "message_id",
    "message_thread_id",
    "direct_messages_topic",
    "from",
    "sender_chat",
    "sender_boost_count",
    "sender_business_bot",
    "sender_tag",
    "date",
    "edit_date",
    "business_connection_id",
    "chat",
    "forward_origin",
    "forward_from",
    "forward_from_chat",
    "forward_from_message_id",
    "forward_signature",
    "forward_sender_name",
    "forward_date",
    "is_topic_message",
    "is_automatic_forward",
    "reply_to_message",
    "external_reply",
    "quote",
    "reply_to_story",
    "reply_to_checklist_task_id",
    "via_bot",
    "has_protected_content",
    "is_from_offline",
    "is_paid_post",
    "paid_star_count",
    "media_group_id",
    "author_signature",
    "entities",
    "link_preview_options",
    "suggested_post_info",
    "effect_id",
    "caption",
    "caption_entities",
    "show_caption_above_media",
    "has_media_spoiler",
    "reply_markup",
    "guest_query_id",
    "new_chat_participant",
];

fn text_said(message: &Map<String, Value>, bot_username: Option<&str>) -> Option<Content> {
    let text: String = wire::read(message, "text").filter(|text: &String| !text.is_empty())?;
    let entities: Vec<wire::Entity> = wire::read(message, "entities").unwrap_or_default();
    if let Some(command) = command::read(&text, &entities, bot_username) {
        let data = json!({"command": command.name, "arguments": command.arguments, "text": text});
        return Some(Content { event_type: "chat.command", data, files: Vec::new() });
    }
    let mut data = Map::new();
    data.insert("text".into(), text.into());
    put(&mut data, "reply_to", reply_to(message));
    Some(Content::new("chat.message", data))
}

/// In a topic, Telegram names the topic's first message as the one replied to when there is no other.
fn reply_to(message: &Map<String, Value>) -> Option<String> {
    let replied = wire::object(message, "reply_to_message")?;
    let id: i64 = wire::read(replied, "message_id")?;
    let in_topic = wire::read(message, "is_topic_message").unwrap_or(false);
    let is_topic_itself = in_topic && wire::read::<i64>(message, "message_thread_id") == Some(id);
    (!is_topic_itself).then(|| id.to_string())
}

fn payment_succeeded(payment: wire::SuccessfulPayment) -> Content {
    let mut data = Map::new();
    data.insert("currency".into(), payment.currency.into());
    data.insert("total_amount".into(), payment.total_amount.into());
    data.insert("payload".into(), payment.invoice_payload.into());
    data.insert("provider_charge_id".into(), payment.provider_payment_charge_id.into());
    data.insert("channel_charge_id".into(), payment.telegram_payment_charge_id.into());
    put(&mut data, "order_info", payment.order_info);
    Content::new("payment.succeeded", data)
}

fn location_data(location: &wire::Location) -> Map<String, Value> {
    let mut data = Map::new();
    data.insert("latitude".into(), location.latitude.into());
    data.insert("longitude".into(), location.longitude.into());
    put(&mut data, "accuracy_m", location.horizontal_accuracy);
    put(&mut data, "live", location.live_period.map(|_| true));
    data
}

fn contact_shared(contact: wire::Contact) -> Content {
    let mut data = Map::new();
    data.insert("phone_number".into(), contact.phone_number.into());
    put(&mut data, "first_name", contact.first_name);
    put(&mut data, "last_name", contact.last_name);
    put(&mut data, "provider_user_id", contact.user_id.map(|id| id.to_string()));
    put(&mut data, "vcard", contact.vcard);
    Content::new("chat.contact", data)
}

fn sticker_sent(sticker: wire::Sticker) -> Content {
    let mut data = Map::new();
    put(&mut data, "emoji", sticker.emoji);
    put(&mut data, "set_name", sticker.set_name);
    put(&mut data, "provider_file_id", sticker.file_id);
    put(&mut data, "animated", sticker.is_animated);
    put(&mut data, "video", sticker.is_video);
    Content::new("chat.sticker", data)
}

/// A file of any kind, in our words.
struct File {
    handle: String,
    media: &'static str,
    name: Option<String>,
    content_type: Option<String>,
    size: Option<u64>,
    width: Option<u64>,
    height: Option<u64>,
    duration_s: Option<f64>,
}

/// The one file of a message. An animation comes with a document that is the same file, so it is looked for first.
fn file_of(message: &Map<String, Value>) -> Option<File> {
    if let Some(sizes) = wire::read::<Vec<wire::PhotoSize>>(message, "photo") {
        let largest = sizes
            .into_iter()
            .max_by_key(|size| (size.width.saturating_mul(size.height), size.file_size))?;
        return Some(File {
            handle: largest.file_id,
            media: "image",
            name: None,
            // "photo" is always a JPEG: Telegram converts what is sent as one.
            content_type: Some("image/jpeg".to_owned()),
            size: largest.file_size,
            width: Some(largest.width),
            height: Some(largest.height),
            duration_s: None,
        });
    }
    const KINDS: [(&str, &str); 6] = [
        ("animation", "animation"),
        ("document", "document"),
        ("audio", "audio"),
        ("voice", "voice"),
        ("video", "video"),
        ("video_note", "video_note"),
    ];
    KINDS.into_iter().find_map(|(field, media)| {
        let file: wire::Media = wire::read(message, field)?;
        Some(File {
            handle: file.file_id,
            media,
            name: file.file_name,
            content_type: file.mime_type,
            size: file.file_size,
            width: file.width.or(file.length),
            height: file.height.or(file.length),
            duration_s: file.duration,
        })
    })
}

fn file_sent(file: File, message: &Map<String, Value>, settings: &Settings) -> Content {
    let caption: Option<String> = wire::read(message, "caption");
    let too_big = file.size.is_some_and(|size| size > settings.file_size_max);
    let remote = RemoteFile {
        handle: file.handle.clone(),
        pointer: "/files/0".to_owned(),
        size: file.size,
        name: file.name.clone(),
    };
    let mut described = Map::new();
    described.insert("media".into(), file.media.into());
    put(&mut described, "name", file.name);
    put(&mut described, "content_type", file.content_type);
    put(&mut described, "size", file.size);
    put(&mut described, "width", file.width);
    put(&mut described, "height", file.height);
    put(&mut described, "duration_s", file.duration_s.map(seconds));
    described.insert("provider_file_id".into(), file.handle.into());
    let mut data = Map::new();
    data.insert("files".into(), Value::Array(vec![Value::Object(described)]));
    put(&mut data, "caption", caption.filter(|caption| !caption.is_empty()));
    if too_big {
        data.insert("limit".into(), settings.file_size_max.into());
        return Content::new("chat.file_too_big", data);
    }
    put(&mut data, "reply_to", reply_to(message));
    Content { event_type: "chat.file", data: Value::Object(data), files: vec![remote] }
}

/// Telegram counts whole seconds; they stay whole.
fn seconds(duration: f64) -> Value {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a whole number of seconds that fits was checked before"
    )]
    if duration.fract() == 0.0 && (0.0..1e9).contains(&duration) {
        (duration as i64).into()
    } else {
        duration.into()
    }
}

fn put(data: &mut Map<String, Value>, field: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        data.insert(field.to_owned(), value.into());
    }
}
