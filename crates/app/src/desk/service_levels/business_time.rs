//! Business time: how much of a stretch of time somebody is there, and when so much of it will have passed.
//!
//! Pure arithmetic over the hours of a week in a time zone, without holidays. A day is cut into stretches of real time, so
//! a night in which clocks are changed is as long as it really is: opening hours that fall into an hour that is skipped
//! begin when it is over, and an hour that comes twice is open for as long as both of them last.

use std::collections::BTreeSet;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, ToSpan};
use tidings_model::{OpenHours, Timestamp, Weekday};

/// How many days are looked at: who is not there for so long is not waited for.
const DAYS_MAX: usize = 3_660;

/// The minutes of a day.
const DAY_MINUTES: u16 = 24 * 60;

/// How many times a week, and how many holidays, may be given: more is a mistake.
pub const TIMES_MAX: usize = 100;
pub const HOLIDAYS_MAX: usize = 1_000;

/// When somebody is there.
#[derive(Clone, Debug)]
pub(crate) enum BusinessTime {
    /// Always.
    Always,
    /// At some hours of the week.
    Hours(Hours),
}

/// Hours of the week.
#[derive(Clone, Debug)]
pub(crate) struct Hours {
    zone: TimeZone,
    /// From Monday; each day has its stretches in minutes, in order and apart from each other.
    week: [Vec<(u16, u16)>; 7],
    holidays: BTreeSet<Date>,
}

/// What is wrong with hours, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrongHours {
    /// A JSON pointer into the hours.
    pub pointer: String,
    /// What is wrong there.
    pub problem: String,
}

impl BusinessTime {
    /// Reads what a service level says.
    pub(crate) fn of(hours: Option<&OpenHours>) -> Result<Self, WrongHours> {
        hours.map_or(Ok(Self::Always), |hours| Hours::of(hours).map(Self::Hours))
    }

    /// How much of the time between two moments counts.
    pub(crate) fn between(&self, from: Timestamp, to: Timestamp) -> SignedDuration {
        if to <= from {
            return SignedDuration::ZERO;
        }
        match self {
            Self::Always => to.duration_since(from),
            Self::Hours(hours) => hours.between(from, to),
        }
    }

    /// When so much time will have counted since a moment; `None` where that never comes.
    pub(crate) fn add(&self, from: Timestamp, time: SignedDuration) -> Option<Timestamp> {
        if time <= SignedDuration::ZERO {
            return Some(from);
        }
        match self {
            Self::Always => from.checked_add(time).ok(),
            Self::Hours(hours) => hours.add(from, time),
        }
    }
}

impl Hours {
    fn of(hours: &OpenHours) -> Result<Self, WrongHours> {
        let wrong = |pointer: String, problem: String| WrongHours { pointer, problem };
        let zone = TimeZone::get(&hours.timezone).map_err(|_| {
            wrong("/timezone".into(), "is no time zone: write it as Europe/Berlin".into())
        })?;
        if hours.schedule.is_empty() || hours.schedule.len() > TIMES_MAX {
            return Err(wrong("/schedule".into(), format!("has 1 to {TIMES_MAX} times")));
        }
        if hours.holidays.len() > HOLIDAYS_MAX {
            return Err(wrong("/holidays".into(), format!("has at most {HOLIDAYS_MAX} dates")));
        }
        let mut week: [Vec<(u16, u16)>; 7] = Default::default();
        for (place, time) in hours.schedule.iter().enumerate() {
            let read = |name: &str, text: &str| {
                minutes_of(text).ok_or_else(|| {
                    wrong(format!("/schedule/{place}/{name}"), "is no time, as 09:00".into())
                })
            };
            let (start, end) = (read("start", &time.start)?, read("end", &time.end)?);
            if end <= start {
                let problem = "is not after the start: a night is two times".into();
                return Err(wrong(format!("/schedule/{place}/end"), problem));
            }
            if let Some(day) = week.get_mut(place_of(time.day)) {
                day.push((start, end));
            }
        }
        for day in &mut week {
            day.sort_unstable();
            *day = joined(day);
        }
        let holidays = hours.holidays.iter().enumerate().map(|(place, text)| {
            let date = text.parse::<Date>().ok().filter(|date| date.to_string() == *text);
            let problem = || "is no date, as 2026-12-25".into();
            date.ok_or_else(|| wrong(format!("/holidays/{place}"), problem()))
        });
        Ok(Self { zone, week, holidays: holidays.collect::<Result<_, _>>()? })
    }

