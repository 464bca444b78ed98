//! What a thread begins with: who is in it, its properties, who holds the lease, what is said at once.

use std::sync::Arc;

use serde_json::{Value, json};
use tidings_model::{
    Agent, Author, AuthorKind, ChatId, ChatStatus, Event, EventId, Holder, Member, Participant,
    Timestamp, Visibility,
};
use tidings_store::{Batch, Claim};
use tidings_wire::livechat::show;

use super::{FirstEvent, Opening};
use crate::App;
use crate::desk::chats::joining::known_agent;
use crate::desk::chats::members::hand_to;
use crate::desk::chats::placing::{Place, Placed};
use crate::desk::chats::transfer::key_of;
use crate::desk::events::{Composed, custom_claim};
use crate::desk::{Actor, Failure};
use crate::directory::Directory;
use crate::pipeline::chat_change::ChatChange;

/// The namespace and name of the property that lets a customer write though nobody is there.
pub(super) const CONTINUOUS: (&str, &str) = ("routing", "continuous");

/// The namespace and name of the property that says which program began a chat.
const SOURCE: (&str, &str) = ("source", "client_id");

/// Who is in a thread from its beginning, beside the customer.
pub(super) struct People {
    agents: Vec<Arc<Agent>>,
}

impl People {
    /// Who asks, if they are an agent, and whom they named.
    pub(super) fn of(
        directory: &Directory,
        actor: &Actor,
        opening: &Opening,
    ) -> Result<Self, Failure> {
        let mut agents: Vec<Arc<Agent>> = actor.agent().into_iter().cloned().collect();
        for id in &opening.agents {
            let agent = known_agent(directory, id)?;
            if !agents.iter().any(|known| known.id == agent.id) {
                agents.push(agent);
            }
        }
        Ok(Self { agents })
    }
}

/// What a thread begins with, once it is known where it goes. Setting it again gives the same ids.
pub(super) struct Setting<'a> {
    actor: &'a Actor,
    directory: &'a Directory,
    people: &'a People,
    opening: &'a Opening,
    placed: Option<&'a Placed>,
    now: Timestamp,
    first_ids: Vec<EventId>,
}

impl<'a> Setting<'a> {
    pub(super) fn new(
        app: &App,
        actor: &'a Actor,
        directory: &'a Directory,
        people: &'a People,
        opening: &'a Opening,
        placed: Option<&'a Placed>,
    ) -> Self {
        let first_ids = opening.events.iter().map(|_| app.next_event_id()).collect();
        Self { actor, directory, people, opening, placed, now: app.now(), first_ids }
    }

    /// Puts everybody and everything in place, and tells of it.
    pub(super) fn set(
        &self,
        change: &mut ChatChange<'_>,
        event_type: &str,
        data: Value,
    ) -> Result<(), Failure> {
        self.let_people_in(change);
        self.set_properties(change);
        let beginning = self.tell(change, event_type, data);
        if self.opening.active {
            self.give_the_lease(change);
        }
        self.say(change, beginning)?;
        if !self.opening.active {
            let chat = &mut change.after().chat.value;
            chat.status = ChatStatus::Closed;
            chat.thread.closed_at = Some(self.now);
        }
        Ok(())
    }

    fn let_people_in(&self, change: &mut ChatChange<'_>) {
        let placed = self.placed.map(|placed| &placed.to);
        let group = self.placed.and_then(|placed| key_of(self.directory, placed.group));
        let customer = change.after().customer.as_ref();
        let visit = customer.and_then(|customer| customer.value.visit.clone());
        let chat = &mut change.after().chat.value;
        // What was reached in the visit before counts for the thread too.
        let visit = visit.filter(|visit| visit.ended_at.is_none());
        chat.thread.goals = visit.map(|visit| visit.goals).unwrap_or_default();
        if let Some(id) = chat.customer {
            chat.enter(Member::new(Participant::Customer { id }));
        }
        match placed {
            Some(Place::Agent(agent)) => {
                chat.enter(Member::new(Participant::Agent { id: agent.id.clone() }));
            }
            Some(Place::Bot(bot)) => {
                chat.enter(Member::new(Participant::Bot { id: bot.clone() }));
            }
            Some(Place::Queue) | None => {}
        }
        for agent in &self.people.agents {
            chat.enter(Member::new(Participant::Agent { id: agent.id.clone() }));
        }
        let me = self.actor.participant();
        if let Some(member) = chat.members.iter_mut().find(|member| member.who == me) {
            member.seen_up_to = Some(self.now);
        }
        if group.is_some() {
            chat.group = group;
        }
        if self.opening.visit.is_some() {
            chat.thread.visit.clone_from(&self.opening.visit);
        }
    }

    fn set_properties(&self, change: &mut ChatChange<'_>) {
        let chat = &mut change.after().chat.value;
        chat.properties.merge(&self.opening.properties);
        chat.thread.properties.merge(&self.opening.thread_properties);
        for properties in [&mut chat.properties, &mut chat.thread.properties] {
            properties.set(SOURCE.0, SOURCE.1, self.actor.client_id.clone().into());
            if let Some(continuous) = self.opening.continuous {
                properties.set(CONTINUOUS.0, CONTINUOUS.1, continuous.into());
            }
        }
    }

