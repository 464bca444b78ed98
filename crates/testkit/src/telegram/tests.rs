//! The simulator keeps Telegram's rules.

mod calls;
mod channel;
mod payments;
mod updates;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State as Shared;
use axum::routing::post;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tidings_channels::telegram::{Settings, methods};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};

use super::TelegramServer;

/// A bot that calls the server, as `app` does.
struct Bot {
    client: reqwest::Client,
    settings: Settings,
}

impl Bot {
    fn of(telegram: &TelegramServer) -> Self {
        #[expect(clippy::disallowed_methods, reason = "it calls the simulator on loopback")]
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let settings =
            Settings::read(&telegram.webhook_settings("a-shared_secret")).expect("settings");
        Self { client, settings }
    }

    async fn call(&self, method: &str, body: Value) -> (u16, Value) {
        let url = methods::method_url(&self.settings, method);
        let response = self.client.post(url).json(&body).send().await.expect("an answer");
        (response.status().as_u16(), response.json().await.expect("JSON"))
    }

    /// The result of a call that is done.
    async fn done(&self, method: &str, body: Value) -> Value {
        let (status, answer) = self.call(method, body).await;
        assert_eq!((status, &answer["ok"]), (200, &json!(true)), "{answer}");
        answer["result"].clone()
    }

    /// The words of a call that is refused; its HTTP status is its error code.
    async fn refused(&self, method: &str, body: Value) -> String {
        let (status, answer) = self.call(method, body).await;
        assert_eq!(answer["ok"], false, "{answer}");
        assert_eq!(answer["error_code"], status);
        answer["description"].as_str().expect("words").to_owned()
    }
}

/// A webhook that answers as it is told and passes on what it gets.
struct Webhook {
    url: String,
    updates: mpsc::UnboundedReceiver<(Option<String>, Value)>,
}

type Answers =
    Arc<Mutex<(Vec<(StatusCode, &'static str)>, mpsc::UnboundedSender<(Option<String>, Value)>)>>;

impl Webhook {
    /// The answers are given one after another, then 200.
    async fn start(answers: Vec<(StatusCode, &'static str)>) -> Self {
        async fn take(
            Shared(answers): Shared<Answers>,
            headers: HeaderMap,
            body: Bytes,
        ) -> (StatusCode, &'static str) {
            let secret = headers.get("X-Telegram-Bot-Api-Secret-Token");
            let secret = secret.map(|secret| secret.to_str().expect("ASCII").to_owned());
            let mut answers = answers.lock().await;
            answers
                .1
                .send((secret, serde_json::from_slice(&body).expect("JSON")))
                .expect("the test listens");
            if answers.0.is_empty() { (StatusCode::OK, "") } else { answers.0.remove(0) }
        }
        let (sender, updates) = mpsc::unbounded_channel();
        let router = Router::new()
            .route("/", post(take))
            .with_state(Arc::new(Mutex::new((answers, sender))));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let url = format!("http://{}/", listener.local_addr().expect("an address"));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, updates }
    }

    async fn next(&mut self) -> Value {
        let next = tokio::time::timeout(Duration::from_secs(10), self.updates.recv()).await;
        next.expect("an update comes").expect("the webhook runs").1
    }
}
