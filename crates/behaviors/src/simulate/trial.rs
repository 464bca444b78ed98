//! Trials: a bot's own tests. Each tells what happens in an imagined chat, and what the bot must do then.
//!
//! They lie beside the bot's text, in files of their own, and are no part of its version.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};
use tidings_model::{AuthorKind, TypeName};

use super::{Happening, Simulator, Stubs, Told};
use crate::duration;
use crate::problem::{Problem, Severity};
use crate::work::WorkFailed;
use crate::yaml::{self, Entry, Kind, Node, Position};
use crate::{Bot, Vocabulary};

/// The most trials of one bot.
const TRIALS_MAX: usize = 2_000;

/// When trials begin, unless they say: a Saturday noon.
const NOON: &str = "2026-11-21T12:00:00Z";

/// A bot's test.
#[derive(Clone, Debug)]
pub struct Trial {
    /// Its name.
    pub name: String,
    /// The file and line where it stands.
    pub place: String,
    at: Timestamp,
    channel: Option<String>,
    customer: Option<Value>,
    session: Option<Value>,
    client: Option<Value>,
    stubs: Stubs,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
struct Step {
    place: String,
    cause: Cause,
    stubs: Stubs,
    expect: Option<Vec<Value>>,
    /// What the session, the client and the chat must hold then.
    holds: BTreeMap<&'static str, Value>,
}

#[derive(Clone, Debug)]
enum Cause {
    Happens(Happening),
    Passes(SignedDuration),
}

/// A trial in which a bot did something else.
#[derive(Clone, Debug, PartialEq)]
pub struct Broken(Box<Difference>);

/// What was expected, and what came.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The file and line of the step.
    pub place: String,
    /// What was expected.
    pub expected: Value,
    /// What came.
    pub came: Value,
}

impl std::ops::Deref for Broken {
    type Target = Difference;

    fn deref(&self) -> &Difference {
        &self.0
    }
}

/// The keys that say what happens in a step: it has one of them.
const CAUSE_KEYS: [&str; 4] = ["message", "press", "event", "pass"];

/// The keys of a step.
const STEP_KEYS: [&str; 9] =
    ["message", "press", "event", "pass", "stubs", "expect", "session", "client", "chat"];

/// Reads the trials of a bot. Names of events are looked up, so that a misspelt one is told.
///
/// # Errors
///
/// All that is wrong with the texts.
pub fn read(
    files: &[(String, String)],
    vocabulary: &dyn Vocabulary,
) -> Result<Vec<Trial>, Vec<Problem>> {
    let mut reading = Reading { file: String::new(), problems: Vec::new(), vocabulary };
    let mut trials = Vec::new();
    for (file, text) in files {
        reading.file.clone_from(file);
        match yaml::parse(text) {
            Ok(Some(root)) if !root.is_null() => reading.page(&root, &mut trials),
            Ok(Some(_) | None) => {}
            Err(refusal) => reading.wrong(refusal.at, refusal.code, refusal.message),
        }
    }
    if reading.problems.is_empty() { Ok(trials) } else { Err(reading.problems) }
}

/// Runs a trial; gives the first step at which the bot did something else.
pub fn run(bot: &Bot, trial: &Trial) -> Result<(), Broken> {
    let mut chat = Simulator::new([bot], trial.at);
    let object = |value: &Option<Value>| {
        value.as_ref().and_then(Value::as_object).cloned().unwrap_or_default()
    };
    if let Some(channel) = &trial.channel {
        chat.channel_kind.clone_from(channel);
    }
    if let (Some(customer), Value::Object(known)) = (&trial.customer, &mut chat.customer) {
        known.extend(customer.as_object().cloned().unwrap_or_default());
    }
    chat.sessions.insert(bot.name.clone(), object(&trial.session));
    chat.clients.insert(bot.name.clone(), object(&trial.client));
    for step in &trial.steps {
        chat.stubs.clone_from(&trial.stubs);
        chat.stubs.extend(step.stubs.clone());
        match &step.cause {
            Cause::Happens(happening) => chat.happens(happening),
            Cause::Passes(time) => {
                let until = chat.now.checked_add(*time).unwrap_or(Timestamp::MAX);
                chat.passes(until);
            }
        }
        judge(&mut chat, bot, step)?;
    }
    Ok(())
}

