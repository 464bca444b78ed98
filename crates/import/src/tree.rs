//! A behavior's tree as steps: switches, outcomes, loops, subroutines. Called by `behavior`.
//!
//! A subroutine shares the variables of who runs it. One that is short or used once stands where it is run; another one
//! becomes a behavior that is given all the variables and gives them back.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::actions;
use crate::conditions::{self, Demand};
use crate::document::{NodeDocument, NodeKind, Status, text_of};
use crate::field::as_expression;
use crate::refusal::NODE_DEPTH_MAX;
use crate::scope::{Scope, place, word};
use crate::twig::{self, Untranslatable};
use crate::write::Names as _;
use crate::yaml::{Step, Yaml, push_set};

/// Up to how many nodes a subroutine stands where it is run, if it is run more than once.
const INLINE_NODES_MAX: usize = 3;

/// The most branches of one `choose`.
const BRANCHES_MAX: usize = 100;

/// The most variables that a subroutine of its own is given.
const SHARED_MAX: usize = 90;

/// The translation of one behavior's tree.
pub(crate) struct Tree<'d, 'b> {
    pub(crate) scope: Scope<'b>,
    subroutines: Vec<&'d NodeDocument>,
    /// The subroutines that are behaviors of their own, in the order in which they were first run.
    called: Vec<&'d NodeDocument>,
    /// The subroutines that are being written out, innermost last.
    within: Vec<String>,
    /// The variables that this behavior's steps set.
    shared: Vec<String>,
    /// How deep steps nest, in levels of nodes.
    depth: usize,
    /// What is done before the run ends, so that whoever waits gets an answer.
    pub(crate) ending: Vec<Step>,
    seen: BTreeSet<String>,
    /// The titles of subroutines, as often as they are run.
    runs: Vec<String>,
    /// The kinds of the behavior's variables.
    pub(crate) kinds: crate::behavior::Kinds,
    /// Whether it changes what is sent of a mail in another way than what is kept of it.
    pub(crate) tells_bodies_apart: bool,
}

impl<'d, 'b> Tree<'d, 'b> {
    pub(crate) fn new(scope: Scope<'b>, nodes: &'d [NodeDocument], shared: Vec<String>) -> Self {
        let subroutines = nodes.iter().filter(|node| node.kind == NodeKind::Subroutine).collect();
        Self {
            scope,
            subroutines,
            called: Vec::new(),
            within: Vec::new(),
            shared,
            depth: 0,
            ending: Vec::new(),
            seen: BTreeSet::new(),
            runs: nodes.iter().flat_map(run_by).collect(),
            kinds: crate::behavior::Kinds::new(),
            tells_bodies_apart: nodes.iter().any(tells_bodies_apart),
        }
    }

    /// The steps of a list of nodes.
    pub(crate) fn nodes(&mut self, nodes: &'d [NodeDocument]) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut pending: Vec<String> = Vec::new();
        for node in nodes {
            if node.kind == NodeKind::Subroutine {
                continue;
            }
            match node.status {
                Status::Live => {}
                Status::Disabled | Status::Simulator => {
                    self.skip(node);
                    let word = if node.status == Status::Disabled {
                        "switched off"
                    } else {
                        "for the simulator only"
                    };
                    pending.push(format!("left out, as it is {word} in Cerb: {}", node.title));
                    continue;
                }
            }
            let mut own = self.node(node);
            let title = match node.kind {
                NodeKind::Action | NodeKind::Switch | NodeKind::Loop => node.title.trim(),
                NodeKind::Outcome | NodeKind::Subroutine => "",
            };
            let mut comments = std::mem::take(&mut pending);
            if !title.is_empty() {
                comments.push(title.to_owned());
            }
            match own.first_mut() {
                Some(first) => {
                    comments.append(&mut first.comments);
                    first.comments = comments;
                }
                None => pending = comments,
            }
            let ends = own.last().is_some_and(is_exit);
            steps.append(&mut own);
            if ends {
                self.skip_rest(nodes, node);
                break;
            }
        }
        if let (false, Some(last)) = (pending.is_empty(), steps.last_mut()) {
            last.comments.append(&mut pending);
        }
        steps
    }

    /// Nodes behind one that stops are never taken, in Cerb neither.
    fn skip_rest(&mut self, nodes: &'d [NodeDocument], after: &NodeDocument) {
        let behind = nodes.iter().skip_while(|node| node.path != after.path).skip(1);
        for node in behind.filter(|node| node.kind != NodeKind::Subroutine) {
            // They are looked at, so that the report tells of all of them.
            drop(self.node(node));
        }
    }

