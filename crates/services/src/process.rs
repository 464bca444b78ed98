//! A server's process: found, started, watched, stopped.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

/// How long a server may take until it is ready.
pub(crate) const READY_WITHIN: Duration = Duration::from_secs(60);

/// How long a server may take to end after it was asked to.
const END_WITHIN: Duration = Duration::from_secs(30);

/// How often it is looked whether something has happened.
pub(crate) const POLL: Duration = Duration::from_millis(10);

/// Waits for its input to end, which happens when the process that holds it is gone; then stops what it watches and removes
/// its folder. A line of input says that there is nothing to watch any more.
const WATCHDOG: &str =
    r#"read -r line && exit 0; kill "-$2" "$1"; sleep 1; kill -KILL "$1"; rm -rf "$3""#;

/// What can be said to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// Stop in its tracks; it cannot refuse.
    Stop,
    /// Go on after `Stop`.
    Continue,
    /// End; it cannot refuse.
    Kill,
    /// End politely.
    Terminate,
    /// End without waiting for anybody: the fast shutdown of PostgreSQL.
    Interrupt,
    /// End at once and recover at the next start: the immediate shutdown of PostgreSQL.
    Quit,
}

impl Signal {
    const fn name(self) -> &'static str {
        match self {
            Self::Stop => "STOP",
            Self::Continue => "CONT",
            Self::Kill => "KILL",
            Self::Terminate => "TERM",
            Self::Interrupt => "INT",
            Self::Quit => "QUIT",
        }
    }

    /// Says it to a process.
    ///
    /// # Errors
    /// When there is no such process.
    pub fn send(self, pid: u32) -> anyhow::Result<()> {
        let signal = format!("-{}", self.name());
        let status = Command::new("kill").args([&signal, &pid.to_string()]).status();
        let status = status.context("cannot run `kill`")?;
        ensure!(status.success(), "`kill {signal} {pid}` failed");
        Ok(())
    }
}

/// A process that runs. When it is dropped, it is killed.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    /// Told when the process has ended. Closing it unsaid makes the watchdog bite.
    watchdog: Option<(Child, ChildStdin)>,
}

impl Process {
    /// Starts a program that writes into a folder; what it prints goes into `server.log` there. The watchdog ends it with
    /// `last`, and removes the folder.
    pub(crate) fn start(
        mut command: Command,
        package: &str,
        folder: &Path,
        last: Signal,
    ) -> anyhow::Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let log = folder.join("server.log");
        let output = File::options().create(true).append(true).open(&log);
        let output = output.with_context(|| format!("cannot open {}", log.display()))?;
        let errors = output.try_clone().context("cannot share a log")?;
        let started = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
        let child = started.with_context(|| missing(&name, package))?;
        let mut process = Self { name, child, log, watchdog: None };
        // In a group of its own, so that what ends our group lets it do its work.
        let mut watchdog = Command::new("sh")
            .args(["-c", WATCHDOG, "sh", &process.pid().to_string(), last.name()])
            .arg(folder)
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start a watchdog")?;
        process.watchdog = watchdog.stdin.take().map(|input| (watchdog, input));
        Ok(process)
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Fails with the end of its log if it has ended.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait().context("cannot look after a process")? {
            bail!("{} ended ({status}); its log ends with:\n{}", self.name, self.end_of_log());
        }
        Ok(())
    }

    /// Waits until something is true of it.
    pub(crate) async fn ready(&mut self, is_ready: impl AsyncFn() -> bool) -> anyhow::Result<()> {
        let began = Instant::now();
        while !is_ready().await {
            self.check()?;
            let late = began.elapsed() > READY_WITHIN;
            ensure!(!late, "{} is not ready in time:\n{}", self.name, self.end_of_log());
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Ends it, and waits until it has ended.
    pub(crate) async fn end(mut self, signal: Signal) -> anyhow::Result<()> {
        if self.child.try_wait().context("cannot look after a process")?.is_none() {
            signal.send(self.pid())?;
        }
        let began = Instant::now();
        while self.child.try_wait().context("cannot look after a process")?.is_none() {
            ensure!(began.elapsed() < END_WITHIN, "{} does not end when asked to", self.name);
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    fn end_of_log(&self) -> String {
        const LINES: usize = 20;
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already: then there is nobody to kill, and nothing to tell.
        drop(self.child.kill());
        drop(self.child.wait());
        if let Some((mut watchdog, mut input)) = self.watchdog.take() {
            drop(input.write_all(b"done\n"));
            drop(input);
            drop(watchdog.wait());
        }
    }
}

/// Whether this process is the superuser, whom some servers refuse to serve.
pub(crate) fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// A program, run by an ordinary user when we are the superuser.
pub(crate) fn unprivileged(program: &Path, user: Option<&str>) -> Command {
    let Some(user) = user else { return Command::new(program) };
    let mut command = Command::new("setpriv");
    command.args(["--reuid", user, "--regid", user, "--clear-groups", "--"]).arg(program);
    command
}

/// Runs a command to its end and gives what it printed.
pub(crate) async fn output(command: Command, package: &str) -> anyhow::Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let arguments: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    let call = format!("{name} {}", arguments.join(" "));
    let mut command = tokio::process::Command::from(command);
    let output = command.stdin(Stdio::null()).kill_on_drop(true).output().await;
    let output = output.with_context(|| missing(&name, package))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "`{call}` failed: {}", errors.trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// What to do about a program that cannot be started.
fn missing(program: &str, package: &str) -> String {
    format!("cannot start {program}; install it: {package}")
}
