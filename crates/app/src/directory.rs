//! What the pipeline keeps at hand about a workspace: its channels, endpoints, agents and bots.
//!
//! All of it is derived from documents, and read again after each change and every [`REFRESH_INTERVAL`]; who missed a
//! change is slower by that, never wrong: what is committed is checked against the documents themselves.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tidings_behaviors::{Behavior, Bot, Heard};
use tidings_catalogue::TypeFilter;
use tidings_model::{
    Agent, AgentId, AgentStatus, BotName, Channel, ChannelId, Endpoint, EndpointId, Event, Group,
    GroupName, GroupNumber, Properties, Seq, TypeName, WorkspaceId,
};
use tidings_store::{DocumentQuery, Kind, ReadError, Scan, Store, Version};
use tokio::sync::Notify;

use crate::App;
use crate::admin::workspaces::Workspace;
use crate::desk::properties::{RegisteredProperty, Registry};
use crate::pipeline::scene::Seen;

/// How often a directory is read again without a hint.
pub const REFRESH_INTERVAL: Duration = Duration::from_secs(5);

/// How many documents of one kind a page of the refresh reads.
const PAGE: usize = 500;

/// What the pipeline keeps at hand about a workspace.
#[derive(Debug)]
pub struct Directory {
    workspace: WorkspaceId,
    listed: RwLock<Arc<Listed>>,
    bots: RwLock<Arc<BotShelf>>,
    /// How often it was read.
    generation: AtomicU64,
    /// How often it was asked to be read again.
    asked: AtomicU64,
    /// Held while it is read, so that an older reading never takes the place of a newer one; up to which asking it is read.
    reading: tokio::sync::Mutex<u64>,
    /// Another node changed something.
    stale: Notify,
    /// Of which version it is, at least; told by [`crate::pipeline::fresh`].
    version: AtomicU64,
    /// Held while the version is looked at; up to which event it was.
    looking: tokio::sync::Mutex<Seq>,
}

/// What is listed in documents.
#[derive(Debug, Default)]
struct Listed {
    channels: HashMap<ChannelId, Arc<Channel>>,
    agents: BTreeMap<AgentId, Arc<Agent>>,
    groups: BTreeMap<GroupNumber, Arc<Group>>,
    license_properties: Arc<Properties>,
    endpoints: Vec<Arc<Subscriber>>,
    subscribers_of: HashMap<TypeName, Vec<Arc<Subscriber>>>,
    registry: Arc<Registry>,
}

/// An endpoint with its filter, compiled.
#[derive(Debug)]
pub struct Subscriber {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The version of its document.
    pub version: Version,
    /// What it wants.
    pub filter: TypeFilter,
}

/// The bots that are live, and which behavior listens to what.
#[derive(Debug, Default)]
pub struct BotShelf {
    bots: Vec<Arc<Bot>>,
    listeners_of: HashMap<TypeName, Vec<Listener>>,
}

/// A behavior that listens to a type.
#[derive(Clone, Debug)]
pub struct Listener {
    /// The bot.
    pub bot: Arc<Bot>,
    /// The place of the behavior in the bot.
    pub behavior: usize,
    /// What it listens to.
    pub heard: Heard,
}

impl BotShelf {
    /// Sorts the behaviors by what they listen to; within a type by bot, then by priority, highest first.
    pub fn new(mut bots: Vec<Arc<Bot>>) -> Self {
        bots.sort_by(|one, other| one.name.cmp(&other.name));
        let mut listeners_of: HashMap<TypeName, Vec<(i32, Listener)>> = HashMap::new();
        for bot in &bots {
            let mut of_bot: Vec<(usize, &Behavior)> = bot.behaviors().iter().enumerate().collect();
            of_bot.sort_by_key(|(_, behavior)| std::cmp::Reverse(behavior.priority));
            for (place, behavior) in of_bot {
                for heard in &behavior.on {
                    let listener =
                        Listener { bot: Arc::clone(bot), behavior: place, heard: heard.clone() };
                    listeners_of
                        .entry(heard.event_type.clone())
                        .or_default()
                        .push((behavior.priority, listener));
                }
            }
        }
        let listeners_of = listeners_of
            .into_iter()
            .map(|(name, listeners)| {
                (name, listeners.into_iter().map(|(_, listener)| listener).collect())
            })
            .collect();
        Self { bots, listeners_of }
    }

    /// The live bots, by name.
    pub fn bots(&self) -> &[Arc<Bot>] {
        &self.bots
    }

    /// One live bot.
    pub fn bot(&self, name: &BotName) -> Option<&Arc<Bot>> {
        self.bots.iter().find(|bot| bot.name == *name)
    }

