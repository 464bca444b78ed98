//! `/api/v1/event-types`: the vocabulary, with schemas and samples.

use axum::extract::State;
use http::StatusCode;
use serde_json::{Value, json};
use tidings_catalogue::describe;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{self, Answer};
use crate::auth::{Caller, Read};
use crate::params::{Id, Params};
use crate::problem::Problem;
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one))
}

/// List event types
///
/// All of them, with titles, schemas, samples and what other systems call them.
#[utoipa::path(
    get, path = "/api/v1/event-types", tag = "event types", operation_id = "list_event_types",
    responses((status = 200, description = "All types.", body = Object)),
    security(("token" = ["read"])),
)]
async fn list(_: Caller<Read>, State(api): State<Api>, params: Params) -> Answer {
    params.finish()?;
    let items: Vec<Value> = api.app.catalogue().types().map(describe).collect();
    Ok(answer::json(StatusCode::OK, &json!({ "items": items, "next": null })))
}

/// Read an event type
#[utoipa::path(
    get, path = "/api/v1/event-types/{name}", tag = "event types", operation_id = "get_event_type",
    params(("name" = String, Path, description = "The type's name, or an alias of it.")),
    responses((status = 200, description = "The type.", body = Object)),
    security(("token" = ["read"])),
)]
async fn one(_: Caller<Read>, State(api): State<Api>, Id(name): Id<String>) -> Answer {
    let catalogue = api.app.catalogue();
    let Some(resolved) = catalogue.resolve(&name) else {
        let nearest = catalogue
            .nearest(&name)
            .map(|nearest| format!("; did you mean {nearest:?}?"))
            .unwrap_or_default();
        return Err(Problem::not_found(&format!("event type{nearest}")));
    };
    Ok(answer::json(StatusCode::OK, &describe(resolved.event_type)))
}
