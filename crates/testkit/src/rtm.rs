//! A client of the Chat API over a WebSocket, for tests: requests, answers, pushes.
//!
//! ```text
//! let mut alice = RtmClient::open(&world, Side::Customer, "3.6").await;
//! alice.login(&token).await;
//! let sent = alice.call("send_event", json!({ ... })).await.payload();
//! let push = alice.push("incoming_event").await;
//! ```

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tidings_wire::livechat::Side;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

use crate::world::WAIT_MAX;

/// How long it is listened for something that should not come.
const QUIET: Duration = Duration::from_millis(200);

/// An open connection.
pub struct RtmClient {
    line: WebSocketStream<MaybeTlsStream<TcpStream>>,
    heard: VecDeque<Value>,
    answers: VecDeque<Value>,
    count: u64,
    closed: Option<Option<u16>>,
}

fn door(base_url: &str, side: Side, version: &str) -> String {
    let base = base_url.replacen("http", "ws", 1);
    format!("{base}/v{version}/{}/rtm/ws", side.as_str())
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq)]
pub struct RtmAnswer {
    /// The whole frame.
    pub frame: Value,
}

impl RtmAnswer {
    /// Whether it was done.
    pub fn success(&self) -> bool {
        self.frame.get("success").and_then(Value::as_bool).unwrap_or_default()
    }

    /// What came back; it must have been done.
    pub fn payload(self) -> Value {
        assert!(self.success(), "{}", self.frame);
        self.frame.get("payload").cloned().unwrap_or_default()
    }

    /// The type of the error; empty where there is none.
    pub fn error(&self) -> &str {
        self.frame.pointer("/payload/error/type").and_then(Value::as_str).unwrap_or_default()
    }
}

impl RtmClient {
    /// Opens a connection. `base_url` begins with `http`.
    pub async fn open(base_url: &str, side: Side, version: &str) -> Self {
        Self::over(door(base_url, side, version)).await
    }

    /// Opens a connection through a proxy that says for which address it calls.
    pub async fn open_from(base_url: &str, side: Side, version: &str, address: &str) -> Self {
        let mut request =
            door(base_url, side, version).into_client_request().expect("a good address");
        let address = address.parse().expect("an address fits a header");
        request.headers_mut().insert("x-forwarded-for", address);
        Self::over(request).await
    }

    async fn over(request: impl IntoClientRequest + Unpin) -> Self {
        let (line, _) = tokio_tungstenite::connect_async(request).await.expect("the door opens");
        Self { line, heard: VecDeque::new(), answers: VecDeque::new(), count: 0, closed: None }
    }

    /// Opens one and logs in; gives the answer's payload too.
    pub async fn log_in(base_url: &str, side: Side, token: &str, more: Value) -> (Self, Value) {
        let mut client = Self::open(base_url, side, "3.6").await;
        let payload = client.login(token, more).await.payload();
        (client, payload)
    }

    /// Logs in; `more` stands beside the token.
    pub async fn login(&mut self, token: &str, more: Value) -> RtmAnswer {
        let mut payload = json!({ "token": format!("Bearer {token}") });
        if let (Value::Object(payload), Value::Object(more)) = (&mut payload, more) {
            payload.extend(more);
        }
        self.call("login", payload).await
    }

    /// Sends a request and waits for its answer. Pushes that come meanwhile are kept.
    pub async fn call(&mut self, action: &str, payload: Value) -> RtmAnswer {
        let request_id = self.send(action, payload).await;
        self.answer(&request_id).await
    }

    /// Sends a request; gives its name.
    pub async fn send(&mut self, action: &str, payload: Value) -> String {
        self.count += 1;
        let request_id = format!("r{}", self.count);
        let request = json!({ "request_id": request_id, "action": action, "payload": payload });
        self.send_text(&request.to_string()).await;
        request_id
    }

    /// Sends a text as it is.
    pub async fn send_text(&mut self, text: &str) {
        self.line.send(Message::text(text)).await.expect("the line takes it");
    }

