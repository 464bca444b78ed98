//! Reading an envelope: field by field as they come, with no tree of values in between but for what has no type.

use std::borrow::Cow;
use std::cell::Cell;

use serde::de::{self, DeserializeOwned, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

use crate::{
    Author, AuthorKind, ChannelId, ChatId, Draft, EventId, ThreadId, Timestamp, TypeName,
    Visibility, WorkspaceId,
};

/// Reads a draft back from what [`write`](super::write) or [`render`](super::render) wrote; `seq` and `order` are passed
/// over.
pub fn read(bytes: &[u8]) -> Result<Draft, UnreadableEnvelope> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let fields = fields(&mut json)?;
    json.end().map_err(|source| UnreadableEnvelope::Json { source })?;
    fields.draft()
}

/// As [`read`], from an object that is parsed already.
pub fn from_map(map: Map<String, Value>) -> Result<Draft, UnreadableEnvelope> {
    fields(Value::Object(map))?.draft()
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

fn fields<'de, D>(json: D) -> Result<Fields, UnreadableEnvelope>
where
    D: Deserializer<'de, Error = serde_json::Error>,
{
    let at = Cell::new(None);
    json.deserialize_map(Reading { at: &at }).map_err(|source| match at.get() {
        Some(field) if source.is_data() => UnreadableEnvelope::Field { field },
        _ => UnreadableEnvelope::Json { source },
    })
}

/// What was read up to now.
#[derive(Default)]
struct Fields {
    id: Option<EventId>,
    event_type: Option<TypeName>,
    version: Option<u32>,
    time: Option<Timestamp>,
    received_at: Option<Timestamp>,
    workspace: Option<WorkspaceId>,
    channel: Option<ChannelId>,
    chat: Option<ChatId>,
    thread: Option<ThreadId>,
    author: Option<AuthorFields>,
    visibility: Option<Visibility>,
    custom_id: Option<String>,
    cause: Option<EventId>,
    root: Option<EventId>,
    depth: Option<u32>,
    properties: Option<Map<String, Value>>,
    data: Value,
    unknown: Map<String, Value>,
}

#[derive(Deserialize)]
struct AuthorFields {
    kind: AuthorKind,
    id: Option<String>,
}

/// Text that is only looked at.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Fields {
    fn draft(self) -> Result<Draft, UnreadableEnvelope> {
        let missing = |field| UnreadableEnvelope::Field { field };
        let id = self.id.ok_or(missing("id"))?;
        let author = self.author.ok_or(missing("author"))?;
        Ok(Draft {
            id,
            event_type: self.event_type.ok_or(missing("type"))?,
            version: self.version.ok_or(missing("version"))?,
            time: self.time.ok_or(missing("time"))?,
            received_at: self.received_at.ok_or(missing("received_at"))?,
            workspace: self.workspace.ok_or(missing("workspace"))?,
            channel: self.channel,
            chat: self.chat,
            thread: self.thread,
            author: Author { kind: author.kind, id: author.id.unwrap_or_default() },
            visibility: self.visibility.unwrap_or_default(),
            custom_id: self.custom_id,
            cause: self.cause,
            root: self.root.unwrap_or(id),
            depth: self.depth.unwrap_or(0),
            properties: self.properties.unwrap_or_default(),
            data: self.data,
            unknown: self.unknown,
        })
    }
}

/// Reads the object, and notes which field it is at: an error names it.
struct Reading<'a> {
    at: &'a Cell<Option<&'static str>>,
}

impl Reading<'_> {
    fn field<'de, T: DeserializeOwned, A: MapAccess<'de>>(
        &self,
        name: &'static str,
        map: &mut A,
    ) -> Result<T, A::Error> {
        self.at.set(Some(name));
        let value = map.next_value()?;
        self.at.set(None);
        Ok(value)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Fields;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an event's envelope")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        while let Some(Text(name)) = map.next_key()? {
            match &*name {
                "seq" => drop(self.field::<IgnoredAny, _>("seq", &mut map)?),
                "order" => drop(self.field::<IgnoredAny, _>("order", &mut map)?),
                "id" => fields.id = self.field("id", &mut map)?,
                "type" => {
                    self.at.set(Some("type"));
                    let text: Option<Text<'_>> = map.next_value()?;
                    let parsed = text.map(|Text(text)| text.parse()).transpose();
                    fields.event_type = parsed.map_err(de::Error::custom)?;
                    self.at.set(None);
                }
                "version" => fields.version = self.field("version", &mut map)?,
                "time" => fields.time = self.field("time", &mut map)?,
                "received_at" => fields.received_at = self.field("received_at", &mut map)?,
                "workspace" => fields.workspace = self.field("workspace", &mut map)?,
                "channel" => fields.channel = self.field("channel", &mut map)?,
                "chat" => fields.chat = self.field("chat", &mut map)?,
                "thread" => fields.thread = self.field("thread", &mut map)?,
                "author" => fields.author = self.field("author", &mut map)?,
                "visibility" => fields.visibility = self.field("visibility", &mut map)?,
                "custom_id" => fields.custom_id = self.field("custom_id", &mut map)?,
                "cause" => fields.cause = self.field("cause", &mut map)?,
                "root" => fields.root = self.field("root", &mut map)?,
                "depth" => fields.depth = self.field("depth", &mut map)?,
                "properties" => fields.properties = self.field("properties", &mut map)?,
                "data" => fields.data = self.field("data", &mut map)?,
                _ => {
                    let value = map.next_value()?;
                    fields.unknown.insert(name.into_owned(), value);
                }
            }
        }
        Ok(fields)
    }
}
