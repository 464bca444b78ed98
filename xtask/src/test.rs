//! `cargo xtask test`: the one command that runs every check and test, on a desk and in CI.
//!
//! It installs what the tests need where it may ([`needs`]), runs the steps one after another ([`steps`]), goes on after
//! a failure so that one run tells everything, and ends with a table and one line of counts. Safe to run again.

mod needs;
mod steps;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use steps::{Counts, Outcome, Step};

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// Leave out the release build, the crash test and the cluster test.
    #[arg(long)]
    quick: bool,
}

/// One row of the table at the end.
struct Row {
    title: &'static str,
    outcome: Outcome,
    took: Duration,
}

/// Runs everything and says what came out.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    heading("what the tests need");
    let began = Instant::now();
    let tools = needs::provide();
    let mut rows =
        vec![Row { title: "what the tests need", outcome: tools.outcome(), took: began.elapsed() }];
    for step in Step::ALL {
        if options.quick && step.is_long() {
            continue;
        }
        heading(step.title());
        let began = Instant::now();
        let outcome =
            step.run(&tools).unwrap_or_else(|error| Outcome::Failed(format!("{error:#}")));
        rows.push(Row { title: step.title(), outcome, took: began.elapsed() });
    }
    Ok(summary(&rows))
}

fn heading(title: &str) {
    println!("\n=== {title} ===");
}

fn summary(rows: &[Row]) -> ExitCode {
    heading("summary");
    let mut counts = Counts::default();
    let mut failed = false;
    for Row { title, outcome, took } in rows {
        let (verdict, note) = match outcome {
            Outcome::Passed => ("ok", ""),
            Outcome::Tested(tests) => {
                counts.add(*tests);
                (if tests.failed == 0 { "ok" } else { "FAILED" }, "")
            }
            Outcome::Failed(why) => ("FAILED", why.as_str()),
        };
        failed |= verdict == "FAILED";
        println!("{title:<34}{verdict:<10}{:>7.1} s  {note}", took.as_secs_f64());
    }
    println!("\n{} passed, {} failed", counts.passed, counts.failed);
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