    /// Sends something else than text.
    pub async fn send_raw(&mut self, message: Message) {
        self.line.send(message).await.expect("the line takes it");
    }

    /// Waits for the answer to a request.
    pub async fn answer(&mut self, request_id: &str) -> RtmAnswer {
        let is_it =
            |frame: &Value| frame.get("request_id").and_then(Value::as_str) == Some(request_id);
        loop {
            if let Some(place) = self.answers.iter().position(is_it) {
                let frame = self.answers.remove(place).expect("it was found just now");
                return RtmAnswer { frame };
            }
            assert!(self.read(WAIT_MAX).await, "no answer to {request_id}: {:?}", self.closed);
        }
    }

    /// Waits for the next answer, whatever it is to.
    pub async fn any_answer(&mut self) -> RtmAnswer {
        loop {
            if let Some(frame) = self.answers.pop_front() {
                return RtmAnswer { frame };
            }
            assert!(self.read(WAIT_MAX).await, "no answer came: {:?}", self.closed);
        }
    }

    /// Waits for the next push of this name; others before it are passed over.
    pub async fn push(&mut self, action: &str) -> Value {
        loop {
            let push = self.any_push().await;
            if push.get("action").and_then(Value::as_str) == Some(action) {
                return push;
            }
        }
    }

    /// Waits for the next push.
    pub async fn any_push(&mut self) -> Value {
        loop {
            if let Some(push) = self.heard.pop_front() {
                return push;
            }
            assert!(self.read(WAIT_MAX).await, "no push came: {:?}", self.closed);
        }
    }

    /// Waits for pushes of these names, in whatever order; gives the payload of the first of each that came in time.
    pub async fn hears(&mut self, wanted: &BTreeSet<String>) -> BTreeMap<String, Value> {
        let mut heard = BTreeMap::new();
        while heard.len() < wanted.len() {
            let Some(push) = self.heard.pop_front() else {
                if self.read(WAIT_MAX).await {
                    continue;
                }
                break;
            };
            let action = push.get("action").and_then(Value::as_str).unwrap_or_default().to_owned();
            if wanted.contains(&action) {
                let payload = push.get("payload").cloned().unwrap_or_default();
                heard.entry(action).or_insert(payload);
            }
        }
        heard
    }

    /// Whether the server closed it, as far as was read.
    pub const fn is_closed(&self) -> bool {
        self.closed.is_some()
    }

    /// The pushes that came until it is quiet.
    pub async fn pushes(&mut self) -> Vec<Value> {
        while self.read(QUIET).await {}
        self.heard.drain(..).collect()
    }

    /// Waits until the server closes; gives the code.
    pub async fn closed(&mut self) -> Option<u16> {
        loop {
            if let Some(code) = self.closed {
                return code;
            }
            assert!(self.read(WAIT_MAX).await || self.closed.is_some(), "it stays open");
        }
    }

    /// Breaks the line without a word.
    pub fn break_off(self) {
        drop(self);
    }

    /// Closes in order.
    pub async fn close(mut self) {
        // The server may have closed already.
        drop(self.line.close(None).await);
    }

    /// Reads one frame; says whether one came in time.
    async fn read(&mut self, within: Duration) -> bool {
        if self.closed.is_some() {
            return false;
        }
        let Ok(next) = tokio::time::timeout(within, self.line.next()).await else { return false };
        match next {
            Some(Ok(Message::Text(text))) => {
                let frame: Value = serde_json::from_str(text.as_str()).expect("frames are JSON");
                if frame.get("type").and_then(Value::as_str) == Some("push") {
                    self.heard.push_back(frame);
                } else {
                    self.answers.push_back(frame);
                }
            }
            Some(Ok(Message::Close(close))) => {
                self.closed = Some(close.map(|close| CloseCode::into(close.code)));
            }
            Some(Ok(
                Message::Ping(_) | Message::Pong(_) | Message::Binary(_) | Message::Frame(_),
            )) => {}
            None | Some(Err(_)) => self.closed = Some(None),
        }
        true
    }
}
