//! What waits for a long time: runs for an answer, timers for their day. It should cost a server that stands nothing.
//!
//! Two data folders were filled through the store, as `app` writes it (see its `enact`), and a third is as the server made
//! it; the server starts on each of them in turn.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::json;
use tidings_behaviors::Run;
use tidings_model::{ChatId, Clock, RunId, Timestamp};
use tidings_store::{Batch, Body, DocKey, Kind, Put, TimerChange, TimerName};

use super::rules::facts;
use super::{Plan, bot, cause, seeds};
use crate::bench::book::Book;
use crate::bench::ceilings::{SystemClock, open_store, this_program};
use crate::figures::milliseconds;
use crate::installation::Installation;
use crate::process;

/// How many runs or timers one batch has.
const BATCH: usize = 1_000;

/// How long after a start the server is left alone before anything is read.
const SETTLE: Duration = Duration::from_secs(3);

/// When what waits is due: none of it while this runs.
const DUE_IN: Duration = Duration::from_secs(30 * 24 * 3_600);

#[derive(clap::Args, Debug)]
pub(crate) struct WaitingPart {
    /// The server's data folder; the server has been there once and is not running.
    #[arg(long)]
    folder: PathBuf,
    /// How many runs wait for an answer, each with a timer.
    #[arg(long)]
    runs: usize,
    /// How many timers are set beside them.
    #[arg(long)]
    timers: usize,
}

/// The folders, by what waits in them.
pub(super) struct Folders(Vec<(String, Installation)>);

impl Folders {
    /// Makes them, and fills them.
    pub(super) async fn fill(server: &Path, folder: &Path, plan: &Plan) -> anyhow::Result<Self> {
        let mut folders = Vec::new();
        for (name, runs, timers) in
            [("nothing", 0, 0), ("runs", plan.runs, 0), ("timers", 0, plan.timers)]
        {
            let installation = Installation::new(server, &folder.join(name))?;
            installation.start().await?.stop().await?;
            if runs + timers > 0 {
                eprintln!("writing {runs} runs that wait, {timers} timers");
                let numbers = ["--runs", &runs.to_string(), "--timers", &timers.to_string()]
                    .map(str::to_owned);
                let mut part = this_program(&["waiting", "--folder"])?;
                let status = part.arg(installation.data()).args(numbers).status();
                ensure!(
                    status.context("cannot start the filling")?.success(),
                    "the filling failed"
                );
                // What a store does once with a big log of its own is not of a start.
                installation.start().await?.stop().await?;
            }
            folders.push((with(name, runs + timers), installation));
        }
        Ok(Self(folders))
    }

    /// Starts the server on each of them once.
    pub(super) async fn measure(&self, book: &mut Book, plan: &Plan) -> anyhow::Result<()> {
        for (name, installation) in &self.0 {
            let running = installation.start().await?;
            tokio::time::sleep(SETTLE).await;
            let before = process::cpu_time(running.pid())?;
            tokio::time::sleep(plan.idle).await;
            let used = process::cpu_time(running.pid())?.saturating_sub(before);
            let memory = process::memory(running.pid())?;
            let seconds = plan.idle.as_secs_f64();
            book.note(&format!("ready, {name}"), "ms", milliseconds(running.ready_after));
            book.note(&format!("memory of its own, {name}"), "MB", memory.own_bytes as f64 / 1e6);
            book.note(&format!("idle CPU, {name}"), "ms/s", milliseconds(used) / seconds);
            running.stop().await?;
        }
        Ok(())
    }
}

/// What the figures of a folder are called.
pub(super) fn with(name: &str, count: usize) -> String {
    if count == 0 { format!("{name} waits") } else { format!("{count} {name} wait") }
}

/// Fills a folder.
pub(crate) async fn make(part: &WaitingPart) -> anyhow::Result<()> {
    let store = open_store(&part.folder)?;
    let workspaces = store.workspaces().await.context("cannot list the workspaces")?;
    let workspace = *workspaces.first().context("the server has not made its workspace yet")?;
    let bot = bot(&[json!([{
        "ask": { "text": "Which size?", "timeout": { "after": "30d", "do": ["stop"] } }, "into": "session.size"
    }])])?;
    let turn = tidings_behaviors::start(&bot, 0, &facts(), &cause(), seeds());
    let model = turn.context("the behavior does not start")?.run;
    let due = SystemClock.now().checked_add(DUE_IN).context("a day of our years")?;
    for first in (0..part.runs).step_by(BATCH) {
        let mut batch = Batch::new(workspace);
        for _ in first..part.runs.min(first + BATCH) {
            let (put, timer) = waiting(&model, due)?;
            batch.puts.push(put);
            batch.timers.push(timer);
        }
        store.commit(batch).await.context("the store refused runs")?;
    }
    for first in (0..part.timers).step_by(BATCH) {
        let mut batch = Batch::new(workspace);
        let timers = (first..part.timers.min(first + BATCH))
            .map(|_| timer(RunId::new(SystemClock.next_id()), due));
        batch.timers.extend(timers);
        store.commit(batch).await.context("the store refused timers")?;
    }
    store.close().await;
    Ok(())
}

/// A run like this one in a chat of its own, with its timer.
fn waiting(model: &Run, due: Timestamp) -> anyhow::Result<(Put, TimerChange)> {
    let (id, chat) = (RunId::new(SystemClock.next_id()), ChatId::new(SystemClock.next_id()));
    let run = Run { id, chat: Some(chat), ..model.clone() };
    let index = vec![
        ("behavior", format!("{}/{}", run.bot, run.behavior)),
        ("bot", run.bot.to_string()),
        ("event", run.event.to_string()),
        ("state", "waiting".to_owned()),
        ("chat", chat.to_string()),
        ("waiting", chat.to_string()),
    ];
    let body = Body::of(&run).context("a run is JSON")?;
    Ok((Put { key: DocKey::new(Kind::Run, id), expected: None, body, index }, timer(id, due)))
}

fn timer(run: RunId, due: Timestamp) -> TimerChange {
    TimerChange::Set { name: TimerName(format!("run:{run}")), due, body: json!({ "run": run }) }
}
