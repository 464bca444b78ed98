//! `/api/v1/jobs`: work on the log of deliveries, begun at an endpoint: to recover what failed, or to replay a range.

use std::sync::Arc;

use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tidings_app::pipeline::deliver::job::asked::{self, Ask, Preview, Task};
use tidings_app::pipeline::deliver::job::document::{Asked, Count, Job, JobState, LISTED};
use tidings_model::{ChatId, EndpointId, Event, JobId, Timestamp};
use tidings_store::{Kind, Scan};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{self, Answer, Page};
use crate::auth::{Caller, Read, Write};
use crate::body::JsonBody;
use crate::params::{Id, Params};
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(recover))
        .routes(routes!(replay))
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(cancel))
}

/// What to recover.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Recover {
    /// Deliveries of events that came at this time or later.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// Only of events that came before this time.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Only these types, aliases and areas as `chat.*`; empty means all.
    #[serde(default)]
    types: Vec<String>,
    /// Only say what would be sent.
    #[serde(default)]
    dry_run: bool,
}

/// What to replay.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Replay {
    /// From this event on; this or `since` must be given.
    #[serde(default)]
    from_seq: Option<u64>,
    /// Up to this event; the last one there is, unless given.
    #[serde(default)]
    to_seq: Option<u64>,
    /// Only events that came at this time or later.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Only events that came before this time.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// Only these types, aliases and areas as `chat.*`; empty means all that the endpoint wants.
    #[serde(default)]
    types: Vec<String>,
    /// Only say what would be sent.
    #[serde(default)]
    dry_run: bool,
}

/// What a job would send.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreviewView {
    /// Always true: nothing was sent.
    dry_run: bool,
    /// How many events would be sent.
    of: u64,
    /// Whether all were counted; there are more, if not.
    is_all: bool,
    /// The first ten.
    first: Vec<PreviewedEvent>,
}

/// An event that would be sent.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreviewedEvent {
    /// Its number.
    seq: u64,
    /// Its id.
    event: Uuid,
    /// Its type.
    event_type: String,
    /// Its chat.
    chat: Option<Uuid>,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    received_at: Timestamp,
}

impl From<Preview> for PreviewView {
    fn from(Preview { of, is_all, first }: Preview) -> Self {
        let shown = |event: Arc<Event>| PreviewedEvent {
            seq: event.seq.0,
            event: event.id.uuid(),
            event_type: event.event_type.to_string(),
            chat: event.chat.map(ChatId::uuid),
            received_at: event.received_at,
        };
        Self { dry_run: true, of, is_all, first: first.into_iter().map(shown).collect() }
    }
}

/// Work on the log of deliveries.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobView {
    /// Its id.
    id: Uuid,
    /// To whom it sends.
    endpoint: Uuid,
    /// `recover` or `replay`.
    #[schema(value_type = String, example = "recover")]
    task: Task,
    /// Only these types, aliases and areas; empty means all.
    types: Vec<String>,
    /// Only events that came at this time or later.
    #[schema(value_type = Option<String>, format = DateTime)]
    since: Option<Timestamp>,
    /// Only events that came before this time.
    #[schema(value_type = Option<String>, format = DateTime)]
    until: Option<Timestamp>,
    /// The first event that it looks at.
    from_seq: u64,
    /// The last one.
    to_seq: u64,
    /// `running`, `done`, `cancelled` or `failed`.
    #[schema(value_type = String, example = "running")]
    state: JobState,
    /// Why it failed.
    reason: Option<String>,
    /// How far it is.
    progress: JobProgress,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// When it ended.
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
}

/// How far a job is.
#[derive(Serialize, ToSchema)]
pub(crate) struct JobProgress {
    /// How many the receiver took.
    done: u64,
    /// How many it did not take, however often they were tried.
    failed: u64,
    /// How many were not sent: delivered meanwhile, still owed by the endpoint's own reader, or no
    /// longer kept.
    skipped: u64,
    /// How many there were when it began; null, where that was too much to be counted.
    of: Option<u64>,
    /// All up to this event is settled.
    at_seq: u64,
}

impl From<Job> for JobView {
    fn from(job: Job) -> Self {
        let Asked { task, types, since, until } = job.asked;
        let Count { done, failed, skipped } = job.count;
        let progress = JobProgress { done, failed, skipped, of: job.of, at_seq: job.place.at };
        Self {
            id: job.id.uuid(),
            endpoint: job.endpoint.uuid(),
            task,
            types,
            since,
            until,
            from_seq: job.from_seq,
            to_seq: job.to_seq,
            state: job.state,
            reason: job.reason,
            progress,
            started_at: job.started_at,
            ended_at: job.ended_at,
        }
    }
}

