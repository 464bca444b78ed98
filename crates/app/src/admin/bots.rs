//! Bots: a text becomes an immutable version, and one version is live. A broken text keeps the version that runs.
//!
//! Texts come from the folder of bots and from the API, and become the same versions ([`versions`]). The folder speaks
//! when it says something new: while its text is what it said last, what was published since stays, over restarts too.
//!
//! Safe to run twice: publishing what is live changes nothing.

pub mod diff;
pub mod versions;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidings_behaviors::{Bot, BotSource, Heard, Problem, Vocabulary};
use tidings_catalogue::{Catalogue, Constraint};
use tidings_model::{BotName, Timestamp, WorkspaceId};
use tidings_store::{Batch, CommitError, Delete, DocKey, Kind, Put, ReadError};

use self::versions::{Publication, PublishedBy, Publishing};
use super::AdminError;
use super::told::told;
use crate::App;
use crate::directory::{BotShelf, all_of};
use crate::pipeline::failing;
use crate::pipeline::scene::{Seen, seen};
use crate::pipeline::schedule::{self, Scheduled};
use crate::pipeline::written::{to_body, to_value};

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
            heard_by: known.heard_by.iter().map(|audience| audience.as_str().into()).collect(),
            schema: known.schema().clone(),
            sample: known.sample().clone(),
            answer: known.answer.as_ref().map_or(Value::Null, |answer| answer.schema().clone()),
        })
    }

    fn nearest(&self, name: &str) -> Option<String> {
        self.0.nearest(name).map(str::to_owned)
    }
}

/// A text of a bot that was published; it never changes.
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
    /// The version that runs: the hash of its text.
    pub version: String,
    /// Its number; 0 where it was published before there were numbers.
    #[serde(default)]
    pub number: u64,
    /// The hash of the text that the folder of bots gave last, if it ever gave a good one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// What is wrong with the newest text, when it was refused.
    #[serde(default)]
    pub refused: Vec<String>,
    /// Its behaviors that are due by themselves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scheduled: Vec<Scheduled>,
}

/// What became of a text.
#[derive(Clone, Debug)]
pub enum Published {
    /// It is live; the problems are warnings.
    Live {
        /// The version.
        version: String,
        /// Its number.
        number: u64,
        /// Warnings.
        warnings: Vec<Problem>,
    },
    /// It was live already.
    Unchanged {
        /// The number of the version that is live.
        number: u64,
    },
    /// The folder says what it said before, and another version was published since: that one stays live.
    Overruled {
        /// The number of the version that is live.
        number: u64,
    },
    /// It is refused; what ran before runs on.
    Refused {
        /// What is wrong.
        problems: Vec<Problem>,
    },
}

/// How often a text is looked at again that somebody else published meanwhile: as often as a few nodes start at once.
const TRIES_MAX: usize = 10;

/// Publishes a text of the folder of bots. Nodes that find the same text in their folders publish it once.
pub async fn publish(
    app: &App,
    workspace: WorkspaceId,
    source: BotSource,
) -> Result<Published, AdminError> {
    publish_as(app, workspace, source, &Publishing::by_files()).await
}

/// Publishes a bot's text.
pub async fn publish_as(
    app: &App,
    workspace: WorkspaceId,
    source: BotSource,
    how: &Publishing,
) -> Result<Published, AdminError> {
    for _ in 1..TRIES_MAX {
        match publish_once(app, workspace, source.clone(), how).await {
            Err(AdminError::Conflict) => {}
            settled => return settled,
        }
    }
    publish_once(app, workspace, source, how).await
}

async fn publish_once(
    app: &App,
    workspace: WorkspaceId,
    source: BotSource,
    how: &Publishing,
) -> Result<Published, AdminError> {
    let key = DocKey::new(Kind::Bot, &source.name);
    let found = app.store.document(workspace, &key).await?.map(seen::<LiveBot>).transpose()?;
    match Bot::load(&source, &CatalogueVocabulary(&app.catalogue_of(workspace))) {
        Ok((bot, warnings)) => {
            let bot = Arc::new(bot);
            let from_folder = how.by == PublishedBy::Files;
            let says_nothing_new = |live: &LiveBot| {
                live.version == bot.version
                    || (from_folder && live.folder.as_ref() == Some(&bot.version))
            };
            match found {
                Some(live) if says_nothing_new(&live.value) => {
                    keep_live(app, workspace, live, (bot, warnings), from_folder).await
                }
                found => {
                    let version = bot.version.clone();
                    let number = go_live(app, workspace, source, (&bot, how), found).await?;
                    put_on_shelf(app, workspace, bot);
                    Ok(Published::Live { version, number, warnings })
                }
            }
        }
        Err(problems) => {
            // Who publishes by the API is told; of a folder nobody waits for the answer.
            if how.by == PublishedBy::Files {
                refuse(app, workspace, &source.name, &problems, found).await?;
            }
            Ok(Published::Refused { problems })
        }
    }
}

