//! Steps whose work is done outside, and those that decide what is about to happen.

use serde_json::json;
use tidings_behaviors::WorkFailed;

use crate::world::{Story, load, on_message, told};

fn problems(text: &str) -> String {
    match load(text) {
        Ok((_, warnings)) => told(&warnings),
        Err(problems) => told(&problems),
    }
}

#[test]
fn a_run_waits_for_what_it_ordered() {
    let story = Story::of(&on_message(
        r#"
- http: {url: "https://shop.example.com/orders/{{ event.text }}", headers: {X-Shop: "{{ chat.mood }}"}}
  into: vars.order
- choose:
    - when: vars.order.status == 200
      do: [{say: "It is {{ vars.order.json.state }}."}]
  else: [{say: There is no such order.}]"#,
    ));
    let answered = story
        .alice("17")
        .done(Ok(json!({"status": 200, "json": {"state": "baked"}})))
        .alice("18")
        .done(Ok(json!({"status": 404, "text": "?"})));
    insta::assert_snapshot!(answered.told(), @r#"
    Alice: 17
      timer in 0 s
      (waits for http: {"url":"https://shop.example.com/orders/17","headers":{"X-Shop":"good"}})
    > {"status":200,"json":{"state":"baked"}}
      bot: It is baked.
      (done)
    Alice: 18
      timer in 0 s
      (waits for http: {"url":"https://shop.example.com/orders/18","headers":{"X-Shop":"good"}})
    > {"status":404,"text":"?"}
      bot: There is no such order.
      (done)
    "#);
}

#[test]
fn what_failed_is_told_to_the_steps_for_that_or_stops_the_run() {
    let away = || Err(WorkFailed::new("timed_out", "no answer within 10 s"));
    let with = Story::of(&on_message(
        r#"
- http: https://shop.example.com
  on_error: [{say: "Sorry: {{ answer.error.code }}."}]
- say: Anyway."#,
    ));
    let without = Story::of(&on_message("- find: task\n  into: vars.tasks\n- say: Never said."));
    insta::assert_snapshot!(
        [with.alice("a").done(away()).told(), without.alice("b").done(away()).told()].join("\n--\n"), @r#"
    Alice: a
      timer in 0 s
      (waits for http: {"url":"https://shop.example.com"})
    > failed: timed_out
      bot: Sorry: timed_out.
      bot: Anyway.
      (done)
    --
    Alice: b
      timer in 0 s
      (waits for find: {"record":"task"})
    > failed: timed_out
      (stopped: WorkFailed: bot.yaml:5: find failed: no answer within 10 s (timed_out))
    "#
    );
}

#[test]
fn nothing_but_what_it_ordered_wakes_it() {
    let story = Story::of(&on_message(
        "- create: {record: task, set: {title: \"{{ event.text }}\"}}\n  into: vars.task\n- note: \"{{ vars.task.id }}\"",
    ));
    insta::assert_snapshot!(story.alice("bake").later(5).done(Ok(json!({"id": 7}))).told(), @r#"
    Alice: bake
      timer in 0 s
      (waits for create: {"record":"task","set":{"title":"bake"}})
    ... 5 s later
      (waits for create: {"record":"task","set":{"title":"bake"}})
    > {"id":7}
      note: 7
      (done)
    "#);
}

#[test]
fn a_script_is_taken_as_it_is_written() {
    let story = Story::of(&on_message(
        r#"
- script:
    code: "return {braces: `{{ not a template }}`, sum: input.a + 1}"
    with: {a: "{{ 1 + 1 }}"}
  into: session.sum"#,
    ));
    insta::assert_snapshot!(story.alice("go").done(Ok(json!({"sum": 3}))).told(), @r#"
    Alice: go
      timer in 0 s
      (waits for script: {"code":"return {braces: `{{ not a template }}`, sum: input.a + 1}","with":{"a":2}})
    > {"sum":3}
      session = {"sum":{"sum":3}}
      (done)
    "#);
}

#[test]
fn what_is_about_to_happen_is_changed_or_refused() {
    let text = r#"
behaviors:
  - name: no cards
    on: mail.sending
    do:
      - choose:
          - when: event.to == 'all@example.com'
            do: [{refuse: "Not to everybody, {{ event.to }}."}]
      - change: {text: "{{ event.text | replace('4111', '****') }}"}
      - change: {subject: "[{{ event.text | length }}] {{ event.subject }}"}
"#;
    let mail = |to: &str| json!({"to": to, "subject": "Card", "text": "It is 4111."});
    let story = Story::of(text)
        .event("mail.sending", mail("bob@example.com"))
        .event("mail.sending", mail("all@example.com"));
    insta::assert_snapshot!(story.told(), @r#"
    * mail.sending {"to":"bob@example.com","subject":"Card","text":"It is 4111."}
      change {"text":"It is ****."}
      change {"subject":"[11] Card"}
      (done)
    * mail.sending {"to":"all@example.com","subject":"Card","text":"It is 4111."}
      refuse: Not to everybody, all@example.com.
      (done)
    "#);
}

#[test]
fn who_decides_does_nothing_else() {
    let problem = "behaviors:\n  - {name: a, on: mail.sending, do: [{set: {session.n: 1}}, {http: 'https://example.com', into: client.a}, {set: {vars.n: 1}}]}\n";
    insta::assert_snapshot!(problems(problem), @"
    bot.yaml:2:45: error[not_while_before]: session.n cannot be set while mail.sending is about to happen: write vars.…
    bot.yaml:2:97: error[not_while_before]: client.a cannot be set while mail.sending is about to happen: write vars.…
    ");
    let calls = |step: &str| {
        let text = format!(
            "behaviors:\n  - {{name: a, on: mail.sending, do: [{{call: b}}, {{refuse: no}}]}}\n  - {{name: b, do: [{step}]}}\n"
        );
        Story::of(&text).event("mail.sending", json!({})).told()
    };
    let steps = [
        "{say: x}",
        "{set: {session.n: 1}}",
        "{create: {record: task, set: {a: 1}}}",
        "{set: {vars.n: 1}}",
    ];
    insta::assert_snapshot!(steps.map(calls).join("\n"), @"
    * mail.sending {}
      (stopped: EffectRefused: bot.yaml:3: nothing can be done while mail.sending is about to happen)
    * mail.sending {}
      (stopped: EffectRefused: bot.yaml:3: nothing can be done while mail.sending is about to happen)
    * mail.sending {}
      (stopped: EffectRefused: bot.yaml:3: nothing can be done while mail.sending is about to happen)
    * mail.sending {}
      refuse: no
      (done)
    ");
}

#[test]
fn who_was_called_leaves_its_own_result() {
    let text = "
behaviors:
  - {name: price, public: true, result: number, do: [{set: {vars.result: 5}}, {call: helper}]}
  - {name: helper, do: [{set: {vars.result: tmp}}, stop]}
";
    let story =
        Story::of(text).event("behavior.called", json!({ "bot": "pizzeria", "behavior": "price" }));
    insta::assert_snapshot!(story.told(), @r#"
    * behavior.called {"bot":"pizzeria","behavior":"price"}
      answer to behavior.called: {"result":5}
      (stopped: Asked: bot.yaml:4: stopped by the bot)
    "#);
}

#[test]
fn agents_are_told_and_given_chats() {
    let story = Story::of(&on_message(
        r#"
- notify: {agent: bob@example.com, text: "{{ customer.name }} asks for you."}
- notify: {group: sales, text: Look., link: /chats/1}
- notify: {text: To whoever has it.}
- assign: bob@example.com
- move: sales
- assign: nobody"#,
    ));
    insta::assert_snapshot!(story.alice("bob?").told(), @r#"
    Alice: bob?
      notify Agents([AgentId(bob@example.com)]): Alice asks for you.
      notify Group(GroupName(sales)): Look.
      notify Assignee: To whoever has it.
      assign bob@example.com
      move to sales
      assign nobody
      (done)
    "#);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let text = r#"
behaviors:
  - name: before
    on: mail.sending
    do:
      - say: Hello
      - change: {colour: red}
      - refuse
      - change: {text: never}
  - name: after
    on: chat.message
    do:
      - refuse: too late
      - change: {text: too late}
      - http: {method: POST, json: {}, form: {}}
      - http: {ulr: "https://example.com"}
      - mail: {to: a@b.c, subject: x}
      - update: {record: task, set: {}}
      - create: {record: task}
        on_error: {say: x}
      - notify: {agent: a, group: b, text: x}
      - script: {with: {}}
"#;
    insta::assert_snapshot!(problems(text), @r#"
    bot.yaml:6:9: error[not_while_before]: `say` cannot be done while mail.sending is about to happen; there are choose, repeat, set, call, http, find, script, classify, change, refuse, stop
    bot.yaml:7:18: error[unknown_field]: of mail.sending there is no "colour" to change; there is subject, text
    bot.yaml:8:9: warning[unreachable]: the steps behind `refuse` are never taken
    bot.yaml:13:9: error[not_before]: chat.message has happened when it is heard
    bot.yaml:14:9: error[not_before]: chat.message has happened when it is heard
    bot.yaml:15:40: error[two_bodies]: a call has one body: json, form, xml, text, or none
    bot.yaml:16:9: error[missing_key]: `http` needs the key `url`
    bot.yaml:16:16: error[unknown_key]: `http` has no key "ulr"; it knows url, method, headers, query, json, form, xml, text, account, timeout, retries (did you mean "url"?)
    bot.yaml:17:9: error[missing_key]: `mail` needs the key `text` or `html`
    bot.yaml:18:9: error[missing_key]: `update` needs the key `id`
    bot.yaml:20:19: error[wrong_kind]: steps are a list (each begins with `- `), not a mapping
    bot.yaml:21:35: error[two_recipients]: `notify` has `agent` or `group`, not both
    bot.yaml:22:9: error[missing_key]: `script` needs the key `code`
    "#);
}

#[test]
fn a_behavior_is_due_by_cron_lines_in_its_time_zone() {
    let (bot, _) = load(
        r#"
behaviors:
  - name: menu
    schedule: {cron: ["30 2 * * *", "0 9 * * 1"], zone: Europe/Berlin}
    do: [{set: {vars.a: "{{ event.due_at }}"}}]
"#,
    )
    .map_err(|problems| told(&problems))
    .expect("a bot that loads");
    let schedule = bot.behaviors()[0].schedule.clone().expect("a schedule");
    let mut at: tidings_model::Timestamp = "2026-03-27T12:00:00Z".parse().expect("a time");
    let mut due = Vec::new();
    for _ in 0..5 {
        at = schedule.next_after(at).expect("there is a next one");
        due.push(at.to_string());
    }
    // On 29 March the clock goes from two to three: half past two is left out, and what was due then is due at three.
    insta::assert_snapshot!(due.join("\n"), @r#"
    2026-03-28T01:30:00Z
    2026-03-29T01:00:00Z
    2026-03-30T00:30:00Z
    2026-03-30T07:00:00Z
    2026-03-31T00:30:00Z
    "#);
    let autumn = "2026-10-24T12:00:00Z".parse().expect("a time");
    let end = "2026-10-25T12:00:00Z".parse().expect("a time");
    assert_eq!(
        schedule.count_between(autumn, end, 10),
        1,
        "half past two comes twice, and is due once"
    );
}

#[test]
fn what_is_wrong_with_a_schedule_is_said_with_its_place() {
    let text = r#"
behaviors:
  - {name: a, schedule: "61 * * * *", do: [stop]}
  - {name: b, schedule: "0 0 30 2 *", do: [stop]}
  - {name: c, schedule: {cron: "0 9 * * *", zone: Europe/Berlim}, do: [stop]}
  - {name: d, schedule: {cron: "0 9 * * *", missed: ones}, do: [stop]}
  - {name: e, on: schedule.due, do: [stop]}
  - {name: f, schedule: "0 0 9 * * *", do: [stop]}
"#;
    insta::assert_snapshot!(problems(text), @r#"
    bot.yaml:3:25: error[wrong_cron]: "61 * * * *" is no cron line (Component error: Number out of bounds.): write minute, hour, day, month, weekday, as `0 9 * * 1-5`
    bot.yaml:4:25: error[wrong_cron]: "0 0 30 2 *" is no cron line (never comes): write minute, hour, day, month, weekday, as `0 9 * * 1-5`
    bot.yaml:5:51: error[unknown_zone]: there is no time zone "Europe/Berlim": write one as Europe/Berlin
    bot.yaml:6:53: error[unknown_policy]: `missed` is once or skip, not "ones"
    bot.yaml:7:5: error[missing_schedule]: nothing is ever due without a `schedule`, as `schedule: 0 9 * * 1-5`
    bot.yaml:8:25: error[wrong_cron]: "0 0 9 * * *" is no cron line (Invalid pattern: Pattern must have 5 fields when seconds are disallowed.): write minute, hour, day, month, weekday, as `0 9 * * 1-5`
    "#);
}
