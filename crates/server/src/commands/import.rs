//! `tidings import cerb`: bots of Cerb, translated and put into a folder of bots.
//!
//! All files are read and translated before the first is written, and none is written while one would write over another
//! without `--replace`; so a second try after a failure does no harm.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use tidings_import::refusal::FILE_BYTES_MAX;
use tidings_import::{CerbFile, Count, Imported, Mark, Report, cerb};

use super::say;
use crate::cli::import::{Cerb, From, Import};

pub(super) fn import(options: &Import) -> anyhow::Result<ExitCode> {
    match &options.from {
        From::Cerb(options) => import_cerb(options),
    }
}

fn import_cerb(options: &Cerb) -> anyhow::Result<ExitCode> {
    let mut read = Vec::with_capacity(options.files.len());
    let mut failed = 0;
    for path in &options.files {
        match bytes_of(path) {
            Ok(bytes) => read.push((path.display().to_string(), bytes)),
            Err(error) => {
                failed += 1;
                say(format_args!("error[cannot_read]: {error:#}"))?;
            }
        }
    }
    let files: Vec<CerbFile<'_>> =
        read.iter().map(|(name, bytes)| CerbFile { name, bytes }).collect();
    let imported = cerb(&files);
    for refusal in &imported.refused {
        failed += 1;
        say(format_args!("error[{}]: {refusal}", refusal.code()))?;
    }
    tell(&imported.report)?;
    write(options, &imported)?;
    say(format_args!("{} files of bots in {}", imported.files.len(), options.into.display()))?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A file's bytes, and one more than are read where there are too many, so that it is told.
fn bytes_of(path: &Path) -> anyhow::Result<Vec<u8>> {
    let cannot = || format!("cannot read {}", path.display());
    let file = File::open(path).with_context(cannot)?;
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).with_context(cannot)?;
    Ok(bytes)
}

fn write(options: &Cerb, imported: &Imported) -> anyhow::Result<()> {
    let place = |bot: &str, file: &str| -> PathBuf { options.into.join(bot).join(file) };
    if !options.replace {
        for file in &imported.files {
            let path = place(file.bot.as_str(), &file.file);
            anyhow::ensure!(
                !path.exists(),
                "{} is there already: say --replace to write over it, or another --into; nothing was written",
                path.display()
            );
        }
    }
    for file in &imported.files {
        let path = place(file.bot.as_str(), &file.file);
        let folder = options.into.join(file.bot.as_str());
        std::fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        std::fs::write(&path, &file.text)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn tell(report: &Report) -> anyhow::Result<()> {
    let marks: [(&str, &[Mark]); 2] =
        [("not translated", &report.marked), ("to look at", &report.notes)];
    for (title, marks) in marks {
        for mark in marks {
            say(format_args!(
                "{title}: {}: {}: {}: {}",
                mark.file, mark.path, mark.what, mark.why
            ))?;
        }
    }
    say(format_args!("{:14}{:>12}{:>12}{:>12}", "", "translated", "marked", "all"))?;
    let rows: [(&str, Count); 4] = [
        ("nodes", report.nodes),
        ("actions", report.actions),
        ("conditions", report.conditions),
        ("placeholders", report.placeholders),
    ];
    for (name, count) in rows {
        say(format_args!(
            "{name:14}{:>12}{:>12}{:>12}",
            count.translated,
            count.marked,
            count.all()
        ))?;
    }
    say(format_args!("{} behaviors of {} files", report.behaviors, report.files))
}
