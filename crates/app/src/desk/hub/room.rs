//! Who sits where, and who of them hears what. Nothing here waits.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tidings_model::{
    AgentId, Chat, ChatStatus, CustomerId, GroupNumber, NodeId, Participant, Role, Seq, Timestamp,
};
use tokio::time::Instant;

use super::elsewhere::{Elsewhere, Own, both};
use super::listener::{Cut, Listener, Monitors, Queued, WhoListens};
use super::presence::{Presence, PresenceChange};
use super::said::{Said, SaidPush, with_request};
use crate::desk::actor::is_open_to;
use crate::desk::push::{Agents, Customers, Push};
use crate::directory::Directory;
use crate::hints::There;

/// How many events' pushes are kept for those who come back.
const RING_EVENTS_MAX: usize = 4_096;

/// About how many bytes of pushes are kept for those who come back.
const RING_BYTES_MAX: usize = 16 << 20;

/// Who sits where.
#[derive(Debug, Default)]
pub(super) struct Room {
    state: State,
    agents: HashMap<AgentId, OfAgent>,
    customers: HashMap<CustomerId, Vec<Arc<Listener>>>,
    ring: Ring,
    /// What this node tells others of who is here.
    own: Own,
    /// Who is there at other nodes.
    elsewhere: Elsewhere,
}

/// Whether the log is followed.
#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Not yet.
    #[default]
    NotYet,
    /// Up to this number everything was given out.
    At(Seq),
    /// Not any more.
    Closed,
}

/// The connections of an agent, and what they may see.
#[derive(Debug, Default)]
struct OfAgent {
    listeners: Vec<Arc<Listener>>,
    /// As of which reading of the directory the rights are.
    as_of: Option<u64>,
    is_there: bool,
    is_administrator: bool,
    groups: BTreeSet<GroupNumber>,
}

/// The pushes of the last events, without a gap.
#[derive(Debug, Default)]
struct Ring {
    said: VecDeque<Arc<Said>>,
    weight: usize,
}

/// What came of somebody's coming, going or being away.
#[derive(Debug, Default)]
pub(super) struct Moved {
    /// What it changes in who is there.
    pub(super) change: Option<PresenceChange>,
    /// What other nodes are told.
    pub(super) told: Option<There>,
}

/// What became of somebody who wants a seat.
pub(super) enum Entered {
    /// They hear what follows a number.
    At {
        /// The number.
        place: Seq,
        /// Whether they were not there before.
        came: bool,
    },
    /// The log is not followed yet.
    NotYet,
    /// The log is not followed any more.
    Closed,
}

impl Room {
    pub(super) fn open(&mut self, place: Seq) {
        self.state = State::At(place);
        self.ring = Ring::default();
    }

    /// Nobody hears anything any more.
    pub(super) fn close(&mut self) {
        self.state = State::Closed;
        for listener in self.listeners() {
            listener.close(Cut::Stopping);
        }
    }

