//! One turn of a run as it goes on: what the steps see, change and say. Made by `interpret`, used by every step.
//!
//! Everything is kept here until the turn is over; nothing outside changes. What a step sees of the session, the client
//! and the chat is what earlier steps of the turn made of them. Most turns change little and ask for little, so facts are
//! looked at where they are: what a step changes is copied first, and a template is given the names that it mentions.

use std::borrow::Cow;

use jiff::SignedDuration;
use minijinja::Value as Seen;
use minijinja::value::Serde;
use serde_json::{Map, Value};
use tidings_model::{BotName, Shows, Timestamp};

use crate::facts::{Facts, Seeds};
use crate::interpret::{Took, Watch};
use crate::pattern::{Pattern, Text};
use crate::run::{Frame, Run, RunState, StopReason, Turn, Wait};
use crate::target::{Scope, Target};
use crate::template::{
    Expression, FUEL_OF_ANY_RUN, Failure, Named, Root, json_fits, seed, to_json,
};
use crate::trace::{Detail, Saw, StepTrace, TRACE_STEPS_MAX};
use crate::{Bot, Effect, Heard};

/// How many effects one turn may have: more than a hundred messages at once is a bot gone wild.
pub(crate) const EFFECTS_PER_TURN_MAX: usize = 100;

/// How many template instructions one turn may take: about 20 milliseconds.
pub(crate) const FUEL_PER_TURN_MAX: u64 = 1_000_000;

/// The key under which a run keeps the last answer, beside the event that started it.
const ANSWER: &str = "answer";

/// The key under which the frame of a loop keeps its list.
pub(crate) const ITEMS: &str = "items";
/// The key under which the frame of a loop keeps how often it has turned.
pub(crate) const TURN: &str = "turn";
/// The key under which the frame of a loop keeps the name of its item.
pub(crate) const ITEM_NAME: &str = "item";
/// The key under which the frame of a call keeps what the caller had.
pub(crate) const CALLER: &str = "caller";

/// How far apart the seeds of a turn's templates are: so odd a number that no two of them draw alike.
const SEED_STEP: u64 = 0xd134_2543_de82_ef95;

/// What comes after a step.
#[derive(Debug)]
pub(crate) enum Flow {
    /// The next step.
    Next,
    /// Other steps, then the next one.
    Enter(Frame),
    /// Other steps, then the same step again.
    EnterThenBack(Frame),
    /// Nothing, until the same step is called again with what came.
    WaitHere(Wait),
    /// Nothing for a time, then the next step.
    WaitThenNext(Wait),
    /// The run comes to its end.
    End,
}

/// Why a run stops.
#[derive(Debug)]
pub(crate) struct Halt {
    pub(crate) reason: StopReason,
    /// For people, without the place.
    pub(crate) message: String,
}

impl Halt {
    pub(crate) fn new(reason: StopReason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Limit(message) => Self::new(StopReason::TemplateLimit, message),
            Failure::Failed(message) => Self::new(StopReason::TemplateFailed, message),
        }
    }
}

