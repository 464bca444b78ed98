//! `tidings migrate-store`: everything of a store into another engine, while nobody serves.
//!
//! It reads the old store page by page, loads the new one, and then reads the new one as a whole: counts and checksums of
//! both must be the same. The old store stays as it was. A move that was cut short is begun again by the same command.

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tidings_app::nodes::DEAD_AFTER;
use tidings_bus::Alone;
use tidings_store::Nodes;
use tidings_store::transfer::{Cursors, Load, Movable, Part, Sums, move_all, sum_up};
use tidings_store_postgres::{PostgresLoad, PostgresStore};
use tidings_store_sqlite::{SqliteLoad, SqliteStore};

use super::say;
use crate::cli::MigrateStore;
use crate::clock::SystemClock;
use crate::installation::Installation;

/// How often it says how far it is.
const TELL_INTERVAL: Duration = Duration::from_secs(2);

/// One end of a move.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// A data folder, with a file in it.
    Folder(PathBuf),
    /// A database.
    Database(String),
}

impl FromStr for End {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_database = text.starts_with("postgres://") || text.starts_with("postgresql://");
        Ok(if is_database { Self::Database(text.into()) } else { Self::Folder(text.into()) })
    }
}

impl End {
    /// How people call it; without the password.
    fn shown(&self) -> String {
        match self {
            Self::Folder(path) => path.display().to_string(),
            Self::Database(_) => "the database".into(),
        }
    }
}

pub(super) async fn migrate_store(options: MigrateStore) -> anyhow::Result<ExitCode> {
    let MigrateStore { from, to } = options;
    let cursors = match to {
        End::Folder(_) => Cursors::Whole,
        End::Database(_) => Cursors::PerShare,
    };
    let old = open(&from).await.with_context(|| format!("cannot move {} away", from.shown()))?;
    let moved = move_from(&*old, &from, &to, cursors).await;
    old.close().await;
    moved
}

async fn move_from(
    old: &dyn Movable,
    from: &End,
    to: &End,
    cursors: Cursors,
) -> anyhow::Result<ExitCode> {
    let all = old.stats().await?;
    say(format_args!(
        "Moving {} events, {} documents and {} timers from {} to {}.",
        all.events,
        all.documents,
        all.timers,
        from.shown(),
        to.shown()
    ))?;
    let mut load = begin(to).await?;
    let mut teller = Teller::new("moved");
    let moved = move_all(old, &mut *load, cursors, &mut |sums| teller.tell(sums)).await;
    let moved = moved.with_context(|| format!("{} has only a part: run this again", to.shown()))?;
    load.finish().await?;
    let new = open(to).await.context("what was moved cannot be opened")?;
    let mut teller = Teller::new("compared");
    let found = sum_up(&*new, cursors, &mut |sums| teller.tell(sums)).await;
    new.close().await;
    let found = found.context("what was moved cannot be read")?;
    let mut is_equal = true;
    for part in Part::ALL {
        let (was, is) = (moved.of(part), found.of(part));
        let verdict = if was == is { "ok   " } else { "WRONG" };
        is_equal &= was == is;
        say(format_args!(
            "{verdict} {part}: {} moved, checksum {:08x}; {} found, checksum {:08x}",
            was.count, was.checksum, is.count, is.checksum
        ))?;
    }
    anyhow::ensure!(
        is_equal,
        "what was moved is not what was there: use the old store, and tell us of this"
    );
    say(done(from, to))?;
    Ok(ExitCode::SUCCESS)
}

/// What is left to do.
fn done(from: &End, to: &End) -> String {
    let next = match to {
        End::Database(_) => {
            "Copy secret.key of the old data folder into the data folder of every node, and files of \
             customers to where all nodes reach them, then start: tidings serve --database …"
                .to_owned()
        }
        End::Folder(folder) => {
            let key = folder.join("secret.key");
            let key = if key.exists() {
                String::new()
            } else {
                format!("Copy secret.key of a node to {}, files of customers as well; then start: ", key.display())
            };
            format!("{key}tidings serve --data {}", folder.display())
        }
    };
    format!("Everything was moved, and is equal. {} stays as it was.\n{next}", from.shown())
}

/// Opens a store of which nobody else may write anything now.
async fn open(end: &End) -> anyhow::Result<Arc<dyn Movable>> {
    match end {
        End::Folder(folder) => {
            let file = folder.join("tidings.db");
            anyhow::ensure!(file.is_file(), "there is no store in {}", folder.display());
            let store = SqliteStore::open(&file, Default::default(), Arc::new(SystemClock));
            Ok(Arc::new(store.context("is a server running in this folder? stop it first")?))
        }
        End::Database(url) => {
            let options = tidings_store_postgres::Options::new(url);
            let bus = Arc::new(Alone::default());
            let store = PostgresStore::open(options, Arc::new(SystemClock), bus).await?;
            let alive: Vec<String> = store
                .nodes()
                .await?
                .into_iter()
                .filter(|peer| peer.age < DEAD_AFTER)
                .map(|peer| peer.node.name)
                .collect();
            anyhow::ensure!(
                alive.is_empty(),
                "nodes serve from it: stop all of them first ({})",
                alive.join(", ")
            );
            Ok(Arc::new(store))
        }
    }
}

/// Begins to fill the other end.
async fn begin(end: &End) -> anyhow::Result<Box<dyn Load>> {
    Ok(match end {
        End::Folder(folder) => {
            let installation = Installation::at(folder)?;
            Box::new(SqliteLoad::begin(&installation.store_file(), &SystemClock)?)
        }
        End::Database(url) => {
            let options = tidings_store_postgres::Options::new(url);
            Box::new(PostgresLoad::begin(&options, &SystemClock).await?)
        }
    })
}

/// Says now and then how far it is.
struct Teller {
    what: &'static str,
    last: Instant,
}

impl Teller {
    fn new(what: &'static str) -> Self {
        Self { what, last: Instant::now() }
    }

    fn tell(&mut self, sums: &Sums) {
        if self.last.elapsed() < TELL_INTERVAL {
            return;
        }
        self.last = Instant::now();
        let counts: Vec<String> = Part::ALL
            .into_iter()
            .map(|part| (part, sums.of(part).count))
            .filter(|(_, count)| *count > 0)
            .map(|(part, count)| format!("{count} {part}"))
            .collect();
        // Who does not read on is told at the end.
        drop(say(format_args!("{}: {}", self.what, counts.join(", "))));
    }
}
