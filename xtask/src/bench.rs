//! The benchmark: what the server reaches, beside what the machine could give, in one run.
//!
//! Absolute figures drift with the machine and with whoever shares it, so every figure is taken several times, in turns
//! with its ceilings, and told as a median with its range; the aims are ratios wherever they can be. The method is in
//! `docs/performance.md`. In reading order: [`measure`] (what is measured, in which turns), [`site`] (a server with
//! bots, chats and endpoints), [`accept`], [`talk`], [`ceilings`], [`footprint`], [`rtm`] (the Chat API), [`nodes`]
//! (many nodes on PostgreSQL), [`deliver`] (webhooks) and [`language`] (of bots, each a run of its own), [`book`] (figures),
//! [`aims`].

mod accept;
mod aims;
mod book;
mod ceilings;
mod deliver;
mod footprint;
mod language;
mod measure;
mod nodes;
mod report;
mod rtm;
mod site;
mod talk;

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::Context;

use crate::building;

#[derive(clap::Args, Debug, Clone)]
pub(crate) struct Options {
    /// Write the figures to this file as well, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Short windows and few turns: shows that the benchmark runs, its figures mean little.
    #[arg(long)]
    quick: bool,
    /// Measure the Chat API, its open connections and its lists, and nothing else.
    #[arg(long)]
    rtm: bool,
    /// Measure many nodes on PostgreSQL and NATS, and nothing else.
    #[arg(long, conflicts_with = "rtm")]
    nodes: bool,
    /// Measure webhooks, and nothing else.
    #[arg(long, conflicts_with_all = ["rtm", "nodes"])]
    deliver: bool,
    /// Measure the language of bots, and nothing else.
    #[arg(long, conflicts_with_all = ["rtm", "nodes", "deliver"])]
    language: bool,
    /// Use this binary instead of building one.
    #[arg(long)]
    server: Option<PathBuf>,
}

/// What runs as a process of its own, so that its CPU time is its own.
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Part {
    /// The measuring process itself: the load generator must be a release build.
    Measure(Options),
    /// The web framework with no work behind it.
    Http(ceilings::HttpPart),
    /// The store's writer with no HTTP before it.
    Store(ceilings::StorePart),
    /// A bare broadcast over the web framework's WebSocket.
    Broadcast,
    /// A receiver of webhooks.
    Receiver,
    /// The server's HTTP client with no server around it.
    Posting(deliver::PostingPart),
    /// Fills a data folder with events.
    Fill(footprint::FillPart),
    /// Fills a data folder with chats.
    Million(rtm::MillionPart),
    /// Fills a data folder with runs and timers that wait.
    Waiting(language::WaitingPart),
}

/// Builds the server and this program as they are shipped, and measures.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    // One after another, so that the server is built with its own features only.
    let server = building::server(options.server.as_deref())?;
    let this = building::build("xtask", "xtask")?;
    let mut measure = Command::new(this);
    measure.args(["bench-part", "measure", "--server"]).arg(server);
    if let Some(json) = &options.json {
        measure.arg("--json").arg(json);
    }
    if options.quick {
        measure.arg("--quick");
    }
    if options.rtm {
        measure.arg("--rtm");
    }
    if options.nodes {
        measure.arg("--nodes");
    }
    if options.deliver {
        measure.arg("--deliver");
    }
    if options.language {
        measure.arg("--language");
    }
    let status = measure.status().context("cannot start the measuring process")?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs one part.
pub(crate) fn run_part(part: &Part) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(async {
        match part {
            Part::Measure(options) if options.rtm => Box::pin(rtm::run(options)).await,
            Part::Measure(options) if options.nodes => Box::pin(nodes::run(options)).await,
            Part::Measure(options) if options.deliver => Box::pin(deliver::run(options)).await,
            Part::Measure(options) if options.language => Box::pin(language::run(options)).await,
            Part::Receiver => deliver::run_receiver().await,
            Part::Posting(part) => deliver::run_posting(part).await,
            Part::Broadcast => rtm::run_broadcast().await,
            Part::Measure(options) => Box::pin(measure::run(options)).await,
            Part::Http(part) => ceilings::run_http(part).await,
            Part::Store(part) => Box::pin(ceilings::run_store(part)).await,
            Part::Fill(part) => Box::pin(footprint::fill(part)).await,
            Part::Million(part) => Box::pin(rtm::make(part)).await,
            Part::Waiting(part) => Box::pin(language::make(part)).await,
        }
    })
}
