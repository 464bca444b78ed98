//! A file that somebody uploads, on its way in: to a temporary file up to the limit, judged, looked at, kept.
//!
//! Its document and the timer that removes it are committed before the first byte goes to the store of files, so whatever
//! is cut short in between is found by the timer. Only when all bytes are kept does the document say so and the sender get
//! an address. What makes a second removal harmless: the document says first that the file is gone, so that no event can
//! take it any more; then the bytes go, and deleting what is gone is no error; then the document and the timer.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tidings_model::{FileId, WorkspaceId};
use tidings_store::{
    Batch, CommitError, Delete, DocKey, Kind, ReadError, Timer, TimerChange, TimerName,
};
use tokio::io::AsyncWriteExt;
use tokio::sync::OwnedSemaphorePermit;

use super::judge::{SNIFFED_BYTES, judge};
use super::picture::{self, Picture};
use super::store::{FileStoreError, ObjectName};
use super::{FileStatus, StoredFile, Upload, incoming, put_file, url};
use crate::App;
use crate::pipeline::reader::{StepFailed, chain};
use crate::pipeline::scene::{Seen, seen};
use crate::pipeline::telegram::drop_timer;
use crate::pipeline::tries::later;

/// How many files may be on their way in at once: so many times the limit is what they need of the disk.
pub(crate) const UPLOADS_AT_ONCE_MAX: usize = 64;

/// How long an upload stays that no event uses.
pub const UNUSED_KEPT_FOR: Duration = Duration::from_secs(24 * 3_600);

/// When a removal is tried again that the store of files did not take.
const REMOVE_PAUSE: Duration = Duration::from_secs(600);

/// The area of the timers that remove uploads.
pub(crate) const TIMER: &str = "upload";

