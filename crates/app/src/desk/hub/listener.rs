//! One who hears: a place with a bounded queue between the hub and an open connection.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tidings_model::{AgentId, CustomerId, GroupNumber, Seq, Timestamp};
use tidings_wire::livechat::{Side, Version};
use tokio::sync::Notify;

use super::{Hub, Subscription};
use crate::hints::Person;

/// How many frames wait for a connection. One that is this far behind does not read: a person's screen gets some ten in a
/// second, and the machine's own buffers hold some hundred more.
pub const QUEUE_FRAMES_MAX: usize = 1_024;

/// How many bytes of frames wait for a connection.
pub const QUEUE_BYTES_MAX: usize = 4 << 20;

/// Who listens.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WhoListens {
    /// An agent.
    Agent(AgentId),
    /// A customer.
    Customer(CustomerId),
}

impl From<Person> for WhoListens {
    fn from(person: Person) -> Self {
        match person {
            Person::Agent(id) => Self::Agent(id),
            Person::Customer(id) => Self::Customer(id),
        }
    }
}

impl From<WhoListens> for Person {
    fn from(who: WhoListens) -> Self {
        match who {
            WhoListens::Agent(id) => Self::Agent(id),
            WhoListens::Customer(id) => Self::Customer(id),
        }
    }
}

/// Which pushes a connection wants: versions, each with names, or all of them.
pub type Wanted = Vec<(Version, Option<BTreeSet<String>>)>;

/// What a seat is taken with.
#[derive(Clone, Debug)]
pub struct Joining {
    /// Who.
    pub who: WhoListens,
    /// What they want to hear.
    pub wanted: Wanted,
    /// Whether the token allows to see the chats of all teams, where the agent's role does.
    pub may_see_all: bool,
    /// Whether the agent is away.
    pub away: bool,
    /// Whether they are there by this: one who only looks in (a long poll) is not.
    pub present: bool,
    /// Which customers an agent hears of.
    pub monitors: Monitors,
    /// Whether they ask for what they missed, by [`Seat::missed`]. Until that is read, nothing of the log is put into their
    /// queue: reading much takes longer than it takes to fill the queue.
    pub catches_up: bool,
    /// The address that they come from.
    pub ip: Option<IpAddr>,
    /// When they come.
    pub at: Timestamp,
}

/// Which customers an agent hears of, beside those of the chats that they see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Monitors {
    /// Those of their own chats.
    #[default]
    My,
    /// Those who chat.
    Chatting,
    /// All who are there.
    Online,
}

/// Why a connection is closed by us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cut {
    /// It does not read.
    Evicted,
    /// Nothing was heard of it.
    Silent,
    /// Its token has ended.
    TokenExpired,
    /// Its token was taken back.
    TokenRevoked,
    /// The agent signed out elsewhere, or was signed out.
    LoggedOutRemotely,
    /// The agent's role is another one.
    RoleChanged,
    /// The customer was banned.
    Banned,
    /// The server stops.
    Stopping,
    /// We broke.
    Broken,
}

impl Cut {
    /// The word for it in `agent_disconnected` and `customer_disconnected`.
    pub const fn reason(self, side: Side) -> &'static str {
        match (self, side) {
            (Self::Evicted, _) => "connection_evicted",
            (Self::Silent, _) => "connection_timeout",
            (Self::TokenExpired, _) => "access_token_expired",
            (Self::TokenRevoked, _) => "access_token_revoked",
            (Self::LoggedOutRemotely, Side::Customer) => "logged_out_remotely",
            (Self::LoggedOutRemotely, _) => "agent_logged_out_remotely",
            (Self::RoleChanged, _) => "role_permissions_changed",
            (Self::Banned, Side::Customer) => "customer_banned",
            (Self::Stopping, Side::Customer) => "service_temporarily_unavailable",
            (Self::Stopping | Self::Banned, _) => "agent_disconnected_by_server",
            (Self::Broken, _) => "internal_error",
        }
    }
}

