//! Many at once say the same, or are the first: one event, one chat, no gap.

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};
use tidings_api::{Limits, Rate};
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{Start, World, answer};

/// How many come at once.
const AT_ONCE: usize = 32;

#[tokio::test(flavor = "multi_thread")]
async fn one_key_is_one_event_however_often_it_comes() {
    let world = World::start().await;
    let body = json!({ "type": "note.added", "data": { "text": "once" } });
    let posts = (0..AT_ONCE).map(|_| {
        let call = world.call(Method::POST, "/api/v1/events").header("idempotency-key", "k1");
        answer(call.json(&body))
    });
    let answers = join_all(posts).await;
    let new = answers.iter().filter(|answer| answer.status == 201).count();
    let replayed = answers
        .iter()
        .filter(|answer| answer.status == 200 && answer.header("idempotent-replayed") == "true")
        .count();
    assert_eq!((new, replayed), (1, AT_ONCE - 1), "{answers:?}");
    assert!(answers.iter().all(|answer| answer.body == answers[0].body));
    let other = json!({ "type": "note.added", "data": { "text": "another" } });
    let call = world.call(Method::POST, "/api/v1/events").header("idempotency-key", "k1");
    let refused = answer(call.json(&other)).await;
    assert_eq!((refused.status, refused.code()), (409, "idempotency_key_reused"));
    assert_eq!(world.events().await.len(), 1);

    let world = world.restart().await;
    let call = world.call(Method::POST, "/api/v1/events").header("idempotency-key", "k1");
    let after = answer(call.json(&body)).await;
    assert_eq!((after.status, &after.body), (200, &answers[0].body));
    world.finish().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_first_messages_make_one_chat() {
    let limits =
        Limits { per_visitor: Rate::NONE, visitors_per_address: Rate::NONE, ..Limits::default() };
    let world = World::begin(Start { limits, ..Start::default() }).await;
    let text = "
behaviors:
  - {name: greet, on: chat.started, do: [{say: Hello.}]}
";
    world.publish_good("pizzeria", text).await;
    let alice = Visitor::comes(&world, world.web_channel_of("pizzeria").await).await;
    let bodies: Vec<Value> = (0..AT_ONCE)
        .map(
            |number| json!({ "text": format!("word {number}"), "custom_id": format!("c{number}") }),
        )
        .collect();
    // Each comes twice, as a page does that lost the answer.
    let posts = bodies.iter().chain(&bodies).map(|body| alice.tries(&world, body));
    let answers = join_all(posts).await;
    let new = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(new, AT_ONCE, "{answers:?}");
    assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 201)), "{answers:?}");
    world.settle().await;
    let log = world.events().await;
    let of_type = |name: &str| log.iter().filter(|event| event["type"] == name).count();
    assert_eq!((of_type("chat.started"), of_type("chat.message")), (1, AT_ONCE + 1));
    let orders: Vec<u64> = log.iter().filter_map(|event| event["order"].as_u64()).collect();
    assert_eq!(orders, (1..=AT_ONCE as u64 + 2).collect::<Vec<_>>());
    assert_eq!(world.get("/api/v1/chats").await.items().len(), 1);
    assert_eq!(world.get("/api/v1/customers").await.items().len(), 1);
    world.finish().await;
}
