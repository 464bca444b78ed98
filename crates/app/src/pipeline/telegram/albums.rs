//! Albums: Telegram sends each picture as an update of its own; together they become one `chat.file`.
//!
//! A part is durable before it is acknowledged: it is put into the album's document, with a claim on its update and a
//! timer that each part moves. When the album was quiet for its window, or when anything else of its chat comes in, the
//! parts are read again, joined and received as one arrival; the same commit takes the timer and removes the document,
//! so a crash in between neither loses nor doubles a part. A part that comes later than that is an album of its own.
//!
//! The order within a chat is kept but for one case: which albums are open is remembered in memory only, so what comes
//! right after a restart may stand before an album that was open then.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tidings_channels::Arrival;
use tidings_channels::telegram::album::{ALBUM_FILES_MAX, join};
use tidings_channels::telegram::read_update;
use tidings_model::{ChannelId, Timestamp, WorkspaceId};
use tidings_store::{
    Batch, Claim, CommitError, Delete, DocKey, Kind, Timer, TimerChange, TimerName,
};
use uuid::Uuid;

use super::open::OpenChannel;
use super::{received, warn_unusable};
use crate::directory::Directory;
use crate::pipeline::reader::StepFailed;
use crate::pipeline::receive::{ReceiveError, delivery_claim};
use crate::pipeline::scene::{Seen, seen};
use crate::pipeline::tries::later;
use crate::{App, known};

/// How often a decision is made anew because what it saw moved meanwhile.
const CONFLICT_TRIES_MAX: usize = 10;

/// Each part moves the timer by at least this, so that a timer that was seen is not the one that a later part set.
const TIMER_STEP: Duration = Duration::from_millis(1);

/// When an album is looked at again whose channel cannot be used now.
const UNUSABLE_PAUSE: Duration = Duration::from_secs(60);

/// An album that is not whole yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Album {
    id: Uuid,
    channel: ChannelId,
    /// Telegram's name for it.
    group: String,
    /// The chat it belongs to.
    address: Option<String>,
    parts: Vec<Part>,
    /// When it is whole, unless another part comes.
    due: Timestamp,
}

/// An update as it came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Part {
    update: Map<String, Value>,
    received_at: Timestamp,
}

/// Which albums are open, by the address of their chat.
#[derive(Clone, Debug, Default)]
pub(crate) struct OpenAlbums(Arc<Mutex<HashMap<String, Uuid>>>);

impl OpenAlbums {
    fn note(&self, address: &str, album: Uuid) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(address.to_owned(), album);
    }

    fn of_chat(&self, address: &str) -> Option<Uuid> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(address).copied()
    }

    fn forget(&self, address: &str, album: Uuid) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.get(address) == Some(&album) {
            open.remove(address);
        }
    }
}

/// Makes the open album of a chat whole before something else of the chat is received.
pub(super) async fn finish_before(
    app: &Arc<App>,
    workspace: WorkspaceId,
    open: &OpenChannel,
    arrival: &Arrival,
) -> Result<(), ReceiveError> {
    let Some(address) = &arrival.address else { return Ok(()) };
    let Some(album) = open.albums.of_chat(address) else { return Ok(()) };
    if arrival.album.as_deref().is_some_and(|group| album_id(open.channel.id, group) == album) {
        return Ok(());
    }
    finish(app, workspace, open, album).await?;
    open.albums.forget(address, album);
    Ok(())
}

/// Keeps one part. What makes a second copy harmless: the update is claimed in the same commit.
pub(super) async fn keep_part(
    app: &Arc<App>,
    workspace: WorkspaceId,
    open: &OpenChannel,
    arrival: &Arrival,
    group: &str,
) -> Result<(), ReceiveError> {
    let channel = open.channel.id;
    let id = album_id(channel, group);
    for _ in 0..CONFLICT_TRIES_MAX {
        let now = app.now();
        let found = find(app, workspace, id).await?;
        let mut seen = match found {
            Some(seen) => seen,
            None => {
                let (group, address) = (group.to_owned(), arrival.address.clone());
                let due = now;
                Seen::absent(Album { id, channel, group, address, parts: Vec::new(), due })
            }
        };
        let album = &mut seen.value;
        if album.parts.len() >= ALBUM_FILES_MAX {
            finish(app, workspace, open, id).await?;
            continue;
        }
        let window = Duration::from_millis(open.settings.album_window_ms);
        album.parts.push(Part { update: arrival.raw.clone(), received_at: now });
        album.due = later(now, window).max(later(album.due, TIMER_STEP));
        let mut batch = Batch::new(workspace);
        batch
            .claims
            .push(Claim { name: delivery_claim(channel, &arrival.provider_id), outcome: None });
        batch.timers.push(set_timer(id, album.due, channel));
        batch.puts.push(seen.put(key(id), Vec::new()));
        match app.commit(batch).await {
            Ok(_) => {
                if let Some(address) = &arrival.address {
                    open.albums.note(address, id);
                }
                return Ok(());
            }
            Err(CommitError::Claimed { .. }) => return Ok(()),
            Err(CommitError::Conflict { .. }) => {}
            Err(error) => return Err(ReceiveError::Commit(error)),
        }
    }
    Err(ReceiveError::Commit(CommitError::Overloaded))
}

