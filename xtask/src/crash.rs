//! The crash test: kills the server at random moments under load, and judges it by what can be seen from outside.
//!
//! Visitors write to an echo bot, programs write facts, a subscriber takes deliveries; all of them speak HTTP, and send
//! again what was not thanked for. Customers and agents talk over open connections, and come back with what they heard
//! last. After every kill (or power cut) the server starts again on the same folder. At the end the whole log is read and
//! judged by [`checker`]. In reading order: [`history`] (what was seen), [`checker`], [`heard`] (its part on open
//! connections), [`fault`], [`writers`], [`callers`], [`receiver`], [`power`] (the power cut).

mod callers;
mod checker;
mod fault;
mod heard;
mod history;
mod power;
mod receiver;
mod writers;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::building;
use crate::dice::Dice;
use crate::figures::{Times, milliseconds};
use crate::installation::{Installation, Running, text_of};
use crate::process;
use callers::Callers;
use fault::{Column, Fault};
use history::{ECHO, History, Logged};
use power::Disk;
use receiver::Receiver;
use writers::Desk;

/// How many visitors write side by side.
const VISITORS: usize = 8;

/// How many programs write side by side.
const PROGRAMS: usize = 4;

/// The shortest life of a server between its readiness and its end.
const LIFE_LEAST: Duration = Duration::from_millis(20);

/// How long the server may take, after the last start, to finish what it owes. Deliveries that failed when the server
/// died may wait for their next try, which the schedule puts some seconds later.
const QUIET_WITHIN: Duration = Duration::from_secs(120);

/// How often it is looked whether the server is done.
const QUIET_POLL: Duration = Duration::from_millis(500);

/// How many events one page of the log has.
const PAGE: usize = 1_000;

/// How many faults of a kind are told in words.
const TOLD_MAX: usize = 5;

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
    let lost = outcome.faults.iter().any(|fault| fault.column() == Column::Lost);
    let good = if options.is_control() { lost } else { outcome.faults.is_empty() };
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What a run gave.
struct Outcome {
    seed: u64,
    acknowledged: usize,
    events: usize,
    arrivals: usize,
    heard: usize,
    faults: Vec<Fault>,
    restarts: Times,
    quiet_after: Duration,
}

async fn play(options: &Options) -> anyhow::Result<Outcome> {
    let seed = options.seed.unwrap_or_else(Dice::any_seed);
    let mut dice = Dice::new(seed);
    let binary = building::server(options.server.as_deref())?;
    let folder = building::scratch("crash-")?;
    let mut installation = Installation::new(&binary, folder.path())?;
    installation.set("TIDINGS__STORAGE__SYNCHRONOUS", &options.synchronous);
    // A delivery that failed because its sender died is tried again soon, so that the end of a run is soon quiet.
    installation.set("TIDINGS__DELIVERY__RETRY_DELAYS_S", "1,1,1,2,2,5,5,5,5");
    let mut disk = if options.power_cut { Some(Disk::make(folder.path())?) } else { None };
    if let Some(disk) = &disk {
        installation.move_data(&disk.folder().join("data"));
    }
    installation.write_bot("echo", "echo.yaml", &echo_bot())?;
    let installation = Arc::new(installation);

    let mut running = installation.start().await?;
    let receiver = Receiver::start().await?;
    let body = json!({"url": receiver.url(), "events": ["chat.message"], "description": "Carol"});
    let endpoint = installation.call("POST", "/api/v1/endpoints", Some(&body)).await?;
    receiver.learn_secret(&text_of(&endpoint, "secret")?)?;
    let channel = installation.make_web_channel(Some("echo")).await?;
    let desk = Arc::new(Desk::default());
    let mut writers = start_writers(&installation, &desk, &channel, &mut dice);
    // What was set up is no part of the test: endpoint and chats shall be on the disk before the first cut.
    desk.all_have_chats(VISITORS).await?;
    let mut callers = Callers::start(&installation, &desk, &mut dice).await?;
    sync_all_disks()?;
    let longest = Duration::from_secs_f64(options.seconds_per_round).max(LIFE_LEAST);
    let mut restarts = Vec::new();
    for round in 0..options.rounds {
        tokio::time::sleep(dice.between(LIFE_LEAST, longest)).await;
        if let Some(ended) = writers.try_join_next() {
            ended.context("a writer broke")?.with_context(|| format!("in round {}", round + 1))?;
            bail!("a writer stopped in round {}", round + 1);
        }
        callers.check().with_context(|| format!("in round {}", round + 1))?;
        disk = die(running, disk, round).await?;
        running =
            installation.start().await.with_context(|| format!("after death {}", round + 1))?;
        restarts.push(running.ready_after);
    }
    desk.stop();
    while let Some(ended) = writers.join_next().await {
        ended.context("a writer broke")??;
    }

    let (history, faults, quiet_after) =
        wait_until_quiet(&installation, &desk, &receiver, &mut callers, options).await?;
    drop(callers);
    running.stop().await?;
    Ok(Outcome {
        seed,
        acknowledged: checker::acknowledged(&history),
        events: history.log.len(),
        arrivals: history.arrivals.len(),
        heard: history.listeners.iter().map(|listener| listener.heard.len()).sum(),
        faults,
        restarts: Times::new(restarts),
        quiet_after,
    })
}

