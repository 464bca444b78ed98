//! Several bots on one event: their order, what each knows, and what happens when one fails.

use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::World;

#[tokio::test]
async fn they_react_by_name_then_by_priority_and_keep_to_themselves() {
    let world = World::start().await;
    let zebra = "
behaviors:
  - name: first of all in vain
    on: chat.message
    from: customer
    priority: 100
    do: [{note: 'zebra knows {{ session.secret | default(\"nothing\") }}'}]
";
    let ant = "
behaviors:
  - {name: low, on: chat.message, from: customer, priority: -1, do: [{note: 'ant low {{ session.secret }}'}]}
  - {name: high, on: chat.message, from: customer, priority: 7, do: [{set: {session.secret: honey}}, {note: ant high}]}
  - {name: middle, on: chat.message, from: customer, do: [{note: ant middle}]}
";
    world.publish_good("zebra", zebra).await;
    world.publish_good("ant", ant).await;
    let alice = Visitor::comes(&world, world.web_channel().await).await;
    alice.says(&world, "hello").await;
    world.settle().await;
    assert_eq!(
        alice.transcript(&world).await[1..],
        [
            "2 customer chat.message hello",
            "3 bot ant note.added ant high",
            "4 bot ant note.added ant middle",
            "5 bot ant note.added ant low honey",
            "6 bot zebra note.added zebra knows nothing",
        ]
    );
    world.finish().await;
}

#[tokio::test]
async fn a_bot_hears_others_but_not_itself() {
    let world = World::start().await;
    let ant = "
behaviors:
  - {name: speak, on: chat.message, from: customer, do: [{say: Hello.}]}
  - {name: hear, on: chat.message, from: bot, do: [{note: 'ant heard {{ meta.author.id }}'}]}
";
    let zebra = "
behaviors:
  - {name: hear, on: chat.message, from: bot, do: [{note: 'zebra heard {{ meta.author.id }}'}]}
";
    world.publish_good("ant", ant).await;
    world.publish_good("zebra", zebra).await;
    let alice = Visitor::comes(&world, world.web_channel_of("ant").await).await;
    alice.says(&world, "hello").await;
    world.settle().await;
    let notes = world.events_of("note.added").await;
    let texts: Vec<_> = notes.iter().filter_map(|note| note["data"]["text"].as_str()).collect();
    assert_eq!(texts, ["zebra heard ant"]);
    world.finish().await;
}

#[tokio::test]
async fn what_fails_stops_alone_and_alice_is_answered() {
    let world = World::start().await;
    let ant = "
behaviors:
  - {name: broken, on: chat.message, from: customer, when: event.text + 1, priority: 9, do: [{say: never}]}
  - {name: good, on: chat.message, from: customer, when: \"event.text == 'both'\", do: [{say: Good.}]}
";
    let zebra = "
behaviors:
  - {name: notes, on: chat.message, from: customer, do: [{note: seen}]}
";
    world.publish_good("ant", ant).await;
    world.publish_good("zebra", zebra).await;
    let alice = Visitor::comes(&world, world.web_channel_of("ant").await).await;
    alice.says(&world, "hello").await;
    alice.says(&world, "both").await;
    world.settle().await;
    let sorry = &world.app.settings().bot_failure_answer;
    let built_in = format!("bot {sorry}");
    let reads = alice.reads(&world).await;
    assert_eq!(reads.iter().filter(|said| **said == built_in).count(), 2, "{reads:?}");
    assert_eq!(reads.last().map(String::as_str), Some("bot Good."));
    let stopped = world.events_of("behavior.stopped").await;
    assert_eq!(stopped.len(), 2);
    assert!(stopped.iter().all(|event| event["data"]["reason"] == "template_failed"));
    assert_eq!(world.events_of("note.added").await.len(), 2);
    world.finish().await;
}
