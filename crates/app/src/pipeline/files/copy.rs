//! Copies one file from its provider. Called by its timer, which was set with the event.
//!
//! The bytes go to a temporary file, which the store of files takes as a whole, so that a file is whole or not there. What makes a
//! second run harmless: a file that is kept is not copied again, and a half copy is written over. A file that cannot be
//! copied never touches its event: it is tried again after growing pauses, and then told of by `channel.request_failed`;
//! one that is too big by `chat.file_too_big`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tidings_channels::telegram::answers::read_file_path;
use tidings_channels::telegram::{Reply, Settings, methods};
use tidings_model::{Event, FileId, Visibility, WorkspaceId};
use tidings_outbound::DownloadError;
use tidings_store::{Batch, CommitError, DocKey, Kind, ReadError, Timer, TimerChange};
use tokio::io::AsyncReadExt;

use super::judge::{SNIFFED_BYTES, UNKNOWN_TYPE};
use super::store::{FileStoreError, ObjectName};
use super::{FileStatus, StoredFile, incoming, put_file, url};
use crate::App;
use crate::directory::Directory;
use crate::pipeline::reader::{StepFailed, chain};
use crate::pipeline::scene::{Seen, seen};
use crate::pipeline::telegram::call::{CALL_TIME_MAX, Called, call};
use crate::pipeline::telegram::{consequence, drop_timer};
use crate::pipeline::tries::later;

/// How many files are copied at once, of all channels: a slow download must not hold up other timers.
pub(crate) const COPIES_AT_ONCE_MAX: usize = 16;

/// When a copy is looked at again that found no place.
const NO_PLACE_PAUSE: Duration = Duration::from_secs(1);

/// The pauses after a copy that failed, in seconds; after the last one it is given up. Telegram promises the address of
/// a file for an hour and its handle for ever, so a longer trouble than this is not the network's.
const RETRY_PAUSES_S: [u64; 6] = [1, 5, 30, 120, 600, 3_600];

/// How long one download may take: 20 MB at 70 kB/s.
const DOWNLOAD_TIME_MAX: Duration = Duration::from_secs(300);

/// How a copy went.
enum Copied {
    Kept {
        size: u64,
        content_type: Option<String>,
    },
    TooBig,
    /// Not now; `asked` when the provider wants a pause, which is no failure.
    Again {
        asked: Option<Duration>,
        method: &'static str,
        code: Option<i64>,
        why: String,
    },
    /// Never.
    Gone {
        method: &'static str,
        why: String,
    },
}

/// Copies the file of a timer.
pub(crate) async fn copy(
    app: &Arc<App>,
    directory: &Directory,
    timer: &Timer,
) -> Result<(), StepFailed> {
    let id = timer.body.get("file").and_then(Value::as_str);
    let Some(id) = id.and_then(|id| id.parse::<FileId>().ok()) else {
        return drop_timer(app, timer, None).await;
    };
    let Ok(_place) = app.copies.try_acquire() else {
        let mut batch = Batch::new(timer.workspace);
        push_later(&mut batch, app, timer, NO_PLACE_PAUSE);
        return commit(app, batch).await;
    };
    let found = app.store.document(timer.workspace, &DocKey::new(Kind::File, id)).await?;
    let found = found.map(seen::<StoredFile>).transpose()?;
    let Some(found) = found.filter(|found| found.value.status == FileStatus::Waiting) else {
        return drop_timer(app, timer, None).await;
    };
    let Some(channel) = found.value.channel else {
        return drop_timer(app, timer, None).await;
    };
    let copied = match app.telegram.find(app, directory, channel) {
        Ok(open) => fetch(app, timer.workspace, &open.settings, &found.value).await,
        Err(unusable) => {
            Copied::Again { asked: None, method: "getFile", code: None, why: chain(&unusable) }
        }
    };
    note(app, timer, found, copied).await
}

