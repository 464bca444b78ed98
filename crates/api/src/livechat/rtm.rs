//! The Chat API over open connections: `/v{version}/{agent|customer}/rtm/ws`, and `sse` and `poll` beside it for networks
//! that let no WebSocket through.
//!
//! In reading order: [`upgrade`] (from HTTP to WebSocket), [`frames`] and [`socket`] (the line), [`talk`] (requests and
//! answers in frames), [`login`], [`session`] (calls of who is logged in) and
//! [`subscriptions`], [`connection`] (the one loop of a connection),
//! [`sse`] and [`poll`].

mod connection;
mod frames;
mod login;
mod poll;
mod session;
mod socket;
mod sse;
mod subscriptions;
mod talk;
mod upgrade;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::response::Response;
use axum::routing::get;
use http::request::Parts;
use tidings_wire::livechat::{ErrorType, Failure, Side, Version};

use super::call::Peer;
use super::organization::Organization;
use super::web::{peer, refused};
use crate::state::Api;

/// The routes of open connections.
pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/{version}/{side}/rtm/ws", get(open))
        .route("/{version}/{side}/rtm/sse", get(sse::stream))
        .route("/{version}/{side}/rtm/poll", get(poll::poll))
}

/// What is the same for all that a connection does.
pub(super) struct Door {
    /// What handlers share.
    pub(super) api: Api,
    /// Whose API it is.
    pub(super) side: Side,
    /// The version of the address.
    pub(super) version: Version,
    /// The other side's machine.
    pub(super) peer: Peer,
    /// The organization that the address names.
    pub(super) organization: Organization,
}

impl Door {
    fn of(api: Api, version: &str, side: &str, parts: &Parts) -> Result<Self, Failure> {
        let nothing = || Failure::new(ErrorType::NotFound, "there is nothing at this address");
        let side: Side = side.parse().map_err(|_| nothing())?;
        if side == Side::Configuration {
            return Err(nothing());
        }
        let version: Version =
            version.parse().map_err(|_| Failure::from(ErrorType::UnsupportedVersion))?;
        let organization = Organization::named(parts.uri.query());
        Ok(Self { api, side, version, peer: peer(parts), organization })
    }
}

async fn open(
    State(api): State<Api>,
    Path((version, side)): Path<(String, String)>,
    mut request: Request,
) -> Response {
    let sockets = Arc::clone(&api.sockets).try_acquire_owned();
    let accepted = upgrade::accept(&mut request);
    let (parts, _) = request.into_parts();
    let door = Door::of(api, &version, &side, &parts);
    let (door, (response, upgrade), permit) = match (door, accepted, sockets) {
        (Ok(door), Ok(accepted), Ok(permit)) => (door, accepted, permit),
        (Err(failure), _, _) | (_, Err(failure), _) => return refused(&failure),
        (_, _, Err(_)) => {
            return refused(&Failure::new(
                ErrorType::ServiceUnavailable,
                "too many connections are open; try again",
            ));
        }
    };
    tokio::spawn(async move {
        match upgrade.await {
            Ok(upgraded) => connection::run(door, upgraded).await,
            Err(error) => tracing::debug!("a WebSocket was not opened: {error}"),
        }
        drop(permit);
    });
    response
}
