//! An event as a CloudEvents 1.0 document in structured JSON (`application/cloudevents+json`).
//!
//! Called by the deliver reader for each delivery's body, and by exports. The bytes of one event are always the same,
//! so a second run of the step signs and sends what the first one did.
//!
//! | attribute | holds |
//! | --- | --- |
//! | `specversion`, `id`, `time` | `1.0`; the event's id and time |
//! | `source` | `/workspaces/{workspace}`, see [`source_of`], or what the caller gives |
//! | `type` | the event's own type, as `chat.message`: the word that filters and behaviors use |
//! | `subject` | the chat's id; left out for an event outside of a chat |
//! | `datacontenttype`, `data` | `application/json`; the event's data |
//! | `seq`, `order`, `depth`, `dataversion` | the numbers of the envelope; `dataversion` is its `version` |
//! | `workspace`, `channel`, `thread`, `cause`, `root` | ids |
//! | `authorkind`, `authorid` | the author; the system has no id |
//! | `receivedat`, `visibility`, `customid` | as in the envelope |
//! | `properties`, `otherfields` | JSON text of an object, left out when empty |
//!
//! Names of extensions are lower-case letters and digits, at most 20 of them, as the specification asks. Numbers are
//! written as decimal text, since an Integer of CloudEvents has 32 bits and ours have more. An extension cannot hold an
//! object, so `properties` is JSON text, and so is `otherfields`: fields of the envelope that this version only keeps.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use tidings_model::envelope::{self, UnreadableEnvelope};
use tidings_model::{Draft, Event, WorkspaceId};

/// The media type of what [`structured`] writes.
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

/// The version of CloudEvents that we speak.
const SPEC_VERSION: &str = "1.0";

/// The longest name of an extension attribute, in bytes: CloudEvents 1.0.2, "Naming Conventions".
#[cfg(test)]
const ATTRIBUTE_NAME_BYTES_MAX: usize = 20;

/// The envelope's fields that have another name in CloudEvents: (attribute, field).
const RENAMED: [(&str, &str); 4] = [
    ("subject", "chat"),
    ("receivedat", "received_at"),
    ("customid", "custom_id"),
    ("dataversion", "version"),
];

/// The attributes that hold a number as decimal text and that the envelope wants as a number.
const NUMBERS: [&str; 2] = ["dataversion", "depth"];

/// The source of a workspace's events: `/workspaces/{workspace}`.
pub fn source_of(workspace: WorkspaceId) -> String {
    format!("/workspaces/{workspace}")
}

/// Writes an event as structured JSON. `source` is mostly [`source_of`]; with the id it names the event for ever.
pub fn structured(event: &Event, source: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(event.body().len() + 384);
    serde_json::to_writer(&mut bytes, &Document { event, source })
        .expect("a CloudEvents document has text keys only, so writing cannot fail");
    bytes
}

/// Reads a draft back from what [`structured`] wrote; `seq`, `order` and `source` are passed over.
///
/// An extension that we do not know is kept among the draft's unknown fields.
pub fn read_structured(bytes: &[u8]) -> Result<Draft, UnreadableCloudEvent> {
    let mut document: Map<String, Value> =
        serde_json::from_slice(bytes).map_err(|source| UnreadableCloudEvent::Json { source })?;
    if document.remove("specversion").as_ref().and_then(Value::as_str) != Some(SPEC_VERSION) {
        return Err(UnreadableCloudEvent::SpecVersion);
    }
    if document.contains_key("data_base64") {
        return Err(UnreadableCloudEvent::NotJsonData);
    }
    match document.remove("datacontenttype") {
        None => {}
        Some(Value::String(kind)) if is_json(&kind) => {}
        Some(_) => return Err(UnreadableCloudEvent::NotJsonData),
    }
    document.remove("source");

    for name in NUMBERS {
        if let Some(value) = document.get_mut(name) {
            let number = whole_number(value).ok_or(UnreadableCloudEvent::Attribute { name })?;
            *value = number.into();
        }
    }
    for (attribute, field) in RENAMED {
        if let Some(value) = document.remove(attribute) {
            document.insert(field.into(), value);
        }
    }
    let mut author = Map::new();
    if let Some(kind) = document.remove("authorkind") {
        author.insert("kind".into(), kind);
    }
    if let Some(id) = document.remove("authorid") {
        author.insert("id".into(), id);
    }
    document.insert("author".into(), Value::Object(author));
    if let Some(properties) = object_in_text(&mut document, "properties")? {
        document.insert("properties".into(), Value::Object(properties));
    }
    if let Some(others) = object_in_text(&mut document, "otherfields")? {
        for (name, value) in others {
            // A field of the envelope has its own attribute, so it cannot come in by this door as well.
            document.entry(name).or_insert(value);
        }
    }
    envelope::from_map(document).map_err(|source| UnreadableCloudEvent::Envelope { source })
}

