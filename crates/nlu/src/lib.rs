//! Which intent of a bot a customer's text means, if any. Called by whoever has a text and a bot with `intents`.
//!
//! A [`Classifier`] is trained from the sentences that the bot's author wrote, when the bot is loaded; it then says of a
//! text which intent it matches and how sure that is ([`Outcome`]). There are no model files and nothing is downloaded:
//! what it knows of a language are the sentences themselves, so it takes any. Nothing here waits, reads a clock or draws
//! a number: the same intents and the same text give the same outcome on every node, in whatever order they were written.
//!
//! A text is cut into folded words and pairs of words (`words`), a word is found again in other forms and with slips
//! (`spelling`), words that all intents have count little (`train`), and two readings are added up (`classify`): how near
//! the nearest sentence is, and which intent the words speak for. `confidence` makes a number of it that means
//! what it says: of texts with 0.8 about eight of ten are right.
//!
//! What it cannot do: words that no sentence has mean nothing to it, so that "bring me something Italian" is no order
//! unless somebody wrote that; it knows that "not" is there, and not what it belongs to, so an intent whose opposite
//! matters needs an intent for the opposite; and it finds no values in the text.
//!
//! ```
//! use tidings_nlu::{Classifier, Outcome};
//!
//! let intents = [
//!     ("order", ["I want a pizza", "can I order", "one margherita please"]),
//!     ("hours", ["when do you open", "are you open on Sunday", "opening hours"]),
//! ];
//! let classifier = Classifier::train(&intents)?;
//! // No limit on time here; a server asks its clock.
//! let outcome = classifier.classify("a marghertia please", &mut || false);
//! assert!(matches!(outcome, Outcome::Match { intent, .. } if intent == "order"));
//! # Ok::<(), tidings_nlu::TrainError>(())
//! ```

mod classify;
mod common;
mod confidence;
mod meter;
mod outcome;
mod spelling;
mod train;
mod weigh;
mod words;

#[cfg(test)]
mod fit;

pub use outcome::{Candidate, Outcome, RANKING_MAX};
pub use train::{
    Classifier, EXAMPLE_CHARS_MAX, EXAMPLES_MAX, INTENTS_MAX, LENGTH_LIMIT, LENGTH_LIMIT_MAX,
    NAME_CHARS_MAX, Settings, Shared, THRESHOLD, TIME_LIMIT_MS, TOTAL_EXAMPLES_MAX, TrainError,
};
