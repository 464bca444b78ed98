//! How what an endpoint's reader did comes on disk: many deliveries in one write, with how far it is.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tidings_model::{Draft, EndpointId, EventId, HealthState, Seq, Visibility};
use tidings_store::{Batch, CommitError};
use tokio::time::Instant;

use super::{PAUSE, Reader, UNWRITTEN_MAX};
use crate::App;
use crate::pipeline::deliver::progress::{self, ParkedLane, Progress};
use crate::pipeline::deliver::record;
use crate::pipeline::deliver::skipped::NOTICE;
use crate::pipeline::deliver::step::Written;
use crate::pipeline::deliver::switch::switch_off;
use crate::pipeline::mail;
use crate::pipeline::reader::chain;

/// So many unwritten ones are written at once; fewer wait for a while.
const WRITE_AT: usize = 96;

/// How long something may be open before it is written that it is owed: the place's cursor waits for that.
const UNSAID_MAX: Duration = Duration::from_secs(1);

/// How long something may be unwritten while nothing is under way.
const WRITE_INTERVAL: Duration = Duration::from_millis(100);

/// The same while something is: more will have come to be written by then.
const BUSY_WRITE_INTERVAL: Duration = Duration::from_millis(250);

/// What was done and is not written down.
#[derive(Debug, Default)]
pub(super) struct Unwritten {
    pub(super) done: Vec<Written>,
    pub(super) health: Vec<HealthState>,
    /// What the log is told of deliveries that were given up.
    notices: Vec<serde_json::Value>,
    /// Why the endpoint is to be switched off, if it is.
    pub(super) gone: Option<&'static str>,
    /// Something is not taken: whoever looks should see it at once.
    failed: bool,
    /// Something else of its progress moved.
    moved: bool,
}

impl Unwritten {
    pub(super) fn is_empty(&self) -> bool {
        self.done.is_empty()
            && self.health.is_empty()
            && self.notices.is_empty()
            && self.gone.is_none()
            && !self.moved
    }
}

/// How a write went.
pub(super) struct Wrote {
    result: Option<Result<(), CommitError>>,
    unwritten: Unwritten,
    progress: Progress,
}

impl Reader {
    /// A delivery was tried, and is to be written.
    pub(super) fn note_written(&mut self, written: Written) {
        let delivery = &written.delivery.value;
        if let Some(last) = delivery.attempts.last() {
            self.shared.gauge.tried(delivery.status, last.duration_ms);
        }
        self.unwritten.failed |= written.has_own;
        if written.has_own {
            self.failing.insert(Seq(delivery.seq));
        }
        self.unwritten.done.push(written);
    }

    /// What waits for long, as its receiver hangs or is paused, is written down: else the place's cursor would wait too.
    pub(super) fn say_what_is_owed(&mut self) {
        if self.work.is_clean() || self.shared.kept_owes.load(Ordering::SeqCst) {
            self.unsaid_since = None;
        } else if self.unsaid_since.get_or_insert_with(Instant::now).elapsed() >= UNSAID_MAX {
            self.unsaid_since = None;
            self.touch();
        }
    }

    /// The log is told of what was given up, from time to time.
    pub(super) fn say_what_is_given_up(&mut self, ends: bool) {
        let (endpoint, now) = (self.endpoint(), self.app.now());
        if let Some(notice) = self.given_up.notice(endpoint, now, ends) {
            self.unwritten.notices.push(notice);
            self.touch();
        }
    }

    pub(super) fn write_interval(&self) -> Duration {
        if self.steps.is_empty() { WRITE_INTERVAL } else { BUSY_WRITE_INTERVAL }
    }

    /// Something is to be written.
    pub(super) fn touch(&mut self) {
        self.unwritten.moved = true;
        self.unwritten_since.get_or_insert_with(Instant::now);
    }

