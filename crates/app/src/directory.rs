//! What the pipeline keeps at hand about a workspace: its channels, endpoints, agents, bots, paused behaviors and types of
//! events.
//!
//! All of it is derived from documents, and read again after each change and every [`REFRESH_INTERVAL`]; who missed a
//! change is slower by that, never wrong: what is committed is checked against the documents themselves.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use serde::de::DeserializeOwned;
use tidings_behaviors::{Behavior, Bot, Heard, Status};
use tidings_catalogue::{Catalogue, Kind as EventKind, TypeFilter};
use tidings_model::{
    Agent, AgentId, AgentStatus, BotName, Channel, ChannelId, Destination, Endpoint, EndpointId,
    Event, Group, GroupName, GroupNumber, Properties, Seq, ServiceLevel, Shows, Timestamp,
    TypeName, WorkspaceId,
};
use tidings_nlu::Classifier;
use tidings_store::{DocKey, DocumentQuery, Kind, ReadError, Scan, Store, Version};
use tokio::sync::Notify;

use crate::App;
use crate::admin::event_types::{self, StoredType};
use crate::admin::workspaces::Workspace;
use crate::desk::properties::{RegisteredProperty, Registry};
use crate::desk::service_levels::Levels;
use crate::pipeline::deliver::prepared::{Prepared, Unready};
use crate::pipeline::deliver::wish::Wish;
use crate::pipeline::failing::{Pause, Paused};
use crate::pipeline::reader::chain;
use crate::pipeline::scene::{Scene, Seen, seen};
use crate::together::Together;

/// How the types begin that tell what texts mean.
const MEANINGS: &str = "nlu.";

/// How often a directory is read again without a hint.
pub const REFRESH_INTERVAL: Duration = Duration::from_secs(5);

/// How many documents of one kind a page of the refresh reads.
const PAGE: usize = 500;

/// What the pipeline keeps at hand about a workspace.
#[derive(Debug)]
pub struct Directory {
    workspace: WorkspaceId,
    listed: RwLock<Arc<Listed>>,
    types: RwLock<Arc<Types>>,
    bots: RwLock<Arc<BotShelf>>,
    /// How often it was read.
    generation: AtomicU64,
    /// It is read by one at a time, so that an older reading never takes the place of a newer one.
    reading: Together,
    /// The version is looked at for who did not find something.
    missing: Together,
    /// Another node changed something.
    stale: Notify,
    /// Of which version it is, at least; told by [`crate::pipeline::fresh`].
    version: AtomicU64,
    /// Held while the version is looked at; up to which event it was.
    looking: tokio::sync::Mutex<Seq>,
    /// Held while it is noted that a behavior failed.
    marking: tokio::sync::Mutex<()>,
}

/// The vocabulary of the workspace.
#[derive(Debug)]
struct Types {
    catalogue: Arc<Catalogue>,
    /// Of which documents it was made: while they are the same, it is not made again.
    of: Vec<(String, Version)>,
}

/// What is listed in documents.
#[derive(Debug, Default)]
struct Listed {
    channels: HashMap<ChannelId, Arc<Channel>>,
    agents: BTreeMap<AgentId, Arc<Agent>>,
    groups: BTreeMap<GroupNumber, Arc<Group>>,
    license_properties: Arc<Properties>,
    endpoints: Vec<Arc<Subscriber>>,
    subscribers_of: HashMap<TypeName, Arc<[Arc<Subscriber>]>>,
    registry: Arc<Registry>,
    service_levels: Arc<Levels>,
    paused: Arc<Paused>,
    /// Documents that this release cannot read: a newer one wrote them.
    unread: Vec<DocKey>,
}

/// An endpoint with its filter, compiled.
#[derive(Debug)]
pub struct Subscriber {
    /// The endpoint.
    pub endpoint: Seen<Endpoint>,
    /// What it wants.
    pub filter: TypeFilter,
    /// Which events of these types it wants.
    pub(crate) wish: Wish,
    /// What its deliveries need.
    pub(crate) prepared: Result<Prepared, Unready>,
}

impl Subscriber {
    /// Whether what goes out is written down before the first try.
    pub(crate) fn is_decided(&self) -> bool {
        let is_push = self.endpoint.value.chat_webhook.is_some();
        is_push || self.prepared.as_ref().is_ok_and(Prepared::is_decided)
    }

    /// Whether it is still as its endpoint says.
    fn is_of(&self, endpoint: &Seen<Endpoint>, now: Timestamp) -> bool {
        let until = self.prepared.as_ref().ok().and_then(Prepared::until);
        self.endpoint.value.id == endpoint.value.id
            && self.endpoint.version == endpoint.version
            && until.is_none_or(|until| until > now)
    }
}

