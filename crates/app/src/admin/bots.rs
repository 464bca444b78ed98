//! Bots: a text becomes an immutable version, and one version is live. A broken text keeps the version that runs.
//!
//! Safe to run twice: a version's id is made of its text, so publishing the same again changes nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidings_behaviors::{Bot, BotSource, Heard, Problem, Vocabulary};
use tidings_catalogue::{Catalogue, Constraint};
use tidings_model::{BotName, Draft, EventId, Timestamp, Visibility, WorkspaceId};
use tidings_store::{Batch, CommitError, Delete, DocKey, Kind, Put, ReadError};

use super::AdminError;
use crate::App;
use crate::directory::{BotShelf, all_of};
use crate::pipeline::scene::{Seen, seen};
use crate::pipeline::written::to_body;

/// The catalogue, as the language asks for it.
pub struct CatalogueVocabulary<'a>(pub &'a Catalogue);

impl Vocabulary for CatalogueVocabulary<'_> {
    fn resolve(&self, name: &str) -> Option<Heard> {
        let resolved = self.0.resolve(name)?;
        let known = resolved.event_type;
        Some(Heard {
            event_type: known.name.clone(),
            constraints: resolved.constraints().iter().map(Constraint::to_pair).collect(),
            kind: known.kind.as_str().into(),
            schema: known.schema().clone(),
            sample: known.sample().clone(),
            answer: known.answer.as_ref().map_or(Value::Null, |answer| answer.schema().clone()),
        })
    }

    fn nearest(&self, name: &str) -> Option<String> {
        self.0.nearest(name).map(str::to_owned)
    }
}

/// An immutable version of a bot's text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredVersion {
    /// The bot.
    pub bot: BotName,
    /// The hash of its text.
    pub version: String,
    /// The text: file names and contents.
    pub files: Vec<(String, String)>,
    /// When it was published first.
    pub published_at: Timestamp,
}

impl StoredVersion {
    /// The id of a version's document.
    pub fn id(bot: &BotName, version: &str) -> String {
        format!("{bot}@{version}")
    }
}

/// Which version of a bot is live.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LiveBot {
    /// The bot.
    pub bot: BotName,
    /// The version that runs.
    pub version: String,
    /// Since when.
    pub since: Timestamp,
    /// What is wrong with the newest text, when it was refused.
    #[serde(default)]
    pub refused: Vec<String>,
}

/// What became of a text.
#[derive(Clone, Debug)]
pub enum Published {
    /// It is live; the problems are warnings.
    Live {
        /// The version.
        version: String,
        /// Warnings.
        warnings: Vec<Problem>,
    },
    /// It was live already.
    Unchanged,
    /// It is refused; what ran before runs on.
    Refused {
        /// What is wrong.
        problems: Vec<Problem>,
    },
}

/// How often a text is looked at again that somebody else published meanwhile: as often as a few nodes start at once.
const TRIES_MAX: usize = 10;

/// Publishes a bot's text. Nodes that find the same text in their folders publish it once.
pub async fn publish(
    app: &App,
    workspace: WorkspaceId,
    source: BotSource,
) -> Result<Published, AdminError> {
    for _ in 1..TRIES_MAX {
        match publish_once(app, workspace, source.clone()).await {
            Err(AdminError::Conflict) => {}
            settled => return settled,
        }
    }
    publish_once(app, workspace, source).await
}

async fn publish_once(
    app: &App,
    workspace: WorkspaceId,
    source: BotSource,
) -> Result<Published, AdminError> {
    let key = DocKey::new(Kind::Bot, &source.name);
    let found = app.store.document(workspace, &key).await?.map(seen::<LiveBot>).transpose()?;
    match Bot::load(&source, &CatalogueVocabulary(&app.catalogue)) {
        Ok((bot, warnings)) => {
            let version = bot.version.clone();
            if found
                .as_ref()
                .is_some_and(|live| live.value.version == version && live.value.refused.is_empty())
            {
                put_on_shelf(app, workspace, Arc::new(bot));
                return Ok(Published::Unchanged);
            }
            go_live(app, workspace, source, &bot, found).await?;
            put_on_shelf(app, workspace, Arc::new(bot));
            Ok(Published::Live { version, warnings })
        }
        Err(problems) => {
            refuse(app, workspace, &source.name, &problems, found).await?;
            Ok(Published::Refused { problems })
        }
    }
}

/// Takes a bot off: its behaviors start no more, and runs that wait end where they are.
pub async fn retire(app: &App, workspace: WorkspaceId, name: &BotName) -> Result<(), AdminError> {
    let mut batch = Batch::new(workspace);
    batch.deletes.push(Delete { key: DocKey::new(Kind::Bot, name), expected: None });
    app.commit(batch).await?;
    if let Some(directory) = app.directory(workspace) {
        let bots =
            directory.bots().bots().iter().filter(|bot| bot.name != *name).cloned().collect();
        directory.put_bots(BotShelf::new(bots));
    }
    Ok(())
}

