//! `tidings backup` and `tidings restore`: everything that an installation is, as a folder.
//!
//! The store is copied at one moment, also while a server writes to it. Files of customers never change once they are
//! written, so those are copied after it, as they are; the key goes with them, or no secret would open again.
//!
//! Neither leaves half of an installation under its name when it is cut short: a backup is made in a folder that is renamed
//! at the end, and a restore puts the store in its place last.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;

use super::say;
use crate::cli::{Backup, Restore};
use crate::installation::Installation;

pub(super) fn backup(options: &Backup) -> anyhow::Result<ExitCode> {
    let from = existing(&options.data)?;
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
    tidings_store_sqlite::backup(&from.store_file(), &to.store_file())
        .context("cannot copy the store")?;
    copy_rest(&from, &to)?;
    std::fs::rename(partial, &options.to)
        .with_context(|| format!("cannot give the backup its name {}", options.to.display()))?;
    say(format_args!(
        "The backup is in {}. It holds the installation's key: keep it safe.",
        options.to.display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn restore(options: &Restore) -> anyhow::Result<ExitCode> {
    let from = existing(&options.from)?;
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
    tidings_store_sqlite::backup(&from.store_file(), &to.store_file())
        .context("cannot copy the store")?;
    say(format_args!(
        "{} is ready: tidings serve --data {}",
        to.folder().display(),
        options.data.display()
    ))?;
    Ok(ExitCode::SUCCESS)
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