/// Recover failed deliveries
///
/// Begins a job that sends again what failed, in order within each chat. What somebody cancelled stays so.
#[utoipa::path(
    post, path = "/api/v1/endpoints/{id}/recover", tag = "endpoints", operation_id = "recover_deliveries",
    request_body = Recover,
    params(("id" = Uuid, Path, description = "The endpoint's id.")),
    responses(
        (status = 202, description = "The job.", body = JobView),
        (status = 200, description = "With `dry_run`: what it would send.", body = PreviewView),
    ),
    security(("token" = ["write"])),
)]
async fn recover(
    caller: Caller<Write>,
    State(api): State<Api>,
    Id(endpoint): Id<EndpointId>,
    JsonBody(body): JsonBody<Recover>,
) -> Answer {
    let Recover { since, until, types, dry_run } = body;
    let asked = Asked { task: Task::Recover, types, since: Some(since), until };
    let ask = Ask { endpoint, asked, from_seq: None, to_seq: None };
    begin(&caller, &api, ask, dry_run).await
}

/// Replay a range of the log
///
/// Begins a job that sends what the endpoint wants of a range, delivered before or not, in order within each chat.
#[utoipa::path(
    post, path = "/api/v1/endpoints/{id}/replay", tag = "endpoints", operation_id = "replay_log",
    request_body = Replay,
    params(("id" = Uuid, Path, description = "The endpoint's id.")),
    responses(
        (status = 202, description = "The job.", body = JobView),
        (status = 200, description = "With `dry_run`: what it would send.", body = PreviewView),
    ),
    security(("token" = ["write"])),
)]
async fn replay(
    caller: Caller<Write>,
    State(api): State<Api>,
    Id(endpoint): Id<EndpointId>,
    JsonBody(body): JsonBody<Replay>,
) -> Answer {
    let Replay { from_seq, to_seq, since, until, types, dry_run } = body;
    let asked = Asked { task: Task::Replay, types, since, until };
    begin(&caller, &api, Ask { endpoint, asked, from_seq, to_seq }, dry_run).await
}

async fn begin(caller: &Caller<Write>, api: &Api, ask: Ask, dry_run: bool) -> Answer {
    if dry_run {
        let preview = asked::preview(&api.app, caller.workspace(), &ask).await?;
        return Ok(answer::json(StatusCode::OK, &PreviewView::from(preview)));
    }
    let job = asked::begin(&api.app, caller.workspace(), ask).await?;
    Ok(answer::json(StatusCode::ACCEPTED, &JobView::from(job)))
}

/// List jobs
///
/// Newest first; of those that ended the last hundred are kept.
#[utoipa::path(
    get, path = "/api/v1/jobs", tag = "jobs", operation_id = "list_jobs",
    params(
        ("endpoint" = Option<Uuid>, Query, description = "Only those of this endpoint."),
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 50, unless given."),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "The jobs.", body = Page<JobView>)),
    security(("token" = ["read"])),
)]
async fn list(caller: Caller<Read>, State(api): State<Api>, mut params: Params) -> Answer {
    let scan = match params.one::<EndpointId>("endpoint")? {
        Some(endpoint) => Scan::EqualNewest { name: "to", value: endpoint.to_string() },
        None => Scan::EqualNewest { name: LISTED.0, value: LISTED.1.into() },
    };
    let view = |job: Job| Some(JobView::from(job));
    answer::documents(&api, &caller, params, Kind::Job, scan, view).await
}

/// Read a job
#[utoipa::path(
    get, path = "/api/v1/jobs/{id}", tag = "jobs", operation_id = "get_job",
    params(("id" = Uuid, Path, description = "The job's id.")),
    responses((status = 200, description = "The job.", body = JobView)),
    security(("token" = ["read"])),
)]
async fn one(caller: Caller<Read>, State(api): State<Api>, Id(id): Id<JobId>) -> Answer {
    let job: Job = answer::document(&api, &caller, Kind::Job, id, "job").await?;
    Ok(answer::json(StatusCode::OK, &JobView::from(job)))
}

/// Cancel a job
///
/// What it has under way may still be taken.
#[utoipa::path(
    post, path = "/api/v1/jobs/{id}/cancel", tag = "jobs", operation_id = "cancel_job",
    params(("id" = Uuid, Path, description = "The job's id.")),
    responses((status = 200, description = "The job.", body = JobView)),
    security(("token" = ["write"])),
)]
async fn cancel(caller: Caller<Write>, State(api): State<Api>, Id(id): Id<JobId>) -> Answer {
    let job = asked::cancel(&api.app, caller.workspace(), id).await?;
    Ok(answer::json(StatusCode::OK, &JobView::from(job)))
}
