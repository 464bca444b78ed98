//! A bot converses: it asks, takes only good answers, gives up in time, and waits over a restart.

use std::time::Duration;

use serde_json::{Value, json};
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::World;

/// A bot that asks for a size, and says good-bye when nobody answers.
pub(crate) const PIZZERIA: &str = "
behaviors:
  - name: order
    on: chat.message
    when: event.text == 'pizza'
    do:
      - ask: Which size?
        buttons: [S, L]
        validate: buttons
        retry: S or L, please.
        into: session.size
        timeout: {after: 10m, do: [{say: Good-bye then.}]}
      - say: 'One {{ session.size }} pizza.'
";

#[tokio::test]
async fn a_wrong_answer_is_asked_again_and_the_right_one_is_taken_after_a_restart() {
    let world = World::start().await;
    world.publish_good("pizzeria", PIZZERIA).await;
    let alice = Visitor::comes(&world, world.web_channel_of("pizzeria").await).await;
    alice.says(&world, "pizza").await;
    alice.waits_for(&world, "bot Which size?").await;
    alice.says(&world, "huge").await;
    alice.waits_for(&world, "bot S or L, please.").await;
    let asked = &world.events_of("chat.rich_message").await[0];
    assert_eq!(asked["data"]["template"], "quick_replies");
    assert_eq!(asked["data"]["elements"][0]["buttons"][1]["value"], "L");

    let world = world.restart().await;
    let run = run_of(&world, &alice).await;
    assert_eq!(run["state"]["state"], "waiting");
    alice.presses(&world, "l").await;
    alice.waits_for(&world, "bot One L pizza.").await;
    world.settle().await;
    assert_eq!(
        alice.transcript(&world).await,
        [
            "1 customer chat.started",
            "2 customer chat.message pizza",
            "3 bot pizzeria chat.rich_message Which size?",
            "4 customer chat.message huge",
            "5 bot pizzeria chat.rich_message S or L, please.",
            "6 customer chat.postback l",
            "7 bot pizzeria chat.message One L pizza.",
        ]
    );

    let run = run_of(&world, &alice).await;
    let trace: Vec<String> = run["trace"].as_array().expect("a trace").iter().map(step).collect();
    assert_eq!(
        trace,
        [
            r#"bot.yaml:5 when {"when":"event.text == 'pizza'","value":true}"#,
            r#"bot.yaml:7 ask {"text":"Which size?","buttons":["S","L"],"until":"2026-05-28T20:36:40Z"}"#,
            r#"bot.yaml:7 ask {"answer":"huge","valid":false,"attempt":1}"#,
            r#"bot.yaml:7 ask {"answer":"L","valid":true}"#,
            r#"bot.yaml:13 say {"text":"One L pizza."}"#,
        ]
    );
    assert_eq!(
        (&run["bot"], &run["behavior"], &run["state"]),
        (&json!("pizzeria"), &json!("order"), &json!({ "state": "done" }))
    );
    world.turn(Duration::from_secs(3_600));
    world.settle().await;
    assert_eq!(alice.reads(&world).await.last().map(String::as_str), Some("bot One L pizza."));
    world.finish().await;
}

#[tokio::test]
async fn a_question_that_nobody_answers_ends_in_time_even_over_a_restart() {
    let world = World::start().await;
    world.publish_good("pizzeria", PIZZERIA).await;
    let channel = world.web_channel_of("pizzeria").await;
    let (alice, ben) =
        (Visitor::comes(&world, channel).await, Visitor::comes(&world, channel).await);
    for visitor in [&alice, &ben] {
        visitor.says(&world, "pizza").await;
        visitor.waits_for(&world, "bot Which size?").await;
    }
    world.turn(Duration::from_secs(599));
    world.settle().await;
    ben.says(&world, "S").await;
    ben.waits_for(&world, "bot One S pizza.").await;
    assert_eq!(alice.reads(&world).await.len(), 2, "a second is left");

    let world = world.restart().await;
    world.turn(Duration::from_secs(1));
    alice.waits_for(&world, "bot Good-bye then.").await;
    // The question is over: what she says now is no answer.
    alice.says(&world, "L").await;
    world.settle().await;
    assert_eq!(alice.reads(&world).await.last().map(String::as_str), Some("customer L"));
    assert_eq!(ben.reads(&world).await.last().map(String::as_str), Some("bot One S pizza."));
    assert_eq!(run_of(&world, &alice).await["state"]["state"], "done");
    world.finish().await;
}

#[tokio::test]
async fn a_question_takes_the_place_of_another_and_only_of_that() {
    let world = World::start().await;
    let text = "
behaviors:
  - name: slow
    on: chat.message
    when: event.text == 'later'
    do: [{wait: 5m}, {ask: Are you there?}, {say: 'There: {{ answer }}'}]
  - name: fast
    on: chat.message
    when: event.text == 'now'
    do: [{ask: What now?}, {say: 'Now: {{ answer }}'}]
";
    world.publish_good("pizzeria", text).await;
    let alice = Visitor::comes(&world, world.web_channel_of("pizzeria").await).await;
    alice.says(&world, "later").await;
    alice.says(&world, "now").await;
    alice.waits_for(&world, "bot What now?").await;
    world.turn(Duration::from_secs(300));
    alice.waits_for(&world, "bot Are you there?").await;
    alice.says(&world, "yes").await;
    alice.waits_for(&world, "bot There: yes").await;
    world.settle().await;
    let runs = world.get("/api/v1/runs?behavior=pizzeria/fast").await;
    let state = &runs.items()[0]["state"];
    assert_eq!((&state["state"], &state["reason"]), (&json!("stopped"), &json!("cancelled")));
    world.finish().await;
}

/// The newest run in a visitor's chat, as the API tells of it.
pub(crate) async fn run_of(world: &World, visitor: &Visitor) -> Value {
    let chat = visitor.chat(world).await;
    let runs = world.get(&format!("/api/v1/runs?chat={chat}")).await;
    let id = runs.items()[0]["id"].as_str().expect("an id").to_owned();
    world.get(&format!("/api/v1/runs/{id}")).await.body
}

fn step(step: &Value) -> String {
    let word = |name: &str| step[name].as_str().unwrap_or_default().to_owned();
    format!("{} {} {}", word("place"), word("step"), step["detail"])
}
