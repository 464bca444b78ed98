//! An update becomes an arrival. Called by accept with the raw body of a webhook request or one item of `getUpdates`,
//! after the secret was compared.
//!
//! Total: a body that is an update at all becomes an arrival, `chat.unknown_message` when we do not know what it says, so
//! a new kind of Telegram never makes it send the same update again and again. Pure: the same bytes make the same
//! arrival. A second copy has the same `provider_id`, which the commit takes as a claim.

mod command;
mod content;

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tidings_model::TypeName;

use self::content::Content;
use super::{Address, Settings, wire};
use crate::{Arrival, Sender};

/// The longest update that is read, in bytes. A message has at most 4096 characters of text and 100 entities, and a reply
/// quotes one more; what was seen stays under 50 kB.
pub const UPDATE_BYTES_MAX: usize = 1 << 20;

/// The longest name of a kind that is kept, in characters: it comes from outside and becomes a label of a counter.
pub const KIND_CHARS_MAX: usize = 64;

/// The longest name of a person that is kept, in characters. Telegram allows 64 for each of the two names.
pub const NAME_CHARS_MAX: usize = 160;

/// Not an update at all. Telegram is to be answered 2xx all the same: sent again it reads no better.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableUpdate {
    /// Longer than [`UPDATE_BYTES_MAX`].
    #[error("the update has {bytes} bytes, more than {UPDATE_BYTES_MAX}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// Not a JSON object.
    #[error("the update is not a JSON object")]
    Json {
        /// Where it breaks.
        source: serde_json::Error,
    },
    /// Without a number nobody can tell a second copy from a second update.
    #[error("the update has no update_id")]
    NoUpdateId,
}

/// Reads one update. `bot_username` is the bot's own name without `@`, where it is known: in a group, a command for
/// another bot is plain text.
pub fn read_update(
    body: &[u8],
    received_at: Timestamp,
    settings: &Settings,
    bot_username: Option<&str>,
) -> Result<Arrival, UnreadableUpdate> {
    if body.len() > UPDATE_BYTES_MAX {
        return Err(UnreadableUpdate::TooLong { bytes: body.len() });
    }
    let raw: Map<String, Value> =
        serde_json::from_slice(body).map_err(|source| UnreadableUpdate::Json { source })?;
    let update_id =
        raw.get("update_id").and_then(Value::as_i64).ok_or(UnreadableUpdate::NoUpdateId)?;
    let (kind, content) = kind_of(&raw);
    let empty = Map::new();
    let content = content.unwrap_or(&empty);
    let reader = Reader { received_at, settings, bot_username };
    let reading = match kind {
        "message" => reader.message(content),
        "edited_message" => reader.edited_message(content),
        "callback_query" => reader.callback_query(content),
        "pre_checkout_query" => reader.pre_checkout_query(content),
        "my_chat_member" => reader.my_chat_member(content),
        _ => Err(Unknown { kind: kind.to_owned() }),
    };
    let reading = reading.unwrap_or_else(|unknown| reader.unknown(unknown, kind, content));
    Ok(reading.into_arrival(update_id, raw))
}

/// What an update was read as, before its number and its bytes are put to it.
struct Reading {
    event_type: &'static str,
    data: Value,
    time: Timestamp,
    address: Option<Address>,
    sender: Option<Sender>,
    custom_id: Option<String>,
    files: Vec<crate::RemoteFile>,
    album: Option<String>,
}

impl Reading {
    fn into_arrival(self, update_id: i64, raw: Map<String, Value>) -> Arrival {
        let Self { event_type, mut data, time, address, sender, custom_id, files, album } = self;
        if event_type == UNKNOWN
            && let Some(data) = data.as_object_mut()
        {
            data.insert("raw".into(), Value::Object(raw.clone()));
        }
        Arrival {
            provider_id: update_id.to_string(),
            event_type: type_name(event_type),
            data,
            time,
            address: address.map(|address| address.to_string()),
            sender,
            custom_id,
            files,
            album,
            raw,
        }
    }
}

/// Something that we have no word for.
struct Unknown {
    kind: String,
}

const UNKNOWN: &str = "chat.unknown_message";

fn type_name(name: &'static str) -> TypeName {
    name.parse().expect("a name written in this module is a dotted name")
}

/// An update has one field beside its number: its kind. Of several, the first that holds an object counts.
fn kind_of(raw: &Map<String, Value>) -> (&str, Option<&Map<String, Value>>) {
    let mut others = raw.iter().filter(|(key, _)| key.as_str() != "update_id");
    let first = others.clone().next().map_or("empty", |(key, _)| key.as_str());
    others
        .find_map(|(key, value)| Some((key.as_str(), Some(value.as_object()?))))
        .unwrap_or((first, None))
}

