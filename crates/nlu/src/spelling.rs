//! Which words of the bot's sentences a customer's word may be: itself, another form of it, or what it is a slip of.
//!
//! Two measures, neither of which knows a language. Words that share enough runs of three letters are forms of one
//! (`order`, `ordering`; `пицца`, `пиццу`); words that differ by a letter left out, added, changed or swapped are slips
//! (`marghertia`). Candidates come from two indexes, so that a word is never compared with the whole vocabulary: the
//! runs of three letters, and, for short words in which a slip leaves no run whole, the word with each letter left out.

use std::collections::HashMap;

use crate::meter::{Meter, OutOfTime};

/// The share of runs from which on two words are forms of one. Lower, and `house` becomes a form of `hours`.
const SHARED_RUNS_MIN: f64 = 0.5;

/// The least letters of a word in which one slip is forgiven: among shorter ones too many words are one letter apart.
const ONE_SLIP_LETTERS_MIN: usize = 4;

/// The least letters of a word in which two slips are forgiven.
const TWO_SLIPS_LETTERS_MIN: usize = 8;

/// How alike words are that are one slip apart, and two. Alike, and less than a form that the bot's author wrote.
const SLIP: [f64; 2] = [0.85, 0.75];

/// The most other words that a word is taken for, the likest first: what a longer list adds is noise.
const ALIKE_MAX: usize = 8;

/// A word of the vocabulary, and how alike it is, up to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Alike {
    pub(crate) word: u32,
    pub(crate) degree: f64,
}

/// The indexes over a vocabulary, in which a word goes by its number.
#[derive(Debug, Default)]
pub(crate) struct Spelling {
    words: Vec<Spelled>,
    by_run: HashMap<[char; 3], Vec<u32>>,
    by_gap: HashMap<String, Vec<u32>>,
}

#[derive(Debug)]
struct Spelled {
    letters: String,
    length: usize,
    runs: usize,
}

impl Spelling {
    /// Takes up the next word; its number is how many there were.
    pub(crate) fn add(&mut self, word: &str) {
        let number = u32::try_from(self.words.len()).unwrap_or(u32::MAX);
        let letters: Vec<char> = word.chars().collect();
        let runs = runs(&letters);
        for run in &runs {
            self.by_run.entry(*run).or_default().push(number);
        }
        for gap in gaps(&letters) {
            self.by_gap.entry(gap).or_default().push(number);
        }
        self.words.push(Spelled {
            letters: word.to_owned(),
            length: letters.len(),
            runs: runs.len(),
        });
    }

    /// The words that are forms of this one or what it is a slip of, without itself, the likest first.
    pub(crate) fn alike(&self, word: &str, meter: &mut Meter<'_>) -> Result<Vec<Alike>, OutOfTime> {
        let letters: Vec<char> = word.chars().collect();
        if letters.len() < ONE_SLIP_LETTERS_MIN {
            return Ok(Vec::new());
        }
        let own = runs(&letters);
        let mut shared: HashMap<u32, usize> = HashMap::new();
        for run in &own {
            let with_it = self.by_run.get(run).map(Vec::as_slice).unwrap_or_default();
            meter.spend(with_it.len())?;
            for &number in with_it {
                *shared.entry(number).or_default() += 1;
            }
        }
        let gaps = gaps(&letters);
        for near in gaps.iter().chain([&word.to_owned()]) {
            for &number in self.by_gap.get(near).map(Vec::as_slice).unwrap_or_default() {
                shared.entry(number).or_default();
            }
        }
        meter.spend(shared.len())?;
        let mut alike = Vec::new();
        for (number, shared) in shared {
            let Some(other) = self.words.get(number as usize) else { continue };
            if other.length < ONE_SLIP_LETTERS_MIN || other.letters == word {
                continue;
            }
            let share = 2.0 * shared as f64 / (own.len() + other.runs) as f64;
            let degree = share.max(slip(word, letters.len(), other));
            if degree >= SHARED_RUNS_MIN {
                alike.push(Alike { word: number, degree });
            }
        }
        // The map gives them in any order: numbers break ties, so that the same text always gets the same answer.
        alike.sort_by(|a, b| b.degree.total_cmp(&a.degree).then(a.word.cmp(&b.word)));
        alike.truncate(ALIKE_MAX);
        Ok(alike)
    }
}

