//! What a text is made of, and how much each part says. Used on examples and on customers' texts alike.

use std::collections::BTreeMap;

use crate::common::{is_common, is_negation};
use crate::words::is_number;

/// How much a common word says, of what another one does. See `confidence` on where these numbers come from.
const COMMON: f64 = 0.3;

/// How much a number says: an order's number says nothing about what to do with it.
const NUMBER: f64 = 0.3;

/// How much it says that there is a number.
const ANY_NUMBER: f64 = 0.2;

/// How much it says that there is a negation, whichever word it is.
const NEGATED: f64 = 0.5;

/// How much two words in a row say, of what they say alone: the order of words counts, and little.
const PAIR: f64 = 0.4;

/// Stands for any number, and for any negation. No word is written like this.
const MARK_OF_NUMBER: &str = "#";
const MARK_OF_NEGATION: &str = "!";

/// What a part of a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A word, which may be taken for one that is alike.
    Word,
    /// Anything that is there or not: a number, a mark.
    Exact,
    /// Two words in a row: says something where the bot has them too, and nothing where not.
    Pair,
}

/// The parts of a text, each once, in the order of the alphabet, with what kind it is and how much it says.
pub(crate) fn parts(words: &[String]) -> BTreeMap<String, (Kind, f64)> {
    let mut parts = BTreeMap::new();
    for word in words {
        if is_number(word) {
            parts.insert(word.clone(), (Kind::Exact, NUMBER));
            parts.insert(MARK_OF_NUMBER.to_owned(), (Kind::Exact, ANY_NUMBER));
        } else {
            parts.insert(word.clone(), (Kind::Word, if is_common(word) { COMMON } else { 1.0 }));
        }
        if is_negation(word) {
            parts.insert(MARK_OF_NEGATION.to_owned(), (Kind::Exact, NEGATED));
        }
    }
    for (first, second) in words.iter().zip(words.iter().skip(1)) {
        let says = |word: &String| parts.get(word).map_or(1.0, |(_, says)| *says);
        let pair = PAIR * (says(first) + says(second)) / 2.0;
        parts.insert(format!("{first} {second}"), (Kind::Pair, pair));
    }
    parts
}
