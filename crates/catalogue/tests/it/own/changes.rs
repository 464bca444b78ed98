//! What a change does to who relied on a type.

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_oneof, proptest};
use serde_json::{Value, json};
use tidings_catalogue::EventType;
use tidings_catalogue::own::{Change, WrongCode, compare, judge};

use super::{good, order_placed, with};

/// A change, as `pointer code` with a letter for each of whom it breaks: readers, senders.
fn told(change: &Change) -> String {
    let readers = if change.breaks_readers { " R" } else { "" };
    let senders = if change.breaks_senders { " S" } else { "" };
    format!("{} {}{readers}{senders}", change.pointer, change.code.as_str())
}

#[test]
fn nothing_differs_from_itself() {
    let order = good(&order_placed());
    assert_eq!(compare(&order, &good(&order_placed())), []);
}

#[test]
fn each_change_says_whom_it_breaks() {
    let price = "/schema/properties/price";
    for (pointer, value, wanted) in [
        ("/title", Some(json!("Ordered")), vec!["/title words_changed"]),
        (
            "/schema/properties/note",
            Some(json!({ "type": "string" })),
            vec!["/schema/properties/note field_added"],
        ),
        (price, None, vec!["/schema/properties/price field_removed R"]),
        ("/schema/required", Some(json!([])), vec!["/schema/required field_optional R"]),
        (
            "/schema/required",
            Some(json!(["size", "price"])),
            vec!["/schema/required field_required S"],
        ),
        (
            price,
            Some(json!({ "type": "integer", "minimum": 0 })),
            vec!["/schema/properties/price/type type_changed S"],
        ),
        (
            price,
            Some(json!({ "type": ["number", "null"], "minimum": 0 })),
            vec!["/schema/properties/price/type type_changed R"],
        ),
        (
            price,
            Some(json!({ "type": "string", "minimum": 0 })),
            vec!["/schema/properties/price/type type_changed R S"],
        ),
        (
            price,
            Some(json!({ "type": "number" })),
            vec!["/schema/properties/price/minimum limit_changed R"],
        ),
        (
            price,
            Some(
                json!({ "type": "number", "minimum": 1, "maximum": 100, "description": "In euro." }),
            ),
            vec![
                "/schema/properties/price/maximum limit_changed S",
                "/schema/properties/price/minimum limit_changed S",
            ],
        ),
        (
            "/schema/properties/size",
            Some(json!({ "enum": ["S", "L", "XL"] })),
            vec!["/schema/properties/size/enum choices_changed R"],
        ),
        (
            "/schema/properties/size",
            Some(json!({ "const": "L" })),
            vec!["/schema/properties/size/enum choices_changed S"],
        ),
        (
            "/schema/$defs/item/properties/name",
            Some(json!({ "type": "string", "format": "email" })),
            vec!["/schema/properties/items/items/properties/name/format form_changed S"],
        ),
        (
            "/schema/additionalProperties",
            Some(json!(false)),
            vec!["/schema/additionalProperties rule_changed S"],
        ),
        (
            price,
            Some(json!({ "type": "number", "minimum": 0, "not": { "const": 7 } })),
            vec!["/schema/properties/price/not rule_changed R S"],
        ),
        ("/heard_by", Some(json!(["app"])), vec!["/heard_by heard_by_fewer R"]),
        ("/aliases", Some(json!(["shop:order"])), vec!["/aliases alias_removed R S"]),
    ] {
        let (mut old, mut new) = (order_placed(), with(pointer, value));
        // Every one of these schemas takes it, but those that want a price.
        let is_priced = pointer.ends_with("required");
        let sample =
            if is_priced { json!({ "size": "L", "price": 7 }) } else { json!({ "size": "L" }) };
        old["sample"] = sample.clone();
        new["sample"] = sample;
        let told: Vec<String> = compare(&good(&old), &good(&new)).iter().map(told).collect();
        assert_eq!(told, wanted, "{pointer}");
    }
}

fn judged(old: &Value, new: &Value) -> Result<usize, (WrongCode, &'static str)> {
    judge(&good(old), &good(new))
        .map(|changes| changes.len())
        .map_err(|fault| (fault.code, fault.pointer))
}

#[test]
fn the_version_is_raised_exactly_when_somebody_breaks() {
    let old = order_placed();
    let breaking = with("/schema/required", Some(json!([])));
    assert_eq!(judged(&old, &breaking), Err((WrongCode::WrongVersion, "/version")));
    let mut raised = breaking.clone();
    raised["version"] = json!(2);
    assert_eq!(judged(&old, &raised), Ok(1));
    raised["version"] = json!(3);
    assert_eq!(judged(&old, &raised), Err((WrongCode::WrongVersion, "/version")));
    let mut harmless = with("/schema/properties/note", Some(json!({})));
    assert_eq!(judged(&old, &harmless), Ok(1));
    harmless["version"] = json!(2);
    assert_eq!(judged(&old, &harmless), Err((WrongCode::WrongVersion, "/version")));
}

