//! One event to so many listeners: deliveries per second, what each costs, and how late they come. On all servers in turn.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::super::book::Book;
use super::super::ceilings::start_part;
use super::lines::{Kind, Line};
use super::nats::Nats;
use super::place::Place;
use super::{Plan, WITHIN};
use crate::figures::{Times, microseconds};
use crate::process;

/// How many events are on their way at once, on each of the servers, when they come as fast as they can.
const IN_FLIGHT: usize = 64;

/// How many requests one connection has unanswered: less than the server's limit.
const PER_SENDER: usize = 8;

/// How many speak side by side.
const SENDERS: usize = IN_FLIGHT / PER_SENDER;

/// How events follow each other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// As fast as they are heard, with [`IN_FLIGHT`] on their way.
    TheMost,
    /// One each so often, whatever becomes of those before.
    Every(Duration),
}

/// What one fan-out came to.
pub(super) struct FannedOut {
    pub(super) took: Duration,
    pub(super) cpu: Duration,
    pub(super) times: Times,
    pub(super) deliveries: usize,
}

impl FannedOut {
    pub(super) fn per_second(&self) -> f64 {
        self.deliveries as f64 / self.took.as_secs_f64()
    }
}

/// One event to so many listeners, on Tidings, the bare broadcast and NATS.
pub(super) async fn on_all(
    book: &mut Book,
    place: &Place,
    plan: &Plan,
    listeners: usize,
) -> anyhow::Result<()> {
    let events = (plan.deliveries / listeners).clamp(plan.events.0, plan.events.1);
    let mut note = |name: &str, out: &FannedOut| {
        let title = format!("1 to {listeners}, {name}");
        book.note(&title, "deliv/s", out.per_second());
        let each = microseconds(out.cpu) / out.deliveries as f64;
        book.note(&format!("{title}, CPU each"), "us", each);
        super::note_times(book, &title, &out.times);
    };
    let (kind, pid) = (place.kind(), place.running.pid());
    let out = fan_out(&kind, place.address(), pid, listeners, events);
    note("Tidings", &out.await.context("Tidings")?);
    let bare = start_part(&["broadcast"])?;
    let out = fan_out(&Kind::Bare, bare.address, bare.pid(), listeners, events);
    note("bare broadcast", &out.await.context("the bare broadcast")?);
    drop(bare);
    match Nats::start().await? {
        Some(nats) => {
            let out = fan_out(&Kind::Nats, nats.address, nats.pid(), listeners, events);
            note("NATS", &out.await.context("NATS")?);
        }
        None => eprintln!("there is no nats-server here: it is left out"),
    }
    Ok(())
}

async fn fan_out(
    kind: &Kind,
    address: SocketAddr,
    pid: u32,
    listeners: usize,
    events: usize,
) -> anyhow::Result<FannedOut> {
    at_pace(Pace::TheMost, kind, address, pid, listeners, events).await
}

/// Says so many events, until all listeners have heard all.
pub(super) async fn at_pace(
    pace: Pace,
    kind: &Kind,
    address: SocketAddr,
    pid: u32,
    listeners: usize,
    events: usize,
) -> anyhow::Result<FannedOut> {
    let mut hear = Vec::with_capacity(listeners);
    for _ in 0..listeners {
        hear.push(kind.hears(address).await?);
    }
    let mut say = Vec::with_capacity(SENDERS);
    for _ in 0..SENDERS {
        say.push(kind.says(address).await?);
    }
    let course = Arc::new(Course {
        began: Instant::now(),
        pace,
        on_their_way: Semaphore::new(IN_FLIGHT),
        heard: AtomicUsize::new(0),
        kind: kind.clone(),
    });
    let cpu_before = process::cpu_time(pid)?;
    let mut hearing = JoinSet::new();
    for (number, line) in hear.into_iter().enumerate() {
        hearing.spawn(Arc::clone(&course).hear(line, events, number == 0));
    }
    let mut saying = JoinSet::new();
    for (number, line) in say.into_iter().enumerate() {
        saying.spawn(Arc::clone(&course).say(line, number, events));
    }
    let mut times = Vec::new();
    let all_hear = async {
        while let Some(ended) = hearing.join_next().await {
            times.extend(ended.context("a listener broke")??);
        }
        anyhow::Ok(())
    };
    let done = tokio::time::timeout(WITHIN, all_hear).await;
    let took = course.began.elapsed();
    let cpu = process::cpu_time(pid)?.saturating_sub(cpu_before);
    let Ok(done) = done else {
        let heard = course.heard.load(Ordering::Relaxed);
        bail!("only {heard} of {} were delivered in time", events * listeners);
    };
    done?;
    while let Some(ended) = saying.join_next().await {
        ended.context("a sender broke")??;
    }
    Ok(FannedOut { took, cpu, times: Times::new(times), deliveries: events * listeners })
}

/// What all who take part in a fan-out share.
struct Course {
    began: Instant,
    pace: Pace,
    on_their_way: Semaphore,
    heard: AtomicUsize,
    kind: Kind,
}

impl Course {
    /// Hears all events. One of the listeners takes the times, and lets the next event go.
    async fn hear(
        self: Arc<Self>,
        mut line: Line,
        events: usize,
        times_them: bool,
    ) -> anyhow::Result<Vec<Duration>> {
        let mut times = Vec::new();
        for _ in 0..events {
            let mark = line.hear().await?;
            if times_them {
                let now = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
                times.push(Duration::from_nanos(now.saturating_sub(mark)));
                self.on_their_way.add_permits(1);
            }
        }
        self.heard.fetch_add(events, Ordering::Relaxed);
        Ok(times)
    }

    /// Says one sender's part of the events: every [`SENDERS`]th.
    async fn say(
        self: Arc<Self>,
        mut line: Line,
        first: usize,
        events: usize,
    ) -> anyhow::Result<()> {
        let mut unanswered = 0;
        for number in (first..events).step_by(SENDERS) {
            let at = self.turn_of(number).await?;
            line.say(&self.kind.text(at.as_nanos())).await?;
            unanswered += 1;
            if unanswered >= PER_SENDER {
                line.is_answered().await?;
                unanswered -= 1;
            }
        }
        for _ in 0..unanswered {
            line.is_answered().await?;
        }
        Ok(())
    }

    /// Waits until an event may go. Gives when it counts as sent: now, or when it was due, if its sender came too late.
    async fn turn_of(&self, number: usize) -> anyhow::Result<Duration> {
        match self.pace {
            Pace::TheMost => self.on_their_way.acquire().await?.forget(),
            Pace::Every(interval) => {
                let due = interval * u32::try_from(number).unwrap_or(u32::MAX);
                if self.began.elapsed() > due {
                    return Ok(due);
                }
                tokio::time::sleep_until((self.began + due).into()).await;
            }
        }
        Ok(self.began.elapsed())
    }
}
