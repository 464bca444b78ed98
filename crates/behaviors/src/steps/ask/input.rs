//! `input`: the kind of answer that a question wants, as a bot's text says it. Read when a bot is loaded; filled in when
//! the question is asked, since choices and bounds may come of templates.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde_json::{Number, Value};

use crate::Button;
use crate::nearest::nearest;
use crate::pattern::{Pattern, Text};
use crate::reader::{Fields, Reader};
use crate::run::StopReason;
use crate::stage::{Halt, Stage};
use crate::wanted::{
    ACCEPT_MAX, Bounds, CHOICES_MAX, Choice, Days, FILES_MAX, IMAGES_MAX, RATING_MAX, Wanted, day,
    number,
};
use crate::yaml::{Kind as NodeKind, Node};

/// The words, each with the keys that it knows beside `type`.
const WORDS: [(&str, &[&str]); 17] = [
    ("text", &[]),
    ("number", &["min", "max", "step"]),
    ("email", &[]),
    ("phone", &[]),
    ("date", &["from", "until", "zone"]),
    ("calendar", &["from", "until", "zone", "range"]),
    ("buttons", &[]),
    ("choice", &["of"]),
    ("checkboxes", &["of", "min", "max"]),
    ("rating", &["max"]),
    ("slider", &["min", "max", "step"]),
    ("images", &["of"]),
    ("file", &["accept", "size", "count"]),
    ("location", &[]),
    ("contact", &[]),
    ("confirmation", &["phrase"]),
    ("appointment", &["of", "minutes", "zone"]),
];

/// The words that `validate` knows as well.
pub(super) const CHECKS: [&str; 6] = ["text", "number", "email", "phone", "date", "buttons"];

/// The best rating where the text does not say.
const RATING: i64 = 5;

/// The end of a slider where the text does not say.
const SLIDER: i64 = 100;

/// How many digits a code has that is to be repeated, where the text names no phrase.
const CODES: u64 = 10_000;

/// What is wanted, with what it needs.
#[derive(Debug)]
pub(super) enum Input {
    Text,
    Number(Range),
    Email,
    Phone,
    Date(Span),
    Calendar(Span),
    Buttons,
    Choice(Choices),
    Checkboxes { choices: Choices, min: Option<Pattern>, max: Option<Pattern> },
    Rating(Option<Pattern>),
    Slider(Range),
    Images(Choices),
    File { accept: Vec<String>, size_max: Option<u64>, count_max: u64 },
    Location,
    Contact,
    Confirmation(Option<Text>),
    Appointment { choices: Choices, minutes: Option<u64>, zone: TimeZone },
}

/// Bounds of numbers.
#[derive(Debug, Default)]
pub(super) struct Range {
    min: Option<Pattern>,
    max: Option<Pattern>,
    step: Option<Pattern>,
}

/// Bounds of days.
#[derive(Debug)]
pub(super) struct Span {
    from: Option<Text>,
    until: Option<Text>,
    zone: TimeZone,
    range: bool,
}

/// Choices, each written out, or a list that an expression gives.
#[derive(Debug)]
pub(super) enum Choices {
    Written(Vec<ChoiceWords>),
    Computed(Pattern),
}

/// One choice.
#[derive(Debug)]
pub(super) struct ChoiceWords {
    text: Text,
    value: Option<Text>,
    image: Option<Text>,
}

/// A word, or a mapping with `type` and what it needs.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node, has_buttons: bool) -> Option<Input> {
    let (word_node, is_map) = match &node.kind {
        NodeKind::Map(entries) => {
            let found = entries.iter().find(|entry| entry.key == "type").map(|entry| &entry.value);
            let Some(found) = found else {
                reader.error(node.at, "missing_key", "`input` needs the key `type`");
                return None;
            };
            (found, true)
        }
        NodeKind::Scalar(_) | NodeKind::List(_) => (node, false),
    };
    let word = reader.plain(word_node, "`input`")?;
    let Some((_, keys)) = WORDS.into_iter().find(|(known, _)| *known == word) else {
        let known = WORDS.map(|(known, _)| known);
        let message = format!("there is no input {word:?}; there are {}", known.join(", "));
        reader.unknown(word_node.at, "unknown_input", message, nearest(&word, known));
        return None;
    };
    let fields = if is_map {
        let known: Vec<&str> = std::iter::once("type").chain(keys.iter().copied()).collect();
        reader.fields(node, &format!("the input {word}"), &known)?
    } else {
        Fields::NONE
    };
    of_word(reader, &word, (node, fields), has_buttons)
}

