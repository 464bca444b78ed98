//! `on` within `ask`: what is done about other things that happen while the question waits, and about answers that do not
//! match.
//!
//! What a question handles itself no other behavior of the bot hears. When its steps are through, the question is asked
//! again, unless `then` says otherwise.

use serde_json::{Map, Value, json};

use super::Then;
use crate::condition::{self, Condition};
use crate::happened::Happened;
use crate::nearest::nearest;
use crate::program::Role;
use crate::reader::{Fields, Reader};
use crate::run::Frame;
use crate::vocabulary::Heard;
use crate::yaml::{Kind, Node, Position};

/// The word for an answer that does not match.
const NO_MATCH: &str = "no_match";

/// The most things that one question handles.
pub(crate) const HANDLERS_MAX: usize = 50;

/// What every text and every press is: a handler of it must say which.
const WORDS: [&str; 2] = ["chat.message", "chat.postback"];

/// What ends every question.
const CLOSED: &str = "chat.closed";

/// The words of `then`.
const THENS: [&str; 4] = ["ask_again", "wait", "go_on", "stop"];

/// Something that a question handles itself.
#[derive(Clone, Debug)]
pub(super) struct Handler {
    on: On,
    pub(super) when: Option<Condition>,
    steps: String,
    pub(super) then: Then,
}

#[derive(Clone, Debug)]
enum On {
    NoMatch,
    Event(Box<Heard>),
}

impl Handler {
    pub(super) fn is_for_no_match(&self) -> bool {
        matches!(self.on, On::NoMatch)
    }

    /// Whether it is about something that happened; its `when` is asked later.
    pub(super) fn is_about(&self, happened: &Happened) -> bool {
        let On::Event(heard) = &self.on else { return false };
        let kind = happened.channel_kind.as_deref();
        heard.event_type == happened.event_type
            && heard.matches(kind, happened.author, &happened.data)
    }

    pub(super) fn frame(&self) -> Frame {
        Frame { steps: self.steps.clone(), next: 0, state: Map::new() }
    }

    pub(super) fn shown(&self) -> Value {
        let on = match &self.on {
            On::NoMatch => NO_MATCH,
            On::Event(heard) => heard.event_type.as_str(),
        };
        json!({ "on": on, "then": self.then.as_str() })
    }
}

/// Reads a mapping of names to steps, or a list of mappings with `event`.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node, path: &str) -> Option<Vec<Handler>> {
    let mut handlers = Vec::new();
    let read = match &node.kind {
        Kind::Map(entries) => entries.len(),
        Kind::List(items) => items.len(),
        Kind::Scalar(_) => {
            let message = format!("`on` is a mapping of events to steps, not {}", node.what());
            reader.error(node.at, "wrong_kind", message);
            return None;
        }
    };
    if read == 0 || read > HANDLERS_MAX {
        let message = format!("`on` has 1 to {HANDLERS_MAX} events");
        reader.error(node.at, "wrong_count", message);
        return None;
    }
    match &node.kind {
        Kind::Map(entries) => {
            for (index, entry) in entries.iter().enumerate() {
                let path = format!("{path}/on/{index}/do");
                let names = [(entry.key.clone(), entry.at)];
                handlers.push(read_handler(reader, &names, &entry.value, path)?);
            }
        }
        Kind::List(items) => {
            for (index, item) in items.iter().enumerate() {
                let fields =
                    reader.fields(item, "a part of `on`", &["event", "when", "do", "then"])?;
                let event = reader.required(item.at, "a part of `on`", fields, "event")?;
                let names = reader.words(event, "`event`");
                let path = format!("{path}/on/{index}/do");
                handlers.push(read_handler(reader, &names, item, path)?);
            }
        }
        Kind::Scalar(_) => {}
    }
    Some(handlers.into_iter().flatten().collect())
}

/// One handler for each name; they share their steps.
fn read_handler(
    reader: &mut Reader<'_>,
    names: &[(String, Position)],
    node: &Node,
    path: String,
) -> Option<Vec<Handler>> {
    let fields = match &node.kind {
        Kind::Map(_) => {
            reader.fields(node, "a handler of `on`", &["event", "when", "do", "then"])?
        }
        Kind::List(_) | Kind::Scalar(_) => Fields::NONE,
    };
    let when = match fields.get("when") {
        Some(node) => Some(condition::read(reader, node, "`when`")?),
        None => None,
    };
    let then = match fields.get("then") {
        Some(node) => read_then(reader, node)?,
        None => Then::AskAgain,
    };
    let role = if then == Then::Stop { Role::LastWords } else { Role::Branch };
    let steps = match &node.kind {
        Kind::Map(_) => reader.required(node.at, "a handler of `on`", fields, "do")?,
        Kind::List(_) | Kind::Scalar(_) => node,
    };
    let steps = reader.list(steps, path, role)?;
    let mut handlers = Vec::with_capacity(names.len());
    for (name, at) in names {
        let on = read_on(reader, name, *at, when.is_some())?;
        handlers.push(Handler { on, when: when.clone(), steps: steps.clone(), then });
    }
    Some(handlers)
}

fn read_then(reader: &mut Reader<'_>, node: &Node) -> Option<Then> {
    let word = reader.plain(node, "`then`")?;
    let then = [Then::AskAgain, Then::Wait, Then::GoOn, Then::Stop]
        .into_iter()
        .find(|then| then.as_str() == word);
    if then.is_none() {
        let message = format!("`then` is {}, not {word:?}", THENS.join(", "));
        reader.unknown(node.at, "unknown_word", message, nearest(&word, THENS));
    }
    then
}

fn read_on(reader: &mut Reader<'_>, name: &str, at: Position, has_when: bool) -> Option<On> {
    if name == NO_MATCH {
        return Some(On::NoMatch);
    }
    let Some(heard) = reader.vocabulary.resolve(name) else {
        let near = reader.vocabulary.nearest(name);
        let message = format!("there is no event type or alias {name:?}, and it is not {NO_MATCH}");
        reader.unknown(at, "unknown_event", message, near);
        return None;
    };
    if heard.kind != "after" {
        let message =
            format!("{} has not happened yet: a question cannot handle it", heard.event_type);
        reader.error(at, "not_local", message);
        return None;
    }
    if heard.event_type.as_str() == CLOSED {
        let message =
            "a chat that is closed ends the question: a behavior with `on: chat.closed` hears it";
        reader.error(at, "not_local", message);
        return None;
    }
    if WORDS.contains(&heard.event_type.as_str()) && heard.constraints.is_empty() && !has_when {
        let message =
            format!("every answer is a {name}: say which with `when`, or write {NO_MATCH}");
        reader.error(at, "missing_when", message);
        return None;
    }
    reader.local_types.insert(heard.event_type.clone());
    // Only the checking needs these.
    let (schema, sample, answer) = (Value::Null, Value::Null, Value::Null);
    Some(On::Event(Box::new(Heard { schema, sample, answer, ..heard })))
}