/// A frame that waits.
#[derive(Clone, Debug)]
pub struct Queued {
    /// The frame: one JSON text.
    pub bytes: Bytes,
    /// The number of the event that it tells of; `None` for what is not kept.
    pub seq: Option<Seq>,
}

/// One who hears.
#[derive(Debug)]
pub struct Listener {
    /// The connection's number in this process.
    pub id: u64,
    /// Who.
    pub who: WhoListens,
    pub(super) wanted: RwLock<Arc<Wanted>>,
    pub(super) may_see_all: bool,
    pub(super) away: AtomicBool,
    pub(super) present: bool,
    pub(super) monitors: Monitors,
    pub(super) ip: Option<IpAddr>,
    /// Since when they are here.
    pub(super) since: Timestamp,
    /// Of which customers they want to hear beside that.
    subscriptions: Mutex<Vec<Subscription>>,
    /// What they know already: nothing up to here is heard.
    after: AtomicU64,
    queue: Mutex<Queue>,
    filled: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Queued>,
    bytes: usize,
    cut: Option<Cut>,
    /// What is in the log is still read for them.
    catches_up: bool,
}

/// Up to how many frames of a queue stay allocated when it is empty.
const QUEUE_KEPT: usize = 8;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

impl Listener {
    pub(super) fn new(joining: Joining) -> Self {
        let Joining { who, wanted, may_see_all, away, present, monitors, catches_up, ip, at } =
            joining;
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            who,
            wanted: RwLock::new(Arc::new(wanted)),
            may_see_all,
            away: AtomicBool::new(away),
            present,
            monitors,
            ip,
            since: at,
            subscriptions: Mutex::default(),
            after: AtomicU64::new(0),
            queue: Mutex::new(Queue { catches_up, ..Queue::default() }),
            filled: Notify::new(),
        }
    }

    /// Which API they speak.
    pub const fn side(&self) -> Side {
        match self.who {
            WhoListens::Agent(_) => Side::Agent,
            WhoListens::Customer(_) => Side::Customer,
        }
    }

    /// What they want to hear.
    pub fn wanted(&self) -> Arc<Wanted> {
        Arc::clone(&self.wanted.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Hears of customers from now on: of all, or of those of some teams.
    pub fn subscribe(&self, subscription: Subscription) {
        self.subscriptions().push(subscription);
    }

    /// Ends a subscription; says whether there was one.
    pub fn unsubscribe(&self, id: &str) -> bool {
        let mut subscriptions = self.subscriptions();
        let before = subscriptions.len();
        subscriptions.retain(|subscription| subscription.id != id);
        subscriptions.len() < before
    }

    /// How many subscriptions there are.
    pub fn subscriptions_count(&self) -> usize {
        self.subscriptions().len()
    }

    /// They were told of these customers, and hear of them from now on.
    pub fn tracks(&self, id: &str, customers: impl IntoIterator<Item = CustomerId>) {
        if let Some(one) = self.subscriptions().iter_mut().find(|one| one.id == id) {
            one.tracked.extend(customers);
        }
    }

    /// Whether a push about a customer belongs to one of their subscriptions. Each of them takes note of it.
    pub(super) fn subscribed(&self, customer: CustomerId, action: &str, payload: &Value) -> bool {
        let mut hears = false;
        for subscription in self.subscriptions().iter_mut() {
            hears |= subscription.hears(customer, action, payload);
        }
        hears
    }

    /// Whether they could have to be told how many customers there are.
    pub(super) fn is_crowded(&self, customers: usize) -> bool {
        self.subscriptions().iter().any(|one| customers > one.limit || one.told.is_some())
    }

    /// How many customers there are of each subscription, where that is to be told.
    pub(super) fn totals(&self, counts: &BTreeMap<GroupNumber, u64>) -> Map<String, Value> {
        let mut told = Map::new();
        for subscription in self.subscriptions().iter_mut() {
            let of_it = counts.iter().filter(|(group, _)| subscription.is_for(**group));
            let total = of_it.map(|(_, count)| count).sum();
            subscription.count(total, &mut told);
        }
        told
    }

    fn subscriptions(&self) -> std::sync::MutexGuard<'_, Vec<Subscription>> {
        self.subscriptions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// They know everything up to a number.
    pub(super) fn knows(&self, seq: Seq) {
        self.after.store(seq.0, Ordering::Relaxed);
    }

    /// What follows in the log is put into the queue.
    pub(super) fn has_caught_up(&self) {
        self.queue().catches_up = false;
    }

    /// Puts a frame into the queue. Says whether somebody must be woken.
    pub(super) fn offer(&self, frame: Queued) -> bool {
        let mut queue = self.queue();
        if queue.cut.is_some() || (queue.catches_up && frame.seq.is_some()) {
            return false;
        }
        if queue.frames.len() >= QUEUE_FRAMES_MAX || queue.bytes >= QUEUE_BYTES_MAX {
            queue.cut = Some(Cut::Evicted);
            queue.frames = VecDeque::new();
            queue.bytes = 0;
            return true;
        }
        queue.bytes += frame.bytes.len();
        queue.frames.push_back(frame);
        queue.frames.len() == 1
    }

    /// Takes what waits, in order, until `take` says that it has enough. Says why the connection is to be closed, if it
    /// is.
    pub fn take(&self, mut take: impl FnMut(Queued) -> bool) -> Option<Cut> {
        let after = self.after.load(Ordering::Relaxed);
        let mut queue = self.queue();
        while let Some(frame) = queue.frames.pop_front() {
            queue.bytes -= frame.bytes.len();
            if frame.seq.is_some_and(|seq| seq.0 <= after) {
                continue;
            }
            if !take(frame) {
                break;
            }
        }
        if queue.frames.is_empty() && queue.frames.capacity() > QUEUE_KEPT {
            queue.frames = VecDeque::new();
        }
        queue.cut
    }

    /// Why the connection is to be closed, if it is.
    pub fn cut(&self) -> Option<Cut> {
        self.queue().cut
    }

    /// Says that the connection is to be closed.
    pub fn close(&self, cut: Cut) {
        self.queue().cut.get_or_insert(cut);
        self.wake();
    }

    /// Waits until there may be something to take. Cancel-safe.
    pub async fn changed(&self) {
        self.filled.notified().await;
    }

    pub(super) fn wake(&self) {
        self.filled.notify_one();
    }

    fn queue(&self) -> std::sync::MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the hub; dropped, it is free again.
#[derive(Debug)]
pub struct Seat {
    hub: Arc<Hub>,
    listener: Arc<Listener>,
    joined_at: Seq,
    came: bool,
}

impl Seat {
    pub(super) const fn new(
        hub: Arc<Hub>,
        listener: Arc<Listener>,
        joined_at: Seq,
        came: bool,
    ) -> Self {
        Self { hub, listener, joined_at, came }
    }

    /// Who sits here.
    pub const fn listener(&self) -> &Arc<Listener> {
        &self.listener
    }

    /// The hub.
    pub const fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// The number after which everything is heard here.
    pub const fn joined_at(&self) -> Seq {
        self.joined_at
    }

    /// What was missed is known up to a number, which the room has come to: what follows is heard.
    pub(super) fn has_caught_up(&mut self, place: Seq) {
        self.joined_at = place;
        self.listener.has_caught_up();
    }

    /// Whether they were not there before.
    pub const fn came(&self) -> bool {
        self.came
    }

    /// They were told of everything up to a number, also where the hub has not come that far: nothing of it is heard
    /// again. Says after which number they hear.
    pub fn knows(&self, told: Seq) -> Seq {
        let place = self.joined_at.max(told);
        self.listener.knows(place);
        place
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.leave(&self.listener);
    }
}
