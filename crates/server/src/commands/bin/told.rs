//! What a delivery tells of, whichever form its sender chose: CloudEvents (structured, in batches, or in headers), the
//! records of WotNot, or a webhook of the Chat API. Only read to be shown; what is not understood tells of nothing.

use axum::http::HeaderMap;
use serde::Serialize;
use serde_json::Value;

/// How many events of one delivery are looked at.
const EVENTS_MAX: usize = 1000;

/// An event that a delivery tells of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Told {
    /// Its type.
    #[serde(rename = "type")]
    pub(super) event_type: String,
    /// Its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) id: Option<String>,
    /// Its number in the workspace.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) seq: Option<u64>,
    /// Its number in the thread.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) order: Option<u64>,
    /// Its chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) chat: Option<String>,
}

/// What a delivery tells of, in its order.
pub(super) fn told(headers: &HeaderMap, body: Option<&Value>) -> Vec<Told> {
    if let Some(event) = in_headers(headers) {
        return vec![event];
    }
    let Some(body) = body else { return Vec::new() };
    let list = body.as_array().or_else(|| body.get("events")?.as_array());
    match list {
        Some(list) => list.iter().take(EVENTS_MAX).filter_map(one).collect(),
        None => one(body).into_iter().collect(),
    }
}

/// CloudEvents in binary mode: attributes are headers.
fn in_headers(headers: &HeaderMap) -> Option<Told> {
    let attribute =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    Some(Told {
        event_type: attribute("ce-type")?,
        id: attribute("ce-id"),
        seq: attribute("ce-seq").and_then(|number| number.parse().ok()),
        order: attribute("ce-order").and_then(|number| number.parse().ok()),
        chat: attribute("ce-subject"),
    })
}

fn one(event: &Value) -> Option<Told> {
    cloud_event(event).or_else(|| record(event)).or_else(|| action(event))
}

/// CloudEvents in JSON, or our own envelope.
fn cloud_event(event: &Value) -> Option<Told> {
    Some(Told {
        event_type: text(event, "/type")?,
        id: text(event, "/id"),
        seq: number(event, "seq"),
        order: number(event, "order"),
        chat: text(event, "/subject").or_else(|| text(event, "/chat")),
    })
}

/// A record of WotNot.
fn record(event: &Value) -> Option<Told> {
    Some(Told {
        event_type: text(event, "/event/type")?,
        id: text(event, "/event/id").or_else(|| text(event, "/event_id")),
        chat: text(event, "/conversation/key"),
        ..Told::default()
    })
}

/// A webhook of the Chat API.
fn action(event: &Value) -> Option<Told> {
    Some(Told {
        event_type: text(event, "/action")?,
        chat: text(event, "/payload/chat_id").or_else(|| text(event, "/payload/chat/id")),
        ..Told::default()
    })
}

fn text(event: &Value, pointer: &str) -> Option<String> {
    event.pointer(pointer)?.as_str().map(str::to_owned)
}

/// Numbers in CloudEvents are decimal text, as their integers have 32 bits only.
fn number(event: &Value, name: &str) -> Option<u64> {
    let value = event.get(name)?;
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form_is_read() {
        let none = HeaderMap::new();
        let cloud = json!({ "specversion": "1.0", "type": "chat.message", "id": "a", "seq": "12", "order": "3",
            "subject": "c" });
        let expected = Told {
            event_type: "chat.message".into(),
            id: Some("a".into()),
            seq: Some(12),
            order: Some(3),
            chat: Some("c".into()),
        };
        assert_eq!(told(&none, Some(&cloud)), std::slice::from_ref(&expected));
        assert_eq!(told(&none, Some(&json!([cloud, cloud]))), [expected.clone(), expected.clone()]);
        let headers = [
            ("ce-type", "chat.message"),
            ("ce-id", "a"),
            ("ce-seq", "12"),
            ("ce-order", "3"),
            ("ce-subject", "c"),
        ];
        let headers = headers
            .map(|(name, value)| (name.parse().expect("a name"), value.parse().expect("a value")));
        assert_eq!(
            told(&HeaderMap::from_iter(headers), Some(&json!({ "text": "hi" }))),
            [expected]
        );
        let record = json!({ "events": [{ "event": { "type": "bot_reply" }, "conversation": { "key": "k" } }] });
        let record = told(&none, Some(&record));
        assert_eq!(
            (record[0].event_type.as_str(), record[0].chat.as_deref()),
            ("bot_reply", Some("k"))
        );
        let action = told(
            &none,
            Some(&json!({ "action": "incoming_chat", "payload": { "chat": { "id": "PS" } } })),
        );
        assert_eq!(
            (action[0].event_type.as_str(), action[0].chat.as_deref()),
            ("incoming_chat", Some("PS"))
        );
    }

    #[test]
    fn what_is_not_understood_tells_of_nothing() {
        for body in [json!(null), json!(7), json!({}), json!({ "events": [1, null] }), json!([[]])]
        {
            assert_eq!(told(&HeaderMap::new(), Some(&body)), []);
        }
        assert_eq!(told(&HeaderMap::new(), None), []);
    }
}
