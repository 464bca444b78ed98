//! All connections break off, miss something, and come back at once with what they heard last.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, ensure};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::super::book::Book;
use super::place::{Place, log_in, told_seq};
use super::{Plan, WITHIN};
use crate::figures::microseconds;
use crate::process;
use crate::websocket::WebSocket;

/// How many connections are opened side by side, when there is no hurry.
const OPENING: usize = 256;

/// Opens connections that go on from now, and so are told no lists: what is measured is the connection.
pub(super) async fn open(place: &Place, count: usize) -> anyhow::Result<Vec<WebSocket>> {
    let (_, login) = log_in(place.address(), &place.token, json!({})).await?;
    come(place, count, OPENING, told_seq(&login)?, &[]).await
}

/// Measures how long it takes until all have heard what they missed. Each must hear exactly that, in order, and then the
/// event that follows when all are there.
pub(super) async fn all(
    book: &mut Book,
    place: &Place,
    plan: &Plan,
    lines: Vec<WebSocket>,
) -> anyhow::Result<()> {
    drop(lines);
    let mut says = place.says().await?;
    let (_, login) = log_in(place.address(), &place.token, json!({})).await?;
    let since = told_seq(&login)?;
    let missed: Vec<String> = (0..plan.missed).map(|number| format!("missed {number}")).collect();
    for text in &missed {
        place.say(&mut says, text).await?;
    }
    let (began, cpu) = (Instant::now(), process::cpu_time(place.running.pid())?);
    let lines = come(place, plan.connections, plan.connections, since, &missed).await?;
    book.note("all come back and have what they missed", "s", began.elapsed().as_secs_f64());
    let cpu = process::cpu_time(place.running.pid())?.saturating_sub(cpu);
    let each = microseconds(cpu) / plan.connections as f64;
    book.note("all come back, CPU each", "us", each);
    place.say(&mut says, "after").await?;
    for mut line in lines {
        hear(&mut line, "after").await?;
    }
    Ok(())
}

/// Opens connections that go on from a number; each must hear these texts, and nothing else before them.
async fn come(
    place: &Place,
    count: usize,
    side_by_side: usize,
    since: u64,
    missed: &[String],
) -> anyhow::Result<Vec<WebSocket>> {
    let missed: Arc<[String]> = missed.into();
    let side_by_side = Arc::new(Semaphore::new(side_by_side));
    let mut coming = JoinSet::new();
    for _ in 0..count {
        let (address, token) = (place.address(), place.token.clone());
        let (missed, side_by_side) = (Arc::clone(&missed), Arc::clone(&side_by_side));
        coming.spawn(async move {
            let _permit = side_by_side.acquire().await?;
            let (mut line, login) = log_in(address, &token, json!({ "since": since })).await?;
            ensure!(login.get("gap") == Some(&json!(false)), "a login told of a gap");
            for text in missed.iter() {
                hear(&mut line, text).await?;
            }
            anyhow::Ok(line)
        });
    }
    let mut lines = Vec::with_capacity(count);
    while let Some(came) = coming.join_next().await {
        lines.push(came.context("a connection broke")??);
    }
    Ok(lines)
}

/// The next that comes must be a message with this text.
async fn hear(line: &mut WebSocket, text: &str) -> anyhow::Result<()> {
    let frame = tokio::time::timeout(WITHIN, line.next()).await.context("nothing comes")??;
    let wanted = format!("\"{text}\"");
    let has = frame.payload.windows(wanted.len()).any(|part| part == wanted.as_bytes());
    ensure!(has, "something else came than {wanted}");
    Ok(())
}
