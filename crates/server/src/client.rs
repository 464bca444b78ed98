//! A small client of the API, for the commands that talk to a running server.

use std::time::Duration;

use anyhow::Context;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;

use crate::cli::Server;

/// How long one answer may take; streams have no such limit.
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallError {
    /// Nobody answered.
    #[error("cannot reach {url}")]
    Unreachable {
        /// Who was called.
        url: String,
        /// Why.
        source: reqwest::Error,
    },
    /// The server said no.
    #[error("the server answered {status} {message}")]
    Refused {
        /// How.
        status: StatusCode,
        /// Its words.
        message: String,
    },
}

impl CallError {
    /// Whether the same call may be answered later: the server is away, or has too much to do.
    pub(crate) fn may_pass(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
        }
    }
}

/// A client of one server.
pub(crate) struct ApiClient {
    http: reqwest::Client,
    url: String,
    token: String,
}

impl ApiClient {
    /// A client of this server.
    #[expect(
        clippy::disallowed_methods,
        reason = "the address is the operator's own, from the command line"
    )]
    pub(crate) fn new(server: &Server) -> anyhow::Result<Self> {
        let http =
            reqwest::Client::builder().connect_timeout(ANSWER_DEADLINE).no_proxy().build()?;
        Ok(Self { http, url: server.url.trim_end_matches('/').into(), token: server.token.clone() })
    }

    /// Gets a JSON answer.
    pub(crate) async fn get(&self, path: &str, query: &[(&str, String)]) -> anyhow::Result<Value> {
        let request = self.request(Method::GET, path).query(query).timeout(ANSWER_DEADLINE);
        self.json(request).await
    }

    /// Gets an answer in words.
    pub(crate) async fn text(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> anyhow::Result<String> {
        let request = self.request(Method::GET, path).query(query).timeout(ANSWER_DEADLINE);
        self.send(request).await?.text().await.context("the server's answer is not text")
    }

    /// Posts JSON and gets a JSON answer.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.request(Method::POST, path).json(body).timeout(ANSWER_DEADLINE);
        self.json(request).await
    }

    /// Puts JSON and gets a JSON answer.
    pub(crate) async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.request(Method::PUT, path).json(body).timeout(ANSWER_DEADLINE);
        self.json(request).await
    }

    /// Opens a stream.
    pub(crate) async fn stream(
        &self,
        path: &str,
        query: &[(&str, String)],
    ) -> Result<Response, CallError> {
        self.send(self.request(Method::GET, path).query(query)).await
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token)
    }

    async fn json(&self, request: RequestBuilder) -> anyhow::Result<Value> {
        self.send(request).await?.json().await.context("the server's answer is not JSON")
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, CallError> {
        let response = request
            .send()
            .await
            .map_err(|source| CallError::Unreachable { url: self.url.clone(), source })?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let problem: Value = response.json().await.unwrap_or_default();
        let text =
            |field: &str| problem.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut message = format!("{}: {}", text("code"), text("detail"));
        for error in problem.get("errors").and_then(Value::as_array).into_iter().flatten() {
            let part = |field: &str| error.get(field).and_then(Value::as_str).unwrap_or_default();
            message.push_str(&format!("\n  {} {}", part("pointer"), part("message")));
        }
        Err(CallError::Refused { status, message })
    }
}
