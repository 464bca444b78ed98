//! What happens while a question waits: its own handlers, asides, late presses, and time that is up.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tidings_behaviors::simulate::{Happening, Patience, Simulator};
use tidings_model::AuthorKind;

use crate::world::{Story, load, noon, on_message, told};

const SIZE: &str = "
- ask: Which size?
  input: {type: choice, of: [S, L]}
  into: session.size
  attempts: 3
  on:
    chat.location:
      do: [{set: {client.address: \"{{ answer.latitude }}\"}}, {say: Noted.}]
    chat.sticker: {when: answer.emoji == '🍕', do: [{say: That is no size.}], then: wait}
    chat.contact: {do: [{say: We call you.}], then: stop}
    chat.command: {when: \"answer == '/any'\", do: [{set: {session.size: any}}], then: go_on}
    no_match: [{say: \"{{ answer }}?\"}]
  timeout: {after: 10m, default: L}
- say: \"{{ session.size }} it is.\"
";

#[test]
fn a_question_handles_what_it_says() {
    let story = || Story::of(&on_message(SIZE)).alice("hi");
    insta::assert_snapshot!(
        story()
            .sends("chat.location", json!({ "latitude": 52.5, "longitude": 13.4 }))
            .sends("chat.sticker", json!({ "emoji": "🍕" }))
            .sends("chat.sticker", json!({ "emoji": "🍺" }))
            .sends("chat.message", json!({ "text": "tuna" }))
            .sends("chat.message", json!({ "text": "l" }))
            .told(),
        @r#"
    Alice: hi
      bot: Which size? [S | L]
      timer in 600 s
      (waits for an answer)
    Alice sends chat.location {"latitude":52.5,"longitude":13.4}
      bot: Noted.
      bot: Which size? [S | L]
      timer in 600 s
      client = {"address":52.5}
      (waits for an answer)
    Alice sends chat.sticker {"emoji":"🍕"}
      bot: That is no size.
      timer in 600 s
      (waits for an answer)
    Alice sends chat.sticker {"emoji":"🍺"}
      (nobody reacts)
    Alice sends chat.message {"text":"tuna"}
      bot: tuna?
      bot: Which size? [S | L]
      timer in 600 s
      (waits for an answer)
    Alice sends chat.message {"text":"l"}
      cancel timer
      bot: L it is.
      session = {"size":"L"}
      (done)
    "#
    );
    insta::assert_snapshot!(story().sends("chat.contact", json!({ "phone_number": "1" })).told(), @r#"
    Alice: hi
      bot: Which size? [S | L]
      timer in 600 s
      (waits for an answer)
    Alice sends chat.contact {"phone_number":"1"}
      cancel timer
      bot: We call you.
      (done)
    "#);
    let command = json!({ "command": "any", "arguments": "", "text": "/any" });
    insta::assert_snapshot!(story().sends("chat.command", command).told(), @r#"
    Alice: hi
      bot: Which size? [S | L]
      timer in 600 s
      (waits for an answer)
    Alice sends chat.command {"command":"any","arguments":"","text":"/any"}
      cancel timer
      bot: any it is.
      session = {"size":"any"}
      (done)
    "#);
    // Steps that handle a wrong answer do not make the attempts more.
    insta::assert_snapshot!(story().alice("a").alice("b").alice("c").told(), @"
    Alice: hi
      bot: Which size? [S | L]
      timer in 600 s
      (waits for an answer)
    Alice: a
      bot: a?
      bot: Which size? [S | L]
      timer in 600 s
      (waits for an answer)
    Alice: b
      bot: b?
      bot: Which size? [S | L]
      timer in 600 s
      (waits for an answer)
    Alice: c
      cancel timer
      bot: Sorry, I did not understand that. Let us leave it for now.
      (stopped: Asked: bot.yaml:6: no valid answer after 3 attempts)
    ");
}

#[test]
fn when_time_is_up_the_default_is_the_answer() {
    insta::assert_snapshot!(Story::of(&on_message(SIZE)).alice("hi").later(600).told(), @r#"
    Alice: hi
      bot: Which size? [S | L]
      timer in 600 s
      (waits for an answer)
    ... 600 s later
      bot: L it is.
      session = {"size":"L"}
      (done)
    "#);
    let with_steps = "- ask: {text: Well?, into: vars.x, timeout: {after: 1m, default: {a: 1}, do: [{say: Then this.}]}}\n- say: \"{{ vars.x.a }} {{ answer.a }}\"";
    insta::assert_snapshot!(Story::of(&on_message(with_steps)).alice("hi").later(60).told(), @"
    Alice: hi
      bot: Well?
      timer in 60 s
      (waits for an answer)
    ... 60 s later
      bot: Then this.
      bot: 1 1
      (done)
    ");
}

#[test]
fn a_handler_may_ask_itself_and_the_time_of_the_question_goes_on() {
    let nested = "
- ask: Which size?
  into: session.size
  on:
    chat.location:
      - ask: Is that your address?
        validate: answer in ['yes', 'no']
        into: session.sure
  timeout: {after: 10m, do: [{say: Too late.}]}
- say: \"{{ session.size }}, {{ session.sure }}.\"
";
    let story = || {
        let place = json!({ "latitude": 52.5, "longitude": 13.4 });
        Story::of(&on_message(nested)).alice("hi").passes(60).sends("chat.location", place)
    };
    insta::assert_snapshot!(story().alice("maybe").alice("yes").alice("L").told(), @r#"
    Alice: hi
      bot: Which size?
      timer in 600 s
      (waits for an answer)
    ... 60 s later
    Alice sends chat.location {"latitude":52.5,"longitude":13.4}
      bot: Is that your address?
      (waits for an answer)
    Alice: maybe
      bot: That does not fit. Please try again.
      (waits for an answer)
    Alice: yes
      bot: Which size?
      timer in 540 s
      session = {"sure":"yes"}
      (waits for an answer)
    Alice: L
      cancel timer
      bot: L, yes.
      session = {"sure":"yes","size":"L"}
      (done)
    "#);
    insta::assert_snapshot!(story().passes(600).alice("yes").told(), @r#"
    Alice: hi
      bot: Which size?
      timer in 600 s
      (waits for an answer)
    ... 60 s later
    Alice sends chat.location {"latitude":52.5,"longitude":13.4}
      bot: Is that your address?
      (waits for an answer)
    ... 600 s later
    Alice: yes
      bot: Too late.
      session = {"sure":"yes"}
      (done)
    "#);
}

/// A chat with one bot; each line of the story is what Alice does.
fn chat(bot: &str, story: &[(&str, Value)]) -> String {
    let (bot, _) = load(bot).map_err(|problems| told(&problems)).expect("a bot that loads");
    let mut simulator = Simulator::new([&bot], noon());
    let mut lines = Vec::new();
    for (event_type, data) in story {
        lines.push(format!("* {event_type} {data}"));
        let event_type = event_type.parse().expect("a type");
        let author = AuthorKind::Customer;
        simulator.happens(&Happening::new(event_type, data.clone(), author));
        lines.extend(
            simulator.told().iter().map(|told| format!("  {}: {}", told.behavior, told.what)),
        );
    }
    lines.join("\n")
}

fn pizzeria(ask: &str) -> String {
    format!(
        "
behaviors:
  - {{name: order, on: chat.message, when: event.text == 'pizza', do: [{{ask: Which size?, {ask}, into: session.size}}, {{say: \"{{{{ session.size }}}}!\"}}]}}
  - {{name: menu, on: chat.postback, when: event.value == 'menu', do: [{{say: Margherita.}}]}}
  - {{name: hours, aside: true, on: chat.message, when: \"'open' in event.text\", do: [{{say: From 11 to 23.}}]}}
  - {{name: anything, on: chat.message, when: event.text != 'pizza', do: [{{say: Hm.}}]}}
  - {{name: sticker, on: chat.sticker, do: [{{say: Nice.}}]}}
"
    )
}

fn text(text: &str) -> (&'static str, Value) {
    ("chat.message", json!({ "text": text }))
}

fn press(value: &str) -> (&'static str, Value) {
    ("chat.postback", json!({ "value": value, "text": value }))
}

#[test]
fn local_before_asides_before_wrong_answers() {
    let story = [
        text("pizza"),
        text("are you open?"),
        press("menu"),
        press("tea"),
        ("chat.sticker", json!({ "emoji": "🍕" })),
        text("L"),
        text("open?"),
    ];
    insta::assert_snapshot!(chat(&pizzeria("input: {type: choice, of: [S, L]}"), &story), @r#"
    * chat.message {"text":"pizza"}
      order: {"say":"Which size?","buttons":["S","L"]}
    * chat.message {"text":"are you open?"}
      hours: {"say":"From 11 to 23."}
    * chat.postback {"value":"menu","text":"menu"}
      menu: {"say":"Margherita."}
    * chat.postback {"value":"tea","text":"tea"}
      order: {"say":"Please choose one of these: S, L.","buttons":["S","L"]}
    * chat.sticker {"emoji":"🍕"}
      sticker: {"say":"Nice."}
    * chat.message {"text":"L"}
      order: {"say":"L!"}
    * chat.message {"text":"open?"}
      hours: {"say":"From 11 to 23."}
      anything: {"say":"Hm."}
    "#);
}

#[test]
fn a_right_answer_is_never_an_aside() {
    insta::assert_snapshot!(chat(&pizzeria("validate: text"), &[text("pizza"), text("open and large")]), @r#"
    * chat.message {"text":"pizza"}
      order: {"say":"Which size?"}
    * chat.message {"text":"open and large"}
      order: {"say":"open and large!"}
    "#);
    // A button of something else is not what a question for any text waits for.
    insta::assert_snapshot!(chat(&pizzeria("validate: text"), &[text("pizza"), press("menu"), press("tea")]), @r#"
    * chat.message {"text":"pizza"}
      order: {"say":"Which size?"}
    * chat.postback {"value":"menu","text":"menu"}
      menu: {"say":"Margherita."}
    * chat.postback {"value":"tea","text":"tea"}
      order: {"say":"tea!"}
    "#);
}

#[test]
fn a_modal_question_has_all_texts_and_presses() {
    let modal = pizzeria("input: {type: choice, of: [S, L]}, modal: true");
    let sticker = ("chat.sticker", json!({ "emoji": "🍕" }));
    insta::assert_snapshot!(chat(&modal, &[text("pizza"), text("are you open?"), press("menu"), sticker]), @r#"
    * chat.message {"text":"pizza"}
      order: {"say":"Which size?","buttons":["S","L"]}
    * chat.message {"text":"are you open?"}
      order: {"say":"Please choose one of these: S, L.","buttons":["S","L"]}
    * chat.postback {"value":"menu","text":"menu"}
      order: {"say":"Please choose one of these: S, L.","buttons":["S","L"]}
    * chat.sticker {"emoji":"🍕"}
      sticker: {"say":"Nice."}
    "#);
}

#[test]
fn a_question_does_not_hear_its_bot() {
    let strict =
        pizzeria("on: {chat.message: {when: \"answer not in ['S', 'L']\", do: [{say: S or L.}]}}");
    insta::assert_snapshot!(chat(&strict, &[text("pizza"), text("M"), text("L")]), @r#"
    * chat.message {"text":"pizza"}
      order: {"say":"Which size?"}
    * chat.message {"text":"M"}
      order: {"say":"S or L."}
      order: {"say":"Which size?"}
    * chat.message {"text":"L"}
      order: {"say":"L!"}
    "#);
}

#[test]
fn an_aside_never_asks() {
    let asks = "
behaviors:
  - {name: a, aside: true, on: chat.message, do: [{ask: Why?}]}
  - {name: b, aside: maybe, on: chat.message, do: [{say: x}]}
";
    insta::assert_snapshot!(told(&load(asks).expect_err("wrong")), @"
    bot.yaml:3:52: error[asks_aside]: an aside does not ask: the question that waits would end
    bot.yaml:4:22: error[wrong_kind]: `aside` is true or false, not a text
    ");
    let calls = "
behaviors:
  - {name: a, aside: true, on: chat.message, do: [{call: b}]}
  - {name: b, do: [{ask: Why?}]}
";
    insta::assert_snapshot!(chat(calls, &[text("hi")]), @r#"
    * chat.message {"text":"hi"}
      a: {"stopped":{"reason":"effect_refused","message":"bot.yaml:4: an aside does not ask: the question that waits would end"}}
    "#);
}

#[test]
fn a_wrong_handler_is_told_where_it_stands() {
    let wrong = on_message(
        "
- ask: x
  on: {chat.message: [{say: y}]}
- ask: x
  on: {chat.lokation: [{say: y}]}
- ask: x
  on: {message.sending: [{say: y}]}
- ask: x
  on: {chat.sticker: {do: [{say: y}], then: again}}
- ask: x
  on: []
- ask: x
  on: {no_match: {then: stop}}
- ask: x
  modal: maybe
- ask: x
  timeout: {after: 1m, default: 1, then: stop}
- ask: x
  on: [{event: [chat.sticker, chat.file], do: [{say: \"{{ answr }}\"}]}]
- ask: x
  on: chat.file
- ask: x
  on: {chat.closed: [{note: y}]}
",
    );
    insta::assert_snapshot!(told(&load(&wrong).expect_err("a bot that is wrong")), @r#"
    bot.yaml:7:14: error[missing_when]: every answer is a chat.message: say which with `when`, or write no_match
    bot.yaml:9:14: error[unknown_event]: there is no event type or alias "chat.lokation", and it is not no_match
    bot.yaml:11:14: error[not_local]: message.sending has not happened yet: a question cannot handle it
    bot.yaml:13:51: error[unknown_word]: `then` is ask_again, wait, go_on, stop, not "again"
    bot.yaml:15:13: error[wrong_count]: `on` has 1 to 50 events
    bot.yaml:17:24: error[missing_key]: a handler of `on` needs the key `do`
    bot.yaml:19:16: error[wrong_kind]: `modal` is true or false, not a text
    bot.yaml:21:18: error[default_and_stop]: a `default` is an answer to go on with, so `then: stop` makes no sense
    bot.yaml:23:64: error[unknown_name]: there is no "answr" here; a template knows event, meta, chat, customer, session, client, vars, answer, now (did you mean "answer"?)
    bot.yaml:25:13: error[wrong_kind]: `on` is a mapping of events to steps, not a text
    bot.yaml:27:14: error[not_local]: a chat that is closed ends the question: a behavior with `on: chat.closed` hears it
    "#);
}

#[test]
fn a_simulation_whose_time_is_up_ends_and_says_so() {
    let text = "
behaviors:
  - {name: first, on: chat.message, do: [{emit: {type: note.added, data: {text: x}}}]}
  - {name: second, on: chat.message, when: \"'never' in event.text\", do: [{say: Never.}]}
  - {name: third, on: chat.message, do: [{say: Hello.}]}
";
    let (bot, _) = load(text).map_err(|problems| told(&problems)).expect("a bot that loads");
    let hello = Happening::new(
        "chat.message".parse().expect("a type"),
        json!({ "text": "hi" }),
        AuthorKind::Customer,
    );
    let ends_after = |looks: usize| {
        let left = AtomicUsize::new(looks);
        let is_over = || {
            let step = |left: usize| left.checked_sub(1);
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).is_err()
        };
        let mut simulator = Simulator::new([&bot], noon());
        simulator.patience = Some(Patience(&is_over));
        simulator.happens(&hello);
        let lines =
            simulator.told().into_iter().map(|told| format!("{}: {}", told.behavior, told.what));
        lines.collect::<Vec<_>>().join("\n")
    };
    // In a turn, and before a behavior is looked at.
    insta::assert_snapshot!(ends_after(1), @r#"first: {"stopped":{"reason":"step_limit","message":"the simulation took too long, and ended here"}}"#);
    insta::assert_snapshot!(ends_after(2), @r#"
    first: {"emit":{"type":"note.added","data":{"text":"x"}}}
    second: {"stopped":{"reason":"step_limit","message":"the simulation took too long, and ended here"}}
    "#);
    assert!(!ends_after(100).contains("stopped"));
}
