//! One child, as its parent sees it. It is ended in two ways, both for good: [`Process::end`] kills it and waits until it is
//! gone; where nobody comes to that, dropping it kills it, and tokio waits for it in the background. So none is left over,
//! neither at work nor as a zombie.

use std::io::{self, ErrorKind};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;

use crate::pipe::{self, Answer, Ask, GREETING_BYTES_MAX, Ready, Start};
use crate::request::Fault;
use crate::sandbox::Settings;

/// How long a child may take until it is ready. A start takes milliseconds; this is for machines out of breath.
const START_TIME_MAX: Duration = Duration::from_secs(10);

/// How much longer than a script a child may take to say that its time was over, before it is killed. What it says holds
/// what was logged.
const LAST_WORDS_TIME_MAX: Duration = Duration::from_millis(250);

/// How many scripts a child runs before a new one takes its place, so that memory in pieces does not last.
const SCRIPTS_MAX: u32 = 10_000;

/// The environment of a child: no time zone of the machine's, and what makes glibc keep no memory apart for each thread and
/// give back what a script has used.
const ENVIRONMENT: &[(&str, &str)] =
    &[("TZ", "UTC0"), ("MALLOC_ARENA_MAX", "1"), ("MALLOC_TRIM_THRESHOLD_", "262144")];

/// A child that is ready for a script.
pub(crate) struct Process {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    answer_bytes_max: usize,
    scripts: u32,
}

impl Process {
    /// Starts a child and waits until its walls are up.
    pub(crate) async fn start(settings: &Settings) -> Result<Self, Fault> {
        let start = settings.start();
        let mut command = Command::new(&settings.program);
        command
            .args(&settings.arguments)
            .env_clear()
            .envs(ENVIRONMENT.iter().copied())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        // Who ends the server at its terminal does not mean us: scripts that run may finish while it winds up.
        #[cfg(unix)]
        command.process_group(0);
        let mut child = command.spawn().map_err(broke("it cannot be started"))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Fault::broke("it has no pipes"));
        };
        let mut process = Self {
            child,
            input,
            output: BufReader::new(output),
            answer_bytes_max: start.answer_bytes_max(),
            scripts: 0,
        };
        match timeout(START_TIME_MAX, process.greet(&start)).await {
            Ok(Ok(Ready { fault: None })) => Ok(process),
            Ok(Ok(Ready { fault: Some(fault) })) => {
                process.gone().await;
                Err(Fault::broke(fault))
            }
            Ok(Err(error)) => Err(process.end("it did not begin", &error).await),
            Err(_) => {
                process.gone().await;
                Err(Fault::broke("it took too long to begin"))
            }
        }
    }

    async fn greet(&mut self, start: &Start) -> io::Result<Ready> {
        self.input.write_all(&pipe::frame(start)?).await?;
        let ready = pipe::receive(&mut self.output, GREETING_BYTES_MAX).await?;
        Ok(serde_json::from_slice(&ready)?)
    }

    /// Runs a script in it. The child is kept by who calls if it is given back.
    pub(crate) async fn run(mut self, ask: &Ask) -> Result<(Answer, Option<Self>), Fault> {
        let time_max = Duration::from_millis(ask.time_max_ms) + LAST_WORDS_TIME_MAX;
        match timeout(time_max, self.ask(ask)).await {
            Ok(Ok(answer)) => {
                self.scripts += 1;
                if answer.ended.ends_child() || self.scripts >= SCRIPTS_MAX {
                    self.gone().await;
                    return Ok((answer, None));
                }
                Ok((answer, Some(self)))
            }
            Ok(Err(error)) => Err(self.end("it did not answer", &error).await),
            Err(_) => {
                self.gone().await;
                Err(Fault::TimedOut)
            }
        }
    }

    async fn ask(&mut self, ask: &Ask) -> io::Result<Answer> {
        self.input.write_all(&pipe::frame(ask)?).await?;
        let answer = pipe::receive(&mut self.output, self.answer_bytes_max).await?;
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Kills it, waits until it is gone, and says what was wrong with it.
    async fn end(self, what: &str, error: &io::Error) -> Fault {
        let ended = matches!(error.kind(), ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe);
        let status = self.gone().await;
        // Which pipe breaks first says nothing.
        Fault::broke(if ended { format!("{what} ({status})") } else { format!("{what}: {error}") })
    }

    /// Kills it, and says how it went, which may have been before.
    async fn gone(mut self) -> String {
        // It may be gone already; then this fails, and waiting tells how it went.
        drop(self.child.start_kill());
        match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        }
    }
}

fn broke(what: &'static str) -> impl Fn(io::Error) -> Fault {
    move |error| Fault::broke(format!("{what}: {error}"))
}
