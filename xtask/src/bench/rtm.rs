//! The Chat API: from a send to who hears it, one event to many, ten thousand connections that do nothing, slow ones among
//! them, all of them coming back at once, and lists of a million chats. A run of its own.
//!
//! In reading order: [`place`] (a server with an agent in a chat), [`lines`] (who says and hears, on Tidings, on a bare
//! [`broadcast`] and on [`nats`]), [`sending`], [`fan_out`], [`standing`], [`coming_back`], [`lists`] (over what
//! [`million`] made), [`wanted`] (the aims).

mod broadcast;
mod coming_back;
mod fan_out;
mod lines;
mod lists;
mod million;
mod nats;
pub(super) mod place;
pub(super) mod sending;
mod standing;
mod wanted;

use std::path::Path;
use std::time::Duration;

use anyhow::Context;

pub(super) use broadcast::run_broadcast;
pub(super) use million::{MillionPart, make};

use super::Options;
use super::book::Book;
use super::report;
use crate::building;
use crate::figures::{Times, milliseconds};
use crate::process;
use place::Place;

/// How much is measured.
struct Plan {
    turns: usize,
    /// Sends one at a time.
    sends: usize,
    /// Sends at half of the most.
    sends_at_half: usize,
    listeners: &'static [usize],
    /// Deliveries of one fan-out, in all.
    deliveries: usize,
    /// Events of one fan-out, at least and at most.
    events: (usize, usize),
    connections: usize,
    slow: usize,
    /// Long events that slow readers don't read: more than is kept for one of them.
    unread: usize,
    /// Events that those who come back have missed.
    missed: usize,
    chats: usize,
    /// Readings of each list.
    readings: usize,
}

const FULL: Plan = Plan {
    turns: 5,
    sends: 500,
    sends_at_half: 8_000,
    listeners: &[1, 100, 1_000],
    deliveries: 400_000,
    events: (400, 10_000),
    connections: 10_000,
    slow: 100,
    unread: 900,
    missed: 20,
    chats: 1_000_000,
    readings: 300,
};

const QUICK: Plan = Plan {
    turns: 1,
    sends: 50,
    sends_at_half: 500,
    listeners: &[1, 50],
    deliveries: 10_000,
    events: (100, 500),
    connections: 1_000,
    slow: 10,
    unread: 900,
    missed: 5,
    chats: 10_000,
    readings: 20,
};

/// How long the text of a message is: with it, a frame has some 500 bytes.
const TEXT_BYTES: usize = 200;

/// How long anything may take before the benchmark gives up.
const WITHIN: Duration = Duration::from_secs(60);

/// Measures.
pub(super) async fn run(options: &Options) -> anyhow::Result<()> {
    let plan = if options.quick { &QUICK } else { &FULL };
    let measure = async |book: &mut Book, server: &Path| measure(book, server, plan).await;
    report::run(options, plan.turns, measure, |book| wanted::judge(book, plan.listeners)).await
}

async fn measure(book: &mut Book, server: &Path, plan: &Plan) -> anyhow::Result<()> {
    let folder = building::scratch("bench-rtm-")?;
    let folder = folder.path();
    for turn in 0..plan.turns {
        eprintln!("turn {} of {}, load average {}", turn + 1, plan.turns, process::load_average());
        let place = Place::build(server, &folder.join(format!("turn-{turn}"))).await?;
        sending::one_at_a_time(book, &place, plan, folder).await.context("one at a time")?;
        sending::at_half(book, &place, plan).await.context("at half of the most")?;
        for listeners in plan.listeners.iter().copied() {
            let done = fan_out::on_all(book, &place, plan, listeners).await;
            done.with_context(|| format!("one to {listeners}"))?;
        }
        place.running.stop().await?;
        // A server that did nothing before: memory is not to be taken from what an earlier load left.
        let place = Place::build(server, &folder.join(format!("standing-{turn}"))).await?;
        standing::measure(book, &place, plan).await.context("many that stand")?;
        place.running.stop().await?;
    }
    lists::measure(book, server, &folder.join("lists"), plan).await.context("lists")
}

/// Notes the middle and the slow end of some times.
fn note_times(book: &mut Book, title: &str, times: &Times) {
    book.note(&format!("{title}, p50"), "ms", milliseconds(times.percentile(50)));
    book.note(&format!("{title}, p99"), "ms", milliseconds(times.percentile(99)));
}
