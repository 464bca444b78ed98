//! One deadline and one limit of bytes, whatever the other side does.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::routing::{get as on_get, post};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{StreamExt, stream};
use http::{Method, Response};
use tokio::net::TcpListener;

use crate::server::{PATIENCE, SHORT, allowing, get, outcome, start};

/// One byte every ten milliseconds, for ever.
fn drip() -> Body {
    let every = tokio::time::interval(Duration::from_millis(10));
    Body::from_stream(stream::unfold(every, |mut every| async {
        every.tick().await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b"a")), every))
    }))
}

/// As much as is taken, for ever.
fn flood() -> Body {
    Body::from_stream(
        stream::repeat(Bytes::from_static(&[b'a'; 16 * 1024])).map(Ok::<_, std::io::Error>),
    )
}

#[tokio::test]
async fn a_slow_drip_ends_at_the_deadline() {
    let carol = start(Router::new().route("/", on_get(|| async { drip() }))).await;
    let url = format!("http://{carol}/");
    let mut request = get(&url);
    request.deadline = SHORT;
    assert_eq!(outcome(&allowing(&["127.0.0.0/8"]).send(request).await), "timed_out");
}

#[tokio::test]
async fn an_answer_that_never_begins_ends_at_the_deadline() {
    let carol = start(Router::new().route("/", on_get(std::future::pending::<()>))).await;
    let url = format!("http://{carol}/");
    let mut request = get(&url);
    request.deadline = SHORT;
    assert_eq!(outcome(&allowing(&["127.0.0.0/8"]).send(request).await), "timed_out");
}

#[tokio::test]
async fn a_tls_handshake_that_never_answers_ends_at_the_deadline() {
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("https://{}/", silent.local_addr().expect("it listens"));
    let mut request = get(&url);
    request.deadline = SHORT;
    assert_eq!(outcome(&allowing(&["127.0.0.0/8"]).send(request).await), "timed_out");
}

#[tokio::test]
async fn of_an_endless_answer_the_head_is_kept() {
    let carol = start(Router::new().route("/", on_get(|| async { flood() }))).await;
    let url = format!("http://{carol}/");
    let answer = allowing(&["127.0.0.0/8"]).send(get(&url)).await.expect("an answer");
    assert_eq!((answer.body_head.len(), answer.truncated), (1_000, true));
    assert!(answer.duration < PATIENCE);
}

#[tokio::test]
async fn a_gzip_bomb_is_cut_after_decompression() {
    let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
    for _ in 0..64 {
        bomb.write_all(&vec![b'a'; 1024 * 1024]).expect("in memory");
    }
    let bomb = bomb.finish().expect("in memory");
    assert!(bomb.len() < 128 * 1024, "64 MiB in {} bytes", bomb.len());
    let answer = move || {
        let bomb = bomb.clone();
        async move {
            Response::builder()
                .header("content-encoding", "gzip")
                .body(Body::from(bomb))
                .expect("a response")
        }
    };
    let carol = start(Router::new().route("/", on_get(answer))).await;
    let url = format!("http://{carol}/");
    let answer = allowing(&["127.0.0.0/8"]).send(get(&url)).await.expect("an answer");
    assert_eq!((&answer.body_head[..], answer.truncated), (&[b'a'; 1_000][..], true));
}

#[tokio::test]
async fn an_answer_is_cut_only_when_it_has_more() {
    let answer = |size: usize, pieces: usize| {
        let piece = Bytes::from(vec![b'a'; size / pieces]);
        Body::from_stream(stream::iter(vec![piece; pieces]).map(Ok::<_, std::io::Error>))
    };
    let router = Router::new()
        .route("/1000/1", on_get(move || async move { answer(1_000, 1) }))
        .route("/1000/10", on_get(move || async move { answer(1_000, 10) }))
        .route("/1001/1", on_get(move || async move { answer(1_001, 1) }))
        .route("/1010/10", on_get(move || async move { answer(1_010, 10) }))
        .route("/0/1", on_get(|| async {}));
    let carol = start(router).await;
    let client = allowing(&["127.0.0.0/8"]);
    for (path, kept, truncated) in [
        ("1000/1", 1_000, false),
        ("1000/10", 1_000, false),
        ("1001/1", 1_000, true),
        ("1010/10", 1_000, true),
        ("0/1", 0, false),
    ] {
        let url = format!("http://{carol}/{path}");
        let answer = client.send(get(&url)).await.expect("an answer");
        assert_eq!((answer.body_head.len(), answer.truncated), (kept, truncated), "{path}");
    }
}

#[tokio::test]
async fn the_head_of_an_answer_is_text_for_people() {
    let carol = start(Router::new().route("/", on_get(|| async { "Grüße" }))).await;
    let url = format!("http://{carol}/");
    let client = allowing(&["127.0.0.0/8"]);
    let mut request = get(&url);
    request.answer_bytes_max = 3;
    assert_eq!(client.send(request).await.expect("an answer").text_head(), "Gr");
    assert_eq!(client.send(get(&url)).await.expect("an answer").text_head(), "Grüße");
}

#[tokio::test]
async fn the_body_arrives_as_it_was_and_connections_are_kept() {
    let echo = |ConnectInfo(peer): ConnectInfo<SocketAddr>, body: Bytes| async move {
        ([("x-port", peer.port().to_string())], body)
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}/", listener.local_addr().expect("it listens"));
    let router =
        Router::new().route("/", post(echo)).into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });

    let client = allowing(&["127.0.0.0/8"]);
    let mut ports = Vec::new();
    for _ in 0..3 {
        let mut request = get(&url);
        request.method = Method::POST;
        request.body = Bytes::from_static(b"\x00hello\xff");
        let answer = client.clone().send(request).await.expect("an answer");
        assert_eq!(&answer.body_head[..], b"\x00hello\xff");
        ports.push(answer.headers["x-port"].clone());
    }
    ports.dedup();
    assert_eq!(ports.len(), 1, "one connection for all three");
}