    pub(super) const fn place(&self) -> Option<Seq> {
        match self.state {
            State::At(place) => Some(place),
            State::NotYet | State::Closed => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.agents.is_empty() && self.customers.is_empty()
    }

    pub(super) fn connections(&self) -> usize {
        self.listeners().count()
    }

    fn listeners(&self) -> impl Iterator<Item = &Arc<Listener>> {
        let agents = self.agents.values().flat_map(|of_agent| &of_agent.listeners);
        agents.chain(self.customers.values().flatten())
    }

    /// Lets somebody in; tells also who came by that.
    pub(super) fn enter(&mut self, listener: &Arc<Listener>) -> (Entered, Moved) {
        let place = match self.state {
            State::At(place) => place,
            State::NotYet => return (Entered::NotYet, Moved::default()),
            State::Closed => return (Entered::Closed, Moved::default()),
        };
        let before = self.before(&listener.who);
        match &listener.who {
            WhoListens::Agent(id) => {
                let of_agent = self.agents.entry(id.clone()).or_default();
                of_agent.listeners.push(Arc::clone(listener));
            }
            WhoListens::Customer(id) => {
                self.customers.entry(*id).or_default().push(Arc::clone(listener));
            }
        }
        let came = before.anywhere.is_none() && self.presence_of(&listener.who).is_some();
        (Entered::At { place, came }, self.moved_since(&listener.who, before))
    }

    pub(super) fn go(&mut self, listener: &Arc<Listener>) -> Moved {
        let before = self.before(&listener.who);
        match &listener.who {
            WhoListens::Agent(id) => {
                let Some(of_agent) = self.agents.get_mut(id) else { return Moved::default() };
                of_agent.listeners.retain(|other| other.id != listener.id);
                if of_agent.listeners.is_empty() {
                    self.agents.remove(id);
                }
            }
            WhoListens::Customer(id) => {
                let Some(listeners) = self.customers.get_mut(id) else { return Moved::default() };
                listeners.retain(|other| other.id != listener.id);
                if listeners.is_empty() {
                    self.customers.remove(id);
                }
            }
        }
        self.moved_since(&listener.who, before)
    }

    pub(super) fn set_away(&mut self, listener: &Listener, away: bool) -> Moved {
        let before = self.before(&listener.who);
        listener.away.store(away, Ordering::Relaxed);
        self.moved_since(&listener.who, before)
    }

    /// Takes what another node tells of who is there.
    pub(super) fn take_told(
        &mut self,
        from: NodeId,
        told: There,
        now: Instant,
    ) -> Vec<PresenceChange> {
        let concerned = self.elsewhere.concerned(from, &told);
        self.changing(concerned, |elsewhere| elsewhere.take(from, told, now))
    }

    /// Another node asks for whom it does not know.
    pub(super) fn asked(&mut self, bins: Vec<u8>) {
        self.own.asked(bins);
    }

    /// What is told with a beat, and who is gone with a node of which nothing was heard.
    pub(super) fn beat(&mut self, now: Instant) -> (Vec<There>, Vec<PresenceChange>) {
        let mut changes = Vec::new();
        for node in self.elsewhere.missed(now) {
            let concerned = self.elsewhere.people_at(node);
            let gone = |elsewhere: &mut Elsewhere| elsewhere.take(node, There::Left, now);
            changes.extend(self.changing(concerned, gone));
        }
        let agents = self.agents.iter();
        let agents = agents.filter_map(|(id, found)| Some((id, presence_by(&found.listeners)?)));
        let customers = self.customers.iter();
        let customers =
            customers.filter(|(_, found)| presence_by(found).is_some()).map(|(id, _)| id);
        let mut told = self.own.beat(agents, customers);
        told.extend(self.elsewhere.asks());
        (told, changes)
    }

    /// What differs for these people when something changes at another node.
    fn changing(
        &mut self,
        concerned: BTreeSet<WhoListens>,
        change: impl FnOnce(&mut Elsewhere),
    ) -> Vec<PresenceChange> {
        let before: Vec<(WhoListens, Option<bool>)> = concerned
            .into_iter()
            .map(|who| {
                let presence = self.presence_of(&who);
                (who, presence)
            })
            .collect();
        change(&mut self.elsewhere);
        let mut changes = Vec::new();
        for (who, before) in before {
            let after = self.presence_of(&who);
            changes.extend(change_between(&who, before, after).or(match (&who, before, after) {
                (WhoListens::Customer(customer), None, Some(_)) => {
                    Some(PresenceChange::CustomerCame { customer: *customer })
                }
                _ => None,
            }));
        }
        changes
    }

    /// Whether somebody is there by a connection here, and if so, whether they are away.
    fn presence_here(&self, who: &WhoListens) -> Option<bool> {
        let listeners = match who {
            WhoListens::Agent(id) => self.agents.get(id).map(|of_agent| &of_agent.listeners),
            WhoListens::Customer(id) => self.customers.get(id),
        };
        presence_by(listeners?)
    }

    /// Whether somebody is there at any node, and if so, whether they are away.
    fn presence_of(&self, who: &WhoListens) -> Option<bool> {
        both(self.presence_here(who), self.elsewhere.presence_of(who))
    }

    /// At how many nodes somebody is there.
    pub(super) fn places_of(&self, who: &WhoListens) -> usize {
        usize::from(self.presence_here(who).is_some()) + self.elsewhere.places_of(who)
    }

    fn before(&self, who: &WhoListens) -> Before {
        Before { here: self.presence_here(who), anywhere: self.presence_of(who) }
    }

    fn moved_since(&mut self, who: &WhoListens, before: Before) -> Moved {
        let here = self.presence_here(who);
        let told = (here != before.here).then(|| {
            let (bin, number) = self.own.changed(who);
            There::Change { bin, number, who: who.clone().into(), away: here }
        });
        Moved { change: change_between(who, before.anywhere, self.presence_of(who)), told }
    }

    pub(super) fn presence(&self) -> Presence {
        let mut agents: BTreeMap<AgentId, bool> = self.agents_here();
        for (id, away) in self.elsewhere.agents() {
            let known = agents.entry(id.clone()).or_insert(away);
            *known = *known && away;
        }
        let here = self.customers.iter();
        let here = here.filter(|(_, listeners)| presence_by(listeners).is_some());
        let customers = here.map(|(id, _)| id).chain(self.elsewhere.customers()).copied().collect();
        Presence { agents, customers }
    }

    /// The agents who are there by a connection here that goes on, each with whether they are away.
    pub(super) fn agents_here(&self) -> BTreeMap<AgentId, bool> {
        let here =
            |(id, found): (&AgentId, &OfAgent)| Some((id.clone(), presence_by(&found.listeners)?));
        self.agents.iter().filter_map(here).collect()
    }

    /// Something went wrong with what they hear: they come back, and hear it again.
    pub(super) fn evict_all(&self) {
        close_all(self.listeners(), Cut::Broken);
    }

    pub(super) fn has_agents(&self) -> bool {
        !self.agents.is_empty()
    }

    pub(super) fn has_agent(&self, agent: &AgentId) -> bool {
        self.presence_of(&WhoListens::Agent(agent.clone())).is_some()
    }

    pub(super) fn has_agent_here(&self, agent: &AgentId) -> bool {
        self.presence_here(&WhoListens::Agent(agent.clone())).is_some()
    }

    pub(super) fn has_customer(&self, customer: CustomerId) -> bool {
        self.presence_of(&WhoListens::Customer(customer)).is_some()
    }

    pub(super) fn disconnect_agent(&self, agent: &AgentId, cut: Cut) -> usize {
        close_all(self.agents.get(agent).into_iter().flat_map(|found| &found.listeners), cut)
    }

    /// Closes the connections that an agent has since a time, or longer.
    pub(super) fn disconnect_agent_of(&self, agent: &AgentId, cut: Cut, upto: Timestamp) {
        let listeners = self.agents.get(agent).into_iter().flat_map(|found| &found.listeners);
        close_all(listeners.filter(|listener| listener.since <= upto), cut);
    }

    pub(super) fn disconnect_banned(&self, customer: CustomerId, ip: Option<IpAddr>) -> usize {
        let is_banned = |listener: &&Arc<Listener>| {
            listener.who == WhoListens::Customer(customer) || (ip.is_some() && listener.ip == ip)
        };
        close_all(self.customers.values().flatten().filter(is_banned), Cut::Banned)
    }

    /// Passes over an event that nobody is there to hear.
    pub(super) fn pass(&mut self, seq: Seq) {
        self.state = State::At(seq);
        self.ring = Ring::default();
    }

    /// Gives out what was said. Those in `woken` were not waiting to be woken before: they are to be.
    pub(super) fn give_out(
        &mut self,
        said: &Arc<Said>,
        directory: &Directory,
        woken: &mut Vec<Arc<Listener>>,
    ) {
        for push in &said.pushes {
            self.each_hearer(push, directory, |listener| {
                offer(listener, said, push, woken);
            });
        }
        if let Some(seq) = said.seq {
            self.state = State::At(seq);
            self.ring.push(said);
        }
    }

    /// Agents' connections that could have to be told how many customers there are.
    pub(super) fn crowded(&self) -> Vec<Arc<Listener>> {
        let customers = self.customers.len() + self.elsewhere.customers_count();
        let listeners = self.agents.values().flat_map(|of_agent| &of_agent.listeners);
        listeners.filter(|listener| listener.is_crowded(customers)).cloned().collect()
    }

    /// Tells one connection something that is not kept. Who is woken by it is up to the caller.
    pub(super) fn tell(&self, listener: &Arc<Listener>, push: Push) {
        let said = Said {
            seq: None,
            request: None,
            to_requester_only: false,
            pushes: vec![SaidPush::new(push, None)],
            weight: 0,
        };
        let mut woken = Vec::new();
        said.pushes.iter().for_each(|push| offer(listener, &said, push, &mut woken));
    }

    /// All who hear a push.
    fn each_hearer(
        &mut self,
        said: &SaidPush,
        directory: &Directory,
        mut hears: impl FnMut(&Arc<Listener>),
    ) {
        let push = &said.push;
        if push.to_agents.is_some() {
            match &push.agents {
                Agents::Nobody => {}
                Agents::All => {
                    self.agents.values().flat_map(|found| &found.listeners).for_each(&mut hears);
                }
                Agents::These(ids) => {
                    for id in ids {
                        let found = self.agents.get(id).into_iter();
                        found.flat_map(|found| &found.listeners).for_each(&mut hears);
                    }
                }
                Agents::Watching(_) => {
                    let generation = directory.generation();
                    for (id, of_agent) in &mut self.agents {
                        of_agent.refresh(id, directory, generation);
                        let watches =
                            |listener: &&Arc<Listener>| of_agent.watches(id, listener, said);
                        of_agent.listeners.iter().filter(watches).for_each(&mut hears);
                    }
                }
                Agents::OfChat { also: named, .. } | Agents::OfPastThread(named) => {
                    let generation = directory.generation();
                    for (id, of_agent) in &mut self.agents {
                        of_agent.refresh(id, directory, generation);
                        let is_of_chat = named.contains(id) || of_agent.is_of(id, said);
                        for listener in &of_agent.listeners {
                            if is_of_chat || (of_agent.is_administrator && listener.may_see_all) {
                                hears(listener);
                            }
                        }
                    }
                }
            }
        }
        if push.to_customer.is_some() {
            match push.customers {
                Customers::Nobody => {}
                Customers::All => self.customers.values().flatten().for_each(&mut hears),
                Customers::One(id) => {
                    self.customers.get(&id).into_iter().flatten().for_each(&mut hears);
                }
            }
        }
    }

    /// What a listener hears of what was said: as [`Room::give_out`], for one who comes back.
    pub(super) fn heard_by(
        &mut self,
        listener: &Arc<Listener>,
        said: &Said,
        directory: &Directory,
        frames: &mut Vec<Queued>,
    ) {
        for push in &said.pushes {
            if self.hears(listener, push, directory) {
                frames.extend(frames_for(listener, said, push));
            }
        }
    }

    /// Whether a listener hears a push.
    fn hears(&mut self, listener: &Listener, said: &SaidPush, directory: &Directory) -> bool {
        let push = &said.push;
        match &listener.who {
            WhoListens::Agent(id) => match &push.agents {
                Agents::Nobody => false,
                Agents::All => true,
                Agents::These(ids) => ids.contains(id),
                Agents::Watching(_) => {
                    let Some(of_agent) = self.agents.get_mut(id) else { return false };
                    of_agent.refresh(id, directory, directory.generation());
                    of_agent.watches(id, listener, said)
                }
                Agents::OfChat { also: named, .. } | Agents::OfPastThread(named) => {
                    let Some(of_agent) = self.agents.get_mut(id) else { return false };
                    of_agent.refresh(id, directory, directory.generation());
                    named.contains(id)
                        || of_agent.is_of(id, said)
                        || (of_agent.is_administrator && listener.may_see_all)
                }
            },
            WhoListens::Customer(id) => match push.customers {
                Customers::Nobody => false,
                Customers::All => true,
                Customers::One(one) => one == *id,
            },
        }
    }

    /// The pushes after a number up to the place, if all of them are in memory; otherwise the first number that is.
    pub(super) fn kept_after(&self, seq: Seq) -> Result<Vec<Arc<Said>>, Seq> {
        let place = self.place().unwrap_or(Seq::START);
        let first = self.ring.first().unwrap_or_else(|| place.next());
        if first > seq.next() {
            return Err(first);
        }
        let skip = usize::try_from(seq.0 + 1 - first.0).unwrap_or(usize::MAX);
        Ok(self.ring.said.iter().skip(skip).cloned().collect())
    }

    /// Keeps pushes that come before what is kept, if they join it and there is room.
    pub(super) fn keep_before(&mut self, said: &[Arc<Said>]) {
        let place = self.place().unwrap_or(Seq::START);
        let first = self.ring.first().unwrap_or_else(|| place.next());
        let joins = said.last().and_then(|last| last.seq).map(Seq::next) == Some(first);
        let weight: usize = said.iter().map(|said| said.weight).sum();
        if joins
            && self.ring.said.len() + said.len() <= RING_EVENTS_MAX
            && self.ring.weight + weight <= RING_BYTES_MAX
        {
            self.ring.weight += weight;
            for said in said.iter().rev() {
                self.ring.said.push_front(Arc::clone(said));
            }
        }
    }
}

impl OfAgent {
    /// Looks at the rights again, if the directory was read again.
    fn refresh(&mut self, id: &AgentId, directory: &Directory, generation: u64) {
        if self.as_of == Some(generation) {
            return;
        }
        self.as_of = Some(generation);
        let agent = directory.agent(id).filter(|agent| !agent.suspended);
        self.is_there = agent.is_some();
        self.is_administrator =
            agent.as_ref().is_some_and(|agent| agent.role >= Role::Administrator);
        self.groups = agent.map(|agent| directory.groups_of(&agent)).unwrap_or_default();
    }

