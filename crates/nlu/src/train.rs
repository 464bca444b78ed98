//! Makes a classifier of the sentences that an author wrote. Called when a bot is loaded.
//!
//! Training counts: which sentence has which word, and in how many intents a word is. Intents and sentences are put into
//! the order of the alphabet first, so that the order in which they were written changes nothing, not even a rounding.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::spelling::Spelling;
use crate::weigh::{Kind, parts};
use crate::words::{key, words};

/// The confidence from which on a text matches, unless set.
pub const THRESHOLD: f64 = 0.5;

/// The longest text that is classified, in characters, unless set: JAICP's limit.
pub const LENGTH_LIMIT: usize = 400;

/// The most that the limit of texts can be set to: a classification takes time in step with the text.
pub const LENGTH_LIMIT_MAX: usize = 4_000;

/// How long a classification may take unless set, in milliseconds, for the caller, who has the clock: JAICP's limit.
pub const TIME_LIMIT_MS: u64 = 10_000;

/// The most intents of a bot.
pub const INTENTS_MAX: usize = 1_000;

/// The most sentences of an intent.
pub const EXAMPLES_MAX: usize = 1_000;

/// The most sentences of a bot: twice what two hundred intents with a hundred each have.
pub const TOTAL_EXAMPLES_MAX: usize = 40_000;

/// The longest sentence, in characters: no longer one can be met again by a text within its limit.
pub const EXAMPLE_CHARS_MAX: usize = LENGTH_LIMIT;

/// The longest name of an intent, in characters: it is a field of events.
pub const NAME_CHARS_MAX: usize = 200;

/// What can be set about a classifier.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The confidence from which on a text matches, from 0 to 1.
    pub threshold: f64,
    /// The longest text that is classified, in characters, up to [`LENGTH_LIMIT_MAX`].
    pub length_limit: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self { threshold: THRESHOLD, length_limit: LENGTH_LIMIT }
    }
}

/// Why no classifier can be made of some intents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrainError {
    /// Too many intents.
    #[error("there are {0} intents, and at most {INTENTS_MAX} are taken")]
    TooManyIntents(usize),
    /// Too many sentences in an intent.
    #[error("the intent {intent:?} has {count} sentences, and at most {EXAMPLES_MAX} are taken")]
    TooManyExamples {
        /// The intent.
        intent: String,
        /// How many it has.
        count: usize,
    },
    /// Too many sentences in all.
    #[error("the intents have {0} sentences together, and at most {TOTAL_EXAMPLES_MAX} are taken")]
    TooManyInAll(usize),
    /// A sentence that is too long.
    #[error(
        "a sentence of the intent {intent:?} has {length} characters, and at most {EXAMPLE_CHARS_MAX} are taken: it begins with {begin:?}"
    )]
    ExampleTooLong {
        /// The intent.
        intent: String,
        /// How long it is.
        length: usize,
        /// How it begins.
        begin: String,
    },
    /// A name that is empty or too long.
    #[error("an intent's name has 1 to {NAME_CHARS_MAX} characters, and one has {0}")]
    WrongName(usize),
    /// Two intents with one name.
    #[error("there are two intents {0:?}: put their sentences into one")]
    TwoIntents(String),
}

/// A sentence that several intents have: it cannot tell them apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shared {
    /// The sentence, as it is compared.
    pub example: String,
    /// The intents' names.
    pub intents: Vec<String>,
}

/// Says which intent a text means; see [`Classifier::train`] and [`Classifier::classify`]. Never changed, so it can be
/// shared.
#[derive(Debug)]
pub struct Classifier {
    pub(crate) settings: Settings,
    /// The names, sorted; an intent goes by its place here.
    pub(crate) intents: Vec<String>,
    /// The sentences, sorted by intent; a sentence goes by its place here.
    pub(crate) examples: Vec<Example>,
    /// Whose sentence a text is, by its key.
    pub(crate) exact: HashMap<String, Vec<u32>>,
    /// What sentences are made of, words first; a term goes by its place here.
    pub(crate) terms: Vec<Term>,
    pub(crate) numbers: HashMap<String, u32>,
    /// Of the words among the terms.
    pub(crate) spelling: Spelling,
}

/// A sentence of an intent.
#[derive(Debug)]
pub(crate) struct Example {
    pub(crate) intent: u32,
    /// How much all that it is made of says together.
    pub(crate) weight: f64,
}

/// Something that sentences are made of.
#[derive(Debug, Default)]
pub(crate) struct Term {
    /// How much it says, up to 1: less when it is common, and less the more intents have it.
    pub(crate) weight: f64,
    /// The sentences that have it.
    pub(crate) examples: Vec<u32>,
    /// The share of each intent's sentences that have it, where any has.
    pub(crate) shares: Vec<(u32, f64)>,
}

impl Classifier {
    /// Trains one from intents, each a name with sentences, with the settings that are usual.
    ///
    /// An intent without sentences is never meant, a sentence that is there twice counts once, and empty ones are passed
    /// over. Fifty intents with twenty sentences each take about ten milliseconds, two hundred with a hundred each a third
    /// of a second and some tens of megabytes (`examples/measure.rs`), so a server does it beside its requests.
    pub fn train<N, S, E>(intents: &[(N, S)]) -> Result<Self, TrainError>
    where
        N: AsRef<str>,
        S: AsRef<[E]>,
        E: AsRef<str>,
    {
        check(intents)?;
        let mut sentences: BTreeMap<&str, BTreeMap<String, Vec<String>>> = BTreeMap::new();
        for (name, examples) in intents {
            let own = sentences.entry(name.as_ref()).or_default();
            for example in examples.as_ref() {
                let words = words(example.as_ref());
                let key = key(example.as_ref(), &words);
                if !key.is_empty() {
                    own.insert(key, words);
                }
            }
        }
        Ok(count(&sentences))
    }

