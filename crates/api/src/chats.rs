//! `/api/v1/chats`: conversations are listed and read; agents and programs speak, take and give the control lease, label,
//! note, put aside and close.

use std::collections::{BTreeMap, BTreeSet};

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tidings_app::admin::chats::{self, ChatAction};
use tidings_app::desk::snooze::SNOOZE_MAX;
use tidings_app::pipeline::accept::{self, NewEvent};
use tidings_app::pipeline::scene::Scene;
use tidings_behaviors::parse_duration;
use tidings_model::{
    Chat, ChatId, ChatStatus, CustomerId, Holder, Timestamp, Visibility, envelope,
};
use tidings_store::{Kind, Scan};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{self, Answer, Page};
use crate::auth::{Caller, Read, Write};
use crate::body::JsonBody;
use crate::envelope::{AuthorBody, Envelope, Events};
use crate::params::{Id, Params, wrong};
use crate::problem::{Code, Problem, chat_missing};
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(events))
        .routes(routes!(say))
        .routes(routes!(control))
        .routes(routes!(close))
        .routes(routes!(label))
        .routes(routes!(note))
        .routes(routes!(snooze, end_snooze))
}

/// The longest reason and note, in bytes.
const TEXT_BYTES_MAX: usize = 10_000;

/// The longest label, in bytes, and how many one call may name.
const LABEL_BYTES_MAX: usize = 100;
const LABELS_MAX: usize = 100;

/// A conversation with one customer.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChatView {
    /// Its id.
    id: Uuid,
    /// The connection that it runs over.
    channel: Uuid,
    /// The outside service's own name for it.
    address: String,
    /// The person on the other side.
    customer: Option<Uuid>,
    /// `open` or `closed`.
    #[schema(value_type = String, example = "open")]
    status: ChatStatus,
    /// The active thread, or the last one.
    thread: Uuid,
    /// The team that owns it.
    group: Option<String>,
    /// The agent that owns it.
    assignee: Option<String>,
    /// Labels on it.
    labels: BTreeSet<String>,
    /// Variables that bots and agents keep on it.
    #[schema(value_type = Object)]
    variables: BTreeMap<String, Value>,
    /// Until when it is put aside; null while it is not.
    #[schema(value_type = Option<String>, format = DateTime)]
    snoozed_until: Option<Timestamp>,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Who may speak to the customer; only where one chat is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    control: Option<ControlView>,
}

/// Who may speak to the customer of a chat.
#[derive(Serialize, ToSchema)]
pub(crate) struct ControlView {
    /// The one who may.
    #[schema(value_type = HolderBody)]
    holder: Holder,
    /// Why, for people.
    reason: String,
    /// Moves with every change.
    epoch: u64,
}

/// The holder of a control lease.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum HolderBody {
    /// A bot.
    Bot {
        /// Its name.
        id: String,
    },
    /// An agent.
    Agent {
        /// Their id.
        id: String,
    },
    /// It waits for an agent.
    Queue {
        /// Of this team, or of any.
        #[serde(default)]
        group: Option<String>,
    },
    /// The first who speaks takes it.
    Nobody {},
}

fn view(chat: Chat, control: Option<ControlView>) -> ChatView {
    ChatView {
        id: chat.id.uuid(),
        channel: chat.channel.uuid(),
        address: chat.address,
        customer: chat.customer.map(CustomerId::uuid),
        status: chat.status,
        thread: chat.thread.id.uuid(),
        group: chat.group.map(String::from),
        assignee: chat.assignee.map(String::from),
        labels: chat.labels,
        variables: chat.variables,
        snoozed_until: chat.snoozed_until,
        created_at: chat.created_at,
        control,
    }
}

fn view_of_scene(scene: Scene) -> ChatView {
    let epoch = scene.control.version.0;
    let control = scene.control.value;
    view(
        scene.chat.value,
        Some(ControlView { holder: control.holder, reason: control.reason, epoch }),
    )
}

