//! `repeat`: for each item of a list, so many times, or while something holds.
//!
//! A loop's list is taken once, when the loop begins, and kept in the run's frame with the turn: a run that waits inside
//! goes on with the same item, whatever became of the list meanwhile.

use serde_json::{Map, Value, json};

use super::{Action, Written};
use crate::condition::{self, Condition};
use crate::pattern::Pattern;
use crate::program::Role;
use crate::reader::Reader;
use crate::run::{Frame, StopReason};
use crate::stage::{Flow, Halt, ITEM_NAME, ITEMS, Stage, TURN};
use crate::template::Expression;
use crate::yaml::{Kind, Node};

/// How often one loop turns.
pub(crate) const LOOP_TURNS_MAX: u64 = 10_000;

/// The key under which the frame of a counted loop keeps how often it turns.
const TIMES: &str = "times";

/// A loop's first step.
#[derive(Debug)]
pub(crate) struct Repeat {
    over: Over,
    steps: String,
}

/// What a loop goes by.
#[derive(Debug)]
enum Over {
    Items { name: String, items: Items },
    Times(Pattern),
    While(Loop),
}

#[derive(Debug)]
enum Items {
    Expression(Expression),
    Pattern(Pattern),
}

/// What decides, at the end of a turn, whether there is another.
#[derive(Clone, Debug)]
pub(crate) enum Loop {
    /// The frame: it has a number of turns.
    Counted,
    /// A condition.
    While {
        condition: Condition,
        /// Where the loop stands.
        place: String,
    },
}

pub(super) fn read(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    let node = written.value;
    let fields = reader.fields(node, "`repeat`", &["for", "in", "times", "while", "do"])?;
    let kinds =
        ["for", "times", "while"].into_iter().filter(|key| fields.get(key).is_some()).count();
    if kinds != 1 || (fields.get("in").is_some() != fields.get("for").is_some()) {
        reader.error(node.at, "wrong_kind", "`repeat` has `for` with `in`, or `times`, or `while`");
        return None;
    }
    let mut turning = Loop::Counted;
    let mut name = None;
    let over = if let (Some(for_node), Some(in_node)) = (fields.get("for"), fields.get("in")) {
        name = Some(read_name(reader, for_node)?);
        let items = read_items(reader, in_node)?;
        Over::Items { name: name.clone()?, items }
    } else if let Some(times) = fields.get("times") {
        Over::Times(reader.pattern(times)?)
    } else {
        let condition = condition::read(reader, fields.get("while")?, "`while`")?;
        turning = Loop::While { condition, place: reader.place(written.at) };
        Over::While(turning.clone())
    };
    let body = reader.required(node.at, "`repeat`", fields, "do")?;
    let depth = reader.loop_names.len();
    reader.loop_names.extend(name);
    let steps = reader.list(body, format!("{}/repeat/do", written.path), Role::Loop(turning));
    reader.loop_names.truncate(depth);
    Some(Action::Repeat(Repeat { over, steps: steps? }))
}

fn read_name(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let name = reader.plain(node, "`for`")?;
    let good = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let taken = [
        "event", "meta", "chat", "customer", "session", "client", "vars", "answer", "now", "loop",
        "range",
    ];
    if good && !taken.contains(&name.as_str()) {
        return Some(name);
    }
    let message = format!(
        "{name:?} cannot be the name of an item: letters, digits and _, and not a name that is taken"
    );
    reader.error(node.at, "wrong_name", message);
    None
}

fn read_items(reader: &mut Reader<'_>, node: &Node) -> Option<Items> {
    match &node.kind {
        Kind::List(_) => reader.pattern(node).map(Items::Pattern),
        Kind::Scalar(_) | Kind::Map(_) => reader.expression(node, "`in`").map(Items::Expression),
    }
}

impl Repeat {
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let mut state = Map::new();
        state.insert(TURN.to_owned(), json!(0));
        let turns = match &self.over {
            Over::While(turning) => {
                return Ok(if holds(turning, stage)? { self.enter(state) } else { Flow::Next });
            }
            Over::Times(pattern) => {
                let value = stage.value(pattern)?;
                times(&value)
                    .ok_or_else(|| failed(format!("`times` is a whole number, not {value}")))?
            }
            Over::Items { name, items } => {
                let value = items.value(stage)?;
                let items = match value {
                    Value::Array(items) => items,
                    Value::Null => Vec::new(),
                    other @ (Value::Bool(_)
                    | Value::Number(_)
                    | Value::String(_)
                    | Value::Object(_)) => {
                        return Err(failed(format!("`in` gives a list, not {other}")));
                    }
                };
                let turns = items.len() as u64;
                state.insert(ITEM_NAME.to_owned(), json!(name));
                state.insert(ITEMS.to_owned(), Value::Array(items));
                turns
            }
        };
        stage.trace(json!({ "turns": turns }));
        if turns > LOOP_TURNS_MAX {
            return Err(too_often());
        }
        state.insert(TIMES.to_owned(), json!(turns));
        Ok(if turns == 0 { Flow::Next } else { self.enter(state) })
    }

    fn enter(&self, state: Map<String, Value>) -> Flow {
        Flow::Enter(Frame { steps: self.steps.clone(), next: 0, state })
    }
}

impl Items {
    fn value(&self, stage: &mut Stage<'_>) -> Result<Value, Halt> {
        match self {
            Self::Pattern(pattern) => stage.value(pattern),
            Self::Expression(expression) => {
                let value = stage.evaluate(expression)?;
                Ok(crate::template::to_json(&value)?)
            }
        }
    }
}

/// A whole number that is not negative; a customer's `3` as text is one.
fn times(value: &Value) -> Option<u64> {
    let text = value.as_str().and_then(|text| text.trim().parse().ok());
    let float =
        value.as_f64().filter(|number| number.fract() == 0.0 && (0.0..=1e9).contains(number));
    value.as_u64().or(text).or(float.map(|number| number as u64))
}

/// At the end of a loop's steps: begins the next turn, or says that there is none.
pub(crate) fn turn_again(turning: &Loop, stage: &mut Stage<'_>) -> Result<bool, Halt> {
    let Some(frame) = stage.run.frames.last_mut() else { return Ok(false) };
    let turn = frame.state.get(TURN).and_then(Value::as_u64).unwrap_or_default() + 1;
    let times = frame.state.get(TIMES).and_then(Value::as_u64).unwrap_or_default();
    frame.state.insert(TURN.to_owned(), json!(turn));
    frame.next = 0;
    match turning {
        Loop::Counted => Ok(turn < times),
        Loop::While { place, .. } => {
            stage.place.clone_from(place);
            stage.word = "repeat";
            if turn >= LOOP_TURNS_MAX {
                return Err(too_often());
            }
            holds(turning, stage)
        }
    }
}

fn holds(turning: &Loop, stage: &mut Stage<'_>) -> Result<bool, Halt> {
    let Loop::While { condition, .. } = turning else { return Ok(false) };
    let (holds, seen) = condition.holds(stage)?;
    stage.trace(json!({ "while": condition.shown(), "value": seen }));
    Ok(holds)
}

fn too_often() -> Halt {
    Halt::new(StopReason::LoopLimit, format!("a loop turns at most {LOOP_TURNS_MAX} times"))
}

fn failed(message: String) -> Halt {
    Halt::new(StopReason::TemplateFailed, message)
}
