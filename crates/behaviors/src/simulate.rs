//! A chat that is only imagined: events happen in it, time passes, and bots react as they would. Nothing is done; what they
//! would do is told.
//!
//! Used by tests in bots' folders, by `tidings simulate` and by the API. It follows the reader that runs behaviors: a run
//! that waits gets the customer's answer first, then every behavior that hears the event starts, by bot and priority, and
//! what a bot raises is heard in turn. Orders are answered by stubs. Ids, time and chance come from counters, so the same
//! events give the same.

mod budget;
mod imagined;
pub mod trial;

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Map, Value, json};
use tidings_model::{
    Author, AuthorKind, BotName, ChannelKind, ChatId, Control, CustomerId, Draft, Event, EventId,
    Holder, Order, RunId, Seq, Timestamp, TypeName, WorkspaceId, envelope,
};
use uuid::Uuid;

pub use self::budget::{Budget, Patience};
use crate::bot::Status;
use crate::facts::{Facts, Seeds};
use crate::run::{Run, RunState, StopReason, Turn, Wait};
use crate::schedule::DUE;
use crate::work::{Order as WorkOrder, WorkFailed};
use crate::{Bot, Effect, Happened, Input, Owner, Took, hear, resume, start};

/// Something that a bot did, or would have done.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// When, by the imagined clock.
    pub at: Timestamp,
    /// The bot.
    pub bot: BotName,
    /// Its behavior.
    pub behavior: String,
    /// What: one key, which is the step's word (`say`, `http`, ...), or `stopped`.
    pub what: Value,
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening {
    /// The type of the event.
    pub event_type: TypeName,
    /// Its data.
    pub data: Value,
    /// Who did it.
    pub author: AuthorKind,
    /// Whether it happens in the chat; what is due by a schedule does not.
    pub has_chat: bool,
}

impl Happening {
    /// What happens where such events do: in the chat, unless it is due by a schedule.
    pub fn new(event_type: TypeName, data: Value, author: AuthorKind) -> Self {
        let has_chat = event_type.as_str() != DUE;
        Self { event_type, data, author, has_chat }
    }
}

/// Whose an event is.
#[derive(PartialEq)]
enum Taken {
    /// Whoever hears it has it.
    Nobody,
    /// The question of this bot has it.
    By(BotName),
    /// Of this bot only asides have it: its question goes on waiting.
    UnlessAside(BotName),
}

/// What an order is answered with, by its step's word.
pub type Stubs = BTreeMap<String, Result<Value, WorkFailed>>;

/// An imagined chat.
#[derive(Debug)]
pub struct Simulator<'b> {
    bots: Vec<&'b Bot>,
    /// The imagined time.
    pub now: Timestamp,
    /// What the chat is, as behaviors see it.
    pub chat: Map<String, Value>,
    /// Who the customer is.
    pub customer: Value,
    /// The word for the kind of channel.
    pub channel_kind: String,
    /// What each bot keeps for the chat.
    pub sessions: BTreeMap<BotName, Map<String, Value>>,
    /// What each bot keeps about the customer.
    pub clients: BTreeMap<BotName, Map<String, Value>>,
    /// What orders are answered with.
    pub stubs: Stubs,
    /// Every run so far, as it is now, by its id.
    pub runs: Vec<Run>,
    /// What may still happen.
    pub budget: Budget,
    /// How long all of it may take; for ever, unless given.
    pub patience: Option<Patience<'b>>,
    /// Whether the budget was too small for something: nothing more happens until the next call.
    is_spent: bool,
    control: Control,
    waiting: Option<RunId>,
    timers: BTreeMap<RunId, Timestamp>,
    count: u64,
    told: Vec<Told>,
}

