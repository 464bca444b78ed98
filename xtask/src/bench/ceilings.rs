//! The ceilings: the web framework that does nothing, the store that nobody stands before, the disk itself.
//!
//! Each runs as a process of its own (a part of this program), so that its CPU time can be told apart.

use std::fs::File;
use std::io::{BufRead, BufReader, Seek, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::routing::post;
use serde_json::{Value, json};
use tidings_model::{ChatId, Clock, Draft, EventId, ThreadId, Timestamp, WorkspaceId};
use tidings_store::{Batch, Store};
use tidings_store_postgres::PostgresStore;
use tidings_store_sqlite::SqliteStore;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use uuid::Uuid;

use super::accept::{self, CONNECTIONS, EVENT_TYPE, Load};
use super::site::CHATS;
use crate::figures::{Times, microseconds};
use crate::process;

/// The text of the events that the store is fed with: with it their envelopes are as long as those of the API's events.
const TEXT_BYTES: usize = 380;

/// What one raw sync writes before it: a page.
const PAGE_BYTES: usize = 4_096;

/// How many raw syncs are measured.
const SYNCS: usize = 300;

/// The time and ids of this machine, for what feeds the store directly.
#[derive(Debug)]
pub(super) struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "here is where the benchmark's time comes from")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    #[expect(clippy::disallowed_methods, reason = "here is where the benchmark's ids come from")]
    fn next_id(&self) -> Uuid {
        Uuid::now_v7()
    }
}

#[derive(clap::Args, Debug)]
pub(crate) struct HttpPart {
    /// The bytes of an answer's body.
    #[arg(long)]
    answer_bytes: usize,
}

/// Answers every event at once with a body of the same size. Prints its address first; lives until it is killed.
pub(super) async fn run_http(part: &HttpPart) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no free port")?;
    println!("{}", listener.local_addr().context("no free port")?);
    let answer = Bytes::from(vec![b'x'; part.answer_bytes]);
    let routes = Router::new().route("/api/v1/events", post(answer_at_once)).with_state(answer);
    axum::serve(listener, routes).await.context("the ceiling's server broke")
}

async fn answer_at_once(
    State(answer): State<Bytes>,
    _body: Bytes,
) -> (StatusCode, [(header::HeaderName, &'static str); 1], Bytes) {
    (StatusCode::CREATED, [(header::CONTENT_TYPE, "application/json")], answer)
}

/// A part that serves; it is killed when it is dropped.
pub(super) struct Serving {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Serving {
    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Starts a part that serves, and says where first.
pub(super) fn start_part(arguments: &[&str]) -> anyhow::Result<Serving> {
    let mut child = this_program(arguments)?
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start a part that serves")?;
    let output = child.stdout.take().context("a part has no output")?;
    let mut serving = Serving { child, address: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)) };
    let mut address = String::new();
    BufReader::new(output).read_line(&mut address).context("a part said nothing")?;
    serving.address = address.trim().parse().context("a part did not say its address")?;
    Ok(serving)
}

/// The same load as on the server, on the web framework alone. Also returns its CPU time for one request.
pub(super) async fn http_ceiling(
    requests: &Arc<[Vec<u8>]>,
    answer_bytes: usize,
    window: Duration,
) -> anyhow::Result<(Load, Duration)> {
    let part = start_part(&["http", "--answer-bytes", &answer_bytes.to_string()])?;
    let address = part.address;
    let load = accept::load(&[address], requests, window).await?;
    let cpu = process::cpu_time(part.pid())?;
    let each = cpu / u32::try_from(load.sent).unwrap_or(u32::MAX).max(1);
    Ok((load, each))
}

#[derive(clap::Args, Debug)]
pub(crate) struct StorePart {
    /// Where the store lies.
    #[arg(long)]
    folder: PathBuf,
    /// The store lies in this database of PostgreSQL instead.
    #[arg(long)]
    database: Option<String>,
    /// For how long it is fed, in milliseconds.
    #[arg(long)]
    window_ms: u64,
}

/// Feeds a store with batches of one event from as many tasks as the load has connections. Prints what came out.
pub(super) async fn run_store(part: &StorePart) -> anyhow::Result<()> {
    let store: Arc<dyn Store> = match &part.database {
        Some(url) => open_postgres(url).await?,
        None => open_store(&part.folder)?,
    };
    let workspace = WorkspaceId::new(SystemClock.next_id());
    let rooms: Arc<[Room]> = (0..CHATS).map(|_| Room::new()).collect();
    let window = Duration::from_millis(part.window_ms);
    let (cpu_before, began) = (process::cpu_time(std::process::id())?, Instant::now());
    let mut tasks = JoinSet::new();
    for number in 0..CONNECTIONS {
        let (store, rooms) = (Arc::clone(&store), Arc::clone(&rooms));
        tasks.spawn(async move {
            let mut times = Vec::with_capacity(16 << 10);
            for room in rooms.iter().cycle().skip(number).step_by(CONNECTIONS) {
                let sent_at = Instant::now();
                if sent_at.duration_since(began) >= window {
                    break;
                }
                let mut batch = Batch::new(workspace);
                batch.events.push(draft(workspace, *room));
                store.commit(batch).await.context("the store refused a batch")?;
                times.push(sent_at.elapsed());
            }
            anyhow::Ok(times)
        });
    }
    let mut all = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        all.extend(ended.context("a feeder broke")??);
    }
    let took = began.elapsed();
    let cpu = process::cpu_time(std::process::id())?.saturating_sub(cpu_before);
    store.close().await;
    let times = Times::new(all);
    let count = times.count() as f64;
    let figures = json!({
        "per_second": count / took.as_secs_f64(),
        "cpu_us": microseconds(cpu) / count,
        "p50_us": microseconds(times.percentile(50)),
        "p99_us": microseconds(times.percentile(99)),
    });
    println!("{figures}");
    Ok(())
}

/// Runs [`run_store`] in a process of its own and returns what it printed.
pub(super) fn store_ceiling(folder: &Path, window: Duration) -> anyhow::Result<Value> {
    std::fs::create_dir_all(folder).context("cannot make a folder for the store")?;
    store_figures(folder, None, window)
}

/// The same on PostgreSQL.
pub(super) fn postgres_figures(
    folder: &Path,
    url: &str,
    window: Duration,
) -> anyhow::Result<Value> {
    store_figures(folder, Some(url), window)
}

fn store_figures(folder: &Path, url: Option<&str>, window: Duration) -> anyhow::Result<Value> {
    let window_ms = window.as_millis().to_string();
    let output = this_program(&["store", "--window-ms", &window_ms, "--folder"])?
        .arg(folder)
        .args(url.map(|url| format!("--database={url}")))
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start the store's part")?;
    ensure!(output.status.success(), "the store's part failed");
    serde_json::from_slice(&output.stdout).context("the store's part printed no figures")
}

/// A chat and its thread.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    chat: ChatId,
    thread: ThreadId,
}

