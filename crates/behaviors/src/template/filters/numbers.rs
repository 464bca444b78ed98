//! Numbers: how they are reckoned and how they are written.

use minijinja::value::Rest;
use minijinja::{Error, Value, filters};

use super::table::{Entry, filter};
use super::work::{measured, picking};
use super::{currency, failed, is_missing, number_of, number_value, stats, text_of};

pub(super) const ENTRIES: &[Entry] = &[
    filter("abs", "Without its sign.", "{{ -3 | abs }}", "3", |e, n| {
        e.add_filter(n, filters::abs);
    }),
    filter(
        "base_convert(from, to)",
        "The digits of a whole number in another base, from 2 to 36.",
        "{{ 'ff' | base_convert(16, 10) }} {{ 10 | base_convert(10, 2) }}",
        "255 1010",
        |e, n| measured(e, n, base_convert),
    ),
    filter(
        "bytes(decimals=1)",
        "A number of bytes as people write it, by thousands.",
        "{{ 1500000 | bytes }} {{ 999 | bytes }} {{ 2048 | bytes(2) }}",
        "1.5 MB 999 B 2.05 KB",
        |e, n| measured(e, n, bytes),
    ),
    filter(
        "clamp(least, most)",
        "The number, or the limit that it is beyond.",
        "{{ 12 | clamp(1, 10) }}",
        "10",
        |e, n| measured(e, n, clamp),
    ),
    filter(
        "currency(code, locale='en')",
        "An amount of money, by its ISO 4217 code, as it is written in a country.",
        "{{ 1234.5 | currency('EUR', 'de') }}, {{ 1234.5 | currency('USD') }}, {{ 1234.5 | currency('JPY', 'ja') }}",
        "1.234,50 €, $1,234.50, ¥1,234",
        |e, n| measured(e, n, currency::currency),
    ),
    filter(
        "duration(parts=2)",
        "A number of seconds in words, by its largest parts.",
        "{{ 93784 | duration }}, {{ 93784 | duration(4) }}, {{ 60 | duration }}",
        "1 day 2 hours, 1 day 2 hours 3 minutes 4 seconds, 1 minute",
        |e, n| measured(e, n, duration),
    ),
    filter(
        "number(decimals=0, point='.', thousands='')",
        "A number with so many decimals.",
        "{{ 1234.5 | number(2, ',', '.') }}",
        "1.234,50",
        |e, n| measured(e, n, number),
    ),
    filter(
        "percent(decimals=0)",
        "A part of one as parts of a hundred.",
        "{{ 0.256 | percent }} {{ 0.256 | percent(1) }}",
        "26% 25.6%",
        |e, n| measured(e, n, percent),
    ),
    filter(
        "round(precision=0, method='common')",
        "Rounded to so many decimals, to the nearest one or by `ceil` and `floor`; a half goes to the even side.",
        "{{ 3.14159 | round(2) }} {{ 3.2 | round(0, 'ceil') }}",
        "3.14 4.0",
        |e, n| e.add_filter(n, filters::round),
    ),
    filter(
        "stats(what)",
        "What numbers are together: `count`, `max`, `mean`, `median`, `min`, `mode`, `stdev` and `var` (of a sample), `stdevp` \
         and `varp` (of all), `sum`; or all of these, as a mapping.",
        "{{ [1, 2, 2, 5] | stats('median') }} {{ [1, 2, 2, 5] | stats('mean') }} {{ ([1, 2, 2, 5] | stats).mode }}",
        "2 2.5 2",
        |e, n| measured(e, n, stats::stats),
    ),
    filter(
        "sum(attribute)",
        "The sum of a list, or of an attribute of its items (by name).",
        "{{ [1, 2, 3.5] | sum }} {{ session.cart | sum(attribute='price') }}",
        "6.5 19",
        |e, n| picking(e, n, stats::sum),
    )
    .seeing(r#"{"cart": [{"price": 11}, {"price": 8}]}"#),
];

/// The most digits behind the point.
const DECIMALS_MAX: usize = 20;

fn base_convert(value: &Value, from: u32, to: u32) -> Result<String, Error> {
    if !(2..=36).contains(&from) || !(2..=36).contains(&to) {
        return Err(failed("`base_convert` knows the bases 2 to 36"));
    }
    let text = text_of(value)?;
    let digits = text.trim();
    let mut number = u128::from_str_radix(digits, from)
        .map_err(|_| failed(format!("{:?} is no number of base {from}", shortened(digits))))?;
    let mut converted = Vec::new();
    loop {
        let digit = u32::try_from(number % u128::from(to)).ok();
        converted.extend(digit.and_then(|digit| char::from_digit(digit, to)));
        number /= u128::from(to);
        if number == 0 {
            return Ok(converted.into_iter().rev().collect());
        }
    }
}

/// The beginning of a text, for messages.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(40).collect()
}

