//! `/api/v1/bots`: the bots, which version of each is live, what is wrong with a newer text that was refused, when behaviors
//! are due; and the routes that bots have of their own. [`versions`] is how they are published.

pub(crate) mod versions;

use axum::extract::{Path, RawQuery, State};
use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tidings_app::admin::bots::LiveBot;
use tidings_app::pipeline::failing::{self, Failure, Mark, Pause, SHOWN_MAX};
use tidings_app::pipeline::question;
use tidings_app::pipeline::schedule::Scheduled;
use tidings_behaviors::Owner;
use tidings_model::{Author, BotName, NESTING_MAX, Timestamp, WorkspaceId, nesting};
use tidings_store::{DocKey, Kind, Scan};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{self, Answer, Page};
use crate::auth::{Caller, Read, Write};
use crate::body::RawBody;
use crate::params::Params;
use crate::problem::{Code, Problem};
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(request, look_up))
        .routes(routes!(resume))
        .merge(versions::routes())
}

/// The longest body of a call of a bot's route, in bytes: an event is read by many.
const REQUEST_BYTES_MAX: usize = 256 * 1024;

/// Call a bot's own route
///
/// The bot's behaviors hear `api.requested`; the answer is that of the first that gives one, and empty where none does.
#[utoipa::path(
    post, path = "/api/v1/bots/{bot}/requests/{path}", tag = "bots", operation_id = "request_bot",
    params(
        ("bot" = String, Path, description = "The bot's name."),
        ("path" = String, Path, description = "The route, as the bot calls it: `event.path`."),
    ),
    request_body(content = Object, content_type = "application/json"),
    responses((status = 200, description = "What a behavior answered.", body = Object)),
    security(("token" = ["write"])),
)]
async fn request(
    caller: Caller<Write>,
    State(api): State<Api>,
    Path((bot, path)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    RawBody(body): RawBody,
) -> Answer {
    asked(&api, (caller.workspace(), caller.author()), ("POST", bot, path), query, &body).await
}

/// Ask a bot's own route
///
/// As the call, for what changes nothing.
#[utoipa::path(
    get, path = "/api/v1/bots/{bot}/requests/{path}", tag = "bots", operation_id = "ask_bot",
    params(
        ("bot" = String, Path, description = "The bot's name."),
        ("path" = String, Path, description = "The route, as the bot calls it: `event.path`."),
    ),
    responses((status = 200, description = "What a behavior answered.", body = Object)),
    security(("token" = ["write"])),
)]
async fn look_up(
    caller: Caller<Write>,
    State(api): State<Api>,
    Path((bot, path)): Path<(String, String)>,
    RawQuery(query): RawQuery,
) -> Answer {
    asked(&api, (caller.workspace(), caller.author()), ("GET", bot, path), query, &[]).await
}

async fn asked(
    api: &Api,
    (workspace, author): (WorkspaceId, Author),
    (method, bot, path): (&str, String, String),
    query: Option<String>,
    body: &[u8],
) -> Answer {
    if body.len() > REQUEST_BYTES_MAX {
        let message = format!("the body is longer than {REQUEST_BYTES_MAX} bytes");
        return Err(Problem::new(Code::BodyTooLarge, message));
    }
    let name: Option<BotName> = bot.parse().ok();
    let live = match name {
        Some(name) => {
            let key = DocKey::new(Kind::Bot, &name);
            api.app.store().document(workspace, &key).await?
        }
        None => None,
    };
    if live.is_none() {
        return Err(Problem::not_found("bot"));
    }
    let pairs = url::form_urlencoded::parse(query.as_deref().unwrap_or_default().as_bytes());
    let query: Map<String, Value> =
        pairs.map(|(name, value)| (name.into_owned(), value.into())).collect();
    let body = match std::str::from_utf8(body) {
        Ok("") | Err(_) => Value::Null,
        // What nests too deep to be told stays a text.
        Ok(text) if nesting(body) > NESTING_MAX => text.into(),
        Ok(text) => serde_json::from_str(text).unwrap_or_else(|_| text.into()),
    };
    let data = json!({ "bot": bot, "path": path, "method": method, "query": query, "body": body });
    let answered = question::ask(&api.app, workspace, "api.requested", data, author).await?;
    Ok(answer::json(StatusCode::OK, &answered.answer))
}

/// A bot.
#[derive(Serialize, ToSchema)]
pub(crate) struct BotView {
    /// Its name.
    name: String,
    /// Whose it is: `app`, `group drivers`, `role administrator`, `agent bob@example.com`.
    owner: String,
    /// The version that runs: a hash of its text.
    version: String,
    /// The number of that version.
    number: u64,
    /// The text that the folder of bots gave last; null for a bot that no folder has.
    folder: Option<FolderView>,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    since: Timestamp,
    /// What is wrong with the newest text, when it was refused; what ran before runs on.
    refused: Vec<String>,
    /// Its behaviors that are due by themselves.
    schedules: Vec<ScheduleView>,
    /// Its behaviors that failed since this version is live, at most 100.
    failing: Vec<FailingView>,
}

/// A behavior that failed.
#[derive(Serialize, ToSchema)]
pub(crate) struct FailingView {
    /// The behavior.
    behavior: String,
    /// How many of its runs failed since this version is live.
    failures: u64,
    /// The last one.
    last: FailureView,
    /// Since when it does not react, as too many failed in a row; null while it reacts.
    #[schema(value_type = Option<String>, format = DateTime)]
    paused_at: Option<Timestamp>,
}

