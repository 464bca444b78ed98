//! Carol and Dora, the subscribers: an HTTP server that takes deliveries, checks their signatures and notes them in order.
//! Carol takes one event in a request, Dora several.
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
use serde_json::Value;
use standardwebhooks::Webhook;
use tokio::net::TcpListener;

use super::history::{Arrival, Batch, InBatch};

/// The receiver and what it got.
#[derive(Clone)]
pub(super) struct Receiver {
    address: SocketAddr,
    carol: Arc<Inbox<Arrival>>,
    dora: Arc<Inbox<Batch>>,
}

/// What came for one endpoint.
struct Inbox<T> {
    /// Known after the endpoint was made; no delivery comes before.
    verifier: OnceLock<Webhook>,
    came: Mutex<Vec<T>>,
}

impl<T> Default for Inbox<T> {
    fn default() -> Self {
        Self { verifier: OnceLock::new(), came: Mutex::default() }
    }
}

impl<T: Clone> Inbox<T> {
    fn learn_secret(&self, secret: &str) -> anyhow::Result<()> {
        let verifier =
            Webhook::new(secret).context("the secret of the endpoint is not a whsec_ one")?;
        self.verifier.set(verifier).ok().context("the receiver knows a secret already")
    }

    fn verifies(&self, headers: &HeaderMap, body: &[u8]) -> bool {
        self.verifier.get().is_some_and(|verifier| verifier.verify(body, headers).is_ok())
    }

    fn note(&self, one: T) {
        self.came.lock().unwrap_or_else(PoisonError::into_inner).push(one);
    }

    fn all(&self) -> Vec<T> {
        self.came.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn count(&self) -> usize {
        self.came.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

impl Receiver {
    /// Starts to listen on a free port.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .context("no free port for the receiver")?;
        let address = listener.local_addr().context("no free port for the receiver")?;
        let (carol, dora) = (Arc::default(), Arc::default());
        let routes = Router::new()
            .route("/carol", post(receive).with_state(Arc::clone(&carol)))
            .route("/dora", post(receive_several).with_state(Arc::clone(&dora)));
        tokio::spawn(async move { axum::serve(listener, routes).await });
        Ok(Self { address, carol, dora })
    }

    /// Where Carol wants her deliveries.
    pub(super) fn url(&self) -> String {
        format!("http://{}/carol", self.address)
    }

    /// Where Dora wants hers.
    pub(super) fn url_of_batches(&self) -> String {
        format!("http://{}/dora", self.address)
    }

    /// Tells Carol the secret that her deliveries are signed with.
    pub(super) fn learn_secret(&self, secret: &str) -> anyhow::Result<()> {
        self.carol.learn_secret(secret)
    }

    /// Tells Dora hers.
    pub(super) fn learn_secret_of_batches(&self, secret: &str) -> anyhow::Result<()> {
        self.dora.learn_secret(secret)
    }

    /// What came to Carol so far.
    pub(super) fn arrivals(&self) -> Vec<Arrival> {
        self.carol.all()
    }

    /// What came to Dora so far.
    pub(super) fn batches(&self) -> Vec<Batch> {
        self.dora.all()
    }

    /// How many requests came so far, to both.
    pub(super) fn count(&self) -> usize {
        self.carol.count() + self.dora.count()
    }
}

async fn receive(
    State(carol): State<Arc<Inbox<Arrival>>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let signed = carol.verifies(&headers, &body);
    carol.note(Arrival { webhook_id: webhook_id(&headers), body: hash(&body), signed });
    StatusCode::OK
}

async fn receive_several(
    State(dora): State<Arc<Inbox<Batch>>>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let signed = dora.verifies(&headers, &body);
    let events = events(&body).unwrap_or_default();
    dora.note(Batch { webhook_id: webhook_id(&headers), events, signed });
    StatusCode::OK
}

/// The events of a list (CloudEvents, JSON format, 4). Of one that cannot be read, nothing counts.
fn events(body: &[u8]) -> Option<Vec<InBatch>> {
    let list: Vec<Value> = serde_json::from_slice(body).ok()?;
    let event = |event: &Value| {
        let id = event.get("id")?.as_str()?.to_owned();
        Some(InBatch { id, body: hash(event.to_string().as_bytes()) })
    };
    list.iter().map(event).collect()
}

fn webhook_id(headers: &HeaderMap) -> String {
    headers.get("webhook-id").and_then(|id| id.to_str().ok()).unwrap_or_default().to_owned()
}

fn hash(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}
