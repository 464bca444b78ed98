//! Where open connections meet: who is there, and what they hear.
//!
//! One task for each workspace ([`reader`]) follows the log, makes the pushes of each event once, writes each frame once
//! for each version and side ([`said`]), and gives cheap copies to all who may hear them ([`room`]). A connection holds a
//! [`Seat`] with a bounded queue; one that does not read is cut, and comes back with the number of what it heard last
//! ([`replay`]).
//!
//! Where there are several nodes, each has a hub of its own, for its own connections. Who is there is known of all of them
//! ([`elsewhere`]); what is not in the log is told to the others over the bus ([`line`]).
//!
//! Nothing of this is kept: after a restart clients come back, and what they missed is made again from the log.

pub(crate) mod elsewhere;
mod line;
pub mod listener;
pub mod presence;
pub mod reader;
pub mod replay;
mod room;
mod said;
mod subscription;
pub mod totals;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tidings_bus::Bus;
use tidings_model::{AgentId, CustomerId, EventId, NodeId, Seq, Timestamp, WorkspaceId};
use tokio::sync::{Notify, broadcast};
use tokio::time::Instant;

pub use elsewhere::{BEAT, MISSED_AFTER};

pub use listener::{Cut, Joining, Listener, Monitors, Queued, Seat, Wanted, WhoListens};
pub use presence::{Presence, PresenceChange};
pub use replay::{Missed, REPLAY_EVENTS_MAX};
pub use said::frame;
pub use subscription::Subscription;

use super::push::Push;
use crate::hints::There;
use line::Line;
use room::{Moved, Room};

/// How many requests may wait to be named in their pushes; beyond it the oldest are simply not named.
const MARKS_MAX: usize = 100_000;

/// How many pushes without an event wait for the hub's reader.
const SIGNALS_MAX: usize = 1_024;

/// How many changes of who is there wait for who watches.
const PRESENCE_MAX: usize = 1_024;

/// A request of an open connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestMark {
    /// The connection.
    pub connection: u64,
    /// The client's name for the request.
    pub request_id: Arc<str>,
    /// The method, as 3.6 calls it.
    pub action: &'static str,
}

impl RequestMark {
    /// Whether a push of this name says whose request it is. Clients take an `incoming_event` that names a request for the
    /// answer to it, so that only `send_event` is named there: what else raises events (closing, rating) is told apart.
    pub(crate) fn is_named_in(&self, push: &str) -> bool {
        push != "incoming_event" || self.action == "send_event"
    }
}

/// Where the open connections of a workspace meet.
#[derive(Debug)]
pub struct Hub {
    line: Line,
    marks: Mutex<Marks>,
    signals: broadcast::Sender<Arc<Signal>>,
    room: Mutex<Room>,
    /// Tells who waits for a seat that the reader runs.
    opened: Notify,
    presence: broadcast::Sender<PresenceChange>,
    /// One at a time reads what is not in memory any more, so that many who come back at once cost one reading.
    reading_back: tokio::sync::Mutex<()>,
}

/// Requests that wait to be named, in two halves: when the younger is full, the older is forgotten.
#[derive(Debug, Default)]
struct Marks {
    young: HashMap<EventId, RequestMark>,
    old: HashMap<EventId, RequestMark>,
}

/// A push without an event: typing, a sneak peek, a place in the queue. It is lost with the process, and nobody minds.
#[derive(Debug)]
pub struct Signal {
    /// What is heard.
    pub push: Push,
    /// The request that caused it.
    pub request: Option<RequestMark>,
    /// Whether nobody but the connection of the request hears it.
    pub to_requester_only: bool,
}

impl Hub {
    /// A hub that nobody sits in yet.
    pub fn new(workspace: WorkspaceId, bus: &Arc<dyn Bus>) -> Self {
        Self {
            line: Line::of(workspace, bus),
            marks: Mutex::default(),
            signals: broadcast::Sender::new(SIGNALS_MAX),
            room: Mutex::default(),
            opened: Notify::new(),
            presence: broadcast::Sender::new(PRESENCE_MAX),
            reading_back: tokio::sync::Mutex::default(),
        }
    }

