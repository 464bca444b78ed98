//! `/api/v1/event-types`: the vocabulary, with schemas and samples, and the workspace's own types.
//!
//! Reading needs a token that reads; own types are made and changed by administrators. The types of every workspace are
//! part of the release and change with it.

use axum::extract::State;
use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tidings_app::admin::event_types::{self, Written};
use tidings_app::known;
use tidings_catalogue::own::Change;
use tidings_catalogue::{Catalogue, EventType, answer_schema, asyncapi, data_schema, describe};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::answer::{self, Answer};
use crate::auth::{Admin, Caller, Read};
use crate::body::JsonBody;
use crate::params::{Id, Params};
use crate::problem::{Code, Problem};
use crate::state::Api;

/// The media type of a JSON Schema.
const SCHEMA_JSON: HeaderValue = HeaderValue::from_static("application/schema+json");

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(one, put, remove))
        .routes(routes!(schema))
        .routes(routes!(schema_of_answer))
        .routes(routes!(draft))
        .routes(routes!(document))
}

/// List event types
///
/// All of them, with titles, schemas, samples and what other systems call them; the workspace's own are the last.
#[utoipa::path(
    get, path = "/api/v1/event-types", tag = "event types", operation_id = "list_event_types",
    responses((status = 200, description = "All types.", body = Object)),
    security(("token" = ["read"])),
)]
async fn list(caller: Caller<Read>, State(api): State<Api>, params: Params) -> Answer {
    params.finish()?;
    let catalogue = api.app.catalogue_of(caller.workspace());
    let items: Vec<Value> = catalogue.types().map(describe).collect();
    Ok(answer::json(StatusCode::OK, &json!({ "items": items, "next": null })))
}

/// Read an event type
#[utoipa::path(
    get, path = "/api/v1/event-types/{name}", tag = "event types", operation_id = "get_event_type",
    params(("name" = String, Path, description = "The type's name, or an alias of it.")),
    responses((status = 200, description = "The type.", body = Object)),
    security(("token" = ["read"])),
)]
async fn one(caller: Caller<Read>, State(api): State<Api>, Id(name): Id<String>) -> Answer {
    with_type(&api, &caller, &name, |event_type| {
        Ok(answer::json(StatusCode::OK, &describe(event_type)))
    })
    .await
}

/// Read the schema of a type's data
///
/// A JSON Schema (2020-12) that needs no other. Its `$id` holds name and version, and stays.
#[utoipa::path(
    get, path = "/api/v1/event-types/{name}/schema", tag = "event types", operation_id = "get_event_type_schema",
    params(("name" = String, Path, description = "The type's name, or an alias of it.")),
    responses((status = 200, description = "The schema.", content_type = "application/schema+json", body = Object)),
    security(("token" = ["read"])),
)]
async fn schema(caller: Caller<Read>, State(api): State<Api>, Id(name): Id<String>) -> Answer {
    with_type(&api, &caller, &name, |event_type| Ok(as_schema(&data_schema(event_type)))).await
}

/// Read the schema of the answer to a type
///
/// There where somebody waits for an answer: for types that are not of the kind `after`.
#[utoipa::path(
    get, path = "/api/v1/event-types/{name}/answer-schema", tag = "event types",
    operation_id = "get_event_type_answer_schema",
    params(("name" = String, Path, description = "The type's name, or an alias of it.")),
    responses((status = 200, description = "The schema.", content_type = "application/schema+json", body = Object)),
    security(("token" = ["read"])),
)]
async fn schema_of_answer(
    caller: Caller<Read>,
    State(api): State<Api>,
    Id(name): Id<String>,
) -> Answer {
    with_type(&api, &caller, &name, |event_type| {
        let schema = answer_schema(event_type).ok_or_else(|| {
            Problem::new(Code::NotFound, "nobody waits for an answer to events of this type")
        })?;
        Ok(as_schema(&schema))
    })
    .await
}