    /// Counts the nodes of a part that is left out.
    fn skip(&mut self, node: &NodeDocument) {
        self.count(node, true);
        for inner in &node.nodes {
            self.skip(inner);
        }
    }

    fn count(&mut self, node: &NodeDocument, is_translated: bool) {
        if self.seen.insert(node.path.clone()) {
            self.scope.report.nodes.add(is_translated);
        }
    }

    fn node(&mut self, node: &'d NodeDocument) -> Vec<Step> {
        let outer = std::mem::replace(&mut self.scope.path, node.path.clone());
        // A subroutine that stands in two places is told of once.
        let kept = self.seen.contains(&node.path).then(|| self.scope.report.clone());
        let steps = match node.kind {
            NodeKind::Action => {
                let marks = self.scope.report.actions.marked;
                let steps = actions::all(self, node);
                let is_translated = self.scope.report.actions.marked == marks;
                self.count(node, is_translated);
                steps
            }
            NodeKind::Switch => self.switch(node),
            NodeKind::Outcome => {
                let mut steps = Vec::new();
                self.choose(std::slice::from_ref(node), &mut steps);
                steps
            }
            NodeKind::Loop => self.repeat(node),
            NodeKind::Subroutine => Vec::new(),
        };
        if let Some(kept) = kept {
            *self.scope.report = kept;
        }
        self.scope.path = outer;
        steps
    }

    fn switch(&mut self, node: &'d NodeDocument) -> Vec<Step> {
        self.count(node, true);
        let mut steps = Vec::new();
        self.choose(&node.nodes, &mut steps);
        steps
    }

    /// Outcomes as branches: the first that holds is taken.
    fn choose(&mut self, outcomes: &'d [NodeDocument], steps: &mut Vec<Step>) {
        let mut branches: Vec<Yaml> = Vec::new();
        let mut otherwise: Option<Vec<Step>> = None;
        let mut left_out = Vec::new();
        for outcome in outcomes {
            if outcome.status != Status::Live {
                self.skip(outcome);
                left_out
                    .push(format!("left out, as it is switched off in Cerb: {}", outcome.title));
                continue;
            }
            if otherwise.is_some() || branches.len() >= BRANCHES_MAX {
                // Behind one that always holds nothing is taken.
                self.skip(outcome);
                continue;
            }
            let outer = std::mem::replace(&mut self.scope.path, outcome.path.clone());
            let demand = conditions::demand(&mut self.scope, outcome, steps);
            self.count(outcome, !matches!(demand, Demand::Marked { .. }));
            self.depth += 2;
            let mut inner = self.nodes(&outcome.nodes);
            self.depth -= 2;
            self.scope.path = outer;
            if inner.is_empty() {
                inner.push(nothing());
            }
            let when = match demand {
                Demand::Nothing => {
                    title(&mut inner, outcome);
                    otherwise = Some(inner);
                    continue;
                }
                Demand::Condition(when) => when,
                Demand::Marked { rest, comments, why } => {
                    let mut stop = Step::new(
                        "stop",
                        Yaml::Text(crate::write::text::plain(&format!("not translated: {why}"))),
                    );
                    stop.comments = comments;
                    inner = vec![stop];
                    match rest {
                        Some(when) => when,
                        None => {
                            title(&mut inner, outcome);
                            otherwise = Some(inner);
                            continue;
                        }
                    }
                }
            };
            title(&mut inner, outcome);
            branches.push(Yaml::Map(vec![
                ("when".to_owned(), when),
                ("do".to_owned(), Yaml::Steps(inner)),
            ]));
        }
        let before = steps.len();
        match (branches.is_empty(), otherwise) {
            (true, None) => {}
            (true, Some(mut inner)) => steps.append(&mut inner),
            (false, otherwise) => {
                let mut step = Step::new("choose", Yaml::List(branches));
                if let Some(inner) = otherwise {
                    step = step.with("else", Yaml::Steps(inner));
                }
                steps.push(step);
            }
        }
        if let Some(first) = steps.get_mut(before) {
            first.comments.append(&mut left_out);
        }
    }