impl<'b> Simulator<'b> {
    /// A new chat at a time, in which these bots react. Behaviors that are for the simulator only react as well.
    pub fn new(bots: impl IntoIterator<Item = &'b Bot>, now: Timestamp) -> Self {
        let mut bots: Vec<&Bot> = bots.into_iter().collect();
        bots.sort_by(|one, other| one.name.cmp(&other.name));
        // The chat is of those whose bots hear it.
        let (mut group, mut agents) = (None, Vec::new());
        for bot in &bots {
            match &bot.owner {
                Owner::Group(name) => group = group.or(Some(name)),
                Owner::Agent(id) => agents.push(id),
                Owner::App | Owner::Role(_) => {}
            }
        }
        let customer = CustomerId::new(Uuid::from_u128(2));
        let chat = json!({
            "id": ChatId::new(Uuid::from_u128(1)), "status": "open", "labels": [], "variables": {},
            "group": group, "assignee": null, "agents": agents, "watchers": [], "customer": customer,
            "created_at": now,
        });
        let customer = json!({
            "id": customer, "name": null, "email": null, "phone_number": null, "language": null, "created_at": now,
        });
        Self {
            bots,
            now,
            chat: chat.as_object().cloned().unwrap_or_default(),
            customer,
            channel_kind: "web".into(),
            sessions: BTreeMap::new(),
            clients: BTreeMap::new(),
            stubs: Stubs::new(),
            runs: Vec::new(),
            budget: Budget::default(),
            patience: None,
            is_spent: false,
            control: Control { holder: Holder::Nobody, reason: String::new() },
            waiting: None,
            timers: BTreeMap::new(),
            count: 0,
            told: Vec::new(),
        }
    }

    /// What was told since the last call.
    pub fn told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    /// Something happens, and all that follows from it at once.
    pub fn happens(&mut self, happening: &Happening) {
        self.is_spent = false;
        if is_closed(happening) {
            self.close();
        } else if opens(happening) {
            self.chat.insert("status".into(), "open".into());
        }
        self.follow(VecDeque::from([(happening.clone(), None, 0)]));
    }

    /// Lets bots react to events, each with who raised it and how deep it is, and to what follows from them.
    fn follow(&mut self, mut queue: VecDeque<(Happening, Option<BotName>, u32)>) {
        while !self.is_spent
            && let Some((happening, by, depth)) = queue.pop_front()
        {
            for (next, by) in self.react(&happening, by.as_ref(), depth) {
                queue.push_back((next, Some(by), depth + 1));
            }
        }
    }

    /// Time passes; what is due meanwhile comes in its order.
    pub fn passes(&mut self, until: Timestamp) {
        self.is_spent = false;
        while !self.is_spent
            && let Some((id, due)) = self.first_due(until)
        {
            self.now = self.now.max(due);
            self.timers.remove(&id);
            let Some(run) = self.run(id).cloned() else { continue };
            // What follows is by the bot, and has the event that the run began with for its cause.
            let depth = depth_of(&run);
            let follows = self.go_on(run, Input::TimeUp, depth);
            let follows = follows.into_iter().map(|(next, by)| (next, Some(by), depth + 1));
            self.follow(follows.collect());
        }
        self.now = self.now.max(until);
    }

