//! Laws of business time, over zones that change their clocks in all the ways that there are.

use proptest::prelude::*;
use tidings_model::OpenTime;

use super::*;

/// Berlin and New York by an hour at night, Lord Howe by half an hour, Havana and Beirut at midnight, Kathmandu never.
const ZONES: [&str; 7] = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "America/Havana",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "UTC",
];

const DAYS: [Weekday; 7] = [
    Weekday::Monday,
    Weekday::Tuesday,
    Weekday::Wednesday,
    Weekday::Thursday,
    Weekday::Friday,
    Weekday::Saturday,
    Weekday::Sunday,
];

fn text_of(minutes: u16) -> String {
    format!("{:02}:{:02}", minutes / 60, minutes % 60)
}

fn time(day: usize, start: u16, end: u16) -> OpenTime {
    OpenTime { day: DAYS[day], start: text_of(start), end: text_of(end) }
}

fn read(timezone: &str, schedule: Vec<OpenTime>, holidays: &[&str]) -> BusinessTime {
    let holidays = holidays.iter().map(|date| (*date).to_owned()).collect();
    let hours = OpenHours { timezone: timezone.into(), schedule, holidays };
    BusinessTime::of(Some(&hours)).expect("good hours")
}

fn office(timezone: &str, holidays: &[&str]) -> BusinessTime {
    read(timezone, (0..5).map(|day| time(day, 9 * 60, 17 * 60)).collect(), holidays)
}

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

#[test]
fn a_weekend_and_a_holiday_are_passed_over() {
    let office = office("Europe/Berlin", &["2026-12-25"]);
    // Thursday at four: an hour is left, Friday is Christmas.
    let thursday = at("2026-12-24T15:00:00Z");
    assert_eq!(office.add(thursday, hours(2)), Some(at("2026-12-28T09:00:00Z")));
    assert_eq!(office.between(thursday, at("2026-12-28T09:00:00Z")), hours(2));
    assert_eq!(
        office.add(thursday, hours(1)),
        Some(at("2026-12-24T16:00:00Z")),
        "the end is in it"
    );
    // At night the first minute is that of the morning.
    let night = at("2026-12-22T02:00:00Z");
    assert_eq!(office.add(night, hours(1)), Some(at("2026-12-22T09:00:00Z")));
}

#[test]
fn a_night_in_which_clocks_change_is_as_long_as_it_is() {
    let nights = read("Europe/Berlin", vec![time(6, 0, 6 * 60)], &[]);
    let spring = (at("2026-03-28T23:00:00Z"), at("2026-03-29T04:00:00Z"));
    assert_eq!(nights.between(spring.0, spring.1), hours(5));
    let autumn = (at("2026-10-24T22:00:00Z"), at("2026-10-25T05:00:00Z"));
    assert_eq!(nights.between(autumn.0, autumn.1), hours(7));
    // What lies in the hour that is skipped is no time at all.
    let skipped = read("Europe/Berlin", vec![time(6, 120, 180)], &[]);
    assert_eq!(skipped.between(spring.0, spring.1), SignedDuration::ZERO);
    let from = read("Europe/Berlin", vec![time(6, 150, 240)], &[]);
    assert_eq!(from.add(spring.0, hours(1)), Some(at("2026-03-29T02:00:00Z")));
}

#[test]
fn hours_that_cannot_be_are_refused_with_their_place() {
    let wrong = |timezone: &str, schedule: Vec<OpenTime>, holidays: &[&str]| {
        let holidays = holidays.iter().map(|date| (*date).to_owned()).collect();
        let hours = OpenHours { timezone: timezone.into(), schedule, holidays };
        BusinessTime::of(Some(&hours)).expect_err("they cannot be").pointer
    };
    assert_eq!(wrong("Mars/Olympus", vec![time(0, 0, 60)], &[]), "/timezone");
    assert_eq!(wrong("UTC", vec![], &[]), "/schedule");
    assert_eq!(wrong("UTC", vec![time(0, 60, 60)], &[]), "/schedule/0/end");
    let odd = OpenTime { day: Weekday::Monday, start: "9".into(), end: "24:01".into() };
    assert_eq!(wrong("UTC", vec![odd], &[]), "/schedule/0/start");
    assert_eq!(wrong("UTC", vec![time(0, 0, 60)], &["2026-02-30"]), "/holidays/0");
}

