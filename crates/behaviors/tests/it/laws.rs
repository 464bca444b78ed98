//! Laws: whatever the text, the loader answers; whatever the bot, a turn comes to an end, can be made again, and does not
//! notice that the run was written down in between.

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use serde_json::{Value, json};
use tidings_behaviors::{Bot, Facts, Input, Run, RunState, Seeds, Turn, resume, start};
use tidings_model::{ChannelKind, Timestamp};
use uuid::Uuid;

use crate::world::{event, load, noon, on_message};

fn tour() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bots/tour/tour.yaml");
    fs::read_to_string(path).expect("the tour").replacen("bot: tour", "bot: pizzeria", 1)
}

/// Pieces of templates: most of what they make is nonsense, some of it is not.
fn template() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{{",
        "}}",
        "{%",
        "%}",
        "{#",
        "#}",
        "{{ ",
        " }}",
        "-",
        "+",
        "~",
        "*",
        "**",
        "/",
        "//",
        "%",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "|",
        ".",
        ",",
        ":",
        "'",
        "\"",
        "\\",
        " if ",
        " for x in ",
        " in ",
        " not ",
        " is ",
        "else",
        "endif",
        "endfor",
        "set a = ",
        "raw",
        "endraw",
        "session.n",
        "event.text",
        "vars",
        "x",
        "x.y",
        "range(3)",
        "1",
        "2.5",
        "1e9",
        "'a'",
        "default",
        "join",
        "replace('a', 'aa')",
        "upper",
        "json",
        "sum",
        "date",
        "number(2)",
        "put('a.[]', 1)",
        "regex_find_all('a|')",
        "markdown",
        "shuffle",
        "random(6)",
        "now",
        "matching('a')",
        "true",
        "none",
        " ",
        "\n",
        "é",
        "0x1",
        "loop.index",
        "recursive",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// A template that loads, mostly.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("hello".to_owned()),
        Just("{{ session.n }} {{ answer }}".to_owned()),
        Just("{{ vars.n | int(0) + 1 }}".to_owned()),
        Just("{{ vars.n / 3 }}".to_owned()),
        Just("{{ vars.a ~ vars.a }}".to_owned()),
        Just("{{ [vars.a, vars.n] }}".to_owned()),
        Just("{{ range(60) | join(event.text) }}".to_owned()),
        Just("{{ chat.labels | join('') ~ chat.topic }}".to_owned()),
        Just("{{ random_string(4) }}{{ range(9) | shuffle | first }}".to_owned()),
        Just("{{ vars | put('x.[]', random(9)) }}".to_owned()),
        template(),
    ]
}

fn condition() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "true",
        "vars.n < 3",
        "session.n == 1",
        "answer",
        "not vars.a",
        "event.text == 'hi'",
        "vars.n + 1",
        "vars.n / 0",
        "item == 2 if item is defined else false",
    ])
    .prop_map(str::to_owned)
}

fn step() -> impl Strategy<Value = Value> {
    let target =
        || prop::sample::select(vec!["vars.n", "vars.a", "session.n", "client.a.b", "chat.topic"]);
    let leaf = prop_oneof![
        text().prop_map(|text| json!({ "say": text })),
        text().prop_map(|text| json!({ "say": "x", "buttons": [text, { "text": "B", "value": "b" }] })),
        (target(), text()).prop_map(|(target, text)| json!({ "set": { target: text } })),
        (target(), 0..4).prop_map(|(target, number)| json!({ "set": { target: number } })),
        (text(), target(), prop::sample::select(vec!["text", "number", "date", "answer != 'x'"])).prop_map(
            |(text, target, check)| json!({ "ask": text, "into": target, "validate": check, "attempts": 2 })
        ),
        Just(json!({ "ask": "?", "buttons": ["a", "b"], "timeout": { "after": "5m", "then": "go_on" } })),
        Just(json!({ "ask": "?", "validate": "number", "give_up": { "do": [{ "say": "no" }], "then": "go_on" } })),
        Just(json!({ "wait": "30s" })),
        text().prop_map(|text| json!({ "label": { "add": [text], "remove": ["new"] } })),
        text().prop_map(|text| json!({ "note": text })),
        text().prop_map(|text| json!({ "emit": { "type": "chat.custom", "data": { "kind": text } } })),
        text().prop_map(|text| json!({ "hand_over": { "group": text } })),
        Just(json!({ "call": "main" })),
        Just(json!({ "call": "helper", "with": { "n": "{{ vars.n }}" }, "into": "vars.n" })),
        Just(json!("close")),
        Just(json!("give_back")),
        Just(json!("stop")),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let steps = prop::collection::vec(inner, 1..4);
        prop_oneof![
            (condition(), steps.clone(), steps.clone()).prop_map(|(when, yes, no)| {
                json!({ "choose": [{ "when": when, "do": yes }], "else": no })
            }),
            (0..5, steps.clone()).prop_map(|(times, steps)| json!({ "repeat": { "times": times, "do": steps } })),
            (condition(), steps.clone())
                .prop_map(|(holds, steps)| json!({ "repeat": { "while": holds, "do": steps } })),
            steps.prop_map(|steps| json!({ "repeat": { "for": "item", "in": [1, "{{ vars.n }}", 2], "do": steps } })),
        ]
    })
}

