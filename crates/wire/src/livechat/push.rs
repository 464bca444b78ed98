//! A push of 3.6 becomes one of the version that the client speaks. The table of pushes is `pushes.json`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::{Value, json};

use super::methods::{OlderNameRow, VersionText, rows};
use super::private;
use super::shape::{Object, Shape, rename, seconds};
use super::version::{Side, Version};

/// The name and payload that a push of 3.6 has in a version; nothing where that version has no such push.
///
/// `payload` is as in 3.6, of that side, and may carry private keys.
pub fn push(
    side: Side,
    version: Version,
    action: &str,
    payload: &Value,
) -> Option<(&'static str, Value)> {
    let mut name = name_of(side, version, action)?;
    let mut payload = payload.clone();
    let shape = Shape { side, version };
    if matches!(action, "incoming_event" | "event_updated")
        && !payload.get("event").is_some_and(|event| shape.has_event(event))
    {
        return None;
    }
    match &mut payload {
        Value::Object(object) => {
            if let Some(other) = convert(shape, action, object) {
                name = other;
            }
        }
        Value::Array(entries) => {
            if action == "auto_accesses_updated" && version <= Version::V3_4 {
                let (other, entry) = one_auto_access(entries)?;
                name = other;
                payload = entry;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    private::strip(&mut payload);
    Some((name, payload))
}

/// The names of the pushes that a version has, as `login` may ask for them.
pub fn pushes(side: Side, version: Version) -> impl Iterator<Item = &'static str> {
    of(side)
        .iter()
        .filter_map(move |push| push.name_in(version))
        .chain(also(version).iter().copied().filter(move |_| side == Side::Agent))
}

/// Pushes of 3.6 that have one of several names, by what they tell: the names beside the table's.
fn also(version: Version) -> &'static [&'static str] {
    if version <= Version::V3_2 {
        &["customer_created"]
    } else if version == Version::V3_4 {
        &["auto_access_added", "auto_access_deleted"]
    } else {
        &[]
    }
}

/// What a version calls a push of 3.6, where it has it.
pub fn name_of(side: Side, version: Version, action: &str) -> Option<&'static str> {
    of(side).iter().find(|push| push.action == action)?.name_in(version)
}

/// What 3.6 calls a push of a version.
pub(super) fn action_of(side: Side, version: Version, name: &str) -> Option<&'static str> {
    Some(of(side).iter().find(|push| push.name_in(version) == Some(name))?.action)
}

/// Changes a payload. Gives another name where it depends on what the push tells.
fn convert(shape: Shape, action: &str, payload: &mut Object) -> Option<&'static str> {
    let version = shape.version;
    match action {
        "incoming_chat" => {
            if let Some(chat) = payload.get_mut("chat") {
                shape.chat(chat);
            }
        }
        "incoming_event"
        | "event_updated"
        | "incoming_greeting"
        | "incoming_welcome_message"
        | "incoming_event_preview" => {
            if let Some(event) = payload.get_mut("event") {
                shape.event(event);
            }
        }
        "chat_properties_updated" | "thread_properties_updated" | "event_properties_updated" => {
            shape.properties(payload);
        }
        "user_added_to_chat" => {
            if version <= Version::V3_1 {
                let kind = payload.get("user").and_then(|user| user.get("type")).cloned();
                actor_unknown(payload, kind.unwrap_or_else(|| "agent".into()));
            }
            if let Some(user) = payload.get_mut("user") {
                shape.user(user);
            }
        }
        // Only agents can be removed.
        "user_removed_from_chat" if version <= Version::V3_1 => {
            actor_unknown(payload, "agent".into());
        }
        "chat_transferred" if version <= Version::V3_1 => transferred(payload),
        "chat_access_updated" if version <= Version::V3_1 => {
            payload.insert("resource".to_owned(), "chat".into());
        }
        "incoming_customers" => shape.users(payload, "customers"),
        "incoming_customer" => return incoming_customer(shape, payload),
        "customer_updated" => whole_user(shape, payload),
        "customer_left" if version <= Version::V3_2 => {
            rename(payload, "id", "customer_id");
            rename(payload, "left_at", "ended_at");
        }
        "routing_status_set" if version <= Version::V3_1 => {
            rename(payload, "status", "routing_status");
        }
        "events_marked_as_seen" if version <= Version::V3_0 => {
            seconds(payload, "seen_up_to", "timestamp");
        }
        "incoming_typing_indicator" => {
            // Customers are told `recipients` in every version.
            if (shape.side == Side::Customer || version <= Version::V3_3)
                && let Some(Value::Object(typing)) = payload.get_mut("typing_indicator")
            {
                rename(typing, "visibility", "recipients");
            }
        }
        "incoming_rich_message_postback" if version <= Version::V3_5 => {
            if let Some(Value::Object(postback)) = payload.get_mut("postback") {
                for newer in ["button_type", "button_value", "ecommerce"] {
                    postback.shift_remove(newer);
                }
            }
        }
        "agent_disconnected" | "customer_disconnected" if version <= Version::V3_0 => {
            let older = match payload.get("reason").and_then(Value::as_str) {
                Some("connection_timeout") => "ping_timeout",
                Some("misdirected_connection") => "misdirected_request",
                Some(_) | None => return None,
            };
            payload.insert("reason".to_owned(), older.into());
        }
        _ => {}
    }
    None
}

