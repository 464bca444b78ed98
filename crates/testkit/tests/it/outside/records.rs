//! Records: made, changed and found by behaviors and by the API; and behaviors that are run on one.

use http::Method;
use serde_json::json;
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{World, answer};

const TEXT: &str = r#"
behaviors:
  - name: take the task
    on: chat.message
    from: customer
    do:
      - find: {record: task, where: {who: "{{ event.text }}", state: {not: done}}, sort: [-weight], limit: 5}
        into: vars.found
      - choose:
          - when: vars.found
            do:
              - update: {record: task, id: "{{ vars.found[0].id }}", set: {state: done, weight: null}}
                into: vars.task
              - say: "Done: {{ vars.task.title }} ({{ vars.found | length }} open)"
              - stop
      - create: {record: task, set: {title: "Call {{ event.text }}", who: "{{ event.text }}", state: open, weight: 1}}
        into: vars.task
      - say: "Made: {{ vars.task.title }}"
  - name: hear
    on: [event.task.created.worker, event.record.changed, event.comment.created.worker]
    do:
      - set: {vars.x: "{{ meta.type }}"}
      - emit: {type: chat.custom, data: {kind: heard, content: {type: "{{ meta.type }}", record: "{{ event.record_type }}"}}}
"#;

#[tokio::test]
async fn a_bot_keeps_tasks() {
    let world = World::start().await;
    world.publish_good("office", TEXT).await;
    let alice = Visitor::comes(&world, world.web_channel_of("office").await).await;
    for text in ["Bob", "Carol", "Bob", "Bob"] {
        alice.says(&world, text).await;
        world.settle().await;
    }
    assert_eq!(
        alice.reads(&world).await,
        [
            "customer Bob",
            "bot Made: Call Bob",
            "customer Carol",
            "bot Made: Call Carol",
            "customer Bob",
            "bot Done: Call Bob (1 open)",
            "customer Bob",
            "bot Made: Call Bob",
        ]
    );
    let changed = world.events_of("record.changed").await;
    assert_eq!(changed.len(), 1);
    assert_eq!(changed[0]["data"]["changed"]["state"], json!({"from": "open", "to": "done"}));
    assert_eq!(changed[0]["author"]["kind"], "bot");
    let heard = world.events_of("chat.custom").await;
    let heard: Vec<&str> =
        heard.iter().filter_map(|event| event["data"]["content"]["type"].as_str()).collect();
    assert_eq!(heard, ["record.created", "record.created", "record.changed", "record.created"]);
    world.finish().await;
}

#[tokio::test]
async fn a_program_keeps_records_and_each_change_is_told() {
    let world = World::start().await;
    let made = world
        .post("/api/v1/records/organization", &json!({"fields": {"name": "Oven Ltd", "size": 3}}))
        .await;
    assert_eq!(made.status, 201, "{}", made.text);
    let path = format!("/api/v1/records/organization/{}", made.body["id"].as_str().expect("an id"));
    let patch = |fields| answer(world.call(Method::PATCH, &path).json(&json!({"fields": fields})));
    let changed = patch(json!({"size": 4, "name": "Oven Ltd", "city": "Rome"})).await;
    assert_eq!(changed.body["fields"], json!({"name": "Oven Ltd", "size": 4, "city": "Rome"}));
    assert_eq!(patch(json!({"size": 4})).await.status, 200, "nothing differs");
    let comment = world.post(&format!("{path}/comments"), &json!({"text": "They pay late."})).await;
    assert_eq!(comment.status, 201);
    assert_eq!(answer(world.call(Method::DELETE, &path)).await.status, 204);
    assert_eq!(world.get(&path).await.status, 404);
    let told: Vec<String> = world
        .events()
        .await
        .iter()
        .filter(|event| event["type"].as_str().is_some_and(|name| name.starts_with("record.")))
        .map(|event| format!("{} {}", event["type"], event["data"]["change"]))
        .collect();
    assert_eq!(
        told,
        [
            "\"record.created\" null",
            "\"record.changed\" \"updated\"",
            "\"record.commented\" null",
            "\"record.changed\" \"deleted\"",
        ]
    );
    world.finish().await;
}

