//! How long steps took: told in the trace, seen by no step.

use std::cell::Cell;
use std::time::Duration;

use serde_json::{Value, json};
use tidings_behaviors::{
    Facts, Input, RunState, Seeds, Turn, Wait, resume, resume_watched, start, start_watched,
};
use tidings_model::Timestamp;
use uuid::Uuid;

use crate::world::{event, load, noon, on_message};

fn seeds(now: Timestamp) -> Seeds {
    Seeds { now, run: Uuid::from_u128(7), random: 7 }
}

fn took(turn: &Turn) -> Vec<(String, Option<u64>)> {
    turn.run.trace.iter().map(|step| (step.step.clone(), step.took_us)).collect()
}

#[test]
fn a_watch_is_read_into_the_trace_and_changes_nothing_else() {
    let text = on_message(
        "- set: {vars.a: \"{{ random(1000) }}\"}\n- http: {url: \"https://example.com\"}\n  into: vars.b\n- note: \"{{ vars.b.status }} {{ now }}\"",
    );
    let (bot, _) = load(&text).expect("a bot");
    let message = "chat.message".parse().expect("a type");
    let cause = event(&message, json!({ "text": "hi" }));
    let facts = Facts::default();
    // Each look at the clock takes seven microseconds.
    let at = Cell::new(noon());
    let watch = || {
        at.set(at.get() + Duration::from_micros(7));
        at.get()
    };
    let watched = start_watched(&bot, 0, &facts, &cause, seeds(noon()), Some(&watch));
    let watched = watched.expect("a turn");
    assert_eq!(took(&watched), [("set".to_owned(), Some(7)), ("http".to_owned(), Some(7))]);
    assert!(matches!(watched.run.state, RunState::Waiting { wait: Wait::Work { .. } }));
    assert_eq!(watched.run.event_seq, Some(1));
    let plain = start(&bot, 0, &facts, &cause, seeds(noon())).expect("a turn");
    assert_eq!(without(&watched), without(&plain));
    assert!(took(&plain).iter().all(|(_, took)| took.is_none()));

    // What was ordered was done two seconds later.
    let later = seeds(noon() + Duration::from_secs(2));
    let done = || Input::Done { outcome: Ok(json!({ "status": 200 })), log: Vec::new() };
    let watched = resume_watched(&bot, watched.run, done(), &facts, later, Some(&watch));
    assert_eq!(
        took(&watched)[2..],
        [("http".to_owned(), Some(2_000_000)), ("note".to_owned(), Some(7))]
    );
    let plain = resume(&bot, plain.run, done(), &facts, later);
    assert_eq!(without(&watched), without(&plain));
}

/// A turn as it is, but for the times.
fn without(turn: &Turn) -> (Value, String) {
    let mut run = turn.run.clone();
    run.trace.iter_mut().for_each(|step| step.took_us = None);
    (serde_json::to_value(&run).expect("JSON"), format!("{:?}", turn.effects))
}
