//! The WotNot format: every type and sub-type against the shapes that its page has, and what comes out word by word.
//!
//! `tests/data/wotnot-events.schema.json` describes the bodies that WotNot's page shows, and nothing beside them.

mod cases;
mod laws;
mod shapes;

use std::collections::BTreeSet;

use serde_json::{Value, json};
use tidings_wire::batch::BatchLimits;
use tidings_wire::wotnot::{
    Extensions, Framing, SUB_TYPES, TYPES, batch, body, envelope, event_types, for_batch, has_form,
    record, records, type_of,
};

use crate::{catalogue, pizzeria};
use cases::{Case, cases, scene};
use shapes::{Shape, names_in_schema};

/// The body of a case, read back.
fn told(case: &Case, framing: Framing, extensions: Extensions) -> Value {
    let bytes = body(&case.event, &case.scene, framing, extensions).expect("it has a form");
    serde_json::from_slice(&bytes).expect("JSON")
}

/// What a record is: `note`, `message:text`.
fn name_of(record: &Value) -> String {
    let text = |path: &str| record.pointer(path).and_then(Value::as_str);
    let name = text("/event/type").expect("a type");
    match text("/event/payload/message/type") {
        Some(sub_type) => format!("{name}:{sub_type}"),
        None => name.to_owned(),
    }
}

#[test]
fn the_data_of_every_case_is_as_the_catalogue_wants_it() {
    let types = catalogue::event_types();
    for case in cases() {
        types[case.event.event_type.as_str()].check(&case.event.data);
    }
}

#[test]
fn every_type_and_sub_type_is_told() {
    let told: BTreeSet<String> = cases()
        .iter()
        .flat_map(|case| records(&case.event, &case.scene, Extensions::Off))
        .map(|record| name_of(&record))
        .collect();
    for name in TYPES.into_iter().filter(|name| *name != "message") {
        assert!(told.contains(name), "{name}");
    }
    for sub_type in SUB_TYPES {
        assert!(told.contains(&format!("message:{sub_type}")), "{sub_type}");
    }
    assert_eq!(told.len(), TYPES.len() - 1 + SUB_TYPES.len());
}

#[test]
fn the_lists_are_those_of_the_schema() {
    assert_eq!(names_in_schema("payload."), BTreeSet::from(TYPES.map(str::to_owned)));
    assert_eq!(names_in_schema("message."), BTreeSet::from(SUB_TYPES.map(str::to_owned)));
}

#[test]
fn every_body_has_its_shape_in_every_framing() {
    let (document, envelope, record) =
        (Shape::of(""), Shape::of("#/$defs/envelope"), Shape::of("#/$defs/event"));
    for case in cases() {
        document.check(&told(&case, Framing::AsDocumented, Extensions::Off));
        envelope.check(&told(&case, Framing::Envelope, Extensions::Off));
        let bare = told(&case, Framing::Bare, Extensions::Off);
        record.check(&bare);
        let name = bare["event"]["type"].as_str().expect("a type");
        Shape::of(&format!("#/$defs/event.{name}")).check(&bare);
    }
}

#[test]
fn only_the_two_newer_types_are_bare_as_documented() {
    for case in cases() {
        let told = told(&case, Framing::AsDocumented, Extensions::Off);
        let is_newer = ["chat.sla_breached", "message.status_changed"]
            .contains(&case.event.event_type.as_str());
        assert_eq!(told.get("event").is_some(), is_newer, "{}", case.name);
        assert_eq!(told.get("events").is_some(), !is_newer, "{}", case.name);
    }
}

#[test]
fn what_receivers_read() {
    for case in cases() {
        let told = told(&case, Framing::AsDocumented, Extensions::Off);
        let text = serde_json::to_string_pretty(&told).expect("JSON");
        insta::with_settings!({
            snapshot_path => "../data/wotnot",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(case.name, text);
        });
    }
}

#[test]
fn extensions_are_the_only_difference_when_they_are_on() {
    for case in cases() {
        let plain = records(&case.event, &case.scene, Extensions::Off);
        let extended = records(&case.event, &case.scene, Extensions::On);
        assert_eq!(plain.len(), extended.len());
        for (plain, mut extended) in plain.into_iter().zip(extended) {
            let mut take = |path: &str, name: &str| {
                extended.pointer_mut(path)?.as_object_mut()?.shift_remove(name)
            };
            assert_eq!(take("", "event_id"), Some(json!(case.event.id)));
            assert_eq!(take("", "occurred_at"), Some(json!(pizzeria::NOW)));
            assert_eq!(take("", "seq"), Some(json!(41)));
            let message_id = take("/event/payload", "message_id");
            if plain["event"]["type"] == "message" {
                let told = message_id.expect("a message has an id");
                assert_eq!(told.as_str().map(str::len), Some(32));
            } else if let Some(told) = message_id {
                // The status names its message with and without extensions.
                extended["event"]["payload"] = json!({
                    "message_id": told, "status": extended["event"]["payload"]["status"],
                });
            }
            assert_eq!(plain.to_string(), extended.to_string());
        }
    }
}

#[test]
fn a_status_names_the_message_that_the_extension_named() {
    let data = json!({ "text": "Your pizza is on its way" });
    let message = pizzeria::numbered(pizzeria::draft("chat.message", pizzeria::bot(), data));
    let said = record(&message, &scene(), Extensions::On).expect("it has a form");
    let data = json!({ "event": message.id, "status": "read" });
    let status = pizzeria::draft("message.status_changed", pizzeria::bot(), data);
    let status = record(&pizzeria::numbered(status), &scene(), Extensions::Off);
    let status = status.expect("it has a form");
    assert_eq!(said["event"]["payload"]["message_id"], status["event"]["payload"]["message_id"]);
    assert_eq!(said["conversation"], status["conversation"]);
}

