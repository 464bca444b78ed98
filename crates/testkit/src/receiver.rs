//! Carol: a receiver of webhooks on port 0, which remembers what came and answers as it is told.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use serde_json::Value;
use tidings_model::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Something that came.
#[derive(Clone, Debug)]
pub struct Got {
    /// Its method.
    pub method: Method,
    /// The address that was asked for, with its query.
    pub uri: Uri,
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

    /// A parameter of the query; empty where it is not there.
    pub fn query(&self, name: &str) -> String {
        let query = self.uri.query().unwrap_or_default().as_bytes();
        let mut pairs = url::form_urlencoded::parse(query);
        pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned())).unwrap_or_default()
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// This status.
    Status(u16),
    /// This status, and a pause that is asked for, in seconds.
    After(u16, u64),
    /// This status, and a pause that is asked for until then.
    Until(u16, Timestamp),
    /// This status, with these headers and this body.
    Said(u16, Vec<(&'static str, String)>, String),
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

async fn take(
    State(inside): State<Arc<Inside>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut rules = inside.rules.subscribe();
    let mut got = Got { method, uri, headers, body, answered: 0 };
    let reply = (inside.rule.lock().unwrap_or_else(PoisonError::into_inner))(&got);
    let response = match reply {
        Reply::Status(status) => Some(said(status, Vec::new(), String::new())),
        Reply::After(status, pause) => Some(asks_for_pause(status, pause.to_string())),
        Reply::Until(status, then) => {
            // The date of RFC 9110, 5.6.7.
            let then = then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            Some(asks_for_pause(status, then))
        }
        Reply::Said(status, headers, body) => Some(said(status, headers, body)),
        Reply::Never => None,
    };
    got.answered = response.as_ref().map_or(0, |response| response.status().as_u16());
    inside.got.lock().unwrap_or_else(PoisonError::into_inner).push(got);
    let Some(response) = response else {
        drop(rules.changed().await);
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    response
}

fn asks_for_pause(status: u16, pause: String) -> Response {
    said(status, vec![("retry-after", pause)], String::new())
}

fn said(status: u16, headers: Vec<(&'static str, String)>, body: String) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = StatusCode::from_u16(status).expect("tests answer with real statuses");
    for (name, value) in headers {
        let value = HeaderValue::from_str(&value).expect("tests answer with real headers");
        response.headers_mut().append(name, value);
    }
    response
}
