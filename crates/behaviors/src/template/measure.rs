//! How big a value is: asked before a value is walked through, kept, or put beside another. Called by `filters` and steps.

use minijinja::Value;
use minijinja::value::ValueKind;

use super::Failure;

/// The biggest value that a run keeps, in bytes as counted by [`fits`]: a long letter, or a cart of some hundred lines.
pub(crate) const VALUE_BYTES_MAX: usize = 64 * 1024;

/// How deep a value may nest: a run is read back from JSON, where a reader stops at 128.
pub(crate) const VALUE_DEPTH_MAX: usize = 32;

/// What a value costs beside its text, in bytes.
const NODE_BYTES: usize = 8;

/// Whether a value is within [`VALUE_BYTES_MAX`] and [`VALUE_DEPTH_MAX`]; looks no further than that.
pub(crate) fn fits(value: &Value) -> bool {
    let mut bytes_left = VALUE_BYTES_MAX;
    fits_within(value, &mut bytes_left, VALUE_DEPTH_MAX)
}

/// As [`fits`], with what is left to the value and to those that are measured with it.
pub(super) fn fits_within(value: &Value, bytes_left: &mut usize, depth_left: usize) -> bool {
    let own = NODE_BYTES + value.as_str().map_or(0, str::len);
    let Some(left) = bytes_left.checked_sub(own) else { return false };
    *bytes_left = left;
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable | ValueKind::Map) {
        return true;
    }
    let Some(depth_left) = depth_left.checked_sub(1) else { return false };
    let Ok(items) = value.try_iter() else { return false };
    for item in items {
        if !fits_within(&item, bytes_left, depth_left) {
            return false;
        }
        if value.kind() == ValueKind::Map {
            let member = value.get_item(&item).unwrap_or_default();
            if !fits_within(&member, bytes_left, depth_left) {
                return false;
            }
        }
    }
    true
}

/// As [`fits`], for what is JSON already.
pub(crate) fn json_fits(value: &serde_json::Value) -> Result<(), Failure> {
    fn within(value: &serde_json::Value, bytes_left: &mut usize, depth_left: usize) -> Option<()> {
        use serde_json::Value as Json;
        let mut take = |text: &str| {
            *bytes_left = bytes_left.checked_sub(NODE_BYTES + text.len())?;
            Some(())
        };
        take(value.as_str().unwrap_or_default())?;
        match value {
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => Some(()),
            Json::Array(items) => {
                let depth_left = depth_left.checked_sub(1)?;
                items.iter().try_for_each(|item| within(item, bytes_left, depth_left))
            }
            Json::Object(fields) => {
                let depth_left = depth_left.checked_sub(1)?;
                fields.keys().try_for_each(|name| take(name))?;
                fields.values().try_for_each(|value| within(value, bytes_left, depth_left))
            }
        }
    }
    within(value, &mut { VALUE_BYTES_MAX }, VALUE_DEPTH_MAX).ok_or_else(too_big)
}

fn too_big() -> Failure {
    let most = format!("{VALUE_BYTES_MAX} bytes, or deeper than {VALUE_DEPTH_MAX}");
    Failure::Limit(format!("a value is bigger than {most}"))
}

/// The value as JSON, if it [`fits`]; what is not there is null.
pub(crate) fn to_json(value: &Value) -> Result<serde_json::Value, Failure> {
    if !fits(value) {
        return Err(too_big());
    }
    let value = serde_json::to_value(value).map_err(|error| Failure::Failed(error.to_string()))?;
    Ok(rounded(value))
}

/// A number with a fraction, to 15 significant digits: so many a float surely has. `0.1 + 0.2` is 0.3 to people, and
/// what a run keeps is the same number after it was written to the store and read again.
pub(crate) fn round(number: f64) -> f64 {
    // Most numbers have a few decimals, and are the nearest float to them already.
    let millionths = (number * 1e6).round();
    if millionths.abs() < 1e15 && millionths / 1e6 == number {
        return number;
    }
    format!("{number:.14e}").parse().unwrap_or(number)
}

/// As [`round`], for every number of a value.
pub(crate) fn rounded(value: serde_json::Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Json::Number(number) if number.is_f64() => number
            .as_f64()
            .and_then(|number| serde_json::Number::from_f64(round(number)))
            .map_or(Json::Null, Json::Number),
        Json::Array(items) => Json::Array(items.into_iter().map(rounded).collect()),
        Json::Object(fields) => {
            Json::Object(fields.into_iter().map(|(name, value)| (name, rounded(value))).collect())
        }
        other @ (Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_)) => other,
    }
}

#[cfg(test)]
mod tests {
    use minijinja::value::Serde;
    use serde_json::json;

    use super::*;

    #[test]
    fn json_is_measured_as_what_a_template_sees() {
        let long = "x".repeat(VALUE_BYTES_MAX / 4 - 4 * NODE_BYTES);
        let mut deep = json!("end");
        let mut cases = vec![json!(null), json!({"a": [1, 2.5, "b"]})];
        // With these, a list or a mapping is just at the limit, or just over it.
        for more in [0, 35, 36, 88, 89] {
            let text = format!("{long}{}", "x".repeat(more));
            cases.push(json!([long, long, text, long]));
            cases.push(json!({"a": long, "b": text, long.clone(): text}));
        }
        for _ in 0..=VALUE_DEPTH_MAX {
            deep = json!({ "a": [deep] });
            cases.push(deep.clone());
        }
        for case in cases {
            assert_eq!(json_fits(&case).is_ok(), fits(&Value::from(Serde(&case))), "{case}");
        }
    }
}
