//! Fields of forms, as chat clients know them: eleven types, of texts and of options.
//!
//! What a bot asks for has more kinds. Each is shown as the type that is nearest to it, and a field keeps its `input`, so
//! that a client that knows it asks for the very thing: our widget does.

use serde_json::{Map, Value, json};

/// The most options that are shown all at once; more open by a press.
const RADIO_MAX: usize = 5;

/// The fields of a form, or of a filled one. What stands above a form is its first field.
pub(super) fn fields(data: &Value) -> Option<Value> {
    let fields = data.get("fields")?.as_array()?;
    let title = data.get("title").and_then(Value::as_str).filter(|title| !title.trim().is_empty());
    let title = title.map(|title| json!({ "type": "header", "label": title }));
    Some(title.into_iter().chain(fields.iter().map(field)).collect())
}

fn field(field: &Value) -> Value {
    let Some(fields) = field.as_object() else { return field.clone() };
    let kind = fields.get("type").and_then(Value::as_str).unwrap_or_default();
    let Some(shown) = shown_as(kind, fields) else { return field.clone() };
    let mut fields = fields.clone();
    fields.insert("type".into(), shown.into());
    if let Some(answer) = fields.get_mut("answer").filter(|_| shown == "question") {
        match answer {
            Value::Null => drop(fields.shift_remove("answer")),
            Value::Bool(_) | Value::Number(_) => *answer = answer.to_string().into(),
            Value::String(_) | Value::Array(_) | Value::Object(_) => {}
        }
    }
    fields.into()
}

/// The type that a kind of ours is shown as; `None` for one that chat clients know.
fn shown_as(kind: &str, fields: &Map<String, Value>) -> Option<&'static str> {
    let options = fields.get("options").and_then(Value::as_array).map_or(0, Vec::len);
    let has_input = fields.contains_key("input");
    match kind {
        "text" | "number" | "phone" | "date" | "calendar" | "slider" | "file" | "confirmation"
        | "location" | "contact" => Some("question"),
        "choice" | "images" | "appointment" if options > RADIO_MAX => Some("select"),
        "choice" | "images" | "appointment" => Some("radio"),
        "checkboxes" => Some("checkbox"),
        // Theirs is a thumb, ours is from one to five.
        "rating" if has_input && options > RADIO_MAX => Some("select"),
        "rating" if has_input => Some("radio"),
        "rating" if fields.get("answer").is_some_and(Value::is_number) => Some("question"),
        _ => None,
    }
}
