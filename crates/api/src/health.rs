//! For operators and balancers: alive, ready, metrics. No token: they tell nothing of anybody.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::json;
use tidings_model::Seq;
use tidings_store::ReadError;

use crate::answer;
use crate::state::{Api, Phase};

pub(crate) fn routes() -> Router<Api> {
    Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
}

/// The process answers.
async fn alive() -> Response {
    answer::json(StatusCode::OK, &json!({ "status": "alive" }))
}

/// Whether requests should come here; if not, why.
async fn ready(State(api): State<Api>) -> Response {
    let mut reasons = Vec::new();
    match api.readiness.phase() {
        Phase::Starting => reasons.push("starting"),
        Phase::Ready => {}
        Phase::Leaving | Phase::Draining => reasons.push("draining"),
    }
    for workspace in api.app.workspaces() {
        match api.app.store().last_seq(workspace).await {
            Ok(Seq(_)) => {}
            Err(ReadError::Damaged { .. }) => reasons.push("storage_damaged"),
            Err(ReadError::Closed) => reasons.push("storage_closed"),
            Err(ReadError::Engine { .. }) => reasons.push("storage_failed"),
        }
    }
    if api.readiness.damage().is_some() {
        reasons.push("storage_damaged");
    }
    reasons.dedup();
    if reasons.is_empty() {
        return answer::json(StatusCode::OK, &json!({ "status": "ready" }));
    }
    answer::json(
        StatusCode::SERVICE_UNAVAILABLE,
        &json!({ "status": "not_ready", "reasons": reasons }),
    )
}

/// The Prometheus text format, version 0.0.4.
async fn metrics(State(api): State<Api>) -> Response {
    let mut text = (api.metrics)();
    text.push_str(&api.app.endpoint_metrics().await);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
