//! `/api/v1/nodes`: the processes that make up the installation.

use std::collections::BTreeMap;

use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use tidings_app::nodes::list::{self, Standing};
use tidings_model::{NodeId, Timestamp};
use tidings_store::{Peer, Share};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{self, Answer, Page};
use crate::auth::{Admin, Caller};
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list))
}

/// A process that serves.
#[derive(Serialize, ToSchema)]
pub(crate) struct NodeView {
    /// Its id; a process that starts again has another one.
    id: Uuid,
    /// What people call the machine.
    name: String,
    /// The version of Tidings that runs there.
    version: String,
    /// When it started, by its own clock.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// How it stands.
    state: NodeState,
    /// How long ago it was last heard of, in milliseconds.
    heard_ms_ago: u64,
    /// How far its clock was ahead of the store's then, in milliseconds; behind when negative. The way there is in it.
    clock_ahead_ms: i64,
    /// The shares of the workspace's work that it holds, of 0 to 15.
    shares: Vec<u8>,
}

/// How a node stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NodeState {
    /// It works.
    Live,
    /// It stops: others take its work.
    Draining,
    /// It went without a word.
    Gone,
}

impl NodeView {
    fn of(peer: Peer, held: &BTreeMap<NodeId, Vec<Share>>) -> Self {
        let state = match list::standing(&peer) {
            Standing::Live => NodeState::Live,
            Standing::Leaving => NodeState::Draining,
            Standing::Gone => NodeState::Gone,
        };
        let Peer { node, age, clock_ahead_ms } = peer;
        let shares = held.get(&node.id).into_iter().flatten().map(|share| share.number());
        Self {
            id: node.id.uuid(),
            name: node.name,
            version: node.version,
            started_at: node.started_at,
            state,
            heard_ms_ago: u64::try_from(age.as_millis()).unwrap_or(u64::MAX),
            clock_ahead_ms,
            shares: shares.collect(),
        }
    }
}

/// List the nodes
///
/// Those that were heard of within the last hour. A server that is alone lists itself.
#[utoipa::path(
    get, path = "/api/v1/nodes", tag = "workspace", operation_id = "list_nodes",
    responses((status = 200, description = "The nodes, all on one page.", body = Page<NodeView>)),
    security(("token" = ["admin"])),
)]
async fn list(caller: Caller<Admin>, State(api): State<Api>) -> Answer {
    let peers = list::all(&api.app).await?;
    let held = list::shares(&api.app, caller.workspace()).await?;
    let items = peers.into_iter().map(|peer| NodeView::of(peer, &held)).collect();
    Ok(answer::json(StatusCode::OK, &Page { items, next: None }))
}
