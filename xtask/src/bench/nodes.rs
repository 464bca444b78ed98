//! Many nodes on one PostgreSQL and one NATS: how much they accept, how soon one hears what another was told, how soon work
//! goes on when one is killed. A run of its own.
//!
//! The ceiling is `pgbench`, which inserts the same row with as many clients, each in a transaction of its own: what a program
//! without group commit would reach.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use tidings_services::{Nats, Postgres, PostgresSettings};

use super::Options;
use super::accept::{self, CONNECTIONS};
use super::aims::{Aim, Wanted};
use super::book::Book;
use super::ceilings;
use super::report;
use super::rtm::place::Place;
use super::rtm::sending;
use super::site::{Crowd, Site};
use crate::building;
use crate::cluster;
use crate::figures::milliseconds;
use crate::installation::Installation;
use crate::process;

/// How much is measured.
struct Plan {
    turns: usize,
    window: Duration,
    nodes: &'static [usize],
    /// Messages that are sent one at a time.
    sends: usize,
    kills: usize,
}

const FULL: Plan =
    Plan { turns: 5, window: Duration::from_secs(5), nodes: &[1, 2, 3], sends: 300, kills: 20 };

const QUICK: Plan =
    Plan { turns: 1, window: Duration::from_secs(1), nodes: &[1, 3], sends: 50, kills: 2 };

/// Nobody is concerned by what is accepted.
const CROWD: Crowd = Crowd { behaviors: 1, endpoints: 0 };

/// The table that `pgbench` fills: with the columns and indexes of the one that the store fills.
const SAME_TABLE: &str =
    "CREATE TABLE same_rows (LIKE events INCLUDING ALL); CREATE SEQUENCE same_seq;";

/// One row of it: an event in a chat, with an envelope as long as those of the API's events.
const SAME_ROW: &str = "INSERT INTO same_rows (workspace, seq, thread_order, crc, id, chat, thread, type, body) \
    SELECT '00000000-0000-7000-8000-000000000000', nextval('same_seq'), 1, 1, gen_random_uuid(), \
    gen_random_uuid(), gen_random_uuid(), 'note.added', convert_to(repeat('x', 750), 'UTF8');\n";

/// How much more than `pgbench` we want to accept.
const OF_PGBENCH_LEAST: f64 = 2.0;

/// How much later another node may hear, in milliseconds.
const LATER_MOST: f64 = 2.0;

/// How long work may stand still after a kill, in milliseconds.
const TAKEOVER_MOST: f64 = 5_000.0;

/// Measures.
pub(super) async fn run(options: &Options) -> anyhow::Result<()> {
    let plan = if options.quick { &QUICK } else { &FULL };
    let measure = async |book: &mut Book, server: &Path| measure(book, server, plan).await;
    report::run(options, plan.turns, measure, |book| judge(book, plan)).await
}

/// The servers of others.
struct Ground {
    postgres: Postgres,
    nats: Nats,
}

impl Ground {
    /// An installation of some nodes with a database of its own.
    async fn installation(
        &self,
        server: &Path,
        folder: &Path,
        nodes: usize,
    ) -> anyhow::Result<Installation> {
        let mut installation = Installation::new(server, folder)?;
        let ways = (self.postgres.fresh_database().await?, self.nats.url());
        installation.spread(&vec![ways; nodes])?;
        Ok(installation)
    }
}