/// Leaves live what is live: the text is that, or the folder says what it said before. Only what is known of the folder
/// changes, and what was published before there were numbers gets the first one.
async fn keep_live(
    app: &App,
    workspace: WorkspaceId,
    live: Seen<LiveBot>,
    (bot, warnings): (Arc<Bot>, Vec<Problem>),
    from_folder: bool,
) -> Result<Published, AdminError> {
    let (mut live, before) = live.apart();
    let version = bot.version.clone();
    let is_live = live.version == version;
    let mut batch = Batch::new(workspace);
    let mut is_other = false;
    if live.number == 0 {
        let (number, _) = versions::next(app, workspace, &live.bot, None).await?;
        batch.puts.push(versions::unnumbered(&live, number).put());
        live.number = number;
        is_other = true;
    }
    let was_refused = from_folder && !live.refused.is_empty();
    if from_folder && (was_refused || live.folder.as_ref() != Some(&version)) {
        live.folder = Some(version.clone());
        live.refused.clear();
        is_other = true;
    }
    let number = live.number;
    if is_other {
        batch.puts.push(put_live(&before.map(|()| live)));
        app.commit(batch).await?;
    }
    if is_live {
        put_on_shelf(app, workspace, bot);
    }
    Ok(match (is_live, was_refused) {
        (true, true) => Published::Live { version, number, warnings },
        (true, false) => Published::Unchanged { number },
        (false, _) => Published::Overruled { number },
    })
}

/// Takes a bot off: its behaviors start no more, and runs that wait end where they are.
pub async fn retire(app: &App, workspace: WorkspaceId, name: &BotName) -> Result<(), AdminError> {
    let key = DocKey::new(Kind::Bot, name);
    let found = app.store.document(workspace, &key).await?.map(seen::<LiveBot>).transpose()?;
    let mut batch = Batch::new(workspace);
    if let Some(found) = found {
        batch.timers = schedule::end(name, &found.value.scheduled);
    }
    batch.deletes.push(Delete { key, expected: None });
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
    let catalogue = app.catalogue_of(workspace);
    for live in live {
        let key = DocKey::new(Kind::BotVersion, StoredVersion::id(&live.bot, &live.version));
        let Some(document) = app.store.document(workspace, &key).await? else { continue };
        let stored: Seen<StoredVersion> = seen(document)?;
        let source = BotSource { name: live.bot.clone(), files: stored.value.files };
        match Bot::load(&source, &CatalogueVocabulary(&catalogue)) {
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

/// Makes a text live, as the version with the next number, which it returns.
async fn go_live(
    app: &App,
    workspace: WorkspaceId,
    source: BotSource,
    (bot, how): (&Bot, &Publishing),
    found: Option<Seen<LiveBot>>,
) -> Result<u64, AdminError> {
    let now = app.now();
    let version = bot.version.clone();
    let (number, unnumbered) = versions::next(app, workspace, &bot.name, found.as_ref()).await?;
    let publication = Publication {
        bot: bot.name.clone(),
        number,
        version: version.clone(),
        by: how.by.clone(),
        note: how.note.clone(),
        rolled_back_to: how.rolled_back_to,
        at: now,
    };
    let mut batch = Batch::new(workspace);
    batch.puts.extend(unnumbered.map(|before| before.put()));
    batch.puts.push(publication.put());
    versions::forget_oldest(app, &mut batch, &publication).await?;
    let text = DocKey::new(Kind::BotVersion, StoredVersion::id(&bot.name, &version));
    if app.store.document(workspace, &text).await?.is_none() {
        batch.puts.push(Put {
            key: text,
            expected: None,
            body: to_body(&StoredVersion {
                bot: bot.name.clone(),
                version: version.clone(),
                files: source.files,
                published_at: now,
            }),
            index: vec![("bot", bot.name.to_string())],
        });
    }
    let folder = match how.by {
        PublishedBy::Files => Some(version.clone()),
        PublishedBy::Token { .. } => found.as_ref().and_then(|found| found.value.folder.clone()),
    };
    let live = LiveBot {
        bot: bot.name.clone(),
        version: version.clone(),
        number,
        folder,
        since: now,
        refused: Vec::new(),
        scheduled: schedule::of(bot),
    };
    let scheduled = found.as_ref().map_or(&[] as &[Scheduled], |found| &found.value.scheduled);
    batch.timers = schedule::plan(bot, scheduled, now);
    let before = found.map_or(Seen::absent(()), |found| found.apart().1);
    batch.puts.push(put_live(&before.map(|()| live)));
    let mut data = json!({
        "bot": bot.name, "version": version, "number": number, "by": to_value(&how.by),
    });
    if let Value::Object(data) = &mut data {
        data.extend(how.note.clone().map(|note| ("note".to_owned(), note.into())));
        data.extend(how.rolled_back_to.map(|old| ("rolled_back_to".to_owned(), old.into())));
    }
    batch.events.push(told(app, workspace, how.author.as_ref(), "bot.published", data));
    let had_failed = failing::forget(app, &mut batch, &bot.name, how.author.as_ref()).await?;
    app.commit(batch).await?;
    if had_failed && let Some(directory) = app.directory(workspace) {
        directory.refresh(app).await?;
    }
    Ok(number)
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
    let data = json!({ "bot": name, "problems": problems });
    batch.events.push(told(app, workspace, None, "bot.refused", data));
    match app.commit(batch).await {
        Ok(_) | Err(CommitError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn put_live(live: &Seen<LiveBot>) -> Put {
    live.put(DocKey::new(Kind::Bot, &live.value.bot), Vec::new())
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