#[test]
fn several_records_go_in_one_envelope() {
    let all: Vec<Value> = cases()
        .iter()
        .flat_map(|case| records(&case.event, &case.scene, Extensions::Off))
        .collect();
    let body = envelope(&all);
    Shape::of("#/$defs/envelope").check(&body);
    assert_eq!(body["events"].as_array().map(Vec::len), Some(all.len()));

    let mut batch = batch(BatchLimits { events_max: 1_000, bytes_max: 1_000_000 });
    for case in cases() {
        let event = for_batch(&case.event, &case.scene, Extensions::Off).expect("it has a form");
        assert!(batch.push(&event));
    }
    assert_eq!(batch.events(), cases().len());
    let bytes = batch.finish();
    assert_eq!(serde_json::from_slice::<Value>(&bytes).expect("JSON"), body);
}

#[test]
fn what_the_catalogue_calls_a_name_of_wotnot_has_that_form() {
    for (name, known) in catalogue::event_types() {
        for alias in &known.wotnot_names {
            let (theirs, sub_type) =
                alias.split_once(':').map_or((alias.as_str(), None), |(a, b)| (a, Some(b)));
            assert_eq!(type_of(&name), Some(theirs), "{name}");
            let wanted = cases().into_iter().any(|case| {
                let record = record(&case.event, &case.scene, Extensions::Off);
                case.event.event_type.as_str() == name
                    && record.is_some_and(|record| name_of(&record) == *alias)
            });
            assert!(wanted || sub_type.is_none(), "no case tells {name} as {alias}");
        }
        // Two more have a form than have a name: a command is a text, and a status tells of both directions.
        let has_name = !known.wotnot_names.is_empty();
        let is_more = ["chat.command", "chat.reopened"].contains(&name.as_str());
        assert_eq!(has_form(&name), has_name || is_more, "{name}");
    }
}

#[test]
fn samples_of_the_catalogue_are_told_where_they_have_a_form() {
    let types = catalogue::event_types();
    let shape = Shape::of("#/$defs/envelope");
    for name in event_types() {
        let author = match name {
            "chat.postback" | "chat.form_filled" => pizzeria::alice(),
            _ => pizzeria::bob(),
        };
        let event = pizzeria::numbered(pizzeria::draft(name, author, types[name].sample.clone()));
        let body = body(&event, &scene(), Framing::Envelope, Extensions::Off);
        // A custom event of the kitchen's oven is nothing that WotNot knows.
        assert_eq!(body.is_some(), name != "chat.custom", "{name}");
        if let Some(body) = body {
            shape.check(&serde_json::from_slice(&body).expect("JSON"));
        }
    }
}

#[test]
fn what_has_no_form_is_not_told() {
    let types = catalogue::event_types();
    for (name, known) in &types {
        if !has_form(name) {
            let draft = pizzeria::draft(name, pizzeria::alice(), known.sample.clone());
            let told = records(&pizzeria::numbered(draft), &scene(), Extensions::On);
            assert!(told.is_empty(), "{name}: {told:?}");
        }
    }
    let press = json!({ "value": "L", "text": "Large", "toggled": false });
    let file = json!({ "files": [{ "url": "https://example.org/a.png", "media": "image" }] });
    let team = json!({ "assignee": "bob@example.org", "previous_assignee": "bob@example.org", "group": "drivers" });
    let nothing = json!({ "added": [], "removed": [], "labels": ["vip"] });
    let mut outside = pizzeria::draft("chat.message", pizzeria::alice(), json!({ "text": "Hi" }));
    outside.chat = None;
    for draft in [
        pizzeria::draft("chat.postback", pizzeria::alice(), press.clone()),
        pizzeria::draft("chat.postback", pizzeria::bob(), json!({ "value": "L" })),
        pizzeria::for_agents(pizzeria::draft("chat.file", pizzeria::bob(), file)),
        pizzeria::draft("chat.assigned", pizzeria::bob(), team),
        pizzeria::draft("chat.labels_changed", pizzeria::bob(), nothing),
        outside,
    ] {
        types[draft.event_type.as_str()].check(&draft.data);
        let event = pizzeria::numbered(draft);
        assert_eq!(record(&event, &scene(), Extensions::Off), None, "{:?}", event.data);
        assert_eq!(body(&event, &scene(), Framing::Bare, Extensions::Off), None);
        assert_eq!(for_batch(&event, &scene(), Extensions::Off), None);
    }
}

#[test]
fn what_wotnot_called_things_is_kept_where_it_has_the_shape() {
    let mut scene = scene();
    scene.conversation.known_as.key = Some("42bb83f00d8240e5bb41290a12eb44401693552452".into());
    scene.conversation.known_as.id = Some(7_525_695);
    scene.account.known_as.key = Some("VGYh5KEUxnaS043726528180Llb9R8pe".into());
    scene.visitor.known_as.key = Some("not a key".into());
    scene.account.bot_id = Some(8_861);
    let hello = pizzeria::draft("chat.message", pizzeria::alice(), json!({ "text": "Hi" }));
    let record =
        record(&pizzeria::numbered(hello), &scene, Extensions::Off).expect("it has a form");
    assert_eq!(
        record["conversation"],
        json!({ "key": "42bb83f00d8240e5bb41290a12eb44401693552452", "id": 7_525_695 })
    );
    assert_eq!(record["account"]["key"], "VGYh5KEUxnaS043726528180Llb9R8pe");
    assert_eq!(record["account"]["bot"], json!({ "id": 8_861 }));
    assert_eq!(record["visitor"]["key"], "01a1fd9f2f7870008000012345678901");
}
