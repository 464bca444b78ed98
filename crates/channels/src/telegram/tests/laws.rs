//! What holds for any bytes: an update is read or refused, never a panic, and twice the same; its number and its bytes
//! are kept; files are described where they say.

use proptest::prelude::*;
use serde_json::{Map, Number, Value};

use super::{FIXTURES, received_at, settings};
use crate::telegram::read_update;

fn hold(body: &[u8]) -> Result<(), TestCaseError> {
    let settings = settings();
    let first = read_update(body, received_at(), &settings, Some("pizza_bot"));
    let second = read_update(body, received_at(), &settings, Some("pizza_bot"));
    let (Ok(first), Ok(second)) = (first, second) else {
        let raw = serde_json::from_slice::<Map<String, Value>>(body).ok();
        let is_update = raw.is_some_and(|raw| raw.get("update_id").is_some_and(Value::is_i64));
        prop_assert!(!is_update, "an update with a number is never refused");
        return Ok(());
    };
    prop_assert_eq!(&first, &second);
    prop_assert_eq!(first.raw.get("update_id").map(ToString::to_string), Some(first.provider_id));
    prop_assert!(first.data.is_object());
    for file in &first.files {
        prop_assert!(first.data.pointer(&file.pointer).is_some_and(Value::is_object));
    }
    prop_assert!(
        first.address.is_none_or(|address| address.parse::<crate::telegram::Address>().is_ok())
    );
    Ok(())
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| Number::from_f64(number).map_or(Value::Null, Value::Number)),
        "\\PC{0,12}".prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            prop::collection::vec(("[a-z_]{1,10}", inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Every place in a value, as JSON pointers.
fn places(value: &Value, here: &str, found: &mut Vec<String>) {
    found.push(here.to_owned());
    match value {
        Value::Object(map) => {
            map.iter().for_each(|(key, value)| places(value, &format!("{here}/{key}"), found))
        }
        Value::Array(list) => {
            list.iter()
                .enumerate()
                .for_each(|(n, value)| places(value, &format!("{here}/{n}"), found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        hold(&bytes)?;
    }

    #[test]
    fn any_json_as_a_kind(kind in "[a-z_]{1,20}", content in any_json()) {
        let update = serde_json::json!({"update_id": 1, kind: content});
        hold(update.to_string().as_bytes())?;
    }

    /// One place of a real update holds something else.
    #[test]
    fn a_changed_update(which in 0..FIXTURES.len(), place in any::<prop::sample::Index>(), other in any_json()) {
        let mut update: Value = serde_json::from_str(FIXTURES[which].1).expect("a fixture is JSON");
        let mut found = Vec::new();
        places(&update, "", &mut found);
        let place: &String = place.get(&found);
        *update.pointer_mut(place).expect("it was found there") = other;
        hold(update.to_string().as_bytes())?;
    }

    /// Bytes of a real update are cut off or changed.
    #[test]
    fn a_broken_update(which in 0..FIXTURES.len(), at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in any::<bool>()) {
        let mut bytes = FIXTURES[which].1.as_bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if cut {
            bytes.truncate(at);
        }
        hold(&bytes)?;
    }
}

#[test]
fn every_fixture_is_an_update() {
    for (name, body) in FIXTURES {
        hold(body.as_bytes()).unwrap_or_else(|broken| panic!("{name}: {broken}"));
    }
}
