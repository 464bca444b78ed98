//! How far an endpoint's reader is, as it is kept: one document for each endpoint.
//!
//! Where it is not there, or owes nothing, the place's cursor says the same ([`super::feed`]).

use serde::{Deserialize, Serialize};
use tidings_model::{EndpointId, Seq, Timestamp, WorkspaceId};
use tidings_store::{DocKey, DocumentQuery, Kind, Put, ReadError, Scan, Share, Store};
use uuid::Uuid;

use super::health::Kept;
use super::skipped::SkippedLane;
use crate::pipeline::hands::Place;
use crate::pipeline::scene::seen;
use crate::pipeline::written::to_body;

/// How many documents one look reads.
const PAGE: usize = 500;

/// How far an endpoint's reader is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Progress {
    /// The endpoint.
    pub(super) endpoint: Option<EndpointId>,
    /// All up to here was looked at.
    pub(super) taken: u64,
    /// What of it is still to be tried.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) open: Vec<u64>,
    /// The lanes whose heads wait for another try.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) parked: Vec<ParkedLane>,
    /// The chats of which something was given up that their next delivery tells.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) skipped: Vec<SkippedLane>,
    /// Whether it reads the log by itself: the place's cursor says nothing of it then.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) behind: bool,
    /// How its receiver is.
    pub(super) health: Kept,
}

/// A lane whose head waits for another try.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct ParkedLane {
    /// The chat, or the event that stands alone.
    pub(super) lane: Uuid,
    /// The head.
    pub(super) head: u64,
    /// The last event of the lane that was looked at.
    pub(super) behind: u64,
    /// When the head is tried again.
    pub(super) due: Timestamp,
}

impl Progress {
    /// Whether something is owed that the place's cursor says nothing of.
    pub(super) fn owes(&self) -> bool {
        self.behind || !self.open.is_empty() || !self.parked.is_empty()
    }

    /// The events that are still to be tried, but for what stands behind the heads of parked lanes.
    pub(super) fn heads(&self) -> impl Iterator<Item = Seq> + '_ {
        let parked = self.parked.iter().map(|lane| lane.head);
        self.open.iter().copied().chain(parked).map(Seq)
    }

    /// The oldest event that is still needed.
    pub(super) fn needs(&self) -> Seq {
        let oldest = self.heads().min();
        Seq(oldest.map_or(self.taken, |oldest| self.taken.min(oldest.0.saturating_sub(1))))
    }
}

/// The key of an endpoint's progress.
pub(super) fn key(endpoint: EndpointId) -> DocKey {
    DocKey::new(Kind::Progress, endpoint)
}

/// Those of the endpoints of a place.
pub(super) async fn of_place(
    store: &dyn Store,
    workspace: WorkspaceId,
    place: Place,
) -> Result<Vec<Progress>, ReadError> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let query = DocumentQuery { kind: Kind::Progress, scan: Scan::All, after, limit: PAGE };
        let page = store.documents(workspace, query).await?;
        for document in page.documents {
            let progress = seen::<Progress>(document)?.value;
            if progress.endpoint.is_some_and(|endpoint| is_of(place, endpoint)) {
                all.push(progress);
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}

/// Whether the work of an endpoint is in a place.
pub(super) fn is_of(place: Place, endpoint: EndpointId) -> bool {
    match place {
        Place::Whole => true,
        Place::Share(share) => Share::of(endpoint.uuid()) == share,
    }
}

/// The oldest event that any endpoint still needs, of those that the cursors say nothing of.
pub(crate) async fn needed(
    store: &dyn Store,
    workspace: WorkspaceId,
) -> Result<Option<Seq>, ReadError> {
    let all = of_place(store, workspace, Place::Whole).await?;
    Ok(all.iter().filter(|progress| progress.owes()).map(Progress::needs).min())
}

/// The write of an endpoint's progress; only its reader writes it.
pub(super) fn put(endpoint: EndpointId, progress: &Progress) -> Put {
    Put { key: key(endpoint), expected: None, body: to_body(progress), index: Vec::new() }
}
