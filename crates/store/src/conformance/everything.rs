//! All that can be read of a workspace, to be compared.

use std::sync::Arc;

use tidings_model::{Event, EventId, Seq, Timestamp, WorkspaceId};

use crate::read::{DOCUMENTS_READ_MAX, EVENTS_READ_MAX, TIMERS_READ_MAX};
use crate::{Document, DocumentQuery, EventQuery, Held, Kind, Scan, Store, Timer};

/// Claims that tests take.
pub const CLAIMS: [&str; 4] = ["telegram:1", "telegram:2", "key:1", "step:1"];

/// Readers whose cursors tests move.
pub const READERS: [&str; 2] = ["react", "deliver"];

/// All that can be read of a workspace.
#[derive(Debug, PartialEq)]
pub struct Everything {
    /// The log.
    pub events: Vec<Arc<Event>>,
    /// The number of the last event.
    pub last_seq: Seq,
    /// The documents of all kinds.
    pub documents: Vec<Document>,
    /// Timers of the workspace, whenever they are due.
    pub timers: Vec<Timer>,
    /// Of [`READERS`].
    pub cursors: Vec<Option<Seq>>,
    /// Outcomes of [`CLAIMS`].
    pub claims: Vec<Option<EventId>>,
    /// Whether the workspace is listed.
    pub listed: bool,
}

/// Reads all that can be read of a workspace, page by page.
pub async fn everything(store: &dyn Store, workspace: WorkspaceId) -> Everything {
    let mut events: Vec<Arc<Event>> = Vec::new();
    loop {
        let after = events.last().map_or(Seq::START, |event| event.seq);
        let query = EventQuery { after, limit: EVENTS_READ_MAX, ..EventQuery::default() };
        let page = store.events(workspace, query).await.expect("events can be read");
        if page.is_empty() {
            break;
        }
        events.extend(page);
    }
    let mut documents = Vec::new();
    for kind in Kind::ALL {
        let mut after = None;
        loop {
            let query = DocumentQuery { kind, scan: Scan::All, after, limit: DOCUMENTS_READ_MAX };
            let page = store.documents(workspace, query).await.expect("documents can be read");
            documents.extend(page.documents);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    let mut timers = store
        .due_timers(Timestamp::MAX, TIMERS_READ_MAX, &Held::All)
        .await
        .expect("timers can be read");
    timers.retain(|timer| timer.workspace == workspace);
    let mut cursors = Vec::new();
    for reader in READERS {
        cursors.push(store.cursor(workspace, reader).await.expect("cursors can be read"));
    }
    let mut claims = Vec::new();
    for claim in CLAIMS {
        claims.push(store.claim(workspace, claim).await.expect("claims can be read"));
    }
    Everything {
        events,
        last_seq: store.last_seq(workspace).await.expect("the last number can be read"),
        documents,
        timers,
        cursors,
        claims,
        listed: store.workspaces().await.expect("workspaces can be listed").contains(&workspace),
    }
}