/// Loads the live versions of a workspace, at start.
pub async fn load_live(app: &App, workspace: WorkspaceId) -> Result<(), ReadError> {
    let live: Vec<LiveBot> = all_of(app.store.as_ref(), workspace, Kind::Bot).await?;
    let mut bots = Vec::new();
    for live in live {
        let key = DocKey::new(Kind::BotVersion, StoredVersion::id(&live.bot, &live.version));
        let Some(document) = app.store.document(workspace, &key).await? else { continue };
        let stored: Seen<StoredVersion> = seen(document)?;
        let source = BotSource { name: live.bot.clone(), files: stored.value.files };
        match Bot::load(&source, &CatalogueVocabulary(&app.catalogue)) {
            Ok((bot, _)) => bots.push(Arc::new(bot)),
            Err(problems) => tracing::error!(
                bot = %live.bot,
                "the live version of {} no longer loads: {}",
                live.bot,
                problems.first().map(ToString::to_string).unwrap_or_default()
            ),
        }
    }
    if let Some(directory) = app.directory(workspace) {
        directory.put_bots(BotShelf::new(bots));
    }
    Ok(())
}

/// Loads what other nodes made live or took off; nothing where all is as it is on the shelf.
pub(crate) async fn load_changed(app: &App, workspace: WorkspaceId) -> Result<(), ReadError> {
    let Some(directory) = app.directory(workspace) else { return Ok(()) };
    let live: Vec<LiveBot> = all_of(app.store.as_ref(), workspace, Kind::Bot).await?;
    let shelf = directory.bots();
    let is_on_shelf =
        |live: &LiveBot| shelf.bot(&live.bot).is_some_and(|bot| bot.version == live.version);
    if live.len() == shelf.bots().len() && live.iter().all(is_on_shelf) {
        return Ok(());
    }
    load_live(app, workspace).await
}

/// The live bots, as documents.
pub async fn list(app: &App, workspace: WorkspaceId) -> Result<Vec<LiveBot>, AdminError> {
    Ok(all_of(app.store.as_ref(), workspace, Kind::Bot).await?)
}

async fn go_live(
    app: &App,
    workspace: WorkspaceId,
    source: BotSource,
    bot: &Bot,
    found: Option<Seen<LiveBot>>,
) -> Result<(), AdminError> {
    let now = app.now();
    let version = bot.version.clone();
    let mut batch = Batch::new(workspace);
    batch.puts.push(Put {
        key: DocKey::new(Kind::BotVersion, StoredVersion::id(&bot.name, &version)),
        expected: None,
        body: to_body(&StoredVersion {
            bot: bot.name.clone(),
            version: version.clone(),
            files: source.files,
            published_at: now,
        }),
        index: vec![("bot", bot.name.to_string())],
    });
    let live = LiveBot {
        bot: bot.name.clone(),
        version: version.clone(),
        since: now,
        refused: Vec::new(),
    };
    let before = found.map_or(Seen::absent(()), |found| found.apart().1);
    batch.puts.push(put_live(&before.map(|()| live)));
    batch.events.push(told(
        app,
        workspace,
        "bot.published",
        json!({ "bot": bot.name, "version": version }),
    ));
    app.commit(batch).await?;
    Ok(())
}

async fn refuse(
    app: &App,
    workspace: WorkspaceId,
    name: &BotName,
    problems: &[Problem],
    mut found: Option<Seen<LiveBot>>,
) -> Result<(), AdminError> {
    let refused: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let mut batch = Batch::new(workspace);
    if let Some(seen) = &mut found {
        if seen.value.refused == refused {
            return Ok(());
        }
        seen.value.refused = refused;
        batch.puts.push(put_live(seen));
    }
    let problems: Vec<_> = problems
        .iter()
        .map(|problem| {
            let message = match &problem.nearest {
                Some(nearest) => format!("{} (did you mean {nearest:?}?)", problem.message),
                None => problem.message.clone(),
            };
            json!({
                "file": problem.file, "line": problem.line, "column": problem.column,
                "code": problem.code, "message": message,
            })
        })
        .collect();
    batch.events.push(told(
        app,
        workspace,
        "bot.refused",
        json!({ "bot": name, "problems": problems }),
    ));
    match app.commit(batch).await {
        Ok(_) | Err(CommitError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn put_live(live: &Seen<LiveBot>) -> Put {
    live.put(DocKey::new(Kind::Bot, &live.value.bot), Vec::new())
}

fn told(app: &App, workspace: WorkspaceId, event_type: &str, data: serde_json::Value) -> Draft {
    let name = event_type.parse().expect("a good name");
    let mut draft = Draft::new(EventId::new(app.clock.next_id()), name, workspace, app.now(), data);
    draft.visibility = Visibility::Agents;
    draft
}

/// Another node may have published it, so that it is live and not on our shelf.
fn put_on_shelf(app: &App, workspace: WorkspaceId, bot: Arc<Bot>) {
    let Some(directory) = app.directory(workspace) else { return };
    let is_there = |old: &Arc<Bot>| old.name == bot.name && old.version == bot.version;
    if directory.bots().bots().iter().any(is_there) {
        return;
    }
    let mut bots: Vec<_> =
        directory.bots().bots().iter().filter(|old| old.name != bot.name).cloned().collect();
    bots.push(bot);
    directory.put_bots(BotShelf::new(bots));
}
