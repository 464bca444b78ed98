//! The folder of bots' texts, watched: a bot reloads when its files change, without a restart. A broken text keeps the
//! version that runs, and the log and the event `bot.refused` say what is wrong.
//!
//! Looked at by size and time of the files, twice a second: this works on every file system, and costs a few calls.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use tidings_app::App;
use tidings_app::admin::bots::{Published, publish};
use tidings_behaviors::{BotSource, Problem, Severity};
use tidings_model::{BotName, WorkspaceId};
use tokio::sync::watch;

use crate::types_folder::TypesFolder;

/// How often the folder is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// The most bots of one folder, and files of one bot: what is beyond is named in the log and left out.
const BOTS_MAX: usize = 20_000;
const FILES_MAX: usize = 500;

/// Where a bot's own tests lie, below its folder.
const TESTS: &str = "tests";

/// What was seen of a bot's files: names, sizes, times.
type Print = Vec<(PathBuf, u64, Option<SystemTime>)>;

/// The folder, as it was last seen.
#[derive(Default)]
pub(crate) struct BotsFolder {
    seen: BTreeMap<BotName, Print>,
}

impl BotsFolder {
    /// Publishes what changed since the last look. Returns what was refused.
    pub(crate) async fn look(
        &mut self,
        app: &App,
        workspace: WorkspaceId,
        folder: &Path,
    ) -> anyhow::Result<Vec<Problem>> {
        let mut refused = Vec::new();
        for name in bots_in(folder)? {
            let bot_folder = folder.join(name.as_str());
            let print = print_of(&bot_folder)?;
            if self.seen.get(&name) == Some(&print) {
                continue;
            }
            let source = read_bot(&bot_folder, &name)?;
            match publish(app, workspace, source).await? {
                Published::Live { number, warnings, .. } => {
                    warnings.iter().for_each(report);
                    tracing::info!(bot = %name, "the bot {name} is live in version {number}");
                }
                Published::Unchanged { .. } => {}
                Published::Overruled { number } => tracing::warn!(
                    bot = %name,
                    "version {number} of {name}, published since its folder last changed, stays live: change the folder's text to publish it"
                ),
                Published::Refused { problems } => {
                    problems.iter().for_each(report);
                    tracing::warn!(bot = %name, "the new text of {name} is refused; what ran before runs on");
                    refused.extend(problems);
                }
            }
            // Not before: what could not be published is tried again at the next look.
            self.seen.insert(name, print);
        }
        Ok(refused)
    }

    /// Looks until told to stop: at the types of events, then at the bots. When a type changes, every text is read again,
    /// as it may name what was not there before.
    pub(crate) async fn watch(
        mut self,
        app: Arc<App>,
        workspace: WorkspaceId,
        folder: PathBuf,
        (mut types, types_folder): (TypesFolder, PathBuf),
        mut stop: watch::Receiver<bool>,
    ) {
        loop {
            tokio::select! {
                _ = stop.changed() => return,
                () = tokio::time::sleep(LOOK_INTERVAL) => {}
            }
            match types.look(&app, workspace, &types_folder).await {
                Ok(true) => self.seen.clear(),
                Ok(false) => {}
                Err(error) => {
                    tracing::warn!("the folder of types could not be read: {error:#}");
                }
            }
            if let Err(error) = self.look(&app, workspace, &folder).await {
                tracing::warn!("the folder of bots could not be read: {error:#}");
            }
        }
    }
}

/// The names of the bots in a folder: its folders that hold YAML. No folder means no bots.
pub(crate) fn bots_in(folder: &Path) -> anyhow::Result<Vec<BotName>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", folder.display()));
        }
    };
    let mut names = Vec::new();
    for entry in entries.take(BOTS_MAX) {
        let entry = entry?;
        if !entry.path().is_dir() {
            continue;
        }
        let name = entry.file_name();
        match name.to_str().and_then(|name| name.parse::<BotName>().ok()) {
            Some(name) if !name.as_str().starts_with('.') => names.push(name),
            Some(_) => {}
            None => tracing::warn!(
                "the folder {} has a name that no bot can have",
                entry.path().display()
            ),
        }
    }
    names.sort();
    Ok(names)
}

/// Reads a bot's text.
pub(crate) fn read_bot(folder: &Path, name: &BotName) -> anyhow::Result<BotSource> {
    Ok(BotSource { name: name.clone(), files: read_yaml(folder, folder)? })
}

/// Reads a bot's own tests; they are no part of its text.
pub(crate) fn read_tests(folder: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let tests = folder.join(TESTS);
    if tests.is_dir() { read_yaml(&tests, folder) } else { Ok(Vec::new()) }
}

/// The YAML files of a folder, each named from the folder of bots on.
fn read_yaml(from: &Path, folder: &Path) -> anyhow::Result<Vec<(String, String)>> {
    let mut files = Vec::new();
    for path in yaml_files(from)? {
        let text =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let shown = path.strip_prefix(folder.parent().unwrap_or(folder)).unwrap_or(&path);
        files.push((shown.display().to_string(), String::from_utf8_lossy(&text).into_owned()));
    }
    Ok(files)
}

fn print_of(folder: &Path) -> anyhow::Result<Print> {
    let mut print = Vec::new();
    for path in yaml_files(folder)? {
        let metadata =
            path.metadata().with_context(|| format!("cannot read {}", path.display()))?;
        print.push((path, metadata.len(), metadata.modified().ok()));
    }
    Ok(print)
}

pub(crate) fn yaml_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let entries =
        std::fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries.take(FILES_MAX) {
        let path = entry?.path();
        let is_yaml =
            path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml");
        if is_yaml && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn report(problem: &Problem) {
    match problem.severity {
        Severity::Error => tracing::error!("{problem}"),
        Severity::Warning => tracing::warn!("{problem}"),
    }
}
