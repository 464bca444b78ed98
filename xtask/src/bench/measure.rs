//! What is measured, and in which turns.
//!
//! All sites run for the whole time, at rest when it is not their turn. One turn takes every figure once, each beside
//! its ceiling; before each load the server rests, so that one figure does not pay for the work of another.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::Options;
use super::accept;
use super::aims;
use super::book::Book;
use super::ceilings;
use super::footprint;
use super::report::Report;
use super::site::{Crowd, Site};
use super::talk::{self, Talker};
use crate::building;
use crate::figures::{Times, microseconds, milliseconds};
use crate::installation::Installation;
use crate::process::{self, Memory};

/// How much is measured.
struct Plan {
    turns: usize,
    window: Duration,
    /// Messages that are sent one at a time.
    messages: usize,
    behaviors: &'static [usize],
    endpoints: &'static [usize],
    events: usize,
}

const FULL: Plan = Plan {
    turns: 5,
    window: Duration::from_secs(4),
    messages: 300,
    behaviors: &[100, 10_000],
    endpoints: &[10, 1_000],
    events: 1_000_000,
};

const QUICK: Plan = Plan {
    turns: 2,
    window: Duration::from_millis(700),
    messages: 50,
    behaviors: &[100],
    endpoints: &[10],
    events: 20_000,
};

/// The site that the others are compared with.
const ALONE: Crowd = Crowd { behaviors: 1, endpoints: 0 };

/// A site, and what its figures are called.
struct Place {
    name: String,
    site: Site,
    talkers: Vec<Talker>,
}

/// Measures everything, prints it, and writes it where it was asked to.
pub(super) async fn run(options: &Options) -> anyhow::Result<()> {
    let server = options
        .server
        .as_deref()
        .context("the measuring process is told which server to measure")?;
    let plan = if options.quick { &QUICK } else { &FULL };
    let folder = building::scratch("bench-")?;
    let load_before = process::load_average();
    let began = Instant::now();
    let mut book = Book::default();

    let mut places = Vec::new();
    places.push(place(server, folder.path(), "1 behavior, 0 endpoints", ALONE).await?);
    for behaviors in plan.behaviors.iter().copied() {
        let crowd = Crowd { behaviors, ..ALONE };
        places.push(place(server, folder.path(), &format!("{behaviors} behaviors"), crowd).await?);
    }
    for endpoints in plan.endpoints.iter().copied() {
        let crowd = Crowd { endpoints, ..ALONE };
        places.push(place(server, folder.path(), &format!("{endpoints} endpoints"), crowd).await?);
    }
    for turn in 0..plan.turns {
        eprintln!("turn {} of {}, load average {}", turn + 1, plan.turns, process::load_average());
        for (index, place) in places.iter_mut().enumerate() {
            let own = index == 0;
            accepting(&mut book, place, plan, own).await?;
            if own {
                let store = folder.path().join(format!("store-{turn}"));
                beside(&mut book, place, plan, &store).await?;
                // Right before the replies that are told in disk syncs, while the server rests.
                place.site.rest().await?;
                let syncs = ceilings::raw_syncs(folder.path())?;
                book.note("disk sync, p50", "ms", milliseconds(syncs.percentile(50)));
            }
            talking(&mut book, place, plan, own).await?;
        }
    }
    let alone = places.first().context("there is no site")?;
    note_memory(&mut book, "memory after the load", process::memory(alone.site.pid()?)?);
    drop(places);
    standing(&mut book, server, folder.path(), plan).await?;

    let aims = aims::judge(&book, plan.behaviors, plan.endpoints);
    Report { load_before, began, turns: plan.turns }.tell(options, &book, &aims)
}

async fn place(server: &Path, folder: &Path, name: &str, crowd: Crowd) -> anyhow::Result<Place> {
    eprintln!(
        "setting up a server with {} behaviors and {} endpoints",
        crowd.behaviors, crowd.endpoints
    );
    let folder = folder.join(name.replace([' ', ','], "-"));
    let site = Site::build(server, folder, crowd)
        .await
        .with_context(|| format!("the server with {name}"))?;
    let talkers = talk::open_pages(&site).await?;
    Ok(Place { name: name.to_owned(), site, talkers })
}

/// (a): events accepted per second.
async fn accepting(book: &mut Book, place: &Place, plan: &Plan, own: bool) -> anyhow::Result<()> {
    let Place { name, site, .. } = place;
    let mut variants = vec![("in chats", accept::requests_in_chats(site))];
    if own {
        variants.push(("without a chat", accept::requests_without_chat()));
    }
    for (variant, requests) in variants {
        site.rest().await?;
        let (server, generator) = (site.cpu_time()?, process::cpu_time(std::process::id())?);
        let load = accept::load(&[site.address()], &requests, plan.window).await?;
        let generator = process::cpu_time(std::process::id())?.saturating_sub(generator);
        site.rest().await?;
        let server = site.cpu_time()?.saturating_sub(server);
        let title =
            if own { format!("accepted {variant}") } else { format!("accepted with {name}") };
        book.note(&title, "events/s", load.per_second);
        book.note(&format!("{title}, p50"), "ms", milliseconds(load.latencies.percentile(50)));
        book.note(&format!("{title}, p99"), "ms", milliseconds(load.latencies.percentile(99)));
        book.note(&format!("{title}, server CPU each"), "us", each(server, load.sent));
        if own {
            book.note(&format!("{title}, generator CPU each"), "us", each(generator, load.sent));
        }
    }
    Ok(())
}

