//! The step `http`: what goes out, what comes back, what fails, and that a crash does not make two of one.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::json;
use tidings_testkit::receiver::{Receiver, Reply};
use tidings_testkit::store::Troubled;
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{Start, World};

fn bot(url: &str) -> String {
    format!(
        r#"
behaviors:
  - name: look up
    on: chat.message
    from: customer
    do:
      - http: {{url: "{url}", query: {{order: "{{{{ event.text }}}}"}}, json: {{by: "{{{{ customer.id }}}}"}}}}
        into: vars.order
        on_error: [{{say: "It failed: {{{{ answer.error.code }}}}."}}, stop]
      - say: "{{{{ vars.order.status }}}}: {{{{ vars.order.json.state | default(vars.order.text) }}}}"
"#
    )
}

#[tokio::test]
async fn what_another_system_answers_is_data() {
    let (world, shop) = (World::start().await, Receiver::start().await);
    shop.answers(|got| match got.query("order").as_str() {
        "17" => {
            let json = vec![("content-type", "application/json; charset=utf-8".to_owned())];
            Reply::Said(200, json, r#"{"state": "baked"}"#.into())
        }
        _ => Reply::Said(404, Vec::new(), "no such order".into()),
    });
    world.publish_good("pizzeria", &bot(&shop.url)).await;
    let alice = Visitor::comes(&world, world.web_channel_of("pizzeria").await).await;
    alice.says(&world, "17").await;
    world.settle().await;
    alice.says(&world, "18").await;
    world.settle().await;
    let said = world.events_of("chat.message").await;
    let said: Vec<&str> = said.iter().filter_map(|event| event["data"]["text"].as_str()).collect();
    assert_eq!(said, ["17", "200: baked", "18", "404: no such order"]);
    let got = shop.got();
    assert_eq!(got.len(), 2);
    assert_eq!(got[0].method, "POST");
    assert_eq!(got[0].header("content-type"), "application/json");
    assert!(got[0].header("idempotency-key").starts_with("work:"));
    assert_ne!(got[0].header("idempotency-key"), got[1].header("idempotency-key"));
    world.finish().await;
}

#[tokio::test]
async fn an_address_of_our_own_network_is_refused_and_the_behavior_is_told() {
    let world = World::begin(Start { allow: Vec::new(), ..Start::default() }).await;
    let shop = Receiver::start().await;
    world.publish_good("pizzeria", &bot(&shop.url)).await;
    let alice = Visitor::comes(&world, world.web_channel_of("pizzeria").await).await;
    alice.says(&world, "17").await;
    world.settle().await;
    assert_eq!(
        alice.transcript(&world).await.last().map(String::as_str),
        Some("3 bot pizzeria chat.message It failed: address_not_allowed.")
    );
    assert!(shop.got().is_empty());
    world.finish().await;
}

#[tokio::test]
async fn it_is_repeated_as_often_as_asked() {
    let (world, shop) = (World::start().await, Receiver::start().await);
    let tries = std::sync::atomic::AtomicU32::new(0);
    shop.answers(move |_| match tries.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => Reply::Status(503),
        _ => Reply::Said(200, Vec::new(), "here".into()),
    });
    let text = format!(
        "behaviors:\n  - name: look\n    on: chat.message\n    from: customer\n    do:\n      - http: {{url: \"{}\", retries: 2, method: PUT}}\n        into: vars.a\n      - say: \"{{{{ vars.a.text }}}}\"\n",
        shop.url
    );
    world.publish_good("pizzeria", &text).await;
    let alice = Visitor::comes(&world, world.web_channel_of("pizzeria").await).await;
    alice.says(&world, "hello").await;
    world.settle().await;
    let got = shop.got();
    assert_eq!(got.len(), 2);
    assert_eq!(
        got[0].header("idempotency-key"),
        got[1].header("idempotency-key"),
        "the receiver can tell that it is the same call"
    );
    world.finish().await;
}

#[tokio::test]
async fn credentials_go_to_their_host_only_and_are_never_read() {
    let (world, shop) = (World::start().await, Receiver::start().await);
    let port = shop.url.trim_start_matches("http://127.0.0.1:").to_owned();
    let account = json!({"kind": "bearer", "hosts": ["127.0.0.1"], "secret": "very-secret-token"});
    let made = world.put("/api/v1/accounts/crm", &account).await;
    assert_eq!(made.status, 200, "{}", made.text);
    assert!(!world.get("/api/v1/accounts").await.text.contains("very-secret"));
    let text = r#"
behaviors:
  - name: look
    on: chat.message
    from: customer
    do:
      - http: {url: "{{ event.text }}", account: crm, headers: {authorization: mine}}
        into: vars.a
        on_error: [{say: "{{ answer.error.code }}"}, stop]
      - say: "{{ vars.a.status }}"
"#;
    world.publish_good("pizzeria", text).await;
    let alice = Visitor::comes(&world, world.web_channel_of("pizzeria").await).await;
    alice.says(&world, &shop.url).await;
    world.settle().await;
    alice.says(&world, &format!("http://localhost:{port}")).await;
    world.settle().await;
    let got = shop.got();
    assert_eq!(got.len(), 1);
    assert_eq!(got[0].header("authorization"), "Bearer very-secret-token");
    let last = alice.transcript(&world).await;
    assert!(last.last().is_some_and(|line| line.ends_with("account_not_for_host")), "{last:?}");
    let runs = world.get("/api/v1/runs").await.text;
    assert!(!runs.contains("very-secret"), "no trace has it");
    let elsewhere = json!({"kind": "bearer", "hosts": ["127.0.0.1", "evil.example"]});
    let wrong = world.put("/api/v1/accounts/crm", &elsewhere).await;
    assert_eq!((wrong.status, wrong.pointer()), (422, "/secret"), "it was given for one host");
    let spelt = json!({"kind": "bearer", "hosts": ["127.1"]});
    let same = world.put("/api/v1/accounts/crm", &spelt).await;
    assert_eq!((same.status, &same.body["hosts"]), (200, &json!(["127.0.0.1"])));
    let wrong = world.put("/api/v1/accounts/a", &json!({"kind": "bearer", "hosts": []})).await;
    assert_eq!((wrong.status, wrong.pointer()), (422, "/hosts"));
    world.finish().await;
}