/// What a word means by itself, or with the keys beside it.
pub(super) fn of_word(
    reader: &mut Reader<'_>,
    word: &str,
    (node, fields): (&Node, Fields<'_>),
    has_buttons: bool,
) -> Option<Input> {
    Some(match word {
        "number" => Input::Number(read_range(reader, fields)?),
        "email" => Input::Email,
        "phone" => Input::Phone,
        "date" => Input::Date(read_span(reader, fields)?),
        "calendar" => Input::Calendar(read_span(reader, fields)?),
        "buttons" if has_buttons => Input::Buttons,
        "buttons" => {
            reader.error(node.at, "missing_key", "`validate: buttons` needs `buttons`");
            return None;
        }
        "choice" => Input::Choice(read_choices(reader, (node, fields), word, CHOICES_MAX)?),
        "images" => Input::Images(read_choices(reader, (node, fields), word, IMAGES_MAX)?),
        "checkboxes" => Input::Checkboxes {
            choices: read_choices(reader, (node, fields), word, CHOICES_MAX)?,
            min: read_number(reader, fields, "min")?,
            max: read_number(reader, fields, "max")?,
        },
        "rating" => Input::Rating(read_number(reader, fields, "max")?),
        "slider" => Input::Slider(read_range(reader, fields)?),
        "file" => read_file(reader, fields)?,
        "location" => Input::Location,
        "contact" => Input::Contact,
        "confirmation" => Input::Confirmation(match fields.get("phrase") {
            Some(phrase) => Some(reader.text(phrase, "`phrase`")?),
            None => None,
        }),
        "appointment" => Input::Appointment {
            choices: read_choices(reader, (node, fields), word, CHOICES_MAX)?,
            minutes: read_whole(reader, fields, "minutes", (1, MINUTES_MAX))?,
            zone: read_zone(reader, fields)?,
        },
        _ => Input::Text,
    })
}

/// The longest appointment: a day.
const MINUTES_MAX: u64 = 24 * 60;

fn read_range(reader: &mut Reader<'_>, fields: Fields<'_>) -> Option<Range> {
    let range = Range {
        min: read_number(reader, fields, "min")?,
        max: read_number(reader, fields, "max")?,
        step: read_number(reader, fields, "step")?,
    };
    let fixed = |bound: &Option<Pattern>| match bound {
        Some(Pattern::Fixed(value)) => value.as_f64(),
        Some(_) | None => None,
    };
    if let (Some(min), Some(max)) = (fixed(&range.min), fixed(&range.max))
        && min > max
        && let Some(node) = fields.get("max")
    {
        reader.error(node.at, "wrong_range", format!("`max` ({max}) is less than `min` ({min})"));
        return None;
    }
    if let (Some(step), Some(node)) = (fixed(&range.step), fields.get("step"))
        && step <= 0.0
    {
        reader.error(node.at, "wrong_range", "`step` is more than nothing");
        return None;
    }
    Some(range)
}

/// A number, or a template that gives one; `None` within where it is not there.
#[expect(
    clippy::option_option,
    reason = "outside: whether it is well; inside: whether it is there"
)]
fn read_number(reader: &mut Reader<'_>, fields: Fields<'_>, name: &str) -> Option<Option<Pattern>> {
    let Some(node) = fields.get(name) else { return Some(None) };
    let pattern = reader.pattern(node)?;
    if let Pattern::Fixed(Value::Number(_)) | Pattern::Expression(_) | Pattern::Template(_) =
        pattern
    {
        return Some(Some(pattern));
    }
    reader.error(node.at, "wrong_kind", format!("`{name}` is a number, not {}", node.what()));
    None
}

#[expect(
    clippy::option_option,
    reason = "outside: whether it is well; inside: whether it is there"
)]
fn read_whole(
    reader: &mut Reader<'_>,
    fields: Fields<'_>,
    name: &str,
    (min, max): (u64, u64),
) -> Option<Option<u64>> {
    let Some(node) = fields.get(name) else { return Some(None) };
    let number = node.scalar().and_then(|scalar| scalar.value().as_u64());
    if let Some(number) = number.filter(|number| (min..=max).contains(number)) {
        return Some(Some(number));
    }
    let message = format!("`{name}` is a number from {min} to {max}");
    reader.error(node.at, "wrong_kind", message);
    None
}

