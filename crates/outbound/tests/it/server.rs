//! A server of Carol's, who subscribed to events: real, on a free port of this machine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use bytes::Bytes;
use http::{HeaderMap, Method};
use tidings_outbound::resolve::Lookup;
use tidings_outbound::{Answer, Client, Policy, Request, SendError};
use tokio::net::TcpListener;

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

/// The code of the error, or the status of the answer.
pub(crate) fn outcome(result: &Result<Answer, SendError>) -> String {
    match result {
        Ok(answer) => answer.status.as_str().to_owned(),
        Err(error) => error.code().to_owned(),
    }
}