/// The bytes are not a CloudEvents document that holds one of our events.
#[derive(Debug, thiserror::Error)]
pub enum UnreadableCloudEvent {
    /// They are not a JSON object.
    #[error("the CloudEvents document is not a JSON object")]
    Json {
        /// Why.
        source: serde_json::Error,
    },
    /// It is of another version.
    #[error("the CloudEvents document does not say specversion 1.0")]
    SpecVersion,
    /// Its data is not JSON.
    #[error("the data of the CloudEvents document is not JSON")]
    NotJsonData,
    /// An attribute is not of its type.
    #[error("attribute {name:?} of the CloudEvents document is not of its type")]
    Attribute {
        /// Which one.
        name: &'static str,
    },
    /// What it holds is not one of our events.
    #[error("the CloudEvents document does not hold an event of ours")]
    Envelope {
        /// Why.
        source: UnreadableEnvelope,
    },
}

struct Document<'a> {
    event: &'a Event,
    source: &'a str,
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let event = self.event;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("specversion", SPEC_VERSION)?;
        map.serialize_entry("id", &event.id)?;
        map.serialize_entry("source", self.source)?;
        map.serialize_entry("type", event.event_type.as_str())?;
        if let Some(chat) = &event.chat {
            map.serialize_entry("subject", chat)?;
        }
        map.serialize_entry("time", &event.time)?;
        map.serialize_entry("seq", &Decimal(event.seq.0))?;
        if let Some(order) = event.order {
            map.serialize_entry("order", &Decimal(order.0))?;
        }
        map.serialize_entry("workspace", &event.workspace)?;
        if let Some(channel) = &event.channel {
            map.serialize_entry("channel", channel)?;
        }
        if let Some(thread) = &event.thread {
            map.serialize_entry("thread", thread)?;
        }
        map.serialize_entry("authorkind", event.author.kind.as_str())?;
        if !event.author.id.is_empty() {
            map.serialize_entry("authorid", &event.author.id)?;
        }
        map.serialize_entry("visibility", event.visibility.as_str())?;
        if let Some(custom_id) = &event.custom_id {
            map.serialize_entry("customid", custom_id)?;
        }
        if let Some(cause) = &event.cause {
            map.serialize_entry("cause", cause)?;
        }
        map.serialize_entry("root", &event.root)?;
        map.serialize_entry("depth", &Decimal(event.depth.into()))?;
        map.serialize_entry("receivedat", &event.received_at)?;
        map.serialize_entry("dataversion", &Decimal(event.version.into()))?;
        if !event.properties.is_empty() {
            map.serialize_entry("properties", &text_of(&event.properties))?;
        }
        if !event.unknown.is_empty() {
            map.serialize_entry("otherfields", &text_of(&event.unknown))?;
        }
        map.serialize_entry("datacontenttype", "application/json")?;
        map.serialize_entry("data", &event.data)?;
        map.end()
    }
}

/// A number, written as decimal text.
struct Decimal(u64);

