//! An S3 server, which checks every signature: `s3s-fs`, which `cargo xtask test` installs.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;
use tempfile::TempDir;
use tokio::net::TcpStream;

use crate::names::free_address;
use crate::process::{Process, Signal};

const PACKAGE: &str = "`cargo xtask test` installs s3s-fs into target/tools";

/// A server with one bucket.
#[derive(Debug)]
pub struct S3 {
    /// Held while it runs.
    _process: Process,
    address: SocketAddr,
    folder: TempDir,
}

impl S3 {
    /// The name of its bucket.
    pub const BUCKET: &str = "tidings";

    /// Who may use it.
    pub const ACCESS_KEY: &str = "AKTIDINGS";

    /// What they sign with.
    pub const SECRET_KEY: &str = "a secret of tests";

    /// Starts one with an empty bucket.
    ///
    /// # Errors
    /// When it is not installed or does not start.
    pub async fn start() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir().context("no folder for S3")?;
        let root = folder.path().join("buckets");
        fs::create_dir_all(root.join(Self::BUCKET)).context("cannot make a bucket")?;
        let address = free_address()?;
        let mut command = Command::new(program());
        command.args(["--host", &address.ip().to_string(), "--port", &address.port().to_string()]);
        command
            .args(["--access-key", Self::ACCESS_KEY, "--secret-key", Self::SECRET_KEY])
            .arg(root);
        let mut process = Process::start(command, PACKAGE, folder.path(), Signal::Kill)?;
        process.ready(async || TcpStream::connect(address).await.is_ok()).await?;
        Ok(Self { _process: process, address, folder })
    }

    /// Where it listens.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it keeps what is in its buckets, each in a folder of its name.
    #[must_use]
    pub fn buckets(&self) -> PathBuf {
        self.folder.path().join("buckets")
    }
}

fn program() -> PathBuf {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/tools/bin/s3s-fs");
    if installed.is_file() { installed } else { "s3s-fs".into() }
}
