//! Which intent a text means. Two readings of it are added up for each intent:
//!
//! - `near`: how much of the text its nearest sentence has, and how much of that sentence the text has;
//! - `spoken`: how much the words of the text are words of this intent and not of others, whichever sentences they are
//!   from, so that a text that takes its words from two sentences is understood.

use std::collections::HashMap;

use crate::confidence::{Evidence, confidence};
use crate::meter::{Meter, OutOfTime};
use crate::outcome::{Candidate, Outcome, RANKING_MAX};
use crate::spelling::Alike;
use crate::train::{Classifier, Term};
use crate::weigh::{Kind, parts};
use crate::words::{key, words};

/// How much a word says that the bot does not know, of what it would if it were rare. It is what tells the texts that
/// are about something else; less than 1, since people say more than they need.
const UNKNOWN: f64 = 0.85;

/// What a text says at least, for how much of it is found: one that is made of common words alone has little that could
/// be found, and finding that is no proof.
const SAID_MIN: f64 = 0.8;

/// Below this an intent is not worth naming.
const CONFIDENCE_MIN: f64 = 0.01;

/// Keeps what is not one of the sentences below 1.
const CONFIDENCE_MAX: f64 = 0.99;

/// A part of the text, as the bot knows it.
struct Known {
    /// How much it says.
    weight: f64,
    /// The terms that it may be, the likest first.
    alike: Vec<Alike>,
}

/// How far a text has been read for one sentence.
#[derive(Clone, Copy, Default)]
struct Cover {
    of_text: f64,
    of_example: f64,
    /// The last part of the text that was found in it, counted from 1.
    last: usize,
}

impl Classifier {
    /// Says which intent a text means.
    ///
    /// A text of the length that customers write takes about 0.1 ms with fifty intents, and a millisecond with two hundred
    /// big ones (`examples/measure.rs`).
    ///
    /// `is_over` is asked at the beginning and every few thousand steps of the work whether time is over; when it says
    /// so, the outcome is [`Outcome::TimeLimit`]. It is also the only way in which two calls with the same text can differ.
    pub fn classify(&self, text: &str, is_over: &mut dyn FnMut() -> bool) -> Outcome {
        let length = text.chars().count();
        let limit = self.settings.length_limit;
        if length > limit {
            return Outcome::TooLong { length, limit };
        }
        match self.rank(text, &mut Meter::new(is_over)) {
            Ok(ranking) => self.decide(ranking),
            Err(OutOfTime) => Outcome::TimeLimit,
        }
    }

    fn decide(&self, ranking: Vec<Candidate>) -> Outcome {
        let mut candidates = ranking.into_iter().take(RANKING_MAX);
        match candidates.next() {
            Some(best) if best.confidence >= self.settings.threshold => Outcome::Match {
                intent: best.intent,
                confidence: best.confidence,
                alternatives: candidates.collect(),
            },
            Some(best) => {
                Outcome::NoMatch { alternatives: std::iter::once(best).chain(candidates).collect() }
            }
            None => Outcome::NoMatch { alternatives: Vec::new() },
        }
    }

    /// The intents that the text may mean, the likeliest first.
    fn rank(&self, text: &str, meter: &mut Meter<'_>) -> Result<Vec<Candidate>, OutOfTime> {
        meter.spend(0)?;
        let words = words(text);
        let exact = self.exact.get(&key(text, &words)).map(Vec::as_slice).unwrap_or_default();
        let evidence = self.read(&words, meter)?;
        let mut sure: Vec<(u32, f64)> = confidence(&evidence);
        for (intent, confidence) in &mut sure {
            *confidence = confidence.min(CONFIDENCE_MAX);
            if !exact.is_empty() && !exact.contains(intent) {
                // At most what the one that it is leaves to others, of which it is not one.
                *confidence = confidence.min(1.0 / (1 + exact.len()) as f64);
            }
        }
        sure.retain(|(intent, _)| !exact.contains(intent));
        sure.extend(exact.iter().map(|intent| (*intent, 1.0 / exact.len() as f64)));
        sure.retain(|(_, confidence)| *confidence >= CONFIDENCE_MIN);
        // Intents are numbered by the alphabet: what is equally likely comes in that order.
        sure.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        Ok(sure
            .into_iter()
            .filter_map(|(intent, confidence)| {
                self.name(intent).map(|intent| Candidate { intent, confidence })
            })
            .collect())
    }