impl Serialize for Decimal {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

fn text_of(object: &Map<String, Value>) -> String {
    serde_json::to_string(object).expect("a JSON object has text keys only, so writing cannot fail")
}

fn object_in_text(
    document: &mut Map<String, Value>,
    name: &'static str,
) -> Result<Option<Map<String, Value>>, UnreadableCloudEvent> {
    let Some(value) = document.remove(name) else { return Ok(None) };
    let wrong = UnreadableCloudEvent::Attribute { name };
    let Value::String(text) = value else { return Err(wrong) };
    serde_json::from_str(&text).map(Some).map_err(|_| wrong)
}

/// A whole number from decimal text, or from a JSON number: a relay may have turned small ones into Integers.
fn whole_number(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.parse().ok(),
        Value::Number(number) => number.as_u64(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || kind.ends_with("+json")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;
    use tidings_model::{
        Author, AuthorKind, ChatId, EventId, Order, Seq, ThreadId, Timestamp, Visibility,
    };

    use super::*;

    fn numbered(draft: Draft, seq: u64, order: Option<u64>) -> Event {
        let body = envelope::write(&draft);
        Event::new(Seq(seq), order.map(Order), draft, body.into())
    }

    fn id(last: &str) -> EventId {
        format!("0197c5a0-0000-7000-8000-0000000000{last}").parse().expect("a UUID")
    }

    /// Alice says hello on a channel.
    fn alice_says_hello() -> Draft {
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().expect("a time");
        let hello = "chat.message".parse().expect("a type");
        let mut draft = Draft::new(
            id("01"),
            hello,
            WorkspaceId::new(id("02").uuid()),
            now,
            json!({ "text": "Hello" }),
        );
        draft.chat = Some(ChatId::new(id("03").uuid()));
        draft.thread = Some(ThreadId::new(id("04").uuid()));
        draft.author = Author { kind: AuthorKind::Customer, id: "alice".into() };
        draft.custom_id = Some("first".into());
        draft.properties.insert("raw".into(), json!({ "update_id": 7 }));
        draft
    }

    #[test]
    fn what_subscribers_read() {
        let event = numbered(alice_says_hello(), 41, Some(1));
        let bytes = structured(&event, &source_of(event.workspace));
        let document: Value = serde_json::from_slice(&bytes).expect("JSON");
        insta::assert_snapshot!(serde_json::to_string_pretty(&document).expect("JSON"), @r#"
        {
          "specversion": "1.0",
          "id": "0197c5a0-0000-7000-8000-000000000001",
          "source": "/workspaces/0197c5a0-0000-7000-8000-000000000002",
          "type": "chat.message",
          "subject": "0197c5a0-0000-7000-8000-000000000003",
          "time": "2026-11-21T10:00:00Z",
          "seq": "41",
          "order": "1",
          "workspace": "0197c5a0-0000-7000-8000-000000000002",
          "thread": "0197c5a0-0000-7000-8000-000000000004",
          "authorkind": "customer",
          "authorid": "alice",
          "visibility": "all",
          "customid": "first",
          "root": "0197c5a0-0000-7000-8000-000000000001",
          "depth": "0",
          "receivedat": "2026-11-21T10:00:00Z",
          "dataversion": "1",
          "properties": "{\"raw\":{\"update_id\":7}}",
          "datacontenttype": "application/json",
          "data": {
            "text": "Hello"
          }
        }
        "#);
    }

    fn drafts() -> impl Strategy<Value = Draft> {
        let text = "[ -~ä€😀]{0,20}";
        let value = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            text.prop_map(Value::from)
        ];
        let ids = (any::<[u8; 16]>(), any::<[u8; 16]>());
        let options = (
            prop::option::of(text),
            prop::option::of(text),
            any::<bool>(),
            prop::option::of(value),
        );
        let numbers = (any::<u32>(), any::<u32>(), 0i64..4_000_000_000, 0..1_000_000_000);
        (ids, text, options, numbers, 0..AuthorKind::ALL.len()).prop_map(
            |(ids, text, options, numbers, kind)| {
                let [first, second] =
                    [ids.0, ids.1].map(|bytes| EventId::new(uuid::Uuid::from_bytes(bytes)));
                let (custom_id, property, agents, unknown) = options;
                let (depth, version, second_of_time, nanosecond) = numbers;
                let now = Timestamp::new(second_of_time, nanosecond).expect("in range");
                let hello = "chat.message".parse().expect("a type");
                let workspace = WorkspaceId::new(second.uuid());
                let mut draft = Draft::new(first, hello, workspace, now, json!({ "text": text }));
                draft.author = Author { kind: AuthorKind::ALL[kind], id: text };
                draft.visibility = if agents { Visibility::Agents } else { Visibility::All };
                draft.chat = agents.then(|| ChatId::new(second.uuid()));
                draft.cause = agents.then_some(second);
                draft.custom_id = custom_id;
                draft.depth = depth;
                draft.version = version;
                draft
                    .properties
                    .extend(property.map(|text| ("raw".to_owned(), json!({ "text": text }))));
                draft.unknown.extend(unknown.map(|value| ("a_later_field".to_owned(), value)));
                draft
            },
        )
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same(draft in drafts(), seq in 1u64.., order in prop::option::of(1u64..)) {
            let event = numbered(draft.clone(), seq, order);
            let bytes = structured(&event, "/workspaces/elsewhere");
            prop_assert_eq!(&bytes, &structured(&event, "/workspaces/elsewhere"));
            prop_assert_eq!(read_structured(&bytes).expect("readable"), draft);
        }

        #[test]
        fn attributes_keep_the_rules_of_the_specification(draft in drafts(), seq in 1u64..) {
            let bytes = structured(&numbered(draft, seq, None), "/workspaces/elsewhere");
            let document: Map<String, Value> = serde_json::from_slice(&bytes).expect("JSON");
            for (name, value) in document {
                let lower = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
                prop_assert!(lower && name.len() <= ATTRIBUTE_NAME_BYTES_MAX, "{}", name);
                prop_assert!(name == "data" || value.is_string(), "{}", name);
            }
        }
    }

    #[test]
    fn a_relay_may_turn_small_numbers_into_integers_and_add_attributes() {
        let event = numbered(alice_says_hello(), 41, Some(1));
        let bytes = structured(&event, "/workspaces/elsewhere");
        let mut document: Map<String, Value> = serde_json::from_slice(&bytes).expect("JSON");
        document.insert("depth".into(), json!(0));
        document.insert("traceparent".into(), json!("00-ab-cd-01"));
        let bytes = serde_json::to_vec(&document).expect("JSON");
        let mut expected = alice_says_hello();
        expected.unknown.insert("traceparent".into(), json!("00-ab-cd-01"));
        assert_eq!(read_structured(&bytes).expect("readable"), expected);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let event = numbered(alice_says_hello(), 41, Some(1));
        let bytes = structured(&event, "/workspaces/elsewhere");
        let document: Map<String, Value> = serde_json::from_slice(&bytes).expect("JSON");
        let error_with = |name: &str, value: Value| {
            let mut document = document.clone();
            document.insert(name.into(), value);
            let bytes = serde_json::to_vec(&document).expect("JSON");
            read_structured(&bytes).expect_err("it is wrong").to_string()
        };
        assert_eq!(
            error_with("specversion", json!("0.3")),
            "the CloudEvents document does not say specversion 1.0"
        );
        assert_eq!(
            error_with("data_base64", json!("aGk=")),
            "the data of the CloudEvents document is not JSON"
        );
        assert_eq!(
            error_with("datacontenttype", json!("text/xml")),
            "the data of the CloudEvents document is not JSON"
        );
        let depth = error_with("depth", json!("deep"));
        assert_eq!(depth, r#"attribute "depth" of the CloudEvents document is not of its type"#);
        let properties = error_with("properties", json!("[1]"));
        assert_eq!(
            properties,
            r#"attribute "properties" of the CloudEvents document is not of its type"#
        );
        assert_eq!(
            error_with("id", json!("nonsense")),
            "the CloudEvents document does not hold an event of ours"
        );
        assert!(read_structured(b"hello").is_err());
    }
}