#[tokio::test]
async fn a_call_that_is_repeated_makes_one_record() {
    let world = World::start().await;
    let call = || {
        let call =
            world.call(Method::POST, "/api/v1/records/task").header("idempotency-key", "one");
        answer(call.json(&json!({"fields": {"title": "Once"}})))
    };
    let (first, second) = (call().await, call().await);
    assert_eq!(first.body["id"], second.body["id"]);
    let other = world.call(Method::POST, "/api/v1/records/task").header("idempotency-key", "one");
    let other = answer(other.json(&json!({"fields": {"title": "Other"}}))).await;
    assert_eq!((other.status, other.code()), (409, "idempotency_key_reused"));
    // With the same key another thing is another call.
    let at = format!("/api/v1/records/task/{}", first.body["id"].as_str().expect("an id"));
    let call = |method| world.call(method, &at).header("idempotency-key", "one");
    let set = json!({"fields": {"title": "Twice"}});
    let changed = answer(call(Method::PATCH).json(&set)).await;
    assert_eq!(changed.body["fields"]["title"], "Twice");
    let set = json!({"fields": {"title": "Thrice"}});
    let other = answer(call(Method::PATCH).json(&set)).await;
    assert_eq!((other.status, other.code()), (409, "idempotency_key_reused"));
    assert_eq!(answer(call(Method::DELETE)).await.status, 204);
    assert_eq!(world.get(&at).await.status, 404);
    assert_eq!(world.events_of("record.created").await.len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn records_are_found_by_what_they_are() {
    let world = World::start().await;
    for (title, weight) in [("c", json!(2)), ("a", json!(10)), ("b", json!(null)), ("d", json!(2))]
    {
        let body = json!({"fields": {"title": title, "weight": weight, "state": "open"}});
        assert_eq!(world.post("/api/v1/records/task", &body).await.status, 201);
    }
    let find = |body| {
        let world = &world;
        async move {
            let found = world.post("/api/v1/records/task/search", &body).await;
            let titles = found.items().iter().filter_map(|item| item["fields"]["title"].as_str());
            titles.collect::<Vec<_>>().join("")
        }
    };
    assert_eq!(find(json!({"sort": ["title"]})).await, "abcd");
    assert_eq!(find(json!({"sort": ["-weight", "title"]})).await, "acdb");
    assert_eq!(
        find(json!({"where": {"weight": {"gte": 2}}, "sort": ["title"], "limit": 2})).await,
        "ac"
    );
    assert_eq!(find(json!({"where": {"weight": 2, "title": {"not": "c"}}})).await, "d");
    assert_eq!(find(json!({"where": {"state": "done"}})).await, "");
    let wrong =
        world.post("/api/v1/records/task/search", &json!({"where": {"a": {"above": 1}}})).await;
    assert_eq!((wrong.status, wrong.pointer()), (422, "/where/a"));
    world.finish().await;
}

#[tokio::test]
async fn a_behavior_is_run_on_a_record() {
    let world = World::start().await;
    world
        .publish_good(
            "office",
            r#"
behaviors:
  - name: escalate
    on: event.macro.task
    when: event.action == 'escalate'
    do:
      - update: {record: task, id: "{{ event.id }}", set: {weight: "{{ event.record.weight + event.with.by }}"}}
        into: vars.task
      - answer: {value: "{{ vars.task.weight }}"}
  - name: hello
    on: event.macro.worker
    do: [{answer: {value: "Hello {{ event.record.name }}"}}]
"#,
        )
        .await;
    let made = world.post("/api/v1/records/task", &json!({"fields": {"weight": 2}})).await;
    let task = made.body["id"].as_str().expect("an id");
    let path = format!("/api/v1/records/task/{task}/actions");
    let done = world.post(&path, &json!({"action": "escalate", "with": {"by": 5}})).await;
    assert_eq!((done.status, &done.body["answer"]), (200, &json!({"value": 7})), "{}", done.text);
    let none = world.post(&path, &json!({"action": "sleep"})).await;
    assert_eq!((none.status, &none.body["answered"]), (200, &json!(false)));
    let made = world.put("/api/v1/agents/bob@example.com", &json!({"name": "Bob"})).await;
    assert!(made.status < 300, "{}", made.text);
    let hello = world
        .post("/api/v1/records/agent/bob@example.com/actions", &json!({"action": "greet"}))
        .await;
    assert_eq!(hello.body["answer"]["value"], "Hello Bob", "{}", hello.text);
    let asked = world.events_of("record.action").await;
    let record = &asked.last().expect("asked")["data"]["record"];
    assert!(record.get("bot").is_none() && record.get("account").is_none(), "{record}");
    let missing =
        world.post("/api/v1/records/agent/eve@example.com/actions", &json!({"action": "x"})).await;
    assert_eq!((missing.status, missing.pointer()), (422, "/id"));
    world.finish().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_record_is_told() {
    let world = World::start().await;
    let wrong = |path: &'static str, fields| {
        let world = &world;
        async move {
            let made =
                world.post(&format!("/api/v1/records/{path}"), &json!({"fields": fields})).await;
            format!("{} {} {}", made.status, made.code(), made.pointer())
        }
    };
    let told = [
        wrong("Task", json!({})).await,
        wrong("chat", json!({})).await,
        wrong("task", json!({"a/b": 1})).await,
        wrong("task", json!({"a": "x".repeat(70_000)})).await,
    ];
    assert_eq!(
        told,
        [
            "400 invalid_id ",
            "422 invalid_field /record",
            "422 invalid_field /fields/a~1b",
            "422 invalid_field /fields",
        ]
    );
    world.finish().await;
}

#[tokio::test]
async fn a_bot_looks_for_chats_customers_agents_and_groups() {
    let world = World::start().await;
    world
        .publish_good(
            "office",
            r#"
behaviors:
  - name: tell
    on: chat.message
    from: customer
    do:
      - find: {record: chat, where: {customer: "{{ customer.id }}", status: open}}
        into: vars.chats
      - find: {record: chat, where: {labels: {contains: hot}}}
        into: vars.hot
      - find: {record: agent, where: {groups: {contains: kitchen}}, sort: [name]}
        into: vars.agents
      - find: {record: group, where: {id: {in: [kitchen, general]}}, sort: [id]}
        into: vars.groups
      - find: {record: customer, limit: 100}
        into: vars.customers
      - find: {record: bot}
        into: vars.bots
      - find: {record: chat, where: {status: open}, count: true}
        into: vars.open
      - find: {record: task, count: true}
        into: vars.tasks
      - say: >-
          {{ vars.chats | length }} {{ vars.chats[0].id == chat.id }}, {{ vars.hot | length }},
          {{ vars.agents | map(attribute='name') | join('+') }},
          {{ vars.groups | map(attribute='id') | join('+') }},
          {{ vars.customers | map(attribute='id') | list == [customer.id] }},
          {{ vars.bots | map(attribute='id') | join }}, {{ vars.open }} {{ vars.tasks }}
      - label: {add: hot}
"#,
        )
        .await;
    for (agent, name) in [("bob", "Bob"), ("carol", "Carol")] {
        let body = json!({"name": name, "groups": ["kitchen"]});
        let made = world.put(&format!("/api/v1/agents/{agent}@example.com"), &body).await;
        assert!(made.status < 300, "{}", made.text);
    }
    let alice = Visitor::comes(&world, world.web_channel_of("office").await).await;
    for text in ["one", "two"] {
        alice.says(&world, text).await;
        world.settle().await;
    }
    assert_eq!(
        alice.reads(&world).await,
        [
            "customer one",
            "bot 1 true, 0, Bob+Carol, general+kitchen, true, office, 1 0",
            "customer two",
            "bot 1 true, 1, Bob+Carol, general+kitchen, true, office, 1 0",
        ]
    );
    let told = world.post("/api/v1/records/chat/search", &json!({})).await;
    assert_eq!((told.status, told.pointer()), (422, "/record"), "{}", told.text);
    world.finish().await;
}
