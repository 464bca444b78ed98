//! `/api/v1/records/{type}`: typed things beside conversations, as tasks; and behaviors that are run on one.

use axum::extract::{Path, State};
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tidings_app::pipeline::question;
use tidings_app::records::find::{FOUND_MAX, RecordQuery, find as find_records};
use tidings_app::records::subject::subject;
use tidings_app::records::{self, Hand, Once, RecordError};
use tidings_model::{Record, RecordId, RecordType, Timestamp};
use tidings_store::{Kind, Scan};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{self, Answer, Page};
use crate::auth::{Caller, Read, Write};
use crate::body::JsonBody;
use crate::params::{Params, wrong};
use crate::problem::{Code, Problem};
use crate::state::Api;

/// The longest name of an action, in bytes.
const ACTION_BYTES_MAX: usize = 128;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(search))
        .routes(routes!(one, change, remove))
        .routes(routes!(comment))
        .routes(routes!(act))
}

/// A record.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecordView {
    /// Its id.
    id: Uuid,
    /// What it is.
    record_type: String,
    /// What is known of it.
    #[schema(value_type = Object)]
    fields: Map<String, Value>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it last changed.
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<Record> for RecordView {
    fn from(record: Record) -> Self {
        Self {
            id: record.id.uuid(),
            record_type: record.record_type.into(),
            fields: record.fields,
            created_at: record.created_at,
            updated_at: record.updated_at,
        }
    }
}

impl From<RecordError> for Problem {
    fn from(error: RecordError) -> Self {
        match error {
            RecordError::Unknown { .. } => Self::new(Code::NotFound, error.to_string()),
            RecordError::Invalid { field, problem } => {
                Self::new(Code::InvalidField, format!("{field}: {problem}")).at(field, problem)
            }
            RecordError::KeyReused => Self::new(Code::IdempotencyKeyReused, error.to_string()),
            RecordError::Read(error) => error.into(),
            RecordError::Commit(error) => error.into(),
        }
    }
}

/// Reads a type from the address.
fn record_type(text: &str) -> Result<RecordType, Problem> {
    text.parse().map_err(|error| Problem::new(Code::InvalidId, format!("{error}")))
}

/// Reads a type and an id from the address.
fn key((text, id): (&str, &str)) -> Result<(RecordType, RecordId), Problem> {
    let id = id.parse().map_err(|error| Problem::new(Code::InvalidId, format!("{error}")))?;
    Ok((record_type(text)?, id))
}

/// Who changes something by a call. A key is that of one operation at one address: with another it is another call, and
/// with something else `wanted` it is refused.
fn hand<R>(
    caller: &Caller<R>,
    headers: &HeaderMap,
    operation: &str,
    wanted: &Value,
) -> Result<Hand<'static>, Problem> {
    let key = answer::idempotency_key(caller, headers)?;
    let once = key.map(|key| Once::of_key(format!("key:{key}:{operation}"), wanted));
    Ok(Hand { author: caller.author(), cause: None, once })
}

/// List records
#[utoipa::path(
    get, path = "/api/v1/records/{record_type}", tag = "records", operation_id = "list_records",
    params(
        ("record_type" = String, Path, description = "The type, as `task`."),
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 50, unless given."),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "The records, the newest first.", body = Page<RecordView>)),
    security(("token" = ["read"])),
)]
async fn list(
    caller: Caller<Read>,
    State(api): State<Api>,
    Path(text): Path<String>,
    params: Params,
) -> Answer {
    let scan = Scan::EqualNewest { name: "type", value: record_type(&text)?.into() };
    let view = |record: Record| Some(RecordView::from(record));
    answer::documents(&api, &caller, params, Kind::Record, scan, view).await
}

/// What records are wanted.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Search {
    /// What each field must be: a value, or a mapping of `not`, `in`, `gt`, `gte`, `lt`, `lte`, `contains`, `exists`.
    #[serde(default, rename = "where")]
    #[schema(value_type = Object)]
    wanted: Map<String, Value>,
    /// By which fields they are sorted; one that begins with `-` is turned round.
    #[serde(default)]
    sort: Vec<String>,
    /// At most so many, 1 to 100; 100, unless given.
    #[serde(default)]
    limit: Option<usize>,
}

