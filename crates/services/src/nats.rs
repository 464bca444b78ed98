//! A NATS server.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context, ensure};
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::names::free_address;
use crate::process::{Process, Signal};

const PACKAGE: &str = "apt-get install nats-server";

/// A NATS server of one's own. It keeps its address when it is stopped and started.
#[derive(Debug)]
pub struct Nats {
    process: Option<Process>,
    address: SocketAddr,
    folder: TempDir,
}

impl Nats {
    /// Starts one, with lines of NATS's own configuration (TLS, users); none are needed.
    ///
    /// # Errors
    /// When NATS is not installed or does not start.
    pub async fn start(configuration: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("no folder for NATS")?;
        fs::write(folder.path().join("nats.conf"), configuration)
            .context("cannot configure NATS")?;
        let mut nats = Self { process: None, address: free_address()?, folder };
        nats.start_again().await?;
        Ok(nats)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as clients are told.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://{}", self.address)
    }

    /// Whether it was started and not stopped.
    #[must_use]
    pub const fn runs(&self) -> bool {
        self.process.is_some()
    }

    /// Ends it.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        match self.process.take() {
            Some(process) => process.end(Signal::Kill).await,
            None => Ok(()),
        }
    }

    /// Starts it again after [`stop`](Self::stop), at the same address.
    ///
    /// # Errors
    /// When it runs, or does not start.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        ensure!(self.process.is_none(), "NATS runs");
        let mut command = Command::new("nats-server");
        command.args(["--addr", &self.address.ip().to_string()]);
        command.args(["--port", &self.address.port().to_string()]);
        command.arg("--config").arg(self.folder.path().join("nats.conf"));
        let mut process = Process::start(command, PACKAGE, self.folder.path(), Signal::Kill)?;
        let address = self.address;
        process.ready(async || TcpStream::connect(address).await.is_ok()).await?;
        self.process = Some(process);
        Ok(())
    }
}