/// A run that failed.
#[derive(Serialize, ToSchema)]
pub(crate) struct FailureView {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The reason's word, as in `behavior.stopped`.
    reason: String,
    /// The same for people, with the place.
    message: String,
    /// The run: `GET /api/v1/runs/{id}` has its trace.
    run: Uuid,
    /// The event that started it.
    event: Uuid,
}

impl From<(Mark, Option<Pause>)> for FailingView {
    fn from((mark, pause): (Mark, Option<Pause>)) -> Self {
        let Failure { at, reason, message, run, event } = mark.last;
        Self {
            behavior: mark.behavior,
            failures: mark.failures,
            last: FailureView { at, reason, message, run: run.uuid(), event: event.uuid() },
            paused_at: pause.map(|pause| pause.at),
        }
    }
}

/// What the folder of bots has of a bot.
#[derive(Serialize, ToSchema)]
pub(crate) struct FolderView {
    /// The hash of the text that it gave last.
    version: String,
    /// Whether that is the text that runs. Where it is not, another version was published since; the folder's text is
    /// published again when it changes.
    is_live: bool,
}

/// When a behavior is due.
#[derive(Serialize, ToSchema)]
pub(crate) struct ScheduleView {
    /// The behavior.
    behavior: String,
    /// Its cron lines.
    cron: Vec<String>,
    /// The time zone that they are read in.
    zone: String,
    /// The next times; none where another version is about to be live here.
    #[schema(value_type = Vec<String>)]
    next: Vec<Timestamp>,
}

/// How many next times are shown.
const NEXT_TIMES: usize = 3;

/// Whose a bot is, as the text says that is live here.
fn owner(api: &Api, workspace: WorkspaceId, live: &LiveBot) -> String {
    let directory = api.app.directory(workspace);
    let bots = directory.map(|directory| directory.bots());
    let bot = bots.as_ref().and_then(|bots| bots.bot(&live.bot));
    bot.map_or_else(|| Owner::App.to_string(), |bot| bot.owner.to_string())
}

fn schedules(api: &Api, workspace: WorkspaceId, live: &LiveBot) -> Vec<ScheduleView> {
    let shelf = api.app.directory(workspace).map(|directory| directory.bots());
    let bot = shelf.as_ref().and_then(|shelf| shelf.bot(&live.bot));
    let next = |behavior: &str| {
        let known = bot?.behaviors().iter().find(|known| known.name == behavior)?;
        let schedule = known.schedule.as_ref()?;
        let first = schedule.next_after(api.app.now())?;
        let times = std::iter::successors(Some(first), |time| schedule.next_after(*time));
        Some(times.take(NEXT_TIMES).collect())
    };
    let view = |one: &Scheduled| ScheduleView {
        behavior: one.behavior.clone(),
        cron: one.cron.clone(),
        zone: one.zone.clone(),
        next: next(&one.behavior).unwrap_or_default(),
    };
    live.scheduled.iter().map(view).collect()
}

/// List bots
#[utoipa::path(
    get, path = "/api/v1/bots", tag = "bots", operation_id = "list_bots",
    params(
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 50, unless given."),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "The bots.", body = Page<BotView>)),
    security(("token" = ["read"])),
)]
async fn list(caller: Caller<Read>, State(api): State<Api>, params: Params) -> Answer {
    let workspace = caller.workspace();
    let failing = failing::failing(&api.app, workspace).await?;
    let failing = |live: &LiveBot| {
        let of_bot = failing.get(&live.bot).into_iter().flatten();
        let of_version = of_bot.filter(|(mark, _)| mark.version == live.version);
        of_version.take(SHOWN_MAX).cloned().map(FailingView::from).collect()
    };
    answer::documents(&api, &caller, params, Kind::Bot, Scan::All, |live: LiveBot| {
        Some(BotView {
            failing: failing(&live),
            schedules: schedules(&api, workspace, &live),
            owner: owner(&api, workspace, &live),
            folder: live
                .folder
                .map(|version| FolderView { is_live: version == live.version, version }),
            number: live.number,
            name: live.bot.into(),
            version: live.version,
            since: live.since,
            refused: live.refused,
        })
    })
    .await
}

/// What became of a behavior that was to be resumed.
#[derive(Serialize, ToSchema)]
pub(crate) struct ResumedView {
    /// The bot.
    bot: String,
    /// The behavior.
    behavior: String,
    /// Whether it was paused; else nothing changed.
    was_paused: bool,
}

/// Resume a paused behavior
///
/// It reacts again, at every node. Publishing a new version of its bot does so as well.
#[utoipa::path(
    post, path = "/api/v1/bots/{bot}/behaviors/{behavior}/resume", tag = "bots", operation_id = "resume_behavior",
    params(
        ("bot" = String, Path, description = "The bot's name."),
        ("behavior" = String, Path, description = "The behavior's name."),
    ),
    responses((status = 200, description = "It reacts.", body = ResumedView)),
    security(("token" = ["write"])),
)]
async fn resume(
    caller: Caller<Write>,
    State(api): State<Api>,
    Path((bot, behavior)): Path<(String, String)>,
) -> Answer {
    let name: BotName =
        bot.parse().map_err(|error| Problem::new(Code::InvalidId, format!("{error}")))?;
    let workspace = caller.workspace();
    let was_paused =
        failing::resume(&api.app, workspace, (&name, &behavior), &caller.author()).await?;
    Ok(answer::json(StatusCode::OK, &ResumedView { bot, behavior, was_paused }))
}