/// Up to 3.1 one was told the user's type, and neither why nor by whom.
fn actor_unknown(payload: &mut Object, user_type: Value) {
    payload.shift_remove("reason");
    payload.shift_remove("requester_id");
    payload.insert("user_type".to_owned(), user_type);
}

/// `transferred_to{group_ids[], agent_ids[]}` was `type` and `ids`: an agent says more than the agent's group.
fn transferred(payload: &mut Object) {
    let to = payload.shift_remove("transferred_to").unwrap_or_default();
    let ids = |name: &str| to.get(name).filter(|ids| ids.get(0).is_some()).cloned();
    let (kind, ids) = match ids("agent_ids") {
        Some(agents) => ("agent", agents),
        None => ("group", ids("group_ids").unwrap_or_else(|| json!([]))),
    };
    for newer in ["reason", "queue"] {
        payload.shift_remove(newer);
    }
    payload.insert("type".to_owned(), kind.into());
    payload.insert("ids".to_owned(), ids);
}

/// Up to 3.2 a visit was told apart from a customer who is new.
fn incoming_customer(shape: Shape, payload: &mut Object) -> Option<&'static str> {
    if shape.version > Version::V3_2 {
        whole_user(shape, payload);
        return None;
    }
    let Some(Value::Object(visit)) = payload.get("visit") else {
        whole_user(shape, payload);
        let customer = Value::Object(std::mem::take(payload));
        payload.insert("customer".to_owned(), customer);
        return Some("customer_created");
    };
    let mut told = Object::new();
    let id = payload.get("id").cloned().unwrap_or_default();
    told.insert("customer_id".to_owned(), id);
    for (name, field) in [
        ("visit_id", "id"),
        ("started_at", "started_at"),
        ("ip", "ip"),
        ("user_agent", "user_agent"),
        ("geolocation", "geolocation"),
    ] {
        if let Some(value) = visit.get(field) {
            told.insert(name.to_owned(), value.clone());
        }
    }
    *payload = told;
    Some("customer_visit_started")
}

fn whole_user(shape: Shape, payload: &mut Object) {
    let mut user = Value::Object(std::mem::take(payload));
    shape.user(&mut user);
    if let Value::Object(user) = user {
        *payload = user;
    }
}

/// 3.4 has one push per rule. Of several we tell the first: it is the one that somebody changed.
fn one_auto_access(entries: &mut [Value]) -> Option<(&'static str, Value)> {
    let Value::Object(mut entry) = entries.first_mut()?.take() else { return None };
    let name = match entry.shift_remove("status").as_ref().and_then(Value::as_str) {
        Some("added") => "auto_access_added",
        Some("deleted") => "auto_access_deleted",
        Some(_) | None => "auto_access_updated",
    };
    Some((name, entry.into()))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Push {
    action: &'static str,
    since: VersionText,
    until: Option<VersionText>,
    #[serde(default)]
    older_names: Vec<OlderNameRow>,
}

impl Push {
    fn name_in(&self, version: Version) -> Option<&'static str> {
        let exists = self.since.0 <= version && self.until.is_none_or(|until| version <= until.0);
        let older = self.older_names.iter().find(|older| version <= older.until.0);
        exists.then(|| older.map_or(self.action, |older| older.name))
    }
}

fn of(side: Side) -> &'static [Push] {
    PUSHES.get(side.as_str()).map(Vec::as_slice).unwrap_or_default()
}

