//! Redis streams.

use std::time::Duration;

use redis::AsyncCommands;
use redis::aio::MultiplexedConnection;
use redis::streams::StreamRangeReply;
use tidings_brokers::Why;
use tidings_services::{Proxy, Redis};

use super::{
    address, assert_in_order, brokers, certificate, failed, one, parcels, taken, taken_at_last,
};

async fn client(url: &str) -> MultiplexedConnection {
    let client = redis::Client::open(url).expect("a url");
    client.get_multiplexed_async_connection().await.expect("connected")
}

#[tokio::test]
async fn a_stream_has_all_fields_in_order() {
    let server = Redis::start(&[]).await.expect("Redis starts");
    let brokers = brokers(&server.url(), "");
    let sent = parcels(200, 7);
    let places = taken(&brokers, "redis:tidings:events", &sent).await;
    let mut client = client(&server.url()).await;
    let entries: StreamRangeReply = client.xrange_all("tidings:events").await.expect("entries");
    let field =
        |entry: &redis::streams::StreamId, name: &str| entry.get::<String>(name).expect(name);
    let arrived: Vec<_> =
        entries.ids.iter().map(|entry| (field(entry, "key"), field(entry, "body"))).collect();
    assert_in_order(&arrived, &sent);
    let ninth =
        entries.ids.iter().find(|entry| field(entry, "id") == "event-9").expect("it is there");
    assert_eq!(ninth.id, places[9].place);
    let headers: serde_json::Value = serde_json::from_str(&field(ninth, "headers")).expect("JSON");
    assert_eq!(
        headers,
        serde_json::json!({ "Content-Type": "application/json", "Webhook-Id": "ü-9" })
    );
}

#[tokio::test]
async fn a_stream_is_kept_short_and_what_is_no_stream_refused() {
    let server = Redis::start(&[]).await.expect("Redis starts");
    let brokers = brokers(&server.url(), "");
    taken(&brokers, "redis:short?max_len=10", &parcels(500, 7)).await;
    let mut client = client(&server.url()).await;
    let length: usize = client.xlen("short").await.expect("a length");
    // Redis cuts whole nodes of a hundred entries.
    assert!((10..=200).contains(&length), "{length}");
    let (): () = client.set("text", "hello").await.expect("set");
    let refused = failed(&brokers, "redis:text", one("1")).await;
    assert_eq!(refused.why, Why::Refused);
    assert!(refused.text.contains("WRONGTYPE"), "{refused}");
}

#[tokio::test]
async fn a_server_that_was_killed_is_found_again_with_what_it_took() {
    let mut server = Redis::start(&[]).await.expect("Redis starts");
    let brokers = brokers(&server.url(), "");
    taken(&brokers, "redis:s", &[one("0")]).await;
    for round in 1..=2 {
        server.stop().await.expect("it ends");
        let away = failed(&brokers, "redis:s", one("lost")).await;
        assert!(matches!(away.why, Why::Unreachable | Why::NotAcknowledged), "{away}");
        server.start_again().await.expect("it starts");
        taken_at_last(&brokers, "redis:s", &one(&round.to_string())).await;
    }
    let entries: StreamRangeReply =
        client(&server.url()).await.xrange_all("s").await.expect("entries");
    let ids: Vec<String> =
        entries.ids.iter().map(|entry| entry.get("id").expect("an id")).collect();
    assert_eq!(ids, ["0", "1", "2"]);
}

#[tokio::test]
async fn a_network_that_swallows_everything_is_left() {
    let server = Redis::start(&[]).await.expect("Redis starts");
    let proxy = Proxy::start(server.address()).await.expect("a proxy");
    let brokers = brokers(&format!("redis://{}", proxy.address()), "");
    taken(&brokers, "redis:s", &[one("0")]).await;
    proxy.pause();
    let soon = Duration::from_millis(200);
    let answers = brokers.publish("main", &address("redis:s"), &[one("1"), one("2")], soon).await;
    let whys: Vec<Why> =
        answers.into_iter().map(|answer| answer.expect_err("no answer").why).collect();
    assert_eq!(whys, [Why::NotAcknowledged, Why::Held]);
    proxy.refuse();
    proxy.heal();
    taken_at_last(&brokers, "redis:s", &one("1")).await;
}

#[tokio::test]
async fn tls_and_a_password_are_of_the_url() {
    let port = tidings_services::free_address().expect("a port");
    let (certificate_file, key) = (certificate("server.pem"), certificate("server.key"));
    let server = Redis::start(&[
        "--tls-port",
        &port.port().to_string(),
        "--tls-cert-file",
        &certificate_file.display().to_string(),
        "--tls-key-file",
        &key.display().to_string(),
        "--tls-ca-cert-file",
        &certificate("authority.pem").display().to_string(),
        "--tls-auth-clients",
        "no",
        "--requirepass",
        "p@ss-word",
    ])
    .await
    .expect("Redis starts");
    let authority = format!("?root_certificates={}", certificate("authority.pem").display());
    let good = brokers(&format!("rediss://:p%40ss-word@{port}"), &authority);
    taken(&good, "redis:s", &[one("1")]).await;
    let unknown = brokers(&format!("rediss://:p%40ss-word@{port}"), "");
    assert_eq!(failed(&unknown, "redis:s", one("1")).await.why, Why::Unreachable);
    let wrong = brokers(&format!("redis://:other-word@{}", server.address()), "");
    let refused = failed(&wrong, "redis:s", one("1")).await;
    assert_eq!(refused.why, Why::Unreachable, "{refused}");
    assert!(!format!("{refused} {wrong:?}").contains("other"), "{refused} {wrong:?}");
}
