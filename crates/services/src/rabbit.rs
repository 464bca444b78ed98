//! A RabbitMQ server.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::names::free_address;
use crate::process::{Process, Signal};

const PACKAGE: &str = "apt-get install rabbitmq-server";

/// Where Debian has the program itself; the one in the path changes the user and the folder first.
const PROGRAM: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// What a client of AMQP 0.9.1 says first.
const HELLO: &[u8] = b"AMQP\x00\x00\x09\x01";

/// A RabbitMQ server of one's own, for `guest` with the password `guest`. It keeps its address when it is stopped and
/// started, and what is durable. Erlang's `epmd`, which all programs of Erlang on a machine share, may stay behind.
#[derive(Debug)]
pub struct Rabbit {
    process: Option<Process>,
    address: SocketAddr,
    /// Where it would listen for others of a cluster.
    cluster: SocketAddr,
    folder: TempDir,
}

impl Rabbit {
    /// Starts one, with lines of RabbitMQ's own configuration (TLS); none are needed.
    ///
    /// # Errors
    /// When RabbitMQ is not installed or does not start.
    pub async fn start(configuration: &str) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("no folder for RabbitMQ")?;
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text);
        write("rabbitmq.conf", configuration).context("cannot configure RabbitMQ")?;
        write("plugins", "[].\n").context("cannot configure RabbitMQ")?;
        let (address, cluster) = (free_address()?, free_address()?);
        let mut rabbit = Self { process: None, address, cluster, folder };
        rabbit.start_again().await?;
        Ok(rabbit)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where it listens, as clients are told.
    #[must_use]
    pub fn url(&self) -> String {
        format!("amqp://guest:guest@{}", self.address)
    }

    /// Ends it politely: one that is killed may have forgotten a queue that was made a moment ago.
    ///
    /// # Errors
    /// When it does not end.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        match self.process.take() {
            Some(process) => process.end(Signal::Terminate).await,
            None => Ok(()),
        }
    }

    /// Starts it again after [`stop`](Self::stop), at the same address and with what it kept.
    ///
    /// # Errors
    /// When it runs, or does not start.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        ensure!(self.process.is_none(), "RabbitMQ runs");
        let process = Process::start(self.command(), PACKAGE, self.folder.path(), Signal::Kill);
        let mut process = process?;
        let address = self.address;
        process.ready(async || speaks(address).await).await?;
        self.process = Some(process);
        Ok(())
    }

    fn command(&self) -> Command {
        let program = if Path::new(PROGRAM).is_file() { PROGRAM } else { "rabbitmq-server" };
        let mut command = Command::new(program);
        let folder = self.folder.path();
        // So that the script becomes the server, instead of waiting for it.
        command.env("RUNNING_UNDER_SYSTEMD", "true");
        command.env("HOME", folder);
        command.env("RABBITMQ_NODENAME", format!("tidings-{}@localhost", self.address.port()));
        command.env("RABBITMQ_NODE_IP_ADDRESS", self.address.ip().to_string());
        command.env("RABBITMQ_NODE_PORT", self.address.port().to_string());
        command.env("RABBITMQ_DIST_PORT", self.cluster.port().to_string());
        command.env("RABBITMQ_LOGS", "-");
        for (variable, name) in [
            ("RABBITMQ_MNESIA_BASE", "data"),
            ("RABBITMQ_LOG_BASE", "log"),
            ("RABBITMQ_CONFIG_FILE", "rabbitmq"),
            ("RABBITMQ_ADVANCED_CONFIG_FILE", "advanced"),
            ("RABBITMQ_CONF_ENV_FILE", "environment"),
            ("RABBITMQ_ENABLED_PLUGINS_FILE", "plugins"),
            ("RABBITMQ_GENERATED_CONFIG_DIR", "generated"),
        ] {
            command.env(variable, folder.join(name));
        }
        command
    }
}

/// Whether it answers a client; it listens a little earlier.
async fn speaks(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address).await else { return false };
    let mut first = [0; 1];
    // The first byte of a method, as AMQP begins.
    stream.write_all(HELLO).await.is_ok()
        && stream.read_exact(&mut first).await.is_ok()
        && first == [1]
}
