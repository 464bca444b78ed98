//! The cluster test: three nodes with one PostgreSQL and one NATS under load; they are killed, frozen and cut off, and judged
//! by what can be seen from outside.
//!
//! Who loads them and how they are judged is in [`crate::outside`], as for the crash test. In reading order: [`site`] (the
//! nodes, the servers, and the ways between them), [`disturbance`], [`rollout`] (two builds side by side), [`takeover`] (how
//! long work stood still).

mod disturbance;
mod rollout;
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
    /// Begin with this older binary, and replace the nodes by the newer one while they work: one after the other, once back,
    /// and all in the end. What is disturbed is disturbed on the way.
    #[arg(long)]
    upgrade_from: Option<PathBuf>,
    /// Load the nodes with no more than they carry: how soon work goes on is not how long a queue is then.
    #[arg(long)]
    calm: bool,
    /// Repeats the disturbances of an earlier run.
    #[arg(long)]
    seed: Option<u64>,
    /// Keep what the nodes and servers wrote.
    #[arg(long)]
    keep: bool,
}

impl Options {
    /// So many disturbances of all kinds.
    pub(crate) const fn all(rounds: usize) -> Self {
        Self {
            rounds,
            only: Vec::new(),
            server: None,
            upgrade_from: None,
            calm: false,
            seed: None,
            keep: false,
        }
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
    let only = vec![Kind::Kill];
    let server = Some(server.to_owned());
    let options = Options { only, server, calm: true, ..Options::all(kills) };
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
    let first = options.upgrade_from.as_ref().unwrap_or(&binary);
    let mut site = Site::start(first, folder.path(), NODES).await?;
    let pause = if options.calm { outside::PAUSE_CALM } else { outside::PAUSE_BUSY };
    let mut load = Load::start(site.installation(), VISITORS, pause, &mut dice).await?;
    let (mut blows, mut bag, mut done) = (Vec::new(), Vec::new(), 0);
    let steps =
        options.upgrade_from.as_ref().map_or(Vec::new(), |older| rollout::steps(older, &binary));
    for (place, step) in steps.iter().enumerate() {
        println!("{step}");
        site.replace_node(step.node, step.build).await?;
        tokio::time::sleep(rollout::BETWEEN).await;
        let until = options.rounds * (place + 1) / steps.len();
        while done < until {
            done += 1;
            blows.extend(disturb(options, &mut site, &mut load, &mut bag, done, &mut dice).await?);
        }
    }
    for round in done + 1..=options.rounds {
        blows.extend(disturb(options, &mut site, &mut load, &mut bag, round, &mut dice).await?);
    }
    load.hush().await?;
    let mut judgement = load.judge(true).await?;
    compare_logs(&site, &mut judgement).await?;
    let restarts = Times::new(site.restarts());
    site.stop().await?;
    Ok(Outcome { judgement, blows, restarts })
}

/// One round; a kill is a blow.
async fn disturb(
    options: &Options,
    site: &mut Site,
    load: &mut Load,
    bag: &mut Vec<Kind>,
    round: usize,
    dice: &mut Dice,
) -> anyhow::Result<Option<Blow>> {
    tokio::time::sleep(dice.between(Duration::ZERO, CALM_MOST)).await;
    load.check().with_context(|| format!("in round {round}"))?;
    let first = Disturbance::draw(bag, &options.only, dice);
    println!("round {round:<3} {first}");
    if first.kind() == Kind::Kill {
        return strike(site, first, dice).await.map(Some);
    }
    first.begin(site).await?;
    let second = (dice.below(TWO_AT_ONCE_ONE_IN) == 0)
        .then(|| Disturbance::draw(bag, &options.only, dice).beside(first));
    if let Some(second) = second {
        println!("          beside it: {second}");
        second.begin(site).await?;
    }
    tokio::time::sleep(first.holds(dice)).await;
    let mut both: Vec<Disturbance> = std::iter::once(first).chain(second).collect();
    both.sort_by_key(|disturbance| disturbance.starts_a_node());
    for disturbance in both {
        disturbance.end(site).await?;
    }
    Ok(None)
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
