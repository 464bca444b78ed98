//! Carol: a receiver of webhooks on port 0, which remembers what came and answers as it is told.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Something that came.
#[derive(Clone, Debug)]
pub struct Got {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, as it came.
    pub body: Bytes,
    /// The status that it was answered with; 0 when it was left waiting.
    pub answered: u16,
}

impl Got {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("webhooks are JSON")
    }

    /// A field of the body as text.
    pub fn text(&self, pointer: &str) -> String {
        self.json().pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// This status.
    Status(u16),
    /// This status, and a pause that is asked for, in seconds.
    After(u16, u64),
    /// Nothing, until it is told to answer otherwise.
    Never,
}

type Rule = Box<dyn Fn(&Got) -> Reply + Send>;

struct Inside {
    rule: Mutex<Rule>,
    /// Moves with each new rule.
    rules: watch::Sender<u64>,
    got: Mutex<Vec<Got>>,
}

/// A receiver of webhooks.
pub struct Receiver {
    /// Where it listens.
    pub url: String,
    inside: Arc<Inside>,
}

impl Receiver {
    /// Starts one that takes everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("the listener has an address");
        let inside = Arc::new(Inside {
            rule: Mutex::new(Box::new(|_| Reply::Status(204))),
            rules: watch::Sender::new(0),
            got: Mutex::default(),
        });
        let router = Router::new().fallback(take).with_state(Arc::clone(&inside));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url: format!("http://{address}/hook"), inside }
    }

    /// From now on it answers so; who was left waiting is sent away with a 500.
    pub fn answers(&self, rule: impl Fn(&Got) -> Reply + Send + 'static) {
        *self.inside.rule.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(rule);
        self.inside.rules.send_modify(|rules| *rules += 1);
    }

    /// What came so far, in the order of coming.
    pub fn got(&self) -> Vec<Got> {
        self.inside.got.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was taken so far: answered with a 2xx.
    pub fn took(&self) -> Vec<Got> {
        self.got().into_iter().filter(|got| (200..300).contains(&got.answered)).collect()
    }
}

async fn take(State(inside): State<Arc<Inside>>, headers: HeaderMap, body: Bytes) -> Response {
    let mut rules = inside.rules.subscribe();
    let mut got = Got { headers, body, answered: 0 };
    let reply = (inside.rule.lock().unwrap_or_else(PoisonError::into_inner))(&got);
    let (status, pause) = match reply {
        Reply::Status(status) => (status, None),
        Reply::After(status, pause) => (status, Some(pause)),
        Reply::Never => (0, None),
    };
    got.answered = status;
    inside.got.lock().unwrap_or_else(PoisonError::into_inner).push(got);
    if reply == Reply::Never {
        drop(rules.changed().await);
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let status = StatusCode::from_u16(status).expect("tests answer with real statuses");
    match pause {
        Some(pause) => (status, [(http::header::RETRY_AFTER, pause.to_string())]).into_response(),
        None => status.into_response(),
    }
}