/// List chats
///
/// By id. With `customer` or `status` only those.
#[utoipa::path(
    get, path = "/api/v1/chats", tag = "chats", operation_id = "list_chats",
    params(
        ("customer" = Option<Uuid>, Query, description = "Only those of this customer."),
        ("status" = Option<String>, Query, description = "Only those that are `open` or `closed`."),
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 50, unless given."),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "The chats.", body = Page<ChatView>)),
    security(("token" = ["read"])),
)]
async fn list(caller: Caller<Read>, State(api): State<Api>, mut params: Params) -> Answer {
    let customer = params.one::<CustomerId>("customer")?;
    let status = params.one::<String>("status")?;
    let wanted = match status.as_deref() {
        None => None,
        Some("open") => Some(ChatStatus::Open),
        Some("closed") => Some(ChatStatus::Closed),
        Some(_) => return Err(wrong("status", "must be open or closed")),
    };
    let scan = match (customer, status) {
        (Some(customer), _) => Scan::EqualNewest { name: "customer", value: customer.to_string() },
        (None, Some(status)) => Scan::EqualNewest { name: "status", value: status },
        (None, None) => Scan::Newest,
    };
    answer::documents(&api, &caller, params, Kind::Chat, scan, |chat: Chat| {
        wanted.is_none_or(|wanted| chat.status == wanted).then(|| view(chat, None))
    })
    .await
}

/// Read a chat
#[utoipa::path(
    get, path = "/api/v1/chats/{id}", tag = "chats", operation_id = "get_chat",
    params(("id" = Uuid, Path, description = "The chat's id.")),
    responses((status = 200, description = "The chat, and who may speak in it.", body = ChatView)),
    security(("token" = ["read"])),
)]
async fn one(caller: Caller<Read>, State(api): State<Api>, Id(id): Id<ChatId>) -> Answer {
    let scene = api.app.scene(caller.workspace(), id).await?;
    let scene = scene.ok_or_else(|| Problem::not_found("chat"))?;
    Ok(answer::json(StatusCode::OK, &view_of_scene(scene)))
}

/// Read a chat's history
///
/// Newest first. `next` is the number to go on before; null at the beginning of the chat.
#[utoipa::path(
    get, path = "/api/v1/chats/{id}/events", tag = "chats", operation_id = "list_chat_events",
    params(
        ("id" = Uuid, Path, description = "The chat's id."),
        ("before" = Option<u64>, Query, description = "Only those before this number; the newest, unless given."),
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 50, unless given."),
    ),
    responses((status = 200, description = "The events.", body = Events)),
    security(("token" = ["read"])),
)]
async fn events(
    caller: Caller<Read>,
    State(api): State<Api>,
    Id(id): Id<ChatId>,
    mut params: Params,
) -> Answer {
    let before = params.seq("before")?;
    let limit = params.limit()?;
    params.finish()?;
    let _: Chat = answer::document(&api, &caller, Kind::Chat, id, "chat").await?;
    let events = api.app.store().chat_events(caller.workspace(), id, before, limit).await?;
    Ok(answer::events(&events, events.last().map(|event| event.seq)))
}

/// A message to say.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SayBody {
    /// What to say.
    text: String,
    /// Who says it; an integration by the token's name, unless given.
    #[serde(default)]
    author: Option<AuthorBody>,
    /// Your own id for it: a second one of the same author with the same is not said.
    #[serde(default)]
    custom_id: Option<String>,
}

/// Say something in a chat
///
/// The author must hold the control lease, or find it free. The same `Idempotency-Key` again says nothing twice.
#[utoipa::path(
    post, path = "/api/v1/chats/{id}/messages", tag = "chats", operation_id = "say", request_body = SayBody,
    params(
        ("id" = Uuid, Path, description = "The chat's id."),
        ("Idempotency-Key" = Option<String>, Header, description = "Makes the call safe to repeat."),
    ),
    responses(
        (status = 201, description = "The message, as an event.", body = Envelope),
        (status = 200, description = "The message that was said with this key before.", body = Envelope),
    ),
    security(("token" = ["write"])),
)]
async fn say(
    caller: Caller<Write>,
    State(api): State<Api>,
    Id(chat): Id<ChatId>,
    headers: HeaderMap,
    JsonBody(body): JsonBody<SayBody>,
) -> Answer {
    let author = match body.author {
        Some(author) => author.checked()?,
        None => caller.author(),
    };
    let new = NewEvent {
        event_type: "chat.message".into(),
        data: json!({ "text": body.text }),
        chat: Some(chat),
        time: None,
        author,
        visibility: Visibility::All,
        custom_id: body.custom_id,
        properties: Map::new(),
        idempotency_key: answer::idempotency_key(&caller, &headers)?,
    };
    let accepted = accept::accept(&api.app, caller.workspace(), new).await.map_err(chat_missing)?;
    Ok(answer::accepted(&accepted))
}

