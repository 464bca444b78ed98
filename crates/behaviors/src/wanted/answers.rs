//! Which answers are right, and as what they are kept. Called by `steps::ask` with what came.
//!
//! A wrong answer gives the sentence that is said when the bot's text has none. Nothing here reads a clock or the chat: the
//! same answer is right or wrong again.

use serde_json::{Number, Value, json};

use super::{Bounds, Choice, Days, Wanted, kinds};
use crate::template::rounded;

/// The sentence to say about a wrong answer.
type Wrong = String;

/// How many choices a sentence names.
const NAMED_MAX: usize = 10;

/// What a customer writes to choose none.
const NONE: [&str; 4] = ["none", "nothing", "0", "-"];

impl Wanted {
    /// The answer that a text is.
    pub(crate) fn of_text(&self, text: &str) -> Result<Value, Wrong> {
        let right = match self {
            Self::Text => Some(text.into()),
            Self::Number(bounds) | Self::Slider(bounds) => {
                kinds::number(text).filter(|number| bounds.hold(number))
            }
            Self::Email => kinds::email(text),
            Self::Phone => kinds::phone(text),
            Self::Date(days) | Self::Calendar(days) => days.of_text(text),
            Self::Choice { choices }
            | Self::Images { choices }
            | Self::Appointment { choices, .. } => {
                self.chosen(choices, text).map(|choice| choice.value.clone().into())
            }
            Self::Checkboxes { choices, min, max } => self.several(choices, (*min, *max), text),
            Self::Rating { max } => rating(text, *max),
            Self::File { .. } => None,
            Self::Location => place(text),
            Self::Contact => kinds::phone(text).map(|number| json!({ "phone_number": number })),
            Self::Confirmation { phrase } => (plain(text) == plain(phrase)).then_some(true.into()),
        };
        right.ok_or_else(|| self.sentence())
    }

    /// The answer that another event of the customer is; `None` when it is not about this question.
    pub(crate) fn of_event(&self, event_type: &str, data: &Value) -> Option<Result<Value, Wrong>> {
        match (self, event_type) {
            (Self::File { accept, size_max, count_max }, "chat.file") => {
                let limits = Files { accept, size_max: *size_max, count_max: *count_max };
                Some(limits.of(data).ok_or_else(|| self.sentence()))
            }
            (Self::File { .. }, "chat.file_too_big") => Some(Err(self.sentence())),
            (Self::Location, "chat.location") | (Self::Contact, "chat.contact") => {
                Some(Ok(rounded(data.clone())))
            }
            (Self::Phone, "chat.contact") => {
                let number = data.get("phone_number").and_then(Value::as_str);
                Some(number.and_then(kinds::phone).ok_or_else(|| self.sentence()))
            }
            (_, "chat.form_filled") => {
                let filled = data.get("fields")?.as_array()?.first()?;
                Some(self.of_text(&filled_in(filled)))
            }
            _ => None,
        }
    }

