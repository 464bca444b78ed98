//! Runs are found by what people know of them, tell what led to them and how long they took, and go when they are old.

use std::time::Duration;

use serde_json::{Value, json};
use tidings_app::Settings;
use tidings_app::pipeline::forget::forget_runs;
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{Start, World};

const ANT: &str = "
behaviors:
  - name: greet
    on: chat.message
    from: customer
    when: event.text == 'hello'
    do: [{choose: [{when: customer.name, do: [{say: Hello.}]}], else: [{say: Hello there.}]}]
  - {name: broken, on: chat.message, from: customer, when: event.text == 'bad', do: [{note: '{{ event.text + 1 }}'}]}
  - {name: slow, on: chat.message, from: customer, when: event.text == 'wait', do: [{wait: 90 days}]}
";

const BEE: &str = "
behaviors:
  - {name: hear, on: chat.message, from: customer, do: [{note: heard}]}
";

/// What a list gives: bot, behavior and state of each.
async fn listed(world: &World, filter: &str) -> Vec<String> {
    let list = world.get(&format!("/api/v1/runs?{filter}")).await;
    assert_eq!(list.status, 200, "{list:?}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let one = |run: &Value| {
        let (bot, behavior) = (text(&run["bot"]), text(&run["behavior"]));
        format!("{bot}/{behavior} {}", text(&run["state"]["state"]))
    };
    list.items().iter().map(one).collect()
}

#[tokio::test]
async fn they_are_found_by_chat_bot_behavior_event_state_and_error() {
    let world = World::start().await;
    world.publish_good("ant", ANT).await;
    world.publish_good("bee", BEE).await;
    let channel = world.web_channel_of("ant").await;
    let (alice, ben) =
        (Visitor::comes(&world, channel).await, Visitor::comes(&world, channel).await);
    let hello = alice.says(&world, "hello").await;
    world.settle().await;
    alice.says(&world, "bad").await;
    world.settle().await;
    ben.says(&world, "wait").await;
    world.settle().await;
    let all = [
        "bee/hear done",
        "ant/slow waiting",
        "bee/hear done",
        "ant/broken stopped",
        "bee/hear done",
        "ant/greet done",
    ];
    assert_eq!(listed(&world, "").await, all);
    let chat = alice.chat(&world).await;
    let event = hello["id"].as_str().expect("an id");
    assert_eq!(listed(&world, &format!("chat={chat}")).await, all[2..]);
    assert_eq!(listed(&world, "bot=bee").await, ["bee/hear done"; 3]);
    assert_eq!(listed(&world, "behavior=ant/slow").await, ["ant/slow waiting"]);
    assert_eq!(listed(&world, &format!("event={event}")).await, all[4..]);
    assert_eq!(listed(&world, &format!("event={event}&bot=ant")).await, ["ant/greet done"]);
    assert_eq!(listed(&world, "state=waiting").await, ["ant/slow waiting"]);
    assert_eq!(listed(&world, "state=stopped").await, ["ant/broken stopped"]);
    assert_eq!(listed(&world, "state=done&bot=ant").await, ["ant/greet done"]);
    assert_eq!(listed(&world, "error=template_failed").await, ["ant/broken stopped"]);
    assert_eq!(listed(&world, "error=loop_guard").await, Vec::<String>::new());
    assert_eq!(world.get("/api/v1/runs?state=lost").await.code(), "invalid_parameter");

    let page = world.get("/api/v1/runs?bot=bee&limit=2").await;
    let next = page.body["next"].as_str().expect("another page");
    let rest = listed(&world, &format!("bot=bee&limit=2&cursor={next}")).await;
    assert_eq!((page.items().len(), rest.len()), (2, 1));

    let greeted = world.get("/api/v1/runs?behavior=ant/greet").await.items()[0].clone();
    assert_eq!((&greeted["event"], &greeted["event_seq"]), (&hello["id"], &hello["seq"]));
    let steps = greeted["trace"].as_array().expect("a trace");
    let words: Vec<&Value> = steps.iter().map(|step| &step["step"]).collect();
    assert_eq!(words, ["when", "choose", "say"]);
    assert_eq!(steps[1]["detail"]["conditions"][0]["when"], "customer.name");
    // The clock of tests stands still.
    assert_eq!((&steps[1]["took_us"], &steps[2]["took_us"]), (&json!(0), &json!(0)));
    world.finish().await;
}

#[tokio::test]
async fn what_is_over_goes_by_age_and_what_waits_stays() {
    const DAY: Duration = Duration::from_secs(24 * 3_600);
    let settings = Settings { keep_runs_for: Some(30 * DAY), ..Settings::default() };
    let world = World::begin(Start { settings, ..Start::default() }).await;
    // Of no chat: a chat is closed for silence, and what waits in it is over.
    let slow = "
behaviors:
  - {name: slow, on: note.added, when: event.text == 'wait', do: [{wait: 90 days}]}
  - {name: broken, on: note.added, when: event.text == 'bad', do: [{emit: {type: chat.custom, data: {kind: '{{ event.text + 1 }}'}}}]}
";
    world.publish_good("ant", slow).await;
    let note = async |text: &str| {
        let sent = json!({ "type": "note.added", "data": { "text": text } });
        assert_eq!(world.post("/api/v1/events", &sent).await.status, 201);
        world.settle().await;
    };
    note("wait").await;
    note("bad").await;
    let forgotten = async || forget_runs(&world.app, world.workspace).await.expect("it goes");
    world.turn(20 * DAY);
    note("bad").await;
    assert_eq!(forgotten().await, 0);
    world.turn(11 * DAY);
    assert_eq!(forgotten().await, 1);
    assert_eq!(listed(&world, "").await, ["ant/broken stopped", "ant/slow waiting"]);
    assert_eq!(forgotten().await, 0, "twice is harmless");
    world.turn(60 * DAY);
    world.settle().await;
    assert_eq!(forgotten().await, 1);
    assert_eq!(listed(&world, "").await, ["ant/slow done"], "it ended just now");
    world.finish().await;
}
