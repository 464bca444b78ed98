//! The demo's webhook receiver: a server of its own, as a subscriber would write it. It verifies each signature, tells a
//! repeated delivery by its `webhook-id`, and keeps the last ones for the page.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde::Serialize;
use serde_json::value::RawValue;
use tidings_model::Clock;
use tidings_wire::standard_webhooks::{
    self, ID_HEADER, Received, SIGNATURE_HEADER, Secret, TIMESTAMP_HEADER, TOLERANCE_S,
};
use tokio::net::TcpListener;

use crate::clock::SystemClock;

/// How many deliveries are kept.
const KEPT_MAX: usize = 200;

/// The longest body, in bytes: our largest event with room to spare.
const BODY_BYTES_MAX: usize = 4 << 20;

/// A delivery, as it arrived.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Arrived {
    received_at: String,
    webhook_id: String,
    #[serde(rename = "type")]
    event_type: String,
    signature_ok: bool,
    attempt: usize,
    timestamp: String,
    signature: String,
    body: Option<Arc<RawValue>>,
}

/// The receiver.
#[derive(Clone)]
pub(super) struct Receiver {
    address: SocketAddr,
    kept: Arc<Mutex<VecDeque<Arrived>>>,
    secret: Arc<OnceLock<Secret>>,
}

impl Receiver {
    /// Starts it, on a port of its own.
    pub(super) async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let receiver =
            Self { address: listener.local_addr()?, kept: Arc::default(), secret: Arc::default() };
        let router = Router::new()
            .route("/webhooks", post(take))
            .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
            .with_state(receiver.clone());
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!("the demo's receiver failed: {error}");
            }
        });
        Ok(receiver)
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// With which secret deliveries are signed.
    pub(super) fn expect(&self, secret: Secret) {
        // There is one secret in the life of a receiver.
        drop(self.secret.set(secret));
    }

    /// What arrived, newest first.
    pub(super) fn arrived(&self) -> Vec<Arrived> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }
}

/// Takes a delivery: what is not signed is shown, and refused.
async fn take(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let (id, timestamp, signature) =
        (header(ID_HEADER), header(TIMESTAMP_HEADER), header(SIGNATURE_HEADER));
    let secrets: Vec<Secret> = receiver.secret.get().cloned().into_iter().collect();
    let now = SystemClock.now();
    let received = Received { id, timestamp, signature };
    let signature_ok =
        standard_webhooks::verify(received, &body, &secrets, now.as_second(), TOLERANCE_S).is_ok();
    let body: Option<Box<RawValue>> = serde_json::from_slice(&body).ok();
    let mut kept = receiver.kept.lock().unwrap_or_else(PoisonError::into_inner);
    let attempt = 1 + kept.iter().filter(|earlier| earlier.webhook_id == id).count();
    kept.push_front(Arrived {
        received_at: now.to_string(),
        webhook_id: id.into(),
        event_type: body.as_deref().and_then(type_of).unwrap_or_default(),
        signature_ok,
        attempt,
        timestamp: timestamp.into(),
        signature: signature.into(),
        body: body.map(Arc::from),
    });
    kept.truncate(KEPT_MAX);
    if signature_ok { StatusCode::NO_CONTENT } else { StatusCode::UNAUTHORIZED }
}

fn type_of(body: &RawValue) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(body.get()).ok()?;
    body.get("type")?.as_str().map(str::to_owned)
}
