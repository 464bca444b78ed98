//! What asks the customer: a form, a file, a date, a slider, an appointment.
//!
//! `settings` of our forms are free, and read here by WotNot's own names: `min`, `max`, `step` and `unit` of a slider;
//! `allow_extensions`, `max_file_size_in_kb`, `upload_file_limit` and `error_message` of an upload; `auto_open` and
//! `validation` of a calendar; `event_id` and `duration` of an appointment. What they do not say is as in WotNot's samples.

use serde_json::{Value, json};

use super::super::about::{About, text_in};
use super::super::{keys, variable};
use super::{message, text};

/// What WotNot's samples have where nothing is set.
const DURATION_MINUTES: u64 = 30;
const FILES_MAX: u64 = 1;
const DATE_FORMAT: &str = "MM/DD/YYYY";

/// How WotNot writes that there is none.
pub(super) const NONE: &str = "None";

/// The message of a `chat.form`.
pub(super) fn prompt(about: &About<'_>) -> Value {
    let empty = Value::Null;
    let settings = about.data("settings").unwrap_or(&empty);
    let title = about.text("title").unwrap_or_default();
    match about.text("kind") {
        Some("file_upload") => message("file_upload", file_upload(title, settings)),
        Some("calendar") => message("calendar", calendar(title, settings)),
        Some("slider") => message("slider", slider(title, settings)),
        Some("appointment_booking") => {
            message("appointment_booking", appointment(about, title, settings))
        }
        _ => fields(about, title),
    }
}

/// The message of a bot's question that WotNot has a form for: a file, a day, a number on a slider.
pub(super) fn question(about: &About<'_>) -> Option<Value> {
    let input = about.data("input")?;
    let title = about.text("text").unwrap_or_default();
    Some(match text_in(input, "kind")? {
        "slider" => message("slider", slider(title, input)),
        "file" => {
            let size = input.get("size_max").and_then(Value::as_u64);
            let settings = json!({
                "allow_extensions": input.get("accept"),
                "max_file_size_in_kb": size.map(|bytes| bytes / 1_000),
                "upload_file_limit": input.get("count_max"),
            });
            message("file_upload", file_upload(title, &settings))
        }
        "calendar" => {
            let is_range = input.get("range").and_then(Value::as_bool) == Some(true);
            let day = |name: &str| text_in(input, name).map(american).unwrap_or_default();
            let settings = json!({
                "datepicker_type": if is_range { "range" } else { "single" },
                "start": day("from"),
                "end": day("until"),
            });
            message("calendar", calendar(title, &settings))
        }
        _ => return None,
    })
}

/// `2026-11-21` as [`DATE_FORMAT`] has it.
fn american(day: &str) -> String {
    let mut parts = day.splitn(3, '-');
    match (parts.next(), parts.next(), parts.next()) {
        (Some(year), Some(month), Some(day)) => format!("{month}/{day}/{year}"),
        _ => day.to_owned(),
    }
}

/// The number of an appointment's kind: the same in the prompt and in its answer.
pub(super) fn appointment_number(about: &About<'_>, told: &Value) -> u64 {
    let known = told.get("event_id").and_then(Value::as_u64);
    known.unwrap_or_else(|| {
        keys::number(about.named("appointment", about.text("form_id").unwrap_or_default()))
    })
}

/// What a field takes, in the words that WotNot has.
pub(super) fn field_type(ours: Option<&str>) -> &'static str {
    match ours {
        Some("email") => "email",
        Some("phone") => "phone",
        Some("number") => "number",
        Some("date") => "date",
        _ => "text",
    }
}

/// The variable of a field; without one, its id, its label or its place stand for it.
pub(super) fn field_variable(field: &Value, place: usize) -> String {
    let name = ["variable", "id", "label"].into_iter().find_map(|name| text_in(field, name));
    name.map_or_else(|| format!("field_{}", place + 1), str::to_owned)
}

/// A form; one without fields is only a text.
fn fields(about: &About<'_>, title: &str) -> Value {
    let fields = about.data("fields").and_then(Value::as_array);
    let fields: Vec<Value> = fields
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(place, field)| {
            let is_required = field.get("required").and_then(Value::as_bool).unwrap_or(false);
            json!({
                "label": text_in(field, "label").unwrap_or_default(),
                "type": field_type(text_in(field, "type")),
                "variable": variable::marked(&field_variable(field, place)),
                "is_optional": !is_required,
            })
        })
        .collect();
    if fields.is_empty() {
        return text(title);
    }
    message("form", json!({ "message": title, "fields": fields }))
}

/// WotNot's sample has the title where the largest size should be, so that is what stands where none is set.
fn file_upload(title: &str, settings: &Value) -> Value {
    let extensions = settings.get("allow_extensions").and_then(Value::as_array);
    let extensions: Vec<String> = extensions
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(|extension| format!(".{}", extension.trim_start_matches('.')))
        .collect();
    let size = settings.get("max_file_size_in_kb").filter(|size| size.is_number());
    let errors = settings.get("error_message").unwrap_or(&Value::Null);
    let error = |name: &str| text_in(errors, name).unwrap_or_default();
    json!({
        "title": title,
        "allow_extensions": extensions,
        "max_file_size_in_kb": size.cloned().unwrap_or_else(|| title.into()),
        "upload_file_limit": whole(settings, "upload_file_limit").unwrap_or(FILES_MAX),
        "error_message": {
            "file_size": error("file_size"),
            "file_extensions": error("file_extensions"),
            "file_not_found": error("file_not_found"),
        },
    })
}

fn calendar(title: &str, settings: &Value) -> Value {
    let rules = settings.get("validation").unwrap_or(settings);
    let word = |name: &str| text_in(rules, name).unwrap_or_default();
    let list = |name: &str| match rules.get(name) {
        Some(Value::Array(list)) => list.clone(),
        Some(_) | None => Vec::new(),
    };
    json!({
        "auto_open": settings.get("auto_open").and_then(Value::as_bool).unwrap_or(true),
        "title": title,
        "validation": {
            "datepicker_type": text_in(rules, "datepicker_type").unwrap_or("single"),
            "start": word("start"),
            "end": word("end"),
            "formatter": text_in(rules, "formatter").unwrap_or(DATE_FORMAT),
            "exclude_days": list("exclude_days"),
            "include": list("include"),
            "selected": word("selected"),
            "skip": list("skip"),
        },
    })
}

fn slider(title: &str, settings: &Value) -> Value {
    let number = |name: &str| settings.get(name).filter(|value| value.is_number()).cloned();
    let unit = settings.get("unit").unwrap_or(&Value::Null);
    let word = |name: &str| text_in(unit, name).unwrap_or_default();
    json!({
        "title": title,
        "min": number("min").unwrap_or_else(|| 0.into()),
        "max": number("max").unwrap_or_else(|| 100.into()),
        "step": number("step").unwrap_or_else(|| NONE.into()),
        "unit": { "label": word("label"), "value": word("value"), "formatter": word("formatter") },
    })
}

/// `duration` is minutes, or WotNot's `{label, value}`.
fn appointment(about: &About<'_>, title: &str, settings: &Value) -> Value {
    let told = settings.get("duration").unwrap_or(&Value::Null);
    let length = told.as_u64().or_else(|| whole(told, "value"));
    json!({
        "event_id": appointment_number(about, settings),
        "duration": {
            "label": text_in(told, "label").unwrap_or("minutes"),
            "value": length.unwrap_or(DURATION_MINUTES),
        },
        "title": title,
    })
}

fn whole(object: &Value, name: &str) -> Option<u64> {
    object.get(name).and_then(Value::as_u64)
}
