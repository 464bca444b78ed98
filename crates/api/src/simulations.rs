//! `POST /api/v1/simulations`: what a bot would do, on a sample, a recorded event, a recorded chat, or the last events that
//! it hears; a draft beside what is live.

use std::collections::BTreeMap;

use axum::extract::State;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidings_app::admin::tokens::Right;
use tidings_app::simulations::{
    Against, EVENTS_MAX, Simulated, SimulationError, Step, draft, simulate, version,
};
use tidings_behaviors::simulate::{Happening, Stubs, Told};
use tidings_behaviors::{Bot, BotSource, WorkFailed};
use tidings_model::{AuthorKind, BotName, Timestamp};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{self, Answer};
use crate::auth::{Caller, Read};
use crate::body::JsonBody;
use crate::problem::{Code, Problem};
use crate::runs::RunView;
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new().routes(routes!(run))
}

/// What is tried.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SimulationBody {
    /// The bot.
    bot: String,
    /// A draft of its text: names of files and texts. Without it the version that is live is tried.
    #[serde(default)]
    files: Option<BTreeMap<String, String>>,
    /// An earlier version of it.
    #[serde(default)]
    version: Option<String>,
    /// One recorded event.
    #[serde(default)]
    event: Option<Uuid>,
    /// A whole recorded chat.
    #[serde(default)]
    chat: Option<Uuid>,
    /// The last events that the bot hears, at most 1000.
    #[serde(default)]
    last: Option<usize>,
    /// Events in a new chat.
    #[serde(default)]
    events: Option<Vec<HappeningBody>>,
    /// What is done outside is answered so, by the step's word; `{error: code}` lets it fail.
    #[serde(default)]
    #[schema(value_type = Object)]
    stubs: Map<String, Value>,
    /// Whether what is live is tried as well, and told apart.
    #[serde(default)]
    compare: bool,
}

/// Something that happens.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HappeningBody {
    /// The type of the event, or an alias.
    #[serde(rename = "type")]
    event_type: String,
    /// Its data; the type's sample, unless given.
    #[serde(default)]
    #[schema(value_type = Object)]
    data: Option<Value>,
    /// Who did it: `customer`, unless given.
    #[serde(default)]
    author: Option<String>,
}

/// What a bot would do. Nothing of it was done.
#[derive(Serialize, ToSchema)]
pub(crate) struct SimulationView {
    /// The version that was tried.
    version: String,
    /// What somebody should look at in its text.
    warnings: Vec<String>,
    /// What happened, and what the bot would do then.
    steps: Vec<StepView>,
    /// Its runs, with their traces.
    runs: Vec<RunView>,
    /// Whether the time was up before all of it was tried.
    ended_early: bool,
    /// What the live version would do, where it is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<LiveView>,
}

/// What the live version would do.
#[derive(Serialize, ToSchema)]
pub(crate) struct LiveView {
    /// Which one.
    version: String,
    /// Whether it would do the same at each step.
    same: bool,
    /// At which steps it would do something else, from 0.
    different: Vec<usize>,
    /// What happened, and what it would do then.
    steps: Vec<StepView>,
}

/// What happened, and what the bot would do then.
#[derive(Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct StepView {
    /// The recorded event.
    event: Option<Uuid>,
    /// In which chat.
    chat: Option<Uuid>,
    /// Its type; null where only time passed.
    #[serde(rename = "type")]
    event_type: Option<String>,
    /// What the bot would do.
    did: Vec<ToldView>,
}

/// Something that a bot would do.
#[derive(Clone, PartialEq, Serialize, ToSchema)]
pub(crate) struct ToldView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The behavior.
    behavior: String,
    /// What: one key, which is the step's word, or `stopped`.
    #[schema(value_type = Object)]
    what: Value,
}

impl From<Step> for StepView {
    fn from(step: Step) -> Self {
        let did = |Told { at, behavior, what, .. }| ToldView { at, behavior, what };
        Self {
            event: step.event.map(|event| event.uuid()),
            chat: step.chat.map(|chat| chat.uuid()),
            event_type: step.event_type.map(|name| name.as_str().to_owned()),
            did: step.did.into_iter().map(did).collect(),
        }
    }
}

impl From<SimulationError> for Problem {
    fn from(error: SimulationError) -> Self {
        match error {
            SimulationError::Unknown { what } => Self::not_found(what),
            SimulationError::Wrong(problems) => {
                let problem = Self::new(Code::InvalidField, "the bot's text does not load");
                problems.iter().fold(problem, |problem, wrong| {
                    let file = wrong.file.replace('~', "~0").replace('/', "~1");
                    problem.at(format!("/files/{file}"), wrong.to_string())
                })
            }
            SimulationError::Read(error) => error.into(),
        }
    }
}

