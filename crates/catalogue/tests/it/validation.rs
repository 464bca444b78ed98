//! Data against its schema, on the hot path.

use proptest::prelude::{Strategy, any, prop, prop_oneof, proptest};
use proptest::strategy::Just;
use serde_json::{Value, json};
use tidings_catalogue::shape::{VIOLATION_CHARS_MAX, VIOLATIONS_MAX};
use tidings_catalogue::{Shape, TypeFilter, Violation};
use tidings_model::AuthorKind;

use crate::builtin;

fn violations(event_type: &str, data: &Value) -> Vec<Violation> {
    let catalogue = builtin();
    catalogue.get_str(event_type).expect("a type").validate(data).expect_err("wrong data")
}

#[test]
fn a_violation_tells_the_place_and_not_the_value() {
    let wrong =
        violations("chat.location", &json!({"latitude": "my secret place", "longitude": 200}));
    let places: Vec<&str> = wrong.iter().map(|each| each.pointer.as_str()).collect();
    assert_eq!(places, ["/latitude", "/longitude"]);
    assert!(wrong.iter().all(|each| !each.message.contains("secret")), "{wrong:?}");

    let wrong = violations("chat.message", &json!({"txet": "hello"}));
    assert_eq!(wrong[0].to_string(), r#""text" is a required property"#);
}

#[test]
fn the_number_and_length_of_violations_is_bounded() {
    let files = vec![json!({"media": "x".repeat(1000)}); 90];
    let wrong = violations("chat.file", &json!({"files": files}));
    assert_eq!(wrong.len(), VIOLATIONS_MAX);
    assert!(wrong.iter().all(|each| each.message.chars().count() <= VIOLATION_CHARS_MAX));
}

#[test]
fn formats_count() {
    let status = |event: &str| json!({"event": event, "status": "sent"});
    assert_eq!(violations("message.status_changed", &status("17")).len(), 1);
    let catalogue = builtin();
    let event_type = catalogue.get_str("message.status_changed").expect("a type");
    assert_eq!(event_type.validate(&status("0192f0c1-2b7a-7c3e-9d10-5a6b7c8d9e0f")), Ok(()));
}

#[test]
fn an_answer_is_validated_as_well() {
    let catalogue = builtin();
    let answer = catalogue
        .get_str("payment.precheckout")
        .expect("a type")
        .answer
        .as_ref()
        .expect("an answer");
    assert_eq!(answer.validate(&json!({"ok": true})), Ok(()));
    assert!(answer.validate(&json!({"ok": false})).is_err(), "a refusal says why");
    assert!(answer.validate(&json!({"ok": true, "okay": 1})).is_err());
}

#[test]
fn the_happy_path_does_not_allocate() {
    let catalogue = builtin();
    for each in catalogue.types() {
        let count = allocation_counter::measure(|| {
            assert!(each.validate(each.sample()).is_ok());
        });
        assert_eq!(count.count_total, 0, "validating {}", each.name);
    }

    let names = ["payment.*".to_owned(), "message:image".to_owned()];
    let filter = TypeFilter::parse(&catalogue, &names).expect("known names");
    let file = catalogue.get_str("chat.file").expect("a type");
    let count = allocation_counter::measure(|| {
        assert!(filter.matches(&file.name, Some("web"), AuthorKind::Customer, file.sample()));
        let resolved = catalogue.resolve("vonage:image").expect("an alias");
        assert!(resolved.matches(Some("vonage"), AuthorKind::Customer, file.sample()));
    });
    assert_eq!(count.count_total, 0, "resolving and filtering");
}

/// Any JSON, with the names of real fields among its keys, so that it gets deep into the schemas.
fn any_json() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        prop::sample::select(
            &["files", "media", "fields", "answer", "event", "from", "kind", "text", "elements"][..]
        )
        .prop_map(str::to_owned),
        ".{0,8}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..8)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

#[test]
fn validating_any_json_ends_well() {
    let catalogue = builtin();
    let holds = |shape: Result<(), Vec<Violation>>| match shape {
        Ok(()) => {}
        Err(violations) => assert!((1..=VIOLATIONS_MAX).contains(&violations.len())),
    };
    proptest!(|(value in any_json())| {
        for each in catalogue.types() {
            holds(each.validate(&value));
            if let Some(answer) = &each.answer {
                holds(answer.validate(&value));
            }
            for alias in &each.aliases {
                let resolved = catalogue.resolve(&alias.name).expect("an alias");
                resolved.matches(Some("telegram"), AuthorKind::Customer, &value);
            }
        }
    });
}

#[test]
fn a_shape_may_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Shape>();
    shared::<tidings_catalogue::Catalogue>();
}
