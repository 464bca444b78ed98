//! Requests of older versions, and how their faults are told.

use super::*;
use crate::livechat::{methods, request};

fn method(side: Side, action: &str) -> &'static Method {
    methods()
        .iter()
        .find(|method| method.side == side && method.action == action)
        .expect("a method of the table")
}

fn asked(side: Side, version: Version, action: &str, payload: Value) -> Value {
    request(method(side, action), version, payload).expect("the request is good")
}

#[test]
fn names_and_shapes_over_time() {
    use Version::{V3_0, V3_1, V3_2, V3_3, V3_4, V3_5, V3_6, V3_7};
    let agent = Side::Agent;
    let customer = Side::Customer;
    let cases = [
        // Bodies of 3.0 may be wrapped.
        (agent, V3_0, "ping", json!({ "payload": {} }), json!({})),
        (
            agent,
            V3_0,
            "ping",
            json!({ "payload": { "_author_id": "x" }, "author_id": "bot" }),
            json!({ "_author_id": "bot" }),
        ),
        (
            agent,
            V3_0,
            "tag_thread",
            json!({ "payload": { "chat_id": "A", "thread_id": "T", "tag": "t" } }),
            json!({ "chat_id": "A", "thread_id": "T", "tag": "t" }),
        ),
        // What LiveChat's client for Node calls the owner of webhooks, and the properties of one group.
        (
            Side::Configuration,
            V3_4,
            "enable_license_webhooks",
            json!({ "client_id": "c" }),
            json!({ "owner_client_id": "c" }),
        ),
        (
            Side::Configuration,
            V3_4,
            "list_groups_properties",
            json!({ "id": "7", "namespace_prefix": "test" }),
            json!({ "namespace": "test", "group_ids": [7] }),
        ),
        // The id of a chat.
        (agent, V3_2, "follow_chat", json!({ "chat_id": "A" }), json!({ "id": "A" })),
        (agent, V3_2, "follow_chat", json!({ "id": "A" }), json!({ "id": "A" })),
        (customer, V3_2, "deactivate_chat", json!({ "chat_id": "A" }), json!({ "id": "A" })),
        (
            customer,
            V3_1,
            "update_chat_properties",
            json!({ "chat_id": "A", "properties": { "rating": { "score": { "value": 1 } } } }),
            json!({ "properties": { "rating": { "score": 1 } }, "id": "A" }),
        ),
        // Nobody had to be in the chat.
        (
            agent,
            V3_2,
            "deactivate_chat",
            json!({ "chat_id": "A" }),
            json!({ "id": "A", "ignore_requester_presence": true }),
        ),
        (agent, V3_4, "deactivate_chat", json!({ "id": "A" }), json!({ "id": "A" })),
        (
            agent,
            V3_3,
            "transfer_chat",
            json!({ "id": "A", "force": true }),
            json!({ "id": "A", "ignore_agents_availability": true,
                    "ignore_requester_presence": true }),
        ),
        (
            agent,
            V3_3,
            "add_user_to_chat",
            json!({ "chat_id": "A", "user_id": "u", "user_type": "agent" }),
            json!({ "chat_id": "A", "user_id": "u", "user_type": "agent", "visibility": "all",
                    "ignore_requester_presence": true }),
        ),
        (
            agent,
            V3_3,
            "send_event",
            json!({ "chat_id": "A", "event": { "type": "message", "recipients": "agents" } }),
            json!({ "chat_id": "A", "event": { "type": "message", "visibility": "agents" },
                    "_from_outside": true }),
        ),
        (
            customer,
            V3_1,
            "send_event",
            json!({ "chat_id": "A", "event": { "type": "message" }, "_from_outside": true }),
            json!({ "chat_id": "A", "event": { "type": "message" } }),
        ),
        // An event opened a thread.
        (
            customer,
            V3_0,
            "send_event",
            json!({ "chat_id": "A", "event": { "type": "message" } }),
            json!({ "chat_id": "A", "event": { "type": "message" }, "_opens_thread": true }),
        ),
        (
            customer,
            V3_0,
            "send_event",
            json!({ "chat_id": "A", "event": {}, "require_active_thread": true }),
            json!({ "chat_id": "A", "event": {} }),
        ),
        (
            agent,
            V3_3,
            "send_typing_indicator",
            json!({ "chat_id": "A", "is_typing": true, "recipients": "agents" }),
            json!({ "chat_id": "A", "is_typing": true, "visibility": "agents" }),
        ),
        // Lists.
        (
            agent,
            V3_5,
            "list_chats",
            json!({ "filters": { "include_active": false } }),
            json!({ "filters": { "active": false } }),
        ),
        (
            agent,
            V3_5,
            "list_chats",
            json!({ "filters": { "include_active": true } }),
            json!({ "filters": {} }),
        ),
        (
            agent,
            V3_6,
            "list_chats",
            json!({ "filters": { "include_active": false } }),
            json!({ "filters": { "include_active": false } }),
        ),
        (agent, V3_1, "list_chats", json!({}), json!({ "limit": 25 })),
        (
            agent,
            V3_1,
            "list_chats",
            json!({ "pagination": { "page": 3, "total": 10 } }),
            json!({ "limit": 10, "_offset": 20 }),
        ),
        (
            customer,
            V3_0,
            "list_chats",
            json!({ "offset": 5, "limit": 5 }),
            json!({ "limit": 5, "_offset": 5 }),
        ),
        (
            agent,
            V3_0,
            "list_threads",
            json!({ "chat_id": "A", "order": "asc" }),
            json!({ "chat_id": "A", "sort_order": "asc", "limit": 10 }),
        ),
        (
            agent,
            V3_1,
            "list_threads",
            json!({ "chat_id": "A", "order": "asc", "limit": 5, "page_id": "x" }),
            json!({ "chat_id": "A", "page_id": "x" }),
        ),
        (
            customer,
            V3_1,
            "list_threads",
            json!({ "chat_id": "A", "offset": 25 }),
            json!({ "chat_id": "A", "limit": 25, "_offset": 25 }),
        ),
        (
            agent,
            V3_1,
            "list_archives",
            json!({ "filters": { "query": "x", "agent_ids": ["b"], "date_from": "2016-09-01",
                                 "date_to": "2016-10-01" },
                    "pagination": { "page": 2, "limit": 50 } }),
            json!({ "filters": { "query": "x", "from": "2016-09-01T00:00:00.000000Z",
                                 "to": "2016-10-01T23:59:59.999999Z",
                                 "agents": { "values": ["b"] } },
                    "limit": 50, "_offset": 50 }),
        ),
        (
            agent,
            V3_1,
            "get_chat",
            json!({ "chat_id": "A", "thread_ids": ["T1", "T2"] }),
            json!({ "chat_id": "A", "thread_id": "T1", "_thread_ids": ["T1", "T2"] }),
        ),
        (agent, V3_1, "list_customers", json!({ "order": "asc" }), json!({ "sort_order": "asc" })),
        // Times in seconds.
        (
            agent,
            V3_0,
            "mark_events_as_seen",
            json!({ "chat_id": "A", "timestamp": 1_507_821_561 }),
            json!({ "chat_id": "A", "seen_up_to": "2017-10-12T15:19:21.999999Z" }),
        ),
        (
            customer,
            V3_0,
            "mark_events_as_seen",
            json!({ "chat_id": "A" }),
            json!({ "chat_id": "A", "seen_up_to": SEEN_EVERYTHING }),
        ),
        // Customers.
        (
            customer,
            V3_1,
            "set_customer_session_fields",
            json!({ "fields": { "b": "2", "a": "1" } }),
            json!({ "session_fields": [{ "b": "2" }, { "a": "1" }] }),
        ),
        (
            customer,
            V3_1,
            "check_goals",
            json!({ "customer_fields": { "a": "1" }, "group_id": 0, "page_url": "u" }),
            json!({ "group_id": 0, "page_url": "u", "session_fields": [{ "a": "1" }] }),
        ),
        (
            customer,
            V3_0,
            "update_customer",
            json!({ "customer_id": "c", "name": "Carol" }),
            json!({ "name": "Carol" }),
        ),
        (
            agent,
            V3_2,
            "update_customer",
            json!({ "customer_id": "c", "name": "Carol" }),
            json!({ "name": "Carol", "id": "c" }),
        ),
        (
            customer,
            V3_1,
            "login",
            json!({ "token": "t", "customer": { "fields": { "a": "1" } } }),
            json!({ "token": "t", "customer": { "session_fields": [{ "a": "1" }] } }),
        ),
        // Agents and groups.
        (
            agent,
            V3_1,
            "set_routing_status",
            json!({ "routing_status": "accepting_chats" }),
            json!({ "status": "accepting_chats" }),
        ),
        (
            customer,
            V3_1,
            "list_group_statuses",
            json!({ "groups": [1] }),
            json!({ "group_ids": [1] }),
        ),
        (customer, V3_1, "list_group_statuses", json!({}), json!({ "all": true })),
        (
            agent,
            V3_1,
            "multicast",
            json!({ "scopes": { "agents": { "all": true } }, "content": {} }),
            json!({ "content": {}, "recipients": { "agents": { "all": true } } }),
        ),
        (
            agent,
            V3_1,
            "grant_chat_access",
            json!({ "resource": "chat", "id": "A", "access": { "type": "group", "id": 1 } }),
            json!({ "resource": "chat", "id": "A", "access": { "group_ids": [1] } }),
        ),
        (
            Side::Configuration,
            V3_1,
            "register_webhook",
            json!({ "action": "incoming_chat_thread", "secret_key": "s", "url": "u", "type": "bot" }),
            json!({ "action": "incoming_chat", "secret_key": "s", "url": "u", "type": "bot" }),
        ),
        // The newest asks as the one before.
        (
            agent,
            V3_7,
            "list_chats",
            json!({ "filters": { "active": true } }),
            json!({ "filters": { "active": true } }),
        ),
    ];
    for (side, version, action, payload, expected) in cases {
        assert_eq!(asked(side, version, action, payload), expected, "{action} in {version}");
    }
}

