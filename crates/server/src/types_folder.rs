//! The folder of the workspace's own types of events, watched: `*.toml`, see [`tidings_catalogue::own::file`]. A type is
//! made or changed when its file changes, without a restart, by the same rules as over the API; what is refused is named in
//! the log, and the type stays as it was. A type whose file is gone stays: others may rely on it.
//!
//! Looked at by size and time of the files, as bots' texts are, and before them, since they name these types.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use anyhow::Context;
use serde_json::Value;
use tidings_app::App;
use tidings_app::admin::AdminError;
use tidings_app::admin::event_types::{self, TypeError, Written};
use tidings_catalogue::Catalogue;
use tidings_catalogue::own;
use tidings_model::WorkspaceId;

/// The most files of the folder: what is beyond is left out.
const FILES_MAX: usize = 500;

/// The folder, as it was last seen.
#[derive(Default)]
pub(crate) struct TypesFolder {
    seen: BTreeMap<PathBuf, (u64, Option<SystemTime>)>,
    /// A type changed, and nobody was told yet: the look ended before its end.
    changed: bool,
}

impl TypesFolder {
    /// Takes over what changed since the last look, and says whether a type did.
    pub(crate) async fn look(
        &mut self,
        app: &App,
        workspace: WorkspaceId,
        folder: &Path,
    ) -> anyhow::Result<bool> {
        for path in toml_files(folder)? {
            let metadata =
                path.metadata().with_context(|| format!("cannot read {}", path.display()))?;
            let print = (metadata.len(), metadata.modified().ok());
            if self.seen.get(&path) == Some(&print) {
                continue;
            }
            let types = match read(&path) {
                Ok(types) => types,
                Err(error) => {
                    tracing::error!("{error:#}");
                    Vec::new()
                }
            };
            for given in &types {
                self.changed |= take_over(app, workspace, &path, given).await?;
            }
            self.seen.insert(path, print);
        }
        Ok(std::mem::take(&mut self.changed))
    }
}

/// Makes or changes a type, and says whether it is another one now.
async fn take_over(
    app: &App,
    workspace: WorkspaceId,
    path: &Path,
    given: &Value,
) -> anyhow::Result<bool> {
    let path = path.display();
    match event_types::put(app, workspace, given).await {
        Ok(Written::Unchanged(_)) => Ok(false),
        Ok(written) => {
            let name = &written.event_type().name;
            tracing::info!("the type {name} is as {path} says");
            Ok(true)
        }
        Err(TypeError::Admin(error @ (AdminError::Read(_) | AdminError::Commit(_)))) => {
            Err(error.into())
        }
        Err(TypeError::Wrong(wrong)) => {
            let name = given.get("name").and_then(Value::as_str).unwrap_or("a type without a name");
            for each in wrong {
                tracing::error!("{path}: {name}: {each}");
            }
            Ok(false)
        }
        Err(error) => {
            let name = given.get("name").and_then(Value::as_str).unwrap_or_default();
            tracing::error!("{path}: {name}: {error}");
            Ok(false)
        }
    }
}

/// The vocabulary of a workspace that has the types of a folder: for who looks at bots' texts without a running server.
/// Of what is known already (ours, or what is stored) the folder changes nothing.
pub(crate) fn catalogue_with(base: Catalogue, folder: &Path) -> anyhow::Result<Arc<Catalogue>> {
    let base = Arc::new(base);
    let mut types = Vec::new();
    for path in toml_files(folder)? {
        for given in read(&path)? {
            let event_type = own::read(&base, &given).map_err(|wrong| {
                let first = wrong.first().map(ToString::to_string).unwrap_or_default();
                anyhow::anyhow!("{}: {first}", path.display())
            })?;
            types.push(Arc::new(event_type));
        }
    }
    // What is left out is stored under the same name.
    Ok(Arc::new(Catalogue::with(&base, types).0))
}

fn read(path: &Path) -> anyhow::Result<Vec<Value>> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    own::read_file(&text).map_err(|wrong| anyhow::anyhow!("{}: {wrong}", path.display()))
}

/// The files of the folder, by name. No folder means no files.
fn toml_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", folder.display()));
        }
    };
    let mut files = Vec::new();
    for entry in entries.take(FILES_MAX) {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "toml") && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
