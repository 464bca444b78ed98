//! An event as a CloudEvents 1.0 event over HTTP, in each of the three modes.
//!
//! | mode | content type | written by |
//! | --- | --- | --- |
//! | structured | `application/cloudevents+json` | [`structured`] |
//! | binary | that of the data; attributes are `ce-` headers | [`binary`](fn@binary) |
//! | batched | `application/cloudevents-batch+json` | [`batch`], of structured events |
//!
//! Called by the deliver reader for each delivery's body, and by exports. The bytes of one event are always the same,
//! so a second run of the step signs and sends what the first one did. The attributes are the same in all modes:
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
//! `seq` is in every event, `order` in every event of a thread. Binary mode has one attribute more, `leftout`, see there.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use tidings_model::{Event, WorkspaceId};

use crate::batch::{Batch, BatchLimits};
use attributes::attributes;

mod attributes;
mod binary;
mod read;

pub use binary::{Binary, HEADER_BYTES_MAX, binary};
pub use read::{UnreadableCloudEvent, read_structured};

/// The media type of what [`structured`] writes.
pub const CONTENT_TYPE: &str = "application/cloudevents+json";
/// The media type of a [`batch`].
pub const BATCH_CONTENT_TYPE: &str = "application/cloudevents-batch+json";
/// The media type of an event's data.
pub const DATA_CONTENT_TYPE: &str = "application/json";

/// The version of CloudEvents that we speak.
const SPEC_VERSION: &str = "1.0";

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

/// An empty batch, for what [`structured`] wrote. Only for receivers that asked for batches: binding, 3.
pub fn batch(limits: BatchLimits) -> Batch {
    Batch::new("[", "]", limits)
}

