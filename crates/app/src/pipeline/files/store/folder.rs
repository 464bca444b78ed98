//! Files in a folder: `{workspace}/{file}`. A name is there only when all its bytes are on disk.

use std::io;
use std::path::{Path, PathBuf};

use tokio::io::AsyncSeekExt;

use super::{ByteRange, FileBody, FileStoreError, ObjectName, Source};

/// A folder with files.
#[derive(Debug)]
pub struct Folder {
    folder: PathBuf,
}

impl Folder {
    /// A folder; it is made when the first file comes.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Renames a temporary file of the same file system.
    pub(super) async fn put(&self, name: &ObjectName, from: &Path) -> io::Result<()> {
        let to = name.path(&self.folder);
        let folder = to.parent().map(Path::to_path_buf).unwrap_or_default();
        tokio::fs::create_dir_all(&folder).await?;
        tokio::fs::File::open(from).await?.sync_all().await?;
        tokio::fs::rename(from, &to).await?;
        // A rename is durable when its folder is.
        tokio::fs::File::open(folder).await?.sync_all().await
    }

    pub(super) async fn open(
        &self,
        name: &ObjectName,
        range: Option<ByteRange>,
    ) -> Result<FileBody, FileStoreError> {
        let mut file = match tokio::fs::File::open(name.path(&self.folder)).await {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(FileStoreError::Missing);
            }
            Err(error) => return Err(error.into()),
        };
        let left = match range {
            None => file.metadata().await?.len(),
            Some(range) => {
                file.seek(io::SeekFrom::Start(range.first)).await?;
                range.length
            }
        };
        Ok(FileBody { source: Source::Disk(file), left })
    }

    pub(super) async fn delete(&self, name: &ObjectName) -> io::Result<()> {
        match tokio::fs::remove_file(name.path(&self.folder)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }
}
