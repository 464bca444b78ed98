//! `POST /api/v1/endpoints/preview`: what an endpoint would get, before it is saved.

use std::collections::BTreeMap;

use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use tidings_app::admin::endpoints;
use tidings_app::pipeline::deliver::as_sent::{HIDDEN, SentHeader};
use tidings_app::pipeline::deliver::preview::{Preview, Request, Shown};
use tidings_model::Timestamp;
use utoipa::ToSchema;
use uuid::Uuid;

use super::CreateEndpoint;
use crate::answer::{self, Answer};
use crate::auth::{Admin, Caller};
use crate::body::JsonBody;
use crate::state::Api;

/// What an endpoint would get.
#[derive(Serialize, ToSchema)]
pub(crate) struct EndpointPreviewView {
    /// How many events were looked at: the last 1000, or all if there are fewer.
    looked_at: usize,
    /// How many of them it would get.
    matched: usize,
    /// The same by type.
    by_type: BTreeMap<String, usize>,
    /// The newest of them, as it would go out.
    newest: Option<EndpointShownView>,
}

/// An event as it would go out.
#[derive(Serialize, ToSchema)]
pub(crate) struct EndpointShownView {
    /// The event's id.
    event: Uuid,
    /// Its number.
    seq: u64,
    /// Its type.
    #[serde(rename = "type")]
    event_type: String,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    time: Timestamp,
    /// The headers by name; `***` stands for those that are secret, or made of a secret.
    headers: BTreeMap<String, String>,
    /// The body; null where nothing would go out.
    body: Option<String>,
    /// Why nothing would go out, as a template that fails on this event.
    error: Option<String>,
}

impl From<Preview> for EndpointPreviewView {
    fn from(Preview { looked_at, matched, by_type, newest }: Preview) -> Self {
        Self { looked_at, matched, by_type, newest: newest.map(EndpointShownView::from) }
    }
}

impl From<Shown> for EndpointShownView {
    fn from(Shown { event, request }: Shown) -> Self {
        let (headers, body, error) = match request {
            Ok(Request { headers, body }) => {
                let shown = |header: SentHeader| {
                    (header.name, header.value.unwrap_or_else(|| HIDDEN.into()))
                };
                (headers.into_iter().map(shown).collect(), Some(body), None)
            }
            Err(why) => (BTreeMap::new(), None, Some(why)),
        };
        Self {
            event: event.id.uuid(),
            seq: event.seq.0,
            event_type: event.event_type.to_string(),
            time: event.time,
            headers,
            body,
            error,
        }
    }
}

/// Preview an endpoint
///
/// Takes what creating one takes, without need of a `url`, and tells what it would get of the last 1000 events. Nothing
/// is saved, written or sent.
#[utoipa::path(
    post, path = "/api/v1/endpoints/preview", tag = "endpoints", operation_id = "preview_endpoint",
    request_body = CreateEndpoint,
    responses((status = 200, description = "What it would get.", body = EndpointPreviewView)),
    security(("token" = ["admin"])),
)]
pub(super) async fn preview(
    caller: Caller<Admin>,
    State(api): State<Api>,
    JsonBody(body): JsonBody<CreateEndpoint>,
) -> Answer {
    let preview = endpoints::preview(&api.app, caller.workspace(), body.said()).await?;
    Ok(answer::json(StatusCode::OK, &EndpointPreviewView::from(preview)))
}