    fn tell(&self, change: &mut ChatChange<'_>, event_type: &str, mut data: Value) -> EventId {
        let users = change.present_users();
        let chat = &change.after().chat.value;
        if let Value::Object(data) = &mut data {
            data.retain(|_, value| !value.is_null());
            data.insert("users".into(), users.into());
            data.insert("thread".into(), chat.thread.id.to_string().into());
            data.insert("requester".into(), self.actor.id().into());
            data.insert("active".into(), self.opening.active.into());
            let continuous = chat.properties.get(CONTINUOUS.0, CONTINUOUS.1);
            let continuous = continuous == Some(&Value::Bool(true));
            data.insert("continuous".into(), Value::Bool(continuous));
            if !self.first_ids.is_empty() {
                data.insert("events".into(), json!(self.first_ids));
            }
            if let Some(placed) = self.placed {
                data.insert("why".into(), json!(placed.why));
            }
        }
        change.raise(event_type, data).id
    }

    fn give_the_lease(&self, change: &mut ChatChange<'_>) {
        match self.placed.map(|placed| (&placed.to, placed.group)) {
            Some((Place::Agent(agent), _)) => hand_to(change, agent, "the router chose them"),
            Some((Place::Bot(bot), _)) => {
                change.move_control(Holder::Bot { id: bot.clone() }, "the channel's bot".into());
            }
            Some((Place::Queue, group)) => {
                change.queue(key_of(self.directory, group), "everybody is busy or away".into());
            }
            None => {
                if let Some(agent) = self.actor.agent() {
                    hand_to(change, agent, "they began the thread");
                }
            }
        }
    }

    /// What is said from the beginning. Its cause is the beginning: that is how it is told from what is said later.
    fn say(&self, change: &mut ChatChange<'_>, beginning: EventId) -> Result<(), Failure> {
        for (place, (event, id)) in self.opening.events.iter().zip(&self.first_ids).enumerate() {
            let author = self.author(change, event, place)?;
            change.after().chat.value.thread.took_part(&author.id);
            let Composed { event_type, data, custom_id, .. } = event.composed.clone();
            let draft = change.raise_by(author, event_type, data);
            draft.id = *id;
            draft.root = beginning;
            draft.cause = Some(beginning);
            draft.depth = 1;
            // The documentation lets everybody see what was said at first, whatever it says of itself.
            draft.visibility = Visibility::All;
            draft.custom_id = custom_id;
            draft.properties = event.composed.envelope_properties();
        }
        Ok(())
    }

    /// The files of first events are used from now on.
    pub(super) fn keep_uploads(&self, batch: &mut Batch, chat: ChatId) {
        for (event, id) in self.opening.events.iter().zip(&self.first_ids) {
            event.composed.keep_uploads(batch, *id, chat);
        }
    }

    /// What keeps a first event from being said again by who did not hear that it was: the same claims as those of what
    /// is said later. Who begins a thread anew with something that was said before is told so.
    pub(super) fn claims(&self, chat: ChatId) -> Vec<Claim> {
        let author = self.actor.author();
        let said = self.opening.events.iter().zip(&self.first_ids);
        let own = said.filter(|(event, _)| {
            event.author.as_ref().is_none_or(|author| *author == self.actor.id())
        });
        let mut claims: Vec<Claim> = Vec::new();
        for (event, id) in own {
            let Some(custom_id) = &event.composed.custom_id else { continue };
            let name = custom_claim(chat, &author, custom_id);
            if claims.iter().all(|claim| claim.name != name) {
                claims.push(Claim { name, outcome: Some(*id) });
            }
        }
        claims
    }

    /// Who said a first event: who asks, or somebody else who is in the chat.
    fn author(
        &self,
        change: &mut ChatChange<'_>,
        event: &FirstEvent,
        place: usize,
    ) -> Result<Author, Failure> {
        let Some(id) = event.author.as_ref().filter(|id| **id != self.actor.id()) else {
            return Ok(self.actor.author());
        };
        let stranger = || {
            let field = format!("chat.thread.events[{place}].author_id");
            Failure::field(&field, "must be who asks, or one of `chat.users`")
        };
        if self.actor.agent().is_none() {
            return Err(stranger());
        }
        let chat = &change.after().chat.value;
        let member = chat.members.iter().find(|member| member.present && member.who.id() == *id);
        let author = member.ok_or_else(stranger)?.who.author();
        let agent = author.id.parse().ok().and_then(|id| self.directory.agent(&id));
        if agent.is_some_and(|agent| agent.bot.is_some()) {
            return Ok(Author { kind: AuthorKind::Bot, ..author });
        }
        Ok(author)
    }

    /// The names of the first events, once they have their numbers.
    pub(super) fn names(&self, committed: &[Arc<Event>]) -> Vec<String> {
        let first = committed.iter().filter(|event| self.first_ids.contains(&event.id));
        first.filter_map(|event| show::event_name(event)).map(|name| name.to_string()).collect()
    }
}
