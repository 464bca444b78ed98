//! A server of Carol's, who subscribed to events: real, on a free port of this machine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use http::{HeaderMap, Method};
use tidings_outbound::resolve::Lookup;
use tidings_outbound::{Answer, Call, Client, Policy, Request, SendError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Long enough for a busy machine; a test that needs all of it fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
/// A deadline that a test means to pass.
pub(crate) const SHORT: Duration = Duration::from_millis(200);

/// Starts Carol's server; it ends with the test's runtime.
pub(crate) async fn start(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it listens");
    tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
    address
}

/// Starts a server that does this with each connection.
pub(crate) async fn scripted<F, S>(script: S) -> SocketAddr
where
    S: Fn(TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it listens");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(script(stream));
        }
    });
    address
}

/// A server that hears a request, says these bytes to everybody and hangs up.
pub(crate) async fn says(bytes: &'static [u8]) -> SocketAddr {
    scripted(move |mut stream| async move {
        hear(&mut stream).await;
        let _said = stream.write_all(bytes).await;
    })
    .await
}

/// Reads the head of a request, or what else comes first.
pub(crate) async fn hear(stream: &mut TcpStream) {
    let mut request = vec![0; 16 * 1024];
    let _heard = stream.read(&mut request).await;
}

/// Says this again and again until nobody takes it any more; how many bytes went.
pub(crate) async fn repeat(stream: &mut TcpStream, bytes: &[u8]) -> usize {
    let mut sent = 0;
    while stream.write_all(bytes).await.is_ok() {
        sent += bytes.len();
    }
    sent
}

/// A client whose operator allows these.
pub(crate) fn allowing(rules: &[&str]) -> Client {
    Client::new(Policy::new(rules.iter().map(|rule| rule.parse().expect("a rule"))))
        .expect("a client")
}

/// A client whose names all lead to these addresses.
pub(crate) fn resolving(rules: &[&str], addresses: &'static [&'static str]) -> Client {
    let policy = Policy::new(rules.iter().map(|rule| rule.parse().expect("a rule")));
    let lookup: Lookup = Arc::new(|_name| {
        Box::pin(async {
            Ok(addresses.iter().map(|address| address.parse().expect("an address")).collect())
        })
    });
    Client::with_lookup(policy, lookup).expect("a client")
}

pub(crate) fn get(url: &str) -> Request<'_> {
    Request {
        method: Method::GET,
        url,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        deadline: PATIENCE,
        answer_bytes_max: 1_000,
    }
}

pub(crate) fn call() -> Call {
    Call {
        method: Method::GET,
        headers: HeaderMap::new(),
        body: Bytes::new(),
        deadline: PATIENCE,
        answer_bytes_max: 1_000,
        identity: None,
    }
}

/// The code of the error, or the status of the answer.
pub(crate) fn outcome(result: &Result<Answer, SendError>) -> String {
    match result {
        Ok(answer) => answer.status.as_str().to_owned(),
        Err(error) => error.code().to_owned(),
    }
}
