//! Every fault is told with its field and a stable code.

use serde_json::{Value, json};
use tidings_catalogue::own::{WrongCode, read, written};
use tidings_catalogue::{Kind, Origin, Status};

use super::{good, order_placed, with};
use crate::builtin;

/// The faults of a type, each as `pointer code`.
fn faults(given: &Value) -> Vec<String> {
    let wrong = super::read(given).err().unwrap_or_default();
    wrong.iter().map(|each| format!("{} {}", each.pointer, each.code.as_str())).collect()
}

/// The one fault of the order with one place changed.
fn fault(pointer: &str, value: Value) -> String {
    let faults = faults(&with(pointer, Some(value)));
    assert_eq!(faults.len(), 1, "{pointer}: {faults:?}");
    faults.into_iter().next().unwrap_or_default()
}

#[test]
fn a_whole_type_is_read_and_written_again() {
    let order = good(&order_placed());
    assert_eq!((order.kind, order.origin), (Kind::After, Origin::Workspace));
    assert_eq!((order.status, order.version), (Status::Stable, 1));
    assert_eq!(order.aliases.len(), 2);
    assert!(order.validate(&json!({ "size": "M" })).is_err());
    let stored = written(&order);
    let again = good(&stored);
    assert_eq!(written(&again), stored);
}

#[test]
fn what_is_left_out_has_a_meaning() {
    let order = good(&json!({
        "name": "order.placed", "title": "Order placed",
        "schema": { "type": "object" }, "sample": {},
    }));
    assert_eq!((order.version, order.status), (1, Status::Stable));
    assert_eq!(order.heard_by.iter().map(|each| each.as_str()).collect::<Vec<_>>(), ["app"]);
    assert_eq!((order.description.as_str(), order.group.as_str()), ("", "Own types"));
}

#[test]
fn each_fault_has_its_field_and_its_code() {
    for (pointer, value, wanted) in [
        ("/name", json!("Order Placed"), "/name invalid_name"),
        ("/name", json!("order"), "/name invalid_name"),
        ("/name", json!("chat.message"), "/name name_taken"),
        ("/name", json!("event.mail.received"), "/name name_taken"),
        ("/title", json!(" "), "/title missing"),
        ("/title", json!(7), "/title wrong_kind_of_value"),
        ("/title", json!("x".repeat(300)), "/title too_long"),
        ("/kind", json!("later"), "/kind unknown_word"),
        ("/kind", json!("interactive"), "/kind kind_not_supported"),
        ("/version", json!(0), "/version wrong_kind_of_value"),
        ("/status", json!("done"), "/status unknown_word"),
        ("/heard_by", json!([]), "/heard_by missing"),
        ("/heard_by", json!(["app", "group", "all"]), "/heard_by/2 unknown_word"),
        ("/channels", json!(["Tele Gram"]), "/channels/0 unknown_word"),
        ("/colour", json!("red"), "/colour unknown_field"),
        ("/sample", json!({ "size": "M" }), "/sample/size sample_does_not_fit"),
        ("/aliases", json!(["message:text"]), "/aliases/0/name name_taken"),
        ("/aliases", json!(["a", "a"]), "/aliases/1/name name_taken"),
        ("/aliases", json!([7]), "/aliases/0 wrong_kind_of_value"),
        ("/aliases", json!(["with space"]), "/aliases/0/name invalid_alias"),
        (
            "/aliases",
            json!([{ "name": "a", "where": { "data.colour": "red" } }]),
            "/aliases/0/where/data.colour invalid_alias",
        ),
    ] {
        assert_eq!(fault(pointer, value), wanted);
    }
    for field in ["name", "title", "schema", "sample"] {
        let faults = faults(&with(&format!("/{field}"), None));
        assert!(faults.contains(&format!("/{field} missing")), "{faults:?}");
    }
    assert_eq!(faults(&json!("order.placed"))[0], " wrong_kind_of_value");
}

