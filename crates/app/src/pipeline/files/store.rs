//! Where the bytes of files are kept: a folder of this machine, or a bucket that speaks S3.
//!
//! A file is put as a whole, from a temporary one that is given up by it, and is never changed after that. Putting the
//! same name again writes the same bytes, and deleting what is not there is no error: both may run twice.

mod folder;
mod s3;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tidings_model::{FileId, WorkspaceId};
use tidings_outbound::{Client, Opened, SendError};

pub use self::folder::Folder;
pub use self::s3::{S3, WrongS3Settings};
use super::READ_BYTES;
use crate::Settings;
use crate::settings::S3Settings;

/// How long the store of files may take for its next piece: a disk or a bucket that is silent for longer has failed.
const PIECE_TIME_MAX: Duration = Duration::from_secs(30);

/// The name of an object: of a file, or of a thumbnail of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectName {
    workspace: WorkspaceId,
    /// The file's id, and which thumbnail it is.
    last: String,
}

impl ObjectName {
    /// Of a file.
    pub fn file(workspace: WorkspaceId, file: FileId) -> Self {
        Self { workspace, last: file.to_string() }
    }

    /// Of a thumbnail of a file; `scale` is 1 or 2.
    pub fn thumbnail(workspace: WorkspaceId, file: FileId, scale: u8) -> Self {
        Self { workspace, last: format!("{file}.{scale}x") }
    }

    fn key(&self) -> String {
        format!("{}/{}", self.workspace, self.last)
    }

    fn path(&self, folder: &Path) -> PathBuf {
        folder.join(self.workspace.to_string()).join(&self.last)
    }
}

/// Bytes of a file, from the first one to the last one that is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// The first one, counted from 0.
    pub first: u64,
    /// How many.
    pub length: u64,
}

/// Where the bytes of files are kept.
#[derive(Debug)]
pub enum FileStore {
    /// In a folder.
    Folder(Folder),
    /// In a bucket.
    S3(Box<S3>),
}

/// A file was not kept, read or deleted.
#[derive(Debug, thiserror::Error)]
pub enum FileStoreError {
    /// There is none of this name.
    #[error("the store of files has no such file")]
    Missing,
    /// The disk did not do it.
    #[error("the disk failed")]
    Disk(#[from] io::Error),
    /// The bucket was not reached.
    #[error("the bucket of the setting files.bucket was not reached")]
    Send(#[from] SendError),
    /// The bucket refused.
    #[error("the bucket of the setting files.bucket answered {status}: {told}")]
    Refused {
        /// The HTTP status.
        status: http::StatusCode,
        /// The head of its answer.
        told: String,
    },
}

impl FileStore {
    /// As the settings say.
    pub fn open(settings: &Settings, client: &Client) -> Result<Self, WrongS3Settings> {
        Ok(match &settings.files_in_s3 {
            None => Self::Folder(Folder::new(settings.files_folder.clone())),
            Some(bucket) => Self::S3(Box::new(S3::new(bucket, client.clone())?)),
        })
    }

    /// Keeps a temporary file under a name. When it is done the temporary one is gone, and the bytes are durable.
    pub async fn put(&self, name: &ObjectName, from: &Path) -> Result<(), FileStoreError> {
        match self {
            Self::Folder(folder) => Ok(folder.put(name, from).await?),
            Self::S3(bucket) => {
                bucket.put(name, from).await?;
                // It is only a copy now; one that stays goes at the next start.
                drop(tokio::fs::remove_file(from).await);
                Ok(())
            }
        }
    }

    /// Opens a file, or a part of one.
    pub async fn open_file(
        &self,
        name: &ObjectName,
        range: Option<ByteRange>,
    ) -> Result<FileBody, FileStoreError> {
        match self {
            Self::Folder(folder) => folder.open(name, range).await,
            Self::S3(bucket) => bucket.open(name, range).await,
        }
    }

    /// Deletes a file, if it is there.
    pub async fn delete(&self, name: &ObjectName) -> Result<(), FileStoreError> {
        match self {
            Self::Folder(folder) => Ok(folder.delete(name).await?),
            Self::S3(bucket) => bucket.delete(name).await,
        }
    }
}

/// The bytes of a file, which come piece by piece.
#[derive(Debug)]
pub struct FileBody {
    source: Source,
    left: u64,
}

#[derive(Debug)]
enum Source {
    Disk(tokio::fs::File),
    Bucket(Opened),
}

impl FileBody {
    /// How many bytes are still to come.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// The next piece; `None` at the end. A file that ends before its length is an error: who reads it must not take a part
    /// for the whole.
    pub async fn piece(&mut self) -> io::Result<Option<Bytes>> {
        if self.left == 0 {
            return Ok(None);
        }
        let piece = match &mut self.source {
            Source::Disk(file) => read_piece(file, self.left).await?,
            Source::Bucket(opened) => {
                opened.piece(PIECE_TIME_MAX).await.map_err(io::Error::other)?
            }
        };
        let piece = piece.ok_or(io::ErrorKind::UnexpectedEof)?;
        let length = piece.len() as u64;
        self.left = self.left.checked_sub(length).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Some(piece))
    }

    /// All pieces.
    pub fn stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        futures_util::stream::unfold(Some(self), |body| async move {
            let mut body = body?;
            match body.piece().await {
                Ok(None) => None,
                Ok(Some(piece)) => Some((Ok(piece), Some(body))),
                Err(error) => Some((Err(error), None)),
            }
        })
    }
}

async fn read_piece(file: &mut tokio::fs::File, at_most: u64) -> io::Result<Option<Bytes>> {
    use tokio::io::AsyncReadExt;
    let room = usize::try_from(at_most).unwrap_or(usize::MAX).min(READ_BYTES);
    let mut piece = Vec::with_capacity(room);
    file.take(room as u64).read_to_end(&mut piece).await?;
    Ok((!piece.is_empty()).then(|| piece.into()))
}

/// Checks the settings of a bucket, for who reads them.
pub fn check_s3(settings: &S3Settings) -> Result<(), WrongS3Settings> {
    s3::bucket(settings).map(drop)
}
