//! Functions. There are few: most that can be done is done to a value, by a filter.

use minijinja::value::Rest;
use minijinja::{Error, Value};

use super::table::{Entry, function};
use super::work::measured_function;
use super::{RANGE_MAX, chance, data, dates, items_of, number_of, number_value, too_big};

pub(super) const ENTRIES: &[Entry] = &[
    function(
        "date(text, zone='UTC')",
        "A time: the one of the turn, another one, or one that is said from that of the turn as in `date_modify`.",
        "{{ date('next monday 9am', 'Europe/Berlin') }} {{ date('2026-12-24') }}",
        "2026-11-23T09:00:00+01:00 2026-12-24T00:00:00Z",
        |e, n| measured_function(e, n, dates::date_function),
    ),
    function("max(numbers...)", "The greatest number.", "{{ max(3, 7, 5) }}", "7", |e, n| {
        measured_function(e, n, max);
    }),
    function("min(numbers...)", "The least number.", "{{ min(3, 7, 5) }}", "3", |e, n| {
        measured_function(e, n, min);
    }),
    function(
        "parse_json(text, default)",
        "As the filter.",
        "{{ parse_json('[1, 2]') | last }}",
        "2",
        |e, n| measured_function(e, n, data::parse_json),
    ),
    function(
        "random(from, to)",
        "A whole number between two, with both, or from 0 to one; or an item of a list.",
        "{{ random(1, 6) }}",
        "3",
        |e, n| measured_function(e, n, chance::random_function),
    ),
    function(
        "random_string(length, characters)",
        "So many letters and digits, or characters of a text, in any order. Not for secrets.",
        "{{ random_string(8) }} {{ random_string(4, '0123456789') }}",
        "YB3kcPdU 1419",
        |e, n| measured_function(e, n, chance::random_string),
    ),
    function(
        "range(from=0, to)",
        "The whole numbers up to one, or from one up to another, which is not in it.",
        "{{ range(3) }} {{ range(2, 5) }}",
        "[0,1,2] [2,3,4]",
        |e, n| e.add_function(n, range),
    ),
];

fn max(values: Rest<Value>) -> Result<Value, Error> {
    extreme(&values, "max", f64::max)
}

fn min(values: Rest<Value>) -> Result<Value, Error> {
    extreme(&values, "min", f64::min)
}

/// The one of numbers that is furthest, or of a list of them.
fn extreme(values: &[Value], function: &str, further: fn(f64, f64) -> f64) -> Result<Value, Error> {
    let items = match values {
        [list] if !list.is_number() => items_of(list, function)?,
        numbers => numbers.to_vec(),
    };
    let mut found: Option<f64> = None;
    for item in &items {
        let number = number_of(item, function)?;
        found = Some(found.map_or(number, |found| further(found, number)));
    }
    Ok(found.map_or(Value::UNDEFINED, number_value))
}

fn range(lower: i64, upper: Option<i64>) -> Result<Value, Error> {
    let (from, to) = upper.map_or((0, lower), |upper| (lower, upper));
    if to.saturating_sub(from) > RANGE_MAX {
        return Err(too_big("a range"));
    }
    Ok((from..to).map(Value::from).collect())
}
