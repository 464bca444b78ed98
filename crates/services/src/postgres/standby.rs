//! A standby: a server that follows another one, and takes its place.

use std::time::Instant;

use anyhow::{Context, ensure};

use super::{Postgres, append, template};
use crate::names::free_address;
use crate::process::{POLL, READY_WITHIN, output};

impl Postgres {
    /// Starts a server that follows this one by streaming. From then on a commit here is answered when it is on the
    /// standby's disk as well.
    ///
    /// # Errors
    /// When this server does not run, or the standby does not start.
    pub async fn standby(&self) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("no folder for PostgreSQL")?;
        template::open_to(&self.programs, folder.path()).await?;
        let data = folder.path().join("data");
        let mut copy = self.programs.unprivileged("pg_basebackup");
        copy.args(["--dbname", &self.url(), "--checkpoint", "fast", "--wal-method", "stream"]);
        copy.args(["--write-recovery-conf", "--no-sync", "--pgdata"]).arg(&data);
        output(copy, template::PACKAGE).await?;
        let address = free_address()?;
        append(&data, &format!("port = {}", address.port()))?;
        let programs = self.programs.clone();
        let mut standby = Self { programs, process: None, address, folder };
        standby.start_again().await?;
        self.query("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'").await?;
        self.query("postgres", "SELECT pg_reload_conf()").await?;
        let follows = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'";
        let began = Instant::now();
        while self.query("postgres", follows).await?.trim() != "1" {
            ensure!(began.elapsed() < READY_WITHIN, "the standby does not follow in time");
            tokio::time::sleep(POLL).await;
        }
        Ok(standby)
    }

    /// Makes a standby take writes. It waits for no other server.
    ///
    /// # Errors
    /// When it is none.
    pub async fn promote(&self) -> anyhow::Result<()> {
        let promoted = self.query("postgres", "SELECT pg_promote()").await?;
        ensure!(promoted.trim() == "t", "the standby takes no writes");
        Ok(())
    }
}
