//! Working hours: `{timezone, schedule: [{day, enabled, start: "08:00", end: "17:30"}]}`.

use serde_json::Value;
use tidings_model::Timestamp;

/// Whether a schedule says that somebody works now. A day that is not in it, or is switched off, is free; a schedule that
/// does not read keeps nobody from working.
pub fn works_at(schedule: &Value, now: Timestamp) -> bool {
    let zone = schedule.get("timezone").and_then(Value::as_str).unwrap_or("UTC");
    let Ok(here) = now.in_tz(zone) else { return true };
    let Some(days) = schedule.get("schedule").and_then(Value::as_array) else { return true };
    let today = DAYS.get(usize::from(here.weekday().to_sunday_zero_offset().unsigned_abs()));
    let minutes = i32::from(here.hour()) * 60 + i32::from(here.minute());
    days.iter().any(|day| {
        let text = |name: &str| day.get(name).and_then(Value::as_str);
        let is_today = text("day").zip(today).is_some_and(|(day, today)| day == *today);
        let enabled = day.get("enabled").and_then(Value::as_bool).unwrap_or(true);
        let start = text("start").and_then(minutes_of).unwrap_or(0);
        let end = text("end").and_then(minutes_of).unwrap_or(DAY_MINUTES);
        is_today && enabled && (start..end).contains(&minutes)
    })
}

const DAYS: [&str; 7] =
    ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

const DAY_MINUTES: i32 = 24 * 60;

fn minutes_of(text: &str) -> Option<i32> {
    let (hours, minutes) = text.split_once(':')?;
    let (hours, minutes): (i32, i32) = (hours.parse().ok()?, minutes.parse().ok()?);
    let total = hours * 60 + minutes;
    ((0..=DAY_MINUTES).contains(&total) && (0..60).contains(&minutes)).then_some(total)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn hours_are_of_the_schedules_own_zone() {
        let schedule = json!({ "timezone": "Europe/Berlin", "schedule": [
            { "day": "monday", "enabled": true, "start": "09:00", "end": "17:00" },
            { "day": "tuesday", "enabled": false, "start": "09:00", "end": "17:00" },
        ]});
        let at = |text: &str| works_at(&schedule, text.parse().expect("a time"));
        assert!(at("2026-11-23T08:00:00Z"), "nine in Berlin, a Monday");
        assert!(!at("2026-11-23T07:59:00Z"));
        assert!(!at("2026-11-23T16:00:00Z"), "five in Berlin: the end is not in it");
        assert!(!at("2026-11-24T10:00:00Z"), "switched off");
        assert!(!at("2026-11-25T10:00:00Z"), "not named");
    }

    #[test]
    fn what_does_not_read_keeps_nobody_from_working() {
        let now: Timestamp = "2026-11-23T08:00:00Z".parse().expect("a time");
        assert!(works_at(&json!({}), now));
        assert!(works_at(&json!({ "timezone": "Nowhere/None", "schedule": [] }), now));
    }
}