#[test]
fn who_is_never_there_is_never_due() {
    let rarely = read("UTC", vec![time(0, 0, 1)], &[]);
    assert!(rarely.add(at("2026-01-01T00:00:00Z"), SignedDuration::from_mins(5)).is_some());
    assert_eq!(rarely.add(at("2026-01-01T00:00:00Z"), SignedDuration::from_hours(24)), None);
}

prop_compose! {
    fn some_moment()(second in 1_704_067_200_i64..1_830_297_600) -> Timestamp {
        Timestamp::from_second(second).expect("a time of these years")
    }
}

prop_compose! {
    fn some_time()(day in 0_usize..7, start in 0_u16..1_440)
        (end in start + 1..=1_440, start in Just(start), day in Just(day)) -> OpenTime {
        time(day, start, end)
    }
}

prop_compose! {
    fn some_hours()(
        zone in prop::sample::select(&ZONES[..]),
        schedule in prop::collection::vec(some_time(), 1..8),
        holidays in prop::collection::btree_set(0_i64..1_400, 0..20),
    ) -> BusinessTime {
        let first: Date = "2024-01-01".parse().expect("a date");
        let date = |days: i64| first.checked_add(days.days()).expect("a date").to_string();
        let hours = OpenHours {
            timezone: zone.into(),
            schedule,
            holidays: holidays.into_iter().map(date).collect(),
        };
        BusinessTime::of(Some(&hours)).expect("good hours")
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn what_is_added_is_what_lies_between(
        hours in some_hours(), from in some_moment(), seconds in 0_i64..200_000,
    ) {
        let time = SignedDuration::from_secs(seconds);
        if let Some(due) = hours.add(from, time) {
            prop_assert!(due >= from);
            prop_assert_eq!(hours.between(from, due), time);
            prop_assert!(due.duration_since(from) >= time, "business time is never faster");
        }
    }

    #[test]
    fn adding_in_two_steps_is_adding_at_once(
        hours in some_hours(), from in some_moment(), one in 1_i64..100_000, two in 1_i64..100_000,
    ) {
        let (one, two) = (SignedDuration::from_secs(one), SignedDuration::from_secs(two));
        let at_once = hours.add(from, one + two);
        let in_steps = hours.add(from, one).and_then(|then| hours.add(then, two));
        // Both are looked for as far as the same number of days goes, the second from later on.
        if at_once.is_some() {
            prop_assert_eq!(at_once, in_steps);
        }
    }

    #[test]
    fn who_begins_later_or_takes_longer_is_never_due_earlier(
        hours in some_hours(), from in some_moment(), later in 0_i64..1_000_000,
        seconds in 0_i64..100_000, more in 0_i64..100_000,
    ) {
        let (time, longer) =
            (SignedDuration::from_secs(seconds), SignedDuration::from_secs(seconds + more));
        let begun_later = from + SignedDuration::from_secs(later);
        let due = hours.add(from, time);
        if let (Some(due), Some(then)) = (due, hours.add(begun_later, time)) {
            prop_assert!(due <= then);
        }
        if let (Some(due), Some(then)) = (due, hours.add(from, longer)) {
            prop_assert!(due <= then);
        }
    }

    #[test]
    fn stretches_add_up(
        hours in some_hours(), from in some_moment(), one in 0_i64..2_000_000, two in 0_i64..2_000_000,
    ) {
        let middle = from + SignedDuration::from_secs(one);
        let to = middle + SignedDuration::from_secs(two);
        prop_assert_eq!(
            hours.between(from, middle) + hours.between(middle, to), hours.between(from, to)
        );
        prop_assert!(hours.between(from, to) <= to.duration_since(from));
    }

    #[test]
    fn who_is_always_there_counts_all_time(
        zone in prop::sample::select(&ZONES[..]), from in some_moment(), seconds in 0_i64..20_000_000,
    ) {
        let always = read(zone, (0..7).map(|day| time(day, 0, 1_440)).collect(), &[]);
        let time = SignedDuration::from_secs(seconds);
        let to = from + time;
        prop_assert_eq!(always.between(from, to), time);
        prop_assert_eq!(always.add(from, time), Some(to));
    }
}