fn bytes(value: &Value, decimals: Option<usize>) -> Result<String, Error> {
    let mut amount = number_of(value, "bytes")?;
    let mut unit = "B";
    for larger in ["KB", "MB", "GB", "TB", "PB", "EB"] {
        if amount.abs() < 1000.0 {
            break;
        }
        amount /= 1000.0;
        unit = larger;
    }
    let decimals = if unit == "B" { 0 } else { decimals.unwrap_or(1) };
    Ok(format!("{} {unit}", decimal(amount, decimals, ".", "")))
}

fn clamp(value: &Value, least: &Value, most: &Value) -> Result<Value, Error> {
    let number = number_of(value, "clamp")?;
    let (low, high) = (number_of(least, "clamp")?, number_of(most, "clamp")?);
    if low > high {
        return Err(failed("`clamp` needs the smaller limit first"));
    }
    Ok(number_value(number.max(low).min(high)))
}

/// Seconds in words.
fn duration(value: &Value, parts: Option<usize>) -> Result<String, Error> {
    let seconds = number_of(value, "duration")?;
    Ok(in_words(seconds, parts.unwrap_or(2)))
}

/// So many of the largest parts of a number of seconds, as `1 day 2 hours`.
pub(super) fn in_words(seconds: f64, parts: usize) -> String {
    const UNITS: [(i64, &str); 6] = [
        // A year and a month by their means: those who want days count days.
        (31_557_600, "year"),
        (2_629_800, "month"),
        (86_400, "day"),
        (3_600, "hour"),
        (60, "minute"),
        (1, "second"),
    ];
    #[expect(clippy::cast_possible_truncation, reason = "a number that is too big is the biggest")]
    let mut left = seconds.abs().floor() as i64;
    let mut words = Vec::new();
    for (size, unit) in UNITS {
        let count = left / size;
        if count == 0 || words.len() >= parts.max(1) {
            continue;
        }
        left -= count * size;
        words.push(format!("{count} {unit}{}", if count == 1 { "" } else { "s" }));
    }
    if words.is_empty() {
        return "0 seconds".to_owned();
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    format!("{sign}{}", words.join(" "))
}

/// Writes a number with so many decimals, a decimal point and a separator of thousands.
fn number(value: &Value, decimals: Option<usize>, rest: Rest<String>) -> Result<String, Error> {
    let number = number_of(value, "number")?;
    let mut marks = rest.iter().map(String::as_str);
    let point = marks.next().unwrap_or(".");
    let thousands = marks.next().unwrap_or_default();
    Ok(decimal(number, decimals.unwrap_or(0), point, thousands))
}

fn percent(value: &Value, decimals: Option<usize>) -> Result<String, Error> {
    if is_missing(value) {
        return Ok(String::new());
    }
    let part = number_of(value, "percent")?;
    Ok(format!("{}%", decimal(part * 100.0, decimals.unwrap_or(0), ".", "")))
}

/// A number with its marks.
pub(super) fn decimal(number: f64, decimals: usize, point: &str, thousands: &str) -> String {
    let written = format!("{:.*}", decimals.min(DECIMALS_MAX), number.abs());
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
    text
}
