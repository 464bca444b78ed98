//! What waits in the log, and how fast it goes out.
//!
//! The events are written through the store while the server is not there, after its endpoints were made: when it starts,
//! all of them are owed, and nothing but delivering is to be done.

use std::time::{Duration, Instant};

use anyhow::Context;
use serde_json::json;

use super::Ground;
use super::receiver::Receiver;
use crate::bench::accept::EVENT_TYPE;
use crate::bench::book::Book;
use crate::bench::footprint;
use crate::figures::{microseconds, milliseconds};
use crate::installation::{Installation, Running};
use crate::process;

/// How long after a start with events pending its memory is looked at, again and again.
const MEMORY_WINDOW: Duration = Duration::from_secs(10);

/// How often it is looked at.
const MEMORY_INTERVAL: Duration = Duration::from_millis(250);

/// A server with so many endpoints that go to a receiver's `/take`.
pub(super) async fn with_endpoints(
    ground: &Ground<'_>,
    name: &str,
    receiver: &Receiver,
    endpoints: usize,
) -> anyhow::Result<(Installation, Running)> {
    let installation = Installation::new(ground.server, &ground.fresh(name))?;
    let running = installation.start().await?;
    for _ in 0..endpoints {
        add_endpoint(&installation, receiver, "/take").await?;
    }
    Ok((installation, running))
}

/// One more endpoint.
pub(super) async fn add_endpoint(
    installation: &Installation,
    receiver: &Receiver,
    path: &str,
) -> anyhow::Result<()> {
    let url = format!("http://{}{path}", receiver.address());
    let body = json!({ "url": url, "events": [EVENT_TYPE] });
    installation.call("POST", "/api/v1/endpoints", Some(&body)).await?;
    Ok(())
}

/// What the rate to so many endpoints is called.
pub(super) fn title(endpoints: usize) -> String {
    format!("delivered to {endpoints} {}", if endpoints == 1 { "endpoint" } else { "endpoints" })
}

/// Deliveries per second to so many endpoints.
pub(super) async fn delivered(
    book: &mut Book,
    ground: &Ground<'_>,
    turn: usize,
    endpoints: usize,
) -> anyhow::Result<()> {
    let receiver = Receiver::start()?;
    let name = format!("delivered {endpoints} {turn}");
    let (installation, running) = with_endpoints(ground, &name, &receiver, endpoints).await?;
    running.stop().await?;
    let events = ground.plan.deliveries / endpoints;
    footprint::fill_folder(installation.data(), events, footprint::Left::Deliveries)?;
    let running = installation.start().await?;
    let (cpu, began) = (process::cpu_time(running.pid())?, Instant::now());
    let before = receiver.count().await?;
    let all = u64::try_from(events * endpoints).context("so many are not measured")?;
    receiver.until_taken(all).await?;
    let took = began.elapsed();
    let cpu = process::cpu_time(running.pid())?.saturating_sub(cpu);
    let count = (all - before).max(1) as f64;
    let title = title(endpoints);
    book.note(&title, "deliveries/s", count / took.as_secs_f64());
    book.note(&format!("{title}, server CPU each"), "us", microseconds(cpu) / count);
    running.stop().await
}

/// A start while very many events wait: how long until it is ready, and the most memory of its own that it takes while it delivers.
pub(super) async fn start_up(book: &mut Book, ground: &Ground<'_>) -> anyhow::Result<()> {
    let receiver = Receiver::start()?;
    let (installation, running) = with_endpoints(ground, "start-up", &receiver, 1).await?;
    running.stop().await?;
    eprintln!("writing {} events", ground.plan.pending);
    footprint::fill_folder(installation.data(), ground.plan.pending, footprint::Left::Deliveries)?;
    let running = installation.start().await?;
    book.note("ready, events pending", "ms", milliseconds(running.ready_after));
    let (began, mut most) = (Instant::now(), 0.0_f64);
    while began.elapsed() < MEMORY_WINDOW {
        tokio::time::sleep(MEMORY_INTERVAL).await;
        most = most.max(process::memory(running.pid())?.own_bytes as f64 / 1e6);
    }
    book.note("memory, events pending", "MB", most);
    let count = receiver.count().await?;
    book.note("delivered in the first 10 s", "deliveries", count as f64);
    running.stop().await
}
