//! The keys that only we see are taken out of an answer or a push before it leaves.

use serde_json::Value;

/// The private keys.
const KEYS: [&str; 6] = ["_event", "_chat", "_order", "_threads", "_customer", "_seen_up_to"];

/// Fields whose content belongs to somebody else: a key in there is theirs, whatever it is called.
const FOREIGN: [&str; 7] = [
    "content",
    "properties",
    "text_vars",
    "session_fields",
    "fields",
    "customer_side_storage",
    "data",
];

/// Takes the private keys out, at any depth, but not out of what others put there.
pub(super) fn strip(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|key, _| !KEYS.contains(&key.as_str()));
            for (key, child) in object.iter_mut() {
                if !FOREIGN.contains(&key.as_str()) {
                    strip(child);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn private_keys_go_and_others_keys_stay() {
        let mut value = json!({
            "event_id": "K_1",
            "_event": { "id": "K_1" },
            "__priv_dynamic_config": {},
            "threads": [{ "_order": 1, "events": [{ "_order": 2, "content": { "_order": 3 } }] }],
            "properties": { "_chat": { "_event": 1 } },
        });
        strip(&mut value);
        assert_eq!(
            value,
            json!({
                "event_id": "K_1",
                "__priv_dynamic_config": {},
                "threads": [{ "events": [{ "content": { "_order": 3 } }] }],
                "properties": { "_chat": { "_event": 1 } },
            })
        );
    }
}