/// Writes down how it went.
async fn note(
    app: &Arc<App>,
    timer: &Timer,
    mut found: Seen<StoredFile>,
    copied: Copied,
) -> Result<(), StepFailed> {
    let file = &mut found.value;
    let mut batch = Batch::new(timer.workspace);
    let mut outcome = "again";
    let mut given_up = None;
    match copied {
        Copied::Kept { size, content_type } => {
            file.status = FileStatus::Kept;
            file.size = Some(size);
            file.content_type = content_type
                .or_else(|| file.content_type.take())
                .or_else(|| Some(UNKNOWN_TYPE.into()));
            outcome = "kept";
        }
        Copied::TooBig => {
            file.status = FileStatus::TooBig;
            outcome = "too_big";
            if let Some(event) = event_of(app, timer.workspace, file).await? {
                let limit = limit_of(app, timer.workspace, file);
                let data = too_big(app, &event, file, limit);
                push_event(&mut batch, app, &event, "chat.file_too_big", data);
            }
        }
        Copied::Again { asked: Some(pause), .. } => push_later(&mut batch, app, timer, pause),
        Copied::Again { asked: None, method, code, why } => {
            let pause = usize::try_from(file.tries).ok().and_then(|n| RETRY_PAUSES_S.get(n));
            file.tries += 1;
            match pause {
                Some(pause) => {
                    push_later(&mut batch, app, timer, Duration::from_secs(*pause));
                    tracing::warn!(file.id = %file.id, "file {} will be copied later: {why}", file.id);
                }
                None => given_up = Some((method, code, why)),
            }
        }
        Copied::Gone { method, why } => given_up = Some((method, None, why)),
    }
    if let Some((method, code, why)) = given_up {
        file.status = FileStatus::Failed;
        outcome = "failed";
        tracing::warn!(file.id = %file.id, "file {} cannot be copied: {why}", file.id);
        if let Some(event) = event_of(app, timer.workspace, file).await? {
            let mut data = Map::from_iter([
                ("method".to_owned(), json!(method)),
                ("error_message".to_owned(), json!(why)),
                ("event".to_owned(), json!(event.id)),
            ]);
            if let Some(code) = code {
                data.insert("error_code".into(), code.into());
            }
            push_event(&mut batch, app, &event, "channel.request_failed", data);
        }
    }
    if file.status != FileStatus::Waiting {
        let take = TimerChange::Take { name: timer.name.clone(), due: timer.due };
        batch.timers.push(take);
    }
    batch.puts.push(put_file(&found));
    metrics::counter!("tidings_files_copied_total", "outcome" => outcome).increment(1);
    commit(app, batch).await
}

async fn fetch(
    app: &App,
    workspace: WorkspaceId,
    settings: &Settings,
    file: &StoredFile,
) -> Copied {
    let called = call(app, settings, &methods::get_file(&file.handle), CALL_TIME_MAX).await;
    let again =
        |asked, code| Copied::Again { asked, method: "getFile", code, why: called.problem() };
    match &called {
        Called::Answered { reply: Reply::Ok { .. }, .. } => {}
        Called::Answered { reply: Reply::RateLimited { retry_after_s }, .. } => {
            return again(Some(Duration::from_secs((*retry_after_s).max(1))), Some(429));
        }
        Called::Answered { reply: Reply::Refused { error_code, description }, .. } => {
            // A file over the limit of a public Bot API server is not even named.
            if description.contains("file is too big") {
                return Copied::TooBig;
            }
            return again(None, Some(*error_code));
        }
        Called::Answered { reply: Reply::Migrated { .. } | Reply::Unreadable { .. }, .. }
        | Called::Failed { .. } => return again(None, None),
    }
    let Some(file_path) = called.done().and_then(read_file_path) else {
        let why = "the answer names no path".into();
        return Copied::Again { asked: None, method: "getFile", code: None, why };
    };
    let Some(address) = methods::file_url(settings, &file_path) else {
        return Copied::Gone { method: "getFile", why: "the path of the file is not one".into() };
    };
    match download(app, &address, workspace, file.id, settings.file_size_max).await {
        Ok((size, content_type)) => Copied::Kept { size, content_type },
        Err(CopyError::Download(DownloadError::TooLarge { .. })) => Copied::TooBig,
        Err(error) => {
            let code = match &error {
                CopyError::Download(DownloadError::Status { status, .. }) => {
                    Some(i64::from(status.as_u16()))
                }
                CopyError::Download(
                    DownloadError::TooLarge { .. }
                    | DownloadError::Send(_)
                    | DownloadError::Write { .. },
                )
                | CopyError::Disk(_)
                | CopyError::Store(_) => None,
            };
            Copied::Again { asked: None, method: "download", code, why: chain(&error) }
        }
    }
}

