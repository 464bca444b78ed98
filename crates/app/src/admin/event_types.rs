//! The workspace's own types of events: made, changed by rules, and removed when nobody needs them.
//!
//! A type is one document, in the words in which it was given; the vocabulary is made of all of them when the directory is
//! read ([`crate::directory`]), so it is live at once here, and as soon as they read again at other nodes. Changes of one
//! workspace come one after another, so that two types never take one name.
//!
//! Safe to run twice: what is given again as it is stored changes nothing.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidings_behaviors::{Bot, BotSource};
use tidings_catalogue::own::{self, Change, VersionFault, Wrong};
use tidings_catalogue::{Catalogue, EventType, Expression, Origin, Status, TypeFilter};
use tidings_model::{Timestamp, TypeName, WorkspaceId};
use tidings_store::{Batch, CountOf, Delete, DocKey, Kind, ReadError, Store};

use super::bots::{CatalogueVocabulary, LiveBot, StoredVersion};
use super::workspaces::one_at_a_time;
use super::{AdminError, listed};
use crate::App;
use crate::directory::all_of;
use crate::pipeline::scene::{Seen, seen};

/// How many types a workspace may have of its own: the vocabulary is made of all of them at each change.
pub const TYPES_MAX: usize = 500;

/// How many users of a type are named.
const USERS_MAX: usize = 20;

/// How often a type is looked at again that somebody else changed meanwhile: as often as a few nodes start at once.
const TRIES_MAX: usize = 10;

/// A type as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredType {
    /// The type, as it is given.
    pub given: Value,
    /// When it was changed last.
    pub changed_at: Timestamp,
}

impl StoredType {
    /// Its name.
    pub fn name(&self) -> &str {
        self.given.get("name").and_then(Value::as_str).unwrap_or_default()
    }
}

