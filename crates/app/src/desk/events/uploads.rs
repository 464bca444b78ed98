//! Files that people upload, and the events that tell of them.
//!
//! `upload_file` gives an address; [`describe`] says what an event with that address tells, and [`keep`] writes into the
//! event's own commit that the file is used now, so that its timer does not remove it. Both or neither.

use std::sync::Arc;

use serde_json::{Map, Value, json};
use tidings_model::{ChatId, EventId};
use tidings_store::{Batch, DocKey, Kind, ReadError, TimerChange};
use tidings_wire::livechat::{ErrorType, Failure};

use crate::App;
use crate::desk::Actor;
use crate::pipeline::files::upload::{self, Receiving, UploadError};
use crate::pipeline::files::{FileStatus, Picture, StoredFile, named_by, put_file, url};
use crate::pipeline::reader::chain;
use crate::pipeline::scene::{Seen, seen};

/// A file of ours, as an event tells of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Described {
    /// `{url, name, content_type, size, media, width?, height?, thumbnail_url?, thumbnail2x_url?}`.
    pub data: Map<String, Value>,
    /// The upload, where no event used it yet.
    pub unused: Option<Unused>,
}

/// An upload that no event used yet: who tells of it calls [`keep`].
#[derive(Clone, Debug, PartialEq)]
pub struct Unused(Seen<StoredFile>);

/// Begins to receive a file of somebody.
pub async fn begin(app: &Arc<App>, actor: &Actor) -> Result<Receiving, Failure> {
    upload::begin(app, actor.workspace).await.map_err(|error| refused(&error))
}

/// What a sender is told about a file that was not taken.
pub fn refused(error: &UploadError) -> Failure {
    let error_type = match error {
        UploadError::TooLarge { limit } => {
            return Failure::new(ErrorType::EntityTooLarge, error.to_string())
                .with_data(json!({ "limit": limit }));
        }
        UploadError::Empty | UploadError::Program => return Failure::field("file", error),
        UploadError::Busy => ErrorType::ServiceUnavailable,
        UploadError::Disk(_)
        | UploadError::Store(_)
        | UploadError::Commit(_)
        | UploadError::Read(_) => {
            tracing::error!("a file could not be taken: {}", chain(error));
            return Failure::new(ErrorType::Internal, "the file could not be kept; try again");
        }
    };
    Failure::new(error_type, error.to_string())
}

/// What is known of the file that an address names; `None` when it is none of this workspace, or is gone. The signature in
/// the address counts and its host does not: the event gets the address that this server is known by.
pub async fn describe(
    app: &App,
    workspace: tidings_model::WorkspaceId,
    address: &str,
) -> Result<Option<Described>, ReadError> {
    let Some(id) = named_by(app, address) else { return Ok(None) };
    let Some(document) = app.store.document(workspace, &DocKey::new(Kind::File, id)).await? else {
        return Ok(None);
    };
    let found: Seen<StoredFile> = seen(document)?;
    let file = &found.value;
    match (file.status, &file.upload) {
        // A provider's copy is on its way, and its address is good already.
        (FileStatus::Kept, _) | (FileStatus::Waiting, None) => {}
        (FileStatus::Waiting, Some(_))
        | (FileStatus::TooBig | FileStatus::Failed | FileStatus::Removed, _) => return Ok(None),
    }
    let content_type = file.content_type.as_deref().unwrap_or("application/octet-stream");
    let address = url(app, id);
    let mut data = Map::from_iter([
        ("url".to_owned(), json!(address)),
        ("name".to_owned(), json!(file.name.as_deref().unwrap_or("file"))),
        ("content_type".to_owned(), json!(content_type)),
        ("media".to_owned(), json!(media(content_type))),
    ]);
    if let Some(size) = file.size {
        data.insert("size".into(), json!(size));
    }
    if let Some(picture) = file.upload.as_ref().and_then(|upload| upload.picture.as_ref()) {
        show(picture, &address, &mut data);
    }
    let unused = file.upload.as_ref().is_some_and(|upload| !upload.used);
    Ok(Some(Described { data, unused: unused.then_some(Unused(found)) }))
}

/// Says in an event's commit that the upload is used.
pub fn keep(batch: &mut Batch, unused: &Unused, event: EventId, chat: ChatId) {
    let Unused(found) = unused;
    let key = DocKey::new(Kind::File, found.value.id);
    // Two events of one commit may tell of the same file.
    if batch.puts.iter().any(|put| put.key == key) {
        return;
    }
    let mut found = found.clone();
    let file = &mut found.value;
    if let Some(upload) = &mut file.upload {
        upload.used = true;
    }
    file.event = Some(event);
    file.chat = Some(chat);
    batch.timers.push(TimerChange::Cancel { name: upload::timer_name(file.id) });
    batch.puts.push(put_file(&found));
}

/// Where a picture is small itself, it is its own thumbnail.
fn show(picture: &Picture, address: &str, data: &mut Map<String, Value>) {
    data.insert("width".into(), json!(picture.width));
    data.insert("height".into(), json!(picture.height));
    for (scale, name) in [(1, "thumbnail_url"), (2, "thumbnail2x_url")] {
        let is_there = picture.thumbnails.iter().any(|thumbnail| thumbnail.scale == scale);
        if is_there {
            data.insert(name.into(), format!("{address}?thumbnail={scale}").into());
        } else if picture.decoded {
            data.insert(name.into(), address.into());
        }
    }
}

/// What a file is to a reader, by its type.
fn media(content_type: &str) -> &'static str {
    match content_type.split('/').next() {
        Some("image") => "image",
        Some("audio") => "audio",
        Some("video") => "video",
        Some(_) | None => "document",
    }
}
