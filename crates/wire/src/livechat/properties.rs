//! What holds for every method, push and version, whatever comes.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::methods::{Kind, Param, oldest_methods};
use super::{
    EventLimits, Method, Side, Transport, Version, answer, event, find, methods, private, push,
    pushes, request,
};

/// Names that mean something somewhere, so that random payloads get further than the first check.
const NAMES: [&str; 40] = [
    "payload",
    "chat_id",
    "id",
    "thread_id",
    "thread_ids",
    "event",
    "events",
    "type",
    "text",
    "visibility",
    "recipients",
    "properties",
    "chat",
    "chats",
    "thread",
    "threads",
    "users",
    "user",
    "session_fields",
    "fields",
    "customer",
    "visit",
    "filters",
    "pagination",
    "page",
    "limit",
    "offset",
    "timestamp",
    "created_at",
    "seen_up_to",
    "last_event_per_type",
    "chats_summary",
    "last_thread_summary",
    "_order",
    "_event",
    "_chat",
    "_threads",
    "access",
    "elements",
    "buttons",
];

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z_\\PC]{0,12}".prop_map(Value::from),
        prop::sample::select(vec!["message", "system", "form", "all", "agents", "group"])
            .prop_map(Value::from),
        Just(json!("2017-10-12T15:19:21.010200Z")),
    ];
    leaf.prop_recursive(6, 64, 6, |inner| {
        let key = prop_oneof![
            4 => prop::sample::select(NAMES.to_vec()).prop_map(str::to_owned),
            1 => "[a-z_]{0,8}",
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

fn any_method() -> impl Strategy<Value = &'static Method> {
    prop::sample::select(methods().iter().collect::<Vec<_>>())
}

fn not_the_customers() -> impl Strategy<Value = &'static Method> {
    let others = methods().iter().filter(|method| method.side != Side::Customer);
    prop::sample::select(others.collect::<Vec<_>>())
}

fn any_version() -> impl Strategy<Value = Version> {
    prop::sample::select(Version::ALL.to_vec())
}

fn any_side() -> impl Strategy<Value = Side> {
    prop::sample::select(Side::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_payload_panics_and_a_refusal_is_a_refusal_of_the_client(
        method in any_method(), version in any_version(), payload in json_value(),
    ) {
        if let Err(failure) = request(method, version, payload) {
            prop_assert!((400..500).contains(&failure.error_type.http_status()));
            prop_assert!(!failure.message.is_empty());
        }
    }

    #[test]
    fn a_good_request_of_3_6_stays_as_it_is(method in any_method(), payload in json_value()) {
        if let Ok(once) = request(method, Version::V3_6, payload) {
            prop_assert_eq!(request(method, Version::V3_6, once.clone()), Ok(once));
        }
    }

    #[test]
    fn answers_to_agents_stay_as_they_are_in_3_6(method in not_the_customers(), given in json_value()) {
        let mut stripped = given.clone();
        private::strip(&mut stripped);
        prop_assert_eq!(answer(method, Version::V3_6, given), stripped);
    }

    #[test]
    fn no_answer_panics_or_shows_a_private_key(
        method in any_method(), version in any_version(), given in json_value(),
    ) {
        let shown = answer(method, version, given);
        let mut stripped = shown.clone();
        private::strip(&mut stripped);
        prop_assert_eq!(shown, stripped);
    }

    #[test]
    fn no_push_panics_shows_a_private_key_or_has_a_name_that_login_does_not_know(
        side in prop::sample::select(vec![Side::Agent, Side::Customer]), version in any_version(), at in any::<prop::sample::Index>(),
        payload in json_value(),
    ) {
        let actions: Vec<&str> = pushes(side, Version::V3_6).collect();
        let action: &str = actions[at.index(actions.len())];
        if let Some((name, shown)) = push(side, version, action, &payload) {
            prop_assert!(pushes(side, version).any(|known| known == name), "{}", name);
            let mut stripped = shown.clone();
            private::strip(&mut stripped);
            prop_assert_eq!(shown, stripped);
        }
    }

    #[test]
    fn no_event_panics(side in any_side(), version in any_version(), given in json_value()) {
        let _checked = event(side, version, &given, &EventLimits::default());
    }
}

/// A value that a parameter takes.
fn example(action: &str, param: &Param) -> Value {
    let last = param.path.rsplit('.').next().unwrap_or_default();
    match last {
        "resource" => json!("chat"),
        "type" if param.path == "access.type" || param.path == "target.type" => json!("group"),
        "date_from" | "date_to" => json!("2016-09-01"),
        "ids" => json!([1]),
        "recipients" => json!("all"),
        "scopes" => json!({ "agents": { "all": true } }),
        "event" => json!({ "type": "message", "text": "Hello" }),
        "users" => json!([{ "id": "c", "type": "customer" }]),
        "properties" if action.starts_with("delete_") => json!({ "test": ["int_property"] }),
        "properties" => json!({ "test": { "int_property": 1 } }),
        "fields" | "customer_fields" => json!({ "plan": "free" }),
        _ => match (param.kind, param.allowed.first()) {
            (Kind::Text, Some(allowed)) => json!(allowed),
            // 3.0 does not say so, but a customer could never be removed.
            (Kind::Text, None) if last == "user_type" => json!("agent"),
            (Kind::Text, None) => json!("text"),
            (Kind::Bool, _) => json!(true),
            (Kind::Integer, _) => json!(1),
            (Kind::Time, _) => json!("2017-10-12T15:19:21.010200Z"),
            (Kind::Object, _) => json!({}),
            (Kind::Texts, _) => json!(["text"]),
            (Kind::Integers, _) => json!([1]),
            (Kind::Objects | Kind::List, _) => json!([]),
            (Kind::Any | Kind::File, _) => Value::Null,
        },
    }
}

/// Puts a value at a path of names, making the objects on the way.
fn put(object: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        None => {
            object.insert(path.to_owned(), value);
        }
        Some((first, rest)) => {
            let child = object.entry(first).or_insert_with(|| json!({}));
            if let Value::Object(child) = child {
                put(child, rest, value);
            }
        }
    }
}

#[test]
fn every_method_of_3_0_with_all_it_takes_becomes_a_good_request_of_today() {
    let mut seen = 0;
    for oldest in oldest_methods() {
        let mut payload = Map::new();
        for param in oldest.params() {
            if !param.path.contains('<') {
                put(&mut payload, param.path, example(oldest.action, param));
            }
        }
        if oldest.action == "multicast" {
            payload.insert("content".to_owned(), json!({ "any": 1 }));
        }
        let found = Transport::ALL
            .into_iter()
            .find_map(|over| find(oldest.side, Version::V3_0, over, oldest.action).ok());
        let method = found.unwrap_or_else(|| panic!("{} is not mapped", oldest.action));
        let wrapped = json!({ "payload": payload });
        let today = request(method, Version::V3_0, wrapped)
            .unwrap_or_else(|failure| panic!("{}: {failure}", oldest.action));
        request(method, Version::V3_6, today)
            .unwrap_or_else(|failure| panic!("{} as of today: {failure}", oldest.action));
        seen += 1;
    }
    assert_eq!(seen, 65);
}
