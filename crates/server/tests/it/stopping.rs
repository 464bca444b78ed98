//! SIGTERM under load, and being hurried.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::installation::{Installation, TOKEN, assert_no_gap, custom, eventually, http};
use crate::killing::{ECHO, Talk};
use crate::subscriber::Subscriber;

/// What operators are told: below this a container runtime does not kill.
const OUT_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_under_load_loses_nothing_and_is_quick() {
    let installation = Arc::new(Installation::new());
    installation.write_bot("echo", ECHO);
    let mut server = installation.start().await;
    let subscriber = Subscriber::start().await;
    subscriber.expect(&installation.subscribe(&subscriber.url).await);
    let talk = Talk::start(Arc::clone(&installation)).await;

    let stream = http()
        .get(format!("{}/api/v1/events/stream?since=0", installation.url()))
        .bearer_auth(TOKEN)
        .send()
        .await
        .expect("the stream opens");
    let stream = tokio::spawn(async move {
        let mut bytes = stream.bytes_stream();
        let mut count = 0;
        while let Some(part) = bytes.next().await {
            count += part.expect("a stream ends without an error").len();
        }
        count
    });
    talk.until_acknowledged(60).await;
    let began = Instant::now();
    server.signal("TERM");
    let status = server.ended().await;
    assert!(status.success(), "{status}");
    assert!(began.elapsed() < OUT_WITHIN, "it took {:?}", began.elapsed());
    let streamed = tokio::time::timeout(OUT_WITHIN, stream).await.expect("the stream ended");
    assert!(streamed.expect("no panic") > 0);
    // A connection that the server had not taken yet may be cut; a request that it had is answered, see below.
    let talk = talk.stop().await;

    let server = installation.start().await;
    talk.everything_is_there(&installation, &subscriber).await;
    assert_no_gap(&installation.events().await);
    server.stop().await;
}

#[tokio::test]
async fn a_request_in_hand_is_answered() {
    let installation = Installation::new();
    let mut server = installation.start().await;
    let body = custom("slowly").to_string();
    let mut line = tokio::net::TcpStream::connect(&installation.address).await.expect("connected");
    let head = format!(
        "POST /api/v1/events HTTP/1.1\r\nhost: tidings\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    line.write_all(head.as_bytes()).await.expect("sent");
    // The server wants the body now, so the request is in hand.
    let mut bytes = [0; 25];
    line.read_exact(&mut bytes).await.expect("answered");
    assert!(bytes.starts_with(b"HTTP/1.1 100 Continue"));
    server.signal("TERM");
    eventually("the server takes no more", async || {
        tokio::net::TcpStream::connect(&installation.address).await.is_err()
    })
    .await;
    line.write_all(body.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    line.read_to_string(&mut answer).await.expect("answered");
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    assert!(server.ended().await.success());

    let server = installation.start().await;
    assert_eq!(installation.events().await.len(), 1);
    server.stop().await;
}

#[tokio::test]
async fn a_second_signal_ends_it_at_once() {
    let installation = Installation::new();
    let mut server = installation.start().await;
    installation.raise("kept").await;
    // A caller that never sends what it promised keeps the polite stop waiting.
    let mut line = tokio::net::TcpStream::connect(&installation.address).await.expect("connected");
    let head = format!(
        "POST /api/v1/events HTTP/1.1\r\nhost: tidings\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: application/json\r\nexpect: 100-continue\r\ncontent-length: 50\r\n\r\n"
    );
    line.write_all(head.as_bytes()).await.expect("sent");
    line.read_exact(&mut [0; 25]).await.expect("answered");
    server.signal("INT");
    eventually("it is stopping", async || installation.log().contains("stopping")).await;
    let began = Instant::now();
    server.signal("TERM");
    assert!(!server.ended().await.success(), "it says that it was not orderly");
    assert!(began.elapsed() < Duration::from_secs(3), "it took {:?}", began.elapsed());
    let server = installation.start().await;
    assert_eq!(installation.events().await.len(), 1);
    server.stop().await;
}