/// How alike two words are by the slips between them; 0 when there are too many.
fn slip(word: &str, length: usize, other: &Spelled) -> f64 {
    let shorter = length.min(other.length);
    let forgiven = usize::from(shorter >= ONE_SLIP_LETTERS_MIN)
        + usize::from(shorter >= TWO_SLIPS_LETTERS_MIN);
    if length.abs_diff(other.length) > forgiven {
        return 0.0;
    }
    // People slip inside of a word. Short ones that begin otherwise are others: `joke` is no `coke`.
    if forgiven < 2 && !begins_alike(word, &other.letters) {
        return 0.0;
    }
    match strsim::osa_distance(word, &other.letters) {
        0 => 1.0,
        slips if slips <= forgiven => SLIP.get(slips - 1).copied().unwrap_or(0.0),
        _ => 0.0,
    }
}

/// Whether two words have the same first letter, or the first two swapped.
fn begins_alike(one: &str, other: &str) -> bool {
    let (mut one, mut other) = (one.chars(), other.chars());
    let (first, second) = ((one.next(), one.next()), (other.next(), other.next()));
    first.0 == second.0 || first == (second.1, second.0)
}

/// The runs of three letters of a word, each once, with a blank before and after it: how it begins and ends says more.
fn runs(letters: &[char]) -> Vec<[char; 3]> {
    let mut padded = Vec::with_capacity(letters.len() + 2);
    padded.push(' ');
    padded.extend_from_slice(letters);
    padded.push(' ');
    let mut runs: Vec<[char; 3]> =
        padded.windows(3).filter_map(|run| <[char; 3]>::try_from(run).ok()).collect();
    runs.sort_unstable();
    runs.dedup();
    runs
}

/// A short word, and it with each letter left out. Two words that are one slip apart have one of these in common.
fn gaps(letters: &[char]) -> Vec<String> {
    if !(ONE_SLIP_LETTERS_MIN..=TWO_SLIPS_LETTERS_MIN).contains(&letters.len()) {
        return Vec::new();
    }
    let mut gaps: Vec<String> = (0..letters.len())
        .map(|left_out| {
            letters.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, l)| *l).collect()
        })
        .collect();
    gaps.push(letters.iter().collect());
    gaps.sort_unstable();
    gaps.dedup();
    gaps
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alike(vocabulary: &[&str], word: &str) -> Vec<String> {
        let mut spelling = Spelling::default();
        for word in vocabulary {
            spelling.add(word);
        }
        let found = spelling.alike(word, &mut Meter::new(&mut || false)).expect("there is time");
        found
            .into_iter()
            .map(|alike| format!("{} {:.2}", vocabulary[alike.word as usize], alike.degree))
            .collect()
    }

    #[test]
    fn forms_and_slips_are_found() {
        assert_eq!(alike(&["margherita", "margin"], "marghertia"), ["margherita 0.85"]);
        assert_eq!(alike(&["order", "older", "other"], "orders"), ["order 0.85"]);
        assert_eq!(alike(&["menu", "meno", "many"], "mneu"), ["menu 0.85"]);
        assert_eq!(alike(&["pizza"], "pziza"), ["pizza 0.85"]);
        assert_eq!(alike(&["пицца", "птица"], "пиццу"), ["пицца 0.85"]);
        assert_eq!(alike(&["bestellung"], "pizzabestellung"), ["bestellung 0.72"]);
        assert_eq!(alike(&["cancelled"], "cancel"), ["cancelled 0.67"]);
    }

    #[test]
    fn other_words_are_not() {
        assert_eq!(alike(&["house", "menu", "card"], "hours"), [""; 0]);
        assert_eq!(alike(&["menu"], "mention"), [""; 0]);
        assert_eq!(alike(&["cat", "car"], "can"), [""; 0], "short words are one letter apart");
        assert_eq!(alike(&["pay"], "pay"), [""; 0], "itself is not another");
    }
}
