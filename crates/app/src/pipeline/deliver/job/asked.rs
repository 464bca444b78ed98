//! What is asked of jobs: to begin one or see what it would do, and to end one. Called by `api`, on whichever node.

use std::sync::Arc;

use tidings_catalogue::{Catalogue, TypeFilter};
use tidings_model::{EndpointId, Event, JobId, Seq, Timestamp, WorkspaceId};
use tidings_store::{
    Batch, CommitError, Delete, DocumentQuery, Kind, ReadError, Scan, TimerChange, Version,
};

use super::document::{self, Asked, Count, Job, JobState, Place};
use super::pick::{Found, Search};
use super::{register, timer_of};
use crate::directory::Subscriber;
use crate::pipeline::forget::last_before;
use crate::pipeline::scene::Seen;
use crate::{App, known};

pub use super::document::Task;
pub use super::register::RUNNING_MAX;

/// How many jobs that ended are kept.
pub const KEPT_MAX: usize = 100;

/// How many types, aliases and areas a job may name.
pub const TYPES_MAX: usize = 200;

/// How many looks at a log are made to count what a job would send: beyond, it is not counted.
const COUNT_LOOKS_MAX: usize = 200;

/// How many deliveries one of them reads.
const COUNT_LOOK: usize = 256;

/// How many of the first events are shown of what a job would send.
const SHOWN_MAX: usize = 10;

/// How often a change is decided anew that somebody else came before.
const DECIDED_MAX: usize = 5;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Ask {
    /// To whom.
    pub endpoint: EndpointId,
    /// What.
    pub asked: Asked,
    /// Only from this event on.
    pub from_seq: Option<u64>,
    /// Only up to this event.
    pub to_seq: Option<u64>,
}

/// What a job would do.
#[derive(Clone, Debug)]
pub struct Preview {
    /// How many events it would send, of those that were looked at.
    pub of: u64,
    /// Whether all were looked at.
    pub is_all: bool,
    /// The first of them.
    pub first: Vec<Arc<Event>>,
}

