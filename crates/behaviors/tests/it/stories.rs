//! Stories: what Alice and a bot say to each other, and what else comes of it.

use serde_json::json;

use crate::world::{Story, on_message};

#[test]
fn conditions_may_be_lists_and_the_trace_tells_what_they_saw() {
    let bot = on_message(
        r#"
- repeat:
    while: {not: vars.n == 2}
    do: [{set: {vars.n: "{{ vars.n | default(0) + 1 }}"}}]
- choose:
    - when:
        - event.text == 'pizza'
        - any: [customer.language == 'de', {all: [vars.n == 2, "'new' in chat.labels"]}, vars.never]
        - not: {any: [chat.status == 'closed']}
      do: [{say: Yes.}]
- ask: How many?
  validate: {all: [answer | int(0) > 0, answer | int(0) < 9]}
"#,
    );
    let story = Story::of(&bot).alice("pizza").alice("12").alice("3");
    insta::assert_snapshot!(story.told(), @r#"
    Alice: pizza
      bot: Yes.
      bot: How many?
      (waits for an answer)
    Alice: 12
      bot: That does not fit. Please try again.
      (waits for an answer)
    Alice: 3
      (done)
    "#);
    insta::assert_snapshot!(story.trace(), @r#"
    bot.yaml:6 repeat {"while":{"not":"vars.n == 2"},"value":false}
    bot.yaml:8 set {"vars.n":1}
    bot.yaml:6 repeat {"while":{"not":"vars.n == 2"},"value":false}
    bot.yaml:8 set {"vars.n":2}
    bot.yaml:6 repeat {"while":{"not":"vars.n == 2"},"value":true}
    bot.yaml:9 choose {"branch":0,"conditions":[{"when":{"all":["event.text == 'pizza'",{"any":["customer.language == 'de'",{"all":["vars.n == 2","'new' in chat.labels"]},"vars.never"]},{"not":{"any":["chat.status == 'closed'"]}}]},"value":[true,[false,[true,true]],[false]]}]}
    bot.yaml:14 say {"text":"Yes."}
    bot.yaml:15 ask {"text":"How many?"}
    bot.yaml:15 ask {"answer":"12","valid":false,"attempt":1}
    bot.yaml:15 ask {"answer":"3","valid":true}
    "#);
}

/// A call with these values, as YAML.
fn calling(with: &str) -> String {
    format!(
        r#"
behaviors:
  - name: main
    on: chat.message
    do:
      - call: price
        with: {with}
        into: session.price
  - name: price
    inputs:
      size: {{type: choice, of: [S, L]}}
      count: {{type: number, default: 1}}
      day: {{type: date, default: null}}
    result: number
    do:
      - set: {{vars.result: "{{{{ vars.count * 5 if vars.size == 'L' else 'free' }}}}"}}
"#
    )
}

#[test]
fn a_call_gives_values_of_the_kinds_that_are_named() {
    let told = |with: &str| Story::of(&calling(with)).alice("L").told();
    insta::assert_snapshot!(told("{size: \"{{ event.text }}\", count: '3'}"), @r#"
    Alice: L
      session = {"price":15}
      (done)
    "#);
    insta::assert_snapshot!(told("{size: L}"), @r#"
    Alice: L
      session = {"price":5}
      (done)
    "#);
    insta::assert_snapshot!(told("{size: \"{{ event.text }}\", count: \"{{ event.text }}\"}"), @r#"
    Alice: L
      (stopped: WrongValue: bot.yaml:6: "price" takes as "count" a number)
    "#);
    insta::assert_snapshot!(told("{size: \"{{ session.size }}\"}"), @r#"
    Alice: L
      (stopped: WrongValue: bot.yaml:6: "price" takes as "size" one of "S", "L")
    "#);
    insta::assert_snapshot!(told("{size: S}"), @r#"
    Alice: L
      (stopped: WrongValue: bot.yaml:16: what "price" leaves in `vars.result` is to be a number)
    "#);
}

#[test]
fn who_asks_is_answered() {
    let bot = r#"
behaviors:
  - name: check
    on: payment.precheckout
    do:
      - choose:
          - when: event.total_amount < 2000
            do: [{answer: {ok: true}}, {call: tell}, {stop: checked}]
      - answer: {ok: false, error_message: "{{ customer.name }}, {{ event.total_amount }} is too much."}
  - name: tell
    do: [{say: Thank you!}]
"#;
    let pays = |amount: u32| {
        Story::of(bot).event("payment.precheckout", json!({ "total_amount": amount }))
    };
    insta::assert_snapshot!(pays(1450).told(), @r#"
    * payment.precheckout {"total_amount":1450}
      answer to payment.precheckout: {"ok":true}
      bot: Thank you!
      (stopped: Asked: bot.yaml:8: checked)
    "#);
    insta::assert_snapshot!(pays(9000).told(), @r#"
    * payment.precheckout {"total_amount":9000}
      answer to payment.precheckout: {"ok":false,"error_message":"Alice, 9000 is too much."}
      (done)
    "#);
}

#[test]
fn a_behavior_that_is_off_does_nothing() {
    let bot = r#"
behaviors:
  - {name: one, status: off, on: chat.message, do: [{say: one}]}
  - {name: two, status: simulator, on: chat.message, do: [{say: two}]}
  - name: three
    on: chat.message
    priority: -1
    do: [{call: one, into: session.x}, {say: "three {{ session.x }}"}]
"#;
    insta::assert_snapshot!(Story::of(bot).alice("hello").told(), @r#"
    Alice: hello
      bot: three 
      (done)
    "#);
}

#[test]
fn a_question_is_asked_and_its_answer_chosen_by() {
    let bot = on_message(
        r#"
- ask: "Which size, {{ customer.name | default('friend') }}?"
  buttons: [S, M, {text: Large, value: L}]
  into: session.size
- choose:
    - when: session.size == 'L'
      do: [{say: Good choice.}]
    - when: session.size == 'M'
      do: [{say: Fine.}]
  else: [{say: "Coming up: {{ session.size }}."}]
- set: {session.done: true, client.sizes: ["{{ session.size }}"], vars.price: "{{ 3 * 2.5 }}"}
- say: "It is {{ vars.price | number(2) }}, done: {{ session.done }}."
"#,
    );
    let story = Story::of(&bot).alice("pizza").alice(" large ");
    insta::assert_snapshot!(story.told(), @r#"
    Alice: pizza
      bot: Which size, Alice? [S | M | Large = L]
      (waits for an answer)
    Alice:  large 
      bot: Good choice.
      bot: It is 7.50, done: true.
      session = {"size":"L","done":true}
      client = {"sizes":["L"]}
      (done)
    "#);
    insta::assert_snapshot!(story.trace(), @r#"
    bot.yaml:6 ask {"text":"Which size, Alice?","buttons":["S","M","Large"]}
    bot.yaml:6 ask {"answer":"L","valid":true}
    bot.yaml:9 choose {"branch":0,"conditions":[{"when":"session.size == 'L'","value":true}]}
    bot.yaml:11 say {"text":"Good choice."}
    bot.yaml:15 set {"session.done":true,"client.sizes":["L"],"vars.price":7.5}
    bot.yaml:16 say {"text":"It is 7.50, done: true."}
    "#);
    insta::assert_snapshot!(Story::of(&bot).alice("pizza").presses("M", "M").told(), @r#"
    Alice: pizza
      bot: Which size, Alice? [S | M | Large = L]
      (waits for an answer)
    Alice presses "M" = "M"
      bot: Fine.
      bot: It is 7.50, done: true.
      session = {"size":"M","done":true}
      client = {"sizes":["M"]}
      (done)
    "#);
    insta::assert_snapshot!(Story::of(&bot).alice("pizza").alice("family").told(), @r#"
    Alice: pizza
      bot: Which size, Alice? [S | M | Large = L]
      (waits for an answer)
    Alice: family
      bot: Coming up: family.
      bot: It is 7.50, done: true.
      session = {"size":"family","done":true}
      client = {"sizes":["family"]}
      (done)
    "#);
}

#[test]
fn a_wrong_answer_is_asked_again_and_then_given_up() {
    let bot = on_message(
        r#"
- ask: How many?
  validate: number
  retry: "A number, please. {{ answer }} is none."
  into: session.count
- say: "{{ session.count + 1 }}"
"#,
    );
    insta::assert_snapshot!(Story::of(&bot).alice("hi").alice("many").alice("2,5").told(), @r#"
    Alice: hi
      bot: How many?
      (waits for an answer)
    Alice: many
      bot: A number, please. many is none.
      (waits for an answer)
    Alice: 2,5
      bot: 3.5
      session = {"count":2.5}
      (done)
    "#);
    insta::assert_snapshot!(Story::of(&bot).alice("hi").alice("a").alice("b").alice("c").told(), @"
    Alice: hi
      bot: How many?
      (waits for an answer)
    Alice: a
      bot: A number, please. a is none.
      (waits for an answer)
    Alice: b
      bot: A number, please. b is none.
      (waits for an answer)
    Alice: c
      bot: Sorry, I did not understand that. Let us leave it for now.
      (stopped: Asked: bot.yaml:6: no valid answer after 3 attempts)
    ");

    let bot = on_message(
        r#"
- ask: {text: Which?, buttons: [A, B], validate: buttons, attempts: 1, give_up: {do: [{say: Then A.}], then: go_on}}
- say: "Next, {{ answer }}."
"#,
    );
    insta::assert_snapshot!(Story::of(&bot).alice("hi").alice("C").told(), @"
    Alice: hi
      bot: Which? [A | B]
      (waits for an answer)
    Alice: C
      bot: Then A.
      bot: Next, C.
      (done)
    ");

    let bot = on_message(
        r#"
- ask: Your age?
  validate: answer | int(0) >= 18
  give_up:
    do: [{say: Sorry.}]
  attempts: 2
- say: Welcome.
"#,
    );
    insta::assert_snapshot!(Story::of(&bot).alice("hi").alice("17").alice("12").told(), @"
    Alice: hi
      bot: Your age?
      (waits for an answer)
    Alice: 17
      bot: That does not fit. Please try again.
      (waits for an answer)
    Alice: 12
      bot: Sorry.
      (done)
    ");
    insta::assert_snapshot!(Story::of(&bot).alice("hi").alice("18").told(), @"
    Alice: hi
      bot: Your age?
      (waits for an answer)
    Alice: 18
      bot: Welcome.
      (done)
    ");
}

#[test]
fn answers_of_a_kind_are_kept_as_that_kind() {
    let kinds = [
        ("number", "42"),
        ("number", "3,5"),
        ("number", "1e5"),
        ("email", " alice@example.com "),
        ("email", "alice@home"),
        ("phone", "+49 (30) 1234-567"),
        ("phone", "call me"),
        ("date", "21.11.2026"),
        ("date", "2026-02-30"),
        ("text", "  "),
    ];
    let outcomes: Vec<String> = kinds
        .iter()
        .map(|(kind, answer)| {
            let bot = on_message(&format!("- ask: '?'\n  validate: {kind}\n  into: session.x\n"));
            let story = Story::of(&bot).alice("hi").alice(answer);
            let last = story.told().lines().rev().nth(1).unwrap_or_default().trim().to_owned();
            format!("{kind} {answer:?}: {last}")
        })
        .collect();
    insta::assert_snapshot!(outcomes.join("\n"), @r#"
    number "42": session = {"x":42}
    number "3,5": session = {"x":3.5}
    number "1e5": bot: Please answer with a number.
    email " alice@example.com ": session = {"x":"alice@example.com"}
    email "alice@home": bot: Please answer with a mail address.
    phone "+49 (30) 1234-567": session = {"x":"+49301234567"}
    phone "call me": bot: Please answer with a telephone number.
    date "21.11.2026": session = {"x":"2026-11-21"}
    date "2026-02-30": bot: Please answer with a date, as 2026-11-21.
    text "  ": bot: Please answer with a text.
    "#);
}

#[test]
fn nobody_answers() {
    let bot = on_message(
        r#"
- ask: Still there?
  timeout: {after: 10m, do: [{say: Then good-bye.}, {close: nobody answered}]}
- say: Good.
"#,
    );
    insta::assert_snapshot!(Story::of(&bot).alice("hi").later(599).later(1).told(), @"
    Alice: hi
      bot: Still there?
      timer in 600 s
      (waits for an answer)
    ... 599 s later
      timer in 1 s
      (waits for an answer)
    ... 1 s later
      bot: Then good-bye.
      close: nobody answered
      (done)
    ");
    insta::assert_snapshot!(Story::of(&bot).alice("hi").alice("yes").told(), @"
    Alice: hi
      bot: Still there?
      timer in 600 s
      (waits for an answer)
    Alice: yes
      cancel timer
      bot: Good.
      (done)
    ");
    let bot =
        on_message("- ask: '?'\n  timeout: {after: '{{ 2 }}m', then: go_on}\n- say: Going on.\n");
    insta::assert_snapshot!(Story::of(&bot).alice("hi").later(120).told(), @"
    Alice: hi
      bot: ?
      timer in 120 s
      (waits for an answer)
    ... 120 s later
      bot: Going on.
      (done)
    ");
}

#[test]
fn loops_turn_and_wait_inside() {
    let bot = on_message(
        r#"
- repeat:
    for: pizza
    in: ["margherita", "{{ 'fun' ~ 'ghi' }}"]
    do:
      - repeat:
          times: 2
          do:
            - ask: "{{ pizza }}, how?"
              into: vars.how
      - say: "{{ pizza }} {{ vars.how }}"
- set: {vars.n: 0}
- repeat:
    while: vars.n < 3
    do:
      - set: {vars.n: "{{ vars.n + 1 }}"}
      - choose:
          - when: vars.n == 2
            do: [{wait: 30s}]
- repeat: {for: x, in: session.nothing, do: [{say: never}]}
- say: "{{ vars.n }}"
"#,
    );
    let story = Story::of(&bot)
        .alice("go")
        .alice("thin")
        .alice("hot")
        .alice("thick")
        .alice("cold")
        .later(30);
    insta::assert_snapshot!(story.told(), @"
    Alice: go
      bot: margherita, how?
      (waits for an answer)
    Alice: thin
      bot: margherita, how?
      (waits for an answer)
    Alice: hot
      bot: margherita hot
      bot: funghi, how?
      (waits for an answer)
    Alice: thick
      bot: funghi, how?
      (waits for an answer)
    Alice: cold
      bot: funghi cold
      timer in 30 s
      (waits for a time)
    ... 30 s later
      bot: 3
      (done)
    ");
}

#[test]
fn a_behavior_calls_another() {
    let bot = r#"
behaviors:
  - name: main
    on: chat.message
    do:
      - set: {vars.size: mine, vars.result: untouched}
      - repeat:
          for: size
          in: [S, L]
          do:
            - call: price
              with: {size: "{{ size }}"}
              into: session.price
            - say: "{{ vars.size }}: {{ session.price }} {{ vars.result }}"
  - name: price
    inputs: [size]
    do:
      - ask: "Extra cheese for {{ vars.size }}?"
        buttons: ["yes", "no"]
      - set: {vars.result: "{{ (8 if vars.size == 'L' else 6) + (1 if answer == 'yes' else 0) }}"}
  - name: endless
    on: chat.closed
    do: [{call: endless}]
"#;
    insta::assert_snapshot!(Story::of(bot).alice("hi").alice("YES").alice("no").told(), @r#"
    Alice: hi
      bot: Extra cheese for S? [yes | no]
      (waits for an answer)
    Alice: YES
      bot: mine: 7 untouched
      bot: Extra cheese for L? [yes | no]
      session = {"price":7}
      (waits for an answer)
    Alice: no
      bot: mine: 8 untouched
      session = {"price":8}
      (done)
    "#);
    insta::assert_snapshot!(Story::of(bot).event("chat.closed", json!({})).told(), @"
    * chat.closed {}
      (stopped: CallDepth: bot.yaml:23: calls nest deeper than 8)
    ");
}

#[test]
fn everything_else_a_step_can_do() {
    let bot = on_message(
        r#"
- label: {add: ["order", "{{ chat.mood }}"], remove: new}
- label: order
- choose: [{when: "'order' in chat.labels and 'new' not in chat.labels", do: [{note: "Labelled {{ chat.labels | join(' ') }}"}]}]
- set: {chat.topic: pizza, chat.mood: null, client.address.city: Berlin}
- say: {text: "{{ chat.topic }} {{ chat.mood }} {{ client.address.city }}", image: "https://example.com/a.png", buttons: [{text: Menu, url: "https://example.com"}]}
- say: "{{ session.nothing }}"
- emit: {type: order.placed, data: {lines: ["{{ event.text }}"], total: "{{ 2 * 4 }}"}}
- wait: {until: "'2026-11-21T12:00:05Z'"}
- give_back
- say: Pick
  buttons: "{{ ['a', {'text': 'B', 'value': 'b'}] }}"
- hand_over: {group: "{{ 'driv' ~ 'ers' }}", reason: hungry, say: A person comes.}
- close
- stop: enough
"#,
    );
    insta::assert_snapshot!(Story::of(&bot).alice("two pizzas").later(5).told(), @r#"
    Alice: two pizzas
      label +["order", "good"] -["new"]
      label +["order"] -[]
      note: Labelled order good
      chat.topic = "pizza"
      chat.mood = null
      bot: pizza  Berlin [Menu -> https://example.com] <https://example.com/a.png>
      emit order.placed {"lines":["two pizzas"],"total":8}
      timer in 5 s
      client = {"address":{"city":"Berlin"}}
      (waits for a time)
    ... 5 s later
      give back
      bot: Pick [a | B = b]
      bot: A person comes.
      hand over to group drivers: hungry
      close: closed by the bot
      (stopped: Asked: bot.yaml:19: enough)
    "#);
}

#[test]
fn what_started_the_run_is_still_there_after_a_wait() {
    let bot = on_message(
        "- ask: '?'\n- say: '{{ event.text }} {{ meta.channel_kind }} {{ answer }} {{ now | date }}'\n",
    );
    let mut story = Story::of(&bot).alice("first");
    story.facts.event = json!({ "text": "second" });
    let story = story.alice("second");
    insta::assert_snapshot!(story.told(), @"
    Alice: first
      bot: ?
      (waits for an answer)
    Alice: second
      bot: first telegram second 2026-11-21 12:00
      (done)
    ");
    let run = story.run.expect("a run");
    assert!(
        run.started_with.is_empty() && run.frames.is_empty(),
        "a run that ended keeps no event"
    );
}

#[test]
fn limits_stop_a_run_and_say_where() {
    let cases = [
        "- repeat: {while: 'true', do: [{set: {vars.x: 1}}]}",
        "- repeat: {times: 10001, do: [{note: x}]}",
        "- repeat: {times: 200, do: [{note: x}]}",
        "- set: {vars.x: xx}\n- repeat: {times: 40, do: [{set: {vars.x: '{{ vars.x ~ vars.x }}'}}]}",
        "- set: {vars.x: [1]}\n- repeat: {times: 40, do: [{set: {vars.x: ['{{ vars.x }}']}}]}",
        "- say: '{% for i in range(5000) %}0123456789{% endfor %}'",
        "- say: '{{ event.text | date }}'",
        "- hand_over: {group: '{{ vars.nothing }}'}",
        "- wait: '{{ event.text }}'",
        "- repeat: {for: x, in: event.text, do: [{note: x}]}",
        "- choose: [{when: event.text + 1, do: [{note: x}]}]",
    ];
    let outcomes: Vec<String> = cases
        .iter()
        .map(|steps| {
            Story::of(&on_message(steps))
                .alice("hi")
                .told()
                .lines()
                .last()
                .unwrap_or_default()
                .to_owned()
        })
        .collect();
    insta::assert_snapshot!(outcomes.join("\n"), @r#"
    (stopped: StepLimit: bot.yaml:5: more than 1000 steps in one turn)
    (stopped: LoopLimit: bot.yaml:5: a loop turns at most 10000 times)
    (stopped: StepLimit: bot.yaml:5: more than 100 effects in one turn)
    (stopped: TemplateLimit: bot.yaml:6: a value is bigger than 65536 bytes, or deeper than 32)
    (stopped: TemplateLimit: bot.yaml:6: a value is bigger than 65536 bytes, or deeper than 32)
    (stopped: TemplateLimit: bot.yaml:5: it writes more than 16384 bytes)
    (stopped: TemplateFailed: bot.yaml:5: invalid operation: `date` needs a date or a time)
    (stopped: TemplateFailed: bot.yaml:5: "" is no name to hand over to)
    (stopped: TemplateFailed: bot.yaml:5: "hi" is no length of time: write 30s, 10m, 2h or 3 days)
    (stopped: TemplateFailed: bot.yaml:5: `in` gives a list, not "hi")
    (stopped: TemplateFailed: bot.yaml:5: invalid operation: tried to use + operator on unsupported types string and number)
    "#);
    let long = on_message("- ask: '?'\n  attempts: 2\n- say: never");
    let told = Story::of(&long).alice("hi").alice(&"x".repeat(70_000)).told();
    insta::assert_snapshot!(told.lines().rev().take(2).collect::<Vec<_>>().join("\n"), @"
    (waits for an answer)
    bot: That is too long for me. Could you say it in fewer words?
    ");
}

#[test]
fn a_behavior_is_picked_by_when_from_and_priority() {
    let bot = r#"
behaviors:
  - {name: low, on: chat.message, do: [{say: low}]}
  - {name: high, on: [chat.message, telegramSendLocation], when: "'pizza' in event.text | lower", priority: 5, do: [{say: high}]}
  - {name: agents, on: chat.message, from: [agent, system], priority: 9, do: [{say: agents}]}
  - {name: broken, on: chat.sticker, when: event.emoji + 1, do: [{say: never}]}
"#;
    let story = Story::of(bot)
        .alice("Pizza!")
        .alice("hello")
        .event("chat.location", json!({ "latitude": 1 }))
        .event("chat.sticker", json!({ "emoji": "x" }));
    insta::assert_snapshot!(story.told(), @r#"
    Alice: Pizza!
      bot: high
      (done)
    Alice: hello
      bot: low
      (done)
    * chat.location {"latitude":1}
      (nobody reacts)
    * chat.sticker {"emoji":"x"}
      (stopped: TemplateFailed: bot.yaml:6: invalid operation: tried to use + operator on unsupported types string and number)
    "#);
}

#[test]
fn the_time_of_the_turn_is_known_where_it_is_not_named() {
    let story = Story::of(&on_message(
        r#"
- say: "{{ date('midnight') == (now | date_modify('midnight')) }} {{ date('midnight') | length }}"
- say: "{{ date('midnight') | length }}"
- say: "{{ '1970-01-01' | ago | length > 0 }}"
- choose: [{when: "date('tomorrow') > date()", do: [{say: It comes.}]}]"#,
    ));
    insta::assert_snapshot!(story.alice("When?").told(), @r"
    Alice: When?
      bot: true 20
      bot: 20
      bot: true
      bot: It comes.
      (done)
    ");
}
