//! Writes how long training and classifying take to standard output:
//! `cargo run --release -p tidings-nlu --example measure`.
//!
//! The sentences are made up: words of a vocabulary that grows with the bot, rare ones rarely, as in a language.

use std::hint::black_box;
use std::io::{self, Write};
use std::time::Instant;

use tidings_nlu::Classifier;

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % end.max(1)
    }

    fn word(&mut self, vocabulary: &[String]) -> String {
        let rare = self.below(vocabulary.len()) + 1;
        let number = self.below(rare);
        vocabulary.get(number).cloned().unwrap_or_default()
    }

    fn sentence(&mut self, vocabulary: &[String], words: usize) -> String {
        (0..words).map(|_| self.word(vocabulary)).collect::<Vec<_>>().join(" ")
    }
}

fn main() -> io::Result<()> {
    let mut out = io::stdout();
    for (intents, examples) in [(12, 10), (50, 20), (200, 100)] {
        let mut dice = Dice(7);
        let syllables =
            ["ka", "ro", "mi", "ten", "sul", "po", "ver", "an", "li", "dos", "che", "ur"];
        let vocabulary: Vec<String> = (0..200 + intents * examples / 5)
            .map(|_| {
                let length = 1 + dice.below(4);
                (0..length)
                    .filter_map(|_| syllables.get(dice.below(syllables.len())))
                    .copied()
                    .collect()
            })
            .collect();
        let bot: Vec<(String, Vec<String>)> = (0..intents)
            .map(|number| {
                let sentences = (0..examples).map(|_| {
                    let words = 3 + dice.below(7);
                    dice.sentence(&vocabulary, words)
                });
                (format!("intent {number}"), sentences.collect())
            })
            .collect();
        let begin = Instant::now();
        let classifier = Classifier::train(&bot).map_err(io::Error::other)?;
        writeln!(
            out,
            "{intents} intents of {examples} sentences: trained in {:?}",
            begin.elapsed()
        )?;
        for words in [6, 60] {
            let texts: Vec<String> = (0..1000)
                .map(|_| dice.sentence(&vocabulary, words).chars().take(400).collect())
                .collect();
            let begin = Instant::now();
            for text in &texts {
                black_box(classifier.classify(text, &mut || false));
            }
            let each = begin.elapsed().as_micros() / 1000;
            writeln!(out, "  a text of {words} words: {each} us")?;
        }
    }
    Ok(())
}
