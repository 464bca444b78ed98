//! Closing a chat ends what waits in it; the next message begins a new thread.

use std::time::Duration;

use serde_json::json;
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::World;

use crate::control::bob_takes;

const TEXT: &str = "
behaviors:
  - name: count
    on: chat.message
    from: customer
    when: event.text == 'count'
    do: [{set: {session.n: '{{ session.n | int(0) + 1 }}', client.n: '{{ client.n | int(0) + 1 }}'}}, {say: '{{ session.n }} of {{ client.n }}'}]
  - name: ask
    on: chat.message
    when: event.text == 'ask'
    do: [{ask: {text: Well?, timeout: {after: 1h, do: [{say: Too late.}]}}}, {say: 'Well: {{ answer }}'}]
  - name: remind
    on: chat.message
    when: event.text == 'remind'
    do: [{wait: 1h}, {say: Reminder.}]
  - name: afterwards
    on: chat.closed
    do: [{wait: 80m}, {note: closed for a while}]
";

#[tokio::test]
async fn what_waits_is_over_and_the_next_message_begins_anew() {
    let world = World::start().await;
    world.publish_good("pizzeria", TEXT).await;
    let channel = world.web_channel_of("pizzeria").await;
    let (alice, ben) =
        (Visitor::comes(&world, channel).await, Visitor::comes(&world, channel).await);
    for visitor in [&alice, &ben] {
        for (text, answer) in [
            ("count", "bot 1 of 1"),
            ("count", "bot 2 of 2"),
            ("remind", "customer remind"),
            ("ask", "bot Well?"),
        ] {
            visitor.says(&world, text).await;
            visitor.waits_for(&world, answer).await;
        }
    }
    world.settle().await;
    let chat = alice.chat(&world).await;
    bob_takes(&world, &chat).await;
    let closed =
        world.post(&format!("/api/v1/chats/{chat}/close"), &json!({ "reason": "done" })).await;
    assert_eq!((closed.status, &closed.body["status"]), (200, &json!("closed")));
    let again =
        world.post(&format!("/api/v1/chats/{chat}/close"), &json!({ "reason": "done" })).await;
    assert_eq!(again.status, 200, "closing twice changes nothing");
    world.settle().await;
    assert_eq!(world.events_of("chat.closed").await.len(), 1);
    let waiting = |runs: &[serde_json::Value]| {
        runs.iter().filter(|run| run["state"]["state"] == "waiting").count()
    };
    let runs = world.get(&format!("/api/v1/runs?chat={chat}")).await;
    assert_eq!(waiting(runs.items()), 1, "only what the closing started: {runs:?}");

    world.turn(Duration::from_secs(3_600));
    world.settle().await;
    let bens = ben.reads(&world).await;
    for said in ["bot Too late.", "bot Reminder."] {
        assert!(bens.iter().any(|each| each == said), "{bens:?}");
    }
    assert_eq!(alice.reads(&world).await.last().map(String::as_str), Some("bot Well?"));

    alice.says(&world, "count").await;
    alice.waits_for(&world, "bot 1 of 3").await;
    alice.says(&world, "yes").await;
    world.settle().await;
    let transcript = alice.transcript(&world).await;
    let reopened = transcript.iter().rposition(|line| line.starts_with("1 ")).expect("a thread");
    assert_eq!(
        transcript[reopened..],
        [
            "1 system chat.reopened",
            "2 customer control.changed the chat was reopened",
            "3 customer chat.message count",
            "4 bot pizzeria chat.message 1 of 3",
            "5 customer chat.message yes",
        ]
    );
    let read = world.get(&format!("/api/v1/chats/{chat}")).await.body;
    assert_eq!(read["control"]["holder"], json!({ "kind": "bot", "id": "pizzeria" }));
    assert_eq!(read["status"], "open");
    // Before the new thread has been silent for so long that it is closed itself, which ends what waits.
    world.turn(Duration::from_secs(1_200));
    world.settle().await;
    let notes = world.events_of("note.added").await;
    assert_eq!((notes.len(), &notes[0]["data"]["text"]), (1, &json!("closed for a while")));
    world.finish().await;
}
