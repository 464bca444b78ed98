//! PgBouncer in transaction mode, in front of a PostgreSQL server.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::names::free_address;
use crate::process::{Process, Signal, is_root, unprivileged};

const PACKAGE: &str = "apt-get install pgbouncer";

/// How many connections to PostgreSQL it shares among all.
const POOL: usize = 20;

/// A PgBouncer in transaction mode: each transaction may run on another connection.
#[derive(Debug)]
pub struct PgBouncer {
    /// Held while it runs.
    _process: Process,
    address: SocketAddr,
    _folder: TempDir,
}

impl PgBouncer {
    /// Starts one in front of the server at an address; all of its databases are there, under their names.
    ///
    /// # Errors
    /// When PgBouncer is not installed or does not start.
    pub async fn start(postgres: SocketAddr) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("no folder for PgBouncer")?;
        let address = free_address()?;
        let mut settings = String::from("[databases]\n");
        writeln!(settings, "* = host={} port={} user=postgres", postgres.ip(), postgres.port())?;
        writeln!(settings, "[pgbouncer]\nauth_type = any\npool_mode = transaction")?;
        writeln!(settings, "listen_addr = {}\nlisten_port = {}", address.ip(), address.port())?;
        writeln!(settings, "unix_socket_dir =\nmax_client_conn = 500")?;
        writeln!(
            settings,
            "default_pool_size = {POOL}\nignore_startup_parameters = extra_float_digits"
        )?;
        let file = folder.path().join("pgbouncer.ini");
        fs::write(&file, settings).context("cannot configure PgBouncer")?;
        // The other user reads the settings; nothing in them is secret.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))
            .context("cannot open a folder to PgBouncer")?;
        let user = is_root().then_some("postgres");
        let mut command = unprivileged(Path::new("pgbouncer"), user);
        command.arg(&file);
        let mut process = Process::start(command, PACKAGE, folder.path(), Signal::Kill)?;
        process.ready(async || TcpStream::connect(address).await.is_ok()).await?;
        Ok(Self { _process: process, address, _folder: folder })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}
