//! The control lease: one speaks to the customer at a time, whoever else is in the middle of a sentence.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tidings_api::{Limits, Rate};
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{Answer, Start, World, line};

use crate::conversation::{PIZZERIA, run_of};

pub(crate) const BOB: &str = "bob@example.com";

/// Bob takes the chat.
pub(crate) async fn bob_takes(world: &World, chat: &str) -> Answer {
    hold(world, chat, json!({ "kind": "agent", "id": BOB })).await
}

pub(crate) async fn hold(world: &World, chat: &str, holder: Value) -> Answer {
    let body = json!({ "holder": holder, "reason": "because" });
    let put = world.put(&format!("/api/v1/chats/{chat}/control"), &body).await;
    assert_eq!(put.status, 200, "{put:?}");
    put
}

async fn bob_says(world: &World, chat: &str, text: &str) -> Answer {
    let author = json!({ "kind": "agent", "id": BOB });
    let body = json!({ "text": text, "author": author });
    world.post(&format!("/api/v1/chats/{chat}/messages"), &body).await
}

#[tokio::test]
async fn bob_takes_over_while_a_bot_waits_and_gives_back() {
    let world = World::start().await;
    world.publish_good("pizzeria", PIZZERIA).await;
    let alice = Visitor::comes(&world, world.web_channel_of("pizzeria").await).await;
    alice.says(&world, "pizza").await;
    alice.waits_for(&world, "bot Which size?").await;
    let chat = alice.chat(&world).await;

    let by_carol =
        world.post(&format!("/api/v1/chats/{chat}/messages"), &json!({ "text": "Hi" })).await;
    assert_eq!((by_carol.status, by_carol.code()), (409, "not_in_control"));
    let too_early = bob_says(&world, &chat, "Hi").await;
    assert_eq!((too_early.status, too_early.code()), (409, "not_in_control"));

    let taken = bob_takes(&world, &chat).await;
    assert_eq!(taken.body["assignee"], BOB);
    assert_eq!(bob_says(&world, &chat, "Let me help.").await.status, 201);
    // No answer to the bot's question, and no order that it may take.
    alice.says(&world, "L").await;
    alice.says(&world, "pizza").await;
    world.settle().await;
    let stopped = world.events_of("behavior.stopped").await;
    assert_eq!(stopped.len(), 1, "{stopped:?}");
    assert_eq!(stopped[0]["data"]["reason"], "not_in_control");

    hold(&world, &chat, json!({ "kind": "bot", "id": "pizzeria" })).await;
    alice.says(&world, "S").await;
    alice.waits_for(&world, "bot One S pizza.").await;
    world.settle().await;
    assert_eq!(
        alice.transcript(&world).await[2..],
        [
            "3 bot pizzeria chat.rich_message Which size?",
            "4 integration chat.assigned",
            "5 integration control.changed because",
            "6 agent bob@example.com chat.message Let me help.",
            "7 customer chat.message L",
            "8 customer chat.message pizza",
            "9 system behavior.stopped not_in_control",
            "10 integration control.changed because",
            "11 integration handoff.finished",
            "12 customer chat.message S",
            "13 bot pizzeria chat.message One S pizza.",
        ]
    );
    let changed = world.events_of("control.changed").await;
    assert_eq!(changed[0]["data"]["from"], json!({ "kind": "bot", "id": "pizzeria" }));
    assert_eq!(changed[0]["data"]["to"], json!({ "kind": "agent", "id": BOB }));
    let epochs: Vec<u64> =
        changed.iter().filter_map(|event| event["data"]["epoch"].as_u64()).collect();
    assert_eq!(epochs, [2, 3]);
    world.finish().await;
}

#[tokio::test]
async fn what_a_bot_wanted_to_say_later_is_dropped_when_bob_holds_the_chat() {
    let world = World::start().await;
    let text = "
behaviors:
  - name: remind
    on: chat.message
    from: customer
    do: [{wait: 5m}, {say: Still hungry?}]
  - name: sneak
    on: note.added
    do: [{emit: {type: chat.custom, data: {kind: advert}}}]
";
    world.publish_good("pizzeria", text).await;
    let channel = world.web_channel_of("pizzeria").await;
    let (alice, ben) =
        (Visitor::comes(&world, channel).await, Visitor::comes(&world, channel).await);
    alice.says(&world, "hello").await;
    ben.says(&world, "hello").await;
    world.settle().await;
    let (chat, bens) = (alice.chat(&world).await, ben.chat(&world).await);
    bob_takes(&world, &chat).await;
    world.turn(Duration::from_secs(300));
    ben.waits_for(&world, "bot Still hungry?").await;
    for chat in [&chat, &bens] {
        let note =
            world.post(&format!("/api/v1/chats/{chat}/notes"), &json!({ "text": "x" })).await;
        assert_eq!(note.status, 201);
    }
    world.settle().await;
    assert_eq!(alice.reads(&world).await, ["customer hello"]);
    let custom = world.events_of("chat.custom").await;
    assert_eq!((custom.len(), &custom[0]["chat"]), (1, &json!(bens)), "emitting is no way around");
    let stopped = world.events_of("behavior.stopped").await;
    assert!(stopped.iter().all(|event| event["data"]["reason"] == "not_in_control"));
    assert_eq!(stopped.len(), 2, "{stopped:?}");
    assert_eq!(run_of(&world, &alice).await["state"]["reason"], "not_in_control");
    world.finish().await;
}

