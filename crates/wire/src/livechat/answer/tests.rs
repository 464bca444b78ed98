//! Answers in the shapes of every version.

use super::*;
use crate::livechat::methods;

fn answered(side: Side, version: Version, action: &str, value: Value) -> Value {
    let method = methods()
        .iter()
        .find(|method| method.side == side && method.action == action)
        .expect("a method of the table");
    answer(method, version, value)
}

fn event() -> Value {
    json!({
        "id": "K600PKZON8_3", "type": "message", "text": "Hello", "author_id": "bob@example.com",
        "created_at": "2017-10-12T15:19:21.010200Z", "visibility": "all",
        "properties": { "test": { "int_property": 1 } }, "_order": 3,
    })
}

fn chat() -> Value {
    json!({
        "id": "PJ0MRSHTDG",
        "users": [{ "id": "bob@example.com", "type": "agent", "visibility": "all",
                    "events_seen_up_to": "2017-10-12T15:19:21.010200Z" }],
        "thread": {
            "id": "K600PKZON8", "active": true, "created_at": "2017-10-12T15:19:21.010200Z",
            "user_ids": ["bob@example.com"], "events": [event()], "_order": 2,
            "queue": { "position": 1 }, "summary": { "status": "ok" },
        },
        "properties": { "routing": { "pinned": false } },
        "access": { "group_ids": [0] },
        "is_followed": false,
    })
}

fn summary() -> Value {
    json!({
        "id": "PJ0MRSHTDG",
        "users": [],
        "last_event_per_type": {
            "message": { "thread_id": "K600PKZON8", "thread_created_at": "2017-10-12T15:19:21Z",
                         "event": event() },
            "file": { "thread_id": "OLD", "thread_created_at": "2017-10-11T15:19:21Z",
                      "restricted_access": "no access" },
            "system": { "thread_id": "K600PKZON8", "event": { "id": "K_4", "type": "system" } },
            "form": { "thread_id": "K600PKZON8", "event": { "id": "K_5", "type": "form" } },
        },
        "last_thread_summary": {
            "id": "K600PKZON8", "active": true, "created_at": "2017-10-12T15:19:21.010200Z",
            "user_ids": [], "properties": { "routing": { "idle": false } }, "_order": 2,
        },
        "access": { "group_ids": [0] },
    })
}

#[test]
fn today_only_the_private_keys_go() {
    assert_eq!(
        answered(
            Side::Agent,
            Version::V3_6,
            "send_event",
            json!({ "event_id": "K_1", "_event": {} })
        ),
        json!({ "event_id": "K_1" })
    );
    let mut thread = chat();
    let shown = answered(Side::Agent, Version::V3_6, "get_chat", thread.clone());
    private::strip(&mut thread);
    assert_eq!(shown, thread);
}

#[test]
fn the_oldest_answers_with_the_whole_event() {
    let given = json!({ "event_id": "K600PKZON8_3", "_event": event() });
    assert_eq!(
        answered(Side::Agent, Version::V3_0, "send_event", given.clone()),
        json!({
            "thread_id": "K600PKZON8",
            "event": {
                "id": "K600PKZON8_3", "type": "message", "text": "Hello",
                "author_id": "bob@example.com", "timestamp": 1_507_821_561, "order": 3,
                "recipients": "all",
                "properties": { "test": { "int_property": { "value": 1 } } },
            },
        })
    );
    assert_eq!(
        answered(Side::Agent, Version::V3_1, "send_event", given),
        json!({ "event_id": "K600PKZON8_3" })
    );
}

#[test]
fn the_oldest_answers_with_the_whole_chat() {
    let given = json!({ "chat_id": "PJ0MRSHTDG", "thread_id": "K600PKZON8", "_chat": chat() });
    let shown = answered(Side::Agent, Version::V3_0, "start_chat", given.clone());
    assert_eq!(
        shown.pointer("/chat/thread"),
        Some(&json!({
            "id": "K600PKZON8", "active": true, "timestamp": 1_507_821_561, "order": 2,
            "user_ids": ["bob@example.com"],
            "events": [{
                "id": "K600PKZON8_3", "type": "message", "text": "Hello",
                "author_id": "bob@example.com", "timestamp": 1_507_821_561, "order": 3,
                "recipients": "all",
                "properties": { "test": { "int_property": { "value": 1 } } },
            }],
        }))
    );
    assert_eq!(
        shown.pointer("/chat/users"),
        Some(&json!([{ "id": "bob@example.com", "type": "agent",
                       "last_seen_timestamp": 1_507_821_561 }]))
    );
    assert_eq!(
        shown.pointer("/chat/properties"),
        Some(&json!({ "routing": { "pinned": { "value": false } } }))
    );
    let resumed = answered(Side::Agent, Version::V3_0, "resume_chat", given.clone());
    assert_eq!(
        resumed.pointer("/chat/threads_summary"),
        Some(&json!([{ "thread_id": "K600PKZON8", "order": 2 }]))
    );
    assert_eq!(resumed.pointer("/chat/threads/0/id"), Some(&json!("K600PKZON8")));
    assert_eq!(
        answered(Side::Agent, Version::V3_1, "start_chat", given),
        json!({ "chat_id": "PJ0MRSHTDG", "thread_id": "K600PKZON8" })
    );
}

