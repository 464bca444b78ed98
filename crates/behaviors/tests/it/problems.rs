//! What is wrong with a text is said with its place, and with the name that was meant.

use tidings_behaviors::Bot;

use crate::world::{Words, load, on_message, source, told};

fn problems(text: &str) -> String {
    match load(text) {
        Ok((_, warnings)) => told(&warnings),
        Err(problems) => told(&problems),
    }
}

#[test]
fn names_that_are_wrong_are_told_with_the_right_ones() {
    let text = r#"
bot: pizeria
behaviours: []
behaviors:
  - name: main
    on: [chat.massage, message, chat.message]
    from: [costumer]
    wen: "true"
    when: event.txt == 'x' and sesion.size
    priority: high
    do:
      - sya: Hello
      - say: "Hi {{ evnt.text }}"
        bottons: [a]
      - ask: "{{ event.texd }}?"
        validate: numbre
        into: sesion.size
        timeout: {after: soon}
      - call: mian
      - http: {url: x}
      - say: a
        note: b
      - emit: {type: order.place}
      - set: {chat.status: closed, vars: 1}
      - repeat: {for: item, in: session.items, do: [{say: "{{ itme }} {{ item }}"}]}
      - choose: [{wehn: "true", do: []}]
      - hand_over: everyone
"#;
    insta::assert_snapshot!(problems(text), @r#"
    bot.yaml:2:6: error[wrong_bot]: this says it is the bot "pizeria", and lies in the folder of "pizzeria" (did you mean "pizzeria"?)
    bot.yaml:3:1: error[unknown_key]: a bot's file has no key "behaviours"; it knows bot, owner, intents, behaviors (did you mean "behaviors"?)
    bot.yaml:6:10: error[unknown_event]: there is no event type or alias "chat.massage"
    bot.yaml:6:24: error[unknown_event]: there is no event type or alias "message" (did you mean "chat.message"?)
    bot.yaml:7:12: error[unknown_author]: "costumer" is no kind of author; there are customer, agent, bot, integration, system (did you mean "customer"?)
    bot.yaml:8:5: error[unknown_key]: a behavior has no key "wen"; it knows name, status, public, on, schedule, when, from, priority, aside, inputs, result, do (did you mean "when"?)
    bot.yaml:9:11: error[unknown_field]: chat.message has no field "txt"; it has format, reply_to, text (did you mean "text"?)
    bot.yaml:9:32: error[unknown_name]: there is no "sesion" here; a template knows event, meta, chat, customer, session, client, vars, answer, now (did you mean "session"?)
    bot.yaml:10:15: error[wrong_kind]: `priority` is a whole number, not a text
    bot.yaml:12:9: error[unknown_step]: there is no step "sya"; there are say, ask, form, choose, repeat, set, wait, label, note, emit, close, hand_over, give_back, call, http, mail, create, update, delete, find, script, classify, notify, assign, move, change, refuse, answer, stop (did you mean "say"?)
    bot.yaml:13:21: error[unknown_name]: there is no "evnt" here; a template knows event, meta, chat, customer, session, client, vars, answer, now (did you mean "event"?)
    bot.yaml:14:9: error[unknown_key]: `say` has no key "bottons" beside it (did you mean "buttons"?)
    bot.yaml:15:18: error[unknown_field]: chat.message has no field "texd"; it has format, reply_to, text (did you mean "text"?)
    bot.yaml:16:19: error[unknown_check]: there is no check "numbre"; write text, number, email, phone, date, buttons, or a condition on `answer` (did you mean "number"?)
    bot.yaml:17:15: error[wrong_target]: "sesion.size" is no place for a value: write session.x, client.x, chat.x or vars.x
    bot.yaml:18:26: error[wrong_duration]: "soon" is no length of time: write 30s, 10m, 2h or 3 days
    bot.yaml:19:15: error[unknown_behavior]: this bot has no behavior "mian" (did you mean "main"?)
    bot.yaml:22:9: error[two_steps]: `note` is another step: begin a new line with `- `
    bot.yaml:23:22: error[unknown_event]: there is no event type or alias "order.place" (did you mean "order.placed"?)
    bot.yaml:24:15: error[wrong_target]: "chat.status" cannot be set: a chat's variable has one name, and not that of a field
    bot.yaml:24:36: error[wrong_target]: "vars" is no place for a value: names of letters, digits and _, joined by dots
    bot.yaml:25:63: error[unknown_name]: there is no "itme" here; a template knows event, meta, chat, customer, session, client, vars, answer, now (did you mean "item"?)
    bot.yaml:26:18: error[missing_key]: a branch of `choose` needs the key `when`
    bot.yaml:26:19: error[unknown_key]: a branch of `choose` has no key "wehn"; it knows when, do (did you mean "when"?)
    bot.yaml:26:37: error[no_steps]: a list of steps has at least one
    bot.yaml:27:20: error[wrong_kind]: `hand_over` is anyone, {group: ...} or {agent: ...} (did you mean "anyone"?)
    "#);
}

#[test]
fn inputs_conditions_and_states_that_are_wrong_are_told() {
    let text = r#"
behaviors:
  - name: main
    status: simulater
    on: chat.message
    when: {any: [event.txt == 'x', {all: event.text, some: 1}], not: a}
    do:
      - call: price
        with: {size: XL, count: three, toping: ham}
      - call: price
        with: {count: 2}
      - call: sleeps
      - choose: [{when: {any: []}, do: [{say: a}]}, {when: {not: {not: {not: {not: {not: {not: {not: {not: vars.x}}}}}}}}, do: [{say: a}]}]
  - name: price
    inputs:
      size: {type: choice, of: [S, L]}
      count: {type: numbr, default: 1}
      day: {type: date, default: soon}
      time: {type: time, default: "{{ now }}"}
      list: {type: list, of: [1]}
      what: choice
      a b: text
    result: {type: choice, off: [1]}
    do: [{set: {vars.result: 1}}]
  - name: sleeps
    status: off
    do: [stop]
"#;
    insta::assert_snapshot!(problems(text), @r#"
    bot.yaml:4:13: error[unknown_status]: `status` is live, simulator, off, not "simulater" (did you mean "simulator"?)
    bot.yaml:6:11: error[wrong_kind]: `when` is an expression, or one of `all`, `any`, `not`
    bot.yaml:9:22: error[wrong_input]: "price" takes as "size" one of "S", "L"
    bot.yaml:10:9: error[missing_input]: "price" needs the input "size" in `with`
    bot.yaml:12:15: warning[call_of_off]: "sleeps" is off, so this call does nothing
    bot.yaml:13:31: error[wrong_kind]: a list of conditions has 1 to 100
    bot.yaml:13:108: error[too_deep]: `when` nests deeper than 8
    bot.yaml:17:21: error[unknown_kind]: there is no kind of value "numbr"; there are any, text, number, boolean, date, time, record, list, mapping, choice (did you mean "number"?)
    bot.yaml:18:34: error[wrong_default]: `default` is a day, as 2026-11-21
    bot.yaml:19:35: error[wrong_default]: `default` is a value as it stands, without templates
    bot.yaml:20:30: error[unknown_key]: only a choice has `of`
    bot.yaml:21:13: error[missing_key]: a choice needs its values: `{type: choice, of: [S, L]}`
    bot.yaml:22:7: error[wrong_target]: "vars.a b" is no place for a value: names of letters, digits and _, joined by dots
    bot.yaml:23:20: error[missing_key]: a choice needs its values: `{type: choice, of: [S, L]}`
    bot.yaml:23:28: error[unknown_key]: a kind of value has no key "off"; it knows type, of (did you mean "of"?)
    "#);
}

#[test]
fn an_answer_is_for_who_asks_and_has_its_fields() {
    let text = r#"
behaviors:
  - name: check
    on: payment.precheckout
    do:
      - answer: {ok: true}
      - answer: {okay: false, error_message: Sold out.}
      - answer: "{{ session.decided }}"
  - name: greet
    on: [chat.message, payment.precheckout]
    do: [{answer: {ok: true}}]
"#;
    insta::assert_snapshot!(problems(text), @r#"
    bot.yaml:7:9: error[missing_field]: an answer to payment.precheckout needs the field `ok`
    bot.yaml:7:18: error[unknown_field]: an answer to payment.precheckout has no field "okay"; it has ok, error_message
    bot.yaml:11:11: error[nobody_asks]: nobody waits for an answer to chat.message
    "#);
}

#[test]
fn a_template_is_blamed_at_its_line() {
    let text = on_message(
        r#"
- say: |
    Hello {{ customer.name }},
    your {{ oder }} is
    {{ session.size | }}
- say: "one {{ two three }}"
- say: 'fine'
- choose:
    - when: "{{ session.x }}"
      do: [{say: x}]
    - when: session.x ==
      do: [{say: x}]
    - when: a) %}{{ b }}{% set c = (d
      do: [{say: x}]
- say: "{% include 'secrets' %}"
- say: |
    {% for x in [1] %}
    {{ x.y }} {{ loop.index }} {{ event.text }}
    {{ event.tet }}
    {% endfor %}
"#,
    );
    insta::assert_snapshot!(problems(&text), @r#"
    bot.yaml:9:11: error[bad_template]: syntax error: unexpected end of variable block, expected identifier
    bot.yaml:10:15: error[bad_template]: syntax error: unexpected identifier, expected end of variable block
    bot.yaml:13:19: error[no_braces]: `when` is an expression already: write it without {{ }}
    bot.yaml:15:19: error[bad_template]: syntax error: unexpected `)`
    bot.yaml:17:20: error[bad_template]: a bracket was not opened
    bot.yaml:19:18: error[bad_template]: `{% include %}` is not available in a template
    bot.yaml:23:14: error[unknown_field]: chat.message has no field "tet"; it has format, reply_to, text (did you mean "text"?)
    "#);
}

#[test]
fn files_of_one_bot_belong_together() {
    let greet = "behaviors:\n  - {name: greet, on: chat.started, do: [{call: ask name}]}\n";
    let name = "bot: pizzeria\nintents: {order: [I want a pizza]}\nbehaviors:\n  - {name: ask name, do: [{ask: Who?}]}\n";
    let (bot, warnings) =
        Bot::load(&source(&[("b.yaml", name), ("a.yaml", greet), ("c.yaml", "")]), &Words)
            .expect("a bot");
    assert_eq!(warnings, []);
    assert_eq!(
        bot.behaviors().iter().map(|behavior| behavior.name.as_str()).collect::<Vec<_>>(),
        ["greet", "ask name"]
    );
    assert_eq!(bot.intents.len(), 1);

    let twice = Bot::load(&source(&[("a.yaml", name), ("b.yaml", name)]), &Words)
        .expect_err("two of a name");
    insta::assert_snapshot!(told(&twice), @r#"
    b.yaml:2:11: error[duplicate_name]: there are two intents "order"
    b.yaml:4:12: error[duplicate_name]: there are two behaviors "ask name"
    "#);
}

#[test]
fn what_runs_but_should_be_looked_at_is_a_warning() {
    let text = r#"
behaviors:
  - name: a
    on: payment.precheckout
    do:
      - hand_over: anyone
      - say: I am still here
  - name: b
    when: "true"
    do:
      - stop
      - say: never
"#;
    insta::assert_snapshot!(problems(text), @r#"
    bot.yaml:7:9: warning[said_after_hand_over]: the chat was handed over above, so this will not be said: put it into the `say` of `hand_over`
    bot.yaml:9:11: warning[when_without_on]: a behavior without `on` is only called, and `call` does not ask `when`
    bot.yaml:11:9: warning[unreachable]: the steps behind `stop` are never taken
    "#);
    insta::assert_snapshot!(problems("behaviors: []"), @"bot.yaml:1:1: warning[no_behaviors]: this bot has no behaviors, so it does nothing");
}

#[test]
fn shapes_that_are_wrong_are_told() {
    let cases = [
        "- a\n- b\n",
        "behaviors: {a: b}\n",
        "behaviors: [a, {name: x}, {do: []}, {name: y, do: {say: x}}]\n",
        "a: *b\n",
        "a: [\n",
        &on_message(
            "- []\n- {}\n- 5\n- say:\n- say: []\n- ask: {buttons: [a]}\n- set: 3\n- repeat: {times: 1}\n- wait: 400 days",
        ),
        &on_message(
            "- ask: x\n  attempts: 99\n- give_back: now\n- label: {}\n- call: {behavior: main, with: {x: 1}}",
        ),
        &on_message(
            "- ask: x\n  validate: buttons\n- ask: y\n  give_up: {then: goon}\n- say: x\n  buttons: y",
        ),
    ];
    insta::assert_snapshot!(cases.map(problems).join("\n--\n"), @r#"
    bot.yaml:1:1: error[wrong_kind]: a bot's file is a mapping (bot, owner, intents, behaviors), not a list
    --
    bot.yaml:1:12: error[wrong_kind]: `behaviors` is a list, not a mapping
    --
    bot.yaml:1:13: error[wrong_kind]: a behavior is a mapping (name, status, public, on, schedule, when, from, priority, aside, inputs, result, do), not a text
    bot.yaml:1:16: error[missing_key]: a behavior needs the key `do`
    bot.yaml:1:27: error[missing_key]: a behavior needs the key `name`
    bot.yaml:1:32: error[no_steps]: a list of steps has at least one
    bot.yaml:1:51: error[wrong_kind]: steps are a list (each begins with `- `), not a mapping
    --
    bot.yaml:1:4: error[not_yaml]: this is not YAML: while parsing node, found unknown anchor
    --
    bot.yaml:2:1: error[not_yaml]: this is not YAML: while parsing a node, did not find expected node content
    --
    bot.yaml:5:9: error[wrong_kind]: a step is a mapping, as `say: Hello`, not a list
    bot.yaml:6:9: error[unknown_step]: this step is empty
    bot.yaml:7:9: error[unknown_step]: there is no step "5"; there are say, ask, form, choose, repeat, set, wait, label, note, emit, close, hand_over, give_back, call, http, mail, create, update, delete, find, script, classify, notify, assign, move, change, refuse, answer, stop
    bot.yaml:8:12: error[wrong_kind]: what is said is a text, not nothing
    bot.yaml:9:14: error[wrong_kind]: what is said is a text, not a list
    bot.yaml:10:9: error[missing_key]: `ask` needs the key `text`
    bot.yaml:11:14: error[wrong_kind]: `set` is a mapping, as `session.size: L`, not a number
    bot.yaml:12:17: error[missing_key]: `repeat` needs the key `do`
    bot.yaml:13:15: error[wrong_duration]: "400 days" is not more than nothing and at most 366 days
    --
    bot.yaml:6:19: error[wrong_kind]: `attempts` is a number from 1 to 10
    bot.yaml:7:20: error[wrong_kind]: `give_back` needs nothing behind it
    bot.yaml:8:9: error[missing_key]: `label` needs a label
    bot.yaml:9:39: error[unknown_input]: "main" has no input "x": name it in its `inputs`
    --
    bot.yaml:6:19: error[missing_key]: `validate: buttons` needs `buttons`
    bot.yaml:8:18: error[missing_key]: `give_up` needs the key `do`
    bot.yaml:10:18: error[wrong_kind]: `buttons` is a list, or one {{ expression }} that gives a list
    "#);
}

/// The benchmark's largest bot is one of these.
#[test]
fn a_bot_may_be_large() {
    let mut text = String::from("behaviors:\n");
    for number in 0..10_000 {
        text.push_str(&format!(
            "  - {{name: b{number}, on: chat.sticker, do: [{{say: '{{{{ event.emoji }}}}'}}]}}\n"
        ));
    }
    let (bot, warnings) =
        load(&text).map_err(|problems| told(&problems)).expect("a bot that loads");
    assert_eq!((bot.behaviors().len(), warnings.len()), (10_000, 0));
}

#[test]
fn owners_and_calls_of_other_bots_are_read_with_care() {
    let text = r#"
owner: {grup: drivers}
behaviors:
  - name: main
    public: perhaps
    on: chat.message
    do:
      - call: other
        timeout: 5s
      - call: bakery/
      - call: bakery/price
        with: [1]
  - name: other
    do: [stop]
"#;
    insta::assert_snapshot!(problems(text), @r#"
    bot.yaml:2:9: error[unknown_key]: `owner` has no key "grup"; it knows group, role, agent (did you mean "group"?)
    bot.yaml:5:13: error[wrong_kind]: `public` is true or false
    bot.yaml:9:18: error[not_of_others]: `timeout` is for calls of other bots, as `call: bakery/price`
    bot.yaml:10:15: error[wrong_value]: "bakery/" names no behavior of a bot, as bakery/price
    bot.yaml:12:15: error[wrong_kind]: `with` is a mapping of inputs to values, not a list
    "#);
    let ask_before =
        "behaviors:\n  - {name: main, on: message.sending, do: [{call: bakery/price}]}\n";
    insta::assert_snapshot!(problems(ask_before), @r#"bot.yaml:2:45: error[not_while_before]: another bot is not called while message.sending is about to happen"#);
    let called = "behaviors:\n  - {name: main, on: behavior.called, do: [stop]}\n";
    insta::assert_snapshot!(problems(called), @"bot.yaml:2:22: error[not_heard]: other bots call a behavior with `public: true`, and that one alone hears it");
    let two = "owner: {group: a, agent: bob@example.com}\nbehaviors: []\n";
    insta::assert_snapshot!(problems(two), @r#"bot.yaml:1:8: error[wrong_kind]: `owner` is app, or one of group, role and agent"#);
}