/// Why a type was not changed.
#[derive(Debug, thiserror::Error)]
pub enum TypeError {
    /// Fields of it are wrong.
    #[error("the type is wrong: {}", .0.first().map(ToString::to_string).unwrap_or_default())]
    Wrong(Vec<Wrong>),
    /// There is one of this name already.
    #[error("the workspace has a type {name} already: change it instead")]
    Exists {
        /// Which one.
        name: String,
    },
    /// It is one of ours.
    #[error("{name} is a type of every workspace: it is not changed here")]
    Builtin {
        /// Which one.
        name: String,
    },
    /// There is none.
    #[error("the workspace has no type {name} of its own")]
    NotFound {
        /// Which one.
        name: String,
    },
    /// The change does not go with the version.
    #[error(transparent)]
    Version(#[from] VersionFault),
    /// Others name it, and would not work without it.
    #[error("{name} is used by {}", .by.join(", "))]
    Used {
        /// Which one.
        name: String,
        /// By whom: endpoints and bots.
        by: Vec<String>,
    },
    /// There are too many.
    #[error("a workspace has at most {TYPES_MAX} types of its own")]
    TooMany,
    /// It could not be read or written.
    #[error(transparent)]
    Admin(#[from] AdminError),
}

impl From<ReadError> for TypeError {
    fn from(error: ReadError) -> Self {
        Self::Admin(error.into())
    }
}

/// What became of a type that was given.
#[derive(Debug)]
pub enum Written {
    /// It is new.
    Made(Arc<EventType>),
    /// It was changed; what differs.
    Changed(Arc<EventType>, Vec<Change>),
    /// It was as it is.
    Unchanged(Arc<EventType>),
}

impl Written {
    /// The type.
    pub fn event_type(&self) -> &Arc<EventType> {
        match self {
            Self::Made(event_type) | Self::Unchanged(event_type) => event_type,
            Self::Changed(event_type, _) => event_type,
        }
    }
}

/// Makes a type.
pub async fn create(
    app: &App,
    workspace: WorkspaceId,
    given: &Value,
) -> Result<Arc<EventType>, TypeError> {
    let alone = one_at_a_time(app, workspace).await?;
    let catalogue = fresh(app, workspace).await?;
    let name = given.get("name").and_then(Value::as_str).unwrap_or_default();
    if catalogue.get_str(name).is_some_and(|known| known.origin == Origin::Workspace) {
        return Err(TypeError::Exists { name: name.to_owned() });
    }
    let event_type = own::read(&catalogue, given).map_err(TypeError::Wrong)?;
    let count = app.store.count(workspace, Kind::EventType, CountOf::All).await?;
    if count >= TYPES_MAX as u64 {
        return Err(TypeError::TooMany);
    }
    write(app, workspace, alone, Seen::absent(()), &event_type).await?;
    Ok(Arc::new(event_type))
}

/// Drafts a type from a sample.
pub async fn draft(
    app: &App,
    workspace: WorkspaceId,
    name: &str,
    sample: &Value,
) -> Result<Arc<EventType>, TypeError> {
    let catalogue = fresh(app, workspace).await?;
    if catalogue.get_str(name).is_some_and(|known| known.origin == Origin::Workspace) {
        return Err(TypeError::Exists { name: name.to_owned() });
    }
    let drafted = own::draft_from_sample(&catalogue, name, sample).map_err(TypeError::Wrong)?;
    create(app, workspace, &own::written(&drafted)).await
}

/// Makes a type, or changes it. Nodes that find the same type in their folders write it once.
pub async fn put(app: &App, workspace: WorkspaceId, given: &Value) -> Result<Written, TypeError> {
    for _ in 1..TRIES_MAX {
        match put_once(app, workspace, given).await {
            Err(TypeError::Admin(AdminError::Conflict) | TypeError::Exists { .. }) => {}
            settled => return settled,
        }
    }
    put_once(app, workspace, given).await
}

async fn put_once(app: &App, workspace: WorkspaceId, given: &Value) -> Result<Written, TypeError> {
    let name = given.get("name").and_then(Value::as_str).unwrap_or_default();
    if app.catalogue().resolve(name).is_some() {
        return Err(TypeError::Builtin { name: name.to_owned() });
    }
    let Some(before) = find(app, workspace, name).await? else {
        return Ok(Written::Made(create(app, workspace, given).await?));
    };
    let alone = one_at_a_time(app, workspace).await?;
    let catalogue = fresh(app, workspace).await?;
    let new = own::read(&catalogue, given).map_err(TypeError::Wrong)?;
    if own::written(&new) == before.value.given {
        return Ok(Written::Unchanged(Arc::new(new)));
    }
    // What was stored and cannot be read any more promises nothing.
    let changes = match own::read(&catalogue, &before.value.given) {
        Ok(old) => own::judge(&old, &new)?,
        Err(_) => Vec::new(),
    };
    let new = Arc::new(new);
    let after = others(app, workspace, name).await?.into_iter().chain([Arc::clone(&new)]);
    let (after, _) = Catalogue::with(app.catalogue(), after);
    none_needs(app, workspace, name, &catalogue, &after, Needs::All).await?;
    write(app, workspace, alone, before.map(|_| ()), &new).await?;
    Ok(Written::Changed(new, changes))
}

/// Removes a type. A draft goes though endpoints name it: they want nothing of it then. A bot that names it would not load
/// at the next start, so that it stays for.
pub async fn delete(app: &App, workspace: WorkspaceId, name: &str) -> Result<(), TypeError> {
    let Some(before) = find(app, workspace, name).await? else {
        return Err(missing(app, name));
    };
    let alone = one_at_a_time(app, workspace).await?;
    let catalogue = fresh(app, workspace).await?;
    let (after, _) = Catalogue::with(app.catalogue(), others(app, workspace, name).await?);
    let is_draft = catalogue.get_str(name).is_none_or(|known| known.status == Status::Draft);
    let needs = if is_draft { Needs::Bots } else { Needs::All };
    none_needs(app, workspace, name, &catalogue, &after, needs).await?;
    let key = DocKey::new(Kind::EventType, name);
    let mut batch = Batch::new(workspace);
    batch.puts.push(alone);
    batch.deletes.push(Delete { key, expected: Some(before.version) });
    app.commit(batch).await.map_err(AdminError::from)?;
    Ok(listed::refresh(app, workspace).await?)
}

/// A vocabulary with stored types over it. One that does not read, or whose name is taken by now, is named in the log and
/// left out: a newer release may have brought the name.
pub(crate) fn over(base: &Arc<Catalogue>, stored: impl Iterator<Item = StoredType>) -> Catalogue {
    let read = stored.filter_map(|stored| match own::read(base, &stored.given) {
        Ok(event_type) => Some(Arc::new(event_type)),
        Err(wrong) => {
            let first = wrong.first().map(ToString::to_string).unwrap_or_default();
            tracing::error!("the type {} is left out: {first}", stored.name());
            None
        }
    });
    let (catalogue, left_out) = Catalogue::with(base, read.collect::<Vec<_>>());
    for (event_type, taken) in left_out {
        tracing::error!("the type {} is left out: the name {taken} is taken", event_type.name);
    }
    catalogue
}

/// The vocabulary of a workspace, from its store alone: for who looks at an installation that does not run.
pub async fn vocabulary(
    base: &Arc<Catalogue>,
    store: &dyn Store,
    workspace: WorkspaceId,
) -> Result<Catalogue, ReadError> {
    let stored: Vec<StoredType> = all_of(store, workspace, Kind::EventType).await?;
    Ok(over(base, stored.into_iter()))
}

async fn find(
    app: &App,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Option<Seen<StoredType>>, ReadError> {
    // What is no name is the name of nothing that is stored.
    let Ok(name) = name.parse::<TypeName>() else { return Ok(None) };
    let key = DocKey::new(Kind::EventType, name);
    app.store.document(workspace, &key).await?.map(seen).transpose()
}

fn missing(app: &App, name: &str) -> TypeError {
    let name = name.to_owned();
    if app.catalogue().resolve(&name).is_some() {
        TypeError::Builtin { name }
    } else {
        TypeError::NotFound { name }
    }
}

/// The vocabulary as the documents say now.
async fn fresh(app: &App, workspace: WorkspaceId) -> Result<Arc<Catalogue>, AdminError> {
    listed::refresh(app, workspace).await?;
    Ok(app.catalogue_of(workspace))
}

/// The workspace's types but one.
async fn others(
    app: &App,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Vec<Arc<EventType>>, ReadError> {
    let stored: Vec<StoredType> = all_of(app.store.as_ref(), workspace, Kind::EventType).await?;
    let others = stored.into_iter().filter(|stored| stored.name() != name);
    let read = others.filter_map(|stored| own::read(app.catalogue(), &stored.given).ok());
    Ok(read.map(Arc::new).collect())
}

async fn write(
    app: &App,
    workspace: WorkspaceId,
    alone: tidings_store::Put,
    before: Seen<()>,
    event_type: &EventType,
) -> Result<(), AdminError> {
    let stored = StoredType { given: own::written(event_type), changed_at: app.now() };
    let key = DocKey::new(Kind::EventType, event_type.name.as_str());
    let mut batch = Batch::new(workspace);
    batch.puts.push(alone);
    batch.puts.push(before.map(|()| stored).put(key, Vec::new()));
    app.commit(batch).await?;
    listed::refresh(app, workspace).await
}

/// Whether a condition, where there is one, asks for nothing that no wanted type has.
fn holds(condition: &Option<String>, catalogue: &Catalogue, filter: &TypeFilter) -> bool {
    condition.as_ref().is_none_or(|text| {
        Expression::parse(text).is_ok_and(|read| read.check(catalogue, filter).is_ok())
    })
}

/// Whose needs count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Needs {
    /// Those of endpoints and bots.
    All,
    /// Those of bots.
    Bots,
}

/// Nobody who works with the vocabulary as it is would not with another one.
async fn none_needs(
    app: &App,
    workspace: WorkspaceId,
    name: &str,
    now: &Catalogue,
    after: &Catalogue,
    needs: Needs,
) -> Result<(), TypeError> {
    let mut by = Vec::new();
    let endpoints = app.directory(workspace).map(|directory| directory.endpoints());
    for endpoint in endpoints.unwrap_or_default() {
        let works_with = |catalogue: &Catalogue| {
            let filter = TypeFilter::parse(catalogue, &endpoint.events);
            filter.is_ok_and(|filter| holds(&endpoint.only.expression, catalogue, &filter))
        };
        if needs == Needs::All && works_with(now) && !works_with(after) {
            by.push(format!("the endpoint {}", endpoint.id));
        }
    }
    let live: Vec<LiveBot> = all_of(app.store.as_ref(), workspace, Kind::Bot).await?;
    for live in live {
        let key = DocKey::new(Kind::BotVersion, StoredVersion::id(&live.bot, &live.version));
        let Some(document) = app.store.document(workspace, &key).await? else { continue };
        let stored: Seen<StoredVersion> = seen(document)?;
        let source = BotSource { name: live.bot.clone(), files: stored.value.files };
        let works_with = |catalogue| Bot::load(&source, &CatalogueVocabulary(catalogue)).is_ok();
        if works_with(now) && !works_with(after) {
            by.push(format!("the bot {}", live.bot));
        }
    }
    if by.is_empty() {
        return Ok(());
    }
    by.truncate(USERS_MAX);
    Err(TypeError::Used { name: name.to_owned(), by })
}
