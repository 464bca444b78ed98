//! `/api/v1/events`: events are sent, listed, read and streamed.
//!
//! Sending is the hot path: the body is parsed once, the answer is the envelope's bytes as they are in the log.

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Map, Value};
use tidings_app::known;
use tidings_app::pipeline::accept::{self, NewEvent};
use tidings_app::pipeline::live::{Watch, Watcher};
use tidings_app::pipeline::telegram::{PrecheckoutAnswer, answer_precheckout};
use tidings_catalogue::TypeFilter;
use tidings_model::{ChatId, EventId, Timestamp, TypeName, WorkspaceId, envelope};
use tidings_store::EventQuery;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{self, Answer};
use crate::auth::{Caller, Read, Write};
use crate::body::JsonBody;
use crate::envelope::{AuthorBody, Envelope, Events, VisibilityBody};
use crate::params::{Id, Params, wrong};
use crate::problem::{Code, Problem};
use crate::state::Api;
use crate::stream::{self, Gaps, Written};

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(send, list))
        .routes(routes!(stream))
        .routes(routes!(one))
        .routes(routes!(answer_question))
}

/// An event to send.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SendEvent {
    /// Its type, or an alias of it.
    #[serde(rename = "type")]
    #[schema(example = "chat.message")]
    event_type: String,
    /// What the type's schema says.
    #[schema(value_type = Object)]
    data: Value,
    /// The chat it belongs to.
    #[serde(default)]
    chat: Option<Uuid>,
    /// When it happened (RFC 3339); now, unless given.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    time: Option<Timestamp>,
    /// Who did it; an integration by the token's name, unless given.
    #[serde(default)]
    author: Option<AuthorBody>,
    /// Who may see it.
    #[serde(default)]
    #[schema(default = "all")]
    visibility: VisibilityBody,
    /// Your own id for it: a second event of the same author with the same one is not made.
    #[serde(default)]
    custom_id: Option<String>,
    /// Free values beside the data.
    #[serde(default)]
    properties: Map<String, Value>,
}

/// Send an event
///
/// It is durable when the answer comes. The same `Idempotency-Key` again gives the first event, with the status 200 and
/// the header `Idempotent-Replayed: true`.
#[utoipa::path(
    post, path = "/api/v1/events", tag = "events", operation_id = "send_event", request_body = SendEvent,
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat: 1 to 200 visible ASCII characters, remembered for 14 days.")),
    responses(
        (status = 201, description = "The event.", body = Envelope),
        (status = 200, description = "The event that was sent with this key before.", body = Envelope),
    ),
    security(("token" = ["write"])),
)]
async fn send(
    caller: Caller<Write>,
    State(api): State<Api>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<SendEvent>,
) -> Answer {
    let author = match body.author {
        Some(author) => author.checked()?,
        None => caller.author(),
    };
    let new = NewEvent {
        event_type: body.event_type,
        data: body.data,
        chat: body.chat.map(ChatId::new),
        time: body.time,
        author,
        visibility: body.visibility.into(),
        custom_id: body.custom_id,
        properties: body.properties,
        idempotency_key: answer::idempotency_key(&caller, &headers)?,
    };
    let accepted = accept::accept(&api.app, caller.workspace(), new).await?;
    Ok(answer::accepted(&accepted))
}

/// List events
///
/// In the order of their numbers. `next` is the number to go on after; null when nothing follows now.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "events", operation_id = "list_events",
    params(
        ("after" = Option<u64>, Query, description = "Only those after this number; from the first one, unless given."),
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 50, unless given."),
        ("type" = Option<Vec<String>>, Query, description = "Only those of these types; may be given more than once."),
        ("chat" = Option<Uuid>, Query, description = "Only those of this chat."),
    ),
    responses((status = 200, description = "The events.", body = Events)),
    security(("token" = ["read"])),
)]
async fn list(caller: Caller<Read>, State(api): State<Api>, mut params: Params) -> Answer {
    let query = EventQuery {
        after: params.seq("after")?.unwrap_or_default(),
        limit: params.limit()?,
        types: types(&api, caller.workspace(), params.all("type")).await?,
        chat: params.one::<ChatId>("chat")?,
    };
    params.finish()?;
    let (events, next) = answer::page_of_events(&api, caller.workspace(), query).await?;
    Ok(answer::events(&events, next))
}

/// What is answered to a customer who is about to pay.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnswerBody {
    /// Whether the payment may go on.
    ok: bool,
    /// Why not, for the customer: 1 to 200 characters; needed with a no.
    #[serde(default)]
    error_message: Option<String>,
}

