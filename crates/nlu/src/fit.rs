//! Fits the weights of `confidence` anew, and holds those that are written there against it. Run by the tests: when the
//! way of reading a text changes, the failure says which weights belong to it.

#[path = "../tests/it/fixture.rs"]
mod fixture;

use crate::Classifier;
use crate::confidence::{Evidence, WEIGHTS, logistic};
use crate::meter::Meter;
use crate::words::words;

/// How much worse than the best the weights may be. They are rounded.
const WORSE_MAX: f64 = 1.005;

/// A text of which it is known whether the intent that fits best is meant.
struct Sample {
    features: [f64; 4],
    right: bool,
    /// How much it counts.
    counts: f64,
}

fn sample(classifier: &Classifier, text: &str, meant: Option<&str>, counts: f64) -> Option<Sample> {
    let evidence =
        classifier.read(&words(text), &mut Meter::new(&mut || false)).expect("there is time");
    let best =
        evidence.iter().max_by(|a, b| a.1.fit().total_cmp(&b.1.fit()).then(b.0.cmp(&a.0)))?;
    let others = evidence
        .iter()
        .filter(|(intent, _)| *intent != best.0)
        .map(|(_, evidence): &(u32, Evidence)| evidence.fit())
        .fold(0.0, f64::max);
    let right = classifier.name(best.0).as_deref() == meant;
    Some(Sample { features: best.1.features(others), right, counts })
}

/// Texts as they come count whole; sentences that were written to differ from all others count less, and those of a
/// neighbouring intent that the bot does not have count least, since there are many.
fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    for fixture in fixture::fixtures() {
        let whole = Classifier::train(&fixture.intents).expect(fixture.language);
        assert_eq!(
            fixture.chosen_by.len(),
            fixture.measured.len(),
            "half of the texts are kept apart"
        );
        for (text, meant) in &fixture.chosen_by {
            samples.extend(sample(&whole, text, meant.as_deref(), 1.0));
        }
        for (place, (name, examples)) in fixture.intents.iter().enumerate() {
            for number in 0..examples.len() {
                let mut less = fixture.intents.clone();
                let text = less[place].1.remove(number);
                let less = Classifier::train(&less).expect("within limits");
                samples.extend(sample(&less, &text, Some(name), 0.4));
            }
            let mut less = fixture.intents.clone();
            less.remove(place);
            let less = Classifier::train(&less).expect("within limits");
            let chosen_by = fixture.chosen_by.iter();
            let of_it = chosen_by.filter(|(_, meant)| meant.as_ref() == Some(name)).map(|(t, _)| t);
            for text in examples.iter().chain(of_it) {
                samples.extend(sample(&less, text, None, 0.1));
            }
        }
    }
    samples
}

/// How far off weights are: the mean of the negated logarithms of what they gave to what is so.
fn loss(samples: &[Sample], weights: &[f64; 4]) -> f64 {
    let lost = samples.iter().map(|sample| {
        let sure = logistic(weights, &sample.features);
        -sample.counts * if sample.right { sure } else { 1.0 - sure }.ln()
    });
    lost.sum::<f64>() / samples.iter().map(|sample| sample.counts).sum::<f64>()
}

/// The best weights, by walking downhill.
fn fit(samples: &[Sample]) -> [f64; 4] {
    let mut weights = [0.0; 4];
    let all: f64 = samples.iter().map(|sample| sample.counts).sum();
    for _ in 0..6_000 {
        let mut slope = [0.0; 4];
        for sample in samples {
            let off = logistic(&weights, &sample.features) - f64::from(u8::from(sample.right));
            for (slope, feature) in slope.iter_mut().zip(sample.features) {
                *slope += sample.counts * off * feature / all;
            }
        }
        for (weight, slope) in weights.iter_mut().zip(slope) {
            *weight -= 4.0 * slope;
        }
    }
    weights
}

#[test]
fn the_weights_of_the_confidence_are_those_that_fit() {
    let samples = samples();
    assert!(samples.len() > 700, "{} samples", samples.len());
    let fitted = fit(&samples);
    let (best, ours) = (loss(&samples, &fitted), loss(&samples, &WEIGHTS));
    assert!(ours <= best * WORSE_MAX, "{fitted:.2?} lose {best:.4}, ours {ours:.4}");
}