/// The records that were found.
#[derive(Serialize, ToSchema)]
pub(crate) struct Found {
    /// They, sorted as asked; the newest first, unless asked.
    items: Vec<RecordView>,
}

/// Find records
#[utoipa::path(
    post, path = "/api/v1/records/{record_type}/search", tag = "records", operation_id = "find_records",
    params(("record_type" = String, Path, description = "The type, as `task`.")),
    request_body = Search,
    responses((status = 200, description = "The records.", body = Found)),
    security(("token" = ["read"])),
)]
async fn search(
    caller: Caller<Read>,
    State(api): State<Api>,
    Path(text): Path<String>,
    JsonBody(body): JsonBody<Search>,
) -> Answer {
    let limit = body.limit.unwrap_or(FOUND_MAX);
    if !(1..=FOUND_MAX).contains(&limit) {
        return Err(wrong("limit", format!("must be from 1 to {FOUND_MAX}")));
    }
    let query = RecordQuery {
        record_type: record_type(&text)?,
        wanted: body.wanted,
        sort: body.sort,
        limit,
    };
    let found = find_records(&api.app, caller.workspace(), &query).await?;
    let items = found.into_iter().map(RecordView::from).collect();
    Ok(answer::json(StatusCode::OK, &Found { items }))
}

/// The fields of a record.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordBody {
    /// The fields; of a change those that change, null takes one away.
    #[schema(value_type = Object)]
    fields: Map<String, Value>,
}

/// Make a record
#[utoipa::path(
    post, path = "/api/v1/records/{record_type}", tag = "records", operation_id = "create_record",
    params(("record_type" = String, Path, description = "The type, as `task`.")),
    request_body = RecordBody,
    responses((status = 201, description = "The record.", body = RecordView)),
    security(("token" = ["write"])),
)]
async fn create(
    caller: Caller<Write>,
    State(api): State<Api>,
    Path(text): Path<String>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<RecordBody>,
) -> Answer {
    let fields = without_nulls(body.fields);
    let hand = hand(&caller, &headers, &format!("create:{text}"), &json!(fields))?;
    let workspace = caller.workspace();
    let record = records::create(&api.app, workspace, &hand, record_type(&text)?, fields).await?;
    Ok(answer::json(StatusCode::CREATED, &RecordView::from(record)))
}

/// Read a record
#[utoipa::path(
    get, path = "/api/v1/records/{record_type}/{id}", tag = "records", operation_id = "get_record",
    params(
        ("record_type" = String, Path, description = "The type, as `task`."),
        ("id" = Uuid, Path, description = "The record's id."),
    ),
    responses((status = 200, description = "The record.", body = RecordView)),
    security(("token" = ["read"])),
)]
async fn one(
    caller: Caller<Read>,
    State(api): State<Api>,
    Path((text, id)): Path<(String, String)>,
) -> Answer {
    let (record_type, id) = key((&text, &id))?;
    let found = records::read(&api.app, caller.workspace(), &record_type, id).await?;
    Ok(answer::json(StatusCode::OK, &RecordView::from(found.value)))
}

/// Change a record
#[utoipa::path(
    patch, path = "/api/v1/records/{record_type}/{id}", tag = "records", operation_id = "change_record",
    params(
        ("record_type" = String, Path, description = "The type, as `task`."),
        ("id" = Uuid, Path, description = "The record's id."),
    ),
    request_body = RecordBody,
    responses((status = 200, description = "The record.", body = RecordView)),
    security(("token" = ["write"])),
)]
async fn change(
    caller: Caller<Write>,
    State(api): State<Api>,
    Path((text, id)): Path<(String, String)>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<RecordBody>,
) -> Answer {
    let (record_type, id) = key((&text, &id))?;
    let hand = hand(&caller, &headers, &format!("change:{id}"), &json!(body.fields))?;
    let workspace = caller.workspace();
    let record =
        records::update(&api.app, workspace, &hand, (&record_type, id), &body.fields).await?;
    Ok(answer::json(StatusCode::OK, &RecordView::from(record)))
}

