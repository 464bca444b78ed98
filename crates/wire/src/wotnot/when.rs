//! Times as WotNot writes them: `2023-09-01 14:13:32.141788`, in UTC, without saying so.

use tidings_model::Timestamp;

/// A time. The year has four digits there, so what lies before the year 1970 is told as its beginning.
pub(super) fn time(time: Timestamp) -> String {
    time.max(Timestamp::UNIX_EPOCH).strftime("%Y-%m-%d %H:%M:%S%.6f").to_string()
}

/// A time in the value of a variable of type `date`: `2023-08-29T04:27:48.183000+00:00`.
pub(super) fn date(time: Timestamp) -> String {
    time.max(Timestamp::UNIX_EPOCH).strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string()
}

/// The time of day as keys carry it: `044524077841`. Where there is none, midnight.
pub(super) fn time_of_day(time: Option<Timestamp>) -> String {
    time.unwrap_or(Timestamp::UNIX_EPOCH).strftime("%H%M%S%6f").to_string()
}

/// The same without what is finer than a second: WotNot tells the status of messages so.
pub(super) fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// The same without what is finer than a millisecond: WotNot tells missed service levels so.
pub(super) fn whole_millisecond(time: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(time.as_millisecond()).unwrap_or(time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_six_digits_and_no_zone() {
        let at = |text: &str| text.parse::<Timestamp>().expect("a time");
        assert_eq!(time(at("2025-12-16T04:45:24.077841999Z")), "2025-12-16 04:45:24.077841");
        assert_eq!(time(at("2025-12-16T06:45:24+02:00")), "2025-12-16 04:45:24.000000");
        assert_eq!(time(Timestamp::MIN), "1970-01-01 00:00:00.000000");
        assert_eq!(time(Timestamp::MAX).len(), "2025-12-16 04:45:24.000000".len());
        assert_eq!(date(at("2023-08-29T04:27:48.183Z")), "2023-08-29T04:27:48.183000+00:00");
        assert_eq!(time_of_day(Some(at("2025-12-16T04:45:24.077841Z"))), "044524077841");
        assert_eq!(time_of_day(None), "000000000000");
        let fine = at("2025-12-16T04:45:24.077841Z");
        assert_eq!(time(whole_second(fine)), "2025-12-16 04:45:24.000000");
        assert_eq!(time(whole_millisecond(fine)), "2025-12-16 04:45:24.077000");
    }
}
