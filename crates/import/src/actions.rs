//! Cerb's actions as steps. Called by `tree` for every action node; a file for each group of actions.
//!
//! An action that has no counterpart becomes a `stop` that says so, with the action in a comment above it: the run ends
//! there with a clear reason, and never goes on as if it had been done.

mod answers;
mod calls;
mod chats;
mod forms;
mod mails;
mod records;
mod requests;
mod setters;
mod sheets;
mod variables;

pub(crate) use chats::is_prompt;

use serde_json::{Map, Value};

use crate::document::{NodeDocument, text_of, truth};
use crate::field;
use crate::tree::{Tree, marked};
use crate::twig::Untranslatable;
use crate::write::Piece;
use crate::yaml::{Step, Yaml};

/// What became of an action.
pub(crate) enum Done {
    /// It is done, and the next one follows.
    Next,
    /// What follows in its node is not taken.
    Last,
    /// This group does not know it.
    Unknown,
}

type Outcome = Result<Done, Untranslatable>;

/// An action, with where its steps go.
pub(crate) struct Action<'a, 't, 'd, 'b> {
    pub(crate) tree: &'t mut Tree<'d, 'b>,
    pub(crate) name: String,
    pub(crate) fields: &'a Map<String, Value>,
    pub(crate) steps: &'t mut Vec<Step>,
}

/// The steps of an action node.
pub(crate) fn all(tree: &mut Tree<'_, '_>, node: &NodeDocument) -> Vec<Step> {
    let mut steps = Vec::new();
    let empty = Vec::new();
    let actions = node.params.get("actions").and_then(Value::as_array).unwrap_or(&empty);
    let outer = tree.scope.path.clone();
    let mut is_over = false;
    for (index, value) in actions.iter().enumerate() {
        tree.scope.path = format!("{outer}.params.actions[{index}]");
        let nothing = Map::new();
        let fields = value.as_object().unwrap_or(&nothing);
        let name = text_of(fields.get("action")).unwrap_or_default();
        if is_over {
            // Cerb takes none of these; they are told of, and counted.
            tree.scope.report.actions.add(true);
            if let Some(last) = steps.last_mut() {
                told_behind(last, &name);
            }
            continue;
        }
        let mut own = std::mem::take(&mut steps);
        let kept = own.clone();
        let mut action = Action { tree, name: name.clone(), fields, steps: &mut own };
        let written = action.write();
        let is_before = tree.scope.event.style.is_before();
        let written = written.and_then(|done| {
            let new = own.get(kept.len()..).unwrap_or_default();
            match new.iter().find_map(not_while_before).filter(|_| is_before) {
                Some(word) => Err(refused(format!(
                    "while a mail is about to go or to come in, `{word}` cannot be done"
                ))),
                None => Ok(done),
            }
        });
        match written {
            Ok(done) => {
                tree.scope.report.actions.add(true);
                is_over = matches!(done, Done::Last);
                steps = own;
            }
            Err(Untranslatable(why)) => {
                tree.scope.report.actions.add(false);
                let what = format!("the action {name}");
                tree.scope.mark(what.clone(), why.clone());
                steps = kept;
                steps.push(marked(&format!("{what}: {why}"), &value.to_string()));
            }
        }
    }
    tree.scope.path = outer;
    steps
}

/// The steps that a behavior takes while something is about to happen: it decides, and nothing else happens by it.
const WHILE_BEFORE: [&str; 9] =
    ["choose", "repeat", "set", "call", "http", "find", "classify", "change", "refuse"];

/// The first step that cannot be taken while something is about to happen, in a step or below it.
fn not_while_before(step: &Step) -> Option<String> {
    let word = step.word();
    if word != "stop" && !WHILE_BEFORE.contains(&word) {
        return Some(word.to_owned());
    }
    step.fields.iter().find_map(|(_, value)| within(value))
}

fn within(value: &Yaml) -> Option<String> {
    match value {
        Yaml::Steps(steps) => steps.iter().find_map(not_while_before),
        Yaml::List(items) => items.iter().find_map(within),
        Yaml::Map(fields) => fields.iter().find_map(|(_, value)| within(value)),
        Yaml::Text(_) | Yaml::Bare(_) => None,
    }
}

fn told_behind(step: &mut Step, name: &str) {
    step.comments.push(format!("behind this Cerb's node has {name}, which is never taken"));
}

impl Action<'_, '_, '_, '_> {
    fn write(&mut self) -> Outcome {
        if truth(self.fields.get("is_simulator_only")) {
            return Ok(Done::Next);
        }
        let groups = [
            Self::variable,
            Self::chat,
            Self::form,
            Self::answer,
            Self::call,
            Self::request,
            Self::record,
            Self::mail,
            Self::setter,
        ];
        for group in groups {
            match group(self)? {
                Done::Unknown => {}
                done @ (Done::Next | Done::Last) => return Ok(done),
            }
        }
        Err(Untranslatable::new("no step of Tidings does this"))
    }

    fn field(&self, key: &str) -> Option<String> {
        text_of(self.fields.get(key))
    }

    /// A field that is something, or nothing.
    fn filled(&self, key: &str) -> Option<String> {
        self.field(key).filter(|text| !text.trim().is_empty())
    }

    fn text(&mut self, source: &str) -> Result<Yaml, Untranslatable> {
        field::as_text(&mut self.tree.scope, source, self.steps)
    }

    fn kept(&mut self, source: &str) -> Result<Yaml, Untranslatable> {
        field::as_kept(&mut self.tree.scope, source, self.steps)
    }

    fn expression(&mut self, source: &str) -> Result<Piece, Untranslatable> {
        field::as_expression(&mut self.tree.scope, source, self.steps)
    }

    fn json(&mut self, source: &str) -> Result<Yaml, Untranslatable> {
        field::as_json(&mut self.tree.scope, source, self.steps)
    }

    /// A point in time: one that is said from now on is reckoned when the step is taken.
    fn time(&mut self, source: &str) -> Result<Yaml, Untranslatable> {
        let source = source.trim();
        if source.is_empty() || source.bytes().all(|c| c.is_ascii_digit()) {
            return self.kept(source);
        }
        if source == "now" {
            return Ok(Yaml::text("{{ now }}"));
        }
        let said = self.expression(source)?;
        Ok(Yaml::Text(format!("{{{{ date({}) }}}}", said.as_str())))
    }

    fn set(&mut self, place: &str, value: Yaml) {
        crate::yaml::push_set(self.steps, place, value);
    }

    fn step(&mut self, step: Step) {
        self.steps.push(step);
    }

    fn note(&mut self, why: &str) {
        let what = format!("the action {}", self.name);
        self.tree.scope.note(what, why);
    }
}

fn refused(why: impl Into<String>) -> Untranslatable {
    Untranslatable::new(why)
}
