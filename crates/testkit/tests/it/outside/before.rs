//! Behaviors that are asked before something is said: they change it, refuse it, or are too slow.

use std::sync::Arc;

use serde_json::{Value, json};
use tidings_testkit::receiver::{Receiver, Reply};
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{Answer, World};

const GUARD: &str = r#"
behaviors:
  - name: no cards
    on: message.sending
    priority: 5
    do:
      - choose:
          - when: "'secret' in event.text"
            do: [{refuse: "{{ event.author.id }} may not say that."}]
      - change: {text: "{{ event.text | replace('4111', '****') }}"}
  - name: sign
    on: message.sending
    do: [{change: {text: "{{ event.text }} -- {{ event.author.id }}"}}]
"#;

async fn alice_in(world: &World) -> (Visitor, String) {
    let alice = Visitor::comes(world, world.web_channel().await).await;
    alice.says(world, "hello").await;
    world.settle().await;
    let chat = alice.chat(world).await;
    (alice, chat)
}

async fn bob_says(world: &World, chat: &str, text: &str) -> Answer {
    let body = json!({
        "type": "chat.message", "chat": chat, "data": {"text": text},
        "author": {"kind": "agent", "id": "bob@example.com"},
    });
    world.post("/api/v1/events", &body).await
}

#[tokio::test]
async fn what_is_said_is_changed_by_one_after_the_other_or_refused() {
    let world = World::start().await;
    world.publish_good("guard", GUARD).await;
    let (alice, chat) = alice_in(&world).await;
    let sent = bob_says(&world, &chat, "It is 4111.").await;
    assert_eq!(sent.status, 201, "{}", sent.text);
    assert_eq!(sent.body["data"]["text"], "It is ****. -- bob@example.com");
    let refused = bob_says(&world, &chat, "a secret").await;
    assert_eq!((refused.status, refused.code()), (422, "refused_by_behavior"));
    assert_eq!(refused.body["detail"], "bob@example.com may not say that.");
    world.settle().await;
    assert_eq!(
        alice.reads(&world).await,
        ["customer hello", "agent It is ****. -- bob@example.com"]
    );
    let told = world.events_of("behavior.refused").await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["data"]["behavior"], &told[0]["chat"]),
        (&json!("no cards"), &json!(chat))
    );
    let runs = world.get(&format!("/api/v1/runs?chat={chat}")).await;
    let of: Vec<&Value> = runs.items().iter().map(|run| &run["behavior"]).collect();
    assert_eq!(of.len(), 3, "two for what was said, one for the refusal: {of:?}");
    world.finish().await;
}

#[tokio::test]
async fn who_takes_too_long_or_fails_changes_nothing() {
    let (world, shop) = (World::start().await, Arc::new(Receiver::start().await));
    shop.answers(|_| Reply::Never);
    let slow = format!(
        r#"
behaviors:
  - name: slow
    on: message.sending
    priority: 9
    do:
      - http: {}
        into: vars.a
      - change: {{text: too late}}
  - name: broken
    on: message.sending
    do: [{{change: {{text: "{{{{ event.text + 1 }}}}"}}}}]
"#,
        shop.url
    );
    world.publish_good("slow", &slow).await;
    let (alice, chat) = alice_in(&world).await;
    let sent = bob_says(&world, &chat, "Hello.").await;
    assert_eq!((sent.status, &sent.body["data"]["text"]), (201, &json!("Hello.")), "{}", sent.text);
    world.settle().await;
    assert_eq!(alice.reads(&world).await, ["customer hello", "agent Hello."]);
    let runs = world.get(&format!("/api/v1/runs?chat={chat}")).await;
    let states: Vec<String> = runs
        .items()
        .iter()
        .map(|run| {
            format!(
                "{} {}",
                run["behavior"].as_str().unwrap_or_default(),
                run["state"]["state"].as_str().unwrap_or_default()
            )
        })
        .collect();
    assert_eq!(states.len(), 2, "{states:?}");
    assert!(states.iter().all(|state| state.contains("stopped")), "{states:?}");
    shop.answers(|_| Reply::Status(200));
    world.finish().await;
}
