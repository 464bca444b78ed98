//! The cluster test: three nodes with one PostgreSQL and one NATS under load; they are killed, frozen and cut off, and judged
//! by what can be seen from outside.
//!
//! Who loads them and how they are judged is in [`crate::outside`], as for the crash test. In reading order: [`site`] (the
//! nodes, the servers, and the ways between them), [`disturbance`], [`takeover`] (how long work stood still).

mod disturbance;
mod site;
mod takeover;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, ensure};
use jiff::Timestamp;

use crate::building;
use crate::dice::Dice;
use crate::figures::{Times, milliseconds};
use crate::http::Client;
use crate::outside::fault::Fault;
use crate::outside::{self, Judgement, Load};
use disturbance::{Disturbance, Kind};
use site::Site;
use takeover::Blow;
pub(crate) use takeover::Takeovers;

/// How many nodes there are.
const NODES: usize = 3;

/// How many visitors write side by side: enough that each node works for some of them.
const VISITORS: usize = 16;

/// The longest time between two disturbances.
const CALM_MOST: Duration = Duration::from_millis(1_500);

/// How long after a kill nothing else happens, so that only the kill can have held up what stood still.
const AFTER_A_KILL: Duration = Duration::from_secs(7);

/// One in so many disturbances has another one beside it.
const TWO_AT_ONCE_ONE_IN: u64 = 3;

#[derive(clap::Args, Debug)]
pub(crate) struct Options {
    /// How often something is disturbed.
    #[arg(long, default_value_t = 24)]
    rounds: usize,
    /// Disturb by this only; may be given several times.
    #[arg(long, value_enum)]
    only: Vec<Kind>,
    /// Use this binary instead of building one.
    #[arg(long)]
    server: Option<PathBuf>,
    /// Repeats the disturbances of an earlier run.
    #[arg(long)]
    seed: Option<u64>,
    /// Keep what the nodes and servers wrote.
    #[arg(long)]
    keep: bool,
}

impl Options {
    /// So many kills, and nothing else.
    fn kills(rounds: usize) -> Self {
        Self { rounds, only: vec![Kind::Kill], server: None, seed: None, keep: false }
    }
}

/// Runs the test and prints what it found.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let seed = options.seed.unwrap_or_else(Dice::any_seed);
    println!("{:<22}{seed}", "seed");
    let outcome = runtime.block_on(Box::pin(play(options, seed)))?;
    print(options, &outcome);
    let good = outcome.judgement.faults.is_empty();
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Kills nodes, and gives how long work stood still. A broken promise is an error.
pub(crate) async fn kill(server: &Path, kills: usize) -> anyhow::Result<Takeovers> {
    let options = Options { server: Some(server.to_owned()), ..Options::kills(kills) };
    let outcome = Box::pin(play(&options, Dice::any_seed())).await?;
    outcome.judgement.print_faults();
    ensure!(outcome.judgement.faults.is_empty(), "promises were broken");
    Ok(takeover::takeovers(&outcome.judgement.history.log, &outcome.blows))
}

/// What a run gave.
struct Outcome {
    judgement: Judgement,
    blows: Vec<Blow>,
    restarts: Times,
}

async fn play(options: &Options, seed: u64) -> anyhow::Result<Outcome> {
    let mut dice = Dice::new(seed);
    let binary = building::server(options.server.as_deref())?;
    let mut folder = building::scratch("cluster-")?;
    folder.disable_cleanup(options.keep);
    if options.keep {
        println!("{:<22}{}", "folder", folder.path().display());
    }
    let mut site = Site::start(&binary, folder.path(), NODES).await?;
    let mut load = Load::start(site.installation(), VISITORS, &mut dice).await?;
    let mut blows = Vec::new();
    let mut bag = Vec::new();
    for round in 1..=options.rounds {
        tokio::time::sleep(dice.between(Duration::ZERO, CALM_MOST)).await;
        load.check().with_context(|| format!("in round {round}"))?;
        let first = Disturbance::draw(&mut bag, &options.only, &mut dice);
        println!("round {round:<3} {first}");
        if first.kind() == Kind::Kill {
            blows.push(strike(&mut site, first, &mut dice).await?);
            continue;
        }
        first.begin(&mut site).await?;
        let second = (dice.below(TWO_AT_ONCE_ONE_IN) == 0)
            .then(|| Disturbance::draw(&mut bag, &options.only, &mut dice).beside(first));
        if let Some(second) = second {
            println!("          beside it: {second}");
            second.begin(&mut site).await?;
        }
        tokio::time::sleep(first.holds(&mut dice)).await;
        let mut both: Vec<Disturbance> = std::iter::once(first).chain(second).collect();
        both.sort_by_key(|disturbance| disturbance.starts_a_node());
        for disturbance in both {
            disturbance.end(&mut site).await?;
        }
    }
    load.hush().await?;
    let mut judgement = load.judge(true).await?;
    compare_logs(&site, &mut judgement).await?;
    let restarts = Times::new(site.restarts());
    site.stop().await?;
    Ok(Outcome { judgement, blows, restarts })
}

/// A kill, and nothing beside it for a while.
async fn strike(site: &mut Site, kill: Disturbance, dice: &mut Dice) -> anyhow::Result<Blow> {
    let at = now();
    kill.begin(site).await?;
    let down = kill.holds(dice);
    tokio::time::sleep(down).await;
    kill.end(site).await?;
    tokio::time::sleep(AFTER_A_KILL.saturating_sub(down)).await;
    Ok(Blow { at, until: now() })
}

#[expect(clippy::disallowed_methods, reason = "what happened is compared with times in the log")]
fn now() -> Timestamp {
    Timestamp::now()
}

/// Reads the log by every other node.
async fn compare_logs(site: &Site, judgement: &mut Judgement) -> anyhow::Result<()> {
    for node in 1..NODES {
        let mut log = Vec::new();
        outside::read_on(&mut Client::through(site.installation().doors(node)), &mut log).await?;
        // What came meanwhile is at the end of it.
        let first = &judgement.history.log;
        let seq = match log.iter().zip(first).find(|(one, other)| one != other) {
            Some((event, _)) => event.seq,
            None if log.len() < first.len() => log.len() as u64 + 1,
            None => continue,
        };
        judgement.blame(Fault::ShownDifferently { node: node + 1, seq });
    }
    Ok(())
}

fn print(options: &Options, outcome: &Outcome) {
    let Outcome { judgement, blows, restarts } = outcome;
    println!();
    println!("{:<22}{} on {NODES} nodes", "rounds", options.rounds);
    judgement.print_counts();
    let title = |what: &str, times: &Times| {
        let (p50, p99) = (milliseconds(times.percentile(50)), milliseconds(times.percentile(99)));
        let (count, max) = (times.count(), milliseconds(times.max()));
        println!("{what:<22}p50 {p50:.0} ms, p99 {p99:.0} ms, max {max:.0} ms of {count}");
    };
    title("start of a node", restarts);
    let takeovers = takeover::takeovers(&judgement.history.log, blows);
    title("take-over, last chat", &Times::new(takeovers.last));
    title("take-over, each chat", &Times::new(takeovers.each));
    judgement.print_faults();
}
