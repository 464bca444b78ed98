//! What everything in this crate shares: the store, the clock, the vocabulary, the ways out, and who is in which workspace.
//!
//! `server` and `testkit` build it from [`Parts`]; it owns no loop. The loops are in [`crate::pipeline::start`].

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tidings_bus::{Bus, Topic};
use tidings_catalogue::Catalogue;
use tidings_model::{BotName, ChannelId, ChatId, Clock, EventId, NodeId, Timestamp, WorkspaceId};
use tidings_outbound::Client;
use tidings_store::archive::Archive;
use tidings_store::{
    Batch, CommitError, Committed, DocKey, Kind, Nodes, ReadError, Share, Store, TimerChange,
};
use tokio::sync::{Notify, Semaphore};

use crate::Settings;
use crate::codes::Codes;
use crate::desk::hub::Hub;
use crate::desk::routing::Routing;
use crate::directory::Directory;
use crate::hints::{self, Change};
use crate::nodes::hold::{self, Hold, Under};
use crate::nodes::holdings::Holdings;
use crate::passes::{BELIEVED_FOR, Passes};
use crate::pipeline::deliver::UNPROVEN_MAX;
use crate::pipeline::deliver::bodies::Bodies;
use crate::pipeline::deliver::crowd::Crowd;
use crate::pipeline::deliver::gauges::{self, Gauges};
use crate::pipeline::deliver::pulse::Pulses;
use crate::pipeline::files::COPIES_AT_ONCE_MAX;
use crate::pipeline::files::picture::PICTURES_AT_ONCE_MAX;
use crate::pipeline::files::store::{FileStore, WrongS3Settings};
use crate::pipeline::files::upload::UPLOADS_AT_ONCE_MAX;
use crate::pipeline::fresh;
use crate::pipeline::index::Indexed;
use crate::pipeline::mail::MAILS_AT_ONCE_MAX;
use crate::pipeline::scene::Scene;
use crate::pipeline::telegram::open::OpenChannels;
use crate::pipeline::telegram::press::ANSWERS_AT_ONCE_MAX;
use crate::pipeline::timers::LOOK_INTERVAL;
use crate::scenes::Scenes;
use crate::seal::Sealer;
use crate::simulations;

/// What an [`App`] is built from.
pub struct Parts {
    /// The engine, already open.
    pub store: Arc<dyn Store>,
    /// The threads as they are searched, already open.
    pub archive: Arc<dyn Archive>,
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
    /// Which run of which node this is.
    pub node: NodeId,
    /// What people call the machine that it runs on.
    pub node_name: String,
    /// The nodes of the installation; `None` where this one is alone: it holds all work then, without leases.
    pub nodes: Option<Arc<dyn Nodes>>,
    /// How the other nodes of the installation are told what they may want to know.
    pub bus: Arc<dyn Bus>,
}

/// What everything in this crate shares.
pub struct App {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) archive: Arc<dyn Archive>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) catalogue: Arc<Catalogue>,
    pub(crate) guarded: Client,
    pub(crate) providers: Client,
    pub(crate) sealer: Sealer,
    pub(crate) settings: Settings,
    pub(crate) node: NodeId,
    pub(crate) bus: Arc<dyn Bus>,
    /// What people call the machine.
    pub(crate) node_name: String,
    /// When this run began.
    pub(crate) started_at: Timestamp,
    /// All nodes; `None` where this one is alone.
    pub(crate) nodes: Option<Arc<dyn Nodes>>,
    holdings: Holdings,
    pub(crate) timers_changed: Notify,
    /// Somebody turned the clock: who waits for a time looks at it.
    pub(crate) clock_moved: Notify,
    /// Places for deliveries to receivers whose last try was not taken.
    pub(crate) unproven_deliveries: Semaphore,
    /// The bodies of deliveries that were made last.
    pub(crate) bodies: Bodies,
    /// The endpoints of this node that have something under way.
    pub(crate) crowd: Arc<Crowd>,
    /// Places for mails that are sent.
    pub(crate) mails: Semaphore,
    /// Places for simulations.
    pub(crate) simulations: Semaphore,
    /// The readers of endpoints that work here.
    pub(crate) pulses: Pulses,
    /// How the readers of endpoints on this node are doing.
    pub(crate) gauges: Gauges,
    scenes: Scenes,
    passes: Passes,
    pub(crate) telegram: OpenChannels,
    pub(crate) press_answers: Arc<Semaphore>,
    pub(crate) copies: Semaphore,
    pub(crate) files: FileStore,
    pub(crate) uploads: Arc<Semaphore>,
    pub(crate) pictures: Arc<Semaphore>,
    directories: RwLock<HashMap<WorkspaceId, Arc<Directory>>>,
    hubs: Mutex<HashMap<WorkspaceId, Arc<Hub>>>,
    codes: Codes,
    routings: Mutex<HashMap<WorkspaceId, Arc<Routing>>>,
    indexed: Mutex<HashMap<WorkspaceId, Arc<Indexed>>>,
}

