//! What the customer answers: a filled form, a date, a number, an appointment, a pressed button.
//!
//! Labels and variables that the answer lacks are those of the form that it answers, where the scene has it. An answer
//! that holds nothing has one field or variable `result` of no value, since WotNot's always hold something.

use serde_json::{Map, Number, Value, json};
use tidings_model::AuthorKind;

use super::super::about::{About, text_in};
use super::super::variable;
use super::form::{NONE, appointment_number, field_type, field_variable};
use super::message;
use super::rich::{buttons_of, callback};

/// What stands for the name of an answer without one.
pub(super) const RESULT: &str = "result";

/// One thing that was filled in.
struct Answer<'a> {
    label: &'a str,
    variable: String,
    field_type: &'static str,
    value: Value,
}

/// The message of a `chat.form_filled`.
pub(super) fn form_filled(about: &About<'_>) -> Value {
    let answers = answers(about);
    let empty = Value::Null;
    let details = about.data("details").unwrap_or(&empty);
    match about.text("kind") {
        Some("calendar") => message("calendly.response", calendar(&answers, details)),
        Some("slider") => slider(&answers).unwrap_or_else(|| form(&answers)),
        Some("appointment_booking") => {
            message("appointment_booking.response", appointment(about, &answers, details))
        }
        _ => form(&answers),
    }
}

/// The message of a `chat.postback`: what the button says, and what it leads to.
pub(super) fn postback(about: &About<'_>) -> Option<Value> {
    let went_off = about.data("toggled") == Some(&Value::Bool(false));
    if went_off || about.event.author.kind != AuthorKind::Customer {
        return None;
    }
    let elements =
        about.scene.prompt.as_ref().and_then(|prompt| prompt.get("elements")?.as_array());
    let pressed = elements.and_then(|elements| {
        buttons_of(elements).find(|button| {
            ["postback_id", "value"]
                .into_iter()
                .all(|name| about.text(name) == text_in(button, name))
        })
    });
    let title = about.text("text").or_else(|| text_in(pressed?, "text"));
    let callback = pressed.map(callback).and_then(|text| serde_json::from_str::<Value>(&text).ok());
    let payload = json!({
        "body": title.or_else(|| about.text("value")).unwrap_or_default(),
        "callback": callback.unwrap_or_else(|| json!({})),
    });
    Some(message("button.response", payload))
}

/// The names of variables with their values, as calendars and scripts answer.
pub(super) fn variables(named: impl Iterator<Item = (String, Value)>) -> Value {
    let mut map: Map<String, Value> =
        named.map(|(name, value)| (variable::marked(&name), variable::simple(&value))).collect();
    if map.is_empty() {
        map.insert(variable::marked(RESULT), Value::Null);
    }
    json!({ "variables": map })
}

fn answers<'a>(about: &About<'a>) -> Vec<Answer<'a>> {
    let fields = about.data("fields").and_then(Value::as_array);
    let asked = about.scene.prompt.as_ref().and_then(|prompt| prompt.get("fields")?.as_array());
    let asked = asked.map_or(&[][..], Vec::as_slice);
    let answer = |(place, field): (usize, &'a Value)| {
        let id = text_in(field, "id");
        let question = asked.iter().find(|question| id.is_some() && text_in(question, "id") == id);
        let told = |name| text_in(field, name).or_else(|| text_in(question?, name));
        let variable = told("variable").map(str::to_owned);
        Answer {
            label: told("label").unwrap_or_default(),
            variable: variable.unwrap_or_else(|| field_variable(field, place)),
            field_type: field_type(told("type")),
            value: value_of(field),
        }
    };
    fields.into_iter().flatten().enumerate().map(answer).collect()
}

/// An answer: a value, what the chosen option says, or what all of them say.
fn value_of(field: &Value) -> Value {
    let said = |option: &Value| {
        text_in(option, "label").map_or_else(|| variable::simple(option), Value::from)
    };
    match (field.get("answer"), field.get("answers").and_then(Value::as_array)) {
        (Some(option @ Value::Object(_)), _) => said(option),
        (None | Some(Value::Null), Some(chosen)) => {
            let chosen: Vec<String> =
                chosen.iter().map(|option| variable::words(&said(option))).collect();
            chosen.join(", ").into()
        }
        (Some(value), _) => variable::simple(value),
        (None, None) => Value::Null,
    }
}