/// Who shall hold the control lease.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ControlBody {
    /// The one who may speak from now on.
    holder: HolderBody,
    /// Why, for people.
    #[serde(default)]
    reason: String,
}

/// Give the control lease to somebody
#[utoipa::path(
    put, path = "/api/v1/chats/{id}/control", tag = "chats", operation_id = "set_control", request_body = ControlBody,
    params(("id" = Uuid, Path, description = "The chat's id.")),
    responses((status = 200, description = "The chat, as it is now.", body = ChatView)),
    security(("token" = ["write"])),
)]
async fn control(
    caller: Caller<Write>,
    State(api): State<Api>,
    Id(id): Id<ChatId>,
    JsonBody(body): JsonBody<ControlBody>,
) -> Answer {
    let name = |error: tidings_model::id::InvalidId, field: &str| {
        Problem::new(Code::InvalidField, error.to_string())
            .at(format!("/holder/{field}"), error.to_string())
    };
    let holder = match body.holder {
        HolderBody::Bot { id } => {
            Holder::Bot { id: id.parse().map_err(|error| name(error, "id"))? }
        }
        HolderBody::Agent { id } => {
            Holder::Agent { id: id.parse().map_err(|error| name(error, "id"))? }
        }
        HolderBody::Queue { group: None } => Holder::Queue { group: None },
        HolderBody::Queue { group: Some(group) } => {
            Holder::Queue { group: Some(group.parse().map_err(|error| name(error, "group"))?) }
        }
        HolderBody::Nobody {} => Holder::Nobody,
    };
    let reason = bounded("/reason", body.reason)?;
    act(&api, &caller, id, ChatAction::Control { holder, reason }).await
}

/// Why a chat is closed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CloseBody {
    /// For people.
    #[serde(default)]
    reason: String,
}

/// Close a chat
///
/// The customer's next message opens it again, in a new thread.
#[utoipa::path(
    post, path = "/api/v1/chats/{id}/close", tag = "chats", operation_id = "close_chat", request_body = CloseBody,
    params(("id" = Uuid, Path, description = "The chat's id.")),
    responses((status = 200, description = "The chat, as it is now.", body = ChatView)),
    security(("token" = ["write"])),
)]
async fn close(
    caller: Caller<Write>,
    State(api): State<Api>,
    Id(id): Id<ChatId>,
    JsonBody(body): JsonBody<CloseBody>,
) -> Answer {
    let reason = bounded("/reason", body.reason)?;
    act(&api, &caller, id, ChatAction::Close { reason }).await
}

/// Which labels to change.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LabelsBody {
    /// To put on.
    #[serde(default)]
    add: Vec<String>,
    /// To take off.
    #[serde(default)]
    remove: Vec<String>,
}

/// Change a chat's labels
#[utoipa::path(
    post, path = "/api/v1/chats/{id}/labels", tag = "chats", operation_id = "label_chat", request_body = LabelsBody,
    params(("id" = Uuid, Path, description = "The chat's id.")),
    responses((status = 200, description = "The chat, as it is now.", body = ChatView)),
    security(("token" = ["write"])),
)]
async fn label(
    caller: Caller<Write>,
    State(api): State<Api>,
    Id(id): Id<ChatId>,
    JsonBody(body): JsonBody<LabelsBody>,
) -> Answer {
    let add = labels("/add", body.add)?;
    let remove = labels("/remove", body.remove)?;
    act(&api, &caller, id, ChatAction::Label { add, remove }).await
}

/// A note.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoteBody {
    /// Its text.
    text: String,
}

/// Write a note that only agents see
#[utoipa::path(
    post, path = "/api/v1/chats/{id}/notes", tag = "chats", operation_id = "write_note", request_body = NoteBody,
    params(("id" = Uuid, Path, description = "The chat's id.")),
    responses((status = 201, description = "The note, as an event.", body = Envelope)),
    security(("token" = ["write"])),
)]
async fn note(
    caller: Caller<Write>,
    State(api): State<Api>,
    Id(id): Id<ChatId>,
    JsonBody(body): JsonBody<NoteBody>,
) -> Answer {
    let text = bounded("/text", body.text)?;
    if text.trim().is_empty() {
        return Err(Problem::new(Code::InvalidField, "/text: must not be empty")
            .at("/text", "must not be empty"));
    }
    let action = ChatAction::Note { text };
    let (_, events) =
        chats::act(&api.app, caller.workspace(), id, &caller.author(), &action).await?;
    let event =
        events.last().ok_or_else(|| Problem::new(Code::Internal, "the note raised no event"))?;
    Ok(answer::bytes(StatusCode::CREATED, envelope::render(event)))
}

