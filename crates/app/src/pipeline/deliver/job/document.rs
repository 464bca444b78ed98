//! A job as it is kept.

use serde::{Deserialize, Serialize};
use tidings_model::{EndpointId, JobId, Timestamp, WorkspaceId};
use tidings_store::{DocKey, Kind, Put, ReadError, TimerName};

use super::TIMER;
use crate::App;
use crate::pipeline::scene::{Seen, seen};

/// Every job has this entry, so that they are listed without what else is kept beside them.
pub const LISTED: (&str, &str) = ("job", "all");

/// Work on the log of deliveries that somebody asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// Its id.
    pub id: JobId,
    /// To whom it sends.
    pub endpoint: EndpointId,
    /// What was asked for.
    pub asked: Asked,
    /// The first event that it looks at.
    pub from_seq: u64,
    /// The last one.
    pub to_seq: u64,
    /// How it stands.
    pub state: JobState,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Timestamp>,
    /// How much there was to send when it was asked for; nothing, where that was too much to be counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// What became of what it looked at.
    #[serde(default)]
    pub count: Count,
    /// How far it is.
    #[serde(default)]
    pub place: Place,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Asked {
    /// What to do.
    pub task: Task,
    /// Only these types, aliases and areas; empty means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// Only events from this time on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Only events from before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Task {
    /// Send again what failed.
    Recover,
    /// Send again what is in the log, delivered or not.
    Replay,
}

/// How a job stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// It goes on.
    Running,
    /// It is through.
    Done,
    /// Somebody ended it.
    Cancelled,
    /// It cannot go on.
    Failed,
}

/// What became of what a job looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Count {
    /// Taken by the receiver.
    pub done: u64,
    /// Not taken, however often it was tried.
    pub failed: u64,
    /// Not sent: it was delivered meanwhile, the endpoint's reader comes to it by itself, or it is no longer kept.
    pub skipped: u64,
}

/// How far a job is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    /// All up to this event is settled.
    pub at: u64,
    /// What is settled beyond it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ahead: Vec<u64>,
    /// What was not taken and is tried again.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub waiting: Vec<Waiting>,
}

/// What was not taken and is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiting {
    /// The event.
    pub seq: u64,
    /// How often it was tried, as far as that is charged to it.
    pub tries: u32,
    /// When it is tried again.
    pub due: Timestamp,
}

impl Job {
    /// Whether it goes on.
    pub fn is_running(&self) -> bool {
        self.state == JobState::Running
    }
}

/// The key of a job.
pub(super) fn key(id: JobId) -> DocKey {
    DocKey::new(Kind::Job, id)
}

/// The write of a job over what was seen.
pub(super) fn put(job: &Seen<Job>) -> Put {
    let state = if job.value.is_running() { "running" } else { "ended" };
    let (name, value) = LISTED;
    let index = vec![
        (name, value.to_owned()),
        ("state", state.to_owned()),
        ("to", job.value.endpoint.to_string()),
    ];
    job.put(key(job.value.id), index)
}

/// Finds a job.
pub async fn find(
    app: &App,
    workspace: WorkspaceId,
    id: JobId,
) -> Result<Option<Seen<Job>>, ReadError> {
    app.store.document(workspace, &key(id)).await?.map(seen).transpose()
}

/// The job that a timer is of.
pub(super) fn of_timer(name: &TimerName) -> Option<JobId> {
    name.0.strip_prefix(TIMER)?.strip_prefix(':')?.split(':').next()?.parse().ok()
}
