//! Says twice a second that this node lives, and learns who else does.
//!
//! It says in the same breath how it stands, for `doctor`: `shares` (how many it holds, by workspace), `lag_events` (by
//! reader, the most that any workspace is behind), `lag_seconds` (for how long), `leaving` (others need not wait for it to
//! take anything), `settings` (what it was told in which all must agree).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tidings_model::NodeId;
use tidings_store::{Node, Nodes, Peer};
use tokio::sync::{Notify, watch};

use super::hold::OwnTrust;
use super::list::{Standing, standing};
use super::{BEAT_INTERVAL, DEAD_AFTER};
use crate::App;
use crate::pipeline::office::Offices;
use crate::pipeline::reader::chain;

/// How long a beat may take: one that takes longer is worth nothing.
const BEAT_TIME_MAX: Duration = DEAD_AFTER;

/// Who is there, by the last beat.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Present {
    /// Those that live, this node among them.
    pub(crate) live: BTreeSet<NodeId>,
    /// Those of them that mean to go.
    pub(crate) leaving: BTreeSet<NodeId>,
}

impl Present {
    fn of(peers: &[Peer]) -> Self {
        let mut present = Self::default();
        for peer in peers {
            match standing(peer) {
                Standing::Live => {}
                Standing::Leaving => drop(present.leaving.insert(peer.node.id)),
                Standing::Gone => continue,
            }
            present.live.insert(peer.node.id);
        }
        present
    }
}

/// What the beats and the keeper tell each other.
pub(crate) struct Beats {
    pub(crate) trust: Arc<OwnTrust>,
    /// Who is there; told after each beat.
    pub(crate) present: watch::Sender<Present>,
    /// Whether this node means to go.
    pub(crate) leaving: watch::Sender<bool>,
    /// Asks for a beat now.
    pub(crate) now: Notify,
}

impl Beats {
    pub(crate) fn new() -> Self {
        Self {
            trust: Arc::new(OwnTrust::new()),
            present: watch::Sender::new(Present::default()),
            leaving: watch::Sender::new(false),
            now: Notify::new(),
        }
    }
}

/// Beats until it is dropped.
pub(crate) async fn run(
    app: Arc<App>,
    nodes: Arc<dyn Nodes>,
    offices: Arc<Offices>,
    beats: Arc<Beats>,
) {
    let mut fails = false;
    loop {
        let began = beats.trust.now();
        let leaving = *beats.leaving.borrow();
        let node = about(&app, state(&app, &offices, leaving));
        let failure = match tokio::time::timeout(BEAT_TIME_MAX, nodes.beat(&node)).await {
            Ok(Ok(peers)) => {
                beats.trust.renew(began);
                beats.present.send_replace(Present::of(&peers));
                None
            }
            Ok(Err(error)) => Some(chain(&error)),
            Err(_) => Some(format!("no answer within {BEAT_TIME_MAX:?}")),
        };
        if let Some(failure) = &failure
            && !fails
        {
            tracing::warn!(
                "this node could not say that it lives, and lets go of its work unless it soon can: {failure}"
            );
        }
        fails = failure.is_some();
        metrics::gauge!("tidings_leases_held").set(held(&app));
        let rest = BEAT_INTERVAL.saturating_sub(beats.trust.now().saturating_sub(began));
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = beats.now.notified() => {}
        }
    }
}

/// What this node says of itself.
pub(super) fn about(app: &App, state: Value) -> Node {
    Node {
        id: app.node(),
        name: app.node_name.clone(),
        version: env!("CARGO_PKG_VERSION").into(),
        started_at: app.started_at,
        clock: app.now(),
        state,
    }
}

#[expect(clippy::cast_precision_loss, reason = "far fewer shares than a float can count")]
fn held(app: &App) -> f64 {
    app.holdings().counts().values().sum::<usize>() as f64
}

fn state(app: &App, offices: &Offices, leaving: bool) -> Value {
    let mut events: BTreeMap<&'static str, u64> = BTreeMap::new();
    let mut longest = Duration::ZERO;
    for office in offices.all() {
        let (workspace, paces) = office.paces();
        let head = app.store.tail(workspace).head();
        for (reader, pace) in paces {
            let (behind, since) = pace.lag(head);
            let most = events.entry(reader).or_default();
            *most = behind.max(*most);
            longest = longest.max(since);
        }
    }
    let shares: BTreeMap<String, usize> = app
        .holdings()
        .counts()
        .into_iter()
        .map(|(workspace, count)| (workspace.to_string(), count))
        .collect();
    json!({
        "shares": shares, "lag_events": events, "lag_seconds": longest.as_secs(), "leaving": leaving,
        "settings": app.settings.alike,
    })
}
