//! `call`: another behavior of the same bot, with variables of its own.
//!
//! The called one sees as `vars` what `with` gives and nothing else of the caller's; what it leaves in `vars.result` comes
//! back `into` a place of the caller. Session, client and chat are the same for both.

use serde_json::{Map, Value, json};

use super::{Action, Written};
use crate::nearest::nearest;
use crate::pattern::Pattern;
use crate::reader::{Fields, Reader};
use crate::run::{Frame, StopReason};
use crate::stage::{CALLER, Flow, Halt, Stage};
use crate::target::Target;
use crate::yaml::{Kind, Node};

/// How deep calls may nest.
pub(crate) const CALL_DEPTH_MAX: usize = 8;

/// The variable that a called behavior leaves for its caller.
const RESULT: &str = "result";

/// A call.
#[derive(Debug)]
pub(crate) struct Call {
    behavior: String,
    with: Vec<(String, Pattern)>,
    into: Option<Target>,
}

pub(super) fn read(reader: &mut Reader<'_>, written: Written<'_>) -> Option<Action> {
    let (fields, name_node) = match &written.value.kind {
        Kind::Map(_) => {
            let fields = reader.fields(written.value, "`call`", &["behavior", "with", "into"])?;
            (fields, reader.required(written.at, "`call`", fields, "behavior")?)
        }
        Kind::Scalar(_) | Kind::List(_) => (Fields::NONE, written.value),
    };
    let behavior = reader.plain(name_node, "a behavior's name")?;
    let key = |name: &str| fields.get(name).or_else(|| written.beside.get(name));
    let Some(inputs) = reader.callable.get(&behavior).cloned() else {
        let near = nearest(&behavior, reader.callable.keys().map(String::as_str));
        reader.unknown(
            name_node.at,
            "unknown_behavior",
            format!("this bot has no behavior {behavior:?}"),
            near,
        );
        return None;
    };
    let with = read_with(reader, key("with"), &behavior, &inputs, written)?;
    let into = match key("into") {
        Some(node) => {
            Some(reader.plain(node, "`into`").and_then(|text| reader.target(&text, node.at))?)
        }
        None => None,
    };
    Some(Action::Call(Call { behavior, with, into }))
}

fn read_with(
    reader: &mut Reader<'_>,
    node: Option<&Node>,
    behavior: &str,
    inputs: &[String],
    written: Written<'_>,
) -> Option<Vec<(String, Pattern)>> {
    let mut with = Vec::new();
    if let Some(node) = node {
        let Kind::Map(entries) = &node.kind else {
            reader.error(
                node.at,
                "wrong_kind",
                format!("`with` is a mapping of inputs to values, not {}", node.what()),
            );
            return None;
        };
        for entry in entries {
            if !inputs.contains(&entry.key) {
                let message =
                    format!("{behavior:?} has no input {:?}: name it in its `inputs`", entry.key);
                let near = nearest(&entry.key, inputs.iter().map(String::as_str));
                reader.unknown(entry.at, "unknown_input", message, near);
                return None;
            }
            with.push((entry.key.clone(), reader.pattern(&entry.value)?));
        }
    }
    for input in inputs {
        if !with.iter().any(|(given, _)| given == input) {
            reader.error(
                written.at,
                "missing_input",
                format!("{behavior:?} needs the input {input:?} in `with`"),
            );
            return None;
        }
    }
    Some(with)
}

impl Call {
    pub(super) fn take(&self, stage: &mut Stage<'_>) -> Result<Flow, Halt> {
        let mut given = Map::new();
        for (name, pattern) in &self.with {
            given.insert(name.clone(), stage.value(pattern)?);
        }
        stage.trace(json!({ "behavior": self.behavior, "with": given }));
        let depth =
            stage.run.frames.iter().filter(|frame| frame.state.contains_key(CALLER)).count();
        if depth >= CALL_DEPTH_MAX {
            return Err(Halt::new(
                StopReason::CallDepth,
                format!("calls nest deeper than {CALL_DEPTH_MAX}"),
            ));
        }
        let called =
            stage.bot.by_name.get(&self.behavior).and_then(|index| stage.bot.behaviors.get(*index));
        let Some(called) = called else {
            return Err(Halt::new(
                StopReason::Cancelled,
                format!("there is no behavior {:?}", self.behavior),
            ));
        };
        let steps = called.steps.clone();
        let variables = stage.swap_variables(given);
        let into = self.into.as_ref().map(ToString::to_string);
        let mut state = Map::new();
        state.insert(CALLER.to_owned(), json!({ "vars": variables, "into": into }));
        Ok(Flow::Enter(Frame { steps, next: 0, state }))
    }
}

/// At the end of a called behavior: the caller has its variables again, and the result.
pub(crate) fn come_back(stage: &mut Stage<'_>, caller: &Value) -> Result<(), Halt> {
    let variables = caller.get("vars").and_then(Value::as_object).cloned().unwrap_or_default();
    let mut left = stage.swap_variables(variables);
    let result = left.shift_remove(RESULT).unwrap_or_default();
    match caller.get("into").and_then(Value::as_str).and_then(|text| Target::parse(text).ok()) {
        Some(into) => stage.put(&into, result),
        None => Ok(()),
    }
}
