//! A request of any version becomes one of 3.6, checked.
//!
//! Who handles requests knows the names and shapes of 3.6 only. What is wrong is told in the names of the version that
//! the client speaks. Fields that nobody documents are left where they are.

use serde_json::{Map, Value, json};

use super::error::{ErrorType, Failure};
use super::methods::{Method, oldest};
use super::older_request::{PRIVATE, Renamed, modernise, rename};
use super::rules;
use super::version::Version;

/// Turns a payload into that of 3.6 and checks it. A missing payload (`null`) counts as an empty one.
///
/// What an event must look like depends on limits that the caller knows: see [`event`](super::event()).
pub fn request(method: &Method, version: Version, payload: Value) -> Result<Value, Failure> {
    let mut payload = object(payload)?;
    let mut author = None;
    if version == Version::V3_0 {
        if let Some(inner @ (Value::Object(_) | Value::Null)) = payload.get_mut("payload") {
            let inner = object(inner.take())?;
            author = payload.shift_remove("author_id").filter(Value::is_string);
            payload = inner;
        }
        if let Some(oldest) = oldest(method) {
            oldest.check(&mut payload)?;
        }
    }
    payload.retain(|key, _| !PRIVATE.contains(&key.as_str()));
    if let Some(author) = author {
        payload.insert("_author_id".to_owned(), author);
    }
    let renamed = modernise(method, version, &mut payload)?;
    one_name_for_the_audience(method, &mut payload);
    let good = method.check(&mut payload).and_then(|()| rules::check(method, &payload));
    good.map_err(|failure| in_the_clients_names(failure, &renamed))?;
    Ok(Value::Object(payload))
}

/// A client that says `chat_id` is not told about `id`.
fn in_the_clients_names(mut failure: Failure, renamed: &[Renamed]) -> Failure {
    let Some(field) = failure.field_name().map(str::to_owned) else { return failure };
    for (older, newer) in renamed {
        if let Some(rest) = field.strip_prefix(newer)
            && (rest.is_empty() || rest.starts_with(['.', '[']))
        {
            let shown = format!("{older}{rest}");
            failure.message =
                failure.message.replacen(&format!("`{field}`"), &format!("`{shown}`"), 1);
            failure.data = Some(json!({ "field": shown }));
            break;
        }
    }
    failure
}

fn object(payload: Value) -> Result<Map<String, Value>, Failure> {
    match payload {
        Value::Null => Ok(Map::new()),
        Value::Object(payload) => Ok(payload),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            Err(Failure::new(ErrorType::Validation, "the payload must be an object"))
        }
    }
}

