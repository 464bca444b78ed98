//! Files: what customers send over a provider, and what people upload.
//!
//! A provider's file gets its address when its event is accepted, and is copied right after, by a timer that was set in
//! the same commit. So accepting waits for no download, and no download is forgotten. What makes a second copy harmless: it
//! overwrites the same file, named by the document. An upload is kept first, and goes again if no event uses it.
//!
//! [`copy`](self::copy) and [`upload`] bring them in, [`judge`] and [`picture`] say what they are, [`store`] keeps them,
//! [`open`] gives them out.

pub(crate) mod copy;
mod judge;
mod open;
pub(crate) mod picture;
pub mod store;
pub mod upload;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tidings_channels::{Arrival, RemoteFile};
use tidings_model::{Channel, ChannelId, ChatId, Draft, EventId, FileId, WorkspaceId};
use tidings_store::{Batch, DocKey, Kind, Put, TimerChange, TimerName};

use super::scene::Seen;
use crate::App;

pub(crate) use self::copy::COPIES_AT_ONCE_MAX;
pub use self::open::{OpenFileError, OpenedFile, open};
pub use self::picture::{Picture, Thumbnail};

/// How much of a file is read at once.
const READ_BYTES: usize = 64 * 1024;

/// The folder, in that of the files, where files are on their way in. Files of a workspace are in folders with its id.
const INCOMING: &str = "incoming";

/// What is known of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredFile {
    /// Its id.
    pub id: FileId,
    /// The channel it came through; an upload came by none.
    #[serde(default)]
    pub channel: Option<ChannelId>,
    /// The chat it belongs to.
    #[serde(default)]
    pub chat: Option<ChatId>,
    /// The event that told of it first; an upload has none until it is used.
    #[serde(default)]
    pub event: Option<EventId>,
    /// The provider's handle.
    #[serde(default)]
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
    /// What is known of an upload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upload: Option<Upload>,
}

/// What is known of an upload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upload {
    /// Whether an event tells of it, so that it stays.
    pub used: bool,
    /// What it shows, if it is a picture that we can read.
    #[serde(default)]
    pub picture: Option<Picture>,
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
    /// Nobody used the upload: it is being removed.
    Removed,
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
            channel: Some(channel.id),
            chat: draft.chat,
            event: Some(draft.id),
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
            upload: None,
        };
        batch.timers.push(TimerChange::Set {
            name: TimerName(format!("file:{id}")),
            due: app.now(),
            body: json!({ "file": id }),
        });
        batch.puts.push(put_file(&Seen::absent(file)));
    }
}

/// The address of a file: its signature is the permission to read it.
pub fn url(app: &App, file: FileId) -> String {
    format!("{}/files/{file}/{}", app.settings.public_url, app.sealer.sign(&format!("file:{file}")))
}

/// The file that an address of ours names, with our signature under it. The host does not count: a server has many names.
pub fn named_by(app: &App, url: &str) -> Option<FileId> {
    let path = url.split(['?', '#']).next()?;
    let mut parts = path.rsplit('/');
    let (signature, id, folder) = (parts.next()?, parts.next()?, parts.next()?);
    let id: FileId = id.parse().ok()?;
    (folder == "files" && app.sealer.is_signed(&format!("file:{id}"), signature)).then_some(id)
}

/// Where files are while they come in.
fn incoming(app: &App) -> PathBuf {
    app.settings.files_folder.join(INCOMING)
}

/// Where a file is kept when files are kept in a folder.
pub fn path(app: &App, workspace: WorkspaceId, file: FileId) -> PathBuf {
    app.settings.files_folder.join(workspace.to_string()).join(file.to_string())
}

/// The write of a file's document.
pub(crate) fn put_file(file: &Seen<StoredFile>) -> Put {
    file.put(DocKey::new(Kind::File, file.value.id), Vec::new())
}
