//! One server for all processes of a test run, with a database for each test.
//!
//! Who uses it holds the lock file `users` together with the others; whoever comes first starts it. A keeper, which is no
//! child of any test, stops it when nobody has held the lock for some seconds. Starting and stopping hold the lock `gate`.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};
use tokio::net::TcpStream;

use super::template::{self, Programs, meeting_place};
use super::{any_name, configure, is_ready, query, serve, url_at};
use crate::PostgresSettings;
use crate::names::free_address;
use crate::process::{POLL, READY_WITHIN};

/// Runs the server and stops it when the lock of its users was free twice in a row. Its arguments are the folder of the server, the
/// file with its address, and the server's command; the locks are its open files 8 and 9.
const KEEPER: &str = r#"
    folder=$1; state=$2; gate=$3; users=$4; shift 4
    "$@" </dev/null >"$folder/server.log" 2>&1 &
    server=$!
    free=0
    while sleep 2; do
        exec 8>>"$gate" 9>>"$users"
        flock 8
        kill -0 $server 2>/dev/null || break
        if flock --nonblock 9; then free=$((free + 1)); else free=0; fi
        [ $free -ge 2 ] && break
        exec 8>&- 9>&-
    done
    rm -f "$state"
    kill -INT $server
    wait $server
    rm -rf "$folder"
"#;

/// An empty database on the shared server. It is dropped with its handle.
#[derive(Debug)]
pub struct Database {
    programs: Programs,
    address: SocketAddr,
    name: String,
    /// Locked as long as the server is needed.
    _users: File,
}

impl Database {
    /// Where it is, as clients are told.
    #[must_use]
    pub fn url(&self) -> String {
        url_at(self.address, &self.name)
    }

    /// Its name on its server.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its server listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Runs SQL by `psql`, and gives what it prints, unaligned.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn query(&self, sql: &str) -> anyhow::Result<String> {
        query(&self.programs, self.address, &self.name, sql).await
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // The server goes away after the run; dropping what is done only keeps it small.
        drop(
            Command::new(self.programs.path("psql"))
                .args(["--no-psqlrc", "--quiet", "--dbname", &url_at(self.address, "postgres")])
                .args(["--command", &format!("DROP DATABASE {} WITH (FORCE)", self.name)])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status(),
        );
    }
}

pub(crate) async fn database() -> anyhow::Result<Database> {
    let meeting_place = meeting_place()?.join("shared");
    fs::create_dir_all(&meeting_place).context("cannot make a folder to meet in")?;
    let programs = Programs::find();
    let file = |name: &str| {
        let file = File::options().create(true).append(true).open(meeting_place.join(name));
        file.with_context(|| format!("cannot open the lock {name:?}"))
    };
    let (gate, users) = (file("gate")?, file("users")?);
    let gate = tokio::task::spawn_blocking(move || gate.lock().map(|()| gate)).await?;
    let gate = gate.context("cannot lock the gate of PostgreSQL")?;
    users.lock_shared().context("cannot lock PostgreSQL for its users")?;
    let address = match running(&meeting_place).await {
        Some(address) => address,
        None => start(&programs, &meeting_place).await?,
    };
    drop(gate);
    let name = any_name();
    query(&programs, address, "postgres", &format!("CREATE DATABASE {name}")).await?;
    Ok(Database { programs, address, name, _users: users })
}

/// The server that runs already.
async fn running(meeting_place: &Path) -> Option<SocketAddr> {
    let address = fs::read_to_string(state_of(meeting_place)).ok()?.parse().ok()?;
    TcpStream::connect(address).await.is_ok().then_some(address)
}

fn state_of(meeting_place: &Path) -> PathBuf {
    meeting_place.join("address")
}

async fn start(programs: &Programs, meeting_place: &Path) -> anyhow::Result<SocketAddr> {
    let folder = tempfile::tempdir().context("no folder for PostgreSQL")?;
    let data = folder.path().join("data");
    let address = free_address()?;
    template::copy_to(programs, &data).await?;
    template::open_to(programs, folder.path()).await?;
    configure(&data, address, &PostgresSettings::default())?;
    let server = serve(programs, &data);
    // From here on the keeper removes it.
    let folder = folder.keep();
    let mut keeper = Command::new("sh")
        .args(["-c", KEEPER, "sh"])
        .arg(&folder)
        .args([state_of(meeting_place), meeting_place.join("gate"), meeting_place.join("users")])
        .arg(server.get_program())
        .args(server.get_args())
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start a keeper")?;
    let began = Instant::now();
    let log = folder.join("server.log");
    while !is_ready(&data, None) {
        let ended = keeper.try_wait().context("cannot look after the keeper")?.is_some();
        let told = || fs::read_to_string(&log).unwrap_or_default();
        ensure!(!ended && began.elapsed() < READY_WITHIN, "PostgreSQL does not start:\n{}", told());
        tokio::time::sleep(POLL).await;
    }
    fs::write(state_of(meeting_place), address.to_string()).context("cannot note an address")?;
    Ok(address)
}
