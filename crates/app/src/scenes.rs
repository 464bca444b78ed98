//! The scenes of busy chats, kept in memory: accepting a message then costs no read.
//!
//! A scene from here may be old. Whoever decides by one commits with the versions that it shows, so an old one is refused
//! as a conflict, forgotten, and read again. Every commit of this process forgets what it changes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tidings_model::{ChatId, WorkspaceId};
use tidings_store::{Batch, DocKey, Kind, ReadError, Store};

use crate::pipeline::scene::Scene;

/// How many scenes are kept; when there are more, all are read anew. A scene has about a kilobyte.
const SCENES_MAX: usize = 10_000;

/// The scenes of busy chats.
#[derive(Default)]
pub(crate) struct Scenes {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    scenes: HashMap<(WorkspaceId, ChatId), Arc<Scene>>,
    /// Moves whenever something is forgotten: what was read before that is not kept after it.
    generation: u64,
}

impl Scenes {
    /// A chat's scene, maybe an old one; `None` when there is no such chat.
    pub(crate) async fn of_chat(
        &self,
        store: &Arc<dyn Store>,
        workspace: WorkspaceId,
        chat: ChatId,
    ) -> Result<Option<Arc<Scene>>, ReadError> {
        let generation = {
            let kept = self.kept();
            if let Some(scene) = kept.scenes.get(&(workspace, chat)) {
                return Ok(Some(Arc::clone(scene)));
            }
            kept.generation
        };
        let Some(scene) = Scene::of_chat(store, workspace, chat).await?.map(Arc::new) else {
            return Ok(None);
        };
        let mut kept = self.kept();
        if kept.generation == generation {
            if kept.scenes.len() >= SCENES_MAX {
                kept.scenes.clear();
            }
            kept.scenes.insert((workspace, chat), Arc::clone(&scene));
        }
        Ok(Some(scene))
    }

    /// Forgets a chat's scene: it was an old one.
    pub(crate) fn forget(&self, workspace: WorkspaceId, chat: ChatId) {
        let mut kept = self.kept();
        kept.generation += 1;
        kept.scenes.remove(&(workspace, chat));
    }

    /// Forgets what a batch changes. Called before it is written and after: a read in between is not kept.
    pub(crate) fn forget_changed(&self, batch: &Changed) {
        for chat in &batch.chats {
            self.forget(batch.workspace, *chat);
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The chats whose scenes a batch changes.
pub(crate) struct Changed {
    workspace: WorkspaceId,
    chats: Vec<ChatId>,
}

impl Changed {
    /// Those of this batch. A customer's document is part of a scene for behaviors only, which read it afresh.
    pub(crate) fn by(batch: &Batch) -> Self {
        let puts = batch.puts.iter().map(|put| &put.key);
        let deletes = batch.deletes.iter().map(|delete| &delete.key);
        let of_a_scene =
            |key: &&DocKey| matches!(key.kind, Kind::Chat | Kind::Control | Kind::Session);
        let chats =
            puts.chain(deletes).filter(of_a_scene).filter_map(|key| key.id.parse().ok()).collect();
        Self { workspace: batch.workspace, chats }
    }
}