static PUSHES: LazyLock<BTreeMap<&'static str, Vec<Push>>> =
    LazyLock::new(|| rows(include_str!("pushes.json")));

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(side: Side, version: Version, action: &str, payload: Value) -> (&'static str, Value) {
        push(side, version, action, &payload).expect("the version has it")
    }

    #[test]
    fn names_over_time() {
        use Version::{V3_0, V3_1, V3_2, V3_3, V3_4, V3_5, V3_6, V3_7};
        let event = json!({ "event": { "type": "message" } });
        let cases = [
            (V3_1, "incoming_chat", Some("incoming_chat_thread")),
            (V3_2, "incoming_chat", Some("incoming_chat")),
            (V3_1, "chat_deactivated", Some("thread_closed")),
            (V3_2, "chat_deactivated", Some("chat_deactivated")),
            (V3_1, "user_added_to_chat", Some("chat_user_added")),
            (V3_1, "user_removed_from_chat", Some("chat_user_removed")),
            (V3_1, "thread_properties_updated", Some("chat_thread_properties_updated")),
            (V3_1, "thread_properties_deleted", Some("chat_thread_properties_deleted")),
            (V3_1, "thread_tagged", Some("chat_thread_tagged")),
            (V3_2, "thread_untagged", Some("thread_untagged")),
            (V3_0, "events_marked_as_seen", Some("last_seen_timestamp_updated")),
            (V3_1, "events_marked_as_seen", Some("events_marked_as_seen")),
            (V3_1, "routing_status_set", Some("agent_updated")),
            (V3_2, "routing_status_set", Some("routing_status_set")),
            (V3_1, "chat_access_updated", Some("access_set")),
            (V3_3, "chat_access_updated", Some("chat_access_granted")),
            (V3_4, "chat_access_updated", Some("chat_access_updated")),
            (V3_3, "agent_updated", None),
            (V3_4, "agent_updated", Some("agent_updated")),
            (V3_2, "incoming_customers", None),
            (V3_2, "customer_left", Some("customer_visit_ended")),
            (V3_4, "groups_status_updated", None),
            (V3_5, "groups_status_updated", Some("groups_status_updated")),
            (V3_5, "event_deleted", None),
            (V3_6, "event_deleted", Some("event_deleted")),
            (V3_6, "canned_response_created", None),
            (V3_7, "canned_response_created", Some("canned_response_created")),
            (V3_5, "customer_unfollowed", Some("customer_unfollowed")),
            (V3_6, "customer_unfollowed", None),
            (V3_0, "incoming_event", Some("incoming_event")),
            (V3_6, "no_such_push", None),
        ];
        for (version, action, expected) in cases {
            let name = push(Side::Agent, version, action, &event).map(|(name, _)| name);
            assert_eq!(name, expected, "{action} in {version}");
            if let Some(name) = name {
                assert!(pushes(Side::Agent, version).any(|known| known == name));
            }
        }
    }

    #[test]
    fn the_table_is_read_and_no_version_has_a_name_twice() {
        assert_eq!(pushes(Side::Agent, Version::V3_6).count(), 62);
        assert_eq!(pushes(Side::Customer, Version::V3_6).count(), 30);
        assert_eq!(pushes(Side::Configuration, Version::V3_6).count(), 0);
        for version in Version::ALL {
            for side in Side::ALL {
                let mut names: Vec<_> = pushes(side, version).collect();
                names.sort_unstable();
                assert!(names.windows(2).all(|two| two[0] != two[1]), "{side} {version}");
            }
        }
    }

    #[test]
    fn today_only_the_private_keys_go() {
        let payload = json!({ "chat_id": "A", "thread_id": "T",
            "event": { "id": "T_1", "type": "message", "visibility": "agents", "_order": 1 } });
        assert_eq!(
            pushed(Side::Agent, Version::V3_6, "incoming_event", payload).1,
            json!({ "chat_id": "A", "thread_id": "T",
                    "event": { "id": "T_1", "type": "message", "visibility": "agents" } })
        );
    }

    #[test]
    fn events_of_every_age() {
        let payload = json!({ "chat_id": "A", "thread_id": "T", "event": {
            "id": "T_1", "type": "message", "text": "Hi", "visibility": "all", "_order": 4,
            "created_at": "2017-10-12T15:19:21.010200Z" } });
        assert_eq!(
            pushed(Side::Agent, Version::V3_0, "incoming_event", payload.clone()).1["event"],
            json!({ "id": "T_1", "type": "message", "text": "Hi", "recipients": "all",
                    "timestamp": 1_507_821_561, "order": 4 })
        );
        assert_eq!(
            pushed(Side::Customer, Version::V3_5, "incoming_event", payload.clone()).1["event"],
            json!({ "id": "T_1", "type": "message", "text": "Hi", "recipients": "all",
                    "created_at": "2017-10-12T15:19:21.010200Z" })
        );
        assert_eq!(
            pushed(Side::Customer, Version::V3_6, "incoming_event", payload).1["event"],
            json!({ "id": "T_1", "type": "message", "text": "Hi",
                    "created_at": "2017-10-12T15:19:21.010200Z" })
        );
        let of = |kind: &str| json!({ "event": { "type": kind } });
        for (version, kind, there) in [
            (Version::V3_5, "system", false),
            (Version::V3_6, "system", true),
            (Version::V3_2, "form", false),
            (Version::V3_3, "form", true),
        ] {
            let pushed = push(Side::Agent, version, "incoming_event", &of(kind));
            assert_eq!(pushed.is_some(), there, "{kind} in {version}");
        }
    }

    #[test]
    fn users_were_told_with_their_type_and_without_a_reason() {
        let payload = json!({ "chat_id": "A", "thread_id": "T", "reason": "manual", "requester_id": "r",
                              "user": { "id": "c", "type": "customer", "visibility": "all" } });
        assert_eq!(
            pushed(Side::Agent, Version::V3_1, "user_added_to_chat", payload.clone()),
            (
                "chat_user_added",
                json!({ "chat_id": "A", "thread_id": "T", "user_type": "customer",
                                        "user": { "id": "c", "type": "customer" } })
            )
        );
        assert_eq!(
            pushed(Side::Agent, Version::V3_2, "user_added_to_chat", payload.clone()).1["reason"],
            "manual"
        );
        assert_eq!(
            pushed(
                Side::Customer,
                Version::V3_0,
                "user_removed_from_chat",
                json!({ "chat_id": "A", "thread_id": "T", "user_id": "a", "reason": "manual" })
            ),
            (
                "chat_user_removed",
                json!({ "chat_id": "A", "thread_id": "T", "user_id": "a",
                                          "user_type": "agent" })
            )
        );
    }

    #[test]
    fn transfers_had_a_type_and_ids() {
        let payload = |agents: Value| {
            json!({ "chat_id": "A", "reason": "manual", "requester_id": "r",
            "transferred_to": { "group_ids": [1], "agent_ids": agents } })
        };
        assert_eq!(
            pushed(Side::Agent, Version::V3_1, "chat_transferred", payload(json!(["b"]))).1,
            json!({ "chat_id": "A", "requester_id": "r", "type": "agent", "ids": ["b"] })
        );
        assert_eq!(
            pushed(Side::Agent, Version::V3_1, "chat_transferred", payload(json!([]))).1,
            json!({ "chat_id": "A", "requester_id": "r", "type": "group", "ids": [1] })
        );
        assert_eq!(
            pushed(Side::Agent, Version::V3_2, "chat_transferred", payload(json!([]))).1,
            payload(json!([]))
        );
    }

    #[test]
    fn small_ones_in_their_older_shapes() {
        let cases = [
            (
                Side::Agent,
                Version::V3_1,
                "routing_status_set",
                json!({ "agent_id": "b", "status": "accepting_chats" }),
                json!({ "agent_id": "b", "routing_status": "accepting_chats" }),
            ),
            (
                Side::Customer,
                Version::V3_0,
                "events_marked_as_seen",
                json!({ "user_id": "c", "chat_id": "A", "seen_up_to": "2017-10-12T15:19:21.010200Z" }),
                json!({ "user_id": "c", "chat_id": "A", "timestamp": 1_507_821_561 }),
            ),
            (
                Side::Agent,
                Version::V3_1,
                "chat_access_updated",
                json!({ "id": "A", "access": { "group_ids": [1] } }),
                json!({ "id": "A", "access": { "group_ids": [1] }, "resource": "chat" }),
            ),
            (
                Side::Agent,
                Version::V3_3,
                "incoming_typing_indicator",
                json!({ "typing_indicator": { "author_id": "a", "visibility": "agents" } }),
                json!({ "typing_indicator": { "author_id": "a", "recipients": "agents" } }),
            ),
            (
                Side::Agent,
                Version::V3_4,
                "incoming_typing_indicator",
                json!({ "typing_indicator": { "author_id": "a", "visibility": "agents" } }),
                json!({ "typing_indicator": { "author_id": "a", "visibility": "agents" } }),
            ),
            (
                Side::Customer,
                Version::V3_6,
                "incoming_typing_indicator",
                json!({ "typing_indicator": { "author_id": "a", "visibility": "all" } }),
                json!({ "typing_indicator": { "author_id": "a", "recipients": "all" } }),
            ),
            (
                Side::Agent,
                Version::V3_5,
                "incoming_rich_message_postback",
                json!({ "postback": { "id": "p", "toggled": true, "button_type": "url", "ecommerce": {} } }),
                json!({ "postback": { "id": "p", "toggled": true } }),
            ),
            (
                Side::Agent,
                Version::V3_1,
                "chat_properties_updated",
                json!({ "chat_id": "A", "properties": { "rating": { "score": 1 } } }),
                json!({ "chat_id": "A", "properties": { "rating": { "score": { "value": 1 } } } }),
            ),
            (
                Side::Agent,
                Version::V3_1,
                "chat_properties_deleted",
                json!({ "chat_id": "A", "properties": { "rating": ["score"] } }),
                json!({ "chat_id": "A", "properties": { "rating": ["score"] } }),
            ),
            (
                Side::Agent,
                Version::V3_2,
                "customer_left",
                json!({ "id": "c", "left_at": "2017-10-12T15:19:21Z" }),
                json!({ "customer_id": "c", "ended_at": "2017-10-12T15:19:21Z" }),
            ),
            (
                Side::Agent,
                Version::V3_1,
                "customer_updated",
                json!({ "id": "c", "session_fields": [{ "a": "1" }] }),
                json!({ "id": "c", "fields": { "a": "1" } }),
            ),
            (
                Side::Agent,
                Version::V3_0,
                "agent_disconnected",
                json!({ "reason": "misdirected_connection", "data": { "region": "x" } }),
                json!({ "reason": "misdirected_request", "data": { "region": "x" } }),
            ),
            (
                Side::Customer,
                Version::V3_1,
                "customer_disconnected",
                json!({ "reason": "connection_timeout" }),
                json!({ "reason": "connection_timeout" }),
            ),
        ];
        for (side, version, action, payload, expected) in cases {
            assert_eq!(pushed(side, version, action, payload).1, expected, "{action} in {version}");
        }
    }

    #[test]
    fn a_customer_was_created_or_visited() {
        let visitor = json!({ "id": "c", "type": "customer",
            "visit": { "id": 42, "started_at": "2017-10-12T15:19:21Z", "ip": "192.0.2.1" } });
        assert_eq!(
            pushed(Side::Agent, Version::V3_2, "incoming_customer", visitor.clone()),
            (
                "customer_visit_started",
                json!({ "customer_id": "c", "visit_id": 42,
                "started_at": "2017-10-12T15:19:21Z", "ip": "192.0.2.1" })
            )
        );
        assert_eq!(
            pushed(Side::Agent, Version::V3_0, "incoming_customer", json!({ "id": "c" })),
            ("customer_created", json!({ "customer": { "id": "c" } }))
        );
        assert_eq!(
            pushed(Side::Agent, Version::V3_3, "incoming_customer", visitor.clone()).1["last_visit"],
            visitor["visit"]
        );
    }

    #[test]
    fn rules_of_access_were_told_one_by_one() {
        let payload = json!([{ "id": "1", "next_id": "2", "status": "added" }]);
        assert_eq!(
            pushed(Side::Agent, Version::V3_4, "auto_accesses_updated", payload.clone()),
            ("auto_access_added", json!({ "id": "1", "next_id": "2" }))
        );
        assert_eq!(
            pushed(Side::Agent, Version::V3_5, "auto_accesses_updated", payload.clone()),
            ("auto_accesses_updated", payload)
        );
    }

    #[test]
    fn a_chat_arrived_as_a_thread() {
        let payload = json!({ "requester_id": "r", "chat": { "id": "A", "users": [],
            "thread": { "id": "T", "created_at": "2017-10-12T15:19:21Z", "_order": 7, "events": [] } } });
        assert_eq!(
            pushed(Side::Agent, Version::V3_0, "incoming_chat", payload),
            (
                "incoming_chat_thread",
                json!({ "requester_id": "r", "chat": { "id": "A", "users": [],
                "thread": { "id": "T", "timestamp": 1_507_821_561, "order": 7, "events": [] } } })
            )
        );
    }
}
