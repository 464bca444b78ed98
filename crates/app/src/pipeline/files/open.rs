//! Gives a copied file out. Called by `api` for `GET /files/{file}/{signature}`: the signature is the permission.

use std::path::PathBuf;
use std::time::Duration;

use tidings_model::{FileId, WorkspaceId};
use tidings_store::{DocKey, Kind, ReadError};

use super::{FileStatus, StoredFile, path};
use crate::App;
use crate::pipeline::scene::seen;

/// How long to wait for a copy that is under way: most take less, and a browser waits that long.
const WAIT_MAX: Duration = Duration::from_secs(3);

/// How often we look whether it is there.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);

/// A file that can be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedFile {
    /// Where it is.
    pub path: PathBuf,
    /// What it is, as its bytes say; a stranger's word where they don't.
    pub content_type: String,
    /// Its name, as a stranger gave it.
    pub name: Option<String>,
    /// Its size in bytes.
    pub size: u64,
}

/// Why a file that is ours is not given out.
#[derive(Debug, thiserror::Error)]
pub enum OpenFileError {
    /// It is still being copied: try again in a moment.
    #[error("the file is still being copied from its provider")]
    NotReady,
    /// It was too big, or could not be copied.
    #[error("the file could not be copied from its provider")]
    NotKept,
    /// It could not be read.
    #[error("the file could not be looked up")]
    Read(#[from] ReadError),
}

/// Finds a file. `None` when there is none, or the signature is not ours: who has no permission is not told which.
pub async fn open(
    app: &App,
    file: FileId,
    signature: &str,
) -> Result<Option<OpenedFile>, OpenFileError> {
    if !app.sealer.is_signed(&format!("file:{file}"), signature) {
        return Ok(None);
    }
    let mut waited = Duration::ZERO;
    loop {
        let Some((workspace, stored)) = find(app, file).await? else { return Ok(None) };
        match stored.status {
            FileStatus::Kept => {
                return Ok(Some(OpenedFile {
                    path: path(app, workspace, file),
                    content_type: stored
                        .content_type
                        .unwrap_or_else(|| "application/octet-stream".into()),
                    name: stored.name,
                    size: stored.size.unwrap_or(0),
                }));
            }
            FileStatus::Waiting if waited < WAIT_MAX => {
                tokio::time::sleep(LOOK_INTERVAL).await;
                waited += LOOK_INTERVAL;
            }
            FileStatus::Waiting => return Err(OpenFileError::NotReady),
            FileStatus::TooBig | FileStatus::Failed => return Err(OpenFileError::NotKept),
        }
    }
}

/// An address of a file names no workspace.
async fn find(app: &App, file: FileId) -> Result<Option<(WorkspaceId, StoredFile)>, ReadError> {
    let key = DocKey::new(Kind::File, file);
    for workspace in app.workspaces() {
        if let Some(document) = app.store.document(workspace, &key).await? {
            return Ok(Some((workspace, seen(document)?.value)));
        }
    }
    Ok(None)
}
