//! Searching what was said: `list_archives`. One row for each thread.
//!
//! Before it searches, a query waits until the archive has all that the log had when the query came, so that who just
//! said something finds it.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidings_model::{Chat, ChatId, Code, GroupNumber, Thread, ThreadId, Timestamp, WorkspaceId};
use tidings_store::archive::{
    ArchiveError, ArchiveHit, ArchiveOrder, ArchivePage, ArchiveQuery, FacetFilter, Rule, facet,
    highlight,
};
use tidings_store::{DocKey, Kind, ReadError};
use tidings_wire::livechat::show;

use super::page::{self, Asked, Order, PageIds};
use crate::App;
use crate::desk::actor::opaque;
use crate::desk::find::{self, by_entry, unreadable};
use crate::desk::{Actor, ErrorType, Failure, look};
use crate::pipeline::index::PERSON;
use crate::pipeline::scene::{Seen, seen};
use crate::pipeline::written::PastThread;

/// How long a query waits for the archive to have what was just said; then it searches what is there.
const FRESH_WAIT: Duration = Duration::from_secs(2);

/// How many rows are put together side by side.
const ROWS_AT_ONCE: usize = 4;

/// How many threads that an agent may not see are passed over for the nearest that they may.
const CLOSED_BETWEEN_MAX: usize = 20;

/// The name of the list, in its page ids.
pub const LIST: &str = "list_archives";

/// What is searched for: facets as [`tidings_store::archive::facet`] names them, and the rest.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Filters {
    /// Words.
    pub query: Option<String>,
    /// Begun at this time or later.
    pub from: Option<Timestamp>,
    /// Begun before this time.
    pub to: Option<Timestamp>,
    /// Of these chats, as clients name them.
    pub chat_ids: Option<Vec<String>>,
    /// These threads, as clients name them.
    pub thread_ids: Option<Vec<String>>,
    /// That one of these teams sees.
    pub group_ids: Option<BTreeSet<GroupNumber>>,
    /// What they have to do with.
    pub facets: Vec<Asking>,
    /// What is put around words that were found.
    pub highlights: Option<Highlights>,
}

/// One thing that is asked of a thread's facets.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Asking {
    /// Of this name.
    pub name: String,
    /// There is one at all, or none.
    pub exists: Option<bool>,
    /// With one of these values.
    pub values: Option<Vec<String>>,
    /// With none of these values.
    pub exclude_values: Option<Vec<String>>,
    /// All of the values must be there, or not all of those that are left out.
    pub require_every_value: bool,
    /// Only those of these teams count.
    pub groups: Option<Vec<String>>,
    /// Only those of this time or later count.
    pub from: Option<Timestamp>,
    /// Only those of before this time count.
    pub to: Option<Timestamp>,
}

impl Asking {
    /// The same for the archive; nothing where nothing is asked.
    fn filters(&self) -> Vec<FacetFilter> {
        let every = self.require_every_value;
        let exists = self.exists.map(|exists| if exists { Rule::Exists } else { Rule::Absent });
        let values = self.values.clone();
        let values =
            values.map(|values| if every { Rule::AllOf(values) } else { Rule::AnyOf(values) });
        let others = self.exclude_values.clone();
        let others =
            others.map(|others| if every { Rule::NotAllOf(others) } else { Rule::NoneOf(others) });
        let mut rules: Vec<Rule> = [exists, values, others].into_iter().flatten().collect();
        let narrows = self.groups.is_some() || self.from.is_some() || self.to.is_some();
        if rules.is_empty() && narrows {
            rules.push(Rule::Exists);
        }
        let filter = |rule| FacetFilter {
            name: self.name.clone(),
            groups: self.groups.clone(),
            from: self.from,
            to: self.to,
            rule,
        };
        rules.into_iter().map(filter).collect()
    }
}

/// What is put around words that were found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Highlights {
    /// Before each.
    pub pre_tag: String,
    /// After each.
    pub post_tag: String,
}

/// A page of the archive that was asked for; a place is the archive's own.
pub type AskedArchives = Asked<Filters, String>;

/// A page of what was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Chats, each with one thread.
    pub chats: Vec<Value>,
    /// How many threads there are on all pages.
    pub total: u64,
    /// The pages before and after.
    pub pages: PageIds,
}

