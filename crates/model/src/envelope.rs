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

use std::io::Write;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::{Author, AuthorKind, Draft, Event, EventId, TypeName, Visibility};

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

/// Reads a draft back from what [`write`] or [`render`] wrote; `seq` and `order` are passed over.
pub fn read(bytes: &[u8]) -> Result<Draft, UnreadableEnvelope> {
    let map: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|source| UnreadableEnvelope::Json { source })?;
    from_map(map)
}

/// As [`read`], from an object that is parsed already.
pub fn from_map(mut map: Map<String, Value>) -> Result<Draft, UnreadableEnvelope> {
    map.remove("seq");
    map.remove("order");
    let id: EventId = required(&mut map, "id")?;
    Ok(Draft {
        id,
        event_type: parsed::<TypeName>(&mut map, "type")?
            .ok_or(UnreadableEnvelope::Field { field: "type" })?,
        version: required(&mut map, "version")?,
        time: required(&mut map, "time")?,
        received_at: required(&mut map, "received_at")?,
        workspace: required(&mut map, "workspace")?,
        channel: optional(&mut map, "channel")?,
        chat: optional(&mut map, "chat")?,
        thread: optional(&mut map, "thread")?,
        author: author(&mut map)?,
        visibility: visibility(&mut map)?,
        custom_id: optional(&mut map, "custom_id")?,
        cause: optional(&mut map, "cause")?,
        root: optional(&mut map, "root")?.unwrap_or(id),
        depth: optional(&mut map, "depth")?.unwrap_or(0),
        properties: optional(&mut map, "properties")?.unwrap_or_default(),
        data: map.remove("data").unwrap_or(Value::Null),
        unknown: map,
    })
}

/// The bytes are not an envelope.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableEnvelope {
    /// They are not a JSON object.
    #[error("an event's envelope is not a JSON object")]
    Json {
        /// Why.
        source: serde_json::Error,
    },
    /// A field is missing or not of its type.
    #[error("field {field:?} of an event's envelope is missing or not of its type")]
    Field {
        /// Which one.
        field: &'static str,
    },
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

fn optional<T: serde::de::DeserializeOwned>(
    map: &mut Map<String, Value>,
    field: &'static str,
) -> Result<Option<T>, UnreadableEnvelope> {
    match map.remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            serde_json::from_value(value).map(Some).map_err(|_| UnreadableEnvelope::Field { field })
        }
    }
}

fn required<T: serde::de::DeserializeOwned>(
    map: &mut Map<String, Value>,
    field: &'static str,
) -> Result<T, UnreadableEnvelope> {
    optional(map, field)?.ok_or(UnreadableEnvelope::Field { field })
}

fn parsed<T: std::str::FromStr>(
    map: &mut Map<String, Value>,
    field: &'static str,
) -> Result<Option<T>, UnreadableEnvelope> {
    let Some(text) = optional::<String>(map, field)? else { return Ok(None) };
    text.parse().map(Some).map_err(|_| UnreadableEnvelope::Field { field })
}

fn author(map: &mut Map<String, Value>) -> Result<Author, UnreadableEnvelope> {
    let wrong = UnreadableEnvelope::Field { field: "author" };
    let Some(Value::Object(mut author)) = map.remove("author") else { return Err(wrong) };
    let kind: String = required(&mut author, "kind")?;
    let Some(kind) = AuthorKind::ALL.into_iter().find(|known| known.as_str() == kind) else {
        return Err(wrong);
    };
    Ok(Author { kind, id: optional(&mut author, "id")?.unwrap_or_default() })
}

fn visibility(map: &mut Map<String, Value>) -> Result<Visibility, UnreadableEnvelope> {
    match optional::<String>(map, "visibility")?.as_deref() {
        None | Some("all") => Ok(Visibility::All),
        Some("agents") => Ok(Visibility::Agents),
        Some(_) => Err(UnreadableEnvelope::Field { field: "visibility" }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::{Order, Seq};

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
        let error = read(br#"{"id":"nonsense"}"#).expect_err("a bad id");
        assert_eq!(
            error.to_string(),
            r#"field "id" of an event's envelope is missing or not of its type"#
        );
    }
}
