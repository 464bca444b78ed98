//! What a behavior is given when it is called, and what it gives back: names, kinds of values, defaults. Read by `load`,
//! asked by `call`.
//!
//! A value is taken as the kind that its behavior names: a customer's `3` as a number, an agent's `yes` as a truth. What
//! cannot be taken so is told with its place when the bot is loaded, where it stands in the text, or stops the run.

use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Number, Value};

use crate::nearest::nearest;
use crate::pattern::Pattern;
use crate::reader::Reader;
use crate::yaml::{Entry, Kind as NodeKind, Node};

/// The most inputs of one behavior.
pub(crate) const INPUTS_MAX: usize = 100;

/// The most values that a choice has.
pub(crate) const CHOICES_MAX: usize = 200;

/// The words of the kinds.
const KINDS: [&str; 9] =
    ["any", "text", "number", "boolean", "date", "time", "record", "list", "mapping"];

/// The kind that needs its values beside it.
const CHOICE: &str = "choice";

/// A value that a behavior is given.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name: the behavior sees it in `vars`.
    pub name: String,
    /// What it takes.
    pub kind: ValueKind,
    /// What it is when nothing is given; without it something must be.
    pub default: Option<Value>,
}

/// What is taken as a value.
#[derive(Clone, Debug, PartialEq)]
pub enum ValueKind {
    /// Anything.
    Any,
    /// A text; a number or a truth is taken as it is written.
    Text,
    /// A number, or a text that is one.
    Number,
    /// A truth: also `yes` and `no`, `on` and `off`, 1 and 0.
    Boolean,
    /// A day, kept as `2026-11-21`.
    Date,
    /// A point in time, kept in RFC 3339 and UTC; also seconds since 1970.
    Time,
    /// A mapping with an `id`.
    Record,
    /// A list.
    List,
    /// A mapping.
    Mapping,
    /// One of these.
    Choice(Vec<Value>),
}

/// Reads the inputs of a behavior: a list of names, or a mapping of names to what they take.
pub(crate) fn read(reader: &mut Reader<'_>, node: &Node) -> Vec<Parameter> {
    let read: Vec<Option<Parameter>> = match &node.kind {
        NodeKind::Map(entries) => entries.iter().map(|entry| read_entry(reader, entry)).collect(),
        NodeKind::List(_) | NodeKind::Scalar(_) => {
            let names = reader.words(node, "an input");
            let any = |(name, at)| {
                reader.target(&format!("vars.{name}"), at)?;
                Some(Parameter { name, kind: ValueKind::Any, default: None })
            };
            names.into_iter().map(any).collect()
        }
    };
    if read.len() > INPUTS_MAX {
        reader.error(node.at, "too_many_inputs", format!("at most {INPUTS_MAX} inputs"));
    }
    read.into_iter().take(INPUTS_MAX).flatten().collect()
}

/// One that is wrong is taken for one that takes anything, so that calls of it are not blamed as well.
fn read_entry(reader: &mut Reader<'_>, entry: &Entry) -> Option<Parameter> {
    let name = entry.key.clone();
    reader.target(&format!("vars.{name}"), entry.at)?;
    let (kind, default) = read_taken(reader, &entry.value, &["type", "of", "default"])
        .unwrap_or((ValueKind::Any, Some(Value::Null)));
    Some(Parameter { name, kind, default })
}

/// Reads what a behavior leaves for its caller.
pub(crate) fn read_result(reader: &mut Reader<'_>, node: &Node) -> Option<ValueKind> {
    read_taken(reader, node, &["type", "of"]).map(|(kind, _)| kind)
}

/// The word for a kind, or a mapping with it.
fn read_taken(
    reader: &mut Reader<'_>,
    node: &Node,
    known: &[&str],
) -> Option<(ValueKind, Option<Value>)> {
    let NodeKind::Map(_) = &node.kind else {
        return read_kind(reader, node, None).map(|kind| (kind, None));
    };
    let fields = reader.fields(node, "a kind of value", known)?;
    let word = reader.required(node.at, "a kind of value", fields, "type")?;
    let kind = read_kind(reader, word, fields.get("of"))?;
    let default = match fields.get("default") {
        Some(node) => Some(read_default(reader, node, &kind)?),
        None => None,
    };
    Some((kind, default))
}

