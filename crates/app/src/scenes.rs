//! The scenes of busy chats, kept in memory: accepting a message then costs no read.
//!
//! A scene from here may be old. Whoever decides by one commits with the versions that it shows, so an old one is refused
//! as a conflict, forgotten, and read again. Every commit of this process forgets what it changes, and
//! the hub's reader what an event of any node may have changed.

use std::sync::Arc;

use tidings_model::{ChatId, WorkspaceId};
use tidings_store::{ReadError, Store};

use crate::kept::Kept;
use crate::pipeline::scene::Scene;

/// How many scenes are kept. A scene has about a kilobyte.
const SCENES_MAX: usize = 10_000;

/// The scenes of busy chats.
pub(crate) struct Scenes(Kept<(WorkspaceId, ChatId), Arc<Scene>>);

impl Default for Scenes {
    fn default() -> Self {
        Self(Kept::new(SCENES_MAX, None))
    }
}

impl Scenes {
    /// A chat's scene, maybe an old one; `None` when there is no such chat.
    pub(crate) async fn of_chat(
        &self,
        store: &Arc<dyn Store>,
        workspace: WorkspaceId,
        chat: ChatId,
    ) -> Result<Option<Arc<Scene>>, ReadError> {
        let since = match self.0.find(&(workspace, chat)) {
            Ok(scene) => return Ok(Some(scene)),
            Err(since) => since,
        };
        let scene = Scene::of_chat(store, workspace, chat).await?.map(Arc::new);
        if let Some(scene) = &scene {
            self.0.keep((workspace, chat), Arc::clone(scene), since);
        }
        Ok(scene)
    }

    /// Forgets a chat's scene: it was an old one.
    pub(crate) fn forget(&self, workspace: WorkspaceId, chat: ChatId) {
        self.0.forget(&(workspace, chat));
    }
}