    /// The choice that a text means: its value, what it says, or its number in the list.
    fn chosen<'c>(&self, choices: &'c [Choice], text: &str) -> Option<&'c Choice> {
        let text = plain(text);
        let by_name = choices
            .iter()
            .find(|choice| plain(&choice.value) == text)
            .or_else(|| choices.iter().find(|choice| plain(&choice.text) == text));
        by_name.or_else(|| {
            let place: usize = text.trim_end_matches(['.', ')']).parse().ok()?;
            let choice = choices.get(place.checked_sub(1)?)?;
            self.is_counted().then_some(choice)
        })
    }

    /// The values of several choices, in the order of the list.
    fn several(&self, choices: &[Choice], (min, max): (u64, u64), text: &str) -> Option<Value> {
        let names = if let Some(one) = self.chosen(choices, text) {
            vec![one]
        } else if min == 0 && NONE.contains(&plain(text).as_str()) {
            Vec::new()
        } else {
            self.listed(choices, text)?
        };
        let is_chosen = |choice: &&Choice| names.iter().any(|name| name.value == choice.value);
        let values: Vec<Value> =
            choices.iter().filter(is_chosen).map(|choice| choice.value.clone().into()).collect();
        let count = u64::try_from(values.len()).unwrap_or(u64::MAX);
        (min..=max).contains(&count).then_some(Value::Array(values))
    }

    /// The choices of `1, 3`, `S and L`, `1 3`; none, when a part of it is none.
    fn listed<'c>(&self, choices: &'c [Choice], text: &str) -> Option<Vec<&'c Choice>> {
        let is_count = |word: &str| word.bytes().all(|byte| byte.is_ascii_digit());
        if text.split_whitespace().all(is_count) {
            return text.split_whitespace().map(|count| self.chosen(choices, count)).collect();
        }
        let parts = text.split([',', ';', '\n', '&', '+']).filter(|part| !part.trim().is_empty());
        let mut found = Vec::new();
        for part in parts {
            // A choice may have the word in its name.
            match self.chosen(choices, part) {
                Some(choice) => found.push(choice),
                None => {
                    for word in plain(part).split(" and ") {
                        found.push(self.chosen(choices, word)?);
                    }
                }
            }
        }
        (!found.is_empty()).then_some(found)
    }

    /// What is said about a wrong answer when the bot's text does not say it: what is wanted.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Self::Text => "Please answer with a text.".to_owned(),
            Self::Number(bounds) | Self::Slider(bounds) => {
                format!("Please answer with a number{}.", bounds.told())
            }
            Self::Email => "Please answer with a mail address.".to_owned(),
            Self::Phone => "Please answer with a telephone number.".to_owned(),
            Self::Date(days) | Self::Calendar(days) => days.sentence(),
            Self::Choice { choices } | Self::Images { choices } => {
                format!("Please choose one of these: {}.", named(choices))
            }
            Self::Appointment { .. } => "Please choose one of the times.".to_owned(),
            Self::Checkboxes { choices, min, max } => {
                let count = match (min, max) {
                    (min, max) if min == max => format!("{min}"),
                    (0, max) => format!("up to {max}"),
                    (min, max) => format!("{min} to {max}"),
                };
                format!("Please choose {count} of these: {}.", named(choices))
            }
            Self::Rating { max } => format!("Please answer with a number from 1 to {max}."),
            Self::File { accept, size_max, count_max } => {
                let limits = Files { accept, size_max: *size_max, count_max: *count_max };
                limits.sentence()
            }
            Self::Location => "Please send a place.".to_owned(),
            Self::Contact => "Please send a contact, or a telephone number.".to_owned(),
            Self::Confirmation { phrase } => format!("Please write exactly this: {phrase}"),
        }
    }
}

impl Bounds {
    fn hold(&self, number: &Value) -> bool {
        let Some(number) = number.as_f64() else { return false };
        let bound = |bound: &Option<Number>| bound.as_ref().and_then(Number::as_f64);
        let (min, max) = (bound(&self.min), bound(&self.max));
        let on_step = bound(&self.step).is_none_or(|step| {
            let steps = (number - min.unwrap_or_default()) / step;
            (steps - steps.round()).abs() < STEP_SLACK
        });
        min.is_none_or(|min| number >= min) && max.is_none_or(|max| number <= max) && on_step
    }

    /// ` from 1 to 20`, ` of at least 1`, nothing.
    pub(super) fn told(&self) -> String {
        let step = match &self.step {
            Some(step) if step.as_f64() == Some(1.0) => " without a fraction".to_owned(),
            Some(step) => format!(" in steps of {step}"),
            None => String::new(),
        };
        match (&self.min, &self.max) {
            (Some(min), Some(max)) => format!(" from {min} to {max}{step}"),
            (Some(min), None) => format!(" of at least {min}{step}"),
            (None, Some(max)) => format!(" of at most {max}{step}"),
            (None, None) => step,
        }
    }
}

/// How far off a step a number may be, in steps: floats count 0.1 + 0.2 so.
const STEP_SLACK: f64 = 1e-9;

impl Days {
    fn of_text(&self, text: &str) -> Option<Value> {
        let day = |text: &str| kinds::day(text).filter(|day| self.hold(*day));
        if !self.range {
            return day(text).map(|day| day.to_string().into());
        }
        let text = text.replace(['–', ',', ';'], " ");
        let mut days = text.split_whitespace().filter(|word| kinds::day(word).is_some()).map(day);
        let (from, until) = (days.next()??, days.next()??);
        (days.next().is_none() && from <= until)
            .then(|| json!({ "from": from.to_string(), "until": until.to_string() }))
    }

    fn hold(&self, day: jiff::civil::Date) -> bool {
        self.from.is_none_or(|from| day >= from) && self.until.is_none_or(|until| day <= until)
    }

    fn sentence(&self) -> String {
        let what = if self.range { "two dates" } else { "a date" };
        let between = match (self.from, self.until) {
            (Some(from), Some(until)) => format!(" from {from} to {until}"),
            (Some(from), None) => format!(" from {from} on"),
            (None, Some(until)) => format!(" up to {until}"),
            (None, None) => String::new(),
        };
        let sample = if self.range { "2026-11-21 to 2026-11-24" } else { "2026-11-21" };
        format!("Please answer with {what}{between}, as {sample}.")
    }
}