    /// A loop: over a list, or, where the behavior itself takes from what is left, while something is left.
    fn repeat(&mut self, node: &'d NodeDocument) -> Vec<Step> {
        let mut steps = Vec::new();
        let name = text_of(node.params.get("as_placeholder")).unwrap_or_else(|| "item".to_owned());
        let source = text_of(node.params.get("foreach_json")).unwrap_or_default();
        let body_text = node.nodes.iter().map(said).collect::<String>();
        let list = match self.items(&source, &mut steps) {
            Ok(list) => list,
            Err(Untranslatable(why)) => {
                self.count(node, false);
                self.scope.mark(format!("the loop {:?}", node.title), why.clone());
                for inner in &node.nodes {
                    drop(self.node(inner));
                }
                return vec![marked(&format!("the loop {:?}: {why}", node.title), &source)];
            }
        };
        self.count(node, true);
        let uses = |suffix: &str| body_text.contains(&format!("{name}{suffix}"));
        if uses("__stack") || source.contains("\"*\"") || source.contains("'*'") {
            self.while_left(node, &name, &list, &mut steps);
            return steps;
        }
        let counter = place(&format!("{name}__counter"));
        let keys = place(&format!("{name}__keys"));
        let (with_counter, with_key) = (uses("__counter"), uses("__key"));
        let mut first = Vec::new();
        if with_key {
            let of = format!(
                "{{{{ ({list} | keys) if {list} is mapping else range({list} | default([], true) | length) }}}}"
            );
            push_set(&mut steps, &keys, Yaml::Text(of));
        }
        if with_counter || with_key {
            push_set(&mut steps, &counter, Yaml::Bare("0".to_owned()));
            push_set(&mut first, &counter, Yaml::Text(format!("{{{{ {counter} + 1 }}}}")));
        }
        if with_key {
            let key = format!("{{{{ {keys}[{counter} - 1] }}}}");
            push_set(&mut first, &place(&format!("{name}__key")), Yaml::Text(key));
        }
        let item = self.scope.loop_name(&name);
        let item = if self.scope.loops.iter().any(|(_, known)| *known == item) {
            format!("{item}_{}", self.scope.loops.len() + 1)
        } else {
            item
        };
        // Steps elsewhere may ask for the last item, too.
        push_set(&mut first, &place(&name), Yaml::Text(format!("{{{{ {item} }}}}")));
        let sets_item = self.shared_by_actions(&name, node);
        if !sets_item {
            self.scope.loops.push((name.clone(), item.clone()));
        }
        self.depth += 1;
        let mut body = self.nodes(&node.nodes);
        self.depth -= 1;
        if !sets_item {
            self.scope.loops.pop();
        }
        let mut whole = first;
        whole.append(&mut body);
        let repeat = vec![
            ("for".to_owned(), Yaml::Text(item)),
            ("in".to_owned(), Yaml::Text(format!("{list} | values"))),
            ("do".to_owned(), Yaml::Steps(whole)),
        ];
        steps.push(Step::new("repeat", Yaml::Map(repeat)));
        steps
    }

    /// What a loop walks through, kept in a place of its own.
    fn items(&mut self, source: &str, steps: &mut Vec<Step>) -> Result<String, Untranslatable> {
        let value = crate::field::as_json(&mut self.scope, source, steps);
        let value = match value {
            Ok(Yaml::Text(text)) if !twig::has_code(&text) => {
                let list = as_expression(&mut self.scope, source, steps)?;
                Yaml::Text(format!("{{{{ {} | parse_json([]) }}}}", list.operand()))
            }
            // What is no list has no turns.
            Ok(Yaml::Text(text)) => Yaml::Text(text.replace("parse_json('')", "parse_json([])")),
            Ok(value) => value,
            Err(why) => return Err(why),
        };
        let list = self.scope.fresh();
        push_set(steps, &list, value);
        Ok(list)
    }

    /// Whether a loop's body sets the loop's own item.
    fn shared_by_actions(&self, name: &str, node: &NodeDocument) -> bool {
        let mut set = BTreeSet::new();
        node.nodes.iter().for_each(|inner| crate::behavior::set_by(inner, &mut set));
        set.contains(name)
    }

