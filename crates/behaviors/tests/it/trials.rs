//! Bots' own tests: those of the examples hold, and a test that fails says what came.

use std::fs;
use std::path::Path;

use tidings_behaviors::simulate::trial;

use crate::examples::example;
use crate::world::{Words, load, told};

fn files(text: &str) -> Vec<(String, String)> {
    vec![("tests/a.yaml".to_owned(), text.to_owned())]
}

#[test]
fn the_pizzeria_passes_its_own_tests() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bots/pizzeria/tests/order.yaml");
    let text = fs::read_to_string(path).expect("a text");
    let trials = trial::read(&[("order.yaml".to_owned(), text)], &Words)
        .map_err(|problems| told(&problems))
        .expect("tests that read");
    assert_eq!(trials.len(), 3);
    let bot = example("pizzeria");
    for one in &trials {
        assert_eq!(trial::run(&bot, one), Ok(()), "{}", one.name);
    }
}

const BOT: &str = r#"
behaviors:
  - name: order
    on: chat.message
    do:
      - http: {url: "https://shop.example.com", query: {id: "{{ event.text }}"}}
        into: vars.order
        on_error: [{say: "No: {{ answer.error.code }}"}, stop]
      - say: "It is {{ vars.order.json.state | default('?') }}."
      - wait: 1h
      - note: "An hour later {{ now }}"
  - name: loop
    on: note.added
    do: [{emit: {type: chat.custom, data: {kind: again, content: {}}}}]
  - {name: due, schedule: "0 9 * * *", do: [{say: Good morning.}]}
"#;

#[test]
fn orders_are_answered_by_stubs_and_time_is_imagined() {
    let (bot, _) = load(BOT).map_err(|problems| told(&problems)).expect("a bot that loads");
    let text = r#"
tests:
  - name: whole
    stubs: {http: {status: 200, json: {state: baked}}}
    steps:
      - message: 17
        expect: [{http: {query: {id: 17}}}, {say: It is baked.}]
      - pass: 59m
        expect: []
      - pass: 2m
        expect: [{note: "An hour later 2026-11-21T13:00:00Z"}, {emit: {type: chat.custom}}]
      - message: 18
        stubs: {http: {error: timed_out}}
        expect: [{http: {}}, {say: "No: timed_out"}]
      - event: {type: schedule.due, data: {bot: pizzeria, behavior: due}}
        expect: {stopped: {reason: effect_refused}}
"#;
    let text = text.replace("{id: 17}", "{id: \"17\"}");
    let trials =
        trial::read(&files(&text), &Words).map_err(|problems| told(&problems)).expect("good");
    for one in &trials {
        assert_eq!(trial::run(&bot, one), Ok(()));
    }
}

