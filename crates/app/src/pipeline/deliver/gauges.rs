//! How each endpoint's reader is doing, in the Prometheus text format: lag, outcomes, latency, what is under way.
//!
//! Told by the node on which the reader works. The series of an endpoint that was removed or switched off, or whose work
//! went to another node, end with its reader: so they are kept here, and not with the metrics that only grow. The label is
//! the endpoint's id, and never a chat.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tidings_model::{DeliveryStatus, EndpointId, HealthState, Seq, Timestamp, WorkspaceId};
use tidings_store::EventQuery;

use crate::App;

/// The upper bounds of the latency histogram, in milliseconds: what a good receiver takes, up to the usual deadline.
const BOUNDS_MS: [u64; 8] = [5, 20, 50, 100, 500, 1_000, 5_000, 15_000];

/// The bounds as they are written, in seconds.
const BOUNDS_S: [&str; 8] = ["0.005", "0.02", "0.05", "0.1", "0.5", "1", "5", "15"];

/// How one endpoint's reader is doing.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    tried: Tried,
    now: Mutex<Now>,
    /// The oldest event that is owed, and when it came: it is read once.
    oldest: Mutex<Option<(Seq, Timestamp)>>,
}

/// What a reader has in hand.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Now {
    /// How many events it owes that it knows of: to be tried, under way, or the head of a lane that waits.
    pub(super) owed: usize,
    /// The oldest of them.
    pub(super) oldest: Option<Seq>,
    /// Up to where it looked at the log, if it does not keep up.
    pub(super) behind_at: Option<Seq>,
    /// How many tries are under way.
    pub(super) in_flight: usize,
    /// How many lanes wait for another try of their head.
    pub(super) parked: usize,
    /// How its receiver is.
    pub(super) health: HealthState,
}

#[derive(Debug, Default)]
struct Tried {
    delivered: AtomicU64,
    again: AtomicU64,
    failed: AtomicU64,
    /// How many took at most so long; the last place for those that took longer.
    took: [AtomicU64; BOUNDS_MS.len() + 1],
    sum_ms: AtomicU64,
}

impl Gauge {
    /// Notes what a reader has in hand now.
    pub(super) fn note(&self, now: Now) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Notes how a try ended.
    pub(super) fn tried(&self, status: DeliveryStatus, duration_ms: u64) {
        let outcome = match status {
            DeliveryStatus::Delivered => &self.tried.delivered,
            DeliveryStatus::Pending => &self.tried.again,
            DeliveryStatus::Failed => &self.tried.failed,
        };
        outcome.fetch_add(1, Ordering::Relaxed);
        let place = BOUNDS_MS.iter().position(|most| duration_ms <= *most);
        if let Some(took) = self.tried.took.get(place.unwrap_or(BOUNDS_MS.len())) {
            took.fetch_add(1, Ordering::Relaxed);
        }
        self.tried.sum_ms.fetch_add(duration_ms, Ordering::Relaxed);
    }
}

/// The readers of this node.
#[derive(Debug, Default)]
pub(crate) struct Gauges {
    of: Mutex<HashMap<(WorkspaceId, EndpointId), Weak<Gauge>>>,
}

impl Gauges {
    /// The gauge of a reader that begins; it ends with the reader.
    pub(super) fn add(&self, workspace: WorkspaceId, endpoint: EndpointId) -> Arc<Gauge> {
        let gauge = Arc::new(Gauge::default());
        let mut of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        of.retain(|_, gauge| gauge.strong_count() > 0);
        of.insert((workspace, endpoint), Arc::downgrade(&gauge));
        gauge
    }

    fn all(&self) -> Vec<(WorkspaceId, EndpointId, Arc<Gauge>)> {
        let of = self.of.lock().unwrap_or_else(PoisonError::into_inner);
        let alive = of.iter().filter_map(|((workspace, endpoint), gauge)| {
            Some((*workspace, *endpoint, gauge.upgrade()?))
        });
        let mut all: Vec<_> = alive.collect();
        all.sort_by_key(|(_, endpoint, _)| *endpoint);
        all
    }
}

/// One reader at the moment of looking.
struct Look {
    endpoint: EndpointId,
    gauge: Arc<Gauge>,
    now: Now,
    lag_events: u64,
    /// Unknown when the log cannot be read.
    lag_seconds: Option<f64>,
}

