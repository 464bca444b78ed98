//! A Redis server.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, ensure};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::names::free_address;
use crate::process::{Process, Signal};

const PACKAGE: &str = "apt-get install redis-server";

/// A Redis server of one's own that keeps what it answered for on disk. It keeps its address when it is stopped and started.
#[derive(Debug)]
pub struct Redis {
    process: Option<Process>,
    address: SocketAddr,
    arguments: Vec<String>,
    folder: TempDir,
}

impl Redis {
    /// Starts one, with arguments of Redis's own (`--requirepass`, ...); none are needed.
    ///
    /// # Errors
    /// When Redis is not installed or does not start.
    pub async fn start(arguments: &[&str]) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("no folder for Redis")?;
        let arguments = arguments.iter().map(|&argument| argument.into()).collect();
        let mut redis = Self { process: None, address: free_address()?, arguments, folder };
        redis.start_again().await?;
        Ok(redis)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as clients are told.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Kills it.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        match self.process.take() {
            Some(process) => process.end(Signal::Kill).await,
            None => Ok(()),
        }
    }

    /// Starts it again after [`stop`](Self::stop), at the same address and with what it kept.
    ///
    /// # Errors
    /// When it runs, or does not start.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        ensure!(self.process.is_none(), "Redis runs");
        let mut command = Command::new("redis-server");
        command.args(["--bind", &self.address.ip().to_string()]);
        command.args(["--port", &self.address.port().to_string()]);
        command.args(["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
        command.arg("--dir").arg(self.folder.path()).args(&self.arguments);
        let mut process = Process::start(command, PACKAGE, self.folder.path(), Signal::Kill)?;
        let address = self.address;
        process.ready(async || TcpStream::connect(address).await.is_ok()).await?;
        self.process = Some(process);
        Ok(())
    }
}
