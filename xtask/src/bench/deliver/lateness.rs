//! How late an event is at its receiver: from the moment at which somebody sends it to us until its first byte is there.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Ground;
use super::pending::{add_endpoint, with_endpoints};
use super::receiver::{Receiver, SENT_AT, now_us};
use crate::bench::accept::{self, CONNECTIONS, EVENT_TYPE};
use crate::bench::book::Book;
use crate::bench::ceilings::RawDisk;
use crate::figures::{Times, milliseconds};
use crate::http::{self, Connection};
use crate::installation::Installation;

/// What the disk sync between two of them is called.
pub(super) const IDLE_SYNC: &str = "disk sync, idle, p50";

/// The pause before and after a disk sync between two events that are sent one at a time.
const PAUSE: Duration = Duration::from_millis(10);

/// How many events a second go to the living one among the dead.
const BESIDE_THE_DEAD_RATE: f64 = 50.0;

/// For how long the dead ones are tried before it is measured.
const BEFORE_THE_DEAD: Duration = Duration::from_secs(3);

/// How long the last ones may be on their way.
const LAST_ONES: Duration = Duration::from_secs(2);

/// How long a text is beside the time in it, so that a body has some 500 bytes.
const PADDING: usize = 340;

/// A request that posts an event that says when it was sent, or was due.
fn request(sent_at_us: u64) -> Vec<u8> {
    let text = format!("{SENT_AT}{sent_at_us} {}", "x".repeat(PADDING));
    let body = json!({ "type": EVENT_TYPE, "data": { "text": text } }).to_string();
    http::request("POST", "/api/v1/events", &[Installation::authorization()], body.as_bytes())
}

async fn post(connection: &mut Connection, sent_at_us: u64) -> anyhow::Result<()> {
    let answer = connection.exchange(&request(sent_at_us)).await.context("no answer")?;
    ensure!(answer.status == 201, "an event was answered {}", answer.summary());
    Ok(())
}

/// Sends events one at a time. Returns how long a disk sync takes between two of them: a disk that rests is slower.
pub(super) async fn send(
    installation: &Installation,
    count: usize,
    folder: &Path,
) -> anyhow::Result<Times> {
    let mut connection =
        Connection::open(installation.address()).await.context("cannot connect")?;
    let mut disk = RawDisk::open(folder)?;
    let mut synced = Vec::new();
    for _ in 0..count {
        post(&mut connection, now_us()).await?;
        tokio::time::sleep(PAUSE).await;
        synced.push(disk.sync_once()?);
        tokio::time::sleep(PAUSE).await;
    }
    Ok(Times::new(synced))
}

/// Sends so many events a second for a while; one that has to wait counts from when it was due.
async fn send_at_rate(address: SocketAddr, rate: f64, window: Duration) -> anyhow::Result<()> {
    let interval = Duration::from_secs_f64(CONNECTIONS as f64 / rate);
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for number in 0..CONNECTIONS {
        tasks.spawn(async move {
            let mut connection = Connection::open(address).await.context("cannot connect")?;
            let share = u32::try_from(CONNECTIONS).unwrap_or(u32::MAX);
            let offset = interval * u32::try_from(number).unwrap_or(0) / share;
            let mut due = begun + offset;
            while due.duration_since(begun) < window {
                tokio::time::sleep_until(due).await;
                let waited = u64::try_from(due.elapsed().as_micros()).unwrap_or_default();
                post(&mut connection, now_us().saturating_sub(waited)).await?;
                due += interval;
            }
            anyhow::Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.context("a sender broke")??;
    }
    Ok(())
}

fn note(book: &mut Book, title: &str, late: Vec<Duration>) -> anyhow::Result<()> {
    ensure!(!late.is_empty(), "{title}: nothing came");
    let late = Times::new(late);
    for percent in [50, 99] {
        let title = format!("{title}, p{percent}");
        book.note(&title, "ms", milliseconds(late.percentile(percent)));
    }
    Ok(())
}

/// One endpoint: while nothing else happens, and at half of the most that is accepted and delivered.
pub(super) async fn of_one(
    book: &mut Book,
    ground: &Ground<'_>,
    turn: usize,
) -> anyhow::Result<()> {
    let receiver = Receiver::start()?;
    let name = format!("lateness {turn}");
    let (installation, running) = with_endpoints(ground, &name, &receiver, 0).await?;
    add_endpoint(&installation, &receiver, "/timed").await?;
    let sends = ground.plan.sends;
    let synced = send(&installation, sends, ground.folder).await?;
    book.note(IDLE_SYNC, "ms", milliseconds(synced.percentile(50)));
    receiver.until_taken(u64::try_from(sends).unwrap_or(u64::MAX)).await?;
    note(book, "at the receiver, idle", receiver.late().await?)?;

    let window = ground.plan.window;
    let requests = accept::requests_without_chat();
    let before = receiver.count().await?;
    let began = Instant::now();
    let load = accept::load(&[installation.address()], &requests, window).await?;
    let all = before + u64::try_from(load.sent).unwrap_or(u64::MAX);
    receiver.until_taken(all).await?;
    let most = load.sent as f64 / began.elapsed().as_secs_f64();
    book.note("accepted and delivered, the most", "events/s", most);
    receiver.late().await?;
    send_at_rate(installation.address(), most / 2.0, window).await?;
    tokio::time::sleep(LAST_ONES).await;
    note(book, "at the receiver, half of the most", receiver.late().await?)?;
    running.stop().await
}

/// The living endpoint alone, and beside very many that hang.
pub(super) async fn beside_the_dead(
    book: &mut Book,
    ground: &Ground<'_>,
    turn: usize,
) -> anyhow::Result<()> {
    for (title, dead) in [("alone", 0), ("beside the dead", ground.plan.crowd - 1)] {
        let (living, hanging) = (Receiver::start()?, Receiver::start()?);
        let name = format!("{title} {turn}");
        let (installation, running) = with_endpoints(ground, &name, &living, 0).await?;
        add_endpoint(&installation, &living, "/timed").await?;
        for _ in 0..dead {
            add_endpoint(&installation, &hanging, "/hang").await?;
        }
        let address = installation.address();
        send_at_rate(address, BESIDE_THE_DEAD_RATE, BEFORE_THE_DEAD).await?;
        living.late().await?;
        send_at_rate(address, BESIDE_THE_DEAD_RATE, ground.plan.window * 2).await?;
        tokio::time::sleep(LAST_ONES).await;
        note(book, title, living.late().await?)?;
        // What hangs is not waited for.
        running.kill()?;
    }
    Ok(())
}
