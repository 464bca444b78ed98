//! The scenes of busy chats, kept in memory: accepting a message then costs no read.
//!
//! A scene from here may be old. Whoever decides by one commits with the versions that it shows, so an old one is refused
//! as a conflict, forgotten, and read again. Every commit of this process forgets what it changes, and
//! the hub's reader what an event of any node may have changed.

use std::sync::Arc;

use tidings_model::{ChatId, CustomerId, WorkspaceId};
use tidings_store::{ReadError, Store};

use crate::kept::Kept;
use crate::pipeline::scene::Scene;

/// How many scenes are kept. A scene has about a kilobyte.
const SCENES_MAX: usize = 10_000;

/// Of how many chats it is known whose they are.
const CUSTOMERS_MAX: usize = 100_000;

/// The scenes of busy chats.
pub(crate) struct Scenes {
    scenes: Kept<(WorkspaceId, ChatId), Arc<Scene>>,
    /// Whose chats were seen: with it, one read gives a whole scene. A wrong one costs a read.
    customers: Kept<(WorkspaceId, ChatId), CustomerId>,
}

impl Default for Scenes {
    fn default() -> Self {
        let (scenes, customers) = (Kept::new(SCENES_MAX, None), Kept::new(CUSTOMERS_MAX, None));
        Self { scenes, customers }
    }
}

impl Scenes {
    /// A chat's scene, maybe an old one; `None` when there is no such chat.
    pub(crate) async fn recent(
        &self,
        store: &Arc<dyn Store>,
        workspace: WorkspaceId,
        chat: ChatId,
    ) -> Result<Option<Arc<Scene>>, ReadError> {
        match self.scenes.find(&(workspace, chat)) {
            Ok(scene) => Ok(Some(scene)),
            Err(_) => self.read(store, workspace, chat).await,
        }
    }

    /// A chat's scene as it is; `None` when there is no such chat.
    pub(crate) async fn read(
        &self,
        store: &Arc<dyn Store>,
        workspace: WorkspaceId,
        chat: ChatId,
    ) -> Result<Option<Arc<Scene>>, ReadError> {
        let key = (workspace, chat);
        let since = self.scenes.moment(&key);
        let known = self.customers.find(&key).ok();
        let scene = Scene::read(store, workspace, chat, known).await?.map(Arc::new);
        if let Some(scene) = &scene {
            self.scenes.keep(key, Arc::clone(scene), since);
            let customer = scene.chat.value.customer.filter(|customer| known != Some(*customer));
            if let Some(customer) = customer {
                self.customers.keep(key, customer, self.customers.moment(&key));
            }
        }
        Ok(scene)
    }

    /// Forgets a chat's scene: it was an old one.
    pub(crate) fn forget(&self, workspace: WorkspaceId, chat: ChatId) {
        self.scenes.forget(&(workspace, chat));
    }
}