/// Answer an event that somebody waits for
///
/// `payment.precheckout` is such a one. The first answer counts; it is durable when ours comes, and goes out at once.
#[utoipa::path(
    post, path = "/api/v1/events/{id}/answer", tag = "events", operation_id = "answer_event", request_body = AnswerBody,
    params(("id" = Uuid, Path, description = "The event's id.")),
    responses((status = 204, description = "It is taken.")),
    security(("token" = ["write"])),
)]
async fn answer_question(
    caller: Caller<Write>,
    State(api): State<Api>,
    Id(id): Id<EventId>,
    JsonBody(body): JsonBody<AnswerBody>,
) -> Result<StatusCode, Problem> {
    let answer = PrecheckoutAnswer::new(body.ok, body.error_message).map_err(|error| {
        Problem::new(Code::InvalidField, error.to_string()).at("/error_message", error.to_string())
    })?;
    answer_precheckout(&api.app, caller.workspace(), id, answer).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Types by their names; an alias is taken where it stands for every event of its type.
async fn types(
    api: &Api,
    workspace: WorkspaceId,
    names: Vec<String>,
) -> Result<Vec<TypeName>, Problem> {
    let mut types = Vec::with_capacity(names.len());
    for name in names {
        known::event_type(&api.app, workspace, &name).await?;
        let catalogue = api.app.catalogue_of(workspace);
        match catalogue.resolve(&name) {
            Some(resolved) if resolved.constraints().is_empty() => {
                types.push(resolved.event_type.name.clone())
            }
            Some(_) => {
                return Err(wrong(
                    "type",
                    "this alias stands for a part of a type's events: stream it, or name the type",
                ));
            }
            None => {
                let nearest = catalogue.nearest(&name);
                let hint = nearest
                    .map(|nearest| format!("; did you mean {nearest:?}?"))
                    .unwrap_or_default();
                return Err(wrong("type", format!("the catalogue has no such event type{hint}")));
            }
        }
    }
    Ok(types)
}

/// Read an event
#[utoipa::path(
    get, path = "/api/v1/events/{id}", tag = "events", operation_id = "get_event",
    params(("id" = Uuid, Path, description = "The event's id.")),
    responses((status = 200, description = "The event.", body = Envelope)),
    security(("token" = ["read"])),
)]
async fn one(caller: Caller<Read>, State(api): State<Api>, Id(id): Id<EventId>) -> Answer {
    let event = api.app.store().event(caller.workspace(), id).await?;
    Ok(answer::event(&*event.ok_or_else(|| Problem::not_found("event"))?))
}

/// Stream events
///
/// Server-sent events: `id` is the event's number, `event` its type, `data` its envelope. Come back with `Last-Event-ID`
/// to miss nothing. A record `gap` says which numbers are no longer kept. A sign of life comes every 15 seconds.
#[utoipa::path(
    get, path = "/api/v1/events/stream", tag = "events", operation_id = "stream_events",
    params(
        ("since" = Option<u64>, Query, description = "Begin after this number; now, unless given."),
        ("type" = Option<Vec<String>>, Query, description = "Only these types, aliases, areas as `chat.*` or systems as `wotnot:*`; with a `!` before it: not these. May be given more than once."),
        ("chat" = Option<Uuid>, Query, description = "Only those of this chat."),
        ("Last-Event-ID" = Option<u64>, Header, description = "The last number that was seen; counts more than `since`."),
    ),
    responses((status = 200, description = "The stream.", content_type = "text/event-stream", body = String)),
    security(("token" = ["read"])),
)]
async fn stream(
    caller: Caller<Read>,
    State(api): State<Api>,
    mut params: Params,
    headers: HeaderMap,
) -> Answer {
    let since = params.seq("since")?;
    let names = params.all("type");
    known::filter(&api.app, caller.workspace(), &names).await?;
    let filter = TypeFilter::parse(&api.app.catalogue_of(caller.workspace()), &names)
        .map_err(|fault| wrong("type", fault.to_string()))?;
    let chat = params.one::<ChatId>("chat")?;
    params.finish()?;
    let since = stream::begin(&api, caller.workspace(), &headers, since).await?;
    let watch = Watch::new(&api.app, caller.workspace(), Watcher::Workspace, filter, chat, since);
    stream::events(&api, watch, Gaps::Told, |event, bytes| {
        envelope::render_into(event, bytes);
        Written::Whole
    })
}
