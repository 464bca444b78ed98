//! Forms: fields that are asked one by one, with a result together.

use serde_json::json;

use crate::world::{Story, load, on_message, told};

const DELIVERY: &str = "
- form: Where do we bring it?
  fields:
    name: Your name
    floor: {text: Which floor?, input: {type: choice, of: [Ground, {text: First, value: 1}]}}
    extras: {text: Anything else?, input: {type: checkboxes, of: [Napkins, Cutlery]}, required: false}
    place: {text: And where is that?, input: location}
  into: session.delivery
  on:
    chat.sticker: {do: [{say: Nice.}], then: wait}
  timeout: {after: 5m, do: [{say: Too late.}]}
- say: \"{{ session.delivery.name }}, floor {{ answer.floor }}.\"
";

#[test]
fn a_form_is_asked_field_by_field() {
    let story = Story::of(&on_message(DELIVERY))
        .alice("hi")
        .alice("Alice")
        .alice("cellar")
        .sends("chat.sticker", json!({ "emoji": "🍕" }))
        .presses("First", "1")
        .alice("Cutlery")
        .passes(60)
        .sends("chat.location", json!({ "latitude": 52.5, "longitude": 13.4 }));
    insta::assert_snapshot!(story.told(), @r#"
    Alice: hi
      bot: Where do we bring it?
      bot: Your name
      timer in 300 s
      (waits for an answer)
    Alice: Alice
      cancel timer
      bot: Which floor? [Ground | First = 1]
      timer in 300 s
      (waits for an answer)
    Alice: cellar
      bot: Please choose one of these: Ground, First. [Ground | First = 1]
      (waits for an answer)
    Alice sends chat.sticker {"emoji":"🍕"}
      bot: Nice.
      timer in 300 s
      (waits for an answer)
    Alice presses "First" = "1"
      cancel timer
      bot: Anything else?
    (- leaves it out)
        wants {"kind":"checkboxes","choices":[{"text":"Napkins","value":"Napkins"},{"text":"Cutlery","value":"Cutlery"}],"min":1,"max":2}
      timer in 300 s
      (waits for an answer)
    Alice: Cutlery
      cancel timer
      bot: And where is that?
        wants {"kind":"location"}
      timer in 300 s
      (waits for an answer)
    ... 60 s later
    Alice sends chat.location {"latitude":52.5,"longitude":13.4}
      cancel timer
      filled {"kind":"form","form_id":"main","fields":[{"type":"text","label":"Your name","answer":"Alice","id":"name"},{"type":"choice","label":"Which floor?","answer":{"id":"1","label":"First"},"id":"floor"},{"type":"checkboxes","label":"Anything else?","answers":[{"id":"Cutlery","label":"Cutlery"}],"id":"extras"},{"type":"location","label":"And where is that?","answer":"52.5, 13.4","id":"place"}]}
      bot: Alice, floor 1.
      session = {"delivery":{"name":"Alice","floor":"1","extras":["Cutlery"],"place":{"latitude":52.5,"longitude":13.4}}}
      (done)
    "#);
    insta::assert_snapshot!(Story::of(&on_message(DELIVERY)).alice("hi").alice("Alice").alice("Ground").alice("-").alice("1, 2").told(), @r#"
    Alice: hi
      bot: Where do we bring it?
      bot: Your name
      timer in 300 s
      (waits for an answer)
    Alice: Alice
      cancel timer
      bot: Which floor? [Ground | First = 1]
      timer in 300 s
      (waits for an answer)
    Alice: Ground
      cancel timer
      bot: Anything else?
    (- leaves it out)
        wants {"kind":"checkboxes","choices":[{"text":"Napkins","value":"Napkins"},{"text":"Cutlery","value":"Cutlery"}],"min":1,"max":2}
      timer in 300 s
      (waits for an answer)
    Alice: -
      cancel timer
      bot: And where is that?
        wants {"kind":"location"}
      timer in 300 s
      (waits for an answer)
    Alice: 1, 2
      cancel timer
      filled {"kind":"form","form_id":"main","fields":[{"type":"text","label":"Your name","answer":"Alice","id":"name"},{"type":"choice","label":"Which floor?","answer":{"id":"Ground","label":"Ground"},"id":"floor"},{"type":"checkboxes","label":"Anything else?","answer":null,"id":"extras"},{"type":"location","label":"And where is that?","answer":"1.0, 2.0","id":"place"}]}
      bot: Alice, floor Ground.
      session = {"delivery":{"name":"Alice","floor":"Ground","extras":null,"place":{"latitude":1.0,"longitude":2.0}}}
      (done)
    "#);
}

#[test]
fn a_form_that_is_left_begins_anew() {
    let twice = "
- repeat:
    times: 2
    do:
      - form: Two things.
        fields: {a: A?, b: {text: B?, input: {type: slider, max: 3}}}
        into: vars.x
        attempts: 1
        give_up: {do: [{say: Then not.}], then: go_on}
";
    insta::assert_snapshot!(Story::of(&on_message(twice)).alice("hi").alice("x").alice("9").alice("y").alice("2").told(), @r#"
    Alice: hi
      bot: Two things.
      bot: A?
      (waits for an answer)
    Alice: x
      bot: B?
        wants {"kind":"slider","min":0,"max":3,"step":1}
      (waits for an answer)
    Alice: 9
      bot: Then not.
      bot: Two things.
      bot: A?
      (waits for an answer)
    Alice: y
      bot: B?
        wants {"kind":"slider","min":0,"max":3,"step":1}
      (waits for an answer)
    Alice: 2
      filled {"kind":"form","form_id":"main","fields":[{"type":"text","label":"A?","answer":"y","id":"a"},{"type":"slider","label":"B?","answer":2,"id":"b"}]}
      (done)
    "#);
    let late = Story::of(&on_message(DELIVERY)).alice("hi").alice("Alice").later(300);
    insta::assert_snapshot!(late.told(), @"
    Alice: hi
      bot: Where do we bring it?
      bot: Your name
      timer in 300 s
      (waits for an answer)
    Alice: Alice
      cancel timer
      bot: Which floor? [Ground | First = 1]
      timer in 300 s
      (waits for an answer)
    ... 300 s later
      bot: Too late.
      (done)
    ");
}

#[test]
fn a_question_that_is_a_form_by_itself_tells_of_its_answer() {
    let bot = on_message(
        "
- ask: {text: How hungry?, input: {type: slider, max: 10}, into: vars.x}
- ask: {text: From when to when?, input: {type: calendar, range: true}}
- ask: {text: When?, input: {type: appointment, of: [2026-11-24T18:00]}}
",
    );
    let told =
        Story::of(&bot).alice("hi").alice("7").alice("2026-11-21 2026-11-22").alice("1").told();
    let filled: Vec<&str> = told.lines().filter(|line| line.contains("filled")).collect();
    insta::assert_snapshot!(filled.join("\n"), @r#"
    filled {"kind":"slider","fields":[{"type":"slider","label":"How hungry?","answer":7}]}
    filled {"kind":"calendar","fields":[{"type":"calendar","label":"From when to when?","answer":"2026-11-21 to 2026-11-22"}]}
    filled {"kind":"appointment_booking","fields":[{"type":"appointment","label":"When?","answer":{"id":"2026-11-24T18:00:00Z","label":"2026-11-24 18:00"}}]}
    "#);
}

#[test]
fn a_wrong_form_is_told_where_it_stands() {
    let wrong = on_message(
        "
- form: x
- form: x
  fields: {}
- form: x
  fields: [a]
- form: {titel: x, fields: {a: b}}
- form: x
  fields: {a: {text: b, inptu: number}, b: {input: email}}
- form: x
  fields: {a: b, c: d}
  on: {chat.stiker: [{say: x}]}
- form: x
  fields: {a: b}
  timeout: {after: 1m, default: 1}
",
    );
    insta::assert_snapshot!(told(&load(&wrong).expect_err("a bot that is wrong")), @r#"
    bot.yaml:6:9: error[missing_key]: `form` needs the key `fields`
    bot.yaml:8:17: error[wrong_count]: a form has 1 to 50 fields
    bot.yaml:10:17: error[wrong_kind]: `fields` is a mapping of names to questions, not a list
    bot.yaml:11:9: error[missing_key]: `form` needs the key `title`
    bot.yaml:11:16: error[unknown_key]: `form` has no key "titel"; it knows title, fields, into, on, modal, retry, attempts, timeout, give_up (did you mean "title"?)
    bot.yaml:13:31: error[unknown_key]: a field has no key "inptu"; it knows text, buttons, image, input, validate, retry, attempts, required (did you mean "input"?)
    bot.yaml:13:47: error[missing_key]: a field needs the key `text`
    bot.yaml:16:14: error[unknown_event]: there is no event type or alias "chat.stiker", and it is not no_match
    bot.yaml:19:18: error[default_of_form]: a form has no `default`: each field is another question
    "#);
}

#[test]
fn what_holds_for_all_fields_is_read_once() {
    // Forms in forms, each with many fields: what is kept grows with the text, and does not multiply.
    let mut steps = "[{say: x}]".to_owned();
    for _ in 0..12 {
        let fields: Vec<String> = (0..50).map(|place| format!("f{place}: b")).collect();
        steps =
            format!("[{{form: x, fields: {{{}}}, give_up: {{do: {steps}}}}}]", fields.join(", "));
    }
    let story =
        Story::of(&format!("behaviors:\n  - {{name: main, on: chat.message, do: {steps}}}\n"));
    insta::assert_snapshot!(story.alice("hi").told(), @"
    Alice: hi
      bot: x
      bot: b
      (waits for an answer)
    ");
}

const BOOKING: &str = "
- form: A table for you.
  fields:
    name: Your name
    seats: {text: How many?, input: {type: number, min: 1, max: 8}}
    place: {text: Where?, input: {type: choice, of: [Inside, {text: Outside, value: garden}]}}
    extras: {text: Anything else?, input: {type: checkboxes, of: [High chair, Candle, Dog]}, required: false}
    menu: {text: The menu that you like, input: {type: file, accept: [pdf]}, required: false}
  into: session.table
  timeout: {after: 5m, do: [{say: Too late.}]}
- say: \"{{ answer.name }}, {{ answer.seats }}, {{ answer.place }}, {{ answer.extras }}.\"
";

/// What the page sends, of the form that was shown.
fn filled(fields: &serde_json::Value) -> serde_json::Value {
    json!({ "kind": "form", "form_id": "bot:main:0000000000000007", "fields": fields })
}

#[test]
fn a_form_is_shown_whole_where_the_channel_can() {
    let all = json!([
        { "id": "name", "type": "question", "label": "Your name", "answer": " Alice " },
        { "id": "seats", "type": "question", "label": "How many?", "answer": "4" },
        { "id": "place", "type": "radio", "label": "Where?", "answer": { "id": "garden", "label": "Outside" } },
        { "id": "extras", "type": "checkbox", "label": "Anything else?",
          "answers": [{ "id": "Dog", "label": "Dog" }, { "id": "High chair", "label": "High chair" }] },
        { "id": "menu", "type": "file", "label": "The menu", "answer": "m.pdf",
          "files": [{ "url": "/files/1", "name": "m.pdf", "content_type": "application/pdf", "media": "document" }] },
    ]);
    let story = Story::of(&on_message(BOOKING)).on_the_web().alice("hi");
    insta::assert_snapshot!(story.sends("chat.form_filled", filled(&all)).told(), @r#"
    Alice: hi
      form {"kind":"form","form_id":"bot:main:0000000000000007","title":"A table for you.","fields":[{"id":"name","type":"text","label":"Your name","required":true,"input":{"kind":"text"}},{"id":"seats","type":"number","label":"How many?","required":true,"input":{"kind":"number","min":1,"max":8}},{"id":"place","type":"choice","label":"Where?","required":true,"input":{"kind":"choice","choices":[{"text":"Inside","value":"Inside"},{"text":"Outside","value":"garden"}]},"options":[{"id":"Inside","label":"Inside"},{"id":"garden","label":"Outside"}]},{"id":"extras","type":"checkboxes","label":"Anything else?","required":false,"input":{"kind":"checkboxes","choices":[{"text":"High chair","value":"High chair"},{"text":"Candle","value":"Candle"},{"text":"Dog","value":"Dog"}],"min":1,"max":3},"options":[{"id":"High chair","label":"High chair"},{"id":"Candle","label":"Candle"},{"id":"Dog","label":"Dog"}]},{"id":"menu","type":"file","label":"The menu that you like","required":false,"input":{"kind":"file","accept":["pdf"],"count_max":1}}]}
      timer in 300 s
      (waits for an answer)
    Alice sends chat.form_filled {"kind":"form","form_id":"bot:main:0000000000000007","fields":[{"id":"name","type":"question","label":"Your name","answer":" Alice "},{"id":"seats","type":"question","label":"How many?","answer":"4"},{"id":"place","type":"radio","label":"Where?","answer":{"id":"garden","label":"Outside"}},{"id":"extras","type":"checkbox","label":"Anything else?","answers":[{"id":"Dog","label":"Dog"},{"id":"High chair","label":"High chair"}]},{"id":"menu","type":"file","label":"The menu","answer":"m.pdf","files":[{"url":"/files/1","name":"m.pdf","content_type":"application/pdf","media":"document"}]}]}
      cancel timer
      bot: Alice, 4, garden, ["High chair","Dog"].
      session = {"table":{"name":"Alice","seats":4,"place":"garden","extras":["High chair","Dog"],"menu":{"url":"/files/1","name":"m.pdf","content_type":"application/pdf","media":"document"}}}
      (done)
    "#);
}

#[test]
fn what_a_filled_form_left_open_is_asked() {
    let some = json!([
        { "id": "seats", "type": "question", "label": "How many?", "answer": "40" },
        { "id": "place", "type": "radio", "label": "Where?", "answers": [{ "id": "garden", "label": "Outside" }] },
        { "id": "menu", "type": "file", "label": "The menu",
          "files": [{ "url": "/files/1", "name": "m.png", "content_type": "image/png", "media": "image" }] },
    ]);
    let story = Story::of(&on_message(BOOKING))
        .on_the_web()
        .alice("hi")
        .sends("chat.form_filled", filled(&some))
        .alice("Alice")
        .alice("4")
        .alice("-");
    insta::assert_snapshot!(story.told(), @r#"
    Alice: hi
      form {"kind":"form","form_id":"bot:main:0000000000000007","title":"A table for you.","fields":[{"id":"name","type":"text","label":"Your name","required":true,"input":{"kind":"text"}},{"id":"seats","type":"number","label":"How many?","required":true,"input":{"kind":"number","min":1,"max":8}},{"id":"place","type":"choice","label":"Where?","required":true,"input":{"kind":"choice","choices":[{"text":"Inside","value":"Inside"},{"text":"Outside","value":"garden"}]},"options":[{"id":"Inside","label":"Inside"},{"id":"garden","label":"Outside"}]},{"id":"extras","type":"checkboxes","label":"Anything else?","required":false,"input":{"kind":"checkboxes","choices":[{"text":"High chair","value":"High chair"},{"text":"Candle","value":"Candle"},{"text":"Dog","value":"Dog"}],"min":1,"max":3},"options":[{"id":"High chair","label":"High chair"},{"id":"Candle","label":"Candle"},{"id":"Dog","label":"Dog"}]},{"id":"menu","type":"file","label":"The menu that you like","required":false,"input":{"kind":"file","accept":["pdf"],"count_max":1}}]}
      timer in 300 s
      (waits for an answer)
    Alice sends chat.form_filled {"kind":"form","form_id":"bot:main:0000000000000007","fields":[{"id":"seats","type":"question","label":"How many?","answer":"40"},{"id":"place","type":"radio","label":"Where?","answers":[{"id":"garden","label":"Outside"}]},{"id":"menu","type":"file","label":"The menu","files":[{"url":"/files/1","name":"m.png","content_type":"image/png","media":"image"}]}]}
      cancel timer
      bot: How many? – Please answer with a number from 1 to 8.
    The menu that you like – Please send a file (pdf).
      bot: Your name
      timer in 300 s
      (waits for an answer)
    Alice: Alice
      cancel timer
      bot: How many?
        wants {"kind":"number","min":1,"max":8}
      timer in 300 s
      (waits for an answer)
    Alice: 4
      cancel timer
      bot: The menu that you like
    (- leaves it out)
        wants {"kind":"file","accept":["pdf"],"count_max":1}
      timer in 300 s
      (waits for an answer)
    Alice: -
      cancel timer
      filled {"kind":"form","form_id":"main","fields":[{"type":"text","label":"Your name","answer":"Alice","id":"name"},{"type":"number","label":"How many?","answer":4,"id":"seats"},{"type":"choice","label":"Where?","answer":{"id":"garden","label":"Outside"},"id":"place"},{"type":"checkboxes","label":"Anything else?","answer":null,"id":"extras"},{"type":"file","label":"The menu that you like","answer":null,"id":"menu"}]}
      bot: Alice, 4, garden, .
      session = {"table":{"name":"Alice","seats":4,"place":"garden","extras":null,"menu":null}}
      (done)
    "#);
}

#[test]
fn who_writes_instead_of_filling_in_is_asked_one_by_one_and_may_fill_in_yet() {
    let late = json!([
        { "id": "name", "type": "question", "label": "Your name", "answer": "Alice Arnold" },
        { "id": "seats", "type": "question", "label": "How many?", "answer": "2" },
        { "id": "place", "type": "radio", "label": "Where?", "answer": { "id": "Inside", "label": "Inside" } },
    ]);
    let other = json!({ "kind": "form", "form_id": "bot:main:0", "fields": late });
    let story = Story::of(&on_message(BOOKING))
        .on_the_web()
        .alice("hi")
        .alice("Alice")
        .sends("chat.form_filled", other)
        .sends("chat.form_filled", filled(&late));
    insta::assert_snapshot!(story.told(), @r#"
    Alice: hi
      form {"kind":"form","form_id":"bot:main:0000000000000007","title":"A table for you.","fields":[{"id":"name","type":"text","label":"Your name","required":true,"input":{"kind":"text"}},{"id":"seats","type":"number","label":"How many?","required":true,"input":{"kind":"number","min":1,"max":8}},{"id":"place","type":"choice","label":"Where?","required":true,"input":{"kind":"choice","choices":[{"text":"Inside","value":"Inside"},{"text":"Outside","value":"garden"}]},"options":[{"id":"Inside","label":"Inside"},{"id":"garden","label":"Outside"}]},{"id":"extras","type":"checkboxes","label":"Anything else?","required":false,"input":{"kind":"checkboxes","choices":[{"text":"High chair","value":"High chair"},{"text":"Candle","value":"Candle"},{"text":"Dog","value":"Dog"}],"min":1,"max":3},"options":[{"id":"High chair","label":"High chair"},{"id":"Candle","label":"Candle"},{"id":"Dog","label":"Dog"}]},{"id":"menu","type":"file","label":"The menu that you like","required":false,"input":{"kind":"file","accept":["pdf"],"count_max":1}}]}
      timer in 300 s
      (waits for an answer)
    Alice: Alice
      cancel timer
      bot: How many?
        wants {"kind":"number","min":1,"max":8}
      timer in 300 s
      (waits for an answer)
    Alice sends chat.form_filled {"kind":"form","form_id":"bot:main:0","fields":[{"id":"name","type":"question","label":"Your name","answer":"Alice Arnold"},{"id":"seats","type":"question","label":"How many?","answer":"2"},{"id":"place","type":"radio","label":"Where?","answer":{"id":"Inside","label":"Inside"}}]}
      (nobody reacts)
    Alice sends chat.form_filled {"kind":"form","form_id":"bot:main:0000000000000007","fields":[{"id":"name","type":"question","label":"Your name","answer":"Alice Arnold"},{"id":"seats","type":"question","label":"How many?","answer":"2"},{"id":"place","type":"radio","label":"Where?","answer":{"id":"Inside","label":"Inside"}}]}
      cancel timer
      filled {"kind":"form","form_id":"main","fields":[{"type":"text","label":"Your name","answer":"Alice Arnold","id":"name"},{"type":"number","label":"How many?","answer":2,"id":"seats"},{"type":"choice","label":"Where?","answer":{"id":"Inside","label":"Inside"},"id":"place"},{"type":"checkboxes","label":"Anything else?","answer":null,"id":"extras"},{"type":"file","label":"The menu that you like","answer":null,"id":"menu"}]}
      bot: Alice Arnold, 2, Inside, .
      session = {"table":{"name":"Alice Arnold","seats":2,"place":"Inside","extras":null,"menu":null}}
      (done)
    "#);
}

#[test]
fn a_form_is_not_shown_whole_where_a_field_cannot_be_filled_in_or_tells_of_the_one_before() {
    for field in [
        "{text: Where?, input: location}",
        "{text: Which?, image: 'https://example.org/a.png'}",
        "{text: Which?, buttons: [A, B]}",
        "'Hello {{ answer }}, where?'",
    ] {
        let form = format!("- form: Two.\n  fields:\n    name: Your name\n    b: {field}\n");
        let story = Story::of(&on_message(&form)).on_the_web().alice("hi");
        assert!(story.told().contains("bot: Your name\n"), "{field}: {}", story.told());
    }
    insta::assert_snapshot!(Story::of(&on_message("- form: {title: One., fields: {a: A?}}")).on_the_web().alice("hi").told(), @r#"
    Alice: hi
      form {"kind":"form","form_id":"bot:main:0000000000000007","title":"One.","fields":[{"id":"a","type":"text","label":"A?","required":true,"input":{"kind":"text"}}]}
      (waits for an answer)
    "#);
}
