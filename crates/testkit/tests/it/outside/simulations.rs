//! What a bot would do: on samples, on what was recorded, a draft beside what is live. Nothing happens by it.

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};
use tidings_app::admin::tokens::{self, Right};
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{World, answer};

const LIVE: &str = r#"
behaviors:
  - name: order
    on: chat.message
    from: customer
    when: "'pizza' in event.text"
    do:
      - ask: Which size?
        buttons: [S, L]
        into: session.size
        timeout: {after: 10m, do: [{say: Still there?}]}
      - http: {url: "https://shop.example.com", json: {size: "{{ session.size }}"}}
        into: vars.order
      - say: "{{ session.size }}, {{ customer.name | default('friend') }}: {{ vars.order.json.state | default('?') }}"
"#;

async fn whats(world: &World, body: Value) -> (Vec<Value>, Value) {
    let before = world.events().await.len();
    let answer = world.post("/api/v1/simulations", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    assert_eq!(world.events().await.len(), before, "nothing happened");
    let steps = answer.body["steps"].as_array().expect("steps");
    let did = steps.iter().flat_map(|step| step["did"].as_array().expect("a list"));
    (did.map(|told| told["what"].clone()).collect(), answer.body)
}

#[tokio::test]
async fn a_draft_is_tried_on_events_that_are_given() {
    let world = World::start().await;
    let events = json!([
        {"type": "chat.message", "data": {"text": "a pizza"}},
        {"type": "chat.postback", "data": {"value": "L", "text": "L"}},
        {"type": "chat.message", "data": {"text": "another pizza"}},
    ]);
    let stubs = json!({"http": {"status": 200, "json": {"state": "baked"}}});
    let body =
        json!({"bot": "pizzeria", "files": {"a.yaml": LIVE}, "events": events, "stubs": stubs});
    let (did, whole) = whats(&world, body).await;
    assert_eq!(
        did,
        [
            json!({"say": "Which size?", "buttons": ["S", "L"]}),
            json!({"http": {"url": "https://shop.example.com", "json": {"size": "L"}}}),
            json!({"say": "L, friend: baked"}),
            json!({"say": "Which size?", "buttons": ["S", "L"]}),
            json!({"say": "Still there?"}),
        ]
    );
    assert_eq!(whole["runs"].as_array().map(Vec::len), Some(2));
    world.finish().await;
}

#[tokio::test]
async fn a_draft_is_compared_with_what_is_live_over_what_was_said() {
    let world = World::start().await;
    let live = LIVE.replace("https://shop.example.com", "http://127.0.0.1:9");
    world.publish_good("pizzeria", &live).await;
    let alice = Visitor::comes(&world, world.web_channel_of("pizzeria").await).await;
    for text in ["hello", "a pizza", "S"] {
        alice.says(&world, text).await;
        world.settle().await;
    }
    let chat = alice.chat(&world).await;
    let draft = live.replace("Which size?", "S or L?");
    let body =
        json!({"bot": "pizzeria", "files": {"a.yaml": draft}, "chat": chat, "compare": true});
    let (did, whole) = whats(&world, body).await;
    assert_eq!(did[0]["say"], "S or L?");
    assert_eq!(whole["live"]["same"], false);
    assert_eq!(whole["live"]["different"].as_array().map(Vec::len), Some(1), "{whole}");
    let same = json!({"bot": "pizzeria", "last": 100, "compare": true});
    let (did, whole) = whats(&world, same).await;
    assert_eq!((did.len(), &whole["live"]["same"]), (3, &json!(true)), "{whole}");
    let message = world.events_of("chat.message").await;
    let pizza =
        message.iter().find(|event| event["data"]["text"] == "a pizza").expect("it was said");
    let (did, _) = whats(&world, json!({"bot": "pizzeria", "event": pizza["id"]})).await;
    assert_eq!(did.len(), 2, "the question, and what comes when nobody answers: {did:?}");
    world.finish().await;
}

#[tokio::test]
async fn a_draft_is_tried_by_who_may_publish_one() {
    let world = World::start().await;
    world.publish_good("pizzeria", LIVE).await;
    let rights = BTreeSet::from([Right::Read]);
    let reader = tokens::create(&world.app, world.workspace, "reader", rights, None).await;
    let (_, secret) = reader.expect("a token");
    let tries = async |body: Value| {
        let call = world.anonymous(Method::POST, "/api/v1/simulations").bearer_auth(&secret);
        answer(call.json(&body)).await
    };
    let events = json!([{"type": "chat.message", "data": {"text": "hello"}}]);
    let live = tries(json!({"bot": "pizzeria", "events": events})).await;
    assert_eq!((live.status, &live.body["ended_early"]), (200, &json!(false)));
    let files = json!({"a.yaml": LIVE});
    let draft = tries(json!({"bot": "pizzeria", "files": files, "events": events})).await;
    assert_eq!((draft.status, draft.code()), (403, "right_missing"));
    world.finish().await;
}

#[tokio::test]
async fn what_is_wrong_with_a_simulation_is_told() {
    let world = World::start().await;
    let wrong = |body: Value| {
        let world = &world;
        async move {
            let answer = world.post("/api/v1/simulations", &body).await;
            format!("{} {} {}", answer.status, answer.code(), answer.pointer())
        }
    };
    let text = json!({"a.yaml": LIVE});
    let told = [
        wrong(json!({"bot": "pizzeria", "last": 1})).await,
        wrong(json!({"bot": "pizzeria", "files": text})).await,
        wrong(json!({"bot": "pizzeria", "files": text, "last": 0})).await,
        wrong(json!({"bot": "pizzeria", "files": text, "events": [{"type": "chat.massage"}]})).await,
        wrong(json!({"bot": "pizzeria", "files": {"a.yaml": "behaviors: 7"}, "last": 1})).await,
        wrong(json!({"bot": "pizzeria", "files": text, "chat": "0197c5a0-0000-4000-8000-000000000001"})).await,
    ];
    assert_eq!(
        told,
        [
            "404 not_found ",
            "422 invalid_field /events",
            "422 invalid_field /last",
            "422 invalid_field /events/0/type",
            "422 invalid_field /files/a.yaml",
            "404 not_found ",
        ]
    );
    world.finish().await;
}
