//! Every step may run twice, and every write may be the last: the end is the same.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tidings_testkit::receiver::{Receiver, Reply};
use tidings_testkit::store::Troubled;
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{Start, World};

/// A bot whose conditions look at what it keeps, so that an event decided later would be decided otherwise.
const TEXT: &str = "
behaviors:
  - name: thank
    on: chat.message
    from: customer
    when: session.greeted and not session.thanked
    priority: 9
    do: [{set: {session.thanked: yes}}, {note: thanked}]
  - name: greet
    on: chat.message
    from: customer
    when: not session.greeted
    priority: 5
    do: [{set: {session.greeted: yes}}, {say: Hello.}]
  - name: order
    on: chat.message
    from: customer
    when: event.text == 'pizza'
    do: [{ask: {text: Which size?, validate: answer != 'open', timeout: {after: 10m, do: [{say: Good-bye.}]}}}, {say: 'One {{ answer }}.'}]
  - {name: hours, aside: true, on: chat.message, from: customer, when: event.text == 'open', do: [{say: From 11.}]}
  - {name: beside, on: chat.message, when: event.text == 'open', do: [{note: not while a question waits}]}
  - name: remind
    on: chat.message
    when: event.text == 'remind'
    do: [{wait: 5m}, {say: Reminder.}]
  - {name: count, on: chat.closed, do: [{note: closed}]}
";

/// What holds at the end of [`TEXT`] after "pizza", "open", "L", "thanks".
const END: [&str; 8] = [
    "customer pizza",
    "bot Hello.",
    "bot Which size?",
    "customer open",
    "bot From 11.",
    "customer L",
    "bot One L.",
    "customer thanks",
];

async fn subscribe(world: &World, receiver: &Receiver) {
    let body = json!({ "url": receiver.url, "events": ["chat.message", "note.added"] });
    assert_eq!(world.post("/api/v1/endpoints", &body).await.status, 201);
}

#[tokio::test]
async fn readers_that_begin_again_at_the_start_do_nothing_twice() {
    let receiver = Receiver::start().await;
    // Ben's webhooks fail, and wait.
    receiver.answers(|got| match got.text("/data/text").as_str() {
        "remind" => Reply::Status(500),
        _ => Reply::Status(204),
    });
    let world = World::start().await;
    world.publish_good("pizzeria", TEXT).await;
    subscribe(&world, &receiver).await;
    let channel = world.web_channel_of("pizzeria").await;
    let (alice, ben) =
        (Visitor::comes(&world, channel).await, Visitor::comes(&world, channel).await);
    for (text, answer) in [("pizza", "bot Which size?"), ("L", "bot One L.")] {
        alice.says(&world, text).await;
        alice.waits_for(&world, answer).await;
    }
    let chat = alice.chat(&world).await;
    world.settle().await;
    assert_eq!(world.post(&format!("/api/v1/chats/{chat}/close"), &json!({})).await.status, 200);
    world.settle().await;
    // A question that waits, in a new thread, and a reminder that waits.
    alice.says(&world, "pizza").await;
    alice.waits_for(&world, "bot Which size?").await;
    ben.says(&world, "remind").await;
    ben.waits_for(&world, "bot Hello.").await;
    world.settle().await;
    let (kept, got) = (world.kept().await, receiver.got().len());

    let between = Box::new(Troubled::does_all_twice);
    let world = world.restart_as(Start { between, ..Start::default() }).await;
    world.settle().await;
    assert_eq!(world.kept().await, kept);
    assert_eq!(receiver.got().len(), got, "no webhook goes out twice");

    // Each timer rings twice: the question's, the reminder's, the webhooks'.
    receiver.answers(|_| Reply::Status(204));
    world.turn(Duration::from_secs(601));
    alice.waits_for(&world, "bot Good-bye.").await;
    ben.waits_for(&world, "bot Reminder.").await;
    world.settle().await;
    let kept = world.kept().await;
    world.app.look_at_timers();
    world.settle().await;
    assert_eq!(world.kept().await, kept);
    let said = |text: &str, reads: &[String]| reads.iter().filter(|said| **said == text).count();
    assert_eq!(said("bot Good-bye.", &alice.reads(&world).await), 1);
    assert_eq!(said("bot Reminder.", &ben.reads(&world).await), 1);
    let mut ids: Vec<String> =
        receiver.took().iter().map(|got| got.header("webhook-id").to_owned()).collect();
    let taken = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), taken, "each was taken once");
    let owed = world.events().await.iter().filter(|event| is_wanted(event)).count();
    assert_eq!(taken, owed);
    world.finish().await;
}

