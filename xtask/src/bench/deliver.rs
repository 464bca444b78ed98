//! Webhooks: how many deliveries a second, how late, what a bad receiver costs the others. A run of its own.
//!
//! The ceiling is the HTTP client of the server itself, in a loop that posts the same signed bytes to the same receiver as
//! often as it can: what delivering would reach if there were nothing to deliver from, to decide or to write down.

mod lateness;
mod pending;
mod posting;
mod receiver;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;

pub(crate) use self::posting::PostingPart;
pub(super) use self::posting::run as run_posting;
pub(super) use self::receiver::run as run_receiver;

use super::Options;
use super::accept;
use super::aims::{Aim, Wanted};
use super::book::Book;
use super::report;
use super::site::{Crowd, Site};
use crate::building;
use crate::process;

/// How much is measured.
struct Plan {
    turns: usize,
    window: Duration,
    endpoints: &'static [usize],
    /// Deliveries of one measurement, of all endpoints together.
    deliveries: usize,
    /// Events that are sent one at a time.
    sends: usize,
    /// Endpoints of which one lives.
    crowd: usize,
    /// Events that wait at a start.
    pending: usize,
}

const FULL: Plan = Plan {
    turns: 3,
    window: Duration::from_secs(5),
    endpoints: &[1, 10, 100],
    deliveries: 60_000,
    sends: 300,
    crowd: 1_000,
    pending: 1_000_000,
};

const QUICK: Plan = Plan {
    turns: 1,
    window: Duration::from_secs(2),
    endpoints: &[1, 10],
    deliveries: 5_000,
    sends: 50,
    crowd: 20,
    pending: 20_000,
};

/// Of the ceiling, what delivering shall reach at least.
const OF_THE_CEILING_LEAST: f64 = 0.5;

/// How much later than a disk sync an event may reach an idle receiver, in milliseconds.
const BESIDE_A_SYNC_MOST: f64 = 1.0;

/// What accepting may lose by endpoints, as a part.
const ENDPOINTS_COST_MOST: f64 = 0.1;

/// How much later the living receiver may be for the dead ones beside it, as a factor.
const BESIDE_THE_DEAD_MOST: f64 = 1.5;

/// Milliseconds until the server is ready while events wait.
const READY_MOST: f64 = 3_000.0;

/// Measures.
pub(super) async fn run(options: &Options) -> anyhow::Result<()> {
    let plan = if options.quick { &QUICK } else { &FULL };
    let measure = async |book: &mut Book, server: &Path| measure(book, server, plan).await;
    report::run(options, plan.turns, measure, |book| judge(book, plan)).await
}

async fn measure(book: &mut Book, server: &Path, plan: &Plan) -> anyhow::Result<()> {
    let folder = building::scratch("bench-deliver-")?;
    let folder = folder.path();
    let ground = Ground { server, folder, plan };
    let request = ground.signed_request().await?;
    for turn in 0..plan.turns {
        eprintln!("turn {} of {}, load average {}", turn + 1, plan.turns, process::load_average());
        posting::ceiling(book, &request, plan.window)?;
        for endpoints in plan.endpoints.iter().copied() {
            pending::delivered(book, &ground, turn, endpoints).await?;
        }
        lateness::of_one(book, &ground, turn).await?;
        lateness::beside_the_dead(book, &ground, turn).await?;
    }
    accepting(book, &ground).await?;
    pending::start_up(book, &ground).await
}

/// What every measurement needs.
struct Ground<'a> {
    server: &'a Path,
    folder: &'a Path,
    plan: &'a Plan,
}

impl Ground<'_> {
    /// A folder that nobody used before.
    fn fresh(&self, name: &str) -> PathBuf {
        self.folder.join(name.replace([' ', ','], "-"))
    }

    /// A request as the server sends it, in a file.
    async fn signed_request(&self) -> anyhow::Result<PathBuf> {
        let receiver = receiver::Receiver::start()?;
        let (installation, running) = pending::with_endpoints(self, "signed", &receiver, 1).await?;
        lateness::send(&installation, self.plan.sends.min(1), self.folder).await?;
        receiver.until_taken(1).await?;
        let path = self.folder.join("request.json");
        std::fs::write(&path, receiver.first().await?).context("cannot keep a request")?;
        running.stop().await?;
        Ok(path)
    }
}

/// What accepting costs, with nobody and with many who subscribed to something else.
async fn accepting(book: &mut Book, ground: &Ground<'_>) -> anyhow::Result<()> {
    let mut sites = Vec::new();
    for endpoints in [0, ground.plan.crowd] {
        let folder = ground.fresh(&format!("accepting {endpoints}"));
        let crowd = Crowd { behaviors: 1, endpoints };
        sites.push((endpoints, Site::build(ground.server, folder, crowd).await?));
    }
    for _ in 0..ground.plan.turns {
        for (endpoints, site) in &sites {
            site.rest().await?;
            let requests = accept::requests_in_chats(site);
            let load = accept::load(&[site.address()], &requests, ground.plan.window).await?;
            book.note(&accepted(*endpoints), "events/s", load.per_second);
        }
    }
    Ok(())
}

fn accepted(endpoints: usize) -> String {
    format!("accepted with {endpoints} endpoints")
}

fn judge(book: &Book, plan: &Plan) -> Vec<Aim> {
    let mut aims = Vec::new();
    let mut aim = |what: &str, wanted, reached| aims.extend(Aim::of(what, wanted, reached));
    let median = |name: &str| book.median(name);
    let ratio = |of: &str, to: &str| Some(median(of)? / median(to)?);
    for endpoints in plan.endpoints.iter().copied() {
        let title = pending::title(endpoints);
        let reached = ratio(&title, posting::CEILING);
        aim(&format!("{title}, of the ceiling"), Wanted::AtLeast(OF_THE_CEILING_LEAST), reached);
    }
    let beside_sync = median("at the receiver, idle, p50")
        .zip(median(lateness::IDLE_SYNC))
        .map(|(late, sync)| late - sync);
    aim("idle, p50, beside a disk sync, ms", Wanted::AtMost(BESIDE_A_SYNC_MOST), beside_sync);
    let cost = ratio(&accepted(plan.crowd), &accepted(0)).map(|ratio| 1.0 - ratio);
    aim("accepting, worse by endpoints", Wanted::AtMost(ENDPOINTS_COST_MOST), cost);
    let dead = ratio("beside the dead, p99", "alone, p99");
    aim("beside the dead, p99, of alone", Wanted::AtMost(BESIDE_THE_DEAD_MOST), dead);
    let ready = median("ready, events pending");
    aim("ready, events pending, ms", Wanted::AtMost(READY_MOST), ready);
    aims
}
