//! The front door: scripts in, outcomes out, with a few warm children behind it. A clone is the same sandbox.
//!
//! Each script has a child to itself. One that answered waits for the next script; one that was killed, or broke, is
//! replaced by a new one when that is needed. A script whose caller goes away is killed. Nothing is kept of a script, so it
//! may be run again at will.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use serde_json::value::to_raw_value;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::pipe::{Answer, Ask, Ended, Start};
use crate::process::Process;
use crate::request::{Failed, Fault, Outcome, Request};

/// How a sandbox works.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The program whose main calls [`crate::child`]. On Linux `/proc/self/exe` is the one that runs, even when another
    /// version has taken its place on disk.
    pub program: PathBuf,
    /// What makes it call that.
    pub arguments: Vec<OsString>,
    /// The most children, so the most scripts at once.
    pub processes_max: usize,
    /// The most scripts that wait for a child.
    pub waiting_max: usize,
    /// The longest that a script waits for a child.
    pub wait_max: Duration,
    /// The longest that a script may run, whatever [`Sandbox::run`] is told.
    pub time_max: Duration,
    /// The most memory that a script may have, its code and input included. The process has some of its own beside.
    pub memory_bytes_max: usize,
    /// The most bytes of code.
    pub code_bytes_max: usize,
    /// The most bytes of an input, as JSON.
    pub input_bytes_max: usize,
    /// The most bytes of a value, as JSON.
    pub output_bytes_max: usize,
}

impl Settings {
    /// What suits bots, with a child that is started so.
    pub fn new(program: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        Self {
            program: program.into(),
            arguments: arguments.iter().map(OsString::from).collect(),
            // Scripts are short; more at once than this take the processors from everything else.
            processes_max: 2,
            waiting_max: 256,
            wait_max: Duration::from_secs(10),
            time_max: Duration::from_secs(1),
            memory_bytes_max: 32 << 20,
            code_bytes_max: 128 << 10,
            // An event with its facts has some ten kilobytes.
            input_bytes_max: 1 << 20,
            output_bytes_max: 256 << 10,
        }
    }

    pub(crate) const fn start(&self) -> Start {
        Start {
            memory_bytes_max: self.memory_bytes_max,
            code_bytes_max: self.code_bytes_max,
            input_bytes_max: self.input_bytes_max,
            output_bytes_max: self.output_bytes_max,
        }
    }
}

/// Runs scripts in children. Children are started when they are needed, and end with the last clone.
#[derive(Clone)]
pub struct Sandbox(Arc<Inside>);

struct Inside {
    settings: Settings,
    /// A permit for each child that may be.
    places: Semaphore,
    /// A permit for each script that runs or waits.
    crowd: Semaphore,
    /// Children that wait for a script; never more than there are places.
    warm: Mutex<Vec<Process>>,
}

impl Sandbox {
    /// A sandbox without children yet.
    pub fn new(settings: Settings) -> Self {
        let places = settings.processes_max.max(1);
        Self(Arc::new(Inside {
            places: Semaphore::new(places),
            crowd: Semaphore::new(places.saturating_add(settings.waiting_max)),
            warm: Mutex::default(),
            settings,
        }))
    }

    /// Runs a script, which ends or is killed within this time; waiting for a child comes before it, and so does a child
    /// that broke.
    ///
    /// # Errors
    /// When there is no value. Only [`Fault::Busy`] and [`Fault::SandboxBroke`] may end otherwise when it is tried again, and
    /// [`Fault::TimedOut`] on a machine with more time.
    pub async fn run(&self, request: Request, time_max: Duration) -> Result<Outcome, Failed> {
        let ask = self.ask(request, time_max)?;
        let _in_the_crowd = self.0.crowd.try_acquire().map_err(|_| Fault::Busy)?;
        let place = timeout(self.0.settings.wait_max, self.0.places.acquire()).await;
        // The semaphores are never closed.
        let Ok(Ok(_place)) = place else { return Err(Fault::Busy.into()) };
        let (answer, process) = self.answer(&ask).await?;
        if let Some(process) = process {
            self.0.warm.lock().unwrap_or_else(PoisonError::into_inner).push(process);
        }
        let value = match answer.ended {
            Ended::Value(value) => serde_json::from_str::<Value>(value.get())
                .map_err(|error| Fault::NotJson { message: not_for_us(&error).to_owned() }),
            Ended::Fault(fault) => Err(fault),
        };
        match value {
            Ok(value) => Ok(Outcome { value, log: answer.log }),
            Err(fault) => Err(Failed { fault, log: answer.log }),
        }
    }

    /// What is asked of a child, if it is not too much.
    fn ask(&self, request: Request, time_max: Duration) -> Result<Ask, Fault> {
        let Settings { code_bytes_max, input_bytes_max, .. } = self.0.settings;
        if request.code.len() > code_bytes_max {
            return Err(Fault::CodeTooBig { bytes_max: code_bytes_max });
        }
        let input =
            to_raw_value(&request.input).map_err(|error| Fault::broke(error.to_string()))?;
        if input.get().len() > input_bytes_max {
            return Err(Fault::InputTooBig { bytes_max: input_bytes_max });
        }
        let time_max = time_max.min(self.0.settings.time_max);
        Ok(Ask {
            code: request.code,
            input,
            now_ms: request.now_ms,
            seed: request.seed,
            time_max_ms: u64::try_from(time_max.as_millis()).unwrap_or(u64::MAX).max(1),
        })
    }

    /// Asks a child, and tells whether it may be asked again.
    async fn answer(&self, ask: &Ask) -> Result<(Answer, Option<Process>), Fault> {
        // The last one that worked: the others may be swapped out.
        let warm = self.0.warm.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(process) = warm {
            match process.run(ask).await {
                // It may have died while it waited: the system kills for memory. A script does nothing outside, so it may
                // begin anew. It does so once, as it may be what breaks children.
                Err(Fault::SandboxBroke { .. }) => {}
                answered => return answered,
            }
        }
        Process::start(&self.0.settings).await?.run(ask).await
    }
}

/// What is JSON for the engine and not for us. It says no more than this: the child may have been broken into.
fn not_for_us(error: &serde_json::Error) -> &'static str {
    if error.to_string().starts_with("recursion limit") {
        "it is nested too deeply"
    } else {
        "a text in it is no Unicode (half a surrogate pair)"
    }
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox").field("settings", &self.0.settings).finish_non_exhaustive()
    }
}
