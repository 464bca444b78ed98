//! A type from a sample.

use proptest::prelude::{Strategy, any, prop, prop_oneof, proptest};
use serde_json::{Value, json};
use tidings_catalogue::own::{draft_from_sample, written};
use tidings_catalogue::{EventType, Status};

use super::OURS;

fn draft(sample: &Value) -> EventType {
    draft_from_sample(&OURS, "order.was_placed", sample).expect("a good sample")
}

#[test]
fn a_sample_becomes_a_draft() {
    let order = draft(&json!({
        "number": 17, "price": 12.5, "paid": true, "note": null, "at": "2026-01-02T03:04:05Z",
        "customer": { "email": "alice@example.com", "page": "https://example.com/alice", "name": "note:hello" },
        "items": [
            { "id": "0197c5a0-0000-7000-8000-000000000001", "count": 1 },
            { "id": "0197c5a0-0000-7000-8000-000000000002", "count": 1.5, "size": "L" },
        ],
        "tags": [],
        "codes": ["a", 7, null],
    }));
    assert_eq!((order.title.as_str(), order.status), ("Order was placed", Status::Draft));
    assert_eq!(
        *order.schema(),
        json!({
            "type": "object",
            "required": ["number", "price", "paid", "note", "at", "customer", "items", "tags", "codes"],
            "properties": {
                "number": { "type": "integer" },
                "price": { "type": "number" },
                "paid": { "type": "boolean" },
                "note": {},
                "at": { "type": "string", "format": "date-time" },
                "customer": {
                    "type": "object",
                    "required": ["email", "page", "name"],
                    "properties": {
                        "email": { "type": "string", "format": "email" },
                        "page": { "type": "string", "format": "uri" },
                        "name": { "type": "string" },
                    },
                },
                "items": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["id", "count"],
                        "properties": {
                            "id": { "type": "string", "format": "uuid" },
                            "count": { "type": "number" },
                            "size": { "type": "string" },
                        },
                    },
                },
                "tags": { "type": "array" },
                "codes": { "type": "array", "items": { "type": ["string", "integer", "null"] } },
            },
        })
    );
}

#[test]
fn a_wrong_name_or_sample_is_told() {
    let wrong = |name: &str, sample: Value| {
        let wrong = draft_from_sample(&OURS, name, &sample).expect_err("it is wrong");
        format!("{} {}", wrong[0].pointer, wrong[0].code.as_str())
    };
    assert_eq!(wrong("Order", json!({})), "/name invalid_name");
    assert_eq!(wrong("chat.message", json!({})), "/name name_taken");
    assert_eq!(wrong("order.placed", json!([])), "/sample wrong_kind_of_value");
    let deep = (0..30).fold(json!({}), |inner, _| json!({ "a": inner }));
    assert!(wrong("order.placed", deep).ends_with("schema_too_deep"));
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<()>().prop_map(|()| Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-z@.:/0-9-]{0,12}".prop_map(Value::from),
        "(2026-01-02T03:04:05Z|a@b\\.com|https://a\\.b/c)".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::hash_map("[a-z~/$]{0,4}", inner, 0..5)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn a_sample_fits_its_draft_and_the_draft_can_be_stored(
        fields in prop::collection::hash_map("[a-z~/$]{0,4}", any_value(), 0..6),
    ) {
        let sample = Value::Object(fields.into_iter().collect());
        let drafted = draft(&sample);
        assert_eq!(drafted.validate(&sample), Ok(()));
        let stored = written(&drafted);
        assert_eq!(written(&super::good(&stored)), stored);
    }
}
