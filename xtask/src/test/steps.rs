//! The steps of `cargo xtask test`, in their order: cheap ones first.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, ExitCode, Stdio};

use anyhow::Context;

use super::needs::Tools;
use crate::building;
use crate::{cluster, crash, fresh};

/// How often `cargo xtask test` kills the server.
const CRASH_ROUNDS: usize = 50;

/// How often `cargo xtask test` disturbs a cluster: by each kind once. More are run on request.
const CLUSTER_ROUNDS: usize = 12;

/// A check or a set of tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Format,
    Lints,
    Widget,
    Tests,
    DocTests,
    Freshness,
    ReleaseBuild,
    Crash,
    Cluster,
}

/// What came out of a step.
#[derive(Debug)]
pub(super) enum Outcome {
    /// It holds.
    Passed,
    /// Tests ran.
    Tested(Counts),
    /// It does not hold, or did not come to an end.
    Failed(String),
}

/// How many tests ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) passed: u64,
    pub(super) failed: u64,
}

impl Counts {
    pub(super) const fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

impl Step {
    pub(super) const ALL: [Self; 9] = [
        Self::Format,
        Self::Lints,
        Self::Widget,
        Self::Tests,
        Self::DocTests,
        Self::Freshness,
        Self::ReleaseBuild,
        Self::Crash,
        Self::Cluster,
    ];

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Format => "format",
            Self::Lints => "lints",
            Self::Widget => "widget: types, freshness, size, tests",
            Self::Tests => "tests",
            Self::DocTests => "examples in the documentation",
            Self::Freshness => "generated files are fresh",
            Self::ReleaseBuild => "release build",
            Self::Crash => "crash test",
            Self::Cluster => "cluster test",
        }
    }

    /// Whether `--quick` leaves it out.
    pub(super) const fn is_long(self) -> bool {
        matches!(self, Self::ReleaseBuild | Self::Crash | Self::Cluster)
    }

    pub(super) fn run(self, tools: &Tools) -> anyhow::Result<Outcome> {
        match self {
            Self::Format => cargo(&["fmt", "--all", "--check"]),
            Self::Lints => cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--quiet",
                "--",
                "-D",
                "warnings",
            ]),
            Self::Widget => tests("npm", &["run", "check", "--prefix", "widget"]),
            Self::Tests if tools.nextest => {
                tests("cargo", &["nextest", "run", "--workspace", "--profile", "ci"])
            }
            Self::Tests => {
                tests("cargo", &["test", "--workspace", "--all-targets", "--no-fail-fast"])
            }
            Self::DocTests => {
                tests("cargo", &["test", "--doc", "--workspace", "--no-fail-fast", "--quiet"])
            }
            Self::Freshness => verdict(fresh::run(&fresh::Options::compare())?),
            Self::ReleaseBuild => building::server(None).map(|_| Outcome::Passed),
            Self::Crash => verdict(crash::run(&crash::Options::rounds(CRASH_ROUNDS))?),
            Self::Cluster => verdict(cluster::run(&cluster::Options::all(CLUSTER_ROUNDS))?),
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the steps are written alike")]
fn verdict(code: ExitCode) -> anyhow::Result<Outcome> {
    Ok(if code == ExitCode::SUCCESS {
        Outcome::Passed
    } else {
        Outcome::Failed("see above".to_owned())
    })
}

fn cargo(arguments: &[&str]) -> anyhow::Result<Outcome> {
    let status = building::cargo().args(arguments).status().context("cannot start cargo")?;
    Ok(if status.success() { Outcome::Passed } else { Outcome::Failed("see above".to_owned()) })
}

/// Runs tests, shows what they print, and counts them by their own summary.
fn tests(program: &str, arguments: &[&str]) -> anyhow::Result<Outcome> {
    // The shell joins both streams, so that one reader sees them in order.
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$@\" 2>&1", "sh", program]).args(arguments);
    let mut child = command
        .current_dir(building::root())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let output = child.stdout.take().with_context(|| format!("{program} has no output"))?;
    let mut counts = Counts::default();
    let mut terminal = std::io::stdout().lock();
    for line in BufReader::new(output).split(b'\n') {
        let line = line.with_context(|| format!("cannot read what {program} prints"))?;
        terminal
            .write_all(&line)
            .and_then(|()| terminal.write_all(b"\n"))
            .context("cannot print")?;
        if let Some(more) = counts_in(&String::from_utf8_lossy(&line)) {
            counts.add(more);
        }
    }
    let status = child.wait().with_context(|| format!("cannot wait for {program}"))?;
    if !status.success() && counts.failed == 0 {
        return Ok(Outcome::Failed("the tests did not run to their end, see above".to_owned()));
    }
    Ok(Outcome::Tested(counts))
}

/// The counts in a line of summary, of nextest (`Summary [ 1.2s] 3 tests run: 2 passed, 1 failed`), of Rust's own test
/// runner (`test result: ok. 2 passed; 1 failed; ...`), or of Node's, which has a line for each (`ℹ pass 2`).
fn counts_in(line: &str) -> Option<Counts> {
    let line = line.trim_start();
    if let Some(count) = line.strip_prefix("ℹ pass ") {
        return Some(Counts { passed: count.trim().parse().ok()?, failed: 0 });
    }
    if let Some(count) = line.strip_prefix("ℹ fail ") {
        return Some(Counts { passed: 0, failed: count.trim().parse().ok()? });
    }
    let counts = match (line.strip_prefix("Summary ["), line.strip_prefix("test result: ")) {
        (Some(nextest), _) => nextest.split_once(" run: ")?.1,
        (None, Some(own)) => own.split_once(". ")?.1,
        (None, None) => return None,
    };
    let of = |word: &str| {
        counts.split([',', ';', '(', ')']).find_map(|part| {
            let (number, rest) = part.trim().split_once(' ')?;
            rest.starts_with(word).then(|| number.parse().ok())?
        })
    };
    let failed = of("failed").unwrap_or(0) + of("timed out").unwrap_or(0);
    Some(Counts { passed: of("passed").unwrap_or(0), failed })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_are_counted() {
        let counts = |passed, failed| Some(Counts { passed, failed });
        assert_eq!(
            counts_in("     Summary [   0.018s] 2 tests run: 2 passed, 0 skipped"),
            counts(2, 0)
        );
        assert_eq!(
            counts_in(
                "     Summary [   9s] 7 tests run: 4 passed (1 slow), 2 failed, 1 timed out, 3 skipped"
            ),
            counts(4, 3)
        );
        assert_eq!(
            counts_in(
                "test result: FAILED. 3 passed; 1 failed; 0 ignored; 0 measured; 2 filtered out"
            ),
            counts(3, 1)
        );
        assert_eq!(counts_in("test result: ok. 5 passed; 0 failed; 0 ignored"), counts(5, 0));
        assert_eq!(counts_in("ℹ pass 52"), counts(52, 0));
        assert_eq!(counts_in("ℹ fail 1"), counts(0, 1));
        assert_eq!(counts_in("ℹ duration_ms 4451.2"), None);
        assert_eq!(counts_in("test summary ... ok"), None);
    }
}
