//! What bots keep has a soft limit that is told of, and a hard one that is held.

use serde_json::{Value, json};
use tidings_app::pipeline::enact::{DATA_HARD_BYTES_MAX, DATA_SOFT_BYTES_MAX};
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::World;

/// A bot that keeps so many lists of some 24 kB, and tells how many letters of the first it has.
fn keeper(which: &str) -> String {
    let set = |count: usize| {
        let names: Vec<String> =
            (0..count).map(|n| format!("{which}.k{n}: '{{{{ range(5000) | list }}}}'")).collect();
        format!("set: {{{}, {which}.said: '{{{{ event.text }}}}'}}", names.join(", "))
    };
    format!(
        "
behaviors:
  - {{name: some, on: chat.message, when: \"event.text == 'some'\", do: [{{{}}}]}}
  - {{name: more, on: chat.message, when: \"event.text == 'more'\", do: [{{{}}}, {{say: 'More.'}}]}}
  - {{name: most, on: chat.message, when: \"event.text == 'most'\", do: [{{{}}}, {{say: 'Most.'}}]}}
  - {{name: tell, on: chat.message, when: \"event.text == 'tell'\", do: [{{say: 'Kept {{{{ {which}.said }}}}.'}}]}}
",
        set(1),
        set(6),
        set(50)
    )
}

async fn story(which: &str) {
    let world = World::start().await;
    world.publish_good("keeper", &keeper(which)).await;
    let alice = Visitor::comes(&world, world.web_channel_of("keeper").await).await;
    let says = async |text: &str, answer: &str| {
        alice.says(&world, text).await;
        alice.waits_for(&world, answer).await;
    };
    alice.says(&world, "some").await;
    says("tell", "bot Kept some.").await;
    let told = async |limit: &str| world.events_of(&format!("{which}.data_{limit}_exceeded")).await;
    assert_eq!(told("soft_limit").await, Vec::<Value>::new());

    says("more", "bot More.").await;
    says("tell", "bot Kept more.").await;
    let soft = told("soft_limit").await;
    assert_eq!((soft.len(), &soft[0]["data"]["bot"]), (1, &json!("keeper")));
    assert_eq!(soft[0]["data"]["limit"], DATA_SOFT_BYTES_MAX);
    assert!(soft[0]["data"]["bytes"].as_u64() > Some(100 * 1024), "{soft:?}");

    says("most", "bot Most.").await;
    says("tell", "bot Kept more.").await;
    let hard = told("hard_limit").await;
    assert_eq!((hard.len(), &hard[0]["data"]["limit"]), (1, &json!(DATA_HARD_BYTES_MAX)));
    assert_eq!(hard[0]["visibility"], "agents");
    assert_eq!(told("soft_limit").await.len(), 1, "it is told when the limit is passed, not again");
    world.finish().await;
}

#[tokio::test]
async fn of_a_session() {
    story("session").await;
}

#[tokio::test]
async fn of_a_customer() {
    story("client").await;
}
