//! Lists of threads of one chat: `list_threads` of both sides.
//!
//! The last thread stands in the chat's document, those before it are documents of their own, whose ids rise with time.

use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tidings_model::{Chat, Thread, Timestamp, WorkspaceId};
use tidings_store::{CountOf, DocumentQuery, Kind, ReadError, Scan};

use super::history::Told;
use super::page::{self, Asked, PageIds, Read};
use crate::App;
use crate::desk::actor::opaque;
use crate::desk::find::{self, unreadable};
use crate::desk::routing::queue;
use crate::desk::{Actor, Failure, look};
use crate::pipeline::scene::{Seen, seen};
use crate::pipeline::written::PastThread;

/// How many threads' events are read side by side.
const READS_AT_ONCE: usize = 4;

/// How many threads are read in one step.
const STEP: usize = 200;

/// How many threads are looked at for one page at most; a chat with more has lived for decades.
const LOOKED_AT_MAX: usize = 20_000;

/// The name of the list, in its page ids.
pub const LIST: &str = "list_threads";

/// Which threads are asked for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Filters {
    /// Of this chat.
    pub chat: String,
    /// Begun at this time or later.
    #[serde(default)]
    pub from: Option<Timestamp>,
    /// Begun before this time.
    #[serde(default)]
    pub to: Option<Timestamp>,
}

impl Filters {
    fn fits(&self, thread: &Thread) -> bool {
        self.from.is_none_or(|from| thread.created_at >= from)
            && self.to.is_none_or(|to| thread.created_at < to)
    }

    const fn is_everything(&self) -> bool {
        self.from.is_none() && self.to.is_none()
    }
}

/// A page of threads that was asked for; a place is a thread's id.
pub type AskedThreads = Asked<Filters, String>;

/// A page of a list.
#[derive(Clone, Debug)]
pub struct ThreadPage {
    /// The threads with their events.
    pub threads: Vec<Value>,
    /// How many there are on all pages.
    pub found: u64,
    /// The pages before and after.
    pub pages: PageIds,
}

/// A page of the threads of a chat that somebody sees. With `min_events`, as many threads as have so many events.
pub async fn threads(
    app: &App,
    actor: &Actor,
    asked: &AskedThreads,
    min_events: Option<usize>,
) -> Result<ThreadPage, Failure> {
    let scene = find::chat(app, actor, &asked.filters.chat).await?;
    let chat = &scene.chat.value;
    let (workspace, place) = (actor.workspace, asked.place.as_deref());
    let newest_first = asked.order.newest_first(asked.back);
    let limit = if min_events.is_some() { MIN_EVENTS_THREADS_MAX } else { asked.limit };
    let found = of_chat(app, workspace, chat, newest_first, place, limit + 1, &asked.filters);
    let found = found.await.map_err(unreadable)?;
    let mut read = Read::of(found, limit, place.is_none(), asked.back);
    let told: Vec<Result<Option<Vec<Told>>, ReadError>> = stream::iter(read.rows.clone())
        .map(|thread| async move { look::said_in(app, actor, chat, &thread).await })
        .buffered(READS_AT_ONCE)
        .collect()
        .await;
    let veil = opaque(app, workspace);
    let lens = actor.lens(&veil);
    let waits = match chat.thread.queued_at {
        Some(_) => queue::place_of(app, workspace, chat.id).await.map_err(unreadable)?,
        None => None,
    };
    let mut shown = Vec::new();
    let mut events = 0;
    for (thread, told) in read.rows.iter().zip(told) {
        if min_events.is_some_and(|enough| events >= enough) {
            break;
        }
        let told = told.map_err(unreadable)?;
        let place = waits.clone().filter(|_| thread.id == chat.thread.id);
        let thread = look::thread(&lens, chat, thread, told.as_deref(), place);
        let said = thread.get("events").and_then(Value::as_array).map_or(0, Vec::len);
        events += said;
        shown.push(thread);
    }
    if shown.len() < read.rows.len() {
        read.rows.truncate(shown.len());
        read.has_next = true;
    }
    let pages = page::ids(app, workspace, LIST, asked, &read, |thread| thread.id.to_string());
    let found = count(app, workspace, chat, &asked.filters).await.map_err(unreadable)?;
    Ok(ThreadPage { threads: shown, found, pages })
}

/// How many threads are read for `min_events_count`, which asks for at most as many events: each has one at least.
const MIN_EVENTS_THREADS_MAX: usize = 100;

/// Threads of a chat in one direction, beyond a place.
async fn of_chat(
    app: &App,
    workspace: WorkspaceId,
    chat: &Chat,
    newest_first: bool,
    place: Option<&str>,
    limit: usize,
    filters: &Filters,
) -> Result<Vec<Thread>, ReadError> {
    let last = &chat.thread;
    let last_id = last.id.to_string();
    let mut found = Vec::new();
    if newest_first && place.is_none() && filters.fits(last) {
        found.push(last.clone());
    }
    if !newest_first && place == Some(last_id.as_str()) {
        return Ok(found);
    }
    let value = chat.id.to_string();
    let scan = if newest_first {
        Scan::EqualNewest { name: "chat", value }
    } else {
        Scan::Equal { name: "chat", value }
    };
    let mut after = place.map(str::to_owned);
    let mut looked_at = 0;
    while found.len() < limit && looked_at < LOOKED_AT_MAX {
        let step = limit.saturating_sub(found.len()).clamp(1, STEP);
        let query = DocumentQuery { kind: Kind::Thread, scan: scan.clone(), after, limit: step };
        let page = app.store.documents(workspace, query).await?;
        for document in page.documents {
            let past: Seen<PastThread> = seen(document)?;
            looked_at += 1;
            if filters.fits(&past.value.thread) && found.len() < limit {
                found.push(past.value.thread);
            }
        }
        after = page.next;
        if after.is_none() {
            if !newest_first && filters.fits(last) && found.len() < limit {
                found.push(last.clone());
            }
            break;
        }
    }
    Ok(found)
}

async fn count(
    app: &App,
    workspace: WorkspaceId,
    chat: &Chat,
    filters: &Filters,
) -> Result<u64, ReadError> {
    if filters.is_everything() {
        let of = CountOf::Equal { name: "chat", value: chat.id.to_string() };
        return Ok(app.store.count(workspace, Kind::Thread, of).await? + 1);
    }
    let all = of_chat(app, workspace, chat, true, None, LOOKED_AT_MAX, filters).await?;
    Ok(all.len().try_into().unwrap_or(u64::MAX))
}
