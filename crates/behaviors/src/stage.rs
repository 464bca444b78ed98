//! One turn of a run as it goes on: what the steps see, change and say. Made by `interpret`, used by every step.
//!
//! Everything is kept here until the turn is over; nothing outside changes. What a step sees of the session, the client
//! and the chat is what earlier steps of the turn made of them.

use minijinja::Value as Seen;
use minijinja::value::Serde;
use serde_json::{Map, Value, json};

use crate::facts::{Facts, Seeds};
use crate::pattern::{Pattern, Text};
use crate::run::{Frame, Run, StepTrace, StopReason, TRACE_STEPS_MAX, Wait};
use crate::target::{Scope, Target};
use crate::template::{Expression, FUEL_OF_ANY_RUN, Failure, Named, seed, to_json};
use crate::{Bot, Effect};

/// How many effects one turn may have: more than a hundred messages at once is a bot gone wild.
pub(crate) const EFFECTS_PER_TURN_MAX: usize = 100;

/// How many template instructions one turn may take: about 20 milliseconds.
pub(crate) const FUEL_PER_TURN_MAX: u64 = 1_000_000;

/// The longest text and the biggest value that a trace keeps, in bytes as JSON; a longer one is cut.
pub(crate) const TRACE_DETAIL_BYTES_MAX: usize = 2_000;

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
    pub(crate) session: Kept,
    pub(crate) client: Kept,
    chat: Value,
    customer: &'a Value,
    /// What templates see by these names, once one asked; what changes is forgotten.
    seen: Vec<(&'static str, Seen)>,
    fuel: u64,
    /// How many templates the turn has run: each draws from a seed of its own.
    runs: u64,
}

/// Data that is kept outside, and whether this turn changed it.
pub(crate) struct Kept {
    pub(crate) data: Map<String, Value>,
    pub(crate) changed: bool,
}

impl<'a> Stage<'a> {
    pub(crate) fn new(bot: &'a Bot, mut run: Run, facts: &'a Facts, seeds: Seeds) -> Self {
        run.moved_at = seeds.now;
        let mut chat = facts.chat.clone();
        // `set: {chat.topic: ...}` is read as `chat.topic`; a chat's own fields are never hidden by a variable.
        if let Some(Value::Object(variables)) = chat.get("variables").cloned()
            && let Value::Object(fields) = &mut chat
        {
            for (name, value) in variables {
                fields.entry(name).or_insert(value);
            }
        }
        Self {
            bot,
            run,
            seeds,
            effects: Vec::new(),
            place: String::new(),
            word: "",
            session: Kept { data: facts.session.clone(), changed: false },
            client: Kept { data: facts.client.clone(), changed: false },
            chat,
            customer: &facts.customer,
            seen: Vec::new(),
            fuel: FUEL_PER_TURN_MAX,
            runs: 0,
        }
    }

    /// The text of a template.
    pub(crate) fn render(&mut self, text: &Text) -> Result<String, Halt> {
        match text {
            Text::Fixed(text) => Ok(text.clone()),
            Text::Template(template) => {
                let names = self.names();
                Ok(self.bot.program.templates.render(template, names, &mut self.fuel)?)
            }
        }
    }

    /// The value of an expression, as a template sees it.
    pub(crate) fn evaluate(&mut self, expression: &Expression) -> Result<Seen, Halt> {
        let names = self.names();
        Ok(self.bot.program.templates.evaluate(expression, names, &mut self.fuel)?)
    }

    /// Whether an expression holds, and the value that it saw, for the trace.
    pub(crate) fn holds(&mut self, expression: &Expression) -> Result<(bool, Value), Halt> {
        if let Some(plain) = &expression.plain
            && let Some(left) = self.fuel.checked_sub(FUEL_OF_ANY_RUN)
            && let Some(worth) = plain.worth(&|name| self.named(name))
            && let Some(shown) = worth.shown()
        {
            let holds = worth.is_true();
            self.fuel = left;
            return Ok((holds, shown));
        }
        let value = self.evaluate(expression)?;
        let shown = to_json(&value).unwrap_or_else(|_| "(big)".into());
        Ok((value.is_true(), shown))
    }