/// All of them, in the Prometheus text format, version 0.0.4.
pub(crate) async fn render(app: &App) -> String {
    let mut looks = Vec::new();
    for (workspace, endpoint, gauge) in app.gauges.all() {
        let now = *gauge.now.lock().unwrap_or_else(PoisonError::into_inner);
        let head = app.store.tail(workspace).head();
        let unseen = now.behind_at.map_or(0, |at| head.0.saturating_sub(at.0));
        let lag_events = u64::try_from(now.owed).unwrap_or(u64::MAX).saturating_add(unseen);
        let first_unseen = now.behind_at.filter(|at| *at < head).map(|at| at.next());
        let oldest = now.oldest.into_iter().chain(first_unseen).min();
        let lag_seconds = lag_seconds(app, workspace, &gauge, oldest).await;
        looks.push(Look { endpoint, gauge, now, lag_events, lag_seconds });
    }
    let mut text = String::new();
    write(&mut text, &looks).expect("writing into a text does not fail");
    text
}

/// How old the oldest event is that is owed.
async fn lag_seconds(
    app: &App,
    workspace: WorkspaceId,
    gauge: &Gauge,
    oldest: Option<Seq>,
) -> Option<f64> {
    let Some(oldest) = oldest else { return Some(0.0) };
    let known = *gauge.oldest.lock().unwrap_or_else(PoisonError::into_inner);
    let came = match known.filter(|(seq, _)| *seq == oldest) {
        Some((_, came)) => came,
        None => {
            let after = Seq(oldest.0.saturating_sub(1));
            let query = EventQuery { after, limit: 1, ..EventQuery::default() };
            let event = app.store.events(workspace, query).await.ok()?.into_iter().next()?;
            *gauge.oldest.lock().unwrap_or_else(PoisonError::into_inner) =
                Some((oldest, event.received_at));
            event.received_at
        }
    };
    let age = Duration::try_from(app.now().duration_since(came)).unwrap_or_default();
    Some(age.as_secs_f64())
}

fn write(text: &mut String, looks: &[Look]) -> std::fmt::Result {
    if looks.is_empty() {
        return Ok(());
    }
    let mut gauge = |name: &str, help: &str, value: &dyn Fn(&Look) -> Option<f64>| {
        writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge")?;
        for look in looks {
            if let Some(value) = value(look) {
                writeln!(text, "{name}{{endpoint=\"{}\"}} {value}", look.endpoint)?;
            }
        }
        Ok(())
    };
    gauge(
        "tidings_endpoint_lag_events",
        "Events that are owed to the endpoint or were not looked at for it.",
        &|look| Some(float(look.lag_events)),
    )?;
    gauge(
        "tidings_endpoint_lag_seconds",
        "How old the oldest event is that is owed to the endpoint.",
        &|look| look.lag_seconds,
    )?;
    gauge("tidings_endpoint_in_flight", "Deliveries that are under way.", &|look| {
        Some(float(count(look.now.in_flight)))
    })?;
    gauge(
        "tidings_endpoint_parked_lanes",
        "Chats, and events that stand alone, whose head waits for another try.",
        &|look| Some(float(count(look.now.parked))),
    )?;
    gauge(
        "tidings_endpoint_health",
        "How the receiver is: 0 healthy, 1 degraded, 2 paused, 3 disabled.",
        &|look| Some(health(look.now.health)),
    )?;
    let name = "tidings_endpoint_attempts_total";
    writeln!(text, "# HELP {name} Tries, by how they ended.\n# TYPE {name} counter")?;
    for Look { endpoint, gauge, .. } in looks {
        let Tried { delivered, again, failed, .. } = &gauge.tried;
        for (outcome, count) in [("delivered", delivered), ("again", again), ("failed", failed)] {
            let count = count.load(Ordering::Relaxed);
            writeln!(text, "{name}{{endpoint=\"{endpoint}\",outcome=\"{outcome}\"}} {count}")?;
        }
    }
    let name = "tidings_endpoint_attempt_seconds";
    writeln!(text, "# HELP {name} How long tries took.\n# TYPE {name} histogram")?;
    for Look { endpoint, gauge, .. } in looks {
        let mut sum = 0;
        let bounds = BOUNDS_S.into_iter().chain(["+Inf"]);
        for (bound, count) in bounds.zip(&gauge.tried.took) {
            sum += count.load(Ordering::Relaxed);
            writeln!(text, "{name}_bucket{{endpoint=\"{endpoint}\",le=\"{bound}\"}} {sum}")?;
        }
        let seconds = float(gauge.tried.sum_ms.load(Ordering::Relaxed)) / 1_000.0;
        writeln!(text, "{name}_sum{{endpoint=\"{endpoint}\"}} {seconds}")?;
        writeln!(text, "{name}_count{{endpoint=\"{endpoint}\"}} {sum}")?;
    }
    Ok(())
}

fn count(of: usize) -> u64 {
    u64::try_from(of).unwrap_or(u64::MAX)
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus counts in floats")]
const fn float(count: u64) -> f64 {
    count as f64
}

const fn health(state: HealthState) -> f64 {
    match state {
        HealthState::Healthy => 0.0,
        HealthState::Degraded => 1.0,
        HealthState::Paused => 2.0,
        HealthState::Disabled => 3.0,
    }
}
