//! NATS with JetStream.

use std::time::Duration;

use async_nats::jetstream::{self, consumer, stream};
use bytes::Bytes;
use futures_util::StreamExt;
use tempfile::TempDir;
use tidings_brokers::Why;
use tidings_services::Nats;

use super::{assert_in_order, brokers, certificate, failed, one, parcels, taken, taken_at_last};

/// A server with JetStream, which keeps what it has in the folder.
async fn server(more: &str) -> (Nats, TempDir) {
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = format!("jetstream {{ store_dir: {:?} }}\n{more}", folder.path());
    (Nats::start(&configuration).await.expect("NATS starts"), folder)
}

/// A stream that listens to `orders.>`.
async fn stream(url: &str) -> stream::Stream {
    let client = async_nats::connect(url).await.expect("connected");
    let config = stream::Config {
        name: "ORDERS".into(),
        subjects: vec!["orders.>".into()],
        ..Default::default()
    };
    jetstream::new(client).get_or_create_stream(config).await.expect("a stream")
}

/// All that a stream has.
async fn read(stream: &stream::Stream) -> Vec<jetstream::Message> {
    let consumer = stream.create_consumer(consumer::pull::Config::default()).await;
    let consumer = consumer.expect("a consumer");
    let batch = consumer.fetch().max_messages(1_000).messages().await.expect("messages");
    batch.map(|message| message.expect("a message")).collect().await
}

#[tokio::test]
async fn a_stream_has_each_once_and_in_order() {
    let (nats, _folder) = server("").await;
    let stream = stream(&nats.url()).await;
    let brokers = brokers(&nats.url(), "");
    let sent = parcels(100, 7);
    let first = taken(&brokers, "nats:orders.new", &sent).await;
    assert!(first.iter().all(|taken| !taken.is_duplicate && taken.place.starts_with("ORDERS ")));
    let again = taken(&brokers, "nats:orders.new", &sent).await;
    assert!(again.iter().all(|taken| taken.is_duplicate));
    let messages = read(&stream).await;
    let header = |message: &jetstream::Message, name: &str| {
        let headers = message.headers.as_ref().expect("headers");
        headers.get(name).expect(name).as_str().to_owned()
    };
    let text = |bytes: &Bytes| String::from_utf8_lossy(bytes).into_owned();
    let arrived: Vec<_> = messages
        .iter()
        .map(|message| (header(message, "Tidings-Key"), text(&message.payload)))
        .collect();
    assert_in_order(&arrived, &sent);
    let ninth = messages.iter().find(|message| text(&message.payload) == "9").expect("it is there");
    assert_eq!(header(ninth, "Nats-Msg-Id"), "event-9");
    assert_eq!(header(ninth, "Webhook-Id"), "ü-9");
    assert_eq!(ninth.subject.as_str(), "orders.new");
}

#[tokio::test]
async fn what_no_stream_takes_is_refused() {
    let (nats, _folder) = server("max_payload: 1024").await;
    stream(&nats.url()).await;
    let brokers = brokers(&nats.url(), "");
    let nobody = failed(&brokers, "nats:payments.new", one("1")).await;
    assert_eq!(nobody.why, Why::Refused);
    assert!(nobody.text.contains("no stream of JetStream listens to \"payments.new\""), "{nobody}");
    let mut large = one("2");
    large.body = vec![b'a'; 2_000].into();
    let large = failed(&brokers, "nats:orders.new", large).await;
    assert_eq!((large.why, large.text.contains("body")), (Why::Unfit, true), "{large}");
    taken(&brokers, "nats:orders.new", &[one("3")]).await;
}

#[tokio::test]
async fn a_server_that_was_killed_is_found_again() {
    let (mut nats, _folder) = server("").await;
    stream(&nats.url()).await;
    let brokers = brokers(&nats.url(), "");
    taken(&brokers, "nats:orders.new", &[one("0")]).await;
    for round in 1..=2 {
        nats.stop().await.expect("it ends");
        let away = failed(&brokers, "nats:orders.new", one(&format!("lost-{round}"))).await;
        assert!(matches!(away.why, Why::Unreachable | Why::NotAcknowledged), "{away}");
        nats.start_again().await.expect("it starts");
        taken_at_last(&brokers, "nats:orders.new", &one(&round.to_string())).await;
    }
    let mut kept: Vec<String> = Vec::new();
    for message in read(&stream(&nats.url()).await).await {
        let headers = message.headers.as_ref().expect("headers");
        kept.push(headers.get("Nats-Msg-Id").expect("an id").to_string());
    }
    kept.retain(|id| !id.starts_with("lost"));
    assert_eq!(kept, ["0", "1", "2"]);
}

#[tokio::test]
async fn tls_and_a_password_are_of_the_url() {
    let more = format!(
        "tls {{ cert_file: {:?}, key_file: {:?} }}\n\
         authorization {{ users: [{{ user: alice, password: \"p@ss-word\" }}] }}",
        certificate("server.pem"),
        certificate("server.key")
    );
    let (nats, _folder) = server(&more).await;
    let authority = format!("?root_certificates={}", certificate("authority.pem").display());
    let url = |user: &str| format!("tls://{user}@{}", nats.address());
    let good = brokers(&url("alice:p%40ss-word"), &authority);
    // It is let in, and told that there is no stream.
    assert_eq!(failed(&good, "nats:a", one("1")).await.why, Why::Refused);
    let unknown = brokers(&url("alice:p%40ss-word"), "");
    let away = failed(&unknown, "nats:a", one("1")).await;
    assert_eq!(away.why, Why::Unreachable, "nobody that we trust signed its certificate: {away}");
    let wrong = brokers(&url("alice:other-word"), &authority);
    let refused = wrong.reach("main", Duration::from_secs(10)).await.expect_err("a wrong password");
    assert_eq!(refused.why, Why::Unreachable);
    assert!(refused.text.contains("authorization") && !refused.text.contains("other"), "{refused}");
}
