//! The steps whose work is done outside: `http`, `mail`, `create`, `update`, `delete`, `find`, `script`, `classify`, and
//! `call` of another bot's behavior.
//!
//! All are alike: their keys are filled in, the run waits with the order, and what came of it is put `into` a place. When
//! it failed come the steps of `on_error`, which see it as `answer.error`; without them the run is stopped.

use serde_json::{Map, Value, json};
use tidings_model::BotName;

use super::{Action, Written};
use crate::Effect;
use crate::pattern::Pattern;
use crate::program::Role;
use crate::reader::Reader;
use crate::run::{Frame, Run, RunState, StopReason, Wait};
use crate::stage::{Flow, Halt, Stage};
use crate::target::Target;
use crate::work::{Order, Work, WorkFailed};
use crate::yaml::{Entry, Kind, Node};

/// The keys that stand beside each of these words.
pub(super) const BESIDE: [&str; 2] = ["into", "on_error"];

/// A step whose work is done outside.
#[derive(Debug)]
pub(crate) struct Ordered {
    work: Work,
    with: Pattern,
    into: Option<Target>,
    on_error: Option<String>,
}

/// What may be said of a kind of work.
struct Shape {
    /// The keys that it knows.
    keys: &'static [&'static str],
    /// Those that it needs.
    needs: &'static [&'static str],
    /// The key that a bare text stands for.
    bare: Option<&'static str>,
    /// The key whose text is taken as it is written, without templates.
    verbatim: Option<&'static str>,
}

/// The bodies of which a call has one at most.
const BODIES: [&str; 4] = ["json", "form", "xml", "text"];

fn shape(work: Work) -> Shape {
    let of = |keys, needs, bare| Shape { keys, needs, bare, verbatim: None };
    match work {
        Work::Http => of(
            &[
                "url", "method", "headers", "query", "json", "form", "xml", "text", "account",
                "timeout", "retries",
            ],
            &["url"],
            Some("url"),
        ),
        Work::Mail => of(
            &["to", "cc", "bcc", "reply_to", "subject", "text", "html"],
            &["to", "subject"],
            None,
        ),
        Work::Create => of(&["record", "set"], &["record"], Some("record")),
        Work::Update => of(&["record", "id", "set"], &["record", "id", "set"], None),
        Work::Delete => of(&["record", "id"], &["record", "id"], None),
        Work::Find => {
            of(&["record", "where", "sort", "limit", "count"], &["record"], Some("record"))
        }
        Work::Script => Shape {
            keys: &["code", "with", "timeout"],
            needs: &["code"],
            bare: Some("code"),
            verbatim: Some("code"),
        },
        Work::Classify => of(&["text"], &["text"], Some("text")),
        // Its keys are read by `call` itself.
        Work::Call => of(&[], &[], None),
    }
}

pub(super) fn read_http(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    if let Kind::Map(entries) = &written.value.kind {
        let bodies: Vec<&Entry> =
            entries.iter().filter(|entry| BODIES.contains(&entry.key.as_str())).collect();
        if let [_, second, ..] = bodies.as_slice() {
            let message = format!("a call has one body: {}, or none", BODIES.join(", "));
            reader.error(second.at, "two_bodies", message);
            return None;
        }
    }
    read(reader, written, Work::Http)
}

pub(super) fn read_mail(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    if let Kind::Map(entries) = &written.value.kind
        && !entries.iter().any(|entry| matches!(entry.key.as_str(), "text" | "html"))
    {
        reader.error(written.at, "missing_key", "`mail` needs the key `text` or `html`");
        return None;
    }
    read(reader, written, Work::Mail)
}

pub(super) fn read_create(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    read(reader, written, Work::Create)
}

pub(super) fn read_update(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    read(reader, written, Work::Update)
}

pub(super) fn read_delete(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    read(reader, written, Work::Delete)
}

pub(super) fn read_find(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    read(reader, written, Work::Find)
}

pub(super) fn read_script(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    read(reader, written, Work::Script)
}

pub(super) fn read_classify(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    read(reader, written, Work::Classify)
}

