//! How the receiver behaves: well, unless it was told otherwise. The same names are flags of `tidings bin`, fields of
//! `PUT /behave`, and the query of a path `/do/ANSWER`, which holds for one delivery.

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};

/// The longest pause before an answer, in milliseconds: every sender has given up long before.
const DELAY_MS_MAX: u64 = 10 * 60 * 1000;

/// The longest pause between two bytes, in milliseconds.
const DRIP_MS_MAX: u64 = 60 * 1000;

/// The biggest answer, in bytes.
const BYTES_MAX: u64 = 64 << 30;

/// What is done with deliveries.
#[derive(Clone, Debug, PartialEq, Eq, Args, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Behavior {
    /// How a delivery is answered.
    #[arg(long, value_enum, default_value_t)]
    pub(super) answer: Answer,
    /// The status of an ordinary answer; unless given, 204, or 401 where the signature does not hold.
    #[arg(long)]
    pub(super) status: Option<u16>,
    /// A `Retry-After` of so many seconds.
    #[arg(long)]
    pub(super) retry_after_s: Option<u32>,
    /// Whether `Retry-After` is in seconds or a date.
    #[arg(long, value_enum, default_value_t)]
    pub(super) retry_after_as: RetryAfterAs,
    /// Only every so many-th delivery is answered so; those between are taken well.
    #[arg(long, default_value_t = 1)]
    pub(super) every: u32,
    /// Only so many deliveries are answered so, then it behaves well again.
    #[arg(long)]
    pub(super) times: Option<u32>,
    /// The pause before the answer, in milliseconds.
    #[arg(long, default_value_t = 0)]
    pub(super) delay_ms: u64,
    /// The pause between two bytes of what drips, in milliseconds.
    #[arg(long, default_value_t = DRIP_MS)]
    pub(super) drip_ms: u64,
    /// The size of what is big, in bytes: 1 GiB (headers: 1 MiB; a dripping body: 1 KiB), unless given.
    #[arg(long)]
    pub(super) bytes: Option<u64>,
    /// Refuse handshakes.
    #[arg(long)]
    pub(super) refuse_handshakes: bool,
}

/// A byte a second keeps most clients waiting, as each byte begins their pause for reading anew.
const DRIP_MS: u64 = 1000;

impl Default for Behavior {
    fn default() -> Self {
        Self {
            answer: Answer::Status,
            status: None,
            retry_after_s: None,
            retry_after_as: RetryAfterAs::Seconds,
            every: 1,
            times: None,
            delay_ms: 0,
            drip_ms: DRIP_MS,
            bytes: None,
            refuse_handshakes: false,
        }
    }
}

/// How a delivery is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// With a status.
    #[default]
    Status,
    /// Never; the connection stays open.
    Hang,
    /// Not at all: the connection is closed.
    Close,
    /// Not at all: the connection is reset.
    Reset,
    /// The head drips, byte by byte.
    DripHead,
    /// The body drips, byte by byte.
    DripBody,
    /// A huge body.
    Huge,
    /// A chunked body without an end.
    Endless,
    /// A small body that becomes a huge one.
    GzipBomb,
    /// A redirect to the same address.
    Redirect,
    /// Less body than `Content-Length` says.
    LongLength,
    /// More body than `Content-Length` says.
    ShortLength,
    /// A chunk whose size is no number.
    BadChunk,
    /// Headers that are too big.
    BigHeaders,
    /// Provisional answers (103) without an end.
    EarlyHints,
    /// Bytes that are not HTTP.
    Garbage,
}

impl Answer {
    /// As it is written on the command line, in paths and in JSON.
    pub(super) fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// How big it is, unless something else is said.
    pub(super) const fn usual_bytes(self) -> u64 {
        match self {
            Self::BigHeaders => 1 << 20,
            Self::DripBody => 1 << 10,
            Self::Status
            | Self::Hang
            | Self::Close
            | Self::Reset
            | Self::DripHead
            | Self::Huge
            | Self::Endless
            | Self::GzipBomb
            | Self::Redirect
            | Self::LongLength
            | Self::ShortLength
            | Self::BadChunk
            | Self::EarlyHints
            | Self::Garbage => 1 << 30,
        }
    }
}