/// (b): the ceilings beside (a).
async fn beside(book: &mut Book, place: &Place, plan: &Plan, store: &Path) -> anyhow::Result<()> {
    let requests = accept::requests_in_chats(&place.site);
    let probe = accept::load(&[place.site.address()], &requests, Duration::from_millis(50)).await?;
    place.site.rest().await?;
    let (load, cpu) = ceilings::http_ceiling(&requests, probe.answer_bytes, plan.window).await?;
    book.note("ceiling: web framework", "answers/s", load.per_second);
    book.note("ceiling: web framework, p50", "ms", milliseconds(load.latencies.percentile(50)));
    book.note("ceiling: web framework, p99", "ms", milliseconds(load.latencies.percentile(99)));
    book.note("ceiling: web framework, CPU each", "us", microseconds(cpu));
    let figures = ceilings::store_ceiling(store, plan.window)?;
    let figure =
        |name: &str| figures.get(name).and_then(serde_json::Value::as_f64).unwrap_or_default();
    book.note("ceiling: store", "events/s", figure("per_second"));
    book.note("ceiling: store, p50", "ms", figure("p50_us") / 1_000.0);
    book.note("ceiling: store, p99", "ms", figure("p99_us") / 1_000.0);
    book.note("ceiling: store, CPU each", "us", figure("cpu_us"));
    std::fs::remove_dir_all(store).context("cannot remove the store that was fed")
}

/// (c): from a message to the bot's reply on the live stream.
async fn talking(book: &mut Book, place: &mut Place, plan: &Plan, own: bool) -> anyhow::Result<()> {
    let Place { name, site, talkers } = place;
    let title = if own { "reply".to_owned() } else { format!("reply with {name}") };
    site.rest().await?;
    talk::reconnect(site, talkers).await?;
    let cpu = site.cpu_time()?;
    let idle = talk::one_at_a_time(talkers, plan.messages).await?;
    let cpu = site.cpu_time()?.saturating_sub(cpu);
    note_times(book, &format!("{title}, one at a time"), &idle);
    book.note(&format!("{title}, one at a time, server CPU each"), "us", each(cpu, idle.count()));

    site.rest().await?;
    talk::reconnect(site, talkers).await?;
    let cpu = site.cpu_time()?;
    let (per_second, asked, back) =
        talk::as_fast_as_possible(std::mem::take(talkers), plan.window).await?;
    *talkers = back;
    site.rest().await?;
    let cpu = site.cpu_time()?.saturating_sub(cpu);
    book.note(&format!("{title}, the most"), "replies/s", per_second);
    book.note(&format!("{title}, the most, server CPU each"), "us", each(cpu, asked));

    talk::reconnect(site, talkers).await?;
    let (half, back) =
        talk::at_a_rate(std::mem::take(talkers), per_second / 2.0, plan.window).await?;
    *talkers = back;
    note_times(book, &format!("{title}, half of the most"), &half);
    Ok(())
}

/// (e): memory, start and size.
async fn standing(
    book: &mut Book,
    server: &Path,
    folder: &Path,
    plan: &Plan,
) -> anyhow::Result<()> {
    let size = server.metadata().context("cannot see the size of the binary")?.len();
    book.note("binary", "MB", megabytes(size));
    for turn in 0..plan.turns {
        let installation = Installation::new(server, &folder.join(format!("empty-{turn}")))?;
        let (ready_after, memory) = footprint::start_once(&installation).await?;
        book.note("ready, empty folder", "ms", milliseconds(ready_after));
        note_memory(book, "memory, idle", memory);
    }
    let full = Installation::new(server, &folder.join("full"))?;
    footprint::start_once(&full).await?;
    let took = footprint::fill_folder(full.data(), plan.events, footprint::Left::Nothing)?;
    eprintln!("filled a folder with {} events in {:.0} s", plan.events, took.as_secs_f64());
    for _ in 0..plan.turns {
        let (ready_after, memory) = footprint::start_once(&full).await?;
        book.note("ready, full folder", "ms", milliseconds(ready_after));
        note_memory(book, "memory, idle, full folder", memory);
    }
    Ok(())
}

fn note_times(book: &mut Book, title: &str, times: &Times) {
    book.note(&format!("{title}, p50"), "ms", milliseconds(times.percentile(50)));
    book.note(&format!("{title}, p99"), "ms", milliseconds(times.percentile(99)));
}

fn note_memory(book: &mut Book, title: &str, memory: Memory) {
    book.note(title, "MB", megabytes(memory.all_bytes));
    book.note(&format!("{title}, its own"), "MB", megabytes(memory.own_bytes));
}

fn each(cpu: Duration, count: usize) -> f64 {
    microseconds(cpu) / (count.max(1) as f64)
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1_000_000.0
}
