//! Outside systems call a hook, and a behavior answers.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use tidings_testkit::receiver::{Receiver, Reply};
use tidings_testkit::world::{Answer, World, answer};

const TEXT: &str = r#"
behaviors:
  - name: shop
    on: event.webhook.received
    when: event.hook == 'shop'
    do:
      - choose:
          - when: event.body.order
            do:
              - answer: {status: 201, headers: {x-order: "no. {{ event.body.order }}"}, body: {task: "{{ event.body.order }}"}}
              - note: never said, there is no chat
          - when: event.path == '/text'
            do: [{answer: {body: "{{ event.method }} {{ event.query.a }}"}}]
"#;

async fn hook(world: &World, body: Value) -> String {
    let made = world.post("/api/v1/hooks", &body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let url = made.body["url"].as_str().expect("an address");
    let (_, id) = url.split_once("/hooks/").expect("a path");
    format!("/hooks/{id}")
}

async fn calls(world: &World, path: &str, body: &Value) -> Answer {
    answer(world.anonymous(Method::POST, path).json(body)).await
}

#[tokio::test]
async fn who_calls_waits_no_longer_than_somebody_may_answer() {
    let world = World::start().await;
    let path = hook(&world, json!({"name": "shop"})).await;
    let text = r#"
behaviors:
  - name: breaks
    on: webhook.received
    do:
      - find: task
        into: vars.tasks
      - set: {vars.x: "{{ 'soon' | date }}"}
  - name: is slow
    on: webhook.received
    when: event.body.slow
    do:
      - wait: 2s
      - answer: {body: late}
  - name: is silent
    on: webhook.received
    do:
      - find: task
        into: vars.tasks
"#;
    world.publish_good("shop", text).await;
    // The clock goes by tenths of a second, far from the deadline of ten seconds.
    let asked = async |body: Value| {
        let call = calls(&world, &path, &body);
        tokio::pin!(call);
        for tenths in 0.. {
            let pause = tokio::time::sleep(Duration::from_millis(50));
            tokio::select! {
                answered = &mut call => return (answered, tenths),
                () = pause => world.clock.turn(Duration::from_millis(100)),
            }
        }
        unreachable!("it is answered")
    };
    let (none, tenths) = asked(json!({})).await;
    assert_eq!((none.status, none.text.as_str()), (200, ""));
    assert!(tenths < 50, "nobody is left who could answer, after {tenths} tenths");
    let (slow, tenths) = asked(json!({"slow": true})).await;
    assert_eq!((slow.status, slow.text.as_str()), (200, "late"), "after {tenths} tenths");
    world.finish().await;
}

#[tokio::test]
async fn a_behavior_answers_who_calls() {
    let world = World::start().await;
    let path = hook(&world, json!({"name": "shop"})).await;
    let nobody = calls(&world, &path, &json!({"order": 1})).await;
    assert_eq!((nobody.status, nobody.text.as_str()), (200, ""), "nobody listens");
    world
        .publish_good(
            "shop",
            &TEXT.replace("              - note: never said, there is no chat\n", ""),
        )
        .await;
    let made = calls(&world, &path, &json!({"order": 17})).await;
    assert_eq!((made.status, made.header("x-order")), (201, "no. 17"));
    assert_eq!(made.body, json!({"task": 17}));
    let text = answer(world.anonymous(Method::GET, &format!("{path}/text?a=b"))).await;
    assert_eq!((text.status, text.text.as_str()), (200, "GET b"));
    assert!(text.header("content-security-policy").contains("sandbox"));
    let started = std::time::Instant::now();
    let unanswered = calls(&world, &path, &json!({"none": true})).await;
    assert_eq!(unanswered.status, 200);
    assert!(started.elapsed() < Duration::from_secs(8), "who could answer is through");
    let answers = world.events_of("question.answered").await;
    let by: Vec<&str> = answers.iter().filter_map(|event| event["data"]["by"].as_str()).collect();
    assert_eq!(by, ["default", "behavior", "behavior", "default"]);
    let asked = world.events_of("webhook.received").await;
    assert_eq!(asked.len(), 4);
    assert!(asked[1]["data"]["client_ip"].is_string());
    world.finish().await;
}

#[tokio::test]
async fn what_nests_too_deep_is_a_text_and_everything_can_be_read() {
    let world = World::start().await;
    let path = hook(&world, json!({"name": "shop"})).await;
    let deep = format!("{}{}", "[".repeat(127), "]".repeat(127));
    let called = answer(world.anonymous(Method::POST, &path).body(deep.clone())).await;
    assert_eq!(called.status, 200, "{}", called.text);
    world.settle().await;
    let body = format!(r#"{{"fields": {{"list": {deep}}}}}"#);
    let refused = world
        .call(Method::POST, "/api/v1/records/task")
        .header("content-type", "application/json")
        .body(body);
    let refused = answer(refused).await;
    assert_eq!((refused.status, &refused.body["code"]), (400, &json!("too_deep")));
    let world = world.restart().await;
    let told = world.events_of("webhook.received").await;
    assert_eq!(told[0]["data"]["body"], json!(deep));
    world.finish().await;
}

#[tokio::test]
async fn what_fails_is_answered_by_default_and_told() {
    let world = World::start().await;
    let path = hook(&world, json!({"name": "shop"})).await;
    world.publish_good("shop", TEXT).await;
    let failed = calls(&world, &path, &json!({"order": 17})).await;
    assert_eq!(failed.status, 200, "a note needs a chat, so nothing of the turn happened");
    assert_eq!(world.events_of("behavior.stopped").await.len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn an_answer_may_wait_for_another_system_and_comes_too_late_at_the_deadline() {
    let (world, shop) = (World::start().await, Receiver::start().await);
    let text = format!(
        r#"
behaviors:
  - name: slow
    on: webhook.received
    do:
      - http: {{url: "{}", timeout: 30s}}
        into: vars.a
      - answer: {{status: 202, body: "{{{{ vars.a.text }}}}"}}
"#,
        shop.url
    );
    shop.answers(|_| Reply::Said(200, Vec::new(), "in time".into()));
    world.publish_good("shop", &text).await;
    let path = hook(&world, json!({"name": "shop"})).await;
    let good = calls(&world, &path, &json!({})).await;
    assert_eq!((good.status, good.text.as_str()), (202, "in time"));
    shop.answers(|_| Reply::Never);
    let late = async {
        world
            .until("the call to be under way", async || (shop.got().len() == 2).then_some(()))
            .await;
        world.turn(Duration::from_secs(11));
        world
            .until("the deadline", async || {
                (world.events_of("question.answered").await.len() == 2).then_some(())
            })
            .await;
        shop.answers(|_| Reply::Said(200, Vec::new(), "late".into()));
    };
    let (answered, ()) = tokio::join!(calls(&world, &path, &Value::Null), late);
    assert_eq!(answered.status, 200);
    world.settle().await;
    let answers = world.events_of("question.answered").await;
    assert_eq!(answers.len(), 2);
    assert_eq!(answers[1]["data"]["by"], "default");
    world.finish().await;
}

#[tokio::test]
async fn a_hook_takes_what_is_signed() {
    let world = World::start().await;
    let github = hook(
        &world,
        json!({"name": "github", "signature": {
            "scheme": "hmac_sha256", "header": "X-Hub-Signature-256", "prefix": "sha256=",
            "secret": "It's a Secret to Everybody",
        }}),
    )
    .await;
    // The vendor's own example: body, secret and signature.
    let signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let call = |signature: Option<&str>, body: &'static str| {
        let call = world.anonymous(Method::POST, &github).body(body);
        match signature {
            Some(signature) => answer(call.header("X-Hub-Signature-256", signature.to_owned())),
            None => answer(call.header("x-none", "x")),
        }
    };
    assert_eq!(call(Some(signature), "Hello, World!").await.status, 200);
    for (signature, body) in [
        (Some(signature), "Hello, World"),
        (Some("sha256=00"), "Hello, World!"),
        (Some("757107ea"), "Hello, World!"),
        (None, "Hello, World!"),
    ] {
        let refused = call(signature, body).await;
        assert_eq!((refused.status, refused.code()), (401, "signature_wrong"));
    }
    let gitlab = hook(
        &world,
        json!({"name": "gitlab", "signature": {
            "scheme": "token", "header": "X-Gitlab-Token", "secret": "sixteen-letters-x",
        }}),
    )
    .await;
    let call = world.anonymous(Method::POST, &gitlab).header("X-Gitlab-Token", "sixteen-letters-x");
    assert_eq!(answer(call).await.status, 200);
    let told = world.events_of("webhook.received").await;
    assert_eq!(told.len(), 2, "what was refused is not kept");
    assert!(!told[1].to_string().contains("sixteen-letters"), "a token is not kept");
    world.finish().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_hook_is_told() {
    let world = World::start().await;
    let wrong = |body: Value| {
        let world = &world;
        async move {
            let made = world.post("/api/v1/hooks", &body).await;
            format!("{} {} {}", made.status, made.code(), made.pointer())
        }
    };
    let told = [
        wrong(json!({})).await,
        wrong(json!({"name": ""})).await,
        wrong(json!({"name": "a", "signature": {"scheme": "token", "header": "a b", "secret": "0123456789abcdef"}})).await,
        wrong(json!({"name": "a", "signature": {"scheme": "token", "header": "a", "secret": "short"}})).await,
        wrong(json!({"name": "a", "signature": {"scheme": "standard", "secret": "0123456789abcdef"}})).await,
    ];
    assert_eq!(
        told,
        [
            "422 invalid_field /name",
            "422 invalid_field /name",
            "422 invalid_field /signature/header",
            "422 invalid_field /signature/secret",
            "422 invalid_field /signature/secret",
        ]
    );
    for path in ["/hooks/none", "/hooks/0197c5a0-0000-4000-8000-000000000001"] {
        assert_eq!(calls(&world, path, &json!({})).await.status, 404, "{path}");
    }
    let path = hook(&world, json!({"name": "shop"})).await;
    let id = path.trim_start_matches("/hooks/");
    let patch = world.call(Method::PATCH, &format!("/api/v1/hooks/{id}"));
    let off = answer(patch.json(&json!({"enabled": false}))).await;
    assert_eq!((off.status, &off.body["enabled"]), (200, &json!(false)));
    assert_eq!(calls(&world, &path, &json!({})).await.status, 404, "it is switched off");
    let big = "x".repeat(300_000);
    let path = hook(&world, json!({"name": "big"})).await;
    let long = answer(world.anonymous(Method::POST, &path).body(big)).await;
    assert_eq!((long.status, long.code()), (413, "body_too_large"));
    world.finish().await;
}
