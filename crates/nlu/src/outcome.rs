//! What classifying a text comes to. The fields are those that the events `nlu.*` of the catalogue need.

/// The most candidates that an outcome names, the one that matches among them.
pub const RANKING_MAX: usize = 5;

/// An intent that a text may mean.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Its name.
    pub intent: String,
    /// How sure that is, from 0 to 1. Each intent has its own: those of one text need not add up to 1.
    pub confidence: f64,
}

/// What classifying a text comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// The text means an intent: `nlu.match`.
    Match {
        /// The intent's name.
        intent: String,
        /// How sure that is, from the threshold to 1; 1 when the text is one of the intent's sentences.
        confidence: f64,
        /// What else it could be, the likeliest first, without the one that matches.
        alternatives: Vec<Candidate>,
    },
    /// The text means none of them: `nlu.no_match`.
    NoMatch {
        /// The likeliest intents, all below the threshold; none when the text has nothing in common with any.
        alternatives: Vec<Candidate>,
    },
    /// The text is too long to be looked at: `nlu.length_limit`.
    TooLong {
        /// Its length, in characters.
        length: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// Time was over before the end: `nlu.time_limit`.
    TimeLimit,
}
