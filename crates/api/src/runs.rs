//! `/api/v1/runs`: what behaviors did, step by step.

use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use tidings_behaviors::{Run, RunState, StepTrace};
use tidings_model::{ChatId, RunId, Timestamp};
use tidings_store::{Kind, Scan};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{self, Answer, Page};
use crate::auth::{Caller, Read};
use crate::params::{Id, Params};
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one))
}

/// One execution of a behavior.
#[derive(Serialize, ToSchema)]
pub(crate) struct RunView {
    /// Its id.
    id: Uuid,
    /// The bot.
    bot: String,
    /// The version of the bot's text.
    bot_version: String,
    /// The behavior's name.
    behavior: String,
    /// The event that started it.
    event: Uuid,
    /// The chat it runs in.
    chat: Option<Uuid>,
    /// How it stands: `{state: waiting, wait}`, `{state: done}` or `{state: stopped, reason, message}`.
    #[schema(value_type = Object)]
    state: RunState,
    /// Its own variables.
    #[schema(value_type = Object)]
    variables: Map<String, Value>,
    /// Steps taken so far.
    steps_taken: u32,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    started_at: Timestamp,
    /// When it last moved.
    #[schema(value_type = String, format = DateTime)]
    moved_at: Timestamp,
    /// What it did, step by step, the last 200.
    trace: Vec<StepView>,
}

/// One step of a run.
#[derive(Serialize, ToSchema)]
pub(crate) struct StepView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The file and line of the step.
    place: String,
    /// The step's word: `say`, `choose`, ...
    step: String,
    /// What came of it.
    #[schema(value_type = Object)]
    detail: Value,
}

impl From<Run> for RunView {
    fn from(run: Run) -> Self {
        let step = |StepTrace { at, place, step, detail }| StepView { at, place, step, detail };
        Self {
            id: run.id.uuid(),
            bot: run.bot.into(),
            bot_version: run.bot_version,
            behavior: run.behavior,
            event: run.event.uuid(),
            chat: run.chat.map(ChatId::uuid),
            state: run.state,
            variables: run.variables,
            steps_taken: run.steps_taken,
            started_at: run.started_at,
            moved_at: run.moved_at,
            trace: run.trace.into_iter().map(step).collect(),
        }
    }
}

/// List runs
///
/// Newest first. With both filters a page may hold fewer than its limit, and the next one still some.
#[utoipa::path(
    get, path = "/api/v1/runs", tag = "runs", operation_id = "list_runs",
    params(
        ("chat" = Option<Uuid>, Query, description = "Only those in this chat."),
        ("behavior" = Option<String>, Query, description = "Only those of this behavior, as `bot/behavior`."),
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 50, unless given."),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "The runs.", body = Page<RunView>)),
    security(("token" = ["read"])),
)]
async fn list(caller: Caller<Read>, State(api): State<Api>, mut params: Params) -> Answer {
    let chat = params.one::<ChatId>("chat")?;
    let behavior = params.one::<String>("behavior")?;
    let scan = match (chat, &behavior) {
        (Some(chat), _) => Scan::EqualNewest { name: "chat", value: chat.to_string() },
        (None, Some(behavior)) => Scan::EqualNewest { name: "behavior", value: behavior.clone() },
        (None, None) => Scan::Newest,
    };
    answer::documents(&api, &caller, params, Kind::Run, scan, |run: Run| {
        let wanted = behavior
            .as_ref()
            .is_none_or(|behavior| *behavior == format!("{}/{}", run.bot, run.behavior));
        wanted.then(|| RunView::from(run))
    })
    .await
}

/// Read a run
#[utoipa::path(
    get, path = "/api/v1/runs/{id}", tag = "runs", operation_id = "get_run",
    params(("id" = Uuid, Path, description = "The run's id.")),
    responses((status = 200, description = "The run, with its trace.", body = RunView)),
    security(("token" = ["read"])),
)]
async fn one(caller: Caller<Read>, State(api): State<Api>, Id(id): Id<RunId>) -> Answer {
    let run: Run = answer::document(&api, &caller, Kind::Run, id, "run").await?;
    Ok(answer::json(StatusCode::OK, &RunView::from(run)))
}
