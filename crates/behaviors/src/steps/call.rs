//! `call`: another behavior, with variables of its own.
//!
//! The called one sees as `vars` what `with` gives and nothing else of the caller's; what it leaves in `vars.result` comes
//! back `into` a place of the caller. One of the same bot shares session, client and chat with its caller. One of another
//! bot (`bakery/price`) must be public there; it runs as that bot, in a run of its own, and the caller waits for it as for
//! anything that is done outside.

use serde_json::{Map, Value, json};
use tidings_model::BotName;

use super::{Action, Written, work};
use crate::bot::{Behavior, Bot, Status};
use crate::nearest::nearest;
use crate::parameter::Parameter;
use crate::pattern::Pattern;
use crate::reader::{Fields, Reader};
use crate::run::{Frame, StopReason};
use crate::stage::{CALLER, Flow, Halt, Stage};
use crate::target::Target;
use crate::work::Work;
use crate::yaml::{Kind, Node};

/// How deep calls may nest.
pub(crate) const CALL_DEPTH_MAX: usize = 8;

/// The type by which a behavior is called that is another bot's.
pub(crate) const CALLED: &str = "behavior.called";

/// The keys that stand beside the word.
pub(super) const BESIDE: [&str; 4] = ["with", "into", "timeout", "on_error"];

/// Those of them that are for calls of other bots only.
const OF_OTHERS: [&str; 2] = ["timeout", "on_error"];

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
            let keys = ["behavior", "with", "into", "timeout"];
            let fields = reader.fields(written.value, "`call`", &keys)?;
            (fields, reader.required(written.at, "`call`", fields, "behavior")?)
        }
        Kind::Scalar(_) | Kind::List(_) => (Fields::NONE, written.value),
    };
    let behavior = reader.plain(name_node, "a behavior's name")?;
    let key = |name: &str| fields.get(name).or_else(|| written.beside.get(name));
    let is_own = reader.callable.contains_key(&behavior);
    if let (false, Some((bot, public))) = (is_own, behavior.split_once('/')) {
        return read_remote(reader, written, name_node, (bot, public), fields);
    }
    for name in OF_OTHERS {
        if let Some(node) = key(name) {
            let message = format!("`{name}` is for calls of other bots, as `call: bakery/price`");
            reader.error(node.at, "not_of_others", message);
        }
    }
    let Some(callable) = reader.callable.get(&behavior).cloned() else {
        let near = nearest(&behavior, reader.callable.keys().map(String::as_str));
        reader.unknown(
            name_node.at,
            "unknown_behavior",
            format!("this bot has no behavior {behavior:?}"),
            near,
        );
        return None;
    };
    if callable.status != Status::Live {
        let message =
            format!("{behavior:?} is {}, so this call does nothing", callable.status.as_str());
        reader.warning(name_node.at, "call_of_off", message);
    }
    let with = read_with(reader, key("with"), &behavior, &callable.inputs, written)?;
    let into = match key("into") {
        Some(node) => {
            Some(reader.plain(node, "`into`").and_then(|text| reader.target(&text, node.at))?)
        }
        None => None,
    };
    Some(Action::Call(Call { behavior, with, into }))
}

/// A call of a behavior of another bot. What that bot has is not known here, so it is asked when it is called.
fn read_remote(
    reader: &mut Reader<'_>,
    written: Written<'_>,
    name_node: &Node,
    (bot, behavior): (&str, &str),
    fields: Fields<'_>,
) -> Option<Action> {
    if bot.parse::<BotName>().is_err() || behavior.is_empty() {
        let message = format!("\"{bot}/{behavior}\" names no behavior of a bot, as bakery/price");
        reader.error(name_node.at, "wrong_value", message);
        return None;
    }
    if let Some(before) = reader.heard.iter().find(|heard| heard.is_before()) {
        let message =
            format!("another bot is not called while {} is about to happen", before.event_type);
        reader.error(written.at, "not_while_before", message);
        return None;
    }
    let fixed = |name: &str, text: &str| (name.to_owned(), Pattern::Fixed(text.into()));
    let mut with = vec![fixed("bot", bot), fixed("behavior", behavior)];
    for name in ["with", "timeout"] {
        let Some(node) = fields.get(name).or_else(|| written.beside.get(name)) else { continue };
        if name == "with" && !matches!(node.kind, Kind::Map(_)) {
            let message = format!("`with` is a mapping of inputs to values, not {}", node.what());
            reader.error(node.at, "wrong_kind", message);
            return None;
        }
        with.push((name.to_owned(), reader.pattern(node)?));
    }
    let into = fields.get("into").or_else(|| written.beside.get("into"));
    work::ordered(reader, written, Work::Call, Pattern::Map(with), into)
}