/// The bots that are live, and which behavior listens to what.
#[derive(Debug, Default)]
pub struct BotShelf {
    bots: Vec<Arc<Bot>>,
    listeners_of: HashMap<TypeName, Vec<Listener>>,
    /// Whether a behavior listens to what texts mean.
    hears_meanings: bool,
    /// What texts mean to bots that have intents; trained when the first text comes.
    classifiers: HashMap<BotName, OnceLock<Option<Arc<Classifier>>>>,
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
    /// Sorts the behaviors that are live by what they listen to; within a type by bot, then by priority, highest first.
    pub fn new(mut bots: Vec<Arc<Bot>>) -> Self {
        bots.sort_by(|one, other| one.name.cmp(&other.name));
        let mut listeners_of: HashMap<TypeName, Vec<Listener>> = HashMap::new();
        for bot in &bots {
            let all = bot.behaviors().iter().enumerate();
            let mut of_bot: Vec<(usize, &Behavior)> =
                all.filter(|(_, behavior)| behavior.status == Status::Live).collect();
            of_bot.sort_by_key(|(_, behavior)| std::cmp::Reverse(behavior.priority));
            for (place, behavior) in of_bot {
                for heard in &behavior.on {
                    let listener =
                        Listener { bot: Arc::clone(bot), behavior: place, heard: heard.clone() };
                    listeners_of.entry(heard.event_type.clone()).or_default().push(listener);
                }
            }
        }
        let has_intents = |bot: &&Arc<Bot>| !bot.intents.is_empty();
        let with_intents = bots.iter().filter(has_intents);
        let classifiers = with_intents.map(|bot| (bot.name.clone(), OnceLock::new())).collect();
        let hears_meanings =
            listeners_of.keys().any(|event_type| event_type.as_str().starts_with(MEANINGS));
        Self { bots, listeners_of, hears_meanings, classifiers }
    }

    /// The live bots, by name.
    pub fn bots(&self) -> &[Arc<Bot>] {
        &self.bots
    }

    /// One live bot.
    pub fn bot(&self, name: &BotName) -> Option<&Arc<Bot>> {
        self.bots.iter().find(|bot| bot.name == *name)
    }

    /// Whether a question of a live bot handles events of this type itself.
    pub(crate) fn handles_locally(&self, event_type: &TypeName) -> bool {
        self.bots.iter().any(|bot| bot.handles_locally(event_type))
    }

    /// Whether a behavior listens to what texts mean.
    pub(crate) const fn hears_meanings(&self) -> bool {
        self.hears_meanings
    }

    /// What texts mean to a bot; `None` for one without intents.
    pub(crate) fn classifier(&self, name: &BotName) -> Option<Arc<Classifier>> {
        let train = || {
            let bot = self.bot(name)?;
            let intents: Vec<(&str, &[String])> = bot
                .intents
                .iter()
                .map(|intent| (intent.name.as_str(), intent.examples.as_slice()))
                .collect();
            match Classifier::train(&intents) {
                Ok(classifier) => Some(Arc::new(classifier)),
                Err(wrong) => {
                    tracing::error!(bot = %name, "the intents of {name} cannot be learned: {wrong}");
                    None
                }
            }
        };
        self.classifiers.get(name)?.get_or_init(train).clone()
    }