/// What files may be.
pub(super) struct Files<'a> {
    pub(super) accept: &'a [String],
    pub(super) size_max: Option<u64>,
    pub(super) count_max: u64,
}

impl Files<'_> {
    /// One file as it is, several as a list.
    pub(super) fn of(&self, data: &Value) -> Option<Value> {
        let files = data.get("files")?.as_array()?;
        let count = u64::try_from(files.len()).unwrap_or(u64::MAX);
        if !(1..=self.count_max).contains(&count) || !files.iter().all(|file| self.fits(file)) {
            return None;
        }
        if self.count_max == 1 { files.first().cloned() } else { Some(Value::Array(files.clone())) }
    }

    fn fits(&self, file: &Value) -> bool {
        let text = |name: &str| file.get(name).and_then(Value::as_str).unwrap_or_default();
        let size = file.get("size").and_then(Value::as_u64).unwrap_or_default();
        let content_type = text("content_type").to_lowercase();
        let ending = text("name").rsplit_once('.').map_or("", |(_, ending)| ending).to_lowercase();
        let fits = |word: &String| {
            text("media") == word
                || content_type == *word
                || ending == *word
                // A picture that came as a document is a picture all the same.
                || content_type.split('/').next() == Some(word)
        };
        self.size_max.is_none_or(|size_max| size <= size_max)
            && (self.accept.is_empty() || self.accept.iter().any(fits))
    }

    fn sentence(&self) -> String {
        let what = match self.count_max {
            1 => "a file".to_owned(),
            count => format!("1 to {count} files"),
        };
        let kinds = match self.accept {
            [] => String::new(),
            kinds => format!(" ({})", kinds.join(", ")),
        };
        let size = self.size_max.map(|size| format!(" of at most {}", size_told(size)));
        format!("Please send {what}{kinds}{}.", size.unwrap_or_default())
    }
}

fn size_told(bytes: u64) -> String {
    match bytes {
        bytes if bytes >= 1_000_000 && bytes % 1_000_000 == 0 => {
            format!("{} MB", bytes / 1_000_000)
        }
        bytes if bytes >= 1_000 && bytes % 1_000 == 0 => format!("{} kB", bytes / 1_000),
        bytes => format!("{bytes} bytes"),
    }
}

/// `4`, `4/5`, `★★★★`.
fn rating(text: &str, max: i64) -> Option<Value> {
    let text = text.trim();
    let stars = |c: char| matches!(c, '★' | '⭐' | '*');
    let number = if !text.is_empty() && text.chars().all(|c| stars(c) || c == '\u{fe0f}') {
        i64::try_from(text.chars().filter(|c| stars(*c)).count()).ok()?
    } else {
        let (number, of) = text.split_once('/').map_or((text, None), |(n, of)| (n, Some(of)));
        if of.is_some_and(|of| of.trim().parse() != Ok(max)) {
            return None;
        }
        number.trim().parse().ok()?
    };
    (1..=max).contains(&number).then(|| number.into())
}

/// `52.52, 13.41`.
fn place(text: &str) -> Option<Value> {
    let (latitude, longitude) = text.split_once(',')?;
    let degrees = |text: &str, most: f64| {
        let number: f64 = text.trim().trim_end_matches('°').parse().ok()?;
        (number.abs() <= most).then_some(number)
    };
    let (latitude, longitude) = (degrees(latitude, 90.0)?, degrees(longitude, 180.0)?);
    Some(rounded(json!({ "latitude": latitude, "longitude": longitude })))
}

fn named(choices: &[Choice]) -> String {
    let mut names: Vec<&str> =
        choices.iter().take(NAMED_MAX).map(|choice| choice.text.as_str()).collect();
    if choices.len() > NAMED_MAX {
        names.push("…");
    }
    names.join(", ")
}

/// What was filled into a field: a value, the option that was chosen, or all of them.
pub(crate) fn filled_in(field: &Value) -> String {
    let said = |value: &Value| {
        let label = value.get("label").or_else(|| value.get("id")).unwrap_or(value);
        label.as_str().map_or_else(
            || if label.is_null() { String::new() } else { label.to_string() },
            str::to_owned,
        )
    };
    match (field.get("answer").filter(|answer| !answer.is_null()), field.get("answers")) {
        (Some(answer), _) => said(answer),
        (None, Some(Value::Array(answers))) => {
            answers.iter().map(said).collect::<Vec<_>>().join(", ")
        }
        (None, _) => String::new(),
    }
}

/// Without case, and with one space where there are several.
fn plain(text: &str) -> String {
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ").replace('ё', "е")
}