/// What every reading needs.
struct Reader<'a> {
    received_at: Timestamp,
    settings: &'a Settings,
    bot_username: Option<&'a str>,
}

impl Reader<'_> {
    fn message(&self, message: &Map<String, Value>) -> Result<Reading, Unknown> {
        let content = content::read(message, self.settings, self.bot_username)
            .ok_or_else(|| Unknown { kind: format!("message.{}", content::kind(message)) })?;
        let address = address_of(message).ok_or_else(|| Unknown { kind: "message".to_owned() })?;
        let Content { event_type, data, files } = content;
        let album =
            if event_type == "chat.file" { wire::read(message, "media_group_id") } else { None };
        Ok(Reading {
            event_type,
            data,
            time: self.time(message, "date"),
            address: Some(address),
            sender: sender_of(message),
            custom_id: message_id(message),
            files,
            album,
        })
    }

    /// An edited place is a live location that moved: a static one cannot be edited.
    fn edited_message(&self, message: &Map<String, Value>) -> Result<Reading, Unknown> {
        let mut reading = self
            .message(message)
            .map_err(|unknown| Unknown { kind: format!("edited_{}", unknown.kind) })?;
        let provider_message_id = reading
            .custom_id
            .take()
            .ok_or_else(|| Unknown { kind: "edited_message".to_owned() })?;
        reading.time = self.time(message, "edit_date");
        reading.album = None;
        if reading.event_type == "chat.location" {
            if let Some(data) = reading.data.as_object_mut() {
                data.insert("live".into(), true.into());
                data.insert("provider_message_id".into(), provider_message_id.into());
            }
            return Ok(reading);
        }
        for file in &mut reading.files {
            file.pointer.insert_str(0, "/data");
        }
        reading.data = json!({"provider_message_id": provider_message_id, "data": reading.data});
        reading.event_type = "chat.event_edited";
        Ok(reading)
    }

    /// The button's message may be missing (it was sent inline, or is too old) or inaccessible (date 0, and nothing but
    /// its chat and id). A press has no time of its own.
    fn callback_query(&self, query: &Map<String, Value>) -> Result<Reading, Unknown> {
        let unknown = |why: &str| Unknown { kind: format!("callback_query{why}") };
        let query_id: String = wire::read(query, "id").ok_or_else(|| unknown(""))?;
        let value: String = wire::read(query, "data").ok_or_else(|| {
            unknown(if query.contains_key("game_short_name") { ".game" } else { "" })
        })?;
        let message = wire::object(query, "message");
        let from: Option<wire::User> = wire::read(query, "from");
        // A private chat has the id of its person.
        let address = message
            .and_then(address_of)
            .or_else(|| from.as_ref().map(|user| Address { chat: user.id, thread: None }))
            .ok_or_else(|| unknown(""))?;
        let mut data = Map::new();
        if let Some(text) = message.and_then(|message| pressed_text(message, &value)) {
            data.insert("text".into(), text.into());
        }
        data.insert("value".into(), value.into());
        if let Some(message_id) = message.and_then(message_id) {
            data.insert("message_id".into(), message_id.into());
        }
        data.insert("query_id".into(), query_id.clone().into());
        Ok(Reading {
            event_type: "chat.postback",
            data: Value::Object(data),
            time: self.received_at,
            address: Some(address),
            sender: from.map(person),
            custom_id: Some(query_id),
            files: Vec::new(),
            album: None,
        })
    }

    /// A pre-checkout query names no chat; it is answered to the person, in their private chat.
    fn pre_checkout_query(&self, query: &Map<String, Value>) -> Result<Reading, Unknown> {
        use serde::Deserialize as _;
        let query = wire::PreCheckoutQuery::deserialize(query)
            .map_err(|_| Unknown { kind: "pre_checkout_query".to_owned() })?;
        let mut data = Map::new();
        data.insert("query_id".into(), query.id.clone().into());
        data.insert("currency".into(), query.currency.into());
        data.insert("total_amount".into(), query.total_amount.into());
        data.insert("payload".into(), query.invoice_payload.into());
        if let Some(option) = query.shipping_option_id {
            data.insert("shipping_option_id".into(), option.into());
        }
        if let Some(order_info) = query.order_info {
            data.insert("order_info".into(), Value::Object(order_info));
        }
        Ok(Reading {
            event_type: "payment.precheckout",
            data: Value::Object(data),
            time: self.received_at,
            address: Some(Address { chat: query.from.id, thread: None }),
            sender: Some(person(query.from)),
            custom_id: Some(query.id),
            files: Vec::new(),
            album: None,
        })
    }

    /// What became of the bot itself in a chat: a person blocked it, or a group threw it out.
    fn my_chat_member(&self, change: &Map<String, Value>) -> Result<Reading, Unknown> {
        let unknown = || Unknown { kind: "my_chat_member".to_owned() };
        let chat: wire::Chat = wire::read(change, "chat").ok_or_else(unknown)?;
        let now = wire::object(change, "new_chat_member").ok_or_else(unknown)?;
        let status: String = wire::read(now, "status").ok_or_else(unknown)?;
        let reason = match (chat.kind.as_str(), status.as_str()) {
            ("private", "kicked") => "blocked",
            ("group" | "supergroup", "kicked" | "left") => "removed",
            _ => return Err(Unknown { kind: format!("my_chat_member.{status}") }),
        };
        Ok(Reading {
            event_type: "customer.unsubscribed",
            data: json!({"reason": reason}),
            time: self.time(change, "date"),
            address: Some(Address { chat: chat.id, thread: None }),
            sender: sender_of(change),
            custom_id: None,
            files: Vec::new(),
            album: None,
        })
    }

    /// What we have no word for is kept where it can be answered: in its chat, unless it is a channel's or a business
    /// account's, where the bot is not the one who is spoken to.
    fn unknown(&self, unknown: Unknown, kind: &str, content: &Map<String, Value>) -> Reading {
        let spoken_to = matches!(
            kind,
            "message"
                | "edited_message"
                | "callback_query"
                | "pre_checkout_query"
                | "my_chat_member"
                | "message_reaction"
                | "chat_member"
                | "chat_join_request"
        );
        let message = wire::object(content, "message").unwrap_or(content);
        Reading {
            event_type: UNKNOWN,
            data: json!({"kind": unknown.kind.chars().take(KIND_CHARS_MAX).collect::<String>()}),
            time: self.time(content, "date"),
            address: if spoken_to { address_of(message) } else { None },
            sender: sender_of(content),
            custom_id: if kind == "message" { message_id(content) } else { None },
            files: Vec::new(),
            album: None,
        }
    }

    /// Telegram's clock; ours where it says nothing or nonsense (the date of an inaccessible message is 0).
    fn time(&self, object: &Map<String, Value>, field: &str) -> Timestamp {
        let seconds = wire::read::<i64>(object, field).filter(|seconds| *seconds > 0);
        seconds.and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or(self.received_at)
    }
}