struct Document<'a> {
    event: &'a Event,
    source: &'a str,
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in attributes(self.event, self.source) {
            map.serialize_entry(name.attribute, &value)?;
        }
        map.serialize_entry("datacontenttype", DATA_CONTENT_TYPE)?;
        map.serialize_entry("data", &self.event.data)?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Map, Value, json};
    use tidings_model::{
        Author, AuthorKind, ChatId, Draft, EventId, Order, Seq, ThreadId, Timestamp, Visibility,
        envelope,
    };

    use super::attributes::NAME_BYTES_MAX;
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
                prop_assert!(lower && name.len() <= NAME_BYTES_MAX, "{}", name);
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

    /// A receiver's reading of binary mode, by the text of the binding: header names and values into a document.
    fn received(binary: &Binary) -> Map<String, Value> {
        let mut document = Map::new();
        for (name, value) in &binary.headers {
            assert!(value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"'), "{value}");
            let name = match *name {
                "content-type" => "datacontenttype",
                name => name.strip_prefix("ce-").expect("nothing else"),
            };
            let lower = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
            assert!(lower && name.len() <= NAME_BYTES_MAX, "{name}");
            let before = document.insert(name.to_owned(), decoded(value).into());
            assert!(before.is_none(), "{name} is there twice");
        }
        for required in ["specversion", "id", "source", "type", "datacontenttype"] {
            assert!(document.contains_key(required), "{required} is missing");
        }
        let data = serde_json::from_slice(&binary.body).expect("the body is JSON");
        document.insert("data".into(), data);
        document
    }

    /// One round of percent-decoding; what is not two digits, or not UTF-8 after it, is wrong.
    fn decoded(value: &str) -> String {
        let mut bytes = Vec::new();
        let mut rest = value.bytes();
        while let Some(byte) = rest.next() {
            if byte == b'%' {
                let digits = [rest.next(), rest.next()].map(|digit| digit.expect("two digits"));
                let digits = std::str::from_utf8(&digits).expect("ASCII");
                bytes.push(u8::from_str_radix(digits, 16).expect("hexadecimal digits"));
            } else {
                bytes.push(byte);
            }
        }
        String::from_utf8(bytes).expect("UTF-8")
    }

    #[test]
    fn what_receivers_of_binary_mode_read() {
        let event = numbered(alice_says_hello(), 41, Some(1));
        let binary = binary(&event, &source_of(event.workspace));
        let headers: Vec<String> =
            binary.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        insta::assert_snapshot!(headers.join("\n"), @r"
        content-type: application/json
        ce-specversion: 1.0
        ce-id: 0197c5a0-0000-7000-8000-000000000001
        ce-source: /workspaces/0197c5a0-0000-7000-8000-000000000002
        ce-type: chat.message
        ce-subject: 0197c5a0-0000-7000-8000-000000000003
        ce-time: 2026-11-21T10:00:00Z
        ce-seq: 41
        ce-order: 1
        ce-workspace: 0197c5a0-0000-7000-8000-000000000002
        ce-thread: 0197c5a0-0000-7000-8000-000000000004
        ce-authorkind: customer
        ce-authorid: alice
        ce-visibility: all
        ce-customid: first
        ce-root: 0197c5a0-0000-7000-8000-000000000001
        ce-depth: 0
        ce-receivedat: 2026-11-21T10:00:00Z
        ce-dataversion: 1
        ce-properties: {%22raw%22:{%22update_id%22:7}}
        ");
        assert_eq!(binary.body, br#"{"text":"Hello"}"#);
    }

    #[test]
    fn header_values_are_encoded_as_the_binding_says() {
        let mut draft = alice_says_hello();
        draft.custom_id = Some("Euro € 😀".into());
        draft.author.id = "100% \"sure\"\r\nx: y\u{7f}~!".into();
        let binary = binary(&numbered(draft, 1, None), "/workspaces/elsewhere");
        let value = |wanted: &str| {
            let found = binary.headers.iter().find(|(name, _)| *name == wanted);
            found.map(|(_, value)| value.as_str())
        };
        // The example of 3.1.3.2.
        assert_eq!(value("ce-customid"), Some("Euro%20%E2%82%AC%20%F0%9F%98%80"));
        assert_eq!(value("ce-authorid"), Some("100%25%20%22sure%22%0D%0Ax:%20y%7F~!"));
        assert_eq!(value("ce-datacontenttype"), None, "3.1.1 forbids it");
        assert_eq!(value("content-type"), Some("application/json"));
    }

    #[test]
    fn what_is_too_long_for_a_header_is_named() {
        let mut draft = alice_says_hello();
        draft.properties.insert("raw".into(), "x".repeat(HEADER_BYTES_MAX).into());
        let binary = binary(&numbered(draft.clone(), 1, None), "/workspaces/elsewhere");
        let names: Vec<&str> = binary.headers.iter().map(|(name, _)| *name).collect();
        assert!(!names.contains(&"ce-properties"));
        assert_eq!(binary.headers.last(), Some(&("ce-leftout", "properties".to_owned())));
        // The same attribute is whole in structured mode.
        let bytes = structured(&numbered(draft.clone(), 1, None), "/workspaces/elsewhere");
        assert_eq!(read_structured(&bytes).expect("readable"), draft);
    }

    proptest! {
        #[test]
        fn binary_mode_says_what_structured_mode_says(draft in drafts(), seq in 1u64.., order in prop::option::of(1u64..)) {
            let event = numbered(draft, seq, order);
            let whole: Map<String, Value> =
                serde_json::from_slice(&structured(&event, "/workspaces/ä b")).expect("JSON");
            prop_assert_eq!(received(&binary(&event, "/workspaces/ä b")), whole.clone());
            let number = |name: &str| whole.get(name).and_then(Value::as_str).map(str::parse);
            prop_assert_eq!(number("seq"), Some(Ok(seq)));
            prop_assert_eq!(number("order"), order.map(Ok));
        }

        #[test]
        fn a_batch_is_the_list_of_its_events(drafts in prop::collection::vec(drafts(), 0..5)) {
            let mut batch = batch(BatchLimits { events_max: 10, bytes_max: 1 << 20 });
            let mut expected = Vec::new();
            for (seq, draft) in drafts.into_iter().enumerate() {
                let event = numbered(draft, seq as u64 + 1, None);
                let document = structured(&event, "/workspaces/elsewhere");
                prop_assert!(batch.push(&document));
                expected.push(serde_json::from_slice::<Value>(&document).expect("JSON"));
            }
            let batch: Value = serde_json::from_slice(&batch.finish()).expect("JSON");
            prop_assert_eq!(batch, Value::Array(expected));
        }
    }
}