    fn while_left(
        &mut self,
        node: &'d NodeDocument,
        name: &str,
        list: &str,
        steps: &mut Vec<Step>,
    ) {
        let stack = place(&format!("{name}__stack"));
        let (item, counter) = (place(name), place(&format!("{name}__counter")));
        push_set(steps, &stack, Yaml::Text(format!("{{{{ {list} | values }}}}")));
        push_set(steps, &counter, Yaml::Bare("0".to_owned()));
        let mut body = Vec::new();
        push_set(&mut body, &item, Yaml::Text(format!("{{{{ {stack} | first }}}}")));
        push_set(&mut body, &counter, Yaml::Text(format!("{{{{ {counter} + 1 }}}}")));
        // The element `*` is never used up: a loop without end, until the behavior empties what is left.
        push_set(
            &mut body,
            &stack,
            Yaml::Text(format!("{{{{ {stack} if {item} == '*' else {stack} | part(1) }}}}")),
        );
        self.depth += 1;
        let mut inner = self.nodes(&node.nodes);
        self.depth -= 1;
        body.append(&mut inner);
        let repeat = vec![
            ("while".to_owned(), Yaml::Text(format!("{stack} is not empty"))),
            ("do".to_owned(), Yaml::Steps(body)),
        ];
        steps.push(Step::new("repeat", Yaml::Map(repeat)));
    }

    /// Runs a subroutine.
    pub(crate) fn subroutine(
        &mut self,
        title: &str,
        steps: &mut Vec<Step>,
    ) -> Result<(), Untranslatable> {
        let wanted = title.trim();
        let found = self
            .subroutines
            .iter()
            .copied()
            .find(|node| node.title.trim().eq_ignore_ascii_case(wanted));
        let Some(node) = found else {
            return Err(Untranslatable::new(format!(
                "there is no subroutine {wanted:?} in this file"
            )));
        };
        if node.status != Status::Live {
            self.skip(node);
            return Ok(());
        }
        let recursive = self.within.contains(&node.path);
        let runs = self.runs_of(node);
        let small = nodes_in(node) <= INLINE_NODES_MAX || runs <= 1;
        let fits = self.depth + depth_of(node) <= NODE_DEPTH_MAX;
        let is_called = self.called.iter().any(|known| known.path == node.path);
        if recursive || !small || !fits || is_called || self.calls_itself(node) {
            self.call_subroutine(node, steps);
            return Ok(());
        }
        self.count(node, true);
        self.within.push(node.path.clone());
        self.depth += 1;
        let outer = std::mem::replace(&mut self.scope.path, node.path.clone());
        let mut inner = self.nodes(&node.nodes);
        self.scope.path = outer;
        self.depth -= 1;
        self.within.pop();
        if let Some(first) = inner.first_mut() {
            first.comments.insert(0, format!("subroutine: {}", node.title));
        }
        steps.append(&mut inner);
        Ok(())
    }

    fn call_subroutine(&mut self, node: &'d NodeDocument, steps: &mut Vec<Step>) {
        if !self.called.iter().any(|known| known.path == node.path) {
            self.called.push(node);
        }
        let shared: Vec<String> = self.shared.clone();
        let with = shared.iter().map(|name| {
            (word_of(name), Yaml::Text(format!("{{{{ {} }}}}", self.scope.lexical(name))))
        });
        let mut call = Step::new("call", Yaml::Text(self.subroutine_name(node)));
        if !shared.is_empty() {
            call = call
                .with("with", Yaml::Map(with.collect()))
                .with("into", Yaml::text("vars.shared"));
        }
        steps.push(call);
        for name in &shared {
            let back = format!("{{{{ vars.shared.{} }}}}", word_of(name));
            push_set(steps, &place(name), Yaml::Text(back));
        }
    }

    pub(crate) fn subroutine_name(&self, node: &NodeDocument) -> String {
        let name = format!("{}: {}", self.scope.title, node.title.trim());
        name.chars().filter(|c| !c.is_control()).take(150).collect()
    }

    /// How often a subroutine is run in this behavior.
    fn runs_of(&self, node: &NodeDocument) -> usize {
        let wanted = node.title.trim();
        self.runs.iter().filter(|title| title.trim().eq_ignore_ascii_case(wanted)).count()
    }

    fn calls_itself(&self, node: &NodeDocument) -> bool {
        let mut open = vec![node];
        let mut seen: Vec<&str> = Vec::new();
        while let Some(next) = open.pop() {
            for title in run_by(next) {
                if title.trim().eq_ignore_ascii_case(node.title.trim()) {
                    return true;
                }
                let inner = self
                    .subroutines
                    .iter()
                    .find(|known| known.title.trim().eq_ignore_ascii_case(title.trim()));
                if let Some(inner) = inner
                    && !seen.contains(&inner.path.as_str())
                {
                    seen.push(&inner.path);
                    open.push(inner);
                }
            }
        }
        false
    }

