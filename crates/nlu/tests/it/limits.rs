//! What is refused, and in which words.

use insta::assert_snapshot;
use tidings_nlu::{
    Classifier, EXAMPLE_CHARS_MAX, EXAMPLES_MAX, INTENTS_MAX, LENGTH_LIMIT, LENGTH_LIMIT_MAX,
    NAME_CHARS_MAX, Outcome, Settings, TOTAL_EXAMPLES_MAX, TrainError,
};

fn refused(intents: &[(String, Vec<String>)]) -> TrainError {
    Classifier::train(intents).expect_err("it is refused")
}

fn named(name: &str, examples: usize) -> (String, Vec<String>) {
    (name.to_owned(), vec!["a pizza".to_owned(); examples])
}

#[test]
fn too_much_is_refused_with_what_and_how_much() {
    let many: Vec<_> = (0..=INTENTS_MAX).map(|number| named(&number.to_string(), 0)).collect();
    assert_snapshot!(refused(&many), @"there are 1001 intents, and at most 1000 are taken");
    let full = [named("order", EXAMPLES_MAX + 1)];
    assert_snapshot!(refused(&full), @r#"the intent "order" has 1001 sentences, and at most 1000 are taken"#);
    let all: Vec<_> = (0..=TOTAL_EXAMPLES_MAX / EXAMPLES_MAX)
        .map(|number| named(&number.to_string(), EXAMPLES_MAX))
        .collect();
    assert_snapshot!(refused(&all), @"the intents have 41000 sentences together, and at most 40000 are taken");
    let long = [("order".to_owned(), vec!["ж".repeat(EXAMPLE_CHARS_MAX + 1)])];
    assert_snapshot!(refused(&long), @r#"a sentence of the intent "order" has 401 characters, and at most 400 are taken: it begins with "жжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжжж""#);
    assert_snapshot!(refused(&[named("", 1)]), @"an intent's name has 1 to 200 characters, and one has 0");
    assert_snapshot!(refused(&[named(&"n".repeat(NAME_CHARS_MAX + 1), 1)]), @"an intent's name has 1 to 200 characters, and one has 201");
    assert_snapshot!(refused(&[named("order", 1), named("order", 2)]), @r#"there are two intents "order": put their sentences into one"#);
}

#[test]
fn a_text_that_is_too_long_is_not_looked_at() {
    let classifier = Classifier::train(&[named("order", 1)]).expect("within limits");
    let mut asked = false;
    let outcome = classifier.classify(&"ж".repeat(LENGTH_LIMIT + 1), &mut || {
        asked = true;
        true
    });
    assert_eq!(outcome, Outcome::TooLong { length: 401, limit: 400 });
    assert!(!asked, "its length is told, however little time there is");
    let outcome = classifier.classify(&"ж".repeat(LENGTH_LIMIT), &mut || false);
    assert_eq!(outcome, Outcome::NoMatch { alternatives: vec![] });
}

#[test]
fn settings_are_kept_within_bounds() {
    let set = |threshold, length_limit| {
        Classifier::train(&[named("order", 1)])
            .expect("within limits")
            .with(Settings { threshold, length_limit })
    };
    let long = "x".repeat(LENGTH_LIMIT_MAX + 1);
    assert_eq!(
        set(0.5, usize::MAX).classify(&long, &mut || false),
        Outcome::TooLong { length: LENGTH_LIMIT_MAX + 1, limit: LENGTH_LIMIT_MAX }
    );
    for above in [1.5, f64::INFINITY, f64::NAN, 1.0] {
        let outcome = set(above, 400).classify("a pizza", &mut || false);
        assert!(matches!(outcome, Outcome::Match { confidence: 1.0, .. }), "{above}: {outcome:?}");
    }
}

#[test]
fn a_bot_without_intents_matches_nothing() {
    let none: [(&str, [&str; 0]); 0] = [];
    let classifier = Classifier::train(&none).expect("within limits");
    for text in ["", "a pizza", "👍"] {
        assert_eq!(
            classifier.classify(text, &mut || false),
            Outcome::NoMatch { alternatives: vec![] }
        );
    }
    let empty = Classifier::train(&[("order", [" ", ""])]).expect("within limits");
    assert_eq!(empty.classify("", &mut || false), Outcome::NoMatch { alternatives: vec![] });
}