/// A bot that answers every message of a customer with the same words.
fn echo_bot() -> String {
    format!(
        "bot: echo\nbehaviors:\n  - name: echo\n    on: chat.message\n    do:\n      - say: \"{ECHO}{{{{ event.text }}}}\"\n"
    )
}

fn start_writers(
    installation: &Arc<Installation>,
    desk: &Arc<Desk>,
    channel: &str,
    dice: &mut Dice,
) -> JoinSet<anyhow::Result<()>> {
    let mut writers = JoinSet::new();
    for number in 0..VISITORS {
        let (installation, desk) = (Arc::clone(installation), Arc::clone(desk));
        writers.spawn(writers::visit(installation, desk, channel.to_owned(), number, dice.next()));
    }
    for number in 0..PROGRAMS {
        let (installation, desk) = (Arc::clone(installation), Arc::clone(desk));
        writers.spawn(writers::integrate(installation, desk, number, dice.next()));
    }
    writers
}

/// Ends the server: by a kill, or with the disk as a power cut leaves it.
async fn die(running: Running, disk: Option<Disk>, round: usize) -> anyhow::Result<Option<Disk>> {
    let Some(disk) = disk else {
        running.kill()?;
        return Ok(None);
    };
    process::freeze(running.pid())?;
    let copy = disk.folder().with_file_name(format!("disk-{}.img", round + 1));
    // Copying takes a while; the writers wait in other tasks.
    let disk = tokio::task::spawn_blocking(move || {
        disk.copy(&copy)?;
        running.kill()?;
        disk.replace_by(copy)
    });
    Ok(Some(disk.await.context("the power cut broke")??))
}

/// Reads on in the log and judges, until nothing is owed any more or the time is up.
async fn wait_until_quiet(
    installation: &Installation,
    desk: &Desk,
    receiver: &Receiver,
    callers: &mut Callers,
    options: &Options,
) -> anyhow::Result<(History, Vec<Fault>, Duration)> {
    let began = Instant::now();
    let mut history = History { subscribed: "chat.message".to_owned(), ..History::default() };
    loop {
        let (events, arrivals) = (history.log.len(), receiver.count());
        callers.check()?;
        // Before the log: what was thanked for or heard by then must be in it.
        history.promises = desk.promises();
        history.listeners = callers.listeners();
        read_on(installation, &mut history.log).await?;
        history.arrivals = receiver.arrivals();
        let faults = checker::check(&history);
        let moved = events != history.log.len() || arrivals != history.arrivals.len();
        let owed = faults.iter().any(Fault::may_pass);
        let quiet = !moved && !owed;
        // The control has lost what is owed; there is nothing to wait for.
        let pointless = !moved && options.is_control();
        if quiet || pointless || began.elapsed() > QUIET_WITHIN {
            return Ok((history, faults, began.elapsed()));
        }
        tokio::time::sleep(QUIET_POLL).await;
    }
}

/// Reads what follows in the log, to its end.
async fn read_on(installation: &Installation, log: &mut Vec<Logged>) -> anyhow::Result<()> {
    loop {
        let after = log.last().map_or(0, |event| event.seq);
        let page = installation
            .call("GET", &format!("/api/v1/events?after={after}&limit={PAGE}"), None)
            .await?;
        let items = page
            .get("items")
            .and_then(Value::as_array)
            .context("a page of events has no `items`")?;
        for item in items {
            log.push(
                Logged::of(item)
                    .with_context(|| format!("an event that cannot be read: {item}"))?,
            );
        }
        if items.is_empty() {
            return Ok(());
        }
    }
}

fn sync_all_disks() -> anyhow::Result<()> {
    let status = Command::new("sync").status().context("cannot run `sync`")?;
    ensure!(status.success(), "`sync` failed");
    Ok(())
}

fn print(options: &Options, outcome: &Outcome) {
    let mut counts: BTreeMap<Column, Vec<&Fault>> = BTreeMap::new();
    for fault in &outcome.faults {
        counts.entry(fault.column()).or_default().push(fault);
    }
    let way = if options.power_cut { "power cuts" } else { "kills" };
    println!("{:<22}{}", "seed", outcome.seed);
    println!("{:<22}{} (synchronous = {})", way, options.rounds, options.synchronous);
    println!("{:<22}{}", "acknowledged", outcome.acknowledged);
    println!("{:<22}{}", "events in the log", outcome.events);
    println!("{:<22}{}", "deliveries received", outcome.arrivals);
    println!("{:<22}{}", "pushes heard", outcome.heard);
    for column in Column::ALL {
        println!("{:<22}{}", column.title(), counts.get(&column).map_or(0, Vec::len));
    }
    let (p50, max) = (outcome.restarts.percentile(50), outcome.restarts.max());
    println!("{:<22}p50 {:.0} ms, max {:.0} ms", "restart", milliseconds(p50), milliseconds(max));
    println!("{:<22}{:.1} s after the last start", "done", outcome.quiet_after.as_secs_f64());
    for (column, faults) in &counts {
        println!("\n{}:", column.title());
        for fault in faults.iter().take(TOLD_MAX) {
            println!("  {fault}");
        }
        if faults.len() > TOLD_MAX {
            println!("  and {} more", faults.len() - TOLD_MAX);
        }
    }
    if options.is_control() {
        match counts.get(&Column::Lost).map_or(0, Vec::len) {
            0 => println!("\nThe control lost nothing: this test would not see a loss either."),
            lost => println!("\nThe control lost {lost}, as it must: this test sees a loss."),
        }
    }
}