fn read(reader: &mut Reader<'_>, written: Written<'_>, work: Work) -> Option<Action> {
    let shape = shape(work);
    let with = read_with(reader, written, work, &shape)?;
    ordered(reader, written, work, with, written.beside.get("into"))
}

/// The step that orders some work, with what stands beside its word.
pub(super) fn ordered(
    reader: &mut Reader<'_>,
    written: Written<'_>,
    work: Work,
    with: Pattern,
    into: Option<&Node>,
) -> Option<Action> {
    let into = match into {
        Some(node) => {
            Some(reader.plain(node, "`into`").and_then(|text| reader.target(&text, node.at))?)
        }
        None => None,
    };
    let on_error = match written.beside.get("on_error") {
        Some(node) => {
            Some(reader.list(node, format!("{}/on_error", written.path), Role::Branch)?)
        }
        None => None,
    };
    Some(Action::Work(Box::new(Ordered { work, with, into, on_error })))
}

fn read_with(
    reader: &mut Reader<'_>,
    written: Written<'_>,
    work: Work,
    shape: &Shape,
) -> Option<Pattern> {
    let what = format!("`{}`", work.as_str());
    if let (Kind::Scalar(_), Some(bare)) = (&written.value.kind, shape.bare) {
        let value = read_value(reader, written.value, bare, shape)?;
        return Some(Pattern::Map(vec![(bare.to_owned(), value)]));
    }
    let fields = reader.fields(written.value, &what, shape.keys)?;
    let mut is_whole = true;
    for needed in shape.needs {
        is_whole &= reader.required(written.at, &what, fields, needed).is_some();
    }
    let mut with = Vec::new();
    for key in shape.keys {
        let Some(node) = fields.get(key) else { continue };
        match read_value(reader, node, key, shape) {
            Some(value) => with.push(((*key).to_owned(), value)),
            None => is_whole = false,
        }
    }
    is_whole.then_some(Pattern::Map(with))
}

fn read_value(reader: &mut Reader<'_>, node: &Node, key: &str, shape: &Shape) -> Option<Pattern> {
    if shape.verbatim == Some(key) {
        return reader.plain(node, &format!("`{key}`")).map(|text| Pattern::Fixed(text.into()));
    }
    reader.pattern(node)
}

impl Ordered {
    /// Orders the work, and waits for what comes of it.
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        if !self.work.only_asks() {
            stage.refuse_before()?;
        }
        let with = stage.value(&self.with)?;
        stage.trace(json!({ "with": with }));
        stage.effect(Effect::SetTimer { due: stage.seeds.now })?;
        Ok(Flow::WaitHere(Wait::Work { order: Order { work: self.work, with } }))
    }

    /// Goes on with what came of it.
    pub(crate) fn done(
        &self,
        stage: &mut Stage<'_>,
        outcome: Result<Value, WorkFailed>,
        log: Vec<String>,
    ) -> Result<Flow, Halt> {
        if let Some(from) = called(&stage.run) {
            // Who was called talks no more in this bot's place, whether it came to its end or not.
            stage.effect(Effect::PassControl { from, to: stage.bot.name.clone() })?;
        }
        if !log.is_empty() {
            stage.trace(json!({ "log": log }));
        }
        let failed = match outcome {
            Ok(value) => {
                stage.trace(json!({ "result": value }));
                if let Some(into) = &self.into {
                    stage.put(into, value)?;
                }
                return Ok(Flow::Next);
            }
            Err(failed) => failed,
        };
        let error = json!({ "code": failed.code, "message": failed.message });
        stage.trace(json!({ "error": error }));
        let Some(steps) = &self.on_error else {
            let message =
                format!("{} failed: {} ({})", self.work.as_str(), failed.message, failed.code);
            return Err(Halt::new(StopReason::WorkFailed, message));
        };
        stage.keep_answer(json!({ "error": error }));
        Ok(Flow::Enter(Frame { steps: steps.clone(), next: 0, state: Map::new() }))
    }
}

/// The bot that a run waits for.
fn called(run: &Run) -> Option<BotName> {
    let RunState::Waiting { wait: Wait::Work { order } } = &run.state else { return None };
    let bot = order.with.get("bot").filter(|_| order.work == Work::Call)?;
    bot.as_str()?.parse().ok()
}