    /// The same with other settings. A threshold that is no number from 0 to 1 becomes the nearest that is.
    #[must_use]
    pub fn with(mut self, settings: Settings) -> Self {
        let Settings { threshold, length_limit } = settings;
        self.settings = Settings {
            threshold: if threshold.is_nan() { THRESHOLD } else { threshold.clamp(0.0, 1.0) },
            length_limit: length_limit.min(LENGTH_LIMIT_MAX),
        };
        self
    }

    /// The sentences that several intents have, for who checks a bot: such a text matches with a confidence of 1 divided
    /// by how many they are.
    pub fn shared(&self) -> Vec<Shared> {
        let mut shared: Vec<Shared> = self
            .exact
            .iter()
            .filter(|(_, intents)| intents.len() > 1)
            .map(|(example, intents)| Shared {
                example: example.clone(),
                intents: intents.iter().filter_map(|number| self.name(*number)).collect(),
            })
            .collect();
        shared.sort_by(|a, b| a.example.cmp(&b.example));
        shared
    }

    pub(crate) fn name(&self, intent: u32) -> Option<String> {
        self.intents.get(intent as usize).cloned()
    }
}

fn check<N, S, E>(intents: &[(N, S)]) -> Result<(), TrainError>
where
    N: AsRef<str>,
    S: AsRef<[E]>,
    E: AsRef<str>,
{
    if intents.len() > INTENTS_MAX {
        return Err(TrainError::TooManyIntents(intents.len()));
    }
    let mut names = BTreeSet::new();
    let mut total = 0;
    for (name, examples) in intents {
        let (name, examples) = (name.as_ref(), examples.as_ref());
        let length = name.chars().count();
        if !(1..=NAME_CHARS_MAX).contains(&length) {
            return Err(TrainError::WrongName(length));
        }
        if !names.insert(name) {
            return Err(TrainError::TwoIntents(name.to_owned()));
        }
        if examples.len() > EXAMPLES_MAX {
            return Err(TrainError::TooManyExamples {
                intent: name.to_owned(),
                count: examples.len(),
            });
        }
        total += examples.len();
        for example in examples {
            let length = example.as_ref().chars().count();
            if length > EXAMPLE_CHARS_MAX {
                return Err(TrainError::ExampleTooLong {
                    intent: name.to_owned(),
                    length,
                    begin: example.as_ref().chars().take(40).collect(),
                });
            }
        }
    }
    if total > TOTAL_EXAMPLES_MAX {
        return Err(TrainError::TooManyInAll(total));
    }
    Ok(())
}

fn count(sentences: &BTreeMap<&str, BTreeMap<String, Vec<String>>>) -> Classifier {
    let mut says: BTreeMap<String, (Kind, f64)> = BTreeMap::new();
    let mut made_of: Vec<(u32, Vec<String>)> = Vec::new();
    let mut exact: HashMap<String, Vec<u32>> = HashMap::new();
    let mut sizes = Vec::new();
    for (intent, (_, own)) in (0_u32..).zip(sentences) {
        sizes.push(own.len());
        for (key, words) in own {
            exact.entry(key.clone()).or_default().push(intent);
            let parts = parts(words);
            made_of.push((intent, parts.keys().cloned().collect()));
            says.extend(parts);
        }
    }

    // Words come first, so that their numbers are those that `Spelling` counts.
    let mut spelling = Spelling::default();
    let mut numbers = HashMap::new();
    let of_words = says.iter().filter(|(_, (kind, _))| *kind == Kind::Word);
    let of_others = says.iter().filter(|(_, (kind, _))| *kind != Kind::Word);
    for (number, (part, (kind, _))) in (0_u32..).zip(of_words.chain(of_others)) {
        if *kind == Kind::Word {
            spelling.add(part);
        }
        numbers.insert(part.clone(), number);
    }

    let mut terms: Vec<Term> = Vec::new();
    terms.resize_with(numbers.len(), Term::default);
    for (example, (intent, parts)) in (0_u32..).zip(&made_of) {
        let size = sizes.get(*intent as usize).map_or(1.0, |size| *size as f64);
        for part in parts {
            let Some(term) = numbers.get(part).and_then(|n| terms.get_mut(*n as usize)) else {
                continue;
            };
            term.examples.push(example);
            match term.shares.last_mut() {
                Some((last, share)) if last == intent => *share += 1.0 / size,
                _ => term.shares.push((*intent, 1.0 / size)),
            }
        }
    }
    for (part, number) in &numbers {
        if let (Some(term), Some((_, said))) = (terms.get_mut(*number as usize), says.get(part)) {
            term.weight = said * rarity(term.shares.len(), sizes.len());
        }
    }
    let examples = made_of
        .iter()
        .map(|(intent, parts)| Example {
            intent: *intent,
            weight: parts
                .iter()
                .filter_map(|part| numbers.get(part).and_then(|n| terms.get(*n as usize)))
                .map(|term| term.weight)
                .sum(),
        })
        .collect();
    Classifier {
        settings: Settings::default(),
        intents: sentences.keys().map(|name| (*name).to_owned()).collect(),
        examples,
        exact,
        terms,
        numbers,
        spelling,
    }
}

/// How much a word says that so many of all intents have: 1 for one, little for all.
fn rarity(having: usize, all: usize) -> f64 {
    (1.0 + all as f64 / having.max(1) as f64).ln() / (1.0 + all as f64).ln()
}
