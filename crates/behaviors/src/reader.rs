//! Reads parts of a bot's text (texts, values, conditions, lists of steps) and gathers what is wrong with them. Called by
//! `load` for each behavior and by every step for its own keys.
//!
//! A part that is wrong gives `None` and a problem, and reading goes on: one run of `tidings check` tells everything.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use serde_json::{Map, Value};
use tidings_model::TypeName;

use crate::bot::Status;
use crate::nearest::nearest;
use crate::parameter::Parameter;
use crate::pattern::{Pattern, Text, has_code, sole_expression};
use crate::problem::{Problem, Severity};
use crate::program::{List, Role, Step};
use crate::steps::{self, Written};
use crate::target::{Scope, Target};
use crate::template::{Expression, Fault, Mention, OUTPUT_BYTES_MAX, Templates, functions};
use crate::vocabulary::{Heard, Vocabulary};
use crate::yaml::{Entry, Kind, Node, Position};

/// The names that every template knows.
const ROOTS: [&str; 9] =
    ["event", "meta", "chat", "customer", "session", "client", "vars", "answer", "now"];

/// How many problems are told at once: more are not read.
pub(crate) const PROBLEMS_MAX: usize = 200;

/// The longest list of steps.
pub(crate) const STEPS_MAX: usize = 1_000;

/// Reads the parts of one bot.
pub(crate) struct Reader<'v> {
    pub(crate) vocabulary: &'v dyn Vocabulary,
    pub(crate) problems: Vec<Problem>,
    pub(crate) templates: Templates,
    pub(crate) lists: HashMap<String, Arc<List>>,
    /// Behaviors by name: what `call` may name.
    pub(crate) callable: HashMap<String, Callable>,
    /// The file that is read.
    pub(crate) file: String,
    /// What the behavior that is read hears.
    pub(crate) heard: Vec<Heard>,
    /// The names that the loops around give.
    pub(crate) loop_names: Vec<String>,
    /// Whether the behavior that is read is an aside.
    pub(crate) is_aside: bool,
    /// What questions handle themselves.
    pub(crate) local_types: HashSet<TypeName>,
}

/// What a `call` must know of the behavior that it names.
#[derive(Clone, Debug)]
pub(crate) struct Callable {
    /// What it is given.
    pub(crate) inputs: Vec<Parameter>,
    /// Whether it does something when it is called.
    pub(crate) status: Status,
}

/// The keys of a mapping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'n> {
    entries: &'n [Entry],
}

impl<'n> Fields<'n> {
    /// No keys.
    pub(crate) const NONE: Self = Self { entries: &[] };

    /// The value of a key.
    pub(crate) fn get(&self, name: &str) -> Option<&'n Node> {
        self.entries.iter().find(|entry| entry.key == name).map(|entry| &entry.value)
    }
}

impl<'v> Reader<'v> {
    pub(crate) fn new(vocabulary: &'v dyn Vocabulary) -> Self {
        Self {
            vocabulary,
            problems: Vec::new(),
            templates: Templates::new(),
            lists: HashMap::new(),
            callable: HashMap::new(),
            file: String::new(),
            heard: Vec::new(),
            loop_names: Vec::new(),
            is_aside: false,
            local_types: HashSet::new(),
        }
    }

    /// Notes something for which the bot is refused.
    pub(crate) fn error(&mut self, at: Position, code: &'static str, message: impl Into<String>) {
        self.problem(at, code, message.into(), None, Severity::Error);
    }

    /// Notes something that somebody should look at.
    pub(crate) fn warning(&mut self, at: Position, code: &'static str, message: impl Into<String>) {
        self.problem(at, code, message.into(), None, Severity::Warning);
    }

    /// Notes a wrong name.
    pub(crate) fn unknown(
        &mut self,
        at: Position,
        code: &'static str,
        message: String,
        nearest: Option<String>,
    ) {
        self.problem(at, code, message, nearest, Severity::Error);
    }