/// A bot that loads. Steps that do not are left out, so that nearly every program is worth running.
fn bot() -> impl Strategy<Value = Bot> {
    prop::collection::vec(step(), 1..8).prop_filter_map("no step of it loads", |steps| {
        let with = |steps: &[Value]| {
            let helper = json!({ "name": "helper", "inputs": ["n"], "do": [
                { "ask": "helper?" }, { "set": { "vars.result": "{{ vars.n / 7 }}" } },
            ] });
            let main = json!({ "name": "main", "on": "chat.message", "do": steps });
            load(&json!({ "behaviors": [main, helper] }).to_string()).ok().map(|(bot, _)| bot)
        };
        let good: Vec<Value> =
            steps.into_iter().filter(|step| with(std::slice::from_ref(step)).is_some()).collect();
        with(&good)
    })
}

#[derive(Clone, Debug)]
enum Happens {
    Answer(String, Value),
    Later(i64),
}

fn happens() -> impl Strategy<Value = Happens> {
    let text = prop::sample::select(vec!["a", "B", "3", "2026-11-21", "", "x"]);
    prop_oneof![
        4 => text.prop_map(|text| Happens::Answer(text.to_owned(), json!(text))),
        1 => Just(Happens::Answer(String::new(), json!({ "odd": [1.5] }))),
        2 => prop::sample::select(vec![1_i64, 30, 600]).prop_map(Happens::Later),
    ]
}

/// All turns of a run.
fn play(bot: &Bot, story: &[Happens], between: impl Fn(Run) -> Run) -> Vec<Turn> {
    let mut now = noon();
    let mut facts = Facts {
        event: json!({ "text": "hi" }),
        chat: json!({ "labels": ["new"], "variables": {} }),
        shows: ChannelKind::Web.shows(),
        ..Facts::default()
    };
    let message = "chat.message".parse().expect("a type");
    let cause = event(&message, facts.event.clone());
    let seeds = |now| Seeds { now, run: Uuid::from_u128(7), random: 1 };
    let Some(first) = start(bot, 0, &facts, &cause, seeds(now)) else { return Vec::new() };
    let mut turns = vec![first];
    for happens in story {
        let Some(turn) = turns.last() else { break };
        if !matches!(turn.run.state, RunState::Waiting { .. }) {
            break;
        }
        facts.session = turn.session.clone().unwrap_or(facts.session);
        facts.client = turn.client.clone().unwrap_or(facts.client);
        let run = between(turn.run.clone());
        let input = match happens {
            Happens::Answer(text, value) => {
                Input::Answer { text: text.clone(), value: value.clone() }
            }
            Happens::Later(seconds) => {
                now = Timestamp::from_second(now.as_second() + seconds).expect("a time");
                Input::TimeUp
            }
        };
        turns.push(resume(bot, run, input, &facts, seeds(now)));
    }
    turns
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_answered(text in "(?s).{0,200}", yaml in "[a-z:\\-\\[\\]{}&*!|>'\"#,? \n]{0,120}") {
        let _any = load(&text);
        let _yaml = load(&yaml);
        let _steps = load(&on_message(&yaml));
    }

    #[test]
    fn a_damaged_bot_is_answered(at in any::<prop::sample::Index>(), length in 0_usize..40, put in "[a-z:\\-\\[\\]{}%| \n'\"]{0,6}") {
        let mut characters: Vec<char> = tour().chars().collect();
        let from = at.index(characters.len());
        let to = (from + length).min(characters.len());
        characters.splice(from..to, put.chars());
        let text: String = characters.into_iter().collect();
        if let Err(problems) = load(&text) {
            let lines = text.lines().count() + 1;
            prop_assert!(!problems.is_empty());
            prop_assert!(problems.iter().all(|problem| problem.line <= lines && problem.column > 0));
        }
    }

    #[test]
    fn any_template_is_answered(source in template()) {
        let bot = on_message(&format!("- say: {}", json!(source)));
        if let Ok((bot, _)) = load(&bot) {
            let turns = play(&bot, &[], |run| run);
            prop_assert_eq!(turns.len(), 1);
        }
        let bot = on_message(&format!("- choose: [{{when: {}, do: [{{note: x}}]}}]", json!(source)));
        if let Ok((bot, _)) = load(&bot) {
            let turns = play(&bot, &[], |run| run);
            prop_assert_eq!(turns.len(), 1);
        }
    }

    #[test]
    fn a_run_ends_and_repeats_itself_and_survives_the_store(bot in bot(), story in prop::collection::vec(happens(), 0..12)) {
        let turns = play(&bot, &story, |run| run);
        prop_assert_eq!(&turns, &play(&bot, &story, |run| run));
        let stored = play(&bot, &story, |run| {
            let text = serde_json::to_string(&run).expect("a run is JSON");
            serde_json::from_str(&text).expect("and is read again")
        });
        prop_assert_eq!(&turns, &stored);
        for turn in &turns {
            prop_assert!(turn.effects.len() <= 100);
            let waits = matches!(turn.run.state, RunState::Waiting { .. });
            prop_assert_eq!(waits, !turn.run.frames.is_empty());
        }
    }
}