/// Remove a record
#[utoipa::path(
    delete, path = "/api/v1/records/{record_type}/{id}", tag = "records", operation_id = "remove_record",
    params(
        ("record_type" = String, Path, description = "The type, as `task`."),
        ("id" = Uuid, Path, description = "The record's id."),
    ),
    responses((status = 204, description = "It is removed.")),
    security(("token" = ["write"])),
)]
async fn remove(
    caller: Caller<Write>,
    State(api): State<Api>,
    Path((text, id)): Path<(String, String)>,
    headers: HeaderMap,
) -> Answer {
    let (record_type, id) = key((&text, &id))?;
    let hand = hand(&caller, &headers, &format!("remove:{id}"), &Value::Null)?;
    records::delete(&api.app, caller.workspace(), &hand, (&record_type, id)).await?;
    Ok(answer::done())
}

/// A comment.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommentBody {
    /// Its text.
    text: String,
}

/// A comment that was written.
#[derive(Serialize, ToSchema)]
pub(crate) struct CommentView {
    /// The event that tells of it.
    event: Uuid,
}

/// Comment on a record
#[utoipa::path(
    post, path = "/api/v1/records/{record_type}/{id}/comments", tag = "records", operation_id = "comment_record",
    params(
        ("record_type" = String, Path, description = "The type, as `task`."),
        ("id" = Uuid, Path, description = "The record's id."),
    ),
    request_body = CommentBody,
    responses((status = 201, description = "It is in the log.", body = CommentView)),
    security(("token" = ["write"])),
)]
async fn comment(
    caller: Caller<Write>,
    State(api): State<Api>,
    Path((text, id)): Path<(String, String)>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<CommentBody>,
) -> Answer {
    let (record_type, id) = key((&text, &id))?;
    let hand = hand(&caller, &headers, &format!("comment:{id}"), &json!(body.text))?;
    let workspace = caller.workspace();
    let event =
        records::comment(&api.app, workspace, &hand, (&record_type, id), &body.text).await?;
    Ok(answer::json(StatusCode::CREATED, &CommentView { event: event.uuid() }))
}

/// An action on a record, or on a chat, an agent, a group, a bot or a customer.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActionBody {
    /// Its name: `event.action` in a behavior.
    action: String,
    /// What it is given: `event.with`.
    #[serde(default)]
    #[schema(value_type = Object)]
    with: Map<String, Value>,
}

/// What became of an action.
#[derive(Serialize, ToSchema)]
pub(crate) struct ActionView {
    /// The event that asked for it.
    event: Uuid,
    /// Whether a behavior answered.
    answered: bool,
    /// What it answered.
    #[schema(value_type = Object)]
    answer: Value,
}

/// Run a behavior on a record
///
/// Also on one of the nouns `chat`, `agent`, `group`, `bot` and `customer`, by its id. Behaviors hear `record.action`; the
/// answer is that of the first that gives one.
#[utoipa::path(
    post, path = "/api/v1/records/{record_type}/{id}/actions", tag = "records", operation_id = "act_on_record",
    params(
        ("record_type" = String, Path, description = "The type, as `task` or `chat`."),
        ("id" = String, Path, description = "The id of the record, or the noun."),
    ),
    request_body = ActionBody,
    responses((status = 200, description = "What became of it.", body = ActionView)),
    security(("token" = ["write"])),
)]
async fn act(
    caller: Caller<Write>,
    State(api): State<Api>,
    Path((text, id)): Path<(String, String)>,
    JsonBody(body): JsonBody<ActionBody>,
) -> Answer {
    if body.action.trim().is_empty() || body.action.len() > ACTION_BYTES_MAX {
        let problem = format!("has 1 to {ACTION_BYTES_MAX} bytes");
        return Err(
            Problem::new(Code::InvalidField, format!("/action: {problem}")).at("/action", problem)
        );
    }
    let record = subject(&api.app, caller.workspace(), &text, &id).await?;
    let data = json!({
        "record_type": text, "id": id, "action": body.action, "with": body.with, "record": record,
    });
    let workspace = caller.workspace();
    let answered =
        question::ask(&api.app, workspace, "record.action", data, caller.author()).await?;
    let view = ActionView {
        event: answered.question.id.uuid(),
        answered: !answered.is_default,
        answer: answered.answer,
    };
    Ok(answer::json(StatusCode::OK, &view))
}

fn without_nulls(mut fields: Map<String, Value>) -> Map<String, Value> {
    fields.retain(|_, value| !value.is_null());
    fields
}
