//! What became of a parcel.

use std::fmt::Display;

/// The broker has it, as durably as it was set up to keep things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Where it is, in words of the broker: a stream and number, a partition and offset, a file. For people to look up.
    pub place: String,
    /// Whether the broker had it already, and knew it by its id.
    pub is_duplicate: bool,
}

impl Taken {
    pub(crate) const fn at(place: String) -> Self {
        Self { place, is_duplicate: false }
    }
}

/// Why a parcel was not taken, for who decides what is next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The operator's settings name no such connection.
    UnknownConnection,
    /// Trying again does not help before somebody changes something: the address, or the broker's set-up.
    Refused,
    /// Trying again does not help at all: it is too large, or has what no broker carries.
    Unfit,
    /// The broker could not be reached; nothing was sent.
    Unreachable,
    /// It was sent, or may have been, and no acknowledgement came in time. The broker may have it.
    NotAcknowledged,
    /// It was not sent, as one before it with the same key was not taken, or there was no time left.
    Held,
}

/// A parcel that was not taken. Its text has no secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Failed {
    /// Why, for programs.
    pub why: Why,
    /// What happened, for people.
    pub text: String,
}

impl Failed {
    pub(crate) fn new(why: Why, text: impl Display) -> Self {
        Self { why, text: text.to_string() }
    }

    pub(crate) fn refused(text: impl Display) -> Self {
        Self::new(Why::Refused, text)
    }

    pub(crate) fn unfit(text: impl Display) -> Self {
        Self::new(Why::Unfit, text)
    }

    pub(crate) fn unreachable(text: impl Display) -> Self {
        Self::new(Why::Unreachable, text)
    }

    pub(crate) fn not_acknowledged(text: impl Display) -> Self {
        Self::new(Why::NotAcknowledged, text)
    }

    pub(crate) fn held(text: impl Display) -> Self {
        Self::new(Why::Held, text)
    }
}

/// An error with its causes, in one line; a cause that its error repeats is said once.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