    /// Whether a listener of this agent hears of a customer. The scene is that of the customer's chat.
    fn watches(&self, id: &AgentId, listener: &Listener, said: &SaidPush) -> bool {
        if let (Agents::Watching(customer), Some((action, payload))) =
            (&said.push.agents, &said.push.to_agents)
            && listener.subscribed(*customer, action, payload)
        {
            return true;
        }
        let chat = said.scene.as_ref().map(|scene| &scene.chat.value);
        let chats = chat.is_some_and(|chat| chat.status == ChatStatus::Open);
        let is_in = |chat: &Chat| chat.is_present(&Participant::Agent { id: id.clone() });
        match listener.monitors {
            Monitors::Online => true,
            Monitors::Chatting => chats && self.is_of(id, said),
            Monitors::My => chats && chat.is_some_and(is_in),
        }
    }

    /// Whether a chat is theirs, of their teams, or followed.
    fn is_of(&self, id: &AgentId, said: &SaidPush) -> bool {
        let Some(scene) = &said.scene else { return false };
        let chat = &scene.chat.value;
        self.is_there
            && (is_open_to(&chat.access, &self.groups)
                || chat.is_present(&Participant::Agent { id: id.clone() })
                || chat.followers.contains(id))
    }
}

impl Ring {
    fn push(&mut self, said: &Arc<Said>) {
        self.weight += said.weight;
        self.said.push_back(Arc::clone(said));
        while self.said.len() > RING_EVENTS_MAX || self.weight > RING_BYTES_MAX {
            let Some(oldest) = self.said.pop_front() else { break };
            self.weight -= oldest.weight;
        }
    }