    fn between(&self, from: Timestamp, to: Timestamp) -> SignedDuration {
        let mut sum = SignedDuration::ZERO;
        for (start, end) in self.stretches(from) {
            if start >= to {
                break;
            }
            let (start, end) = (start.max(from), end.min(to));
            if end > start {
                sum = sum.saturating_add(end.duration_since(start));
            }
        }
        sum
    }

    fn add(&self, from: Timestamp, time: SignedDuration) -> Option<Timestamp> {
        let mut left = time;
        for (start, end) in self.stretches(from) {
            let start = start.max(from);
            if end <= start {
                continue;
            }
            let here = end.duration_since(start);
            if left <= here {
                return start.checked_add(left).ok();
            }
            left = left.checked_sub(here)?;
        }
        None
    }

    /// The stretches of time in which somebody is there, in order and apart from each other; from a day before a moment,
    /// as a day may begin again where clocks are set back at midnight.
    fn stretches(&self, from: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        let today = self.zone.to_datetime(from).date();
        let first = today.checked_sub(1.day()).unwrap_or(today);
        let days = std::iter::successors(Some(first), |day| day.tomorrow().ok()).take(DAYS_MAX);
        days.flat_map(|day| self.of_day(day))
    }

    fn of_day(&self, day: Date) -> impl Iterator<Item = (Timestamp, Timestamp)> + '_ {
        let place = usize::from(day.weekday().to_monday_zero_offset().unsigned_abs());
        let times = self.week.get(place).filter(|_| !self.holidays.contains(&day));
        times.into_iter().flatten().filter_map(move |(start, end)| {
            let (start, end) = (self.moment(day, *start)?, self.moment(day, *end)?);
            (start < end).then_some((start, end))
        })
    }

    /// The moment at which a clock on the wall shows a time first; one that it never shows is the moment at which it
    /// passes it. So a later time is never an earlier moment.
    fn moment(&self, day: Date, minutes: u16) -> Option<Timestamp> {
        let shown = if minutes >= DAY_MINUTES {
            DateTime::from_parts(day.tomorrow().ok()?, Time::midnight())
        } else {
            let (hour, minute) =
                (i8::try_from(minutes / 60).ok()?, i8::try_from(minutes % 60).ok()?);
            DateTime::from_parts(day, Time::new(hour, minute, 0, 0).ok()?)
        };
        let ambiguous = self.zone.to_ambiguous_timestamp(shown);
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset }
            | AmbiguousOffset::Fold { before: offset, .. } => offset.to_timestamp(shown).ok(),
            AmbiguousOffset::Gap { after, .. } => {
                let before_it = after.to_timestamp(shown).ok()?;
                self.zone.following(before_it).next().map(|change| change.timestamp())
            }
        }
    }
}

/// Stretches that touch or lie over each other become one.
fn joined(sorted: &[(u16, u16)]) -> Vec<(u16, u16)> {
    let mut all: Vec<(u16, u16)> = Vec::new();
    for (start, end) in sorted {
        match all.last_mut() {
            Some((_, until)) if *start <= *until => *until = (*until).max(*end),
            Some(_) | None => all.push((*start, *end)),
        }
    }
    all
}

const fn place_of(day: Weekday) -> usize {
    match day {
        Weekday::Monday => 0,
        Weekday::Tuesday => 1,
        Weekday::Wednesday => 2,
        Weekday::Thursday => 3,
        Weekday::Friday => 4,
        Weekday::Saturday => 5,
        Weekday::Sunday => 6,
    }
}

fn minutes_of(text: &str) -> Option<u16> {
    let digits = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let (hours, minutes) = text.split_once(':')?;
    if !digits(hours) || !digits(minutes) {
        return None;
    }
    let (hours, minutes): (u16, u16) = (hours.parse().ok()?, minutes.parse().ok()?);
    let total = hours * 60 + minutes;
    (total <= DAY_MINUTES && minutes < 60).then_some(total)
}

#[cfg(test)]
mod tests;