/// The two forms of `Retry-After`: RFC 9110, section 10.2.3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RetryAfterAs {
    /// A number of seconds.
    #[default]
    Seconds,
    /// A date of HTTP.
    Date,
}

impl Behavior {
    /// Whether it can be done; the error names the field.
    pub(super) fn checked(self) -> Result<Self, String> {
        let most = |name: &str, value: u64, most: u64| {
            if value <= most { Ok(()) } else { Err(format!("{name} may be {most} at most")) }
        };
        if self.status.is_some_and(|status| !(200..600).contains(&status)) {
            return Err("status must be from 200 to 599".into());
        }
        if self.status.is_some() && self.answer != Answer::Status {
            return Err("status goes with the answer \"status\" only".into());
        }
        for (name, value) in [("every", self.every), ("times", self.times.unwrap_or(1))] {
            if value == 0 {
                return Err(format!("{name} must be 1 or more"));
            }
        }
        most("delay_ms", self.delay_ms, DELAY_MS_MAX)?;
        most("drip_ms", self.drip_ms, DRIP_MS_MAX)?;
        most("bytes", self.bytes.unwrap_or(0), BYTES_MAX)?;
        Ok(self)
    }
}

/// The behavior that holds now, and how far it went.
#[derive(Debug, Default)]
pub(super) struct Current {
    pub(super) behavior: Behavior,
    /// Deliveries since it holds.
    came: u64,
    /// How many of them were answered so.
    answered: u32,
}

impl Current {
    pub(super) const fn new(behavior: Behavior) -> Self {
        Self { behavior, came: 0, answered: 0 }
    }

    /// How the next delivery is answered.
    pub(super) fn next(&mut self) -> Behavior {
        self.came += 1;
        let Behavior { every, times, .. } = self.behavior;
        if !self.came.is_multiple_of(u64::from(every)) {
            return Behavior::default();
        }
        self.answered = self.answered.saturating_add(1);
        let next = self.behavior.clone();
        if times.is_some_and(|times| self.answered >= times) {
            // Who asks is told how the next one is answered.
            let refuse_handshakes = next.refuse_handshakes;
            *self = Self::new(Behavior { refuse_handshakes, ..Behavior::default() });
        }
        next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statuses(behavior: Behavior) -> Vec<Option<u16>> {
        let mut current = Current::new(behavior);
        (0..6).map(|_| current.next().status).collect()
    }

    #[test]
    fn every_third_and_the_first_two_are_told_apart() {
        let bad = Behavior { status: Some(503), ..Behavior::default() };
        let every = statuses(Behavior { every: 3, ..bad.clone() });
        assert_eq!(every, [None, None, Some(503), None, None, Some(503)]);
        let times = statuses(Behavior { times: Some(2), ..bad });
        assert_eq!(times, [Some(503), Some(503), None, None, None, None]);
        let mut current =
            Current::new(Behavior { times: Some(1), delay_ms: 7, ..Behavior::default() });
        assert_eq!(current.next().delay_ms, 7);
        assert_eq!(current.behavior, Behavior::default(), "what is over is not told");
    }

    #[test]
    fn what_cannot_be_done_is_named() {
        let wrong = [
            Behavior { status: Some(199), ..Behavior::default() },
            Behavior { status: Some(600), ..Behavior::default() },
            Behavior { status: Some(500), answer: Answer::Hang, ..Behavior::default() },
            Behavior { every: 0, ..Behavior::default() },
            Behavior { times: Some(0), ..Behavior::default() },
            Behavior { delay_ms: u64::MAX, ..Behavior::default() },
            Behavior { drip_ms: u64::MAX, ..Behavior::default() },
            Behavior { bytes: Some(u64::MAX), ..Behavior::default() },
        ];
        let fields =
            ["status", "status", "status", "every", "times", "delay_ms", "drip_ms", "bytes"];
        for (behavior, field) in wrong.into_iter().zip(fields) {
            let error = behavior.checked().expect_err("it cannot be done");
            assert!(error.starts_with(field), "{error}");
        }
    }

    #[test]
    fn names_are_the_same_on_the_command_line_and_in_json() {
        for answer in Answer::value_variants() {
            let json = serde_json::to_value(answer).expect("JSON");
            assert_eq!(json.as_str(), Some(answer.name().as_str()));
        }
    }
}