    /// Notes that these events answer a request.
    pub fn mark(&self, events: Vec<EventId>, request: &RequestMark) {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        if marks.young.len() >= MARKS_MAX / 2 {
            marks.old = std::mem::take(&mut marks.young);
        }
        marks.young.extend(events.into_iter().map(|event| (event, request.clone())));
    }

    /// The request that an event answers; asked once.
    pub fn take_mark(&self, event: EventId) -> Option<RequestMark> {
        let mut marks = self.marks.lock().unwrap_or_else(PoisonError::into_inner);
        let Marks { young, old } = &mut *marks;
        young.remove(&event).or_else(|| old.remove(&event))
    }

    /// Tells something that is not kept, to those who listen at any node.
    pub fn signal(&self, push: Push, request: Option<RequestMark>) {
        self.line.signal(&push);
        self.signal_here(push, request);
    }

    /// As [`Hub::signal`], to those who listen here: where every node finds out by itself.
    pub(crate) fn signal_here(&self, push: Push, request: Option<RequestMark>) {
        // Nobody listens: nobody minds.
        drop(self.signals.send(Arc::new(Signal { push, request, to_requester_only: false })));
    }

    /// Tells the connection of a request once more what everybody heard before: some clients wait for the push, not the
    /// answer.
    pub fn repeat(&self, push: Push, request: RequestMark) {
        let signal = Signal { push, request: Some(request), to_requester_only: true };
        drop(self.signals.send(Arc::new(signal)));
    }

    /// As [`Hub::signal`], unless a customer is there: who came back meanwhile did not go, and their coming, which is
    /// told once they have their seat, must not be told before it.
    pub(super) fn signal_absence(&self, customer: CustomerId, push: Push) {
        let room = self.room();
        if !room.has_customer(customer) {
            self.signal_here(push, None);
        }
    }

    /// Hears what is not kept, from now on.
    pub fn signals(&self) -> broadcast::Receiver<Arc<Signal>> {
        self.signals.subscribe()
    }

    /// Takes a seat, from which everything is heard that follows [`Seat::joined_at`]. `None` when nothing follows the log
    /// here: the server stops.
    pub async fn join(self: &Arc<Self>, joining: Joining) -> Option<Seat> {
        let listener = Arc::new(Listener::new(joining));
        loop {
            let opened = self.opened.notified();
            match self.enter(&listener) {
                room::Entered::At { place, came } => {
                    return Some(Seat::new(Arc::clone(self), listener, place, came));
                }
                room::Entered::NotYet => opened.await,
                room::Entered::Closed => return None,
            }
        }
    }

    fn enter(&self, listener: &Arc<Listener>) -> room::Entered {
        let mut room = self.room();
        let (entered, moved) = room.enter(listener);
        self.tell(moved);
        entered
    }

    fn leave(&self, listener: &Arc<Listener>) {
        let mut room = self.room();
        let moved = room.go(listener);
        self.tell(moved);
    }

    /// A connection says whether its agent is away.
    pub fn set_away(&self, listener: &Listener, away: bool) {
        let mut room = self.room();
        let moved = room.set_away(listener, away);
        self.tell(moved);
    }

    /// Tells of a change, while the room is locked: so changes are told in the order in which they happen.
    fn tell(&self, moved: Moved) {
        if let Some(told) = moved.told {
            self.line.there(&told);
        }
        self.tell_here(moved.change);
    }

    fn tell_here(&self, changes: impl IntoIterator<Item = PresenceChange>) {
        for change in changes {
            // Nobody watches: nobody minds.
            drop(self.presence.send(change));
        }
    }

