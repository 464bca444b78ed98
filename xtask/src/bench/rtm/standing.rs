//! Many connections that do nothing, and among them some that do not read.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;
use tokio::task::JoinSet;

use super::super::book::Book;
use super::coming_back;
use super::lines::number_after;
use super::place::{Place, log_in};
use super::{Plan, WITHIN, note_times};
use crate::figures::Times;
use crate::process;
use crate::websocket::{TEXT, WebSocket};

/// How long the server is left alone before its memory is read.
const ALONE: Duration = Duration::from_secs(2);

/// The length of the messages that slow readers don't read: nearly the longest that there are.
const LONG_TEXT_BYTES: usize = 15_000;

/// Measures what they cost, how others fare beside slow ones, and how long it takes until all have come back.
pub(super) async fn measure(book: &mut Book, place: &Place, plan: &Plan) -> anyhow::Result<()> {
    let pid = place.running.pid();
    let before = process::memory(pid)?.own_bytes;
    let began = Instant::now();
    let lines = coming_back::open(place, plan.connections).await?;
    let per_second = plan.connections as f64 / began.elapsed().as_secs_f64();
    book.note("idle connections, opened", "/s", per_second);
    tokio::time::sleep(ALONE).await;
    let after = process::memory(pid)?.own_bytes;
    let each = after.saturating_sub(before) as f64 / plan.connections as f64;
    book.note("idle connections, memory each", "bytes", each);
    slow_ones(book, place, plan).await.context("slow readers")?;
    coming_back::all(book, place, plan, lines).await.context("all come back")
}

/// The same events, first beside some who read, then beside the same when they don't any more.
async fn slow_ones(book: &mut Book, place: &Place, plan: &Plan) -> anyhow::Result<()> {
    let pid = place.running.pid();
    let mut talk = Talk { says: place.says().await?, hears: place.hears().await? };
    let mut reading = JoinSet::new();
    for _ in 0..plan.slow {
        let mut line = place.hears().await?;
        let count = plan.unread;
        reading.spawn(async move {
            for _ in 0..count {
                line.next().await?;
            }
            anyhow::Ok(line)
        });
    }
    let (times, known) = talk.go_on(place, plan.unread).await?;
    note_times(book, "long events beside readers, heard", &times);
    let known = known.last().copied().context("nothing was said")?;
    let mut slow = Vec::with_capacity(plan.slow);
    while let Some(ended) = reading.join_next().await {
        slow.push(ended.context("a reader broke")??);
    }
    let before = process::memory(pid)?.own_bytes;
    let (times, all) = talk.go_on(place, plan.unread).await?;
    note_times(book, "long events beside slow readers, heard", &times);
    let grown = process::memory(pid)?.own_bytes.saturating_sub(before) as f64;
    book.note("slow readers, memory grown in all", "MB", grown / 1_000_000.0);
    let mut cut = 0;
    for line in slow {
        cut += usize::from(resume(place, line, known, &all).await?);
    }
    book.note("slow readers, cut and resumed", "of 100", 100.0 * cut as f64 / plan.slow as f64);
    Ok(())
}

/// Two who talk: one says, one hears.
struct Talk {
    says: WebSocket,
    hears: WebSocket,
}

impl Talk {
    /// Long events, one at a time. Gives how long each took, and their numbers.
    async fn go_on(&mut self, place: &Place, count: usize) -> anyhow::Result<(Times, Vec<u64>)> {
        let request = place.request(&"x".repeat(LONG_TEXT_BYTES));
        let (mut times, mut seqs) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let began = Instant::now();
            self.says.send(&request).await?;
            let heard = tokio::time::timeout(WITHIN, self.hears.next()).await;
            seqs.push(seq_in(heard.context("no push came")??.payload)?);
            times.push(began.elapsed());
            super::place::answered(&mut self.says).await?;
        }
        Ok((Times::new(times), seqs))
    }
}

/// Reads on where a slow reader stopped. If it was cut, it comes back with what it heard last, maybe before it stopped: who
/// takes nothing for long is broken off. In the end it must have heard everything, once and in order. Says whether it was
/// cut.
async fn resume(
    place: &Place,
    mut line: WebSocket,
    known: u64,
    all: &[u64],
) -> anyhow::Result<bool> {
    let mut heard = Vec::new();
    while heard.len() < all.len() {
        let next = tokio::time::timeout(WITHIN, line.next()).await.context("it is not closed")?;
        let Ok(frame) = next else { break };
        if frame.opcode != TEXT {
            break;
        }
        // The last words, that it was cut, are of no event.
        heard.extend(seq_in(frame.payload));
    }
    if heard.len() == all.len() {
        ensure!(heard == all, "a slow reader heard something else than the others");
        return Ok(false);
    }
    let last = heard.last().copied().unwrap_or(known);
    let (mut line, login) = log_in(place.address(), &place.token, json!({ "since": last })).await?;
    ensure!(login.get("gap") == Some(&json!(false)), "who was cut was told of a gap");
    while heard.len() < all.len() {
        let frame = tokio::time::timeout(WITHIN, line.next()).await;
        let frame =
            frame.with_context(|| format!("only {} came after it was cut", heard.len()))??;
        heard.push(seq_in(frame.payload)?);
    }
    ensure!(heard == all, "who was cut lost or doubled something");
    Ok(true)
}

/// The number of the event that a push tells of.
fn seq_in(payload: &[u8]) -> anyhow::Result<u64> {
    number_after(b"\"seq\":", payload).context("a push of no event")
}