/// One turn of a run.
pub(crate) struct Stage<'a> {
    pub(crate) bot: &'a Bot,
    pub(crate) run: Run,
    pub(crate) seeds: Seeds,
    pub(crate) effects: Vec<Effect>,
    /// Where the step stands that is taken now.
    pub(crate) place: String,
    /// Its word.
    pub(crate) word: &'static str,
    session: Cow<'a, Map<String, Value>>,
    client: Cow<'a, Map<String, Value>>,
    /// What the question that waited makes of what happened.
    pub(crate) took: Took,
    /// The answer that was right, as a field of a form.
    pub(crate) filled: Option<Filled>,
    /// Whether a template mentioned `answer`, since a step asked that.
    pub(crate) tells_answer: bool,
    chat: Cow<'a, Value>,
    facts: &'a Facts,
    /// It is the run's first turn: the event that started it is kept only if the run waits, or changes it.
    is_first: bool,
    /// What templates see by these names, once one asked; what changes is forgotten.
    seen: Vec<(&'static str, Seen)>,
    fuel: u64,
    /// How many templates the turn has run: each draws from a seed of its own.
    runs: u64,
    /// For the trace only, with its last reading.
    watch: Option<(Watch<'a>, Timestamp)>,
}

/// An answer, and how it is told.
pub(crate) struct Filled {
    pub(crate) answer: Value,
    pub(crate) shown: Value,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(bot: &'a Bot, mut run: Run, facts: &'a Facts, seeds: Seeds) -> Self {
        run.moved_at = seeds.now;
        Self {
            bot,
            run,
            seeds,
            effects: Vec::new(),
            place: String::new(),
            word: "",
            session: Cow::Borrowed(&facts.session),
            client: Cow::Borrowed(&facts.client),
            took: Took::Taken,
            filled: None,
            tells_answer: false,
            chat: with_variables(&facts.chat),
            facts,
            is_first: false,
            seen: Vec::new(),
            fuel: FUEL_PER_TURN_MAX,
            runs: 0,
            watch: None,
        }
    }

    /// Begins to tell in the trace how long steps take.
    pub(crate) fn watch(&mut self, watch: Option<Watch<'a>>) {
        self.watch = watch.map(|watch| (watch, watch()));
    }

    /// The first turn of a run.
    pub(crate) fn first(bot: &'a Bot, run: Run, facts: &'a Facts, seeds: Seeds) -> Self {
        Self { is_first: true, ..Self::new(bot, run, facts, seeds) }
    }

    /// What the turn made of it all.
    pub(crate) fn over(mut self, state: RunState) -> Turn {
        if let RunState::Waiting { .. } = state {
            self.keep_start();
        } else {
            // The event may be long, and nobody asks for it any more.
            self.run.started_with.clear();
            self.run.frames.clear();
        }
        self.run.state = state;
        let changed = |kept: Cow<'_, Map<String, Value>>| match kept {
            Cow::Owned(data) => Some(data),
            Cow::Borrowed(_) => None,
        };
        let (session, client) = (changed(self.session), changed(self.client));
        Turn { run: self.run, effects: self.effects, session, client }
    }

    /// What the chat's channel can show of a question.
    pub(crate) const fn shows(&self) -> Shows {
        self.facts.shows
    }

    /// The text of a template.
    pub(crate) fn render(&mut self, text: &Text) -> Result<String, Halt> {
        match text {
            Text::Fixed(text) => Ok(text.clone()),
            Text::Template(template) => {
                let names = self.names(&template.names);
                Ok(self.bot.program.templates.render(template, names, &mut self.fuel)?)
            }
        }
    }

    /// The value of an expression, as a template sees it.
    pub(crate) fn evaluate(&mut self, expression: &Expression) -> Result<Seen, Halt> {
        let names = self.names(&expression.names);
        Ok(self.bot.program.templates.evaluate(expression, names, &mut self.fuel)?)
    }

    /// Whether an expression holds, and the value that it saw, for the trace.
    pub(crate) fn holds(&mut self, expression: &Expression) -> Result<(bool, Saw), Halt> {
        if let Some(plain) = &expression.plain
            && let Some(left) = self.fuel.checked_sub(FUEL_OF_ANY_RUN)
            && let Some(worth) = plain.worth(&|root| self.named(root))
            && let Some(shown) = worth.shown()
        {
            let holds = worth.is_true();
            self.fuel = left;
            return Ok((holds, shown));
        }
        let value = self.evaluate(expression)?;
        let shown = to_json(&value).unwrap_or_else(|_| "(big)".into());
        Ok((value.is_true(), shown.into()))
    }

    /// The value of a pattern.
    pub(crate) fn value(&mut self, pattern: &Pattern) -> Result<Value, Halt> {
        let value = self.value_unmeasured(pattern)?;
        // Each part fits, and so must the whole.
        Ok(json_fits(&value).map(|()| value)?)
    }

    fn value_unmeasured(&mut self, pattern: &Pattern) -> Result<Value, Halt> {
        match pattern {
            Pattern::Fixed(value) => Ok(value.clone()),
            Pattern::Expression(expression) => Ok(to_json(&self.evaluate(expression)?)?),
            Pattern::Template(template) => {
                self.render(&Text::Template(template.clone())).map(Value::String)
            }
            Pattern::List(items) => items.iter().map(|item| self.value_unmeasured(item)).collect(),
            Pattern::Map(entries) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    map.insert(key.clone(), self.value_unmeasured(value)?);
                }
                Ok(Value::Object(map))
            }
        }
    }

    /// Puts a value into its place; null takes away what is there.
    pub(crate) fn put(&mut self, target: &Target, value: Value) -> Result<(), Halt> {
        self.forget_seen(target.scope.as_str());
        if target.scope != Scope::Vars {
            self.refuse_before()?;
        }
        match target.scope {
            Scope::Session => {
                target.put(self.session.to_mut(), value);
            }
            Scope::Client => {
                target.put(self.client.to_mut(), value);
            }
            Scope::Vars => target.put(&mut self.run.variables, value),
            Scope::Chat => {
                let name = target.path.first().cloned().unwrap_or_default();
                if let Value::Object(fields) = self.chat.to_mut() {
                    target.put(fields, value.clone());
                    if let Some(Value::Object(variables)) = fields.get_mut("variables") {
                        target.put(variables, value.clone());
                    }
                }
                self.effect(Effect::SetChatVariable { name, value })?;
            }
        }
        Ok(())
    }

    /// Replaces the run's own variables; gives those that were there.
    pub(crate) fn swap_variables(&mut self, variables: Map<String, Value>) -> Map<String, Value> {
        self.forget_seen("vars");
        std::mem::replace(&mut self.run.variables, variables)
    }

    /// The labels that later steps see.
    pub(crate) fn change_labels(&mut self, add: &[String], remove: &[String]) {
        self.forget_seen("chat");
        if let Some(Value::Array(labels)) = self.chat.to_mut().get_mut("labels") {
            labels.retain(|label| {
                !label.as_str().is_some_and(|label| remove.iter().any(|gone| gone == label))
            });
            for label in add {
                if !labels.iter().any(|there| there == label.as_str()) {
                    labels.push(label.as_str().into());
                }
            }
        }
    }

    /// The event as it is now that a step changed what is about to happen.
    pub(crate) fn change_event(&mut self, fields: &Map<String, Value>) {
        self.forget_seen("event");
        self.keep_start();
        if let Some(Value::Object(event)) = self.run.started_with.get_mut("event") {
            event.extend(fields.clone());
        }
    }

    /// Keeps the event that starts the run with it.
    fn keep_start(&mut self) {
        if std::mem::take(&mut self.is_first) {
            let since = std::mem::take(&mut self.run.started_with);
            let Facts { event, meta, .. } = self.facts;
            let start = [("event", event), ("meta", meta)];
            let start = start.map(|(name, value)| (name.to_owned(), value.clone()));
            self.run.started_with = start.into_iter().chain(since).collect();
        }
    }

    /// Keeps an answer as `answer`.
    pub(crate) fn keep_answer(&mut self, value: Value) {
        self.run.started_with.insert(ANSWER.to_owned(), value);
    }

    /// Notes something to do.
    pub(crate) fn effect(&mut self, effect: Effect) -> Result<(), Halt> {
        if self.effects.len() >= EFFECTS_PER_TURN_MAX {
            let message = format!("more than {EFFECTS_PER_TURN_MAX} effects in one turn");
            return Err(Halt::new(StopReason::StepLimit, message));
        }
        if !effect.is_of_before() {
            self.refuse_before()?;
        }
        self.effects.push(effect);
        Ok(())
    }

    /// Refuses what a behavior would do that is asked before something happens: it decides, and no more. Loading refuses it
    /// where it can tell; a behavior that is called may be called from anywhere.
    pub(crate) fn refuse_before(&self) -> Result<(), Halt> {
        let place = self.bot.by_name.get(&self.run.behavior);
        let Some(behavior) = place.and_then(|place| self.bot.behaviors.get(*place)) else {
            return Ok(());
        };
        if !behavior.on.iter().any(Heard::is_before) {
            return Ok(());
        }
        let event_type = self.type_of_start();
        let message = format!("nothing can be done while {event_type} is about to happen");
        Err(Halt::new(StopReason::EffectRefused, message))
    }

    /// Whether the run is of an aside.
    pub(crate) fn is_aside(&self) -> bool {
        let place = self.bot.by_name.get(&self.run.behavior);
        place.and_then(|place| self.bot.behaviors.get(*place)).is_some_and(|known| known.aside)
    }

    /// The type of the event that started the run.
    pub(crate) fn type_of_start(&self) -> String {
        let Some(Named::Value(meta)) = self.named(&Root::Meta) else { return String::new() };
        meta.get("type").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// The bot that called this behavior, where another one did.
    pub(crate) fn caller(&self) -> Option<BotName> {
        let Some(Named::Value(event)) = self.named(&Root::Event) else { return None };
        event.get("by")?.get("bot")?.as_str()?.parse().ok()
    }

    /// Notes what came of the step.
    pub(crate) fn trace(&mut self, detail: impl Into<Detail>) {
        let step = StepTrace {
            at: self.seeds.now,
            place: self.place.clone(),
            step: self.word.to_owned(),
            detail: detail.into(),
            took_us: self.watch.as_mut().map(|(watch, last)| {
                let now = watch();
                micros(now.duration_since(std::mem::replace(last, now)))
            }),
        };
        self.run.trace.push(step);
        let surplus = self.run.trace.len().saturating_sub(TRACE_STEPS_MAX);
        self.run.trace.drain(..surplus);
    }

    /// The last step of the trace took from then until now: its work was done outside.
    pub(crate) fn last_took_since(&mut self, then: Timestamp) {
        if let Some(step) = self.run.trace.last_mut() {
            step.took_us = Some(micros(self.seeds.now.duration_since(then)));
        }
    }

    fn forget_seen(&mut self, name: &str) {
        self.seen.retain(|(seen, _)| *seen != name);
    }

    /// What a name stands for, as [`Self::names`] has it.
    fn named(&self, root: &Root) -> Option<Named<'_>> {
        let kept = |name| self.run.started_with.get(name).map_or(Named::Missing, Named::Value);
        Some(match root {
            Root::Event if self.is_first => Named::Value(&self.facts.event),
            Root::Meta if self.is_first => Named::Value(&self.facts.meta),
            Root::Event => kept("event"),
            Root::Meta => kept("meta"),
            Root::Answer => kept(ANSWER),
            Root::Customer => Named::Value(&self.facts.customer),
            Root::Chat => Named::Value(&self.chat),
            Root::Session => Named::Fields(&self.session),
            Root::Client => Named::Fields(&self.client),
            Root::Vars => Named::Fields(&self.run.variables),
            Root::Other(name) => {
                let frame = self.own_frames().rev().find(|frame| item_name(frame) == Some(name))?;
                item(frame).map_or(Named::Missing, Named::Value)
            }
        })
    }

    /// The frames whose loops are seen: a called behavior does not see those of its caller.
    fn own_frames(&self) -> impl DoubleEndedIterator<Item = &Frame> {
        let frames = &self.run.frames;
        let called = frames.iter().rposition(|frame| frame.state.contains_key(CALLER));
        frames.iter().skip(called.unwrap_or_default())
    }

    /// What a template sees now by the names that it mentions. What did not change is converted once in a turn.
    fn names(&mut self, mentioned: &[String]) -> Seen {
        self.runs += 1;
        self.tells_answer |= mentioned.iter().any(|name| name == ANSWER);
        let seed = seed(self.seeds.random.wrapping_add(self.runs.wrapping_mul(SEED_STEP)));
        let seen: Vec<_> = mentioned.iter().map(|name| (name.as_str(), self.seen(name))).collect();
        let there = seen.into_iter().filter_map(|(name, seen)| Some((name, seen?)));
        Seen::from_pairs(there.chain([seed]))
    }

    /// What a template sees by a name; nothing where it has no such name from outside.
    fn seen(&mut self, name: &str) -> Option<Seen> {
        if let Some((_, seen)) = self.seen.iter().find(|(known, _)| *known == name) {
            return Some(seen.clone());
        }
        let known = ["event", "meta", "customer", "now", "session", "client", "chat", "vars"];
        let known = known.into_iter().find(|known| *known == name);
        let seen = match self.named(&Root::of(name)) {
            Some(Named::Value(value)) => Seen::from(Serde(value)),
            Some(Named::Fields(fields)) => Seen::from(Serde(fields)),
            None if name == "now" => Seen::from(self.seeds.now.to_string()),
            Some(Named::Missing) => Seen::default(),
            None => return None,
        };
        self.seen.extend(known.map(|known| (known, seen.clone())));
        Some(seen)
    }
}

/// `set: {chat.topic: ...}` is read as `chat.topic`; a chat's own fields are never hidden by a variable.
fn with_variables(chat: &Value) -> Cow<'_, Value> {
    let variables = chat.get("variables").and_then(Value::as_object);
    let hidden = variables.into_iter().flatten().filter(|(name, _)| chat.get(name).is_none());
    let mut chat = Cow::Borrowed(chat);
    for (name, value) in hidden {
        if let Value::Object(fields) = chat.to_mut() {
            fields.insert(name.clone(), value.clone());
        }
    }
    chat
}

/// A clock that is set back shows no time.
fn micros(took: SignedDuration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or_default()
}

/// What the loop of a frame calls its item.
fn item_name(frame: &Frame) -> Option<&str> {
    frame.state.get(ITEM_NAME).and_then(Value::as_str)
}

/// The item of a loop's present turn.
fn item(frame: &Frame) -> Option<&Value> {
    let turn = frame.state.get(TURN).and_then(Value::as_u64)?;
    frame.state.get(ITEMS)?.get(usize::try_from(turn).ok()?)
}