    /// Who listens to a type, in the order in which they react.
    pub fn listeners(&self, event_type: &TypeName) -> &[Listener] {
        self.listeners_of.get(event_type).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Directory {
    pub(crate) fn new(workspace: WorkspaceId) -> Self {
        Self {
            workspace,
            listed: RwLock::default(),
            bots: RwLock::default(),
            generation: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            reading: tokio::sync::Mutex::new(0),
            stale: Notify::new(),
            version: AtomicU64::new(0),
            looking: tokio::sync::Mutex::new(Seq::START),
        }
    }

    /// The tenant.
    pub fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    /// Moves with each reading: what was derived from the one before is to be looked at again.
    pub fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// A channel.
    pub fn channel(&self, id: ChannelId) -> Option<Arc<Channel>> {
        self.listed().channels.get(&id).cloned()
    }

    /// All channels.
    pub fn channels(&self) -> Vec<Arc<Channel>> {
        self.listed().channels.values().cloned().collect()
    }

    /// All endpoints.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        self.listed().endpoints.iter().map(|subscriber| subscriber.endpoint.clone()).collect()
    }

    /// The word for the kind of the channel that an event came through.
    pub(crate) fn channel_kind(&self, event: &Event) -> Option<&'static str> {
        self.channel(event.channel?).map(|channel| channel.kind.as_str())
    }

    /// The name that an agent shows to customers.
    pub fn agent_name(&self, id: &AgentId) -> Option<String> {
        self.agent(id).map(|agent| agent.name.clone())
    }

    /// One agent.
    pub fn agent(&self, id: &AgentId) -> Option<Arc<Agent>> {
        self.listed().agents.get(id).cloned()
    }

    /// All agents, by id.
    pub fn agents(&self) -> Vec<Arc<Agent>> {
        self.listed().agents.values().cloned().collect()
    }

    /// One team.
    pub fn group(&self, number: GroupNumber) -> Option<Arc<Group>> {
        self.listed().groups.get(&number).cloned()
    }

    /// The properties of the workspace.
    pub fn license_properties(&self) -> Arc<Properties> {
        Arc::clone(&self.listed().license_properties)
    }

    /// All teams, by number.
    pub fn groups(&self) -> Vec<Arc<Group>> {
        self.listed().groups.values().cloned().collect()
    }

    /// The team with this key.
    pub fn group_by_key(&self, key: &GroupName) -> Option<Arc<Group>> {
        self.listed().groups.values().find(|group| group.key == *key).cloned()
    }

    /// The numbers of an agent's teams.
    pub fn groups_of(&self, agent: &Agent) -> BTreeSet<GroupNumber> {
        let listed = self.listed();
        let theirs = listed.groups.values().filter(|group| {
            agent.groups.contains(&group.key) || group.priorities.contains_key(&agent.id)
        });
        theirs.map(|group| group.number).collect()
    }