#[test]
fn a_test_that_fails_says_what_came() {
    let (bot, _) = load(BOT).map_err(|problems| told(&problems)).expect("a bot that loads");
    let text = "tests:\n  - name: wrong\n    steps:\n      - message: x\n        expect: [{say: Never.}]\n";
    let trials =
        trial::read(&files(text), &Words).map_err(|problems| told(&problems)).expect("good");
    let broken = trial::run(&bot, &trials[0]).expect_err("it does something else");
    insta::assert_snapshot!(format!("{}\n{}\n{}", broken.place, broken.expected, broken.came), @r#"
    tests/a.yaml:4
    [{"say":"Never."}]
    [{"http":{"url":"https://shop.example.com","query":{"id":"x"}}},{"say":"It is ?."}]
    "#);
}

#[test]
fn what_is_wrong_with_a_test_is_said_with_its_place() {
    let text = r#"
tests:
  - steps: [{message: x}]
  - name: a
    color: red
    at: soon
    steps:
      - {expect: []}
      - {event: chat.massage}
      - {pass: soon}
      - {message: x, expekt: []}
      - just a text
other: 1
"#;
    let problems = trial::read(&files(text), &Words).expect_err("it is wrong");
    insta::assert_snapshot!(told(&problems), @r#"
    tests/a.yaml:3:5: error[missing_key]: a test needs the keys `name` and `steps`
    tests/a.yaml:5:5: error[unknown_key]: a test has no key "color"; it knows name, at, channel, customer, session, client, stubs, steps
    tests/a.yaml:6:9: error[wrong_time]: `at` is a time, as 2026-11-21T12:00:00Z
    tests/a.yaml:8:9: error[missing_key]: a step of a test needs `message`, `press`, `event` or `pass`
    tests/a.yaml:9:17: error[unknown_event]: there is no event type or alias "chat.massage"
    tests/a.yaml:10:16: error[wrong_duration]: "soon" is no length of time: write 30s, 10m, 2h or 3 days
    tests/a.yaml:11:22: error[unknown_key]: a step of a test has no key "expekt"; it knows message, press, event, pass, stubs, expect, session, client, chat
    tests/a.yaml:12:9: error[wrong_kind]: a step of a test is a mapping, as `message: Hello`
    tests/a.yaml:13:1: error[unknown_key]: a file of trials has no key "other"; it knows tests
    "#);
}

/// Runs the steps of one test of a bot; gives what came where it came otherwise.
fn tried(bot: &str, steps: &str) -> String {
    let (bot, _) = load(bot).map_err(|problems| told(&problems)).expect("a bot that loads");
    let text = format!("tests:\n  - name: one\n    steps:\n{steps}");
    let trials =
        trial::read(&files(&text), &Words).map_err(|problems| told(&problems)).expect("good");
    match trial::run(&bot, trials.first().expect("one test")) {
        Ok(()) => "as expected".to_owned(),
        Err(broken) => format!("{}: {}", broken.place, broken.came),
    }
}

#[test]
fn a_bot_does_not_hear_itself_after_time_passed() {
    let bot = "
behaviors:
  - name: anything
    on: chat.message
    do: [{ask: Yes?, timeout: {after: 10m, do: [{say: Good-bye.}]}}]
";
    let steps = "
      - message: Hello
        expect: [{say: Yes?}]
      - pass: 11m
        expect: [{say: Good-bye.}]
";
    insta::assert_snapshot!(tried(bot, steps), @"as expected");
}

#[test]
fn a_question_takes_the_place_of_the_one_before() {
    let bot = "
behaviors:
  - {name: size, on: chat.started, do: [{ask: Which size?, timeout: {after: 10m, do: [{note: no size}]}}]}
  - {name: place, on: chat.location, do: [{ask: Which door?, timeout: {after: 1h, do: [{note: no door}]}}]}
";
    let steps = "
      - event: chat.started
        expect: [{say: Which size?}]
      - event: chat.location
        expect: [{say: Which door?}]
      - pass: 20m
        expect: []
      - pass: 1h
        expect: [{note: no door}]
";
    insta::assert_snapshot!(tried(bot, steps), @"as expected");
}

#[test]
fn a_run_that_waits_for_a_time_after_its_question_is_not_replaced() {
    let bot = "
behaviors:
  - {name: size, on: chat.started, do: [{ask: Which size?}, {wait: 1h}, {note: Still here.}]}
  - {name: place, on: chat.location, do: [{ask: Which door?}]}
";
    let steps = "
      - event: chat.started
      - message: large
        expect: []
      - event: chat.location
        expect: [{say: Which door?}]
      - pass: 1h
        expect: [{note: Still here.}]
";
    insta::assert_snapshot!(tried(bot, steps), @"as expected");
}

/// A bot whose runs wait for an answer and for a time, that closes the chat, and that has a last word.
const CLOSING: &str = "
behaviors:
  - {name: size, on: chat.started, do: [{set: {session.asked: 1}}, {ask: Which size?, timeout: {after: 10m, do: [{note: no size}]}}]}
  - {name: later, on: chat.location, do: [{wait: 1h}, {note: an hour later}]}
  - {name: close, on: chat.sticker, do: [{close: done}]}
  - {name: last, on: chat.closed, do: [{wait: 2h}, {note: two hours closed}]}
  - {name: heard, on: chat.message, do: [{note: heard}]}
";

#[test]
fn a_closed_chat_has_no_runs_that_wait() {
    for (closed, came) in [("chat.closed", "[]"), ("chat.sticker", "{close: done}")] {
        let steps = format!(
            "
      - event: chat.started
        session: {{asked: 1}}
      - event: chat.location
      - event: {closed}
        expect: {came}
        session: {{asked: null}}
        chat: {{status: closed}}
      - message: large
        expect: [{{note: heard}}]
        chat: {{status: open}}
      - pass: 61m
        expect: []
      - pass: 2h
        expect: [{{note: two hours closed}}]
"
        );
        insta::allow_duplicates! {
            insta::assert_snapshot!(tried(CLOSING, &steps), @"as expected");
        }
    }
}

#[test]
fn many_orders_of_a_run_are_all_done() {
    let bot = "
behaviors:
  - name: many
    on: chat.started
    do:
      - repeat: {times: 250, do: [{http: {url: \"https://shop.example.com\"}}]}
      - say: done
";
    let steps = format!(
        "
      - event: chat.started
        expect: [{}{{say: done}}]
",
        "{http: {}}, ".repeat(250)
    );
    insta::assert_snapshot!(tried(bot, &steps), @"as expected");
}

#[test]
fn many_times_come_in_one_pass() {
    let bot = "
behaviors:
  - name: many
    on: chat.started
    do:
      - repeat: {times: 250, do: [{wait: 1m}]}
      - note: done
";
    let steps = "
      - event: chat.started
      - pass: 250m
        expect: [{note: done}]
";
    insta::assert_snapshot!(tried(bot, steps), @"as expected");
}

#[test]
fn a_chain_of_causes_that_is_too_deep_is_stopped_and_told() {
    for (wait, pass) in [("", ""), ("{wait: 1s}, ", "      - pass: 1h\n")] {
        let bot = format!(
            "
behaviors:
  - {{name: again, on: order.placed, do: [{wait}{{emit: {{type: order.placed, data: {{name: again}}}}}}]}}
"
        );
        let came = tried(&bot, &format!("      - event: order.placed\n{pass}        expect: []\n"));
        let emitted = r#"{"emit":{"type":"order.placed","data":{"name":"again"}}}"#;
        let came = came.replace(emitted, "again");
        insta::allow_duplicates! {
            insta::assert_snapshot!(came.split_once(": ").expect("a place").1, @r#"[again,again,again,again,again,again,again,again,{"stopped":{"reason":"loop_guard","message":"8 events led to this one, each by a behavior: that looks like a loop"}}]"#);
        }
    }
}

#[test]
fn a_simulation_has_an_end_that_is_told() {
    let orders = "
behaviors:
  - name: many
    on: chat.started
    do:
      - repeat: {times: 10000, do: [{http: {url: \"https://shop.example.com\"}}]}
";
    let steps = "
      - event: chat.started
        expect: []
";
    let came = tried(orders, steps);
    insta::assert_snapshot!(summary(&came, "http"), @r#"10000 http, {"reason":"step_limit","message":"the runs of a simulation have at most 10000 turns"}}]"#);
    let emit = "{emit: {type: order.placed, data: {name: again}}}, ".repeat(100);
    let events = format!("behaviors:\n  - {{name: many, on: order.placed, do: [{emit}]}}\n");
    let came = tried(&events, &steps.replace("chat.started", "order.placed"));
    insta::assert_snapshot!(summary(&came, "emit"), @r#"10000 emit, {"reason":"loop_guard","message":"the runs of a simulation do at most 10000 things: that looks like a loop"}}]"#);
}

/// How often a step came, and what came of it all.
fn summary(came: &str, word: &str) -> String {
    let end = came.split_once(r#"{"stopped":"#).map_or("no end", |(_, end)| end);
    format!("{} {word}, {end}", came.matches(&format!(r#"{{"{word}":"#)).count())
}

#[test]
fn a_step_of_a_test_has_one_cause_and_texts_where_it_wants_them() {
    let text = "
tests:
  - name: [a, b]
    at: {day: 1}
    channel: [web]
    steps:
      - {message: hi, pass: 10m, expect: []}
      - {expect: [], press: x, event: chat.message}
      - message: {text: hi}
      - press: [x]
      - pass: {minutes: 10}
      - event: [chat.message]
      - event: {type: {name: chat.message}}
      - event: {type: chat.message, author: [bot]}
      - message: 17
";
    let problems = trial::read(&files(text), &Words).expect_err("it is wrong");
    insta::assert_snapshot!(told(&problems), @"
    tests/a.yaml:3:11: error[wrong_kind]: `name` is a text, not a list
    tests/a.yaml:4:9: error[wrong_kind]: `at` is a text, not a mapping
    tests/a.yaml:5:14: error[wrong_kind]: `channel` is a text, not a list
    tests/a.yaml:7:23: error[two_causes]: a step of a test has one cause: it has `message` already, so `pass` is a step of its own
    tests/a.yaml:8:32: error[two_causes]: a step of a test has one cause: it has `press` already, so `event` is a step of its own
    tests/a.yaml:9:18: error[wrong_kind]: `message` is a text, not a mapping
    tests/a.yaml:10:16: error[wrong_kind]: `press` is a text, not a list
    tests/a.yaml:11:15: error[wrong_kind]: `pass` is a text, not a mapping
    tests/a.yaml:12:16: error[wrong_kind]: `event` is a text, not a list
    tests/a.yaml:13:23: error[wrong_kind]: `type` is a text, not a mapping
    tests/a.yaml:14:45: error[wrong_kind]: `author` is a text, not a list
    ");
}

#[test]
fn what_is_due_by_a_schedule_has_no_chat() {
    let bot = "
behaviors:
  - {name: welcome, on: chat.started, do: [{set: {session.seen: 1}}, {ask: What is it?, timeout: {after: 2h, do: [{note: silence}]}}]}
  - name: due
    schedule: \"0 9 * * *\"
    do:
      - http: {url: \"https://shop.example.com/{{ chat.status | default('no chat') }}/{{ customer.id | default('nobody') }}/{{ session.seen | default('new') }}/{{ meta.channel_kind | default('no channel') }}\"}
      - set: {session.seen: 2}
      - emit: {type: order.placed, data: {name: daily}}
  - {name: placed, on: order.placed, do: [{wait: 1h}, {say: A new order.}]}
";
    let steps = "
      - event: chat.started
      - event: {type: schedule.due, data: {bot: pizzeria, behavior: due}}
        expect:
          - http: {url: https://shop.example.com/no chat/nobody/new/no channel}
          - emit: {type: order.placed}
        session: {seen: 1}
      - pass: 1h
        expect: [{stopped: {reason: effect_refused, message: \"order.placed is not an event of a chat, so there is nobody to speak to\"}}]
      - pass: 1h
        expect: [{note: silence}]
";
    insta::assert_snapshot!(tried(bot, steps), @"as expected");
}
