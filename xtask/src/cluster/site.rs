//! Three nodes, their PostgreSQL and their NATS, and a proxy on each way between them.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tidings_services::{Nats, Postgres, PostgresSettings, Proxy};

use crate::installation::{Installation, Running};
use crate::outside;

/// All that can be disturbed.
pub(super) struct Site {
    installation: Arc<Installation>,
    /// The nodes; `None` while one is down.
    pub(super) nodes: Vec<Option<Running>>,
    /// Of which build each is.
    builds: Vec<PathBuf>,
    pub(super) postgres: Postgres,
    pub(super) nats: Nats,
    /// The ways of each node.
    pub(super) ways: Vec<Ways>,
    restarts: Vec<Duration>,
}

/// How a node reaches its servers.
pub(super) struct Ways {
    pub(super) database: Proxy,
    pub(super) nats: Proxy,
}

impl Ways {
    /// As a node is told of them.
    fn urls(&self) -> (String, String) {
        let nats = format!("nats://{}", self.nats.address());
        (Postgres::url_by(self.database.address(), "postgres"), nats)
    }
}

impl Site {
    /// Starts everything, and waits until all nodes are ready.
    pub(super) async fn start(binary: &Path, folder: &Path, nodes: usize) -> anyhow::Result<Self> {
        let settings = PostgresSettings { durable: true, ..PostgresSettings::default() };
        let postgres = Postgres::start(&settings).await?;
        let nats = tidings_services::nats().await?;
        let mut installation = Installation::new(binary, folder)?;
        outside::prepare(&mut installation)?;
        let mut ways = Vec::new();
        for _ in 0..nodes {
            let database = Proxy::start(postgres.address()).await?;
            let nats = Proxy::start_for_nats(nats.address()).await?;
            ways.push(Ways { database, nats });
        }
        let urls: Vec<_> = ways.iter().map(Ways::urls).collect();
        installation.spread(&urls)?;
        let nodes = installation.start_all().await?;
        let restarts = nodes.iter().map(|node| node.ready_after).collect();
        let builds = nodes.iter().map(|_| binary.to_owned()).collect();
        let (installation, nodes) = (Arc::new(installation), nodes.into_iter().map(Some).collect());
        Ok(Self { installation, nodes, builds, postgres, nats, ways, restarts })
    }

    pub(super) const fn installation(&self) -> &Arc<Installation> {
        &self.installation
    }

    /// Starts a node that is down.
    pub(super) async fn start_node(&mut self, number: usize) -> anyhow::Result<()> {
        let build = self.builds.get(number).context("there are not so many nodes")?;
        if let Some(node @ None) = self.nodes.get_mut(number) {
            let running = self.installation.start_node_of(number, build).await;
            let running = running.with_context(|| format!("the start of node {}", number + 1))?;
            self.restarts.push(running.ready_after);
            *node = Some(running);
        }
        Ok(())
    }

    /// Asks a node to end, and starts it again of another build, or of its own.
    pub(super) async fn replace_node(&mut self, number: usize, build: &Path) -> anyhow::Result<()> {
        if let Some(running) = self.take_node(number) {
            running.stop().await?;
        }
        let of = self.builds.get_mut(number).context("there are not so many nodes")?;
        build.clone_into(of);
        self.start_node(number).await
    }

    /// Takes a node away, if it runs.
    pub(super) fn take_node(&mut self, number: usize) -> Option<Running> {
        self.nodes.get_mut(number)?.take()
    }

    /// The process of a node, if it runs.
    pub(super) fn pid(&self, number: usize) -> Option<u32> {
        Some(self.nodes.get(number)?.as_ref()?.pid())
    }

    /// How long each start of a node took.
    pub(super) fn restarts(&self) -> Vec<Duration> {
        self.restarts.clone()
    }

    /// Asks all nodes to end, and waits until they have.
    pub(super) async fn stop(self) -> anyhow::Result<()> {
        for running in self.nodes.into_iter().flatten() {
            running.stop().await?;
        }
        Ok(())
    }
}
