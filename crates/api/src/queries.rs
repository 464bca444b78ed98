//! `/api/v1/queries`: data that a behavior computes, for dashboards and other programs.

use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidings_app::pipeline::question;
use tidings_model::AuthorKind;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{self, Answer};
use crate::auth::{Caller, Write};
use crate::body::JsonBody;
use crate::problem::{Code, Problem};
use crate::state::Api;

/// The longest name of a source or a format, in bytes.
const NAME_BYTES_MAX: usize = 128;

/// The format where a query names none.
const RECORDS: &str = "records";

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(query))
}

/// What is asked.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueryBody {
    /// The name of the source: `event.source` in a behavior.
    source: String,
    /// What the rows are for: `records`, `series`, `table`, `pie`, or what the behavior knows. `records`, unless given.
    #[serde(default)]
    format: Option<String>,
    /// What the source is asked for: `event.parameters`.
    #[serde(default)]
    #[schema(value_type = Object)]
    parameters: Map<String, Value>,
}

/// What a behavior gave.
#[derive(Serialize, ToSchema)]
pub(crate) struct RowsView {
    /// The event that asked.
    event: Uuid,
    /// Whether a behavior answered.
    answered: bool,
    /// The fields to show, in order.
    columns: Vec<Value>,
    /// The rows.
    #[schema(value_type = Vec<Object>)]
    rows: Vec<Value>,
    /// Why there are no rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Ask a bot for data
///
/// Behaviors hear `query.datasource`; the rows are those of the first that answers. Where none does within ten seconds,
/// there are no rows, and `error` says so.
#[utoipa::path(
    post, path = "/api/v1/queries", tag = "bots", operation_id = "query",
    request_body = QueryBody,
    responses((status = 200, description = "The rows.", body = RowsView)),
    security(("token" = ["write"])),
)]
async fn query(
    caller: Caller<Write>,
    State(api): State<Api>,
    JsonBody(body): JsonBody<QueryBody>,
) -> Answer {
    let format = body.format.unwrap_or_else(|| RECORDS.to_owned());
    for (name, text) in [("source", &body.source), ("format", &format)] {
        if text.trim().is_empty() || text.len() > NAME_BYTES_MAX {
            let problem = format!("has 1 to {NAME_BYTES_MAX} bytes");
            let message = format!("/{name}: {problem}");
            let pointer = format!("/{name}");
            return Err(Problem::new(Code::InvalidField, message).at(pointer, problem));
        }
    }
    let author = caller.author();
    let mut data = Map::from_iter([
        ("source".to_owned(), body.source.into()),
        ("format".to_owned(), format.into()),
        ("parameters".to_owned(), body.parameters.into()),
    ]);
    if author.kind == AuthorKind::Agent {
        data.insert("agent".to_owned(), author.id.clone().into());
    }
    let workspace = caller.workspace();
    let answered =
        question::ask(&api.app, workspace, "query.datasource", data.into(), author).await?;
    let list = |name: &str| {
        answered.answer.get(name).and_then(Value::as_array).cloned().unwrap_or_default()
    };
    let rows = list("rows");
    let mut columns = list("columns");
    if columns.is_empty() {
        let first = rows.first().and_then(Value::as_object);
        columns = first.into_iter().flatten().map(|(name, _)| name.as_str().into()).collect();
    }
    let view = RowsView {
        event: answered.question.id.uuid(),
        answered: !answered.is_default,
        columns,
        rows,
        error: answered.answer.get("error").and_then(Value::as_str).map(str::to_owned),
    };
    Ok(answer::json(StatusCode::OK, &view))
}
