//! Carol's system: a webhook receiver that verifies signatures and counts what it was told.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use tidings_wire::standard_webhooks::{
    self, ID_HEADER, Received, SIGNATURE_HEADER, Secret, TIMESTAMP_HEADER, TOLERANCE_S,
};

#[derive(Clone, Default)]
pub(crate) struct Subscriber {
    pub(crate) url: String,
    secret: Arc<Mutex<Option<Secret>>>,
    /// How often each event came, well signed.
    told: Arc<Mutex<BTreeMap<String, u32>>>,
}

impl Subscriber {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("the listener has an address");
        let this = Self { url: format!("http://{address}/webhooks"), ..Self::default() };
        let router = Router::new().route("/webhooks", post(take)).with_state(this.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        this
    }

    pub(crate) fn expect(&self, secret: &str) {
        *self.secret.lock().expect("not poisoned") = Some(secret.parse().expect("a secret"));
    }

    pub(crate) fn was_told(&self, event: &str) -> bool {
        self.told.lock().expect("not poisoned").contains_key(event)
    }
}

async fn take(State(subscriber): State<Subscriber>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let header =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let id = header(ID_HEADER);
    let (timestamp, signature) = (header(TIMESTAMP_HEADER), header(SIGNATURE_HEADER));
    let secrets: Vec<Secret> =
        subscriber.secret.lock().expect("not poisoned").iter().cloned().collect();
    #[expect(clippy::disallowed_methods, reason = "a subscriber has a clock of its own")]
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let received = Received { id, timestamp, signature };
    let now = i64::try_from(now).expect("a sensible time");
    if standard_webhooks::verify(received, &body, &secrets, now, TOLERANCE_S).is_err() {
        return StatusCode::UNAUTHORIZED;
    }
    *subscriber.told.lock().expect("not poisoned").entry(id.to_owned()).or_default() += 1;
    StatusCode::NO_CONTENT
}
