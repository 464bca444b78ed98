//! Gives a kept file out. Called by `api` for `GET /files/{file}/{signature}`: the signature is the permission.

use std::time::Duration;

use tidings_model::{FileId, WorkspaceId};
use tidings_store::{DocKey, Kind, ReadError};

use super::store::{ByteRange, FileBody, FileStoreError, ObjectName};
use super::{FileStatus, StoredFile};
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
    pub object: ObjectName,
    /// What it is, as its bytes say; a stranger's word where they don't.
    pub content_type: String,
    /// Its name, as a stranger gave it.
    pub name: Option<String>,
    /// Its size in bytes.
    pub size: u64,
}

impl OpenedFile {
    /// Its bytes, or a part of them.
    pub async fn read(
        &self,
        app: &App,
        range: Option<ByteRange>,
    ) -> Result<FileBody, FileStoreError> {
        app.files.open_file(&self.object, range).await
    }
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

/// Finds a file, or a thumbnail of it. `None` when there is none, or the signature is not ours: who has no permission is
/// not told which.
pub async fn open(
    app: &App,
    file: FileId,
    signature: &str,
    thumbnail: Option<u8>,
) -> Result<Option<OpenedFile>, OpenFileError> {
    if !app.sealer.is_signed(&format!("file:{file}"), signature) {
        return Ok(None);
    }
    let mut waited = Duration::ZERO;
    loop {
        let Some((workspace, stored)) = find(app, file).await? else { return Ok(None) };
        match stored.status {
            FileStatus::Kept => return Ok(opened(workspace, stored, thumbnail)),
            FileStatus::Waiting if waited < WAIT_MAX => {
                tokio::time::sleep(LOOK_INTERVAL).await;
                waited += LOOK_INTERVAL;
            }
            FileStatus::Waiting => return Err(OpenFileError::NotReady),
            FileStatus::TooBig | FileStatus::Failed => return Err(OpenFileError::NotKept),
            FileStatus::Removed => return Ok(None),
        }
    }
}

fn opened(workspace: WorkspaceId, stored: StoredFile, thumbnail: Option<u8>) -> Option<OpenedFile> {
    let Some(scale) = thumbnail else {
        return Some(OpenedFile {
            object: ObjectName::file(workspace, stored.id),
            content_type: stored.content_type.unwrap_or_else(|| "application/octet-stream".into()),
            name: stored.name,
            size: stored.size.unwrap_or(0),
        });
    };
    let thumbnails = stored.upload?.picture?.thumbnails;
    let thumbnail = thumbnails.into_iter().find(|thumbnail| thumbnail.scale == scale)?;
    Some(OpenedFile {
        object: ObjectName::thumbnail(workspace, stored.id, scale),
        content_type: thumbnail.content_type,
        name: None,
        size: thumbnail.size,
    })
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
