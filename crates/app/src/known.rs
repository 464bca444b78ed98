//! What was made at another node a moment ago is found at this one.
//!
//! Whoever looks for something in the [`Directory`] in the name of a caller says so here first: where it is not known,
//! the directory is read again if another node changed it, and only then is the caller told that there is none. Of what
//! was changed or removed elsewhere a caller may still see the old state, until the hint comes or the next reading.

use std::sync::Arc;

use tidings_catalogue::TypeFilter;
use tidings_model::{Channel, ChannelId, WorkspaceId};
use tidings_store::ReadError;

use crate::App;
use crate::directory::Directory;
use crate::pipeline::fresh;

/// Sees to it that something is known, if it is there.
pub async fn seek(
    app: &App,
    workspace: WorkspaceId,
    is_known: impl Fn(&Directory) -> bool + Send,
) -> Result<(), ReadError> {
    match app.directory(workspace) {
        Some(directory) if !is_known(&directory) => fresh::look_again(app, &directory).await,
        Some(_) | None => Ok(()),
    }
}

/// Sees to it that a type of events is known by this name, if there is one.
pub async fn event_type(app: &App, workspace: WorkspaceId, name: &str) -> Result<(), ReadError> {
    if app.catalogue().resolve(name).is_some() {
        return Ok(());
    }
    seek(app, workspace, |directory| directory.catalogue().resolve(name).is_some()).await
}

/// Sees to it that the types that a filter names are known, if there are such.
pub async fn filter(app: &App, workspace: WorkspaceId, names: &[String]) -> Result<(), ReadError> {
    let is_known = |directory: &Directory| TypeFilter::parse(&directory.catalogue(), names).is_ok();
    seek(app, workspace, is_known).await
}

/// What is known at a moment.
#[derive(Debug)]
pub struct Known {
    directory: Option<(Arc<Directory>, u64)>,
}

impl Known {
    /// Now: for who decides by what is known, and wants to decide anew if it was too little.
    pub fn now(app: &App, workspace: WorkspaceId) -> Self {
        let directory = app.directory(workspace);
        Self { directory: directory.map(|known| (Arc::clone(&known), known.generation())) }
    }

    /// Whether it is another by now, after a look at what other nodes changed.
    pub async fn is_outdated(&self, app: &App) -> Result<bool, ReadError> {
        let Some((directory, generation)) = &self.directory else { return Ok(false) };
        fresh::look_again(app, directory).await?;
        Ok(directory.generation() != *generation)
    }
}

/// A channel and the workspace that it belongs to: providers and pages know the channel only.
pub async fn channel(
    app: &App,
    id: ChannelId,
) -> Result<Option<(WorkspaceId, Arc<Channel>)>, ReadError> {
    if let Some(found) = channel_at_hand(app, id) {
        return Ok(Some(found));
    }
    for workspace in app.workspaces() {
        seek(app, workspace, |directory| directory.channel(id).is_some()).await?;
    }
    Ok(channel_at_hand(app, id))
}

fn channel_at_hand(app: &App, id: ChannelId) -> Option<(WorkspaceId, Arc<Channel>)> {
    let mut workspaces = app.workspaces().into_iter();
    workspaces.find_map(|workspace| Some((workspace, app.directory(workspace)?.channel(id)?)))
}