fn read_span(reader: &mut Reader<'_>, fields: Fields<'_>) -> Option<Span> {
    let mut bound = |name: &str| match fields.get(name) {
        Some(node) => {
            let text = reader.text(node, &format!("`{name}`"))?;
            if let Text::Fixed(fixed) = &text
                && let Err(message) = bound_of(fixed, Date::ZERO)
            {
                reader.error(node.at, "wrong_date", message);
                return None;
            }
            Some(Some(text))
        }
        None => Some(None),
    };
    let (from, until) = (bound("from")?, bound("until")?);
    let range = match fields.get("range") {
        Some(node) => match node.scalar().map(crate::yaml::Scalar::value) {
            Some(Value::Bool(range)) => range,
            _ => {
                let message = format!("`range` is true or false, not {}", node.what());
                reader.error(node.at, "wrong_kind", message);
                return None;
            }
        },
        None => false,
    };
    Some(Span { from, until, zone: read_zone(reader, fields)?, range })
}

fn read_zone(reader: &mut Reader<'_>, fields: Fields<'_>) -> Option<TimeZone> {
    let Some(node) = fields.get("zone") else { return Some(TimeZone::UTC) };
    let name = reader.plain(node, "`zone`")?;
    let zone = TimeZone::get(&name).ok();
    if zone.is_none() {
        let message = format!("there is no time zone {name:?}; write one as Europe/Berlin");
        reader.error(node.at, "unknown_zone", message);
    }
    zone
}

