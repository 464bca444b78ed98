//! How an event is written down: one JSON object, the same in the store, in the API, in webhooks and in exports.
//!
//! | field | type | always there |
//! | --- | --- | --- |
//! | `seq` | whole number | yes; the store gives it |
//! | `order` | whole number | in a thread; the store gives it |
//! | `id` | UUID | yes |
//! | `type` | dotted name | yes |
//! | `version` | whole number | yes |
//! | `time`, `received_at` | RFC 3339, UTC | yes |
//! | `workspace` | UUID | yes |
//! | `channel`, `chat`, `thread` | UUID | where they apply |
//! | `author` | `{kind, id}` | yes |
//! | `visibility` | `all`, `agents` | yes |
//! | `custom_id` | text | where the sender gave one |
//! | `cause` | UUID | for a consequence |
//! | `root` | UUID | yes |
//! | `depth` | whole number | yes |
//! | `properties` | object | where there are some |
//! | `data` | what the type's schema says | yes |
//!
//! The bytes are written once, at accept, without the two numbers that only the commit knows; [`render`] puts these in
//! front. A field that this version does not know is kept and written back.

mod read;

use std::io::Write;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

pub use self::read::{UnreadableEnvelope, from_map, read};

use crate::{Author, Draft, Event};

/// Writes a draft's envelope, without `seq` and `order`.
pub fn write(draft: &Draft) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(768);
    serde_json::to_writer(&mut bytes, &Body(draft))
        .expect("an envelope has text keys only, so writing cannot fail");
    bytes
}

/// The whole envelope of an event, numbers first.
pub fn render(event: &Event) -> Vec<u8> {
    let body = event.body();
    let mut bytes = Vec::with_capacity(body.len() + 48);
    render_into(event, &mut bytes);
    bytes
}

/// As [`render`], appending to a buffer.
pub fn render_into(event: &Event, bytes: &mut Vec<u8>) {
    let numbers = match event.order {
        Some(order) => write!(bytes, "{{\"seq\":{},\"order\":{},", event.seq.0, order.0),
        None => write!(bytes, "{{\"seq\":{},", event.seq.0),
    };
    numbers.expect("writing to memory cannot fail");
    bytes.extend_from_slice(event.body().get(1..).unwrap_or_default());
}

/// The whole envelope as a JSON value, for templates and conversions.
pub fn to_value(event: &Event) -> Value {
    let mut map = Map::new();
    map.insert("seq".into(), event.seq.0.into());
    if let Some(order) = event.order {
        map.insert("order".into(), order.0.into());
    }
    let body = serde_json::to_value(Body(event))
        .expect("an envelope has text keys only, so writing cannot fail");
    if let Value::Object(body) = body {
        map.extend(body);
    }
    Value::Object(map)
}

struct Body<'a>(&'a Draft);

impl Serialize for Body<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let draft = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &draft.id)?;
        map.serialize_entry("type", draft.event_type.as_str())?;
        map.serialize_entry("version", &draft.version)?;
        map.serialize_entry("time", &draft.time)?;
        map.serialize_entry("received_at", &draft.received_at)?;
        map.serialize_entry("workspace", &draft.workspace)?;
        if let Some(channel) = &draft.channel {
            map.serialize_entry("channel", channel)?;
        }
        if let Some(chat) = &draft.chat {
            map.serialize_entry("chat", chat)?;
        }
        if let Some(thread) = &draft.thread {
            map.serialize_entry("thread", thread)?;
        }
        map.serialize_entry("author", &AuthorBody(&draft.author))?;
        map.serialize_entry("visibility", draft.visibility.as_str())?;
        if let Some(custom_id) = &draft.custom_id {
            map.serialize_entry("custom_id", custom_id)?;
        }
        if let Some(cause) = &draft.cause {
            map.serialize_entry("cause", cause)?;
        }
        map.serialize_entry("root", &draft.root)?;
        map.serialize_entry("depth", &draft.depth)?;
        if !draft.properties.is_empty() {
            map.serialize_entry("properties", &draft.properties)?;
        }
        map.serialize_entry("data", &draft.data)?;
        for (name, value) in &draft.unknown {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

struct AuthorBody<'a>(&'a Author);