async fn measure(book: &mut Book, server: &Path, plan: &Plan) -> anyhow::Result<()> {
    let folder = building::scratch("bench-nodes-")?;
    let folder = folder.path();
    let settings = PostgresSettings { durable: true, ..PostgresSettings::default() };
    let postgres = Postgres::start(&settings).await?;
    let ground = Ground { postgres, nats: tidings_services::nats().await? };
    let database = ground.postgres.fresh_database().await?;
    let mut sites = Vec::new();
    for nodes in plan.nodes.iter().copied() {
        eprintln!("setting up {nodes} nodes");
        let folder = folder.join(format!("nodes-{nodes}"));
        let installation = ground.installation(server, &folder, nodes).await?;
        sites.push((nodes, Site::build_in(installation, CROWD).await?));
    }
    let installation = ground.installation(server, &folder.join("across"), 2).await?;
    let mut running = installation.start_all().await?;
    let place = Place::furnish(installation, running.remove(0)).await?;

    let same_row = folder.join("same-row.sql");
    std::fs::write(&same_row, SAME_ROW).context("cannot write what pgbench does")?;
    for turn in 0..plan.turns {
        eprintln!("turn {} of {}, load average {}", turn + 1, plan.turns, process::load_average());
        let figures = ceilings::postgres_figures(folder, &database, plan.window)?;
        let figure = |name: &str| figures.get(name).and_then(serde_json::Value::as_f64);
        book.note("store", "events/s", figure("per_second").unwrap_or_default());
        book.note("store, p50", "ms", figure("p50_us").unwrap_or_default() / 1_000.0);
        book.note("store, p99", "ms", figure("p99_us").unwrap_or_default() / 1_000.0);
        if turn == 0 {
            // The store has made its tables by now.
            ground.postgres.query(name_in(&database), SAME_TABLE).await?;
        }
        book.note("ceiling: pgbench", "rows/s", pgbench(&ground, &database, &same_row, plan)?);
        for (nodes, site) in &sites {
            site.rest().await?;
            let requests = accept::requests_in_chats(site);
            let cpu = site.cpu_time()?;
            let load = accept::load(&site.installation.addresses(), &requests, plan.window).await?;
            site.rest().await?;
            let cpu = site.cpu_time()?.saturating_sub(cpu);
            let title = accepted(*nodes);
            let each = cpu.as_secs_f64() * 1e6 / (load.sent.max(1) as f64);
            book.note(&title, "events/s", load.per_second);
            let (p50, p99) = (load.latencies.percentile(50), load.latencies.percentile(99));
            book.note(&format!("{title}, p50"), "ms", milliseconds(p50));
            book.note(&format!("{title}, p99"), "ms", milliseconds(p99));
            book.note(&format!("{title}, server CPU each"), "us", each);
        }
        place.hold().await?;
        sending::across(book, &place, plan.sends, folder).await.context("across nodes")?;
    }
    drop((sites, place, running, ground));
    let takeovers = cluster::kill(server, plan.kills).await.context("kills")?;
    for (title, times) in [("last chat", takeovers.last), ("each chat", takeovers.each)] {
        for time in times {
            book.note(&format!("take-over after kill -9, {title}"), "ms", milliseconds(time));
        }
    }
    Ok(())
}

fn accepted(nodes: usize) -> String {
    format!("accepted by {nodes} {}", if nodes == 1 { "node" } else { "nodes" })
}

/// The name of the database in an address.
fn name_in(url: &str) -> &str {
    url.rsplit('/').next().unwrap_or_default()
}

/// Rows per second that `pgbench` inserts.
fn pgbench(ground: &Ground, database: &str, script: &Path, plan: &Plan) -> anyhow::Result<f64> {
    let clients = CONNECTIONS.to_string();
    let seconds = plan.window.as_secs().max(1).to_string();
    let output = Command::new(ground.postgres.program("pgbench"))
        .args(["--no-vacuum", "--protocol", "prepared", "--jobs", "2"])
        .args(["--client", &clients, "--time", &seconds, "--file"])
        .arg(script)
        .arg(database)
        .output()
        .context("cannot start pgbench")?;
    let told = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "pgbench failed: {errors}");
    let line = told.lines().find_map(|line| line.strip_prefix("tps = "));
    let figure = line.and_then(|line| line.split(' ').next()?.parse().ok());
    figure.with_context(|| format!("pgbench told no rate: {told}"))
}

fn judge(book: &Book, plan: &Plan) -> Vec<Aim> {
    let mut aims = Vec::new();
    let mut aim = |what: &str, wanted, reached| aims.extend(Aim::of(what, wanted, reached));
    let median = |name: &str| book.median(name);
    let beside = |name: &str| Some(median(name)? / median("ceiling: pgbench")?);
    aim("store, beside pgbench", Wanted::AtLeast(OF_PGBENCH_LEAST), beside("store"));
    for nodes in plan.nodes.iter().copied() {
        let title = accepted(nodes);
        let what = format!("{title}, beside pgbench");
        aim(&what, Wanted::AtLeast(OF_PGBENCH_LEAST), beside(&title));
    }
    let later = median("heard by another node, p50")
        .zip(median("heard by the same node, p50"))
        .map(|(there, here)| there - here);
    aim("heard later by another node, p50, ms", Wanted::AtMost(LATER_MOST), later);
    let slowest = book.percentile("take-over after kill -9, each chat", 99);
    aim("take-over after kill -9, p99, ms", Wanted::AtMost(TAKEOVER_MOST), slowest);
    aims
}