    fn first(&self) -> Option<Seq> {
        self.said.front().and_then(|said| said.seq)
    }
}

/// Where somebody was before something happened.
#[derive(Clone, Copy, Debug)]
struct Before {
    here: Option<bool>,
    anywhere: Option<bool>,
}

fn change_between(
    who: &WhoListens,
    before: Option<bool>,
    after: Option<bool>,
) -> Option<PresenceChange> {
    if before == after {
        return None;
    }
    Some(match (who, before, after) {
        (WhoListens::Agent(agent), None, Some(away)) => {
            PresenceChange::AgentCame { agent: agent.clone(), away }
        }
        (WhoListens::Agent(agent), _, Some(away)) => {
            PresenceChange::AgentAway { agent: agent.clone(), away }
        }
        (WhoListens::Agent(agent), _, None) => PresenceChange::AgentWent { agent: agent.clone() },
        // Whoever lets them in tells of it.
        (WhoListens::Customer(_), _, Some(_)) => return None,
        (WhoListens::Customer(customer), _, None) => {
            PresenceChange::CustomerWent { customer: *customer }
        }
    })
}

/// Whether there is a connection that counts, and if so, whether all of them are away.
fn presence_by(listeners: &[Arc<Listener>]) -> Option<bool> {
    let mut present = listeners.iter().filter(|listener| listener.present).peekable();
    present.peek()?;
    Some(present.all(|listener| listener.away.load(Ordering::Relaxed)))
}

fn close_all<'a>(listeners: impl Iterator<Item = &'a Arc<Listener>>, cut: Cut) -> usize {
    listeners.map(|listener| listener.close(cut)).count()
}