/// Until when a chat is put aside: one of the two.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SnoozeBody {
    /// Until this time.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// For so long, as `30m` or `2 days`.
    #[serde(default, rename = "for")]
    #[schema(example = "2h")]
    time: Option<String>,
}

/// Put a chat aside
///
/// It comes back at that time, or when the customer writes: `chat.snooze_ended` tells. Done again, it is put aside until
/// the new time.
#[utoipa::path(
    post, path = "/api/v1/chats/{id}/snooze", tag = "chats", operation_id = "snooze_chat", request_body = SnoozeBody,
    params(("id" = Uuid, Path, description = "The chat's id.")),
    responses((status = 200, description = "The chat, as it is now.", body = ChatView)),
    security(("token" = ["write"])),
)]
async fn snooze(
    caller: Caller<Write>,
    State(api): State<Api>,
    Id(id): Id<ChatId>,
    JsonBody(body): JsonBody<SnoozeBody>,
) -> Answer {
    let until = until(api.app.now(), body)?;
    act(&api, &caller, id, ChatAction::Snooze { until }).await
}

fn until(now: Timestamp, body: SnoozeBody) -> Result<Timestamp, Problem> {
    let wrong = |pointer: &str, message: String| {
        Problem::new(Code::InvalidField, format!("{pointer}: {message}")).at(pointer, message)
    };
    let latest = now.checked_add(SNOOZE_MAX).unwrap_or(Timestamp::MAX);
    match (body.until, body.time) {
        (Some(until), None) if until > now && until <= latest => Ok(until),
        (Some(_), None) => {
            Err(wrong("/until", "must be to come, and at most 366 days away".into()))
        }
        (None, Some(time)) => {
            let time = parse_duration(&time).map_err(|problem| wrong("/for", problem))?;
            Ok(now.checked_add(time).map_or(latest, |until| until.min(latest)))
        }
        (Some(_), Some(_)) | (None, None) => {
            Err(wrong("/until", "give either this or `for`".into()))
        }
    }
}

/// Bring a chat back that was put aside
#[utoipa::path(
    delete, path = "/api/v1/chats/{id}/snooze", tag = "chats", operation_id = "end_snooze",
    params(("id" = Uuid, Path, description = "The chat's id.")),
    responses((status = 200, description = "The chat, as it is now.", body = ChatView)),
    security(("token" = ["write"])),
)]
async fn end_snooze(caller: Caller<Write>, State(api): State<Api>, Id(id): Id<ChatId>) -> Answer {
    act(&api, &caller, id, ChatAction::EndSnooze).await
}

async fn act(api: &Api, caller: &Caller<Write>, id: ChatId, action: ChatAction) -> Answer {
    let (scene, _) =
        chats::act(&api.app, caller.workspace(), id, &caller.author(), &action).await?;
    Ok(answer::json(StatusCode::OK, &view_of_scene(scene)))
}

fn bounded(pointer: &str, text: String) -> Result<String, Problem> {
    if text.len() <= TEXT_BYTES_MAX {
        return Ok(text);
    }
    let message = format!("must have at most {TEXT_BYTES_MAX} bytes");
    Err(Problem::new(Code::InvalidField, format!("{pointer}: {message}")).at(pointer, message))
}

fn labels(pointer: &str, labels: Vec<String>) -> Result<Vec<String>, Problem> {
    let good = |label: &String| !label.is_empty() && label.len() <= LABEL_BYTES_MAX;
    if labels.len() <= LABELS_MAX && labels.iter().all(good) {
        return Ok(labels);
    }
    let message = format!("must have at most {LABELS_MAX} labels of 1 to {LABEL_BYTES_MAX} bytes");
    Err(Problem::new(Code::InvalidField, format!("{pointer}: {message}")).at(pointer, message))
}