/// Searches the threads that an agent sees.
pub async fn search(app: &App, actor: &Actor, asked: &AskedArchives) -> Result<Found, Failure> {
    actor.needs_agent()?;
    catch_up(app, actor.workspace).await;
    let query = query(app, actor, asked).await?;
    let found = app.archive.search(actor.workspace, query).await.map_err(unsearchable)?;
    let ArchivePage { rows, total, next, previous } = found;
    let beside = |place: Option<String>| {
        let asked = Asked { place: Some(place?), ..asked.clone() };
        Some(page::write(app, actor.workspace, LIST, &asked))
    };
    let pages = PageIds { next: beside(next), previous: beside(previous) };
    let highlights = asked.filters.highlights.as_ref().zip(asked.filters.query.as_deref());
    let chats: Vec<Result<Option<Value>, Failure>> = stream::iter(rows)
        .map(|hit| row(app, actor, hit, highlights))
        .buffered(ROWS_AT_ONCE)
        .collect()
        .await;
    let chats: Result<Vec<Option<Value>>, Failure> = chats.into_iter().collect();
    Ok(Found { chats: chats?.into_iter().flatten().collect(), total, pages })
}

/// Waits until the archive has what the log has now; not for ever.
pub(super) async fn catch_up(app: &App, workspace: WorkspaceId) {
    let mut last = app.store.tail(workspace).head();
    if !app.bus().is_alone() {
        // Another node may have written what this one has not come to yet.
        match app.store.last_seq(workspace).await {
            Ok(written) => last = last.max(written),
            Err(error) => tracing::warn!("a search may miss what was said last: {error}"),
        }
    }
    let indexed = app.indexed(workspace);
    if tokio::time::timeout(FRESH_WAIT, indexed.reaches(last)).await.is_err() {
        tracing::warn!("the archive is behind the log; a search does not find what was said last");
    }
}

pub(super) fn unsearchable(error: ArchiveError) -> Failure {
    match error {
        ArchiveError::Place(_) => {
            Failure::field("page_id", "must be one that this list gave, unchanged")
        }
        ArchiveError::Full { .. } | ArchiveError::Closed | ArchiveError::Engine { .. } => {
            tracing::error!("a search failed: {}", crate::pipeline::reader::chain(&error));
            Failure::new(ErrorType::Internal, "the server could not search its archive; try again")
        }
    }
}

async fn query(app: &App, actor: &Actor, asked: &AskedArchives) -> Result<ArchiveQuery, Failure> {
    let filters = &asked.filters;
    let workspace = actor.workspace;
    let chats = match &filters.chat_ids {
        None => None,
        Some(names) => {
            let mut chats: Vec<ChatId> = Vec::new();
            for name in names {
                chats.extend(find::chat_id(app, workspace, name).await?);
            }
            Some(chats)
        }
    };
    let threads = match &filters.thread_ids {
        None => None,
        Some(names) => {
            let mut threads: Vec<ThreadId> = Vec::new();
            for name in names {
                threads.extend(thread_id(app, workspace, name).await?);
            }
            Some(threads)
        }
    };
    let mut facets: Vec<FacetFilter> = filters.facets.iter().flat_map(Asking::filters).collect();
    if let Some(groups) = &filters.group_ids {
        let groups = groups.iter().map(ToString::to_string).collect();
        facets.push(FacetFilter::new(facet::GROUP, Rule::AnyOf(groups)));
    }
    Ok(ArchiveQuery {
        text: filters.query.clone(),
        from: filters.from,
        to: filters.to,
        chats,
        threads,
        facets,
        visible_groups: visible(actor),
        order: match asked.order {
            Order::Asc => ArchiveOrder::OldestFirst,
            Order::Desc => ArchiveOrder::NewestFirst,
        },
        limit: asked.limit,
        place: asked.place.clone(),
    })
}

/// What must be among a thread's groups; nothing for who sees all.
pub(super) fn visible(actor: &Actor) -> Option<BTreeSet<String>> {
    if actor.sees_all_chats() {
        return None;
    }
    let mut visible: BTreeSet<String> = actor.groups.iter().map(ToString::to_string).collect();
    visible.insert(GroupNumber::EVERYONE.to_string());
    visible.extend(actor.agent().map(|agent| format!("{PERSON}{}", agent.id)));
    Some(visible)
}

/// The id of a thread that a client names, of whatever chat.
async fn thread_id(
    app: &App,
    workspace: WorkspaceId,
    name: &str,
) -> Result<Option<ThreadId>, Failure> {
    if let Ok(id) = name.parse::<ThreadId>() {
        return Ok(Some(id));
    }
    let Ok(code) = name.parse::<Code>() else { return Ok(None) };
    let last: Option<Seen<Chat>> = by_entry(app, workspace, Kind::Chat, "thread", &code).await?;
    if let Some(chat) = last {
        return Ok(Some(chat.value.thread.id));
    }
    let past: Option<Seen<PastThread>> =
        by_entry(app, workspace, Kind::Thread, "code", &code).await?;
    Ok(past.map(|past| past.value.thread.id))
}