#[test]
fn threads_change_with_3_2_and_events_with_3_1() {
    let thread = |version| {
        let shown = answered(
            Side::Agent,
            version,
            "list_threads",
            json!({ "threads": [chat()["thread"]] }),
        );
        shown.pointer("/threads/0").cloned().unwrap_or_default()
    };
    let newer = thread(Version::V3_2);
    assert_eq!(newer["created_at"], "2017-10-12T15:19:21.010200Z");
    assert_eq!(newer["queue"], json!({ "position": 1 }));
    assert_eq!(newer.get("summary"), None);
    assert_eq!(newer.get("order"), None);
    assert_eq!(newer["events"][0]["recipients"], "all");
    assert_eq!(newer["events"][0]["properties"], json!({ "test": { "int_property": 1 } }));
    assert_eq!(thread(Version::V3_4)["events"][0]["visibility"], "all");
    assert_eq!(thread(Version::V3_6)["summary"], json!({ "status": "ok" }));

    let of_3_1 = answered(Side::Agent, Version::V3_1, "get_chat", chat());
    let thread = of_3_1.pointer("/chat/threads/0").expect("the thread");
    assert_eq!(thread["timestamp"], 1_507_821_561);
    assert_eq!(thread["order"], 2);
    assert_eq!(thread["events"][0]["created_at"], "2017-10-12T15:19:21.010200Z");
    assert_eq!(thread["events"][0].get("order"), None);
    assert_eq!(
        thread["events"][0]["properties"],
        json!({ "test": { "int_property": { "value": 1 } } })
    );
}

#[test]
fn restricted_access_was_a_truth() {
    let thread = json!({ "id": "T", "restricted_access": "older than the plan keeps" });
    let chat = json!({ "id": "A", "thread": thread });
    let shown = answered(Side::Agent, Version::V3_1, "get_chat", chat.clone());
    assert_eq!(shown.pointer("/chat/threads/0/restricted_access"), Some(&json!(true)));
    let shown = answered(Side::Agent, Version::V3_2, "get_chat", chat);
    assert_eq!(
        shown.pointer("/thread/restricted_access"),
        Some(&json!("older than the plan keeps"))
    );
}

#[test]
fn several_threads_of_a_chat_were_one_answer() {
    let mut given = chat();
    given["_threads"] = json!([{ "id": "T1", "_order": 1 }, { "id": "T2", "_order": 2 }]);
    let shown = answered(Side::Customer, Version::V3_0, "get_chat", given.clone());
    assert_eq!(
        shown.pointer("/chat/threads"),
        Some(&json!([{ "id": "T1", "order": 1 }, { "id": "T2", "order": 2 }]))
    );
    let today = answered(Side::Customer, Version::V3_6, "get_chat", given);
    assert_eq!(today.get("_threads"), None);
    assert_eq!(today["thread"]["id"], "K600PKZON8");
}