fn is_wanted(event: &Value) -> bool {
    event["type"] == "chat.message" || event["type"] == "note.added"
}

/// About as many writes as the whole conversation takes.
const WRITES: u64 = 36;

#[tokio::test(flavor = "multi_thread")]
async fn a_conversation_that_breaks_off_after_any_write_comes_to_the_same_end() {
    join_all((0..WRITES).map(breaks_off_after)).await;
}

async fn breaks_off_after(writes: u64) {
    let receiver = Receiver::start().await;
    let world = World::start().await;
    world.publish_good("pizzeria", TEXT).await;
    subscribe(&world, &receiver).await;
    let alice = Visitor::comes(&world, world.web_channel_of("pizzeria").await).await;
    world.settle().await;

    let between = Box::new(move |store| Troubled::ends_after(store, writes));
    let world = world.restart_as(Start { between, ..Start::default() }).await;
    let bodies: Vec<Value> = ["pizza", "open", "L", "thanks"]
        .iter()
        .map(|text| json!({ "text": text, "custom_id": text }))
        .collect();
    let reads_after = ["bot Which size?", "bot From 11.", "bot One L.", "customer thanks"];
    let mut said = 0;
    for (body, last) in bodies.iter().zip(reads_after) {
        if alice.tries(&world, body).await.status >= 500 {
            break;
        }
        said += 1;
        // What follows comes, or the store has ended and nothing comes.
        let came = tokio::time::timeout(ENDED_FOR_SURE, alice.waits_for(&world, last)).await;
        if came.is_err() {
            break;
        }
    }

    let world = world.restart().await;
    for (place, (body, last)) in bodies.iter().zip(reads_after).enumerate() {
        let sent = alice.tries(&world, body).await;
        assert!(matches!(sent.status, 200 | 201), "{sent:?}");
        assert!(place >= said || sent.status == 200, "what was thanked for is kept");
        world.settle().await;
        let reads = alice.reads(&world).await;
        assert!(reads.iter().any(|said| said == last), "after {writes} writes: {reads:?}");
    }
    world.settle().await;
    assert_eq!(alice.reads(&world).await, END, "after {writes} writes");
    let notes = world.events_of("note.added").await;
    assert_eq!(notes.len(), 1, "after {writes} writes: {notes:?}");
    let mut seqs: Vec<String> = Vec::new();
    for got in receiver.took() {
        let id = got.header("webhook-id").to_owned();
        // A try whose record was lost is repeated, with the same id.
        if !seqs.contains(&id) {
            seqs.push(id);
        }
    }
    let owed: Vec<String> = world
        .events()
        .await
        .iter()
        .filter(|event| is_wanted(event))
        .map(|event| event["id"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!(seqs, owed, "after {writes} writes");
    world.finish().await;
}

/// The bot answers within milliseconds; what has not come by now ended with the store. Too short a wait breaks the story
/// off a little earlier, which it must bear as well.
const ENDED_FOR_SURE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_reader_that_never_wrote_its_cursor_begins_at_the_start() {
    let world = World::start().await;
    world.publish_good("pizzeria", TEXT).await;
    let alice = Visitor::comes(&world, world.web_channel_of("pizzeria").await).await;
    alice.says(&world, "pizza").await;
    alice.waits_for(&world, "bot Which size?").await;
    // Before its cursor is written, and the message that began the run is not taken for its answer.
    let world = world
        .restart_as(Start { between: Box::new(Troubled::does_all_twice), ..Start::default() })
        .await;
    world.settle().await;
    assert_eq!(alice.reads(&world).await, END[..3]);
    alice.says(&world, "L").await;
    alice.waits_for(&world, "bot One L.").await;
    world.finish().await;
}
