//! An installation under load, seen from outside: who writes to it and listens, what they saw, and how that is judged.
//!
//! Visitors write to an echo bot, programs write facts, a subscriber takes deliveries and another takes several in one
//! request; all of them speak HTTP, and send
//! again what was not thanked for. Customers and agents talk over open connections, and come back with what they heard
//! last. Where there are several nodes, everybody goes to the next one when one fails. At the end the whole log is read and
//! judged by [`checker`]. The crash test and the cluster test share it. In reading order: [`history`] (what was seen),
//! [`checker`], [`batches`] and [`heard`] (its parts on requests of several events and on open connections), [`fault`], [`writers`], [`callers`], [`receiver`].

mod batches;
mod callers;
pub(crate) mod checker;
pub(crate) mod fault;
mod heard;
pub(crate) mod history;
mod receiver;
mod writers;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use serde_json::{Value, json};
use tokio::task::{JoinError, JoinSet};

use crate::dice::Dice;
use crate::http::{self, Client};
use crate::installation::{Installation, text_of};
use callers::Callers;
use fault::{Column, Fault};
use history::{ECHO, History, Logged};
use receiver::Receiver;
use writers::Desk;

/// The longest pause of everybody between two things, where the servers are to have more to do than they can.
pub(crate) const PAUSE_BUSY: Duration = Duration::from_millis(8);

/// The longest pause where they are to keep up.
pub(crate) const PAUSE_CALM: Duration = Duration::from_millis(250);

/// How many programs write side by side.
const PROGRAMS: usize = 4;

/// How long the server may take, after the last start, to finish what it owes. Deliveries that failed when the server
/// died may wait for their next try, which the schedule puts some seconds later.
const QUIET_WITHIN: Duration = Duration::from_secs(120);

/// How often it is looked whether the server is done, at most.
const QUIET_POLL: Duration = Duration::from_millis(500);

/// How much longer nobody looks than a look takes: who looks all the time takes from the servers what they need to be done.
const POLL_REST: u32 = 4;

/// The type that the receivers subscribe to.
const SUBSCRIBED: &str = "chat.message";

/// How long an event waits for others that go out in one request with it, in milliseconds: long enough that some do, and
/// that servers die while it waits.
const BATCH_WAIT_MS: u64 = 200;

/// How many events one page of the log has.
const PAGE: usize = 1_000;

/// How many faults of a kind are told in words.
const TOLD_MAX: usize = 5;

/// Everybody who writes and listens, while they do.
pub(crate) struct Load {
    installation: Arc<Installation>,
    desk: Arc<Desk>,
    receiver: Receiver,
    writers: JoinSet<anyhow::Result<()>>,
    callers: Callers,
}

/// What was seen, and what is wrong with it.
pub(crate) struct Judgement {
    pub(crate) history: History,
    pub(crate) faults: Vec<Fault>,
    /// How long it took until nothing was owed any more.
    pub(crate) quiet_after: Duration,
}

/// Makes ready what the load needs, before the first start.
pub(crate) fn prepare(installation: &mut Installation) -> anyhow::Result<()> {
    // A delivery that failed because its sender died is tried again soon, so that the end of a run is soon quiet.
    installation.set("TIDINGS__DELIVERY__RETRY_DELAYS_S", "1,1,1,2,2,5,5,5,5");
    installation.write_bot("echo", "echo.yaml", &echo_bot())
}

impl Load {
    /// Begins to load an installation that runs. Everybody has their chat when it returns.
    pub(crate) async fn start(
        installation: &Arc<Installation>,
        visitors: usize,
        pause_max: Duration,
        dice: &mut Dice,
    ) -> anyhow::Result<Self> {
        let receiver = Receiver::start().await?;
        let one = json!({ "url": receiver.url(), "events": [SUBSCRIBED], "description": "Carol" });
        let several = json!({
            "url": receiver.url_of_batches(), "events": [SUBSCRIBED], "description": "Dora",
            "format": { "kind": "cloudevents_batched" },
            "batch": { "events_max": batches::EVENTS_MAX, "wait_ms": BATCH_WAIT_MS },
        });
        let endpoint =
            async |body| installation.call("POST", "/api/v1/endpoints", Some(body)).await;
        receiver.learn_secret(&text_of(&endpoint(&one).await?, "secret")?)?;
        receiver.learn_secret_of_batches(&text_of(&endpoint(&several).await?, "secret")?)?;
        let channel = installation.make_web_channel(Some("echo")).await?;
        let desk = Arc::new(Desk::new(pause_max));
        let mut writers = start_writers(installation, &desk, &channel, visitors, dice);
        tokio::select! {
            ready = desk.all_have_chats(visitors) => ready?,
            broken = writers.join_next() => return Err(stopped(broken)),
        }
        let callers = Callers::start(installation, &desk, dice).await?;
        let installation = Arc::clone(installation);
        Ok(Self { installation, desk, receiver, writers, callers })
    }

    /// Fails if somebody has stopped writing or calling.
    pub(crate) fn check(&mut self) -> anyhow::Result<()> {
        if let ended @ Some(_) = self.writers.try_join_next() {
            return Err(stopped(ended));
        }
        self.callers.check()
    }