fn judge(chat: &mut Simulator<'_>, bot: &Bot, step: &Step) -> Result<(), Broken> {
    let told = chat.told();
    let came: Vec<Value> = told.into_iter().map(|Told { what, .. }| what).collect();
    let broken = |expected: Value, came: Value| {
        Broken(Box::new(Difference { place: step.place.clone(), expected, came }))
    };
    if let Some(expected) = &step.expect {
        let same = expected.len() == came.len()
            && expected.iter().zip(&came).all(|(wanted, came)| is_within(wanted, came));
        if !same {
            return Err(broken(expected.clone().into(), came.into()));
        }
    }
    for (scope, wanted) in &step.holds {
        let kept = match *scope {
            "session" => chat.sessions.get(&bot.name).cloned().unwrap_or_default(),
            "client" => chat.clients.get(&bot.name).cloned().unwrap_or_default(),
            _ => chat.chat.clone(),
        };
        let kept = Value::Object(kept);
        if !is_within(wanted, &kept) {
            return Err(broken(json!({ *scope: wanted }), json!({ *scope: kept })));
        }
    }
    Ok(())
}

/// Whether all that is wanted is there; a mapping may hold more.
fn is_within(wanted: &Value, came: &Value) -> bool {
    match (wanted, came) {
        (Value::Object(wanted), Value::Object(came)) => wanted
            .iter()
            .all(|(name, wanted)| is_within(wanted, came.get(name).unwrap_or(&Value::Null))),
        (Value::Array(wanted), Value::Array(came)) => {
            wanted.len() == came.len()
                && wanted.iter().zip(came).all(|(wanted, came)| is_within(wanted, came))
        }
        (Value::Number(wanted), Value::Number(came)) => wanted.as_f64() == came.as_f64(),
        (wanted, came) => wanted == came,
    }
}

struct Reading<'v> {
    file: String,
    problems: Vec<Problem>,
    vocabulary: &'v dyn Vocabulary,
}