/// Where an answer to this message goes. A message has a thread outside of forums as well (a chain of replies), and
/// there it is not an address.
fn address_of(message: &Map<String, Value>) -> Option<Address> {
    let chat: wire::Chat = wire::read(message, "chat")?;
    if chat.kind == "channel" {
        return None;
    }
    let in_topic = wire::read(message, "is_topic_message").unwrap_or(false);
    let thread = if in_topic { wire::read(message, "message_thread_id") } else { None };
    Some(Address { chat: chat.id, thread })
}

fn message_id(message: &Map<String, Value>) -> Option<String> {
    wire::read::<i64>(message, "message_id").map(|id| id.to_string())
}

/// The person; or the chat in whose name they write; or, of a private chat, the chat itself, which has their id.
fn sender_of(content: &Map<String, Value>) -> Option<Sender> {
    let user: Option<wire::User> =
        wire::read(content, "from").or_else(|| wire::read(content, "user"));
    if let Some(user) = user {
        return Some(person(user));
    }
    let chat: Option<wire::Chat> =
        wire::read(content, "sender_chat").or_else(|| wire::read(content, "actor_chat"));
    let chat = chat.or_else(|| {
        wire::read(content, "chat").filter(|chat: &wire::Chat| chat.kind == "private")
    })?;
    let name = chat.title.or_else(|| full_name(chat.first_name, chat.last_name)).or(chat.username);
    Some(Sender {
        id: chat.id.to_string(),
        name: name.map(shortened),
        language: None,
        is_bot: false,
    })
}

fn person(user: wire::User) -> Sender {
    let name = full_name(user.first_name, user.last_name).or(user.username).map(shortened);
    let language = user.language_code.filter(|code| is_language(code));
    Sender { id: user.id.to_string(), name, language, is_bot: user.is_bot }
}

fn full_name(first: Option<String>, last: Option<String>) -> Option<String> {
    let name = [first, last].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

fn shortened(name: String) -> String {
    name.chars().take(NAME_CHARS_MAX).collect()
}

/// The shape of a BCP 47 tag.
fn is_language(code: &str) -> bool {
    (2..=35).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

/// What the button showed: the query says only its value, the message still has its keyboard.
fn pressed_text(message: &Map<String, Value>, value: &str) -> Option<String> {
    let keyboard: wire::InlineKeyboard = wire::read(message, "reply_markup")?;
    let mut buttons = keyboard.inline_keyboard.into_iter().flatten();
    buttons.find(|button| button.callback_data.as_deref() == Some(value)).map(|button| button.text)
}
