//! What kind of answer a question wants: resolved when it is asked, kept with the run, carried by the message, so that each
//! channel shows the nearest thing that it can.
//!
//! `steps::ask` makes it of what a bot's text says, [`answers`] says which answers are right, [`fn@nearest`] how it looks
//! where a channel cannot show it. Its stored form is also what the event of the question has as `input`: words may be
//! added, none changes its meaning.

mod answers;
mod field;
mod filled;
mod kinds;
mod nearest;

use serde::{Deserialize, Serialize};
use serde_json::Number;

pub(crate) use kinds::{day, number};
pub use nearest::nearest;

/// The most choices of one question, as of buttons below one message.
pub(crate) const CHOICES_MAX: usize = 50;

/// The most pictures to choose from: with the question they are the ten messages that a channel sends for one event.
pub(crate) const IMAGES_MAX: usize = 9;

/// The highest rating.
pub(crate) const RATING_MAX: i64 = 10;

/// The most files of one answer: as many as an album has.
pub(crate) const FILES_MAX: u64 = 10;

/// The most kinds of files that are taken.
pub(crate) const ACCEPT_MAX: usize = 20;

/// The kind of answer that is wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Wanted {
    /// Any text.
    Text,
    /// A number.
    Number(Bounds),
    /// A mail address.
    Email,
    /// A telephone number.
    Phone,
    /// A day.
    Date(Days),
    /// A day, or two, of a calendar.
    Calendar(Days),
    /// One of these.
    Choice {
        /// Which there are.
        choices: Vec<Choice>,
    },
    /// Some of these.
    Checkboxes {
        /// Which there are.
        choices: Vec<Choice>,
        /// How many at least.
        min: u64,
        /// How many at most.
        max: u64,
    },
    /// From one to so many.
    Rating {
        /// The best.
        max: i64,
    },
    /// A number between two.
    Slider(Bounds),
    /// One of these pictures.
    Images {
        /// Which there are.
        choices: Vec<Choice>,
    },
    /// Files.
    File {
        /// What they may be: `image`, `pdf`, `application/pdf`; anything when empty.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        accept: Vec<String>,
        /// How large each may be, in bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size_max: Option<u64>,
        /// How many at most.
        count_max: u64,
    },
    /// A place.
    Location,
    /// Somebody's number.
    Contact,
    /// The same words again, so that nothing is confirmed by a slip.
    Confirmation {
        /// Which.
        phrase: String,
    },
    /// One of these times.
    Appointment {
        /// Which; the value is the time in RFC 3339.
        choices: Vec<Choice>,
        /// How long it takes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        minutes: Option<u64>,
    },
}

/// Between which numbers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Bounds {
    /// The least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<Number>,
    /// The most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max: Option<Number>,
    /// How far apart, counted from the least.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Number>,
}

/// Between which days.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Days {
    /// The first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<jiff::civil::Date>,
    /// The last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<jiff::civil::Date>,
    /// Whether two days are wanted: the first and the last of a stay.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub range: bool,
}

/// Something to choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// What it says.
    pub text: String,
    /// What it answers.
    pub value: String,
    /// The address of its picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
}

impl Wanted {
    /// What can be chosen, where something can.
    pub fn choices(&self) -> &[Choice] {
        match self {
            Self::Choice { choices }
            | Self::Checkboxes { choices, .. }
            | Self::Images { choices }
            | Self::Appointment { choices, .. } => choices,
            Self::Text
            | Self::Number(_)
            | Self::Email
            | Self::Phone
            | Self::Date(_)
            | Self::Calendar(_)
            | Self::Rating { .. }
            | Self::Slider(_)
            | Self::File { .. }
            | Self::Location
            | Self::Contact
            | Self::Confirmation { .. } => &[],
        }
    }

    /// Whether it wants something to be chosen, and a template gave nothing to choose from.
    pub(crate) fn has_nothing_to_choose(&self) -> bool {
        let wants_choice = matches!(
            self,
            Self::Choice { .. }
                | Self::Checkboxes { .. }
                | Self::Images { .. }
                | Self::Appointment { .. }
        );
        wants_choice && self.choices().is_empty()
    }

    /// Whether its choices are counted: not where a choice is a number itself, as then `2` would mean two things.
    pub fn is_counted(&self) -> bool {
        let is_number = |text: &String| kinds::number(text).is_some();
        let mut choices = self.choices().iter();
        !choices.any(|choice| is_number(&choice.text) || is_number(&choice.value))
    }

    /// The word for it, as bots' texts have it.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number(_) => "number",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Date(_) => "date",
            Self::Calendar(_) => "calendar",
            Self::Choice { .. } => "choice",
            Self::Checkboxes { .. } => "checkboxes",
            Self::Rating { .. } => "rating",
            Self::Slider(_) => "slider",
            Self::Images { .. } => "images",
            Self::File { .. } => "file",
            Self::Location => "location",
            Self::Contact => "contact",
            Self::Confirmation { .. } => "confirmation",
            Self::Appointment { .. } => "appointment",
        }
    }
}
