//! An answer as a field of `chat.form_filled`, where forms of channels and of bots look alike.

use serde_json::{Value, json};

use super::{Choice, Wanted};

impl Wanted {
    /// The field of an answer; `label` is the question.
    pub(crate) fn field(&self, label: &str, answer: &Value) -> Value {
        let option = |value: &Value| {
            let chosen = |choice: &&Choice| Some(choice.value.as_str()) == value.as_str();
            let choice = self.choices().iter().find(chosen);
            let label = choice.map_or_else(|| written(value), |choice| choice.text.clone());
            json!({ "id": value, "label": label })
        };
        let word = self.word();
        match answer {
            Value::Array(answers) if !self.choices().is_empty() => {
                let answers: Vec<Value> = answers.iter().map(option).collect();
                json!({ "type": word, "label": label, "answers": answers })
            }
            Value::String(_) if !self.choices().is_empty() => {
                json!({ "type": word, "label": label, "answer": option(answer) })
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
                json!({ "type": word, "label": label, "answer": answer })
            }
            Value::Array(_) | Value::Object(_) => {
                json!({ "type": word, "label": label, "answer": written(answer) })
            }
        }
    }

    /// The kind of form that the question is by itself; `None` for one that is no form.
    pub(crate) const fn form_kind(&self) -> Option<&'static str> {
        match self {
            Self::Slider(_) => Some("slider"),
            Self::Calendar(_) => Some("calendar"),
            Self::Appointment { .. } => Some("appointment_booking"),
            Self::Text
            | Self::Number(_)
            | Self::Email
            | Self::Phone
            | Self::Date(_)
            | Self::Choice { .. }
            | Self::Checkboxes { .. }
            | Self::Rating { .. }
            | Self::Images { .. }
            | Self::File { .. }
            | Self::Location
            | Self::Contact
            | Self::Confirmation { .. } => None,
        }
    }
}

/// A mapping or a list as people would write it: a file's name, the ends of a stay, a place, a number.
fn written(answer: &Value) -> String {
    let text = |name: &str| {
        let value = answer.get(name).filter(|value| !value.is_null())?;
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    };
    let pair = |first: &str, second: &str, between: &str| {
        Some(format!("{}{between}{}", text(first)?, text(second)?))
    };
    match answer {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(written).collect::<Vec<_>>().join(", "),
        Value::Object(_) => pair("from", "until", " to ")
            .or_else(|| pair("latitude", "longitude", ", "))
            .or_else(|| text("phone_number"))
            .or_else(|| text("url"))
            .unwrap_or_else(|| answer.to_string()),
        Value::Null | Value::Bool(_) | Value::Number(_) => answer.to_string(),
    }
}
