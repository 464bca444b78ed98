//! Our own form of an event: its envelope, byte for byte as it was fixed at accept.
//!
//! The same object is in the API, in the stream and in exports, so who reads one reads all. Standard Webhooks recommends
//! `{type, timestamp, data}`: `type` and `data` are there under these names, and the time is `time`, with `received_at`
//! beside it. A second name for it would make two forms of one event; who needs `timestamp` writes a payload template.
//!
//! Called by the deliver reader. Nothing is written anew, so every try and every batch has the same bytes.

use tidings_model::{Event, envelope};

use crate::batch::{Batch, BatchLimits};

/// The media type of an event and of a batch.
pub const CONTENT_TYPE: &str = "application/json";

/// An event: `seq`, `order` in a thread, and the rest of `tidings_model::envelope`.
pub fn event(event: &Event) -> Vec<u8> {
    envelope::render(event)
}

/// An empty batch, `{"events":[...]}`, for what [`event`] wrote.
pub fn batch(limits: BatchLimits) -> Batch {
    Batch::new("{\"events\":[", "]}", limits)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidings_model::{Draft, EventId, Order, Seq, Timestamp, WorkspaceId};

    use super::*;

    fn numbered(seq: u64, order: Option<u64>) -> Event {
        let id: EventId = "0197c5a0-0000-7000-8000-000000000001".parse().expect("a UUID");
        let now: Timestamp = "2026-11-21T10:00:00Z".parse().expect("a time");
        let hello = "chat.message".parse().expect("a type");
        let workspace = WorkspaceId::new(id.uuid());
        let mut draft = Draft::new(id, hello, workspace, now, json!({ "b": 1.50, "a": "ä" }));
        draft.unknown.insert("a_later_field".into(), json!(1));
        let body = envelope::write(&draft);
        Event::new(Seq(seq), order.map(Order), draft, body.into())
    }

    #[test]
    fn an_event_is_its_stored_bytes_behind_its_numbers() {
        let bytes = event(&numbered(41, Some(7)));
        insta::assert_snapshot!(String::from_utf8_lossy(&bytes), @r#"{"seq":41,"order":7,"id":"0197c5a0-0000-7000-8000-000000000001","type":"chat.message","version":1,"time":"2026-11-21T10:00:00Z","received_at":"2026-11-21T10:00:00Z","workspace":"0197c5a0-0000-7000-8000-000000000001","author":{"kind":"system","id":""},"visibility":"all","root":"0197c5a0-0000-7000-8000-000000000001","depth":0,"data":{"b":1.5,"a":"ä"},"a_later_field":1}"#);
        let stored = numbered(41, Some(7));
        assert!(bytes.ends_with(stored.body().get(1..).expect("an object")));
    }

    #[test]
    fn a_batch_holds_the_same_bytes() {
        let events = [numbered(1, None), numbered(2, Some(1))].map(|each| event(&each));
        let mut batch = batch(BatchLimits { events_max: 10, bytes_max: 10_000 });
        assert!(events.iter().all(|event| batch.push(event)));
        let expected = [&b"{\"events\":["[..], &events[0], b",", &events[1], b"]}"].concat();
        let bytes = batch.finish();
        assert_eq!(bytes, expected);
        let read: serde_json::Value = serde_json::from_slice(&bytes).expect("JSON");
        assert_eq!(read["events"][1]["seq"], json!(2));
    }
}
