//! WotNot's bodies as a schema, closed: a field too many is a fault.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// Facts about WotNot's page; see its own description.
const SCHEMA: &str = include_str!("../../data/wotnot-events.schema.json");

fn schema() -> Value {
    serde_json::from_str(SCHEMA).expect("JSON")
}

/// One definition of the schema.
pub(super) struct Shape(jsonschema::Validator);

impl Shape {
    /// What a reference names; the empty one is any documented body.
    pub(super) fn of(reference: &str) -> Self {
        let mut schema = schema();
        if let (false, Value::Object(map)) = (reference.is_empty(), &mut schema) {
            map.retain(|name, _| matches!(name.as_str(), "$schema" | "$defs"));
            map.insert("$ref".into(), reference.into());
        }
        let validator = jsonschema::options().should_validate_formats(true).build(&schema);
        Self(validator.expect("a schema"))
    }

    pub(super) fn faults(&self, value: &Value) -> Vec<String> {
        self.0.iter_errors(value).map(|fault| fault.to_string()).collect()
    }

    #[track_caller]
    pub(super) fn check(&self, value: &Value) {
        let faults = self.faults(value);
        assert!(faults.is_empty(), "{faults:?} in {value:#}");
    }
}

/// The definitions whose names begin so, without that beginning.
pub(super) fn names_in_schema(begins: &str) -> BTreeSet<String> {
    let schema = schema();
    let names = schema.get("$defs").and_then(Value::as_object).expect("definitions").keys();
    names.filter_map(|name| name.strip_prefix(begins)).map(str::to_owned).collect()
}

#[test]
fn the_schema_refuses_what_wotnot_does_not_say() {
    let shape = Shape::of("");
    let actor = json!({ "email": null, "id": null, "type": "visitor" });
    let record = json!({
        "event": { "type": "message", "payload": {
            "message_by": actor, "message": { "type": "text", "text": "Hi" },
        } },
        "conversation": { "key": "42bb83f00d8240e5bb41290a12eb44401693552452", "id": 7 },
        "account": { "key": "VGYh5KEUxnaS043726528180Llb9R8pe", "id": 4, "bot": { "id": 8 } },
        "visitor": { "key": "a569015fa03d41a283ed4c66c4601966", "id": 8 },
        "timestamp": "2023-09-01 14:13:32.141788",
    });
    shape.check(&json!({ "events": [record] }));
    let mut extended = record.clone();
    extended["event_id"] = "x".into();
    let mut image = record.clone();
    image["event"]["payload"]["message"] = json!({ "type": "image", "payload": {
        "link": "/files/1", "mime_type": "image/png", "file_name": "a.png",
    } });
    for wrong in [extended, image] {
        assert!(!shape.faults(&json!({ "events": [wrong] })).is_empty());
    }
}