#[test]
fn a_turn_draws_by_its_seed() {
    let bot = on_message("- note: \"{{ random_string(9) }}\"\n- note: \"{{ random_string(9) }}\"");
    let (bot, _) = load(&bot).expect("a bot");
    let message = "chat.message".parse().expect("a type");
    let cause = event(&message, json!({ "text": "hi" }));
    let notes = |random| -> Vec<String> {
        let seeds = Seeds { now: noon(), run: Uuid::from_u128(7), random };
        let turn = start(&bot, 0, &Facts::default(), &cause, seeds).expect("a turn");
        turn.effects.iter().map(|effect| format!("{effect:?}")).collect()
    };
    let drawn = notes(1);
    assert_eq!(drawn, notes(1));
    assert_ne!(drawn, notes(2));
    assert_ne!(drawn.first(), drawn.last());
}

#[test]
fn depth_does_not_break_the_stack() {
    let mut steps = json!([{ "say": "deep" }]);
    for _ in 0..15 {
        steps = json!([{ "choose": [{ "when": "true", "do": steps }] }]);
    }
    let bot =
        json!({ "behaviors": [{ "name": "main", "on": "chat.message", "do": steps }] }).to_string();
    let problems = load(&bot).expect_err("deeper than YAML may be");
    assert_eq!(problems.first().map(|problem| problem.code), Some("too_deep"));
    for depth in [20, 24, 50, 100, 149, 199, 400, 1_000, 20_000] {
        for (open, close) in [
            ("{% if 1 %}", "{% endif %}"),
            ("{% for x in [1] %}", "{% endfor %}"),
            ("{% if 0 %}{% elif 0 %}", "{% endif %}"),
            ("{{ 1 }}", ""),
            ("{# #}", ""),
        ] {
            let say = format!("{}{}", open.repeat(depth), close.repeat(depth));
            if let Ok((bot, _)) = load(&on_message(&format!("- say: {}", json!(say)))) {
                assert_eq!(play(&bot, &[], |run| run).len(), 1);
            }
        }
        for (open, close) in
            [("(", ")"), ("[", "]"), ("not ", ""), ("-", ""), ("x.", "x"), ("x if x else ", "x")]
        {
            let when = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            let text =
                on_message(&format!("- choose: [{{when: {}, do: [{{note: x}}]}}]", json!(when)));
            if let Ok((bot, _)) = load(&text) {
                assert_eq!(play(&bot, &[], |run| run).len(), 1);
            }
        }
    }
}

#[test]
fn a_behavior_does_not_start_for_an_author_that_it_does_not_hear() {
    let text = "behaviors:\n  - {name: main, on: chat.message, from: agent, do: [{note: x}]}\n";
    let (bot, _) = load(text).expect("a bot");
    assert!(play(&bot, &[], |run| run).is_empty(), "the message is Alice's");
}
