//! Carol, the subscriber: an HTTP server that takes deliveries, checks their signature and notes them in order.
//!
//! It lives through the whole crash test; only the server of Tidings dies.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anyhow::Context;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use standardwebhooks::Webhook;
use tokio::net::TcpListener;

use super::history::Arrival;

/// The receiver and what it got.
#[derive(Clone)]
pub(super) struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Known after the endpoint was made; no delivery comes before.
    verifier: OnceLock<Webhook>,
    arrivals: Mutex<Vec<Arrival>>,
}

impl Receiver {
    /// Starts to listen on a free port.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("no free port for the receiver")?;
        let address = listener.local_addr().context("no free port for the receiver")?;
        let shared = Arc::new(Shared::default());
        let routes = Router::new().route("/carol", post(receive)).with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address, shared })
    }

    /// Where it wants its deliveries.
    pub(super) fn url(&self) -> String {
        format!("http://{}/carol", self.address)
    }

    /// Tells it the secret that its deliveries are signed with.
    pub(super) fn learn_secret(&self, secret: &str) -> anyhow::Result<()> {
        let verifier =
            Webhook::new(secret).context("the secret of the endpoint is not a whsec_ one")?;
        self.shared.verifier.set(verifier).ok().context("the receiver knows a secret already")
    }

    /// What came so far.
    pub(super) fn arrivals(&self) -> Vec<Arrival> {
        self.shared.arrivals.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many came so far.
    pub(super) fn count(&self) -> usize {
        self.shared.arrivals.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

async fn receive(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let webhook_id =
        headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned();
    let signed =
        shared.verifier.get().is_some_and(|verifier| verifier.verify(&body, &headers).is_ok());
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    let arrival = Arrival { webhook_id, body: hasher.finish(), signed };
    shared.arrivals.lock().unwrap_or_else(PoisonError::into_inner).push(arrival);
    StatusCode::OK
}