#[test]
fn what_is_wrong_is_told_in_the_clients_names() {
    let cases = [
        (Side::Agent, Version::V3_2, "follow_chat", json!({}), "`chat_id` is required"),
        (Side::Agent, Version::V3_3, "follow_chat", json!({}), "`id` is required"),
        (
            Side::Agent,
            Version::V3_0,
            "follow_chat",
            json!({ "payload": {} }),
            "`chat_id` is required",
        ),
        (
            Side::Agent,
            Version::V3_5,
            "list_chats",
            json!({ "filters": { "include_active": 1 } }),
            "`filters.include_active` must be true or false",
        ),
        (
            Side::Agent,
            Version::V3_1,
            "multicast",
            json!({ "scopes": { "agents": { "all": 1 } }, "content": 1 }),
            "`scopes.agents.all` must be true or false",
        ),
        (
            Side::Customer,
            Version::V3_1,
            "set_customer_session_fields",
            json!({ "fields": { "a": 1 } }),
            "`fields.a` must be text",
        ),
        (
            Side::Agent,
            Version::V3_1,
            "list_archives",
            json!({ "filters": { "date_from": "yesterday" } }),
            "`filters.date_from` must be a date such as 2026-06-12",
        ),
        (
            Side::Agent,
            Version::V3_1,
            "set_access",
            json!({ "resource": "customer", "id": "A", "access": {} }),
            "`resource` must be chat",
        ),
        (
            Side::Agent,
            Version::V3_1,
            "set_access",
            json!({ "resource": "chat", "id": "A", "access": { "type": "agent", "id": 1 } }),
            "`access.type` must be group",
        ),
        (
            Side::Agent,
            Version::V3_1,
            "set_routing_status",
            json!({}),
            "`routing_status` is required",
        ),
    ];
    for (side, version, action, payload, message) in cases {
        let failure = request(method(side, action), version, payload).expect_err("wrong");
        assert_eq!(failure.message, message);
        let field = message.split('`').nth(1);
        if failure.error_type == crate::livechat::ErrorType::Validation {
            assert_eq!(failure.field_name(), field);
        }
    }
}

#[test]
fn no_client_sends_private_keys() {
    for version in Version::ALL {
        let payload = json!({ "chat_id": "A", "_offset": 5, "_from_outside": true,
                              "_opens_thread": true, "_thread_ids": ["T"], "_author_id": "bot" });
        let seen = asked(Side::Customer, version, "get_chat", payload);
        assert_eq!(seen, json!({ "chat_id": "A" }), "{version}");
    }
}
