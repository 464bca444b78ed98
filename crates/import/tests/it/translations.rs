//! Some translations as they come out, the numbers of the report, and what conditions and templates give when they run.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidings_behaviors::{Bot, Effect, Facts, RunState, Seeds, Turn, start};
use tidings_import::{CerbFile, Count, Imported, cerb};
use tidings_model::{
    Author, CustomerId, Draft, Event, EventId, Order, Seq, Timestamp, WorkspaceId, envelope,
};
use uuid::Uuid;

use crate::world::{FIXTURES, Words, bots, imported};

fn text<'i>(imported: &'i Imported, name: &str) -> &'i str {
    &imported.files.iter().find(|file| file.file == name).expect("a file").text
}

#[test]
fn a_branch_becomes_a_behavior_that_is_called() {
    let imported = imported("branch.json");
    insta::assert_snapshot!(text(&imported, "office-hours.yaml"), @r#"
    # Translated from Cerb: Office hours (branch.json, behavior_fragment)
    bot: branch
    behaviors:
      - name: Office hours
        do:
          # Are we open?
          - choose:
              - when: (now | date_parts).weekday in [6, 7]
                do:
                  # Weekend
                  # Do
                  - say: "We are closed at the weekend, {{ event.agent | split('@') | first | split('.') | first | capitalize }}."
              - when: now | date('%H:%M') >= '18:00' or now | date('%H:%M') <= '08:00'
                do:
                  # Night
                  # Do
                  - say: Good night.
              - when:
                  - (now | date_parts).month in [7, 8]
                  - (now | date_parts).day | int(0) > 14
                do:
                  # Summer
                  - set:
                      vars.nothing: null
            else:
              # Open
              # Do
              - say: We are open.
    "#);
}

#[test]
fn records_are_looked_for_counted_and_kept() {
    let imported = imported("records.json");
    insta::assert_snapshot!(text(&imported, "kitchen-desk.yaml"), @r#"
    # Translated from Cerb: Kitchen desk (records.json, behavior)
    bot: records
    behaviors:
      - name: Kitchen desk
        on: event.message.chat.worker
        when: event.behavior == 'Kitchen desk'
        do:
          - set:
              vars.var_cooks: []
          # Count
          - find:
              record: task
              where:
                status: open
                owner:
                  not: null
              count: true
            into: vars.open_tasks
          - find:
              record: task
              where:
                status: open
              limit: 100
            into: vars.mean_found
          - set:
              vars.mean: "{{ vars.mean_found | sum(attribute='importance') / vars.mean_found | length if vars.mean_found else 0 }}"
          # Who is there
          - find:
              record: agent
              where:
                groups:
                  contains: "3"
                suspended: false
                status: accepting
              sort:
                - "-name"
              limit: 5
            into: vars.var_cooks
          # Look at what is named
          - set:
              vars.part_1: "{{ event.with.type | replace('cerberusweb.contexts.', '') }}"
          - find:
              record: "{{ {'ticket': 'chat', 'worker': 'agent', 'address': 'email_address', 'timetracking': 'time_entry', 'kb': 'kb_article', 'crm.opportunity': 'opportunity', 'feed.item': 'feed_item'}[vars.part_1] | default(vars.part_1) }}"
              where:
                id: "{{ event.with.id }}"
              limit: 1
            into: vars.named_found
          - set:
              vars.named: "{{ vars.named_found | first }}"
          # List
          - say: "Hello {{ event.agent | split('@') | first | split('.') | first | capitalize }}, {{ vars.open_tasks }} tasks are open."
          - find:
              record: task
              where:
                status: open
              sort:
                - due
              limit: 10
            into: vars.part_2
          - say: |-
              {% for one in vars.part_2 %}{{ loop.index }}. {{ one.title | default(one.id) }}
              {% else %}Nothing was found.{% endfor %}
          # Remember
          - find:
              record: bot_value
              where:
                bot: records
                key: "last:{{ vars.open_tasks }}"
              limit: 1
            into: vars.last_found
          - set:
              vars.last: "{{ (vars.last_found | first).value if vars.last_found and (not (vars.last_found | first).expires_at or (vars.last_found | first).expires_at | int(0) > now | date('%s') | int) else '' }}"
          - find:
              record: bot_value
              where:
                bot: records
                key: "last:{{ vars.open_tasks }}"
              limit: 1
            into: vars.part_3_found
          - choose:
              - when: vars.part_3_found is not empty
                do:
                  - update:
                      record: bot_value
                      id: "{{ (vars.part_3_found | first).id }}"
                      set:
                        value: "{{ vars.named.title }}"
                        expires_at: "{{ date('+30 mins') | date('%s') | int }}"
            else:
              - create:
                  record: bot_value
                  set:
                    bot: records
                    key: "last:{{ vars.open_tasks }}"
                    value: "{{ vars.named.title }}"
                    expires_at: "{{ date('+30 mins') | date('%s') | int }}"
          - find:
              record: bot_value
              where:
                bot: records
                key: forever
              limit: 1
            into: vars.part_4_found
          - choose:
              - when: vars.part_4_found is not empty
                do:
                  - update:
                      record: bot_value
                      id: "{{ (vars.part_4_found | first).id }}"
                      set:
                        value: "1"
                        expires_at: null
            else:
              - create:
                  record: bot_value
                  set:
                    bot: records
                    key: forever
                    value: "1"
          # Ask for a picture
          - ask:
              text: Show me the pizza.
              input:
                type: file
              validate: (('Too large.' if (answer.size | float(0) > 90000) else '') | string | trim) == ''
              retry: "{% if answer.size | float(0) > 90000 %}Too large.{% endif %}"
              attempts: 10
              into: vars.picture_id
          - set:
              vars.picture__label: "{{ vars.picture_id.name }}"
              vars.picture_name: "{{ vars.picture_id.name }}"
              vars.picture_size: "{{ vars.picture_id.size }}"
              vars.picture_mime_type: "{{ vars.picture_id.content_type }}"
              vars.picture_url: "{{ vars.picture_id.url }}"
          # Call the oven
          - set:
              vars.args: "{{ {'mime': vars.picture_mime_type} }}"
          - http:
              url: https://oven.example/heat
              method: POST
              headers:
                Content-Type: text/plain
                X-Args: "{{ vars.args | json }}"
              text: "{{ vars.picture__label }}"
            into: vars._http_response_http
            on_error:
              - set:
                  vars._http_response_http:
                    status: 0
                    error: "{{ answer.error.message }}"
          - set:
              vars._http_response:
                content_type: "{{ vars._http_response_http.headers['content-type'] }}"
                headers: "{{ vars._http_response_http.headers }}"
                body: "{{ vars._http_response_http.text if (vars._http_response_http.json is undefined or vars._http_response_http.json is none) else vars._http_response_http.json }}"
                info:
                  http_code: "{{ vars._http_response_http.status }}"
                error: "{{ vars._http_response_http.error }}"
    "#);
    let notes: Vec<&str> = imported.report.notes.iter().map(|note| &*note.why).collect();
    insta::assert_snapshot!(notes.join("\n"), @r"
    it is reckoned of the first 100 that are found
    what is found of each agent has the fields of Tidings, not those of Cerb
    the record type is told when the step is taken, by Cerb's name or by that of Tidings
    what is found is said as a list, at most 10 of it
    what it says and asks is said and asked in a chat: an interaction beside a chat wants `answer: {messages: [...]}` for each turn
    ");
}

#[test]
fn a_sheet_is_said() {
    let imported = imported("sheet.json");
    insta::assert_snapshot!(text(&imported, "show-a-task.yaml"), @r#"
    # Translated from Cerb: Show a task (sheet.json, behavior)
    bot: sheet
    behaviors:
      - name: Show a task
        on: event.form.interaction.worker
        do:
          # Show
          - find:
              record: task
              where:
                id: "{{ event.with.task }}"
              limit: 20
            into: vars.part_1
          - say: |-
              {% for row in vars.part_1 %}Task: {{ row.title }}
              Owner: {{ row.owner.full_name }}
              {{ row.due }}
              {% else %}Nothing was found.{% endfor %}
          # in Cerb: {"action":"respond_sheet","data_query":"type:worklist.metrics\nvalues.oven:()","sheet_kata":"columns:\n text/value:\n"}
          - stop: "not translated: the action respond_sheet: a query of data (worklist.metrics)"
    "#);
}

#[test]
fn a_behavior_on_mails_becomes_one_on_messages() {
    let imported = imported("behavior.json");
    insta::assert_snapshot!(text(&imported, "thank-for-a-rating.yaml"), @r#"
    # Translated from Cerb: Thank for a rating (behavior.json, behavior)
    # Group is to be set by hand (in Cerb at behavior.nodes[0].nodes[0].nodes[1].nodes[1].nodes[0].params.actions[2].group_id)
    bot: behavior
    behaviors:
      - name: Thank for a rating
        on: event.mail.received
        do:
          # Is it from a customer?
          - choose:
              - when:
                  - not (meta.author.kind == 'agent')
                  - not (meta.author.kind != 'customer')
                do:
                  # Yes
                  # Find the rating
                  - set:
                      vars.rating: "{{ event.text | regex_find('(?i)rating: ([0-9]+)', 1) }}"
                  # How good?
                  - choose:
                      - when: vars.rating | int(0) > 3
                        do:
                          # Good
                          # Do
                          - set:
                              vars.words: "Thank you, {{ customer.name | split(' ', 1) | first if customer.name | split(' ', 1) | first is not empty else 'friend' }}!"
                          - say: "{{ vars.words }}"
                      - when:
                          - vars.rating is not empty
                          - ('bad' if (vars.rating | float(0) <= 3) else '') | lower == 'bad'
                        do:
                          # Bad
                          # Do
                          - notify:
                              agent:
                                - "{{ chat.assignee }}"
                              text: "A bad rating on {{ event.subject }} [{{ chat.id }}]"
                              link: "{{ vars.ticket_url }}"
                          - set:
                              chat.importance: "90"
                          - move: "12"
                    else:
                      # No rating
                      - set:
                          vars.nothing: null
            else:
              # No
              - set:
                  vars.nothing: null
    "#);
}

#[test]
fn what_is_marked_stops_the_run_and_keeps_what_stood_there() {
    let imported = imported("templates-marked.json");
    insta::assert_snapshot!(text(&imported, "marked-templates.yaml"), @r#"
    # Translated from Cerb: Marked templates (templates-marked.json, behavior)
    bot: templates-marked
    behaviors:
      - name: Marked templates
        on: event.mail.closed.group
        do:
          # Template 0
          # in Cerb: {"action":"_set_custom_var","value":"{{x|map(v => v.a)|join}}","format":"","is_simulator_only":"0","var":"out_0"}
          - stop: "not translated: the action _set_custom_var: arrow functions have no counterpart"
          # Template 1
          # in Cerb: {"action":"_set_custom_var","value":"{{x|filter((v, k) => v > 1)|length}}","format":"","is_simulator_only":"0","var":"out_1"}
          - stop: "not translated: the action _set_custom_var: arrow functions have no counterpart"
          # Template 2
          # in Cerb: {"action":"_set_custom_var","value":"{{ x.","format":"","is_simulator_only":"0","var":"out_2"}
          - stop: "not translated: the action _set_custom_var: a piece of code has no `}}`"
          # Template 3
          # in Cerb: {"action":"_set_custom_var","value":"{% include 'a' %}","format":"","is_simulator_only":"0","var":"out_3"}
          - stop: "not translated: the action _set_custom_var: the tag `include` has no counterpart"
          # Template 4
          # in Cerb: {"action":"_set_custom_var","value":"{{x|image_info}}","format":"","is_simulator_only":"0","var":"out_4"}
          - stop: "not translated: the action _set_custom_var: the filter `image_info` has no counterpart"
          # Template 5
          # in Cerb: {"action":"_set_custom_var","value":"{{x matches '/(?=a)b/'}}","format":"","is_simulator_only":"0","var":"out_5"}
          - stop: "not translated: the action _set_custom_var: a pattern with looking ahead has no counterpart"
          # Template 6
          # in Cerb: {"action":"_set_custom_var","value":"{{kata_parse(x)}}","format":"","is_simulator_only":"0","var":"out_6"}
          - stop: "not translated: the action _set_custom_var: the function `kata_parse()` has no counterpart"
          # Template 7
          # in Cerb: {"action":"_set_custom_var","value":"{% if x %}open","format":"","is_simulator_only":"0","var":"out_7"}
          - stop: "not translated: the action _set_custom_var: there is no `{{ '{%' }} endif %}`"
          # Do
          - set:
              vars.x: "1"
    "#);
}

#[test]
fn a_mail_is_changed_before_it_goes() {
    let imported = imported("every-action.json");
    insta::assert_snapshot!(text(&imported, "before-it-goes.yaml"), @r#"
    # Translated from Cerb: Before it goes (every-action.json, bots[0].behaviors[8])
    bot: every-action
    behaviors:
      - name: Before it goes
        on: event.mail.before.sent
        do:
          # Do
          - set:
              vars._sent: "{{ (('Dear ' ~ event.to | join(', ')) ~ ',') ~ '\\n' ~ (vars._sent or event.text) }}"
          - change:
              sent:
                text: "{{ vars._sent }}"
          - set:
              vars._saved: "{{ (('Dear ' ~ event.to | join(', ')) ~ ',') ~ '\\n' ~ (vars._saved or event.text) }}"
          - change:
              saved:
                text: "{{ vars._saved }}"
          - set:
              vars._sent: "{{ (vars._sent or event.text) ~ '\\n' ~ ('-- ' ~ event.agent) }}"
          - change:
              sent:
                text: "{{ vars._sent }}"
          - set:
              vars._sent: "{{ (vars._sent or event.text) | regex_replace('foo(\\\\d)', 'bar') }}"
          - change:
              sent:
                text: "{{ vars._sent }}"
          - set:
              vars._headers: "{{ vars._headers | put('X-A', event.subject, ' ') }}"
          - change:
              headers: "{{ vars._headers }}"
          - change:
              send_at: "{{ date('tomorrow 9am') }}"
    "#);
    insta::assert_snapshot!(text(&imported, "before-it-is-taken.yaml"), @r#"
    # Translated from Cerb: Before it is taken (every-action.json, bots[0].behaviors[9])
    bot: every-action
    behaviors:
      - name: Before it is taken
        on: event.mail.received.app
        do:
          # Is it bad?
          - choose:
              - when:
                  any:
                    - event.attachments | selectattr('name', 'matching', '(?is)^.*\\.exe$') | list | length > 0
                    - event.attachments | selectattr('size', 'gt', 5242880) | list | length > 0
                    - event.headers['x-spam'] | lower == 'yes'
                do:
                  # Exe
                  # Do
                  - refuse: rejected by the bot
                  - stop: exit
              - when:
                  - "'sales@' in (event.to | join(', ') | lower)"
                  - event.subject is matching('(?i)buy|sell')
                  - not ('x' in (event.text | lower))
                do:
                  # Sales
                  # Do
                  - set:
                      vars._redirect_to: "{{ (vars._redirect_to or []) + ['a@example.com'] }}"
                  - change:
                      redirect_to: "{{ vars._redirect_to }}"
                  # in Cerb: {"action":"send_email_sender","subject":"Re: {{subject}}","content":"Thanks"}
                  - stop: "not translated: the action send_email_sender: while a mail is about to go or to come in, `mail` cannot be done"
                  - change:
                      subject: "[sales] {{ event.subject }}"
    "#);
}

#[test]
fn an_event_that_tidings_does_not_know_is_not_heard() {
    let imported = imported("every-action.json");
    insta::assert_snapshot!(text(&imported, "plugin.yaml"), @r#"
    # Translated from Cerb: Plugin (every-action.json, bots[0].behaviors[17])
    # in Cerb it hears example.event.plugin, which Tidings does not know: give it an `on`
    bot: every-action
    behaviors:
      - name: Plugin
        do:
          # Do
          - set:
              vars.a: "{{ vars.b }}"
    "#);
}

/// Cerb's behavior on an event, which keeps what a template says.
fn keeping(event: Value, template: &str) -> String {
    let nodes =
        json!([action(json!([{"action": "_set_custom_var", "var": "x", "value": template}]))]);
    let file = json!({"behavior": {"title": "x", "event": event, "nodes": nodes}}).to_string();
    let imported = cerb(&[CerbFile { name: "x.json", bytes: file.as_bytes() }]);
    let source = bots(&imported.files).remove(0);
    let loaded = Bot::load(&source, &Words { all_ask: false });
    assert!(loaded.is_ok(), "{:?}", loaded.err());
    let text = text(&imported, "x.yaml").lines().skip(3);
    text.map(str::trim).collect::<Vec<_>>().join("\n")
}

#[test]
fn events_are_heard_as_the_catalogue_names_them() {
    let told = [
        keeping(
            json!({"key": "event.record.changed", "params": {"context": "cerberusweb.contexts.task"}}),
            "{{task_id}} {{task__context}} {{old_task_owner_full_name}}",
        ),
        keeping(json!({"key": "event.macro.custom_record.3"}), "{{record_id}} {{record_size}}"),
        keeping(json!({"key": "event.task.created.worker"}), "{{task_id}} {{task_title}}"),
        keeping(json!({"key": "event.behavior.recurrent"}), "due"),
        keeping(
            json!({"key": "event.behavior.recurrent", "params": {"repeat_patterns": "0 9 * * *", "timezone": "Europe/Berlin"}}),
            "due",
        ),
        keeping(json!({"key": "event.webhook.received"}), "{{http_body}} {{http_params.a}}"),
        keeping(
            json!({"key": "event.mail.compose.pre.ui.worker"}),
            "{{scope.group_id}} {{scope.form_id}}",
        ),
    ];
    insta::assert_snapshot!(told.join("\n\n"), @r#"
    - name: x
    on: event.record.changed
    when: event.record_type == 'task'
    do:
    # a
    - set:
    vars.x: "{{ event.id }} {{ event.record_type }} {{ event.changed.owner.from.full_name if event.changed.owner is defined else event.record.owner.full_name }}"

    - name: x
    on: record.action
    when: event.record_type == 'custom_record_3'
    do:
    # a
    - set:
    vars.x: "{{ event.record.id }} {{ event.record.size }}"
    - answer:
    value: "{{ vars }}"

    - name: x
    on: event.task.created.worker
    do:
    # a
    - set:
    vars.x: "{{ event.id }} {{ event.record.title }}"

    behaviors:
    - name: x
    do:
    # a
    - set:
    vars.x: due

    - name: x
    schedule:
    cron:
    - 0 9 * * *
    zone: Europe/Berlin
    do:
    # a
    - set:
    vars.x: due

    - name: x
    on: event.webhook.received
    do:
    # a
    - set:
    vars.x: "{{ event.body if event.body is string or event.body is none else event.body | json }} {{ event.query.a }}"

    - name: x
    on: event.mail.compose.pre.ui.worker
    do:
    # a
    - set:
    vars.x: "{{ event.group }} {{ vars.scope_form_id }}"
    "#);
}

#[test]
fn the_report_counts_what_was_translated() {
    let mut told = Vec::new();
    for (name, _) in FIXTURES {
        let report = imported(name).report;
        let count = |count: Count| format!("{}+{}", count.translated, count.marked);
        told.push(format!(
            "{name}: {} behaviors, nodes {}, actions {}, conditions {}, placeholders {}",
            report.behaviors,
            count(report.nodes),
            count(report.actions),
            count(report.conditions),
            count(report.placeholders)
        ));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    behavior.json: 1 behaviors, nodes 10+0, actions 6+0, conditions 5+0, placeholders 11+1
    branch.json: 1 behaviors, nodes 8+0, actions 3+0, conditions 4+0, placeholders 1+0
    package.json: 4 behaviors, nodes 44+0, actions 26+0, conditions 14+0, placeholders 38+1
    library-behavior.json: 1 behaviors, nodes 4+0, actions 1+0, conditions 6+0, placeholders 5+0
    library-nodes.json: 2 behaviors, nodes 5+0, actions 2+0, conditions 1+0, placeholders 7+0
    library-action.json: 1 behaviors, nodes 1+0, actions 1+0, conditions 0+0, placeholders 1+0
    templates.json: 1 behaviors, nodes 29+0, actions 32+0, conditions 0+0, placeholders 114+3
    templates-marked.json: 1 behaviors, nodes 1+8, actions 1+8, conditions 0+0, placeholders 3+0
    records.json: 1 behaviors, nodes 7+0, actions 12+0, conditions 0+0, placeholders 12+0
    sheet.json: 1 behaviors, nodes 0+1, actions 1+1, conditions 0+0, placeholders 1+0
    every-action.json: 18 behaviors, nodes 58+35, actions 93+33, conditions 15+2, placeholders 61+1
    every-event.json: 62 behaviors, nodes 1151+189, actions 488+0, conditions 237+189, placeholders 537+177
    "#);
}

#[test]
fn every_node_is_counted_once() {
    for (name, source) in FIXTURES {
        // Nodes that a package leaves out are not Cerb's either.
        let nodes = source.matches("\"type\": \"action\"").count()
            + source.matches("\"type\": \"switch\"").count()
            + source.matches("\"type\": \"outcome\"").count()
            + source.matches("\"type\": \"loop\"").count()
            + source.matches("\"type\": \"subroutine\"").count();
        let left_out = source.matches("\"_exclude\"").count();
        assert_eq!(imported(name).report.nodes.all(), nodes - left_out, "{name}");
    }
}

/// Runs a behavior of Cerb on an event; gives its turn, and the files for whoever wonders.
fn run(key: &str, nodes: &Value, event_type: &str, data: Value) -> (Turn, String) {
    let file = json!({"behavior": {"title": "x", "event": {"key": key}, "nodes": nodes}});
    let imported = cerb(&[CerbFile { name: "x.json", bytes: file.to_string().as_bytes() }]);
    let source = bots(&imported.files).remove(0);
    let (bot, _) = Bot::load(&source, &Words { all_ask: false })
        .map_err(|problems| format!("{problems:?}\n{:?}", source.files))
        .expect("a bot that loads");
    let now: Timestamp = "2026-11-21T12:00:00Z".parse().expect("a time");
    let id = EventId::new(Uuid::from_u128(1));
    let workspace = WorkspaceId::new(Uuid::nil());
    let mut draft =
        Draft::new(id, event_type.parse().expect("a type"), workspace, now, data.clone());
    draft.author = Author::customer(CustomerId::new(Uuid::from_u128(2)));
    let body = envelope::write(&draft).into();
    let cause = Event::new(Seq(1), Some(Order(1)), draft, body);
    let facts = Facts {
        event: data,
        chat: json!({"status": "open", "labels": [], "importance": "50"}),
        customer: json!({"name": "Alice Liddell", "language": "en"}),
        meta: json!({"type": event_type, "author": {"kind": "customer", "id": "a"}, "time": "2026-11-21T12:00:00Z"}),
        ..Facts::default()
    };
    let seeds = Seeds { now, run: Uuid::from_u128(7), random: 7 };
    let turn = start(&bot, 0, &facts, &cause, seeds).expect("it hears");
    (turn, format!("{:?}", source.files))
}

/// Runs a behavior of Cerb on a mail of Alice's; gives what the bot says.
fn said(nodes: &Value) -> Vec<String> {
    let data = json!({"text": "Hello, I want a Pizza", "subject": "Order 4711"});
    let (turn, files) = run("event.mail.received", nodes, "chat.message", data);
    let mut said: Vec<String> = Vec::new();
    for effect in &turn.effects {
        if let Effect::Say(say) = effect {
            said.push(say.text.clone());
        }
    }
    if turn.run.state != RunState::Done {
        said.push(format!("{:?}\n{files}", turn.run.state));
    }
    said
}

#[test]
fn a_list_of_any_values_is_answered_as_rows() {
    let asked = || json!({"source": "pizzas", "format": "table", "parameters": {}});
    let answered = |returned: &str| {
        let nodes = json!([action(json!([{"action": "return_data", "data": returned}]))]);
        let (turn, files) = run("event.data.query.datasource", &nodes, "query.datasource", asked());
        assert_eq!(turn.run.state, RunState::Done, "{files}");
        let answer = turn.effects.iter().find_map(|effect| {
            if let Effect::Answer { value, .. } = effect { Some(value.clone()) } else { None }
        });
        answer.expect("an answer")
    };
    let rows = json!({"rows": [{"size": "S"}, {"value": 7}]});
    assert_eq!(answered(r#"[{"size": "S"}, 7]"#), rows);
    assert_eq!(answered(r#"{"data": [{"size": "S"}, 7]}"#), rows);
    assert_eq!(answered(r#"{"rows": [{"size": "S"}, 7], "columns": {}}"#), rows);
    assert_eq!(answered("{}"), json!({"rows": []}));
}

#[test]
fn what_is_sent_and_what_is_kept_of_a_mail_go_on_from_what_they_became() {
    let append = |content: &str, mode: &str| json!({"action": "append_to_content", "content": content, "mode": mode});
    let header = |name: &str| json!({"action": "set_header", "header": name, "value": "1"});
    let nodes = json!([action(json!([
        append("both", "both"),
        append("sent", "sent"),
        {"action": "replace_content", "replace": "Hi", "with": "Hello", "is_regexp": "0", "replace_on": ""},
        header("X-A"), header("X-B"), header("Subject"),
    ]))]);
    let mail =
        json!({"to": ["alice@example.com"], "subject": "Pizza", "text": "Hi", "headers": {}});
    let (turn, files) = run("event.mail.before.sent", &nodes, "mail.sending", mail);
    assert_eq!(turn.run.state, RunState::Done, "{files}");
    let mut changed = serde_json::Map::new();
    for effect in turn.effects {
        if let Effect::Change { fields } = effect {
            changed.extend(fields);
        }
    }
    let wanted = json!({
        "sent": {"text": "Hello\nboth\nsent"},
        "saved": {"text": "Hello\nboth"},
        "headers": {"X-A": "1", "X-B": "1"},
        "subject": "1",
    });
    assert_eq!(Value::Object(changed), wanted, "{files}");
}

fn action(actions: Value) -> Value {
    json!({"type": "action", "title": "a", "params": {"actions": actions}})
}

#[test]
fn conditions_hold_as_they_do_in_cerb() {
    let cases = [
        (
            "text is, in any case",
            json!({"condition": "content", "oper": "is", "value": "hello, i want a PIZZA"}),
            true,
        ),
        ("contains", json!({"condition": "content", "oper": "contains", "value": "pizza"}), true),
        (
            "contains not",
            json!({"condition": "content", "oper": "!contains", "value": "pasta"}),
            true,
        ),
        ("like", json!({"condition": "ticket_subject", "oper": "like", "value": "order*"}), true),
        (
            "like, whole",
            json!({"condition": "ticket_subject", "oper": "like", "value": "order"}),
            false,
        ),
        (
            "regexp",
            json!({"condition": "ticket_subject", "oper": "regexp", "value": "/\\d{4}$/"}),
            true,
        ),
        (
            "regexp, case",
            json!({"condition": "ticket_subject", "oper": "regexp", "value": "/^order/"}),
            false,
        ),
        (
            "what is not there is empty",
            json!({"condition": "nobody_knows", "oper": "is", "value": ""}),
            true,
        ),
        (
            "what is not there is no text",
            json!({"condition": "nobody_knows", "oper": "is", "value": "x"}),
            false,
        ),
        (
            "what is not there contains nothing",
            json!({"condition": "nobody_knows", "oper": "contains", "value": "x"}),
            false,
        ),
        (
            "what is not there is like nothing",
            json!({"condition": "nobody_knows", "oper": "like", "value": "x*"}),
            false,
        ),
        (
            "what is not there counts as 0",
            json!({"condition": "nobody_knows", "oper": "lt", "value": "1"}),
            true,
        ),
        (
            "what is not there matches nothing",
            json!({"condition": "nobody_knows", "oper": "regexp", "value": "/x/"}),
            false,
        ),
        (
            "gt, of a text",
            json!({"condition": "ticket_importance", "oper": "gt", "value": "49"}),
            true,
        ),
        (
            "not, of a number",
            json!({"condition": "ticket_importance", "oper": "!is", "value": "50"}),
            false,
        ),
        ("yes", json!({"condition": "is_outgoing", "bool": "1"}), false),
        ("no", json!({"condition": "sender_is_worker", "bool": "0"}), true),
        (
            "in",
            json!({"condition": "ticket_status", "oper": "in", "values": ["open", "waiting"]}),
            true,
        ),
        (
            "not in",
            json!({"condition": "ticket_status", "oper": "!in", "values": ["open", "waiting"]}),
            false,
        ),
        (
            "script",
            json!({"condition": "_custom_script", "tpl": " {{content|length}}\n", "oper": "is", "value": "21"}),
            true,
        ),
        (
            "script that holds",
            json!({"condition": "_custom_script", "tpl": "{{content|length > 3}}", "oper": "is", "value": "1"}),
            true,
        ),
        (
            "script with a set",
            json!({"condition": "_custom_script", "tpl": "{% set n = 2 %}{{n * 3}}", "oper": "gt", "value": "5"}),
            true,
        ),
        (
            "script with a loop",
            json!({"condition": "_custom_script", "tpl": "{% for i in 1..3 %}{{i}}{% endfor %}", "oper": "is", "value": "123"}),
            true,
        ),
        (
            "value of a template",
            json!({"condition": "content", "oper": "contains", "value": "{{'PIZZA'}}"}),
            true,
        ),
        ("Saturday", json!({"condition": "_day_of_week", "oper": "is", "day": ["6"]}), true),
        ("day", json!({"condition": "_day_of_month", "oper": "gt", "value": "20"}), true),
        ("month", json!({"condition": "_month_of_year", "oper": "is", "month": ["1", "2"]}), false),
        (
            "at noon",
            json!({"condition": "_time_of_day", "oper": "between", "from": "8am", "to": "5:30 PM"}),
            true,
        ),
        (
            "at night",
            json!({"condition": "_time_of_day", "oper": "between", "from": "22:00", "to": "6:00"}),
            false,
        ),
        (
            "since yesterday",
            json!({"condition": "created", "oper": "is", "from": "yesterday", "to": "now"}),
            true,
        ),
        (
            "a header that is not there",
            json!({"condition": "headers", "header": "Precedence", "oper": "is", "value": "bulk"}),
            false,
        ),
        (
            "no such header",
            json!({"condition": "headers", "header": "X-A", "oper": "!is", "value": "b"}),
            true,
        ),
    ];
    let mut wrong = Vec::new();
    for (title, condition, holds) in cases {
        let outcome = |title: &str, groups: Value| {
            json!({"type": "outcome", "title": title, "params": {"groups": groups},
                "nodes": [action(json!([{"action": "send_message", "message": title}]))]})
        };
        let nodes = json!([{"type": "switch", "title": "s", "nodes": [
            outcome("true", json!([{"any": 0, "conditions": [condition]}])),
            outcome("false", json!([])),
        ]}]);
        let told = said(&nodes);
        if told != [holds.to_string()] {
            wrong.push(format!("{title}: {}", told.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn templates_write_what_they_write_in_cerb() {
    let cases: BTreeMap<&str, &str> = [
        ("{{content|upper}}!", "HELLO, I WANT A PIZZA!"),
        ("{{nobody|default('friend')}} {{0|default(1)}}", "friend 0"),
        ("{% set a = {} %}{% set a = dict_set(a, 'b.c', 1) %}{% set a = dict_set(a, 'd.[]', 'x') %}{{a|json_encode}}", r#"{"b":{"c":1},"d":["x"]}"#),
        ("{% set n = 0 %}{% for i in [1, 2, 3] %}{% if i != 2 %}{% set n = n + i %}{% endif %}{% endfor %}{{n}}", "4"),
        ("{% for k, v in {a: 1, b: 2} %}{{k}}{{v}}{{loop.last ? '.' : ','}}{% endfor %}", "a1,b2."),
        ("{% for k, v in ['x', 'y'] %}{{k}}{{v}}{% endfor %}{% for v in {a: 1, b: 2} %}{{v}}{% endfor %}", "0x1y12"),
        ("{{'a,b,c'|split(',', 2)|last}} {{'abc'[1:1]}} {{['a', 'b']|join('-')}} {{{a: 1}|keys|first}} {{{a: 7}|first}}", "b,c b a-b a 7"),
        ("{{'now'|date('D j.n.Y G:i')}} {{'+1 day'|date('Y-m-d')}} {{'2026-01-31'|date_modify('+1 day')|date('U')}}", "Sat 21.11.2026 12:00 2026-11-22 1769904000"),
        ("{% if ticket_subject matches '/^order/i' and content starts with 'Hello' %}yes{% else %}no{% endif %}", "yes"),
        ("{{sender_first_name}} {{sender_full_name}} {{ticket_status}}", "Alice Alice Liddell open"),
        ("{{'4' + 1}} {{'5' == 5 ? 'same' : 'other'}} {{nobody|length}} {{nobody is empty ? 'none'}}", "5 same 0 none"),
        ("{% verbatim %}{{ x }}{% endverbatim %}{# nothing #}{% spaceless %}<b> <i>{{1}}</i> </b>{% endspaceless %}", "{{ x }}<b><i>1</i></b>"),
        ("{{json_decode('{\"a\": [1, 2]}').a|last}} {{ticket_subject|regexp('/([0-9]+)/', 1)}} {{ -'3' * 2 }} {{ 10 / 5 }}", "2 4711 -6 2"),
        ("{% set t %}{{1}}-{% endset %}{{t}}{% set t = 'x' %}{{t}}", "1-x"),
        ("a\n{% if true %}\nb\n{% endif %}\nc", "a\nb\nc"),
    ]
    .into();
    let mut wrong = Vec::new();
    for (template, wanted) in cases {
        let told = said(&json!([action(json!([{"action": "send_message", "message": template}]))]));
        if told != [wanted] {
            wrong.push(format!("{template}\n  is {told:?}\n  not {wanted:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn loops_and_subroutines_share_their_variables() {
    let say = |text: &str| json!({"action": "send_message", "message": text});
    let run = |title: &str| json!({"action": "_run_subroutine", "subroutine": title});
    let set = |var: &str, value: &str| json!({"action": "_set_custom_var", "var": var, "value": value, "format": ""});
    let add = json!({"type": "subroutine", "title": "Add", "nodes": [
        action(json!([set("n", "{{n + 1}}")])), action(json!([say("n is {{n}}")])),
        {"type": "switch", "title": "s", "nodes": [
            {"type": "outcome", "title": "o", "params": {"groups": [{"any": 0, "conditions": [
                {"condition": "_custom_script", "tpl": "{{n}}", "oper": "lt", "value": "3"}]}]},
                "nodes": [action(json!([run("Add"), say("never said")]))]}]},
    ]});
    let each = json!({"type": "loop", "title": "l", "params": {"foreach_json": "[\"a\", \"b\"]", "as_placeholder": "x"},
        "nodes": [action(json!([say("{{x__counter}} {{x__key}} {{x}}")]))]});
    let until = json!({"type": "loop", "title": "l", "params": {"foreach_json": "[\"*\"]", "as_placeholder": "y"}, "nodes": [
        action(json!([say("again {{y__counter}}")])),
        {"type": "switch", "title": "s", "nodes": [{"type": "outcome", "title": "o", "params": {"groups": [{"any": 0, "conditions": [
            {"condition": "_custom_script", "tpl": "{{y__counter}}", "oper": "is", "value": "2"}]}]},
            "nodes": [action(json!([{"action": "_set_custom_var", "var": "y__stack", "value": "[]", "format": "json"}]))]}]},
    ]});
    let nothing = json!({"type": "loop", "title": "l", "params": {"foreach_json": "no json", "as_placeholder": "z"},
        "nodes": [action(json!([say("never said")]))]});
    let nodes = json!([
        action(json!([set("n", "0")])),
        action(json!([run("Add")])),
        action(json!([say("then {{n}}")])),
        each,
        until,
        nothing,
        add
    ]);
    let wanted = ["n is 1", "n is 2", "n is 3", "then 3", "1 0 a", "2 1 b", "again 1", "again 2"];
    assert_eq!(said(&nodes), wanted);
}