    /// The subroutines that are behaviors of their own, as name and steps. Writing one may find another.
    pub(crate) fn called_subroutines(&mut self) -> Vec<(String, Vec<String>, Vec<Step>)> {
        let mut written = Vec::new();
        let mut next = 0;
        while let Some(node) = self.called.get(next).copied() {
            next += 1;
            self.count(node, true);
            self.depth = 1;
            self.within = vec![node.path.clone()];
            self.scope.loops.clear();
            self.scope.path.clone_from(&node.path);
            let mut steps = self.nodes(&node.nodes);
            if !steps.last().is_some_and(is_exit) {
                push_set(&mut steps, "vars.result", Yaml::text("{{ vars }}"));
            }
            let shared = self.shared.iter().map(|name| word_of(name)).collect();
            written.push((self.subroutine_name(node), shared, steps));
        }
        self.within.clear();
        written
    }

    /// Counts the nodes of subroutines that nothing runs.
    pub(crate) fn unused_subroutines(&mut self) -> Vec<String> {
        let unused: Vec<&NodeDocument> = self
            .subroutines
            .iter()
            .copied()
            .filter(|node| !self.seen.contains(&node.path))
            .collect();
        for node in &unused {
            self.skip(node);
        }
        unused.iter().map(|node| node.title.clone()).collect()
    }
}

/// What a marked part becomes.
pub(crate) fn marked(why: &str, original: &str) -> Step {
    let text = format!("not translated: {}", why.replace('\n', " "));
    Step::new("stop", Yaml::Text(crate::write::text::plain(&text)))
        .told(format!("in Cerb: {original}"))
}

/// Whether a step ends the run because Cerb's behavior does: one that is marked has its steps behind it, to be mended.
pub(crate) fn is_exit(step: &Step) -> bool {
    matches!(step.fields.first(), Some((word, Yaml::Text(why))) if word == "stop" && !why.starts_with(MARKED))
}

/// How the reason of a marked step begins.
const MARKED: &str = "not translated: ";

/// A step that changes nothing, where a list needs one.
pub(crate) fn nothing() -> Step {
    Step::new("set", Yaml::Map(vec![("vars.nothing".to_owned(), Yaml::null())]))
}

fn title(steps: &mut [Step], outcome: &NodeDocument) {
    if let (Some(first), false) = (steps.first_mut(), outcome.title.trim().is_empty()) {
        first.comments.insert(0, outcome.title.trim().to_owned());
    }
}

fn word_of(name: &str) -> String {
    let word = word(name);
    if word == "result" { "result_".to_owned() } else { word }
}

fn nodes_in(node: &NodeDocument) -> usize {
    1 + node.nodes.iter().map(nodes_in).sum::<usize>()
}

fn depth_of(node: &NodeDocument) -> usize {
    1 + node.nodes.iter().map(depth_of).max().unwrap_or_default()
}

/// All that a node says, to look for names in it.
pub(crate) fn said(node: &NodeDocument) -> String {
    let mut text = Value::Object(node.params.clone()).to_string();
    node.nodes.iter().for_each(|inner| text.push_str(&said(inner)));
    text
}

/// Whether an action changes only what is sent of a mail, or only what is kept.
fn tells_bodies_apart(node: &NodeDocument) -> bool {
    let actions = node.params.get("actions").and_then(Value::as_array).into_iter().flatten();
    let mut modes = actions.filter_map(|action| {
        let mode = action.get("mode").or_else(|| action.get("replace_on"));
        mode.and_then(Value::as_str)
    });
    modes.any(|mode| mode == "sent" || mode == "saved") || node.nodes.iter().any(tells_bodies_apart)
}

/// The titles of the subroutines that a node runs.
fn run_by(node: &NodeDocument) -> Vec<String> {
    let actions = node.params.get("actions").and_then(Value::as_array).into_iter().flatten();
    let mut titles: Vec<String> = actions
        .filter(|action| action.get("action").and_then(Value::as_str) == Some("_run_subroutine"))
        .filter_map(|action| text_of(action.get("subroutine")))
        .collect();
    node.nodes.iter().for_each(|inner| titles.extend(run_by(inner)));
    titles
}

/// How many of the shared variables there may be.
pub(crate) fn bounded(mut shared: Vec<String>) -> Vec<String> {
    shared.truncate(SHARED_MAX);
    shared
}