    /// Another node tells who is there.
    pub(crate) fn take_told(&self, from: NodeId, here: NodeId, told: There, now: Instant) {
        let mut room = self.room();
        match told {
            There::Ask { of, bins } if of == here => room.asked(bins),
            There::Ask { .. } => {}
            There::Change { .. } | There::Beat { .. } | There::Left => {
                let changes = room.take_told(from, told, now);
                self.tell_here(changes);
            }
        }
    }

    /// Tells other nodes who is here, and lets go of nodes that say nothing.
    pub(crate) fn beat(&self, now: Instant) {
        let mut room = self.room();
        let (told, changes) = room.beat(now);
        told.iter().for_each(|told| self.line.there(told));
        self.tell_here(changes);
    }

    /// Tells other nodes that this one stops.
    pub(crate) fn say_that_we_leave(&self) {
        self.line.there(&There::Left);
    }

    /// Whether any agent is connected here.
    pub(super) fn has_agents(&self) -> bool {
        self.room().has_agents()
    }

    /// Who is connected, at whichever node.
    pub fn presence(&self) -> Presence {
        self.room().presence()
    }

    /// How many connections are open here, those that only look in among them.
    pub fn connections(&self) -> usize {
        self.room().connections()
    }

    /// The agents who have an open connection here, each with whether they are away.
    pub(super) fn agents_here(&self) -> std::collections::BTreeMap<AgentId, bool> {
        self.room().agents_here()
    }

    /// Whether an agent has an open connection, at whichever node.
    pub fn has_agent(&self, agent: &AgentId) -> bool {
        self.room().has_agent(agent)
    }

    /// Whether an agent has an open connection here.
    pub(super) fn has_agent_here(&self, agent: &AgentId) -> bool {
        self.room().has_agent_here(agent)
    }

    /// Whether there may be connections at other nodes.
    pub(super) const fn has_other_nodes(&self) -> bool {
        self.line.is_open()
    }

    /// At how many nodes an agent has an open connection.
    pub fn places_of_agent(&self, agent: &AgentId) -> usize {
        self.room().places_of(&WhoListens::Agent(agent.clone()))
    }

    /// At how many nodes a customer has an open connection.
    pub fn places_of_customer(&self, customer: CustomerId) -> usize {
        self.room().places_of(&WhoListens::Customer(customer))
    }

    /// Whether a customer has an open connection, at whichever node.
    pub fn has_customer(&self, customer: CustomerId) -> bool {
        self.room().has_customer(customer)
    }

    /// Hears who comes and goes, from now on. Who falls behind asks [`Hub::presence`] anew.
    pub fn watch_presence(&self) -> broadcast::Receiver<PresenceChange> {
        self.presence.subscribe()
    }

    /// The number up to which all was given to the queues.
    pub fn place(&self) -> Seq {
        self.room().place().unwrap_or(Seq::START)
    }

    /// Closes the connections that an agent has now, at all nodes. Says whether there were any.
    pub fn disconnect_agent(&self, agent: &AgentId, cut: Cut, now: Timestamp) -> bool {
        let is_there = self.has_agent(agent);
        self.line.close_agent(agent, cut, now);
        self.room().disconnect_agent(agent, cut) > 0 || is_there
    }

    /// Closes the connections here that an agent has since a time, or longer.
    pub(crate) fn disconnect_agent_of(&self, agent: &AgentId, cut: Cut, upto: Timestamp) {
        self.room().disconnect_agent_of(agent, cut, upto);
    }

    /// Closes the connections of a customer who is banned, and those that are open from their address, at all nodes.
    pub fn disconnect_banned(&self, customer: CustomerId, ip: Option<IpAddr>) {
        self.line.close_banned(customer, ip);
        self.disconnect_banned_here(customer, ip);
    }

    /// The same here. Says how many.
    pub(crate) fn disconnect_banned_here(&self, customer: CustomerId, ip: Option<IpAddr>) -> usize {
        self.room().disconnect_banned(customer, ip)
    }

    fn room(&self) -> std::sync::MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
