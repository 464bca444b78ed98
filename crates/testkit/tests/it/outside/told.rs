//! Agents are told something by behaviors, and chats are given to agents and groups.

use serde_json::json;
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::World;

#[tokio::test]
async fn a_chat_gets_an_owner_and_a_group_and_they_are_told() {
    let world = World::start().await;
    for (id, group) in [
        ("bob@example.com", "sales"),
        ("carol@example.com", "sales"),
        ("olga@example.com", "ovens"),
    ] {
        let agent = json!({"name": id, "groups": [group]});
        let made = world.put(&format!("/api/v1/agents/{id}"), &agent).await;
        assert!(made.status < 300, "{}", made.text);
    }
    world
        .publish_good(
            "office",
            r#"
behaviors:
  - name: give
    on: chat.message
    from: customer
    do:
      - move: sales
      - assign: bob@example.com
      - notify: {text: "{{ event.text }}"}
      - notify: {group: sales, text: Look., link: "/chats/{{ chat.id }}"}
      - say: Bob will look at it.
  - name: hear
    on: event.notification.received.worker
    do: [{label: "told-{{ event.agent }}"}]
  - name: moved
    on: event.mail.moved.group
    do: [{label: "in-{{ event.group }}"}]
"#,
        )
        .await;
    let alice = Visitor::comes(&world, world.web_channel_of("office").await).await;
    alice.says(&world, "Help").await;
    world.settle().await;
    let told = world.events_of("notification.received").await;
    let told: Vec<String> = told
        .iter()
        .map(|event| format!("{} {}", event["data"]["agent"], event["data"]["text"]))
        .collect();
    assert_eq!(
        told,
        [
            "\"bob@example.com\" \"Help\"",
            "\"bob@example.com\" \"Look.\"",
            "\"carol@example.com\" \"Look.\"",
        ]
    );
    let chat = alice.chat(&world).await;
    let chat = world.get(&format!("/api/v1/chats/{chat}")).await.body;
    assert_eq!((&chat["assignee"], &chat["group"]), (&json!("bob@example.com"), &json!("sales")));
    assert_eq!(
        chat["labels"],
        json!(["in-sales", "told-bob@example.com", "told-carol@example.com"])
    );
    world.finish().await;
}

#[tokio::test]
async fn who_is_not_there_cannot_be_told() {
    let world = World::start().await;
    let text = "behaviors:\n  - {name: give, on: chat.message, from: customer, do: [{assign: eve@example.com}, {say: never}]}\n";
    world.publish_good("office", text).await;
    let alice = Visitor::comes(&world, world.web_channel_of("office").await).await;
    alice.says(&world, "Help").await;
    world.settle().await;
    let stopped = world.events_of("behavior.stopped").await;
    assert_eq!(stopped[0]["data"]["message"], "there is no agent eve@example.com");
    world.finish().await;
}

#[tokio::test]
async fn a_bot_hears_what_concerns_its_owner() {
    let world = World::start().await;
    for (id, group) in [("bob@example.com", "sales"), ("olga@example.com", "ovens")] {
        let made = world
            .put(&format!("/api/v1/agents/{id}"), &json!({"name": id, "groups": [group]}))
            .await;
        assert!(made.status < 300, "{}", made.text);
    }
    let office = r#"
behaviors:
  - name: give
    on: chat.message
    from: customer
    when: event.text in ['sales', 'ovens']
    do: [{move: "{{ event.text }}"}, {notify: {agent: olga@example.com, text: Look.}}]
"#;
    let theirs = |owner: &str, label: &str| {
        format!(
            "owner: {owner}\nbehaviors:\n  - {{name: hear, on: [chat.message, notification.received], from: customer, do: [{{label: {label}}}]}}\n"
        )
    };
    let of_group = theirs("{group: ovens}", "ovens").replace(", notification.received", "");
    let told = "owner: {agent: olga@example.com}\nbehaviors:\n  - {name: hear, on: [chat.message, notification.received], do: [{create: {record: heard, set: {by: olga, type: '{{ meta.type }}'}}}]}\n";
    let bob = told.replace("olga", "bob");
    world.publish_good("office", office).await;
    world.publish_good("ovens", &of_group).await;
    world.publish_good("olga", told).await;
    world.publish_good("bob", &bob).await;
    let alice = Visitor::comes(&world, world.web_channel_of("office").await).await;
    for text in ["sales", "hello"] {
        alice.says(&world, text).await;
        world.settle().await;
    }
    let chat = alice.chat(&world).await;
    let path = format!("/api/v1/chats/{chat}");
    assert_eq!(world.get(&path).await.body["labels"], json!([]), "not in the group yet");
    for text in ["ovens", "hello again"] {
        alice.says(&world, text).await;
        world.settle().await;
    }
    assert_eq!(world.get(&path).await.body["labels"], json!(["ovens"]));
    let heard = world.events_of("record.created").await;
    let heard: Vec<_> = heard.iter().map(|event| event["data"]["record"].clone()).collect();
    let olga = json!({"by": "olga", "type": "notification.received"});
    assert_eq!(heard, [olga.clone(), olga], "what names her, and nothing that she has no part in");
    world.finish().await;
}

#[tokio::test]
async fn what_a_bot_of_such_an_owner_never_hears_is_told() {
    let world = World::start().await;
    let text = "owner: {group: ovens}\nbehaviors:\n  - {name: hear, on: event.notification.received.worker, do: [{note: never}]}\n";
    let tidings_app::admin::bots::Published::Refused { problems } =
        world.publish("ovens", text).await
    else {
        panic!("published")
    };
    assert_eq!(problems.iter().map(|problem| problem.code).collect::<Vec<_>>(), ["wrong_owner"]);
    world.finish().await;
}