/// The word for a kind; of a choice also its values.
fn read_kind(reader: &mut Reader<'_>, node: &Node, of: Option<&Node>) -> Option<ValueKind> {
    let word = reader.plain(node, "a kind of value")?;
    if word == CHOICE {
        let Some(of) = of else {
            let message = "a choice needs its values: `{type: choice, of: [S, L]}`";
            reader.error(node.at, "missing_key", message);
            return None;
        };
        return read_choices(reader, of).map(ValueKind::Choice);
    }
    if let Some(of) = of {
        reader.error(of.at, "unknown_key", "only a choice has `of`");
    }
    let kind = ValueKind::from_str(&word);
    if kind.is_err() {
        let known = KINDS.into_iter().chain([CHOICE]);
        let message = format!(
            "there is no kind of value {word:?}; there are {}",
            known.clone().collect::<Vec<_>>().join(", ")
        );
        reader.unknown(node.at, "unknown_kind", message, nearest(&word, known));
    }
    kind.ok()
}

fn read_choices(reader: &mut Reader<'_>, node: &Node) -> Option<Vec<Value>> {
    let NodeKind::List(items) = &node.kind else {
        reader.error(node.at, "wrong_kind", format!("`of` is a list, not {}", node.what()));
        return None;
    };
    let values: Vec<Value> =
        items.iter().filter_map(|item| item.scalar()).map(|scalar| scalar.value()).collect();
    if values.len() != items.len() || values.is_empty() || values.len() > CHOICES_MAX {
        let message = format!("`of` has 1 to {CHOICES_MAX} texts or numbers");
        reader.error(node.at, "wrong_kind", message);
        return None;
    }
    Some(values)
}

fn read_default(reader: &mut Reader<'_>, node: &Node, kind: &ValueKind) -> Option<Value> {
    let Pattern::Fixed(value) = reader.pattern(node)? else {
        reader.error(
            node.at,
            "wrong_default",
            "`default` is a value as it stands, without templates",
        );
        return None;
    };
    if value.is_null() {
        return Some(value);
    }
    kind.accept(value)
        .map_err(|wanted| {
            reader.error(node.at, "wrong_default", format!("`default` is {wanted}"));
        })
        .ok()
}

impl FromStr for ValueKind {
    type Err = ();

    fn from_str(word: &str) -> Result<Self, ()> {
        Ok(match word {
            "any" => Self::Any,
            "text" => Self::Text,
            "number" => Self::Number,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "time" => Self::Time,
            "record" => Self::Record,
            "list" => Self::List,
            "mapping" => Self::Mapping,
            _ => return Err(()),
        })
    }
}

impl Parameter {
    /// The value that the behavior sees of what was given; else what was wanted, in words.
    pub(crate) fn accept(&self, given: Option<Value>) -> Result<Value, String> {
        let given = given.filter(|value| !value.is_null());
        match (given, &self.default) {
            (Some(value), _) => self.kind.accept(value),
            (None, Some(default)) => Ok(default.clone()),
            (None, None) if self.kind == ValueKind::Any => Ok(Value::Null),
            (None, None) => Err(self.kind.wanted()),
        }
    }
}

impl ValueKind {
    /// The value, taken as this kind; else what was wanted, in words.
    pub(crate) fn accept(&self, value: Value) -> Result<Value, String> {
        let taken = match self {
            Self::Any => Some(value),
            Self::Text => match value {
                Value::String(_) => Some(value),
                Value::Number(_) | Value::Bool(_) => Some(value.to_string().into()),
                Value::Null | Value::Array(_) | Value::Object(_) => None,
            },
            Self::Number => match value {
                Value::Number(_) => Some(value),
                Value::String(text) => number(text.trim()).map(Value::Number),
                Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
            },
            Self::Boolean => truth(&value).map(Value::Bool),
            Self::Date => value.as_str().and_then(day).map(|day| day.to_string().into()),
            Self::Time => time(&value).map(|time| time.to_string().into()),
            Self::Record => value.get("id").is_some().then_some(value),
            Self::List => value.is_array().then_some(value),
            Self::Mapping => value.is_object().then_some(value),
            Self::Choice(of) => {
                let text =
                    |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                let given = text(&value);
                of.iter().find(|one| text(one) == given).cloned()
            }
        };
        taken.ok_or_else(|| self.wanted())
    }

