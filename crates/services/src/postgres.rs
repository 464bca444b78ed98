//! A PostgreSQL server: made from a template, started, stopped, restarted.

pub(crate) mod shared;
mod standby;
mod template;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use tempfile::TempDir;

pub use shared::Database;

use crate::names::{any_number, free_address};
use crate::process::{self, Process, Signal};
use template::Programs;

/// How a server is set up.
#[derive(Clone, Debug, Default)]
pub struct PostgresSettings {
    /// Sync the disk at each commit, as an installation does. Without it a test is faster and survives all but a power cut.
    pub durable: bool,
    /// Let in over TLS only, with this certificate and its key, both in PEM.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Further settings, as `name` and `value`.
    pub more: Vec<(String, String)>,
}

/// How a server ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Connections are broken off, transactions rolled back, everything is written down.
    Fast,
    /// At once, as by a crash: the next start recovers.
    Immediate,
}

/// A server of one's own. It keeps its address when it is stopped and started.
#[derive(Debug)]
pub struct Postgres {
    programs: Programs,
    process: Option<Process>,
    address: SocketAddr,
    folder: TempDir,
}

impl Postgres {
    /// Makes an empty server and starts it.
    ///
    /// # Errors
    /// When PostgreSQL is not installed or does not start.
    pub async fn start(settings: &PostgresSettings) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("no folder for PostgreSQL")?;
        let programs = Programs::find();
        let address = free_address()?;
        let data = folder.path().join("data");
        template::copy_to(&programs, &data).await?;
        template::open_to(&programs, folder.path()).await?;
        configure(&data, address, settings)?;
        if let Some((certificate, key)) = &settings.tls {
            encrypt(&programs, &data, certificate, key).await?;
        }
        let mut postgres = Self { programs, process: None, address, folder };
        postgres.start_again().await?;
        Ok(postgres)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its first database, which is empty, as clients are told. Everybody is let in.
    #[must_use]
    pub fn url(&self) -> String {
        url_at(self.address, "postgres")
    }

    /// The address of one of its databases by way of a proxy or a pooler.
    #[must_use]
    pub fn url_by(way: SocketAddr, database: &str) -> String {
        url_at(way, database)
    }

    /// Makes a new, empty database, and gives its address as clients are told.
    ///
    /// # Errors
    /// When the server does not run.
    pub async fn fresh_database(&self) -> anyhow::Result<String> {
        let name = any_name();
        self.query("postgres", &format!("CREATE DATABASE {name}")).await?;
        Ok(url_at(self.address, &name))
    }

    /// Runs SQL by `psql` in one of its databases, and gives what it prints, unaligned.
    ///
    /// # Errors
    /// When the server does not run, or refuses.
    pub async fn query(&self, database: &str, sql: &str) -> anyhow::Result<String> {
        query(&self.programs, self.address, database, sql).await
    }

    /// A program that comes with this PostgreSQL, as `pgbench`.
    #[must_use]
    pub fn program(&self, name: &str) -> PathBuf {
        self.programs.path(name)
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
    pub async fn stop(&mut self, how: Shutdown) -> anyhow::Result<()> {
        let Some(process) = self.process.take() else { return Ok(()) };
        let signal = match how {
            Shutdown::Fast => Signal::Interrupt,
            Shutdown::Immediate => Signal::Quit,
        };
        process.end(signal).await
    }

    /// Starts it again after [`stop`](Self::stop), at the same address, with what it had.
    ///
    /// # Errors
    /// When it runs, or does not start.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        ensure!(self.process.is_none(), "PostgreSQL runs");
        let data = self.folder.path().join("data");
        let command = serve(&self.programs, &data);
        let mut process =
            Process::start(command, template::PACKAGE, self.folder.path(), Signal::Quit)?;
        let pid = process.pid();
        process.ready(async || is_ready(&data, Some(pid))).await?;
        self.process = Some(process);
        Ok(())
    }

    /// Ends it and starts it again.
    ///
    /// # Errors
    /// When it does not end, or does not start.
    pub async fn restart(&mut self, how: Shutdown) -> anyhow::Result<()> {
        self.stop(how).await?;
        self.start_again().await
    }
}

fn url_at(address: SocketAddr, database: &str) -> String {
    format!("postgres://postgres@{address}/{database}")
}

fn any_name() -> String {
    format!("t{:016x}", any_number())
}

fn serve(programs: &Programs, data: &Path) -> Command {
    let mut command = programs.unprivileged("postgres");
    command.arg("-D").arg(data);
    command
}

async fn query(
    programs: &Programs,
    address: SocketAddr,
    database: &str,
    sql: &str,
) -> anyhow::Result<String> {
    let mut command = Command::new(programs.path("psql"));
    command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
    command.args(["--set", "ON_ERROR_STOP=1"]);
    command.args(["--dbname", &url_at(address, database), "--command", sql]);
    process::output(command, template::PACKAGE).await
}

fn configure(data: &Path, address: SocketAddr, settings: &PostgresSettings) -> anyhow::Result<()> {
    let mut text = String::new();
    writeln!(text, "listen_addresses = '{}'\nport = {}", address.ip(), address.port())?;
    writeln!(text, "unix_socket_directories = ''\nmax_connections = 400")?;
    writeln!(text, "shared_buffers = 128MB\nlog_min_messages = warning")?;
    if !settings.durable {
        writeln!(text, "fsync = off\nfull_page_writes = off")?;
    }
    for (name, value) in &settings.more {
        writeln!(text, "{name} = '{value}'")?;
    }
    // Read after `postgresql.conf`, and ours alone to write.
    fs::write(data.join("postgresql.auto.conf"), text).context("cannot configure PostgreSQL")
}

/// Puts a certificate where the server's user alone reads its key, and lets nobody in without TLS.
async fn encrypt(
    programs: &Programs,
    data: &Path,
    certificate: &Path,
    key: &Path,
) -> anyhow::Result<()> {
    fs::copy(certificate, data.join("server.crt")).context("cannot copy a certificate")?;
    let own = data.join("server.key");
    fs::copy(key, &own).context("cannot copy a key")?;
    fs::set_permissions(&own, fs::Permissions::from_mode(0o600)).context("cannot close a key")?;
    template::open_to(programs, &own).await?;
    append(data, "ssl = on")?;
    fs::write(data.join("pg_hba.conf"), "hostssl all all all trust\n")
        .context("cannot say who is let in")
}

/// Says one more thing in a server's configuration; what is said last counts.
fn append(data: &Path, line: &str) -> anyhow::Result<()> {
    let file = File::options().append(true).open(data.join("postgresql.auto.conf"));
    let mut file = file.context("cannot open the configuration of PostgreSQL")?;
    writeln!(file, "{line}").context("cannot configure PostgreSQL")
}

/// Whether a server says in its lock file that it is ready, as `pg_ctl` looks: the first line has its process, the eighth
/// its state. A file of an earlier process may lie there.
fn is_ready(data: &Path, pid: Option<u32>) -> bool {
    let file = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    let mut lines = file.lines();
    let of: Option<u32> = lines.next().and_then(|line| line.trim().parse().ok());
    (pid.is_none() || pid == of)
        && lines.nth(6).is_some_and(|state| matches!(state.trim(), "ready" | "standby"))
}