/// `recipients` of an event is `visibility`, in every version: clients of new ones still send it.
fn one_name_for_the_audience(method: &Method, payload: &mut Map<String, Value>) {
    if method.param("event").is_some()
        && let Some(Value::Object(event)) = payload.get_mut("event")
    {
        rename(event, "recipients", "visibility");
    }
    if method.param("chat.thread.events").is_some() {
        let thread = payload.get_mut("chat").and_then(|chat| chat.get_mut("thread"));
        let events = thread.and_then(|thread| thread.get_mut("events"));
        for event in events.and_then(Value::as_array_mut).into_iter().flatten() {
            if let Value::Object(event) = event {
                rename(event, "recipients", "visibility");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::livechat::{Side, methods};

    fn method(side: Side, action: &str) -> &'static Method {
        methods()
            .iter()
            .find(|method| method.side == side && method.action == action)
            .expect("a method of the table")
    }

    fn agent(action: &str, payload: Value) -> Result<Value, String> {
        request(method(Side::Agent, action), Version::V3_6, payload)
            .map_err(|failure| failure.message)
    }

    fn customer(action: &str, payload: Value) -> Result<Value, String> {
        request(method(Side::Customer, action), Version::V3_6, payload)
            .map_err(|failure| failure.message)
    }

    #[test]
    fn a_missing_payload_is_an_empty_one_and_anything_else_is_refused() {
        assert_eq!(agent("list_chats", Value::Null), Ok(json!({})));
        assert_eq!(agent("list_chats", json!([])), Err("the payload must be an object".to_owned()));
        assert_eq!(agent("ping", Value::Null), Ok(json!({})));
    }

    #[test]
    fn a_page_id_goes_alone() {
        assert!(agent("list_chats", json!({ "page_id": "x" })).is_ok());
        assert!(agent("list_threads", json!({ "page_id": "x", "chat_id": "A" })).is_ok());
        for (key, value) in
            [("limit", json!(1)), ("sort_order", json!("asc")), ("filters", json!({}))]
        {
            assert_eq!(
                agent("list_chats", json!({ "page_id": "x", key: value })),
                Err(format!("`{key}` cannot be used together with `page_id`"))
            );
        }
        assert!(agent("list_chats", json!({ "page_id": "x", "limit": null })).is_ok());
    }

    #[test]
    fn the_audience_has_one_name() {
        assert_eq!(
            agent(
                "send_event",
                json!({ "chat_id": "A", "event": { "type": "message", "recipients": "agents" } })
            ),
            Ok(json!({ "chat_id": "A", "event": { "type": "message", "visibility": "agents" } }))
        );
        assert_eq!(
            customer(
                "start_chat",
                json!({ "chat": { "thread": { "events": [{ "recipients": "all", "visibility": "agents" }] } } })
            ),
            Ok(json!({ "chat": { "thread": { "events": [{ "visibility": "agents" }] } } }))
        );
    }

    #[test]
    fn rules_beyond_the_table() {
        let cases = [
            (
                Side::Agent,
                "list_threads",
                json!({ "chat_id": "A", "min_events_count": 1, "limit": 1 }),
                "`limit` cannot be used together with `min_events_count`",
            ),
            (
                Side::Agent,
                "list_threads",
                json!({ "chat_id": "A", "min_events_count": 1, "filters": {} }),
                "`filters` cannot be used together with `min_events_count`",
            ),
            (
                Side::Customer,
                "list_threads",
                json!({ "chat_id": "A", "min_events_count": 1, "limit": 1 }),
                "`limit` cannot be used together with `min_events_count`",
            ),
            (
                Side::Agent,
                "list_archives",
                json!({ "filters": { "thread_ids": ["T"], "query": "x" } }),
                "`filters.query` cannot be used together with `filters.thread_ids`",
            ),
            (
                Side::Agent,
                "list_archives",
                json!({ "filters": { "tags": { "values": ["a"], "exists": true } } }),
                "`filters.tags` must have one of exists, values and exclude_values",
            ),
            (
                Side::Agent,
                "list_archives",
                json!({ "filters": { "properties": { "rating": { "score": { "values": [1], "exclude_values": [0] } } } } }),
                "`filters.properties.rating.score` must have one of exists, values and exclude_values",
            ),
            (
                Side::Agent,
                "list_archives",
                json!({ "filters": { "agent_types": { "any_values": ["martian"] } } }),
                "`filters.agent_types.any_values` must be a list of human, chatbot, ai_agent",
            ),
            (
                Side::Agent,
                "start_chat",
                json!({ "chat": { "users": [{ "id": "a", "type": "customer" }, { "id": "b", "type": "customer" }] } }),
                "`chat.users` must name at most 1 customer",
            ),
            (
                Side::Agent,
                "transfer_chat",
                json!({ "id": "A", "target": { "type": "group", "ids": ["1"] } }),
                "`target.ids` must be a list of whole numbers for a group",
            ),
            (
                Side::Agent,
                "transfer_chat",
                json!({ "id": "A", "target": { "type": "agent", "ids": [1] } }),
                "`target.ids` must be a list of texts for an agent",
            ),
            (
                Side::Agent,
                "add_user_to_chat",
                json!({ "chat_id": "A", "user_id": "u", "user_type": "customer", "visibility": "agents" }),
                "`visibility` must be all for a customer",
            ),
            (
                Side::Agent,
                "update_customer",
                json!({ "id": "A" }),
                "`id` needs at least one field to change beside it",
            ),
            (
                Side::Customer,
                "update_customer",
                json!({}),
                "at least one field to change is required",
            ),
            (
                Side::Customer,
                "set_customer_session_fields",
                json!({ "session_fields": [{ "a": 1 }] }),
                "`session_fields.a` must be text",
            ),
            (
                Side::Agent,
                "multicast",
                json!({ "recipients": {}, "content": 1 }),
                "`recipients` must have agents or customers",
            ),
            (
                Side::Customer,
                "list_group_statuses",
                json!({}),
                "`group_ids` is required when `all` is not true",
            ),
            (
                Side::Agent,
                "update_chat_properties",
                json!({ "id": "A", "properties": { "test": { "a": [1] } } }),
                "`properties.test.a` must be text, a whole number, true or false",
            ),
            (
                Side::Agent,
                "delete_chat_properties",
                json!({ "id": "A", "properties": { "test": { "a": 1 } } }),
                "`properties.test` must be a list of texts",
            ),
            (
                Side::Configuration,
                "unban_customer",
                json!({ "ip": "127.0.0.1", "customer_id": "A" }),
                "`customer_id` or `ip` is required, and not both",
            ),
            (
                Side::Configuration,
                "register_property",
                json!({ "name": "n", "owner_client_id": "o", "type": "string", "range": { "from": 1 },
                        "access": {} }),
                "`range` can be used for the type int only",
            ),
            (
                Side::Configuration,
                "register_property",
                json!({ "name": "n", "owner_client_id": "o", "type": "int", "domain": [1],
                        "range": { "from": 1 }, "access": {} }),
                "`domain` cannot be used together with `range`",
            ),
            (
                Side::Configuration,
                "register_property",
                json!({ "name": "n", "owner_client_id": "o", "type": "int",
                        "access": { "chat": { "bot": ["read"] } } }),
                "`access.chat.bot` is none of agent, customer",
            ),
            (
                Side::Configuration,
                "register_property",
                json!({ "name": "n", "owner_client_id": "o", "type": "int",
                        "access": { "room": { "agent": ["read"] } } }),
                "`access.room` is none of chat, thread, event, license, group",
            ),
            (
                Side::Configuration,
                "register_webhook",
                json!({ "action": "thread_tagged", "secret_key": "s", "url": "https://example.com",
                        "type": "license", "filters": { "author_type": "agent" } }),
                "`filters.author_type` can be used for incoming_event and event_updated only",
            ),
            (
                Side::Configuration,
                "register_webhook",
                json!({ "action": "thread_tagged", "secret_key": "s", "url": "https://example.com",
                        "type": "license",
                        "filters": { "chat_presence": { "user_ids": { "values": [], "exclude_values": [] } } } }),
                "`filters.chat_presence.user_ids` must have one of values and exclude_values",
            ),
        ];
        for (side, action, payload, message) in cases {
            let failure = request(method(side, action), Version::V3_6, payload)
                .expect_err("the rule is broken");
            assert_eq!(failure.message, message);
            assert!(failure.error_type == ErrorType::Validation);
        }
    }

    #[test]
    fn a_hundred_session_fields_are_allowed_and_one_more_has_its_own_error() {
        let fields = |count: usize| {
            let fields: Vec<Value> =
                (0..count).map(|number| json!({ format!("k{number}"): "v" })).collect();
            request(
                method(Side::Customer, "set_customer_session_fields"),
                Version::V3_6,
                json!({ "session_fields": fields }),
            )
        };
        assert!(fields(rules::SESSION_FIELDS_MAX).is_ok());
        let failure = fields(rules::SESSION_FIELDS_MAX + 1).expect_err("too many");
        assert_eq!(failure.error_type, ErrorType::CustomerSessionFieldsLimitReached);
    }

    #[test]
    fn what_the_known_clients_send_is_good() {
        use Version::{V3_4, V3_5, V3_6};
        let agent = Side::Agent;
        let customer = Side::Customer;
        let cases = [
            // The Customer SDK of npm.
            (
                customer,
                V3_5,
                "login",
                json!({ "token": "Bearer t", "customer": {}, "customer_side_storage": {},
                        "is_mobile": false, "application": { "name": "customer_sdk", "version": "4.0.2" },
                        "customer_page": { "url": "https://example.com/", "title": "Home" },
                        "pushes": { "3.5": ["incoming_event"] } }),
            ),
            (
                customer,
                V3_5,
                "start_chat",
                json!({ "active": true, "continuous": true, "chat": { "access": { "group_ids": [0] },
                        "thread": { "events": [{ "type": "message", "text": "Hi", "custom_id": "1" }] } } }),
            ),
            (customer, V3_5, "start_chat", json!({ "active": true, "chat": {} })),
            (customer, V3_5, "resume_chat", json!({ "active": true, "chat": { "id": "A" } })),
            (customer, V3_5, "list_chats", json!({ "limit": 10 })),
            (customer, V3_5, "list_threads", json!({ "chat_id": "A", "min_events_count": 10 })),
            (customer, V3_5, "list_threads", json!({ "chat_id": "A", "page_id": "x" })),
            (
                customer,
                V3_5,
                "update_thread_properties",
                json!({ "chat_id": "A", "thread_id": "T",
                        "properties": { "rating": { "score": 1, "comment": "good" } } }),
            ),
            (customer, V3_5, "update_customer_page", json!({ "url": "u", "title": "t" })),
            (customer, V3_5, "list_group_statuses", json!({ "all": true })),
            (
                customer,
                V3_5,
                "check_goals",
                json!({ "session_fields": [], "group_id": 0, "page_url": "https://example.com/" }),
            ),
            // The SDK of PyPI leaves out what is None, and offers fields that nobody documents.
            (
                agent,
                V3_6,
                "send_event",
                json!({ "chat_id": "A", "event": { "type": "message", "text": "Hi" },
                        "attach_to_last_thread": true, "author_id": "bot" }),
            ),
            (
                agent,
                V3_6,
                "login",
                json!({ "token": "Bearer t", "push_notifications": { "platform": "ios" },
                        "pushes": { "3.6": ["incoming_chat"] } }),
            ),
            (agent, V3_6, "logout", json!({ "agent_id": "bob@example.com" })),
            (
                customer,
                V3_6,
                "update_customer",
                json!({ "name": "Carol", "name_is_default": false, "phone_number": "+1" }),
            ),
            (
                customer,
                V3_6,
                "list_group_properties",
                json!({ "id": "0", "namespace": "test", "organization_id": "x" }),
            ),
            (
                agent,
                V3_6,
                "list_archives",
                json!({ "filters": { "from": "2026-06-12T00:00:00.000000+02:00", "query": "x",
                                     "agent_types": { "all_values": ["human"], "exclude_values": ["ai_agent"] } },
                        "highlights": {}, "sort_order": "desc", "limit": 100 }),
            ),
            // lc-sdk-js.
            (agent, V3_4, "list_routing_statuses", json!({ "filters": {} })),
            (
                agent,
                V3_4,
                "remove_user_from_chat",
                json!({ "chat_id": "A", "user_id": "b", "user_type": "agent" }),
            ),
            (agent, V3_4, "follow_customer", json!({ "id": "c" })),
            (agent, V3_4, "resume_chat", json!({ "chat": { "id": "A" } })),
            (
                agent,
                V3_4,
                "list_archives",
                json!({ "filters": { "surveys": [{ "type": "pre_chat" }] } }),
            ),
        ];
        for (side, version, action, payload) in cases {
            let sent = request(method(side, action), version, payload);
            assert!(sent.is_ok(), "{action} in {version}: {sent:?}");
        }
    }

    #[test]
    fn a_get_has_numbers_as_text() {
        assert_eq!(
            customer("list_group_properties", json!({ "id": "7", "organization_id": "x" })),
            Ok(json!({ "id": 7, "organization_id": "x" }))
        );
        assert_eq!(
            customer("get_form", json!({ "group_id": "7", "type": "prechat" })),
            Err("`group_id` must be a whole number".to_owned())
        );
    }
}