impl Room {
    pub(super) fn new() -> Self {
        Self {
            chat: ChatId::new(SystemClock.next_id()),
            thread: ThreadId::new(SystemClock.next_id()),
        }
    }
}

/// An event like those that the load posts.
pub(super) fn draft(workspace: WorkspaceId, room: Room) -> Draft {
    let event_type = EVENT_TYPE.parse().expect("it is the name of a type");
    let data = json!({"text": "x".repeat(TEXT_BYTES)});
    let id = EventId::new(SystemClock.next_id());
    let mut draft = Draft::new(id, event_type, workspace, SystemClock.now(), data);
    draft.chat = Some(room.chat);
    draft.thread = Some(room.thread);
    draft
}

/// Opens the store of a data folder, as the server does.
pub(super) fn open_store(folder: &Path) -> anyhow::Result<Arc<dyn Store>> {
    let options = tidings_store_sqlite::Options::default();
    let store = SqliteStore::open(&folder.join("tidings.db"), options, Arc::new(SystemClock));
    Ok(Arc::new(store.context("cannot open the store")?))
}

async fn open_postgres(url: &str) -> anyhow::Result<Arc<dyn Store>> {
    let options = tidings_store_postgres::Options::new(url);
    let (clock, bus) = (Arc::new(SystemClock), Arc::new(tidings_bus::Alone::default()));
    let store = PostgresStore::open(options, clock, bus).await;
    Ok(Arc::new(store.context("cannot open the store in the database")?))
}

/// One part of this program, as a command.
pub(super) fn this_program(arguments: &[&str]) -> anyhow::Result<Command> {
    let mut command =
        Command::new(std::env::current_exe().context("cannot tell where this program is")?);
    command.arg("bench-part").args(arguments).stdin(Stdio::null());
    Ok(command)
}

/// How long the disk takes to sync, many times in a row.
pub(super) fn raw_syncs(folder: &Path) -> anyhow::Result<Times> {
    let mut disk = RawDisk::open(folder)?;
    let times: anyhow::Result<Vec<Duration>> = (0..SYNCS).map(|_| disk.sync_once()).collect();
    Ok(Times::new(times?))
}

/// A file that has its size already, as a log has that is used again.
pub(super) struct RawDisk {
    file: File,
    path: PathBuf,
    written: usize,
}

impl RawDisk {
    pub(super) fn open(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join("syncs");
        let mut file = File::create(&path).context("cannot make a file to sync")?;
        file.write_all(&[b'x'; PAGE_BYTES].repeat(SYNCS))
            .and_then(|()| file.sync_all())
            .context("cannot fill a file to sync")?;
        Ok(Self { file, path, written: SYNCS })
    }

    /// How long it takes to sync one page.
    pub(super) fn sync_once(&mut self) -> anyhow::Result<Duration> {
        if self.written == SYNCS {
            self.file.rewind().context("cannot go back in a file to sync")?;
            self.written = 0;
        }
        self.written += 1;
        let began = Instant::now();
        let written = self.file.write_all(&[b'x'; PAGE_BYTES]);
        written.and_then(|()| self.file.sync_data()).context("cannot sync a file")?;
        Ok(began.elapsed())
    }
}

impl Drop for RawDisk {
    fn drop(&mut self) {
        // It lies in a folder that goes away as well.
        drop(std::fs::remove_file(&self.path));
    }
}
