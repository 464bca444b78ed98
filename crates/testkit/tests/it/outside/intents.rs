//! What a customer's text means: told to the bot that has the intents, unless the text was an answer or a person has the
//! chat.

use serde_json::{Value, json};
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::World;

const TEXT: &str = r#"
intents:
  order: [I want a pizza, can I order, one margherita please, I would like to order something]
  hours: [when do you open, are you open on Sunday, opening hours, how long are you open]
behaviors:
  - name: take an order
    on: nlu.match
    when: event.intent == 'order'
    do:
      - ask: Which size?
        into: session.size
      - say: "One {{ session.size }}."
  - {name: hours, on: match, when: event.intent == 'hours', do: [{say: From eleven to eleven.}]}
  - {name: else, on: nlu.no_match, do: [{say: I did not get that.}]}
  - name: ask the classifier
    on: chat.command
    do:
      - classify: "{{ event.arguments | default('are you open today') }}"
        into: vars.meaning
      - note: "{{ vars.meaning.intent | default('nothing') }}"
"#;

#[tokio::test]
async fn a_bot_hears_what_texts_mean() {
    let world = World::start().await;
    world.publish_good("pizzeria", TEXT).await;
    // Another bot has its own intents, and hears nothing of these.
    let other = TEXT
        .replace("say:", "note:")
        .replace("ask: Which size?\n        into: session.size\n      - ", "");
    world.publish_good("quiet", &other.replace("pizza", "car").replace("margherita", "bus")).await;
    let alice = Visitor::comes(&world, world.web_channel_of("pizzeria").await).await;
    for text in ["can I order a margherita", "large", "are you open on sunday?", "xyzzy plugh"] {
        alice.says(&world, text).await;
        world.settle().await;
    }
    assert_eq!(
        alice.reads(&world).await,
        [
            "customer can I order a margherita",
            "bot Which size?",
            "customer large",
            "bot One large.",
            "customer are you open on sunday?",
            "bot From eleven to eleven.",
            "customer xyzzy plugh",
            "bot I did not get that.",
        ]
    );
    let meant: Vec<Value> = world.events_of("nlu.match").await;
    assert_eq!(meant.len(), 2, "an answer is not classified: {meant:?}");
    assert!(meant.iter().all(|event| event["data"]["bot"] == "pizzeria"));
    assert_eq!(meant[0]["cause"], meant[0]["data"]["message"]);
    world.finish().await;
}

#[tokio::test]
async fn nothing_is_understood_while_a_person_has_the_chat() {
    let world = World::start().await;
    world.publish_good("pizzeria", TEXT).await;
    let alice = Visitor::comes(&world, world.web_channel_of("pizzeria").await).await;
    alice.says(&world, "xyzzy").await;
    world.settle().await;
    let chat = alice.chat(&world).await;
    assert!(
        world.put("/api/v1/agents/bob@example.com", &json!({"name": "Bob"})).await.status < 300
    );
    let bob = json!({"kind": "agent", "id": "bob@example.com"});
    let held = world.put(&format!("/api/v1/chats/{chat}/control"), &json!({"holder": bob})).await;
    assert_eq!(held.status, 200, "{held:?}");
    alice.says(&world, "can I order").await;
    world.settle().await;
    assert!(world.events_of("nlu.match").await.is_empty());
    world.finish().await;
}

#[tokio::test]
async fn a_step_asks_what_a_text_means() {
    let world = World::start().await;
    world.publish_good("pizzeria", TEXT).await;
    let alice = Visitor::comes(&world, world.web_channel().await).await;
    alice.says(&world, "hello").await;
    world.settle().await;
    let chat = alice.chat(&world).await;
    let author = world.events_of("chat.message").await[0]["author"].clone();
    for arguments in [json!("when do you open"), json!("xyzzy")] {
        let data = json!({"command": "what", "arguments": arguments, "text": "/what"});
        let body = json!({"type": "chat.command", "chat": chat, "data": data, "author": author});
        let sent = world.post("/api/v1/events", &body).await;
        assert_eq!(sent.status, 201, "{sent:?}");
        world.settle().await;
    }
    let notes = world.events_of("note.added").await;
    let notes: Vec<&str> = notes.iter().filter_map(|note| note["data"]["text"].as_str()).collect();
    assert_eq!(notes, ["hours", "nothing"]);
    world.finish().await;
}
