//! What the server takes when it does nothing: memory, time to start, size.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tidings_model::Seq;
use tidings_store::archive::Archive;
use tidings_store::{Advance, Batch};
use tidings_store_sqlite::SqliteArchive;

use super::ceilings::{Room, draft, open_store, this_program};
use super::site::CHATS;
use crate::installation::Installation;
use crate::process::{self, Memory};

/// How many events one batch of the filling has.
const BATCH: usize = 1_000;

/// How long the server is left alone before its memory is read.
const ALONE: Duration = Duration::from_secs(2);

/// The readers of the log.
pub(super) const READERS: &[&str] = &["react", "route", "deliver", "send"];

/// Starts on a folder, and returns how long it took until it was ready, with the memory it took while nobody came.
pub(super) async fn start_once(installation: &Installation) -> anyhow::Result<(Duration, Memory)> {
    let running = installation.start().await?;
    let ready_after = running.ready_after;
    tokio::time::sleep(ALONE).await;
    let memory = process::memory(running.pid())?;
    running.stop().await?;
    Ok((ready_after, memory))
}

#[derive(clap::Args, Debug)]
pub(crate) struct FillPart {
    /// The server's data folder; the server has been there once and is not running.
    #[arg(long)]
    folder: PathBuf,
    /// How many events.
    #[arg(long)]
    events: usize,
    /// What the readers are left to do.
    #[arg(long, value_enum, default_value_t)]
    left: Left,
}

/// What the readers of a filled folder are left to do.
#[derive(clap::ValueEnum, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing: it looks as if they had read it all.
    #[default]
    Nothing,
    /// Everything is to be delivered to endpoints.
    Deliveries,
}

/// Writes events through the store, as fast as it takes them.
pub(super) async fn fill(part: &FillPart) -> anyhow::Result<()> {
    let store = open_store(&part.folder)?;
    let workspaces = store.workspaces().await.context("cannot list the workspaces")?;
    let workspace = *workspaces.first().context("the server has not made its workspace yet")?;
    let rooms: Vec<Room> = (0..CHATS).map(|_| Room::new()).collect();
    let mut rooms = rooms.iter().cycle();
    let (mut left, mut last) = (part.events, Seq::START);
    while left > 0 {
        let count = left.min(BATCH);
        let mut batch = Batch::new(workspace);
        batch.events.extend(rooms.by_ref().take(count).map(|room| draft(workspace, *room)));
        let committed = store.commit(batch).await.context("the store refused a batch")?;
        left -= count;
        last = committed.events.last().context("a batch gave no events")?.seq;
        let mut read = Batch::new(workspace);
        read.cursors = READERS
            .iter()
            .filter(|reader| part.left == Left::Nothing || **reader != "deliver")
            .map(|reader| Advance { reader: (*reader).to_owned(), to: last })
            .collect();
        if !read.is_empty() {
            store.commit(read).await.context("the store refused a cursor")?;
        }
    }
    store.close().await;
    // The archive keeps its own cursor: it is as far as the readers.
    let archive = SqliteArchive::open(&part.folder.join("archive.db"));
    let archive = archive.context("cannot open the archive")?;
    archive.put(workspace, last, Vec::new()).await.context("the archive refused its cursor")?;
    archive.close().await;
    Ok(())
}

/// Fills a data folder in a process of its own. Returns how long it took.
pub(super) fn fill_folder(data: &Path, events: usize, left: Left) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let left = match left {
        Left::Nothing => "nothing",
        Left::Deliveries => "deliveries",
    };
    let status =
        this_program(&["fill", "--events", &events.to_string(), "--left", left, "--folder"])?
            .arg(data)
            .status();
    ensure!(status.context("cannot start the filling")?.success(), "the filling failed");
    Ok(began.elapsed())
}