impl Serialize for AuthorBody<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("kind", self.0.kind.as_str())?;
        map.serialize_entry("id", &self.0.id)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{EventId, Order, Seq, Visibility};

    fn draft() -> impl Strategy<Value = Draft> {
        let text = "[ -~ä€😀]{0,20}";
        (
            any::<[u8; 16]>(),
            text,
            prop::option::of(text),
            any::<u32>(),
            any::<bool>(),
            0i64..4_000_000_000,
        )
            .prop_map(|(id, text, custom_id, depth, agents, second)| {
                let id = EventId::new(uuid::Uuid::from_bytes(id));
                let time = crate::Timestamp::from_second(second).expect("in range");
                let mut draft = Draft::new(
                    id,
                    "chat.message".parse().expect("a good name"),
                    crate::WorkspaceId::new(id.uuid()),
                    time,
                    json!({ "text": text }),
                );
                draft.custom_id = custom_id;
                draft.depth = depth;
                draft.visibility = if agents { Visibility::Agents } else { Visibility::All };
                draft.chat = agents.then(|| crate::ChatId::new(id.uuid()));
                draft.unknown.insert("a_later_field".into(), json!([text, { "deep": depth }]));
                draft
            })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same(draft in draft()) {
            let bytes = write(&draft);
            prop_assert_eq!(&read(&bytes).expect("readable"), &draft);
        }

        #[test]
        fn the_numbers_go_in_front_and_the_rest_stays(draft in draft(), seq in 1u64.., order in prop::option::of(1u64..)) {
            let body = write(&draft);
            let event = Event::new(Seq(seq), order.map(Order), draft.clone(), body.into());
            let rendered: Value = serde_json::from_slice(&render(&event)).expect("JSON");
            prop_assert_eq!(rendered.get("seq").and_then(Value::as_u64), Some(seq));
            prop_assert_eq!(rendered.get("order").and_then(Value::as_u64), order);
            prop_assert_eq!(&rendered, &to_value(&event));
            prop_assert_eq!(read(&render(&event)).expect("readable"), draft);
        }
    }

    #[test]
    fn a_wrong_field_is_named() {
        let whole: Value = serde_json::from_slice(&write(&Draft::new(
            EventId::new(uuid::Uuid::nil()),
            "chat.message".parse().expect("a good name"),
            crate::WorkspaceId::new(uuid::Uuid::nil()),
            crate::Timestamp::UNIX_EPOCH,
            Value::Null,
        )))
        .expect("JSON");
        read(whole.to_string().as_bytes()).expect("readable");
        for (field, wrong) in [
            ("id", json!("nonsense")),
            ("id", Value::Null),
            ("type", json!("Chat Message")),
            ("version", json!(1.5)),
            ("time", json!("yesterday")),
            ("chat", json!(7)),
            ("author", json!("Alice")),
            ("author", json!({ "kind": "cat" })),
            ("visibility", json!("nobody")),
            ("properties", json!([])),
        ] {
            let mut bad = whole.clone();
            bad[field] = wrong;
            let told =
                format!("field {field:?} of an event's envelope is missing or not of its type");
            let error = read(bad.to_string().as_bytes()).expect_err("a wrong field");
            assert_eq!(error.to_string(), told);
            let Value::Object(map) = bad else { unreachable!("it was an object") };
            assert_eq!(from_map(map).expect_err("a wrong field").to_string(), told);
        }
        for no_object in ["", "[]", "7", "{} {}", r#"{"id":"#] {
            let error = read(no_object.as_bytes()).expect_err("not an object");
            assert!(matches!(error, UnreadableEnvelope::Json { .. }), "{no_object}: {error}");
        }
    }
}
