//! `/api/v1/endpoints`: who subscribed to which events. The signing secret is shown once, when an endpoint is made.

use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tidings_app::admin::endpoints::{self, EndpointChange};
use tidings_model::{Endpoint, EndpointId, Timestamp};
use tidings_store::{Kind, Scan};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{self, Answer, Page};
use crate::auth::{Admin, Caller, Read};
use crate::body::JsonBody;
use crate::params::{Id, Params};
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(one, change, remove))
}

/// An address that subscribed to events.
#[derive(Serialize, ToSchema)]
pub(crate) struct EndpointView {
    /// Its id.
    id: Uuid,
    /// Where deliveries go.
    url: String,
    /// For people.
    description: String,
    /// The types, aliases and areas that it wants; empty means all.
    events: Vec<String>,
    /// Whether deliveries are made.
    enabled: bool,
    /// Why it was switched off, when Tidings did it.
    disabled_reason: Option<String>,
    /// When it was made. Events from before are not owed.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// The signing secret (`whsec_...`), shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

impl From<Endpoint> for EndpointView {
    fn from(endpoint: Endpoint) -> Self {
        Self {
            id: endpoint.id.uuid(),
            url: endpoint.url,
            description: endpoint.description,
            events: endpoint.events,
            enabled: endpoint.enabled,
            disabled_reason: endpoint.disabled_reason,
            created_at: endpoint.created_at,
            secret: None,
        }
    }
}

/// List endpoints
#[utoipa::path(
    get, path = "/api/v1/endpoints", tag = "endpoints", operation_id = "list_endpoints",
    params(
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 50, unless given."),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "The endpoints.", body = Page<EndpointView>)),
    security(("token" = ["read"])),
)]
async fn list(caller: Caller<Read>, State(api): State<Api>, params: Params) -> Answer {
    answer::documents(&api, &caller, params, Kind::Endpoint, Scan::All, |endpoint: Endpoint| {
        Some(EndpointView::from(endpoint))
    })
    .await
}

/// An endpoint to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CreateEndpoint {
    /// Where deliveries go.
    #[schema(example = "https://example.com/hooks/tidings")]
    url: String,
    /// The types, aliases and areas (`chat.*`) that it wants; empty means all.
    #[serde(default)]
    events: Vec<String>,
    /// For people.
    #[serde(default)]
    description: String,
}

/// Subscribe to events
///
/// The answer shows the signing secret, once.
#[utoipa::path(
    post, path = "/api/v1/endpoints", tag = "endpoints", operation_id = "create_endpoint", request_body = CreateEndpoint,
    responses((status = 201, description = "The endpoint, with its secret.", body = EndpointView)),
    security(("token" = ["admin"])),
)]
async fn create(
    caller: Caller<Admin>,
    State(api): State<Api>,
    JsonBody(body): JsonBody<CreateEndpoint>,
) -> Answer {
    let change = EndpointChange {
        url: Some(body.url),
        description: Some(body.description),
        events: Some(body.events),
        enabled: None,
    };
    let (endpoint, secret) = endpoints::create(&api.app, caller.workspace(), change).await?;
    let view = EndpointView { secret: Some(secret), ..endpoint.into() };
    Ok(answer::json(StatusCode::CREATED, &view))
}

/// Read an endpoint
#[utoipa::path(
    get, path = "/api/v1/endpoints/{id}", tag = "endpoints", operation_id = "get_endpoint",
    params(("id" = Uuid, Path, description = "The endpoint's id.")),
    responses((status = 200, description = "The endpoint.", body = EndpointView)),
    security(("token" = ["read"])),
)]
async fn one(caller: Caller<Read>, State(api): State<Api>, Id(id): Id<EndpointId>) -> Answer {
    let endpoint: Endpoint =
        answer::document(&api, &caller, Kind::Endpoint, id, "endpoint").await?;
    Ok(answer::json(StatusCode::OK, &EndpointView::from(endpoint)))
}

/// What to change of an endpoint; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeEndpoint {
    /// Where deliveries go.
    #[serde(default)]
    url: Option<String>,
    /// The types, aliases and areas that it wants; empty means all.
    #[serde(default)]
    events: Option<Vec<String>>,
    /// For people.
    #[serde(default)]
    description: Option<String>,
    /// Whether deliveries are made.
    #[serde(default)]
    enabled: Option<bool>,
}

/// Change an endpoint
#[utoipa::path(
    patch, path = "/api/v1/endpoints/{id}", tag = "endpoints", operation_id = "change_endpoint",
    request_body = ChangeEndpoint,
    params(("id" = Uuid, Path, description = "The endpoint's id.")),
    responses((status = 200, description = "The endpoint, as it is now.", body = EndpointView)),
    security(("token" = ["admin"])),
)]
async fn change(
    caller: Caller<Admin>,
    State(api): State<Api>,
    Id(id): Id<EndpointId>,
    JsonBody(body): JsonBody<ChangeEndpoint>,
) -> Answer {
    let change = EndpointChange {
        url: body.url,
        description: body.description,
        events: body.events,
        enabled: body.enabled,
    };
    let endpoint = endpoints::change(&api.app, caller.workspace(), id, change).await?;
    Ok(answer::json(StatusCode::OK, &EndpointView::from(endpoint)))
}

/// Remove an endpoint
///
/// What it was owed is not tried again.
#[utoipa::path(
    delete, path = "/api/v1/endpoints/{id}", tag = "endpoints", operation_id = "delete_endpoint",
    params(("id" = Uuid, Path, description = "The endpoint's id.")),
    responses((status = 204, description = "It is removed.")),
    security(("token" = ["admin"])),
)]
async fn remove(caller: Caller<Admin>, State(api): State<Api>, Id(id): Id<EndpointId>) -> Answer {
    endpoints::remove(&api.app, caller.workspace(), id).await?;
    Ok(answer::done())
}