#[test]
fn each_fault_of_a_schema_has_its_place() {
    let at = "/schema/properties/price";
    for (value, wanted) in [
        (json!({ "type": "nubmer" }), "/schema/properties/price/type invalid_schema"),
        (json!({ "typ": "number" }), "/schema/properties/price/typ unknown_keyword"),
        (json!({ "$id": "urn:x" }), "/schema/properties/price/$id unknown_keyword"),
        (json!({ "$dynamicRef": "#x" }), "/schema/properties/price/$dynamicRef unknown_keyword"),
        (
            json!({ "$ref": "https://example.com/x" }),
            "/schema/properties/price/$ref remote_reference",
        ),
        (json!({ "$ref": "#" }), "/schema/properties/price/$ref remote_reference"),
        (json!({ "$ref": "#/$defs/none" }), "/schema/properties/price/$ref unknown_reference"),
        (json!({ "pattern": "^(?=a)" }), "/schema/properties/price/pattern invalid_pattern"),
        (json!({ "pattern": "(a)\\1" }), "/schema/properties/price/pattern invalid_pattern"),
        (json!({ "pattern": "(" }), "/schema/properties/price/pattern invalid_pattern"),
        (json!({ "format": "no-such-form" }), "/schema/properties/price/format invalid_schema"),
        (json!(7), "/schema/properties/price invalid_schema"),
        (json!({ "anyOf": {} }), "/schema/properties/price/anyOf invalid_schema"),
    ] {
        assert_eq!(fault(at, value), wanted);
    }
    assert_eq!(fault("/schema", json!(true)), "/schema wrong_kind_of_value");
    assert_eq!(fault("/schema/type", json!("array")), "/schema/type invalid_schema");
    assert_eq!(fault("/schema/$defs", json!([])), "/schema/$defs wrong_kind_of_value");
}

#[test]
fn a_schema_that_was_fetched_from_us_may_come_back() {
    let order = good(&order_placed());
    let served = tidings_catalogue::data_schema(&order);
    let again = good(&with("/schema", Some(served)));
    assert_eq!(again.schema()["properties"], order.schema()["properties"]);
    assert!(again.schema().get("$id").is_none());
}

#[test]
fn a_schema_that_would_stall_us_is_refused() {
    let refers = |name: &str| json!({ "$ref": format!("#/$defs/{name}") });
    let refused = |defs: Value, code: &str| {
        let schema = json!({
            "type": "object", "properties": { "size": { "$ref": "#/$defs/a0" } }, "$defs": defs,
        });
        let faults = faults(&with("/schema", Some(schema)));
        assert_eq!(faults, [format!("/schema {code}")]);
    };
    refused(json!({ "a0": refers("a0") }), "schema_recursive");
    refused(
        json!({ "a0": { "properties": { "x": refers("a1") } }, "a1": { "not": refers("a0") } }),
        "schema_recursive",
    );
    // Each part holds the next one twice: two to the power of fourteen.
    let doubling: serde_json::Map<String, Value> = (0..14)
        .map(|place| (format!("a{place}"), json!({ "anyOf": [refers(&format!("a{}", place + 1)), refers(&format!("a{}", place + 1))] })))
        .chain([("a14".to_owned(), json!({ "type": "string" }))])
        .collect();
    refused(doubling.into(), "too_many");
    let chain: serde_json::Map<String, Value> = (0..100)
        .map(|place| (format!("a{place}"), refers(&format!("a{}", place + 1))))
        .chain([("a100".to_owned(), json!({}))])
        .collect();
    refused(chain.into(), "schema_too_deep");

    let deep = (0..40).fold(json!({}), |inner, _| json!({ "not": inner }));
    assert!(fault("/schema/properties/price", deep).ends_with("schema_too_deep"));
    let large = json!({ "description": "x".repeat(70_000) });
    assert_eq!(fault("/schema/properties/price", large), "/schema too_long");
    let patterns: Vec<Value> = (0..60).map(|_| json!({ "pattern": "a" })).collect();
    assert_eq!(fault("/schema/properties/price", json!({ "anyOf": patterns })), "/schema too_many");
    assert_eq!(fault("/sample", json!({ "size": "x".repeat(70_000) })), "/sample too_long");
}

#[test]
fn a_type_is_no_collision_of_itself() {
    let base = std::sync::Arc::new(builtin());
    let order = std::sync::Arc::new(good(&order_placed()));
    let (all, _) = tidings_catalogue::Catalogue::with(&base, [order]);
    assert!(read(&all, &order_placed()).is_ok());
    let other = with("/name", Some(json!("order.paid")));
    let wrong = read(&all, &other).expect_err("it has the other's aliases");
    assert!(wrong.iter().all(|each| each.code == WrongCode::NameTaken), "{wrong:?}");
    assert_eq!(wrong.len(), 2);
}
