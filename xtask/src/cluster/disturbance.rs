//! What happens to nodes, servers and the ways between them.

use std::fmt;
use std::time::Duration;

use tidings_services::{Proxy, Shutdown, Signal};

use super::NODES;
use super::site::Site;
use crate::dice::Dice;
use crate::installation::Running;

/// A kind of disturbance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Kind {
    /// A node is killed, and started again.
    Kill,
    /// A node is asked to end, and started again.
    Leave,
    /// A node stands still past its leases, and goes on.
    Freeze,
    /// A node does not reach NATS.
    NatsGone,
    /// NATS loses every second message of all nodes.
    HintsLost,
    /// NATS ends, and is started again.
    NatsRestart,
    /// PostgreSQL ends politely, and is started again.
    PostgresFast,
    /// PostgreSQL ends at once, and recovers.
    PostgresImmediate,
    /// The connections of all nodes to the database break off.
    DatabaseCut,
    /// A node does not reach the database.
    DatabaseGone,
    /// What a node and the database say to each other does not arrive: past its leases, and then it does.
    DatabaseSilent,
    /// What a node and the database say to each other takes long.
    DatabaseSlow,
}

/// A disturbance of a node, or of all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Disturbance {
    kind: Kind,
    /// From 0.
    node: usize,
}

impl Disturbance {
    /// Draws one from a bag, so that each kind comes as often; an empty bag is filled.
    pub(super) fn draw(bag: &mut Vec<Kind>, only: &[Kind], dice: &mut Dice) -> Self {
        if bag.is_empty() {
            let kinds = <Kind as clap::ValueEnum>::value_variants();
            let wanted = |kind: &&Kind| only.is_empty() || only.contains(kind);
            bag.extend(kinds.iter().filter(wanted));
            for index in (1..bag.len()).rev() {
                let other = usize::try_from(dice.below(index as u64 + 1)).unwrap_or(index);
                bag.swap(index, other);
            }
        }
        let node = usize::try_from(dice.below(NODES as u64)).unwrap_or_default();
        Self { kind: bag.pop().unwrap_or(Kind::Kill), node }
    }

    /// The same one on another node than a first one.
    pub(super) const fn beside(self, first: Self) -> Self {
        let node = if self.node == first.node { (first.node + 1) % NODES } else { self.node };
        Self { kind: self.kind, node }
    }

    pub(super) const fn kind(self) -> Kind {
        self.kind
    }

    /// Whether its end is the start of a node, which needs its servers.
    pub(super) const fn starts_a_node(self) -> bool {
        matches!(self.kind, Kind::Kill | Kind::Leave)
    }

    /// How long it lasts.
    pub(super) fn holds(self, dice: &mut Dice) -> Duration {
        // A node counts as dead, and its leases as free, after two and a half seconds.
        let (least, most) = match self.kind {
            Kind::Kill | Kind::Leave => (100, 4_000),
            Kind::Freeze | Kind::DatabaseSilent => (3_000, 6_000),
            Kind::NatsGone | Kind::HintsLost | Kind::DatabaseGone => (1_000, 5_000),
            Kind::NatsRestart | Kind::PostgresFast | Kind::PostgresImmediate => (0, 2_000),
            Kind::DatabaseCut => (0, 200),
            Kind::DatabaseSlow => (1_000, 3_000),
        };
        dice.between(Duration::from_millis(least), Duration::from_millis(most))
    }

    pub(super) async fn begin(self, site: &mut Site) -> anyhow::Result<()> {
        let database = site.ways.get(self.node).map(|ways| &ways.database);
        match self.kind {
            Kind::Kill => site.take_node(self.node).map_or(Ok(()), Running::kill)?,
            Kind::Leave => {
                if let Some(running) = site.take_node(self.node) {
                    running.stop().await?;
                }
            }
            Kind::Freeze => signal(site, self.node, Signal::Stop)?,
            Kind::NatsGone => {
                site.ways.iter().skip(self.node).take(1).for_each(|w| w.nats.refuse())
            }
            Kind::HintsLost => site.ways.iter().for_each(|ways| ways.nats.lose_half()),
            Kind::NatsRestart => site.nats.stop().await?,
            Kind::PostgresFast => site.postgres.stop(Shutdown::Fast).await?,
            Kind::PostgresImmediate => site.postgres.stop(Shutdown::Immediate).await?,
            Kind::DatabaseCut => site.ways.iter().for_each(|ways| ways.database.cut()),
            Kind::DatabaseGone => database.into_iter().for_each(Proxy::refuse),
            Kind::DatabaseSilent => database.into_iter().for_each(Proxy::pause),
            Kind::DatabaseSlow => {
                database.into_iter().for_each(|way| way.slow(Duration::from_millis(20)));
            }
        }
        Ok(())
    }

    pub(super) async fn end(self, site: &mut Site) -> anyhow::Result<()> {
        match self.kind {
            Kind::Kill | Kind::Leave => site.start_node(self.node).await?,
            Kind::Freeze => signal(site, self.node, Signal::Continue)?,
            Kind::NatsGone | Kind::HintsLost => {
                site.ways.iter().for_each(|ways| ways.nats.heal());
            }
            Kind::NatsRestart if !site.nats.runs() => site.nats.start_again().await?,
            Kind::PostgresFast | Kind::PostgresImmediate if !site.postgres.runs() => {
                site.postgres.start_again().await?;
            }
            Kind::DatabaseGone | Kind::DatabaseSilent | Kind::DatabaseSlow => {
                site.ways.iter().for_each(|ways| ways.database.heal());
            }
            Kind::NatsRestart
            | Kind::PostgresFast
            | Kind::PostgresImmediate
            | Kind::DatabaseCut => {}
        }
        Ok(())
    }
}

fn signal(site: &Site, node: usize, signal: Signal) -> anyhow::Result<()> {
    site.pid(node).map_or(Ok(()), |pid| signal.send(pid))
}

impl fmt::Display for Disturbance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let node = self.node + 1;
        match self.kind {
            Kind::Kill => write!(f, "node {node} is killed"),
            Kind::Leave => write!(f, "node {node} is asked to end"),
            Kind::Freeze => write!(f, "node {node} stands still"),
            Kind::NatsGone => write!(f, "node {node} does not reach NATS"),
            Kind::HintsLost => f.write_str("NATS loses every second message"),
            Kind::NatsRestart => f.write_str("NATS restarts"),
            Kind::PostgresFast => f.write_str("PostgreSQL restarts"),
            Kind::PostgresImmediate => f.write_str("PostgreSQL ends at once and recovers"),
            Kind::DatabaseCut => f.write_str("all connections to the database break off"),
            Kind::DatabaseGone => write!(f, "node {node} does not reach the database"),
            Kind::DatabaseSilent => {
                write!(f, "node {node} and the database do not hear each other")
            }
            Kind::DatabaseSlow => write!(f, "node {node} and the database are far apart"),
        }
    }
}