/// Read what is sent as AsyncAPI
///
/// An AsyncAPI 3.0 document of webhooks and of the stream: each type whose events go out, the workspace's own as well,
/// with schemas and examples.
#[utoipa::path(
    get, path = "/api/v1/asyncapi.json", tag = "event types", operation_id = "get_asyncapi",
    responses((status = 200, description = "The document.", body = Object)),
    security(("token" = ["read"])),
)]
async fn document(caller: Caller<Read>, State(api): State<Api>, params: Params) -> Answer {
    params.finish()?;
    let catalogue = api.app.catalogue_of(caller.workspace());
    Ok(answer::json(StatusCode::OK, &asyncapi(&catalogue)))
}

/// A type of the workspace's own.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it only describes what the catalogue reads")]
pub(crate) struct OwnType {
    /// Its name: lower-case words joined by dots. No type or alias has it yet.
    #[schema(example = "order.placed")]
    name: String,
    /// Its name for people, in a few words.
    title: String,
    /// When it is raised, and by what.
    description: Option<String>,
    /// Under which heading people find it.
    group: Option<String>,
    /// Only facts can be described.
    #[schema(default = "after")]
    kind: Option<String>,
    /// The version of its schema: raised by one exactly when a change breaks who reads or sends such events.
    #[schema(default = 1)]
    version: Option<u32>,
    /// `draft`: it may change in any way. `stable`: others may rely on it.
    #[schema(default = "stable")]
    status: Option<String>,
    /// How it arises, in a short sentence.
    raised_by: Option<String>,
    /// Whose behaviors can hear it: app, group, watcher, agent.
    heard_by: Option<Vec<String>>,
    /// The kinds of channel that raise it; empty where it is not bound to a channel.
    channels: Option<Vec<String>>,
    /// The JSON Schema (2020-12) of its data, an object. It refers to nothing outside, and contains itself nowhere.
    #[schema(value_type = Object)]
    schema: Value,
    /// A realistic value of its data.
    #[schema(value_type = Object)]
    sample: Value,
    /// Other names for it: texts, or objects with `name` and `where`.
    #[schema(value_type = Option<Vec<Object>>)]
    aliases: Option<Vec<Value>>,
}

/// Make an event type
///
/// It is live at once: such events are taken, behaviors hear them, endpoints can want them.
#[utoipa::path(
    post, path = "/api/v1/event-types", tag = "event types", operation_id = "create_event_type", request_body = OwnType,
    responses((status = 201, description = "The type.", body = Object)),
    security(("token" = ["admin"])),
)]
async fn create(
    caller: Caller<Admin>,
    State(api): State<Api>,
    JsonBody(given): JsonBody<Value>,
) -> Answer {
    let made = event_types::create(&api.app, caller.workspace(), &given).await?;
    Ok(answer::json(StatusCode::CREATED, &describe(&made)))
}

/// A sample to draft a type from.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DraftType {
    /// The type's name.
    #[schema(example = "order.placed")]
    name: String,
    /// What the data of such an event looks like.
    #[schema(value_type = Object)]
    sample: Value,
}

/// Draft an event type from a sample
///
/// Its schema says what the sample looks like: every field is required, texts get the format that all of them have. The
/// type is a draft, and takes events at once; `PUT` makes it stable.
#[utoipa::path(
    post, path = "/api/v1/event-types/drafts", tag = "event types", operation_id = "draft_event_type",
    request_body = DraftType,
    responses((status = 201, description = "The type.", body = Object)),
    security(("token" = ["admin"])),
)]
async fn draft(
    caller: Caller<Admin>,
    State(api): State<Api>,
    JsonBody(DraftType { name, sample }): JsonBody<DraftType>,
) -> Answer {
    let drafted = event_types::draft(&api.app, caller.workspace(), &name, &sample).await?;
    Ok(answer::json(StatusCode::CREATED, &describe(&drafted)))
}