    /// The next time at which something is due.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.timers.values().min().copied()
    }

    fn first_due(&self, until: Timestamp) -> Option<(RunId, Timestamp)> {
        let due = self.timers.iter().filter(|(_, due)| **due <= until);
        due.min_by_key(|(_, due)| **due).map(|(id, due)| (*id, *due))
    }

    fn next(&mut self) -> Uuid {
        self.count += 1;
        Uuid::from_u128(0x100 + u128::from(self.count))
    }

    fn seeds(&mut self) -> Seeds {
        let run = self.next();
        Seeds { now: self.now, run, random: self.count }
    }

    fn facts(&self, event: &Event, bot: &BotName) -> Facts {
        let mut meta = envelope::to_value(event);
        if let Value::Object(meta) = &mut meta {
            meta.remove("data");
            meta.insert("channel_kind".into(), self.channel_kind(event).into());
        }
        let facts = Facts { event: event.data.clone(), meta, ..Facts::default() };
        if event.chat.is_some() { self.in_chat(facts, bot) } else { facts }
    }

    /// Facts with what a bot sees of the chat as it is now.
    fn in_chat(&self, facts: Facts, bot: &BotName) -> Facts {
        let kind = ChannelKind::ALL.into_iter().find(|kind| kind.as_str() == self.channel_kind);
        Facts {
            shows: kind.map(ChannelKind::shows).unwrap_or_default(),
            chat: Value::Object(self.chat.clone()),
            customer: self.customer.clone(),
            session: self.sessions.get(bot).cloned().unwrap_or_default(),
            client: self.clients.get(bot).cloned().unwrap_or_default(),
            ..facts
        }
    }

    /// The word for the kind of channel that an event is of.
    fn channel_kind(&self, event: &Event) -> Option<&str> {
        event.chat.map(|_| self.channel_kind.as_str())
    }

    fn event(&mut self, happening: &Happening, by: Option<&BotName>, depth: u32) -> Event {
        let id = EventId::new(self.next());
        let workspace = WorkspaceId::new(Uuid::nil());
        let mut draft = Draft::new(
            id,
            happening.event_type.clone(),
            workspace,
            self.now,
            happening.data.clone(),
        );
        draft.author = match (happening.author, by) {
            (_, Some(bot)) => Author::bot(bot),
            (AuthorKind::Customer, None) => Author::customer(CustomerId::new(Uuid::from_u128(2))),
            (kind, None) => Author { kind, id: kind.as_str().into() },
        };
        draft.depth = depth;
        draft.chat = happening.has_chat.then(|| ChatId::new(Uuid::from_u128(1)));
        let body = envelope::write(&draft);
        Event::new(Seq(self.count), Some(Order(self.count)), draft, body.into())
    }

    /// Lets all bots react to one event; gives what they raise, and who.
    fn react(
        &mut self,
        happening: &Happening,
        by: Option<&BotName>,
        depth: u32,
    ) -> Vec<(Happening, BotName)> {
        let event = self.event(happening, by, depth);
        if is_closed(happening) {
            // But for those that its closing starts, which begin after this.
            self.cancel_waiting();
        }
        let mut raised = Vec::new();
        let taken = self.ask(&event, &mut raised);
        let bots = self.bots.clone();
        for bot in bots {
            let own_words = by == Some(&bot.name) && event.event_type.is_speech();
            if taken == Taken::By(bot.name.clone()) || own_words {
                continue;
            }
            let asides_only = taken == Taken::UnlessAside(bot.name.clone());
            for place in self.hearing(bot, &event, asides_only) {
                if self.is_over(bot, place) {
                    return raised;
                }
                let facts = self.facts(&event, &bot.name);
                let seeds = self.seeds();
                if let Some(turn) = start(bot, place, &facts, &event, seeds) {
                    raised.extend(self.settle(bot, turn, &facts, depth));
                }
                if self.is_spent {
                    return raised;
                }
            }
        }
        raised
    }

    /// The behaviors of a bot that hear an event, in their order.
    fn hearing(&self, bot: &Bot, event: &Event, asides_only: bool) -> Vec<usize> {
        let mut hearing: Vec<(usize, i32)> = Vec::new();
        for (place, behavior) in bot.behaviors().iter().enumerate() {
            let hears = behavior.on.iter().any(|heard| {
                heard.event_type == event.event_type
                    && heard.matches(self.channel_kind(event), event.author.kind, &event.data)
            });
            if behavior.status != Status::Off && hears && (behavior.aside || !asides_only) {
                hearing.push((place, behavior.priority));
            }
        }
        hearing.sort_by_key(|(_, priority)| std::cmp::Reverse(*priority));
        hearing.into_iter().map(|(place, _)| place).collect()
    }

    /// Gives an event to the run that waits for an answer.
    fn ask(&mut self, event: &Event, raised: &mut Vec<(Happening, BotName)>) -> Taken {
        let waiting = self.waiting.filter(|_| event.chat.is_some());
        let waiting = waiting.and_then(|waiting| self.run(waiting));
        let Some(run) = waiting.cloned() else { return Taken::Nobody };
        let Some(bot) = self.bots.iter().find(|bot| bot.name == run.bot).copied() else {
            return Taken::Nobody;
        };
        let kind = self.channel_kind(event);
        let Some(happened) = Happened::of(event, kind, &bot.name) else {
            return Taken::Nobody;
        };
        let facts = self.facts_of(&run, event.depth);
        let seeds = self.seeds();
        let (took, turn) = hear(bot, run, &happened, &facts, seeds, None);
        let asides_only = match took {
            Took::Nothing => return Taken::Nobody,
            Took::Taken => None,
            Took::UnlessAside => Some(true),
            Took::UnlessAnybody => Some(false),
        };
        if let Some(asides_only) = asides_only {
            let facts = self.facts(event, &bot.name);
            let reacts = |place: &usize| start(bot, *place, &facts, event, seeds).is_some();
            if self.hearing(bot, event, asides_only).iter().any(reacts) {
                let name = bot.name.clone();
                return if asides_only { Taken::UnlessAside(name) } else { Taken::Nobody };
            }
        }
        raised.extend(self.settle(bot, turn, &facts, event.depth));
        Taken::By(bot.name.clone())
    }

    fn go_on(&mut self, run: Run, input: Input, depth: u32) -> Vec<(Happening, BotName)> {
        let Some(bot) = self.bots.iter().find(|bot| bot.name == run.bot).copied() else {
            return Vec::new();
        };
        let facts = self.facts_of(&run, depth);
        let seeds = self.seeds();
        let turn = resume(bot, run, input, &facts, seeds);
        self.settle(bot, turn, &facts, depth)
    }

    /// What a run sees that goes on: the event that it began with.
    fn facts_of(&mut self, run: &Run, depth: u32) -> Facts {
        let event_type = run.started_with.get("meta").and_then(|meta| meta.get("type"));
        let event_type = event_type.and_then(Value::as_str).and_then(|name| name.parse().ok());
        let happening = Happening {
            event_type: event_type.unwrap_or_else(|| "chat.message".parse().expect("a good name")),
            data: run.started_with.get("event").cloned().unwrap_or_default(),
            author: AuthorKind::System,
            has_chat: run.chat.is_some(),
        };
        let event = self.event(&happening, None, depth);
        self.facts(&event, &run.bot)
    }

    /// Does what a turn wants in imagination, and goes on while it orders something.
    fn settle(
        &mut self,
        bot: &Bot,
        mut turn: Turn,
        facts: &Facts,
        depth: u32,
    ) -> Vec<(Happening, BotName)> {
        let mut raised = Vec::new();
        loop {
            self.guard(&mut turn, depth);
            imagined::refuse_without_chat(&mut turn, facts);
            raised.extend(self.imagine(bot, &mut turn));
            let RunState::Waiting { wait: Wait::Work { order } } = turn.run.state.clone() else {
                break;
            };
            self.timers.remove(&turn.run.id);
            let outcome = self.stub(bot, &turn.run, &order);
            let facts = match turn.run.chat {
                Some(_) => self.in_chat(facts.clone(), &bot.name),
                None => facts.clone(),
            };
            let seeds = self.seeds();
            turn = resume(bot, turn.run, Input::Done { outcome, log: Vec::new() }, &facts, seeds);
        }
        self.keep(turn.run);
        raised
    }

    fn keep(&mut self, run: Run) {
        match &run.state {
            RunState::Waiting { wait: Wait::Answer { .. } } if run.chat.is_some() => {
                self.replace(run.id);
            }
            RunState::Waiting { .. } => {
                self.waiting = self.waiting.filter(|waiting| *waiting != run.id);
            }
            RunState::Done => self.over(run.id),
            RunState::Stopped { reason, message } => {
                if !matches!(reason, StopReason::Asked | StopReason::Cancelled) {
                    let what = json!({ "stopped": { "reason": reason, "message": message } });
                    self.tell(&run, what);
                }
                self.over(run.id);
            }
        }
        match self.place(run.id) {
            Ok(place) => {
                if let Some(known) = self.runs.get_mut(place) {
                    *known = run;
                }
            }
            Err(place) => self.runs.insert(place, run),
        }
    }

    /// Where a run stands among all, or would stand.
    fn place(&self, id: RunId) -> Result<usize, usize> {
        self.runs.binary_search_by_key(&id, |run| run.id)
    }

    fn run(&self, id: RunId) -> Option<&Run> {
        self.place(id).ok().and_then(|place| self.runs.get(place))
    }

    fn over(&mut self, run: RunId) {
        self.timers.remove(&run);
        if self.waiting == Some(run) {
            self.waiting = None;
        }
    }

    /// A run that begins to wait for an answer takes the place of the one that waited before.
    fn replace(&mut self, by: RunId) {
        let replaced = self.waiting.replace(by).filter(|waiting| *waiting != by);
        let place = replaced.and_then(|replaced| self.place(replaced).ok());
        if let Some(run) = place.and_then(|place| self.runs.get_mut(place)) {
            cancel(run, "another question took its place", self.now);
            self.timers.remove(&run.id);
        }
    }

    /// The chat is closed: nobody holds it, and what bots kept for its session is gone.
    fn close(&mut self) {
        self.chat.insert("status".into(), "closed".into());
        self.control.holder = Holder::Nobody;
        self.sessions.clear();
        self.waiting = None;
    }

    /// The runs that wait in a chat that was closed are over.
    fn cancel_waiting(&mut self) {
        let waits =
            |run: &&mut Run| run.chat.is_some() && matches!(run.state, RunState::Waiting { .. });
        for run in self.runs.iter_mut().filter(waits) {
            cancel(run, "the chat was closed", self.now);
            self.timers.remove(&run.id);
        }
        self.waiting = None;
    }

    /// What an order is answered with: by the stub for its word, else as if all went well and nothing was there.
    fn stub(&mut self, bot: &Bot, run: &Run, order: &WorkOrder) -> Result<Value, WorkFailed> {
        let word = order.work.as_str();
        self.told.push(Told {
            at: self.now,
            bot: bot.name.clone(),
            behavior: run.behavior.clone(),
            what: json!({ word: order.with }),
        });
        if let Some(stubbed) = self.stubs.get(word) {
            return stubbed.clone();
        }
        let id = self.next();
        Ok(imagined::answer(order, id))
    }

    fn tell(&mut self, run: &Run, what: Value) {
        let (bot, behavior) = (run.bot.clone(), run.behavior.clone());
        self.told.push(Told { at: self.now, bot, behavior, what });
    }

    fn imagine(&mut self, bot: &Bot, turn: &mut Turn) -> Vec<(Happening, BotName)> {
        let effects = std::mem::take(&mut turn.effects);
        let author = Author::bot(&bot.name);
        let speaks = |effect: &Effect| matches!(effect, Effect::Say(_) | Effect::Form { .. });
        if effects.iter().any(speaks)
            && let Err(refused) = self.control.lets_speak(&author)
        {
            let message = refused.to_string();
            turn.run.state = RunState::Stopped { reason: StopReason::NotInControl, message };
            turn.run.frames.clear();
            return Vec::new();
        }
        let mut raised = Vec::new();
        for effect in effects {
            if let Some(shown) = imagined::shown(&effect) {
                self.tell(&turn.run, shown);
            }
            raised.extend(self.change(&turn.run, effect).map(|next| (next, bot.name.clone())));
        }
        if turn.run.chat.is_none() {
            return raised;
        }
        if let Some(session) = turn.session.take() {
            self.sessions.insert(bot.name.clone(), session);
        }
        if let Some(client) = turn.client.take() {
            self.clients.insert(bot.name.clone(), client);
        }
        raised
    }
}

fn is_closed(happening: &Happening) -> bool {
    happening.has_chat && happening.event_type.as_str() == "chat.closed"
}

/// Whether a chat that was closed is open again by this.
fn opens(happening: &Happening) -> bool {
    let speaks = happening.author == AuthorKind::Customer && happening.event_type.is_speech();
    happening.has_chat && (speaks || happening.event_type.as_str() == "chat.reopened")
}

fn cancel(run: &mut Run, message: &str, now: Timestamp) {
    run.state = RunState::Stopped { reason: StopReason::Cancelled, message: message.into() };
    run.frames.clear();
    run.moved_at = now;
}

/// How deep the event is that a run began with, which is kept while it waits.
fn depth_of(run: &Run) -> u32 {
    let depth = run.started_with.get("meta").and_then(|meta| meta.get("depth"));
    depth.and_then(Value::as_u64).and_then(|depth| depth.try_into().ok()).unwrap_or_default()
}
