//! `/api/v1/runs`: what behaviors did, step by step.

use axum::extract::State;
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use tidings_behaviors::{Run, RunState, StepTrace, StopReason};
use tidings_model::{ChatId, EventId, RunId, Timestamp};
use tidings_store::{Kind, Scan};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{self, Answer, Page};
use crate::auth::{Caller, Read};
use crate::params::{Id, Params, wrong};
use crate::problem::Problem;
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
    /// Its number in the log; null for what was only about to happen.
    event_seq: Option<u64>,
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
    /// What came of it: what was said, what each condition saw, the branch taken.
    #[schema(value_type = Object)]
    detail: Value,
    /// How long it took, in microseconds; of what is done outside, from the order to the answer.
    took_us: Option<u64>,
}

impl From<Run> for RunView {
    fn from(run: Run) -> Self {
        let step = |StepTrace { at, place, step, detail, took_us }| {
            let detail = detail.json().into_owned();
            StepView { at, place, step, detail, took_us }
        };
        Self {
            id: run.id.uuid(),
            bot: run.bot.into(),
            bot_version: run.bot_version,
            behavior: run.behavior,
            event: run.event.uuid(),
            event_seq: run.event_seq,
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

/// Which runs are listed.
#[derive(Default)]
struct Filter {
    chat: Option<ChatId>,
    bot: Option<String>,
    behavior: Option<String>,
    event: Option<EventId>,
    state: Option<String>,
    error: Option<String>,
}

/// The words for how a run stands.
const STATES: [&str; 3] = ["waiting", "done", "stopped"];

impl Filter {
    fn take(params: &mut Params) -> Result<Self, Problem> {
        let state = params.one::<String>("state")?;
        if state.as_ref().is_some_and(|state| !STATES.contains(&state.as_str())) {
            return Err(wrong("state", format!("must be one of {}", STATES.join(", "))));
        }
        Ok(Self {
            chat: params.one("chat")?,
            bot: params.one("bot")?,
            behavior: params.one("behavior")?,
            event: params.one("event")?,
            state,
            error: params.one("error")?,
        })
    }

    /// The look-up that leaves the least to look at.
    fn scan(&self) -> Scan {
        let found_by = |name, value: String| Scan::EqualNewest { name, value };
        match self {
            Self { event: Some(event), .. } => found_by("event", event.to_string()),
            Self { chat: Some(chat), .. } => found_by("chat", chat.to_string()),
            Self { error: Some(error), .. } => found_by("error", error.clone()),
            Self { state: Some(state), .. } if state != "done" => found_by("state", state.clone()),
            Self { behavior: Some(behavior), .. } => found_by("behavior", behavior.clone()),
            Self { bot: Some(bot), .. } => found_by("bot", bot.clone()),
            Self { .. } => Scan::Newest,
        }
    }

    fn wants(&self, run: &Run) -> bool {
        let is = |wanted: &Option<String>, word: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted == word)
        };
        let behavior = || format!("{}/{}", run.bot, run.behavior);
        is(&self.bot, run.bot.as_str())
            && self.behavior.as_ref().is_none_or(|wanted| *wanted == behavior())
            && is(&self.state, run.state.as_str())
            && is(&self.error, run.state.stop_reason().map_or("", StopReason::as_str))
            && self.event.is_none_or(|wanted| wanted == run.event)
            && self.chat.is_none_or(|wanted| Some(wanted) == run.chat)
    }
}

/// List runs
///
/// Newest first. With more than one filter, or with `state=done`, a page may hold fewer than its limit, and the next one
/// still some.
#[utoipa::path(
    get, path = "/api/v1/runs", tag = "runs", operation_id = "list_runs",
    params(
        ("chat" = Option<Uuid>, Query, description = "Only those in this chat."),
        ("bot" = Option<String>, Query, description = "Only those of this bot."),
        ("behavior" = Option<String>, Query, description = "Only those of this behavior, as `bot/behavior`."),
        ("event" = Option<Uuid>, Query, description = "Only those that this event started."),
        ("state" = Option<String>, Query, description = "Only those that are `waiting`, `done` or `stopped`."),
        ("error" = Option<String>, Query, description = "Only those that were stopped for this reason, as `template_failed`."),
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 50, unless given."),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "The runs.", body = Page<RunView>)),
    security(("token" = ["read"])),
)]
async fn list(caller: Caller<Read>, State(api): State<Api>, mut params: Params) -> Answer {
    let filter = Filter::take(&mut params)?;
    answer::documents(&api, &caller, params, Kind::Run, filter.scan(), |run: Run| {
        filter.wants(&run).then(|| RunView::from(run))
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