#[tokio::test]
async fn what_follows_an_answer_in_the_same_turn_is_not_forgotten() {
    let (world, shop) = (World::start().await, Receiver::start().await);
    shop.answers(|_| Reply::Said(200, Vec::new(), "baked".into()));
    let text = format!(
        r#"
behaviors:
  - name: order
    on: chat.message
    from: customer
    do:
      - ask: {{text: Which?, timeout: {{after: 10m, do: [{{say: Gone?}}]}}, into: session.which}}
      - http: {{url: "{}"}}
        into: vars.order
      - ask: {{text: "It is {{{{ vars.order.text }}}}. Well?", timeout: {{after: 10m, do: [{{say: Gone?}}]}}}}
      - wait: 5m
      - say: "Five minutes later."
"#,
        shop.url
    );
    world.publish_good("pizzeria", &text).await;
    let alice = Visitor::comes(&world, world.web_channel_of("pizzeria").await).await;
    for text in ["hello", "17", "well"] {
        alice.says(&world, text).await;
        world.settle().await;
    }
    world.turn(Duration::from_secs(301));
    world.settle().await;
    assert_eq!(
        alice.reads(&world).await,
        [
            "customer hello",
            "bot Which?",
            "customer 17",
            "bot It is baked. Well?",
            "customer well",
            "bot Five minutes later.",
        ]
    );
    world.finish().await;
}

/// How many writes the story takes at most: past that it is whole at the first try.
const WRITES: u64 = 14;

/// What takes longer than this does not come any more: the store has ended.
const ENDED_FOR_SURE: Duration = Duration::from_millis(1_500);

#[tokio::test]
async fn a_run_that_breaks_off_after_any_write_comes_to_the_same_end() {
    join_all((0..WRITES).map(breaks_off_after)).await;
}

#[tokio::test]
async fn a_call_that_was_under_way_at_the_end_is_made_again_under_the_same_name() {
    let (world, shop) = (World::start().await, Receiver::start().await);
    shop.answers(|_| Reply::Never);
    world.publish_good("pizzeria", &bot(&shop.url)).await;
    let alice = Visitor::comes(&world, world.web_channel_of("pizzeria").await).await;
    alice.says(&world, "17").await;
    world.until("the call", async || (!shop.got().is_empty()).then_some(())).await;
    let world = world.restart().await;
    shop.answers(|_| Reply::Said(200, Vec::new(), "here".into()));
    alice.waits_for(&world, "bot 200: here").await;
    world.settle().await;
    assert_eq!(alice.reads(&world).await, ["customer 17", "bot 200: here"]);
    let got = shop.got();
    assert!(got.len() >= 2);
    let names: BTreeSet<&str> = got.iter().map(|got| got.header("idempotency-key")).collect();
    assert_eq!(names.len(), 1, "the receiver can tell that it is the same call");
    world.finish().await;
}

async fn breaks_off_after(writes: u64) {
    let shop = Receiver::start().await;
    shop.answers(|_| Reply::Said(200, Vec::new(), "here".into()));
    let world = World::start().await;
    world.publish_good("pizzeria", &bot(&shop.url)).await;
    let alice = Visitor::comes(&world, world.web_channel_of("pizzeria").await).await;
    world.settle().await;
    let between = Box::new(move |store| Troubled::ends_after(store, writes));
    let world = world.restart_as(Start { between, ..Start::default() }).await;
    let said = json!({ "text": "17", "custom_id": "17" });
    if alice.tries(&world, &said).await.status < 500 {
        let came = alice.waits_for(&world, "bot 200: here");
        drop(tokio::time::timeout(ENDED_FOR_SURE, came).await);
    }
    let world = world.restart().await;
    alice.tries(&world, &said).await;
    world.settle().await;
    assert_eq!(
        alice.reads(&world).await,
        ["customer 17", "bot 200: here"],
        "after {writes} writes"
    );
    let got = shop.got();
    let names: BTreeSet<&str> = got.iter().map(|got| got.header("idempotency-key")).collect();
    assert_eq!(names.len(), 1, "after {writes} writes");
    world.finish().await;
}