/// Change an event type, or make it
///
/// The whole type is given. Of a stable one the version is raised by one exactly when readers or senders break; the answer
/// tells each change, with whom it breaks.
#[utoipa::path(
    put, path = "/api/v1/event-types/{name}", tag = "event types", operation_id = "put_event_type",
    request_body = OwnType,
    params(("name" = String, Path, description = "The type's name.")),
    responses(
        (status = 200, description = "The type, with `changes`.", body = Object),
        (status = 201, description = "The type, which is new.", body = Object),
    ),
    security(("token" = ["admin"])),
)]
async fn put(
    caller: Caller<Admin>,
    State(api): State<Api>,
    Id(name): Id<String>,
    JsonBody(mut given): JsonBody<Value>,
) -> Answer {
    if let Value::Object(fields) = &mut given {
        let said = fields.entry("name").or_insert_with(|| name.as_str().into());
        if *said != name.as_str() {
            let message = "must be the name in the address: a type keeps its name";
            return Err(Problem::new(Code::InvalidEventType, format!("/name {message}")).at_with(
                "/name",
                "invalid_name",
                message,
            ));
        }
    }
    let written = event_types::put(&api.app, caller.workspace(), &given).await?;
    let mut answered = describe(written.event_type());
    let (status, changes) = match written {
        Written::Made(_) => (StatusCode::CREATED, None),
        Written::Unchanged(_) => (StatusCode::OK, Some(Vec::new())),
        Written::Changed(_, changes) => (StatusCode::OK, Some(changes)),
    };
    if let (Value::Object(answered), Some(changes)) = (&mut answered, changes) {
        answered.insert("changes".into(), changes.iter().map(told).collect());
    }
    Ok(answer::json(status, &answered))
}

/// Remove an event type
///
/// Only where nobody needs it: no endpoint and no bot names it, or it is a draft that no bot names. Its events stay in the
/// log.
#[utoipa::path(
    delete, path = "/api/v1/event-types/{name}", tag = "event types", operation_id = "delete_event_type",
    params(("name" = String, Path, description = "The type's name.")),
    responses((status = 204, description = "It is removed.")),
    security(("token" = ["admin"])),
)]
async fn remove(caller: Caller<Admin>, State(api): State<Api>, Id(name): Id<String>) -> Answer {
    event_types::delete(&api.app, caller.workspace(), &name).await?;
    Ok(answer::done())
}

/// A change, as it stands in answers.
fn told(change: &Change) -> Value {
    let mut breaks = Vec::new();
    if change.breaks_readers {
        breaks.push("readers");
    }
    if change.breaks_senders {
        breaks.push("senders");
    }
    let mut told = Map::new();
    told.insert("pointer".into(), change.pointer.as_str().into());
    told.insert("code".into(), change.code.as_str().into());
    told.insert("breaks".into(), breaks.into());
    told.insert("message".into(), change.message.as_str().into());
    Value::Object(told)
}

fn as_schema(schema: &Value) -> axum::response::Response {
    (StatusCode::OK, [(CONTENT_TYPE, SCHEMA_JSON)], schema.to_string()).into_response()
}

/// Answers by the type that a name of the address stands for.
async fn with_type(
    api: &Api,
    caller: &Caller<Read>,
    name: &str,
    answered: impl FnOnce(&EventType) -> Answer,
) -> Answer {
    known::event_type(&api.app, caller.workspace(), name).await?;
    let catalogue = api.app.catalogue_of(caller.workspace());
    match catalogue.resolve(name) {
        Some(resolved) => answered(resolved.event_type),
        None => Err(unknown(&catalogue, name)),
    }
}

fn unknown(catalogue: &Catalogue, name: &str) -> Problem {
    let nearest = catalogue
        .nearest(name)
        .map(|nearest| format!("; did you mean {nearest:?}?"))
        .unwrap_or_default();
    Problem::not_found(&format!("event type{nearest}"))
}