    /// Begins to write what is unwritten, if it is time.
    pub(super) fn write(&mut self) {
        let is_time = self.unwritten.done.len() >= WRITE_AT
            || self.unwritten.gone.is_some()
            || self.unwritten.failed
            || self.ends()
            || self.unwritten_since.is_some_and(|since| since.elapsed() >= self.write_interval());
        let may = self.not_before.is_none_or(|then| then <= Instant::now());
        if !is_time || !may || self.unwritten.is_empty() || !self.writing.is_empty() {
            return;
        }
        // Before its progress is looked at: the place's cursor must not pass what is about to be said.
        self.shared.kept_owes.store(false, Ordering::SeqCst);
        let progress = self.progress();
        let unwritten = std::mem::take(&mut self.unwritten);
        self.being_written = unwritten.done.len();
        self.unwritten_since = None;
        let (app, under, endpoint) = (Arc::clone(&self.app), self.under.clone(), self.endpoint());
        let workspace = self.directory.workspace();
        self.writing.spawn(async move {
            let batch = batch(&app, workspace, endpoint, &unwritten, &progress);
            let result = under.run(app.commit(batch)).await.map(|result| result.map(drop));
            Wrote { result, unwritten, progress }
        });
    }

    fn progress(&mut self) -> Progress {
        let passed = self.passed.up_to();
        let is_fed = self.shared.inbox.is_fed();
        let has_all = is_fed && self.shared.inbox.is_empty();
        if has_all {
            self.work.pass(passed);
        }
        let parked = self.work.parked().map(|(lane, parked)| ParkedLane {
            lane,
            head: parked.head.0,
            behind: parked.behind.0,
            due: parked.due,
        });
        Progress {
            endpoint: Some(self.endpoint()),
            parked: parked.collect(),
            open: self.work.open().map(|seq| seq.0).collect(),
            taken: self.work.taken().0,
            behind: !has_all,
            skipped: self.given_up.kept(),
            health: self.health.kept().clone(),
        }
    }

    pub(super) async fn wrote(&mut self, wrote: Wrote) {
        let Wrote { result, unwritten, progress } = wrote;
        self.being_written = 0;
        match result {
            Some(Ok(())) => {
                for written in &unwritten.done {
                    self.failing.remove(&Seq(written.delivery.value.seq));
                }
                self.shared.kept_owes.store(progress.owes(), Ordering::SeqCst);
                if let Some(why) = unwritten.gone {
                    self.switch_off(why).await;
                }
            }
            Some(Err(CommitError::Fenced { .. } | CommitError::Closed)) | None => {}
            Some(Err(error)) => {
                tracing::warn!("what was delivered will be written again: {}", chain(&error));
                self.not_before = Some(Instant::now() + PAUSE);
                let newer = std::mem::replace(&mut self.unwritten, unwritten);
                self.unwritten.done.extend(newer.done);
                self.unwritten.health.extend(newer.health);
                self.unwritten.notices.extend(newer.notices);
                self.unwritten.gone = self.unwritten.gone.or(newer.gone);
                self.unwritten.failed |= newer.failed;
                self.touch();
            }
        }
    }

    async fn switch_off(&mut self, why: &'static str) {
        let id = self.endpoint();
        if !switch_off(&self.app, &self.directory, &self.under, id, why).await {
            self.unwritten.gone = Some(why);
            self.not_before = Some(Instant::now() + PAUSE);
            self.touch();
        }
    }
}

/// What one write says.
fn batch(
    app: &App,
    workspace: tidings_model::WorkspaceId,
    endpoint: EndpointId,
    unwritten: &Unwritten,
    progress: &Progress,
) -> Batch {
    let mut batch = Batch::new(workspace);
    let mut page = Vec::new();
    for written in &unwritten.done {
        if written.has_own {
            let put = record::put_one(&written.delivery);
            // Of two tries of one delivery the last counts.
            batch.puts.retain(|earlier| earlier.key != put.key);
            batch.puts.push(put);
        } else {
            page.push(&written.delivery.value);
        }
    }
    for page in page.chunks(UNWRITTEN_MAX) {
        batch.puts.push(record::put_page(app.clock.next_id(), endpoint, page.to_vec()));
    }
    batch.puts.push(progress::put(endpoint, progress));
    let told = unwritten.health.iter().map(|state| {
        let data = serde_json::json!({ "endpoint": endpoint, "state": state });
        ("endpoint.health_changed", data)
    });
    let notices = unwritten.notices.iter().map(|data| (NOTICE, data.clone()));
    for (name, data) in told.chain(notices) {
        let name = name.parse().expect("a good name");
        let id = EventId::new(app.clock.next_id());
        let mut draft = Draft::new(id, name, workspace, app.now(), data);
        draft.visibility = Visibility::Agents;
        batch.events.push(draft);
    }
    // What a mail would tell of those before is over.
    let last = unwritten.health.last();
    batch.timers.extend(last.and_then(|state| mail::about(app, endpoint, *state, None)));
    batch
}