    /// What properties there are.
    pub fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.listed().registry)
    }

    /// Whether an agent (of this team) takes chats now.
    pub(crate) fn has_accepting_agent(&self, group: Option<&GroupName>) -> bool {
        self.listed().agents.values().any(|agent| {
            agent.status == AgentStatus::Accepting
                && group.is_none_or(|group| agent.groups.contains(group))
        })
    }

    /// One endpoint.
    pub(crate) fn subscriber(&self, id: EndpointId) -> Option<Arc<Subscriber>> {
        self.listed().endpoints.iter().find(|subscriber| subscriber.endpoint.id == id).cloned()
    }

    /// The endpoints that want this event.
    pub(crate) fn subscribers_of(&self, event: &Event) -> Vec<Arc<Subscriber>> {
        let listed = self.listed();
        let Some(candidates) = listed.subscribers_of.get(&event.event_type) else {
            return Vec::new();
        };
        let channel_kind = self.channel_kind(event);
        let wants = |subscriber: &&Arc<Subscriber>| {
            event.seq.0 > subscriber.endpoint.after_seq
                && subscriber.filter.matches(
                    &event.event_type,
                    channel_kind,
                    event.author.kind,
                    &event.data,
                )
        };
        candidates.iter().filter(wants).cloned().collect()
    }

    /// The bots that are live.
    pub fn bots(&self) -> Arc<BotShelf> {
        Arc::clone(&self.bots.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn put_bots(&self, shelf: BotShelf) {
        *self.bots.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(shelf);
    }

    /// Another node changed something that is kept at hand here: it is to be read again soon.
    pub(crate) fn is_stale(&self) {
        self.stale.notify_one();
    }

    /// Waits until it is to be read again before its time. Cancel-safe.
    pub(crate) async fn stale(&self) {
        self.stale.notified().await;
    }

    /// Of which version all of it is, at least.
    pub(crate) fn version(&self) -> Version {
        Version(self.version.load(Ordering::Acquire))
    }

    /// All of it was read since it had this version.
    pub(crate) fn is_of(&self, version: Version) {
        self.version.fetch_max(version.0, Ordering::AcqRel);
    }

    /// The turn to look at the version, and up to which event it was looked at.
    pub(crate) async fn looking(&self) -> tokio::sync::MutexGuard<'_, Seq> {
        self.looking.lock().await
    }

    /// Reads the documents again. Who asks while others wait for their turn has their reading with them.
    pub(crate) async fn refresh(&self, app: &App) -> Result<(), ReadError> {
        let asked = self.asked.fetch_add(1, Ordering::AcqRel) + 1;
        let mut read = self.reading.lock().await;
        if *read >= asked {
            return Ok(());
        }
        let upto = self.asked.load(Ordering::Acquire);
        self.read(app).await?;
        *read = upto;
        Ok(())
    }

    async fn read(&self, app: &App) -> Result<(), ReadError> {
        let store = app.store.as_ref();
        let channels: Vec<Channel> = all_of(store, self.workspace, Kind::Channel).await?;
        let agents: Vec<Agent> = all_of(store, self.workspace, Kind::Agent).await?;
        let groups: Vec<Group> = all_of(store, self.workspace, Kind::Group).await?;
        let properties: Vec<RegisteredProperty> =
            all_of(store, self.workspace, Kind::Property).await?;
        let mut registry = Registry::default();
        for RegisteredProperty { owner, name, definition, .. } in properties {
            registry.register(&owner, &name, definition);
        }
        let endpoints: Vec<Seen<Endpoint>> =
            all_seen(store, self.workspace, Kind::Endpoint).await?;
        let workspaces: Vec<Workspace> = all_of(store, self.workspace, Kind::Workspace).await?;
        let license_properties =
            workspaces.into_iter().next().map(|workspace| workspace.properties).unwrap_or_default();
        let mut subscribers = Vec::new();
        for Seen { value: endpoint, version } in endpoints {
            match TypeFilter::parse(&app.catalogue, &endpoint.events) {
                Ok(filter) => subscribers.push(Arc::new(Subscriber { endpoint, version, filter })),
                Err(unknown) => tracing::warn!(
                    endpoint.id = %endpoint.id,
                    "an endpoint asks for a type that the catalogue has no more: {unknown}"
                ),
            }
        }
        let mut subscribers_of: HashMap<TypeName, Vec<Arc<Subscriber>>> = HashMap::new();
        for event_type in app.catalogue.types() {
            let of_type: Vec<_> = subscribers
                .iter()
                .filter(|subscriber| {
                    subscriber.endpoint.enabled && subscriber.filter.includes(&event_type.name)
                })
                .cloned()
                .collect();
            if !of_type.is_empty() {
                subscribers_of.insert(event_type.name.clone(), of_type);
            }
        }
        let listed = Listed {
            channels: channels.into_iter().map(|channel| (channel.id, Arc::new(channel))).collect(),
            agents: agents.into_iter().map(|agent| (agent.id.clone(), Arc::new(agent))).collect(),
            groups: std::iter::once(everyone())
                .chain(groups)
                .map(|group| (group.number, Arc::new(group)))
                .collect(),
            license_properties: Arc::new(license_properties),
            endpoints: subscribers,
            subscribers_of,
            registry: Arc::new(registry),
        };
        *self.listed.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(listed);
        self.generation.fetch_add(1, Ordering::Release);
        Ok(())
    }

    fn listed(&self) -> Arc<Listed> {
        Arc::clone(&self.listed.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The team that is always there; a stored one of its number takes its place.
pub(crate) fn everyone() -> Group {
    Group {
        number: GroupNumber::EVERYONE,
        key: "general".parse().expect("a good name"),
        name: "General".into(),
        language: "en".into(),
        priorities: BTreeMap::new(),
        properties: Default::default(),
    }
}

/// Reads all documents of a kind; one that does not read is named in the log and left out.
pub(crate) async fn all_of<T: DeserializeOwned>(
    store: &dyn Store,
    workspace: WorkspaceId,
    kind: Kind,
) -> Result<Vec<T>, ReadError> {
    Ok(all_seen(store, workspace, kind).await?.into_iter().map(|seen| seen.value).collect())
}

/// As [`all_of`], each with its version.
pub(crate) async fn all_seen<T: DeserializeOwned>(
    store: &dyn Store,
    workspace: WorkspaceId,
    kind: Kind,
) -> Result<Vec<Seen<T>>, ReadError> {
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let query = DocumentQuery { kind, scan: Scan::All, after, limit: PAGE };
        let page = store.documents(workspace, query).await?;
        for document in page.documents {
            match serde_json::from_value(document.body) {
                Ok(value) => all.push(Seen { value, version: document.version }),
                Err(error) => tracing::error!("document {} does not read: {error}", document.key),
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(all);
        }
    }
}