/// Why a job is not begun, or not ended.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// There is no such thing.
    #[error("there is no such {what}")]
    NotFound {
        /// What was looked for.
        what: &'static str,
    },
    /// A field is wrong.
    #[error("{field}: {problem}")]
    Invalid {
        /// Which one.
        field: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// Nothing is sent to it.
    #[error("the endpoint is switched off")]
    Off,
    /// One is enough for an endpoint.
    #[error("the job {job} of this endpoint is running: wait for it, or cancel it")]
    Busy {
        /// Which one.
        job: JobId,
    },
    /// There are enough.
    #[error("{RUNNING_MAX} jobs are running: wait for one of them, or cancel it")]
    Full,
    /// It is over.
    #[error("the job has ended already")]
    Ended,
    /// It could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It could not be written.
    #[error(transparent)]
    Commit(#[from] CommitError),
}

impl Refused {
    fn invalid(field: &'static str, problem: impl Into<String>) -> Self {
        Self::Invalid { field, problem: problem.into() }
    }
}

/// What a job would do.
pub async fn preview(app: &App, workspace: WorkspaceId, ask: &Ask) -> Result<Preview, Refused> {
    Ok(plan(app, workspace, ask).await?.preview)
}

/// Begins a job.
pub async fn begin(app: &App, workspace: WorkspaceId, ask: Ask) -> Result<Job, Refused> {
    let Plan { subscriber, from, to, preview } = plan(app, workspace, &ask).await?;
    if !subscriber.endpoint.value.enabled {
        return Err(Refused::Off);
    }
    let Preview { of, is_all, .. } = preview;
    let job = Seen::absent(Job {
        id: JobId::new(app.next_id()),
        endpoint: ask.endpoint,
        asked: ask.asked,
        from_seq: from.0,
        to_seq: to.0,
        state: JobState::Running,
        reason: None,
        started_at: app.now(),
        ended_at: None,
        of: is_all.then_some(of),
        count: Count::default(),
        place: Place { at: from.0.saturating_sub(1), ..Place::default() },
    });
    let (id, endpoint) = (job.value.id, job.value.endpoint);
    let deletes = surplus(app, workspace).await?;
    let put = document::put(&job);
    let timer = timer_of(&job.value);
    let mut decided = 0;
    loop {
        let mut register = register::read(app, workspace).await?;
        if let Some(job) = register.value.of(endpoint) {
            return Err(Refused::Busy { job });
        }
        if register.value.is_full() {
            return Err(Refused::Full);
        }
        register.value.begin(endpoint, id);
        let mut batch = Batch::new(workspace);
        batch.puts = vec![put.clone(), register::put(&register)];
        batch.deletes.clone_from(&deletes);
        let (name, due) = (timer.clone(), app.now());
        batch.timers.push(TimerChange::Set { name, due, body: serde_json::Value::Null });
        decided += 1;
        match app.commit(batch).await {
            Ok(_) => return Ok(job.value),
            Err(CommitError::Conflict { .. }) if decided < DECIDED_MAX => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Ends a job. What it has under way may still be taken.
pub async fn cancel(app: &App, workspace: WorkspaceId, id: JobId) -> Result<Job, Refused> {
    let mut decided = 0;
    loop {
        let found = document::find(app, workspace, id).await?;
        let mut job = found.ok_or(Refused::NotFound { what: "job" })?;
        if !job.value.is_running() {
            return Err(Refused::Ended);
        }
        let batch = end(app, workspace, &mut job, JobState::Cancelled, None).await?;
        decided += 1;
        match app.commit(batch).await {
            Ok(_) => return Ok(job.value),
            Err(CommitError::Conflict { .. }) if decided < DECIDED_MAX => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// What ends a job: its document, its place among those that run, its timer.
pub(super) async fn end(
    app: &App,
    workspace: WorkspaceId,
    job: &mut Seen<Job>,
    state: JobState,
    reason: Option<String>,
) -> Result<Batch, ReadError> {
    job.value.state = state;
    job.value.reason = reason;
    job.value.ended_at = Some(app.now());
    let mut batch = Batch::new(workspace);
    batch.puts.push(document::put(job));
    let mut register = register::read(app, workspace).await?;
    if register.value.end(job.value.endpoint, job.value.id) {
        batch.puts.push(register::put(&register));
    }
    batch.timers.push(TimerChange::Cancel { name: timer_of(&job.value) });
    Ok(batch)
}

/// What was asked for, in the numbers of events.
struct Plan {
    subscriber: Arc<Subscriber>,
    from: Seq,
    to: Seq,
    preview: Preview,
}

async fn plan(app: &App, workspace: WorkspaceId, ask: &Ask) -> Result<Plan, Refused> {
    let id = ask.endpoint;
    known::seek(app, workspace, |directory| directory.subscriber(id).is_some()).await?;
    let directory = app.directory(workspace).ok_or(Refused::NotFound { what: "endpoint" })?;
    let subscriber = directory.subscriber(id).ok_or(Refused::NotFound { what: "endpoint" })?;
    known::filter(app, workspace, &ask.asked.types).await?;
    let filter = filter(&directory.catalogue(), &ask.asked.types)?;
    let (from, to) = range(app, workspace, ask).await?;
    let search = Search {
        app,
        directory: &directory,
        subscriber: &subscriber,
        task: ask.asked.task,
        filter: &filter,
        to,
    };
    let mut preview = Preview { of: 0, is_all: false, first: Vec::new() };
    let mut after = Seq(from.0.saturating_sub(1));
    for _ in 0..COUNT_LOOKS_MAX {
        let picked = search.look(after, COUNT_LOOK).await?;
        for found in picked.found {
            preview.of += 1;
            match found {
                Found::Event(event) if preview.first.len() < SHOWN_MAX => preview.first.push(event),
                Found::Event(_) | Found::Forgotten(_) => {}
            }
        }
        after = picked.up_to;
        if picked.is_end {
            preview.is_all = true;
            break;
        }
    }
    Ok(Plan { subscriber, from, to, preview })
}

pub(super) fn filter(catalogue: &Catalogue, types: &[String]) -> Result<TypeFilter, Refused> {
    if types.len() > TYPES_MAX {
        return Err(Refused::invalid("/types", format!("must have at most {TYPES_MAX} entries")));
    }
    TypeFilter::parse(catalogue, types)
        .map_err(|unknown| Refused::invalid("/types", unknown.to_string()))
}

/// The first and the last event that is looked at.
async fn range(app: &App, workspace: WorkspaceId, ask: &Ask) -> Result<(Seq, Seq), Refused> {
    let Asked { task, since, until, .. } = &ask.asked;
    if since.is_none() && ask.from_seq.is_none() {
        let (field, problem) = match task {
            Task::Recover => ("/since", "is missing: say from when on"),
            Task::Replay => ("/from_seq", "is missing: say from which event, or since when"),
        };
        return Err(Refused::invalid(field, problem));
    }
    if since.zip(*until).is_some_and(|(since, until)| until <= since) {
        return Err(Refused::invalid("/until", "must be after since"));
    }
    if ask.from_seq.zip(ask.to_seq).is_some_and(|(from, to)| to < from) {
        return Err(Refused::invalid("/to_seq", "must not be before from_seq"));
    }
    let head = app.store.last_seq(workspace).await?;
    let before = async |time: Timestamp| last_before(app, workspace, time, head).await;
    let mut from = ask.from_seq.unwrap_or(1).max(1);
    if let Some(since) = since {
        from = from.max(before(*since).await?.0.saturating_add(1));
    }
    let mut to = ask.to_seq.unwrap_or(head.0).min(head.0);
    if let Some(until) = until {
        to = to.min(before(*until).await?.0);
    }
    Ok((Seq(from), Seq(to)))
}

/// What is too much of the jobs that ended, oldest first.
async fn surplus(app: &App, workspace: WorkspaceId) -> Result<Vec<Delete>, ReadError> {
    let scan = Scan::Equal { name: "state", value: "ended".into() };
    let limit = KEPT_MAX + RUNNING_MAX;
    let query = DocumentQuery { kind: Kind::Job, scan, after: None, limit };
    let ended = app.store.documents(workspace, query).await?.documents;
    let surplus = (ended.len() + 1).saturating_sub(KEPT_MAX);
    let delete =
        |found: tidings_store::Document| Delete { key: found.key, expected: None::<Version> };
    Ok(ended.into_iter().take(surplus).map(delete).collect())
}