/// Its timer rang. What makes a second call harmless: the commit takes the timer.
pub(crate) async fn ring(
    app: &Arc<App>,
    directory: &Directory,
    timer: &Timer,
) -> Result<(), StepFailed> {
    let field = |name: &str| timer.body.get(name).and_then(Value::as_str);
    let album = field("album").and_then(|id| id.parse::<Uuid>().ok());
    let channel = field("channel").and_then(|id| id.parse::<ChannelId>().ok());
    let (Some(album), Some(channel)) = (album, channel) else {
        return super::drop_timer(app, timer, None).await;
    };
    known::seek(app, timer.workspace, |directory| directory.channel(channel).is_some()).await?;
    let open = match app.telegram.find(app, directory, channel) {
        Ok(open) => open,
        Err(_) if directory.channel(channel).is_none() => {
            tracing::warn!(channel.id = %channel, "an album is dropped, since its channel was removed");
            return super::drop_timer(app, timer, Some(key(album))).await;
        }
        Err(unusable) => {
            warn_unusable(channel, &unusable);
            let mut batch = Batch::new(timer.workspace);
            batch.timers.push(set_timer(album, later(app.now(), UNUSABLE_PAUSE), channel));
            app.commit(batch).await?;
            return Ok(());
        }
    };
    let Some(found) = find(app, timer.workspace, album).await? else {
        return super::drop_timer(app, timer, None).await;
    };
    if found.value.due > app.now() {
        return Ok(());
    }
    match finish(app, timer.workspace, &open, album).await {
        Ok(()) => {}
        Err(ReceiveError::Read(error)) => return Err(error.into()),
        Err(ReceiveError::Commit(error)) => return Err(error.into()),
        Err(error @ ReceiveError::Invalid { .. }) => {
            tracing::error!(channel.id = %channel, "an album is dropped: {error}");
            return super::drop_timer(app, timer, Some(key(album))).await;
        }
    }
    if let Some(address) = &found.value.address {
        open.albums.forget(address, album);
    }
    Ok(())
}

/// Joins the parts and receives them as one.
async fn finish(
    app: &Arc<App>,
    workspace: WorkspaceId,
    open: &OpenChannel,
    id: Uuid,
) -> Result<(), ReceiveError> {
    for _ in 0..CONFLICT_TRIES_MAX {
        let Some(Seen { value: album, .. }) = find(app, workspace, id).await? else {
            return Ok(());
        };
        let take = TimerChange::Take { name: timer_name(id), due: album.due };
        let beside = |_: &tidings_model::Draft, batch: &mut Batch| {
            batch.timers.push(take.clone());
            batch.deletes.push(Delete { key: key(id), expected: None });
        };
        match received(app, workspace, &open.channel, || whole(open, &album), &beside).await {
            Ok(_) => return Ok(()),
            // Another part came, or somebody else was faster.
            Err(ReceiveError::Commit(CommitError::TimerGone { .. })) => {}
            Err(error) => return Err(error),
        }
    }
    Err(ReceiveError::Commit(CommitError::Overloaded))
}

/// The parts as one arrival. Its parts have taken the claims of their updates, so it has a name of its own: that of its
/// first part, which no other album has.
fn whole(open: &OpenChannel, album: &Album) -> Option<Arrival> {
    let parts = album.parts.iter().filter_map(|part| {
        let body = serde_json::to_vec(&part.update).ok()?;
        read_update(&body, part.received_at, &open.settings, open.username()).ok()
    });
    let mut arrival = join(parts.collect())?;
    arrival.provider_id = format!("album:{}", arrival.provider_id);
    Some(arrival)
}

async fn find(
    app: &App,
    workspace: WorkspaceId,
    id: Uuid,
) -> Result<Option<Seen<Album>>, tidings_store::ReadError> {
    app.store.document(workspace, &key(id)).await?.map(seen).transpose()
}

fn album_id(channel: ChannelId, group: &str) -> Uuid {
    Uuid::new_v5(&channel.uuid(), format!("album:{group}").as_bytes())
}

fn key(id: Uuid) -> DocKey {
    DocKey::new(Kind::Album, id)
}

fn timer_name(id: Uuid) -> TimerName {
    TimerName(format!("album:{id}"))
}

fn set_timer(id: Uuid, due: Timestamp, channel: ChannelId) -> TimerChange {
    let body = json!({ "album": id, "channel": channel });
    TimerChange::Set { name: timer_name(id), due, body }
}
