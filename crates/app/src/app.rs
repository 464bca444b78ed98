//! What everything in this crate shares: the store, the clock, the vocabulary, the ways out, and who is in which workspace.
//!
//! `server` and `testkit` build it from [`Parts`]; it owns no loop. The loops are in [`crate::pipeline::start`].

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use tidings_catalogue::Catalogue;
use tidings_model::{BotName, ChannelId, ChatId, Clock, EventId, Timestamp, WorkspaceId};
use tidings_outbound::Client;
use tidings_store::{Batch, CommitError, Committed, ReadError, Store, TimerChange};
use tokio::sync::{Notify, Semaphore};

use crate::Settings;
use crate::directory::Directory;
use crate::pipeline::files::COPIES_AT_ONCE_MAX;
use crate::pipeline::scene::Scene;
use crate::pipeline::telegram::open::OpenChannels;
use crate::pipeline::telegram::press::ANSWERS_AT_ONCE_MAX;
use crate::scenes::{Changed, Scenes};
use crate::seal::Sealer;

/// What an [`App`] is built from.
pub struct Parts {
    /// The engine, already open.
    pub store: Arc<dyn Store>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The vocabulary.
    pub catalogue: Arc<Catalogue>,
    /// The way out to addresses given by others: guarded.
    pub guarded: Client,
    /// The way out to addresses from channels' settings.
    pub providers: Client,
    /// The installation's key.
    pub sealer: Sealer,
    /// What the operator set.
    pub settings: Settings,
}

/// What everything in this crate shares.
pub struct App {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) guarded: Client,
    pub(crate) providers: Client,
    pub(crate) sealer: Sealer,
    pub(crate) settings: Settings,
    pub(crate) timers_changed: Notify,
    scenes: Scenes,
    pub(crate) telegram: OpenChannels,
    pub(crate) press_answers: Arc<Semaphore>,
    pub(crate) copies: Semaphore,
    directories: RwLock<HashMap<WorkspaceId, Arc<Directory>>>,
}

impl App {
    /// Builds it, and reads who is in which workspace.
    pub async fn open(parts: Parts) -> Result<Arc<Self>, ReadError> {
        let app = Arc::new(Self {
            store: parts.store,
            clock: parts.clock,
            catalogue: parts.catalogue,
            guarded: parts.guarded,
            providers: parts.providers,
            sealer: parts.sealer,
            settings: parts.settings,
            timers_changed: Notify::new(),
            scenes: Scenes::default(),
            telegram: OpenChannels::default(),
            press_answers: Arc::new(Semaphore::new(ANSWERS_AT_ONCE_MAX)),
            copies: Semaphore::new(COPIES_AT_ONCE_MAX),
            directories: RwLock::new(HashMap::new()),
        });
        for workspace in app.store.workspaces().await? {
            app.open_workspace(workspace).await?;
        }
        Ok(app)
    }

    /// The store, for reading.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The vocabulary.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// The installation's key.
    pub fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// What the operator set.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The workspaces that are open.
    pub fn workspaces(&self) -> Vec<WorkspaceId> {
        self.directories.read().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    /// What the pipeline keeps at hand about a workspace.
    pub fn directory(&self, workspace: WorkspaceId) -> Option<Arc<Directory>> {
        self.directories.read().unwrap_or_else(PoisonError::into_inner).get(&workspace).cloned()
    }

    /// The workspace that a channel belongs to: providers know the channel only.
    pub fn workspace_of_channel(&self, channel: ChannelId) -> Option<WorkspaceId> {
        let directories = self.directories.read().unwrap_or_else(PoisonError::into_inner);
        directories
            .values()
            .find(|directory| directory.channel(channel).is_some())
            .map(|found| found.workspace())
    }

    /// The bot that holds new chats of a channel.
    pub(crate) fn bot_of_channel(
        &self,
        workspace: WorkspaceId,
        channel: ChannelId,
    ) -> Option<BotName> {
        self.directory(workspace)?.channel(channel)?.bot.clone()
    }

    pub(crate) async fn open_workspace(
        &self,
        workspace: WorkspaceId,
    ) -> Result<Arc<Directory>, ReadError> {
        let directory = Arc::new(Directory::new(workspace));
        directory.refresh(self).await?;
        let mut directories = self.directories.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(directories.entry(workspace).or_insert(directory)))
    }

    /// Writes a batch; see [`Store::commit`]. New timers wake the timer loop.
    pub(crate) async fn commit(&self, batch: Batch) -> Result<Committed, CommitError> {
        let sets_timer =
            batch.timers.iter().any(|change| matches!(change, TimerChange::Set { .. }));
        let changed = Changed::by(&batch);
        self.scenes.forget_changed(&changed);
        let committed = self.store.commit(batch).await;
        self.scenes.forget_changed(&changed);
        let committed = committed?;
        if sets_timer {
            self.timers_changed.notify_one();
        }
        Ok(committed)
    }

    /// A chat's scene as it was lately. Decide by it only what is committed with the versions that it shows, and
    /// [`App::forget_scene`] it when they are refused.
    pub(crate) async fn recent_scene(
        &self,
        workspace: WorkspaceId,
        chat: ChatId,
    ) -> Result<Option<Arc<Scene>>, ReadError> {
        self.scenes.of_chat(&self.store, workspace, chat).await
    }

    /// A recent scene was an old one.
    pub(crate) fn forget_scene(&self, workspace: WorkspaceId, chat: ChatId) {
        self.scenes.forget(workspace, chat);
    }

    /// A new id for an event.
    pub(crate) fn next_event_id(&self) -> EventId {
        EventId::new(self.clock.next_id())
    }

    /// Looks at the timers again: a test that turned its clock says so.
    pub fn look_at_timers(&self) {
        self.timers_changed.notify_one();
    }
}