    /// What speaks for each intent that has anything in common with the text.
    pub(crate) fn read(
        &self,
        words: &[String],
        meter: &mut Meter<'_>,
    ) -> Result<Vec<(u32, Evidence)>, OutOfTime> {
        let known = self.recognize(words, meter)?;
        let total = known.iter().map(|part| part.weight).sum::<f64>().max(SAID_MIN);
        let recognized: f64 = known
            .iter()
            .map(|part| part.weight * part.alike.first().map_or(0.0, |alike| alike.degree))
            .sum();
        let near = self.nearest(&known, total, meter)?;
        let spoken = self.spoken(&known, total, meter)?;
        let mut evidence: Vec<(u32, Evidence)> = (0_u32..)
            .zip(near.into_iter().zip(spoken))
            .filter(|(_, (near, _))| *near > 0.0)
            .map(|(intent, (near, spoken))| {
                (intent, Evidence { near, spoken, recognized: recognized / total })
            })
            .collect();
        evidence.sort_by_key(|(intent, _)| *intent);
        Ok(evidence)
    }

    /// The parts of the text, with the terms that they may be.
    fn recognize(&self, words: &[String], meter: &mut Meter<'_>) -> Result<Vec<Known>, OutOfTime> {
        let mut known = Vec::new();
        for (part, (kind, says)) in parts(words) {
            let number = self.numbers.get(&part).copied();
            let mut alike: Vec<Alike> =
                number.into_iter().map(|term| Alike { word: term, degree: 1.0 }).collect();
            match kind {
                Kind::Word => alike.extend(self.spelling.alike(&part, meter)?),
                Kind::Pair if number.is_none() => continue,
                Kind::Pair | Kind::Exact => {}
            }
            let weight = alike
                .first()
                .and_then(|alike| self.term(alike.word))
                .map_or(says * UNKNOWN, |term| term.weight);
            known.push(Known { weight, alike });
        }
        Ok(known)
    }

    fn term(&self, number: u32) -> Option<&Term> {
        self.terms.get(number as usize)
    }

    /// Of each intent, how near its nearest sentence is, from 0 to 1.
    fn nearest(
        &self,
        known: &[Known],
        total: f64,
        meter: &mut Meter<'_>,
    ) -> Result<Vec<f64>, OutOfTime> {
        let mut covers = vec![Cover::default(); self.examples.len()];
        // What of the bot's words the text has: the likest of its words counts.
        let mut met: HashMap<u32, f64> = HashMap::new();
        let mut order = Vec::new();
        for (place, part) in (1..).zip(known) {
            for alike in &part.alike {
                let Some(term) = self.term(alike.word) else { continue };
                meter.spend(term.examples.len())?;
                for example in &term.examples {
                    let Some(cover) = covers.get_mut(*example as usize) else { continue };
                    // The likest comes first, so a sentence that has several counts once, as the likest.
                    if cover.last != place {
                        cover.last = place;
                        cover.of_text += part.weight * alike.degree;
                    }
                }
                let degree = met.entry(alike.word).or_insert_with(|| {
                    order.push(alike.word);
                    0.0
                });
                *degree = degree.max(alike.degree);
            }
        }
        for number in order {
            let Some(term) = self.term(number) else { continue };
            let degree = met.get(&number).copied().unwrap_or_default();
            meter.spend(term.examples.len())?;
            for example in &term.examples {
                if let Some(cover) = covers.get_mut(*example as usize) {
                    cover.of_example += term.weight * degree;
                }
            }
        }
        meter.spend(covers.len())?;
        let mut near = vec![0.0_f64; self.intents.len()];
        for (example, cover) in self.examples.iter().zip(covers) {
            if cover.of_text > 0.0
                && let Some(near) = near.get_mut(example.intent as usize)
            {
                let of_text = (cover.of_text / total).min(1.0);
                let of_example = (cover.of_example / example.weight).min(1.0);
                *near = near.max((of_text * of_example).sqrt());
            }
        }
        Ok(near)
    }

    /// Of each intent, how much the words speak for it and not for others, from 0 to 1.
    fn spoken(
        &self,
        known: &[Known],
        total: f64,
        meter: &mut Meter<'_>,
    ) -> Result<Vec<f64>, OutOfTime> {
        let mut spoken = vec![0.0_f64; self.intents.len()];
        let mut shares = vec![0.0_f64; self.intents.len()];
        for part in known {
            let Some(best) = part.alike.first() else { continue };
            meter.spend(self.intents.len())?;
            shares.fill(0.0);
            for alike in &part.alike {
                let Some(term) = self.term(alike.word) else { continue };
                for (intent, share) in &term.shares {
                    if let Some(sum) = shares.get_mut(*intent as usize) {
                        *sum += share * alike.degree * alike.degree;
                    }
                }
            }
            let all: f64 = shares.iter().sum();
            if all <= 0.0 {
                continue;
            }
            for (spoken, share) in spoken.iter_mut().zip(&shares) {
                *spoken += part.weight * best.degree * share / all / total;
            }
        }
        Ok(spoken)
    }
}