/// A thread that was found, in its chat; nothing when it went meanwhile.
async fn row(
    app: &App,
    actor: &Actor,
    hit: ArchiveHit,
    highlights: Option<(&Highlights, &str)>,
) -> Result<Option<Value>, Failure> {
    let workspace = actor.workspace;
    let found = documents(app, workspace, hit).await.map_err(unreadable)?;
    let Some((chat, thread)) = found else { return Ok(None) };
    let told = look::said_in(app, actor, &chat, &thread).await.map_err(unreadable)?;
    // The archive may be behind: who lost sight of the thread just now is not shown it.
    let Some(told) = told else { return Ok(None) };
    let previous = nearest(app, actor, &chat, &thread, |thread| thread.previous).await;
    let next = nearest(app, actor, &chat, &thread, |thread| thread.next).await;
    let (previous, next) = (previous.map_err(unreadable)?, next.map_err(unreadable)?);
    let directory =
        app.directory(workspace).ok_or_else(|| Failure::from(ErrorType::LicenseNotFound))?;
    let customer = look::customer(app, workspace, &chat).await?;
    let veil = opaque(app, workspace);
    let lens = actor.lens(&veil);
    let users = look::users(&lens, &directory, &chat, customer.as_ref(), &told);
    let followed = actor.agent().is_some_and(|agent| chat.followers.contains(&agent.id));
    let mut shown = look::thread(&lens, &chat, &thread, Some(&told), None);
    if let Value::Object(map) = &mut shown {
        for (name, id) in
            [("previous_accessible_thread_id", previous), ("next_accessible_thread_id", next)]
        {
            if let Some(id) = id {
                map.insert(name.into(), id.code().as_str().into());
            }
        }
        if let (Some((tags, query)), Some(events)) = (highlights, map.get_mut("events")) {
            mark(events, query, tags);
        }
    }
    Ok(Some(show::chat(&lens, &chat, users, Some(shown), followed)))
}

/// The nearest thread in one direction that the actor may see.
async fn nearest(
    app: &App,
    actor: &Actor,
    chat: &Chat,
    from: &Thread,
    beside: impl Fn(&Thread) -> Option<ThreadId> + Send,
) -> Result<Option<ThreadId>, ReadError> {
    let mut next = beside(from);
    if actor.sees_all_chats() {
        return Ok(next);
    }
    for _ in 0..CLOSED_BETWEEN_MAX {
        let Some(id) = next else { break };
        let thread = find::thread_by_id(app, actor.workspace, chat, id).await?;
        let Some(thread) = thread else { break };
        if actor.sees_thread(chat, &thread) {
            return Ok(next);
        }
        next = beside(&thread);
    }
    Ok(None)
}

async fn documents(
    app: &App,
    workspace: WorkspaceId,
    hit: ArchiveHit,
) -> Result<Option<(Chat, Thread)>, ReadError> {
    let keys = [DocKey::new(Kind::Chat, hit.chat), DocKey::new(Kind::Thread, hit.thread)];
    let mut found: HashMap<Kind, tidings_store::Document> = app
        .store
        .documents_by_key(workspace, &keys)
        .await?
        .into_iter()
        .flatten()
        .map(|document| (document.key.kind, document))
        .collect();
    let Some(chat) = found.remove(&Kind::Chat) else { return Ok(None) };
    let chat: Chat = seen(chat)?.value;
    if chat.thread.id == hit.thread {
        let thread = chat.thread.clone();
        return Ok(Some((chat, thread)));
    }
    let Some(past) = found.remove(&Kind::Thread) else { return Ok(None) };
    let past: PastThread = seen(past)?.value;
    Ok(Some((chat, past.thread)))
}

/// The texts of events that can be found; what is put around words stands in them.
const MARKED: [&str; 6] = ["text", "title", "subtitle", "name", "answer", "label"];

/// Puts the tags around words that were found, wherever text stands in events.
fn mark(value: &mut Value, query: &str, tags: &Highlights) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| mark(item, query, tags)),
        Value::Object(map) => {
            for (name, value) in map.iter_mut() {
                match value {
                    Value::String(text) if MARKED.contains(&name.as_str()) => {
                        if let Some(marked) = highlight(text, query, &tags.pre_tag, &tags.post_tag)
                        {
                            *text = marked;
                        }
                    }
                    Value::Array(_) | Value::Object(_) => mark(value, query, tags),
                    Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
                }
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