    /// Lets everybody finish what they began to say; they go on listening.
    pub(crate) async fn hush(&mut self) -> anyhow::Result<()> {
        self.desk.stop();
        while let Some(ended) = self.writers.join_next().await {
            ended.context("a writer broke")??;
        }
        Ok(())
    }

    /// Reads on in the log and judges, until nothing is owed any more or the time is up. What has lost already (a control)
    /// is not waited for.
    pub(crate) async fn judge(mut self, waits: bool) -> anyhow::Result<Judgement> {
        let began = Instant::now();
        let mut history = History { subscribed: SUBSCRIBED.to_owned(), ..History::default() };
        loop {
            let look = Instant::now();
            let (events, requests) = (history.log.len(), self.receiver.count());
            self.callers.check()?;
            // Before the log: what was thanked for or heard by then must be in it.
            history.promises = self.desk.promises();
            history.listeners = self.callers.listeners();
            read_on(&mut Client::new(self.installation.address()), &mut history.log).await?;
            history.arrivals = self.receiver.arrivals();
            history.batches = self.receiver.batches();
            let faults = checker::check(&history);
            let came = history.arrivals.len() + history.batches.len();
            let moved = events != history.log.len() || requests != came;
            let owed = faults.iter().any(Fault::may_pass);
            let quiet = !moved && !owed;
            let pointless = !moved && !waits;
            if quiet || pointless || began.elapsed() > QUIET_WITHIN {
                return Ok(Judgement { history, faults, quiet_after: began.elapsed() });
            }
            tokio::time::sleep(QUIET_POLL.max(POLL_REST * look.elapsed())).await;
        }
    }
}

impl Judgement {
    /// How many answers of the server were thanks for something new.
    pub(crate) fn acknowledged(&self) -> usize {
        checker::acknowledged(&self.history)
    }

    /// How many messages came over open connections.
    pub(crate) fn heard(&self) -> usize {
        self.history.listeners.iter().map(|listener| listener.heard.len()).sum()
    }

    /// Notes what else is wrong.
    pub(crate) fn blame(&mut self, fault: Fault) {
        self.faults.push(fault);
    }

    /// How many faults of a kind there are.
    pub(crate) fn count(&self, column: Column) -> usize {
        self.faults.iter().filter(|fault| fault.column() == column).count()
    }

    /// Tells what was seen, and how many faults of each kind there are.
    pub(crate) fn print_counts(&self) {
        println!("{:<22}{}", "acknowledged", self.acknowledged());
        println!("{:<22}{}", "events in the log", self.history.log.len());
        println!("{:<22}{}", "deliveries received", self.history.arrivals.len());
        println!("{:<22}{}", "delivered again", checker::delivered_again(&self.history));
        let batches = &self.history.batches;
        let in_batches: usize = batches.iter().map(|batch| batch.events.len()).sum();
        println!("{:<22}{in_batches} in {} requests", "received in batches", batches.len());
        println!("{:<22}{}", "again in batches", batches::delivered_again(&self.history));
        println!("{:<22}{}", "pushes heard", self.heard());
        for column in Column::ALL {
            println!("{:<22}{}", column.title(), self.count(column));
        }
        println!("{:<22}{:.1} s after the last start", "done", self.quiet_after.as_secs_f64());
    }

    /// Tells some faults of each kind in words.
    pub(crate) fn print_faults(&self) {
        let mut kinds: BTreeMap<Column, Vec<&Fault>> = BTreeMap::new();
        for fault in &self.faults {
            kinds.entry(fault.column()).or_default().push(fault);
        }
        for (column, faults) in &kinds {
            println!("\n{}:", column.title());
            for fault in faults.iter().take(TOLD_MAX) {
                println!("  {fault}");
            }
            if faults.len() > TOLD_MAX {
                println!("  and {} more", faults.len() - TOLD_MAX);
            }
        }
    }
}

/// Why there is a writer less.
fn stopped(ended: Option<Result<anyhow::Result<()>, JoinError>>) -> anyhow::Error {
    let broke = match ended {
        Some(Ok(Err(error))) => error,
        Some(Err(error)) => error.into(),
        Some(Ok(Ok(()))) | None => anyhow!("it was done too soon"),
    };
    broke.context("a writer stopped")
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
    visitors: usize,
    dice: &mut Dice,
) -> JoinSet<anyhow::Result<()>> {
    let mut writers = JoinSet::new();
    for number in 0..visitors {
        let (installation, desk) = (Arc::clone(installation), Arc::clone(desk));
        writers.spawn(writers::visit(installation, desk, channel.to_owned(), number, dice.next()));
    }
    for number in 0..PROGRAMS {
        let (installation, desk) = (Arc::clone(installation), Arc::clone(desk));
        writers.spawn(writers::integrate(installation, desk, number, dice.next()));
    }
    writers
}

/// Reads what follows in the log, to its end.
pub(crate) async fn read_on(client: &mut Client, log: &mut Vec<Logged>) -> anyhow::Result<()> {
    loop {
        let after = log.last().map_or(0, |event| event.seq);
        let path = format!("/api/v1/events?after={after}&limit={PAGE}");
        let request = http::request("GET", &path, &[Installation::authorization()], b"");
        let answer = client.send(&request).await.context("cannot read the log")?;
        let page = answer.json();
        let items = page.get("items").and_then(Value::as_array);
        let items = items.with_context(|| format!("a page of events is {}", answer.summary()))?;
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