/// A file was not taken.
#[derive(Debug, thiserror::Error)]
pub enum UploadError {
    /// Too many are on their way.
    #[error("too many files are being uploaded; try again in a moment")]
    Busy,
    /// It is larger than the limit.
    #[error("the file is larger than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: u64,
    },
    /// There is nothing in it.
    #[error("is empty")]
    Empty,
    /// It is a program.
    #[error("is a program, or is called like one; pack it into an archive")]
    Program,
    /// The disk did not take it.
    #[error("the disk did not take the file")]
    Disk(#[from] std::io::Error),
    /// The store of files did not take it.
    #[error("the file was not kept")]
    Store(#[from] FileStoreError),
    /// It could not be noted.
    #[error("the file could not be noted")]
    Commit(#[from] CommitError),
    /// What was noted could not be read.
    #[error("the file's document could not be read")]
    Read(#[from] ReadError),
}

/// A file that is being received. Dropped before its end, it leaves nothing.
pub struct Receiving {
    app: Arc<App>,
    workspace: WorkspaceId,
    id: FileId,
    temporary: Temporary,
    file: tokio::fs::File,
    bytes: u64,
    head: Vec<u8>,
    _place: OwnedSemaphorePermit,
}

/// Files that go when they are not wanted any more.
#[derive(Debug)]
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        for path in std::iter::once(self.0.clone()).chain(picture::all_beside(&self.0)) {
            // What was kept is not here any more, and what stays goes at the next start.
            drop(std::fs::remove_file(path));
        }
    }
}

/// Begins to receive a file.
pub async fn begin(app: &Arc<App>, workspace: WorkspaceId) -> Result<Receiving, UploadError> {
    let place = Arc::clone(&app.uploads).try_acquire_owned().map_err(|_| UploadError::Busy)?;
    let id = FileId::new(app.clock.next_id());
    let folder = incoming(app);
    tokio::fs::create_dir_all(&folder).await?;
    let temporary = Temporary(folder.join(id.to_string()));
    let file = tokio::fs::File::create(&temporary.0).await?;
    Ok(Receiving {
        app: Arc::clone(app),
        workspace,
        id,
        temporary,
        file,
        bytes: 0,
        head: Vec::new(),
        _place: place,
    })
}

impl Receiving {
    /// Takes the next bytes.
    pub async fn write(&mut self, piece: &[u8]) -> Result<(), UploadError> {
        let limit = self.app.settings.upload_bytes_max;
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        if self.bytes > limit {
            return Err(UploadError::TooLarge { limit });
        }
        let room = SNIFFED_BYTES.saturating_sub(self.head.len());
        self.head.extend(piece.iter().take(room));
        Ok(self.file.write_all(piece).await?)
    }

    /// Keeps the file; gives its address. `claimed` is the type that its sender says it has.
    pub async fn finish(
        mut self,
        name: Option<&str>,
        claimed: Option<&str>,
    ) -> Result<String, UploadError> {
        if self.bytes == 0 {
            return Err(UploadError::Empty);
        }
        let judged = judge(&self.head, name, claimed).ok_or(UploadError::Program)?;
        self.file.flush().await?;
        self.file.sync_all().await?;
        let picture = picture::look(&self.app, &self.temporary.0, &judged.content_type).await;
        let file = StoredFile {
            id: self.id,
            channel: None,
            chat: None,
            event: None,
            handle: String::new(),
            name: Some(judged.name),
            content_type: Some(judged.content_type),
            size: Some(self.bytes),
            status: FileStatus::Waiting,
            tries: 0,
            upload: Some(Upload { used: false, picture }),
        };
        let mut file = Seen::absent(file);
        self.note(&file, true).await?;
        self.keep(&file.value).await?;
        file.value.status = FileStatus::Kept;
        file.version = file.version.next();
        self.note(&file, false).await?;
        metrics::counter!("tidings_files_uploaded_total").increment(1);
        Ok(url(&self.app, self.id))
    }

    async fn note(&self, file: &Seen<StoredFile>, set_timer: bool) -> Result<(), UploadError> {
        let mut batch = Batch::new(self.workspace);
        batch.puts.push(put_file(file));
        if set_timer {
            batch.timers.push(TimerChange::Set {
                name: timer_name(self.id),
                due: later(self.app.now(), UNUSED_KEPT_FOR),
                body: json!({ "file": self.id }),
            });
        }
        self.app.commit(batch).await?;
        Ok(())
    }

    async fn keep(&self, file: &StoredFile) -> Result<(), UploadError> {
        let store = &self.app.files;
        for thumbnail in thumbnails(file) {
            let from = picture::beside(&self.temporary.0, thumbnail.scale);
            let name = ObjectName::thumbnail(self.workspace, file.id, thumbnail.scale);
            store.put(&name, &from).await?;
        }
        store.put(&ObjectName::file(self.workspace, file.id), &self.temporary.0).await?;
        Ok(())
    }
}

/// The name of the timer that removes an upload which nobody used.
pub(crate) fn timer_name(file: FileId) -> TimerName {
    TimerName(format!("{TIMER}:{file}"))
}

fn thumbnails(file: &StoredFile) -> &[picture::Thumbnail] {
    let picture = file.upload.as_ref().and_then(|upload| upload.picture.as_ref());
    picture.map_or(&[], |picture: &Picture| picture.thumbnails.as_slice())
}

/// Removes an upload that nobody used. Called by its timer: first it is said to be gone, then, as the timer is still due,
/// it goes.
pub(crate) async fn remove(app: &Arc<App>, timer: &Timer) -> Result<(), StepFailed> {
    let id = timer.body.get("file").and_then(Value::as_str);
    let Some(id) = id.and_then(|id| id.parse::<FileId>().ok()) else {
        return drop_timer(app, timer, None).await;
    };
    let key = DocKey::new(Kind::File, id);
    let found = app.store.document(timer.workspace, &key).await?;
    let found = found.map(seen::<StoredFile>).transpose()?;
    let unused = |file: &StoredFile| file.upload.as_ref().is_some_and(|upload| !upload.used);
    let Some(mut found) = found.filter(|found| unused(&found.value)) else {
        return drop_timer(app, timer, None).await;
    };
    let file = &mut found.value;
    let mut batch = Batch::new(timer.workspace);
    if file.status != FileStatus::Removed {
        file.status = FileStatus::Removed;
        batch.puts.push(put_file(&found));
    } else if let Err(error) = delete(app, timer.workspace, file).await {
        tracing::warn!(file.id = %id, "an upload will be removed later: {}", chain(&error));
        batch.timers.push(TimerChange::Set {
            name: timer.name.clone(),
            due: later(app.now(), REMOVE_PAUSE),
            body: timer.body.clone(),
        });
    } else {
        batch.deletes.push(Delete { key, expected: Some(found.version) });
        batch.timers.push(TimerChange::Take { name: timer.name.clone(), due: timer.due });
    }
    match app.commit(batch).await {
        // An event took it in this moment, and its commit cancelled the timer.
        Ok(_) | Err(CommitError::Conflict { .. } | CommitError::TimerGone { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

async fn delete(
    app: &App,
    workspace: WorkspaceId,
    file: &StoredFile,
) -> Result<(), FileStoreError> {
    for scale in picture::scales() {
        app.files.delete(&ObjectName::thumbnail(workspace, file.id, scale)).await?;
    }
    app.files.delete(&ObjectName::file(workspace, file.id)).await
}

/// Removes what an end without warning left on its way in: nobody writes there at the start.
pub(crate) async fn clear(app: &App) {
    let folder: &Path = &incoming(app);
    if let Err(error) = tokio::fs::remove_dir_all(folder).await
        && error.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!("the folder of incoming files could not be cleared: {error}");
    }
}
