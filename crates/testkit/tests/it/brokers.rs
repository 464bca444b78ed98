//! Carol's endpoints at brokers: events come in order in each chat, once, also when the broker was away; and only brokers
//! of the settings can be named.

mod file;
mod named;
mod nats;
mod rabbit;
mod redis;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use standardwebhooks::Webhook;
use tidings_api::{Limits, Rate};
use tidings_app::Settings;
use tidings_brokers::{Brokers, Connection};
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::{Start, World};

/// How many chats there are.
const CHATS: usize = 6;

/// Longer than a broker that is found again is paused still.
const PAUSE: Duration = Duration::from_secs(16 * 60);

/// How long a broker may take to be reached.
const DEADLINE: Duration = Duration::from_secs(20);

/// What came.
#[derive(Clone, Debug)]
struct Message {
    id: String,
    key: String,
    headers: BTreeMap<String, String>,
    body: String,
}

impl Message {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("it is JSON")
    }

    fn text(&self) -> String {
        self.json()["data"]["text"].as_str().expect("a text").to_owned()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).expect("it has such a header")
    }
}

/// A broker, with a place that keeps what comes.
trait Served {
    /// The place, as an endpoint names it.
    const ADDRESS: &str;

    async fn stop(&mut self);
    async fn start_again(&mut self);
    /// All that came, in the order of coming.
    async fn read(&self) -> Vec<Message>;
}

/// Settings that name these brokers.
fn naming(brokers: &[(&str, &str)]) -> Start {
    let connection =
        |(name, url): &(&str, &str)| Connection { name: (*name).into(), url: (*url).into() };
    let connections: Vec<Connection> = brokers.iter().map(connection).collect();
    let brokers = Arc::new(Brokers::open(&connections).expect("good connections"));
    let limits =
        Limits { per_visitor: Rate::NONE, visitors_per_address: Rate::NONE, ..Limits::default() };
    Start { limits, settings: Settings { brokers, ..Settings::default() }, ..Start::default() }
}

/// Carol subscribes to messages at a place of the broker `events`; gives the endpoint, with its secret.
async fn subscribe(world: &World, address: &str, more: Value) -> Value {
    let broker = json!({ "name": "events", "address": address });
    let mut body = json!({ "broker": broker, "events": ["chat.message"] });
    let more = more.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(more);
    let made = world.post("/api/v1/endpoints", &body).await;
    assert_eq!(made.status, 201, "{made:?}");
    assert_eq!((&made.body["url"], &made.body["broker"]), (&Value::Null, &broker));
    made.body
}

async fn crowd(world: &World) -> Vec<Visitor> {
    let channel = world.web_channel().await;
    join_all((0..CHATS).map(|_| Visitor::comes(world, channel))).await
}

/// Each says some numbers, one after the other; gives the events.
async fn all_count(
    world: &World,
    crowd: &[Visitor],
    numbers: std::ops::Range<usize>,
) -> Vec<Value> {
    let mut said = Vec::new();
    for number in numbers {
        let says = crowd.iter().enumerate().map(|(chat, visitor)| async move {
            visitor.says(world, &format!("{chat} {number}")).await
        });
        said.extend(join_all(says).await);
    }
    said
}

/// Each came once, each chat in its order and under its key.
fn came_once_in_order(came: &[Message], numbers: usize) {
    let mut chats: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut keys: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for message in came {
        let text = message.text();
        let (chat, number) = text.split_once(' ').expect("a chat and a number");
        chats.entry(chat.into()).or_default().push(number.parse().expect("a number"));
        assert_eq!(message.json()["subject"], message.key, "{message:?}");
        keys.entry(message.key.clone()).or_default().insert(chat.into());
    }
    assert_eq!((chats.len(), keys.len()), (CHATS, CHATS));
    for (chat, came) in chats {
        assert_eq!(came, (0..numbers).collect::<Vec<_>>(), "chat {chat}");
    }
}

/// The story of any broker: what is said comes, signed, and so does what was said while it was away.
async fn all_comes<S: Served>(mut server: S, url: &str) {
    let start = naming(&[("events", url)]);
    let brokers = Arc::clone(&start.settings.brokers);
    let world = World::begin(start).await;
    let endpoint = subscribe(&world, S::ADDRESS, json!({})).await;
    let crowd = crowd(&world).await;
    let said = all_count(&world, &crowd, 0..5).await;
    world.settle().await;
    let came = server.read().await;
    came_once_in_order(&came, 5);
    for message in &came {
        let event = said.iter().find(|event| event["id"] == message.header("webhook-id"));
        assert_eq!(event.expect("it was said")["data"]["text"], message.text());
        assert_eq!(message.header("content-type"), "application/cloudevents+json");
        is_signed(message, &endpoint);
    }

    server.stop().await;
    all_count(&world, &crowd, 5..8).await;
    world.settle().await;
    go_by(&world, 3, Duration::from_secs(60)).await;
    let path = format!("/api/v1/endpoints/{}", endpoint["id"].as_str().expect("an id"));
    let standing = world.get(&path).await.body["standing"].clone();
    assert_eq!((&standing["health"], &standing["parked"]), (&json!("paused"), &json!(CHATS)));
    server.start_again().await;
    let reached = async || brokers.reach("events", DEADLINE).await.ok();
    world.until("the broker to be reached", reached).await;
    go_by(&world, 3, PAUSE).await;
    came_once_in_order(&server.read().await, 8);
    let standing = world.get(&path).await.body["standing"].clone();
    assert_eq!((&standing["health"], &standing["parked"]), (&json!("healthy"), &json!(0)));
    let list = world.get("/api/v1/deliveries?limit=1000").await;
    assert_eq!(list.items().len(), CHATS * 8);
    for delivery in list.items() {
        assert_eq!(delivery["status"], "delivered", "{delivery}");
        let last = delivery["attempts"].as_array().and_then(|all| all.last()).expect("attempts");
        assert!(last["answer"].is_string() && last["status"].is_null(), "where it is: {last}");
    }
    world.finish().await;
}

fn is_signed(message: &Message, endpoint: &Value) {
    let secret = endpoint["secret"].as_str().expect("it is shown once");
    let at = message.header("webhook-timestamp").parse().expect("seconds");
    let hook = Webhook::new(secret).expect("good");
    let signed = hook.sign(message.header("webhook-id"), at, message.body.as_bytes());
    assert_eq!(message.header("webhook-signature"), signed.expect("text"));
}

/// Time goes by, in so many steps.
async fn go_by(world: &World, steps: u32, step: Duration) {
    for _ in 0..steps {
        world.turn(step);
        world.settle().await;
    }
}