fn read_choices(
    reader: &mut Reader<'_>,
    (node, fields): (&Node, Fields<'_>),
    word: &str,
    most: usize,
) -> Option<Choices> {
    let of = reader.required(node.at, &format!("the input {word}"), fields, "of")?;
    let NodeKind::List(items) = &of.kind else {
        let computed = reader.pattern(of)?;
        if matches!(computed, Pattern::Expression(_)) {
            return Some(Choices::Computed(computed));
        }
        let message = "`of` is a list, or one {{ expression }} that gives a list";
        reader.error(of.at, "wrong_kind", message);
        return None;
    };
    if items.is_empty() || items.len() > most {
        let message = format!("`of` has 1 to {most} things to choose from");
        reader.error(of.at, "wrong_count", message);
        return None;
    }
    let read: Vec<ChoiceWords> =
        items.iter().filter_map(|item| read_choice(reader, item)).collect();
    (read.len() == items.len()).then_some(Choices::Written(read))
}

fn read_choice(reader: &mut Reader<'_>, node: &Node) -> Option<ChoiceWords> {
    if !matches!(node.kind, NodeKind::Map(_)) {
        return Some(ChoiceWords {
            text: reader.text(node, "a choice")?,
            value: None,
            image: None,
        });
    }
    let fields = reader.fields(node, "a choice", &["text", "value", "image"])?;
    let text = reader.required(node.at, "a choice", fields, "text")?;
    let text = reader.text(text, "a choice's text")?;
    let value = fields.get("value").map(|node| reader.text(node, "a choice's value"));
    let image = fields.get("image").map(|node| reader.text(node, "a choice's image"));
    Some(ChoiceWords {
        text,
        value: value.map_or(Some(None), |value| value.map(Some))?,
        image: image.map_or(Some(None), |image| image.map(Some))?,
    })
}

fn read_file(reader: &mut Reader<'_>, fields: Fields<'_>) -> Option<Input> {
    let mut accept = Vec::new();
    if let Some(node) = fields.get("accept") {
        let words = reader.words(node, "a kind of file");
        if words.len() > ACCEPT_MAX {
            let message = format!("`accept` has at most {ACCEPT_MAX} kinds of files");
            reader.error(node.at, "wrong_count", message);
            return None;
        }
        let word = |(word, _): (String, _)| word.trim_start_matches('.').to_lowercase();
        accept = words.into_iter().map(word).collect();
    }
    let size_max = match fields.get("size") {
        Some(node) => {
            let text = reader.plain(node, "`size`")?;
            let bytes = size(&text);
            if bytes.is_none() {
                let message = format!("`size` is as 5 MB or 300 kB, not {text:?}");
                reader.error(node.at, "wrong_size", message);
            }
            Some(bytes?)
        }
        None => None,
    };
    let count_max = read_whole(reader, fields, "count", (1, FILES_MAX))?.unwrap_or(1);
    Some(Input::File { accept, size_max, count_max })
}

/// `5 MB`, `300 kB`, `2000`.
fn size(text: &str) -> Option<u64> {
    let text = text.trim().to_lowercase();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let factor = match text.strip_prefix(digits)?.trim() {
        "" | "b" | "bytes" => 1,
        "kb" => 1_000,
        "mb" => 1_000_000,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor).filter(|bytes| *bytes > 0)
}

/// A day, `today`, or so many days from it.
fn bound_of(text: &str, today: Date) -> Result<Date, String> {
    let text = text.trim();
    if let Some(day) = day(text) {
        return Ok(day);
    }
    let days = match text {
        "today" => 0,
        "tomorrow" => 1,
        _ => {
            let number = text.strip_suffix(" days").or_else(|| text.strip_suffix(" day"));
            let days = number.and_then(|number| number.trim().parse::<u16>().ok());
            days.filter(|days| *days <= DAYS_MAX).ok_or_else(|| {
                format!("{text:?} is no day: write today, 30 days, or a date as 2026-11-21")
            })?
        }
    };
    let span = jiff::Span::new().days(days);
    today.checked_add(span).map_err(|error| error.to_string())
}

/// The most days from today: ten years.
const DAYS_MAX: u16 = 3_660;

impl Input {
    /// What is wanted now. `buttons` are those of the question.
    pub(super) fn fill(&self, stage: &mut Stage<'_>, buttons: &[Button]) -> Result<Wanted, Halt> {
        Ok(match self {
            Self::Text => Wanted::Text,
            Self::Email => Wanted::Email,
            Self::Phone => Wanted::Phone,
            Self::Location => Wanted::Location,
            Self::Contact => Wanted::Contact,
            Self::Number(range) => Wanted::Number(range.fill(stage)?),
            Self::Slider(range) => {
                let mut bounds = range.fill(stage)?;
                bounds.min.get_or_insert_with(|| 0.into());
                bounds.max.get_or_insert_with(|| SLIDER.into());
                bounds.step.get_or_insert_with(|| 1.into());
                Wanted::Slider(bounds)
            }
            Self::Date(span) => Wanted::Date(span.fill(stage)?),
            Self::Calendar(span) => Wanted::Calendar(span.fill(stage)?),
            Self::Buttons => Wanted::Choice {
                choices: buttons
                    .iter()
                    .filter(|button| button.url.is_none())
                    .map(|button| Choice {
                        text: button.text.clone(),
                        value: button.value.clone(),
                        image: None,
                    })
                    .collect(),
            },
            Self::Choice(choices) => Wanted::Choice { choices: choices.fill(stage, CHOICES_MAX)? },
            Self::Images(choices) => Wanted::Images { choices: choices.fill(stage, IMAGES_MAX)? },
            Self::Checkboxes { choices, min, max } => {
                let choices = choices.fill(stage, CHOICES_MAX)?;
                let all = u64::try_from(choices.len()).unwrap_or(u64::MAX);
                let max = whole(stage, max.as_ref(), "max")?.unwrap_or(all).clamp(1, all.max(1));
                let min = whole(stage, min.as_ref(), "min")?.unwrap_or(1).min(max);
                Wanted::Checkboxes { choices, min, max }
            }
            Self::Rating(max) => {
                let max = whole(stage, max.as_ref(), "max")?;
                let max = max.and_then(|max| i64::try_from(max).ok()).unwrap_or(RATING);
                Wanted::Rating { max: max.clamp(2, RATING_MAX) }
            }
            Self::File { accept, size_max, count_max } => {
                Wanted::File { accept: accept.clone(), size_max: *size_max, count_max: *count_max }
            }
            Self::Confirmation(Some(phrase)) => {
                Wanted::Confirmation { phrase: stage.render(phrase)? }
            }
            Self::Confirmation(None) => {
                Wanted::Confirmation { phrase: format!("{:04}", stage.seeds.random % CODES) }
            }
            Self::Appointment { choices, minutes, zone } => {
                let now = stage.seeds.now;
                let choices = choices.fill(stage, CHOICES_MAX)?;
                let mut slots = Vec::with_capacity(choices.len());
                for choice in choices {
                    let (slot, time) = slot(choice, zone)?;
                    // What is over cannot be booked.
                    if time > now {
                        slots.push(slot);
                    }
                }
                Wanted::Appointment { choices: slots, minutes: *minutes }
            }
        })
    }
}

/// A time as a choice: what it answers is in RFC 3339 and UTC.
fn slot(choice: Choice, zone: &TimeZone) -> Result<(Choice, Timestamp), Halt> {
    let text = choice.value.trim();
    let time = text.parse::<Timestamp>().ok().or_else(|| {
        let local = text.parse::<DateTime>().ok()?;
        zone.to_ambiguous_zoned(local).compatible().ok().map(|zoned| zoned.timestamp())
    });
    let time = time.ok_or_else(|| {
        let message = format!("{text:?} is no time of an appointment: write 2026-11-24T18:00");
        Halt::new(StopReason::WrongValue, message)
    })?;
    let text = if choice.text == choice.value {
        time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
    } else {
        choice.text
    };
    Ok((Choice { text, value: time.to_string(), image: choice.image }, time))
}

impl Range {
    fn fill(&self, stage: &mut Stage<'_>) -> Result<Bounds, Halt> {
        let step = filled(stage, self.step.as_ref(), "step")?;
        Ok(Bounds {
            min: filled(stage, self.min.as_ref(), "min")?,
            max: filled(stage, self.max.as_ref(), "max")?,
            step: step.filter(|step| step.as_f64().is_some_and(|step| step > 0.0)),
        })
    }
}

impl Span {
    fn fill(&self, stage: &mut Stage<'_>) -> Result<Days, Halt> {
        let today = stage.seeds.now.to_zoned(self.zone.clone()).date();
        let mut bound = |text: &Option<Text>| match text {
            Some(text) => {
                let text = stage.render(text)?;
                let failed = |message| Halt::new(StopReason::WrongValue, message);
                bound_of(&text, today).map(Some).map_err(failed)
            }
            None => Ok(None),
        };
        Ok(Days { from: bound(&self.from)?, until: bound(&self.until)?, range: self.range })
    }
}

impl Choices {
    fn fill(&self, stage: &mut Stage<'_>, most: usize) -> Result<Vec<Choice>, Halt> {
        let choices: Vec<Choice> = match self {
            Self::Written(written) => {
                written.iter().map(|choice| choice.fill(stage)).collect::<Result<_, _>>()?
            }
            Self::Computed(pattern) => match stage.value(pattern)? {
                Value::Array(items) => items.iter().map(computed).collect(),
                Value::Null => Vec::new(),
                other @ (Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Object(_)) => vec![computed(&other)],
            },
        };
        if choices.len() > most {
            let message = format!(
                "there are at most {most} things to choose, and these are {}",
                choices.len()
            );
            return Err(Halt::new(StopReason::TemplateLimit, message));
        }
        Ok(choices)
    }
}

impl ChoiceWords {
    fn fill(&self, stage: &mut Stage<'_>) -> Result<Choice, Halt> {
        let text = stage.render(&self.text)?;
        let value = match &self.value {
            Some(value) => stage.render(value)?,
            None => text.clone(),
        };
        let image = match &self.image {
            Some(image) => Some(stage.render(image)?).filter(|address| !address.trim().is_empty()),
            None => None,
        };
        Ok(Choice { text, value, image })
    }
}

/// A choice of a computed list: a text, or a mapping with `text`, `value`, `image`.
fn computed(item: &Value) -> Choice {
    let written = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let text = written(item.get("text").unwrap_or(item));
    let value = item.get("value").map_or_else(|| text.clone(), written);
    Choice { text, value, image: item.get("image").map(written) }
}

fn filled(
    stage: &mut Stage<'_>,
    pattern: Option<&Pattern>,
    name: &str,
) -> Result<Option<Number>, Halt> {
    let Some(pattern) = pattern else { return Ok(None) };
    let value = stage.value(pattern)?;
    let read = match &value {
        Value::String(text) => number(text),
        Value::Null | Value::Number(_) => Some(value.clone()),
        Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    match read {
        Some(Value::Number(number)) => Ok(Some(number)),
        Some(Value::Null) => Ok(None),
        _ => {
            let message = format!("`{name}` of the input is a number, not {value}");
            Err(Halt::new(StopReason::WrongValue, message))
        }
    }
}

fn whole(
    stage: &mut Stage<'_>,
    pattern: Option<&Pattern>,
    name: &str,
) -> Result<Option<u64>, Halt> {
    let Some(number) = filled(stage, pattern, name)? else { return Ok(None) };
    number.as_u64().map(Some).ok_or_else(|| {
        let message = format!("`{name}` of the input is a whole number, not {number}");
        Halt::new(StopReason::WrongValue, message)
    })
}
