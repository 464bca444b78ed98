//! `tidings backup` and `tidings restore`: everything that an installation is, as a folder.
//!
//! The store is copied at one moment, also while a server writes to it. Files of customers never change once they are
//! written, so those are copied after it, as they are; the key goes with them, or no secret would open again.
//!
//! Neither leaves half of an installation under its name when it is cut short: a backup is made in a folder that is renamed
//! at the end, and a restore puts the store in its place last.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use tidings_model::Clock;
use tidings_store::Store;
use tidings_store_postgres::PostgresStore;

use super::say;
use crate::cli::{Backup, Restore};
use crate::clock::SystemClock;
use crate::engine::Engine;
use crate::installation::Installation;
use crate::settings::Settings;

/// Where the copy of a database lies in a backup.
const DATABASE_FOLDER: &str = "database";

pub(super) async fn backup(options: &Backup) -> anyhow::Result<ExitCode> {
    let settings = Settings::read(&options.data, None, options.shared.said())?;
    let database = Engine::options(&settings);
    let from = match &database {
        Some(_) => there(&options.data)?,
        None => existing(&options.data)?,
    };
    anyhow::ensure!(!options.to.exists(), "{} is there already", options.to.display());
    let mut partial = options.to.as_os_str().to_owned();
    partial.push(".partial");
    let partial = Path::new(&partial);
    anyhow::ensure!(
        !partial.exists(),
        "{} is left from a backup that was cut short, or is being made: remove it first",
        partial.display()
    );
    let to = Installation::at(partial)?;
    match database {
        Some(options) => copy_database(options, &to.folder().join(DATABASE_FOLDER)).await?,
        None => tidings_store_sqlite::backup(&from.store_file(), &to.store_file())
            .context("cannot copy the store")?,
    }
    copy_rest(&from, &to)?;
    std::fs::rename(partial, &options.to)
        .with_context(|| format!("cannot give the backup its name {}", options.to.display()))?;
    say(format_args!(
        "The backup is in {}. It holds the installation's key: keep it safe.",
        options.to.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Copies the database at one moment, while its nodes serve.
async fn copy_database(options: tidings_store_postgres::Options, to: &Path) -> anyhow::Result<()> {
    let schema = PostgresStore::schema(&options).await?;
    anyhow::ensure!(
        schema.found == schema.known,
        "the database's schema is number {}, this binary knows {}: back up with the binary of the nodes",
        schema.found,
        schema.known
    );
    let bus = Arc::new(tidings_bus::Alone::default());
    let store = PostgresStore::open(options, Arc::new(SystemClock), bus).await?;
    let copied = store.backup(to).await.context("cannot copy the database");
    store.close().await;
    copied
}

pub(super) async fn restore(options: &Restore) -> anyhow::Result<ExitCode> {
    let copy = options.from.join(DATABASE_FOLDER);
    let from = if copy.is_dir() { there(&options.from)? } else { existing(&options.from)? };
    let database = match (&options.database, copy.is_dir()) {
        (Some(url), true) => Some(url),
        (None, false) => None,
        (None, true) => anyhow::bail!("it is of a database: say --database, with an empty one"),
        (Some(_), false) => anyhow::bail!(
            "it is of a data folder: restore it without --database, then tidings migrate-store"
        ),
    };
    let empty = match std::fs::read_dir(&options.data) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == std::io::ErrorKind::NotFound,
    };
    anyhow::ensure!(
        empty,
        "{} is not empty: a backup goes into a new folder only",
        options.data.display()
    );
    let to = Installation::at(&options.data)?;
    copy_rest(&from, &to)?;
    let how = match database {
        Some(url) => {
            tidings_store_postgres::restore(url, &copy, SystemClock.now())
                .await
                .context("cannot fill the database")?;
            " --database …"
        }
        None => {
            tidings_store_sqlite::backup(&from.store_file(), &to.store_file())
                .context("cannot copy the store")?;
            ""
        }
    };
    say(format_args!(
        "{} is ready: tidings serve --data {}{how}",
        to.folder().display(),
        options.data.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// A data folder, or a backup, that must be there.
fn there(folder: &Path) -> anyhow::Result<Installation> {
    anyhow::ensure!(folder.is_dir(), "there is no folder {}", folder.display());
    Installation::at(folder)
}

fn existing(folder: &Path) -> anyhow::Result<Installation> {
    anyhow::ensure!(
        folder.join("tidings.db").is_file(),
        "{} holds no installation",
        folder.display()
    );
    Installation::at(folder)
}

fn copy_rest(from: &Installation, to: &Installation) -> anyhow::Result<()> {
    for name in ["secret.key", "tidings.toml"] {
        let source = from.folder().join(name);
        if source.is_file() {
            std::fs::copy(&source, to.folder().join(name))
                .with_context(|| format!("cannot copy {name}"))?;
        }
    }
    for name in ["files", "bots"] {
        copy_folder(&from.folder().join(name), &to.folder().join(name))?;
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    if !from.is_dir() {
        return Ok(());
    }
    std::fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in
        std::fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))?
    {
        let path = entry?.path();
        let Some(name) = path.file_name() else { continue };
        if path.is_dir() {
            copy_folder(&path, &to.join(name))?;
        } else {
            std::fs::copy(&path, to.join(name))
                .with_context(|| format!("cannot copy {}", path.display()))?;
        }
    }
    Ok(())
}
