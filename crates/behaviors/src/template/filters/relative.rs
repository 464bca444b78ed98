//! Times that are said from another one: `+2 days`, `next monday`, `first day of next month`, `tomorrow 09:00`. The words
//! are those that PHP reads, as people know them from there; they are taken one after the other.

use jiff::civil::{Date, Time, Weekday};
use jiff::{Span, Zoned};
use minijinja::Error;

use super::dates::out_of_range;
use super::failed;
use super::numbers::shortened;

/// The longest text, in bytes.
const CHANGE_BYTES_MAX: usize = 200;

/// The most weekdays to go: they are counted one by one.
const WEEKDAYS_MAX: i64 = 10_000;

/// The time after a change.
pub(super) fn moved(time: Zoned, change: &str) -> Result<Zoned, Error> {
    if change.len() > CHANGE_BYTES_MAX {
        return Err(failed(format!("a change of a time has at most {CHANGE_BYTES_MAX} bytes")));
    }
    let lower = change.to_lowercase();
    let words: Vec<&str> = cut(&lower);
    let mut rest = words.as_slice();
    let mut time = time;
    while let Some((word, after)) = rest.split_first() {
        let (then, left) = take(&time, word, after)?
            .ok_or_else(|| failed(format!("{:?} is no change of a time", shortened(change))))?;
        time = then;
        rest = left;
    }
    Ok(time)
}

/// The words: at white space and commas, and between a number and its unit (`+2days`).
fn cut(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for word in text.split(|c: char| c.is_whitespace() || c == ',') {
        let sign = usize::from(word.starts_with(['+', '-']));
        let digits = word.bytes().skip(sign).take_while(u8::is_ascii_digit).count();
        let (number, unit) = word.split_at(sign + digits);
        if digits > 0 && unit_of(unit).is_some() {
            words.extend([number, unit]);
        } else if !word.is_empty() {
            words.push(word);
        }
    }
    words
}