fn offer(listener: &Arc<Listener>, said: &Said, push: &SaidPush, woken: &mut Vec<Arc<Listener>>) {
    for frame in frames_for(listener, said, push) {
        if listener.offer(frame) {
            woken.push(Arc::clone(listener));
        }
    }
}

/// The frames of a push for one who hears it: one for each version that they want it in.
fn frames_for(listener: &Listener, said: &Said, push: &SaidPush) -> impl Iterator<Item = Queued> {
    let wanted = listener.wanted();
    let side = listener.side();
    let caused = said.request.as_ref().filter(|request| request.connection == listener.id);
    let is_told = caused.is_some() || !said.to_requester_only;
    let named = caused.filter(|request| request.is_named_in(push.action()));
    let request_id = named.map(|request| Arc::clone(&request.request_id));
    let count = if is_told { wanted.len() } else { 0 };
    (0..count).filter_map(move |place| {
        let (version, names) = wanted.get(place)?;
        let frame = push.frame(side, *version, said.seq)?;
        let is_wanted = names.as_ref().is_none_or(|names| names.contains(frame.name));
        let bytes = match &request_id {
            Some(request_id) => with_request(&frame.bytes, request_id),
            None => frame.bytes.clone(),
        };
        is_wanted.then_some(Queued { bytes, seq: said.seq })
    })
}