/// It cannot be built.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Who is in which workspace cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The store of files has wrong settings.
    #[error(transparent)]
    Files(#[from] WrongS3Settings),
}

impl App {
    /// Builds it, and reads who is in which workspace.
    pub async fn open(parts: Parts) -> Result<Arc<Self>, OpenError> {
        let files = FileStore::open(&parts.settings, &parts.providers)?;
        let passes = Passes::new((!parts.bus.is_alone()).then_some(BELIEVED_FOR));
        let started_at = parts.clock.now();
        let app = Arc::new(Self {
            store: parts.store,
            archive: parts.archive,
            clock: parts.clock,
            catalogue: parts.catalogue,
            guarded: parts.guarded,
            providers: parts.providers,
            sealer: parts.sealer,
            settings: parts.settings,
            node: parts.node,
            bus: parts.bus,
            holdings: match &parts.nodes {
                Some(_) => Holdings::leased(),
                None => Holdings::Alone,
            },
            node_name: parts.node_name,
            started_at,
            nodes: parts.nodes,
            timers_changed: Notify::new(),
            clock_moved: Notify::new(),
            unproven_deliveries: Semaphore::new(UNPROVEN_MAX),
            bodies: Bodies::default(),
            crowd: Arc::default(),
            mails: Semaphore::new(MAILS_AT_ONCE_MAX),
            simulations: Semaphore::new(simulations::AT_ONCE_MAX),
            pulses: Pulses::default(),
            gauges: Gauges::default(),
            scenes: Scenes::default(),
            passes,
            telegram: OpenChannels::default(),
            press_answers: Arc::new(Semaphore::new(ANSWERS_AT_ONCE_MAX)),
            copies: Semaphore::new(COPIES_AT_ONCE_MAX),
            files,
            uploads: Arc::new(Semaphore::new(UPLOADS_AT_ONCE_MAX)),
            pictures: Arc::new(Semaphore::new(PICTURES_AT_ONCE_MAX)),
            directories: RwLock::new(HashMap::new()),
            hubs: Mutex::default(),
            codes: Codes::default(),
            routings: Mutex::default(),
            indexed: Mutex::default(),
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

    /// Takes no more, and lets go of the files of store and archive.
    pub async fn close(&self) {
        self.store.close().await;
        self.archive.close().await;
    }

    /// The vocabulary of every workspace; see [`App::catalogue_of`].
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// The vocabulary of a workspace: that of all, and its own types.
    pub fn catalogue_of(&self, workspace: WorkspaceId) -> Arc<Catalogue> {
        let own = self.directory(workspace).map(|directory| directory.catalogue());
        own.unwrap_or_else(|| Arc::clone(&self.catalogue))
    }

    /// The installation's key.
    pub fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// What the operator set.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Which run of which node this is.
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// How the other nodes are told what they may want to know.
    pub fn bus(&self) -> &Arc<dyn Bus> {
        &self.bus
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

    /// Where the open connections of a workspace meet.
    pub fn hub(&self, workspace: WorkspaceId) -> Option<Arc<Hub>> {
        self.directory(workspace)?;
        let mut hubs = self.hubs.lock().unwrap_or_else(PoisonError::into_inner);
        let hub = hubs.entry(workspace).or_insert_with(|| Arc::new(Hub::new(workspace, &self.bus)));
        Some(Arc::clone(hub))
    }

    /// The turn-taking of a workspace's routing: hold its turn while deciding who gets a chat.
    pub fn routing(&self, workspace: WorkspaceId) -> Arc<Routing> {
        let mut routings = self.routings.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(routings.entry(workspace).or_default())
    }

    /// How far the archive of a workspace is.
    pub(crate) fn indexed(&self, workspace: WorkspaceId) -> Arc<Indexed> {
        let mut indexed = self.indexed.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(indexed.entry(workspace).or_default())
    }

    /// The chats whose codes were looked up lately.
    pub(crate) fn known_codes(&self) -> &Codes {
        &self.codes
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
        let directory = Arc::new(Directory::new(workspace, &self.catalogue));
        directory.refresh(self).await?;
        let mut directories = self.directories.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(directories.entry(workspace).or_insert(directory)))
    }

    /// Writes a batch; see [`Store::commit`]. New timers wake the timer loop. What is done under a lease is written only
    /// if the lease is still ours.
    pub(crate) async fn commit(&self, mut batch: Batch) -> Result<Committed, CommitError> {
        let sets_timer =
            batch.timers.iter().any(|change| matches!(change, TimerChange::Set { .. }));
        let (workspace, changed) = (batch.workspace, kept_of(&batch));
        let under = hold::current().filter(|hold| hold.workspace() == workspace);
        if let Some(hold) = &under {
            batch.expects.push(hold.expect());
        }
        let told = (!self.bus.is_alone()).then(|| Change::of(&batch, self.now() + LOOK_INTERVAL));
        if told.as_ref().is_some_and(|told| told.directory || told.bots) {
            fresh::note_change(&mut batch);
        }
        // Before it is written and after: a read in between is not kept.
        self.forget(workspace, &changed);
        let committed = self.store.commit(batch).await;
        let committed = committed.map_err(|error| fenced(error, under.iter()));
        self.forget(workspace, &changed);
        let committed = committed?;
        if sets_timer {
            self.timers_changed.notify_one();
        }
        if let Some(told) = told.filter(|told| !told.is_empty()) {
            self.bus.tell(workspace, Topic::Changed, hints::write(&told));
        }
        Ok(committed)
    }

    /// Writes a batch of one workspace if all these leases are still ours; for who works under several.
    pub(crate) async fn commit_under(
        &self,
        mut batch: Batch,
        holds: &[Arc<Hold>],
    ) -> Result<Committed, CommitError> {
        batch.expects.extend(holds.iter().map(|hold| hold.expect()));
        self.commit(batch).await.map_err(|error| fenced(error, holds))
    }

    /// Whether this node does the work of a share.
    pub fn holds(&self, workspace: WorkspaceId, share: Share) -> bool {
        self.under(workspace, share).is_some()
    }

    /// Under what work of a share is done here; `None` when another node does it.
    pub(crate) fn under(&self, workspace: WorkspaceId, share: Share) -> Option<Under> {
        self.holdings.under(workspace, share)
    }

    /// The shares that this node holds.
    pub(crate) const fn holdings(&self) -> &Holdings {
        &self.holdings
    }

    fn forget(&self, workspace: WorkspaceId, changed: &[DocKey]) {
        for key in changed {
            if PASSES.contains(&key.kind) {
                self.passes.forget(workspace, key);
            } else if let Ok(chat) = key.id.parse() {
                self.scenes.forget(workspace, chat);
            }
        }
    }

    /// What is kept of tokens and bans.
    pub(crate) const fn passes(&self) -> &Passes {
        &self.passes
    }

    /// A chat's scene as it was lately. Decide by it only what is committed with the versions that it shows, and
    /// [`App::forget_scene`] it when they are refused.
    pub(crate) async fn recent_scene(
        &self,
        workspace: WorkspaceId,
        chat: ChatId,
    ) -> Result<Option<Arc<Scene>>, ReadError> {
        self.scenes.recent(&self.store, workspace, chat).await
    }

    /// A chat's scene as it is now.
    pub async fn scene(
        &self,
        workspace: WorkspaceId,
        chat: ChatId,
    ) -> Result<Option<Scene>, ReadError> {
        let scene = self.scenes.read(&self.store, workspace, chat).await?;
        Ok(scene.map(Arc::unwrap_or_clone))
    }

    /// A recent scene was an old one.
    pub(crate) fn forget_scene(&self, workspace: WorkspaceId, chat: ChatId) {
        self.scenes.forget(workspace, chat);
    }

    /// A new id.
    pub fn next_id(&self) -> uuid::Uuid {
        self.clock.next_id()
    }

    /// A new id for an event.
    pub(crate) fn next_event_id(&self) -> EventId {
        EventId::new(self.clock.next_id())
    }

    /// Looks at the timers again: a test that turned its clock says so.
    pub fn look_at_timers(&self) {
        self.timers_changed.notify_one();
        self.clock_moved.notify_waiters();
    }

    /// How each endpoint's reader of this node is doing, in the Prometheus text format.
    pub async fn endpoint_metrics(&self) -> String {
        gauges::render(self).await
    }

    /// Whether no delivery to an endpoint is to be made or written now: for who waits until all is done.
    pub fn deliveries_rest(&self) -> bool {
        self.pulses.rest(self.now())
    }
}

/// A conflict about the lease that the work was done under is not one that is decided anew: the work is another node's.
fn fenced<'a>(error: CommitError, under: impl IntoIterator<Item = &'a Arc<Hold>>) -> CommitError {
    if let CommitError::Conflict { key } = &error
        && let Some(hold) = under.into_iter().find(|hold| hold.expect().key == *key)
    {
        hold.refused();
        return CommitError::Fenced { share: hold.share() };
    }
    error
}

/// The documents of a chat's scene. A customer's is part of it for behaviors only, which read it afresh.
const SCENE: [Kind; 3] = [Kind::Chat, Kind::Control, Kind::Session];

/// The documents that tell who is let in.
const PASSES: [Kind; 2] = [Kind::AgentToken, Kind::Ban];

/// The documents that a batch changes and that may be kept in memory.
fn kept_of(batch: &Batch) -> Vec<DocKey> {
    let puts = batch.puts.iter().map(|put| &put.key);
    let deletes = batch.deletes.iter().map(|delete| &delete.key);
    let may_be_kept = |key: &&DocKey| SCENE.contains(&key.kind) || PASSES.contains(&key.kind);
    puts.chain(deletes).filter(may_be_kept).cloned().collect()
}
