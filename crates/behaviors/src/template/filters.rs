//! What a template can do with a value. Called by `template` only.
//!
//! A list of what is allowed, not of what is forbidden: a filter that a new MiniJinja brings is not there before it
//! stands in the [`table`]. MiniJinja's own are taken where they cannot make much of little, and cannot panic; the others
//! are written anew with a limit. What is worked through and what is made is measured by [`work`].
//!
//! In reading order: [`table`] (all of them, with examples that are tests), [`reference`](mod@reference) (the page made of
//! it), [`work`] (what they cost); then a file for each group.

mod any;
mod chance;
mod checks;
mod codes;
mod csv;
mod currency;
mod data;
mod dates;
mod emails;
mod functions;
mod hashes;
mod html;
mod lists;
mod mappings;
mod markdown;
mod numbers;
mod paths;
mod printf;
mod reference;
mod regexes;
mod relative;
mod slugs;
mod stats;
mod table;
mod text;
mod wildcards;
mod work;
mod xml;
mod xpath;

#[cfg(test)]
mod tests;

use minijinja::value::ValueKind;
use minijinja::{Environment, Error, ErrorKind, Output, State, Value, filters};

use super::guard::{ITEMS_ONLY, NUMBER_ONLY, PART_ONLY};
use super::measure::{VALUE_BYTES_MAX, fits, round, rounded};

pub use reference::reference_page;

pub(super) use chance::SEED;
pub(super) use codes::urlencode;
pub(super) use data::json as json_filter;
pub(super) use dates::NOW;
pub(super) use table::{Kind, names};
pub(super) use work::worked;

/// How the message of an error begins that is about a limit.
pub(super) const TOO_BIG: &str = "too big";

/// The longest list that is made of a number: by `range`, `batch`, `slice`.
const RANGE_MAX: i64 = 5_000;

pub(super) fn add_to(environment: &mut Environment<'static>) {
    environment.set_formatter(print);

    environment.add_filter(NUMBER_ONLY, number_only);
    environment.add_filter(PART_ONLY, part_only);
    environment.add_filter(ITEMS_ONLY, items_only);

    for entry in table::entries() {
        (entry.add)(environment, entry.name());
    }
}

/// Prints a value as people write it: `true`, nothing for null, JSON for a list.
fn print(output: &mut Output<'_>, _state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if let Some(text) = value.as_str() {
        output.write_str(text).map_err(Error::from)
    } else if value.is_integer() {
        write!(output, "{value}").map_err(Error::from)
    } else {
        text_of(value).and_then(|text| output.write_str(&text).map_err(Error::from))
    }
}

pub(super) fn text_of(value: &Value) -> Result<String, Error> {
    let kind = value.kind();
    if let Some(text) = value.as_str() {
        Ok(text.to_owned())
    } else if matches!(kind, ValueKind::Undefined | ValueKind::None) {
        Ok(String::new())
    } else if matches!(kind, ValueKind::Bool) {
        Ok(if value.is_true() { "true" } else { "false" }.to_owned())
    } else if matches!(kind, ValueKind::Seq | ValueKind::Iterable | ValueKind::Map) {
        json(value, None)
    } else if value.is_number() && !value.is_integer() {
        let number = f64::try_from(value.clone())
            .map_or_else(|_| value.clone(), |number| Value::from(round(number)));
        Ok(number.to_string())
    } else {
        Ok(value.to_string())
    }
}

/// A value as JSON, indented by so many spaces.
pub(super) fn json(value: &Value, indent: Option<usize>) -> Result<String, Error> {
    if !fits(value) {
        return Err(too_big("a value for JSON"));
    }
    let value = serde_json::to_value(value).map_err(|error| failed(error.to_string()))?;
    data::written(&rounded(value), indent)
}

fn too_big(what: &str) -> Error {
    Error::new(ErrorKind::InvalidOperation, format!("{TOO_BIG}: {what}"))
}

fn failed(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

fn number_only(value: Value) -> Result<Value, Error> {
    if value.is_number() || value.is_undefined() {
        return Ok(value);
    }
    Err(failed("only numbers are multiplied"))
}

fn part_only(value: Value) -> Result<Value, Error> {
    if fits(&value) { Ok(value) } else { Err(too_big("a part of + or ~")) }
}

fn items_only(value: Value) -> Result<Value, Error> {
    if fits(&value) { Ok(value) } else { Err(too_big("what a `for` walks through")) }
}

/// Whether there is no value.
fn is_missing(value: &Value) -> bool {
    value.is_undefined() || value.is_none()
}

/// The items of a list, the keys of a mapping; nothing is an empty list.
fn items_of(value: &Value, filter: &str) -> Result<Vec<Value>, Error> {
    if is_missing(value) {
        return Ok(Vec::new());
    }
    if !matches!(value.kind(), ValueKind::Seq | ValueKind::Iterable | ValueKind::Map) {
        return Err(failed(format!("`{filter}` needs a list")));
    }
    value.try_iter()?.checked().collect()
}

/// The keys of a mapping with their values; nothing is an empty mapping.
fn fields_of(value: &Value, filter: &str) -> Result<Vec<(Value, Value)>, Error> {
    if is_missing(value) {
        return Ok(Vec::new());
    }
    if value.kind() != ValueKind::Map {
        return Err(failed(format!("`{filter}` needs a mapping")));
    }
    let mut fields = Vec::new();
    for key in value.try_iter()?.checked() {
        let key = key?;
        let member = value.get_item(&key)?;
        fields.push((key, member));
    }
    Ok(fields)
}

/// A number, or a text that reads as one.
fn number_of(value: &Value, filter: &str) -> Result<f64, Error> {
    numeric(value).ok_or_else(|| failed(format!("`{filter}` needs a number")))
}

/// The number that a value is, or that a text reads as.
fn numeric(value: &Value) -> Option<f64> {
    let number = match value.as_str() {
        // Rust reads `inf` and `nan` too; to people they are words.
        Some(text) if text.trim().ends_with(|last: char| last.is_ascii_digit() || last == '.') => {
            text.trim().parse().ok()
        }
        Some(_) => None,
        None if value.is_number() => f64::try_from(value.clone()).ok(),
        None => None,
    };
    number.filter(|number| number.is_finite())
}

/// A whole number where the number is one, so that it prints without a fraction.
fn number_value(number: f64) -> Value {
    /// Up to here a float holds every whole number.
    const WHOLE_MAX: f64 = 9_007_199_254_740_992.0;
    if number.fract() == 0.0 && number.abs() <= WHOLE_MAX {
        #[expect(clippy::cast_possible_truncation, reason = "whole and in range, as just seen")]
        return Value::from(number as i64);
    }
    Value::from(number)
}

/// A text that is put together piece by piece, never longer than a value may be.
struct Growing {
    text: String,
    /// The filter that makes it, for the message.
    filter: &'static str,
}

impl Growing {
    fn new(filter: &'static str) -> Self {
        Self { text: String::new(), filter }
    }

    fn push(&mut self, piece: &str) -> Result<(), Error> {
        self.fits(piece.len())?;
        self.text.push_str(piece);
        Ok(())
    }

    /// Whether so many bytes may come.
    fn fits(&self, bytes: usize) -> Result<(), Error> {
        if self.text.len().saturating_add(bytes) > VALUE_BYTES_MAX {
            return Err(too_big(&format!("what `{}` makes", self.filter)));
        }
        Ok(())
    }
}

/// As MiniJinja's, for one text.
fn percent_encoded(text: &str) -> Result<String, Error> {
    filters::urlencode(&Value::from(text))
}