#[tokio::test]
async fn another_bots_refused_question_leaves_the_one_that_waits_alone() {
    let world = World::start().await;
    world.publish_good("pizzeria", PIZZERIA).await;
    let meddler = "
behaviors:
  - {name: meddle, on: chat.message, from: customer, do: [{ask: And wine?}]}
";
    // By its name it comes after the pizzeria, whose question waits by then.
    world.publish_good("sommelier", meddler).await;
    let alice = Visitor::comes(&world, world.web_channel_of("pizzeria").await).await;
    alice.says(&world, "pizza").await;
    alice.waits_for(&world, "bot Which size?").await;
    world.settle().await;
    alice.says(&world, "S").await;
    alice.waits_for(&world, "bot One S pizza.").await;
    world.settle().await;
    assert!(!alice.reads(&world).await.iter().any(|said| said.contains("wine")));
    world.finish().await;
}

#[tokio::test]
async fn a_bot_hands_over_to_a_team_and_tells_when_nobody_is_there() {
    let world = World::start().await;
    let text = "
behaviors:
  - name: human
    on: chat.message
    from: customer
    do:
      - hand_over: {group: drivers, reason: asked for it}
        say: One moment, please.
";
    world.publish_good("pizzeria", text).await;
    let channel = world.web_channel_of("pizzeria").await;
    let put_bob = async |status: &str| {
        let bob = json!({ "name": "Bob", "status": status, "groups": ["drivers"] });
        let put = world.put(&format!("/api/v1/agents/{BOB}"), &bob).await;
        assert_eq!(put.status, 200, "{put:?}");
    };
    put_bob("accepting").await;
    let alice = Visitor::comes(&world, channel).await;
    alice.says(&world, "a human, please").await;
    alice.waits_for(&world, "bot One moment, please.").await;
    world.settle().await;
    assert_eq!(world.events_of("handoff.no_agents").await.len(), 0);
    put_bob("away").await;
    let ben = Visitor::comes(&world, channel).await;
    ben.says(&world, "a human, please").await;
    ben.waits_for(&world, "bot One moment, please.").await;
    world.settle().await;
    let nobody = world.events_of("handoff.no_agents").await;
    assert_eq!((nobody.len(), &nobody[0]["data"]["group"]), (1, &json!("drivers")));
    let holders = [
        (&alice, json!({ "kind": "agent", "id": BOB })),
        (&ben, json!({ "kind": "queue", "group": "drivers" })),
    ];
    for (visitor, holder) in holders {
        let chat = visitor.chat(&world).await;
        let read = world.get(&format!("/api/v1/chats/{chat}")).await.body;
        assert_eq!(read["control"]["holder"], holder);
        assert_eq!(read["group"], "drivers");
        bob_takes(&world, &chat).await;
        hold(&world, &chat, json!({ "kind": "nobody" })).await;
    }
    let assigned = world.events_of("chat.assigned").await;
    assert_eq!(assigned[0]["data"], json!({ "group": "drivers" }));
    assert_eq!(assigned.len(), 4);
    let finished = world.events_of("handoff.finished").await;
    assert!(finished.iter().all(|event| event["data"]["agent"] == BOB));
    assert_eq!(finished.len(), 2);
    world.finish().await;
}

/// How many chats race, and how much is said in each.
const RACES: usize = 40;
const SAID: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn no_bot_ever_speaks_after_bob_took_over() {
    let limits =
        Limits { per_visitor: Rate::NONE, visitors_per_address: Rate::NONE, ..Limits::default() };
    let world = World::begin(Start { limits, ..Start::default() }).await;
    let text = "
behaviors:
  - {name: parrot, on: chat.message, from: customer, do: [{say: '{{ event.text }}?'}, {say: I see.}]}
";
    world.publish_good("parrot", text).await;
    let channel = world.web_channel_of("parrot").await;
    let races = (0..RACES).map(async |number| {
        let alice = Visitor::comes(&world, channel).await;
        alice.says(&world, "first").await;
        let chat = alice.chat(&world).await;
        let talks = async {
            for place in 0..SAID {
                alice.says(&world, &format!("word {place}")).await;
            }
        };
        let takes = async {
            // Some take over at once, some while the bot speaks.
            for _ in 0..number % 8 {
                world.get(&format!("/api/v1/chats/{chat}")).await;
            }
            bob_takes(&world, &chat).await;
        };
        tokio::join!(talks, takes);
        chat
    });
    let chats = join_all(races).await;
    world.settle().await;
    let log = world.events().await;
    let mut dropped = 0;
    for chat in &chats {
        let of_chat: Vec<&Value> = log.iter().filter(|event| event["chat"] == **chat).collect();
        let taken = of_chat
            .iter()
            .position(|event| {
                event["type"] == "control.changed" && event["data"]["to"]["kind"] == "agent"
            })
            .expect("Bob took it");
        let after: Vec<String> = of_chat[taken..]
            .iter()
            .filter(|event| event["author"]["kind"] == "bot" && event["visibility"] == "all")
            .map(|event| line(event))
            .collect();
        assert_eq!(after, Vec::<String>::new(), "a bot spoke after Bob took over");
        let said = of_chat.iter().filter(|event| event["author"]["kind"] == "bot").count();
        let stopped = of_chat.iter().filter(|event| event["type"] == "behavior.stopped").count();
        assert_eq!(said % 2, 0, "half a turn was said");
        assert_eq!(said / 2 + stopped, SAID + 1, "each message is answered or dropped");
        dropped += stopped;
    }
    assert!(dropped > 0, "nothing raced");
    world.finish().await;
}
