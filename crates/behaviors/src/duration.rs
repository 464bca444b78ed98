//! How long: `10m`, `2 days`, `1h 30m`. Read by `ask` and `wait`.

use jiff::{SignedDuration, Span, SpanRelativeTo};

/// The longest that a run waits: what is a year away is a record's business.
pub(crate) const WAIT_MAX: SignedDuration = SignedDuration::from_hours(366 * 24);

/// Reads a length of time; a day has 24 hours and a week 7 days, as a run does not know where the customer lives.
pub fn parse(text: &str) -> Result<SignedDuration, String> {
    let unclear = || format!("{text:?} is no length of time: write 30s, 10m, 2h or 3 days");
    let span: Span = text.trim().parse().map_err(|_| unclear())?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| unclear())?;
    if duration <= SignedDuration::ZERO || duration > WAIT_MAX {
        return Err(format!("{text:?} is not more than nothing and at most 366 days"));
    }
    Ok(duration)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_write_it_in_many_ways() {
        let seconds = ["30s", "10m", "2 days", "1h 30m", "1 week", "PT5M"]
            .map(|text| parse(text).map(|d| d.as_secs()));
        assert_eq!(seconds, [30, 600, 172_800, 5_400, 604_800, 300].map(Ok));
        for wrong in ["", "soon", "0s", "-5m", "400 days", "1 month", "10"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
