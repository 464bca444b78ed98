//! Laws: whatever the sentences and the text, there is an outcome within its bounds, a sentence means its own intent, and
//! the order in which things were written does not matter.

use proptest::prelude::*;
use tidings_nlu::{Candidate, Classifier, Outcome, RANKING_MAX, Settings};

type Intents = Vec<(String, Vec<String>)>;

/// Words of which some are alike, and what is no word.
fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => prop::sample::select(vec![
            "order", "orders", "a", "pizza", "pziza", "not", "don't", "my", "cancel", "where",
            "пицца", "пиццу", "営業", "ร้าน", "👍", "12", "13", "où", "straße", "STRASSE", "?", "'",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,12}",
    ]
}

fn sentence() -> impl Strategy<Value = String> {
    prop::collection::vec(word(), 0..8).prop_map(|words| words.join(" "))
}

fn intents() -> impl Strategy<Value = Intents> {
    prop::collection::btree_map("[a-e]", prop::collection::vec(sentence(), 0..6), 0..5)
        .prop_map(|intents| intents.into_iter().collect())
}

fn train(intents: &Intents) -> Classifier {
    Classifier::train(intents).expect("within limits")
}

fn classify(classifier: &Classifier, text: &str) -> Outcome {
    classifier.classify(text, &mut || false)
}

fn candidates(outcome: &Outcome) -> Vec<Candidate> {
    match outcome.clone() {
        Outcome::Match { intent, confidence, alternatives } => {
            std::iter::once(Candidate { intent, confidence }).chain(alternatives).collect()
        }
        Outcome::NoMatch { alternatives } => alternatives,
        Outcome::TooLong { .. } | Outcome::TimeLimit => Vec::new(),
    }
}

proptest! {
    #[test]
    fn every_text_has_an_outcome_within_its_bounds(
        intents in intents(),
        text in prop_oneof![sentence(), any::<String>()],
        threshold in 0.0..=1.0,
    ) {
        let classifier = train(&intents).with(Settings { threshold, ..Settings::default() });
        let outcome = classify(&classifier, &text);
        let candidates = candidates(&outcome);
        prop_assert!(candidates.len() <= RANKING_MAX);
        for pair in candidates.windows(2) {
            prop_assert!(pair[0].confidence >= pair[1].confidence, "{candidates:?}");
            prop_assert!(pair[0].intent != pair[1].intent);
        }
        for candidate in &candidates {
            prop_assert!((0.0..=1.0).contains(&candidate.confidence), "{candidates:?}");
            prop_assert!(intents.iter().any(|(name, _)| *name == candidate.intent));
        }
        match outcome {
            Outcome::Match { confidence, .. } => prop_assert!(confidence >= threshold),
            Outcome::NoMatch { alternatives } => {
                prop_assert!(alternatives.iter().all(|each| each.confidence < threshold));
            }
            Outcome::TooLong { length, limit } => prop_assert!(length > limit),
            Outcome::TimeLimit => prop_assert!(false, "there was time"),
        }
    }

    #[test]
    fn a_sentence_means_its_own_intent(intents in intents()) {
        let classifier = train(&intents);
        let shared = classifier.shared();
        for (name, examples) in &intents {
            for example in examples.iter().filter(|example| !example.trim().is_empty()) {
                let candidates = candidates(&classify(&classifier, example));
                let best = candidates.first().map(|best| best.confidence);
                let own = candidates.iter().find(|each| each.intent == *name);
                prop_assert_eq!(own.map(|own| own.confidence), best, "{}", example);
                let of_all = best.unwrap_or_default();
                let is_shared = shared.iter().any(|each| {
                    each.intents.contains(name)
                        && (of_all * each.intents.len() as f64 - 1.0).abs() < 1e-9
                });
                prop_assert!(of_all >= 1.0 || is_shared, "{}: {:?}", example, candidates);
            }
        }
    }

    #[test]
    fn the_order_of_writing_does_not_matter(
        (intents, shuffled) in intents().prop_flat_map(|intents| {
            let inner: Vec<_> = intents
                .iter()
                .map(|(name, examples)| (Just(name.clone()), Just(examples.clone()).prop_shuffle()))
                .collect();
            (Just(intents), inner.prop_shuffle_all())
        }),
        text in sentence(),
    ) {
        prop_assert_eq!(classify(&train(&intents), &text), classify(&train(&shuffled), &text));
    }

    #[test]
    fn case_accents_and_marks_of_punctuation_do_not_matter(intents in intents(), text in "[a-z ]{0,40}") {
        let classifier = train(&intents);
        let loud = format!("  {}!! ", text.to_uppercase().replace('E', "É").replace('A', "A\u{308}"));
        if !text.trim().is_empty() {
            prop_assert_eq!(classify(&classifier, &text), classify(&classifier, &loud));
        }
    }

    #[test]
    fn time_may_be_over_at_any_question(intents in intents(), text in sentence(), questions in 0_usize..4) {
        let classifier = train(&intents);
        let mut left = questions;
        let outcome = classifier.classify(&text, &mut || {
            let over = left == 0;
            left = left.saturating_sub(1);
            over
        });
        if questions == 0 {
            prop_assert_eq!(outcome, Outcome::TimeLimit);
        } else if outcome != Outcome::TimeLimit {
            prop_assert_eq!(outcome, classify(&classifier, &text));
        }
    }
}

/// Shuffles a list of strategies' values, which proptest does for values only.
trait ShuffleAll {
    fn prop_shuffle_all(self) -> BoxedStrategy<Intents>;
}

impl<S: Strategy<Value = (String, Vec<String>)> + 'static> ShuffleAll for Vec<S> {
    fn prop_shuffle_all(self) -> BoxedStrategy<Intents> {
        self.prop_shuffle().boxed()
    }
}
