//! `/api/v1/workspace`: the tenant that a token belongs to.

use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use tidings_app::admin::workspaces::Workspace;
use tidings_app::desk::look;
use tidings_model::Timestamp;
use tidings_store::Kind;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{self, Answer};
use crate::auth::{Caller, Read};
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(one))
}

/// A tenant.
#[derive(Serialize, ToSchema)]
pub(crate) struct WorkspaceView {
    /// Its id.
    id: Uuid,
    /// Its name, for people.
    name: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Its id, as the Chat API calls it.
    organization_id: Uuid,
    /// The number by which old clients of the Chat API know it.
    license_id: u64,
    /// The number of its last event.
    last_seq: u64,
}

/// Read the workspace
///
/// The one that the token belongs to.
#[utoipa::path(
    get, path = "/api/v1/workspace", tag = "workspace", operation_id = "get_workspace",
    responses((status = 200, description = "The workspace.", body = WorkspaceView)),
    security(("token" = ["read"])),
)]
async fn one(caller: Caller<Read>, State(api): State<Api>) -> Answer {
    let id = caller.workspace();
    let workspace: Workspace =
        answer::document(&api, &caller, Kind::Workspace, id, "workspace").await?;
    let last_seq = api.app.store().last_seq(id).await?.0;
    let view = WorkspaceView {
        id: workspace.id.uuid(),
        name: workspace.name,
        created_at: workspace.created_at,
        organization_id: id.uuid(),
        license_id: look::license_id(id),
        last_seq,
    };
    Ok(answer::json(StatusCode::OK, &view))
}
