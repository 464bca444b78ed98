//! The crash test: kills the server at random moments under load, and judges it by what can be seen from outside.
//!
//! After every kill (or power cut) the server starts again on the same folder. Who loads it and how it is judged is in
//! [`crate::outside`]; [`power`] is the power cut.

mod power;

use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use tidings_services::Signal;

use crate::building;
use crate::dice::Dice;
use crate::figures::{Times, milliseconds};
use crate::installation::{Installation, Running};
use crate::outside::checker::check_repeats;
use crate::outside::fault::Column;
use crate::outside::{self, Judgement, Load};
use power::Disk;

/// How many visitors write side by side.
const VISITORS: usize = 8;

/// The shortest life of a server between its readiness and its end.
const LIFE_LEAST: Duration = Duration::from_millis(20);

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// How often the server dies.
    #[arg(long, default_value_t = 50)]
    rounds: usize,
    /// The longest time between readiness and death, in seconds.
    #[arg(long, default_value_t = 1.0)]
    seconds_per_round: f64,
    /// Cut the power instead of killing: what is not on the disk is lost. Needs root and loop devices.
    #[arg(long)]
    power_cut: bool,
    /// How the store syncs. With `normal` and a power cut this is the control: it must lose something.
    #[arg(long, default_value = "full", value_parser = ["full", "normal"])]
    synchronous: String,
    /// Use this binary instead of building one.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Repeats the random moments of an earlier run.
    #[arg(long)]
    seed: Option<u64>,
}

impl Options {
    /// The options of `cargo xtask test`.
    pub(crate) fn rounds(rounds: usize) -> Self {
        let synchronous = "full".to_owned();
        Self {
            rounds,
            seconds_per_round: 1.0,
            power_cut: false,
            synchronous,
            server: None,
            seed: None,
        }
    }

    /// Whether this run shows that the test can see a loss.
    fn is_control(&self) -> bool {
        self.power_cut && self.synchronous == "normal"
    }
}

/// Runs the test and prints what it found.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let outcome = runtime.block_on(Box::pin(play(options)))?;
    print(options, &outcome);
    let lost = outcome.judgement.count(Column::Lost) > 0;
    let good = if options.is_control() { lost } else { outcome.judgement.faults.is_empty() };
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a run gave.
struct Outcome {
    seed: u64,
    judgement: Judgement,
    restarts: Times,
}

async fn play(options: &Options) -> anyhow::Result<Outcome> {
    let seed = options.seed.unwrap_or_else(Dice::any_seed);
    let mut dice = Dice::new(seed);
    let binary = building::server(options.server.as_deref())?;
    let folder = building::scratch("crash-")?;
    let mut installation = Installation::new(&binary, folder.path())?;
    installation.set("TIDINGS__STORAGE__SYNCHRONOUS", &options.synchronous);
    let mut disk = if options.power_cut { Some(Disk::make(folder.path())?) } else { None };
    if let Some(disk) = &disk {
        installation.move_data(&disk.folder().join("data"));
    }
    outside::prepare(&mut installation)?;
    let installation = Arc::new(installation);

    let mut running = installation.start().await?;
    // What was set up is no part of the test: endpoint and chats shall be on the disk before the first cut.
    let mut load = Load::start(&installation, VISITORS, outside::PAUSE_BUSY, &mut dice).await?;
    sync_all_disks()?;
    let longest = Duration::from_secs_f64(options.seconds_per_round).max(LIFE_LEAST);
    let mut restarts = Vec::new();
    for round in 0..options.rounds {
        tokio::time::sleep(dice.between(LIFE_LEAST, longest)).await;
        load.check().with_context(|| format!("in round {}", round + 1))?;
        disk = die(running, disk, round).await?;
        running =
            installation.start().await.with_context(|| format!("after death {}", round + 1))?;
        restarts.push(running.ready_after);
    }
    load.hush().await?;
    let mut judgement = load.judge(!options.is_control()).await?;
    judgement.faults.extend(check_repeats(&judgement.history, options.rounds));
    running.stop().await?;
    Ok(Outcome { seed, judgement, restarts: Times::new(restarts) })
}

/// Ends the server: by a kill, or with the disk as a power cut leaves it.
async fn die(running: Running, disk: Option<Disk>, round: usize) -> anyhow::Result<Option<Disk>> {
    let Some(disk) = disk else {
        running.kill()?;
        return Ok(None);
    };
    Signal::Stop.send(running.pid())?;
    let copy = disk.folder().with_file_name(format!("disk-{}.img", round + 1));
    // Copying takes a while; the writers wait in other tasks.
    let disk = tokio::task::spawn_blocking(move || {
        disk.copy(&copy)?;
        running.kill()?;
        disk.replace_by(copy)
    });
    Ok(Some(disk.await.context("the power cut broke")??))
}

fn sync_all_disks() -> anyhow::Result<()> {
    let status = Command::new("sync").status().context("cannot run `sync`")?;
    ensure!(status.success(), "`sync` failed");
    Ok(())
}

fn print(options: &Options, outcome: &Outcome) {
    let Outcome { seed, judgement, restarts } = outcome;
    let way = if options.power_cut { "power cuts" } else { "kills" };
    println!("{:<22}{seed}", "seed");
    println!("{:<22}{} (synchronous = {})", way, options.rounds, options.synchronous);
    judgement.print_counts();
    let (p50, max) = (restarts.percentile(50), restarts.max());
    println!("{:<22}p50 {:.0} ms, max {:.0} ms", "restart", milliseconds(p50), milliseconds(max));
    judgement.print_faults();
    if options.is_control() {
        match judgement.count(Column::Lost) {
            0 => println!("\nThe control lost nothing: this test would not see a loss either."),
            lost => println!("\nThe control lost {lost}, as it must: this test sees a loss."),
        }
    }
}