fn read_with(
    reader: &mut Reader<'_>,
    node: Option<&Node>,
    behavior: &str,
    inputs: &[Parameter],
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
            let Some(input) = inputs.iter().find(|input| input.name == entry.key) else {
                let message =
                    format!("{behavior:?} has no input {:?}: name it in its `inputs`", entry.key);
                let near = nearest(&entry.key, inputs.iter().map(|input| input.name.as_str()));
                reader.unknown(entry.at, "unknown_input", message, near);
                return None;
            };
            let pattern = reader.pattern(&entry.value)?;
            if let Pattern::Fixed(value) = &pattern
                && let Err(wanted) = input.accept(Some(value.clone()))
            {
                let message = format!("{behavior:?} takes as {:?} {wanted}", input.name);
                reader.error(entry.value.at, "wrong_input", message);
                return None;
            }
            with.push((entry.key.clone(), pattern));
        }
    }
    for input in inputs {
        if input.default.is_none() && !with.iter().any(|(given, _)| *given == input.name) {
            reader.error(
                written.at,
                "missing_input",
                format!("{behavior:?} needs the input {:?} in `with`", input.name),
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
        if called.status != Status::Live {
            return Ok(Flow::Next);
        }
        let given = accept(called, given)?;
        let steps = called.steps.clone();
        let variables = stage.swap_variables(given);
        let into = self.into.as_ref().map(ToString::to_string);
        let mut state = Map::new();
        state.insert(
            CALLER.to_owned(),
            json!({ "vars": variables, "into": into, "behavior": called.name }),
        );
        Ok(Flow::Enter(Frame { steps, next: 0, state }))
    }
}

/// What the called behavior sees of what it was given.
pub(crate) fn accept(
    called: &Behavior,
    mut given: Map<String, Value>,
) -> Result<Map<String, Value>, Halt> {
    let mut accepted = Map::new();
    for input in &called.inputs {
        let value = input.accept(given.shift_remove(&input.name)).map_err(|wanted| {
            let message = format!("{:?} takes as {:?} {wanted}", called.name, input.name);
            Halt::new(StopReason::WrongValue, message)
        })?;
        accepted.insert(input.name.clone(), value);
    }
    Ok(accepted)
}

/// The caller has its variables again; gives those of the called behavior.
pub(crate) fn leave(stage: &mut Stage<'_>, caller: &Value) -> Map<String, Value> {
    let variables = caller.get("vars").and_then(Value::as_object).cloned().unwrap_or_default();
    stage.swap_variables(variables)
}

/// At the end of a called behavior: the caller has its variables again, and the result.
pub(crate) fn come_back(stage: &mut Stage<'_>, caller: &Value) -> Result<(), Halt> {
    let left = leave(stage, caller);
    let called = caller.get("behavior").and_then(Value::as_str).unwrap_or_default();
    let result = result(stage.bot, called, left)?;
    match caller.get("into").and_then(Value::as_str).and_then(|text| Target::parse(text).ok()) {
        Some(into) => stage.put(&into, result),
        None => Ok(()),
    }
}

/// What a called behavior leaves, as the kind that it names.
pub(crate) fn result(bot: &Bot, called: &str, mut left: Map<String, Value>) -> Result<Value, Halt> {
    let result = left.shift_remove(RESULT).unwrap_or_default();
    let behavior = bot.by_name.get(called).and_then(|index| bot.behaviors.get(*index));
    let Some(kind) = behavior.and_then(|behavior| behavior.result.as_ref()) else {
        return Ok(result);
    };
    kind.accept(result).map_err(|wanted| {
        let message = format!("what {called:?} leaves in `vars.{RESULT}` is to be {wanted}");
        Halt::new(StopReason::WrongValue, message)
    })
}
