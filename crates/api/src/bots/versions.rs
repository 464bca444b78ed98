//! `/api/v1/bots/{bot}/versions`: what was published of a bot, by whom, when and why; what changed between two versions; and
//! the way back.

use std::collections::BTreeMap;

use axum::extract::{Path, State};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use tidings_app::admin::bots::diff::{FileDiff, diff};
use tidings_app::admin::bots::versions::{self, Publication, PublishedBy, Publishing};
use tidings_app::admin::bots::{Published, publish_as};
use tidings_behaviors::{BotSource, Problem as Wrong};
use tidings_model::{BotName, Timestamp};
use tidings_store::Kind;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use crate::answer::{self, Answer, Page};
use crate::auth::{Admin, Caller, Read};
use crate::body::JsonBody;
use crate::params::Params;
use crate::problem::{Code, Problem};
use crate::state::Api;

pub(crate) fn routes() -> OpenApiRouter<Api> {
    OpenApiRouter::new()
        .routes(routes!(publish))
        .routes(routes!(list))
        .routes(routes!(one))
        .routes(routes!(compare))
        .routes(routes!(roll_back))
}

/// The longest name of a file, in bytes.
const FILE_NAME_BYTES_MAX: usize = 200;

/// A bot's text.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PublishBody {
    /// Its files: names and texts, kept byte for byte. A name is `orders.yaml`, or `pizzeria/orders.yaml` as in the folder of
    /// bots; both mean the same file.
    files: BTreeMap<String, String>,
    /// Why, for who reads the list of versions; at most 1000 bytes.
    #[serde(default)]
    note: Option<String>,
}

/// Why a version is brought back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RollBackBody {
    /// Why, for who reads the list of versions; at most 1000 bytes.
    #[serde(default)]
    note: Option<String>,
}

/// What became of a publishing.
#[derive(Serialize, ToSchema)]
pub(crate) struct PublishedView {
    /// The number of the version that is live.
    number: u64,
    /// The hash of its text, as runs name it.
    version: String,
    /// Whether it is a new version; a text that is live already makes none.
    is_new: bool,
    /// What somebody should look at in the text.
    warnings: Vec<String>,
}

/// A version of a bot.
#[derive(Serialize, ToSchema)]
pub(crate) struct VersionView {
    /// Its number, from 1.
    number: u64,
    /// The hash of its text, as runs name it.
    version: String,
    /// Who published it.
    by: PublishedByView,
    /// Why, in their words.
    note: Option<String>,
    /// The version whose text this brought back.
    rolled_back_to: Option<u64>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
}

/// Who published a version.
#[derive(Serialize, ToSchema)]
pub(crate) struct PublishedByView {
    /// `files` for the folder of bots, `token` for this API.
    kind: &'static str,
    /// The token.
    id: Option<Uuid>,
    /// Its name then.
    name: Option<String>,
}

/// A version of a bot, with its text.
#[derive(Serialize, ToSchema)]
pub(crate) struct TextView {
    /// The version.
    #[serde(flatten)]
    version: VersionView,
    /// Its files, byte for byte: names and texts.
    files: BTreeMap<String, String>,
}

/// What is different between two versions.
#[derive(Serialize, ToSchema)]
pub(crate) struct DiffView {
    /// The number of the one.
    from: u64,
    /// The number of the other.
    to: u64,
    /// The files that are not the same, by name.
    files: Vec<FileDiffView>,
}

/// A file that is not the same.
#[derive(Serialize, ToSchema)]
pub(crate) struct FileDiffView {
    /// Its name.
    file: String,
    /// `added`, `removed` or `changed`.
    change: &'static str,
    /// Line by line, in the unified form that `patch` takes.
    diff: String,
}

impl From<Publication> for VersionView {
    fn from(found: Publication) -> Self {
        let by = match found.by {
            PublishedBy::Files => PublishedByView { kind: "files", id: None, name: None },
            PublishedBy::Token { id, name } => {
                PublishedByView { kind: "token", id: Some(id.uuid()), name: Some(name) }
            }
        };
        let Publication { number, version, note, rolled_back_to, at, .. } = found;
        Self { number, version, by, note, rolled_back_to, at }
    }
}

