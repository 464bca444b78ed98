//! NATS JetStream.

use std::collections::BTreeSet;
use std::time::Duration;

use async_nats::jetstream::{self, consumer, stream};
use futures_util::StreamExt;
use serde_json::json;
use tempfile::TempDir;
use tidings_services::Nats;
use tidings_testkit::visitor::Visitor;
use tidings_testkit::world::World;

use super::{Message, Served, all_comes, naming, subscribe};

/// A server with JetStream, which keeps what it has in the folder.
struct JetStream {
    nats: Nats,
    _folder: TempDir,
}

impl JetStream {
    async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let configuration = format!("jetstream {{ store_dir: {:?} }}\n", folder.path());
        let nats = Nats::start(&configuration).await.expect("NATS starts");
        Self { nats, _folder: folder }
    }

    /// The stream that listens to all of `chats`.
    async fn stream(&self) -> stream::Stream {
        let client = async_nats::connect(self.nats.url()).await.expect("connected");
        let config = stream::Config {
            name: "CHATS".into(),
            subjects: vec!["chats.>".into()],
            ..stream::Config::default()
        };
        jetstream::new(client).get_or_create_stream(config).await.expect("a stream")
    }
}

impl Served for JetStream {
    const ADDRESS: &str = "nats:chats.events";

    async fn stop(&mut self) {
        self.nats.stop().await.expect("it ends");
    }

    async fn start_again(&mut self) {
        self.nats.start_again().await.expect("it starts");
    }

    async fn read(&self) -> Vec<Message> {
        let stream = self.stream().await;
        let consumer = stream.create_consumer(consumer::pull::Config::default()).await;
        let consumer = consumer.expect("a consumer");
        let batch = consumer.fetch().max_messages(1_000).messages().await.expect("messages");
        let messages: Vec<_> = batch.map(|message| message.expect("a message")).collect().await;
        messages.into_iter().map(read).collect()
    }
}

fn read(message: jetstream::Message) -> Message {
    let headers = message.headers.as_ref().expect("headers");
    let header = |name: &str| headers.get(name).expect(name).as_str().to_owned();
    Message {
        id: header("Nats-Msg-Id"),
        key: header("Tidings-Key"),
        headers: headers
            .iter()
            .filter_map(|(name, values)| {
                Some((name.to_string(), values.first()?.as_str().to_owned()))
            })
            .collect(),
        body: String::from_utf8(message.payload.to_vec()).expect("text"),
    }
}

#[tokio::test]
async fn a_stream_gets_all_in_order_and_once() {
    let server = JetStream::start().await;
    server.stream().await;
    let url = server.nats.url();
    all_comes(server, &url).await;
}

#[tokio::test]
async fn what_no_stream_took_comes_when_there_is_one() {
    let server = JetStream::start().await;
    let world = World::begin(naming(&[("events", &server.nats.url())])).await;
    // Both lead into one stream, which knows ids again: it must take both.
    for address in ["nats:chats.one", "nats:chats.two"] {
        subscribe(&world, address, json!({})).await;
    }
    let alice = Visitor::comes(&world, world.web_channel().await).await;
    alice.says(&world, "hello").await;
    world.settle().await;
    for delivery in world.get("/api/v1/deliveries").await.items() {
        assert_eq!(delivery["status"], "pending");
        let error = delivery["attempts"][0]["error"].as_str().expect("why");
        assert!(error.contains("no stream of JetStream listens to \"chats."), "{error}");
    }
    server.stream().await;
    world.turn(Duration::from_secs(10));
    world.settle().await;
    let came = server.read().await;
    assert_eq!(came.iter().map(Message::text).collect::<Vec<_>>(), ["hello", "hello"]);
    assert_eq!(came.iter().map(|message| &message.id).collect::<BTreeSet<_>>().len(), 2);

    // Asked for once more by hand, it is there already.
    let list = world.get("/api/v1/deliveries").await;
    let delivery = &list.items()[0];
    let path = format!("/api/v1/deliveries/{}/redeliver", delivery["id"].as_str().expect("an id"));
    let again = world.post(&path, &json!({})).await;
    assert_eq!(again.status, 200, "{again:?}");
    let attempts = again.body["attempts"].as_array().expect("attempts");
    let answer = attempts.last().expect("the last")["answer"].as_str().expect("where it is");
    assert!(answer.starts_with("CHATS ") && answer.ends_with("(it was there already)"), "{answer}");
    assert_eq!(server.read().await.len(), 2);
    world.finish().await;
}