fn form(answers: &[Answer<'_>]) -> Value {
    let mut fields: Vec<Value> = answers
        .iter()
        .map(|answer| {
            json!({
                "label": answer.label,
                "variable": variable::marked(&answer.variable),
                "type": answer.field_type,
                "value": answer.value,
                "extra": extra(answer),
            })
        })
        .collect();
    if fields.is_empty() {
        fields.push(json!({
            "label": "", "variable": variable::marked(RESULT), "type": "text", "value": null, "extra": NONE,
        }));
    }
    message("form.response", json!({ "fields": fields }))
}

fn extra(answer: &Answer<'_>) -> Value {
    let number = answer.value.as_str().filter(|_| answer.field_type == "phone");
    match number.and_then(country_code) {
        Some(code) => json!({ "country_code": code }),
        None => NONE.into(),
    }
}

/// The country code of a number with a plus in front. Codes begin no other code: those of North America (1) and of Russia
/// and Kazakhstan (7) have one digit, these have two, all others three: ITU-T E.164, annex D.
fn country_code(number: &str) -> Option<&str> {
    const OF_TWO_DIGITS: [&str; 43] = [
        "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46",
        "47", "48", "49", "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63",
        "64", "65", "66", "81", "82", "84", "86", "90", "91", "92", "93", "94", "95",
    ];
    let digits = number.trim().strip_prefix('+')?;
    let first = |count| digits.get(..count).filter(|code| code.bytes().all(|b| b.is_ascii_digit()));
    first(1)
        .filter(|code| matches!(*code, "1" | "7"))
        .or_else(|| first(2).filter(|code| *code == "98" || OF_TWO_DIGITS.contains(code)))
        .or_else(|| first(3))
}

fn calendar(answers: &[Answer<'_>], details: &Value) -> Value {
    let of_answers = answers.iter().map(|answer| (answer.variable.clone(), answer.value.clone()));
    let of_details = details.as_object().into_iter().flatten();
    variables(of_answers.chain(of_details.map(|(name, value)| (name.clone(), value.clone()))))
}

/// The number that was chosen; what is no number is no answer of a slider.
fn slider(answers: &[Answer<'_>]) -> Option<Value> {
    let value = &answers.first()?.value;
    let number = match value {
        Value::Number(number) => number.clone(),
        Value::String(text) => match text.trim().parse::<i64>() {
            Ok(whole) => whole.into(),
            Err(_) => Number::from_f64(text.trim().parse().ok()?)?,
        },
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    Some(message("slider.response", json!({ "value": number, "text": number.to_string() })))
}

/// A booking. It went well unless the details say otherwise: what is not booked is mostly not told at all.
fn appointment(about: &About<'_>, answers: &[Answer<'_>], details: &Value) -> Value {
    let flag = |name: &str| details.get(name).and_then(Value::as_bool);
    let failed = flag("is_booking_failed").unwrap_or(false);
    let name = text_in(details, "event_name").or_else(|| about.prompt_text("title"));
    let zone = text_in(details, "visitor_timezone");
    let list: Vec<Value> =
        answers.iter().map(|answer| variable::listed(&answer.variable, &answer.value)).collect();
    json!({
        "event_id": appointment_number(about, details),
        "is_booking_confirmed": flag("is_booking_confirmed").unwrap_or(!failed),
        "is_booking_failed": failed,
        "event_name": name.or_else(|| about.text("form_id")).unwrap_or_default(),
        "visitor_timezone": zone.unwrap_or(&about.scene.visit.timezone),
        "variables": list,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn country_codes_have_one_to_three_digits() {
        for (number, code) in [
            ("+916767667676", Some("91")),
            ("+49 30 123456", Some("49")),
            ("+12025550123", Some("1")),
            ("+77012345678", Some("7")),
            ("+998901234567", Some("998")),
            ("+982112345678", Some("98")),
            ("+3531234567", Some("353")),
            ("030 123456", None),
            ("+4", None),
            ("+\u{663}12", None),
            ("", None),
        ] {
            assert_eq!(country_code(number), code, "{number}");
        }
    }

    #[test]
    fn a_slider_gives_a_number_or_nothing() {
        let answer = |value: Value| {
            let answers =
                [Answer { label: "", variable: String::new(), field_type: "text", value }];
            slider(&answers).map(|message| message["payload"].clone())
        };
        assert_eq!(answer(json!(30)), Some(json!({ "value": 30, "text": "30" })));
        assert_eq!(answer(json!(" 2.5 ")), Some(json!({ "value": 2.5, "text": "2.5" })));
        assert_eq!(answer(json!("NaN")), None);
        assert_eq!(answer(json!("much")), None);
    }
}