#[test]
fn a_draft_changes_freely_and_what_is_stable_is_no_draft_again() {
    let draft = with("/status", Some(json!("draft")));
    let breaking = with("/schema/required", Some(json!([])));
    assert_eq!(judged(&draft, &breaking), Ok(1));
    assert_eq!(judged(&order_placed(), &draft), Err((WrongCode::NoDraftAgain, "/status")));
}

/// A small schema of one value, by the words that can be told apart.
fn any_schema() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({})),
        Just(json!({ "type": "string" })),
        Just(json!({ "type": "integer" })),
        Just(json!({ "type": ["number", "null"] })),
        (0..4i64, 0..4i64).prop_map(|(least, more)| json!({ "type": "integer", "minimum": least, "maximum": least + more })),
        (0..3u8, 0..3u8).prop_map(|(least, more)| json!({ "type": "string", "minLength": least, "maxLength": least + more })),
        prop::collection::vec(prop_oneof![Just(json!("a")), Just(json!("bb")), Just(json!(1))], 1..3)
            .prop_map(|mut choices| {
                choices.dedup();
                json!({ "enum": choices })
            }),
        Just(json!({ "const": 1 })),
        Just(json!({ "type": "string", "format": "email" })),
        Just(json!({ "type": "string", "pattern": "^a" })),
        Just(json!({ "anyOf": [{ "type": "string" }, { "type": "integer" }] })),
        Just(json!({ "anyOf": [{ "type": "string" }] })),
    ];
    leaf.prop_recursive(2, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|items| json!({ "type": "array", "items": items })),
            any_object(inner),
        ]
    })
}

fn any_object(field: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    let fields = prop::collection::btree_map("[abc]", field, 0..3);
    (fields, any::<[bool; 3]>()).prop_map(|(fields, needed)| {
        let required: Vec<&String> =
            fields.keys().zip(needed).filter(|(_, needed)| *needed).map(|(name, _)| name).collect();
        json!({ "type": "object", "required": required, "properties": fields })
    })
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        (0..8i64).prop_map(Value::from),
        Just(json!(1.5)),
        Just(json!("a")),
        Just(json!("bb")),
        Just(json!("a@b.com")),
        Just(json!("")),
    ];
    leaf.prop_recursive(2, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            any_fields(inner),
        ]
    })
}

fn any_fields(field: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[abc]", field, 0..3)
        .prop_map(|fields| Value::Object(fields.into_iter().collect()))
}

/// A type of such a schema; what fits nothing has no sample and is no type.
fn typed(schema: &Value, value: &Value) -> Option<EventType> {
    let mut given = order_placed();
    given["aliases"] = json!([]);
    given["schema"] = schema.clone();
    given["sample"] = value.clone();
    super::read(&given).ok()
}

/// The value without the fields that a schema does not name: nobody promised anything about those.
fn named_only(value: &Value, schema: &Value) -> Value {
    match value {
        Value::Object(fields) => {
            let named = fields.iter().filter_map(|(name, value)| {
                let schema = schema.get("properties")?.get(name)?;
                Some((name.clone(), named_only(value, schema)))
            });
            Value::Object(named.collect())
        }
        Value::Array(entries) => match schema.get("items") {
            Some(schema) => entries.iter().map(|each| named_only(each, schema)).collect(),
            None => value.clone(),
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// A type as it was and as it is: they share a field, and another one differs; so does what is required.
fn any_change() -> impl Strategy<Value = (Value, Value)> {
    let needed = prop::sample::subsequence(vec!["a", "b", "c"], 0..3);
    let side = || (any_schema(), needed.clone(), any::<bool>());
    (any_schema(), side(), side()).prop_map(|(shared, old, new)| {
        let of = |(own, needed, has_both): (Value, Vec<&str>, bool)| {
            let mut schema =
                json!({ "type": "object", "required": needed, "properties": { "a": own } });
            if has_both {
                schema["properties"]["b"] = shared.clone();
            }
            schema
        };
        (of(old), of(new))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn what_breaks_nobody_breaks_nobody(
        (old, new) in any_change(), values in prop::collection::vec(any_fields(any_value()), 1..40),
    ) {
        let types = values.iter().find_map(|sample| typed(&old, sample))
            .zip(values.iter().find_map(|sample| typed(&new, sample)));
        let Some((before, after)) = types else { return Ok(()) };
        let changes = compare(&before, &after);
        let breaks_readers = changes.iter().any(|change| change.breaks_readers);
        let breaks_senders = changes.iter().any(|change| change.breaks_senders);
        for value in &values {
            if !breaks_readers && after.validate(value).is_ok() {
                assert!(before.validate(value).is_ok(), "a reader of {old} meets {value} of {new}");
            }
            let sent = named_only(value, &old);
            if !breaks_senders && before.validate(&sent).is_ok() {
                assert!(after.validate(&sent).is_ok(), "a sender of {old} is refused {sent} by {new}");
            }
        }
    }
}
