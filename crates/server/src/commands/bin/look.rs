//! Looking at what arrived and telling how to behave: the page, `/deliveries` and `/behave`. Only for who sits at this
//! machine, unless it was started with `--open`: deliveries hold what customers said.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, Request, State};
use axum::http::header::HOST;
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router, middleware};
use serde::Deserialize;
use serde_json::json;

use super::behavior::Behavior;
use super::delivery::Delivery;
use super::receiver::{Peer, Receiver};

/// What may be looked at.
pub(super) fn routes(receiver: &Receiver) -> Router<Receiver> {
    Router::new()
        .route("/deliveries", get(deliveries).delete(forget))
        .route("/behave", get(behavior).put(behave))
        .merge(tidings_api::pages::assets())
        .route_layer(middleware::from_fn_with_state(receiver.clone(), only_from_here))
}

/// Refuses who is not at this machine. A name in `Host` that is not this machine's is a page of somebody else, or a
/// tunnel.
async fn only_from_here(
    State(receiver): State<Receiver>,
    Extension(Peer(peer)): Extension<Peer>,
    request: Request,
    next: Next,
) -> Response {
    if receiver.may_look(peer, request.headers()) {
        next.run(request).await
    } else {
        not_from_here()
    }
}

/// The answer for who may not look.
pub(super) fn not_from_here() -> Response {
    wrong(
        StatusCode::FORBIDDEN,
        "only this machine may look, by 127.0.0.1 or localhost; --open lets others look",
    )
}

/// Whether a request comes from this machine, and names it so.
pub(super) fn is_from_here(peer: SocketAddr, headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let authority: Option<axum::http::uri::Authority> = host.parse().ok();
    let is_named = authority.is_some_and(|authority| {
        let name = authority.host().trim_matches(['[', ']']);
        name == "localhost" || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
    });
    is_named && peer.ip().is_loopback()
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct After {
    /// The number of the last delivery that is known already.
    after: u64,
}

async fn deliveries(
    State(receiver): State<Receiver>,
    after: Result<Query<After>, QueryRejection>,
) -> Response {
    match after {
        Ok(Query(After { after })) => {
            let items: Vec<Arc<Delivery>> = receiver.arrived_after(after);
            Json(json!({ "items": items })).into_response()
        }
        Err(error) => wrong(StatusCode::BAD_REQUEST, &error.body_text()),
    }
}

async fn forget(State(receiver): State<Receiver>) -> StatusCode {
    receiver.forget();
    StatusCode::NO_CONTENT
}

async fn behavior(State(receiver): State<Receiver>) -> Json<Behavior> {
    Json(receiver.behavior())
}

async fn behave(State(receiver): State<Receiver>, body: Bytes) -> Response {
    let json = &mut serde_json::Deserializer::from_slice(&body);
    let behavior = serde_path_to_error::deserialize::<_, Behavior>(json)
        .map_err(|error| error.to_string())
        .and_then(Behavior::checked);
    match behavior {
        Ok(behavior) => {
            receiver.behave(behavior.clone());
            Json(behavior).into_response()
        }
        Err(error) => wrong(StatusCode::UNPROCESSABLE_ENTITY, &error),
    }
}

/// An error, as this receiver tells of one.
pub(super) fn wrong(status: StatusCode, error: &str) -> Response {
    (status, Json(json!({ "error": error }))).into_response()
}
