//! What went wrong has a code that stays, and a text without secrets.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::routing::get as on_get;
use tidings_outbound::resolve::Lookup;
use tidings_outbound::{Client, Policy, SendError};
use tokio::net::TcpListener;

use crate::server::{SHORT, allowing, get, outcome, resolving, says, start};

/// A port where nobody listens.
async fn nobody() -> std::net::SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("it listened")
}

#[tokio::test]
async fn nobody_listens() {
    let client = allowing(&["127.0.0.0/8"]);
    let nobody = nobody().await;
    for scheme in ["http", "https"] {
        assert_eq!(
            outcome(&client.send(get(&format!("{scheme}://{nobody}/"))).await),
            "connect_failed"
        );
    }
}

#[tokio::test]
async fn a_name_without_an_address() {
    assert_eq!(
        outcome(&resolving(&[], &[]).send(get("http://carol.example/")).await),
        "dns_failed"
    );
    let lookup: Lookup =
        Arc::new(|_name| Box::pin(async { Err(io::Error::other("the name server is on fire")) }));
    let client = Client::with_lookup(Policy::new([]), lookup).expect("a client");
    let result = client.send(get("http://carol.example/")).await;
    assert_eq!(outcome(&result), "dns_failed");
    assert_eq!(
        result.expect_err("it failed").to_string(),
        "the name of the host could not be resolved"
    );
}

#[tokio::test]
async fn a_name_server_that_never_answers() {
    let lookup: Lookup = Arc::new(|_name| Box::pin(std::future::pending()));
    let client = Client::with_lookup(Policy::new([]), lookup).expect("a client");
    let mut request = get("http://carol.example/");
    request.deadline = SHORT;
    assert_eq!(outcome(&client.send(request).await), "timed_out");
}

#[tokio::test]
async fn no_tls_where_tls_is_asked_for() {
    let client = allowing(&["127.0.0.0/8"]);
    let plain = start(Router::new().route("/", on_get(|| async { "hello" }))).await;
    assert_eq!(outcome(&client.send(get(&format!("https://{plain}/"))).await), "tls_failed");
    let hangs_up = says(b"").await;
    assert_eq!(outcome(&client.send(get(&format!("https://{hangs_up}/"))).await), "tls_failed");
}

#[tokio::test]
async fn what_comes_is_not_a_whole_http_answer() {
    let client = allowing(&["127.0.0.0/8"]);
    let broken: [&'static [u8]; 4] = [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-encoding: gzip\r\n\r\nhello",
    ];
    for bytes in broken {
        let address = says(bytes).await;
        assert_eq!(
            outcome(&client.send(get(&format!("http://{address}/"))).await),
            "exchange_failed",
            "{bytes:?}"
        );
    }
}

#[tokio::test]
async fn too_many_headers_are_not_read() {
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(200));
    let address = says(many.leak().as_bytes()).await;
    let client = allowing(&["127.0.0.0/8"]);
    assert_eq!(outcome(&client.send(get(&format!("http://{address}/"))).await), "exchange_failed");
}

#[tokio::test]
async fn an_error_never_shows_the_url() {
    let client = allowing(&["127.0.0.0/8"]);
    let nobody = nobody().await;
    let error = client
        .send(get(&format!("http://{nobody}/bot123:SECRET/getMe")))
        .await
        .expect_err("it failed");
    let mut shown = format!("{error:?} {error}");
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        shown.push_str(&error.to_string());
        cause = error.source();
    }
    assert!(!shown.contains("SECRET"), "{shown}");
    assert!(matches!(error, SendError::Failed(_)));
    assert!(!format!("{:?}", get("http://carol.example/SECRET")).contains("SECRET"));
}