type Taken<'w> = Option<(Zoned, &'w [&'w str])>;

/// The time after the change that begins with a word, and the words after it.
fn take<'w>(time: &Zoned, word: &str, after: &'w [&'w str]) -> Result<Taken<'w>, Error> {
    let day = |days: i64| start_of_day(&later(time, "day", days)?);
    Ok(match word {
        "now" | "and" | "at" | "in" | "on" => Some((time.clone(), after)),
        "today" | "midnight" => Some((day(0)?, after)),
        "tomorrow" => Some((day(1)?, after)),
        "yesterday" => Some((day(-1)?, after)),
        "noon" => Some((at(time, Time::constant(12, 0, 0, 0))?, after)),
        "first" | "second" | "third" | "fourth" | "fifth" | "last"
            if after.get(1) == Some(&"of") =>
        {
            in_month(time, word, after)?
        }
        "next" | "last" | "previous" | "this" => direction(time, word, after)?,
        _ => {
            if let Ok(count) = word.strip_prefix('+').unwrap_or(word).parse::<i64>() {
                counted(time, count, after)?
            } else if let Some(weekday) = weekday_of(word) {
                Some((on_weekday(time, weekday, 0)?, after))
            } else if let Some(clock) = clock_of(word) {
                Some((at(time, clock)?, after))
            } else if let Ok(date) = word.parse::<Date>() {
                Some((on(time, date, Time::midnight())?, after))
            } else {
                None
            }
        }
    })
}

/// `next month`, `last friday`, `this week`.
fn direction<'w>(time: &Zoned, word: &str, after: &'w [&'w str]) -> Result<Taken<'w>, Error> {
    let Some((name, left)) = after.split_first() else { return Ok(None) };
    let by = match word {
        "next" => 1,
        "this" => 0,
        _ => -1,
    };
    if let Some(weekday) = weekday_of(name) {
        return Ok(Some((on_weekday(time, weekday, by)?, left)));
    }
    match unit_of(name) {
        Some(unit) => Ok(Some((later(time, unit, by.into())?, left))),
        None => Ok(None),
    }
}

/// `3 days`, `3 days ago`.
fn counted<'w>(time: &Zoned, count: i64, after: &'w [&'w str]) -> Result<Taken<'w>, Error> {
    let Some((name, left)) = after.split_first() else { return Ok(None) };
    let Some(unit) = unit_of(name) else { return Ok(None) };
    let (count, left) = match left.split_first() {
        Some((&"ago", left)) => (count.saturating_neg(), left),
        Some(_) | None => (count, left),
    };
    Ok(Some((later(time, unit, count)?, left)))
}

/// `first day of next month`, `second tuesday of january 2027`, `last friday of this month`.
fn in_month<'w>(time: &Zoned, word: &str, after: &'w [&'w str]) -> Result<Taken<'w>, Error> {
    let nth = match word {
        "first" => 1,
        "second" => 2,
        "third" => 3,
        "fourth" => 4,
        "fifth" => 5,
        _ => -1,
    };
    let [name, "of", left @ ..] = after else { return Ok(None) };
    let Some((month, left)) = month(time, left)? else { return Ok(None) };
    if *name == "day" {
        let day = match nth {
            1 => month.first_of_month(),
            -1 => month.last_of_month(),
            _ => return Ok(None),
        };
        return Ok(Some((on(time, day, time.time())?, left)));
    }
    let Some(weekday) = weekday_of(name) else { return Ok(None) };
    let day = month
        .nth_weekday_of_month(nth, weekday)
        .map_err(|_| failed(format!("there is no {word} {name} in this month")))?;
    Ok(Some((on(time, day, Time::midnight())?, left)))
}

/// A day of the month that is meant.
fn month<'w>(time: &Zoned, words: &'w [&'w str]) -> Result<Option<(Date, &'w [&'w str])>, Error> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let date = time.date();
    match words {
        [word @ ("next" | "last" | "previous" | "this"), "month", left @ ..] => {
            let by = match *word {
                "next" => 1,
                "this" => 0,
                _ => -1,
            };
            let first = date.first_of_month();
            let month = first.checked_add(Span::new().months(by)).map_err(out_of_range)?;
            Ok(Some((month, left)))
        }
        [name, left @ ..] => {
            let short = |known: &&str| known == name || known.get(..3) == Some(*name);
            let Some(index) = NAMES.iter().position(short) else { return Ok(None) };
            let number = i8::try_from(index + 1).unwrap_or(1);
            let (year, left) = match left.split_first() {
                Some((year, after)) if year.len() == 4 => match year.parse() {
                    Ok(year) => (year, after),
                    Err(_) => (date.year(), left),
                },
                Some(_) | None => (date.year(), left),
            };
            let month = Date::new(year, number, 1).map_err(out_of_range)?;
            Ok(Some((month, left)))
        }
        [] => Ok(None),
    }
}

/// The unit of a word, in its one form.
fn unit_of(word: &str) -> Option<&'static str> {
    Some(match word.strip_suffix('s').unwrap_or(word) {
        "sec" | "second" => "second",
        "min" | "minute" => "minute",
        "hour" => "hour",
        "day" => "day",
        "weekday" => "weekday",
        "week" => "week",
        "fortnight" => "fortnight",
        "month" => "month",
        "quarter" => "quarter",
        "year" => "year",
        _ => return None,
    })
}

fn later(time: &Zoned, unit: &str, count: i64) -> Result<Zoned, Error> {
    let span = Span::new();
    let span = match unit {
        "second" => span.try_seconds(count),
        "minute" => span.try_minutes(count),
        "hour" => span.try_hours(count),
        "day" => span.try_days(count),
        "weekday" => return weekdays_later(time, count),
        "week" => span.try_weeks(count),
        "fortnight" => span.try_weeks(count.saturating_mul(2)),
        "month" => span.try_months(count),
        "quarter" => span.try_months(count.saturating_mul(3)),
        _ => span.try_years(count),
    };
    time.checked_add(span.map_err(out_of_range)?).map_err(out_of_range)
}

/// Saturdays and Sundays are not counted.
fn weekdays_later(time: &Zoned, count: i64) -> Result<Zoned, Error> {
    if count.abs() > WEEKDAYS_MAX {
        return Err(failed(format!("at most {WEEKDAYS_MAX} weekdays are counted")));
    }
    let mut date = time.date();
    let mut left = count.abs();
    while left > 0 {
        date = if count < 0 { date.yesterday() } else { date.tomorrow() }.map_err(out_of_range)?;
        if !matches!(date.weekday(), Weekday::Saturday | Weekday::Sunday) {
            left -= 1;
        }
    }
    on(time, date, time.time())
}

fn weekday_of(word: &str) -> Option<Weekday> {
    Some(match word {
        "monday" | "mon" => Weekday::Monday,
        "tuesday" | "tue" => Weekday::Tuesday,
        "wednesday" | "wed" => Weekday::Wednesday,
        "thursday" | "thu" => Weekday::Thursday,
        "friday" | "fri" => Weekday::Friday,
        "saturday" | "sat" => Weekday::Saturday,
        "sunday" | "sun" => Weekday::Sunday,
        _ => return None,
    })
}

/// The midnight at which a weekday begins: today's or the next one's for 0, the next or the one before for 1 and -1.
fn on_weekday(time: &Zoned, weekday: Weekday, by: i32) -> Result<Zoned, Error> {
    let date = time.date();
    let date = match by {
        0 if date.weekday() == weekday => date,
        0 => date.nth_weekday(1, weekday).map_err(out_of_range)?,
        by => date.nth_weekday(by, weekday).map_err(out_of_range)?,
    };
    on(time, date, Time::midnight())
}

/// A time of day: `9:00`, `09:00:30`, `9am`, `9:30pm`.
fn clock_of(word: &str) -> Option<Time> {
    let (digits, half) = match (word.strip_suffix("am"), word.strip_suffix("pm")) {
        (Some(digits), _) => (digits, Some(0)),
        (_, Some(digits)) => (digits, Some(12)),
        (None, None) => (word, None),
    };
    let mut parts = Vec::new();
    for part in digits.split(':') {
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        parts.push(part.parse::<i8>().ok().filter(|_| is_number)?);
    }
    let (hour, minute, second) = match *parts.as_slice() {
        [hour] if half.is_some() => (hour, 0, 0),
        [hour, minute] => (hour, minute, 0),
        [hour, minute, second] => (hour, minute, second),
        _ => return None,
    };
    let hour = match half {
        Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
        Some(_) => return None,
        None => hour,
    };
    Time::new(hour, minute, second, 0).ok()
}

fn start_of_day(time: &Zoned) -> Result<Zoned, Error> {
    time.start_of_day().map_err(out_of_range)
}

fn at(time: &Zoned, clock: Time) -> Result<Zoned, Error> {
    on(time, time.date(), clock)
}

/// A date with a time of day, in the zone of the time.
fn on(time: &Zoned, date: Date, clock: Time) -> Result<Zoned, Error> {
    date.to_datetime(clock).to_zoned(time.time_zone().clone()).map_err(out_of_range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_from_another_one() {
        // A Saturday.
        let from: Zoned = "2026-11-21T19:30:00[Europe/Berlin]".parse().expect("a time");
        let changes = [
            "now",
            "+2 days",
            "+2days 3 hours",
            "-1 month",
            "90 minutes ago",
            "in 2 weeks",
            "next monday",
            "saturday",
            "next saturday",
            "last saturday",
            "monday 8:15",
            "midnight",
            "tomorrow noon",
            "tomorrow 09:00",
            "yesterday 9:30pm",
            "next month",
            "last year",
            "first day of next month",
            "last day of february 2028 midnight",
            "second tuesday of january 2027",
            "last friday of this month 17:00:30",
            "last friday",
            "+3 weekdays",
            "-1 weekday",
            "2026-12-24 6pm",
            "+1 quarter",
            "+130 days",
            "",
            "fifth monday of february",
            "soon",
            "+2",
            "next",
            "25:00",
            "13pm",
            "+99999999999 years",
            "+99999999999999999999 days",
            "first of",
            "last day of",
        ];
        let told = changes.map(|change| match moved(from.clone(), change) {
            Ok(time) => format!("{change}: {}", time.strftime("%a %Y-%m-%d %H:%M:%S %:z")),
            Err(error) => format!("{change}: {error}"),
        });
        insta::assert_snapshot!(told.join("\n"), @r#"
        now: Sat 2026-11-21 19:30:00 +01:00
        +2 days: Mon 2026-11-23 19:30:00 +01:00
        +2days 3 hours: Mon 2026-11-23 22:30:00 +01:00
        -1 month: Wed 2026-10-21 19:30:00 +02:00
        90 minutes ago: Sat 2026-11-21 18:00:00 +01:00
        in 2 weeks: Sat 2026-12-05 19:30:00 +01:00
        next monday: Mon 2026-11-23 00:00:00 +01:00
        saturday: Sat 2026-11-21 00:00:00 +01:00
        next saturday: Sat 2026-11-28 00:00:00 +01:00
        last saturday: Sat 2026-11-14 00:00:00 +01:00
        monday 8:15: Mon 2026-11-23 08:15:00 +01:00
        midnight: Sat 2026-11-21 00:00:00 +01:00
        tomorrow noon: Sun 2026-11-22 12:00:00 +01:00
        tomorrow 09:00: Sun 2026-11-22 09:00:00 +01:00
        yesterday 9:30pm: Fri 2026-11-20 21:30:00 +01:00
        next month: Mon 2026-12-21 19:30:00 +01:00
        last year: Fri 2025-11-21 19:30:00 +01:00
        first day of next month: Tue 2026-12-01 19:30:00 +01:00
        last day of february 2028 midnight: Tue 2028-02-29 00:00:00 +01:00
        second tuesday of january 2027: Tue 2027-01-12 00:00:00 +01:00
        last friday of this month 17:00:30: Fri 2026-11-27 17:00:30 +01:00
        last friday: Fri 2026-11-20 00:00:00 +01:00
        +3 weekdays: Wed 2026-11-25 19:30:00 +01:00
        -1 weekday: Fri 2026-11-20 19:30:00 +01:00
        2026-12-24 6pm: Thu 2026-12-24 18:00:00 +01:00
        +1 quarter: Sun 2027-02-21 19:30:00 +01:00
        +130 days: Wed 2027-03-31 19:30:00 +02:00
        : Sat 2026-11-21 19:30:00 +01:00
        fifth monday of february: invalid operation: there is no fifth monday in this month
        soon: invalid operation: "soon" is no change of a time
        +2: invalid operation: "+2" is no change of a time
        next: invalid operation: "next" is no change of a time
        25:00: invalid operation: "25:00" is no change of a time
        13pm: invalid operation: "13pm" is no change of a time
        +99999999999 years: invalid operation: a time beyond the years -9999 to 9999
        +99999999999999999999 days: invalid operation: "+99999999999999999999 days" is no change of a time
        first of: invalid operation: "first of" is no change of a time
        last day of: invalid operation: "last day of" is no change of a time
        "#);
    }
}