impl From<FileDiff> for FileDiffView {
    fn from(FileDiff { file, became, diff }: FileDiff) -> Self {
        Self { file, change: became.as_str(), diff }
    }
}

/// Publish a bot
///
/// The text becomes the next version and is live at once, at every node; runs that wait go on with the version that they
/// began with. A text that is live already makes no version. One with errors is refused, and nothing changes. Where a folder
/// has a bot of this name, its text is published again when it changes.
#[utoipa::path(
    put, path = "/api/v1/bots/{bot}", tag = "bots", operation_id = "publish_bot",
    params(("bot" = String, Path, description = "The bot's name.")),
    request_body = PublishBody,
    responses((status = 200, description = "It is live.", body = PublishedView)),
    security(("token" = ["admin"])),
)]
async fn publish(
    caller: Caller<Admin>,
    State(api): State<Api>,
    Path(bot): Path<String>,
    JsonBody(body): JsonBody<PublishBody>,
) -> Answer {
    let name: BotName = named(&bot)?;
    let files = files(&name, body.files)?;
    let how = publishing(&caller, body.note)?;
    settle(&api, &caller, BotSource { name, files }, &how).await
}

/// List versions of a bot
///
/// Newest first. The last 200 are kept.
#[utoipa::path(
    get, path = "/api/v1/bots/{bot}/versions", tag = "bots", operation_id = "list_bot_versions",
    params(
        ("bot" = String, Path, description = "The bot's name."),
        ("limit" = Option<usize>, Query, description = "At most so many, 1 to 1000; 50, unless given."),
        ("cursor" = Option<String>, Query, description = "`next` of the page before."),
    ),
    responses((status = 200, description = "The versions.", body = Page<VersionView>)),
    security(("token" = ["read"])),
)]
async fn list(
    caller: Caller<Read>,
    State(api): State<Api>,
    Path(bot): Path<String>,
    params: Params,
) -> Answer {
    let scan = Publication::scan(&named(&bot)?);
    let view = |found: Publication| Some(VersionView::from(found));
    answer::documents(&api, &caller, params, Kind::Publication, scan, view).await
}

/// Read a version of a bot
#[utoipa::path(
    get, path = "/api/v1/bots/{bot}/versions/{version}", tag = "bots", operation_id = "get_bot_version",
    params(
        ("bot" = String, Path, description = "The bot's name."),
        ("version" = String, Path, description = "The version's number, or the hash of its text, as runs name it."),
    ),
    responses((status = 200, description = "The version, with its text.", body = TextView)),
    security(("token" = ["read"])),
)]
async fn one(
    caller: Caller<Read>,
    State(api): State<Api>,
    Path((bot, version)): Path<(String, String)>,
) -> Answer {
    let (found, text) = with_text(&api, &caller, &named(&bot)?, &version).await?;
    let view = TextView { version: found.into(), files: text.into_iter().collect() };
    Ok(answer::json(StatusCode::OK, &view))
}

/// Compare two versions of a bot
#[utoipa::path(
    get, path = "/api/v1/bots/{bot}/versions/{version}/diff/{other}", tag = "bots", operation_id = "compare_bot_versions",
    params(
        ("bot" = String, Path, description = "The bot's name."),
        ("version" = String, Path, description = "The number or hash of the one."),
        ("other" = String, Path, description = "The number or hash of the other."),
    ),
    responses((status = 200, description = "What the other says else.", body = DiffView)),
    security(("token" = ["read"])),
)]
async fn compare(
    caller: Caller<Read>,
    State(api): State<Api>,
    Path((bot, version, other)): Path<(String, String, String)>,
) -> Answer {
    let name = named(&bot)?;
    let (from, before) = with_text(&api, &caller, &name, &version).await?;
    let (to, after) = with_text(&api, &caller, &name, &other).await?;
    // A long text takes as long as many requests.
    let files = tokio::task::spawn_blocking(move || diff(&before, &after))
        .await
        .map_err(|_| Problem::new(Code::Internal, "the versions could not be compared"))?;
    let files = files.into_iter().map(FileDiffView::from).collect();
    Ok(answer::json(StatusCode::OK, &DiffView { from: from.number, to: to.number, files }))
}