/// A file is not here yet.
#[derive(Debug, thiserror::Error)]
enum CopyError {
    #[error(transparent)]
    Download(#[from] DownloadError),
    #[error("the disk did not take the file")]
    Disk(#[from] std::io::Error),
    #[error(transparent)]
    Store(#[from] FileStoreError),
}

/// Downloads to a temporary file, then gives it to the store of files.
async fn download(
    app: &App,
    address: &str,
    workspace: WorkspaceId,
    file: FileId,
    bytes_max: u64,
) -> Result<(u64, Option<String>), CopyError> {
    let folder = incoming(app);
    tokio::fs::create_dir_all(&folder).await?;
    let half = folder.join(file.to_string());
    let copied = async {
        let mut writer = tokio::fs::File::create(&half).await?;
        let downloaded =
            app.providers.download(address, &mut writer, bytes_max, DOWNLOAD_TIME_MAX).await?;
        writer.sync_all().await?;
        drop(writer);
        let content_type = sniff(half.clone()).await?;
        app.files.put(&ObjectName::file(workspace, file), &half).await?;
        Ok((downloaded.bytes, content_type))
    }
    .await;
    if copied.is_err() {
        // A half copy that stays is written over by the next try.
        drop(tokio::fs::remove_file(&half).await);
    }
    copied
}

/// What a file is, by its first bytes.
async fn sniff(file: PathBuf) -> std::io::Result<Option<String>> {
    let mut head = Vec::with_capacity(SNIFFED_BYTES);
    let file = tokio::fs::File::open(file).await?;
    file.take(SNIFFED_BYTES as u64).read_to_end(&mut head).await?;
    Ok(infer::get(&head).map(|kind| kind.mime_type().to_owned()))
}

async fn event_of(
    app: &App,
    workspace: WorkspaceId,
    file: &StoredFile,
) -> Result<Option<Arc<Event>>, ReadError> {
    match file.event {
        Some(event) => app.store.event(workspace, event).await,
        None => Ok(None),
    }
}

/// What the customer's event said of the file, without its address.
fn too_big(app: &App, event: &Event, file: &StoredFile, limit: u64) -> Map<String, Value> {
    let own = url(app, file.id);
    let content = event.data.get("data").unwrap_or(&event.data);
    let described = content.get("files").and_then(Value::as_array);
    let described = described
        .into_iter()
        .flatten()
        .find(|described| described.get("url").and_then(Value::as_str) == Some(&own));
    let mut described = described.and_then(Value::as_object).cloned().unwrap_or_default();
    described.shift_remove("url");
    described.entry("media").or_insert("document".into());
    let mut data = Map::from_iter([
        ("files".to_owned(), json!([described])),
        ("limit".to_owned(), json!(limit)),
    ]);
    if let Some(caption) = content.get("caption") {
        data.insert("caption".into(), caption.clone());
    }
    data
}

fn limit_of(app: &App, workspace: WorkspaceId, file: &StoredFile) -> u64 {
    let open = app
        .directory(workspace)
        .and_then(|directory| app.telegram.find(app, &directory, file.channel?).ok());
    open.map_or(tidings_channels::telegram::settings::FILE_SIZE_MAX, |open| {
        open.settings.file_size_max
    })
}

fn push_event(
    batch: &mut Batch,
    app: &App,
    cause: &Event,
    event_type: &str,
    data: Map<String, Value>,
) {
    let mut draft = consequence(app, cause, event_type, Value::Object(data));
    draft.visibility = Visibility::Agents;
    batch.events.push(draft);
}

fn push_later(batch: &mut Batch, app: &App, timer: &Timer, pause: Duration) {
    let name = timer.name.clone();
    batch.timers.push(TimerChange::Take { name: name.clone(), due: timer.due });
    let due = later(app.now(), pause);
    batch.timers.push(TimerChange::Set { name, due, body: timer.body.clone() });
}

/// Commits; when the timer is gone, somebody else did the work.
async fn commit(app: &App, batch: Batch) -> Result<(), StepFailed> {
    match app.commit(batch).await {
        Ok(_) | Err(CommitError::TimerGone { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