    fn problem(
        &mut self,
        at: Position,
        code: &'static str,
        message: String,
        nearest: Option<String>,
        severity: Severity,
    ) {
        if self.problems.len() < PROBLEMS_MAX {
            let file = self.file.clone();
            self.problems.push(Problem {
                file,
                line: at.line,
                column: at.column,
                code,
                message,
                nearest,
                severity,
            });
        }
    }

    /// The place of a step, for messages and traces.
    pub(crate) fn place(&self, at: Position) -> String {
        format!("{}:{}", self.file, at.line)
    }

    /// A mapping with these keys and no others.
    pub(crate) fn fields<'n>(
        &mut self,
        node: &'n Node,
        what: &str,
        known: &[&str],
    ) -> Option<Fields<'n>> {
        let Kind::Map(entries) = &node.kind else {
            let keys = known.join(", ");
            self.error(
                node.at,
                "wrong_kind",
                format!("{what} is a mapping ({keys}), not {}", node.what()),
            );
            return None;
        };
        for entry in entries {
            if !known.contains(&entry.key.as_str()) {
                let message =
                    format!("{what} has no key {:?}; it knows {}", entry.key, known.join(", "));
                self.unknown(
                    entry.at,
                    "unknown_key",
                    message,
                    nearest(&entry.key, known.iter().copied()),
                );
            }
        }
        Some(Fields { entries })
    }

    /// A key that must be there.
    pub(crate) fn required<'n>(
        &mut self,
        at: Position,
        what: &str,
        fields: Fields<'n>,
        name: &str,
    ) -> Option<&'n Node> {
        let node = fields.get(name);
        if node.is_none() {
            self.error(at, "missing_key", format!("{what} needs the key `{name}`"));
        }
        node
    }

    /// A plain word or sentence, without templates.
    pub(crate) fn plain(&mut self, node: &Node, what: &str) -> Option<String> {
        match node.scalar() {
            Some(scalar) if !scalar.text.is_empty() => Some(scalar.text.clone()),
            Some(_) | None => {
                self.error(node.at, "wrong_kind", format!("{what} is a text, not {}", node.what()));
                None
            }
        }
    }

    /// A list of plain words, or one.
    pub(crate) fn words<'n>(&mut self, node: &'n Node, what: &str) -> Vec<(String, Position)> {
        let items: &'n [Node] = match &node.kind {
            Kind::List(items) => items,
            Kind::Scalar(_) | Kind::Map(_) => std::slice::from_ref(node),
        };
        items.iter().filter_map(|item| self.plain(item, what).map(|word| (word, item.at))).collect()
    }

    /// A text with templates. A number or a truth is taken as it is written.
    pub(crate) fn text(&mut self, node: &Node, what: &str) -> Option<Text> {
        let Some(scalar) = node.scalar().filter(|_| !node.is_null()) else {
            self.error(node.at, "wrong_kind", format!("{what} is a text, not {}", node.what()));
            return None;
        };
        if !has_code(&scalar.text) {
            if scalar.text.len() > OUTPUT_BYTES_MAX {
                let message = format!("{what} has at most {OUTPUT_BYTES_MAX} bytes");
                self.error(node.at, "too_long", message);
                return None;
            }
            return Some(Text::Fixed(scalar.text.clone()));
        }
        let compiled = self.templates.text(&scalar.text);
        self.compiled(node, &scalar.text, compiled).map(Text::Template)
    }

    /// A list of texts, or one.
    pub(crate) fn texts(&mut self, node: &Node, what: &str) -> Vec<Text> {
        match &node.kind {
            Kind::List(items) => items.iter().filter_map(|item| self.text(item, what)).collect(),
            Kind::Scalar(_) | Kind::Map(_) => self.text(node, what).into_iter().collect(),
        }
    }

    /// A condition, or another expression, written without braces.
    pub(crate) fn expression(&mut self, node: &Node, what: &str) -> Option<Expression> {
        let Some(scalar) = node.scalar().filter(|_| !node.is_null()) else {
            self.error(
                node.at,
                "wrong_kind",
                format!("{what} is an expression, not {}", node.what()),
            );
            return None;
        };
        if scalar.text.trim_start().starts_with("{{") {
            self.error(
                node.at,
                "no_braces",
                format!("{what} is an expression already: write it without {{{{ }}}}"),
            );
            return None;
        }
        let compiled = self.templates.expression(&scalar.text);
        self.compiled(node, &scalar.text, compiled)
    }

    /// A value: as it stands, with templates in its strings.
    pub(crate) fn pattern(&mut self, node: &Node) -> Option<Pattern> {
        match &node.kind {
            Kind::Scalar(scalar) => {
                let value = scalar.value();
                let Value::String(text) = &value else { return Some(Pattern::Fixed(value)) };
                if !has_code(text) {
                    return Some(Pattern::Fixed(value));
                }
                if let Some(sole) = sole_expression(text)
                    && let Ok((expression, mentions)) = self.templates.expression(sole)
                {
                    let offset = text.find(sole).unwrap_or_default();
                    let moved = mentions
                        .into_iter()
                        .map(|mention| Mention { offset: mention.offset + offset, ..mention });
                    self.check_names(node, text, moved.collect());
                    return Some(Pattern::Expression(expression));
                }
                let compiled = self.templates.text(text);
                self.compiled(node, text, compiled).map(Pattern::Template)
            }
            Kind::List(items) => {
                let read: Vec<Pattern> =
                    items.iter().filter_map(|item| self.pattern(item)).collect();
                (read.len() == items.len()).then(|| Pattern::List(read).folded())
            }
            Kind::Map(entries) => {
                let read: Vec<(String, Pattern)> = entries
                    .iter()
                    .filter_map(|entry| {
                        self.pattern(&entry.value).map(|value| (entry.key.clone(), value))
                    })
                    .collect();
                (read.len() == entries.len()).then(|| Pattern::Map(read).folded())
            }
        }
    }

    /// A place for a value.
    pub(crate) fn target(&mut self, text: &str, at: Position) -> Option<Target> {
        let target =
            Target::parse(text).map_err(|message| self.error(at, "wrong_target", message)).ok()?;
        let before = self.heard.iter().find(|heard| heard.is_before());
        if let (Some(before), true) = (before, target.scope != Scope::Vars) {
            let message = format!(
                "{text} cannot be set while {} is about to happen: write vars.…",
                before.event_type
            );
            self.error(at, "not_while_before", message);
            return None;
        }
        Some(target)
    }

    /// A list of steps, kept under its path. Gives the path.
    pub(crate) fn list(&mut self, node: &Node, path: String, role: Role) -> Option<String> {
        let Kind::List(items) = &node.kind else {
            self.error(
                node.at,
                "wrong_kind",
                format!("steps are a list (each begins with `- `), not {}", node.what()),
            );
            return None;
        };
        if items.is_empty() {
            self.error(node.at, "no_steps", "a list of steps has at least one");
            return None;
        }
        if items.len() > STEPS_MAX {
            self.error(
                node.at,
                "too_many_steps",
                format!("a list has at most {STEPS_MAX} steps: use `call`"),
            );
            return None;
        }
        let mut read = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            read.extend(self.step(item, format!("{path}/{index}")));
        }
        steps::warn_of_unreachable(self, items, &read);
        self.lists.insert(path.clone(), Arc::new(List { steps: read, role }));
        Some(path)
    }

    fn step(&mut self, node: &Node, path: String) -> Option<Step> {
        let entries: &[Entry] = match &node.kind {
            Kind::Map(entries) => entries,
            Kind::Scalar(scalar) => {
                // `- stop` is short for `- stop:`.
                let bare = [Entry {
                    key: scalar.text.clone(),
                    at: node.at,
                    value: Node {
                        kind: Kind::Scalar(crate::yaml::Scalar {
                            text: String::new(),
                            style: crate::yaml::Style::Plain,
                        }),
                        at: node.at,
                    },
                }];
                return self.step_of(&bare, node.at, path);
            }
            Kind::List(_) => {
                self.error(
                    node.at,
                    "wrong_kind",
                    "a step is a mapping, as `say: Hello`, not a list",
                );
                return None;
            }
        };
        self.step_of(entries, node.at, path)
    }

    fn step_of(&mut self, entries: &[Entry], at: Position, path: String) -> Option<Step> {
        let (word, entry) = steps::find_word(self, entries, at)?;
        steps::warn_of_before(self, word, at);
        for other in entries {
            if other.key == entry.key || word.siblings.contains(&other.key.as_str()) {
                continue;
            }
            if steps::is_word(&other.key) {
                let message =
                    format!("`{}` is another step: begin a new line with `- `", other.key);
                self.error(other.at, "two_steps", message);
            } else {
                let message = format!("`{}` has no key {:?} beside it", word.name, other.key);
                let near = nearest(&other.key, word.siblings.iter().copied());
                self.unknown(other.at, "unknown_key", message, near);
            }
        }
        let written =
            Written { value: &entry.value, at: entry.at, beside: Fields { entries }, path: &path };
        let action = (word.read)(self, written)?;
        Some(Step { place: self.place(at), word: word.name, action })
    }

    fn compiled<T>(
        &mut self,
        node: &Node,
        source: &str,
        outcome: Result<(T, Vec<Mention>), Fault>,
    ) -> Option<T> {
        match outcome {
            Ok((compiled, mentions)) => {
                self.check_names(node, source, mentions);
                Some(compiled)
            }
            Err(fault) => {
                let at = node.position_of(fault.line, fault.column);
                self.error(at, "bad_template", fault.message);
                None
            }
        }
    }

    fn check_names(&mut self, node: &Node, source: &str, mentions: Vec<Mention>) {
        for mention in mentions {
            let (line, column) = crate::template::line_and_column(source, mention.offset);
            let at = node.position_of(line, column);
            let root = mention.root.as_str();
            let from_loop = self.loop_names.iter().any(|name| name == root);
            let is_function = functions().any(|function| function == root);
            if !from_loop && !ROOTS.contains(&root) && !is_function {
                let known = ROOTS.iter().copied().chain(self.loop_names.iter().map(String::as_str));
                let near = nearest(root, known);
                let message =
                    format!("there is no {root:?} here; a template knows {}", ROOTS.join(", "));
                self.unknown(at, "unknown_name", message, near);
            } else if root == "event"
                && !from_loop
                && let Some(field) = &mention.field
            {
                self.check_event_field(at, field);
            }
        }
    }

    /// A field of `event` that no heard type has is a slip of the pen.
    fn check_event_field(&mut self, at: Position, field: &str) {
        let mut known = Vec::new();
        for heard in &self.heard {
            // A type that does not say what it has may have anything.
            let Some(properties) = heard.schema.get("properties").and_then(Value::as_object) else {
                return;
            };
            known.extend(properties.keys().map(String::as_str));
        }
        if self.heard.is_empty() || known.contains(&field) {
            return;
        }
        known.sort_unstable();
        known.dedup();
        let types: Vec<&str> = self.heard.iter().map(|heard| heard.event_type.as_str()).collect();
        let message =
            format!("{} has no field {field:?}; it has {}", types.join(", "), known.join(", "));
        let near = nearest(field, known.iter().copied());
        self.unknown(at, "unknown_field", message, near);
    }
}

impl Pattern {
    /// A list or mapping without templates is one fixed value.
    fn folded(self) -> Self {
        match self {
            Self::List(items) => {
                if !items.iter().all(|item| matches!(item, Self::Fixed(_))) {
                    return Self::List(items);
                }
                let values = items.into_iter().filter_map(Self::into_fixed).collect();
                Self::Fixed(Value::Array(values))
            }
            Self::Map(entries) => {
                if !entries.iter().all(|(_, value)| matches!(value, Self::Fixed(_))) {
                    return Self::Map(entries);
                }
                let values = entries
                    .into_iter()
                    .filter_map(|(key, value)| value.into_fixed().map(|value| (key, value)));
                Self::Fixed(Value::Object(values.collect::<Map<_, _>>()))
            }
            other @ (Self::Fixed(_) | Self::Expression(_) | Self::Template(_)) => other,
        }
    }

    fn into_fixed(self) -> Option<Value> {
        match self {
            Self::Fixed(value) => Some(value),
            Self::Expression(_) | Self::Template(_) | Self::List(_) | Self::Map(_) => None,
        }
    }
}
