//! A call tells where its time went, and where it failed.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get as on_get;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tidings_outbound::resolve::Lookup;
use tidings_outbound::{Client, FailKind, Failed, Phase, Phases, Policy, SendError, Target};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::server::{SHORT, allowing, call, get, hear, resolving, scripted, start};

/// Which parts have a time.
fn parts(phases: Phases) -> [bool; 5] {
    let Phases { dns, connect, tls, first_byte, total } = phases;
    [dns, connect, tls, first_byte, total].map(|part| part.is_some())
}

/// How the call failed at a short deadline.
async fn fails(client: &Client, url: &str) -> Failed {
    let mut request = get(url);
    request.deadline = SHORT;
    let error = client.send(request).await.expect_err("it fails");
    let SendError::Failed(failed) = error else { unreachable!("it went out") };
    failed
}

#[tokio::test]
async fn a_call_tells_its_parts_and_a_kept_connection_has_fewer() {
    let carol = start(Router::new().route("/", on_get(|| async { "hello" }))).await;
    let client = resolving(&["127.0.0.0/8"], &["127.0.0.1"]);
    let url = format!("http://carol.example:{}/", carol.port());
    let first = client.send(get(&url)).await.expect("an answer");
    assert_eq!(parts(first.phases), [true, true, false, true, true]);
    assert_eq!(first.address, Some(carol));
    assert_eq!(first.phases.total, Some(first.duration));
    let Phases { dns, connect, first_byte, .. } = first.phases;
    let sum: Duration = [dns, connect, first_byte].into_iter().flatten().sum();
    assert!(sum <= first.duration, "{:?}", first.phases);

    let second = client.send(get(&url)).await.expect("an answer");
    assert_eq!(parts(second.phases), [false, false, false, true, true]);
    assert_eq!(second.address, Some(carol), "also a kept connection tells who answers");

    let literal = client.send(get(&format!("http://{carol}/"))).await.expect("an answer");
    assert_eq!(parts(literal.phases), [false, true, false, true, true]);
}

#[tokio::test]
async fn waiting_for_the_answer_is_its_own_part() {
    let wait = Duration::from_millis(50);
    let carol = start(Router::new().route(
        "/",
        on_get(move || async move {
            tokio::time::sleep(wait).await;
            "hello"
        }),
    ))
    .await;
    let answer = allowing(&["127.0.0.0/8"]).send(get(&format!("http://{carol}/"))).await;
    let phases = answer.expect("an answer").phases;
    assert!(phases.first_byte >= Some(wait), "{phases:?}");
}

#[tokio::test]
async fn each_failure_tells_its_part() {
    let lookup: Lookup = Arc::new(|_name| Box::pin(std::future::pending()));
    let client = Client::with_lookup(Policy::new([]), lookup).expect("a client");
    let failed = fails(&client, "http://carol.example/").await;
    assert_eq!((failed.phase(), failed.kind), (Phase::Dns, FailKind::TimedOut));
    assert_eq!(parts(failed.phases()), [true, false, false, false, true]);
    assert!(failed.phases().dns >= Some(SHORT));
    assert_eq!(failed.address(), None);

    let client = allowing(&["127.0.0.0/8"]);
    let gone = {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        listener.local_addr().expect("it listened")
    };
    let failed = fails(&client, &format!("http://{gone}/")).await;
    assert_eq!((failed.phase(), failed.kind), (Phase::Connect, FailKind::Connect));
    assert_eq!(parts(failed.phases()), [false, true, false, false, true]);

    let silent = scripted(|mut stream| async move {
        hear(&mut stream).await;
        std::future::pending().await
    })
    .await;
    let failed = fails(&client, &format!("https://{silent}/")).await;
    assert_eq!((failed.phase(), failed.kind), (Phase::Tls, FailKind::TimedOut));
    assert_eq!(parts(failed.phases()), [false, true, true, false, true]);
    assert_eq!(failed.address(), Some(silent));

    let failed = fails(&client, &format!("http://{silent}/")).await;
    assert_eq!((failed.phase(), failed.kind), (Phase::FirstByte, FailKind::TimedOut));
    assert_eq!(parts(failed.phases()), [false, true, false, true, true]);
    assert_eq!(failed.address(), Some(silent));
}

#[tokio::test]
async fn a_body_that_stalls_or_breaks_fails_in_the_body() {
    let stalled = || async {
        let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"first"))]);
        Body::from_stream(first.chain(stream::pending()))
    };
    let carol = start(Router::new().route("/", on_get(stalled))).await;
    let client = allowing(&["127.0.0.0/8"]);
    let failed = fails(&client, &format!("http://{carol}/")).await;
    assert_eq!((failed.phase(), failed.kind), (Phase::Body, FailKind::TimedOut));
    assert_eq!(parts(failed.phases()), [false, true, false, true, true]);

    let breaks = scripted(|mut stream| async move {
        hear(&mut stream).await;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort";
        stream.write_all(answer).await.expect("it is heard");
    })
    .await;
    let failed = fails(&client, &format!("http://{breaks}/")).await;
    assert_eq!((failed.phase(), failed.kind), (Phase::Body, FailKind::Exchange));
}

#[tokio::test]
async fn a_kept_connection_that_falls_silent_fails_without_a_connect() {
    // Answers the first request of each connection, and no other.
    let once = scripted(|mut stream| async move {
        hear(&mut stream).await;
        let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello";
        stream.write_all(answer).await.expect("it is heard");
        hear(&mut stream).await;
        std::future::pending().await
    })
    .await;
    let url = format!("http://{once}/");
    let client = allowing(&["127.0.0.0/8"]);
    client.send(get(&url)).await.expect("an answer");
    let failed = fails(&client, &url).await;
    assert_eq!((failed.phase(), failed.kind), (Phase::FirstByte, FailKind::TimedOut));
    assert_eq!(parts(failed.phases()), [false, false, false, true, true]);
    assert_eq!(failed.address(), Some(once));
}

#[tokio::test]
async fn a_target_is_read_once_and_called_often() {
    let carol = start(Router::new().route("/", on_get(|| async { "hello" }))).await;
    let client = allowing(&["127.0.0.0/8"]);
    let target = Target::parse(&format!("http://{carol}/")).expect("a target");
    for _ in 0..3 {
        let answer = client.send_to(&target, call()).await.expect("an answer");
        assert_eq!(&answer.body_head[..], b"hello");
    }
    let error = allowing(&[]).send_to(&target, call()).await.expect_err("not allowed there");
    assert_eq!(error.code(), "address_not_allowed");
}