#[test]
fn summaries_of_chats_in_every_age() {
    let shown = |version| {
        answered(
            Side::Agent,
            version,
            "list_chats",
            json!({ "chats_summary": [summary()], "found_chats": 1 }),
        )
    };
    let newest = shown(Version::V3_7);
    assert_eq!(newest.get("chats_summary"), None);
    let info = &newest["chats_info"][0];
    assert_eq!(info.get("last_thread_summary"), None);
    assert_eq!(info.get("last_event_per_type"), None);
    assert_eq!(info["last_thread_info"]["id"], "K600PKZON8");
    assert_eq!(
        info["last_thread_info"]["last_event_per_type"]["message"]["event"]["text"],
        "Hello"
    );

    let types = |version| {
        let shown = shown(version);
        let types = shown["chats_summary"][0]["last_event_per_type"].as_object().cloned();
        types.unwrap_or_default().keys().cloned().collect::<Vec<_>>()
    };
    assert_eq!(types(Version::V3_6), ["message", "file", "system", "form"]);
    assert_eq!(types(Version::V3_5), ["message", "file", "form"]);
    assert_eq!(types(Version::V3_2), ["message", "file"]);

    let oldest = shown(Version::V3_0);
    assert_eq!(oldest["pagination"], json!({ "total": 1 }));
    let oldest = &oldest["chats_summary"][0];
    assert_eq!(oldest["last_thread_summary"]["timestamp"], 1_507_821_561);
    assert_eq!(oldest["last_thread_summary"]["order"], 2);
    assert_eq!(
        oldest["last_thread_summary"]["properties"],
        json!({ "routing": { "idle": { "value": false } } })
    );
    assert_eq!(oldest["last_event_per_type"]["message"]["thread_order"], 2);
    assert_eq!(oldest["last_event_per_type"]["message"].get("thread_created_at"), None);
    assert_eq!(
        oldest["last_event_per_type"]["file"],
        json!({ "thread_id": "OLD", "event": { "restricted_access": true } })
    );
}

#[test]
fn login_has_summaries_too() {
    let given = json!({ "my_profile": { "id": "bob@example.com" }, "chats_summary": [summary()] });
    let newest = answered(Side::Agent, Version::V3_7, "login", given);
    assert!(newest.pointer("/chats_info/0/last_thread_info").is_some());
}

#[test]
fn the_threads_of_3_0_were_counted() {
    let given = json!({ "threads": [chat()["thread"]], "found_threads": 7, "next_page_id": "x" });
    assert_eq!(
        answered(Side::Agent, Version::V3_1, "list_threads", given.clone()),
        json!({
            "threads_summary": [{ "id": "K600PKZON8", "order": 2, "events_count": 1 }],
            "found_threads": 7,
            "next_page_id": "x",
        })
    );
    let to_customer = answered(Side::Customer, Version::V3_0, "list_threads", given);
    assert_eq!(to_customer["total_threads"], 7);
    assert_eq!(to_customer["threads_summary"][0]["total_events"], 1);
}

#[test]
fn archives_were_wrapped() {
    let given = json!({ "chats": [{ "id": "A", "thread": { "id": "T" } }], "found_chats": 3 });
    assert_eq!(
        answered(Side::Agent, Version::V3_0, "list_archives", given.clone()),
        json!({
            "chats": [{ "chat": { "id": "A", "thread": { "id": "T" } } }],
            "found_chats": 3,
            "pagination": { "total": 3 },
        })
    );
    assert_eq!(answered(Side::Agent, Version::V3_2, "list_archives", given.clone()), given);
}

#[test]
fn customers_had_fields_and_a_last_visit() {
    let given = json!({
        "id": "c", "type": "customer", "visit": { "id": 1 },
        "session_fields": [{ "plan": "free" }, { "size": "10" }],
    });
    assert_eq!(
        answered(Side::Agent, Version::V3_1, "get_customer", given.clone()),
        json!({
            "id": "c", "type": "customer", "last_visit": { "id": 1 },
            "fields": { "plan": "free", "size": "10" },
        })
    );
    assert_eq!(
        answered(Side::Agent, Version::V3_5, "get_customer", given.clone()),
        json!({
            "id": "c", "type": "customer", "last_visit": { "id": 1 },
            "session_fields": [{ "plan": "free" }, { "size": "10" }],
        })
    );
    assert_eq!(answered(Side::Agent, Version::V3_6, "get_customer", given.clone()), given.clone());
    assert_eq!(
        answered(
            Side::Agent,
            Version::V3_0,
            "update_customer",
            json!({ "_customer": { "id": "c", "session_fields": [] } })
        ),
        json!({ "id": "c", "fields": {} })
    );
    assert_eq!(
        answered(
            Side::Agent,
            Version::V3_1,
            "update_customer",
            json!({ "_customer": { "id": "c" } })
        ),
        json!({})
    );
}