    /// The value of a pattern.
    pub(crate) fn value(&mut self, pattern: &Pattern) -> Result<Value, Halt> {
        let value = self.value_unmeasured(pattern)?;
        // Each part fits, and so must the whole.
        Ok(to_json(&Seen::from(Serde(&value))).map(|_| value)?)
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
        match target.scope {
            Scope::Session => {
                target.put(&mut self.session.data, value);
                self.session.changed = true;
            }
            Scope::Client => {
                target.put(&mut self.client.data, value);
                self.client.changed = true;
            }
            Scope::Vars => target.put(&mut self.run.variables, value),
            Scope::Chat => {
                let name = target.path.first().cloned().unwrap_or_default();
                if let Value::Object(fields) = &mut self.chat {
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
        if let Some(Value::Array(labels)) = self.chat.get_mut("labels") {
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
        self.effects.push(effect);
        Ok(())
    }

    /// The type of the event that started the run.
    pub(crate) fn type_of_start(&self) -> String {
        let meta = self.run.started_with.get("meta");
        let event_type = meta.and_then(|meta| meta.get("type")).and_then(Value::as_str);
        event_type.unwrap_or_default().to_owned()
    }

    /// Notes what came of the step.
    pub(crate) fn trace(&mut self, detail: Value) {
        let step = StepTrace {
            at: self.seeds.now,
            place: self.place.clone(),
            step: self.word.to_owned(),
            detail: shortened(detail),
        };
        self.run.trace.push(step);
        let surplus = self.run.trace.len().saturating_sub(TRACE_STEPS_MAX);
        self.run.trace.drain(..surplus);
    }

    fn forget_seen(&mut self, name: &str) {
        self.seen.retain(|(seen, _)| *seen != name);
    }

    /// What a name stands for, as [`Self::names`] has it.
    fn named(&self, name: &str) -> Option<Named<'_>> {
        let kept =
            |name: &str| self.run.started_with.get(name).map_or(Named::Missing, Named::Value);
        Some(match name {
            "event" | "meta" | ANSWER => kept(name),
            "customer" => Named::Value(self.customer),
            "chat" => Named::Value(&self.chat),
            "session" => Named::Fields(&self.session.data),
            "client" => Named::Fields(&self.client.data),
            "vars" => Named::Fields(&self.run.variables),
            name => {
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

    /// All names that a template sees now. Those that did not change are converted once in a turn.
    fn names(&mut self) -> Seen {
        for name in ["event", "meta", "customer", "now", "session", "client", "chat", "vars"] {
            if self.seen.iter().any(|(seen, _)| *seen == name) {
                continue;
            }
            let value = match (name, self.named(name)) {
                (_, Some(Named::Value(value))) => Seen::from(Serde(value)),
                (_, Some(Named::Fields(fields))) => Seen::from(Serde(fields)),
                ("now", _) => Seen::from(self.seeds.now.to_string()),
                (_, Some(Named::Missing) | None) => Seen::default(),
            };
            self.seen.push((name, value));
        }
        let mut names: Vec<(String, Seen)> =
            self.seen.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        if let Some(answer) = self.run.started_with.get(ANSWER) {
            names.push((ANSWER.to_owned(), Seen::from(Serde(answer))));
        }
        self.runs += 1;
        names.push(seed(self.seeds.random.wrapping_add(self.runs.wrapping_mul(SEED_STEP))));
        // Inner loops come later, so that their names win.
        for frame in self.own_frames() {
            let Some(name) = item_name(frame) else { continue };
            let seen = item(frame).map(|item| Seen::from(Serde(item))).unwrap_or_default();
            names.push((name.to_owned(), seen));
        }
        Seen::from_pairs(names)
    }
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

/// A detail that a trace can keep.
fn shortened(detail: Value) -> Value {
    let short = |text: &str| {
        let mut kept: String = text.chars().take(TRACE_DETAIL_BYTES_MAX / 4).collect();
        kept.push('…');
        kept
    };
    let bytes = detail.to_string().len();
    if bytes <= TRACE_DETAIL_BYTES_MAX {
        return detail;
    }
    let Value::Object(map) = detail else { return json!({ "bytes": bytes }) };
    let shorter: Map<String, Value> = map
        .into_iter()
        .map(|(key, value)| match value {
            Value::String(text) if text.len() > TRACE_DETAIL_BYTES_MAX / 2 => {
                (key, Value::String(short(&text)))
            }
            other @ (Value::Array(_) | Value::Object(_)) => {
                let bytes = other.to_string().len();
                if bytes > TRACE_DETAIL_BYTES_MAX / 2 {
                    (key, json!({ "bytes": bytes }))
                } else {
                    (key, other)
                }
            }
            other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
                (key, other)
            }
        })
        .collect();
    Value::Object(shorter)
}
