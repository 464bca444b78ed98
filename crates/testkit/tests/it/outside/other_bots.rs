//! The step `call` of a behavior of another bot: what it leaves comes back, whatever it does meanwhile, and once.

use serde_json::json;
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::World;

const BAKERY: &str = r#"
behaviors:
  - name: price
    public: true
    inputs: {size: {type: choice, of: [S, L]}, count: {type: number, default: 1}}
    result: number
    do:
      - create: {record: quote, set: {size: "{{ vars.size }}"}}
      - set: {vars.result: "{{ vars.count * (8 if vars.size == 'L' else 5) }}"}
  - name: address
    public: true
    result: text
    do:
      - ask: {text: Where do you live?, into: vars.result}
  - name: broken
    public: true
    do: [{stop: "{{ 1 / 0 }}"}]
  - name: private
    do: [{note: never called}]
"#;

fn pizzeria(call: &str) -> String {
    format!(
        r#"
behaviors:
  - name: main
    on: chat.message
    from: customer
    when: not session.asked
    do:
      - set: {{session.asked: true}}
      - call: {call}
        into: vars.result
        on_error: [{{say: "Sorry: {{{{ answer.error.code }}}}."}}, stop]
      - say: "It is {{{{ vars.result }}}}."
"#
    )
}

/// What the bots of a pizzeria and a bakery say to somebody who writes these things.
async fn said(world: &World, call: &str, words: &[&str]) -> Vec<String> {
    world.publish_good("bakery", BAKERY).await;
    world.publish_good("pizzeria", &pizzeria(call)).await;
    let alice = Visitor::comes(world, world.web_channel().await).await;
    for text in words {
        alice.says(world, text).await;
        world.settle().await;
    }
    let messages = alice.transcript(world).await;
    let messages = messages.iter().filter(|line| line.contains(" chat.message "));
    messages
        .filter_map(|line| Some(line.split_once(' ')?.1.replace(" chat.message ", ": ")))
        .collect()
}

#[tokio::test]
async fn what_a_public_behavior_leaves_comes_back() {
    let world = World::start().await;
    let told =
        said(&world, "{behavior: bakery/price, with: {size: L, count: 2}}", &["hello"]).await;
    assert_eq!(told, ["customer: hello", "bot pizzeria: It is 16."]);
    let called = world.events_of("behavior.called").await;
    assert_eq!(called.len(), 1);
    assert_eq!(called[0]["author"]["id"], "pizzeria");
    assert_eq!(world.events_of("record.created").await.len(), 1);
    world.finish().await;
}

#[tokio::test]
async fn the_called_one_may_talk_with_the_customer() {
    let world = World::start().await;
    let call = "{behavior: bakery/address, timeout: 1h}";
    let told = said(&world, call, &["hello", "Via Roma 1"]).await;
    assert_eq!(
        told,
        [
            "customer: hello",
            "bot bakery: Where do you live?",
            "customer: Via Roma 1",
            "bot pizzeria: It is Via Roma 1.",
        ]
    );
    world.finish().await;
}

#[tokio::test]
async fn what_gives_nothing_says_why() {
    let cases = [
        ("bakery/private", "unknown_behavior"),
        ("bakery/gone", "unknown_behavior"),
        ("{behavior: bakery/price, with: {size: XL}}", "wrong_value"),
        ("bakery/broken", "template_failed"),
        ("{behavior: bakery/price, timeout: 2 days}", "wrong_value"),
    ];
    for (call, code) in cases {
        let world = World::start().await;
        let told = said(&world, call, &["hello"]).await;
        let last = told.last().cloned().unwrap_or_default();
        assert!(last.ends_with(&format!("Sorry: {code}.")), "{call}: {told:?}");
        world.finish().await;
    }
}

#[tokio::test]
async fn nobody_is_waited_for_longer_than_the_call_says() {
    let world = World::start().await;
    let call = "{behavior: bakery/address, timeout: 10 minutes}";
    said(&world, call, &["hello"]).await;
    world.turn(std::time::Duration::from_secs(601));
    world.settle().await;
    let said = world.events_of("chat.message").await;
    assert_eq!(
        said.last().map(|event| event["data"]["text"].clone()),
        Some("Sorry: no_answer.".into())
    );
    world.finish().await;
}

#[tokio::test]
async fn nobody_talks_where_a_person_has_the_chat() {
    let world = World::start().await;
    let bob = json!({ "name": "Bob" });
    assert!(world.put("/api/v1/agents/bob@example.com", &bob).await.status < 300);
    world.publish_good("bakery", BAKERY).await;
    let quiet = pizzeria("{behavior: bakery/address, timeout: 1h}")
        .replace("say: \"Sorry", "note: \"Sorry");
    let alice = Visitor::comes(&world, world.web_channel().await).await;
    world.publish("pizzeria", "behaviors: []").await;
    alice.says(&world, "is anybody there?").await;
    world.publish_good("pizzeria", &quiet).await;
    let chat = alice.chat(&world).await;
    let held = json!({ "holder": { "kind": "agent", "id": "bob@example.com" }, "reason": "mine" });
    assert_eq!(world.put(&format!("/api/v1/chats/{chat}/control"), &held).await.status, 200);
    alice.says(&world, "hello").await;
    world.settle().await;
    let notes = world.events_of("note.added").await;
    assert_eq!(notes.len(), 1, "{:?}", alice.transcript(&world).await);
    assert_eq!(notes[0]["data"]["text"], "Sorry: not_in_control.");
    assert_eq!(world.events_of("chat.message").await.len(), 2);
    world.finish().await;
}

#[tokio::test]
async fn bots_that_call_each_other_come_to_an_end() {
    let world = World::start().await;
    let calls = |whom: &str| {
        format!(
            "behaviors:\n  - {{name: go, public: true, on: chat.message, from: customer, do: [{{call: {whom}/go, timeout: 10m}}]}}\n"
        )
    };
    world.publish_good("ping", &calls("pong")).await;
    world.publish_good("pong", &calls("ping").replace("on: chat.message, ", "")).await;
    let alice = Visitor::comes(&world, world.web_channel_of("ping").await).await;
    alice.says(&world, "hello").await;
    world.settle().await;
    let called = world.events_of("behavior.called").await.len();
    assert!((2..=8).contains(&called), "{called} calls");
    let stopped = world.events_of("behavior.stopped").await;
    assert!(stopped.iter().any(|event| event["data"]["reason"] == "loop_guard"), "{stopped:?}");
    world.finish().await;
}
