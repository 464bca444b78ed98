//! Chores of the project, as `cargo xtask CHORE`: all tests, the crash test, the cluster test, the benchmark, freshness of generated files.
//!
//! A chore tells what it does on the terminal, and its exit code is the verdict. Nothing here is part of the product.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a chore speaks to the one who started it"
)]

mod bench;
mod building;
mod cluster;
mod crash;
mod dice;
mod figures;
mod fresh;
mod http;
mod installation;
mod outside;
mod process;
mod test;
mod websocket;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Chores of Tidings")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Run every check and test; install what they need where that is allowed.
    Test(test::Options),
    /// Kill the server at random moments under load, and check from outside that nothing was lost, doubled or reordered.
    Crash(crash::Options),
    /// Disturb three nodes with one PostgreSQL and one NATS under load, and check the same from outside.
    Cluster(cluster::Options),
    /// Measure throughput, latency, memory and start-up beside their ceilings, in one run.
    Bench(bench::Options),
    /// Compare generated files with what the code says now.
    Fresh(fresh::Options),
    /// A part of the benchmark that runs as a process of its own.
    #[command(hide = true, subcommand)]
    BenchPart(bench::Part),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().chore {
        Chore::Test(options) => test::run(&options),
        Chore::Crash(options) => crash::run(&options),
        Chore::Cluster(options) => cluster::run(&options),
        Chore::Bench(options) => bench::run(&options),
        Chore::Fresh(options) => fresh::run(&options),
        Chore::BenchPart(part) => bench::run_part(&part).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
