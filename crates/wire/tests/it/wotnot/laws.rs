//! What holds for any event: whatever is missing or wrong in it, nothing panics, and what goes out has its shape.

use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use tidings_model::{AuthorKind, Draft, Timestamp, Visibility};
use tidings_wire::wotnot::{Extensions, Framing, Scene, body, records};

use super::cases::{cases, scene};
use super::shapes::Shape;
use crate::pizzeria::numbered;

static ENVELOPE: LazyLock<Shape> = LazyLock::new(|| Shape::of("#/$defs/envelope"));

/// Words that mean something to one field or another.
const WORDS: &str = "|kind|slider|cards|url|client\\.|https://\\[|/files/1|\u{bf}\u{b7}|\u{b7}|\\+4|9e999|[ -~ä😀\u{b7}]{0,12}";

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        WORDS.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((WORDS, inner), 0..4)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

/// Puts another value in place of one somewhere inside, or takes it away.
fn change(value: &mut Value, places: &[Index], other: Option<Value>) {
    let Some((place, deeper)) = places.split_first() else {
        *value = other.unwrap_or(Value::Null);
        return;
    };
    let takes_away = deeper.is_empty() && other.is_none();
    match value {
        Value::Object(map) if !map.is_empty() => {
            let name = map.keys().nth(place.index(map.len())).cloned().expect("it is in range");
            if takes_away {
                map.shift_remove(&name);
            } else {
                change(map.entry(name).or_insert(Value::Null), deeper, other);
            }
        }
        Value::Array(list) if !list.is_empty() => {
            if takes_away {
                list.remove(place.index(list.len()));
            } else {
                change(place.get_mut(list), deeper, other);
            }
        }
        Value::Null
        | Value::Bool(_)
        | Value::Number(_)
        | Value::String(_)
        | Value::Array(_)
        | Value::Object(_) => *value = other.unwrap_or(Value::Null),
    }
}

#[derive(Debug)]
struct Changes {
    which: Index,
    data: Vec<(Vec<Index>, Option<Value>)>,
    prompt: Option<Value>,
    author: Index,
    author_id: Option<String>,
    agents: bool,
    outside: bool,
    second: i64,
    bare_scene: bool,
}

fn changes() -> impl Strategy<Value = Changes> {
    let place = prop::collection::vec(any::<Index>(), 1..5);
    let data = prop::collection::vec((place, prop::option::of(anything())), 0..4);
    let author = (any::<Index>(), prop::option::of(WORDS));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let second = -377_705_023_201i64..253_402_207_200;
    (any::<Index>(), data, prop::option::of(anything()), author, flags, second).prop_map(
        |(which, data, prompt, (author, author_id), (agents, outside, bare_scene), second)| {
            Changes { which, data, prompt, author, author_id, agents, outside, second, bare_scene }
        },
    )
}

fn changed(draft: &Draft, changes: &Changes) -> Draft {
    let mut draft = draft.clone();
    for (places, other) in &changes.data {
        change(&mut draft.data, places, other.clone());
    }
    if let Some(id) = &changes.author_id {
        draft.author.kind = *changes.author.get(&AuthorKind::ALL);
        draft.author.id.clone_from(id);
    }
    if changes.agents {
        draft.visibility = Visibility::Agents;
    }
    if changes.outside {
        (draft.chat, draft.thread, draft.channel) = (None, None, None);
    }
    draft.time = Timestamp::from_second(changes.second).expect("in range");
    draft
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn whatever_is_wrong_with_an_event_its_body_has_a_shape(changes in changes()) {
        let cases = cases();
        let case = changes.which.get(&cases);
        let event = numbered(changed(&case.event, &changes));
        let mut scene = if changes.bare_scene { Scene::default() } else { case.scene.clone() };
        scene.prompt = changes.prompt.or(scene.prompt);
        let told = body(&event, &scene, Framing::Envelope, Extensions::Off);
        if let Some(bytes) = &told {
            let body = serde_json::from_slice(bytes).expect("JSON");
            let faults = ENVELOPE.faults(&body);
            prop_assert!(faults.is_empty(), "{:?} in {:#}", faults, body);
        }
        prop_assert_eq!(told, body(&event, &scene, Framing::Envelope, Extensions::Off));
    }
}

#[test]
fn a_record_needs_nothing_but_its_event() {
    for case in cases() {
        let told = records(&case.event, &Scene::default(), Extensions::Off);
        assert!(!told.is_empty(), "{}", case.name);
        ENVELOPE.check(&json!({ "events": told }));
    }
}

#[test]
fn the_same_conversation_and_people_have_the_same_ids_in_all_records() {
    let told: Vec<Value> =
        cases().iter().flat_map(|case| records(&case.event, &scene(), Extensions::Off)).collect();
    for name in ["conversation", "account", "visitor"] {
        let ids: Vec<(&Value, &Value)> = told
            .iter()
            .filter_map(|record| record.get(name))
            .map(|part| (&part["key"], &part["id"]))
            .collect();
        assert!(ids.len() > 20, "{name}");
        assert!(ids.iter().all(|part| part == &ids[0]), "{name}");
    }
}
