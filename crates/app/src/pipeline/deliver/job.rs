//! Jobs over the log of deliveries: to recover what failed, and to replay a range of the log to an endpoint.
//!
//! ```text
//! api ─► asked ─► document + timer ─► ring ─► step ─► pick ─► send ─► note ─► commit
//!                                      ▲                              │
//!                                      └────── again, or later ◄──────┘
//! ```
//!
//! A job is a document and a timer in the share of its endpoint, so it goes on after a restart, and at another node when
//! its own dies. Each step sends [`step::STEP_MAX`] deliveries at most and writes with one commit what became of them and
//! how far the job is: so many are sent again, with the same ids, when the process is killed. Within a chat it sends in
//! order. It goes through the gate of the endpoint's reader ([`super::gate`]), which comes first and measures what the
//! receiver bears.

pub mod asked;
pub mod document;
mod note;
mod pick;
mod register;
mod send;
mod step;

use std::sync::Arc;
use std::time::{Duration, Instant};

use tidings_store::{Batch, Timer, TimerChange};

use self::document::Job;
use self::step::{Next, step};
use crate::directory::Directory;
use crate::nodes::hold;
use crate::pipeline::reader::StepFailed;
use crate::{App, known};

/// The first word of the names of jobs' timers.
pub(crate) const TIMER: &str = "job";

/// For how long a job goes on before other timers get their turn.
const TURN_MAX: Duration = Duration::from_secs(1);

/// Goes on with a job. What makes a second call harmless: what was done is in the document, and what was not written is
/// sent again with the same ids.
pub(crate) async fn ring(
    app: &Arc<App>,
    directory: &Arc<Directory>,
    timer: &Timer,
) -> Result<(), StepFailed> {
    let workspace = directory.workspace();
    let began = Instant::now();
    loop {
        let found = match document::of_timer(&timer.name) {
            Some(id) => document::find(app, workspace, id).await?,
            None => None,
        };
        let Some(job) = found.filter(|job| job.value.is_running()) else {
            let mut batch = Batch::new(workspace);
            batch.timers.push(TimerChange::Cancel { name: timer.name.clone() });
            app.commit(batch).await?;
            return Ok(());
        };
        let endpoint = job.value.endpoint;
        known::seek(app, workspace, |directory| directory.subscriber(endpoint).is_some()).await?;
        hold::may_go_out()?;
        match step(app, directory, job).await? {
            Next::Now if began.elapsed() < TURN_MAX => {}
            Next::Now | Next::Later => return Ok(()),
        }
    }
}

/// The timer of a job is found by its share, which is its endpoint's.
fn timer_of(job: &Job) -> tidings_store::TimerName {
    tidings_store::TimerName(format!("{TIMER}:{}:{}", job.id, job.endpoint))
}