/// Bring a version of a bot back
///
/// Its text becomes the next version and is live at once. Where a folder has the bot, this stays so until the folder's text
/// changes.
#[utoipa::path(
    post, path = "/api/v1/bots/{bot}/versions/{version}/rollback", tag = "bots", operation_id = "roll_back_bot",
    params(
        ("bot" = String, Path, description = "The bot's name."),
        ("version" = String, Path, description = "The number or hash of the version."),
    ),
    request_body = RollBackBody,
    responses((status = 200, description = "It is live.", body = PublishedView)),
    security(("token" = ["admin"])),
)]
async fn roll_back(
    caller: Caller<Admin>,
    State(api): State<Api>,
    Path((bot, version)): Path<(String, String)>,
    JsonBody(body): JsonBody<RollBackBody>,
) -> Answer {
    let name = named(&bot)?;
    let (found, files) = with_text(&api, &caller, &name, &version).await?;
    let how = publishing(&caller, body.note)?.of_version(found.number);
    settle(&api, &caller, BotSource { name, files }, &how).await
}

async fn settle(api: &Api, caller: &Caller<Admin>, source: BotSource, how: &Publishing) -> Answer {
    let hash = source.version();
    let view = match publish_as(&api.app, caller.workspace(), source, how).await? {
        Published::Live { version, number, warnings } => PublishedView {
            number,
            version,
            is_new: true,
            warnings: warnings.iter().map(ToString::to_string).collect(),
        },
        Published::Unchanged { number } | Published::Overruled { number } => {
            PublishedView { number, version: hash, is_new: false, warnings: Vec::new() }
        }
        Published::Refused { problems } => return Err(refused(&problems)),
    };
    Ok(answer::json(StatusCode::OK, &view))
}

fn refused(problems: &[Wrong]) -> Problem {
    let problem = Problem::new(Code::BotRefused, "the bot's text has errors");
    problems.iter().fold(problem, |problem, wrong| {
        let file = wrong.file.replace('~', "~0").replace('/', "~1");
        problem.at_with(format!("/files/{file}"), wrong.code, wrong.to_string())
    })
}

async fn with_text<R>(
    api: &Api,
    caller: &Caller<R>,
    bot: &BotName,
    version: &str,
) -> Result<(Publication, Vec<(String, String)>), Problem> {
    let found = versions::find(&api.app, caller.workspace(), bot, version).await?;
    let text = versions::text(&api.app, caller.workspace(), &found).await?;
    Ok((found, text))
}

fn publishing<R>(caller: &Caller<R>, note: Option<String>) -> Result<Publishing, Problem> {
    let token = (caller.token(), caller.token_name());
    Ok(Publishing::by_token(token, caller.author(), note)?)
}

fn named(bot: &str) -> Result<BotName, Problem> {
    bot.parse().map_err(|error| Problem::new(Code::InvalidId, format!("{error}")))
}

/// The files, named as they are in the folder of bots: so a text has one version, wherever it comes from.
fn files(bot: &BotName, given: BTreeMap<String, String>) -> Result<Vec<(String, String)>, Problem> {
    let mut files = BTreeMap::new();
    let wrong = |name: &str, message: String| {
        let place = name.replace('~', "~0").replace('/', "~1");
        Problem::new(Code::InvalidField, format!("/files/{place}: {message}"))
            .at(format!("/files/{place}"), message)
    };
    if given.is_empty() {
        let message = "holds at least one file";
        return Err(
            Problem::new(Code::InvalidField, format!("/files: {message}")).at("/files", message)
        );
    }
    for (name, text) in given {
        let inner = name.strip_prefix(&format!("{bot}/")).unwrap_or(&name);
        let is_yaml = inner.ends_with(".yaml") || inner.ends_with(".yml");
        if !is_yaml || inner.contains(['/', '\\']) || name.len() > FILE_NAME_BYTES_MAX {
            let message = format!(
                "a file is named as orders.yaml or {bot}/orders.yaml, in at most {FILE_NAME_BYTES_MAX} bytes"
            );
            return Err(wrong(&name, message));
        }
        if files.insert(format!("{bot}/{inner}"), text).is_some() {
            return Err(wrong(&name, "the file is given twice".into()));
        }
    }
    Ok(files.into_iter().collect())
}