#[test]
fn customers_are_told_recipients_and_never_visibility() {
    for version in Version::ALL {
        let given = json!({ "id": "A", "thread": { "id": "T", "events": [event()] } });
        let shown = answered(Side::Customer, version, "get_chat", given);
        let events =
            shown.pointer("/thread/events").or_else(|| shown.pointer("/chat/threads/0/events"));
        let event = events.and_then(|events| events.get(0)).expect("the event");
        assert_eq!(event.get("visibility"), None, "{version}");
        assert_eq!(event.get("recipients").is_some(), version <= Version::V3_5, "{version}");
    }
}

#[test]
fn what_a_version_did_not_have_is_left_out() {
    let events = json!([
        { "id": "T_1", "type": "message", "text": "gone", "deleted": true },
        { "id": "T_2", "type": "system" },
        { "id": "T_3", "type": "form", "form_type": "prechat" },
        { "id": "T_4", "type": "file", "alternative_text": "a cat" },
        { "id": "T_5", "type": "rich_message", "elements": [{
            "image": { "url": "u", "alternative_text": "a cat" }, "ecommerce": {},
            "buttons": [{ "text": "t", "target": "new" }] }] },
    ]);
    let shown = |version| {
        let given = json!({ "threads": [{ "id": "T", "events": events }] });
        answered(Side::Agent, version, "list_threads", given)["threads"][0]["events"].clone()
    };
    assert_eq!(shown(Version::V3_6), events);
    assert_eq!(
        shown(Version::V3_5),
        json!([
            { "id": "T_3", "type": "form", "form_type": "prechat" },
            { "id": "T_4", "type": "file", "alternative_text": "a cat" },
            { "id": "T_5", "type": "rich_message", "elements": [{
                "image": { "url": "u", "alternative_text": "a cat" },
                "buttons": [{ "text": "t", "target": "new" }] }] },
        ])
    );
    assert_eq!(shown(Version::V3_3)[0], json!({ "id": "T_3", "type": "form" }));
    assert_eq!(
        shown(Version::V3_2),
        json!([
            { "id": "T_4", "type": "file" },
            { "id": "T_5", "type": "rich_message", "elements": [{
                "image": { "url": "u" }, "buttons": [{ "text": "t" }] }] },
        ])
    );
}

#[test]
fn small_answers_of_the_oldest() {
    assert_eq!(
        answered(
            Side::Customer,
            Version::V3_0,
            "mark_events_as_seen",
            json!({ "_seen_up_to": "2017-10-12T15:19:21.010200Z" })
        ),
        json!({ "timestamp": 1_507_821_561 })
    );
    let login = json!({ "customer": { "id": "c" }, "has_active_thread": false, "chats": [],
                        "__priv_dynamic_config": {} });
    let oldest = answered(Side::Customer, Version::V3_0, "login", login.clone());
    assert_eq!(oldest["customer_id"], "c");
    assert_eq!(oldest["__priv_dynamic_config"], json!({}));
    assert_eq!(answered(Side::Customer, Version::V3_5, "login", login.clone()), login);
    assert_eq!(
        answered(
            Side::Configuration,
            Version::V3_1,
            "list_webhooks",
            json!([{ "id": "w", "action": "incoming_chat" }])
        ),
        json!([{ "id": "w", "action": "incoming_chat_thread" }])
    );
}

#[test]
fn a_thread_without_a_number_is_numbered_by_the_moment_that_it_began() {
    let micros = 1_507_821_561_010_200_i64;
    let at = "2017-10-12T15:19:21.010200Z";
    let thread = json!({ "id": "T", "created_at": at, "events": [] });
    let shown =
        answered(Side::Agent, Version::V3_1, "list_threads", json!({ "threads": [thread] }));
    assert_eq!(shown["threads_summary"][0]["order"], micros);
    let shown =
        answered(Side::Agent, Version::V3_0, "get_chat", json!({ "id": "A", "thread": thread }));
    assert_eq!(shown["chat"]["threads"][0]["order"], micros);
    assert_eq!(shown["chat"]["threads_summary"], json!([{ "thread_id": "T", "order": micros }]));
    let summary = json!({
        "id": "A", "last_thread_id": "T", "last_thread_created_at": at,
        "last_event_per_type": { "message": { "thread_id": "T", "thread_created_at": at } },
    });
    let shown = answered(
        Side::Customer,
        Version::V3_1,
        "list_chats",
        json!({ "chats_summary": [summary] }),
    );
    let shown = &shown["chats_summary"][0];
    assert_eq!(shown["order"], micros);
    assert_eq!(shown["last_event_per_type"]["message"]["thread_order"], micros);
}
