//! What a few texts give, with the bot of `sentences/english.txt` and with small ones.

use std::fmt::Write;

use insta::assert_snapshot;
use tidings_nlu::{Classifier, Outcome};

use crate::fixture::fixtures;

fn told(classifier: &Classifier, texts: &[&str]) -> String {
    let mut told = String::new();
    for text in texts {
        let (what, others) = match classifier.classify(text, &mut || false) {
            Outcome::Match { intent, confidence, alternatives } => {
                (format!("{intent} {confidence:.2}"), alternatives)
            }
            Outcome::NoMatch { alternatives } => ("no match".to_owned(), alternatives),
            other @ (Outcome::TooLong { .. } | Outcome::TimeLimit) => {
                (format!("{other:?}"), vec![])
            }
        };
        let others: Vec<String> = others
            .iter()
            .take(2)
            .map(|other| format!("{} {:.2}", other.intent, other.confidence))
            .collect();
        let others =
            if others.is_empty() { String::new() } else { format!(" (or {})", others.join(", ")) };
        writeln!(told, "{text}: {what}{others}").expect("a string takes it");
    }
    told
}

fn pizzeria() -> Classifier {
    let fixtures = fixtures();
    let english = fixtures.first().expect("english");
    Classifier::train(&english.intents).expect("within limits")
}

#[test]
fn a_pizzeria_understands_its_customers() {
    assert_snapshot!(told(&pizzeria(), &[
        "I want a pizza",
        "i WANT a pizza!!!",
        "can I order a large margherita",
        "marghertia please",
        "pizza",
        "please",
        "where is my order 4711",
        "please do not cancel my order",
        "flibbertigibbet",
        "👍",
        "",
    ]), @"
    I want a pizza: order 1.00 (or complaint 0.04, cancel 0.04)
    i WANT a pizza!!!: order 1.00 (or complaint 0.04, cancel 0.04)
    can I order a large margherita: order 0.90 (or menu 0.20, cancel 0.05)
    marghertia please: order 0.71 (or menu 0.40, cancel 0.03)
    pizza: no match (or order 0.27, complaint 0.14)
    please: no match (or cancel 0.05, order 0.05)
    where is my order 4711: status 0.92 (or address 0.19, cancel 0.10)
    please do not cancel my order: cancel 0.98 (or status 0.10, complaint 0.06)
    flibbertigibbet: no match
    👍: no match
    : no match
    ");
}

#[test]
fn the_order_of_words_says_little() {
    assert_snapshot!(told(&pizzeria(), &["reset my password", "password my reset", "my password reset"]), @"
    reset my password: password 1.00
    password my reset: password 0.99 (or reserve 0.01)
    my password reset: password 0.99 (or reserve 0.01)
    ");
}

#[test]
fn a_negation_is_not_passed_over() {
    let classifier = Classifier::train(&[
        ("agree", ["I want it", "I would like that", "yes"]),
        ("decline", ["I don't want it", "I would not like that", "no"]),
    ])
    .expect("within limits");
    assert_snapshot!(told(&classifier, &[
        "I do want it",
        "I do not want it",
        "i dont want that",
        "no I would not",
        "yes I would",
    ]), @"
    I do want it: agree 0.86 (or decline 0.32)
    I do not want it: decline 0.98 (or agree 0.13)
    i dont want that: decline 0.99 (or agree 0.02)
    no I would not: decline 0.99 (or agree 0.02)
    yes I would: agree 0.99 (or decline 0.03)
    ");
}

#[test]
fn texts_without_spaces_and_without_words_are_understood() {
    let classifier = Classifier::train(&[
        ("hours", ["営業時間を教えてください", "何時に開きますか", "ร้านเปิดกี่โมง"]),
        ("order", ["ピザを注文したいです", "ピザをください", "อยากสั่งพิซซ่า"]),
        ("thanks", ["👍", "ありがとう", "ขอบคุณ"]),
    ])
    .expect("within limits");
    assert_snapshot!(told(&classifier, &[
        "営業時間は？",
        "ピザの注文",
        "ร้านเปิดเมื่อไหร่",
        "👍🏽",
        "天気はどうですか",
    ]), @"
    営業時間は？: hours 0.99
    ピザの注文: order 0.99
    ร้านเปิดเมื่อไหร่: hours 0.90
    👍🏽: thanks 1.00
    天気はどうですか: no match (or hours 0.03, order 0.03)
    ");
}

#[test]
fn what_must_not_be_taken_for_its_opposite_needs_an_intent_of_its_own() {
    // Alone, `cancel` of the pizzeria takes "do not cancel" for itself: it has a sentence with "do not" of its own.
    let classifier = Classifier::train(&[
        ("cancel", ["cancel my order", "I want to cancel", "do not deliver the order"]),
        ("keep", ["do not cancel it", "I do not want to cancel", "leave my order as it is"]),
    ])
    .expect("within limits");
    assert_snapshot!(told(&classifier, &["please cancel my order", "please do not cancel my order"]), @"
    please cancel my order: cancel 0.98 (or keep 0.16)
    please do not cancel my order: keep 0.87 (or cancel 0.78)
    ");
}

#[test]
fn a_sentence_of_two_intents_is_shared_between_them() {
    let classifier = Classifier::train(&[
        ("agree", ["yes", "ok"]),
        ("confirm", ["Yes!", "that is right"]),
        ("greet", ["hello", "hi"]),
    ])
    .expect("within limits");
    assert_snapshot!(format!("{:?}", classifier.shared()), @r#"[Shared { example: "yes", intents: ["agree", "confirm"] }]"#);
    assert_snapshot!(told(&classifier, &["yes", "ok"]), @"
    yes: agree 0.50 (or confirm 0.50)
    ok: agree 1.00
    ");
}
