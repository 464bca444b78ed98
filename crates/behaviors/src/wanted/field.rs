//! A question as a field of `chat.form`, where a channel shows several at once, and what was filled in there.
//!
//! Called by `steps::form`. What a field takes is in it as `input`, so that each client shows it in its own way; who knows
//! less has the choices as options, and a text for the rest.

use serde_json::{Map, Value, json};

use super::answers::{Files, filled_in};
use super::{Choice, Wanted};

impl Wanted {
    /// Whether it may stand among others; a place and a contact are sent, not filled in.
    pub(crate) const fn is_of_forms(&self) -> bool {
        match self {
            Self::Location | Self::Contact => false,
            Self::Text
            | Self::Number(_)
            | Self::Email
            | Self::Phone
            | Self::Date(_)
            | Self::Calendar(_)
            | Self::Choice { .. }
            | Self::Checkboxes { .. }
            | Self::Rating { .. }
            | Self::Slider(_)
            | Self::Images { .. }
            | Self::File { .. }
            | Self::Confirmation { .. }
            | Self::Appointment { .. } => true,
        }
    }

    /// The field that asks for it.
    pub(crate) fn asking(&self, id: &str, label: &str, required: bool) -> Value {
        let mut field = Map::from_iter([
            ("id".to_owned(), id.into()),
            ("type".to_owned(), self.word().into()),
            ("label".to_owned(), label.into()),
            ("required".to_owned(), required.into()),
            ("input".to_owned(), serde_json::to_value(self).unwrap_or_default()),
        ]);
        let option = |choice: &Choice| json!({ "id": choice.value, "label": choice.text });
        let mut options: Vec<Value> = self.choices().iter().map(option).collect();
        if let Self::Rating { max } = self {
            let mark = |mark: i64| json!({ "id": mark.to_string(), "label": mark.to_string() });
            options.extend((1..=*max).map(mark));
        }
        if !options.is_empty() {
            field.insert("options".to_owned(), options.into());
        }
        field.into()
    }

    /// The answer that was filled into a field; `None` where nothing was.
    pub(crate) fn of_field(&self, field: &Value) -> Option<Result<Value, String>> {
        if let Self::File { accept, size_max, count_max } = self {
            field.get("files").and_then(Value::as_array).filter(|files| !files.is_empty())?;
            let files = Files { accept, size_max: *size_max, count_max: *count_max };
            return Some(files.of(field).ok_or_else(|| self.sentence()));
        }
        match (self, self.chosen_in(field).as_slice()) {
            (_, []) => {}
            (Self::Checkboxes { min, max, .. }, chosen) => {
                let count = u64::try_from(chosen.len()).unwrap_or(u64::MAX);
                let fits = (*min..=*max).contains(&count);
                let values: Vec<&String> = chosen.iter().map(|choice| &choice.value).collect();
                return Some(fits.then(|| json!(values)).ok_or_else(|| self.sentence()));
            }
            (_, [chosen]) => return Some(Ok(chosen.value.clone().into())),
            (_, [..]) => return Some(Err(self.sentence())),
        }
        let said = filled_in(field);
        (!said.trim().is_empty()).then(|| self.of_text(said.trim()))
    }

    /// The choices whose ids were filled in, in the order of the list; none, where something else was.
    fn chosen_in(&self, field: &Value) -> Vec<&Choice> {
        let answer = field.get("answer").filter(|answer| !answer.is_null());
        let answers = field.get("answers").and_then(Value::as_array).into_iter().flatten();
        let ids = answer.into_iter().chain(answers);
        let ids: Option<Vec<&str>> =
            ids.map(|option| option.get("id").unwrap_or(option).as_str()).collect();
        let ids = ids.unwrap_or_default();
        let choices = self.choices();
        let all_known = ids.iter().all(|id| choices.iter().any(|choice| choice.value == *id));
        let chosen = choices.iter().filter(|choice| ids.contains(&choice.value.as_str()));
        if all_known { chosen.collect() } else { Vec::new() }
    }
}