    /// What it takes, in words.
    fn wanted(&self) -> String {
        match self {
            Self::Any => "anything".into(),
            Self::Text => "a text".into(),
            Self::Number => "a number".into(),
            Self::Boolean => "true or false".into(),
            Self::Date => "a day, as 2026-11-21".into(),
            Self::Time => "a time, as 2026-11-21T10:00:00Z".into(),
            Self::Record => "a record: a mapping with an `id`".into(),
            Self::List => "a list".into(),
            Self::Mapping => "a mapping".into(),
            Self::Choice(of) => {
                let of: Vec<String> = of.iter().map(ToString::to_string).collect();
                format!("one of {}", of.join(", "))
            }
        }
    }
}

fn number(text: &str) -> Option<Number> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    // `inf` and `nan` are numbers to Rust only.
    let is_decimal = text.ends_with(|c: char| c.is_ascii_digit());
    text.parse().ok().filter(|_| is_decimal).and_then(Number::from_f64)
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(truth) => Some(*truth),
        Value::Number(number) => match number.as_i64() {
            Some(1) => Some(true),
            Some(0) => Some(false),
            Some(_) | None => None,
        },
        Value::String(text) => match text.trim().to_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some(true),
            "false" | "no" | "off" | "0" => Some(false),
            _ => None,
        },
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn day(text: &str) -> Option<Date> {
    let text = text.trim();
    let of_time = || Some(text.parse::<Timestamp>().ok()?.to_zoned(TimeZone::UTC).date());
    text.parse::<Date>().ok().or_else(of_time)
}

fn time(value: &Value) -> Option<Timestamp> {
    if let Some(seconds) = value.as_i64() {
        return Timestamp::from_second(seconds).ok();
    }
    let text = value.as_str()?.trim();
    let in_utc = || text.parse::<DateTime>().ok()?.to_zoned(TimeZone::UTC).ok();
    text.parse::<Timestamp>().ok().or_else(|| in_utc().map(|time| time.timestamp()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_value_is_taken_as_the_kind_that_is_named() {
        let taken = |kind: ValueKind, value: Value| match kind.accept(value.clone()) {
            Ok(taken) => format!("{kind:?} {value} -> {taken}"),
            Err(wanted) => format!("{kind:?} {value}: not {wanted}"),
        };
        use ValueKind as K;
        let cases = [
            taken(K::Text, json!(3)),
            taken(K::Text, json!(true)),
            taken(K::Text, json!([])),
            taken(K::Number, json!(" 3 ")),
            taken(K::Number, json!("2.50")),
            taken(K::Number, json!("inf")),
            taken(K::Number, json!("three")),
            taken(K::Boolean, json!("Yes")),
            taken(K::Boolean, json!(0)),
            taken(K::Boolean, json!(2)),
            taken(K::Date, json!("2026-11-21")),
            taken(K::Date, json!("2026-11-21T23:30:00+02:00")),
            taken(K::Date, json!("soon")),
            taken(K::Time, json!(0)),
            taken(K::Time, json!("2026-11-21T10:00:00+01:00")),
            taken(K::Time, json!("2026-11-21T10:00")),
            taken(K::Time, json!("ten")),
            taken(K::Record, json!({"id": 1})),
            taken(K::Record, json!({"name": "x"})),
            taken(K::List, json!("a")),
            taken(K::Mapping, json!({})),
            taken(K::Choice(vec![json!("S"), json!(2)]), json!("2")),
            taken(K::Choice(vec![json!("S"), json!(2)]), json!("L")),
        ];
        insta::assert_snapshot!(cases.join("\n"), @r#"
        Text 3 -> "3"
        Text true -> "true"
        Text []: not a text
        Number " 3 " -> 3
        Number "2.50" -> 2.5
        Number "inf": not a number
        Number "three": not a number
        Boolean "Yes" -> true
        Boolean 0 -> false
        Boolean 2: not true or false
        Date "2026-11-21" -> "2026-11-21"
        Date "2026-11-21T23:30:00+02:00" -> "2026-11-21"
        Date "soon": not a day, as 2026-11-21
        Time 0 -> "1970-01-01T00:00:00Z"
        Time "2026-11-21T10:00:00+01:00" -> "2026-11-21T09:00:00Z"
        Time "2026-11-21T10:00" -> "2026-11-21T10:00:00Z"
        Time "ten": not a time, as 2026-11-21T10:00:00Z
        Record {"id":1} -> {"id":1}
        Record {"name":"x"}: not a record: a mapping with an `id`
        List "a": not a list
        Mapping {} -> {}
        Choice([String("S"), Number(2)]) "2" -> 2
        Choice([String("S"), Number(2)]) "L": not one of "S", 2
        "#);
    }
}