impl Reading<'_> {
    fn wrong(&mut self, at: Position, code: &'static str, message: impl Into<String>) {
        let file = self.file.clone();
        self.problems.push(Problem {
            file,
            line: at.line,
            column: at.column,
            code,
            message: message.into(),
            nearest: None,
            severity: Severity::Error,
        });
    }

    fn page(&mut self, root: &Node, trials: &mut Vec<Trial>) {
        let Kind::Map(entries) = &root.kind else {
            self.wrong(root.at, "wrong_kind", "a file of trials is a mapping with `tests`");
            return;
        };
        for entry in entries {
            match (entry.key.as_str(), &entry.value.kind) {
                ("tests", Kind::List(items)) => {
                    for item in items {
                        if trials.len() >= TRIALS_MAX {
                            let message = format!("a bot has at most {TRIALS_MAX} tests");
                            self.wrong(item.at, "too_many_tests", message);
                            return;
                        }
                        trials.extend(self.trial(item));
                    }
                }
                ("tests", Kind::Scalar(_) | Kind::Map(_)) => {
                    self.wrong(entry.value.at, "wrong_kind", "`tests` is a list");
                }
                (key, _) => {
                    let message = format!("a file of trials has no key {key:?}; it knows tests");
                    self.wrong(entry.at, "unknown_key", message);
                }
            }
        }
    }

    fn trial(&mut self, node: &Node) -> Option<Trial> {
        let Kind::Map(entries) = &node.kind else {
            self.wrong(node.at, "wrong_kind", "a test is a mapping with `name` and `steps`");
            return None;
        };
        let mut trial = Trial {
            name: String::new(),
            place: format!("{}:{}", self.file, node.at.line),
            at: NOON.parse().ok()?,
            channel: None,
            customer: None,
            session: None,
            client: None,
            stubs: Stubs::new(),
            steps: Vec::new(),
        };
        let problems = self.problems.len();
        for Entry { key, at, value } in entries {
            match key.as_str() {
                "name" => trial.name = self.text(value, "name").unwrap_or_default(),
                "at" => trial.at = self.time(value).unwrap_or(trial.at),
                "channel" => trial.channel = self.text(value, "channel"),
                "customer" => trial.customer = Some(value_of(value)),
                "session" => trial.session = Some(value_of(value)),
                "client" => trial.client = Some(value_of(value)),
                "stubs" => trial.stubs = self.stubs(value),
                "steps" => {
                    let Kind::List(items) = &value.kind else {
                        self.wrong(value.at, "wrong_kind", "`steps` is a list");
                        continue;
                    };
                    trial.steps = items.iter().filter_map(|item| self.step(item)).collect();
                }
                other => {
                    let message = format!(
                        "a test has no key {other:?}; it knows name, at, channel, customer, session, client, stubs, steps"
                    );
                    self.wrong(*at, "unknown_key", message);
                }
            }
        }
        if trial.name.is_empty() || trial.steps.is_empty() {
            // A key that is there and wrong was told.
            if self.problems.len() == problems {
                self.wrong(node.at, "missing_key", "a test needs the keys `name` and `steps`");
            }
            return None;
        }
        Some(trial)
    }

    fn step(&mut self, node: &Node) -> Option<Step> {
        let Kind::Map(entries) = &node.kind else {
            self.wrong(node.at, "wrong_kind", "a step of a test is a mapping, as `message: Hello`");
            return None;
        };
        let cause = self.cause(node, entries);
        let mut step = Step {
            place: format!("{}:{}", self.file, node.at.line),
            cause: Cause::Passes(SignedDuration::ZERO),
            stubs: Stubs::new(),
            expect: None,
            holds: BTreeMap::new(),
        };
        for Entry { key, at, value } in entries {
            match key.as_str() {
                cause if CAUSE_KEYS.contains(&cause) => {}
                "stubs" => step.stubs = self.stubs(value),
                "expect" => match value_of(value) {
                    Value::Array(expected) => step.expect = Some(expected),
                    Value::Null => step.expect = Some(Vec::new()),
                    one @ (Value::Bool(_)
                    | Value::Number(_)
                    | Value::String(_)
                    | Value::Object(_)) => step.expect = Some(vec![one]),
                },
                scope @ ("session" | "client" | "chat") => {
                    let scope =
                        ["session", "client", "chat"].into_iter().find(|known| *known == scope)?;
                    step.holds.insert(scope, value_of(value));
                }
                other => {
                    let message = format!(
                        "a step of a test has no key {other:?}; it knows {}",
                        STEP_KEYS.join(", ")
                    );
                    self.wrong(*at, "unknown_key", message);
                }
            }
        }
        cause.map(|cause| Step { cause, ..step })
    }

    /// The one thing that happens in a step.
    fn cause(&mut self, node: &Node, entries: &[Entry]) -> Option<Cause> {
        let mut causes = entries.iter().filter(|entry| CAUSE_KEYS.contains(&entry.key.as_str()));
        let Some(Entry { key, value, .. }) = causes.next() else {
            let message = "a step of a test needs `message`, `press`, `event` or `pass`";
            self.wrong(node.at, "missing_key", message);
            return None;
        };
        if let Some(second) = causes.next() {
            let message = format!(
                "a step of a test has one cause: it has `{key}` already, so `{}` is a step of its own",
                second.key
            );
            self.wrong(second.at, "two_causes", message);
            return None;
        }
        match key.as_str() {
            "message" => {
                let text = self.text(value, key)?;
                happening("chat.message", json!({ "text": text }))
            }
            "press" => {
                let text = self.text(value, key)?;
                happening("chat.postback", json!({ "value": text, "text": text }))
            }
            "event" => self.event(value),
            _ => self.pass(value),
        }
    }

    fn pass(&mut self, node: &Node) -> Option<Cause> {
        match duration::parse(&self.text(node, "pass")?) {
            Ok(time) => Some(Cause::Passes(time)),
            Err(message) => {
                self.wrong(node.at, "wrong_duration", message);
                None
            }
        }
    }

    fn event(&mut self, node: &Node) -> Option<Cause> {
        let (name, data, author) = match &node.kind {
            Kind::Map(entries) => {
                let get = |key: &str| {
                    entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value)
                };
                let name = match get("type") {
                    Some(name) => self.text(name, "type")?,
                    None => String::new(),
                };
                let author = match get("author") {
                    Some(author) => Some(self.text(author, "author")?),
                    None => None,
                };
                (name, get("data").map(value_of), author)
            }
            Kind::Scalar(_) | Kind::List(_) => (self.text(node, "event")?, None, None),
        };
        let author = author.unwrap_or_else(|| AuthorKind::Customer.as_str().to_owned());
        let Some(author) = AuthorKind::ALL.into_iter().find(|kind| kind.as_str() == author) else {
            let message = format!("{author:?} is no kind of author");
            self.wrong(node.at, "unknown_author", message);
            return None;
        };
        let Some(heard) = self.vocabulary.resolve(&name) else {
            let message = format!("there is no event type or alias {name:?}");
            self.wrong(node.at, "unknown_event", message);
            return None;
        };
        let event_type: TypeName = heard.event_type;
        let data = data.unwrap_or(heard.sample);
        Some(Cause::Happens(Happening::new(event_type, data, author)))
    }

    /// The text of a key, which may be a number or a truth as well.
    fn text(&mut self, node: &Node, key: &str) -> Option<String> {
        let text = node.scalar().map(|scalar| scalar.text.clone());
        if text.is_none() {
            let message = format!("`{key}` is a text, not {}", node.what());
            self.wrong(node.at, "wrong_kind", message);
        }
        text
    }

    fn time(&mut self, node: &Node) -> Option<Timestamp> {
        let time = self.text(node, "at")?.parse();
        if time.is_err() {
            self.wrong(node.at, "wrong_time", "`at` is a time, as 2026-11-21T12:00:00Z");
        }
        time.ok()
    }

    fn stubs(&mut self, node: &Node) -> Stubs {
        let Value::Object(written) = value_of(node) else {
            self.wrong(node.at, "wrong_kind", "`stubs` is a mapping of steps to what they give");
            return Stubs::new();
        };
        let stub = |(word, value): (String, Value)| {
            let failed = value
                .get("error")
                .and_then(Value::as_str)
                .filter(|_| value.as_object().is_some_and(|fields| fields.len() == 1));
            let outcome = match failed {
                Some(code) => Err(WorkFailed::new(code, "the test says so")),
                None => Ok(value),
            };
            (word, outcome)
        };
        written.into_iter().map(stub).collect()
    }
}

fn happening(name: &str, data: Value) -> Option<Cause> {
    let event_type = name.parse().ok()?;
    Some(Cause::Happens(Happening::new(event_type, data, AuthorKind::Customer)))
}

fn value_of(node: &Node) -> Value {
    match &node.kind {
        Kind::Scalar(scalar) => scalar.value(),
        Kind::List(items) => items.iter().map(value_of).collect(),
        Kind::Map(entries) => {
            let fields: Map<String, Value> =
                entries.iter().map(|entry| (entry.key.clone(), value_of(&entry.value))).collect();
            Value::Object(fields)
        }
    }
}
