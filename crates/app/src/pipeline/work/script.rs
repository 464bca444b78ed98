//! The work of `script`: JavaScript in the sandbox, with the clock and the chance that the order has.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tidings_behaviors::WorkFailed;
use tidings_script::{Failed, Outcome as Ran, Request};

use super::{Job, Outcome, keys};

/// How long a script may run where the step does not say; the sandbox's settings say how long it may at most.
const TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct With {
    code: String,
    #[serde(default)]
    with: Value,
    #[serde(default)]
    timeout: Option<String>,
}

/// Runs a script; what it logs comes beside.
pub(super) async fn run(job: &Job<'_>, with: &Value) -> (Outcome, Vec<String>) {
    let With { code, with, timeout } = match keys(with) {
        Ok(with) => with,
        Err(failed) => return (Err(failed), Vec::new()),
    };
    let Some(sandbox) = &job.app.settings.scripts else {
        let message = "this installation runs no scripts";
        return (Err(WorkFailed::new("not_available", message)), Vec::new());
    };
    let timeout = match timeout.as_deref().map(tidings_behaviors::parse_duration) {
        None => TIMEOUT,
        Some(Ok(length)) => Duration::try_from(length).unwrap_or(TIMEOUT),
        Some(Err(message)) => {
            return (
                Err(WorkFailed::new("wrong_value", format!("timeout: {message}"))),
                Vec::new(),
            );
        }
    };
    // The run's id is chance enough, and the same when the order is done again.
    let (high, low) = job.run.id.uuid().as_u64_pair();
    let request = Request {
        code,
        input: with,
        now_ms: job.run.moved_at.as_millisecond(),
        seed: high ^ low ^ u64::from(job.run.steps_taken),
    };
    match sandbox.run(request, timeout).await {
        Ok(Ran { value, log }) => (Ok(value), log.lines),
        Err(Failed { fault, log }) => {
            (Err(WorkFailed::new(fault.kind(), fault.to_string())), log.lines)
        }
    }
}