/// Try a bot without doing anything
///
/// Time is imagined, what is done outside is answered by stubs, and nothing is stored. A draft (`files`) needs the right
/// `write` as well, as a bot's text is a program. After ten seconds it ends, and says so (`ended_early`).
#[utoipa::path(
    post, path = "/api/v1/simulations", tag = "bots", operation_id = "simulate", request_body = SimulationBody,
    responses((status = 200, description = "What the bot would do.", body = SimulationView)),
    security(("token" = ["read"])),
)]
async fn run(
    caller: Caller<Read>,
    State(api): State<Api>,
    JsonBody(body): JsonBody<SimulationBody>,
) -> Answer {
    let workspace = caller.workspace();
    let name: BotName = body.bot.parse().map_err(|error| invalid("/bot", format!("{error}")))?;
    let against = against(&api, &caller, &body)?;
    let stubs = stubs(&body.stubs);
    let (bot, warnings) = match &body.files {
        Some(files) => {
            caller.may(Right::Write)?;
            let files = files.iter().map(|(name, text)| (name.clone(), text.clone())).collect();
            draft(&api.app, workspace, &BotSource { name: name.clone(), files })?
        }
        None => {
            let wanted = body.version.as_deref();
            (version(&api.app, workspace, &name, wanted).await?, Vec::new())
        }
    };
    let Simulated { steps, runs, ended_early } =
        simulate(&api.app, workspace, &bot, &against, &stubs).await?;
    let steps: Vec<StepView> = steps.into_iter().map(StepView::from).collect();
    let live = if body.compare {
        let live = version(&api.app, workspace, &name, None).await?;
        Some(compared(&api, &caller, &live, &against, &stubs, &steps).await?)
    } else {
        None
    };
    let view = SimulationView {
        version: bot.version.clone(),
        warnings: warnings.iter().map(ToString::to_string).collect(),
        steps,
        runs: runs.into_iter().map(RunView::from).collect(),
        ended_early,
        live,
    };
    Ok(answer::json(StatusCode::OK, &view))
}

async fn compared(
    api: &Api,
    caller: &Caller<Read>,
    live: &Bot,
    against: &Against,
    stubs: &Stubs,
    drafts: &[StepView],
) -> Result<LiveView, Problem> {
    let done = simulate(&api.app, caller.workspace(), live, against, stubs).await?;
    let steps: Vec<StepView> = done.steps.into_iter().map(StepView::from).collect();
    let whats = |step: Option<&StepView>| -> Vec<Value> {
        step.map(|step| step.did.iter().map(|told| told.what.clone()).collect()).unwrap_or_default()
    };
    let count = steps.len().max(drafts.len());
    let different: Vec<usize> =
        (0..count).filter(|place| whats(steps.get(*place)) != whats(drafts.get(*place))).collect();
    Ok(LiveView { version: live.version.clone(), same: different.is_empty(), different, steps })
}

fn invalid(field: &str, problem: impl Into<String>) -> Problem {
    let problem = problem.into();
    Problem::new(Code::InvalidField, format!("{field}: {problem}")).at(field, problem)
}

fn against(api: &Api, caller: &Caller<Read>, body: &SimulationBody) -> Result<Against, Problem> {
    let given =
        [body.event.is_some(), body.chat.is_some(), body.last.is_some(), body.events.is_some()];
    if given.into_iter().filter(|given| *given).count() != 1 {
        return Err(invalid("/events", "one of event, chat, last and events says what is tried"));
    }
    if let Some(event) = body.event {
        return Ok(Against::Event(tidings_model::EventId::new(event)));
    }
    if let Some(chat) = body.chat {
        return Ok(Against::Chat(tidings_model::ChatId::new(chat)));
    }
    if let Some(last) = body.last {
        if !(1..=EVENTS_MAX).contains(&last) {
            return Err(invalid("/last", format!("must be from 1 to {EVENTS_MAX}")));
        }
        return Ok(Against::Last(last));
    }
    let catalogue = api.app.catalogue_of(caller.workspace());
    let events = body.events.as_deref().unwrap_or_default();
    if events.len() > EVENTS_MAX {
        return Err(invalid("/events", format!("has at most {EVENTS_MAX} events")));
    }
    let mut happenings = Vec::with_capacity(events.len());
    for (place, event) in events.iter().enumerate() {
        let Some(resolved) = catalogue.resolve(&event.event_type) else {
            return Err(invalid(
                &format!("/events/{place}/type"),
                "the catalogue has no such type",
            ));
        };
        let author = event.author.as_deref().unwrap_or(AuthorKind::Customer.as_str());
        let Some(author) = AuthorKind::ALL.into_iter().find(|kind| kind.as_str() == author) else {
            return Err(invalid(&format!("/events/{place}/author"), "is no kind of author"));
        };
        let known = resolved.event_type;
        let data = event.data.clone().unwrap_or_else(|| known.sample().clone());
        happenings.push(Happening::new(known.name.clone(), data, author));
    }
    Ok(Against::Happenings(happenings))
}

fn stubs(written: &Map<String, Value>) -> Stubs {
    let outcome = |value: &Value| match value.as_object() {
        Some(fields) if fields.len() == 1 => match fields.get("error").and_then(Value::as_str) {
            Some(code) => Err(WorkFailed::new(code, "the simulation says so")),
            None => Ok(value.clone()),
        },
        Some(_) | None => Ok(value.clone()),
    };
    written.iter().map(|(word, value)| (word.clone(), outcome(value))).collect()
}
