//! Files that customers send: each gets its address when its event is accepted, and is copied from the provider right
//! after, by a timer that was set in the same commit. So accepting waits for no download, and no download is forgotten.
//!
//! What makes a second copy harmless: it overwrites the same file, named by the document.
//!
//! [`copy`](self::copy) does it, [`open`] gives the file out.

pub(crate) mod copy;
mod open;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidings_channels::{Arrival, RemoteFile};
use tidings_model::{Channel, ChannelId, ChatId, Draft, EventId, FileId, WorkspaceId};
use tidings_store::{Batch, DocKey, Kind, Put, TimerChange, TimerName, Version};

use super::written::to_body;
use crate::App;

pub(crate) use self::copy::COPIES_AT_ONCE_MAX;
pub use self::open::{OpenFileError, OpenedFile, open};

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Its id.
    pub id: FileId,
    /// The channel it came through.
    pub channel: ChannelId,
    /// The chat it belongs to.
    #[serde(default)]
    pub chat: Option<ChatId>,
    /// The event that told of it.
    pub event: EventId,
    /// The provider's handle.
    pub handle: String,
    /// Its name, where the provider said so.
    #[serde(default)]
    pub name: Option<String>,
    /// Its type: as the provider said until it is copied, then as sniffed from its bytes where they tell.
    #[serde(default)]
    pub content_type: Option<String>,
    /// Its size in bytes, once it is copied.
    #[serde(default)]
    pub size: Option<u64>,
    /// How it stands.
    pub status: FileStatus,
    /// How often the copy was tried.
    #[serde(default)]
    pub tries: u32,
}

/// How a file stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    /// It is still with the provider.
    Waiting,
    /// It is copied.
    Kept,
    /// It is larger than the channel's limit.
    TooBig,
    /// It could not be copied.
    Failed,
}

/// Gives each file of an arrival its address, in the arrival's data. The ids are in the order of the files.
pub(crate) fn give_addresses(app: &App, arrival: &mut Arrival) -> Vec<FileId> {
    let mut ids = Vec::with_capacity(arrival.files.len());
    for remote in &arrival.files {
        let id = FileId::new(app.clock.next_id());
        if let Some(Value::Object(described)) = arrival.data.pointer_mut(&remote.pointer) {
            described.insert("url".into(), url(app, id).into());
        }
        ids.push(id);
    }
    ids
}

/// Notes what is to be copied for an event, and sets the timers that do it.
pub(crate) fn expect_copies(
    app: &App,
    batch: &mut Batch,
    channel: &Channel,
    files: &[(FileId, RemoteFile)],
    draft: &Draft,
) {
    for (id, remote) in files {
        let file = StoredFile {
            id: *id,
            channel: channel.id,
            chat: draft.chat,
            event: draft.id,
            handle: remote.handle.clone(),
            name: remote.name.clone(),
            content_type: draft
                .data
                .pointer(&remote.pointer)
                .and_then(|described| described.get("content_type")?.as_str())
                .map(str::to_owned),
            size: None,
            status: FileStatus::Waiting,
            tries: 0,
        };
        batch.timers.push(TimerChange::Set {
            name: TimerName(format!("file:{id}")),
            due: app.now(),
            body: json!({ "file": id }),
        });
        batch.puts.push(put_file(&file, Some(Version::ABSENT)));
    }
}

/// The address of a file: its signature is the permission to read it.
pub fn url(app: &App, file: FileId) -> String {
    format!("{}/files/{file}/{}", app.settings.public_url, app.sealer.sign(&format!("file:{file}")))
}

/// Where a file is kept.
pub fn path(app: &App, workspace: WorkspaceId, file: FileId) -> PathBuf {
    app.settings.files_folder.join(workspace.to_string()).join(file.to_string())
}

/// The write of a file's document.
pub(crate) fn put_file(file: &StoredFile, expected: Option<Version>) -> Put {
    Put { key: DocKey::new(Kind::File, file.id), expected, body: to_body(file), index: Vec::new() }
}