    /// Who listens to a type, in the order in which they react.
    pub fn listeners(&self, event_type: &TypeName) -> &[Listener] {
        self.listeners_of.get(event_type).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Directory {
    pub(crate) fn new(workspace: WorkspaceId, catalogue: &Arc<Catalogue>) -> Self {
        let types = Types { catalogue: Arc::clone(catalogue), of: Vec::new() };
        Self {
            workspace,
            listed: RwLock::default(),
            types: RwLock::new(Arc::new(types)),
            bots: RwLock::default(),
            generation: AtomicU64::new(0),
            reading: Together::default(),
            missing: Together::default(),
            stale: Notify::new(),
            version: AtomicU64::new(0),
            looking: tokio::sync::Mutex::new(Seq::START),
            marking: tokio::sync::Mutex::default(),
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

    /// The vocabulary of the workspace: that of all, and its own types.
    pub fn catalogue(&self) -> Arc<Catalogue> {
        Arc::clone(&self.types().catalogue)
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
        self.listed().endpoints.iter().map(|subscriber| subscriber.endpoint.value.clone()).collect()
    }

    /// The word for the kind of the channel that an event came through.
    pub(crate) fn channel_kind(&self, event: &Event) -> Option<&'static str> {
        self.channel(event.channel?).map(|channel| channel.kind.as_str())
    }

    /// What the channel of a scene's chat can show of a question.
    pub(crate) fn shows(&self, scene: Option<&Scene>) -> Shows {
        let channel = scene.and_then(|scene| self.channel(scene.chat.value.channel));
        channel.map(|channel| channel.shows()).unwrap_or_default()
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

    /// A document that belongs here and that this release cannot read. Who would act as if it were not there waits.
    pub(crate) fn unread(&self) -> Option<DocKey> {
        self.listed().unread.first().cloned()
    }

    /// What the workspace promises of time in its chats.
    pub(crate) fn service_levels(&self) -> Arc<Levels> {
        Arc::clone(&self.listed().service_levels)
    }

    /// The behaviors that do not react, as they kept failing.
    pub(crate) fn paused(&self) -> Arc<Paused> {
        Arc::clone(&self.listed().paused)
    }

    /// The turn to note that a behavior failed.
    pub(crate) async fn marking(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.marking.lock().await
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
        self.listed()
            .endpoints
            .iter()
            .find(|subscriber| subscriber.endpoint.value.id == id)
            .cloned()
    }

    /// Whether there is such a destination.
    pub(crate) fn has(&self, to: Destination) -> bool {
        match to {
            Destination::Endpoint { id } => self.subscriber(id).is_some(),
            Destination::Channel { id } => self.channel(id).is_some(),
        }
    }

    /// All endpoints, each with its filter.
    pub(crate) fn subscribers(&self) -> Vec<Arc<Subscriber>> {
        self.listed().endpoints.clone()
    }

    /// The endpoints that may want events of a type.
    pub(crate) fn subscribers_of(&self, event_type: &TypeName) -> Arc<[Arc<Subscriber>]> {
        self.listed().subscribers_of.get(event_type).cloned().unwrap_or_default()
    }

    /// Whether an endpoint may want this event; only facts go out. What its condition asks of teams is looked up later.
    pub(crate) fn wants(&self, subscriber: &Subscriber, event: &Event) -> bool {
        event.seq.0 > subscriber.endpoint.value.after_seq && self.fits(subscriber, event)
    }

    /// Whether an endpoint may want such an event, whenever it came.
    pub(crate) fn fits(&self, subscriber: &Subscriber, event: &Event) -> bool {
        let types = self.types();
        let known = types.catalogue.get(&event.event_type);
        let is_fact = known.is_none_or(|known| known.kind == EventKind::After);
        is_fact
            && subscriber.wish.may_be_for(self, event)
            && subscriber.filter.matches(
                &event.event_type,
                self.channel_kind(event),
                event.author.kind,
                &event.data,
            )
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

    /// The turn to look at the version for who did not find something.
    pub(crate) const fn missing(&self) -> &Together {
        &self.missing
    }

    /// Reads the documents again.
    pub(crate) async fn refresh(&self, app: &App) -> Result<(), ReadError> {
        self.reading.once(Duration::ZERO, self.read(app)).await
    }

    async fn read(&self, app: &App) -> Result<(), ReadError> {
        let store = app.store.as_ref();
        let mut unread = Vec::new();
        let mut reading = Reading { store, workspace: self.workspace, unread: &mut unread };
        let channels: Vec<Seen<Channel>> = reading.all(Kind::Channel).await?;
        let agents: Vec<Seen<Agent>> = reading.all(Kind::Agent).await?;
        let groups: Vec<Seen<Group>> = reading.all(Kind::Group).await?;
        let properties: Vec<Seen<RegisteredProperty>> = reading.all(Kind::Property).await?;
        let mut registry = Registry::default();
        for RegisteredProperty { owner, name, definition, .. } in values(properties) {
            registry.register(&owner, &name, definition);
        }
        let types: Vec<Seen<StoredType>> = reading.all(Kind::EventType).await?;
        let known_types = self.types();
        let types = known_types.or_of(&app.catalogue, types);
        let is_same_catalogue = Arc::ptr_eq(&known_types, &types);
        let catalogue = Arc::clone(&types.catalogue);
        let levels: Vec<Seen<ServiceLevel>> = reading.all(Kind::ServiceLevel).await?;
        let pauses: Vec<Seen<Pause>> = reading.all(Kind::BehaviorPause).await?;
        let endpoints: Vec<Seen<Endpoint>> = reading.all(Kind::Endpoint).await?;
        let workspaces: Vec<Seen<Workspace>> = reading.all(Kind::Workspace).await?;
        let license_properties =
            values(workspaces).next().map(|workspace| workspace.properties).unwrap_or_default();
        let mut subscribers = Vec::new();
        let (before, now) = (self.listed(), app.now());
        let before: HashMap<EndpointId, &Arc<Subscriber>> =
            before.endpoints.iter().map(|known| (known.endpoint.value.id, known)).collect();
        for endpoint in endpoints {
            let known = before.get(&endpoint.value.id);
            let is_known =
                |known: &&&Arc<Subscriber>| is_same_catalogue && known.is_of(&endpoint, now);
            if let Some(known) = known.filter(is_known) {
                subscribers.push(Arc::clone(known));
                continue;
            }
            let prepared = Prepared::of(&app.sealer, &endpoint.value, now);
            let wish = Wish::of(&endpoint.value.only).unwrap_or_else(|wrong| {
                tracing::warn!(
                    endpoint.id = %endpoint.value.id,
                    "an endpoint's condition cannot be read any more, and holds back nothing: {wrong}"
                );
                Wish::default()
            });
            let (filter, gone) = TypeFilter::parse_known(&catalogue, &endpoint.value.events);
            if !gone.is_empty() {
                tracing::warn!(
                    endpoint.id = %endpoint.value.id,
                    "an endpoint asks for what the catalogue has no more: {}",
                    gone.join(", ")
                );
            }
            subscribers.push(Arc::new(Subscriber { endpoint, filter, wish, prepared }));
        }
        let mut subscribers_of: HashMap<TypeName, Arc<[Arc<Subscriber>]>> = HashMap::new();
        for event_type in catalogue.types() {
            let of_type: Arc<[_]> = subscribers
                .iter()
                .filter(|subscriber| {
                    subscriber.endpoint.value.enabled
                        && subscriber.filter.includes(&event_type.name)
                })
                .cloned()
                .collect();
            if !of_type.is_empty() {
                subscribers_of.insert(event_type.name.clone(), of_type);
            }
        }
        let listed = Listed {
            channels: values(channels).map(|channel| (channel.id, Arc::new(channel))).collect(),
            agents: values(agents).map(|agent| (agent.id.clone(), Arc::new(agent))).collect(),
            groups: std::iter::once(everyone())
                .chain(values(groups))
                .map(|group| (group.number, Arc::new(group)))
                .collect(),
            license_properties: Arc::new(license_properties),
            endpoints: subscribers,
            subscribers_of,
            registry: Arc::new(registry),
            service_levels: Arc::new(Levels::of(values(levels))),
            paused: Arc::new(Paused::of(values(pauses))),
            unread,
        };
        *self.types.write().unwrap_or_else(PoisonError::into_inner) = types;
        *self.listed.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(listed);
        self.generation.fetch_add(1, Ordering::Release);
        Ok(())
    }

    fn types(&self) -> Arc<Types> {
        Arc::clone(&self.types.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn listed(&self) -> Arc<Listed> {
        Arc::clone(&self.listed.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Types {
    /// These types, or those of other documents: then the vocabulary is made anew.
    fn or_of(self: &Arc<Self>, base: &Arc<Catalogue>, stored: Vec<Seen<StoredType>>) -> Arc<Self> {
        let name = |stored: &Seen<StoredType>| stored.value.name().to_owned();
        let of: Vec<_> = stored.iter().map(|stored| (name(stored), stored.version)).collect();
        if of == self.of {
            return Arc::clone(self);
        }
        if of.is_empty() {
            return Arc::new(Self { catalogue: Arc::clone(base), of });
        }
        let catalogue = event_types::over(base, values(stored));
        Arc::new(Self { catalogue: Arc::new(catalogue), of })
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
    Ok(values(all_seen(store, workspace, kind).await?).collect())
}

/// As [`all_of`], each with its version.
pub(crate) async fn all_seen<T: DeserializeOwned>(
    store: &dyn Store,
    workspace: WorkspaceId,
    kind: Kind,
) -> Result<Vec<Seen<T>>, ReadError> {
    Reading { store, workspace, unread: &mut Vec::new() }.all(kind).await
}

fn values<T>(all: Vec<Seen<T>>) -> impl Iterator<Item = T> {
    all.into_iter().map(|seen| seen.value)
}

/// Reads all documents of some kinds, and notes which of them do not read.
struct Reading<'a> {
    store: &'a dyn Store,
    workspace: WorkspaceId,
    unread: &'a mut Vec<DocKey>,
}

impl Reading<'_> {
    async fn all<T: DeserializeOwned>(&mut self, kind: Kind) -> Result<Vec<Seen<T>>, ReadError> {
        let mut all = Vec::new();
        let mut after = None;
        loop {
            let query = DocumentQuery { kind, scan: Scan::All, after, limit: PAGE };
            let page = self.store.documents(self.workspace, query).await?;
            for document in page.documents {
                let key = document.key.clone();
                match seen(document) {
                    Ok(seen) => all.push(seen),
                    Err(error) => {
                        tracing::error!("a document is left out: {}", chain(&error));
                        self.unread.push(key);
                    }
                }
            }
            after = page.next;
            if after.is_none() {
                return Ok(all);
            }
        }
    }
}
